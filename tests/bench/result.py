"""What a benchmark says: a figure, what it is held against, and whether the goal holds."""

from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Result:
    """``ratio`` is value / floor for times (smaller is better) and for rates (greater is better)."""

    name: str
    value: float
    unit: str
    floor: float | None = None
    ratio: float | None = None
    goal: str = ""
    holds: bool | None = None
    note: str = ""

    def document(self) -> dict[str, Any]:
        """As it stands in build/bench.json."""
        return asdict(self)


def at_most(name: str, value: float, unit: str, floor: float, times: float, note: str = "") -> Result:
    """A time that may be so many times its floor."""
    ratio = value / floor
    return Result(name, value, unit, floor, ratio, f"≤ {times:g} × floor", ratio <= times, note)


def at_least(
    name: str, value: float, unit: str, floor: float, *, share: float = 0.0, absolute: float = 0.0, note: str = ""
) -> Result:
    """A rate that must reach a share of its floor, or an absolute figure, or both."""
    ratio = value / floor
    goals = [f"≥ {share:g} × floor"] if share else []
    goals += [f"≥ {absolute:,.0f}"] if absolute else []
    return Result(name, value, unit, floor, ratio, ", ".join(goals), ratio >= share and value >= absolute, note)


def percentile(values: list[float], share: float) -> float:
    """The value below which this share lies (nearest rank)."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, max(0, round(share * len(ordered)) - 1))]
