"""Statutory clocks and short windows: rows that are started, stand still, are met, or run out (``ticks`` acts then).

Lock order: a verb locks its aggregate, then its deadline.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, TypeAlias
from uuid import UUID

import structlog

from shared.rules import Rules, Unit
from shared.runtime.acts.runtime import Runtime
from shared.runtime.base.ids import uuid7
from shared.runtime.db.postgres import Tx

Pauses: TypeAlias = "list[list[str]]"
"""Pairs of ISO 8601 times between which the clock stood still."""

OPEN: Final = "met_at IS NULL AND breached_at IS NULL"
"""SQL: the clock was neither met nor acted upon."""

_START: Final = f"""
INSERT INTO deadline (id, kind, aggregate_id, clock_name, amount, unit, source, calendar_version, provisional,
                      started_at, due_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)
ON CONFLICT (kind, aggregate_id) WHERE {OPEN} DO UPDATE SET kind = excluded.kind
RETURNING due_at
"""  # noqa: S608 - the parts are constants
_SUSPEND: Final = f"""
UPDATE deadline SET suspended_at = $3
 WHERE kind = $1 AND aggregate_id = $2 AND {OPEN} AND suspended_at IS NULL
RETURNING id
"""  # noqa: S608
_SUSPENDED: Final = f"""
SELECT id, started_at, amount, unit, pauses, suspended_at
  FROM deadline
 WHERE kind = $1 AND aggregate_id = $2 AND {OPEN} AND suspended_at IS NOT NULL
   FOR UPDATE
"""  # noqa: S608
_RESUME: Final = """
UPDATE deadline
   SET suspended_at = NULL, due_at = $2, pauses = $3, suspended_seconds = $4, provisional = $5, calendar_version = $6
 WHERE id = $1
"""
_MET: Final = f"""
UPDATE deadline SET met_at = $3, suspended_at = NULL
 WHERE kind = $1 AND aggregate_id = $2 AND {OPEN}
RETURNING id
"""  # noqa: S608
_MET_MANY: Final = f"""
UPDATE deadline SET met_at = $3, suspended_at = NULL
 WHERE kind = $1 AND aggregate_id = ANY($2) AND {OPEN}
"""  # noqa: S608
_OF: Final = """
SELECT kind, clock_name, source, started_at, due_at, suspended_at, met_at, breached_at, provisional
  FROM deadline
 WHERE aggregate_id = $1
 ORDER BY started_at, id
"""
_LOADED: Final = "SELECT version, digest FROM calendar_version ORDER BY loaded_at DESC LIMIT 1 FOR UPDATE"
_LOAD: Final = """
INSERT INTO calendar_version (version, digest, years, loaded_at) VALUES ($1, $2, $3, $4)
ON CONFLICT (version) DO UPDATE SET digest = excluded.digest, years = excluded.years, loaded_at = excluded.loaded_at
"""
_COUNTED: Final = f"""
SELECT id, kind, aggregate_id, started_at, due_at, amount, unit, pauses
  FROM deadline
 WHERE {OPEN} AND unit = 'working_days' AND ($1::text IS NULL OR calendar_version IS DISTINCT FROM $1)
 ORDER BY id
   FOR UPDATE
"""  # noqa: S608
_MOVE: Final = """
UPDATE deadline SET due_at = counted.due_at, provisional = counted.provisional, calendar_version = $4
  FROM unnest($1::uuid[], $2::timestamptz[], $3::boolean[]) AS counted (id, due_at, provisional)
 WHERE deadline.id = counted.id
"""

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Deadline:
    """A clock of an aggregate, as views show it."""

    kind: str
    clock_name: str | None
    source: str | None
    """Where the delay comes from, e.g. O33 §12; none for a window."""
    started_at: datetime
    due_at: datetime
    suspended_at: datetime | None
    met_at: datetime | None
    breached_at: datetime | None
    provisional: bool
    """Counted through a year whose working days are not published yet: the date may move."""


@dataclass(frozen=True, slots=True)
class Moved:
    """An open deadline that a new calendar moved."""

    kind: str
    aggregate_id: UUID
    before: datetime
    due_at: datetime


async def start(tx: Tx, *, kind: str, aggregate_id: UUID, clock_name: str, rt: Runtime, at: datetime) -> datetime:
    """Start a statutory clock of the rule profile; gives its due time. One that already runs is left as it is."""
    clock = rt.rules.clocks[clock_name]
    due = _due_at(rt.rules, at, clock.amount, clock.unit, [])
    by_calendar = clock.unit is Unit.WORKING_DAYS
    started: datetime = await tx.fetchval(
        _START,
        uuid7(),
        kind,
        aggregate_id,
        clock_name,
        clock.amount,
        clock.unit,
        clock.source,
        rt.rules.calendar.version if by_calendar else None,
        by_calendar and rt.rules.calendar.is_provisional(at, due, rt.rules.time_zone),
        at,
        due,
    )
    return started


async def start_in(tx: Tx, kind: str, aggregate_id: UUID, seconds: float, *, at: datetime) -> datetime:
    """Start a window of so many seconds, e.g. the one in which an order can be withdrawn; gives its end."""
    due = at + timedelta(seconds=seconds)
    amount = math.ceil(seconds)
    started: datetime = await tx.fetchval(
        _START, uuid7(), kind, aggregate_id, None, amount, Unit.SECONDS, None, None, False, at, due
    )
    return started


async def suspend(tx: Tx, kind: str, aggregate_id: UUID, at: datetime) -> bool:
    """Let the clock stand still from now on. False if none is running."""
    return await tx.fetchval(_SUSPEND, kind, aggregate_id, at) is not None


async def resume(tx: Tx, kind: str, aggregate_id: UUID, at: datetime, *, rt: Runtime) -> datetime | None:
    """Let the clock run again; gives the new due time, later by what it stood still. None if none stood still.

    Working days: the day on which it stopped was used up, the day on which it goes on does not count.
    """
    row = await tx.fetchrow(_SUSPENDED, kind, aggregate_id)
    if row is None:
        return None
    pauses: Pauses = [*row["pauses"], [row["suspended_at"].isoformat(), max(at, row["suspended_at"]).isoformat()]]
    unit = Unit(row["unit"])
    due = _due_at(rt.rules, row["started_at"], row["amount"], unit, pauses)
    calendar = rt.rules.calendar
    by_calendar = unit is Unit.WORKING_DAYS
    await tx.execute(
        _RESUME,
        row["id"],
        due,
        pauses,
        round(_stood_still(pauses).total_seconds()),
        by_calendar and calendar.is_provisional(row["started_at"], due, rt.rules.time_zone),
        calendar.version if by_calendar else None,
    )
    return due


async def met(tx: Tx, kind: str, aggregate_id: UUID, at: datetime) -> bool:
    """What the clock was for has happened. False if none was open."""
    return await tx.fetchval(_MET, kind, aggregate_id, at) is not None


async def met_many(tx: Tx, kind: str, aggregate_ids: Sequence[UUID], at: datetime) -> None:
    """The same for many aggregates, in one statement."""
    if aggregate_ids:
        await tx.execute(_MET_MANY, kind, aggregate_ids, at)


async def of(tx: Tx, aggregate_id: UUID) -> list[Deadline]:
    """The clocks of an aggregate, in the order in which they were started."""
    return [Deadline(**row) for row in await tx.fetch(_OF, aggregate_id)]


async def recompute(tx: Tx, rt: Runtime) -> list[Moved]:
    """Count open working-day clocks again that another calendar than this one counted; gives those that moved.

    Once is not enough: beside this process, one of the release before may still start clocks by its own calendar.
    """
    calendar = rt.rules.calendar
    loaded = await tx.fetchrow(_LOADED)
    new = loaded is None or tuple(loaded) != (calendar.version, calendar.digest)
    if new:
        years = {str(year): status for year, status in calendar.years.items()}
        await tx.execute(_LOAD, calendar.version, calendar.digest, years, rt.clock.now())
        _log.info("calendar.loaded", version=calendar.version)
    rows = await tx.fetch(_COUNTED, None if new else calendar.version)
    dues = [_due_at(rt.rules, row["started_at"], row["amount"], Unit(row["unit"]), row["pauses"]) for row in rows]
    counted = list(zip(rows, dues, strict=True))
    provisional = [calendar.is_provisional(row["started_at"], due, rt.rules.time_zone) for row, due in counted]
    await tx.execute(_MOVE, [row["id"] for row in rows], dues, provisional, calendar.version)
    return [Moved(row["kind"], row["aggregate_id"], row["due_at"], due) for row, due in counted if due != row["due_at"]]


def _due_at(rules: Rules, start_at: datetime, amount: int, unit: Unit, pauses: Pauses) -> datetime:
    if unit is not Unit.WORKING_DAYS:
        return start_at + timedelta(**{unit: amount}) + _stood_still(pauses)
    calendar, tz = rules.calendar, rules.time_zone
    stood_still = sum(calendar.working_days_between(*_times(pause), tz) for pause in pauses)
    return calendar.add_working_days(start_at, amount + stood_still, tz)


def _stood_still(pauses: Pauses) -> timedelta:
    spans = (end - begin for begin, end in map(_times, pauses))
    return sum(spans, timedelta())


def _times(pause: list[str]) -> tuple[datetime, datetime]:
    return datetime.fromisoformat(pause[0]), datetime.fromisoformat(pause[1])
