"""Who may do what in the register: one table."""

from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType
from typing import Final

from registry.lifecycle import (
    Action,
    AmendmentAction,
    CheckAction,
    ExecutionAction,
    FindingAction,
    MergerAction,
    OpinionAction,
    RenewalAction,
    ReviewAction,
    ShellAction,
    SiteAction,
    TaskAction,
)
from shared.rules import Level, Role
from shared.runtime.acts.policy import (
    Policy,
    Reach,
    Rule,
    any_of,
    anywhere,
    holding,
    only,
    own_identities,
    own_organisation,
    same_region,
)
from shared.runtime.base.context import Caller


class Act(StrEnum):
    """What the policy decides about."""

    ENTER_OPERATOR = "enter_operator"
    CONFIRM_LEGACY_CODE = "confirm_legacy_code"
    SET_ADDRESS = "set_address_for_service"
    READ = "read_register"
    READ_ADDRESS = "read_address_for_service"
    SUBMIT = "submit"
    GRANT = "grant"
    REFUSE = "refuse"
    FORWARD = "forward"
    PROPOSE = "propose_amendment"
    READ_PROPOSAL = "read_proposal"
    WITHDRAW_PROPOSAL = "withdraw_proposal"
    CONSENT = "consent_to_proposal"
    DECIDE_PROPOSAL = "decide_proposal"
    REFUSE_PROPOSAL = "refuse_proposal"
    DEREGISTER = "deregister"
    READ_EXECUTION = "read_execution"
    ACCEPT = "accept_execution"
    CONFIRM = "confirm_execution"
    DECLINE = "decline_execution"
    ASK_RENEWAL = "ask_renewal"
    READ_RENEWAL = "read_renewal"
    WITHDRAW_RENEWAL = "withdraw_renewal"
    DECIDE_RENEWAL = "decide_renewal"
    READ_CHECK = "read_check"
    ANSWER_CHECK = "answer_check"
    SEND_INVENTORY = "send_inventory"
    READ_INVENTORY = "read_inventory"
    READ_HOSTED = "read_hosted_finding"
    ANSWER_HOSTED = "answer_hosted_finding"
    JUDGE_HOSTED = "judge_hosted_finding"
    ASK_PREFLIGHT = "ask_preflight"
    READ_TASK = "read_registrar_task"
    ANSWER_TASK = "answer_registrar_task"
    IMPORT = "import"
    READ_IMPORT = "read_import"
    ANNOUNCE_REVIEW = "announce_review"
    CLOSE_REVIEW = "close_review"
    READ_REVIEW = "read_review"
    READ_REVIEWED = "read_review_subject"
    GIVE_OPINION = "give_opinion"
    WITHDRAW_OPINION = "withdraw_opinion"
    LAPSE_SHELL = "lapse_shell"
    UNDO_LAPSE = "undo_lapse"
    PROPOSE_MERGER = "propose_merger"
    CONFIRM_MERGER = "confirm_merger"
    WITHDRAW_MERGER = "withdraw_merger"
    READ_MERGER = "read_merger"
    OBJECT_TO_MERGER = "object_to_merger"


def same_level(who: Caller) -> Reach:
    """What is put to the ministry the ministry decides, and what is put to a province that province (P3.1.2, 同级)."""
    return only("level", who.level)


def own_desk(who: Caller) -> Reach:
    """What lies on the caller's desk: of its own level and, in a province, of that province."""
    return same_level(who) & (only("region", who.region) if who.level == Level.PROVINCE else same_region(who))


def asked_by_itself(who: Caller) -> Reach:
    """What an operator itself put on the caller's desk."""
    return own_desk(who) & only("by_operator", "True")


def own_execution(who: Caller) -> Reach:
    """Decisions that the caller's organisation must execute, or made."""
    return only("regulator_id", who.organisation) | only("authority_id", who.organisation)


def as_regulator(who: Caller) -> Reach:
    """Decisions that the caller's organisation must execute."""
    return only("regulator_id", who.organisation)


def burdened_or_receiving(who: Caller) -> Reach:
    """What somebody else proposes about the caller's own operator, and transfers to it."""
    own = only("organisation", who.organisation) & only("by_operator", "False")
    return own | only("receiver", who.organisation)


def received(who: Caller) -> Reach:
    """Transfers to it, or to one that it took over."""
    return only("receiver", *who.identities)


def own_opinion(who: Caller) -> Reach:
    """Opinions of the caller's organisation."""
    return only("authority_id", who.organisation)


def asked_provider(who: Caller) -> Reach:
    """Checks that the caller's own provider is asked for."""
    return only("provider", who.organisation)


def of_province(who: Caller) -> Reach:
    """What is put to an office of the caller's own province; the whole country's does none of it."""
    return only("region", who.region)


REGISTRAR: Final = frozenset({Role.COMPANY_REGISTRAR})
PROVIDER: Final = frozenset({Role.ACCESS_PROVIDER})


def leaving(who: Caller) -> Reach:
    """Moves of a filing out of the caller's province."""
    return only("leaves", who.region)


def both_here(who: Caller) -> Reach:
    """Two operators of the caller's province; of two provinces, the ministry alone."""
    return same_region(who) & (only("merged_region", who.region) if who.level == Level.PROVINCE else same_region(who))


OPERATOR: Final = frozenset({Role.OPERATOR})
REGULATOR: Final = frozenset({Role.INDUSTRY_REGULATOR})
OFFICIALS: Final = REGULATOR | {
    Role.SECTOR_REGULATOR, Role.QUERY_DESK, Role.AUDITOR, Role.ACCESS_DESK, Role.REVIEW_BODY,
}  # fmt: skip
READER: Final = Rule(
    OFFICIALS | OPERATOR,
    any_of(holding(Role.OPERATOR, own_identities), *(holding(role, same_region) for role in sorted(OFFICIALS))),
)
"""What an operator took over it reads. It asks for things in its own name, and what was moved is its own by then."""
BY_OR_FOR: Final = Rule(
    OPERATOR | REGULATOR,
    any_of(holding(Role.OPERATOR, own_organisation), holding(Role.INDUSTRY_REGULATOR, same_region)),
)
DESK: Final = Rule(REGULATOR, own_desk)
DECIDING: Final = (
    Rule(REGULATOR, asked_by_itself, other_person=True), Rule(REGULATOR, own_desk, second_person=True),
)  # fmt: skip
"""Nobody decides on what they asked for; what was asked for in an operator's name a second person decides, no program
(docs/adr/0025)."""
REFUSING: Final = Rule(REGULATOR, own_desk, first_person=True, second_person=True)
"""Nobody is refused anything by a program: a named person does it, with reasons, and never who asked for it."""
AUTHORITIES: Final = frozenset({Role.SECTOR_REGULATOR, Role.SECURITY_AUTHORITY})
"""Whose opinion the annual review asks for (P3.3.2, P3.3.5)."""
REVIEWERS: Final = AUTHORITIES | REGULATOR | {Role.AUDITOR, Role.REVIEW_BODY}
"""Who reads a whole review: every authority of the level hears its results (P3.3.8)."""
SUBJECTS: Final = frozenset({Role.OPERATOR, Role.ACCESS_PROVIDER, Role.DOMAIN_REGISTRAR})
HOST_OR_OFFICE: Final = any_of(
    holding(Role.ACCESS_PROVIDER, asked_provider),
    *(holding(role, same_region) for role in (Role.INDUSTRY_REGULATOR, Role.AUDITOR)),
)
MERGER_READERS: Final = (Role.INDUSTRY_REGULATOR, Role.AUDITOR, Role.REVIEW_BODY)

POLICY: Final = Policy({
    Act.ENTER_OPERATOR:      BY_OR_FOR,
    Act.CONFIRM_LEGACY_CODE: Rule(REGULATOR, same_region, second_person=True),
    Act.SET_ADDRESS:         Rule(OPERATOR, own_organisation),
    Act.READ:                READER,
    Act.READ_ADDRESS:        BY_OR_FOR,
    Act.SUBMIT:              BY_OR_FOR,
    Act.GRANT:               DECIDING,
    Act.REFUSE:              REFUSING,
    Act.FORWARD:             DESK,
    Act.PROPOSE:             BY_OR_FOR,
    Act.READ_PROPOSAL:       Rule(OFFICIALS | OPERATOR,
                                  any_of(READER.scope, holding(Role.OPERATOR, received),
                                         holding(Role.INDUSTRY_REGULATOR, leaving))),
    Act.WITHDRAW_PROPOSAL:   Rule(OPERATOR, own_organisation),
    Act.CONSENT:             Rule(OPERATOR, burdened_or_receiving),
    Act.DECIDE_PROPOSAL:     DECIDING,
    Act.REFUSE_PROPOSAL:     REFUSING,
    Act.DEREGISTER:          Rule(OPERATOR, own_organisation),
    Act.READ_EXECUTION:      Rule(REGULATOR | {Role.SECTOR_REGULATOR, Role.AUDITOR, Role.REVIEW_BODY},
                                  any_of(own_execution, holding(Role.AUDITOR, anywhere),
                                         holding(Role.REVIEW_BODY, same_region))),
    # Two people of the regulator, and nobody who signed the decision: the verbs name them all.
    Act.ACCEPT:              Rule(REGULATOR, as_regulator, first_person=True, second_person=True),
    Act.CONFIRM:             Rule(REGULATOR, as_regulator, second_person=True),
    Act.DECLINE:             Rule(REGULATOR, as_regulator),
    Act.ASK_RENEWAL:         BY_OR_FOR,
    Act.READ_RENEWAL:        READER,
    Act.WITHDRAW_RENEWAL:    Rule(OPERATOR, own_organisation),
    Act.DECIDE_RENEWAL:      REFUSING,  # a grant may be for less than was asked
    Act.READ_CHECK:          Rule(OFFICIALS | OPERATOR | PROVIDER,
                                  any_of(READER.scope, holding(Role.ACCESS_PROVIDER, asked_provider))),
    Act.ANSWER_CHECK:        Rule(PROVIDER, asked_provider),
    # What a provider hosts it says itself, and nobody for it; what is found there a named person judges.
    Act.SEND_INVENTORY:      Rule(PROVIDER, asked_provider),
    Act.READ_INVENTORY:      Rule(PROVIDER | REGULATOR | {Role.AUDITOR}, HOST_OR_OFFICE),
    Act.READ_HOSTED:         Rule(PROVIDER | REGULATOR | OPERATOR | {Role.AUDITOR, Role.REVIEW_BODY}, any_of(
                                  HOST_OR_OFFICE, holding(Role.REVIEW_BODY, same_region),
                                  holding(Role.OPERATOR, own_identities))),
    Act.ANSWER_HOSTED:       Rule(PROVIDER, asked_provider),
    Act.JUDGE_HOSTED:        Rule(REGULATOR, same_region, first_person=True),
    Act.ASK_PREFLIGHT:       Rule(PROVIDER, asked_provider),
    Act.READ_TASK:           Rule(OPERATOR | REGULATOR | REGISTRAR | {Role.AUDITOR, Role.REVIEW_BODY}, any_of(
                                  READER.scope, holding(Role.COMPANY_REGISTRAR, same_region))),
    Act.ANSWER_TASK:         Rule(REGISTRAR, of_province),
    Act.IMPORT:              Rule(REGULATOR, same_region),
    Act.READ_IMPORT:         Rule(REGULATOR, own_organisation),
    Act.ANNOUNCE_REVIEW:     DESK,
    Act.CLOSE_REVIEW:        DESK,
    Act.READ_REVIEW:         Rule(REVIEWERS, same_region),
    Act.READ_REVIEWED:       Rule(REVIEWERS | SUBJECTS,
                                  any_of(*(holding(role, own_identities) for role in sorted(SUBJECTS)),
                                         *(holding(role, same_region) for role in sorted(REVIEWERS)))),
    Act.GIVE_OPINION:        Rule(AUTHORITIES, own_desk, first_person=True),  # a person's, each of them
    Act.WITHDRAW_OPINION:    Rule(AUTHORITIES, own_opinion),
    Act.LAPSE_SHELL:         Rule(REGULATOR, own_desk, first_person=True),  # a named person, no program
    Act.UNDO_LAPSE:          BY_OR_FOR,
    # Two people say that two operators are one; both operators are heard before, and may appeal after.
    Act.PROPOSE_MERGER:      Rule(REGULATOR, both_here, first_person=True),
    Act.CONFIRM_MERGER:      Rule(REGULATOR, both_here, second_person=True),
    Act.WITHDRAW_MERGER:     Rule(REGULATOR, both_here),
    Act.READ_MERGER:         Rule(REGULATOR | OPERATOR | {Role.AUDITOR, Role.REVIEW_BODY},
                                  any_of(holding(Role.OPERATOR, own_organisation),
                                         *(holding(role, both_here) for role in MERGER_READERS))),
    Act.OBJECT_TO_MERGER:    Rule(OPERATOR, own_organisation),
})  # fmt: skip

REGISTRATION_ACTS: Final[Mapping[Action, Act]] = MappingProxyType({
    Action.GRANT: Act.GRANT, Action.REFUSE: Act.REFUSE, Action.FORWARD: Act.FORWARD,
})  # fmt: skip
SITE_ACTS: Final[Mapping[SiteAction, Act]] = MappingProxyType({SiteAction.DEREGISTER: Act.DEREGISTER})
AMENDMENT_ACTS: Final[Mapping[AmendmentAction, Act]] = MappingProxyType({
    AmendmentAction.GRANT: Act.DECIDE_PROPOSAL, AmendmentAction.REFUSE: Act.REFUSE_PROPOSAL,
    AmendmentAction.WITHDRAW: Act.WITHDRAW_PROPOSAL,
})  # fmt: skip
RENEWAL_ACTS: Final[Mapping[RenewalAction, Act]] = MappingProxyType({
    RenewalAction.GRANT: Act.DECIDE_RENEWAL, RenewalAction.REFUSE: Act.DECIDE_RENEWAL,
    RenewalAction.WITHDRAW: Act.WITHDRAW_RENEWAL,
})  # fmt: skip
CHECK_ACTS: Final[Mapping[CheckAction, Act]] = MappingProxyType({
    CheckAction.VERIFY: Act.ANSWER_CHECK, CheckAction.REPORT: Act.ANSWER_CHECK,
})  # fmt: skip
HOSTED_ACTS: Final[Mapping[FindingAction, Act]] = MappingProxyType({
    FindingAction.ANSWER: Act.ANSWER_HOSTED, FindingAction.INSIST: Act.JUDGE_HOSTED,
    FindingAction.KEEP: Act.JUDGE_HOSTED, FindingAction.DISMISS: Act.JUDGE_HOSTED,
})  # fmt: skip
TASK_ACTS: Final[Mapping[TaskAction, Act]] = MappingProxyType({TaskAction.ANSWER: Act.ANSWER_TASK})
EXECUTION_ACTS: Final[Mapping[ExecutionAction, Act]] = MappingProxyType({
    ExecutionAction.ACCEPT: Act.ACCEPT, ExecutionAction.RELEASE: Act.DECLINE,
    ExecutionAction.CONFIRM: Act.CONFIRM, ExecutionAction.DECLINE: Act.DECLINE,
})  # fmt: skip
REVIEW_ACTS: Final[Mapping[ReviewAction, Act]] = MappingProxyType({ReviewAction.CLOSE: Act.CLOSE_REVIEW})
OPINION_ACTS: Final[Mapping[OpinionAction, Act]] = MappingProxyType({OpinionAction.WITHDRAW: Act.WITHDRAW_OPINION})
SHELL_ACTS: Final[Mapping[ShellAction, Act]] = MappingProxyType({
    ShellAction.LAPSE: Act.LAPSE_SHELL, ShellAction.DISMISS: Act.LAPSE_SHELL, ShellAction.UNDO: Act.UNDO_LAPSE,
})  # fmt: skip
MERGER_ACTS: Final[Mapping[MergerAction, Act]] = MappingProxyType({
    MergerAction.CONFIRM: Act.CONFIRM_MERGER, MergerAction.WITHDRAW: Act.WITHDRAW_MERGER,
})  # fmt: skip
