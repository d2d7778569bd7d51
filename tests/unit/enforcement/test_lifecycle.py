"""The tables of cases, decisions and appeals, walked at random."""

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from enforcement.lifecycle import (
    APPEAL,
    CASE,
    DECISION,
    IN_FORCE,
    UNRELEASED,
    Action,
    AppealAction,
    AppealStatus,
    CaseStatus,
    Status,
)
from enforcement.policy import APPEAL_ACTS, CASE_ACTS, DECISION_ACTS
from shared.runtime.base.problems import ActionRefused


class Decision(RuleBasedStateMachine):
    """Somebody who tries everything, in any order."""

    def __init__(self) -> None:
        super().__init__()
        self.status = Status.DRAFTED
        self.done: list[Action] = []

    @rule(action=st.sampled_from(Action))
    def act(self, action: Action) -> None:
        if not DECISION.can(self.status, action):
            with pytest.raises(ActionRefused):
                DECISION.after(self.status, action)
            return
        self.status = DECISION.after(self.status, action)
        self.done.append(action)

    @invariant()
    def nothing_is_in_force_that_was_not_released_once(self) -> None:
        assert self.done.count(Action.RELEASE) <= 1
        if self.status in IN_FORCE:
            assert Action.RELEASE in self.done

    @invariant()
    def what_was_returned_was_answered_before_it_was_released(self) -> None:
        if Action.RELEASE in self.done:
            before = self.done[: self.done.index(Action.RELEASE)]
            assert before.count(Action.RETURN) == before.count(Action.ANSWER)

    @invariant()
    def what_fell_never_comes_back(self) -> None:
        if {Action.OVERTURN, Action.SUSPEND, Action.LIFT, Action.LAPSE, Action.CONFIRM_CORRECTED} & set(self.done):
            assert self.status not in IN_FORCE

    @invariant()
    def only_an_order_that_was_released_can_be_ignored(self) -> None:
        if Action.CONFIRM_IGNORED in self.done:
            assert self.done.index(Action.RELEASE) < self.done.index(Action.CONFIRM_IGNORED)


TestDecision = Decision.TestCase
TestDecision.settings = settings(max_examples=50, stateful_step_count=20, deadline=None)


def test_every_status_is_reachable_and_what_is_final_is_final() -> None:
    assert {Status.DRAFTED} | set(DECISION.moves.values()) == set(Status)
    assert DECISION.final == {Status.WITHDRAWN, Status.OVERTURNED}
    assert {CaseStatus.OPEN} | set(CASE.moves.values()) == set(CaseStatus)
    assert CASE.final == {CaseStatus.ENDED}
    assert {AppealStatus.OPEN, AppealStatus.REFUSED} | set(APPEAL.moves.values()) == set(AppealStatus)
    assert APPEAL.final == {AppealStatus.UPHELD, AppealStatus.REJECTED, AppealStatus.WITHDRAWN}


@pytest.mark.parametrize("status", [each for each in Status if each not in {*UNRELEASED, Status.WITHDRAWN}])
def test_whatever_became_of_a_decision_it_can_be_challenged_and_overturned_until_it_was(status: Status) -> None:
    fell = status is Status.OVERTURNED
    assert DECISION.can(status, Action.APPEAL) is not fell
    assert DECISION.can(status, Action.OVERTURN) is not fell


@pytest.mark.parametrize("status", IN_FORCE)
def test_what_is_in_force_can_be_suspended_and_lifted(status: Status) -> None:
    assert DECISION.can(status, Action.SUSPEND)
    assert DECISION.can(status, Action.LIFT)


def test_what_clocks_and_facts_bring_about_is_nobodys_to_do() -> None:
    assert set(Action) - DECISION_ACTS.keys() == {
        Action.EXECUTE, Action.DECLINE, Action.LAPSE, Action.SUSPEND, Action.OVERTURN,
    }  # fmt: skip
    assert {str(action) for action in CASE_ACTS} == {
        "add_evidence", "draft_decision", "discontinue", "claim", "release_claim", "add_task", "ask_opinion",
        "transfer",
    }  # fmt: skip
    assert set(APPEAL_ACTS) == set(AppealAction)
