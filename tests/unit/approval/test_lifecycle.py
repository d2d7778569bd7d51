"""The table of an application's moves, walked at random."""

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from approval.lifecycle import APPLICATION, Action, Status
from shared.runtime.base.problems import ActionRefused

AGE = {
    Status.SUBMITTED: 0,
    Status.GRANTED: 1,
    Status.REFUSED: 2,
    Status.NOT_REQUIRED: 2,
    Status.CANCELLED: 2,
}


class Application(RuleBasedStateMachine):
    """Somebody who tries everything, in any order."""

    def __init__(self) -> None:
        super().__init__()
        self.status = Status.SUBMITTED
        self.granted = 0

    @rule(action=st.sampled_from(Action))
    def act(self, action: Action) -> None:
        allowed = APPLICATION.allowed(self.status)
        if action not in allowed:
            with pytest.raises(ActionRefused) as refused:
                APPLICATION.after(self.status, action)
            assert refused.value.extensions["allowed_actions"] == [str(each) for each in allowed]
            return
        before, self.status = self.status, APPLICATION.after(self.status, action)
        self.granted += action is Action.GRANT
        assert AGE[self.status] > AGE[before], "an application never goes back"

    @invariant()
    def is_granted_at_most_once(self) -> None:
        assert self.granted <= 1

    @invariant()
    def only_a_granted_application_can_be_cancelled(self) -> None:
        assert APPLICATION.can(self.status, Action.CANCEL) == (self.status is Status.GRANTED)


TestApplication = Application.TestCase
TestApplication.settings = settings(max_examples=50, stateful_step_count=12, deadline=None)


def test_every_status_is_reachable_and_three_are_final() -> None:
    reached = {Status.SUBMITTED} | set(APPLICATION.moves.values())
    assert reached == set(Status)
    assert APPLICATION.final == {Status.REFUSED, Status.NOT_REQUIRED, Status.CANCELLED}
