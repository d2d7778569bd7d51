"""What every verb does to an approval: hold it, and move it with its decision, its history and what is told of it."""

from datetime import datetime
from typing import Any, Final
from uuid import UUID

from approval import store, told
from approval.errors import UnknownApproval
from approval.lifecycle import Action
from approval.policy import ACTS, POLICY
from approval.store import APPROVALS, Approval, Decision
from shared.runtime.base.context import Caller
from shared.runtime.db.postgres import Tx

SYSTEM: Final = Caller.system("approval")


async def held(tx: Tx, who: Caller, action: Action, approval_id: UUID) -> Approval:
    """The approval, locked, if ``who`` may do ``action`` to it. Raises UnknownApproval (404), Forbidden (403)."""
    approval = await hold(tx, approval_id)
    POLICY.require(who, ACTS[action], approval)
    return approval


async def hold(tx: Tx, approval_id: UUID) -> Approval:
    """The approval, locked until the transaction ends. Raises UnknownApproval (404)."""
    approval = await store.hold(tx, approval_id)
    if approval is None:
        raise UnknownApproval(approval_id=approval_id)
    return approval


async def act(
    tx: Tx,
    who: Caller,
    approval: Approval,
    action: Action,
    *,
    why: str,
    at: datetime,
    decision: Decision | None = None,
    **changes: Any,
) -> Approval:
    """Carry out an action on a held approval; gives it as it is now. Raises ActionRefused (409).

    Clocks are stopped and decisions undone before, so that the row that comes back shows them.
    """
    if decision is not None:
        await store.add_decision(tx, decision)
    after = await APPROVALS.move(tx, approval, action, who=who, why=why, at=at, **changes)
    told.tell(tx, after, action, at=at, grounds=decision.grounds if decision else None)
    return after
