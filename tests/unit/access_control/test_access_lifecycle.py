"""The life of an order, as the table tells it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from access_control.lifecycle import CLAIMED, LIFECYCLE, MOVES, OPEN, RUNNING, STOPPED, UNSENT, Move, Status
from shared.contracts.orders import Outcome
from shared.runtime.base.problems import ActionRefused

AFTER_RELEASE = set(Status) - UNSENT


def test_an_order_can_only_be_withdrawn_before_it_went_out() -> None:
    assert [status for status in Status if LIFECYCLE.can(status, Move.WITHDRAW)] == [
        Status.INSTRUCTED,
        Status.DRAFTED,
    ]


def test_what_is_executed_superseded_upheld_or_lapsed_stays_so() -> None:
    assert LIFECYCLE.final == {Status.EXECUTED, Status.SUPERSEDED, Status.UPHELD, Status.LAPSED}


def test_a_withdrawn_order_stays_withdrawn_and_can_only_be_issued_anew_as_another() -> None:
    assert {move: after for (status, move), after in MOVES.items() if status == Status.WITHDRAWN} == {
        Move.REISSUE: Status.WITHDRAWN
    }


def test_nothing_that_is_out_can_be_withdrawn_and_nothing_that_is_not_can_be_answered() -> None:
    assert not {status for status in UNSENT for move in CLAIMED.values() if LIFECYCLE.can(status, move)}


def test_whoever_contests_gets_an_answer_that_moves_the_order() -> None:
    answers = {MOVES[Status.CONTESTED, move] for move in (Move.UPHOLD, Move.REJECT)}
    assert answers == {Status.UPHELD, Status.RECEIVED}


def test_a_provider_may_say_executed_as_long_as_the_order_is_open() -> None:
    assert {status for status in Status if LIFECYCLE.can(status, Move.EXECUTE)} == OPEN


def test_exactly_what_is_open_can_be_superseded() -> None:
    assert {status for status in Status if LIFECYCLE.can(status, Move.SUPERSEDE)} == OPEN


def test_every_outcome_of_a_receipt_claims_a_move() -> None:
    assert set(CLAIMED) == set(Outcome)


def test_the_clock_stands_still_only_when_the_issuer_has_to_act() -> None:
    assert {Status.IMPOSSIBLE, Status.CONTESTED} == STOPPED
    assert not RUNNING & STOPPED


def test_a_refused_move_says_what_is_allowed() -> None:
    with pytest.raises(ActionRefused) as refused:
        LIFECYCLE.after(Status.RELEASED, Move.WITHDRAW)
    assert refused.value.extensions["allowed_actions"] == [
        "receive", "execute", "execute_partly", "report_impossible", "contest", "escalate", "lapse", "supersede",
    ]  # fmt: skip


@given(st.lists(st.sampled_from(list(Move)), max_size=12))
def test_no_path_leads_back_before_the_release(path: list[Move]) -> None:
    status, released = Status.INSTRUCTED, False
    for move in path:
        if not LIFECYCLE.can(status, move):
            continue
        status = MOVES[status, move]
        released = released or move == Move.RELEASE
        assert (status in AFTER_RELEASE) == released
