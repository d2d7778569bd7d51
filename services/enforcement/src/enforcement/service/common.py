"""What the verbs share: reading or holding a case with what lies in it, and the trail of its moves."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Final
from uuid import UUID

from enforcement.errors import UnknownAppeal, UnknownCase, UnknownDecision
from enforcement.store import appeals, cases, decisions
from enforcement.store.appeals import Appeal
from enforcement.store.cases import Case
from enforcement.store.decisions import Decision, ExecutedOrder
from shared.runtime.acts import history
from shared.runtime.base.context import Caller
from shared.runtime.db.postgres import Tx

APPEAL_CLOCK: Final = "appeal_decision"
"""Kind of the deadline and name of its clock in the rule profile: 60 days."""
CURE_CLOCK: Final = "cure_window"
SYSTEM: Final = Caller.system("enforcement")


@dataclass(frozen=True, slots=True)
class DecisionRecord:
    """A decision with the orders carried out because of it and the appeals against it."""

    decision: Decision
    orders: list[ExecutedOrder]
    appeals: list[Appeal]


async def held_case(tx: Tx, case_id: UUID) -> Case:
    """A case, locked with everything in it. Raises UnknownCase."""
    case = await cases.lock(tx, case_id)
    if case is None:
        raise UnknownCase(case_id=case_id)
    return case


async def held_decision(tx: Tx, decision_id: UUID) -> tuple[Case, Decision]:
    """A decision, with its case locked. Raises UnknownDecision."""
    held = await decisions.lock(tx, decision_id)
    if held is None:
        raise UnknownDecision(decision_id=decision_id)
    return held


async def held_appeal(tx: Tx, appeal_id: UUID) -> tuple[Case, Decision, Appeal]:
    """An appeal and what it is about, with the case locked. Raises UnknownAppeal."""
    case_id = await appeals.case_of(tx, appeal_id)
    if case_id is None:
        raise UnknownAppeal(appeal_id=appeal_id)
    case = await held_case(tx, case_id)
    appeal = await known_appeal(tx, appeal_id)
    return case, await known_decision(tx, appeal.decision_id), appeal


async def known_case(tx: Tx, case_id: UUID) -> Case:
    """A case as it is now. Raises UnknownCase."""
    case = await cases.get(tx, case_id)
    if case is None:
        raise UnknownCase(case_id=case_id)
    return case


async def known_decision(tx: Tx, decision_id: UUID) -> Decision:
    """A decision as it is now. Raises UnknownDecision."""
    decision = await decisions.get(tx, decision_id)
    if decision is None:
        raise UnknownDecision(decision_id=decision_id)
    return decision


async def known_appeal(tx: Tx, appeal_id: UUID) -> Appeal:
    """An appeal as it is now. Raises UnknownAppeal."""
    appeal = await appeals.get(tx, appeal_id)
    if appeal is None:
        raise UnknownAppeal(appeal_id=appeal_id)
    return appeal


async def records(tx: Tx, listed: list[Decision]) -> list[DecisionRecord]:
    """Decisions with what belongs to them."""
    ids = [decision.id for decision in listed]
    orders, against = await decisions.orders(tx, ids), await appeals.of_decisions(tx, ids)
    return [
        DecisionRecord(
            decision,
            [order for order in orders if order.decision_id == decision.id],
            [appeal for appeal in against if appeal.decision_id == decision.id],
        )
        for decision in listed
    ]


def untouched(decision: Decision) -> DecisionRecord:
    """A decision that nobody can have acted upon or appealed against yet."""
    return DecisionRecord(decision, [], [])


async def record(tx: Tx, decision: Decision) -> DecisionRecord:
    """A decision with what belongs to it."""
    return (await records(tx, [decision]))[0]


def remember(
    tx: Tx, now: Case | Decision | Appeal, before: StrEnum | None, action: str, who: Caller, why: str, at: datetime
) -> None:
    """Leave a trail of a move."""
    history.add(
        tx,
        aggregate=type(now).__name__.lower(),
        aggregate_id=now.id,
        action=action,
        from_status=before,
        to_status=now.status,
        who=who,
        why=why,
        at=at,
    )
