"""What the others hear of an approval.

Every move of every approval passes through ``tell``. It is also where its operator will be given notice of it.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Final

from approval.lifecycle import Action
from approval.store import Approval
from shared.contracts.approval import (
    ApprovalEndedV1,
    ApprovalFact,
    ApprovalGrantedV1,
    ApprovalLapsedV1,
    ApprovalNotRequiredV1,
    ApprovalRecord,
    ApprovalReinstatedV1,
    ApprovalRenewedV1,
)
from shared.contracts.grounds import Grounds
from shared.runtime.acts import outbox
from shared.runtime.db.postgres import Tx

FACTS: Final[Mapping[Action, type[ApprovalFact]]] = {
    Action.GRANT: ApprovalGrantedV1,
    Action.FIND_NOT_REQUIRED: ApprovalNotRequiredV1,
    Action.RENEW: ApprovalRenewedV1,
    Action.LAPSE: ApprovalLapsedV1,
    Action.END: ApprovalEndedV1,
    Action.REINSTATE: ApprovalReinstatedV1,
    Action.REINSTATE_RENEWAL: ApprovalReinstatedV1,
}
"""Actions that other departments hear of. The rest concern the operator alone."""


def tell(tx: Tx, approval: Approval, action: Action, *, at: datetime, grounds: Grounds | None) -> None:
    """Tell what was just done to an approval, with the approval as it is now."""
    if (fact := FACTS.get(action)) is not None:
        told = {"approval_id": approval.id, "approval": record_of(approval), "grounds": grounds}
        outbox.add(tx, fact.model_validate(told), at=at)


def record_of(approval: Approval) -> ApprovalRecord:
    """An approval as facts carry it."""
    fields = {name: getattr(approval, name) for name in ApprovalRecord.model_fields if name != "approval_id"}
    return ApprovalRecord.model_validate({**fields, "approval_id": approval.id})
