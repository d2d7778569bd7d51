"""Subscriptions to names, and which of them are to be looked at."""

# ruff: noqa: S608 -- statements are put together from the column lists of this file, nothing else

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

import asyncpg

from enforcement.errors import UnknownSubscription
from enforcement.lifecycle import SUBSCRIPTION, SubscriptionAction, SubscriptionStatus
from shared.runtime.acts.moves import Moves
from shared.runtime.acts.policy import Reach
from shared.runtime.db.postgres import Tx


@dataclass(frozen=True, slots=True)
class Subscription:
    """A subscription as stored. ``identity``: whose it is, the policy's word."""

    id: UUID
    version: int
    status: SubscriptionStatus
    identity: str
    host: str
    channel: str
    address: str
    secret: bytes | None
    method: str
    challenge: str
    subscribed_by: str
    subscribed_at: datetime
    proven_at: datetime | None
    looked_at: datetime | None
    look_at: datetime | None
    looks: int
    missing: str | None
    ended_because: str | None
    changed_at: datetime


COLUMNS: Final = """id, version, status, identity, host, channel, address, secret, method, challenge, subscribed_by,
       subscribed_at, proven_at, looked_at, look_at, looks, missing, ended_because, changed_at"""
WORDS: Final = {"identity": "identity = ANY ({})"}
ADD: Final = f"""
INSERT INTO name_subscription (id, status, identity, host, channel, address, secret, method, challenge, subscribed_by,
                               subscribed_at, look_at, changed_at)
VALUES ($1, 'proving', $2, $3, $4, $5, $6, $7, $8, $9, $10, $10, $10)
ON CONFLICT (identity, host, channel, address) WHERE status <> 'ended' DO NOTHING
RETURNING {COLUMNS}
"""
SAME: Final = """
SELECT id FROM name_subscription
 WHERE identity = $1 AND host = $2 AND channel = $3 AND address = $4 AND status <> 'ended'
"""
GET: Final = f"SELECT {COLUMNS} FROM name_subscription WHERE id = $1"
HOLD: Final = f"{GET} FOR UPDATE"
WAITING: Final = f"""
SELECT {COLUMNS} FROM name_subscription
 WHERE identity = $1 AND channel = 'email' AND address = $2 AND status = 'confirming' ORDER BY id FOR UPDATE
"""
LIVE: Final = "SELECT count(*) FROM name_subscription WHERE identity = $1 AND status <> 'ended'"
ALONE: Final = "SELECT pg_advisory_xact_lock(hashtextextended('name_subscription ' || $1, 0))"
OF_NAMES: Final = f"""
SELECT {COLUMNS} FROM name_subscription
 WHERE status = 'active' AND host = ANY ($1 || $2::text[]) AND (host = ANY ($1::text[]) OR method = 'dns')
 ORDER BY id
"""
TAKE: Final = f"""
UPDATE name_subscription SET look_at = $1::timestamptz + $2::interval, looks = looks + 1
 WHERE id IN (SELECT id FROM name_subscription WHERE look_at <= $1 ORDER BY look_at LIMIT $3 FOR UPDATE SKIP LOCKED)
RETURNING {COLUMNS}
"""
MISSED: Final = "UPDATE name_subscription SET looked_at = $2, missing = $3, look_at = $4 WHERE id = $1"
LOOK: Final = "UPDATE name_subscription SET look_at = $2, looks = 0 WHERE id = $1 AND status <> 'ended'"


def of(row: asyncpg.Record) -> Subscription:
    """A row of COLUMNS."""
    values: dict[str, Any] = dict(row)
    return Subscription(**{**values, "status": SubscriptionStatus(values["status"])})


MOVES: Final[Moves[Subscription, SubscriptionStatus, SubscriptionAction]] = Moves(
    SUBSCRIPTION, table="name_subscription", columns=COLUMNS, read=of
)


async def add(
    tx: Tx, subscription_id: UUID, *, identity: str, host: str, channel: str, address: str, secret: bytes | None,
    method: str, challenge: str, by: str, at: datetime,
) -> Subscription | None:  # fmt: skip
    """Subscribe; none if the same one is there and has not ended. It is looked at at once."""
    row = await tx.fetchrow(ADD, subscription_id, identity, host, channel, address, secret, method, challenge, by, at)
    return of(row) if row else None


async def same(tx: Tx, identity: str, host: str, channel: str, address: str) -> UUID:
    """The one that is there."""
    found: UUID = await tx.fetchval(SAME, identity, host, channel, address)
    return found


async def live(tx: Tx, identity: str) -> int:
    """How many somebody has that have not ended; nobody adds one of theirs meanwhile."""
    await alone(tx, identity)
    return int(await tx.fetchval(LIVE, identity))


async def alone(tx: Tx, identity: str) -> None:
    """Nobody adds one of somebody's, or confirms their address, meanwhile. It is taken before one of theirs is held."""
    await tx.execute(ALONE, identity)


async def waiting_for(tx: Tx, identity: str, address: str) -> list[Subscription]:
    """Somebody's that wait for this address to be confirmed, held."""
    return [of(row) for row in await tx.fetch(WAITING, identity, address)]


async def get(tx: Tx, subscription_id: UUID) -> Subscription:
    """One subscription. Raises UnknownSubscription."""
    return _one(await tx.fetchrow(GET, subscription_id), subscription_id)


async def hold(tx: Tx, subscription_id: UUID) -> Subscription:
    """One subscription, held. Raises UnknownSubscription."""
    return _one(await tx.fetchrow(HOLD, subscription_id), subscription_id)


def _one(row: asyncpg.Record | None, subscription_id: UUID) -> Subscription:
    if row is None:
        raise UnknownSubscription(subscription_id=subscription_id)
    return of(row)


async def page(tx: Tx, reach: Reach, *, after: UUID | None, limit: int) -> list[Subscription]:
    """Subscriptions within reach, newest first."""
    where, values = reach.where(WORDS, first=3)
    rows = await tx.fetch(
        f"""SELECT {COLUMNS} FROM name_subscription WHERE ($1::uuid IS NULL OR id < $1) AND {where}
             ORDER BY id DESC LIMIT $2""",
        after, limit, *values,
    )  # fmt: skip
    return [of(row) for row in rows]


async def of_names(tx: Tx, names: Sequence[str], above: Sequence[str]) -> list[Subscription]:
    """Who hears of acts about these names: who holds one of them, or, as its DNS shows, one of those above them."""
    return [of(row) for row in await tx.fetch(OF_NAMES, list(names), list(above))]


async def take(tx: Tx, at: datetime, lease: timedelta, most: int) -> list[Subscription]:
    """What is to be looked at now, left to whoever took it for as long as the lease."""
    return [of(row) for row in await tx.fetch(TAKE, at, lease, most)]


async def missed(tx: Tx, subscription_id: UUID, at: datetime, missing: str, look_at: datetime | None) -> None:
    """It was looked at, and something was missing."""
    await tx.execute(MISSED, subscription_id, at, missing, look_at)


async def look(tx: Tx, subscription_id: UUID, at: datetime) -> None:
    """Have it looked at."""
    await tx.execute(LOOK, subscription_id, at)
