"""What every verb does to an approval: hold it, and move it with its decision, its history and what is told of it."""

from datetime import datetime
from typing import Any, Final
from uuid import UUID

from approval import store, told
from approval.errors import UnknownApproval
from approval.lifecycle import Action
from approval.policy import ACTS, POLICY
from approval.store import APPROVALS, DECISION_CLOCK, Approval, Decision, NewApproval
from shared.contracts.grounds import AuthorityRef, Statement
from shared.runtime.acts import deadlines
from shared.runtime.acts.runtime import Runtime
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


async def start_clock(tx: Tx, rt: Runtime, approval: NewApproval, at: datetime) -> None:
    """Start the authority's clock: how long it is, the profile says for each service item."""
    clock = rt.rules.service_items[approval.service_item].clock or DECISION_CLOCK
    await deadlines.start(tx, kind=DECISION_CLOCK, aggregate_id=approval.id, clock_name=clock, rt=rt, at=at)


async def act(
    tx: Tx,
    rt: Runtime,
    who: Caller,
    approval: Approval,
    action: Action,
    *,
    by: AuthorityRef | None,
    says: Statement | None = None,
    why: str | None = None,
    at: datetime,
    decision: Decision | None = None,
    **changes: Any,
) -> Approval:
    """Carry out an action on a held approval; gives it as it is now. Raises ActionRefused (409).

    ``by`` and ``says``: the authority whose act it is, and its reasons, for the notice to the operator; none for what
    the operator does itself, which says ``why``. Clocks are stopped and decisions undone before, so that the row that
    comes back shows them.
    """
    reasons = why or (says.reasons if says is not None else "")
    if decision is not None:
        await store.add_decision(tx, decision)
    after = await APPROVALS.move(tx, approval, action, who=who, why=reasons, at=at, **changes)
    await told.tell(tx, rt, after, action, at=at, by=by, says=says, decision=decision)
    return after
