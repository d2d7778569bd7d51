"""The measures that the facts about a decision make: computed from all of them each time, whatever their order."""

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec

from query.readmodel.acts import (
    AppealDecided,
    AppealFiled,
    AppealOverdue,
    AppealSaid,
    CarriedOut,
    Ended,
    Names,
    Overturned,
    Statement,
    Suspended,
    Undone,
)
from query.readmodel.lifecycle import Order
from query.readmodel.persons import without
from shared.contracts.enforcement import LAPSED


class Redress(msgspec.Struct, frozen=True):
    """Where, how and until when a measure can be challenged."""

    body: Names
    how: str
    within_days: int
    how_zh: str | None = None


class Undoing(msgspec.Struct, frozen=True):
    """That a measure was undone. ``because``: overturned, suspended, lapsed or lifted."""

    because: str
    authority: Names
    statement: Statement
    at: datetime


class Appeal(msgspec.Struct, frozen=True, omit_defaults=True):
    """An appeal. ``status``: filed, overdue, upheld or rejected."""

    appeal_id: UUID
    status: str
    body: Names
    filed_at: datetime | None = None
    due_at: datetime | None = None
    decided_at: datetime | None = None
    statement: Statement | None = None


class Outcome(msgspec.Struct, frozen=True, omit_defaults=True):
    """How far an order of a measure came; ``at`` is when that was recorded, ``executed_at`` is the provider's word."""

    order_id: UUID
    provider_id: str
    action: str
    status: str
    at: datetime
    executed_at: datetime | None = None
    answer: str | None = None
    undoes: UUID | None = None


class Measure(msgspec.Struct, frozen=True, omit_defaults=True):
    """A measure on a site, from the day it was carried out, whatever became of it."""

    decision_id: UUID
    execution_id: UUID
    case_id: UUID
    effect: str
    status: str
    since: datetime
    authority: Names
    regulator: Names
    legal_basis: tuple[str, ...]
    public_reasons: str
    redress: Redress
    redacted: tuple[str, ...] = ()
    service_item: str | None = None
    until: datetime | None = None
    undone: Undoing | None = None
    appeals: tuple[Appeal, ...] = ()
    orders: tuple[Outcome, ...] = ()


def measure(carried: CarriedOut, known: Iterable[Any], orders: Mapping[str, list[Order]]) -> Measure:
    """The measure that an execution is. ``known``: the facts about its decision and itself; ``orders``: of the site."""
    facts = list(known)
    undone = next((each for each in facts if isinstance(each, Undone) and _undoes(each, carried)), None)
    grounds, told = _cleared(carried.grounds, carried.person), carried.grounds.redress
    return Measure(
        carried.decision_id,
        carried.execution_id,
        carried.case_id,
        carried.effect,
        _status(carried, undone, facts),
        carried.carried_out_at,
        carried.grounds.authority.names,
        carried.regulator.names,
        grounds.legal_basis,
        grounds.public_reasons,
        Redress(told.body.names, told.how, told.within_days, told.how_zh),
        grounds.redacted,
        carried.service_item,
        carried.until,
        None
        if undone is None
        else Undoing(
            undone.because, undone.authority.names, _cleared(undone.statement, carried.person), undone.undone_at
        ),
        _appeals(facts, carried.person),
        tuple(_outcomes(carried.execution_id, orders)),
    )


def _cleared(said: Statement, person: str | None) -> Statement:
    """What was stated, without the person whose site it was then: by now it may be somebody else's."""
    if person is None:
        return said
    return Statement(
        tuple(without(each, (person,)) for each in said.legal_basis), without(said.public_reasons, (person,)),
        tuple(without(each, (person,)) for each in said.redacted),
    )  # fmt: skip


def _undoes(undone: Undone, carried: CarriedOut) -> bool:
    return undone.execution_id == carried.execution_id and undone.at >= carried.at


def _status(carried: CarriedOut, undone: Undone | None, facts: list[Any]) -> str:
    """In force, suspended, lapsed, ended or overturned; the decision's own turns count before the register follows."""
    turns = {type(each) for each in facts if not isinstance(each, Suspended) or each.at >= carried.at}
    because = undone.because if undone is not None else None
    if Overturned in turns or because == "overturned":
        return "overturned"
    if because == LAPSED:
        return LAPSED
    if Ended in turns or because not in {None, "suspended"}:
        return "ended"
    return "suspended" if Suspended in turns or because == "suspended" else "in_force"


def _appeals(facts: list[Any], person: str | None) -> tuple[Appeal, ...]:
    by_id: dict[UUID, dict[str, Any]] = {}
    for fact in facts:
        if isinstance(fact, AppealSaid):
            by_id.setdefault(fact.appeal_id, {})[fact.KIND] = fact  # type: ignore[attr-defined]
    found = [_appeal(appeal_id, said, person) for appeal_id, said in by_id.items()]
    return tuple(sorted(found, key=lambda each: (each.filed_at is None, each.filed_at, each.appeal_id.int)))


def _appeal(appeal_id: UUID, said: dict[str, Any], person: str | None) -> Appeal:
    filed, overdue, decided = (said.get(each.KIND) for each in (AppealFiled, AppealOverdue, AppealDecided))
    status = decided.outcome if decided else "overdue" if overdue else "filed"
    latest = next(each for each in (decided, overdue, filed) if each is not None)
    return Appeal(
        appeal_id,
        status,
        latest.body.names,
        filed and filed.filed_at,
        overdue and overdue.due_at,
        decided and decided.decided_at,
        decided and _cleared(decided.statement, person),
    )


def _outcomes(execution_id: UUID, orders: Mapping[str, list[Order]]) -> Iterable[Outcome]:
    """What became of the orders of a measure that went out."""
    for provider_id, known in sorted(orders.items()):
        for order in known:
            if order.execution_id == execution_id and order.sequence is not None:
                step = order.step
                yield Outcome(
                    order.order_id, provider_id, order.action, step, order.steps[step], order.executed_at,
                    order.answer, order.undoes,
                )  # fmt: skip
