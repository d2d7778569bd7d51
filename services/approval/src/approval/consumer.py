"""The doors nobody stands at: facts of other departments, and clocks that ran out."""

from collections.abc import Mapping
from typing import Final

from approval import heard
from approval.service import validity
from approval.store import DECISION_CLOCK, VALIDITY_CLOCK
from shared.contracts.base import Fact
from shared.contracts.enforcement import (
    AppealDecidedV1,
    AppealOverdueV1,
    DecisionEndedV1,
    DecisionOverturnedV1,
    DecisionReleasedV1,
    DecisionSuspendedV1,
)
from shared.contracts.registry import BarRecordedV1, MergerRecordedV1
from shared.runtime.acts import directory
from shared.runtime.events.dispatch import Handler, Projection
from shared.runtime.process.service import Deadlines

HANDLERS: Final[Mapping[type[Fact], Handler]] = {
    DecisionReleasedV1: heard.decided,
    DecisionOverturnedV1: heard.undone,
    DecisionSuspendedV1: heard.undone,
    DecisionEndedV1: heard.undone,
    AppealOverdueV1: heard.appeal_late,
    AppealDecidedV1: heard.appeal_decided,
    BarRecordedV1: heard.bar_recorded,
}
PROJECTIONS: Final[Mapping[type[Fact], Projection]] = {MergerRecordedV1: directory.project_mergers}
DEADLINES: Final[Deadlines] = {DECISION_CLOCK: validity.mark_overdue, VALIDITY_CLOCK: validity.ring}
