"""The other door: what the register does when another department, or a clock, says something."""

from collections.abc import Mapping
from typing import Final

from registry import heard
from registry.service import (
    amendments,
    bars,
    checks,
    effective,
    escalating,
    executions,
    hosting,
    licences,
    opinions,
    proposing,
    reconciling,
    registrar,
    registrations,
    renewals,
    reviews,
    shells,
)
from shared.contracts import access, approval, enforcement
from shared.contracts.base import Fact
from shared.runtime.events.dispatch import Handler, Projection
from shared.runtime.process.service import Deadlines

HANDLERS: Final[Mapping[type[Fact], Handler]] = {
    enforcement.DecisionReleasedV1: heard.decision_released,
    enforcement.DecisionIgnoredV1: heard.decision_ignored,
    enforcement.DecisionSuspendedV1: heard.decision_suspended,
    enforcement.DecisionOverturnedV1: heard.decision_overturned,
    enforcement.DecisionEndedV1: heard.decision_ended,
    enforcement.AppealFiledV1: heard.appeal_filed,
    enforcement.AppealOverdueV1: heard.appeal_overdue,
    enforcement.AppealDecidedV1: heard.appeal_decided,
    **dict.fromkeys((*access.ORDER_FACTS, access.OrderQueuedV1), heard.order_told),
    access.OrderObservedOtherwiseV1: heard.order_observed,
    access.LicenceEndingV1: heard.licence_ending,
    access.ProviderKeyChangedV1: heard.provider_key_changed,
}
PROJECTIONS: Final[Mapping[type[Fact], Projection]] = {
    access.ProviderRecordedV1: heard.providers_recorded,
    approval.ApprovalGrantedV1: heard.approvals_told,
    approval.ApprovalNotRequiredV1: heard.approvals_told,
    approval.ApprovalRenewedV1: heard.approvals_told,
    approval.ApprovalLapsedV1: heard.approvals_told,
    approval.ApprovalEndedV1: heard.approvals_told,
    approval.ApprovalReinstatedV1: heard.approvals_told,
}
BEHIND: Final = frozenset({reconciling.RECONCILE, reconciling.CURE})
"""Clocks of what there may be a great deal of and nobody waits for: no end of a measure stands behind them."""
DEADLINES: Final[Deadlines] = {
    registrations.DECISION: registrations.mark_overdue,
    licences.VALIDITY: licences.ring,
    renewals.DECISION: renewals.mark_overdue,
    checks.ANSWER: checks.expire,
    registrar.REPORT: registrar.mark_overdue,
    proposing.DECISION: amendments.mark_overdue,
    effective.EFFECT: effective.take_effect,
    executions.EXECUTE: executions.mark_overdue,
    executions.END: executions.end,
    bars.BEGINS: bars.ring,
    hosting.IDLE: shells.ring,
    hosting.GONE: shells.ring_provider,
    hosting.CURE: shells.mature,
    hosting.AGAIN: hosting.ring,
    reviews.OPENS: reviews.open_by_date,
    reviews.WINDOW: reviews.ring,
    reviews.CLOSES: reviews.close_by_date,
    reviews.RESULTS: reviews.give_results,
    opinions.RESULT: opinions.conclude,
    reconciling.RECONCILE: reconciling.ring,
    reconciling.CURE: escalating.escalate,
}
