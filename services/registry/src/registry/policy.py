"""Who may do what in the register: one table."""

from enum import StrEnum
from typing import Final

from shared.rules import Role
from shared.runtime.acts.policy import Policy, Rule, own_organisation, same_region

REGULATOR: Final = frozenset({Role.INDUSTRY_REGULATOR})


class Act(StrEnum):
    """What the policy decides about."""

    REGISTER_OPERATOR = "register_operator"
    SUBMIT = "submit"
    GRANT = "grant"
    REFUSE = "refuse"
    READ = "read"
    AMEND = "amend"
    DRAFT_REVOCATION = "draft_revocation"
    READ_REVOCATION = "read_revocation"
    CONFIRM_REVOCATION = "confirm_revocation"
    WITHDRAW_REVOCATION = "withdraw_revocation"
    DECIDE_REQUEST = "decide_request"
    REINSTATE = "reinstate"
    IMPORT = "import"


OPERATOR: Final = frozenset({Role.OPERATOR})
OFFICIALS: Final = REGULATOR | {Role.SECTOR_REGULATOR, Role.QUERY_DESK, Role.AUDITOR, Role.ACCESS_DESK}

POLICY: Final = Policy({
    Act.REGISTER_OPERATOR:  (Rule(roles=OPERATOR, scope=own_organisation), Rule(roles=REGULATOR, scope=same_region)),
    Act.SUBMIT:             (Rule(roles=OPERATOR, scope=own_organisation), Rule(roles=REGULATOR, scope=same_region)),
    Act.READ:               (Rule(roles=OFFICIALS, scope=same_region), Rule(roles=OPERATOR, scope=own_organisation)),
    Act.GRANT:               Rule(roles=REGULATOR, scope=same_region),
    Act.REFUSE:              Rule(roles=REGULATOR, scope=same_region),
    Act.AMEND:              (Rule(roles=OPERATOR, scope=own_organisation), Rule(roles=REGULATOR, scope=same_region)),
    Act.DRAFT_REVOCATION:    Rule(roles=REGULATOR, scope=same_region),
    Act.CONFIRM_REVOCATION:  Rule(roles=REGULATOR, scope=same_region, second_person=True),
    Act.READ_REVOCATION:     Rule(roles=OFFICIALS, scope=same_region),
    Act.WITHDRAW_REVOCATION: Rule(roles=REGULATOR, scope=same_region),
    Act.DECIDE_REQUEST:      Rule(roles=REGULATOR, scope=same_region),
    Act.REINSTATE:           Rule(roles=REGULATOR, scope=same_region),
    Act.IMPORT:              Rule(roles=REGULATOR),
})  # fmt: skip
