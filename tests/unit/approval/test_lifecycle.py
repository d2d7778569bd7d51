"""The table of an approval's moves, walked at random."""

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from approval.lifecycle import APPROVAL, AWAITED, LIVE, OPEN, Action, Status
from approval.policy import ACTS
from approval.told import FACTS
from shared.runtime.base.problems import ActionRefused


class Approval(RuleBasedStateMachine):
    """Somebody who tries everything, in any order."""

    def __init__(self) -> None:
        super().__init__()
        self.status = Status.SUBMITTED
        self.done: list[Action] = []

    @rule(action=st.sampled_from(Action))
    def act(self, action: Action) -> None:
        allowed = APPROVAL.allowed(self.status)
        if action not in allowed:
            with pytest.raises(ActionRefused) as refused:
                APPROVAL.after(self.status, action)
            assert refused.value.extensions["allowed_actions"] == [str(each) for each in allowed]
            return
        self.status = APPROVAL.after(self.status, action)
        self.done.append(action)

    @invariant()
    def is_returned_and_granted_at_most_once(self) -> None:
        assert self.done.count(Action.RETURN) <= 1
        assert self.done.count(Action.GRANT) <= 1

    @invariant()
    def is_reopened_as_often_as_it_was_refused_at_most(self) -> None:
        assert self.done.count(Action.REOPEN) <= self.done.count(Action.REFUSE)

    @invariant()
    def is_live_only_after_a_decision(self) -> None:
        if self.status in LIVE:
            assert {Action.GRANT, Action.FIND_NOT_REQUIRED} & set(self.done)

    @invariant()
    def opens_again_only_where_a_refusal_fell(self) -> None:
        decisions = {Action.GRANT, Action.REFUSE, Action.FIND_NOT_REQUIRED, Action.REOPEN}
        last = [action for action in self.done if action in decisions][-1:]
        assert (self.status in OPEN) is (last in ([], [Action.REOPEN]))


TestApproval = Approval.TestCase
TestApproval.settings = settings(max_examples=50, stateful_step_count=20, deadline=None)


def test_every_status_is_reachable_and_one_is_final() -> None:
    assert {Status.SUBMITTED} | set(APPROVAL.moves.values()) == set(Status)
    assert APPROVAL.final == {Status.NOT_REQUIRED}


def test_whoever_is_awaited_can_decide() -> None:
    assert {status for status, action in APPROVAL.moves if action in (Action.REFUSE, Action.REFUSE_RENEWAL)} == AWAITED


def test_what_an_action_changes_for_others_is_told() -> None:
    for (before, action), after in APPROVAL.moves.items():
        assert ((before in LIVE) is (after in LIVE)) or action in FACTS, action


def test_nobody_ends_or_lapses_an_approval_by_hand() -> None:
    assert set(Action) - ACTS.keys() == {
        Action.LAPSE, Action.END, Action.REINSTATE, Action.REINSTATE_RENEWAL, Action.REOPEN, Action.REOPEN_RENEWAL,
    }  # fmt: skip
