"""Says how fresh an answer is."""

from datetime import datetime, timedelta
from typing import Any, NamedTuple

_MS = timedelta(milliseconds=1)


class Freshness(NamedTuple):
    """``as_of``: all that was said up to then is in; none until the topics were read once to their end."""

    as_of: datetime | None
    now: datetime

    @property
    def lag_ms(self) -> int | None:
        """Milliseconds since then."""
        return None if self.as_of is None else max(0, (self.now - self.as_of) // _MS)

    def members(self) -> dict[str, Any]:
        """As members of an answer."""
        return {"as_of": self.as_of, "lag_ms": self.lag_ms}

    def headers(self) -> dict[str, str]:
        """As headers of an answer that is a stream."""
        if self.as_of is None:
            return {}
        return {"X-Concord-As-Of": iso(self.as_of), "X-Concord-Lag-Ms": str(self.lag_ms)}


def iso(moment: datetime) -> str:
    """A UTC time as JSON has it."""
    return moment.isoformat().replace("+00:00", "Z")
