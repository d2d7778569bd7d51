"""What providers say they host: where the lists of each stand, their batches, and the records."""

# ruff: noqa: S608 -- statements are put together from the column lists of this file, nothing else

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Final
from uuid import UUID

from shared.runtime.db.postgres import Tx


@dataclass(frozen=True, slots=True)
class Inventory:
    """Where the lists of a provider stand. ``sending`` and ``whole`` name a list by its first batch."""

    provider_id: UUID
    next_sequence: int
    sending: int | None
    sending_since: datetime | None
    whole: int | None
    whole_at: datetime | None
    whole_records: int
    whole_hash: str | None
    looked_to: str | None
    """How far the look that runs has come; none: none runs."""
    reconciled_at: datetime | None
    closings: Sequence[datetime]
    """When lists were closed within the last day before the latest one was."""


@dataclass(frozen=True, slots=True)
class Batch:
    """A batch that was taken. ``refused``: the records that were not, each as a result says."""

    sequence: int
    first_batch: int
    hash: bytes
    records: int
    closes: bool
    refused: list[dict[str, Any]]


@dataclass(frozen=True, slots=True)
class Listed:
    """A name as a provider listed it, in the register's own forms."""

    host: str
    above: tuple[str, ...]
    ips: tuple[str, ...]
    number: str | None
    hosting_mode: str
    since: date | None


COLUMNS: Final = """provider_id, next_sequence, sending, sending_since, whole, whole_at, whole_records, whole_hash,
       looked_to, reconciled_at, closings"""
BATCH: Final = "sequence, first_batch, hash, records, closes, refused"
# Whoever comes first makes the row; the others wait for it, and see what it says then.
HOLD: Final = f"""
INSERT INTO inventory (provider_id, changed_at) VALUES ($1, $2)
ON CONFLICT (provider_id) DO UPDATE SET provider_id = excluded.provider_id
RETURNING {COLUMNS}
"""
HOLD_KNOWN: Final = f"SELECT {COLUMNS} FROM inventory WHERE provider_id = $1 FOR UPDATE"
GET: Final = f"SELECT {COLUMNS} FROM inventory WHERE provider_id = $1"
GET_BATCH: Final = f"SELECT {BATCH} FROM inventory_batch WHERE provider_id = $1 AND sequence = $2"
OF_LIST: Final = f"SELECT {BATCH} FROM inventory_batch WHERE provider_id = $1 AND first_batch = $2 ORDER BY sequence"
THERE: Final = "SELECT host FROM hosted WHERE provider_id = $1 AND first_batch = $2 AND host = ANY ($3)"
ADD_BATCH: Final = """
INSERT INTO inventory_batch (provider_id, sequence, first_batch, hash, records, closes, refused, taken_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
"""
NEXT: Final = f"""
UPDATE inventory SET next_sequence = $2 + 1, sending = $3, sending_since = $4, changed_at = $5
 WHERE provider_id = $1 AND next_sequence = $2
RETURNING {COLUMNS}
"""
# The look that runs begins anew, on the new list.
CLOSE: Final = f"""
UPDATE inventory SET next_sequence = $2 + 1, sending = NULL, sending_since = NULL, whole = sending, whole_at = $3,
       whole_hash = $4, looked_to = NULL, changed_at = $3, closings = $5,
       whole_records = (SELECT count(*) FROM hosted h WHERE h.provider_id = $1 AND h.first_batch = inventory.sending)
 WHERE provider_id = $1 AND next_sequence = $2
RETURNING {COLUMNS}
"""
CLOSE_EMPTY: Final = f"""
UPDATE inventory SET next_sequence = $2 + 1, sending = NULL, sending_since = NULL, whole = $2, whole_at = $3,
       whole_hash = $4, looked_to = NULL, changed_at = $3, closings = $5, whole_records = 0
 WHERE provider_id = $1 AND next_sequence = $2
RETURNING {COLUMNS}
"""
OLD: Final = """
SELECT min(b.first_batch) FROM inventory_batch b JOIN inventory i USING (provider_id)
 WHERE b.provider_id = $1 AND b.first_batch IS DISTINCT FROM i.sending AND b.first_batch IS DISTINCT FROM i.whole
"""
FORGET: Final = """
DELETE FROM hosted WHERE (provider_id, first_batch, host) IN (
       SELECT provider_id, first_batch, host FROM hosted WHERE provider_id = $1 AND first_batch = $2 LIMIT $3)
"""
UNREAD: Final = """
SELECT host FROM hosted_unread
 WHERE provider_id = $1 AND first_batch = $2 AND host = ANY ($3)
"""
ADD_UNREAD: Final = """
INSERT INTO hosted_unread (provider_id, first_batch, host) SELECT $1, $2, unnest($3::text[]) ON CONFLICT DO NOTHING
"""
FORGET_UNREAD: Final = "DELETE FROM hosted_unread WHERE provider_id = $1 AND first_batch = $2"
# The answers of the list that holds, and of the one being sent, are kept: the same batch again gets the same answer.
FORGET_BATCHES: Final = "DELETE FROM inventory_batch WHERE provider_id = $1 AND first_batch = $2"
LOOKED: Final = """
UPDATE inventory SET looked_to = $2, reconciled_at = coalesce($3, reconciled_at) WHERE provider_id = $1
"""


async def hold(tx: Tx, provider_id: UUID, at: datetime) -> Inventory:
    """A provider's, held; begun if it sent nothing yet."""
    row = await tx.fetchrow(HOLD, provider_id, at)
    assert row is not None
    return Inventory(**dict(row))


async def hold_known(tx: Tx, provider_id: UUID) -> Inventory | None:
    """A provider's that sent something, held."""
    row = await tx.fetchrow(HOLD_KNOWN, provider_id)
    return Inventory(**dict(row)) if row else None


async def get(tx: Tx, provider_id: UUID) -> Inventory | None:
    """A provider's; none if it sent nothing yet."""
    row = await tx.fetchrow(GET, provider_id)
    return Inventory(**dict(row)) if row else None


async def batch(tx: Tx, provider_id: UUID, sequence: int) -> Batch | None:
    """A batch that was taken, while it is kept."""
    row = await tx.fetchrow(GET_BATCH, provider_id, sequence)
    return Batch(**dict(row)) if row else None


async def batches(tx: Tx, provider_id: UUID, first: int) -> list[Batch]:
    """Those of a list, in order."""
    return [Batch(**dict(row)) for row in await tx.fetch(OF_LIST, provider_id, first)]


async def there(tx: Tx, provider_id: UUID, first: int, hosts: Sequence[str]) -> set[str]:
    """Which of these names a list has already."""
    return {row["host"] for row in await tx.fetch(THERE, provider_id, first, list(hosts))}


async def unread(tx: Tx, provider_id: UUID, first: int, hosts: Sequence[str]) -> set[str]:
    """Which of these names a list has in a record that was refused."""
    return {row["host"] for row in await tx.fetch(UNREAD, provider_id, first, hosts)}


async def take(
    tx: Tx, known: Inventory, taken: Batch, listed: Sequence[Listed], unread: Sequence[str], at: datetime
) -> None:  # fmt: skip
    """Write a batch of records of a held inventory, whose next one it is. ``unread``: names of refused ones."""
    await tx.copy_records_to_table(
        "hosted",
        records=[
            (known.provider_id, taken.first_batch, r.host, list(r.above), list(r.ips), r.number, r.hosting_mode,
             r.since) for r in listed
        ],
        columns=("provider_id", "first_batch", "host", "above", "ips", "number", "hosting_mode", "since"),
    )  # fmt: skip
    await tx.execute(ADD_UNREAD, known.provider_id, taken.first_batch, unread)
    await _add(tx, known, taken, at)
    since = known.sending_since if known.sending == taken.first_batch else at
    await tx.fetchrow(NEXT, known.provider_id, taken.sequence, taken.first_batch, since, at)


async def close(
    tx: Tx, known: Inventory, taken: Batch, digest: str, closings: Sequence[datetime], at: datetime
) -> None:  # fmt: skip
    """The list that is being sent holds from now on, or an empty one does. ``closings``: of the last day, with this."""
    await _add(tx, known, taken, at)
    statement = CLOSE if known.sending is not None else CLOSE_EMPTY
    await tx.fetchrow(statement, known.provider_id, taken.sequence, at, digest, closings)


async def _add(tx: Tx, known: Inventory, taken: Batch, at: datetime) -> None:
    await tx.execute(
        ADD_BATCH, known.provider_id, taken.sequence, taken.first_batch, taken.hash, taken.records, taken.closes,
        taken.refused, at,
    )  # fmt: skip


async def forget(tx: Tx, provider_id: UUID, most: int) -> bool:
    """Delete records of a list that neither holds nor is being sent, so many at most; says if there was such a list."""
    old = await tx.fetchval(OLD, provider_id)
    if old is None:
        return False
    if int((await tx.execute(FORGET, provider_id, old, most)).split()[-1]) < most:
        await tx.execute(FORGET_UNREAD, provider_id, old)
        await tx.execute(FORGET_BATCHES, provider_id, old)
    return True


async def looked(tx: Tx, provider_id: UUID, to: str | None, reconciled_at: datetime | None) -> None:
    """How far a look has come; none and a time: it is over."""
    await tx.execute(LOOKED, provider_id, to, reconciled_at)
