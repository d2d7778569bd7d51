"""What the register carried out, and what undid it; held by whoever tells of its orders."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import UUID

from shared.contracts.registry import ExecutionCarriedOutV1, ExecutionUndoneV1
from shared.runtime.db.postgres import Tx


@dataclass(frozen=True, slots=True)
class Execution:
    """The facts, whole; either may have come first."""

    id: UUID
    carried_out: ExecutionCarriedOutV1 | None
    undone: ExecutionUndoneV1 | None


CARRIED_OUT: Final = """
INSERT INTO execution (id, decision_id, carried_out, heard_at) VALUES ($1, $2, $3, $4)
ON CONFLICT (id) DO UPDATE SET carried_out = coalesce(execution.carried_out, excluded.carried_out)
RETURNING carried_out, undone
"""
UNDONE: Final = """
INSERT INTO execution (id, decision_id, undone, heard_at) VALUES ($1, $2, $3, $4)
ON CONFLICT (id) DO UPDATE SET undone = coalesce(execution.undone, excluded.undone)
RETURNING carried_out, undone
"""
STAND_IN: Final = "INSERT INTO execution (id, decision_id, heard_at, trial) VALUES ($1, $1, $2, true)"
GET_MANY: Final = "SELECT id, carried_out, undone FROM execution WHERE id = ANY ($1)"
HOLD: Final = "SELECT carried_out, undone FROM execution WHERE id = $1 FOR NO KEY UPDATE"
HOLD_OF_DECISION: Final = "SELECT id FROM execution WHERE decision_id = $1 ORDER BY id FOR NO KEY UPDATE"
OF_DECISION: Final = "SELECT id, carried_out, undone FROM execution WHERE decision_id = $1 ORDER BY id"
HOLD_OF_ORDER: Final = """
SELECT id FROM execution WHERE id = (SELECT execution_id FROM access_order WHERE id = $1) FOR NO KEY UPDATE
"""
HOLD_OF_ORDERS: Final = """
SELECT id FROM execution
 WHERE id IN (SELECT execution_id FROM access_order WHERE id = ANY ($1) AND provider_id = $2)
 ORDER BY id FOR NO KEY UPDATE
"""


async def note_carried_out(tx: Tx, fact: ExecutionCarriedOutV1, at: datetime) -> Execution:
    """Keep what was carried out, and hold it."""
    row = await tx.fetchrow(CARRIED_OUT, fact.execution_id, fact.decision_id, fact.model_dump(mode="json"), at)
    return _of(fact.execution_id, row)


async def note_undone(tx: Tx, fact: ExecutionUndoneV1, at: datetime) -> Execution:
    """Keep what undid it, and hold it. The first word stays: it is what the restores say."""
    row = await tx.fetchrow(UNDONE, fact.execution_id, fact.decision_id, fact.model_dump(mode="json"), at)
    return _of(fact.execution_id, row)


async def stand_in(tx: Tx, cause: UUID, at: datetime) -> None:
    """What a trial order is caused by, where others have an execution."""
    await tx.execute(STAND_IN, cause, at)


async def hold(tx: Tx, execution_id: UUID) -> Execution:
    """One execution, held."""
    return _of(execution_id, await tx.fetchrow(HOLD, execution_id))


async def hold_of_decision(tx: Tx, decision_id: UUID) -> None:
    """Hold the executions of a decision."""
    await tx.execute(HOLD_OF_DECISION, decision_id)


async def of_decision(tx: Tx, decision_id: UUID) -> list[Execution]:
    """The executions of a decision."""
    return [_of(row["id"], row) for row in await tx.fetch(OF_DECISION, decision_id)]


async def get_many(tx: Tx, execution_ids: Collection[UUID]) -> dict[UUID, Execution]:
    """These executions."""
    return {row["id"]: _of(row["id"], row) for row in await tx.fetch(GET_MANY, list(execution_ids))}


async def hold_of_order(tx: Tx, order_id: UUID) -> UUID | None:
    """Hold the execution of an order; none if there is no such order."""
    found: UUID | None = await tx.fetchval(HOLD_OF_ORDER, order_id)
    return found


async def hold_of_orders(tx: Tx, order_ids: Collection[UUID], provider_id: UUID) -> None:
    """Hold the executions of these orders of a provider, in the order of their ids."""
    await tx.execute(HOLD_OF_ORDERS, list(order_ids), provider_id)


def _of(execution_id: UUID, row: object) -> Execution:
    assert row is not None
    carried_out, undone = row["carried_out"], row["undone"]  # type: ignore[index]
    return Execution(
        execution_id,
        carried_out and ExecutionCarriedOutV1.model_validate(carried_out),
        undone and ExecutionUndoneV1.model_validate(undone),
    )
