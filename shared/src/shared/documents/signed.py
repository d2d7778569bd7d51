"""Signs an issued document once, and reads one back: enough to judge it offline. Imports nothing a client lacks."""

import base64
import json
import re
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Final
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import ValidationError

from shared.contracts.documents import DOCUMENT_TYPE, IssuedDocument
from shared.signing import BadSignature, KeyRing, Signer, canonical, unique

_KEYWORDS: Final = re.compile(rb"/Keywords \(([A-Za-z0-9_.\\\r\n-]{1,400000})\)")


class Standing(StrEnum):
    """What the days that stand in a document say. Whether it was ended meanwhile, only its issuer knows."""

    NOT_YET = "not_yet"
    VALID = "valid"
    OVER = "over"


@dataclass(frozen=True, slots=True)
class Read:
    """A document whose signature holds, and the key that made it."""

    document: IssuedDocument
    kid: str


def sign(document: IssuedDocument, signer: Signer) -> str:
    """The document as compact JWS. Whoever issues it keeps these bytes; nobody makes them a second time."""
    return signer.sign(canonical(document.model_dump(mode="json")), DOCUMENT_TYPE)


def read(jws: str | bytes, keys: KeyRing) -> Read:
    """Verify a document and give what it says. Raises BadSignature.

    Besides what ``KeyRing.verify`` refuses: ``malformed`` for what is no such document, ``wrong_issuer`` where the key
    belongs, as the set of keys says, to another organisation than the one that the document names.
    """
    verified = keys.verify(jws, DOCUMENT_TYPE)
    try:
        document = IssuedDocument.model_validate(json.loads(verified.payload, object_pairs_hook=unique))
    except (ValidationError, ValueError, RecursionError) as wrong:
        raise BadSignature("malformed", "what was signed is no document of ours") from wrong
    if verified.owner != document.issuer.id:
        reason = f"key {verified.kid!r:.100} belongs to {verified.owner!r:.100}, not to {document.issuer.id!r:.100}"
        raise BadSignature("wrong_issuer", reason)
    return Read(document, verified.kid)


def content(jws: str) -> IssuedDocument:
    """What a document of our own says; nothing is verified."""
    payload = jws.split(".")[1]
    return IssuedDocument.model_validate_json(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))


def embedded(page: bytes) -> str | None:
    """The compact JWS that a page we rendered carries in its keywords; None if there is none."""
    found = _KEYWORDS.search(page)
    return found[1].translate(None, b"\\\r\n").decode() if found else None


def standing(document: IssuedDocument, at: datetime) -> Standing:
    """What its days say at this time; days begin and end in its own time zone. Raises BadSignature for no such zone."""
    try:
        day = at.astimezone(ZoneInfo(document.time_zone)).date()
    except (ZoneInfoNotFoundError, ValueError, OSError) as wrong:
        raise BadSignature("malformed", f"{document.time_zone!r:.60} is no time zone") from wrong
    if day < document.valid_from:
        return Standing.NOT_YET
    return Standing.OVER if document.valid_until is not None and day > document.valid_until else Standing.VALID
