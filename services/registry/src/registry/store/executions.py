"""Decisions on the regulator's desk, and what became of the orders that followed from them."""

# ruff: noqa: S608 -- statements are put together from the column lists of this file, nothing else

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import UUID

import asyncpg

from registry.errors import UnknownExecution
from registry.lifecycle import EXECUTION, ExecutionAction, ExecutionStatus
from shared.contracts.enforcement import DecisionReleasedV1
from shared.contracts.grounds import AuthorityRef, Statement
from shared.contracts.registry import ExecutionCarriedOutV1
from shared.runtime.acts.moves import Moves
from shared.runtime.acts.policy import Reach
from shared.runtime.db.postgres import Tx


@dataclass(frozen=True, slots=True)
class Execution:
    """A decision to be executed. ``decision`` and ``carried_out`` are the facts, whole: nobody edits them any more."""

    id: UUID
    version: int
    status: ExecutionStatus
    effect: str
    site_id: UUID | None
    operator_id: UUID | None
    service_item: str | None
    decision: DecisionReleasedV1
    regulator: AuthorityRef
    regulator_id: str
    authority_id: str
    region: str | None
    level: str
    signed_by: tuple[str, ...]
    until: datetime | None
    accepted_by: str | None
    confirmed_by: str | None
    carried_out: ExecutionCarriedOutV1 | None
    items_before: tuple[str, ...] | None
    bar_from: datetime | None
    appeals_open: tuple[UUID, ...]
    answer: Statement | None
    undone_because: str | None
    fell_at: datetime | None
    """Since when its decision has no effect although nothing was left to undo: its time was over before."""
    overdue_at: datetime | None
    received_at: datetime
    changed_at: datetime

    @property
    def took_part(self) -> tuple[str, ...]:
        """Everybody who signed so far, on either side: none of them signs again."""
        return tuple(person for person in (*self.signed_by, self.accepted_by, self.confirmed_by) if person)


@dataclass(frozen=True, slots=True)
class OrderOutcome:
    """What became of an order, and the clock of its provider."""

    order_id: UUID
    execution_id: UUID
    provider_id: UUID
    action: str
    outcome: str
    detail: str | None
    at: datetime
    issuer: AuthorityRef | None = None
    execute_by: datetime | None = None
    overdue: bool = False
    escalated: bool = False
    withdrawn_by: AuthorityRef | None = None
    undoes: UUID | None = None
    """Of a restore: the order that it takes back."""


COLUMNS: Final = """id, version, status, effect, site_id, operator_id, service_item, decision, regulator, regulator_id,
       authority_id, region, level, signed_by, until, accepted_by, confirmed_by, carried_out, items_before, bar_from,
       appeals_open, answer, undone_because, fell_at, overdue_at, received_at, changed_at"""
ADD: Final = f"""
INSERT INTO execution (id, status, decision_id, case_id, effect, subject, site_id, operator_id, service_item, decision,
                       regulator_id, regulator, authority_id, region, level, signed_by, until, received_at, changed_at)
VALUES ($1, 'received', $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $17)
ON CONFLICT (decision_id) DO NOTHING
RETURNING {COLUMNS}
"""
GET: Final = f"SELECT {COLUMNS} FROM execution WHERE id = $1"
HOLD: Final = f"{GET} FOR UPDATE"
SHARE: Final = f"{GET} FOR SHARE"
OF_DECISION: Final = "SELECT id FROM execution WHERE decision_id = $1"
WORDS: Final = {
    "regulator_id": "regulator_id = ANY ({})",
    "authority_id": "authority_id = ANY ({})",
    "region": "region = ANY ({})",
}
OPEN_ON_SITE: Final = """
SELECT EXISTS (SELECT FROM execution WHERE site_id = $1 AND (
           status IN ('received', 'accepted') OR status = 'carried_out' AND effect = ANY ($2)))
"""
REMAINING: Final = """
SELECT effect FROM execution WHERE site_id = $1 AND status = 'carried_out' AND id <> $2
"""
STRUCK: Final = """
SELECT service_item FROM execution WHERE site_id = $1 AND status = 'carried_out' AND effect = 'end_item' AND id <> $2
"""
BARRED: Final = """
SELECT o.identity FROM execution e JOIN operator o ON o.id = e.operator_id
 WHERE o.identity = ANY ($1) AND e.effect = 'bar' AND e.status = 'carried_out'
   AND e.appeals_open = '{}' AND e.bar_from <= $2 AND e.until > $2
"""
BARS_OF: Final = """
SELECT id FROM execution WHERE effect = 'bar' AND (decision_id = $1 OR id = $1)
"""
BARS_ON: Final = "SELECT id FROM execution WHERE operator_id = $1 AND effect = 'bar' AND status = 'carried_out'"
APPEAL_FILED: Final = """
UPDATE execution SET appeals_open = array_append(appeals_open, $2::uuid)
 WHERE decision_id = $1 OR id = $1
"""
APPEAL_REJECTED: Final = """
UPDATE execution SET appeals_open = array_remove(appeals_open, $2::uuid),
       bar_from = CASE WHEN array_remove(appeals_open, $2::uuid) = '{}' AND bar_from > $3 THEN $3 ELSE bar_from END
 WHERE decision_id = $1 OR id = $1
"""
APPEAL_WITHDRAWN: Final = """
UPDATE execution SET appeals_open = array_remove(appeals_open, $2::uuid) WHERE decision_id = $1 OR id = $1
"""
MARK_OVERDUE: Final = """
UPDATE execution SET overdue_at = $2 WHERE id = $1 AND status IN ('received', 'accepted') AND overdue_at IS NULL
"""
FELL: Final = "UPDATE execution SET fell_at = $2 WHERE id = $1 AND fell_at IS NULL"
NOTE_OUTCOME: Final = """
INSERT INTO order_outcome AS o (order_id, execution_id, provider_id, action, outcome, detail, at, issuer, execute_by,
                                overdue, escalated, withdrawn_by, undoes)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)
ON CONFLICT (order_id) DO UPDATE
   SET outcome = excluded.outcome, detail = excluded.detail, at = excluded.at,
       issuer = coalesce(excluded.issuer, o.issuer), execute_by = coalesce(excluded.execute_by, o.execute_by),
       overdue = o.overdue OR excluded.overdue, escalated = o.escalated OR excluded.escalated,
       withdrawn_by = coalesce(excluded.withdrawn_by, o.withdrawn_by), undoes = coalesce(excluded.undoes, o.undoes)
 WHERE o.at <= excluded.at
"""
OUTCOMES: Final = """
SELECT order_id, execution_id, provider_id, action, outcome, detail, at, issuer, execute_by, overdue, escalated,
       withdrawn_by, undoes
  FROM order_outcome WHERE execution_id = ANY ($1) ORDER BY at, order_id
"""

UNDONE: Final = (
    "EXISTS (SELECT FROM order_outcome r WHERE r.execution_id = {0}.execution_id AND r.undoes = {0}.order_id)"
)
"""Whether a restore takes this order back."""
REPLACED: Final = f"""({{0}}.undoes IS NOT NULL AND EXISTS (
       SELECT FROM order_outcome b
        WHERE b.execution_id = {{0}}.execution_id AND b.provider_id = {{0}}.provider_id AND b.action <> 'restore'
          AND b.outcome NOT IN ('queued', 'withdrawn') AND NOT {UNDONE.format("b")}))"""
"""Whether this restore takes back an order in place of which its provider has another of the same measure."""

TAKEN_BACK: Final = f"SELECT o.undoes, {REPLACED.format('o')} AS replaced FROM order_outcome o WHERE o.order_id = $1"


def of(row: asyncpg.Record) -> Execution:
    """A row of COLUMNS."""
    values = dict(row)
    return Execution(**{
        **values, "status": ExecutionStatus(values["status"]), "signed_by": tuple(values["signed_by"]),
        "appeals_open": tuple(values["appeals_open"]),
        "items_before": None if values["items_before"] is None else tuple(values["items_before"]),
        "decision": DecisionReleasedV1.model_validate(values["decision"]),
        "regulator": AuthorityRef.model_validate(values["regulator"]),
        "carried_out": values["carried_out"] and ExecutionCarriedOutV1.model_validate(values["carried_out"]),
        "answer": values["answer"] and Statement.model_validate(values["answer"]),
    })  # fmt: skip


MOVES: Final[Moves[Execution, ExecutionStatus, ExecutionAction]] = Moves(
    EXECUTION, table="execution", columns=COLUMNS, read=of
)


async def add(
    tx: Tx, execution_id: UUID, decision: DecisionReleasedV1, regulator: AuthorityRef, *, site_id: UUID | None,
    operator_id: UUID | None, at: datetime,
) -> Execution | None:  # fmt: skip
    """Put a decision on the regulator's desk; none if it lies there already."""
    authority = decision.grounds.authority
    row = await tx.fetchrow(
        ADD, execution_id, decision.decision_id, decision.case_id, decision.effect,
        decision.subject.model_dump(mode="json"), site_id, operator_id, decision.service_item,
        decision.model_dump(mode="json"), regulator.id, regulator.model_dump(mode="json"), authority.id,
        regulator.region, regulator.level, list(decision.signed_by), decision.until, at,
    )  # fmt: skip
    return of(row) if row else None


async def get(tx: Tx, execution_id: UUID) -> Execution:
    """One execution. Raises UnknownExecution."""
    row = await tx.fetchrow(GET, execution_id)
    if row is None:
        raise UnknownExecution(execution_id=execution_id)
    return of(row)


async def hold(tx: Tx, execution_id: UUID) -> Execution:
    """One execution, held. Whoever needs its site as well holds that first. Raises UnknownExecution."""
    row = await tx.fetchrow(HOLD, execution_id)
    if row is None:
        raise UnknownExecution(execution_id=execution_id)
    return of(row)


async def share(tx: Tx, execution_id: UUID) -> Execution:
    """One execution, which stays as it is until the transaction ends. Raises UnknownExecution."""
    row = await tx.fetchrow(SHARE, execution_id)
    if row is None:
        raise UnknownExecution(execution_id=execution_id)
    return of(row)


async def of_decision(tx: Tx, decision_id: UUID) -> UUID | None:
    """The execution of a decision."""
    found: UUID | None = await tx.fetchval(OF_DECISION, decision_id)
    return found


async def page(
    tx: Tx, reach: Reach, *, status: str | None, decision_id: UUID | None, after: UUID | None, limit: int
) -> list[Execution]:
    """Executions within reach, newest first."""
    where, values = reach.where(WORDS, first=5)
    rows = await tx.fetch(
        f"""SELECT {COLUMNS} FROM execution
             WHERE ($1::uuid IS NULL OR id < $1) AND ($3::text IS NULL OR status = $3)
               AND ($4::uuid IS NULL OR decision_id = $4) AND {where}
             ORDER BY id DESC LIMIT $2""",
        after, limit, status, decision_id, *values,
    )  # fmt: skip
    return [of(row) for row in rows]


async def open_on_site(tx: Tx, site_id: UUID, holding: Collection[str]) -> bool:
    """Whether a measure with one of these effects lies on a site, or any is being decided about."""
    found: bool = await tx.fetchval(OPEN_ON_SITE, site_id, sorted(holding))
    return found


async def remaining(tx: Tx, site_id: UUID, except_id: UUID) -> set[str]:
    """The effects of the other measures that lie on a site."""
    return {row["effect"] for row in await tx.fetch(REMAINING, site_id, except_id)}


async def struck(tx: Tx, site_id: UUID, except_id: UUID) -> set[str]:
    """The items that other decisions struck from a site."""
    return {row["service_item"] for row in await tx.fetch(STRUCK, site_id, except_id)}


async def barred(tx: Tx, identities: Collection[str], at: datetime) -> set[str]:
    """Which of these operators are barred now."""
    return {row["identity"] for row in await tx.fetch(BARRED, list(identities), at)}


async def bars_of(tx: Tx, act_id: UUID) -> list[UUID]:
    """The bars that a decision, or its execution, is."""
    return [row["id"] for row in await tx.fetch(BARS_OF, act_id)]


async def bars_on(tx: Tx, operator_id: UUID) -> list[UUID]:
    """The bars that were carried out and lie on an operator."""
    return [row["id"] for row in await tx.fetch(BARS_ON, operator_id)]


async def appeal_filed(tx: Tx, act_id: UUID, appeal_id: UUID) -> None:
    """An appeal against a decision, or its execution, is open: a bar does not begin before it is decided."""
    await tx.execute(APPEAL_FILED, act_id, appeal_id)


async def appeal_rejected(tx: Tx, act_id: UUID, appeal_id: UUID, at: datetime) -> None:
    """The appeal was rejected: a bar that was carried out begins, if no other appeal is open."""
    await tx.execute(APPEAL_REJECTED, act_id, appeal_id, at)


async def appeal_withdrawn(tx: Tx, act_id: UUID, appeal_id: UUID) -> None:
    """The appeal was withdrawn: a bar begins when the time to appeal is over, which it may be."""
    await tx.execute(APPEAL_WITHDRAWN, act_id, appeal_id)


async def mark_overdue(tx: Tx, execution_id: UUID, at: datetime) -> None:
    """The regulator's clock ran out; it shows until it is decided."""
    await tx.execute(MARK_OVERDUE, execution_id, at)


async def fell(tx: Tx, execution_id: UUID, at: datetime) -> None:
    """Its decision fell after its own time was over."""
    await tx.execute(FELL, execution_id, at)


async def note_outcome(tx: Tx, outcome: OrderOutcome) -> None:
    """What became of an order; the latest word stays, and so does what an earlier one said of its clock."""
    await tx.execute(
        NOTE_OUTCOME, outcome.order_id, outcome.execution_id, outcome.provider_id, outcome.action, outcome.outcome,
        outcome.detail, outcome.at, _json(outcome.issuer), outcome.execute_by, outcome.overdue, outcome.escalated,
        _json(outcome.withdrawn_by), outcome.undoes,
    )  # fmt: skip


async def outcomes(tx: Tx, execution_ids: Collection[UUID]) -> list[OrderOutcome]:
    """What became of the orders of these executions."""
    return [
        OrderOutcome(**{**dict(row), **{name: _ref(row[name]) for name in ("issuer", "withdrawn_by")}})
        for row in await tx.fetch(OUTCOMES, list(execution_ids))
    ]


async def taken_back(tx: Tx, restore_id: UUID) -> tuple[UUID | None, bool]:
    """Which order a restore takes back, where that is known, and whether its provider has another in its place."""
    row = await tx.fetchrow(TAKEN_BACK, restore_id)
    return (row["undoes"], row["replaced"]) if row is not None else (None, False)


def _json(ref: AuthorityRef | None) -> dict[str, object] | None:
    return ref.model_dump(mode="json") if ref is not None else None


def _ref(value: object) -> AuthorityRef | None:
    return AuthorityRef.model_validate(value) if value is not None else None
