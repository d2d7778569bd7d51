"""Signs the mark of a registration, and reads one back: enough to judge it offline. Imports nothing a client lacks."""

import base64
import json
from collections.abc import Collection
from hashlib import sha256
from typing import Final

from pydantic import ValidationError

from shared.contracts.marks import MARK_TYPE, Mark
from shared.signing import BadSignature, KeyRing, Signer, canonical, unique

MOST_NAMES: Final = 10
LONGEST_NAMES: Final = 300
"""Characters of all names together: with more, the code could not be read from a screen."""
LONGEST_OPERATOR: Final = 100
LONGEST: Final = 4_000
"""Characters of a token; ours are shorter."""


def sign(mark: Mark, signer: Signer) -> str:
    """The mark as compact JWS, short enough for a QR code."""
    return signer.sign(canonical(mark.model_dump(mode="json", exclude_none=True)), MARK_TYPE)


def read(token: str | bytes, keys: KeyRing) -> tuple[Mark, str]:
    """Verify a mark and give what it says, and the key that made it. Raises BadSignature.

    Besides what ``KeyRing.verify`` refuses: ``malformed`` for what is no mark, ``wrong_issuer`` where the key belongs,
    as the set of keys says, to another organisation than the one that the mark names.
    """
    verified = keys.verify(token, MARK_TYPE)
    try:
        mark = Mark.model_validate(json.loads(verified.payload, object_pairs_hook=unique))
    except (ValidationError, ValueError, RecursionError) as wrong:
        raise BadSignature("malformed", "what was signed is no mark of ours") from wrong
    if verified.owner != mark.issuer:
        reason = f"key {verified.kid!r:.100} belongs to {verified.owner!r:.100}, not to {mark.issuer!r:.100}"
        raise BadSignature("wrong_issuer", reason)
    return mark, verified.kid


def content(token: str) -> Mark:
    """What a mark of our own says; nothing is verified."""
    payload = token.split(".")[1]
    return Mark.model_validate_json(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))


def shortened(names: Collection[str]) -> tuple[tuple[str, ...], str | None]:
    """The names as a mark has them: all of them in order, or their digest where they are too many."""
    ordered = tuple(sorted(set(names)))
    if len(ordered) <= MOST_NAMES and sum(map(len, ordered)) <= LONGEST_NAMES:
        return ordered, None
    return (), sha256("\n".join(ordered).encode()).hexdigest()


def names_it(mark: Mark, host: str) -> bool | None:
    """Whether a host name (A-labels) lies under a name of the mark; None where it has a digest alone."""
    if mark.digest is not None:
        return None
    return any(f".{host}".endswith(f".{name}") for name in mark.names)
