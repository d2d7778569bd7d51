"""What is to be done in a case, by a date: added, assigned to an officer of the authority, done or cancelled."""

from typing import Final
from uuid import UUID

from enforcement.errors import UnknownOfficer
from enforcement.lifecycle import CASE, CaseAction, TaskAction, TaskStatus
from enforcement.policy import POLICY, Act
from enforcement.store import cases, tasks
from enforcement.store.cases import Case
from enforcement.store.tasks import Task
from shared.contracts.http.casefile import Assignment, NewTask
from shared.runtime.acts import audit, deadlines
from shared.runtime.acts.runtime import Runtime
from shared.runtime.base.context import Caller
from shared.runtime.base.ids import uuid7
from shared.runtime.base.problems import Invalid
from shared.runtime.db.postgres import Tx

DUE: Final = "case_task"
"""Kind of deadline: the date of a task."""
FOLLOW_UP: Final = "follow_up"
"""Clock of the profile: somebody looks whether an order to correct was obeyed."""
_SYSTEM: Final = Caller.system("enforcement")
_OBEYED: Final = "The date to correct has passed: was the order obeyed?"


async def add(tx: Tx, rt: Runtime, who: Caller, case_id: UUID, body: NewTask) -> Task:
    """Put something on the list of a case; its date rings, and shows it as overdue.

    Raises UnknownCase (404); Forbidden (403); ActionRefused (409); UnknownOfficer, Invalid (422).
    """
    at, case = rt.clock.now(), await cases.hold(tx, case_id)
    POLICY.require(who, Act.ADD_TASK, case)
    CASE.after(case.status, CaseAction.ADD_TASK)
    if body.due_at <= at:
        raise Invalid.field("due_at", "must lie ahead")
    if body.assignee is not None:
        await _require_officer(tx, who, body.assignee)
    added = await tasks.add(
        tx, uuid7(), case, what=body.what, due_at=body.due_at, assignee=body.assignee, by=who.person, at=at
    )
    if added is None:
        raise TypeError("only a follow-up can be there already")
    tasks.MOVES.began(tx, added, "add", who=who, why=body.what, at=at)
    await deadlines.start_until(tx, kind=DUE, aggregate_id=added.id, until=added.due_at, rt=rt, at=at)
    return added


async def _require_officer(tx: Tx, who: Caller, person: str) -> None:
    """Whom one can give work to: oneself, or whoever has been here for the same authority before."""
    if person not in {who.person, who.subject} and not await tasks.known_officer(tx, person, who.organisation):
        raise UnknownOfficer.field("assignee", "let them take it themselves, or name somebody who has worked here")


async def get(tx: Tx, rt: Runtime, who: Caller, task_id: UUID) -> Task:
    """One task. Raises UnknownCaseTask (404), Forbidden (403)."""
    task = await tasks.get(tx, task_id)
    POLICY.require(who, Act.READ_TASK, task)
    await _looked(tx, rt, who, f"/tasks/{task_id}")
    return task


async def page(
    tx: Tx, rt: Runtime, who: Caller, *, case_id: UUID | None, status: TaskStatus | None, mine: bool, overdue: bool,
    after: UUID | None, limit: int,
) -> list[Task]:  # fmt: skip
    """Tasks of the caller's authority, newest first. Raises RoleMissing (403)."""
    found = await tasks.page(
        tx, POLICY.reach(who, Act.READ_TASK), case_id=case_id, status=status,
        assignees={who.person, who.subject} if mine else (), overdue=overdue, after=after, limit=limit,
    )  # fmt: skip
    await _looked(tx, rt, who, "/tasks")
    return found


async def _looked(tx: Tx, rt: Runtime, who: Caller, resource: str) -> None:
    await audit.record(tx, who=who, act=Act.READ_TASK, resource=resource, outcome="granted", at=rt.clock.now())


async def assign(tx: Tx, rt: Runtime, who: Caller, task_id: UUID, body: Assignment) -> Task:
    """Give a task to an officer of the authority; to oneself if nobody is named.

    Raises UnknownCaseTask (404); Forbidden (403); ActionRefused (409); UnknownOfficer (422).
    """
    _, task = await tasks.hold(tx, task_id)
    POLICY.require(who, Act.WORK_TASK, task)
    tasks.MOVES.lifecycle.after(task.status, TaskAction.ASSIGN)
    person = body.assignee or who.person
    await _require_officer(tx, who, person)
    return await tasks.MOVES.move(
        tx, task, TaskAction.ASSIGN, who=who, why=f"Assigned to {person}.", at=rt.clock.now(), assignee=person
    )


async def finish(tx: Tx, rt: Runtime, who: Caller, task_id: UUID, action: TaskAction, *, reasons: str) -> Task:
    """Say that it is done, or that nobody needs it any more. Raises UnknownCaseTask, Forbidden, ActionRefused."""
    _, task = await tasks.hold(tx, task_id)
    POLICY.require(who, Act.WORK_TASK, task)
    return await _finish(tx, rt, who, task, action, reasons)


async def _finish(tx: Tx, rt: Runtime, who: Caller, task: Task, action: TaskAction, why: str) -> Task:
    at = rt.clock.now()
    finished = await tasks.MOVES.move(tx, task, action, who=who, why=why, at=at)
    await deadlines.met(tx, DUE, task.id, at)
    return finished


async def cancel_all(tx: Tx, rt: Runtime, who: Caller, case: Case, *, why: str) -> None:
    """A held case ends: what was to be done in it is not any more. Whether an order was obeyed is still asked."""
    for task in await tasks.open_in(tx, case.id):
        if task.decision_id is None:
            await _finish(tx, rt, who, task, TaskAction.CANCEL, why)


async def follow_up(tx: Tx, rt: Runtime, case: Case, decision_id: UUID) -> None:
    """The date of an order to correct has passed: somebody has to look, by the profile's clock. Once for each order."""
    at = rt.clock.now()
    due = rt.rules.due(FOLLOW_UP, at)
    added = await tasks.add(
        tx, uuid7(), case, what=_OBEYED, due_at=due.due_at, assignee=None, by=_SYSTEM.person, at=at,
        decision_id=decision_id,
    )  # fmt: skip
    if added is not None:
        tasks.MOVES.began(tx, added, "follow_up", who=_SYSTEM, why=_OBEYED, at=at)
        await deadlines.start(tx, kind=DUE, aggregate_id=added.id, clock_name=FOLLOW_UP, rt=rt, at=at)


async def followed_up(tx: Tx, rt: Runtime, decision_id: UUID, *, who: Caller, why: str, moot: bool = False) -> None:
    """Somebody said whether the order was obeyed, or (``moot``) the order is gone: nobody has to look any more."""
    task = await tasks.follow_up_of(tx, decision_id)
    if task is not None:
        await _finish(tx, rt, who, task, TaskAction.CANCEL if moot else TaskAction.COMPLETE, why)


async def mark_overdue(rt: Runtime, tx: Tx, task_id: UUID) -> None:
    """The date of a task has passed: it stays open, and every list shows it."""
    _, task = await tasks.hold(tx, task_id)
    if task.status is TaskStatus.OPEN and task.overdue_at is None:
        at = rt.clock.now()
        await tasks.MOVES.change(tx, task, "overdue", who=_SYSTEM, why="Its date has passed.", at=at, overdue_at=at)
