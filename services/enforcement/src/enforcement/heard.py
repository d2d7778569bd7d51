"""What facts of others mean to enforcement."""

from collections.abc import Sequence
from typing import Final

import structlog

from enforcement.errors import ExecutionMisfit
from enforcement.lifecycle import DECISION, Action
from enforcement.service import decisions as deciding
from enforcement.service import emergencies, emergency_ends, parting, reviewed, subscriptions
from enforcement.service.decisions import SYSTEM
from enforcement.store import appeals, decisions, sites
from enforcement.store.appeals import ForeignAct
from enforcement.store.cases import Case
from enforcement.store.decisions import Decision, OrderOutcome
from shared.contracts import access, notices
from shared.contracts.base import Fact
from shared.contracts.emergencies import EmergencyReportedV1
from shared.contracts.enforcement import LAPSED
from shared.contracts.grounds import ActRef, Names, Service, Statement
from shared.contracts.http.enforcement import ExecutionState
from shared.contracts.registry import (
    ExecutionCarriedOutV1,
    ExecutionDeclinedV1,
    ExecutionReceivedV1,
    ExecutionUndoneV1,
    MergerRecordedV1,
    ReviewClearedV1,
    ReviewVetoedV1,
    SiteRecordedV1,
)
from shared.runtime.acts import directory
from shared.runtime.acts.runtime import Runtime
from shared.runtime.base.context import EventMeta
from shared.runtime.db.postgres import Tx

_DECLINED: Final = Names(zh="不予执行通知书", en="A decision about you was not carried out")
_CARRIED_OUT: Final = Names(zh="处理决定执行通知书", en="A decision about your name was carried out")
_UNDONE: Final = Names(zh="处理决定执行撤销通知书", en="What a decision did to your name was undone")
_FURTHER: Final = {"received": 0, "declined": 1, "carried_out": 1, "undone": 2}
_log = structlog.get_logger(__name__)


async def merger_recorded(rt: Runtime, tx: Tx, fact: MergerRecordedV1, meta: EventMeta) -> None:
    """An operator goes on under another identity, or stands for itself again, with what was decided meanwhile."""
    await directory.take_over_mergers(tx, [fact])
    if not fact.stands:
        await parting.give_back(tx, rt, fact)


async def execution_received(rt: Runtime, tx: Tx, fact: ExecutionReceivedV1, meta: EventMeta) -> None:
    """The regulator has it on its desk."""
    state = ExecutionState(
        execution_id=fact.execution_id, status="received", due_at=fact.due_at, answer=None, at=rt.clock.now()
    )
    await _note(tx, rt, fact, state, "The regulator has it on its desk.")


async def execution_declined(rt: Runtime, tx: Tx, fact: ExecutionDeclinedV1, meta: EventMeta) -> None:
    """The regulator declined, with reasons."""
    state = ExecutionState(
        execution_id=fact.execution_id, status="declined", due_at=None, answer=fact.statement, at=fact.declined_at
    )
    noted = await _note(tx, rt, fact, state, fact.statement.reasons)
    if noted is None:
        return
    case, decision = noted
    if DECISION.can(decision.status, Action.DECLINE):
        declined = await decisions.MOVES.move(
            tx, decision, Action.DECLINE, who=SYSTEM, why=fact.statement.reasons, at=rt.clock.now()
        )
        await deciding.tell(tx, rt, case, declined, "decision_declined", _DECLINED, fact.statement)
        await emergency_ends.fell(tx, rt, declined, fact.statement)


async def execution_carried_out(rt: Runtime, tx: Tx, fact: ExecutionCarriedOutV1, meta: EventMeta) -> None:
    """The regulator carried it out; the case has done its work."""
    at = rt.clock.now()
    state = ExecutionState(
        execution_id=fact.execution_id, status="carried_out", due_at=None, answer=None, at=fact.carried_out_at
    )
    noted = await _note(tx, rt, fact, state, "The regulator carried it out.")
    if noted is None:
        return
    case, decision = noted
    if DECISION.can(decision.status, Action.EXECUTE):  # else it fell meanwhile, which the register will undo
        done = await decisions.MOVES.move(tx, decision, Action.EXECUTE, who=SYSTEM, why="Carried out.", at=at)
        await _copy(tx, rt, case, done, "decision_carried_out", _CARRIED_OUT, done.grounds)
        await deciding.end_case(tx, rt, case, "executed")


async def execution_undone(rt: Runtime, tx: Tx, fact: ExecutionUndoneV1, meta: EventMeta) -> None:
    """What it did is taken back; a measure whose time is over has ended by that."""
    state = ExecutionState(
        execution_id=fact.execution_id, status="undone", due_at=None, answer=fact.statement, at=fact.undone_at
    )
    noted = await _note(tx, rt, fact, state, f"Undone: {fact.because}.")
    if noted is None:
        return
    case, decision = noted
    await _copy(tx, rt, case, decision, "decision_undone", _UNDONE, fact.statement)
    if fact.because == LAPSED and DECISION.can(decision.status, Action.LAPSE):
        await decisions.MOVES.move(
            tx, decision, Action.LAPSE, who=SYSTEM, why="Its time is over.", at=rt.clock.now(), ended_because=LAPSED
        )


async def _copy(tx: Tx, rt: Runtime, case: Case, decision: Decision, kind: str, title: Names, says: Statement) -> None:
    """Whoever holds the name hears what the register told whom it burdens; for a found site nobody else does."""
    about = ActRef(service=Service.ENFORCEMENT, kind="decision", id=decision.id)
    names = await subscriptions.names_of(tx, case, decision)
    await subscriptions.copy(tx, rt, names, about=about, kind=kind, title=title, says=says, authority=case.authority)


async def _note(tx: Tx, rt: Runtime, fact: ExecutionReceivedV1 | ExecutionDeclinedV1 | ExecutionCarriedOutV1
                | ExecutionUndoneV1, state: ExecutionState, why: str) -> tuple[Case, Decision] | None:  # fmt: skip
    """Keep what the regulator said, in whatever order it came: the furthest word stays.

    None for a decision that is not here: a database that was lost and built anew knows none of its old ones, and
    nothing must wait behind them for ever. Raises ExecutionMisfit where it is about something else than it says.
    """
    if not await decisions.known(tx, fact.decision_id):
        _log.warning("execution.of_unknown_decision", decision_id=str(fact.decision_id), status=state.status)
        return None
    case, decision = await decisions.hold(tx, fact.decision_id)
    if (fact.case_id, fact.effect, fact.subject) != (case.id, decision.effect, case.subject):
        raise ExecutionMisfit(decision_id=fact.decision_id)
    if decision.released_at is None:
        raise ExecutionMisfit(decision_id=fact.decision_id)
    await decisions.executed_by(tx, decision.id, fact.took_part)
    if decision.execution is not None and _is_known(decision.execution, state):
        return case, decision
    return case, await decisions.MOVES.change(
        tx, decision, f"execution_{state.status}", who=SYSTEM, why=why, at=rt.clock.now(),
        execution=state.model_dump(mode="json"),
    )  # fmt: skip


def _is_known(known: ExecutionState, said: ExecutionState) -> bool:
    """Whether it is further already, or the regulator says again what it has on its desk, since somebody signed."""
    again = known.status == said.status == "received" and known.due_at == said.due_at
    return again or _FURTHER[known.status] > _FURTHER[said.status]


async def review_vetoed(rt: Runtime, tx: Tx, fact: ReviewVetoedV1, meta: EventMeta) -> None:
    """A site failed its annual review: a case at the authority whose opinion it was."""
    await reviewed.open_case(tx, rt, fact)


async def review_cleared(rt: Runtime, tx: Tx, fact: ReviewClearedV1, meta: EventMeta) -> None:
    """That veto fell, and its case with it."""
    await reviewed.end_case(tx, rt, fact)


async def emergency_reported(rt: Runtime, tx: Tx, fact: EmergencyReportedV1, meta: EventMeta) -> None:
    """A provider suspended a site by itself, and signed that."""
    await emergencies.reported(tx, rt, fact)


async def order_told(rt: Runtime, tx: Tx, fact: access.OrderFact, meta: EventMeta) -> None:
    """What became of an order that followed from a decision."""
    outcome = fact.TYPE.removeprefix("order.").removesuffix(".v1")
    detail = getattr(fact, "reasons", None) or getattr(fact, "how", None)
    await decisions.note_outcome(
        tx, OrderOutcome(fact.order_id, fact.decision_id, fact.provider_id, fact.action, outcome, detail, fact.at)
    )
    if isinstance(fact, access.OrderWithdrawnV1) and fact.sequence is None:
        await deciding.tell_unsent(tx, rt, fact)
    if isinstance(fact, access.OrderReleasedV1):
        await emergency_ends.restored(tx, rt, fact)


async def notice_issued(
    rt: Runtime, tx: Tx, fact: notices.ApprovalNoticeIssuedV1 | notices.RegistryNoticeIssuedV1, meta: EventMeta
) -> None:
    """An operator was told of an act that it can appeal against."""
    _require_own(fact, fact.act.service)
    known = ForeignAct(fact.act, fact.to, fact.grounds, fact.notice_id, fact.issued_at, None, fact.took_part)
    await appeals.note_act(tx, known)


async def notice_delivered(
    rt: Runtime, tx: Tx, fact: notices.ApprovalNoticeDeliveredV1 | notices.RegistryNoticeDeliveredV1, meta: EventMeta
) -> None:
    """The time to appeal against what this notice told of runs."""
    _require_own(fact, fact.act.service)
    await appeals.note_delivery(tx, fact.act, fact.notice_id, fact.delivered_at)


async def notice_returned(
    rt: Runtime, tx: Tx, fact: notices.ApprovalNoticeReturnedV1 | notices.RegistryNoticeReturnedV1, meta: EventMeta
) -> None:
    """The mail from whose delivery that time ran came back."""
    _require_own(fact, fact.act.service)
    await appeals.note_return(tx, fact.act, fact.notice_id)


async def act_named(rt: Runtime, tx: Tx, fact: notices.RegistryActNamedV1, meta: EventMeta) -> None:
    """The register did something about names: who holds one of them gets a copy."""
    _require_own(fact, fact.act.service)
    await subscriptions.copy(
        tx, rt, fact.hosts, about=fact.act, kind=fact.kind, title=fact.title, says=fact.grounds or fact.statement,
        authority=fact.authority, answer_by=fact.answer_by,
    )  # fmt: skip


def _require_own(fact: Fact, service: Service) -> None:
    """A department speaks of its own acts alone."""
    if fact.TOPIC.producer != service:
        raise ValueError(f"{fact.TYPE} speaks of an act of {service}")


async def sites_recorded(rt: Runtime, tx: Tx, facts: Sequence[SiteRecordedV1]) -> None:
    """Take over sites."""
    await sites.put(tx, facts)


async def providers_recorded(rt: Runtime, tx: Tx, facts: Sequence[access.ProviderRecordedV1]) -> None:
    """Take over providers."""
    await sites.put_providers(tx, facts)
