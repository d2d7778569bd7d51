"""A third reader of a draft: what colleagues say of it, and that one of them gives it back (docs/adr/0013).

The draft itself stays as it is: whom it burdens was told of it. Its drafter answers, or withdraws it and drafts anew.
"""

from typing import Any, Final
from uuid import UUID

from enforcement.lifecycle import Action
from enforcement.policy import POLICY, Act
from enforcement.service.shown import Shown, shown
from enforcement.store import decisions, drafts
from enforcement.store.drafts import Remark
from shared.runtime.acts.runtime import Runtime
from shared.runtime.base.context import Caller
from shared.runtime.base.ids import uuid7
from shared.runtime.db.postgres import Tx

_ACTS: Final = {
    Action.COMMENT: Act.REMARK_ON_DRAFT, Action.RETURN: Act.REMARK_ON_DRAFT, Action.ANSWER: Act.ANSWER_REMARKS
}  # fmt: skip


async def remark(tx: Tx, rt: Runtime, who: Caller, decision_id: UUID, action: Action, *, reasons: str) -> Shown:
    """Comment on a draft, return it to its drafter, or answer what it was returned for.

    Anybody of the authority but the drafter comments and returns, without any other competence: that lays no burden.
    Anybody but whoever returned it answers. Raises UnknownDecision (404); Forbidden (403); SecondPersonRequired,
    ActionRefused (409).
    """
    at = rt.clock.now()
    case, decision = await decisions.hold(tx, decision_id)
    earlier = decision.returned_by or () if action is Action.ANSWER else decision.drafted_by
    POLICY.require(who, _ACTS[action], case, drafted_by=earlier)
    changes: dict[str, Any] = {}
    if action is not Action.COMMENT:
        changes["returned_by"] = who.person if action is Action.RETURN else None
    moved = await decisions.MOVES.move(tx, decision, action, who=who, why=reasons, at=at, **changes)
    await drafts.add(tx, Remark(uuid7(), decision_id, action.value, reasons, who.person, at))
    return await shown(tx, rt, case, moved)
