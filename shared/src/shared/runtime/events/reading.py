"""The one loop that reads Kafka: partitions assigned by hand, a new client after every failure, nothing passed over.

It belongs to no group. What is done with the records, and where it is written down how far that has come, is its
Keeper's: a consumer commits offsets to the broker beside its inbox, the read model keeps them in its own file.
"""

from __future__ import annotations

import asyncio
import inspect
import time
from collections.abc import Awaitable, Callable, Collection, Sequence
from contextlib import suppress
from typing import Final, NoReturn, TypeAlias

import structlog
from aiokafka import TopicPartition
from aiokafka.errors import CorruptRecordException, OffsetOutOfRangeError, UnsupportedCodecError

from shared.contracts.base import Topic
from shared.runtime.base.backoff import Backoff
from shared.runtime.events import kafka as broker
from shared.runtime.events.kafka import BROKER_ERRORS, KafkaSettings, Reader
from shared.runtime.events.places import Doubted, Keeper, Places, Polled

log = structlog.get_logger(__name__)

Names: TypeAlias = Sequence[Topic | str] | Sequence[Topic] | Sequence[str]
Topics: TypeAlias = Names | Callable[[], Names | Awaitable[Names]]
Share: TypeAlias = Callable[[str, Collection[int]], Collection[int]]
"""``(topic, its partitions)`` → those that are ours."""

POLL_MS: Final = 500
MISSING_S: Final = 0.5
"""How soon to look again for topics that are not there yet: one just made is not known to every broker at once."""
ASIDE_S: Final = 60.0
"""How long a partition is left alone whose next record cannot be taken apart."""
DEAF_S: Final = 60.0
"""How long a topic may not be there at a first start, until its owner made it; one that was there is missed at once."""
MEASURE_S: Final = 5.0
"""How long the broker may take to say where its topics end."""


class Stalled(RuntimeError):
    """There is something to read and nothing is read: the process must end, so that a fresh one takes over."""


class Illegible(Exception):
    """Something came that cannot be taken apart into records."""


class Reading:
    """Reads the partitions of topics that are its share."""

    def __init__(
        self,
        keeper: Keeper,
        *,
        name: str,
        kafka: KafkaSettings,
        topics: Topics,
        group: str | None = None,
        share: Share = lambda _topic, partitions: partitions,
        refresh_s: float = 5.0,
        most: int = 1000,
    ) -> None:
        """``group``: under whose name offsets are committed; ``most``: records of one poll."""
        self._failed: str | None = None
        self._lag: int | None = None
        """Records not read yet of what is assigned; none while the broker does not say."""
        self._assigned = False
        """Whether this client knows what is ours: before, that nothing is left to read means nothing."""
        self._absent: dict[str, float] = {}
        """Topics that cannot be seen, and from when on that is an error: not there, or kept from us."""
        self._seen: set[str] = set()
        self._mark: tuple[float, Places] | None = None
        """Where topics ended at a time from which something is still not read."""
        self._keeper = keeper
        self._name = name
        self._kafka = kafka
        self._topics = topics
        self._group = group
        self._share = share
        self._refresh_s = refresh_s
        self._most = most
        self._client: Reader | None = None
        self._next: dict[TopicPartition, int] = {}
        self._doubted = Doubted()
        self._refresh_at = 0.0
        self._aside: dict[TopicPartition, float] = {}
        """Partitions whose next record cannot be taken apart, and when to try again."""
        self._cut: set[TopicPartition] = set()
        """Partitions that end before where we are: their log was replaced."""
        self._mute_since: float | None = None
        """Since when it could not tell its lag although the broker was well."""

    @property
    def places(self) -> Places:
        """Where it is."""
        return self._next

    @property
    def lag(self) -> int | None:
        """Records not read yet; none while that cannot be told: of a topic that it cannot see, nobody knows."""
        return None if self._absent or self._doubted or not self._assigned else self._lag

    @property
    def error(self) -> str | None:
        """What went wrong last, if it was not put right since."""
        deaf = sorted(name for name, at in self._absent.items() if time.monotonic() >= at)
        return self._failed or (f"these topics are not there, or may not be read: {', '.join(deaf)}" if deaf else None)

    @property
    def deaf(self) -> int:
        """How many topics it cannot see; 1 also if it cannot tell what is left to read, 0 if it hears everything."""
        return len(self._absent) or int(self.lag is None)

    def behind_s(self) -> float:
        """How long ago, at least, the oldest record came that is not read yet."""
        return time.monotonic() - self._mark[0] if self._mark else 0.0

    def left(self) -> None:
        """Nobody reads any more: nothing is known of it."""
        self._lag, self._assigned, self._mark = None, False, None

    @property
    def illegible(self) -> list[str]:
        """Records that cannot be taken apart, as topic/partition@offset; nothing behind them is read."""
        return [f"{p.topic}/{p.partition}@{self._next[p]}" for p in self._aside if p in self._next]

    def quiet_s(self) -> float:
        """How long ago something was applied, or there was nothing to do, or it was excused."""
        return time.monotonic() - self._keeper.progress_at

    def excuse(self) -> None:
        """Count its silence from now on."""
        self._keeper.progress_at = time.monotonic()
        self._mute_since = None

    def refresh(self) -> None:
        """Look for new topics before the next poll."""
        self._refresh_at = 0.0

    async def run(self) -> None:
        """Read until cancelled; when the broker fails, throw the client away and try again with a new one."""
        backoff = Backoff()
        while True:
            try:
                self._client = client = await broker.start_consumer(self._kafka, self._group)
                self._assigned = False
                self._next.clear()
                self._doubted.clear()
                self._aside.clear()
                self._cut.clear()
                self.refresh()
                await self._keeper.begin(client)
                while True:
                    await self._poll(client)
                    self._failed = None
                    backoff.reset()
            except BROKER_ERRORS as error:
                self._failed, self._lag = repr(error), None
                log.warning("reading.broker_failed", reader=self._name, error=self.error)
            except asyncio.CancelledError:
                if self._client is not None:
                    with suppress(*BROKER_ERRORS):
                        await self._keeper.leave(self._client)
                raise
            finally:
                if self._client is not None:
                    gone, self._client = self._client, None
                    await broker.stop(gone)
            await backoff.wait()

    async def _poll(self, client: Reader) -> None:
        if time.monotonic() >= self._refresh_at:
            self._try_again(client)
            await self._assign(client)
        if self._cut:
            await self._rewind(client, list(self._cut))
        if not self._next:  # nothing to read yet; aiokafka would wait for an assignment, past every time limit
            await asyncio.sleep(min(POLL_MS / 1000, self._refresh_s))
            return
        try:
            polled = await self._fetch(client)
        except OffsetOutOfRangeError as error:
            await self._rewind(client, list(error.args[0]) if error.args else list(self._next))
            return
        except Illegible:
            await self._read_one_by_one(client)
            return
        if polled:
            client.busy()
            await self._take(client, polled)
        else:
            client.rest()
        await self._keeper.settle(client, resting=not polled)

    async def _fetch(self, client: Reader, *partitions: TopicPartition, most: int | None = None) -> Polled:
        """What has come, of these partitions or of all. Raises Illegible, and then some of it is lost to the client."""
        try:
            asked = client.getmany(*partitions, timeout_ms=POLL_MS, max_records=most or self._most)
            polled: Polled = await client.call("records", asked)
        except (UnsupportedCodecError, CorruptRecordException) as error:
            raise Illegible from error
        except (OffsetOutOfRangeError, *BROKER_ERRORS):
            raise
        except Exception as error:  # whatever aiokafka stumbles over in bytes that somebody else wrote
            raise Illegible from error
        return polled

    async def _take(self, client: Reader, polled: Polled) -> None:
        genuine, others = self._doubted.told_apart(polled)
        if genuine:
            await self._keeper.take(genuine)
            self._next.update({partition: records[-1].offset + 1 for partition, records in genuine.items()})
        if others:
            await self._rewind(client, others)

    def _seek(self, client: Reader, partition: TopicPartition) -> None:
        client.seek(partition, self._doubted.position(partition, self._next[partition]))

    async def _read_one_by_one(self, client: Reader) -> None:
        """Find the partition with the illegible record and leave it alone; what came of the others is read again."""
        for partition in self._next:
            self._seek(client, partition)
        suspects = {p: self._doubted.position(p, at) for p, at in self._next.items() if p not in self._aside}
        for partition in [p for p, offset in suspects.items() if (client.highwater(p) or 0) > offset]:
            try:
                polled = await self._fetch(client, partition)
                if polled:
                    await self._take(client, polled)
            except Illegible:
                await self._read_up_to_it(client, partition)

    async def _read_up_to_it(self, client: Reader, partition: TopicPartition) -> None:
        """Apply what lies before the illegible record, and read no further: nothing may be passed over unseen."""
        self._seek(client, partition)
        try:
            while polled := await self._fetch(client, partition, most=1):
                await self._take(client, polled)
        except Illegible as illegible:
            if partition in self._doubted:  # what we read was legible
                await self._rewind(client, [partition])
                return
            client.pause(partition)
            self._aside[partition] = time.monotonic() + ASIDE_S
            error = repr(illegible.__cause__)
            log.error("record_illegible", reader=self._name, places=self.illegible, error=error)  # noqa: TRY400

    def _try_again(self, client: Reader) -> None:
        """Read on in partitions that were left alone long enough."""
        for partition in [p for p, at in self._aside.items() if time.monotonic() >= at]:
            del self._aside[partition]
            if partition in self._next:
                client.resume(partition)
                self._seek(client, partition)

    async def _assign(self, client: Reader) -> None:
        """Find the partitions that are ours: keep our place in those we have, begin the new ones where we left off."""
        names = await self._names()
        cluster = await client.metadata()
        missing = names - cluster.topics(exclude_internal_topics=False)
        if missing and await self._make(missing):
            cluster = await client.metadata()
        there = {name: cluster.partitions_for_topic(name) or () for name in names}
        ours = {TopicPartition(name, each) for name in names for each in self._share(name, there[name])}
        if await self._keeper.replaced(client):
            log.error("reading.broker_was_wiped", reader=self._name)
            self._next.clear()
            self._doubted.clear()
        if ours != self._next.keys() and ours:
            await self._begin_new(client, ours)
        self._note_absent({name for name in names if not there[name]}, names)
        self._assigned = True
        again = self._refresh_s if all(there.values()) else min(self._refresh_s, MISSING_S)
        self._refresh_at = time.monotonic() + again

    def _note_absent(self, absent: Collection[str], names: Collection[str]) -> None:
        """What cannot be seen is not passed over: it may be full of what nobody reads."""
        self._seen |= {name for name in names if name not in absent}
        now = time.monotonic()
        for name in (name for name in absent if name not in self._absent):
            self._absent[name] = now if name in self._seen else now + DEAF_S
            log.warning("reading.topic_not_seen", reader=self._name, topic=name, was_there=name in self._seen)
        self._absent = {name: at for name, at in self._absent.items() if name in absent}

    async def _names(self) -> set[str]:
        wanted = self._topics() if callable(self._topics) else self._topics
        if inspect.isawaitable(wanted):
            wanted = await wanted
        return {topic.name if isinstance(topic, Topic) else topic for topic in wanted}

    async def _begin_new(self, client: Reader, ours: Collection[TopicPartition]) -> None:
        fresh = [partition for partition in ours if partition not in self._next]
        kept = await self._keeper.places(client, fresh) if fresh else {}
        begin = {p: self._doubted.begin(p, kept.get(p), at) for p, at in (await client.earliest(fresh)).items()}
        self._doubted.forget(self._next.keys() - ours)
        self._next = {p: self._next[p] if p in self._next else begin[p] for p in ours}
        client.assign(list(ours))
        for partition in self._next:
            self._seek(client, partition)
        client.pause(*(self._aside.keys() & ours))

    async def _make(self, names: Collection[str]) -> bool:
        """Make topics that are missing, so that their first record need not wait for us; whether any was made."""
        specs = []
        for name in names:
            with suppress(broker.TopicRefused):
                specs.append(broker.topic_of(name))
        refused = await broker.ensure_topics(self._kafka, specs)
        if refused:  # no right to make it: its owner will
            log.info("reading.topics_not_made", reader=self._name, topics=refused)
        return len(specs) > len(refused)

    async def _rewind(self, client: Reader, partitions: Collection[TopicPartition]) -> None:
        """Begin these anew: what they hold is known, and does no harm, or it is new."""
        log.warning("reading.rewound", reader=self._name, partitions=[f"{p.topic}/{p.partition}" for p in partitions])
        earliest = await client.earliest(partitions)
        self._doubted.forget(partitions)
        self._next.update(earliest)
        for partition, offset in earliest.items():
            client.seek(partition, offset)
        self._cut.difference_update(partitions)
        self._keeper.rewound(partitions)

    async def measure(self) -> Places | None:
        """Ask how far the partitions reach, and note the lag; none while nothing is known. For whoever watches it."""
        client, asked = self._client, {p: offset for p, offset in self._next.items() if p not in self._aside}
        if client is None or not self._assigned:
            self._lag = None
            return None
        asked_at = time.monotonic()
        try:
            ends = await client.call("where topics end", client.end_offsets(list(asked)), MEASURE_S) if asked else {}
        except BROKER_ERRORS:
            self._lag = None
            return None
        if self._client is not client:
            return None
        # Tansu answers with the first offset of the last batch; what it sends along with records is right.
        # What is not read any more since we asked has no place there.
        fetched = {p: client.highwater(p) for p in asked if p in client.assignment()}
        reach = {p: max(end, fetched[p] or 0) for p, end in ends.items() if p in fetched}
        # Where we were before we asked: what came in meanwhile lies behind the ends we were told.
        self._cut |= {p for p, end in reach.items() if fetched[p] is not None and end < asked[p]}
        if self._lag is None:
            self.excuse()
        self._lag = sum(max(0, end - self._next.get(p, end)) for p, end in reach.items())
        if self._lag == 0:
            self.excuse()
        if self._mark is None or self._is_past(self._mark[1], reach):
            self._mark = (asked_at, reach) if self._lag else None
        return None if self._cut or self._absent or self._doubted else reach

    def _is_past(self, ends: Places, reach: Places) -> bool:
        """Whether nothing is left of what lay before these ends: it was read, or a shorter log is in its place."""
        return all(self._next.get(p, end) >= end or reach.get(p, end) < end for p, end in ends.items())

    async def judge(self, stall_s: float) -> None:
        """Raise Stalled if it has done nothing for too long while it had something to read, or cannot even tell.

        A broker that is away is no reason to end: it is waited for, and that time does not count.
        """
        quiet = self.quiet_s()
        if quiet < stall_s / 2:
            return
        if self._lag is not None:
            if quiet > stall_s and self._lag > 0:
                self._end(quiet)
        elif not await broker.is_reachable(self._kafka):
            self._mute_since = None
        elif self._mute_since is None:  # the clock starts when the broker is first seen to answer others
            self._mute_since = time.monotonic()
        elif (mute := time.monotonic() - self._mute_since) > stall_s:
            self._end(mute)

    def _end(self, seconds: float) -> NoReturn:
        log.critical("reading.stalled", reader=self._name, quiet_s=seconds, lag=self._lag)
        raise Stalled(f"{self._name}: lag {self._lag}, no progress for {seconds:.0f} s")
