"""What facts of others mean to the register."""

from collections.abc import Sequence
from uuid import UUID

from registry.service import (
    bars,
    executions,
    freeing,
    hosting,
    licence_ends,
    mergers,
    observing,
    opinions,
    overlaps,
    provider_keys,
    reopening,
    restoring,
    shells,
)
from registry.store import copies, handling
from registry.store import executions as store
from registry.store import mergers as merger_store
from registry.store.executions import OrderOutcome
from shared.contracts import access, approval
from shared.contracts.enforcement import (
    AppealDecidedV1,
    AppealFiledV1,
    AppealOverdueV1,
    DecisionEndedV1,
    DecisionIgnoredV1,
    DecisionOverturnedV1,
    DecisionReleasedV1,
    DecisionSuspendedV1,
)
from shared.contracts.grounds import ActRef, Service, Statement
from shared.rules import Effect
from shared.runtime.acts import terms
from shared.runtime.acts.runtime import Runtime
from shared.runtime.base.context import EventMeta
from shared.runtime.db.postgres import Tx


async def decision_released(rt: Runtime, tx: Tx, fact: DecisionReleasedV1, meta: EventMeta) -> None:
    """A decision lies on the regulator's desk; of what is not the register's to carry out it is noted."""
    await executions.receive(tx, rt, fact)
    if fact.effect in {Effect.CORRECT, Effect.PENALTY}:
        await handling.note(tx, fact, fact.released_at if fact.effect == Effect.PENALTY else None)


async def decision_ignored(rt: Runtime, tx: Tx, fact: DecisionIgnoredV1, meta: EventMeta) -> None:
    """An order to correct was found ignored."""
    await handling.ignored(tx, fact.decision_id, fact.ignored_at)


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
    if execution_id is None:  # it asked nothing of the register
        await handling.fell(tx, fact.decision_id, rt.clock.now())
        await opinions.decision_fell(tx, rt, fact.decision_id, because, fact.statement)
        return
    appeal = ActRef(service=Service.ENFORCEMENT, kind="appeal", id=appeal_id) if appeal_id is not None else None
    await executions.undo(
        tx, rt, execution_id, because=because, authority=fact.authority, statement=fact.statement, appeal=appeal
    )


async def appeal_filed(rt: Runtime, tx: Tx, fact: AppealFiledV1, meta: EventMeta) -> None:
    """A bar does not begin while an appeal against it is open, and what a merger moved stays there."""
    await store.appeal_filed(tx, fact.act.id, fact.appeal_id)
    await merger_store.appeal_filed(tx, fact.act.id, fact.appeal_id)
    await terms.challenged(tx, fact.act.id, rt.clock.now())
    await bars.settle_many(tx, rt, fact.act.id)


async def appeal_overdue(rt: Runtime, tx: Tx, fact: AppealOverdueV1, meta: EventMeta) -> None:
    """A late appeal against an act of ours: the act falls at once, whatever becomes of the appeal."""
    await _fall(rt, tx, fact)


async def appeal_decided(rt: Runtime, tx: Tx, fact: AppealDecidedV1, meta: EventMeta) -> None:
    """A won appeal undoes our own act; the last of the lost ones lets a bar begin, a withdrawn one in its time.

    So does one that the review body entered for the operator: the operator's own time to appeal goes on.
    """
    await merger_store.appeal_decided(tx, fact.act.id, fact.appeal_id)
    if fact.outcome == "upheld":
        await _fall(rt, tx, fact)
    elif fact.outcome == "withdrawn" or fact.on_behalf:
        await store.appeal_withdrawn(tx, fact.act.id, fact.appeal_id)
        await bars.settle_many(tx, rt, fact.act.id)
    else:
        await store.appeal_rejected(tx, fact.act.id, fact.appeal_id, fact.decided_at)
        await bars.settle_many(tx, rt, fact.act.id)


async def _fall(rt: Runtime, tx: Tx, fact: AppealDecidedV1 | AppealOverdueV1) -> None:
    """What falls with an appeal against an act of another service follows from that service's own facts."""
    if fact.act.service is not Service.REGISTRY:
        return
    if fact.act.kind == "refusal":
        await reopening.registration(tx, rt, fact.act.id)
    elif fact.act.kind == "amendment":
        await reopening.amendment(tx, rt, fact.act.id)
    elif fact.act.kind == "renewal":
        await reopening.renewal(tx, rt, fact.act.id)
    elif fact.act.kind == "execution":
        await executions.fall(tx, rt, fact.act.id, fact)
    elif fact.act.kind == overlaps.ACT:
        await freeing.fall(tx, rt, fact)
    elif fact.act.kind == "merger":
        await mergers.fall(tx, rt, fact)
    elif fact.act.kind == "lapse":
        await shells.fall(tx, rt, fact.act.id, _says(fact))
    elif fact.act.kind == opinions.RESULT:
        await opinions.fall(tx, rt, fact.act.id, _says(fact))


def _says(fact: AppealDecidedV1 | AppealOverdueV1) -> Statement:
    if isinstance(fact, AppealDecidedV1):
        return fact.statement
    why = "The appeal against it was not decided in time."
    return Statement(legal_basis=("docs/adr/0004",), reasons=why, public_reasons=why)


async def order_told(rt: Runtime, tx: Tx, fact: access.OrderFact, meta: EventMeta) -> None:
    """What became of an order that an execution sent out."""
    outcome = fact.TYPE.removeprefix("order.").removesuffix(".v1")
    detail = getattr(fact, "reasons", None) or getattr(fact, "how", None)
    await store.note_outcome(tx, OrderOutcome(
        fact.order_id, fact.execution_id, fact.provider_id, fact.action, outcome, detail, fact.at,
        issuer=getattr(fact, "issuer", None), execute_by=getattr(fact, "execute_by", None),
        overdue=isinstance(fact, access.OrderOverdueV1), escalated=getattr(fact, "escalated", False),
        withdrawn_by=getattr(fact, "by", None), undoes=getattr(fact, "undoes", None),
    ))  # fmt: skip
    await restoring.tell(tx, rt, fact)


async def order_observed(rt: Runtime, tx: Tx, fact: access.OrderObservedOtherwiseV1, meta: EventMeta) -> None:
    """A site is not as its provider signed: they are told, and nothing else follows."""
    await observing.tell(tx, rt, fact)


async def licence_ending(rt: Runtime, tx: Tx, fact: access.LicenceEndingV1, meta: EventMeta) -> None:
    """A licence of a provider ends soon, or is over: it is told, and no site changes for that."""
    await licence_ends.tell(tx, rt, fact)


async def provider_key_changed(rt: Runtime, tx: Tx, fact: access.ProviderKeyChangedV1, meta: EventMeta) -> None:
    """The access desk entered or revoked a key of a provider: it is told why."""
    await provider_keys.tell(tx, rt, fact)


async def providers_recorded(rt: Runtime, tx: Tx, facts: Sequence[access.ProviderRecordedV1]) -> None:
    """Take over providers."""
    latest = {fact.provider_id: fact for fact in sorted(facts, key=lambda fact: fact.version)}
    before = await copies.providers(tx, latest)
    await copies.put_providers(tx, [
        (fact.provider_id, fact.version, fact.name, fact.licence_number, fact.kind, fact.region, fact.status)
        for fact in latest.values()
    ])  # fmt: skip
    for provider_id, now in (await copies.providers(tx, latest)).items():
        # One without a licence goes on hosting what it hosts: nothing happens to a site for that (docs/adr/0024).
        hosts = now.status in copies.HOSTING
        if provider_id in before and (before[provider_id].status in copies.HOSTING) != hosts:
            await hosting.provider_changed(tx, rt, provider_id, active=hosts)


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
