"""Statutory clocks and short windows: rows that are started, stand still, are met, or fire exactly once.

Lock order: a verb locks its aggregate, then its deadline. The tick worker therefore does not hold the deadline's row
while a handler locks the aggregate: an advisory lock keeps other workers off, the handler runs, and only then the row
is marked. If a verb met the deadline meanwhile, the whole transaction is taken back.
"""

import asyncio
import math
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final, TypeAlias
from uuid import UUID

import asyncpg
import structlog

from shared.rules import Rules, Unit
from shared.runtime import metrics
from shared.runtime.context import Runtime
from shared.runtime.ids import uuid7
from shared.runtime.postgres import Tx, is_transient

POLL_S: Final = 1.0
BATCH: Final = 64
AT_ONCE: Final = 4
"""Handlers that run side by side, so that a slow one does not hold up the rest."""
LONGEST_BACK_OFF_S: Final = 300

Handler: TypeAlias = Callable[[Runtime, Tx, UUID], Awaitable[Any]]
Pauses: TypeAlias = "list[list[str]]"
"""Pairs of ISO 8601 times between which the clock stood still."""

_OPEN: Final = "met_at IS NULL AND breached_at IS NULL"

_START: Final = f"""
INSERT INTO deadline (id, kind, aggregate_id, clock_name, amount, unit, source, calendar_version, provisional,
                      started_at, due_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)
ON CONFLICT (kind, aggregate_id) WHERE {_OPEN} DO UPDATE SET kind = excluded.kind
RETURNING due_at
"""  # noqa: S608 - the parts are constants
_SUSPEND: Final = f"""
UPDATE deadline SET suspended_at = $3
 WHERE kind = $1 AND aggregate_id = $2 AND {_OPEN} AND suspended_at IS NULL
RETURNING id
"""  # noqa: S608
_SUSPENDED: Final = f"""
SELECT id, started_at, amount, unit, pauses, suspended_at
  FROM deadline
 WHERE kind = $1 AND aggregate_id = $2 AND {_OPEN} AND suspended_at IS NOT NULL
   FOR UPDATE
"""  # noqa: S608
_RESUME: Final = """
UPDATE deadline
   SET suspended_at = NULL, due_at = $2, pauses = $3, suspended_seconds = $4, provisional = $5, calendar_version = $6
 WHERE id = $1
"""
_MET: Final = f"""
UPDATE deadline SET met_at = $3, suspended_at = NULL
 WHERE kind = $1 AND aggregate_id = $2 AND {_OPEN}
RETURNING id
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
 WHERE {_OPEN} AND unit = 'working_days'
 ORDER BY id
   FOR UPDATE
"""  # noqa: S608
_MOVE: Final = "UPDATE deadline SET due_at = $2, calendar_version = $3, provisional = $4 WHERE id = $1"

_DUE: Final = f"""
SELECT id, kind, aggregate_id, due_at, attempts
  FROM deadline
 WHERE {_OPEN} AND suspended_at IS NULL AND due_at <= $1 AND kind = ANY($2) AND (retry_at IS NULL OR retry_at <= $1)
 ORDER BY coalesce(retry_at, due_at)
 LIMIT $3
"""  # noqa: S608
_CLAIM: Final = "SELECT pg_try_advisory_xact_lock(hashtext('deadline'), hashtext($1::uuid::text))"
_STILL_DUE: Final = f"""
SELECT true FROM deadline WHERE id = $1 AND {_OPEN} AND suspended_at IS NULL AND due_at <= $2
"""  # noqa: S608
_FIRE: Final = f"""
UPDATE deadline SET breached_at = $2, retry_at = NULL, error = NULL
 WHERE id = $1 AND {_OPEN} AND suspended_at IS NULL AND due_at <= $2
RETURNING id
"""  # noqa: S608
_FAILED: Final = f"""
UPDATE deadline SET attempts = attempts + 1, retry_at = $2, error = $3
 WHERE id = $1 AND {_OPEN}
RETURNING attempts
"""  # noqa: S608
_NEXT: Final = f"""
SELECT min(greatest(due_at, coalesce(retry_at, due_at)))
  FROM deadline
 WHERE {_OPEN} AND suspended_at IS NULL AND kind = ANY($1)
"""  # noqa: S608

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


@dataclass(frozen=True, slots=True)
class _Due:
    id: UUID
    kind: str
    aggregate_id: UUID
    due_at: datetime
    attempts: int


class _Overtaken(Exception):
    """The deadline was met, suspended or moved while its handler ran."""


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


async def of(tx: Tx, aggregate_id: UUID) -> list[Deadline]:
    """The clocks of an aggregate, in the order in which they were started."""
    return [Deadline(**row) for row in await tx.fetch(_OF, aggregate_id)]


async def recompute(tx: Tx, rt: Runtime) -> list[Moved]:
    """Count open working-day clocks again if the calendar is not the one last used here; gives those that moved."""
    calendar = rt.rules.calendar
    loaded = await tx.fetchrow(_LOADED)
    if loaded is not None and tuple(loaded) == (calendar.version, calendar.digest):
        return []
    years = {str(year): status for year, status in calendar.years.items()}
    await tx.execute(_LOAD, calendar.version, calendar.digest, years, rt.clock.now())
    moved = []
    for row in await tx.fetch(_COUNTED):
        due = _due_at(rt.rules, row["started_at"], row["amount"], Unit(row["unit"]), row["pauses"])
        provisional = calendar.is_provisional(row["started_at"], due, rt.rules.time_zone)
        await tx.execute(_MOVE, row["id"], due, calendar.version, provisional)
        if due != row["due_at"]:
            moved.append(Moved(row["kind"], row["aggregate_id"], row["due_at"], due))
    _log.info("calendar.loaded", version=calendar.version, deadlines_moved=len(moved))
    return moved


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


class TickWorker:
    """Fires what is due: one transaction each, once; a handler that fails is tried again later and blocks nobody."""

    def __init__(self, rt: Runtime, handlers: Mapping[str, Handler], *, poll_s: float = POLL_S) -> None:
        self._rt = rt
        self._handlers = handlers
        self._kinds = list(handlers)
        self._poll_s = poll_s

    async def run(self) -> None:
        """Fire until cancelled; a database that is away is waited for."""
        calendar_done = False
        while True:
            try:
                if not calendar_done:
                    async with self._rt.db.transaction() as tx:
                        await recompute(tx, self._rt)
                    calendar_done = True
                fired = await self.tick()
                pause = 0.0 if fired else await self._pause()
            except (asyncpg.PostgresError, asyncpg.InterfaceError, OSError) as error:
                if not is_transient(error):
                    raise
                _log.warning("ticks.database_away", error=repr(error))
                pause = self._poll_s
            await asyncio.sleep(pause)

    async def tick(self) -> int:
        """Fire what is due now, up to a batch; gives how many fired."""
        async with self._rt.db.connection() as connection:
            rows = await connection.fetch(_DUE, self._rt.clock.now(), self._kinds, BATCH)
        room = asyncio.Semaphore(AT_ONCE)

        async def fire(due: _Due) -> bool:
            async with room:
                return await self._fire(due)

        results = await asyncio.gather(*(fire(_Due(**row)) for row in rows), return_exceptions=True)
        for result in results:
            if isinstance(result, BaseException):
                raise result
        return sum(result is True for result in results)

    async def _fire(self, due: _Due) -> bool:
        try:
            async with self._rt.db.transaction() as tx:
                fired = await self._act(tx, due)
        except _Overtaken:
            return False
        except Exception as error:
            # Whatever a handler raises: the row stays, is tried again, and the others go on.
            if await self._still_open(due):
                await self._failed(due, error)
            return False
        if fired:
            metrics.deadlines_fired.add(1, {"kind": due.kind})
            _log.info(
                "deadline.fired", kind=due.kind, aggregate_id=str(due.aggregate_id), due_at=due.due_at.isoformat()
            )
        return fired

    async def _act(self, tx: Tx, due: _Due) -> bool:
        """Claim, handle and mark. False if another worker has it or had it; raises _Overtaken to take all back."""
        if not await tx.fetchval(_CLAIM, due.id):
            return False
        if not await tx.fetchval(_STILL_DUE, due.id, self._rt.clock.now()):
            return False
        await self._handlers[due.kind](self._rt, tx, due.aggregate_id)
        marked = await tx.fetchval(_FIRE, due.id, self._rt.clock.now())
        if marked is None and not await self._still_open(due):
            raise _Overtaken
        return True

    async def _still_open(self, due: _Due) -> bool:
        """Whether everybody else sees the deadline as due: then it was the handler itself that closed it."""
        # In a task of its own, which takes a connection of its own, outside the handler's transaction.
        return await asyncio.create_task(self._seen_by_others(due))

    async def _seen_by_others(self, due: _Due) -> bool:
        async with self._rt.db.connection() as connection:
            return bool(await connection.fetchval(_STILL_DUE, due.id, self._rt.clock.now()))

    async def _failed(self, due: _Due, error: Exception) -> None:
        back_off = min(2**due.attempts, LONGEST_BACK_OFF_S)
        retry_at = self._rt.clock.now() + timedelta(seconds=back_off)
        async with self._rt.db.transaction() as tx:
            await tx.fetchval(_FAILED, due.id, retry_at, repr(error)[:2000])
        metrics.deadlines_failed.add(1, {"kind": due.kind})
        _log.error(
            "deadline.handler_failed",
            kind=due.kind,
            aggregate_id=str(due.aggregate_id),
            attempts=due.attempts + 1,
            next_try_in_s=back_off,
            exc_info=error,
        )

    async def _pause(self) -> float:
        """Until the next deadline, but no longer than the poll: others may start shorter ones."""
        async with self._rt.db.connection() as connection:
            following: datetime | None = await connection.fetchval(_NEXT, self._kinds)
        if following is None:
            return self._poll_s
        return min(self._poll_s, max(0.05, (following - self._rt.clock.now()).total_seconds()))
