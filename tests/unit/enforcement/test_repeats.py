"""How the time of several measures adds up: as counted by hand, day by day."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from enforcement.service.repeats import Span, fits
from shared.rules import Effect, load

DAY = timedelta(days=1)
FIRST = datetime(2026, 11, 26, tzinfo=UTC)
RULE = replace(load("cn-2006").effects[Effect.SUSPEND_ACCESS], max_days=4, within_days=10)
spans = st.tuples(st.integers(0, 40), st.integers(1, 6)).map(lambda given: (given[0], given[0] + given[1]))


def at(span: tuple[int, int]) -> Span:
    return FIRST + span[0] * DAY, FIRST + span[1] * DAY


def most_in_ten_days(taken: list[tuple[int, int]]) -> int:
    days = {day for begins, ends in taken for day in range(begins, ends)}
    return max((len(days & set(range(first, first + 10))) for first in range(-10, 60)), default=0)


@given(st.lists(spans, max_size=4), spans)
def test_it_fits_where_no_ten_days_hold_more_than_four(taken: list[tuple[int, int]], new: tuple[int, int]) -> None:
    if most_in_ten_days(taken) <= 4:
        assert fits(RULE, [at(each) for each in taken], at(new)) is (most_in_ten_days([*taken, new]) <= 4)


def test_too_much_elsewhere_is_no_reason_against_what_lies_far_from_it() -> None:
    too_much = at((20, 29))
    for near in ((32, 33), (18, 19)):
        assert not fits(RULE, [too_much], at(near))
    for far in ((50, 51), (5, 6)):
        assert fits(RULE, [too_much], at(far))
