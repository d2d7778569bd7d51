"""``concord verify``: whether a document, a mark or an answer is what its issuer signed. Nobody is asked."""

import json
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

import typer

from concord.cli.output import AsJson, failed, show
from concord.conformance import CONFORMANCE_TYPE
from concord.exits import Exit
from concord.files import BadFile, json_object, key_set, name_of, read
from concord.sdk import BadArgument
from concord.sdk.proofs import Papers, proven
from shared.contracts.marks import MARK_TYPE
from shared.contracts.preflights import PREFLIGHT_TYPE
from shared.documents import marks, preflights, signed
from shared.documents.signed import Standing
from shared.rules.identifiers import InvalidIdentifier, normalise_domain
from shared.signing import BadSignature, KeyRing, read_header, unique

STANDS = {
    Standing.VALID: "the signature holds, and today is one of its days",
    Standing.NOT_YET: "the signature holds, and its first day has not come",
    Standing.OVER: "the signature holds, and its last day is over",
}
MARK_HOLDS = "the signature holds; whether the number is still in force, its address says"
MANY_NAMES = "the signature holds; the mark has a digest of its many names, so only its address says whose it is"
OTHER_SITE = "the signature holds, and the mark is of another site"
MOST_PAPERS = 3
COUNTER = ("counter_receipt", "jws")
"""What the JSON calls a counter-receipt: beside its batch, or alone."""
ANSWER_HOLDS = "the signature holds, and so does the answer, for the provider that asked"
ANSWER_OVER = "the signature holds; the time is over for which the answer did"
PASSED = "the signature holds, and none of the checks it lists failed"
NOT_PASSED = "the signature holds, and a check that it lists failed"
UNKNOWN_SIGNER = "without --sign-with a pass is signed by a key made for the run, and nobody knows whose that is"
NO_KEYS = "holds no key that documents are signed with: `/.well-known/jwks.json` of the department that issued it"


def verify(
    files: Annotated[
        list[Path],
        typer.Argument(help="A document or mark; or an order, its receipts and the counter-receipt.", metavar="FILE…"),
    ],
    keys: Annotated[
        Path, typer.Option(help="The published keys (JWK set), from an address you know to be the issuer's.")
    ],
    host: Annotated[str | None, typer.Option(help="The site that shows a mark: is the mark about it?")] = None,
    provider_keys: Annotated[
        Path | None, typer.Option(help="With an order: the provider's keys, from its `/providers/{id}/jwks.json`.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Verify an issued document offline: its compact JWS, the JSON that has it, or its page (PDF). Or a site's mark:
    its token, or the address that its QR code says; what the register answered a provider before it connected; or the
    pass of a conformance run, with the public key of whoever ran it.

    Exits 0 if the signature is the issuer's and today is one of its days, 5 if not; a mark has no days, and with --host
    must name that site. Whether it was ended meanwhile no signature says: ask at `status_at`, or the mark's address.

    An order and what its provider signed about it are verified together: ORDER RECEIPTS [COUNTER], each a JWS, or the
    JSON that has it; the JSON of a batch has its counter-receipt too.
    """
    if len(files) > 1:
        _together(files, keys, provider_keys, as_json=as_json)
        return
    (file,) = files
    try:
        ring = KeyRing(key_set(keys))
    except (ValueError, TypeError, AttributeError, KeyError) as wrong:
        raise BadFile(f"{name_of(keys)}: is no JWK set: {wrong}") from wrong
    if not ring.kids:
        raise BadFile(f"{name_of(keys)}: {NO_KEYS}")
    answer = verified(_jws_in(file), ring, _name(host))
    if not as_json and not answer["valid"]:
        failed(f"not valid ({answer['code']}): {answer['why']}")
    show(answer, as_json=as_json)
    if not answer["valid"]:
        raise typer.Exit(Exit.FAILED)


def _either(names: Sequence[str]) -> str:
    return " or ".join(f"`{name}`" for name in names)


def verified(jws: str, ring: KeyRing, host: str | None = None) -> dict[str, Any]:
    """Whose a document is, what it says, and whether it is valid today; or why it must not be believed."""
    try:
        kind = read_header(jws).get("typ")
        if kind == MARK_TYPE:
            return _mark(jws, ring, host)
        if kind == PREFLIGHT_TYPE:
            return _preflight(jws, ring)
        if kind == CONFORMANCE_TYPE:
            return _pass(jws, ring)
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


def _mark(token: str, ring: KeyRing, host: str | None) -> dict[str, Any]:
    """What a mark says. Raises BadSignature."""
    mark, kid = marks.read(token, ring)
    said = mark.model_dump(mode="json", exclude_none=True)
    code, why = "signed", MARK_HOLDS
    if host is not None and not (named := marks.names_it(mark, host)):
        code, why = ("many_names", MANY_NAMES) if named is None else ("other_site", OTHER_SITE)
    return {"valid": code == "signed", "code": code, "why": why, "kind": "mark", **said, "key": kid}


def _preflight(jws: str, ring: KeyRing) -> dict[str, Any]:
    """What the register answered a provider, and whether that holds still. Raises BadSignature."""
    answer, kid = preflights.read(jws, ring)
    holds = preflights.holds(answer, datetime.now(UTC))
    code, why = ("signed", ANSWER_HOLDS) if holds else ("over", ANSWER_OVER)
    said = answer.model_dump(mode="json", exclude_none=True)
    return {"valid": holds, "code": code, "why": why, "kind": "preflight", **said, "key": kid}


def _pass(jws: str, ring: KeyRing) -> dict[str, Any]:
    """What a conformance pass says: of which checks, and whether one failed. Raises BadSignature."""
    try:
        found = ring.verify(jws, CONFORMANCE_TYPE)
    except BadSignature as wrong:
        if wrong.code == "unknown_kid":
            raise BadSignature(wrong.code, f"{wrong.reason}; {UNKNOWN_SIGNER}") from wrong
        raise
    try:
        said = json.loads(found.payload, object_pairs_hook=unique)
        passed = said["passed"] is True
    except (ValueError, TypeError, KeyError, RecursionError) as wrong:
        raise BadSignature("no_pass", f"the signed document is no pass: {wrong!r}") from wrong
    code, why = ("passed", PASSED) if passed else ("not_passed", NOT_PASSED)
    return {**said, "valid": passed, "code": code, "why": why, "kind": "conformance", "key": found.kid}


def _name(host: str | None) -> str | None:
    try:
        return normalise_domain(host).ascii if host is not None else None
    except InvalidIdentifier as wrong:
        raise BadFile(f"--host: {wrong.message}") from wrong


def _together(files: list[Path], keys: Path, provider_keys: Path | None, *, as_json: bool) -> None:
    """Show what an order, its receipts and the counter-receipt prove; exits 5 where they prove nothing together."""
    if provider_keys is None or len(files) > MOST_PAPERS:
        raise BadArgument("ORDER RECEIPTS [COUNTER] with --provider-keys; a document or a mark goes alone")
    order, receipts, *rest = files
    counter = _jws_in(rest[0], COUNTER) if rest else _counter_beside(receipts)
    try:
        papers = Papers(_jws_in(order), _jws_in(receipts), counter)
        answer = proven(papers, json_object(keys), json_object(provider_keys))
    except BadSignature as wrong:
        answer = {"problems": [f"{wrong.code}: {wrong.reason}"]}
    except (ValueError, TypeError, AttributeError, KeyError) as wrong:
        raise BadFile(f"these are no keys or documents: {wrong!r}") from wrong
    answer = {"valid": not answer["problems"], **answer}
    if not as_json and not answer["valid"]:
        failed("not proven: " + "; ".join(answer["problems"]))
    show(answer, as_json=as_json)
    if not answer["valid"]:
        raise typer.Exit(Exit.FAILED)


def _counter_beside(file: Path) -> str | None:
    """The counter-receipt in the JSON of a batch; none where the file is the bare JWS."""
    text = read(file).decode("utf-8", "replace").strip()
    return _jws_in(file, COUNTER) if text.startswith("{") and COUNTER[0] in json_object(file) else None


def _jws_in(file: Path, names: Sequence[str] = ("jws", "token")) -> str:
    """The compact JWS that a file is, or holds under one of these names. Raises BadFile."""
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
        return text.rpartition("/marks/")[2]
    try:
        members = json.loads(text)
        found = next(members[name] for name in names if name in members)
    except (ValueError, StopIteration, RecursionError) as wrong:
        raise BadFile(f"{name_of(file)}: is no JSON with a member {_either(names)}") from wrong
    if not isinstance(found, str):
        raise BadFile(f"{name_of(file)}: its member {_either(names)} is no text")
    return found
