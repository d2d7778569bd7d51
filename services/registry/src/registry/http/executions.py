"""Executions: decisions carried out by two people, or declined."""

from uuid import UUID

from fastapi import APIRouter

from registry import views
from registry.lifecycle import ExecutionStatus
from registry.service import executions
from shared.contracts.http import registry as wire
from shared.runtime.web.door import Rt, Who, router
from shared.runtime.web.paging import Page, Paging, page_of

ROUTER: APIRouter = router()


@ROUTER.get("/executions", tags=["executions"])
async def list_executions(
    rt: Rt, who: Who, paging: Paging, status: ExecutionStatus | None = None, decision_id: UUID | None = None
) -> Page[wire.ExecutionView]:
    """Decisions that the caller's organisation executes or made, newest first; without previews."""
    async with rt.db.transaction() as tx:
        found = await executions.page(
            tx, rt, who, status=status, decision_id=decision_id, after=paging.after, limit=paging.fetch
        )
    return page_of(found, paging, lambda seen: views.of_execution(who, seen), lambda seen: seen.execution.id)


@ROUTER.get("/executions/{execution_id}", tags=["executions"])
async def read_execution(rt: Rt, who: Who, execution_id: UUID) -> wire.ExecutionView:
    """A decision on the desk, with what carrying it out would hit now."""
    async with rt.db.transaction() as tx:
        return views.of_execution(who, await executions.get(tx, rt, who, execution_id))


@ROUTER.post("/executions/{execution_id}/acceptance", tags=["executions"])
async def accept(rt: Rt, who: Who, execution_id: UUID, body: wire.Signing) -> wire.ExecutionView:
    """The first of two people signs what would happen now (P3.2.3)."""
    async with rt.db.transaction() as tx:
        return views.of_execution(who, await executions.accept(tx, rt, who, execution_id, body))


@ROUTER.post("/executions/{execution_id}/release", tags=["executions"])
async def release(rt: Rt, who: Who, execution_id: UUID, body: wire.WithReasons) -> wire.ExecutionView:
    """Take an acceptance back."""
    async with rt.db.transaction() as tx:
        return views.of_execution(who, await executions.release(tx, rt, who, execution_id, reasons=body.reasons))


@ROUTER.post("/executions/{execution_id}/confirmation", tags=["executions"])
async def confirm(rt: Rt, who: Who, execution_id: UUID, body: wire.Signing) -> wire.ExecutionView:
    """The second person signs, and it happens: on the register, and by it at every host (P3.2.3)."""
    async with rt.db.transaction() as tx:
        return views.of_execution(who, await executions.confirm(tx, rt, who, execution_id, body))


@ROUTER.post("/executions/{execution_id}/decline", tags=["executions"])
async def decline(rt: Rt, who: Who, execution_id: UUID, body: wire.Stated) -> wire.ExecutionView:
    """Decline with legal basis and reasons, which go back to the authority."""
    async with rt.db.transaction() as tx:
        return views.of_execution(who, await executions.decline(tx, rt, who, execution_id, body))
