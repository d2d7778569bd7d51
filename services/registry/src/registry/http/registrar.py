"""Tasks of the company registrar: what it is told, and what it reports (P3.1.7, P3.2.4, P3.3.7)."""

from collections.abc import Sequence
from uuid import UUID

from fastapi import APIRouter

from registry import views
from registry.service import registrar
from registry.store.tasks import Task
from shared.contracts.http import registrar as wire
from shared.contracts.http.registrar import TaskStatus
from shared.runtime.base.context import Caller
from shared.runtime.db.postgres import Tx
from shared.runtime.web.door import Rt, Who, router
from shared.runtime.web.paging import Page, Paging, page_of

ROUTER: APIRouter = router()


@ROUTER.get("/registrar-tasks", tags=["registrar"])
async def list_tasks(
    rt: Rt, who: Who, paging: Paging, status: TaskStatus | None = None, registration_id: UUID | None = None
) -> Page[wire.TaskView]:
    """Tasks the caller reaches, newest first: a registrar those of its province."""
    async with rt.db.transaction() as tx:
        found = await registrar.page(
            tx, rt, who, status=status, registration_id=registration_id, after=paging.after, limit=paging.fetch
        )
        shown = await _tasks(tx, who, found)
    return page_of(shown, paging, lambda view: view, lambda view: view.id)


@ROUTER.get("/registrar-tasks/{task_id}", tags=["registrar"])
async def read_task(rt: Rt, who: Who, task_id: UUID) -> wire.TaskView:
    """What the registrar is told, and what it reported."""
    async with rt.db.transaction() as tx:
        return await _task(tx, who, await registrar.get(tx, rt, who, task_id))


@ROUTER.post("/registrar-tasks/{task_id}/report", tags=["registrar"])
async def report(rt: Rt, who: Who, task_id: UUID, body: wire.Report) -> wire.TaskView:
    """The registrar of the province says what it did, with reasons; the operator is told."""
    async with rt.db.transaction() as tx:
        return await _task(tx, who, await registrar.answer(tx, rt, who, task_id, body))


async def _task(tx: Tx, who: Caller, task: Task) -> wire.TaskView:
    return (await _tasks(tx, who, [task]))[0]


async def _tasks(tx: Tx, who: Caller, found: Sequence[Task]) -> list[wire.TaskView]:
    clocks = await registrar.clocks(tx, found)
    return [views.of_task(who, each, clocks.get(each.id)) for each in found]
