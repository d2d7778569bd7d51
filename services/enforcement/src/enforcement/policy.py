"""Who may do what in enforcement: one table."""

from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType
from typing import Final

from enforcement.lifecycle import Action, AppealAction, CaseAction, SubscriptionAction
from shared.rules import Level, Role
from shared.runtime.acts.policy import (
    EVERYTHING,
    Policy,
    Reach,
    Rule,
    Scope,
    all_of,
    any_of,
    anywhere,
    holding,
    only,
    own_category,
    own_organisation,
)
from shared.runtime.base.context import Caller


class Act(StrEnum):
    """What a person can ask this service to do."""

    OPEN_CASE = "open_case"
    READ_CASE = "read_case"
    ADD_EVIDENCE = "add_evidence"
    READ_EVIDENCE = "read_evidence"
    LIST_CITED = "list_cited_evidence"
    DISCONTINUE_CASE = "discontinue_case"
    DRAFT_DECISION = "draft_decision"
    READ_DECISION = "read_decision"
    RELEASE_DECISION = "release_decision"
    WITHDRAW_DECISION = "withdraw_decision"
    CONFIRM_CORRECTION = "confirm_correction"
    CONFIRM_IGNORED = "confirm_ignored"
    LIFT_DECISION = "lift_decision"
    FILE_APPEAL = "file_appeal"
    ENTER_APPEAL = "enter_appeal_for_an_operator"
    READ_APPEAL = "read_appeal"
    DECIDE_APPEAL = "decide_appeal"
    SUBSCRIBE = "subscribe_to_a_name"
    READ_SUBSCRIPTION = "read_subscription"
    LOOK_AT_NAME = "look_at_name"
    END_SUBSCRIPTION = "end_subscription"


def same_desk(who: Caller) -> Reach:
    """Matters of the caller's own level and, in a province, of that province (同级)."""
    mine = only("level", who.level)
    return mine & only("region", who.region) if who.level == Level.PROVINCE else mine


def overseen(who: Caller) -> Reach:
    """What an authority may read: one of national level also reads what its competence covers in the provinces."""
    return EVERYTHING if who.level == Level.NATIONAL else same_desk(who)


def burdened(who: Caller) -> Reach:
    """What is about the operator, or the provider, that the caller acts for."""
    return only("identity", who.organisation)


def cited_against(who: Caller) -> Reach:
    """Evidence that a decision cites which the operator, or the provider, that the caller acts for was told of."""
    return only("cited_against", who.organisation)


def shown_to(who: Caller) -> Reach:
    """The same but for what was filed as confidential."""
    return only("shown_to", who.organisation)


def part_in(who: Caller) -> Reach:
    """Cases that came to the caller's organisation: to execute a decision, or to review one. Before, a case is an
    accusation, and nobody else's business (docs/adr/0008).
    """
    return only("took_part", who.organisation)


def reviewing(who: Caller) -> Reach:
    """Appeals that the caller's review body must decide."""
    return only("body_id", who.organisation)


def own_acts(who: Caller) -> Reach:
    """Appeals against the acts of the caller's own authority."""
    return only("authority_id", who.organisation)


def party(scope: Scope) -> Scope:
    """``scope``, for those whom acts burden."""
    return any_of(*(holding(role, scope) for role in PARTIES))


SECTOR: Final = holding(Role.SECTOR_REGULATOR, all_of(own_category, same_desk))
"""Sector regulators act in their own sector, at their own level, in their own province."""
INDUSTRY: Final = holding(Role.INDUSTRY_REGULATOR, same_desk)
COMPETENT: Final = any_of(SECTOR, INDUSTRY)
AUTHORITIES: Final = frozenset({Role.SECTOR_REGULATOR, Role.INDUSTRY_REGULATOR})
PARTIES: Final = frozenset({Role.OPERATOR, Role.ACCESS_PROVIDER})
READERS: Final = AUTHORITIES | {Role.REVIEW_BODY, Role.AUDITOR}
official: Final = any_of(
    any_of(*(holding(role, own_organisation) for role in sorted(AUTHORITIES))),
    holding(Role.SECTOR_REGULATOR, all_of(own_category, overseen)),
    holding(Role.INDUSTRY_REGULATOR, part_in),
    holding(Role.REVIEW_BODY, part_in),
    holding(Role.AUDITOR, anywhere),
)
OWN_CASE: Final = Rule(AUTHORITIES, own_organisation)
# Who lost the competence since then can still ease a burden, and lay none.
BURDENING: Final = all_of(own_organisation, COMPETENT)

POLICY: Final = Policy({
    Act.OPEN_CASE:          Rule(AUTHORITIES, COMPETENT),
    Act.READ_CASE:          Rule(READERS, official),
    Act.ADD_EVIDENCE:       OWN_CASE,
    Act.READ_EVIDENCE:      Rule(READERS | PARTIES, any_of(party(shown_to), official)),
    Act.LIST_CITED:         Rule(READERS | PARTIES, any_of(party(cited_against), official)),
    Act.DISCONTINUE_CASE:   OWN_CASE,
    Act.DRAFT_DECISION:     Rule(AUTHORITIES, BURDENING, first_person=True),
    Act.READ_DECISION:      Rule(READERS | PARTIES, any_of(party(burdened), official)),
    Act.RELEASE_DECISION:   Rule(AUTHORITIES, BURDENING, second_person=True),
    Act.WITHDRAW_DECISION:  OWN_CASE,
    Act.CONFIRM_CORRECTION: OWN_CASE,
    Act.CONFIRM_IGNORED:    Rule(AUTHORITIES, BURDENING, second_person=True),
    Act.LIFT_DECISION:      OWN_CASE,  # easing a burden needs no second person
    Act.FILE_APPEAL:        Rule(PARTIES, burdened),
    Act.ENTER_APPEAL:       Rule(frozenset({Role.REVIEW_BODY}), reviewing),  # never the authority itself
    Act.READ_APPEAL:        Rule(READERS | PARTIES, any_of(
        party(burdened), own_acts, holding(Role.REVIEW_BODY, reviewing), holding(Role.AUDITOR, anywhere))),
    # Second person: whoever changed sides since does not review what they did.
    Act.DECIDE_APPEAL:      Rule(frozenset({Role.REVIEW_BODY}), reviewing, second_person=True),
    # Whether somebody holds a name is for the name to show, not for a role: whoever can be told something may ask.
    Act.SUBSCRIBE:          Rule(PARTIES, burdened),
    Act.READ_SUBSCRIPTION:  Rule(PARTIES, burdened),
    Act.LOOK_AT_NAME:       Rule(PARTIES, burdened),
    Act.END_SUBSCRIPTION:   Rule(PARTIES, burdened),
})  # fmt: skip

CASE_ACTS: Final[Mapping[CaseAction, Act]] = MappingProxyType({
    CaseAction.ADD_EVIDENCE: Act.ADD_EVIDENCE, CaseAction.DRAFT: Act.DRAFT_DECISION,
    CaseAction.DISCONTINUE: Act.DISCONTINUE_CASE,
})  # fmt: skip
DECISION_ACTS: Final[Mapping[Action, Act]] = MappingProxyType({
    Action.RELEASE: Act.RELEASE_DECISION, Action.WITHDRAW: Act.WITHDRAW_DECISION, Action.LIFT: Act.LIFT_DECISION,
    Action.CONFIRM_CORRECTED: Act.CONFIRM_CORRECTION, Action.CONFIRM_IGNORED: Act.CONFIRM_IGNORED,
    Action.APPEAL: Act.FILE_APPEAL,
})  # fmt: skip
APPEAL_ACTS: Final[Mapping[AppealAction, Act]] = MappingProxyType(dict.fromkeys(AppealAction, Act.DECIDE_APPEAL))
SUBSCRIPTION_ACTS: Final[Mapping[SubscriptionAction, Act]] = MappingProxyType({
    SubscriptionAction.LOOK: Act.LOOK_AT_NAME, SubscriptionAction.END: Act.END_SUBSCRIPTION,
})  # fmt: skip
