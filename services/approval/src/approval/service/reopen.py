"""An appeal against a refusal was upheld, or late: the question is on the desk again, with a fresh clock (model §6).

A grant of less than was asked is a refusal of the rest: that is decided anew as a renewal, and what was granted stays.
"""

from datetime import date
from typing import Final

from approval import store
from approval.lifecycle import APPROVAL, Action, Status
from approval.service import validity
from approval.service.act import SYSTEM, act, hold, start_clock
from approval.store import APPROVALS, Approval, Decision
from shared.contracts.grounds import ActRef, AuthorityRef, Statement
from shared.runtime.acts.runtime import Runtime
from shared.runtime.db.postgres import Tx

REFUSALS: Final = {
    Action.REFUSE: Action.REOPEN, Action.REFUSE_RENEWAL: Action.REOPEN_RENEWAL,
    Action.GRANT: Action.REOPEN_RENEWAL, Action.RENEW: Action.REOPEN_RENEWAL,
}  # fmt: skip
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
            continue
        scope = _open_scope(approval, refusal) if approval.status is Status.RENEWING else None
        more = {} if scope is None else {"renewal_scope": scope}
        await APPROVALS.change(tx, approval, UNDO, who=SYSTEM, why=says.reasons, at=at, **more)


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
        await act(
            tx, rt, SYSTEM, approval, action, by=by, says=says, at=at, **fresh,
            renewal_until=_later_day(approval, refusal) or approval.valid_until,
            renewal_scope=_open_scope(approval, refusal),
        )  # fmt: skip


def left_behind(approval: Approval) -> Decision | None:
    """What was refused, and fell while a decision in a case kept the approval ended: nothing was put back."""
    last = [each for each in approval.decisions if each.action is not Action.END][-1]
    open_still = _later_day(approval, last) is not None or _open_scope(approval, last) is not None
    return last if last.undone_at is not None and open_still else None


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
    return _later_day(approval, refusal) is not None or _open_scope(approval, refusal) is not None


def _later_day(approval: Approval, refusal: Decision) -> date | None:
    """The last day that was asked for, where it is later than what has been given since."""
    if refusal.asked is None or approval.valid_until is None or refusal.asked <= approval.valid_until:
        return None
    return refusal.asked


def _open_scope(approval: Approval, refusal: Decision) -> str | None:
    """The scope that was asked for, where it has not been given since."""
    return refusal.asked_scope if refusal.asked_scope != approval.scope else None
