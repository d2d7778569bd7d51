"""Where a reader left off, and what shows that the log is still the one that it read.

No id shows it. An image formats every new storage under the same cluster id, an operator keeps that id outside of the
disks, and a broker whose disk was replaced makes empty logs under the topic ids it had. What shows it is the record
that was read last: it still stands where it stood. A log that was filled again has another one there, or none, or the
same one sent at another time.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Mapping, Sequence
from typing import TYPE_CHECKING, NamedTuple, Protocol, TypeAlias

from aiokafka import TopicPartition

if TYPE_CHECKING:
    from shared.runtime.events.dispatch import Record
    from shared.runtime.events.kafka import Reader

Polled: TypeAlias = "Mapping[TopicPartition, Sequence[Record]]"
Places: TypeAlias = Mapping[TopicPartition, int]
"""Partition → the offset of the next record."""


class Kept(NamedTuple):
    """Where somebody left off."""

    offset: int
    """Of the next record."""
    seal: str | None
    """Of the record before it; none where a broker keeps the place and loses it together with the log."""


KeptPlaces: TypeAlias = Mapping[TopicPartition, Kept]


def seal_of(record: Record) -> str:
    """What this record has in common with no other at its offset: when it was sent, and what it says."""
    digest = hashlib.sha256(b"%d|%d|" % (record.timestamp, -1 if record.key is None else len(record.key)))
    digest.update(record.key or b"")
    digest.update(record.value or b"")
    return digest.hexdigest()[:32]


class Keeper(Protocol):
    """What is done with records, and where it is kept how far that has come."""

    progress_at: float
    """When something was last done, by time.monotonic()."""

    async def begin(self, client: Reader) -> None:
        """A new client: whatever was remembered of the one before no longer counts."""

    async def replaced(self, client: Reader) -> bool:
        """Whether the log that was read is gone; then its offsets begin anew, and ``places`` knows none of the old."""

    async def places(self, client: Reader, partitions: Collection[TopicPartition]) -> KeptPlaces:
        """Where to go on in these; those left out begin at the beginning."""

    async def take(self, polled: Polled) -> None:
        """Do what is to be done. When it returns, the place has moved behind these records."""

    async def settle(self, client: Reader, *, resting: bool) -> None:
        """After every poll; ``resting``: nothing came."""

    def rewound(self, partitions: Collection[TopicPartition]) -> None:
        """These are read from their beginning again."""

    async def leave(self, client: Reader) -> None:
        """Told to stop: let whoever reads next begin where this one ended. Raises what BROKER_ERRORS lists."""


class Doubted:
    """Partitions that are read from the record before their place on, until it is seen to be the one that was read."""

    def __init__(self) -> None:
        self._seals: dict[TopicPartition, Kept] = {}

    def __bool__(self) -> bool:
        return bool(self._seals)

    def __contains__(self, partition: TopicPartition) -> bool:
        return partition in self._seals

    def begin(self, partition: TopicPartition, kept: Kept | None, earliest: int) -> int:
        """The place to go on at: the kept one, in doubt, or where the log begins, where nothing lies before it."""
        self._seals.pop(partition, None)
        if kept is None or kept.offset <= earliest:
            return earliest
        if kept.seal is not None:
            self._seals[partition] = kept
        return kept.offset

    def position(self, partition: TopicPartition, place: int) -> int:
        """From which offset on a partition is to be asked for."""
        return place - 1 if partition in self._seals else place

    def told_apart(self, polled: Polled) -> tuple[Polled, list[TopicPartition]]:
        """The records behind the places, and partitions whose log is another one: nothing that came of those counts.

        Whether a record that is gone by now was ours nobody can tell: such a partition counts as another one too. They
        stay in doubt until it is known where they begin: their places mean nothing until then.
        """
        if not self._seals:
            return polled, []
        genuine: dict[TopicPartition, Sequence[Record]] = {}
        others: list[TopicPartition] = []
        for partition, records in polled.items():
            kept = self._seals.get(partition)
            if kept is not None:
                if (records[0].offset, seal_of(records[0])) != (kept.offset - 1, kept.seal):
                    others.append(partition)
                    continue
                del self._seals[partition]
            if behind := records if kept is None else records[1:]:
                genuine[partition] = behind
        return genuine, others

    def forget(self, partitions: Collection[TopicPartition]) -> None:
        """Of these no place counts any more."""
        for partition in partitions:
            self._seals.pop(partition, None)

    def clear(self) -> None:
        """Of none."""
        self._seals.clear()
