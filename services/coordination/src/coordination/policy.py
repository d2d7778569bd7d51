"""Who may do what with the directory: one table."""

from enum import StrEnum
from typing import Final

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
    CHANGE_ORGANISATION = "change_organisation"
    CLOSE_ORGANISATION = "close_organisation"
    REOPEN_ORGANISATION = "reopen_organisation"


# The directory decides who may do anything at all: only people change it, so no program's token counts (first_person).
POLICY: Final = Policy({
    Act.READ_ORGANISATION:   Rule(OFFICIALS, anywhere),
    Act.READ_CONTACTS:       Rule(MEMBERS, anywhere),                        # P1: members ask one another
    Act.ENTER_ORGANISATION:  Rule(OFFICE, same_region, first_person=True),
    Act.CHANGE_ORGANISATION: Rule(OFFICE, same_region, first_person=True),
    Act.CLOSE_ORGANISATION:  Rule(OFFICE, same_region, first_person=True),
    Act.REOPEN_ORGANISATION: Rule(OFFICE, same_region, first_person=True),
})  # fmt: skip
