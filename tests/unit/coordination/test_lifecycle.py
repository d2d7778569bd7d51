"""The lifecycle and the policy of the directory, read against the sources."""

import pytest

from coordination.lifecycle import ENTRY, Action, Status
from coordination.policy import OFFICE, POLICY, Act
from coordination.service.organisations import ACTS
from shared.rules import Role

NAMED = {
    (Status.ACTIVE, Action.CHANGE): Status.ACTIVE,
    (Status.ACTIVE, Action.CLOSE): Status.CLOSED,
    (Status.CLOSED, Action.REOPEN): Status.ACTIVE,
}


def test_the_table_has_these_moves_and_no_others() -> None:
    assert dict(ENTRY.moves) == NAMED


def test_nothing_is_closed_for_ever() -> None:
    assert not ENTRY.final


@pytest.mark.parametrize("act", [act for act in Act if not act.startswith("read_")])
def test_only_people_of_a_coordination_office_write(act: Act) -> None:
    assert all(rule.roles == OFFICE and rule.first_person for rule in POLICY[act])
    assert act in {*ACTS.values(), Act.ENTER_ORGANISATION}


def test_operators_and_providers_read_nothing() -> None:
    for act in (Act.READ_ORGANISATION, Act.READ_CONTACTS):
        assert all(rule.roles.isdisjoint({Role.OPERATOR, Role.ACCESS_PROVIDER}) for rule in POLICY[act])
