"""What providers suspended by themselves, and what became of it."""

# ruff: noqa: S608 -- statements are put together from the column lists of this file, nothing else

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

import asyncpg

from access_control.errors import UnknownEmergency
from access_control.lifecycle import EMERGENCY, EmergencyAction, EmergencyStatus
from shared.runtime.acts.moves import Moves
from shared.runtime.acts.policy import Reach
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
# The same name, one below it or one above it: a site is not suspended for another 72 hours under www. What an order
# carried on lapsed when that order was undone: what an appeal gave back its host does not take away by itself.
SAME: Final = f"""
SELECT {COLUMNS} FROM emergency
 WHERE provider_id = $1
   AND (status IN ('reported', 'confirmed') OR (status = 'lapsed' AND changed_at > $3)
        OR (status = 'replaced' AND EXISTS (
            SELECT FROM execution e WHERE e.decision_id = emergency.decision_id
                                      AND (e.undone->>'undone_at')::timestamptz > $3)))
   AND ('.' || host LIKE '%.' || $2 OR '.' || $2 LIKE '%.' || host)
 ORDER BY reported_at DESC, id DESC LIMIT 1
"""
OF_DECISION: Final = f"""
SELECT {COLUMNS} FROM emergency WHERE decision_id = $1 AND status = 'confirmed' ORDER BY id FOR NO KEY UPDATE
"""
STAND_IN: Final = """
INSERT INTO execution (id, decision_id, emergency, heard_at) VALUES ($1, $1, true, $2) ON CONFLICT DO NOTHING
"""
CARRIED_OUT: Final = "SELECT EXISTS (SELECT FROM execution WHERE decision_id = $1 AND carried_out IS NOT NULL)"


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


async def hold_of_decision(tx: Tx, decision_id: UUID) -> list[Emergency]:
    """Those that a decision confirms and no order carries on yet, held."""
    return [of(row) for row in await tx.fetch(OF_DECISION, decision_id)]


async def stand_in(tx: Tx, emergency_id: UUID, at: datetime) -> None:
    """What the restore is caused by, where other orders have an execution."""
    await tx.execute(STAND_IN, emergency_id, at)


async def is_carried_out(tx: Tx, decision_id: UUID) -> bool:
    """Whether the register carried a decision out already: then orders go on with it."""
    return bool(await tx.fetchval(CARRIED_OUT, decision_id))


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
