"""Which events a consumer has applied, and which ones wait because a handler refused them."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from shared.runtime.acts.runtime import Runtime
from shared.runtime.base.context import EventMeta
from shared.runtime.db.forgetting import BATCH, in_batches
from shared.runtime.db.postgres import Tx

CLAIM = """
INSERT INTO inbox (consumer, event_id, forget_at) VALUES ($1, $2, now() + $3::interval)
ON CONFLICT DO NOTHING RETURNING 1
"""
CLAIM_MANY = """
INSERT INTO inbox (consumer, event_id, forget_at) SELECT $1, unnest($2::uuid[]), now() + $3::interval
ON CONFLICT DO NOTHING RETURNING event_id
"""
FORGET = """
DELETE FROM inbox WHERE (consumer, event_id) IN (
    SELECT consumer, event_id FROM inbox WHERE forget_at < now() ORDER BY forget_at LIMIT $1 FOR UPDATE SKIP LOCKED)
"""
PARK = """
INSERT INTO parked (consumer, key, event_id, type, topic, partition, "offset", at, value, headers, error)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)
ON CONFLICT (consumer, event_id) DO NOTHING
RETURNING 1
"""
COLUMNS: Final = 'id, key, event_id, type, topic, partition, "offset", at, value, headers, error, attempts'
IS_PARKED = "SELECT EXISTS (SELECT FROM parked WHERE consumer = $1 AND key = $2)"
HAS_PARKED = "SELECT EXISTS (SELECT FROM parked WHERE consumer = $1 AND topic = $2)"
PARKED_KEYS = "SELECT DISTINCT key FROM parked WHERE consumer = $1 AND key = ANY($2)"
ALL_KEYS = "SELECT key FROM parked WHERE consumer = $1 GROUP BY key ORDER BY min(id)"
COUNT = "SELECT count(*) FROM parked WHERE consumer = $1"
FIRST = f"SELECT {COLUMNS} FROM parked WHERE consumer = $1 AND key = $2 ORDER BY id LIMIT 1 FOR UPDATE"  # noqa: S608
KEY_OF = "SELECT key FROM parked WHERE consumer = $1 AND event_id = $2"
FAILED = "UPDATE parked SET attempts = attempts + 1, error = $2 WHERE id = $1"
DONE = "DELETE FROM parked WHERE id = $1"
CAUGHT_UP = """
INSERT INTO caught_up (consumer, shard, at) VALUES ($1, $2, $3)
ON CONFLICT (consumer, shard) DO UPDATE SET at = greatest(caught_up.at, excluded.at)
"""
WHOLE_UNTIL = "SELECT min(at) FROM caught_up WHERE consumer = $1"
LOCK_KEY = "SELECT pg_advisory_xact_lock(hashtextextended($1 || chr(10) || $2, 0))"
ERROR_LENGTH: Final = 4000


@dataclass(frozen=True, slots=True)
class Parked:
    """An event that waits, with the bytes as they came and why it was refused."""

    id: int
    type: str
    value: bytes
    headers: Mapping[str, str]
    meta: EventMeta
    error: str
    attempts: int


async def claim(tx: Tx, consumer: str, event_id: object, keep: timedelta | None = None) -> bool:
    """Take an event in the transaction that applies it; false if it was applied before.

    ``keep``: how long that is remembered, at least as long as its topic may hold the event; none is for ever.
    """
    return await tx.fetchval(CLAIM, consumer, event_id, keep) is not None


async def claim_many(tx: Tx, consumer: str, event_ids: Collection[UUID], keep: timedelta | None = None) -> set[UUID]:
    """Take events in the transaction that applies them; those that were not applied before."""
    return {row["event_id"] for row in await tx.fetch(CLAIM_MANY, consumer, list(event_ids), keep)}


async def forget(rt: Runtime, *, batch: int = BATCH) -> int:
    """Forget events that no topic holds any more; says how many. Part of the housekeeping."""
    return await in_batches(rt.db, FORGET, batch=batch)


async def is_parked(tx: Tx, consumer: str, key: str) -> bool:
    """Whether an earlier event of this key waits, so that later ones must wait too."""
    return bool(await tx.fetchval(IS_PARKED, consumer, key))


async def has_parked(tx: Tx, consumer: str, topic: str) -> bool:
    """Whether an event of this topic waits."""
    return bool(await tx.fetchval(HAS_PARKED, consumer, topic))


async def parked_keys(tx: Tx, consumer: str, keys: Collection[str] | None = None) -> list[str]:
    """Keys with waiting events, the longest waiting first; only those of ``keys`` if given."""
    rows = await (tx.fetch(ALL_KEYS, consumer) if keys is None else tx.fetch(PARKED_KEYS, consumer, list(keys)))
    return [row["key"] for row in rows]


async def park(
    tx: Tx, consumer: str, meta: EventMeta, *, event_type: str, value: bytes, headers: Mapping[str, str], error: str
) -> bool:
    """Put an event aside; false if it already is."""
    row = await tx.fetchval(
        PARK,
        consumer,
        meta.key,
        meta.event_id,
        event_type,
        meta.topic,
        meta.partition,
        meta.offset,
        meta.at,
        value,
        dict(headers),
        error.replace("\0", "")[:ERROR_LENGTH],
    )
    return row is not None


async def count_parked(tx: Tx, consumer: str) -> int:
    """How many events wait."""
    return int(await tx.fetchval(COUNT, consumer))


async def note_caught_up(tx: Tx, consumer: str, shard: int, at: datetime) -> None:
    """Everything that the topics of a shard held then is applied, or parked."""
    await tx.execute(CAUGHT_UP, consumer, shard, at)


async def caught_up(tx: Tx, consumer: str) -> datetime | None:
    """Up to when all of them are applied; none where they never were."""
    at: datetime | None = await tx.fetchval(WHOLE_UNTIL, consumer)
    return at


async def lock_key(tx: Tx, consumer: str, key: str) -> None:
    """Keep others from parking or unparking events of this key until the transaction ends."""
    await tx.execute(LOCK_KEY, consumer, key)


async def first_parked(tx: Tx, consumer: str, key: str) -> Parked | None:
    """The longest waiting event of a key, locked."""
    row = await tx.fetchrow(FIRST, consumer, key)
    if row is None:
        return None
    headers = row["headers"]
    meta = EventMeta(
        row["event_id"],
        row["key"],
        row["topic"],
        row["partition"],
        row["offset"],
        row["at"],
        headers.get("traceparent"),
    )
    return Parked(row["id"], row["type"], row["value"], headers, meta, row["error"], row["attempts"])


async def key_of(tx: Tx, consumer: str, event_id: UUID) -> str | None:
    """The key of a waiting event; none if it does not wait."""
    key: str | None = await tx.fetchval(KEY_OF, consumer, event_id)
    return key


async def unparked(tx: Tx, parked: Parked) -> None:
    """It was applied, or set aside for good: it waits no longer."""
    await tx.execute(DONE, parked.id)


async def failed_again(tx: Tx, parked: Parked, error: str) -> None:
    """It was tried and refused once more."""
    await tx.execute(FAILED, parked.id, error.replace("\0", "")[:ERROR_LENGTH])
