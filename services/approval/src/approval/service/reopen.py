"""An appeal against a refusal was upheld, or late: the question is on the desk again, with a fresh clock (model §6)."""

from typing import Final

from approval import store
from approval.lifecycle import APPROVAL, Action
from approval.service import validity
from approval.service.act import SYSTEM, act, hold, start_clock
from approval.store import APPROVALS, Approval, Decision
from shared.contracts.grounds import ActRef, AuthorityRef, Statement
from shared.runtime.acts.runtime import Runtime
from shared.runtime.db.postgres import Tx

REFUSALS: Final = {Action.REFUSE: Action.REOPEN, Action.REFUSE_RENEWAL: Action.REOPEN_RENEWAL}
UNDO: Final = "undo"
"""What the history calls it when a refusal falls and there is nothing to be put on the desk again."""


async def reopen(tx: Tx, rt: Runtime, ref: ActRef, by: AuthorityRef, says: Statement) -> None:
    """A refusal has no effect any more. Somebody else's act, or one that fell before, changes nothing here."""
    for approval_id in await store.decided_by(tx, ref.id):
        approval, at = await hold(tx, approval_id), rt.clock.now()
        refusal = next(each for each in approval.decisions if each.id == ref.id)
        if refusal.challenge != ref or not await store.undo(tx, ref.id, approval_id, at, says.reasons):
            continue
        if await _is_free(tx, approval, refusal):
            await put_back(tx, rt, approval, refusal, by, says)
        else:
            await APPROVALS.change(tx, approval, UNDO, who=SYSTEM, why=says.reasons, at=at)


async def put_back(
    tx: Tx, rt: Runtime, approval: Approval, refusal: Decision, by: AuthorityRef, says: Statement
) -> None:
    """What was refused is on the desk again."""
    at, action = rt.clock.now(), REFUSALS[refusal.action]
    await start_clock(tx, rt, approval, at)
    fresh = {"overdue_at": None}
    if action is Action.REOPEN:
        await act(tx, rt, SYSTEM, approval, action, by=by, says=says, at=at, authority=None, **fresh)
    else:
        await validity.stop(tx, approval.id, at)
        await act(tx, rt, SYSTEM, approval, action, by=by, says=says, at=at, renewal_until=refusal.asked, **fresh)


def left_behind(approval: Approval) -> Decision | None:
    """The refusal of a renewal that fell while a decision in a case kept the approval ended: nothing was put back."""
    last = [each for each in approval.decisions if each.action is not Action.END][-1]
    return last if last.action is Action.REFUSE_RENEWAL and last.undone_at is not None else None


async def _is_free(tx: Tx, approval: Approval, refusal: Decision) -> bool:
    """Whether it can go back to the desk: it stands as the refusal left it, and the operator has not asked again.

    Nothing that a decision in a case ended comes into force by an appeal against something else.
    """
    action = REFUSALS[refusal.action]
    if approval.ended_by or not APPROVAL.can(approval.status, action):
        return False
    if action is Action.REOPEN:
        await store.one_question(tx, approval)
        return await store.pending(tx, approval) is None
    return refusal.asked is not None and approval.valid_until is not None and refusal.asked > approval.valid_until
