"""Who may do what in enforcement: one table."""

from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType
from typing import Final

from enforcement.lifecycle import (
    Action,
    AppealAction,
    CaseAction,
    HearingAction,
    ReferralAction,
    RequestAction,
)
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
    ASSIGN_APPEAL = "assign_appeal"
    ADMIT_APPEAL = "admit_appeal"
    WITHDRAW_APPEAL = "withdraw_appeal"
    HAND_IN = "hand_in_paper"
    READ_PAPER = "read_paper"
    ASK_REGULATOR = "ask_regulator"
    READ_REQUEST = "read_regulator_request"
    ANSWER_REQUEST = "answer_regulator_request"
    WITHDRAW_REQUEST = "withdraw_regulator_request"
    DRAFT_REFERRAL = "draft_referral"
    READ_REFERRAL = "read_referral"
    SIGN_REFERRAL = "sign_referral"
    WITHDRAW_REFERRAL = "withdraw_referral"
    ANSWER_REFERRAL = "answer_referral"


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


def paper_for(who: Caller) -> Reach:
    """Papers that the caller's side handed in, or may read of the other side's."""
    return only("read_by", who.organisation)


def has_it(who: Caller) -> Reach:
    """Requests that lie on the caller's desk, or came to it because another one was late."""
    return only("answering", who.organisation)


def had_it(who: Caller) -> Reach:
    """Requests that lie, or once lay, on the caller's desk."""
    return only("desks", who.organisation)


def sent_to(who: Caller) -> Reach:
    """Referrals that were sent to the caller's organisation."""
    return only("sent_to", who.organisation)


def told_of(who: Caller) -> Reach:
    """Referrals about whom the caller acts for, once it was told."""
    return only("told_to", who.organisation)


def party(scope: Scope) -> Scope:
    """``scope``, for those whom acts burden."""
    return any_of(*(holding(role, scope) for role in PARTIES))


SECTOR: Final = holding(Role.SECTOR_REGULATOR, all_of(own_category, same_desk))
"""Sector regulators act in their own sector, at their own level, in their own province."""
INDUSTRY: Final = holding(Role.INDUSTRY_REGULATOR, same_desk)
COMPETENT: Final = any_of(SECTOR, INDUSTRY)
AUTHORITIES: Final = frozenset({Role.SECTOR_REGULATOR, Role.INDUSTRY_REGULATOR})
PARTIES: Final = frozenset({Role.OPERATOR, Role.ACCESS_PROVIDER})
SIDES: Final = AUTHORITIES | PARTIES | {Role.REVIEW_BODY}
defending: Final = any_of(*(holding(role, own_acts) for role in sorted(AUTHORITIES)))
"""Appeals against the acts of the caller's authority, for those who act for it."""
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
    Act.ASSIGN_APPEAL:      Rule(frozenset({Role.REVIEW_BODY}), reviewing, first_person=True),
    Act.ADMIT_APPEAL:       Rule(frozenset({Role.REVIEW_BODY}), reviewing, second_person=True),
    Act.WITHDRAW_APPEAL:    Rule(PARTIES, burdened),  # nobody else, whoever entered it
    Act.HAND_IN:            Rule(SIDES, any_of(party(burdened), defending, holding(Role.REVIEW_BODY, reviewing))),
    # Each side reads the other's papers, but for what was handed in as confidential; the body and auditors read all.
    Act.READ_PAPER:         Rule(SIDES | {Role.AUDITOR}, any_of(
        party(paper_for), holding(Role.SECTOR_REGULATOR, paper_for), holding(Role.INDUSTRY_REGULATOR, paper_for),
        holding(Role.REVIEW_BODY, reviewing), holding(Role.AUDITOR, anywhere))),
    # What only a decision can do is asked for; whoever asked does not answer, wherever they work by then.
    Act.ASK_REGULATOR:      Rule(frozenset({Role.SECTOR_REGULATOR}), BURDENING, first_person=True),
    Act.READ_REQUEST:       Rule(AUTHORITIES | {Role.AUDITOR}, any_of(
        holding(Role.SECTOR_REGULATOR, own_organisation), holding(Role.INDUSTRY_REGULATOR, had_it),
        holding(Role.AUDITOR, anywhere))),
    Act.ANSWER_REQUEST:     Rule(frozenset({Role.INDUSTRY_REGULATOR}), has_it, second_person=True),
    Act.WITHDRAW_REQUEST:   Rule(frozenset({Role.SECTOR_REGULATOR}), own_organisation),
    Act.DRAFT_REFERRAL:     Rule(AUTHORITIES, BURDENING, first_person=True),
    Act.READ_REFERRAL:      Rule(AUTHORITIES | PARTIES | {Role.SECURITY_AUTHORITY, Role.AUDITOR}, any_of(
        any_of(*(holding(role, own_organisation) for role in sorted(AUTHORITIES))), party(told_of),
        holding(Role.SECURITY_AUTHORITY, sent_to), holding(Role.AUDITOR, anywhere))),
    Act.SIGN_REFERRAL:      Rule(AUTHORITIES, BURDENING, second_person=True),
    Act.WITHDRAW_REFERRAL:  OWN_CASE,
    Act.ANSWER_REFERRAL:    Rule(frozenset({Role.SECURITY_AUTHORITY}), sent_to),
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
APPEAL_ACTS: Final[Mapping[AppealAction, Act]] = MappingProxyType({
    **dict.fromkeys(AppealAction, Act.DECIDE_APPEAL), AppealAction.ASSIGN: Act.ASSIGN_APPEAL,
    AppealAction.WITHDRAW: Act.WITHDRAW_APPEAL, AppealAction.ADMIT: Act.ADMIT_APPEAL,
    AppealAction.HAND_IN: Act.HAND_IN,
})  # fmt: skip
HEARING_ACTS: Final[Mapping[HearingAction, Act]] = MappingProxyType(dict.fromkeys(HearingAction, Act.DECIDE_APPEAL))
REQUEST_ACTS: Final[Mapping[RequestAction, Act]] = MappingProxyType({
    **dict.fromkeys(RequestAction, Act.ANSWER_REQUEST), RequestAction.WITHDRAW: Act.WITHDRAW_REQUEST,
})  # fmt: skip
REFERRAL_ACTS: Final[Mapping[ReferralAction, Act]] = MappingProxyType({
    ReferralAction.SIGN: Act.SIGN_REFERRAL, ReferralAction.WITHDRAW: Act.WITHDRAW_REFERRAL,
    ReferralAction.RECEIVE: Act.ANSWER_REFERRAL, ReferralAction.ANSWER: Act.ANSWER_REFERRAL,
})  # fmt: skip
