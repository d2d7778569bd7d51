"""SQL of what is seen of ordered names: which are to be looked at, what was seen, what differed."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

import asyncpg

from shared.contracts.grounds import AuthorityRef
from shared.contracts.http.observed import Kind, Outcome
from shared.contracts.orders import Action
from shared.runtime.db.postgres import Tx


@dataclass(frozen=True, slots=True)
class Observation:
    """What one name, address and port answered."""

    order_id: UUID
    at: datetime
    host: str
    address: str
    port: int
    outcome: Outcome
    status: int | None
    ours: bool


@dataclass(frozen=True, slots=True)
class Difference:
    """What was seen otherwise than signed; ``again``: so much later it was seen once more."""

    order_id: UUID
    kind: Kind
    since: datetime
    last_at: datetime
    names: tuple[str, ...]
    again: timedelta = timedelta()
    told_at: datetime | None = None
    closed_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Standing:
    """How many differences of a kind were told and are open, and since when the oldest is."""

    count: int
    oldest: datetime


@dataclass(frozen=True, slots=True)
class Probed:
    """What of an order decides whether, where and for what it is looked at."""

    id: UUID
    provider_id: UUID
    action: Action
    hosts: tuple[str, ...]
    ips: tuple[str, ...]
    register_entry: str
    issuer: AuthorityRef
    until: datetime | None
    undoes: UUID | None
    undone_by: UUID | None
    executed_at: datetime | None
    begins_at: datetime | None
    looks: int | None


ENLIST: Final = """
WITH claimed AS (
    SELECT r.order_id, r.recorded_at AS begins_at FROM receipt AS r JOIN access_order AS o ON o.id = r.order_id
     WHERE r.outcome = 'executed' AND r.recorded_at > $1 AND NOT o.trial
    UNION ALL
    SELECT o.id, o.execute_by FROM access_order AS o
     WHERE o.action = 'restore' AND NOT o.trial AND o.execute_by > $3 AND o.execute_by <= $2
       AND o.status IN ('released', 'received', 'partly', 'impossible', 'contested', 'accepted')
       AND EXISTS (SELECT FROM receipt AS r WHERE r.order_id = o.undoes AND r.outcome = 'executed'))
INSERT INTO probing (order_id, begins_at, next_at) SELECT order_id, begins_at, $2 FROM claimed
ON CONFLICT (order_id) DO UPDATE SET begins_at = excluded.begins_at, next_at = $2, looks = 0
 WHERE probing.begins_at < excluded.begins_at
"""
OVER: Final = """
UPDATE probing SET next_at = $1 FROM access_order AS o
 WHERE o.id = probing.order_id AND o.undone_by IS NOT NULL AND probing.next_at > $1
"""
DUE: Final = "SELECT order_id FROM probing WHERE next_at <= $1 ORDER BY next_at LIMIT 1"
PROBED: Final = """
SELECT o.id, o.provider_id, o.action, o.hosts, o.content #> '{site,ips}' AS ips,
       o.content ->> 'register_entry' AS register_entry, o.content -> 'issuer' AS issuer, o.until, o.undoes,
       o.undone_by, r.recorded_at AS executed_at, p.begins_at, p.looks
  FROM access_order AS o LEFT JOIN probing AS p ON p.order_id = o.id
       LEFT JOIN receipt AS r ON r.order_id = o.id AND r.outcome = 'executed'
 WHERE o.id = $1
"""
STOPPED: Final = """
SELECT name FROM unnest($3::text[]) AS name
 WHERE EXISTS (
        SELECT FROM access_order AS o, unnest(o.hosts) AS cut
         WHERE o.provider_id = $1 AND o.id <> $2 AND o.action IN ('cut_off', 'suspend')
           AND o.sequence IS NOT NULL AND o.undone_by IS NULL
           AND (name = cut OR right(name, length(cut) + 1) = '.' || cut))
    OR EXISTS (
        SELECT FROM emergency AS e
         WHERE e.provider_id = $1 AND e.host = name AND e.status IN ('reported', 'confirmed'))
"""
NEXT: Final = "UPDATE probing SET next_at = $2, looks = looks + 1 WHERE order_id = $1"
COLUMNS: Final = "order_id, at, host, address, port, outcome, status, ours"
ADD: Final = f"""
INSERT INTO observation ({COLUMNS})
SELECT $1, $2, host, address, port, outcome, status, ours
  FROM unnest($3::text[], $4::text[], $5::integer[], $6::text[], $7::integer[], $8::boolean[])
    AS new (host, address, port, outcome, status, ours)
"""  # noqa: S608 - ours
OF_ORDER: Final = f"SELECT {COLUMNS} FROM observation WHERE order_id = $1 ORDER BY at, host, address, port"  # noqa: S608
DIFFERENCES: Final = """
SELECT order_id, kind, since, last_at, names, told_at, closed_at FROM observed_difference
 WHERE order_id = $1 ORDER BY id DESC
"""
DIFFERS: Final = """
INSERT INTO observed_difference (order_id, kind, since, last_at, names) VALUES ($1, $2, $3, $4, $5)
ON CONFLICT (order_id, kind) WHERE closed_at IS NULL DO UPDATE SET last_at = $4, names = $5
RETURNING told_at
"""
TOLD: Final = "UPDATE observed_difference SET told_at = $3 WHERE order_id = $1 AND kind = $2 AND closed_at IS NULL"
CLOSE: Final = """
UPDATE observed_difference SET closed_at = $3 WHERE order_id = $1 AND closed_at IS NULL AND NOT kind = ANY ($2::text[])
"""
OLDEST_DUE: Final = "SELECT min(next_at) FROM probing WHERE next_at <= $1"
STANDING: Final = """
SELECT d.kind, count(*) AS count, min(d.since) AS oldest
  FROM observed_difference AS d JOIN probing AS p ON p.order_id = d.order_id
 WHERE d.closed_at IS NULL AND d.told_at IS NOT NULL AND p.next_at IS NOT NULL
 GROUP BY d.kind
"""
FORGET: Final = (
    "DELETE FROM observation WHERE ctid = ANY (ARRAY(SELECT ctid FROM observation WHERE at < $1 LIMIT $2))",
    "DELETE FROM observed_difference"
    " WHERE ctid = ANY (ARRAY(SELECT ctid FROM observed_difference WHERE last_at < $1 LIMIT $2))",
    "DELETE FROM probing WHERE ctid = ANY (ARRAY(SELECT ctid FROM probing WHERE begins_at < $1 LIMIT $2))",
)


async def enlist(tx: Tx, since: datetime, at: datetime, oldest: datetime) -> None:
    """Look at what was signed as done after ``since``, and at restores that nobody signed in their time; have done
    with what was taken back."""
    await tx.execute(ENLIST, since, at, oldest)
    await tx.execute(OVER, at)


async def due(tx: Tx, at: datetime) -> UUID | None:
    """The order that has waited longest to be looked at; none if none is due."""
    found: UUID | None = await tx.fetchval(DUE, at)
    return found


async def probed(tx: Tx, order_id: UUID) -> Probed | None:
    """An order as it stands; none if there is no such order."""
    row = await tx.fetchrow(PROBED, order_id)
    if row is None:
        return None
    values: dict[str, Any] = dict(row)
    return Probed(**{
        **values, "action": Action(values["action"]), "hosts": tuple(values["hosts"]), "ips": tuple(values["ips"]),
        "issuer": AuthorityRef.model_validate(values["issuer"]),
    })  # fmt: skip


async def stopped(tx: Tx, order: Probed) -> set[str]:
    """Which of its names the same provider may rightly not host for another reason."""
    return {row["name"] for row in await tx.fetch(STOPPED, order.provider_id, order.id, list(order.hosts))}


async def look_again(tx: Tx, order_id: UUID, at: datetime | None) -> None:
    """When it is looked at next; none: never."""
    await tx.execute(NEXT, order_id, at)


async def add(tx: Tx, order_id: UUID, at: datetime, seen: Sequence[Observation]) -> None:
    """Keep what was seen in one look."""
    await tx.execute(
        ADD, order_id, at, [each.host for each in seen], [each.address for each in seen],
        [each.port for each in seen], [each.outcome for each in seen], [each.status for each in seen],
        [each.ours for each in seen],
    )  # fmt: skip


async def of_order(tx: Tx, order_id: UUID | None) -> list[Observation]:
    """What was seen of an order, oldest first."""
    return [_observation(row) for row in await tx.fetch(OF_ORDER, order_id)]


async def differences(tx: Tx, order_id: UUID) -> list[Difference]:
    """What differed, newest first, open or closed."""
    rows = await tx.fetch(DIFFERENCES, order_id)
    return [Difference(**{**row, "kind": Kind(row["kind"]), "names": tuple(row["names"])}) for row in rows]


async def differs(tx: Tx, found: Difference) -> datetime | None:
    """Keep that it differs, still or anew; gives when that was told."""
    told: datetime | None = await tx.fetchval(
        DIFFERS, found.order_id, found.kind, found.since, found.last_at, list(found.names)
    )
    return told


async def told(tx: Tx, found: Difference, at: datetime) -> None:
    """It was told."""
    await tx.execute(TOLD, found.order_id, found.kind, at)


async def close(tx: Tx, order_id: UUID, but: Collection[Kind], at: datetime) -> None:
    """What differed and does so no more is over."""
    await tx.execute(CLOSE, order_id, list(but), at)


async def oldest_due(tx: Tx, at: datetime) -> datetime | None:
    """Since when the look is due that has waited longest; none if none is due."""
    found: datetime | None = await tx.fetchval(OLDEST_DUE, at)
    return found


async def standing(tx: Tx) -> dict[Kind, Standing]:
    """What was told, is open, and is still looked at: what nobody looks at any more cannot close."""
    return {Kind(row["kind"]): Standing(row["count"], row["oldest"]) for row in await tx.fetch(STANDING)}


def _observation(row: asyncpg.Record) -> Observation:
    return Observation(**{**row, "outcome": Outcome(row["outcome"])})
