"""The tables of decisions, appeals and cases; decisions walked at random, as facts and people may come in any order."""

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from enforcement.lifecycle import APPEAL, CASE, DECISION, Action, AppealStatus, CaseStatus, Status
from shared.runtime.base.problems import ActionRefused

AGE = {
    Status.DRAFTED: 0,
    Status.WITHDRAWN: 1,
    Status.RELEASED: 1,
    Status.REQUESTED: 2,
    Status.EXECUTED: 3,
    Status.DECLINED: 3,
    Status.SUSPENDED: 4,
    Status.OVERTURNED: 5,
}


class Decision(RuleBasedStateMachine):
    """Somebody who tries everything, in any order."""

    def __init__(self) -> None:
        super().__init__()
        self.status = Status.DRAFTED
        self.been = {Status.DRAFTED}

    @rule(action=st.sampled_from(Action))
    def act(self, action: Action) -> None:
        allowed = DECISION.allowed(self.status)
        assert DECISION.can(self.status, action) == (action in allowed)
        if action not in allowed:
            with pytest.raises(ActionRefused) as refused:
                DECISION.after(self.status, action)
            assert refused.value.extensions["allowed_actions"] == [str(each) for each in allowed]
            return
        before, self.status = self.status, DECISION.after(self.status, action)
        self.been.add(self.status)
        if action is Action.APPEAL:
            assert self.status is before, "an appeal alone changes nothing"
        else:
            assert AGE[self.status] > AGE[before], "a decision never goes back"

    @invariant()
    def has_effect_only_after_release(self) -> None:
        assert AGE[self.status] <= 1 or Status.RELEASED in self.been

    @invariant()
    def can_be_appealed_exactly_while_it_can_be_overturned(self) -> None:
        assert DECISION.can(self.status, Action.APPEAL) == DECISION.can(self.status, Action.OVERTURN)

    @invariant()
    def is_suspended_only_while_it_has_or_may_get_effect(self) -> None:
        in_force = {Status.RELEASED, Status.REQUESTED, Status.EXECUTED}
        assert DECISION.can(self.status, Action.SUSPEND) == (self.status in in_force)


TestDecision = Decision.TestCase
TestDecision.settings = settings(max_examples=100, stateful_step_count=20, deadline=None)


def test_every_status_is_reachable_and_the_final_ones_are_known() -> None:
    assert {Status.DRAFTED} | set(DECISION.moves.values()) == set(Status)
    assert DECISION.final == {Status.WITHDRAWN, Status.OVERTURNED}
    assert APPEAL.final == {AppealStatus.UPHELD, AppealStatus.REJECTED}
    assert CASE.final == {CaseStatus.CLOSED}


def test_a_suspended_decision_is_never_revived() -> None:
    leads_to = {DECISION.after(Status.SUSPENDED, action) for action in DECISION.allowed(Status.SUSPENDED)}
    assert leads_to == {Status.SUSPENDED, Status.OVERTURNED}
