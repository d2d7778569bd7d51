"""What callers read: rows shaped for one person, who sees what that person may do."""

from typing import Any, Final

from enforcement.lifecycle import (
    APPEAL,
    CASE,
    DECISION,
    EMERGENCY,
    HEARING,
    MATTER,
    REFERRAL,
    REQUEST,
    SUBSCRIPTION,
    WARNING,
    Action,
    AppealAction,
    AppealStatus,
    CaseAction,
    MatterStatus,
    ReferralAction,
)
from enforcement.policy import (
    APPEAL_ACTS,
    CASE_ACTS,
    DECISION_ACTS,
    EMERGENCY_ACTS,
    HEARING_ACTS,
    MATTER_ACTS,
    POLICY,
    REFERRAL_ACTS,
    REQUEST_ACTS,
    SUBSCRIPTION_ACTS,
    WARNING_ACTS,
    Act,
)
from enforcement.service import subscriptions
from enforcement.service.cases import File
from enforcement.service.complaints import Standing, Taken
from enforcement.service.matters import Heard
from enforcement.service.matters import Shown as Matters
from enforcement.service.shown import Shown
from enforcement.store.appeals import Appeal
from enforcement.store.cases import Case
from enforcement.store.emergencies import Emergency
from enforcement.store.hearings import Hearing
from enforcement.store.referrals import Referral
from enforcement.store.requests import Request
from enforcement.store.warnings import Warned
from shared.contracts.http.appeals import HearingView
from shared.contracts.http.complaints import (
    ComplaintFileView,
    ComplaintReceipt,
    ComplaintStatusView,
    ComplaintView,
    MatterView,
    WarningView,
)
from shared.contracts.http.decisions import RemarkView
from shared.contracts.http.emergencies import EmergencyMatterView
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
from shared.contracts.http.subscriptions import Proof, SubscriptionView
from shared.rules import Effect
from shared.rules.rows import Route
from shared.runtime.acts.runtime import Runtime
from shared.runtime.base.context import Caller, same_person


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
        **fields(appeal, AppealView), "on_behalf": appeal.consent is not None, "clock": clock,
        "assigned_to": appeal.assigned_to if who.organisation == appeal.body_id else None,
        "allowed_actions": POLICY.allowed(who, appeal, possible, APPEAL_ACTS, drafted_by=()),
    })  # fmt: skip


def of_hearing(who: Caller, appeal: Appeal, hearing: Hearing) -> HearingView:
    """A hearing; whoever has the appeal holds it."""
    mine = appeal.assigned_to in {None, who.person}
    possible = HEARING.allowed(hearing.status) if mine else []
    return HearingView.model_validate({
        **fields(hearing, HearingView),
        "allowed_actions": POLICY.allowed(who, appeal, possible, HEARING_ACTS, drafted_by=()),
    })  # fmt: skip


def of_request(who: Caller, request: Request, clock: ClockView | None) -> RequestView:
    """A request to the regulator; who signed is nobody's business."""
    return RequestView.model_validate({
        **fields(request, RequestView), "clock": clock,
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
        **fields(referral, ReferralView),
        "allowed_actions": [
            *POLICY.allowed(who, case, signing, REFERRAL_ACTS, drafted_by=referral.drafted_by),
            *POLICY.allowed(who, referral, others, REFERRAL_ACTS),
        ],
    })  # fmt: skip


def of_decision(who: Caller, shown: Shown) -> DecisionView:
    """A decision."""
    case, decision = shown.case, shown.decision
    preview, party = shown.preview, case.identity in who.identities
    if preview is not None and party:  # who shares its addresses is not its business
        preview = preview.model_copy(update={"neighbours": (), "neighbours_total": 0, "protected": ()})
    possible = [action for action in DECISION.allowed(decision.status) if _fits(action, shown)]
    allowed = POLICY.allowed(who, case, possible, DECISION_ACTS, drafted_by=decision.drafted_by)
    if shown.went_on is not None:
        orders = [each for each in possible if each in {Action.CONFIRM_CORRECTED, Action.CONFIRM_IGNORED}]
        also = POLICY.allowed(who, shown.went_on, orders, DECISION_ACTS, drafted_by=decision.drafted_by)
        allowed += [each for each in also if each not in allowed]
    if Action.ANSWER in possible:  # anybody's but whose return it answers
        answers = POLICY.allowed(who, case, [Action.ANSWER], DECISION_ACTS, drafted_by=decision.returned_by or ())
        allowed = [each for each in allowed if each is not Action.ANSWER] + answers
    if any(same_person(who.person, each) for each in shown.proved_by):
        allowed = [each for each in allowed if each not in {Action.RELEASE, Action.CONFIRM_IGNORED}]
    return DecisionView.model_validate({
        **fields(decision, DecisionView), "subject": case.subject, "service_item": case.service_item,
        "site": shown.site, "preview": preview, "correct_by": shown.correct_by,
        "preview_digest": shown.preview.digest if shown.preview else None, "notice": shown.notice,
        "orders": [OrderOutcomeView.model_validate(order) for order in shown.orders],
        "appeals": [of_appeal(who, appeal, None) for appeal in shown.appeals],
        "text": decision.text_used,
        "since_draft": None if party else shown.since_draft,
        "remarks": [] if party else [RemarkView.model_validate(each) for each in shown.remarks],
        "allowed_actions": allowed,
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
    return CaseSummary.model_validate(fields(case, CaseSummary))


def of_case(who: Caller, file: File) -> CaseView:
    """A case and everything in it; only who works on it gives it back."""
    case = file.case
    possible = [
        action
        for action in CASE.allowed(case.status)
        if action is not CaseAction.RELEASE_CLAIM or case.claimed_by == who.person
    ]
    if CaseAction.ADD_EVIDENCE not in possible and any(each.decision.waits for each in file.decisions):
        possible.append(CaseAction.ADD_EVIDENCE)  # of whether that order was obeyed
    return CaseView.model_validate({
        **fields(case, CaseView),
        "evidence": [EvidenceView.model_validate(each) for each in file.evidence],
        "decisions": [of_decision(who, shown) for shown in file.decisions],
        "parties": file.parties, "came_from": file.came_from, "continues_as": file.continues_as,
        "allowed_actions": POLICY.allowed(who, case, possible, CASE_ACTS),
    })  # fmt: skip


def fields(row: object, view: type[Any]) -> dict[str, Any]:
    """What a view and a row have in common."""
    return {name: getattr(row, name) for name in view.model_fields if hasattr(row, name)}


def of_receipt(rt: Runtime, taken: Taken) -> ComplaintReceipt:
    """What somebody gets who complained; the secret is in no other answer."""
    at = f"{rt.settings.door}/complaints/status/{taken.secret}"
    return ComplaintReceipt(reference=taken.reference, secret=taken.secret, status_at=at)


STANDS: Final = {MatterStatus.OPEN: "received", MatterStatus.ENDED: "over"}
"""What a complainant is told; that there is a case is nobody's business but the desk's."""


def of_status(standing: Standing) -> ComplaintStatusView:
    """A complaint for whoever said it."""
    matter, complaint = standing.matter, standing.complaint
    return ComplaintStatusView.model_validate({
        **fields(complaint, ComplaintStatusView), "ground": matter.ground,
        "status": STANDS.get(matter.status, "in_hand"), "files": len(standing.files), "outcome": matter.outcome,
        "reasons": matter.statement.public_reasons if matter.statement is not None else None,
        "authority": matter.authority, "over_at": matter.ended_at, "transfers": [
            each.model_copy(update={"statement": each.statement.public()}) for each in matter.transfers
        ],
    })  # fmt: skip


def of_complaint(heard: Heard) -> ComplaintView:
    """A complaint for the desk: what was said, not by whom."""
    files = [ComplaintFileView.model_validate(each) for each in heard.files]
    return ComplaintView.model_validate(
        {**fields(heard.complaint, ComplaintView), "text": heard.complaint.said, "files": files}
    )


def of_matter(who: Caller, shown: Matters) -> MatterView:
    """A matter."""
    matter = shown.matter
    closed = {each.value for each in Route} - {each.value for each in shown.routes}
    possible = [action for action in MATTER.allowed(matter.status) if action.value not in closed]
    return MatterView.model_validate({
        **fields(matter, MatterView), "complaints": shown.complaints, "clock": shown.clock,
        "overdue": matter.overdue_at is not None,
        "allowed_actions": POLICY.allowed(who, matter, possible, MATTER_ACTS),
    })  # fmt: skip


def of_warning(who: Caller, warned: Warned) -> WarningView:
    """A letter; what it came of is not in it."""
    allowed = POLICY.allowed(who, warned, WARNING.allowed(warned.status), WARNING_ACTS)
    return WarningView.model_validate({**fields(warned, WarningView), "allowed_actions": allowed})


def of_emergency(who: Caller, emergency: Emergency) -> EmergencyMatterView:
    """What a provider suspended by itself."""
    allowed = POLICY.allowed(who, emergency, EMERGENCY.allowed(emergency.status), EMERGENCY_ACTS)
    return EmergencyMatterView.model_validate({**fields(emergency, EmergencyMatterView), "allowed_actions": allowed})


def of_subscription(who: Caller, shown: subscriptions.Shown) -> SubscriptionView:
    """A subscription, with what its name must show."""
    one = shown.subscription
    place, content = subscriptions.place_and_content(one)
    return SubscriptionView.model_validate({
        **fields(one, SubscriptionView), "proof": Proof(method=one.method, place=place, content=content),
        "email": one.address if one.channel == "email" else None,
        "webhook": one.address if one.channel == "webhook" else None, "secret": subscriptions.secret_of(one),
        "next_look_at": one.look_at, "proven_until": shown.until,
        "allowed_actions": POLICY.allowed(who, one, SUBSCRIPTION.allowed(one.status), SUBSCRIPTION_ACTS),
    })  # fmt: skip
