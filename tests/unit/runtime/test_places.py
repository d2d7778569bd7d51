"""A log that is not the one somebody read is told by the record before their place, whatever ids it has."""

from collections.abc import Sequence

import pytest
from aiokafka import TopicPartition
from aiokafka.structs import ConsumerRecord

from shared.runtime.events.places import Doubted, Kept, seal_of

HERE = TopicPartition("facts", 0)
THERE = TopicPartition("facts", 1)


def record(offset: int, value: bytes | None = b"said", *, at: int = 1000, key: bytes | None = b"k") -> ConsumerRecord:
    return ConsumerRecord("facts", 0, offset, at, 0, key, value, None, 0, 0, ())


def in_doubt(offset: int = 5) -> Doubted:
    doubted = Doubted()
    assert doubted.begin(HERE, Kept(offset, seal_of(record(offset - 1))), 0) == offset
    return doubted


def told(doubted: Doubted, *records: ConsumerRecord) -> tuple[list[int], list[TopicPartition]]:
    genuine, others = doubted.told_apart({HERE: records})
    return [each.offset for each in genuine.get(HERE, ())], others


def test_the_record_before_the_place_is_asked_for_and_not_given_out_again() -> None:
    doubted = in_doubt()
    assert (doubted.position(HERE, 5), doubted.position(THERE, 5), bool(doubted)) == (4, 5, True)
    assert told(doubted, record(4), record(5), record(6)) == ([5, 6], [])
    assert (doubted.position(HERE, 7), bool(doubted)) == (7, False)
    assert told(doubted, record(7)) == ([7], [])


def test_nothing_new_behind_it_is_no_batch() -> None:
    assert in_doubt().told_apart({HERE: [record(4)]}) == ({}, [])


@pytest.mark.parametrize(
    "there",
    [
        [record(4, at=1001)],
        [record(4, b"said otherwise")],
        [record(4, key=b"another")],
        [record(4, key=None)],
        [record(4, None)],
        [record(5), record(6)],  # what stood before is gone: nobody can tell whose log it is
    ],
)
def test_another_record_there_means_another_log_and_none_of_it_counts(there: Sequence[ConsumerRecord]) -> None:
    doubted = in_doubt()
    genuine, others = doubted.told_apart({HERE: there, THERE: [record(9)]})
    assert ([*genuine], others) == ([THERE], [HERE])
    assert HERE in doubted, "until it is known where it begins"


def test_where_nothing_lies_before_the_place_there_is_no_doubt() -> None:
    doubted = Doubted()
    assert doubted.begin(HERE, Kept(5, "seal"), 5) == 5
    assert doubted.begin(HERE, Kept(5, "seal"), 8) == 8
    assert doubted.begin(HERE, None, 3) == 3
    assert doubted.begin(HERE, Kept(5, None), 0) == 5
    assert not doubted


def test_what_is_read_from_its_beginning_is_in_no_doubt() -> None:
    doubted = in_doubt()
    doubted.forget([HERE, THERE])
    assert told(doubted, record(0, b"new")) == ([0], [])
    doubted = in_doubt()
    assert doubted.begin(HERE, None, 0) == 0
    assert HERE not in doubted


def test_key_and_value_are_not_taken_for_each_other() -> None:
    assert seal_of(record(1, b"bc", key=b"a")) != seal_of(record(1, b"c", key=b"ab"))
    assert seal_of(record(1, b"a", key=b"")) != seal_of(record(1, b"a", key=None))
