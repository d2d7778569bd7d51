"""Reading approvals: an operator its own, an authority what it may oversee, which leaves a trace."""

from collections.abc import Sequence
from uuid import UUID

from approval import store
from approval.errors import ApprovalHasNoDocument, UnknownApproval
from approval.lifecycle import Status
from approval.policy import POLICY, Act
from approval.service import issue
from approval.store import Approval
from shared.runtime.acts import audit, documents
from shared.runtime.acts.documents import Issued
from shared.runtime.acts.runtime import Runtime
from shared.runtime.base.context import Caller
from shared.runtime.db.postgres import Tx


async def get(tx: Tx, rt: Runtime, who: Caller, approval_id: UUID) -> Approval:
    """Read an approval with everything about it. Raises UnknownApproval (404), Forbidden (403)."""
    approval = await store.get(tx, approval_id)
    if approval is None:
        raise UnknownApproval(approval_id=approval_id)
    POLICY.require(who, Act.READ, approval)
    await _looked_at(tx, rt, who, [approval])
    return approval


async def document(tx: Tx, rt: Runtime, who: Caller, approval_id: UUID) -> Issued:
    """The newest signed document of an approval. Raises what ``get`` raises, ApprovalHasNoDocument (404)."""
    approval = await get(tx, rt, who, approval_id)
    issued = await documents.latest(tx, issue.KIND, approval.id)
    if issued is None:
        raise ApprovalHasNoDocument(approval_id=approval_id)
    return issued


async def page(
    tx: Tx, rt: Runtime, who: Caller, status: Status | None, after: UUID | None, limit: int
) -> list[Approval]:
    """List the approvals that ``get`` would show, newest first. Raises RoleMissing (403)."""
    approvals = await store.page(tx, POLICY.reach(who, Act.READ), status, after, limit)
    await _looked_at(tx, rt, who, approvals)
    return approvals


async def _looked_at(tx: Tx, rt: Runtime, who: Caller, approvals: Sequence[Approval]) -> None:
    """Who looked at whose particulars is kept, operator by operator, so that each can be told."""
    of_others = [approval for approval in approvals if approval.organisation != who.organisation]
    if of_others:
        await audit.record(
            tx,
            who=who,
            act=Act.READ,
            resource=f"approval/{of_others[0].id}" if len(of_others) == 1 else "approvals",
            outcome="granted",
            detail={
                "operators": sorted({each.organisation for each in of_others}),
                "ids": [str(each.id) for each in of_others],
            },
            at=rt.clock.now(),
        )
