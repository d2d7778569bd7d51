"""Applies events: each once, in order per key, and parks the keys whose events a handler refuses."""

from __future__ import annotations

import asyncio
import time
from base64 import b64encode
from collections import defaultdict
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from typing import Any, Final, NamedTuple, TypeVar
from uuid import UUID

import asyncpg
import structlog
from opentelemetry import propagate, trace

from shared.contracts.base import Fact
from shared.runtime.acts import audit
from shared.runtime.acts.runtime import Runtime
from shared.runtime.base import metrics
from shared.runtime.base.backoff import Backoff
from shared.runtime.base.context import Caller
from shared.runtime.db.postgres import Tx, is_transient
from shared.runtime.events import inbox
from shared.runtime.events.dispatch import Handler, Incoming, Kind, Projection, RawHandler, Table

log = structlog.get_logger(__name__)
tracer = trace.get_tracer("concord.runtime")
T = TypeVar("T")

CLAIM_AND_LOOK = """
WITH claimed AS (INSERT INTO inbox (consumer, event_id, forget_at) VALUES ($1, $2, now() + $4::interval)
                 ON CONFLICT DO NOTHING RETURNING 1)
SELECT EXISTS (SELECT FROM claimed) AS claimed,
       EXISTS (SELECT FROM parked WHERE consumer = $1 AND key = $3) AS parked
"""
CANCELLED_TRIES: Final = 3
CANCELLED_PAUSE_S: Final = 5.0
"""A statement that was cancelled (statement_timeout) may be one that always takes too long, or one of a database that
stalled for half a minute: it is tried so often, with this pause, before its event is parked."""
BEHIND_ANOTHER: Final = "waits for an earlier event of the same key"


def passes(error: BaseException, as_one: Callable[[BaseException], bool] = is_transient) -> bool:
    """Whether it passes by itself, so that the event is tried again in place and never parked.

    Also where it is wrapped: what else is in a group of errors may be a consequence, and shows itself the next time.
    """
    if isinstance(error, BaseExceptionGroup):
        return any(passes(each, as_one) for each in error.exceptions)
    return as_one(error) or (error.__cause__ is not None and passes(error.__cause__, as_one))


def _cancelled(error: BaseException) -> bool:
    return isinstance(error, asyncpg.QueryCanceledError)


class Delivery:
    """Applies the events one consumer reads."""

    def __init__(self, rt: Runtime, consumer: str, table: Table, *, concurrency: int = 4) -> None:
        """``concurrency``: how many keys are worked on at once; the events of one key always come one by one."""
        self._rt = rt
        self._consumer = consumer
        self._table = table
        self._slots = asyncio.Semaphore(concurrency)
        self.progress_at = time.monotonic()

    async def apply(self, events: Sequence[Incoming]) -> None:
        """Apply a batch. Returns only when every event is applied, known, skipped or parked: then offsets may move."""
        projected: dict[str, list[Incoming]] = defaultdict(list)
        raw: dict[str, list[Incoming]] = defaultdict(list)
        handled: dict[str, list[Incoming]] = defaultdict(list)
        for event in events:
            if event.kind is Kind.PROJECTION:
                projected[event.type].append(event)
            elif event.kind is Kind.RAW:
                raw[event.meta.topic].append(event)
            elif event.kind is Kind.SKIP:
                self._count("skipped", event)
            else:
                if event.kind is Kind.FOREIGN:
                    self._count("foreign", event)
                handled[event.meta.key].append(event)
        for batch in projected.values():
            await self._project(batch)
        work = [*(self._take(batch) for batch in raw.values()), *(self._one_by_one(each) for each in handled.values())]
        if len(work) == 1:
            await work[0]
        elif work:
            async with asyncio.TaskGroup() as group:
                for each in work:
                    group.create_task(each)
        self.progress_at = time.monotonic()

    async def _one_by_one(self, events: Iterable[Incoming]) -> None:
        async with self._slots:
            for event in events:
                with self._span(event):
                    self._count(await self._deliver(event), event)
                self.progress_at = time.monotonic()

    async def _deliver(self, event: Incoming) -> str:
        """Claim and apply in one transaction; what the handler refuses is claimed and parked in another."""
        try:
            return await self._retrying(lambda: self._claim_and_apply(event))
        except Exception as error:  # whatever a handler raises, the event must be kept
            log.exception("event_parked", **self._names(event))
            trace.get_current_span().record_exception(error)
            reason = f"{type(error).__name__}: {error}"
            return await self._retrying(lambda: self._claim_and_park(event, reason))

    async def _claim_and_apply(self, event: Incoming) -> str:
        key = event.meta.key
        async with self._rt.db.transaction() as tx:
            keep = self._table.keep(event)
            row = await tx.fetchrow(CLAIM_AND_LOOK, self._consumer, event.meta.event_id, key, keep)
            assert row is not None
            if not row["claimed"]:
                return "duplicate"
            if row["parked"]:
                await inbox.lock_key(tx, self._consumer, key)
                if await inbox.is_parked(tx, self._consumer, key):  # still, now that no unpark is under way
                    await self._park(tx, event, BEHIND_ANOTHER)
                    return "parked"
            await self._table.apply(self._rt, tx, event)
        return "applied"

    async def _take(self, batch: Sequence[Incoming]) -> None:
        """Raw records of one topic in one transaction; if it is refused, each by itself, to find the one at fault."""
        waiting = list(batch)
        if len(batch) > 1:
            async with self._slots:
                with self._span(batch[0]):
                    try:
                        waiting = await self._retrying(lambda: self._claim_and_take(batch))
                    except Exception as error:  # whatever a handler raises, the events must be kept
                        log.warning("batch_refused", consumer=self._consumer, type=batch[0].type, error=repr(error))
            self.progress_at = time.monotonic()
        await self._one_by_one(waiting)

    async def _claim_and_take(self, batch: Sequence[Incoming]) -> list[Incoming]:
        """Returns the events whose key is parked."""
        async with self._rt.db.transaction() as tx:
            parked = set(await inbox.parked_keys(tx, self._consumer, {event.meta.key for event in batch}))
            free = [event for event in batch if event.meta.key not in parked]
            keep = self._table.keep(batch[0])
            new = await inbox.claim_many(tx, self._consumer, [event.meta.event_id for event in free], keep)
            taken = [event for event in free if event.meta.event_id in new]
            if taken:
                await self._table.take(self._rt, tx, taken)
        for event in free:
            self._count("applied" if event.meta.event_id in new else "duplicate", event)
        return [event for event in batch if event.meta.key in parked]

    async def _claim_and_park(self, event: Incoming, reason: str) -> str:
        async with self._rt.db.transaction() as tx:
            await inbox.lock_key(tx, self._consumer, event.meta.key)
            if not await inbox.claim(tx, self._consumer, event.meta.event_id, self._table.keep(event)):
                return "duplicate"
            await self._park(tx, event, reason)
        return "parked"

    async def _park(self, tx: Tx, event: Incoming, reason: str) -> None:
        await inbox.park(
            tx,
            self._consumer,
            event.meta,
            event_type=event.type,
            value=event.value,
            headers=event.headers,
            error=reason,
        )

    async def _project(self, batch: Sequence[Incoming]) -> None:
        """A batch of one type in one transaction; if it is refused, each by itself, to find the one at fault."""
        with self._span(batch[0]):
            try:
                waiting = await self._retrying(lambda: self._project_all(batch))
            except Exception as error:  # whatever a projection raises, the events must be kept
                log.warning("batch_refused", consumer=self._consumer, type=batch[0].type, error=repr(error))
                waiting = list(batch)
            for event in waiting:
                self._count(await self._deliver_projection(event), event)
                self.progress_at = time.monotonic()
        self.progress_at = time.monotonic()

    async def _project_all(self, batch: Sequence[Incoming]) -> list[Incoming]:
        """Returns the events whose key is parked."""
        async with self._rt.db.transaction() as tx:
            parked = set(await inbox.parked_keys(tx, self._consumer, {event.meta.key for event in batch}))
            free = [event for event in batch if event.meta.key not in parked]
            if free:
                await self._table.project(self._rt, tx, free)
        for event in free:
            self._count("projected", event)
        return [event for event in batch if event.meta.key in parked]

    async def _deliver_projection(self, event: Incoming) -> str:
        try:
            return await self._retrying(lambda: self._project_one(event))
        except Exception as error:  # as above
            log.exception("event_parked", **self._names(event))
            reason = f"{type(error).__name__}: {error}"
            return await self._retrying(lambda: self._park_projection(event, reason))

    async def _project_one(self, event: Incoming) -> str:
        async with self._rt.db.transaction() as tx:
            if await inbox.is_parked(tx, self._consumer, event.meta.key):
                await inbox.lock_key(tx, self._consumer, event.meta.key)
                if await inbox.is_parked(tx, self._consumer, event.meta.key):
                    await self._park(tx, event, BEHIND_ANOTHER)
                    return "parked"
            await self._table.apply(self._rt, tx, event)
        return "projected"

    async def _park_projection(self, event: Incoming, reason: str) -> str:
        async with self._rt.db.transaction() as tx:
            await inbox.lock_key(tx, self._consumer, event.meta.key)
            await self._park(tx, event, reason)
        return "parked"

    async def _retrying(self, attempt: Callable[[], Awaitable[T]]) -> T:
        """Try again, in place, while the database is away or the transaction lost a race; a few times if it stalls."""
        backoff, cancelled = Backoff(first_s=0.05), 0
        while True:
            try:
                return await attempt()
            except Exception as error:
                stalled = not passes(error) and passes(error, _cancelled)
                cancelled += stalled
                if cancelled == CANCELLED_TRIES or not (stalled or passes(error)):
                    raise
                metrics.consumer_retries.add(1, {"consumer": self._consumer})
                log.warning("event_retried", consumer=self._consumer, error=repr(error))
            if stalled:
                self.progress_at = time.monotonic()  # it comes to an end: no reason to end the process meanwhile
                await asyncio.sleep(CANCELLED_PAUSE_S)
            else:
                await backoff.wait()

    def _span(self, event: Incoming) -> Any:
        carrier = {"traceparent": event.meta.traceparent} if event.meta.traceparent else {}
        return tracer.start_as_current_span(
            f"{self._consumer} {event.type}",
            context=propagate.extract(carrier),
            kind=trace.SpanKind.CONSUMER,
            attributes={
                "messaging.system": "kafka",
                "messaging.destination.name": event.meta.topic,
                "messaging.message.id": str(event.meta.event_id),
            },
        )

    def _names(self, event: Incoming) -> dict[str, str]:
        return {
            "consumer": self._consumer,
            "type": event.type,
            "event_id": str(event.meta.event_id),
            "key": event.meta.key,
        }

    def _count(self, outcome: str, event: Incoming) -> None:
        metrics.consumer_events.add(1, {"consumer": self._consumer, "outcome": outcome})


class Unparked(NamedTuple):
    """How many parked events were applied, and how many still wait."""

    applied: int
    waiting: int


async def unpark(
    rt: Runtime,
    consumer: str,
    handlers: Mapping[type[Fact], Handler],
    key: str | None = None,
    *,
    projections: Mapping[type[Fact], Projection] | None = None,
    raw: Mapping[str, RawHandler] | None = None,
) -> Unparked:
    """Apply parked events in order, of one key or of all; a key stops at its first failure.

    Give the same tables that the consumer has.
    """
    table = Table(handlers, projections, raw)
    async with rt.db.transaction() as tx:
        keys = await inbox.parked_keys(tx, consumer) if key is None else [key]
    applied = 0
    for each in keys:
        while await _unpark_first(rt, consumer, table, each):
            applied += 1
    async with rt.db.transaction() as tx:
        waiting = await inbox.count_parked(tx, consumer)
    metrics.parked_events.set(waiting, {"consumer": consumer})
    return Unparked(applied, waiting)


async def _unpark_first(rt: Runtime, consumer: str, table: Table, key: str) -> bool:
    """Apply the longest waiting event of a key; false when there is none or it was refused again."""
    parked = None
    try:
        async with rt.db.transaction() as tx:
            await inbox.lock_key(tx, consumer, key)
            parked = await inbox.first_parked(tx, consumer, key)
            if parked is None:
                return False
            await table.apply(rt, tx, table.reread(parked))
            await inbox.unparked(tx, parked)
    except Exception as error:
        if parked is None or passes(error):
            raise
        log.warning(
            "event_refused_again", consumer=consumer, key=key, event_id=str(parked.meta.event_id), exc_info=True
        )
        async with rt.db.transaction() as tx:
            await inbox.failed_again(tx, parked, f"{type(error).__name__}: {error}")
        return False
    return True


class NotFirst(ValueError):
    """Only the event that stopped a key can be set aside; those behind it were never tried."""


async def set_aside(rt: Runtime, consumer: str, event_id: UUID, *, reason: str, who: Caller) -> str | None:
    """Give up a parked event for good; gives its key, none if this consumer has no such event parked.

    Who did it, why, and the record as it came are in the audit trail. The events behind it wait no longer for it:
    ``unpark`` its key. Raises NotFirst if an earlier event of its key waits.
    """
    async with rt.db.transaction() as tx:
        key = await inbox.key_of(tx, consumer, event_id)
        if key is None:
            return None
        await inbox.lock_key(tx, consumer, key)
        parked = await inbox.first_parked(tx, consumer, key)
        if parked is None or parked.meta.event_id != event_id:
            raise NotFirst(f"{consumer}: an earlier event of the key {key} waits")
        meta = parked.meta
        await audit.record(
            tx,
            who=who,
            act="set_aside",
            resource=f"parked/{consumer}/{event_id}",
            outcome="granted",
            detail={
                "reason": reason,
                "type": parked.type,
                "key": key,
                "topic": meta.topic,
                "partition": meta.partition,
                "offset": meta.offset,
                "error": parked.error,
                "headers": dict(parked.headers),
                "value": b64encode(parked.value).decode(),
            },
            at=rt.clock.now(),
        )
        await inbox.unparked(tx, parked)
    log.warning("event_set_aside", consumer=consumer, key=key, event_id=str(event_id), subject=who.subject)
    return key
