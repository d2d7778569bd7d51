"""The lifecycles and the policy of the directory, read against the sources."""

import pytest

from coordination.lifecycle import ENTRY, PROPOSAL, Action, ProposalAction, ProposalStatus, Status
from coordination.policy import ENTRY_ACTS, OFFICE, POLICY, PROPOSAL_ACTS, Act
from shared.rules import Role

NAMED = {
    (Status.ACTIVE, Action.RENAME): Status.ACTIVE,
    (Status.ACTIVE, Action.CHANGE): Status.ACTIVE,
    (Status.ACTIVE, Action.CLOSE): Status.CLOSED,
    (Status.CLOSED, Action.REOPEN): Status.ACTIVE,
}


def test_the_table_has_these_moves_and_no_others() -> None:
    assert dict(ENTRY.moves) == NAMED


def test_nothing_is_closed_for_ever() -> None:
    assert not ENTRY.final


def test_a_proposal_ends_confirmed_or_withdrawn() -> None:
    assert dict(PROPOSAL.moves) == {
        (ProposalStatus.PROPOSED, ProposalAction.CONFIRM): ProposalStatus.CONFIRMED,
        (ProposalStatus.PROPOSED, ProposalAction.WITHDRAW): ProposalStatus.WITHDRAWN,
    }


@pytest.mark.parametrize("act", [act for act in Act if not act.startswith("read_")])
def test_only_people_of_a_coordination_office_write(act: Act) -> None:
    assert all(rule.roles == OFFICE and (rule.first_person or rule.second_person) for rule in POLICY[act])
    assert act in {*ENTRY_ACTS.values(), *PROPOSAL_ACTS.values(), Act.ENTER_ORGANISATION}


def test_only_a_new_name_takes_one_person() -> None:
    assert {action for action, act in ENTRY_ACTS.items() if act is not Act.PROPOSE} == {Action.RENAME}
    assert all(rule.second_person for rule in POLICY[Act.CONFIRM_PROPOSAL])


def test_operators_and_providers_read_nothing() -> None:
    for act in (Act.READ_ORGANISATION, Act.READ_CONTACTS, Act.READ_PROPOSAL):
        assert all(rule.roles.isdisjoint({Role.OPERATOR, Role.ACCESS_PROVIDER}) for rule in POLICY[act])
