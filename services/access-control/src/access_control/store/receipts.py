"""SQL of receipts: what was recorded, and writing many at once."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from shared.contracts.orders import Outcome
from shared.runtime.db.postgres import Tx


@dataclass(frozen=True, slots=True)
class RecordedReceipt:
    """A receipt that was taken, with the exact bytes the provider signed."""

    provider_id: UUID
    receipt_id: UUID
    order_id: UUID
    outcome: Outcome
    at: datetime
    how: str | None
    why: str | None
    kid: str
    jws: bytes
    door: str
    moved: bool
    recorded_at: datetime


TAKEN = "SELECT receipt_id, order_id, outcome FROM receipt WHERE provider_id = $1 AND receipt_id = ANY($2)"
EXECUTED = "SELECT order_id FROM receipt WHERE order_id = ANY($1) AND outcome = 'executed'"
ADD_MANY = """
INSERT INTO receipt (provider_id, receipt_id, order_id, outcome, at, how, why, kid, jws, door, moved, recorded_at)
SELECT $1, r.receipt_id, r.order_id, r.outcome, r.at, r.how, r.why, r.kid, r.jws, $2, r.moved, $3
  FROM unnest($4::uuid[], $5::uuid[], $6::text[], $7::timestamptz[], $8::text[], $9::text[], $10::text[], $11::bytea[],
              $12::boolean[]) AS r (receipt_id, order_id, outcome, at, how, why, kid, jws, moved)
"""
OF_ORDER = """
SELECT provider_id, receipt_id, order_id, outcome, at, how, why, kid, jws, door, moved, recorded_at
  FROM receipt WHERE order_id = $1 ORDER BY recorded_at, at, receipt_id
"""


async def taken(tx: Tx, provider_id: UUID, receipt_ids: Sequence[UUID]) -> dict[UUID, tuple[UUID, Outcome]]:
    """Which of these ids the provider used before, and for what: order and outcome."""
    rows = await tx.fetch(TAKEN, provider_id, list(receipt_ids))
    return {row["receipt_id"]: (row["order_id"], Outcome(row["outcome"])) for row in rows}


async def executed(tx: Tx, order_ids: Sequence[UUID]) -> set[UUID]:
    """Which of these orders have an ``executed`` receipt."""
    return {row["order_id"] for row in await tx.fetch(EXECUTED, list(order_ids))}


async def add_many(tx: Tx, provider_id: UUID, receipts: Sequence[RecordedReceipt], *, door: str, at: datetime) -> None:
    """Keep receipts of one provider, in one statement. UniqueViolationError: another transaction took one just now."""
    await tx.execute(
        ADD_MANY,
        provider_id,
        door,
        at,
        [r.receipt_id for r in receipts],
        [r.order_id for r in receipts],
        [r.outcome for r in receipts],
        [r.at for r in receipts],
        [r.how for r in receipts],
        [r.why for r in receipts],
        [r.kid for r in receipts],
        [r.jws for r in receipts],
        [r.moved for r in receipts],
    )


async def of_order(tx: Tx, order_id: UUID) -> list[RecordedReceipt]:
    """What the provider said of an order, in the order it was taken."""
    rows = await tx.fetch(OF_ORDER, order_id)
    return [RecordedReceipt(**{**row, "outcome": Outcome(row["outcome"])}) for row in rows]
