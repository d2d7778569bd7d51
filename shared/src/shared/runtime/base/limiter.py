"""How often something may be done: for each of very many keys, in memory, bounded; nothing of it is kept.

Each process counts for itself. Who does it is known here as a keyed hash that ends with the process.
"""

import hashlib
import math
import secrets
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

MOST_KEPT: Final = 50_000
"""Keys that are told apart; the others share one allowance until there is room again."""
HOUR_S: Final = 3600.0
_OTHERS: Final = b""


@dataclass(slots=True)
class _Allowance:
    left: float
    at: float


class Limiter:
    """So many in an hour for each of very many keys: that many at once, and again as time passes."""

    def __init__(self, per_hour: int, *, most: int = MOST_KEPT, clock: Callable[[], float] = time.monotonic) -> None:
        self._per_hour, self._most, self._clock = per_hour, most, clock
        self._kept: OrderedDict[bytes, _Allowance] = OrderedDict()
        self._key = secrets.token_bytes(32)

    def __len__(self) -> int:
        return len(self._kept)

    def take(self, key: str, count: int = 1) -> int:
        """Take one, or so many; 0 if there were, else after how many seconds there will be."""
        now, name = self._clock(), self._named(key)
        found = self._kept.pop(name, None)
        if found is None and not self._room(now):
            name, found = _OTHERS, self._kept.pop(_OTHERS, None)
        left = float(self._per_hour) if found is None else self._now(found, now)
        taken = left >= count
        self._kept[name] = _Allowance(left - count if taken else left, now)
        return 0 if taken else math.ceil((count - left) * HOUR_S / self._per_hour)

    def wait(self, key: str) -> int:
        """After how many seconds there will be one; 0 if there is one now. Takes none."""
        found = self._kept.get(self._named(key))
        left = float(self._per_hour) if found is None else self._now(found, self._clock())
        return 0 if left >= 1 else math.ceil((1 - left) * HOUR_S / self._per_hour)

    def _named(self, key: str) -> bytes:
        return hashlib.blake2b(key.encode("utf-8", "replace"), key=self._key, digest_size=16).digest()

    def _now(self, allowance: _Allowance, now: float) -> float:
        return min(float(self._per_hour), allowance.left + (now - allowance.at) * self._per_hour / HOUR_S)

    def _room(self, now: float) -> bool:
        """Whether one more can be told apart. Only who has its whole allowance again is forgotten: a flood of new
        sources resets nobody's.
        """
        while len(self._kept) >= self._most:
            oldest = next(iter(self._kept))
            if self._now(self._kept[oldest], now) < self._per_hour:
                return False
            del self._kept[oldest]
        return True
