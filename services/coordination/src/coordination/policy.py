"""Who may do what with the directory: one table."""

from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType
from typing import Final

from coordination.lifecycle import Action, ProposalAction
from shared.rules import Role
from shared.runtime.acts.policy import Policy, Rule, anywhere, same_region

OFFICE: Final = frozenset({Role.COORDINATION_OFFICE})
OFFICIALS: Final = frozenset(Role) - {Role.OPERATOR, Role.ACCESS_PROVIDER}
MEMBERS: Final = OFFICIALS - {Role.REVIEW_BODY, Role.AUDITOR, Role.ADMIN}
"""Those who act for the member units of the coordination group (P1)."""


class Act(StrEnum):
    """What can be done with the directory."""

    READ_ORGANISATION = "read_organisation"
    READ_CONTACTS = "read_contacts"
    ENTER_ORGANISATION = "enter_organisation"
    RENAME_ORGANISATION = "rename_organisation"
    READ_PROPOSAL = "read_proposal"
    PROPOSE = "propose"
    CONFIRM_PROPOSAL = "confirm_proposal"
    WITHDRAW_PROPOSAL = "withdraw_proposal"


# The directory decides who may do anything at all and who reviews it: people alone change it, never a program's token,
# and what gives or takes power is proposed by one and confirmed by another.
POLICY: Final = Policy({
    Act.READ_ORGANISATION:   Rule(OFFICIALS, anywhere),
    Act.READ_CONTACTS:       Rule(MEMBERS, anywhere),                        # P1: members ask one another
    Act.ENTER_ORGANISATION:  Rule(OFFICE, same_region, first_person=True),
    Act.RENAME_ORGANISATION: Rule(OFFICE, same_region, first_person=True),
    Act.READ_PROPOSAL:       Rule(OFFICIALS, anywhere),
    Act.PROPOSE:             Rule(OFFICE, same_region, first_person=True),
    Act.CONFIRM_PROPOSAL:    Rule(OFFICE, same_region, second_person=True),
    Act.WITHDRAW_PROPOSAL:   Rule(OFFICE, same_region, first_person=True),
})  # fmt: skip

ENTRY_ACTS: Final[Mapping[Action, Act]] = MappingProxyType({
    Action.RENAME: Act.RENAME_ORGANISATION, Action.CHANGE: Act.PROPOSE, Action.CLOSE: Act.PROPOSE,
    Action.REOPEN: Act.PROPOSE,
})  # fmt: skip
PROPOSAL_ACTS: Final[Mapping[ProposalAction, Act]] = MappingProxyType({
    ProposalAction.CONFIRM: Act.CONFIRM_PROPOSAL, ProposalAction.WITHDRAW: Act.WITHDRAW_PROPOSAL,
})  # fmt: skip
