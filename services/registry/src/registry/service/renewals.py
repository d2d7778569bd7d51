"""Renewals: the operator asks for a later last day of its licence, the regulator of its desk decides within a clock."""

from collections.abc import Sequence
from datetime import date
from typing import Final
from uuid import UUID

from registry.errors import InvalidValues, NotALicence, RenewalPending, RenewalTooLate, ValidityWrong
from registry.lifecycle import RenewalAction, Status
from registry.policy import POLICY, Act
from registry.service import changes, documents, licences, looks, registrations
from registry.service.desk import grounds_of, regulator_for
from registry.store import claims, sites
from registry.store import licences as store
from registry.store import registrations as register
from registry.store.licences import Renewal
from registry.store.registrations import Owned
from shared.contracts.grounds import ActRef, Grounds, Names, Service, Statement
from shared.contracts.http.licences import RenewalRequest, Renewing
from shared.contracts.http.registry import MOST_SITES, ClockView, Refusing, RegistrationKind
from shared.contracts.quoting import quoting
from shared.runtime.acts import deadlines, notices
from shared.runtime.acts.runtime import Runtime
from shared.runtime.base.context import Caller
from shared.runtime.base.ids import uuid7
from shared.runtime.base.problems import TryAgain
from shared.runtime.db.postgres import Tx

DECISION: Final = licences.RENEWAL_DECISION
_IN_ITS_NAME: Final = " The regulator asked for it in its operator's name, who may withdraw it and ask for less."
_ASKED: Final = Names(zh="代为申请延续告知书", en="The renewal of your licence was asked for in your name")
_GRANTED: Final = Names(zh="准予延续决定书", en="Your licence was renewed")
_GRANTED_LESS: Final = Names(zh="部分准予延续决定书", en="Your licence was renewed for less than was asked")
_REFUSED: Final = Names(zh="不予延续决定书", en="The renewal of your licence was refused")


async def ask(tx: Tx, rt: Runtime, who: Caller, registration_id: UUID, body: RenewalRequest) -> Renewal:
    """Ask for a later last day (ALL section 50); the regulator's clock starts.

    In its operator's name the regulator asks for all of it, and its operator is told; only itself asks for less.

    In time, it keeps the licence in force until that is decided; late, the licence stays lapsed until it is granted.
    Raises UnknownRegistration (404), Forbidden (403), NotALicence, ActionRefused, RenewalPending, RenewalTooLate (409);
    ValidityWrong, InvalidValues (422).
    """
    at = rt.clock.now()
    owned = await register.hold(tx, registration_id)
    POLICY.require(who, Act.ASK_RENEWAL, owned)
    if owned.registration.kind != RegistrationKind.LICENCE:
        raise NotALicence
    if owned.registration.status not in {Status.ACTIVE, Status.LAPSED}:
        register.MOVES.lifecycle.refuse(owned.registration.status, "ask_renewal")
    pending = await store.asked_of(tx, registration_id)
    if pending is not None:
        raise RenewalPending(renewal_id=str(pending.id))
    if licences.is_over(rt, owned, at):
        owned = await licences.lapse_or_watch(tx, rt, owned)
        until = licences.late_until(rt, owned)
        if until is not None and at > until:
            raise RenewalTooLate(until=rt.rules.day_of(until))
    _require_later(rt, owned, body.valid_until)
    scope = await _scope(tx, rt, owned, body.scope)
    by_operator = who.organisation == owned.organisation
    if not by_operator:
        await _require_whole(tx, rt, owned, body.valid_until, scope)
    asked = await store.ask(
        tx, uuid7(), registration_id, late=owned.registration.status is Status.LAPSED, until=body.valid_until,
        scope=scope, reasons=body.reasons, by=who.person, by_operator=by_operator, at=at,
    )  # fmt: skip
    if asked is None:
        raise TryAgain(retry_after=1)
    store.MOVES.began(tx, asked, "ask", who=who, why=body.reasons, at=at)
    await start_clock(tx, rt, asked)
    if not by_operator:
        await _tell(tx, rt, asked, owned, "renewal_asked", _ASKED, _in_its_name(asked))
    return asked


async def start_clock(tx: Tx, rt: Runtime, renewal: Renewal) -> None:
    """The regulator must decide by then."""
    clock = rt.rules.registrations.renewal
    await deadlines.start(
        tx, kind=DECISION, aggregate_id=renewal.id, clock_name=clock, rt=rt, at=rt.clock.now()
    )  # fmt: skip


async def get(tx: Tx, rt: Runtime, who: Caller, renewal_id: UUID) -> Renewal:
    """One renewal. An official's look leaves an audit row. Raises UnknownRenewal (404), Forbidden (403)."""
    renewal = await store.get(tx, renewal_id)
    POLICY.require(who, Act.READ_RENEWAL, renewal)
    await looks.at_one(tx, rt, who, Act.READ_RENEWAL, f"/renewals/{renewal_id}", renewal.organisation)
    return renewal


async def page(
    tx: Tx, rt: Runtime, who: Caller, *, status: str | None, registration_id: UUID | None, after: UUID | None,
    limit: int,
) -> list[Renewal]:  # fmt: skip
    """Renewals the caller reaches, newest first. An official's look leaves an audit row."""
    reach = POLICY.reach(who, Act.READ_RENEWAL)
    found = await store.page(tx, reach, status=status, registration_id=registration_id, after=after, limit=limit)
    await looks.at_list(tx, rt, who, Act.READ_RENEWAL, "/renewals", {each.id: each.organisation for each in found})
    return found


async def clocks(tx: Tx, found: Sequence[Renewal]) -> dict[UUID, ClockView]:
    """Until when it must be decided."""
    return await deadlines.clocks_of(tx, DECISION, {each.id: each.overdue_at for each in found})


async def grant(tx: Tx, rt: Runtime, who: Caller, renewal_id: UUID, body: Renewing) -> Renewal:
    """Renew: same number, a later last day; what had lapsed is in force again.

    For fewer days or less than was asked it is a refusal of the rest: its notice has grounds and redress.
    Raises UnknownRenewal (404), Forbidden (403), SecondPersonRequired, ActionRefused (409); ValidityWrong,
    InvalidValues (422).
    """
    renewal, owned = await _held(tx, who, Act.DECIDE_RENEWAL, renewal_id)
    store.MOVES.lifecycle.after(renewal.status, RenewalAction.GRANT)
    until = body.valid_until or renewal.valid_until
    if not (until == renewal.valid_until == owned.registration.valid_until):  # of what fell, only the scope is open
        _require_later(rt, owned, until)
    scope = await _scope(tx, rt, owned, body.scope or renewal.scope)
    at, why = rt.clock.now(), body.statement.reasons
    granted = await store.MOVES.move(
        tx, renewal, RenewalAction.GRANT, who=who, why=why, at=at, granted_until=until, decided_by=who.person
    )
    renewed = await licences.renewed(tx, rt, who, owned, until=until, scope=scope, why=why, cause=renewal_id)
    await documents.issue(tx, rt, renewed, body.statement)
    if until < renewal.valid_until or not set(renewal.scope) <= set(scope):
        grounds = grounds_of(rt, regulator_for(rt, owned.level, owned.region), body.statement, at)
        await _decided(tx, rt, granted, owned, "renewed_for_less", _GRANTED_LESS, grounds)
    else:
        await _decided(tx, rt, granted, owned, "renewed", _GRANTED, body.statement)
    return granted


async def refuse(tx: Tx, rt: Runtime, who: Caller, renewal_id: UUID, body: Refusing) -> Renewal:
    """Refuse to renew, with every ground and redress. The licence stands until its last day; is that over, it lapses.

    Raises UnknownRenewal (404), Forbidden (403), SecondPersonRequired, ActionRefused (409), InvalidValues (422).
    """
    renewal, owned = await _held(tx, who, Act.DECIDE_RENEWAL, renewal_id)
    store.MOVES.lifecycle.after(renewal.status, RenewalAction.REFUSE)
    under = await sites.of_registration(tx, owned, MOST_SITES)
    candidates = [changes.as_it_is(site) for site in under if site.site.accesses]
    refusal = await registrations.refusal_of(tx, rt, owned.level, owned.region, body, candidates)
    refused = await store.MOVES.move(
        tx, renewal, RenewalAction.REFUSE, who=who, why=body.statement.reasons, at=rt.clock.now(),
        refusal=refusal.model_dump(mode="json"), decided_by=who.person,
    )  # fmt: skip
    await _decided(tx, rt, refused, owned, "renewal_refused", _REFUSED, refusal.grounds)
    await licences.lapse_or_watch(tx, rt, owned)
    return refused


async def withdraw(tx: Tx, rt: Runtime, who: Caller, renewal_id: UUID, *, reasons: str) -> Renewal:
    """The operator takes it back; is the last day over, the licence lapses.

    Raises UnknownRenewal (404), Forbidden (403), ActionRefused (409).
    """
    renewal, owned = await _held(tx, who, Act.WITHDRAW_RENEWAL, renewal_id)
    at = rt.clock.now()
    withdrawn = await store.MOVES.move(tx, renewal, RenewalAction.WITHDRAW, who=who, why=reasons, at=at)
    await deadlines.met(tx, DECISION, renewal_id, at)
    await licences.lapse_or_watch(tx, rt, owned)
    return withdrawn


async def mark_overdue(rt: Runtime, tx: Tx, renewal_id: UUID) -> None:
    """The regulator's clock ran out; the renewal shows it until it is decided, and keeps the licence in force."""
    await store.mark_overdue(tx, renewal_id, rt.clock.now())


async def _held(tx: Tx, who: Caller, act: Act, renewal_id: UUID) -> tuple[Renewal, Owned]:
    """A renewal and its registration, held in this order: operator, registration, renewal."""
    owned = await register.hold(tx, (await store.get(tx, renewal_id)).registration_id)
    renewal = await store.hold(tx, renewal_id)
    POLICY.require(who, act, renewal, drafted_by=renewal.asked_by)
    return renewal, owned


async def _scope(tx: Tx, rt: Runtime, owned: Owned, given: tuple[str, ...] | None) -> tuple[str, ...]:
    """What it shall cover: what is asked, or what it covers and its sites have now. Raises InvalidValues (422)."""
    under = await sites.of_registration(tx, owned, MOST_SITES)
    needed = {item for site in under if site.site.accesses for item in site.site.service_items}
    known = await store.licence(tx, owned.registration.id)
    covered = known.scope if known is not None else ()
    return licences.scope_of(rt, given, sorted(needed if given is not None else needed | set(covered)))


def _require_later(rt: Runtime, owned: Owned, until: date) -> None:
    """Later than the present last day and than today, and no farther away than the profile allows."""
    at = rt.clock.now()
    latest = max(owned.registration.valid_until or date.min, rt.rules.day_of(at))
    if until <= latest:
        raise ValidityWrong.field("valid_until", f"must be later than {latest}")
    licences.require_allowed(rt, until, at)


async def _require_whole(tx: Tx, rt: Runtime, owned: Owned, until: date, scope: Sequence[str]) -> None:
    """Whoever asks in somebody's name gives nothing of theirs up. Raises ValidityWrong, InvalidValues (422)."""
    latest = licences.latest_day(rt, rt.clock.now())
    if until != latest:
        raise ValidityWrong.field("valid_until", f"asked for in its operator's name it is {latest}, the latest")
    known = await store.licence(tx, owned.registration.id)
    left_out = [item for item in known.scope if item not in scope] if known is not None else []
    if left_out:
        raise InvalidValues.field("scope", f"leaves out what it covers: {', '.join(left_out)}: only its operator does")


def _in_its_name(renewal: Renewal) -> Statement:
    said = quoting("", renewal.reasons, _IN_ITS_NAME)
    return Statement(legal_basis=("ALL section 50",), reasons=said, public_reasons=said)


async def _decided(
    tx: Tx, rt: Runtime, renewal: Renewal, owned: Owned, kind: str, title: Names, says: Statement | Grounds
) -> None:
    await deadlines.met(tx, DECISION, renewal.id, rt.clock.now())
    await _tell(tx, rt, renewal, owned, kind, title, says)


async def _tell(
    tx: Tx, rt: Runtime, renewal: Renewal, owned: Owned, kind: str, title: Names, says: Statement | Grounds
) -> None:
    await notices.issue(
        tx, rt, about=ActRef(service=Service.REGISTRY, kind="renewal", id=renewal.id), kind=kind,
        to=owned.operator.ref, address=owned.operator.address, title=title, says=says,
        authority=regulator_for(rt, owned.level, owned.region),
        hosts=await claims.of_numbers(tx, [owned.registration.id]),
    )  # fmt: skip
