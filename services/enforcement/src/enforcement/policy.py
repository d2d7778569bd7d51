"""Who may do what in enforcement: one table."""

from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType
from typing import Final

from enforcement.lifecycle import (
    Action,
    AppealAction,
    CaseAction,
    EmergencyAction,
    HearingAction,
    MatterAction,
    OpinionAction,
    ReferralAction,
    RequestAction,
    SubscriptionAction,
    TaskAction,
    WarningAction,
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
    REMARK_ON_DRAFT = "remark_on_a_draft"
    ANSWER_REMARKS = "answer_remarks"
    PREVIEW_ORDERS = "preview_orders"
    WITHDRAW_DECISION = "withdraw_decision"
    CONFIRM_CORRECTION = "confirm_correction"
    CONFIRM_IGNORED = "confirm_ignored"
    LIFT_DECISION = "lift_decision"
    FILE_APPEAL = "file_appeal"
    ENTER_APPEAL = "enter_appeal_for_an_operator"
    READ_APPEAL = "read_appeal"
    DECIDE_APPEAL = "decide_appeal"
    REPORT_COMPLAINT = "complain_for_an_organisation"
    READ_MATTER = "read_matter"
    TRIAGE = "triage_matter"
    ROUTE_MATTER = "route_matter"
    TRANSFER_MATTER = "transfer_matter"
    READ_WARNING = "read_warning"
    ANSWER_WARNING = "answer_warning"
    READ_EMERGENCY = "read_emergency"
    CONFIRM_EMERGENCY = "confirm_emergency"
    READ_TIMELINE = "read_timeline"
    READ_CUSTODY = "read_custody"
    CLAIM_CASE = "claim_case"
    TRANSFER_CASE = "transfer_case"
    LINK_CASES = "link_cases"
    HOLD_EVIDENCE = "hold_evidence"
    ADD_TASK = "add_task"
    READ_TASK = "read_task"
    WORK_TASK = "work_on_task"
    ASK_OPINION = "ask_opinion"
    READ_OPINION = "read_opinion"
    ANSWER_OPINION = "answer_opinion"
    SETTLE_OPINIONS = "settle_opinions"
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
    SUBSCRIBE = "subscribe_to_a_name"
    READ_SUBSCRIPTION = "read_subscription"
    LOOK_AT_NAME = "look_at_name"
    END_SUBSCRIPTION = "end_subscription"
    CONFIRM_ADDRESS = "confirm_address"


def same_desk(who: Caller) -> Reach:
    """Matters of the caller's own level and, in a province, of that province (同级)."""
    mine = only("level", who.level)
    return mine & only("region", who.region) if who.level == Level.PROVINCE else mine


def overseen(who: Caller) -> Reach:
    """What an authority may read: one of national level also reads what its competence covers in the provinces."""
    return EVERYTHING if who.level == Level.NATIONAL else same_desk(who)


def burdened(who: Caller) -> Reach:
    """What is about the operator, or the provider, that the caller acts for, or about one that it took over."""
    return only("identity", *who.identities)


def themselves(who: Caller) -> Reach:
    """What is the caller's own: nobody has it by taking its operator over."""
    return only("identity", who.organisation)


def challenging(who: Caller) -> Reach:
    """Acts that burden the caller's operator or provider, or one that it took over, and appeals against them.

    That does not go for the merger by which it took over: there each of the two answers for itself.
    """
    return themselves(who) | only("inherited", *who.taken_over)


def letting_be(who: Caller) -> Reach:
    """Appeals of the caller's own; of those whom it took over, the ones that it filed itself."""
    return themselves(who) | only("inherited", *who.taken_over) & only("filed_as", who.organisation)


def cited_against(who: Caller) -> Reach:
    """Evidence that a decision cites which the operator, or the provider, that the caller acts for was told of."""
    return only("cited_against", *who.identities)


def shown_to(who: Caller) -> Reach:
    """The same but for what was filed as confidential."""
    return only("shown_to", *who.identities)


def part_in(who: Caller) -> Reach:
    """Cases that came to the caller's organisation: to execute a decision, or to review one. Before, a case is an
    accusation, and nobody else's business (docs/adr/0008).
    """
    return only("took_part", who.organisation)


def reviewing(who: Caller) -> Reach:
    """Appeals that the caller's review body must decide."""
    return only("body_id", who.organisation)


def told_of(who: Caller) -> Reach:
    """Cases of which the operator, or the provider, that the caller acts for was told something."""
    return only("told_of", *who.identities)


def asked(who: Caller) -> Reach:
    """What the caller's own authority was asked by another one."""
    return only("asked_id", who.organisation)


def settling(who: Caller) -> Reach:
    """Opinions that differ, for the coordination office that settles them."""
    return only("settled_by_office", who.organisation)


def own_acts(who: Caller) -> Reach:
    """Appeals against the acts of the caller's own authority."""
    return only("authority_id", who.organisation)


def unplaced(who: Caller) -> Reach:
    """Matters about a name in no register, of which nobody knows the province."""
    return only("placed", "no")


def untaken(who: Caller) -> Reach:
    """Matters that are nobody's yet: not graded, nor handed to anybody."""
    return only("taken", "no")


def paper_for(who: Caller) -> Reach:
    """Papers that the caller's side handed in, or may read of the other side's."""
    return only("read_by", *who.identities)


def has_it(who: Caller) -> Reach:
    """Requests that lie on the caller's desk, or came to it because another one was late."""
    return only("answering", who.organisation)


def had_it(who: Caller) -> Reach:
    """Requests that lie, or once lay, on the caller's desk."""
    return only("desks", who.organisation)


def sent_to(who: Caller) -> Reach:
    """Referrals that were sent to the caller's organisation."""
    return only("sent_to", who.organisation)


def told_to(who: Caller) -> Reach:
    """Referrals about whom the caller acts for, once it was told."""
    return only("told_to", *who.identities)


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
MATTERS: Final = any_of(COMPETENT, holding(Role.INDUSTRY_REGULATOR, unplaced))
"""Nobody's business but the desk's: neither auditors nor whoever oversees it read what people said."""
REPORTERS: Final = frozenset({Role.ACCESS_PROVIDER, Role.INDUSTRY_BODY})
OWN_CASE: Final = Rule(AUTHORITIES, own_organisation)
# Who lost the competence since then can still ease a burden, and lay none.
BURDENING: Final = all_of(own_organisation, COMPETENT)
OWN_OR_AUDITED: Final = any_of(
    *(holding(role, own_organisation) for role in sorted(AUTHORITIES)), holding(Role.AUDITOR, anywhere)
)
AS_ASKED: Final = any_of(*(holding(role, asked) for role in sorted(AUTHORITIES)))
OPINING: Final = AUTHORITIES | {Role.AUDITOR, Role.COORDINATION_OFFICE}

POLICY: Final = Policy({
    Act.OPEN_CASE:          Rule(AUTHORITIES, COMPETENT),
    Act.READ_CASE:          Rule(READERS, official),
    Act.ADD_EVIDENCE:       Rule(AUTHORITIES, own_organisation, first_person=True),  # what an officer saw, no program
    Act.READ_EVIDENCE:      Rule(READERS | PARTIES, any_of(party(shown_to), official)),
    Act.LIST_CITED:         Rule(READERS | PARTIES, any_of(party(cited_against), official)),
    Act.DISCONTINUE_CASE:   OWN_CASE,
    Act.DRAFT_DECISION:     Rule(AUTHORITIES, BURDENING, first_person=True),
    Act.READ_DECISION:      Rule(READERS | PARTIES, any_of(party(burdened), official)),
    Act.RELEASE_DECISION:   Rule(AUTHORITIES, BURDENING, second_person=True),
    Act.REMARK_ON_DRAFT:    Rule(AUTHORITIES, own_organisation, second_person=True),  # it lays no burden
    Act.ANSWER_REMARKS:     Rule(AUTHORITIES, BURDENING, second_person=True),  # not whoever returned it
    Act.PREVIEW_ORDERS:     Rule(READERS, official),
    Act.WITHDRAW_DECISION:  OWN_CASE,
    Act.CONFIRM_CORRECTION: OWN_CASE,
    Act.CONFIRM_IGNORED:    Rule(AUTHORITIES, BURDENING, second_person=True),
    Act.LIFT_DECISION:      OWN_CASE,  # easing a burden needs no second person
    Act.FILE_APPEAL:        Rule(PARTIES, challenging),
    Act.ENTER_APPEAL:       Rule(frozenset({Role.REVIEW_BODY}), reviewing),  # never the authority itself
    Act.READ_APPEAL:        Rule(READERS | PARTIES, any_of(
        party(challenging), own_acts, holding(Role.REVIEW_BODY, reviewing), holding(Role.AUDITOR, anywhere))),
    Act.READ_TIMELINE:      Rule(READERS | PARTIES, any_of(party(told_of), official)),
    Act.READ_CUSTODY:       Rule(READERS, official),
    Act.CLAIM_CASE:         OWN_CASE,
    Act.TRANSFER_CASE:      OWN_CASE,
    Act.LINK_CASES:         OWN_CASE,
    Act.HOLD_EVIDENCE:      OWN_CASE,
    Act.ADD_TASK:           OWN_CASE,
    Act.READ_TASK:          Rule(AUTHORITIES | {Role.AUDITOR}, OWN_OR_AUDITED),
    Act.WORK_TASK:          OWN_CASE,
    Act.ASK_OPINION:        OWN_CASE,
    Act.READ_OPINION:       Rule(OPINING, any_of(
        OWN_OR_AUDITED, AS_ASKED, holding(Role.COORDINATION_OFFICE, settling))),
    Act.ANSWER_OPINION:     Rule(AUTHORITIES, AS_ASKED),
    # Second person: nobody settles what they asked, answered, began or signed.
    Act.SETTLE_OPINIONS:    Rule(frozenset({Role.COORDINATION_OFFICE}), settling, second_person=True),
    # Second person: whoever changed sides since does not review what they did.
    Act.DECIDE_APPEAL:      Rule(frozenset({Role.REVIEW_BODY}), reviewing, second_person=True),
    Act.REPORT_COMPLAINT:   Rule(REPORTERS),
    Act.READ_MATTER:        Rule(AUTHORITIES, any_of(MATTERS, own_organisation)),
    Act.TRIAGE:             Rule(AUTHORITIES, all_of(MATTERS, any_of(untaken, own_organisation)), first_person=True),
    Act.ROUTE_MATTER:       Rule(AUTHORITIES, all_of(MATTERS, own_organisation), first_person=True),
    Act.TRANSFER_MATTER:    Rule({Role.INDUSTRY_REGULATOR}, all_of(unplaced, any_of(untaken, own_organisation)),
                                 first_person=True),
    Act.READ_WARNING:       Rule(AUTHORITIES | PARTIES, any_of(party(burdened), *(
        holding(role, own_organisation) for role in sorted(AUTHORITIES)))),
    Act.ANSWER_WARNING:     Rule(PARTIES, burdened),
    Act.READ_EMERGENCY:     Rule(AUTHORITIES | PARTIES | {Role.AUDITOR}, any_of(
        party(burdened), any_of(*(holding(role, same_desk) for role in sorted(AUTHORITIES))),
        holding(Role.AUDITOR, anywhere))),
    # What the site offers unlicensed no register says: the decision shows who is competent.
    Act.CONFIRM_EMERGENCY:  Rule(AUTHORITIES, same_desk, first_person=True),
    Act.ASSIGN_APPEAL:      Rule(frozenset({Role.REVIEW_BODY}), reviewing, first_person=True),
    Act.ADMIT_APPEAL:       Rule(frozenset({Role.REVIEW_BODY}), reviewing, second_person=True),
    Act.WITHDRAW_APPEAL:    Rule(PARTIES, letting_be),  # nobody else, whoever entered it
    Act.HAND_IN:            Rule(SIDES, any_of(party(challenging), defending, holding(Role.REVIEW_BODY, reviewing))),
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
        any_of(*(holding(role, own_organisation) for role in sorted(AUTHORITIES))), party(told_to),
        holding(Role.SECURITY_AUTHORITY, sent_to), holding(Role.AUDITOR, anywhere))),
    Act.SIGN_REFERRAL:      Rule(AUTHORITIES, BURDENING, second_person=True),
    Act.WITHDRAW_REFERRAL:  OWN_CASE,
    Act.ANSWER_REFERRAL:    Rule(frozenset({Role.SECURITY_AUTHORITY}), sent_to),
    # Whether somebody holds a name is for the name to show, not for a role: whoever can be told something may ask.
    Act.SUBSCRIBE:          Rule(PARTIES, themselves),
    Act.READ_SUBSCRIPTION:  Rule(PARTIES, themselves),
    Act.LOOK_AT_NAME:       Rule(PARTIES, themselves),
    Act.END_SUBSCRIPTION:   Rule(PARTIES, themselves),
    Act.CONFIRM_ADDRESS:    Rule(PARTIES, themselves),
})  # fmt: skip

CASE_ACTS: Final[Mapping[CaseAction, Act]] = MappingProxyType({
    CaseAction.ADD_EVIDENCE: Act.ADD_EVIDENCE, CaseAction.DRAFT: Act.DRAFT_DECISION,
    CaseAction.DISCONTINUE: Act.DISCONTINUE_CASE, CaseAction.CLAIM: Act.CLAIM_CASE,
    CaseAction.RELEASE_CLAIM: Act.CLAIM_CASE, CaseAction.ADD_TASK: Act.ADD_TASK,
    CaseAction.ASK_OPINION: Act.ASK_OPINION, CaseAction.TRANSFER: Act.TRANSFER_CASE,
})  # fmt: skip
DECISION_ACTS: Final[Mapping[Action, Act]] = MappingProxyType({
    Action.COMMENT: Act.REMARK_ON_DRAFT, Action.RETURN: Act.REMARK_ON_DRAFT, Action.ANSWER: Act.ANSWER_REMARKS,
    Action.RELEASE: Act.RELEASE_DECISION, Action.WITHDRAW: Act.WITHDRAW_DECISION, Action.LIFT: Act.LIFT_DECISION,
    Action.CONFIRM_CORRECTED: Act.CONFIRM_CORRECTION, Action.CONFIRM_IGNORED: Act.CONFIRM_IGNORED,
    Action.APPEAL: Act.FILE_APPEAL,
})  # fmt: skip
MATTER_ACTS: Final[Mapping[MatterAction, Act]] = MappingProxyType({
    MatterAction.TRIAGE: Act.TRIAGE, MatterAction.OPEN_CASE: Act.ROUTE_MATTER, MatterAction.DISMISS: Act.ROUTE_MATTER,
    MatterAction.WARN: Act.ROUTE_MATTER, MatterAction.TRANSFER: Act.TRANSFER_MATTER,
})  # fmt: skip
WARNING_ACTS: Final[Mapping[WarningAction, Act]] = MappingProxyType({WarningAction.ANSWER: Act.ANSWER_WARNING})
EMERGENCY_ACTS: Final[Mapping[EmergencyAction, Act]] = MappingProxyType(
    {EmergencyAction.CONFIRM: Act.CONFIRM_EMERGENCY}
)
TASK_ACTS: Final[Mapping[TaskAction, Act]] = MappingProxyType(dict.fromkeys(TaskAction, Act.WORK_TASK))
OPINION_ACTS: Final[Mapping[OpinionAction, Act]] = MappingProxyType({
    OpinionAction.ANSWER: Act.ANSWER_OPINION, OpinionAction.WITHDRAW: Act.ASK_OPINION,
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
SUBSCRIPTION_ACTS: Final[Mapping[SubscriptionAction, Act]] = MappingProxyType({
    SubscriptionAction.LOOK: Act.LOOK_AT_NAME, SubscriptionAction.END: Act.END_SUBSCRIPTION,
    SubscriptionAction.SEND_CODE: Act.CONFIRM_ADDRESS, SubscriptionAction.CONFIRM: Act.CONFIRM_ADDRESS,
})  # fmt: skip
