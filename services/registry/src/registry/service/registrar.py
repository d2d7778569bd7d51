"""The company registrar is told of what becomes of companies' licences, and reports (P3.1.7, P3.2.4, P3.3.7).

A task tells and asks; it decides nothing. It follows from something that was decided or ended, and when that is undone
it goes with it: an open one is withdrawn, an answered one is followed by another that asks to take it back.
"""

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Final
from uuid import UUID

from registry.lifecycle import TaskAction
from registry.policy import POLICY, Act
from registry.service import looks
from registry.service.desk import SYSTEM
from registry.store import operators, tasks
from registry.store.operators import Operator
from registry.store.registrations import Owned
from registry.store.tasks import NewTask, Task
from shared.contracts.grounds import ActRef, Names, Service, Statement
from shared.contracts.http.registrar import Report, TaskStatus
from shared.contracts.http.registry import ClockView, OperatorKind, RegistrationKind
from shared.contracts.quoting import quoting
from shared.runtime.acts import deadlines, notices
from shared.runtime.acts.runtime import Runtime
from shared.runtime.base.context import Caller
from shared.runtime.base.ids import uuid7
from shared.runtime.db.postgres import Tx

REPORT: Final = "registrar_report"
"""Kind of the deadline by which the registrar reports."""
SAYS: Final[Mapping[str, str]] = MappingProxyType({
    "granted": "A licence was granted to this company.",
    "changed": "What is known of this company, which holds a licence, was changed on its own proposal.",
    "item_struck": "By a decision, a service item that needs consent was struck from a site of this company.",
    "revoked": "By a decision, a site under this company's licence was taken off the register.",
    "lapsed": "The last day of this company's licence is over. This is no sanction.",
    "ended": "The last site under this company's licence was given up.",
})  # fmt: skip
_TAKE_BACK: Final = "What this was about was undone: whatever was done upon it is to be taken back."
_REPORTED: Final = Names(zh="企业登记主管部门办理结果告知书", en="The company registrar reported")


async def tell(
    tx: Tx, rt: Runtime, owned: Owned, kind: str, cause: tuple[str, UUID], *, site_id: UUID | None = None
) -> None:
    """Something became of a company's registration: its registrar is told, and its clock starts.

    It hears of licences; of a struck item also where it stood under a filing, since consents are for both (P3.2.4).
    """
    registration, operator = owned.registration, owned.operator
    heard_of = registration.kind == RegistrationKind.LICENCE or kind == "item_struck"
    if operator.kind == OperatorKind.COMPANY and heard_of:
        await _open(tx, rt, NewTask(
            uuid7(), kind, registration.id, operator.id, operator.region, site_id, cause, SAYS[kind]
        ))  # fmt: skip


async def tell_changed(tx: Tx, rt: Runtime, operator: Operator, cause: tuple[str, UUID]) -> None:
    """A company's particulars were changed: its registrar is told for each licence that it has."""
    if operator.kind == OperatorKind.COMPANY:
        for registration_id in await tasks.licences_of(tx, operator.id):
            await _open(tx, rt, NewTask(
                uuid7(), "changed", registration_id, operator.id, operator.region, None, cause, SAYS["changed"]
            ))  # fmt: skip


async def take_back(tx: Tx, rt: Runtime, cause: tuple[str, UUID], why: str) -> None:
    """What tasks follow from was undone: an open one is withdrawn, an answered one is to be taken back."""
    at = rt.clock.now()
    for task in await tasks.standing(tx, cause):
        if task.status is TaskStatus.OPEN:
            await tasks.MOVES.move(tx, task, TaskAction.WITHDRAW, who=SYSTEM, why=why, at=at)
            await deadlines.met(tx, REPORT, task.id, at)
        else:
            await _open(tx, rt, NewTask(
                uuid7(), "take_back", task.registration_id, task.operator_id, task.region, task.site_id, cause,
                _TAKE_BACK, task.id,
            ))  # fmt: skip


async def _open(tx: Tx, rt: Runtime, new: NewTask) -> None:
    at = rt.clock.now()
    task = await tasks.add(tx, new, at)
    tasks.MOVES.began(tx, task, "open", who=SYSTEM, why=new.says, at=at)
    clock = rt.rules.registrations.registrar
    await deadlines.start(tx, kind=REPORT, aggregate_id=task.id, clock_name=clock, rt=rt, at=at)


async def get(tx: Tx, rt: Runtime, who: Caller, task_id: UUID) -> Task:
    """One task. An official's look leaves an audit row. Raises UnknownTask (404), Forbidden (403)."""
    task = await tasks.get(tx, task_id)
    POLICY.require(who, Act.READ_TASK, task)
    await looks.at_one(tx, rt, who, Act.READ_TASK, f"/registrar-tasks/{task_id}", task.organisation)
    return task


async def page(
    tx: Tx, rt: Runtime, who: Caller, *, status: str | None, registration_id: UUID | None, after: UUID | None,
    limit: int,
) -> list[Task]:  # fmt: skip
    """Tasks the caller reaches, newest first. An official's look leaves an audit row."""
    reach = POLICY.reach(who, Act.READ_TASK)
    found = await tasks.page(tx, reach, status=status, registration_id=registration_id, after=after, limit=limit)
    owners = {each.id: each.organisation for each in found}
    await looks.at_list(tx, rt, who, Act.READ_TASK, "/registrar-tasks", owners)
    return found


async def clocks(tx: Tx, found: Sequence[Task]) -> dict[UUID, ClockView]:
    """Until when the registrar must report."""
    return await deadlines.clocks_of(tx, REPORT, {each.id: each.overdue_at for each in found})


async def answer(tx: Tx, rt: Runtime, who: Caller, task_id: UUID, body: Report) -> Task:
    """The registrar reports what it did; the operator is told.

    Raises UnknownTask (404), Forbidden (403), ActionRefused (409).
    """
    task, at = await tasks.hold(tx, task_id), rt.clock.now()
    POLICY.require(who, Act.ANSWER_TASK, task)
    answered = await tasks.MOVES.move(
        tx, task, TaskAction.ANSWER, who=who, why=body.reasons, at=at, outcome=body.outcome, reasons=body.reasons,
        answered_by=who.person, answered_at=at,
    )  # fmt: skip
    await deadlines.met(tx, REPORT, task_id, at)
    operator = await operators.get(tx, task.operator_id)
    said = quoting(f"{body.outcome}: ", body.reasons)
    source = rt.rules.clocks[rt.rules.registrations.registrar].source
    await notices.issue(
        tx, rt, about=ActRef(service=Service.REGISTRY, kind="registrar_task", id=task_id), kind="registrar_report",
        to=operator.ref, address=operator.address, title=_REPORTED,
        says=Statement(legal_basis=(source,), reasons=said, public_reasons=said),
        authority=rt.directory.authority_ref(who.organisation),
    )  # fmt: skip
    return answered


async def mark_overdue(rt: Runtime, tx: Tx, task_id: UUID) -> None:
    """The registrar's clock ran out; the task shows it until it is answered."""
    await tasks.mark_overdue(tx, task_id, rt.clock.now())
