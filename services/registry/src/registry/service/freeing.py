"""Whoever has a name that was decided about before won its appeal: the measure stands, and hits that name no more."""

from registry import told
from registry.service import executions
from registry.store import executions as store
from registry.store import overlaps
from shared.contracts.enforcement import AppealDecidedV1, AppealOverdueV1
from shared.contracts.subjects import FoundSite
from shared.runtime.acts import outbox
from shared.runtime.acts.runtime import Runtime
from shared.runtime.db.postgres import Tx


async def fall(tx: Tx, rt: Runtime, fact: AppealDecidedV1 | AppealOverdueV1) -> None:
    """An appeal of whoever has a name by now was upheld, or not decided in time. A found site was nothing but a name:
    what was carried out about it is undone."""
    overlap, at = await overlaps.get(tx, fact.act.id), rt.clock.now()
    if overlap is None:
        return
    execution = await store.get(tx, overlap.execution_id)
    if isinstance(execution.decision.subject, FoundSite):
        await executions.fall(tx, rt, execution.id, fact)
        return
    held = await store.hold(tx, execution.id)
    await overlaps.free(tx, overlap)
    outbox.add(tx, told.overlapped(held, overlap, at, not_before=None), at=at)
