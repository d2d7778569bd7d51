"""The doors nobody stands at: facts of other departments, and clocks that ran out."""

from collections.abc import Mapping
from typing import Final

from enforcement import heard
from enforcement.service import (
    appeals,
    closing,
    complaints,
    correcting,
    decisions,
    delivery,
    emergencies,
    opinions,
    requests,
    reviewing,
    safeguards,
    subscriptions,
    tasks,
    telling,
)
from shared.contracts import access, notices, registry
from shared.contracts import emergencies as emergency_facts
from shared.contracts.base import Fact
from shared.runtime.events.dispatch import Handler, Projection
from shared.runtime.process.service import Deadlines

HANDLERS: Final[Mapping[type[Fact], Handler]] = {
    registry.ExecutionReceivedV1: heard.execution_received,
    registry.ExecutionDeclinedV1: heard.execution_declined,
    registry.ExecutionCarriedOutV1: heard.execution_carried_out,
    registry.ExecutionUndoneV1: heard.execution_undone,
    registry.ReviewVetoedV1: heard.review_vetoed,
    registry.ReviewClearedV1: heard.review_cleared,
    registry.MergerRecordedV1: heard.merger_recorded,
    emergency_facts.EmergencyReportedV1: heard.emergency_reported,
    **dict.fromkeys((*access.ORDER_FACTS, access.OrderQueuedV1), heard.order_told),
    **dict.fromkeys(notices.ISSUED.values(), heard.notice_issued),
    **dict.fromkeys(notices.DELIVERED.values(), heard.notice_delivered),
    **dict.fromkeys(notices.RETURNED.values(), heard.notice_returned),
    notices.RegistryActNamedV1: heard.act_named,
}
PROJECTIONS: Final[Mapping[type[Fact], Projection]] = {
    registry.SiteRecordedV1: heard.sites_recorded,
    access.ProviderRecordedV1: heard.providers_recorded,
}
DEADLINES: Final[Deadlines] = {
    reviewing.CLOCK: appeals.suspend_overdue,
    decisions.CORRECT_BY: correcting.ask_about_correction,
    safeguards.URGENT_NOTICE: delivery.check,
    decisions.UNTIL: decisions.lapse,
    complaints.CLOCK: complaints.mark_overdue,
    emergencies.CLOCK: emergencies.run_out,
    tasks.DUE: tasks.mark_overdue,
    closing.ANSWER_BY: opinions.mark_overdue,
    requests.CLOCK: requests.escalate,
    telling.TOLD: telling.at_its_date,
    subscriptions.CHALLENGE: subscriptions.expire,
    subscriptions.PROOF: subscriptions.look_again,
    subscriptions.GRACE: subscriptions.give_up,
}
