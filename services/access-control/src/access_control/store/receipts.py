"""SQL of receipts: the batches that were taken, and what was recorded of each order."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from shared.contracts.receipts import Outcome, Receipt
from shared.runtime.db.postgres import Tx
from shared.runtime.events import inbox


@dataclass(frozen=True, slots=True)
class RecordedReceipt:
    """A receipt that was taken, and the batch that it was signed in."""

    provider_id: UUID
    receipt_id: UUID
    order_id: UUID
    outcome: Outcome
    at: datetime
    how: str | None
    why: str | None
    kid: str
    batch: str | None
    door: str
    moved: bool
    recorded_at: datetime


@dataclass(frozen=True, slots=True)
class TakenBatch:
    """A batch that was taken, byte for byte, and the answer that stays the same."""

    provider_id: UUID
    digest: str
    kid: str
    jws: bytes
    door: str
    results: Sequence[Mapping[str, Any]]
    counter: bytes
    recorded_at: datetime


READER: Final = "access-control-receipts"
"""Who reads the topics of receipts; the name in the inbox."""
TAKEN = "SELECT receipt_id, order_id, outcome, at FROM receipt WHERE provider_id = $1 AND receipt_id = ANY($2)"
EXECUTED = "SELECT order_id FROM receipt WHERE order_id = ANY($1) AND outcome = 'executed'"
ADD_MANY = """
INSERT INTO receipt (provider_id, receipt_id, order_id, outcome, at, how, why, kid, batch, door, moved, recorded_at)
SELECT $1, r.receipt_id, r.order_id, r.outcome, r.at, r.how, r.why, $2, $3, $4, r.moved, $5
  FROM unnest($6::uuid[], $7::uuid[], $8::text[], $9::timestamptz[], $10::text[], $11::text[], $12::boolean[])
       AS r (receipt_id, order_id, outcome, at, how, why, moved)
"""
OF_ORDER = """
SELECT provider_id, receipt_id, order_id, outcome, at, how, why, kid, batch, door, moved, recorded_at
  FROM receipt WHERE order_id = $1 ORDER BY recorded_at, at, receipt_id
"""
BATCH_COLUMNS: Final = "provider_id, digest, kid, jws, door, results, counter, recorded_at"
ADD_BATCH: Final = f"INSERT INTO receipt_batch ({BATCH_COLUMNS}) VALUES ($1, $2, $3, $4, $5, $6, $7, $8)"  # noqa: S608
BATCH: Final = f"SELECT {BATCH_COLUMNS} FROM receipt_batch WHERE provider_id = $1 AND digest = $2"  # noqa: S608


async def taken(tx: Tx, provider_id: UUID, receipt_ids: Sequence[UUID]) -> dict[UUID, tuple[UUID, Outcome, datetime]]:
    """Which of these ids the provider used before, and for what: order, outcome and when."""
    rows = await tx.fetch(TAKEN, provider_id, list(receipt_ids))
    return {row["receipt_id"]: (row["order_id"], Outcome(row["outcome"]), row["at"]) for row in rows}


async def read_until(tx: Tx) -> datetime | None:
    """Up to when everything that providers wrote to their topics is taken; none where it never was."""
    return await inbox.caught_up(tx, READER)


async def parked(tx: Tx, topic: str) -> bool:
    """Whether something that a provider wrote to its topic waits for somebody here to look at it."""
    return await inbox.has_parked(tx, READER, topic)


async def executed(tx: Tx, order_ids: Sequence[UUID]) -> set[UUID]:
    """Which of these orders have an ``executed`` receipt."""
    return {row["order_id"] for row in await tx.fetch(EXECUTED, list(order_ids))}


async def add_many(
    tx: Tx,
    provider_id: UUID,
    receipts: Sequence[tuple[Receipt, bool]],
    *,
    batch: str,
    kid: str,
    door: str,
    at: datetime,
) -> None:
    """Keep receipts of one batch, each with whether it moved its order, in one statement.

    UniqueViolationError: another transaction took one just now.
    """
    said = [receipt for receipt, _ in receipts]
    await tx.execute(
        ADD_MANY, provider_id, kid, batch, door, at, [r.receipt_id for r in said], [r.order_id for r in said],
        [r.outcome for r in said], [r.at for r in said], [r.how for r in said], [r.why for r in said],
        [moved for _, moved in receipts],
    )  # fmt: skip


async def add_batch(tx: Tx, taken: TakenBatch) -> None:
    """Keep a batch with its answer. UniqueViolationError: another transaction took it just now."""
    await tx.execute(
        ADD_BATCH, taken.provider_id, taken.digest, taken.kid, taken.jws, taken.door, list(taken.results),
        taken.counter, taken.recorded_at,
    )  # fmt: skip


async def batch(tx: Tx, provider_id: UUID, digest: str) -> TakenBatch | None:
    """A batch that was taken; none if it never was."""
    row = await tx.fetchrow(BATCH, provider_id, digest)
    return TakenBatch(**row) if row else None


async def of_order(tx: Tx, order_id: UUID) -> list[RecordedReceipt]:
    """What the provider said of an order, in the order it was taken."""
    rows = await tx.fetch(OF_ORDER, order_id)
    return [RecordedReceipt(**{**row, "outcome": Outcome(row["outcome"])}) for row in rows]
