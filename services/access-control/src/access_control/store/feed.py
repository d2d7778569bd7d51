"""SQL of what a provider reads: its signed orders in sequence, and the set of orders in force."""

from collections.abc import Collection
from dataclasses import dataclass
from uuid import UUID

from shared.runtime.db.postgres import Tx

CHANNEL = "access_orders"
"""NOTIFY channel; the payload is the id of a provider that has new orders."""

PAGE = """
SELECT p.head, o.sequence, o.jws
  FROM provider p
  LEFT JOIN LATERAL (
       SELECT sequence, jws FROM access_order
        WHERE provider_id = p.id AND sequence > $2
        ORDER BY sequence LIMIT $3) o ON true
 WHERE p.id = $1
 ORDER BY o.sequence
"""
ONE = "SELECT jws FROM access_order WHERE provider_id = $1 AND sequence = $2"
STATE = """
SELECT p.head, count(o.sequence) AS in_force,
       encode(sha256(convert_to(
           coalesce(string_agg(o.id::text || ' ' || o.sequence::text || E'\\n', '' ORDER BY o.sequence), ''), 'UTF8'
       )), 'hex') AS hash
  FROM provider p
  LEFT JOIN access_order o
    ON o.provider_id = p.id AND o.action IN ('cut_off', 'suspend') AND o.sequence IS NOT NULL AND o.undone_by IS NULL
 WHERE p.id = $1
 GROUP BY p.head
"""
SNAPSHOT = """
SELECT p.head, o.id, o.sequence, o.jws, o.action IN ('cut_off', 'suspend') AND o.undone_by IS NULL AS in_force,
       o.status = ANY($2) AS open
  FROM provider p
  LEFT JOIN access_order o
    ON o.provider_id = p.id AND o.sequence IS NOT NULL
   AND (o.action IN ('cut_off', 'suspend') AND o.undone_by IS NULL OR o.status = ANY($2))
 WHERE p.id = $1
 ORDER BY o.sequence
"""


@dataclass(frozen=True, slots=True)
class SignedOrder:
    """The bytes of an order, and its place."""

    sequence: int
    jws: bytes


@dataclass(frozen=True, slots=True)
class FeedPage:
    """Orders after some place, and the last place there is."""

    head: int
    orders: list[SignedOrder]


@dataclass(frozen=True, slots=True)
class State:
    """What is in force at a provider, in a few bytes."""

    head: int
    in_force: int
    hash: str


@dataclass(frozen=True, slots=True)
class InForce:
    """An order in force or still open, with its bytes."""

    order_id: UUID
    sequence: int
    jws: bytes


@dataclass(frozen=True, slots=True)
class Standing:
    """How a provider stands: the orders in force, and those it has not yet answered for good."""

    head: int
    in_force: list[InForce]
    open: list[InForce]


async def orders_after(tx: Tx, provider_id: UUID, *, after: int, limit: int) -> FeedPage | None:
    """Orders after a place and the head, of one snapshot; none if there is no such provider."""
    rows = await tx.fetch(PAGE, provider_id, after, limit)
    if not rows:
        return None
    orders = [SignedOrder(row["sequence"], row["jws"]) for row in rows if row["sequence"] is not None]
    return FeedPage(rows[0]["head"], orders)


async def one(tx: Tx, provider_id: UUID, sequence: int) -> bytes | None:
    """The bytes of the order at a place."""
    jws: bytes | None = await tx.fetchval(ONE, provider_id, sequence)
    return jws


async def state(tx: Tx, provider_id: UUID) -> State | None:
    """Head, number and hash of what is in force."""
    row = await tx.fetchrow(STATE, provider_id)
    return State(**row) if row else None


async def snapshot(tx: Tx, provider_id: UUID, open_in: Collection[str]) -> Standing | None:
    """The head, every order in force, and every one in these statuses, of one moment."""
    rows = await tx.fetch(SNAPSHOT, provider_id, list(open_in))
    if not rows:
        return None
    orders = [(row, InForce(row["id"], row["sequence"], row["jws"])) for row in rows if row["id"] is not None]
    return Standing(
        rows[0]["head"],
        [order for row, order in orders if row["in_force"]],
        [order for row, order in orders if row["open"]],
    )
