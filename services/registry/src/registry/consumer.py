"""The other door: what the register does when other departments speak."""

from typing import Any, Final

from registry.service import projections, requests
from shared.contracts.access import ProviderRegisteredV1
from shared.contracts.approval import (
    ApprovalEndedV1,
    ApprovalGrantedV1,
    ApprovalLapsedV1,
    ApprovalNotRequiredV1,
    ApprovalReinstatedV1,
    ApprovalRenewedV1,
)
from shared.contracts.enforcement import DecisionOverturnedV1, DecisionSuspendedV1, RevocationRequestedV1

HANDLERS: Final[dict[type[Any], Any]] = {
    ApprovalGrantedV1: projections.keep_approval,
    ApprovalNotRequiredV1: projections.keep_approval,
    ApprovalRenewedV1: projections.keep_approval,
    ApprovalLapsedV1: projections.keep_approval,
    ApprovalEndedV1: projections.end_approval,
    ApprovalReinstatedV1: projections.keep_approval,
    ProviderRegisteredV1: projections.keep_provider,
    RevocationRequestedV1: requests.receive,
    DecisionOverturnedV1: requests.undo_decision,
    DecisionSuspendedV1: requests.undo_decision,
}
