"""What facts of other departments mean here."""

from approval.service import barring, end, reopen
from shared.contracts.enforcement import (
    AppealDecidedV1,
    AppealOverdueV1,
    DecisionEndedV1,
    DecisionOverturnedV1,
    DecisionReleasedV1,
    DecisionSuspendedV1,
)
from shared.contracts.grounds import Service, Statement
from shared.contracts.registry import BarRecordedV1
from shared.rules import Effect
from shared.runtime.acts.runtime import Runtime
from shared.runtime.base.context import EventMeta
from shared.runtime.db.postgres import Tx


async def decided(rt: Runtime, tx: Tx, fact: DecisionReleasedV1, meta: EventMeta) -> None:
    """A case was decided; if its effect is to end an item, the approvals that cover it on that site end."""
    if fact.effect == Effect.END_ITEM:
        await end.end(tx, rt, fact)


async def bar_recorded(rt: Runtime, tx: Tx, fact: BarRecordedV1, meta: EventMeta) -> None:
    """An operator is on the barred list, or off it again."""
    await barring.note(tx, fact)


async def undone(
    rt: Runtime, tx: Tx, fact: DecisionOverturnedV1 | DecisionSuspendedV1 | DecisionEndedV1, meta: EventMeta
) -> None:
    """An appeal was upheld or late, or the authority lifted its decision: what the decision ended stands again."""
    await end.reinstate(tx, rt, fact.decision_id, fact.authority, fact.statement)


async def appeal_late(rt: Runtime, tx: Tx, fact: AppealOverdueV1, meta: EventMeta) -> None:
    """The review body did not decide in time: a refusal of ours, of all or of a part, falls (model §6, in code)."""
    if fact.act.service is Service.APPROVAL:
        why = "The appeal against the refusal was not decided in time, so the authority decides anew."
        source = rt.rules.redress.source
        says = Statement(legal_basis=(source,), reasons=why, public_reasons=why)
        await reopen.reopen(tx, rt, fact.act, fact.body, says)


async def appeal_decided(rt: Runtime, tx: Tx, fact: AppealDecidedV1, meta: EventMeta) -> None:
    """An appeal against a refusal of ours, of all or of a part, was decided; upheld, the refusal falls."""
    if fact.act.service is Service.APPROVAL and fact.outcome == "upheld":
        await reopen.reopen(tx, rt, fact.act, fact.body, fact.statement)
