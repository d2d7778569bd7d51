"""The tables of states: whatever people try in whatever order, nothing leaves the table and nobody gets stuck."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from registry.lifecycle import (
    REGISTRATION,
    REQUEST,
    REVOCATION,
    Action,
    RequestAction,
    RequestStatus,
    RevocationAction,
    RevocationStatus,
    Status,
)
from shared.runtime.base.problems import ActionRefused


@given(st.lists(st.sampled_from(Action)))
def test_a_registration_is_revoked_only_when_active_and_comes_back_only_when_revoked(actions: list[Action]) -> None:
    status = Status.SUBMITTED
    for action in actions:
        before = status
        if action not in REGISTRATION.allowed(before):
            with pytest.raises(ActionRefused) as refusal:
                REGISTRATION.after(before, action)
            assert refusal.value.extensions["allowed_actions"] == [str(each) for each in REGISTRATION.allowed(before)]
            continue
        status = REGISTRATION.after(before, action)
        assert (status is Status.REVOKED) <= (before is Status.ACTIVE)
        assert (action is Action.REINSTATE) <= (before is Status.REVOKED)
        assert (before is Status.REFUSED) is False


@given(st.lists(st.sampled_from(RevocationAction)))
def test_a_revocation_is_confirmed_at_most_once_and_undone_only_after_that(actions: list[RevocationAction]) -> None:
    status, done = RevocationStatus.DRAFTED, []
    for action in actions:
        if REVOCATION.can(status, action):
            status = REVOCATION.after(status, action)
            done.append(action)
    assert done.count(RevocationAction.CONFIRM) <= 1
    if RevocationAction.UNDO in done:
        assert done == [RevocationAction.CONFIRM, RevocationAction.UNDO]


@pytest.mark.parametrize("end", [RequestStatus.DECLINED, RequestStatus.MOOT])
def test_an_answered_request_stays_answered(end: RequestStatus) -> None:
    assert REQUEST.allowed(end) == []


def test_a_revoked_registration_has_a_way_back_and_only_that() -> None:
    assert REGISTRATION.allowed(Status.REVOKED) == [Action.REINSTATE]
    assert REGISTRATION.final == {Status.REFUSED}
    assert RequestAction.REOPEN in REQUEST.allowed(RequestStatus.ACCEPTED)
