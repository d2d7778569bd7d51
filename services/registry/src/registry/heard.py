"""What facts of others mean to the register."""

from collections.abc import Sequence
from uuid import UUID

from registry.service import executions, mergers, reopening
from registry.store import copies
from registry.store import executions as store
from registry.store.executions import OrderOutcome
from shared.contracts import access, approval
from shared.contracts.enforcement import (
    AppealDecidedV1,
    AppealFiledV1,
    AppealOverdueV1,
    DecisionEndedV1,
    DecisionOverturnedV1,
    DecisionReleasedV1,
    DecisionSuspendedV1,
)
from shared.contracts.grounds import ActRef, Service
from shared.runtime.acts.runtime import Runtime
from shared.runtime.base.context import EventMeta
from shared.runtime.db.postgres import Tx


async def decision_released(rt: Runtime, tx: Tx, fact: DecisionReleasedV1, meta: EventMeta) -> None:
    """A decision lies on the regulator's desk."""
    await executions.receive(tx, rt, fact)


async def decision_suspended(rt: Runtime, tx: Tx, fact: DecisionSuspendedV1, meta: EventMeta) -> None:
    """A decision has no effect for the time being."""
    await _undo(rt, tx, fact, because="suspended", appeal_id=fact.appeal_id)


async def decision_overturned(rt: Runtime, tx: Tx, fact: DecisionOverturnedV1, meta: EventMeta) -> None:
    """An appeal was upheld."""
    await _undo(rt, tx, fact, because="overturned", appeal_id=fact.appeal_id)


async def decision_ended(rt: Runtime, tx: Tx, fact: DecisionEndedV1, meta: EventMeta) -> None:
    """The authority lifted its own decision."""
    await _undo(rt, tx, fact, because=fact.because, appeal_id=None)


async def _undo(
    rt: Runtime, tx: Tx, fact: DecisionSuspendedV1 | DecisionOverturnedV1 | DecisionEndedV1, *, because: str,
    appeal_id: UUID | None,
) -> None:  # fmt: skip
    execution_id = await executions.of_decision(tx, fact)
    if execution_id is None:
        return  # it asked nothing of the register
    appeal = ActRef(service=Service.ENFORCEMENT, kind="appeal", id=appeal_id) if appeal_id is not None else None
    await executions.undo(
        tx, rt, execution_id, because=because, authority=fact.authority, statement=fact.statement, appeal=appeal
    )


async def appeal_filed(rt: Runtime, tx: Tx, fact: AppealFiledV1, meta: EventMeta) -> None:
    """A bar does not begin while an appeal against it is open."""
    await store.appeal_filed(tx, fact.act.id)


async def appeal_overdue(rt: Runtime, tx: Tx, fact: AppealOverdueV1, meta: EventMeta) -> None:
    """A late appeal against an act of ours: the act falls at once, whatever becomes of the appeal."""
    await _fall(rt, tx, fact)


async def appeal_decided(rt: Runtime, tx: Tx, fact: AppealDecidedV1, meta: EventMeta) -> None:
    """A won appeal undoes our own act; a lost one lets a bar begin."""
    if fact.outcome == "upheld":
        await _fall(rt, tx, fact)
    else:
        await store.appeal_rejected(tx, fact.act.id, fact.decided_at)


async def _fall(rt: Runtime, tx: Tx, fact: AppealDecidedV1 | AppealOverdueV1) -> None:
    """What falls with an appeal against an act of another service follows from that service's own facts."""
    if fact.act.service is not Service.REGISTRY:
        return
    if fact.act.kind == "refusal":
        await reopening.registration(tx, rt, fact.act.id)
    elif fact.act.kind == "amendment":
        await reopening.amendment(tx, rt, fact.act.id)
    elif fact.act.kind == "execution":
        await executions.fall(tx, rt, fact.act.id, fact)
    elif fact.act.kind == "merger":
        await mergers.fall(tx, rt, fact)


async def order_told(rt: Runtime, tx: Tx, fact: access.OrderFact, meta: EventMeta) -> None:
    """What became of an order that an execution sent out."""
    outcome = fact.TYPE.removeprefix("order.").removesuffix(".v1")
    detail = getattr(fact, "reasons", None) or getattr(fact, "how", None)
    await store.note_outcome(
        tx,
        OrderOutcome(fact.order_id, fact.execution_id, fact.provider_id, fact.action, outcome, detail, fact.at),
    )


async def providers_recorded(rt: Runtime, tx: Tx, facts: Sequence[access.ProviderRecordedV1]) -> None:
    """Take over providers."""
    latest = {fact.provider_id: fact for fact in sorted(facts, key=lambda fact: fact.version)}
    await copies.put_providers(tx, [
        (fact.provider_id, fact.version, fact.name, fact.licence_number, fact.kind, fact.region, fact.status)
        for fact in latest.values()
    ])  # fmt: skip


async def approvals_told(rt: Runtime, tx: Tx, facts: Sequence[approval.ApprovalFact]) -> None:
    """Take over approvals: whatever happened, each fact carries the whole record."""
    latest = {
        fact.approval.approval_id: fact.approval for fact in sorted(facts, key=lambda fact: fact.approval.version)
    }
    await copies.put_approvals(tx, [
        (
            each.approval_id, each.version, each.live, each.operator.identity, each.service_item, each.domain,
            each.level, each.region, each.number,
        )
        for each in latest.values()
    ])  # fmt: skip
