"""What a provider suspended by itself: its operator is told at once, and an authority confirms it in time or it lapses.

The 72 hours are decided here alone, under one lock: who confirms and the clock that lapses it both hold the row.
"""

from contextlib import suppress
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from enforcement import told
from enforcement.errors import EmergencyConfirmedAlready, EmergencyMisfit, EmergencyOver, UnknownDecision
from enforcement.lifecycle import IN_FORCE, EmergencyAction, EmergencyStatus
from enforcement.policy import POLICY, Act
from enforcement.service.emergency_ends import CONFIRM, lapse, tell
from enforcement.service.safeguards import OFF_THE_REGISTER
from enforcement.store import decisions, sites
from enforcement.store import emergencies as store
from enforcement.store.cases import Case
from enforcement.store.decisions import Decision
from enforcement.store.emergencies import Emergency, NewEmergency
from shared.contracts.emergencies import AGAIN, NOT_CONFIRMED, NOT_HOSTED, EmergencyReportedV1
from shared.contracts.grounds import Names, OperatorRef, Party, Statement
from shared.contracts.quoting import quoting
from shared.contracts.subjects import FoundSite
from shared.rules import Effect, Level
from shared.rules.identifiers import normalise_domain
from shared.runtime.acts import audit, deadlines, outbox
from shared.runtime.acts.runtime import Runtime
from shared.runtime.base.context import Caller
from shared.runtime.db.postgres import Tx

CLOCK: Final = CONFIRM
"""Kind of the deadline."""
AGAIN_DAYS: Final = 30
"""For a profile that says nothing of complaints."""
REFUSED: Final = {
    NOT_HOSTED: "By the register {host} is not hosted by {provider}.",
    AGAIN: "The same provider suspended the same site by itself not long ago, and nobody confirmed it.",
}
SYSTEM: Final = Caller.system("enforcement")
_REPORTED: Final = Names(zh="接入服务提供者紧急暂停接入告知书", en="Your provider suspended your site by itself")


async def reported(tx: Tx, rt: Runtime, fact: EmergencyReportedV1) -> None:
    """A provider said so, signed: whom it hits is told, and the clock runs from when the site went dark.

    Where the register says that the site is another provider's, or it lapsed there under another name not long ago, it
    is over at once: whom it hits is told so, and the provider is ordered to host the site again.
    """
    at, new = rt.clock.now(), await _received(tx, rt, fact)
    kept = await store.add(tx, new)
    if kept is None:
        return
    store.MOVES.began(tx, kept, "report", who=SYSTEM, why=fact.reasons, at=at)
    clock = rt.rules.clocks[CLOCK]
    if kept.status is EmergencyStatus.REFUSED:
        await _refuse(tx, rt, kept)
        return
    await deadlines.start_until(
        tx, kind=CLOCK, aggregate_id=kept.id, until=kept.confirm_by, rt=rt, at=at, clock_name=CLOCK
    )
    why = quoting(
        f"{kept.provider.name} suspended {kept.host} by itself on {_day(kept.since)}. Unless an authority confirms it "
        f"by a decision before {_day(kept.confirm_by)}, it lapses and the site is hosted again. "
        "What the provider says:\n", kept.reasons,
    )  # fmt: skip
    says = Statement(legal_basis=(clock.source,), reasons=why, public_reasons=why)
    await tell(tx, rt, kept, "emergency_reported", _REPORTED, says, answer_by=kept.confirm_by)


async def _refuse(tx: Tx, rt: Runtime, kept: Emergency) -> None:
    """Over as soon as it was heard. The register may be behind what is hosted where: the restore goes out anyhow."""
    assert kept.ended_because is not None, "what is refused says why"
    why = REFUSED[kept.ended_because].format(host=kept.host, provider=kept.provider.name)
    says = Statement(legal_basis=(rt.rules.clocks[CLOCK].source,), reasons=why, public_reasons=why)
    outbox.add(tx, told.emergency_lapsed(kept, kept.ended_because, says, rt.clock.now()), at=rt.clock.now())
    told_so = quoting(
        f"{kept.provider.name} suspended {kept.host} by itself on {_day(kept.since)}. {why} It is over, and the "
        "provider is ordered to host the site again. What the provider says:\n", kept.reasons,
    )  # fmt: skip
    says = Statement(legal_basis=says.legal_basis, reasons=told_so, public_reasons=told_so)
    await tell(tx, rt, kept, "emergency_reported", _REPORTED, says)


def _day(at: datetime) -> str:
    return at.isoformat(timespec="minutes")


async def _received(tx: Tx, rt: Runtime, fact: EmergencyReportedV1) -> NewEmergency:
    """What was reported, with what the register says about the name.

    A site that is served under several names goes dark for the time of one: by the first of them that is reported.
    """
    provider = Party(identity=str(fact.provider_id), name=fact.provider_name)
    name = normalise_domain(fact.host)
    site = await sites.find(tx, (name.ascii, *name.above))
    operator, site_id, items, status, because = provider, None, tuple[str, ...](), EmergencyStatus.OPEN, None
    region, level, confirm_by = fact.region, Level.PROVINCE.value, fact.confirm_by
    if site is not None and site.status not in OFF_THE_REGISTER:
        operator = OperatorRef(identity=site.operator.identity, name=site.operator.name)
        site_id, items = site.site_id, site.service_items
        region, level = site.registration.region, site.registration.level
        again_days = rt.rules.complaints.again_days if rt.rules.complaints is not None else AGAIN_DAYS
        since = fact.reported_at - timedelta(days=again_days)
        before = await store.of_site(tx, operator.identity, fact.provider_id, site_id, since)
        if not any(each.provider_id == fact.provider_id and each.status != "ended" for each in site.accesses):
            status, because = EmergencyStatus.REFUSED, NOT_HOSTED
        elif before.ended:
            status, because = EmergencyStatus.REFUSED, AGAIN
        confirm_by = min(confirm_by, before.confirm_by or confirm_by)
    return NewEmergency(
        id=fact.emergency_id, status=status, provider=provider, host=name.ascii, site_id=site_id, operator=operator,
        region=region, level=level, service_items=items, ground=fact.ground, reasons=fact.reasons, since=fact.since,
        reported_at=fact.reported_at, confirm_by=confirm_by, ended_because=because,
    )  # fmt: skip


async def get(tx: Tx, rt: Runtime, who: Caller, emergency_id: UUID) -> Emergency:
    """One; an official's look leaves an audit row. Raises UnknownEmergency (404), Forbidden (403)."""
    found = await store.get(tx, emergency_id)
    POLICY.require(who, Act.READ_EMERGENCY, found)
    await _looked(tx, rt, who, f"/emergencies/{emergency_id}")
    return found


async def page(
    tx: Tx, rt: Runtime, who: Caller, *, status: EmergencyStatus | None, after: UUID | None, limit: int
) -> list[Emergency]:
    """Those the caller reaches, newest first."""
    found = await store.page(tx, POLICY.reach(who, Act.READ_EMERGENCY), status=status, after=after, limit=limit)
    await _looked(tx, rt, who, "/emergencies")
    return found


async def _looked(tx: Tx, rt: Runtime, who: Caller, resource: str) -> None:
    if who.authority is not None:
        await audit.record(tx, who=who, act=Act.READ_EMERGENCY, resource=resource, outcome="granted", at=rt.clock.now())


async def confirm(tx: Tx, rt: Runtime, who: Caller, emergency_id: UUID, decision_id: UUID) -> Emergency:
    """An authority stands by it with its own released decision to suspend the same site. From now on it falls with it.

    Raises UnknownEmergency (404); Forbidden (403); EmergencyConfirmedAlready, EmergencyOver,
    EmergencyMisfit (409).
    """
    POLICY.require(who, Act.CONFIRM_EMERGENCY, await store.get(tx, emergency_id))
    found: tuple[Case, Decision] | None = None
    with suppress(UnknownDecision):  # said below: whoever is late hears that first
        found = await decisions.hold(tx, decision_id)
    at, held = rt.clock.now(), await store.hold(tx, emergency_id)
    if held.status is EmergencyStatus.CONFIRMED:
        raise EmergencyConfirmedAlready(decision_id=str(held.decision_id))
    if held.status is not EmergencyStatus.OPEN or at >= held.confirm_by:
        raise EmergencyOver(confirm_by=held.confirm_by.isoformat())
    if found is None or found[0].authority.id != who.organisation:
        raise EmergencyMisfit(why="your authority has no such decision")  # of others' cases nobody learns anything
    case, decision = found
    if why := _misfit(held, case, decision):
        raise EmergencyMisfit(why=why)
    confirmed = await store.MOVES.move(
        tx, held, EmergencyAction.CONFIRM, who=who, why=decision.grounds.reasons, at=at, decision_id=decision_id,
        authority=case.authority.model_dump(mode="json"), authority_id=case.authority.id,
    )  # fmt: skip
    await deadlines.met(tx, CLOCK, emergency_id, at)
    outbox.add(tx, told.emergency_confirmed(confirmed, case, at), at=at)
    return confirmed


def _misfit(held: Emergency, case: Case, decision: Decision) -> str:
    """Why a decision does not carry it; nothing where it does."""
    if decision.released_at is None or decision.status not in IN_FORCE[:2]:
        return f"it is {decision.status}"
    if decision.effect is not Effect.SUSPEND_ACCESS:
        return "only a suspension, which has an end, can"
    if decision.released_at < held.since:
        return "it is older than what it shall confirm"
    if held.site_id is not None:
        return "" if case.site_id == held.site_id else "it is about another site"
    found = case.subject
    same = isinstance(found, FoundSite) and (found.host, found.provider_id) == (held.host, held.provider_id)
    return "" if same else "it is about another site, or the site at another provider"


async def run_out(rt: Runtime, tx: Tx, emergency_id: UUID) -> None:
    """Nobody confirmed it in time: it lapses, and access-control orders the provider to host the site again."""
    held = await store.hold(tx, emergency_id)
    if held.status is EmergencyStatus.OPEN:
        clock = rt.rules.clocks[CLOCK]
        why = f"No authority confirmed within {clock.amount} {clock.unit} what the provider suspended by itself."
        await lapse(
            tx, rt, held, NOT_CONFIRMED, Statement(legal_basis=(clock.source,), reasons=why, public_reasons=why)
        )
