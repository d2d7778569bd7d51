"""What facts of others mean to the register."""

from collections.abc import Sequence

from registry.service import executions, reopening
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
    await executions.undo(
        tx, rt, fact.decision_id, because="suspended", authority=fact.authority, statement=fact.statement
    )


async def decision_overturned(rt: Runtime, tx: Tx, fact: DecisionOverturnedV1, meta: EventMeta) -> None:
    """An appeal was upheld."""
    await executions.undo(
        tx, rt, fact.decision_id, because="overturned", authority=fact.authority, statement=fact.statement,
        appeal=ActRef(service=Service.ENFORCEMENT, kind="appeal", id=fact.appeal_id),
    )  # fmt: skip


async def decision_ended(rt: Runtime, tx: Tx, fact: DecisionEndedV1, meta: EventMeta) -> None:
    """The authority lifted its own decision."""
    await executions.undo(
        tx, rt, fact.decision_id, because=fact.because, authority=fact.authority, statement=fact.statement
    )


async def appeal_filed(rt: Runtime, tx: Tx, fact: AppealFiledV1, meta: EventMeta) -> None:
    """A bar does not begin while an appeal against its decision is open."""
    if fact.act.service is Service.ENFORCEMENT:
        await store.note_appeal(tx, fact.act.id, is_open=True)


async def appeal_overdue(rt: Runtime, tx: Tx, fact: AppealOverdueV1, meta: EventMeta) -> None:
    """A late appeal against a refusal of ours: what was refused is decided anew, by the desk, at once."""
    await appeals_upheld(rt, tx, fact.act)


async def appeal_decided(rt: Runtime, tx: Tx, fact: AppealDecidedV1, meta: EventMeta) -> None:
    """A won appeal undoes our own act; a lost one lets a bar begin."""
    if fact.act.service is Service.ENFORCEMENT and fact.outcome == "rejected":
        await store.note_appeal(tx, fact.act.id, is_open=False)
    if fact.outcome == "upheld":
        await appeals_upheld(rt, tx, fact.act)


async def appeals_upheld(rt: Runtime, tx: Tx, act: ActRef) -> None:
    """An act of ours falls: a refusal is open again with a fresh clock; everything else follows from its decision."""
    if act.service is Service.REGISTRY:
        await reopening.reopen(tx, rt, act)


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
