"""The mark of a registration: signed at the grant, or when somebody first asks; and what everybody reads of it now."""

from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Final
from uuid import UUID

from registry.errors import MarkMalformed, NoMark, UnknownMark
from registry.lifecycle import Status
from registry.policy import POLICY, Act
from registry.service import looks
from registry.service.desk import regulator_for
from registry.store import marks, registrations, successions
from registry.store.marks import KeptMark
from registry.store.registrations import Owned
from shared.contracts.grounds import Names
from shared.contracts.http.marks import MarkedSite
from shared.contracts.marks import Mark
from shared.documents import marks as signed
from shared.runtime.acts.documents import Issuing, signer_of
from shared.runtime.acts.runtime import Runtime
from shared.runtime.base.context import Caller
from shared.runtime.db.postgres import Tx
from shared.signing import BadSignature, KeyRing, read_header

SHOWN_SITES: Final = 200
PERSON: Final = "person"
_FORGED: Final = frozenset({"unknown_kid", "bad_signature", "wrong_issuer", "retired_key"})


@dataclass(frozen=True, slots=True)
class Shown:
    """What a mark says, and what is so now of the registration that it is about."""

    mark: Mark
    number: str
    kind: str
    in_force: bool
    status: str
    since: datetime
    valid_until: date | None
    operator: str | None
    issuer: Names
    newest: bool
    succeeded_by: str | None
    sites: list[MarkedSite]
    total: int
    as_of: datetime


async def names(tx: Tx, registration_id: UUID) -> list[str]:
    """The names that a mark of this registration has now."""
    return await marks.names(tx, registration_id)


def begin(tx: Tx, rt: Runtime, owned: Owned, named: list[str]) -> None:
    """Sign the first mark of a registration that is granted just now; it is kept with the last statement.

    Asks the database nothing: everybody else who grants in this province waits. Raises IssuerHasNoKey (503).
    """
    marks.add_at_commit(tx, _signed(rt, owned, _says(rt, owned, named), 1))


async def issue(tx: Tx, rt: Runtime, owned: Owned) -> KeptMark:
    """Sign the mark of a held registration that is in force, as its next edition. Raises IssuerHasNoKey (503)."""
    before = await marks.latest(tx, owned.registration.id)
    says = _says(rt, owned, await marks.names(tx, owned.registration.id))
    kept = _signed(rt, owned, says, before.edition + 1 if before else 1)
    await marks.add(tx, kept)
    return kept


async def current(tx: Tx, rt: Runtime, who: Caller, registration_id: UUID) -> KeptMark:
    """The mark of a registration, for whoever reads it; signed now if there is none, or if what it says has changed.

    Of a registration that is no longer in force the last one, which leads to that. An official's look is audited.
    Raises UnknownRegistration, NoMark (404); Forbidden (403); IssuerHasNoKey (503).
    """
    owned = await registrations.get(tx, registration_id)
    POLICY.require(who, Act.READ, owned)
    await looks.at_one(tx, rt, who, Act.READ, f"/registrations/{registration_id}/mark", owned.organisation)
    kept = await marks.latest(tx, registration_id)
    if owned.registration.status is Status.ACTIVE and not await _still(tx, rt, owned, kept):
        owned = await registrations.hold(tx, registration_id)
        kept = await marks.latest(tx, registration_id)  # somebody may have signed it until we held it
        if owned.registration.status is Status.ACTIVE and not await _still(tx, rt, owned, kept):
            return await issue(tx, rt, owned)
    if kept is None:
        raise NoMark(registration_id=registration_id)
    return kept


async def show(tx: Tx, rt: Runtime, token: str) -> Shown:
    """What is so now of the registration whose mark somebody met. Raises MarkMalformed (422), UnknownMark (404)."""
    mark = _believed(rt, token)
    kept = await marks.of_number(tx, mark.number, mark.edition)
    if kept is None or kept.jws != token:
        raise UnknownMark
    owned = await registrations.get(tx, kept.registration_id)
    registration, operator = owned.registration, owned.operator
    since = await marks.since(tx, registration.id)
    if registration.status is Status.LAPSED and registration.valid_until is not None:
        since = rt.rules.end_of(registration.valid_until)
    under, total = await marks.sites(tx, registration.id, SHOWN_SITES)
    newest = await marks.latest(tx, registration.id)
    after = (await successions.of(tx, registration.id)).succeeded_by
    return Shown(
        mark=mark, number=mark.number, kind=registration.kind, in_force=registration.status is Status.ACTIVE,
        status=registration.status, since=since, valid_until=registration.valid_until,
        operator=None if operator.kind == PERSON else operator.ref.name,
        issuer=regulator_for(rt, owned.level, owned.region).names,
        newest=newest is not None and newest.edition == kept.edition, succeeded_by=after.number if after else None,
        sites=[
            MarkedSite(number=f"{mark.number}-{site.ordinal}", domains=list(site.domains), status=site.status,
                       since=site.since) for site in under
        ],
        total=total, as_of=rt.clock.now(),
    )  # fmt: skip


def _believed(rt: Runtime, token: str) -> Mark:
    state: Issuing = rt.state
    try:
        kid = read_header(token).get("kid")
        ring = KeyRing(key for key in state.keys.published["keys"] if key["kid"] == kid)
        return signed.read(token, ring)[0]
    except BadSignature as wrong:
        if wrong.code in _FORGED:
            raise UnknownMark from wrong
        raise MarkMalformed.field("token", wrong.reason, reason=wrong.reason) from wrong


async def _still(tx: Tx, rt: Runtime, owned: Owned, kept: KeptMark | None) -> bool:
    """Whether a mark says what one would say that were signed now."""
    if kept is None:
        return False
    said = kept.content
    says = _says(rt, owned, await marks.names(tx, owned.registration.id))
    return all(getattr(said, name) == value for name, value in says.items())


def _signed(rt: Runtime, owned: Owned, says: dict[str, Any], edition: int) -> KeptMark:
    at = rt.clock.now()
    jws = signed.sign(Mark(**says, edition=edition, issued_at=at), signer_of(rt, says["issuer"]))
    return KeptMark(owned.registration.id, edition, jws, at)


def _says(rt: Runtime, owned: Owned, named: list[str]) -> dict[str, Any]:
    operator = owned.operator
    shown = operator.kind != PERSON and len(operator.ref.name) <= signed.LONGEST_OPERATOR
    listed, digest = signed.shortened(named)
    return {
        "number": owned.registration.number, "operator": operator.ref.name if shown else None, "names": listed,
        "digest": digest, "issuer": regulator_for(rt, owned.level, owned.region).id,
    }  # fmt: skip
