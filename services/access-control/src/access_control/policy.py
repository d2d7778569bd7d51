"""Who may do what in access-control: one table."""

from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType
from typing import Final

from shared.contracts.http.access import InstructionAction, OrderAction
from shared.rules import Level, Role
from shared.runtime.acts.policy import (
    EVERYTHING,
    Policy,
    Reach,
    Rule,
    any_of,
    anywhere,
    holding,
    only,
    own_organisation,
    same_region,
)
from shared.runtime.base.context import Caller


class Act(StrEnum):
    """What can be asked of this service."""

    REGISTER_PROVIDER = "register_provider"
    CHANGE_PROVIDER = "change_provider"
    SEE_PROVIDER = "see_provider"
    SEE_CONDUCT = "see_conduct"
    DISPUTE_CONDUCT = "dispute_conduct"
    KEEP_CONDUCT = "keep_conduct"
    SEE_DISPUTES = "see_disputes"
    CHANGE_CONTACT = "change_contact"
    ENTER_LICENCE = "enter_licence"
    GIVE_UP_LICENCE = "give_up_licence"
    CLOSE_PROVIDER = "close_provider"
    TRY_ORDER = "try_order"
    SET_WEBHOOK = "set_webhook"
    ADD_KEY = "add_key"
    REVOKE_KEY = "revoke_key"
    READ_FEED = "read_feed"
    SIGN_RECEIPT = "sign_receipt"
    SEE_RECEIPTS = "see_receipts"
    SEE_ORDER = "see_order"
    SEE_OBSERVED = "see_observed"
    WITHDRAW = "withdraw_order"
    ASK_REISSUE = "ask_to_reissue_order"
    REISSUE = "reissue_order"
    ANSWER = "answer_order"
    ESCALATE = "escalate_order"
    SEE_INSTRUCTION = "see_instruction"
    ACKNOWLEDGE = "acknowledge_instruction"
    ISSUE = "issue_order"
    OBJECT = "object_to_instruction"
    ANSWER_OBJECTION = "answer_objection"
    REPORT_EMERGENCY = "report_emergency"
    SEE_EMERGENCY = "see_emergency"


def in_sight(who: Caller) -> Reach:
    """Orders to, by or from their province; who is of national level sees every province (P3.5)."""
    return EVERYTHING if who.level == Level.NATIONAL else only("regions", who.region)


def issuing(who: Caller) -> Reach:
    """Orders that the caller's organisation gives, or has given: by a supervisor, or by a host province."""
    return only("issuer_id", who.organisation) | only("regulator_id", who.organisation)


def deciding(who: Caller) -> Reach:
    """Orders whose measure is the caller's to stand by: its own executions, or those of the network it supervises.

    A host province that orders for another one is not among them: it would decide about home's measure.
    """
    return only("regulator_id", who.organisation) | only("supervisor_id", who.organisation)


def withdrawing(who: Caller) -> Reach:
    """Also a host province's, once: what home's two people send again it does not take back."""
    return deciding(who) | only("issuer_id", who.organisation) & only("attempt", "1")


def instructing(who: Caller) -> Reach:
    """What the caller's organisation instructed a supervisor to do."""
    return only("regulator_id", who.organisation)


def supervising(who: Caller) -> Reach:
    """What the caller's organisation was instructed to do as a supervisor."""
    return only("supervisor_id", who.organisation)


def entering(who: Caller) -> Reach:
    """Entries of conduct records that the caller's organisation decided."""
    return only("authority_id", who.organisation)


def own_and_out(who: Caller) -> Reach:
    """A provider's own orders, once they went out."""
    return own_organisation(who) & only("out", "yes")


def own_site(who: Caller) -> Reach:
    """Orders about sites of the caller's own operator, or of one that it took over, once they went out."""
    return only("operator", *who.identities) & only("out", "yes")


DESK: Final = frozenset({Role.ACCESS_DESK})
PROVIDER: Final = frozenset({Role.ACCESS_PROVIDER})
SUPERVISOR: Final = frozenset({Role.NETWORK_SUPERVISOR})
ISSUERS: Final = DESK | {Role.INDUSTRY_REGULATOR} | SUPERVISOR
REGULATORS: Final = DESK | {Role.INDUSTRY_REGULATOR}
READERS: Final = frozenset({Role.ACCESS_DESK, Role.INDUSTRY_REGULATOR, Role.SECTOR_REGULATOR, Role.COORDINATION_OFFICE})
"""Who follows orders of their province without carrying them out."""
OFFICIALS: Final = READERS | SUPERVISOR | {Role.AUDITOR}
SEE_PROVIDERS: Final = (Rule(OFFICIALS, anywhere), Rule(PROVIDER, own_organisation))

seeing: Final = any_of(
    *(holding(role, in_sight) for role in sorted(READERS)), holding(Role.AUDITOR, anywhere),
    holding(Role.NETWORK_SUPERVISOR, supervising), holding(Role.ACCESS_PROVIDER, own_and_out),
)  # fmt: skip

POLICY: Final = Policy({
    Act.REGISTER_PROVIDER: Rule(DESK, same_region),
    Act.CHANGE_PROVIDER:   Rule(DESK, same_region),
    Act.SEE_PROVIDER:      SEE_PROVIDERS,
    Act.SEE_CONDUCT:       (Rule(READERS | {Role.AUDITOR}, anywhere), Rule(PROVIDER, own_organisation)),
    Act.DISPUTE_CONDUCT:   Rule(PROVIDER, own_organisation),
    Act.KEEP_CONDUCT:      Rule(frozenset({Role.INDUSTRY_REGULATOR}), entering, first_person=True),
    Act.SEE_DISPUTES:      Rule(frozenset({Role.INDUSTRY_REGULATOR}), entering),
    Act.CHANGE_CONTACT:    Rule(PROVIDER, own_organisation),
    Act.ENTER_LICENCE:     Rule(DESK, same_region),
    # Nobody takes a licence away, or closes a provider, but itself: that would be a burden outside of a case.
    Act.GIVE_UP_LICENCE:   Rule(PROVIDER, own_organisation),
    Act.CLOSE_PROVIDER:    Rule(PROVIDER, own_organisation),
    Act.TRY_ORDER:         Rule(PROVIDER, own_organisation),
    Act.SET_WEBHOOK:       Rule(PROVIDER, own_organisation),
    # A provider's key is its voice: at the desk a person lends or takes it, who says why, and no program; of its own a
    # provider's program revokes at once, whatever the hour.
    Act.ADD_KEY:           (Rule(DESK, same_region, first_person=True), Rule(PROVIDER, own_organisation)),
    Act.REVOKE_KEY:        (Rule(DESK, same_region, first_person=True), Rule(PROVIDER, own_organisation)),
    Act.READ_FEED:         Rule(PROVIDER, own_organisation),
    Act.SIGN_RECEIPT:      Rule(PROVIDER, own_organisation),
    Act.SEE_RECEIPTS:      (Rule(REGULATORS, same_region), Rule(frozenset({Role.AUDITOR}), anywhere),
                            Rule(PROVIDER, own_organisation)),
    Act.SEE_ORDER:         Rule(OFFICIALS | PROVIDER, seeing),
    # Whoever reads the order, and whose site it is: what is seen of it is of use to them first.
    Act.SEE_OBSERVED:      (Rule(OFFICIALS | PROVIDER, seeing), Rule(frozenset({Role.OPERATOR}), own_site)),
    Act.WITHDRAW:          Rule(ISSUERS, withdrawing),
    # It burdens anew, so it takes two people; whoever took it back is neither of them, and no program is.
    Act.ASK_REISSUE:       Rule(ISSUERS, deciding, second_person=True),
    Act.REISSUE:           Rule(ISSUERS, deciding, second_person=True),
    Act.ANSWER:            Rule(ISSUERS, deciding),
    Act.ESCALATE:          Rule(ISSUERS, issuing),
    Act.SEE_INSTRUCTION:   Rule(REGULATORS | SUPERVISOR | {Role.AUDITOR}, any_of(
        *(holding(role, instructing) for role in sorted(REGULATORS)), holding(Role.AUDITOR, anywhere),
        holding(Role.NETWORK_SUPERVISOR, supervising),
    )),
    Act.ACKNOWLEDGE:       Rule(SUPERVISOR, supervising, first_person=True),
    Act.ISSUE:             Rule(SUPERVISOR, supervising, second_person=True),
    Act.OBJECT:            Rule(SUPERVISOR, supervising),
    Act.ANSWER_OBJECTION:  Rule(REGULATORS, instructing),
    Act.REPORT_EMERGENCY:  Rule(PROVIDER, own_organisation),
    Act.SEE_EMERGENCY:     (Rule(REGULATORS, same_region), Rule(frozenset({Role.AUDITOR}), anywhere),
                            Rule(PROVIDER, own_organisation)),
})  # fmt: skip

ORDER_ACTS: Final[Mapping[OrderAction, Act]] = MappingProxyType({
    OrderAction.WITHDRAW: Act.WITHDRAW,
    OrderAction.ASK_REISSUE: Act.ASK_REISSUE,
    OrderAction.REISSUE:  Act.REISSUE,
    OrderAction.UPHOLD:   Act.ANSWER,
    OrderAction.REJECT:   Act.ANSWER,
    OrderAction.ACCEPT:   Act.ANSWER,
    OrderAction.ESCALATE: Act.ESCALATE,
})  # fmt: skip
INSTRUCTION_ACTS: Final[Mapping[InstructionAction, Act]] = MappingProxyType({
    InstructionAction.ACKNOWLEDGE: Act.ACKNOWLEDGE,
    InstructionAction.ISSUE:       Act.ISSUE,
    InstructionAction.OBJECT:      Act.OBJECT,
    InstructionAction.UPHOLD:      Act.ANSWER_OBJECTION,
    InstructionAction.REJECT:      Act.ANSWER_OBJECTION,
})  # fmt: skip
