"""Ids are UUIDv7: ordered by time, never twice, never backwards."""

import os
import threading
import time
from uuid import RFC_4122, UUID

import pytest

from shared.runtime.base.ids import uuid7


def test_an_id_says_its_version_and_its_millisecond() -> None:
    before = time.time_ns() // 1_000_000
    made = uuid7()
    after = time.time_ns() // 1_000_000
    assert made.version == 7
    assert made.variant == RFC_4122
    assert before <= made.int >> 80 <= after + 1


def test_ids_of_one_process_only_grow() -> None:
    made = [uuid7() for _ in range(20_000)]
    assert made == sorted(made)
    assert len(set(made)) == len(made)


def test_threads_get_different_ids() -> None:
    made: list[UUID] = []
    threads = [threading.Thread(target=lambda: made.extend(uuid7() for _ in range(2000))) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(set(made)) == 16_000


def test_a_forked_process_draws_randomness_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("time.time_ns", lambda: 0)  # or else the clock alone would tell them apart
    uuid7()
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        os.write(writing, uuid7().bytes)
        os._exit(0)
    ours, theirs = uuid7(), UUID(bytes=os.read(reading, 16))
    os.waitpid(child, 0)
    os.close(reading)
    os.close(writing)
    assert ours.int >> 64 == theirs.int >> 64
    assert ours != theirs


def test_a_clock_that_goes_back_does_not_take_the_ids_with_it(monkeypatch: pytest.MonkeyPatch) -> None:
    first = uuid7()
    monkeypatch.setattr("time.time_ns", lambda: 0)
    later = [uuid7() for _ in range(10_000)]
    assert first < later[0]
    assert later == sorted(later)
