"""What callers read: rows shaped for one person, who sees what that person may do."""

from typing import Any

from enforcement.lifecycle import (
    APPEAL,
    CASE,
    DECISION,
    HEARING,
    REFERRAL,
    REQUEST,
    Action,
    AppealAction,
    AppealStatus,
    ReferralAction,
)
from enforcement.policy import (
    APPEAL_ACTS,
    CASE_ACTS,
    DECISION_ACTS,
    HEARING_ACTS,
    POLICY,
    REFERRAL_ACTS,
    REQUEST_ACTS,
    Act,
)
from enforcement.service.cases import File
from enforcement.service.decisions import Shown
from enforcement.store.appeals import Appeal
from enforcement.store.cases import Case
from enforcement.store.hearings import Hearing
from enforcement.store.referrals import Referral
from enforcement.store.requests import Request
from shared.contracts.http.appeals import HearingView
from shared.contracts.http.enforcement import (
    AppealView,
    CaseSummary,
    CaseView,
    DecisionView,
    EvidenceView,
    OrderOutcomeView,
)
from shared.contracts.http.referrals import ReferralView
from shared.contracts.http.registry import ClockView
from shared.contracts.http.requests import RequestView
from shared.rules import Effect
from shared.runtime.base.context import Caller


def of_appeal(who: Caller, appeal: Appeal, clock: ClockView | None) -> AppealView:
    """An appeal; who signed is nobody's business, and who decides it is the review body's."""
    others = appeal.assigned_to not in {None, who.person}
    possible = [
        action
        for action in APPEAL.allowed(appeal.status)
        if (action is not AppealAction.DECIDE_STAY or appeal.can_be_stayed)
        and not (others and APPEAL_ACTS[action] is Act.DECIDE_APPEAL)
    ]
    return AppealView.model_validate({
        **_fields(appeal, AppealView), "on_behalf": appeal.consent is not None, "clock": clock,
        "assigned_to": appeal.assigned_to if who.organisation == appeal.body_id else None,
        "allowed_actions": POLICY.allowed(who, appeal, possible, APPEAL_ACTS, drafted_by=()),
    })  # fmt: skip


def of_hearing(who: Caller, appeal: Appeal, hearing: Hearing) -> HearingView:
    """A hearing; whoever has the appeal holds it."""
    mine = appeal.assigned_to in {None, who.person}
    possible = HEARING.allowed(hearing.status) if mine else []
    return HearingView.model_validate({
        **_fields(hearing, HearingView),
        "allowed_actions": POLICY.allowed(who, appeal, possible, HEARING_ACTS, drafted_by=()),
    })  # fmt: skip


def of_request(who: Caller, request: Request, clock: ClockView | None) -> RequestView:
    """A request to the regulator; who signed is nobody's business."""
    return RequestView.model_validate({
        **_fields(request, RequestView), "clock": clock,
        "allowed_actions": POLICY.allowed(
            who, request, REQUEST.allowed(request.status), REQUEST_ACTS, drafted_by=request.asked_by
        ),
    })  # fmt: skip


def of_referral(who: Caller, case: Case, referral: Referral) -> ReferralView:
    """A referral; who signed is nobody's business."""
    possible = REFERRAL.allowed(referral.status)
    signing = [each for each in possible if each is ReferralAction.SIGN]
    others = [each for each in possible if each is not ReferralAction.SIGN]
    return ReferralView.model_validate({
        **_fields(referral, ReferralView),
        "allowed_actions": [
            *POLICY.allowed(who, case, signing, REFERRAL_ACTS, drafted_by=referral.drafted_by),
            *POLICY.allowed(who, referral, others, REFERRAL_ACTS),
        ],
    })  # fmt: skip


def of_decision(who: Caller, shown: Shown) -> DecisionView:
    """A decision."""
    case, decision = shown.case, shown.decision
    preview = shown.preview
    if preview is not None and who.organisation == case.identity:  # who shares its addresses is not its business
        preview = preview.model_copy(update={"neighbours": (), "neighbours_total": 0, "protected": ()})
    possible = [action for action in DECISION.allowed(decision.status) if _fits(action, shown)]
    return DecisionView.model_validate({
        **_fields(decision, DecisionView), "subject": case.subject, "service_item": case.service_item,
        "site": shown.site, "preview": preview,
        "preview_digest": shown.preview.digest if shown.preview else None, "notice": shown.notice,
        "orders": [OrderOutcomeView.model_validate(order) for order in shown.orders],
        "appeals": [of_appeal(who, appeal, None) for appeal in shown.appeals],
        "allowed_actions": POLICY.allowed(
            who, case, possible, DECISION_ACTS, drafted_by=decision.drafted_by
        ),
    })  # fmt: skip


def _fits(action: Action, shown: Shown) -> bool:
    """Whether the table's action fits this decision: some are of one effect alone, and an act is challenged once."""
    if action in {Action.CONFIRM_CORRECTED, Action.CONFIRM_IGNORED}:
        return shown.decision.effect is Effect.CORRECT
    if action is Action.APPEAL:
        open_to_it = all(each.status is AppealStatus.WITHDRAWN for each in shown.appeals)
        return shown.decision.effect is not Effect.NO_BREACH and open_to_it
    return True


def summary_of(case: Case) -> CaseSummary:
    """A case in a list."""
    return CaseSummary.model_validate(_fields(case, CaseSummary))


def of_case(who: Caller, file: File) -> CaseView:
    """A case and everything in it."""
    case = file.case
    return CaseView.model_validate({
        **_fields(case, CaseView),
        "evidence": [EvidenceView.model_validate(each) for each in file.evidence],
        "decisions": [of_decision(who, shown) for shown in file.decisions],
        "allowed_actions": POLICY.allowed(who, case, CASE.allowed(case.status), CASE_ACTS),
    })  # fmt: skip


def _fields(row: object, view: type[Any]) -> dict[str, Any]:
    return {name: getattr(row, name) for name in view.model_fields if hasattr(row, name)}
