"""Who may do what in enforcement: one table."""

from enum import StrEnum
from typing import Final

from shared.rules import Role
from shared.runtime.acts.policy import (
    Policy,
    Reach,
    Rule,
    all_of,
    another_organisation,
    any_of,
    anywhere,
    holding,
    only,
    own_category,
    own_organisation,
    same_region,
)
from shared.runtime.base.context import Caller


class Act(StrEnum):
    """What a person can ask this service to do."""

    OPEN_CASE = "open_case"
    READ_CASE = "read_case"
    LIST_CASES = "list_cases"
    ADD_EVIDENCE = "add_evidence"
    READ_EVIDENCE = "read_evidence"
    DRAFT_DECISION = "draft_decision"
    READ_DRAFT = "read_draft"
    READ_DECISION = "read_decision"
    RELEASE_DECISION = "release_decision"
    WITHDRAW_DECISION = "withdraw_decision"
    FILE_APPEAL = "file_appeal"
    READ_APPEAL = "read_appeal"
    DECIDE_APPEAL = "decide_appeal"


def own_site(who: Caller) -> Reach:
    """Cases about a site of the operator the caller acts for."""
    return only("operator_uscc", who.organisation)


desk: Final = all_of(own_category, same_region)
"""The sector regulators of a category in a province, and those of the whole country."""
official: Final = any_of(
    holding(Role.SECTOR_REGULATOR, desk),
    holding(Role.INDUSTRY_REGULATOR, same_region),  # who must accept or decline a request sees what it rests on
    holding(Role.REVIEW_BODY, same_region),  # who reviews a decision sees what it rests on
    holding(Role.AUDITOR, anywhere),
)
review: Final = all_of(holding(Role.REVIEW_BODY, same_region), another_organisation)
OFFICIALS: Final = frozenset({Role.SECTOR_REGULATOR, Role.INDUSTRY_REGULATOR, Role.REVIEW_BODY, Role.AUDITOR})

REGULATOR: Final = frozenset({Role.SECTOR_REGULATOR})
APPELLANTS: Final = frozenset({Role.OPERATOR, Role.SECTOR_REGULATOR, Role.REVIEW_BODY})
OWN_CASE: Final = Rule(REGULATOR, all_of(own_organisation, desk))
OFFICIAL: Final = Rule(OFFICIALS, official)
CONCERNED: Final = Rule(OFFICIALS | {Role.OPERATOR}, any_of(holding(Role.OPERATOR, own_site), official))

POLICY: Final = Policy({
    Act.OPEN_CASE:         Rule(REGULATOR, desk),
    Act.READ_CASE:         OFFICIAL,
    Act.LIST_CASES:        Rule(OFFICIALS),  # the store narrows the list to the caller's desk
    Act.ADD_EVIDENCE:      OWN_CASE,
    Act.READ_EVIDENCE:     OFFICIAL,
    Act.DRAFT_DECISION:    OWN_CASE,
    Act.READ_DRAFT:        OFFICIAL,
    Act.READ_DECISION:     CONCERNED,
    Act.RELEASE_DECISION:  Rule(OWN_CASE.roles, OWN_CASE.scope, second_person=True),
    Act.WITHDRAW_DECISION: OWN_CASE,
    Act.FILE_APPEAL:       Rule(APPELLANTS, any_of(holding(Role.OPERATOR, own_site),
                                                   holding(Role.SECTOR_REGULATOR, desk), review)),
    Act.READ_APPEAL:       CONCERNED,
    # Second person: whoever changed sides since does not review what they did.
    Act.DECIDE_APPEAL:     Rule(frozenset({Role.REVIEW_BODY}), review, second_person=True),
})  # fmt: skip
