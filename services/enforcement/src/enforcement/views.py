"""What callers read: rows shaped for one person, who sees what that person may do."""

from typing import Any

from enforcement.lifecycle import APPEAL, CASE, DECISION, SUBSCRIPTION, Action, AppealAction
from enforcement.policy import APPEAL_ACTS, CASE_ACTS, DECISION_ACTS, POLICY, SUBSCRIPTION_ACTS
from enforcement.service import subscriptions
from enforcement.service.cases import File
from enforcement.service.decisions import Shown
from enforcement.store.appeals import Appeal
from enforcement.store.cases import Case
from shared.contracts.http.enforcement import (
    AppealView,
    CaseSummary,
    CaseView,
    DecisionView,
    EvidenceView,
    OrderOutcomeView,
)
from shared.contracts.http.registry import ClockView
from shared.contracts.http.subscriptions import Proof, SubscriptionView
from shared.rules import Effect
from shared.runtime.base.context import Caller


def of_appeal(who: Caller, appeal: Appeal, clock: ClockView | None) -> AppealView:
    """An appeal; who signed is nobody's business."""
    possible = [
        action
        for action in APPEAL.allowed(appeal.status)
        if action is not AppealAction.DECIDE_STAY or appeal.can_be_stayed
    ]
    return AppealView.model_validate({
        **_fields(appeal, AppealView), "on_behalf": appeal.consent is not None, "clock": clock,
        "allowed_actions": POLICY.allowed(who, appeal, possible, APPEAL_ACTS, drafted_by=()),
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
        return shown.decision.effect is not Effect.NO_BREACH and not shown.appeals
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


def of_subscription(who: Caller, shown: subscriptions.Shown) -> SubscriptionView:
    """A subscription, with what its name must show."""
    one = shown.subscription
    place, content = subscriptions.place_and_content(one)
    return SubscriptionView.model_validate({
        **_fields(one, SubscriptionView), "proof": Proof(method=one.method, place=place, content=content),
        "email": one.address if one.channel == "email" else None,
        "webhook": one.address if one.channel == "webhook" else None, "secret": subscriptions.secret_of(one),
        "next_look_at": one.look_at, "proven_until": shown.until,
        "allowed_actions": POLICY.allowed(who, one, SUBSCRIPTION.allowed(one.status), SUBSCRIPTION_ACTS),
    })  # fmt: skip
