"""The life of an order, as the table tells it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from access_control.lifecycle import (
    CLAIMED,
    INSTRUCTION,
    LIFECYCLE,
    MOVES,
    OPEN,
    OVER,
    RUNNING,
    STOPPED,
    UNSENT,
    Move,
    Status,
    clock_runs,
)
from shared.contracts.http.access import InstructionAction, InstructionStatus
from shared.contracts.orders import Action
from shared.contracts.receipts import Outcome
from shared.runtime.base.problems import ActionRefused

AFTER_RELEASE = set(Status) - UNSENT


def test_an_order_can_only_be_withdrawn_before_it_went_out() -> None:
    assert [status for status in Status if LIFECYCLE.can(status, Move.WITHDRAW)] == [
        Status.INSTRUCTED,
        Status.DRAFTED,
        Status.QUEUED,
    ]


def test_what_is_executed_or_over_stays_so() -> None:
    assert LIFECYCLE.final == {Status.EXECUTED} | OVER


def test_a_withdrawn_order_is_only_sent_again_as_another_order() -> None:
    assert [(move, MOVES[Status.WITHDRAWN, move]) for move in LIFECYCLE.allowed(Status.WITHDRAWN)] == [
        (Move.ASK_REISSUE, Status.WITHDRAWN),
        (Move.REISSUE, Status.WITHDRAWN),
    ]


def test_what_a_provider_objects_to_is_never_a_dead_end() -> None:
    for status in STOPPED:
        assert LIFECYCLE.can(status, Move.REJECT)
        assert LIFECYCLE.can(status, Move.UPHOLD) or LIFECYCLE.can(status, Move.ACCEPT)


def test_whatever_went_out_and_is_not_done_lapses_with_its_time() -> None:
    assert {status for status in Status if LIFECYCLE.can(status, Move.LAPSE)} == RUNNING | STOPPED


def test_only_what_is_late_can_be_escalated() -> None:
    can = {status for status in Status if LIFECYCLE.can(status, Move.ESCALATE)}
    assert can == {status for status in Status if clock_runs(status, Action.RESTORE)} == RUNNING | STOPPED
    assert {status for status in Status if clock_runs(status, Action.CUT_OFF)} == RUNNING


def test_an_instruction_needs_a_receipt_before_it_is_issued() -> None:
    assert [status for status in InstructionStatus if INSTRUCTION.can(status, InstructionAction.ISSUE)] == [
        InstructionStatus.ACKNOWLEDGED
    ]
    assert INSTRUCTION.final == {InstructionStatus.ISSUED, InstructionStatus.WITHDRAWN}


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
    status, released = Status.DRAFTED, False
    for move in path:
        if not LIFECYCLE.can(status, move):
            continue
        status = MOVES[status, move]
        released = released or move == Move.RELEASE
        assert (status in AFTER_RELEASE) == released
