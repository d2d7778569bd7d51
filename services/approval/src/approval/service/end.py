"""A decision in a case ends an approval (P3.2.4); an appeal brings it back exactly as it stood (docs/adr/0004)."""

from typing import Final
from uuid import UUID

from approval import store
from approval.errors import DecisionMisfit
from approval.lifecycle import APPROVAL, Action, Status
from approval.service import validity
from approval.service.act import SYSTEM, act, hold
from approval.store import APPROVALS, DECISION_CLOCK, VALIDITY_CLOCK, Decision
from shared.contracts.grounds import Grounds
from shared.runtime.acts import deadlines
from shared.runtime.acts.runtime import Runtime
from shared.runtime.db.postgres import Tx

UNDO: Final = "undo"
"""What the history calls it when one of several decisions falls away."""


async def end(
    tx: Tx, rt: Runtime, approval_id: UUID, decision_id: UUID, service_item: str | None, grounds: Grounds
) -> None:
    """End an approval. One that is not in force any more stays as it is; a second decision is kept beside the first.

    What the decision says it is about is compared with what is here. Raises UnknownApproval, DecisionMisfit.
    """
    approval, at = await hold(tx, approval_id), rt.clock.now()
    addressee = (grounds.authority.level, grounds.authority.region)
    if service_item != approval.service_item or addressee != (approval.level, approval.region):
        raise DecisionMisfit(decision_id=decision_id, approval_id=approval_id)
    if decision_id in {each.id for each in approval.decisions}:
        return
    decision = Decision(decision_id, approval.id, Action.END, grounds)
    if APPROVAL.can(approval.status, Action.END):
        await deadlines.suspend(tx, DECISION_CLOCK, approval.id, at)
        await deadlines.met(tx, VALIDITY_CLOCK, approval.id, at)
        await act(tx, SYSTEM, approval, Action.END, why=grounds.reasons, at=at, decision=decision)
    elif approval.status is Status.ENDED:
        await store.add_decision(tx, decision)
        await APPROVALS.change(tx, approval, Action.END, who=SYSTEM, why=grounds.reasons, at=at)


async def reinstate(tx: Tx, rt: Runtime, decision_id: UUID, why: str) -> None:
    """A decision has no effect any more: unless another one stands, the approval that it ended is back as it stood."""
    approval_id = await store.ended_by(tx, decision_id)
    if approval_id is None:
        return  # it ended nothing here
    approval, at = await hold(tx, approval_id), rt.clock.now()
    if not await store.undo(tx, decision_id, at, why):
        return  # as the suspension before said
    if approval.ended_by != {decision_id}:
        await APPROVALS.change(tx, approval, UNDO, who=SYSTEM, why=why, at=at)
        return
    if approval.renewal_until is not None:
        await deadlines.resume(tx, DECISION_CLOCK, approval.id, at, rt=rt)
        await act(tx, SYSTEM, approval, Action.REINSTATE_RENEWAL, why=why, at=at)
        return
    after = await act(tx, SYSTEM, approval, Action.REINSTATE, why=why, at=at)
    await validity.lapse_or_watch(tx, rt, after, at)
