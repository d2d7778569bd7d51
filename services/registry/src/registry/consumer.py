"""The other door: what the register does when other departments speak."""

from typing import Any, Final

from registry.service import projections, requests
from shared.contracts.access import ProviderRegisteredV1
from shared.contracts.approval import (
    ApprovalCancelledV1,
    ApprovalGrantedV1,
    ApprovalNotRequiredV1,
    ApprovalRefusedV1,
)
from shared.contracts.enforcement import DecisionOverturnedV1, DecisionSuspendedV1, RevocationRequestedV1

HANDLERS: Final[dict[type[Any], Any]] = {
    ApprovalGrantedV1: projections.keep_approval,
    ApprovalNotRequiredV1: projections.keep_approval,
    ApprovalRefusedV1: projections.keep_approval,
    ApprovalCancelledV1: projections.cancel_approval,
    ProviderRegisteredV1: projections.keep_provider,
    RevocationRequestedV1: requests.receive,
    DecisionOverturnedV1: requests.undo_decision,
    DecisionSuspendedV1: requests.undo_decision,
}
