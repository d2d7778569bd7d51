"""Who may do what in query: one table. The public's look-ups are not in it: they need nobody's leave."""

from enum import StrEnum
from typing import Final

from shared.rules import Role
from shared.runtime.acts.policy import Policy, Rule, same_region


class Act(StrEnum):
    """What an official can ask this service to do."""

    LOOK_UP = "look_up"
    LOOK_UP_MANY = "look_up_many"
    READ_LOOKUPS = "read_lookups"


OFFICIALS: Final = frozenset({
    Role.QUERY_DESK,
    Role.INDUSTRY_REGULATOR,
    Role.SECTOR_REGULATOR,
    Role.SECURITY_AUTHORITY,
    Role.NETWORK_SUPERVISOR,
    Role.ACCESS_DESK,
    Role.COORDINATION_OFFICE,
    Role.REVIEW_BODY,
    Role.AUDITOR,
    Role.ADMIN,
})  # fmt: skip

POLICY: Final = Policy({
    Act.LOOK_UP:      Rule(OFFICIALS),  # of every region: a site is hosted where its operator is not (P3.5)
    Act.LOOK_UP_MANY: Rule(OFFICIALS),
    Act.READ_LOOKUPS: Rule({Role.AUDITOR}, same_region),  # of look-ups by officials of the auditor's own region
})  # fmt: skip
