"""The tick worker: acts on clocks and windows that have run out, each exactly once.

A verb locks its aggregate, then its deadline. The worker therefore does not hold the deadline's row while a handler
locks the aggregate: an advisory lock keeps other workers off, the handler runs, and only then the row is marked. If a
verb met the deadline meanwhile, the whole transaction is taken back.

What is due is decided by the database's time, which all processes share. A process whose own clock is far from it would
write wrong times whatever it did: it acts on nothing and says so until its clock is right.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final, Literal, TypeAlias
from uuid import UUID

import structlog

from shared.runtime.acts.deadlines import OPEN, recompute
from shared.runtime.acts.runtime import Runtime
from shared.runtime.base import metrics
from shared.runtime.db.postgres import DATABASE_ERRORS, Tx

POLL_S: Final = 1.0
BATCH: Final = 64
AT_ONCE: Final = 4
"""Handlers that run side by side, so that a slow one does not hold up the rest."""
LONGEST_BACK_OFF_S: Final = 300
RECOUNT_S: Final = 3600.0
"""How often clocks are looked for that another calendar of working days counted."""
SKEW_S: Final = 30.0
STUCK_S: Final = 60.0
"""A worker that has finished no tick for so long is failing."""

Handler: TypeAlias = Callable[[Runtime, Tx, UUID], Awaitable[Any]]

_DUE: Final = f"""
SELECT id, kind, aggregate_id, due_at, attempts
  FROM deadline
 WHERE {OPEN} AND suspended_at IS NULL AND due_at <= $1 AND kind = ANY($2) AND (retry_at IS NULL OR retry_at <= $1)
 ORDER BY coalesce(retry_at, due_at)
 LIMIT $3
"""  # noqa: S608
_CLAIM: Final = "SELECT pg_try_advisory_xact_lock(hashtext('deadline'), hashtext($1::uuid::text))"
_STILL_DUE: Final = f"""
SELECT true FROM deadline WHERE id = $1 AND {OPEN} AND suspended_at IS NULL AND due_at <= $2
"""  # noqa: S608
_FIRE: Final = f"""
UPDATE deadline SET breached_at = $2, retry_at = NULL, error = NULL
 WHERE id = $1 AND {OPEN} AND suspended_at IS NULL AND due_at <= $2
RETURNING id
"""  # noqa: S608
_FAILED: Final = f"""
UPDATE deadline SET attempts = attempts + 1, retry_at = $2, error = $3
 WHERE id = $1 AND {OPEN}
RETURNING attempts
"""  # noqa: S608
_TIME: Final = "SELECT clock_timestamp()"
_NEXT: Final = f"""
SELECT min(greatest(due_at, coalesce(retry_at, due_at)))
  FROM deadline
 WHERE {OPEN} AND suspended_at IS NULL AND kind = ANY($1)
"""  # noqa: S608

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class TickHealth:
    """How the tick worker is. ``failing``: the database is away, this clock is wrong, or no tick finishes."""

    state: Literal["ticking", "failing"]
    last_tick: datetime | None
    """When one was last finished; none before the first."""
    error: str | None = None


@dataclass(frozen=True, slots=True)
class _Due:
    id: UUID
    kind: str
    aggregate_id: UUID
    due_at: datetime
    attempts: int


class ClockWrong(Exception):
    """The clock of this process and the database's differ by more than the limit; one of them is wrong."""


class _Overtaken(Exception):
    """The deadline was met, suspended or moved while its handler ran."""


class TickWorker:
    """Fires what is due: one transaction each, once; a handler that fails is tried again later and blocks nobody."""

    def __init__(
        self,
        rt: Runtime,
        handlers: Mapping[str, Handler],
        *,
        name: str = "ticks",
        poll_s: float = POLL_S,
        recount_s: float = RECOUNT_S,
        stuck_s: float = STUCK_S,
        skew_limit_s: float = SKEW_S,
    ) -> None:
        """``skew_limit_s``: how far the clock here may be from the database's; beyond it nothing is acted upon.

        ``name``: of this one, where several share the kinds of clocks.
        """
        self._rt = rt
        self._name = {"worker": name}
        self._handlers = handlers
        self._kinds = list(handlers)
        self._poll_s = poll_s
        self._recount_s = recount_s
        self._stuck_s = stuck_s
        self._skew_limit_s = skew_limit_s
        self._last_tick: datetime | None = None
        self._since = time.monotonic()
        """When the last tick was finished, or the first one awaited."""
        self._error: str | None = None

    def health(self) -> TickHealth:
        """How it is now."""
        error, quiet = self._error, time.monotonic() - self._since
        if error is None and quiet > self._stuck_s:
            error = f"no tick has finished for {quiet:.0f} s"
        return TickHealth("failing" if error else "ticking", self._last_tick, error)

    async def run(self) -> None:
        """Fire until cancelled; a database that is away is waited for."""
        for kind in self._kinds:  # shown as 0 from the start: for an alert, a counter that begins at 1 never rose
            metrics.deadlines_fired.add(0, {"kind": kind})
            metrics.deadlines_failed.add(0, {"kind": kind})
        metrics.ticks_finished.set(
            time.time(), self._name
        )  # its age must grow also if not even the first tick comes to an end
        recounted = float("-inf")
        while True:
            pause = self._poll_s
            try:
                if time.monotonic() - recounted >= self._recount_s:
                    await self._recount()
                    recounted = time.monotonic()
                fired = await self.tick()
                self._last_tick, self._since, self._error = datetime.now(UTC), time.monotonic(), None
                metrics.ticks_finished.set(time.time(), self._name)
                pause = 0.0 if fired else await self._pause()
            except ClockWrong as error:
                self._error = str(error)
                _log.error("ticks.clock_wrong", error=self._error)
            except DATABASE_ERRORS as error:
                self._error = repr(error)
                _log.warning("ticks.database_away", error=self._error)
            await asyncio.sleep(pause)

    async def _recount(self) -> None:
        """Follow the calendar of working days. Each move is in the row and in the log."""
        async with self._rt.db.transaction() as tx:
            moved = await recompute(tx, self._rt)
        for each in moved:
            _log.info(
                "deadline.moved",
                kind=each.kind,
                aggregate_id=str(each.aggregate_id),
                before=each.before.isoformat(),
                due_at=each.due_at.isoformat(),
                calendar=self._rt.rules.calendar.version,
            )

    async def _time(self, connection: Tx) -> datetime:
        """The database's time. Raises ClockWrong if the clock here is too far from it."""
        at = self._rt.clock.of_database(await connection.fetchval(_TIME))
        skew = (self._rt.clock.now() - at).total_seconds()
        metrics.clock_skew.set(skew)
        if abs(skew) > self._skew_limit_s:
            raise ClockWrong(
                f"the clock of this process is {abs(skew):.0f} s {'ahead of' if skew > 0 else 'behind'} the database's,"
                f" which may be {self._skew_limit_s:g} s: nothing is acted upon until they agree"
            )
        return at

    async def tick(self) -> int:
        """Fire what is due now, up to a batch; gives how many fired. Raises ClockWrong before anything is done."""
        async with self._rt.db.connection() as connection:
            at = await self._time(connection)
            rows = await connection.fetch(_DUE, at, self._kinds, BATCH)
        room = asyncio.Semaphore(AT_ONCE)

        async def fire(due: _Due) -> bool:
            async with room:
                return await self._fire(due, at)

        results = await asyncio.gather(*(fire(_Due(**row)) for row in rows), return_exceptions=True)
        for result in results:
            if isinstance(result, BaseException):
                raise result
        return sum(result is True for result in results)

    async def _fire(self, due: _Due, at: datetime) -> bool:
        try:
            async with self._rt.db.transaction() as tx:
                fired = await self._act(tx, due, at)
        except _Overtaken:
            return False
        except Exception as error:
            # Whatever a handler raises: the row stays, is tried again, and the others go on.
            if await self._still_open(due, at):
                await self._failed(due, error)
            return False
        if fired:
            metrics.deadlines_fired.add(1, {"kind": due.kind})
            _log.info(
                "deadline.fired", kind=due.kind, aggregate_id=str(due.aggregate_id), due_at=due.due_at.isoformat()
            )
        return fired

    async def _act(self, tx: Tx, due: _Due, at: datetime) -> bool:
        """Claim, handle and mark. False if another worker has it or had it; raises _Overtaken to take all back."""
        if not await tx.fetchval(_CLAIM, due.id):
            return False
        if not await tx.fetchval(_STILL_DUE, due.id, at):
            return False
        await self._handlers[due.kind](self._rt, tx, due.aggregate_id)
        marked = await tx.fetchval(_FIRE, due.id, at)
        if marked is None and not await self._still_open(due, at):
            raise _Overtaken
        return True

    async def _still_open(self, due: _Due, at: datetime) -> bool:
        """Whether everybody else sees the deadline as due: then it was the handler itself that closed it."""
        # In a task of its own, which takes a connection of its own, outside the handler's transaction.
        return await asyncio.create_task(self._seen_by_others(due, at))

    async def _seen_by_others(self, due: _Due, at: datetime) -> bool:
        async with self._rt.db.connection() as connection:
            return bool(await connection.fetchval(_STILL_DUE, due.id, at))

    async def _failed(self, due: _Due, error: Exception) -> None:
        back_off = min(2**due.attempts, LONGEST_BACK_OFF_S)
        async with self._rt.db.transaction() as tx:
            retry_at = await self._time(tx) + timedelta(seconds=back_off)
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
            ahead = following - await self._time(connection)
        return min(self._poll_s, max(0.05, ahead.total_seconds()))
