"""The clock of licences: warned before the last day, lapsed after it, in force again when they are renewed.

Lapsing is no sanction (docs/adr/0004): it orders nothing and bars nobody, shows on the register, and is told to the
operator. A renewal that was asked for in time keeps the licence in force until it is decided.
"""

from collections.abc import Sequence
from datetime import date, datetime, time
from typing import Final
from uuid import UUID

from registry.errors import InvalidValues, ValidityWrong
from registry.lifecycle import Action, RenewalAction, Status
from registry.service import admission, registrar, writing
from registry.service.desk import SYSTEM, teller
from registry.store import claims, licences, registrations, sites
from registry.store.registrations import Owned
from registry.store.sites import OwnedSite
from shared.contracts.grounds import ActRef, Names, Service, Statement
from shared.contracts.http.registry import Granting, RegistrationKind
from shared.runtime.acts import deadlines, notices
from shared.runtime.acts.runtime import Runtime
from shared.runtime.base.context import Caller
from shared.runtime.db.postgres import Tx

VALIDITY: Final = "licence_validity"
"""Kind of the deadline that rings before the end of the last day, and at it."""
RENEWAL_DECISION: Final = "renewal_decision"
"""Kind of the deadline by which a renewal is decided."""
_LAPSING: Final = Names(zh="经营许可即将到期通知书", en="Your licence ends soon")
_LAPSED: Final = Names(zh="经营许可到期失效通知书", en="Your licence has lapsed")
_REVIVED: Final = Names(zh="经营许可恢复有效通知书", en="Your licence is in force again")


def latest_day(rt: Runtime, counted_from: datetime) -> date:
    """The last day of a licence that is valid for so long as the profile lets it be."""
    return rt.rules.day_of(rt.rules.due(rt.rules.registrations.validity, counted_from).due_at)


def could_be_longer(rt: Runtime, valid_from: date | None, valid_until: date | None) -> date | None:
    """The last day that a licence of these days could have had, if that is later than the one it has."""
    if valid_from is None or valid_until is None:
        return None
    latest = latest_day(rt, datetime.combine(valid_from, time(), rt.rules.time_zone))
    return latest if valid_until < latest else None


def require_allowed(rt: Runtime, last_day: date, counted_from: datetime) -> None:
    """A licence is valid for so long as the profile lets it be, at most. Raises ValidityWrong (422) with the latest."""
    latest = latest_day(rt, counted_from)
    if last_day > latest:
        raise ValidityWrong.field("valid_until", f"must be {latest} at the latest")


def require_validity(rt: Runtime, owned: Owned, body: Granting, at: datetime) -> None:
    """A licence has a validity that is still to come, a filing has none. Raises ValidityWrong, InvalidValues (422)."""
    if owned.registration.kind == RegistrationKind.FILING:
        if body.valid_from or body.valid_until:
            raise ValidityWrong.field("valid_until", "a filing has no end")
        if body.scope is not None:
            raise InvalidValues.field("scope", "a filing has none: it is for whatever its sites are entered with")
        return
    if body.valid_from is None or body.valid_until is None:
        raise ValidityWrong.field("valid_until", "a licence says from when until when it holds")
    if not body.valid_from < body.valid_until or body.valid_until <= rt.rules.day_of(at):
        raise ValidityWrong.field("valid_until", "must be after valid_from, and still to come")
    require_allowed(rt, body.valid_until, datetime.combine(body.valid_from, time(), rt.rules.time_zone))


def scope_of(rt: Runtime, given: Sequence[str] | None, needed: Sequence[str]) -> tuple[str, ...]:
    """What a licence covers: what somebody says, or what is needed. Raises InvalidValues (422)."""
    if given is None:
        return admission.in_order(rt.rules, needed)
    for place, item in enumerate(given):
        if item not in rt.rules.service_items:
            known = ", ".join(rt.rules.service_items)
            raise InvalidValues.field(f"scope.{place}", f"{item} is none of: {known}")
    missing = [item for item in needed if item not in given]
    if missing:
        raise InvalidValues.field("scope", f"leaves out what its sites have: {', '.join(missing)}")
    return admission.in_order(rt.rules, given)


async def granted(tx: Tx, rt: Runtime, owned: Owned, scope: Sequence[str]) -> None:
    """A licence is in force until its last day: keep what it covers, and let its clock run."""
    if owned.registration.kind != RegistrationKind.LICENCE:
        return
    await licences.granted(tx, owned.registration.id, scope)
    await watch(tx, rt, owned, rt.clock.now())


async def watch(tx: Tx, rt: Runtime, owned: Owned, at: datetime) -> None:
    """Let the clock ring at the next warning before the last day is over, or at its end; one that runs is replaced.

    The warnings are the reminders of the profile's clock. What came with an import may have no last day.
    """
    last_day, clock = owned.registration.valid_until, rt.rules.registrations.validity
    await deadlines.watch(tx, rt, VALIDITY, owned.registration.id, last_day, clock, at)


def is_over(rt: Runtime, owned: Owned, at: datetime) -> bool:
    """Whether the last day is over: a day ends at midnight, where the profile is in force."""
    last_day = owned.registration.valid_until
    return last_day is not None and rt.rules.day_of(at) > last_day


async def ring(rt: Runtime, tx: Tx, registration_id: UUID) -> None:
    """The clock rings: lapse if the last day is over, else warn, and wait for the next time."""
    owned = await registrations.hold(tx, registration_id)
    at = await deadlines.ringing(tx, rt, VALIDITY, registration_id)
    if owned.registration.status is not Status.ACTIVE:
        return  # its last site went
    if not is_over(rt, owned, at):
        await licences.warned(tx, registration_id, at)
        why = f"The licence ends with {owned.registration.valid_until}: ask for its renewal before."
        last_day = owned.registration.valid_until
        until = rt.rules.end_of(last_day) if last_day is not None else None
        await _notify(tx, rt, owned, "lapsing", _LAPSING, why, answer_by=until)
    await lapse_or_watch(tx, rt, owned, at)


async def lapse_or_watch(tx: Tx, rt: Runtime, owned: Owned, at: datetime | None = None) -> Owned:
    """A licence lapses if its last day is over and no renewal is on the desk; if not, its clock runs on.

    Gives the held registration as it is now.
    """
    at = at or rt.clock.now()
    if owned.registration.status is not Status.ACTIVE:
        return owned
    if not is_over(rt, owned, at):
        await watch(tx, rt, owned, at)
        return owned
    await deadlines.met(tx, VALIDITY, owned.registration.id, at)
    if await licences.asked_of(tx, owned.registration.id) is not None:
        return owned  # asked for in time: whoever decides comes back here
    why = f"Its last day, {owned.registration.valid_until}, is over, and no renewal was asked for in time or given."
    moved = await registrations.MOVES.move(tx, owned.registration, Action.LAPSE, who=SYSTEM, why=why, at=at)
    await licences.lapsed(tx, moved.id, at)
    lapsed = Owned(moved, owned.operator)
    await tell(tx, rt, lapsed, {"kind": "lapse", "id": str(moved.id)})
    await registrar.tell(tx, rt, lapsed, "lapsed", ("lapse", moved.id))
    until = late_until(rt, owned)
    window = f" It can be renewed under its number until {rt.rules.day_of(until)}." if until is not None else ""
    said = f"{why} This is no sanction, and asks nothing of any provider.{window}"
    await _notify(tx, rt, lapsed, "lapsed", _LAPSED, said)
    return lapsed


def late_until(rt: Runtime, owned: Owned) -> datetime | None:
    """Until when a licence that has lapsed can be renewed under its number."""
    last_day = owned.registration.valid_until
    if last_day is None:
        return None
    return rt.rules.due(rt.rules.registrations.late_renewal, rt.rules.end_of(last_day)).due_at


async def renewed(
    tx: Tx, rt: Runtime, who: Caller, owned: Owned, *, until: date, scope: Sequence[str], why: str, cause: UUID
) -> Owned:
    """A held licence has a later last day, under its number; one that had lapsed is in force again."""
    at, found = rt.clock.now(), owned.registration
    if found.status is Status.LAPSED:
        moved = await registrations.MOVES.move(tx, found, Action.REVIVE, who=who, why=why, at=at, valid_until=until)
        await registrar.take_back(tx, rt, ("lapse", found.id), why)
    else:
        moved = await registrations.MOVES.change(tx, found, "renew", who=who, why=why, at=at, valid_until=until)
    after = Owned(moved, owned.operator)
    await granted(tx, rt, after, scope)
    await tell(tx, rt, after, {"kind": "renewal", "id": str(cause)})
    return after


async def revive(tx: Tx, rt: Runtime, owned: Owned, why: str) -> Owned:
    """A licence that lapsed because its renewal was refused is in force again, since that refusal fell."""
    moved = await registrations.MOVES.move(
        tx, owned.registration, Action.REVIVE, who=SYSTEM, why=why, at=rt.clock.now()
    )
    after = Owned(moved, owned.operator)
    await licences.lapsed(tx, moved.id, None)
    await registrar.take_back(tx, rt, ("lapse", moved.id), why)
    await tell(tx, rt, after, {"kind": "reopening", "id": str(moved.id)})
    await _notify(tx, rt, after, "revived", _REVIVED, why)
    return after


async def ended(tx: Tx, rt: Runtime, who: Caller, owned: Owned) -> None:
    """Its last site went: nobody waits for its last day any more, and nobody decides on its renewal."""
    at = rt.clock.now()
    await deadlines.met(tx, VALIDITY, owned.registration.id, at)
    asked = await licences.asked_of(tx, owned.registration.id)
    if asked is not None:
        await licences.MOVES.move(
            tx, asked, RenewalAction.WITHDRAW, who=who, why="Its registration ended.", at=at
        )  # fmt: skip
        await deadlines.met(tx, RENEWAL_DECISION, asked.id, at)


async def tell(tx: Tx, rt: Runtime, owned: Owned, cause: dict[str, str]) -> None:
    """Every site of a held registration gets a new version and is told: what stands on its number has changed."""
    at = rt.clock.now()
    touched: list[OwnedSite] = await sites.touch_of(tx, owned, at)
    await writing.tell(tx, rt, touched, cause=cause, at=at)


async def _notify(
    tx: Tx, rt: Runtime, owned: Owned, kind: str, title: Names, why: str, *, answer_by: datetime | None = None
) -> None:
    source = rt.rules.clocks[rt.rules.registrations.validity].source
    await notices.issue(
        tx, rt, about=ActRef(service=Service.REGISTRY, kind="registration", id=owned.registration.id), kind=kind,
        to=owned.operator.ref, address=owned.operator.address, title=title, answer_by=answer_by,
        says=Statement(legal_basis=(source,), reasons=why, public_reasons=why),
        authority=teller(rt, owned.level, owned.region),
        hosts=await claims.of_numbers(tx, [owned.registration.id]),
    )  # fmt: skip
