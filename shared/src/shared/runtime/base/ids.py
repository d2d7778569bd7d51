"""Identifiers: UUID version 7 (RFC 9562), so that ids sort by the time they were made."""

import os
import threading
import time
from uuid import UUID

_COUNTER_BITS = 12
_COUNTER_MAX = (1 << _COUNTER_BITS) - 1
_DRAWN = 4096
"""Random bytes asked of the system at once: to ask for eight costs as much."""


class _Generator:
    """Ids of one process never go backwards: ``rand_a`` is a counter inside a millisecond (RFC 9562, 6.2, method 1)."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._millis = 0
        self._counter = 0
        self._random = b""
        self._used = 0
        os.register_at_fork(after_in_child=self._forget)

    def _forget(self) -> None:
        """A child draws its own."""
        self._random = b""
        self._lock = threading.Lock()

    def next(self) -> UUID:
        with self._lock:
            now = time.time_ns() // 1_000_000
            if now > self._millis:
                self._millis, self._counter = now, int.from_bytes(os.urandom(2), "big") & 0x3FF
            elif self._counter < _COUNTER_MAX:
                self._counter += 1
            else:  # more than the counter holds in one millisecond, or a clock that went back: borrow from the next one
                self._millis, self._counter = self._millis + 1, 0
            millis, counter = self._millis, self._counter
            if self._used >= len(self._random):
                self._random, self._used = os.urandom(_DRAWN), 0
            drawn = self._random[self._used : self._used + 8]
            self._used += 8
        tail = int.from_bytes(drawn, "big") & ((1 << 62) - 1)
        return UUID(int=(millis << 80) | (0x7 << 76) | (counter << 64) | (0b10 << 62) | tail)


_generator = _Generator()


def uuid7() -> UUID:
    """A new id; later calls of one process give greater ids."""
    return _generator.next()
