"""Who may do what in access-control: one table."""

from enum import StrEnum
from typing import Final

from shared.rules import Role
from shared.runtime.acts.policy import Policy, Rule, anywhere, own_organisation, same_region


class Act(StrEnum):
    """What can be asked of this service."""

    REGISTER_PROVIDER = "register_provider"
    SEE_PROVIDER = "see_provider"
    LIST_PROVIDERS = "list_providers"
    ADD_KEY = "add_key"
    REVOKE_KEY = "revoke_key"
    READ_FEED = "read_feed"
    SIGN_RECEIPT = "sign_receipt"
    SEE_ORDER = "see_order"
    LIST_ORDERS = "list_orders"
    WITHDRAW_ORDER = "withdraw_order"


DESK: Final = frozenset({Role.ACCESS_DESK})
PROVIDER: Final = frozenset({Role.ACCESS_PROVIDER})
OFFICIALS: Final = frozenset(
    {
        Role.ACCESS_DESK,
        Role.INDUSTRY_REGULATOR,
        Role.SECTOR_REGULATOR,
        Role.NETWORK_SUPERVISOR,
        Role.COORDINATION_OFFICE,
        Role.AUDITOR,
    }
)
"""Who follows orders without giving or carrying them out; reading is not tied to a province (P3.5)."""

POLICY: Final = Policy[Act]({
    Act.REGISTER_PROVIDER: Rule(DESK, same_region),
    Act.SEE_PROVIDER:      (Rule(OFFICIALS, anywhere), Rule(PROVIDER, own_organisation)),
    Act.LIST_PROVIDERS:    Rule(OFFICIALS, anywhere),
    Act.ADD_KEY:           Rule(DESK, same_region),
    Act.REVOKE_KEY:        Rule(DESK, same_region),
    Act.READ_FEED:         Rule(PROVIDER, own_organisation),
    Act.SIGN_RECEIPT:      Rule(PROVIDER, own_organisation),
    Act.SEE_ORDER:         (Rule(OFFICIALS, anywhere), Rule(PROVIDER, own_organisation)),
    Act.LIST_ORDERS:       (Rule(OFFICIALS, anywhere), Rule(PROVIDER, own_organisation)),
    Act.WITHDRAW_ORDER:    Rule(DESK, same_region),
})  # fmt: skip
