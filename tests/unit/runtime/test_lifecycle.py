"""Lifecycles: what is not in the table is refused, and the refusal says what is possible."""

from enum import StrEnum

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.runtime.acts.lifecycle import Lifecycle
from shared.runtime.base.problems import ActionRefused


class Door(StrEnum):
    OPEN = "open"
    SHUT = "shut"
    BRICKED_UP = "bricked_up"


class Act(StrEnum):
    OPEN = "open"
    SHUT = "shut"
    BRICK_UP = "brick_up"


MOVES = {
    (Door.OPEN, Act.SHUT): Door.SHUT,
    (Door.SHUT, Act.OPEN): Door.OPEN,
    (Door.SHUT, Act.BRICK_UP): Door.BRICKED_UP,
}
DOOR = Lifecycle(MOVES, aggregate="door")


@given(st.sampled_from(Door), st.sampled_from(Act))
def test_the_table_alone_decides(status: Door, action: Act) -> None:
    if (status, action) in MOVES:
        assert DOOR.can(status, action)
        assert DOOR.after(status, action) is MOVES[status, action]
        assert action in DOOR.allowed(status)
    else:
        assert not DOOR.can(status, action)
        assert action not in DOOR.allowed(status)
        with pytest.raises(ActionRefused):
            DOOR.after(status, action)


def test_a_refusal_is_a_409_that_speaks_like_a_person_and_lists_what_is_allowed() -> None:
    with pytest.raises(ActionRefused) as refused:
        DOOR.after(Door.BRICKED_UP, Act.BRICK_UP)
    document = refused.value.document()
    assert document["detail"] == "The door is bricked up: brick up is not possible now."
    assert (document["status"], document["code"]) == (409, "action_refused")
    assert document["allowed_actions"] == []
    assert document["current_status"] == "bricked_up"
    with pytest.raises(ActionRefused) as refused:
        DOOR.after(Door.SHUT, Act.SHUT)
    assert refused.value.document()["allowed_actions"] == ["open", "brick_up"]


def test_final_statuses_are_those_nothing_leads_out_of() -> None:
    assert DOOR.final == {Door.BRICKED_UP}


def test_a_table_cannot_be_changed_through_the_lifecycle() -> None:
    with pytest.raises(TypeError):
        DOOR.moves[Door.OPEN, Act.OPEN] = Door.OPEN  # type: ignore[index]
