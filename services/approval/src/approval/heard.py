"""What facts of other departments mean here."""

from approval.service import end
from shared.contracts.enforcement import DecisionOverturnedV1, DecisionReleasedV1, DecisionSuspendedV1
from shared.runtime.acts.runtime import Runtime
from shared.runtime.base.context import EventMeta
from shared.runtime.db.postgres import Tx

END_ITEM = "end_item"


async def decided(rt: Runtime, tx: Tx, fact: DecisionReleasedV1, meta: EventMeta) -> None:
    """A case was decided; if its effect is to end an item, the approval that it names ends."""
    if fact.effect == END_ITEM and fact.approval_id is not None and fact.grounds is not None:
        await end.end(tx, rt, fact.approval_id, fact.decision_id, fact.service_item, fact.grounds)


async def undone(rt: Runtime, tx: Tx, fact: DecisionOverturnedV1 | DecisionSuspendedV1, meta: EventMeta) -> None:
    """An appeal was upheld, or not decided in time: what the decision ended stands again."""
    await end.reinstate(tx, rt, fact.decision_id, fact.reasons)
