"""Waiting between tries: longer each time, never all agents at the same moment, and as long as the other side asks."""

import asyncio
import logging
import random
from typing import Final

from concord.sdk.errors import ConcordError

LONGEST_S: Final = 60.0
LONGEST_HOOK_S: Final = 600.0
_FIRST_S: Final = 0.5
_log = logging.getLogger(__name__)


def pause_s(failures: int, longest_s: float, first_s: float = 1.0) -> float:
    """How long to wait after so many failures in a row: doubling up to a limit, of which a random part is taken off."""
    return min(first_s * 2.0 ** min(failures, 30), longest_s) * random.uniform(0.5, 1.0)  # noqa: S311 - no secret


class Patience:
    """Waits longer after each failure in a row, and says so."""

    def __init__(self) -> None:
        self._failures = 0

    def reset(self) -> None:
        """Something worked."""
        self._failures = 0

    async def wait(self, what: str, error: Exception) -> None:
        """Say what failed and wait."""
        asked = error.problem.get("retry_after_s") if isinstance(error, ConcordError) else None
        pause = max(pause_s(self._failures, LONGEST_S, _FIRST_S), min(float(asked or 0), LONGEST_HOOK_S))
        _log.warning("%s: %s; again in %.1f s", what, error, pause)
        await asyncio.sleep(pause)
        self._failures += 1
