"""What is to be done in cases."""

from typing import Annotated, Final
from uuid import UUID

from fastapi import APIRouter, Query, Response

from enforcement import views_file
from enforcement.lifecycle import TaskAction, TaskStatus
from enforcement.service import tasks
from shared.contracts.http import casefile as wire
from shared.contracts.http.enforcement import WithReasons
from shared.runtime.web.door import Rt, Who, etag, router
from shared.runtime.web.paging import Page, Paging, page_of

ROUTER: Final[APIRouter] = router(tags=["tasks"])


@ROUTER.post("/cases/{case_id}/tasks", status_code=201)
async def add_task(rt: Rt, who: Who, case_id: UUID, body: wire.NewTask, response: Response) -> wire.TaskView:
    """Put something on the list of a case, with its date."""
    async with rt.db.transaction() as tx:
        added = await tasks.add(tx, rt, who, case_id, body)
    response.headers["Location"] = f"/tasks/{added.id}"
    etag(response, added.version)
    return views_file.of_task(who, added)


@ROUTER.get("/tasks")
async def list_tasks(
    rt: Rt, who: Who, paging: Paging, status: TaskStatus | None = None, case_id: UUID | None = None,
    mine: Annotated[bool, Query(description="Only those assigned to you")] = False,
    overdue: Annotated[bool, Query(description="Only those whose date has passed")] = False,
) -> Page[wire.TaskView]:  # fmt: skip
    """Tasks of the caller's authority, newest first."""
    async with rt.db.transaction() as tx:
        found = await tasks.page(
            tx, rt, who, case_id=case_id, status=status, mine=mine, overdue=overdue, after=paging.after,
            limit=paging.fetch,
        )  # fmt: skip
    return page_of(found, paging, lambda task: views_file.of_task(who, task), lambda task: task.id)


@ROUTER.get("/tasks/{task_id}")
async def read_task(rt: Rt, who: Who, task_id: UUID, response: Response) -> wire.TaskView:
    """One task."""
    async with rt.db.transaction() as tx:
        found = await tasks.get(tx, rt, who, task_id)
    etag(response, found.version)
    return views_file.of_task(who, found)


@ROUTER.post("/tasks/{task_id}/assignment")
async def assign_task(rt: Rt, who: Who, task_id: UUID, body: wire.Assignment) -> wire.TaskView:
    """Give a task to an officer of the authority; take it, if nobody is named."""
    async with rt.db.transaction() as tx:
        return views_file.of_task(who, await tasks.assign(tx, rt, who, task_id, body))


@ROUTER.post("/tasks/{task_id}/completion")
async def complete_task(rt: Rt, who: Who, task_id: UUID, body: WithReasons) -> wire.TaskView:
    """Say that it is done, and what came of it."""
    async with rt.db.transaction() as tx:
        return views_file.of_task(
            who, await tasks.finish(tx, rt, who, task_id, TaskAction.COMPLETE, reasons=body.reasons)
        )


@ROUTER.post("/tasks/{task_id}/cancellation")
async def cancel_task(rt: Rt, who: Who, task_id: UUID, body: WithReasons) -> wire.TaskView:
    """Say why nobody needs it any more."""
    async with rt.db.transaction() as tx:
        return views_file.of_task(
            who, await tasks.finish(tx, rt, who, task_id, TaskAction.CANCEL, reasons=body.reasons)
        )
