"""Appeals: filed by the operator or for it, decided by a review body; what a missed clock leads to (safeguard 6)."""

from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from enforcement import bodies
from enforcement.errors import AppealPending, AppealTooLate, NothingToAppeal
from enforcement.lifecycle import APPEAL, DECISION, Action, AppealAction
from enforcement.measures import Measure
from enforcement.policy import POLICY, Act
from enforcement.service.common import (
    APPEAL_CLOCK,
    SYSTEM,
    held_appeal,
    held_decision,
    known_appeal,
    known_case,
    remember,
)
from enforcement.store import appeals, decisions
from enforcement.store.appeals import Appeal, NewAppeal
from enforcement.store.cases import Case
from enforcement.store.decisions import Decision
from shared.contracts.enforcement import DecisionOverturnedV1, DecisionSuspendedV1
from shared.rules import Role
from shared.runtime.acts import deadlines, outbox
from shared.runtime.acts.runtime import Runtime
from shared.runtime.base.context import Caller
from shared.runtime.base.ids import uuid7
from shared.runtime.db.postgres import Tx


async def file(rt: Runtime, who: Caller, decision_id: UUID, body: bodies.Grounds) -> Appeal:
    """Appeal against a decision and start the clock. An officer or the review body may enter it for the operator.

    Raises UnknownDecision (404), Forbidden (403), ActionRefused, NothingToAppeal, AppealPending, AppealTooLate (409).
    """
    async with rt.db.transaction() as tx:
        case, decision = await held_decision(tx, decision_id)
        POLICY.require(who, Act.FILE_APPEAL, case)
        DECISION.after(decision.status, Action.APPEAL)
        new = NewAppeal(
            id=uuid7(),
            decision_id=decision_id,
            case_id=case.id,
            grounds=body.grounds,
            appellant=body.appellant,
            filed_by=who.subject,
            on_behalf=Role.OPERATOR not in who.roles,
            filed_at=rt.clock.now(),
        )
        _check_appealable(decision, new)
        await deadlines.start(
            tx, kind=APPEAL_CLOCK, aggregate_id=new.id, clock_name=APPEAL_CLOCK, rt=rt, at=new.filed_at
        )
        filed = await appeals.add(tx, new)
        if filed is None:
            raise AppealPending(appeal_id=str(await appeals.open_of(tx, decision_id)))
        remember(tx, filed, None, "file", who, body.grounds, new.filed_at)
        return filed


async def read(rt: Runtime, who: Caller, appeal_id: UUID) -> Appeal:
    """Read an appeal: officials, and the operator concerned. Raises UnknownAppeal (404), Forbidden (403)."""
    async with rt.db.connection() as tx:
        appeal = await known_appeal(tx, appeal_id)
        POLICY.require(who, Act.READ_APPEAL, await known_case(tx, appeal.case_id))
        return appeal


async def decide(rt: Runtime, who: Caller, appeal_id: UUID, body: bodies.Outcome) -> Appeal:
    """Uphold or reject an appeal. Upheld: the decision is overturned, and what it did is undone.

    Raises UnknownAppeal (404), Forbidden (403), SecondPersonRequired, ActionRefused (409).
    """
    action = AppealAction.UPHOLD if body.outcome == "upheld" else AppealAction.REJECT
    async with rt.db.transaction() as tx:
        case, decision, appeal = await held_appeal(tx, appeal_id)
        took_part = [person for person in (decision.drafted_by, decision.released_by) if person is not None]
        POLICY.require(who, Act.DECIDE_APPEAL, case, drafted_by=took_part)
        to, at = APPEAL.after(appeal.status, action), rt.clock.now()
        decided = appeals.decide(
            tx, appeal, to, by=who.subject, at=at, legal_basis=body.legal_basis, reasons=body.reasons
        )
        await deadlines.met(tx, APPEAL_CLOCK, appeal_id, at)
        remember(tx, decided, appeal.status, action, who, body.reasons, at)
        if action is AppealAction.UPHOLD:
            await _overturn(tx, who, case, decision, decided, body, at)
        return decided


async def suspend_overdue(rt: Runtime, tx: Tx, appeal_id: UUID) -> None:
    """The clock of an appeal ran out: mark it, and suspend the measure. The appeal stays open and can be decided."""
    case, decision, appeal = await held_appeal(tx, appeal_id)
    at, clock = rt.clock.now(), rt.rules.clocks[APPEAL_CLOCK]
    overdue = await appeals.mark_overdue(tx, appeal_id, at)
    if overdue is None:
        return
    why = f"The appeal was to be decided until {appeal.due_at.isoformat()} and was not."
    remember(tx, overdue, appeal.status, "mark_overdue", SYSTEM, why, at)
    if not DECISION.can(decision.status, Action.SUSPEND):
        return
    suspended = decisions.move(tx, decision, DECISION.after(decision.status, Action.SUSPEND), at)
    remember(tx, suspended, decision.status, Action.SUSPEND, SYSTEM, why, at)
    fact = DecisionSuspendedV1.model_validate(
        {**_about(case, overdue), "legal_basis": [clock.source], "reasons": why, "suspended_at": at}
    )
    outbox.add(tx, fact, at=at)


async def _overturn(
    tx: Tx, who: Caller, case: Case, decision: Decision, appeal: Appeal, body: bodies.Outcome, at: datetime
) -> None:
    overturned = decisions.move(tx, decision, DECISION.after(decision.status, Action.OVERTURN), at)
    remember(tx, overturned, decision.status, Action.OVERTURN, who, body.reasons, at)
    basis = {"legal_basis": body.legal_basis, "reasons": body.reasons}
    fact = DecisionOverturnedV1.model_validate({**_about(case, appeal), **basis, "overturned_at": at})
    outbox.add(tx, fact, at=at)


def _check_appealable(decision: Decision, new: NewAppeal) -> None:
    if decision.measure is Measure.NO_BREACH:
        raise NothingToAppeal
    if decision.released_at is None:
        raise RuntimeError(f"decision {decision.id} is {decision.status} but was never released")
    until = decision.released_at + timedelta(days=decision.redress.within_days)
    if new.filed_at > until and not new.on_behalf:
        raise AppealTooLate(until=until.isoformat())


def _about(case: Case, appeal: Appeal) -> dict[str, Any]:
    return {
        "case_id": case.id,
        "site_id": case.site_id,
        "registration_id": case.registration_id,
        "authority": case.authority,
        "region": case.region,
        "level": case.level,
        "decision_id": appeal.decision_id,
        "appeal_id": appeal.id,
    }
