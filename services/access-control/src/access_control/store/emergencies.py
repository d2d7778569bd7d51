"""What providers suspended by themselves, and what became of it."""

# ruff: noqa: S608 -- statements are put together from the column lists of this file, nothing else

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

import asyncpg

from access_control.errors import UnknownEmergency
from access_control.lifecycle import EMERGENCY, HELD_BACK, EmergencyAction, EmergencyStatus
from shared.contracts.ordering import means
from shared.contracts.orders import OrderedSite
from shared.runtime.acts.moves import Moves
from shared.runtime.acts.policy import Reach
from shared.runtime.base.ids import uuid7
from shared.runtime.db.postgres import Tx
from shared.runtime.web.paging import PageQuery


@dataclass(frozen=True, slots=True)
class Emergency:
    """A statement of a provider. ``jws`` are the bytes that it signed."""

    id: UUID
    version: int
    status: EmergencyStatus
    provider_id: UUID
    region: str
    host: str
    ground: str
    reasons: str
    since: datetime
    reported_at: datetime
    confirm_by: datetime
    kid: str
    jws: bytes
    decision_id: UUID | None
    ended_because: str | None
    restore_id: UUID | None
    changed_at: datetime

    @property
    def organisation(self) -> str:
        """Whose statement it is."""
        return str(self.provider_id)


@dataclass(frozen=True, slots=True)
class Ordered:
    """The orders to stop hosting that came of a decision at one provider, and whether they mean a name."""

    drafted: bool
    """There are any, whatever they mean."""
    stand: bool
    """So are some that are on their way, or went out and were not taken back."""
    on_its_way: bool
    """One of those on their way means the name."""
    in_force: bool
    """One that went out, and was not taken back, means it."""


COLUMNS: Final = """id, version, status, provider_id, region, host, ground, reasons, since, reported_at, confirm_by,
       kid, jws, decision_id, ended_because, restore_id, changed_at"""
WORDS: Final = {"organisation": "provider_id::text = ANY ({})", "region": "region = ANY ({})"}
ADD: Final = f"""
INSERT INTO emergency (id, status, provider_id, region, host, ground, reasons, since, reported_at, confirm_by, kid, jws,
                       changed_at)
VALUES ($1, 'reported', $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $8)
ON CONFLICT DO NOTHING
RETURNING {COLUMNS}
"""
GET: Final = f"SELECT {COLUMNS} FROM emergency WHERE id = $1"
HOLD: Final = f"{GET} FOR NO KEY UPDATE"
# The same name, one below it or one above it: a site is not suspended for another 72 hours under www.
_NAME: Final = "('.' || {0} LIKE '%.' || $2 OR '.' || $2 LIKE '%.' || {0})"
SAME: Final = f"""
SELECT {COLUMNS} FROM emergency
 WHERE provider_id = $1
   AND (status IN ('reported', 'confirmed') OR (status = 'lapsed' AND changed_at > $3)
        OR (status = 'replaced' AND NOT EXISTS (
            SELECT FROM execution AS e WHERE e.decision_id = emergency.decision_id AND e.undone IS NOT NULL)))
   AND {_NAME.format("host")}
 ORDER BY status = 'lapsed', reported_at DESC, id DESC LIMIT 1
"""
# What an order stopped and a restore gave back, whatever came before it: its host does not take that away by itself.
GIVEN_BACK: Final = f"""
SELECT burden.id FROM access_order AS burden JOIN access_order AS back ON back.id = burden.undone_by
 WHERE burden.provider_id = $1 AND NOT burden.trial AND coalesce(back.issued_at, back.drafted_at) > $3
   AND EXISTS (SELECT FROM unnest(burden.hosts) AS name WHERE {_NAME.format("name")})
 ORDER BY back.drafted_at DESC LIMIT 1
"""
PROVIDERS_OF_DECISION: Final = """
SELECT DISTINCT provider_id FROM emergency WHERE decision_id = $1 AND status IN ('confirmed', 'replaced')
"""
OF_DECISION: Final = f"""
SELECT {COLUMNS} FROM emergency
 WHERE decision_id = $1 AND provider_id = $2 AND status IN ('confirmed', 'replaced') ORDER BY id FOR NO KEY UPDATE
"""
ORDERED: Final = """
SELECT o.status = ANY ($3) AS on_its_way, o.sequence IS NOT NULL AND o.undone_by IS NULL AS in_force,
       o.content -> 'site' AS site
  FROM execution AS e JOIN access_order AS o ON o.execution_id = e.id
 WHERE e.decision_id = $1 AND o.provider_id = $2 AND o.action <> 'restore'
"""
STAND_IN: Final = "INSERT INTO execution (id, decision_id, emergency, heard_at) VALUES ($1, $1, true, $2)"
IS_ANOTHERS: Final = """
SELECT EXISTS (SELECT FROM execution WHERE id = $1) OR EXISTS (SELECT FROM execution WHERE decision_id = $1)
    OR EXISTS (SELECT FROM access_order WHERE id = $1) OR EXISTS (SELECT FROM instruction WHERE id = $1)
    OR EXISTS (SELECT FROM provider WHERE id = $1) OR EXISTS (SELECT FROM conduct_entry WHERE decision_id = $1)
    OR EXISTS (SELECT FROM emergency WHERE decision_id = $1) OR EXISTS (SELECT FROM access_order WHERE site_id = $1)
"""


def of(row: asyncpg.Record) -> Emergency:
    """A row of COLUMNS."""
    values: dict[str, Any] = dict(row)
    return Emergency(**{**values, "status": EmergencyStatus(values["status"])})


MOVES: Final[Moves[Emergency, EmergencyStatus, EmergencyAction]] = Moves(
    EMERGENCY, table="emergency", columns=COLUMNS, read=of
)


async def add(
    tx: Tx, emergency_id: UUID, provider_id: UUID, *, region: str, host: str, ground: str, reasons: str,
    since: datetime, at: datetime, confirm_by: datetime, kid: str, jws: bytes,
) -> Emergency | None:  # fmt: skip
    """Enter a statement; none if its id, or a suspension of the name there, is known already."""
    row = await tx.fetchrow(
        ADD, emergency_id, provider_id, region, host, ground, reasons, since, at, confirm_by, kid, jws
    )
    return of(row) if row else None


async def get(tx: Tx, emergency_id: UUID) -> Emergency:
    """One. Raises UnknownEmergency."""
    return _one(await tx.fetchrow(GET, emergency_id), emergency_id)


async def hold(tx: Tx, emergency_id: UUID) -> Emergency:
    """One, held. Raises UnknownEmergency."""
    return _one(await tx.fetchrow(HOLD, emergency_id), emergency_id)


def _one(row: asyncpg.Record | None, emergency_id: UUID) -> Emergency:
    if row is None:
        raise UnknownEmergency(emergency_id=emergency_id)
    return of(row)


async def known(tx: Tx, emergency_id: UUID) -> bool:
    """Whether there is such a statement."""
    return await tx.fetchrow(GET, emergency_id) is not None


async def same(tx: Tx, provider_id: UUID, host: str, at: datetime, again_days: int) -> Emergency | None:
    """What stands in the way of another one about the name: one that stands, or one that lapsed not long ago."""
    row = await tx.fetchrow(SAME, provider_id, host, at - timedelta(days=again_days))
    return of(row) if row else None


async def given_back(tx: Tx, provider_id: UUID, host: str, at: datetime, again_days: int) -> UUID | None:
    """The order to stop hosting the name that was taken back not long ago."""
    found: UUID | None = await tx.fetchval(GIVEN_BACK, provider_id, host, at - timedelta(days=again_days))
    return found


async def providers_of_decision(tx: Tx, decision_id: UUID) -> set[UUID]:
    """Where a decision confirms one, whether an order of it carries it on or does not yet."""
    return {row["provider_id"] for row in await tx.fetch(PROVIDERS_OF_DECISION, decision_id)}


async def hold_of_decision(tx: Tx, decision_id: UUID, provider_id: UUID) -> list[Emergency]:
    """Those at a provider that a decision confirms, whether an order of it carries them on or does not yet; held."""
    return [of(row) for row in await tx.fetch(OF_DECISION, decision_id, provider_id)]


async def ordered(tx: Tx, decision_id: UUID, provider_id: UUID, host: str) -> Ordered:
    """What became of the orders of a decision at a provider, and which of them mean a name."""
    rows = await tx.fetch(ORDERED, decision_id, provider_id, list(HELD_BACK))
    stand = [each for each in rows if each["on_its_way"] or each["in_force"]]
    meant = [each for each in stand if means(OrderedSite.model_validate(each["site"]), host)]
    return Ordered(
        drafted=bool(rows), stand=bool(stand), on_its_way=any(each["on_its_way"] for each in meant),
        in_force=any(each["in_force"] for each in meant),
    )  # fmt: skip


async def is_anothers(tx: Tx, emergency_id: UUID) -> bool:
    """Whether an id of a provider's choice is that of something else here."""
    return bool(await tx.fetchval(IS_ANOTHERS, emergency_id))


async def stand_in(tx: Tx, emergency_id: UUID, at: datetime) -> UUID:
    """What the restore is caused by, where other orders have an execution: the emergency, under its own id.

    Under a new one where something else has come to bear that id since: what restores that must find its place free.
    """
    cause = uuid7() if await is_anothers(tx, emergency_id) else emergency_id
    await tx.execute(STAND_IN, cause, at)
    return cause


async def page(tx: Tx, reach: Reach, query: PageQuery, *, status: EmergencyStatus | None) -> list[Emergency]:
    """Those within reach, newest first: by time, since the id is of the provider's choice."""
    where, values = reach.where(WORDS, first=4)
    rows = await tx.fetch(
        f"""SELECT {COLUMNS} FROM emergency
             WHERE ($1::uuid IS NULL OR (reported_at, id) < (SELECT reported_at, id FROM emergency WHERE id = $1))
               AND ($3::text IS NULL OR status = $3) AND {where}
             ORDER BY reported_at DESC, id DESC LIMIT $2""",
        query.after, query.fetch, status, *values,
    )  # fmt: skip
    return [of(row) for row in rows]
