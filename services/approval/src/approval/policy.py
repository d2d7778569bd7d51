"""Who may do what in approval: one table."""

from enum import StrEnum
from typing import Final

from shared.rules import Level, Role
from shared.runtime.acts.policy import (
    EVERYTHING,
    Policy,
    Reach,
    Rule,
    all_of,
    any_of,
    holding,
    only,
    own_category,
    own_organisation,
    same_region,
)
from shared.runtime.base.context import Caller


class Act(StrEnum):
    """What a person can ask this service to do."""

    APPLY = "apply"
    READ_APPLICATION = "read_application"
    LIST_APPLICATIONS = "list_applications"
    GRANT_APPLICATION = "grant_application"
    REFUSE_APPLICATION = "refuse_application"
    FIND_NOT_REQUIRED = "find_not_required"
    CANCEL_APPROVAL = "cancel_approval"


def own_level(who: Caller) -> Reach:
    """What is put to the ministry is decided by the ministry."""
    return EVERYTHING if who.level == Level.NATIONAL else only("level", Level.PROVINCE)


own_desk: Final = all_of(own_category, same_region, own_level)
"""P3.1.1: the authority for the service item, of the applicant's province or of the whole country."""

OPERATOR: Final = Rule(frozenset({Role.OPERATOR}), own_organisation)
AUTHORITY: Final = Rule(frozenset({Role.SECTOR_REGULATOR}), own_desk)
READER: Final = Rule(
    frozenset({Role.OPERATOR, Role.SECTOR_REGULATOR}),
    any_of(holding(Role.OPERATOR, own_organisation), holding(Role.SECTOR_REGULATOR, own_desk)),
)

POLICY: Final = Policy({
    Act.APPLY:              OPERATOR,
    Act.READ_APPLICATION:   READER,
    Act.LIST_APPLICATIONS:  Rule(READER.roles),  # the store narrows the list to the caller's desk
    Act.GRANT_APPLICATION:  AUTHORITY,
    Act.REFUSE_APPLICATION: AUTHORITY,
    Act.FIND_NOT_REQUIRED:  AUTHORITY,
    Act.CANCEL_APPROVAL:    AUTHORITY,
})  # fmt: skip
