"""The other door: what access-control does when another department, or a clock, says something."""

from collections.abc import Mapping
from typing import Final

from access_control import heard
from access_control.service import emergencies, instructions, licences, orders, overlaps, queue, sending
from shared.contracts.base import Fact
from shared.contracts.emergencies import EmergencyConfirmedV1, EmergencyLapsedV1
from shared.contracts.enforcement import (
    DecisionEndedV1,
    DecisionOverturnedV1,
    DecisionReleasedV1,
    DecisionSuspendedV1,
)
from shared.contracts.hosted import FindingClosedV1, FindingDisputedV1, FindingEscalatedV1, FindingKeptV1
from shared.contracts.registry import ExecutionCarriedOutV1, ExecutionUndoneV1, MeasureOverlappedV1
from shared.runtime.events.dispatch import Handler
from shared.runtime.process.service import Deadlines

HANDLERS: Final[Mapping[type[Fact], Handler]] = {
    ExecutionCarriedOutV1: heard.execution_carried_out,
    ExecutionUndoneV1: heard.execution_undone,
    MeasureOverlappedV1: heard.measure_overlapped,
    DecisionReleasedV1: heard.decision_released,
    DecisionSuspendedV1: heard.decision_suspended,
    DecisionOverturnedV1: heard.decision_overturned,
    DecisionEndedV1: heard.decision_ended,
    EmergencyConfirmedV1: heard.emergency_confirmed,
    EmergencyLapsedV1: heard.emergency_lapsed,
    FindingEscalatedV1: heard.finding_escalated,
    FindingDisputedV1: heard.finding_disputed,
    FindingKeptV1: heard.finding_kept,
    FindingClosedV1: heard.finding_closed,
}
DEADLINES: Final[Deadlines] = {
    sending.RELEASE_WINDOW: sending.release_due,
    sending.RESTORE: sending.restore_due,
    overlaps.SPARE: overlaps.spare_due,
    queue.PLACE: sending.send_next,
    licences.CLOCK: licences.ring,
    sending.EXECUTION: orders.mark_overdue,
    sending.LAPSE: orders.lapse,
    emergencies.UNHEARD: emergencies.unheard,
    sending.INSTRUCTED: instructions.mark_overdue,
}
