"""Somebody's words between ours: always within the limit, readable as they were, and nothing of ours is cut."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from shared.contracts.base import LONGEST_REASONS, LONGEST_TEXT, Reasons, Text
from shared.contracts.quoting import ELLIPSIS, LONGEST_LIST, listed, quoting, shortened

REASONS: TypeAdapter[str] = TypeAdapter(Reasons)
OURS, WAY_OUT = "The provider says: ", " You may ask the regulator."
# A line end, a letter with its mark, a family of three joined signs, a sign outside the first plane, and blanks.
PIECES = ["\r\n", "\n", "e\u0301", "\U0001f468\u200d\U0001f469\u200d\U0001f466", "\U00020000", "說", "a ", "\t", "x"]


def test_what_has_room_is_what_was_said() -> None:
    assert quoting(OURS, "No.", WAY_OUT) == f"{OURS}No.{WAY_OUT}"
    assert shortened("x" * LONGEST_REASONS, LONGEST_REASONS) == "x" * LONGEST_REASONS


@pytest.mark.parametrize("more", [0, 1, LONGEST_REASONS])
def test_of_what_has_none_as_much_as_fits_is_shown_and_that_it_is_not_all(more: int) -> None:
    said = quoting(OURS, "x" * (LONGEST_REASONS - len(OURS) + more), WAY_OUT)
    assert len(said) == LONGEST_REASONS
    assert said.startswith(f"{OURS}xxx")
    assert said.endswith(f"x{ELLIPSIS}{WAY_OUT}")


@given(st.lists(st.sampled_from(PIECES), min_size=20, max_size=60), st.integers(0, 40))
def test_wherever_it_is_cut_everybody_can_read_it(pieces: list[str], most: int) -> None:
    words = "".join(pieces)
    try:
        REASONS.validate_python(words)
    except ValidationError:
        return  # nobody could have said that
    said = REASONS.validate_python(quoting(OURS, words, WAY_OUT, most=len(OURS) + len(WAY_OUT) + most))
    assert len(said) <= len(OURS) + len(WAY_OUT) + most
    kept = said[len(OURS) : len(said) - len(WAY_OUT)]
    if kept.endswith(ELLIPSIS):
        ends = ["".join(pieces[:count]).rstrip() for count in range(len(pieces) + 1)]
        assert kept[: -len(ELLIPSIS)] in ends, "no piece is cut in two"


def test_the_ellipsis_of_a_line_is_in_the_line() -> None:
    long = shortened("名" * 600, LONGEST_TEXT)
    assert len(TypeAdapter[str](Text).validate_python(long)) == LONGEST_TEXT
    assert long.endswith(ELLIPSIS)


def test_where_ours_fill_it_nothing_is_quoted_and_what_is_too_long_of_ours_is_refused_as_it_was() -> None:
    assert quoting("x" * LONGEST_REASONS, "No.") == "x" * LONGEST_REASONS
    assert len(quoting("x" * (LONGEST_REASONS + 1), "No.")) == LONGEST_REASONS + 1


def test_of_many_names_those_that_fit_are_named_and_the_others_counted() -> None:
    names = [f"{number:04}.example" for number in range(1_000)]
    assert listed(names[:3]) == "0000.example, 0001.example, 0002.example"
    said = listed(names)
    assert len(said) <= LONGEST_LIST + len(" and 1000 more")
    shown = said.removesuffix(" more").rpartition(" and ")
    assert len(shown[0].split(", ")) + int(shown[2]) == len(names)
    assert listed(["x" * 5_000, "y"]) == "x" * 5_000 + " and 1 more", "the first in any case"
    assert listed([]) == ""
