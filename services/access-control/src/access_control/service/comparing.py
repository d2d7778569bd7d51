"""What was claimed beside what was seen: arithmetic over rows, that decides nothing (docs/adr/0022)."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from enum import StrEnum
from typing import Final

from access_control.store.observations import Difference, Observation, Probed
from shared.contracts.http.observed import Kind, Outcome
from shared.contracts.orders import Action

CUT: Final = frozenset({Outcome.WITH_LINK, Outcome.WITHOUT_LINK})
_REDIRECT: Final = range(300, 400)
Target = tuple[str, str, int]
"""A name at an address and port."""


class Expected(StrEnum):
    """What is to be seen if what was said is so."""

    CUT = "cut"
    HOSTED = "hosted"
    """The provider signed so."""
    FREE = "free"
    """Nobody signed so, and no order stands any more."""


def expected(order: Probed, at: datetime) -> Expected:
    """What an order that is looked at leads one to see, then."""
    if order.action is Action.RESTORE:
        claimed = order.executed_at is not None and order.executed_at <= at
        return Expected.HOSTED if claimed else Expected.FREE
    return Expected.FREE if order.until is not None and order.until <= at else Expected.CUT


def says_something(seen: Observation) -> bool:
    """Whether it can be told from this what becomes of the site: silence and redirects say nothing."""
    return seen.outcome is not Outcome.NO_ANSWER and (seen.status or 0) not in _REDIRECT


def judged(expects: Expected, seen: Observation, before: Observation | None) -> Kind | bool | None:
    """How it differs; True: it agrees; none: it cannot be told. ``before``: the last that was seen of a cut one.

    An answer that is no 451 means a site is cut only where it answered just so while it was.
    """
    if not says_something(seen):
        return None
    if expects is Expected.CUT:
        if seen.outcome is Outcome.SERVED:
            return Kind.CUT_BUT_SERVED
        return True if seen.outcome is Outcome.WITH_LINK else Kind.CUT_WITHOUT_REASON
    same = before is not None and (before.outcome, before.status) == (seen.outcome, seen.status)
    if seen.outcome in CUT or (same and seen.outcome is not Outcome.SERVED):
        return Kind.RESTORED_BUT_CUT if expects is Expected.HOSTED else Kind.CUT_WITHOUT_ORDER
    return True


def differences(
    order: Probed, seen: Iterable[Observation], before: Iterable[Observation], names: Sequence[str]
) -> list[Difference]:
    """What differs now of these names, each since when without a break; ``seen`` and ``before`` oldest first."""
    earlier = {_target(each): each for each in before}
    said = [each for each in seen if each.host in names and each.outcome is not Outcome.NO_ANSWER]
    last = {(each.host, each.address): each.at for each in said}
    standing = {_target(each) for each in said if last[each.host, each.address] == each.at}
    runs: dict[Target, tuple[Kind, datetime, datetime]] = {}
    for each in said:
        target = _target(each)
        found = judged(expected(order, each.at), each, earlier.get(target))
        run = runs.get(target)
        if isinstance(found, Kind):
            runs[target] = (found, run[1] if run is not None and run[0] is found else each.at, each.at)
        elif found is True:
            runs.pop(target, None)
    return _by_kind(order, {target: run for target, run in runs.items() if target in standing})


def _by_kind(order: Probed, runs: Mapping[Target, tuple[Kind, datetime, datetime]]) -> list[Difference]:
    found = []
    for kind in sorted({kind for kind, _, _ in runs.values()}):
        of = {target: run for target, run in runs.items() if run[0] is kind}
        since, last_at = min(run[1] for run in of.values()), max(run[2] for run in of.values())
        again = max(run[2] - run[1] for run in of.values())
        found.append(Difference(order.id, kind, since, last_at, tuple(sorted({host for host, _, _ in of})), again))
    return found


def _target(seen: Observation) -> Target:
    return seen.host, seen.address, seen.port
