"""``concord verify``: whether a document that somebody holds is what its issuer signed. Nothing is asked of anybody."""

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

import typer

from concord.cli.output import AsJson, File, failed, show
from concord.exits import Exit
from concord.files import BadFile, json_object, name_of, read
from shared.documents import signed
from shared.documents.signed import Standing
from shared.signing import BadSignature, KeyRing

STANDS = {
    Standing.VALID: "the signature holds, and today is one of its days",
    Standing.NOT_YET: "the signature holds, and its first day has not come",
    Standing.OVER: "the signature holds, and its last day is over",
}
NO_KEYS = "holds no key that documents are signed with: `/.well-known/jwks.json` of the department that issued it"


def verify(
    file: File,
    keys: Annotated[
        Path, typer.Option(help="The published keys (JWK set), from an address you know to be the issuer's.")
    ],
    as_json: AsJson = False,
) -> None:
    """Verify an issued document offline: its compact JWS, the JSON that has it, or its page (PDF).

    Exits 0 if the signature is the issuer's and today is one of its days, 5 if not. Whether it was ended meanwhile no
    signature can say: ask at `status_at`.
    """
    try:
        ring = KeyRing(json_object(keys))
    except (ValueError, TypeError, AttributeError, KeyError) as wrong:
        raise BadFile(f"{name_of(keys)}: is no JWK set: {wrong}") from wrong
    if not ring.kids:
        raise BadFile(f"{name_of(keys)}: {NO_KEYS}")
    answer = verified(_jws_in(file), ring)
    if not as_json and not answer["valid"]:
        failed(f"not valid ({answer['code']}): {answer['why']}")
    show(answer, as_json=as_json)
    if not answer["valid"]:
        raise typer.Exit(Exit.FAILED)


def verified(jws: str, ring: KeyRing) -> dict[str, Any]:
    """Whose a document is, what it says, and whether it is valid today; or why it must not be believed."""
    try:
        found = signed.read(jws, ring)
        stands = signed.standing(found.document, datetime.now(UTC))
    except BadSignature as wrong:
        return {"valid": False, "code": wrong.code, "why": wrong.reason}
    said = found.document.model_dump(mode="json")
    shown = ("kind", "number", "holder", "scope", "covers", "valid_from", "valid_until", "issuer", "edition")
    return {
        "valid": stands is Standing.VALID,
        "code": str(stands),
        "why": STANDS[stands],
        **{name: said[name] for name in shown},
        "issued_at": said["issued_at"],
        "key": found.kid,
        "status_at": said["status_at"],
    }


def _jws_in(file: Path) -> str:
    """The compact JWS that a file is, or holds. Raises BadFile."""
    content = read(file)
    if content.startswith(b"%PDF-"):
        jws = signed.embedded(content)
        if jws is None:
            raise BadFile(f"{name_of(file)}: this page carries no signed document")
        return jws
    try:
        text = content.decode("utf-8-sig").strip()
    except UnicodeDecodeError as wrong:
        raise BadFile(f"{name_of(file)}: is neither a page (PDF) nor text in UTF-8") from wrong
    if not text.startswith("{"):
        return text
    try:
        found = json.loads(text)["jws"]
    except (ValueError, KeyError, RecursionError) as wrong:
        raise BadFile(f"{name_of(file)}: is no JSON with a member `jws`") from wrong
    if not isinstance(found, str):
        raise BadFile(f"{name_of(file)}: its member `jws` is no text")
    return found
