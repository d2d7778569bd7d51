"""What is to be done in cases, and until when."""

# ruff: noqa: S608 -- statements are put together from the column lists of this file, nothing else

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from uuid import UUID

import asyncpg

from enforcement.errors import UnknownCaseTask
from enforcement.lifecycle import TASK, TaskAction, TaskStatus
from enforcement.store import cases
from enforcement.store.cases import Case
from shared.runtime.acts.moves import Moves
from shared.runtime.acts.policy import Reach
from shared.runtime.db.postgres import Tx


@dataclass(frozen=True, slots=True)
class Task:
    """Something to be done in a case. ``decision_id``: it asks whether this order to correct was obeyed."""

    id: UUID
    version: int
    status: TaskStatus
    case_id: UUID
    decision_id: UUID | None
    authority_id: str
    what: str
    due_at: datetime
    assignee: str | None
    overdue_at: datetime | None
    opened_by: str
    opened_at: datetime
    changed_at: datetime

    @property
    def organisation(self) -> str:
        """Whose task it is; the policy's word for it."""
        return self.authority_id


COLUMNS: Final = """id, version, status, case_id, decision_id, authority_id, what, due_at, assignee, overdue_at,
       opened_by, opened_at, changed_at"""
WORDS: Final = {"organisation": "authority_id = ANY ({})"}
ADD: Final = f"""
INSERT INTO case_task (id, status, case_id, decision_id, authority_id, what, due_at, assignee, opened_by, opened_at,
                       changed_at)
VALUES ($1, 'open', $2, $3, $4, $5, $6, $7, $8, $9, $9)
ON CONFLICT (decision_id) WHERE decision_id IS NOT NULL DO NOTHING
RETURNING {COLUMNS}
"""
GET: Final = f"SELECT {COLUMNS} FROM case_task WHERE id = $1"
CASE_OF: Final = "SELECT case_id FROM case_task WHERE id = $1"
OPEN_IN: Final = f"SELECT {COLUMNS} FROM case_task WHERE case_id = $1 AND status = 'open' ORDER BY id"
FOLLOW_UP: Final = f"SELECT {COLUMNS} FROM case_task WHERE decision_id = $1 AND status = 'open'"
KNOWN: Final = """
SELECT EXISTS (SELECT FROM audit WHERE subject = $1 AND organisation = $2 AND outcome = 'granted')
"""
HAND_OVER: Final = "UPDATE case_task SET case_id = $2, authority_id = $3, assignee = NULL WHERE id = ANY ($1)"


def of(row: asyncpg.Record) -> Task:
    """A row of COLUMNS."""
    values: dict[str, Any] = dict(row)
    return Task(**{**values, "status": TaskStatus(values["status"])})


MOVES: Final[Moves[Task, TaskStatus, TaskAction]] = Moves(TASK, table="case_task", columns=COLUMNS, read=of)


async def add(
    tx: Tx, task_id: UUID, case: Case, *, what: str, due_at: datetime, assignee: str | None, by: str, at: datetime,
    decision_id: UUID | None = None,
) -> Task | None:  # fmt: skip
    """Put it on the list of a held case; none if the decision has its follow-up already."""
    row = await tx.fetchrow(ADD, task_id, case.id, decision_id, case.organisation, what, due_at, assignee, by, at)
    return of(row) if row else None


async def get(tx: Tx, task_id: UUID) -> Task:
    """One task. Raises UnknownCaseTask."""
    row = await tx.fetchrow(GET, task_id)
    if row is None:
        raise UnknownCaseTask(task_id=task_id)
    return of(row)


async def hold(tx: Tx, task_id: UUID) -> tuple[Case, Task]:
    """One task, its case held. Raises UnknownCaseTask."""
    while True:
        case_id = await tx.fetchval(CASE_OF, task_id)
        if case_id is None:
            raise UnknownCaseTask(task_id=task_id)
        case = await cases.hold(tx, case_id)
        task = await get(tx, task_id)
        if task.case_id == case.id:  # else the case was transferred meanwhile, and the task with it
            return case, task


async def open_in(tx: Tx, case_id: UUID) -> list[Task]:
    """What is still to be done in a case, oldest first."""
    return [of(row) for row in await tx.fetch(OPEN_IN, case_id)]


async def follow_up_of(tx: Tx, decision_id: UUID) -> Task | None:
    """What asks whether an order to correct was obeyed, as long as nobody has answered."""
    row = await tx.fetchrow(FOLLOW_UP, decision_id)
    return of(row) if row else None


async def known_officer(tx: Tx, person: str, organisation: str) -> bool:
    """Whether somebody of this name has acted, or looked, here for an authority."""
    return bool(await tx.fetchval(KNOWN, person, organisation))


async def hand_over(tx: Tx, task_ids: Collection[UUID], to: Case) -> None:
    """Tasks of a held case go on in another one; whoever had them there has them no more."""
    await tx.execute(HAND_OVER, list(task_ids), to.id, to.organisation)


async def page(
    tx: Tx, reach: Reach, *, case_id: UUID | None, status: TaskStatus | None, assignees: Collection[str],
    overdue: bool, after: UUID | None, limit: int,
) -> list[Task]:  # fmt: skip
    """Tasks within reach, newest first; ``assignees``: only theirs."""
    where, values = reach.where(WORDS, first=7)
    rows = await tx.fetch(
        f"""SELECT {COLUMNS} FROM case_task
             WHERE ($1::uuid IS NULL OR id < $1) AND ($3::uuid IS NULL OR case_id = $3)
               AND ($4::text IS NULL OR status = $4) AND (cardinality($5::text[]) = 0 OR assignee = ANY ($5))
               AND (NOT $6::boolean OR (status = 'open' AND overdue_at IS NOT NULL)) AND {where}
             ORDER BY id DESC LIMIT $2""",
        after, limit, case_id, status, list(assignees), overdue, *values,
    )  # fmt: skip
    return [of(row) for row in rows]
