"""What the company registrar is told, and what it reports."""

# ruff: noqa: S608 -- statements are put together from the column lists of this file, nothing else

from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import UUID

import asyncpg

from registry.errors import UnknownTask
from registry.lifecycle import TASK, TaskAction
from shared.contracts.http.registrar import Outcome, TaskStatus
from shared.runtime.acts.moves import Moves
from shared.runtime.acts.policy import Reach
from shared.runtime.db.postgres import Tx


@dataclass(frozen=True, slots=True)
class NewTask:
    """What is told. ``cause``: the kind and id of what it follows from; undone, the task goes with it."""

    id: UUID
    kind: str
    registration_id: UUID
    operator_id: UUID
    region: str
    site_id: UUID | None
    cause: tuple[str, UUID]
    says: str
    counters: UUID | None = None


@dataclass(frozen=True, slots=True)
class Task:
    """A task; ``organisation`` and ``region`` are the policy's words: whose company, and which registrar's."""

    id: UUID
    version: int
    status: TaskStatus
    kind: str
    registration_id: UUID
    operator_id: UUID
    region: str
    site_id: UUID | None
    cause_kind: str
    cause_id: UUID
    says: str
    counters: UUID | None
    outcome: Outcome | None
    reasons: str | None
    answered_at: datetime | None
    overdue_at: datetime | None
    opened_at: datetime
    changed_at: datetime
    number: str | None
    operator_name: str
    organisation: str


COLUMNS: Final = """id, version, status, kind, registration_id, operator_id, region, site_id, cause_kind, cause_id,
       says, counters, outcome, reasons, answered_at, overdue_at, opened_at, changed_at,
       (SELECT r.number FROM registration r WHERE r.id = registration_id) AS number,
       (SELECT o.particulars->>'name' FROM operator o WHERE o.id = operator_id) AS operator_name,
       (SELECT o.identity FROM operator o WHERE o.id = operator_id) AS organisation"""
ADD: Final = f"""
INSERT INTO registrar_task (id, status, kind, registration_id, operator_id, region, site_id, cause_kind, cause_id, says,
                            counters, opened_at, changed_at)
VALUES ($1, 'open', $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $11)
RETURNING {COLUMNS}
"""
GET: Final = f"SELECT {COLUMNS} FROM registrar_task WHERE id = $1"
STANDING: Final = f"""
SELECT {COLUMNS} FROM registrar_task
 WHERE cause_kind = $1 AND cause_id = $2 AND status <> 'withdrawn' AND counters IS NULL
   AND NOT EXISTS (SELECT FROM registrar_task c WHERE c.counters = registrar_task.id)
 ORDER BY id FOR UPDATE
"""
LICENCES_OF: Final = """
SELECT id FROM registration WHERE operator_id = $1 AND kind = 'licence' AND status IN ('active', 'lapsed') ORDER BY id
"""
WORDS: Final = {"organisation": "organisation = ANY ({})", "region": "region = ANY ({})"}
MARK_OVERDUE: Final = """
UPDATE registrar_task SET overdue_at = $2 WHERE id = $1 AND status = 'open' AND overdue_at IS NULL
"""


def of(row: asyncpg.Record) -> Task:
    """A row of COLUMNS."""
    values = dict(row)
    outcome = Outcome(values["outcome"]) if values["outcome"] else None
    return Task(**{**values, "status": TaskStatus(values["status"]), "outcome": outcome})


MOVES: Final[Moves[Task, TaskStatus, TaskAction]] = Moves(TASK, table="registrar_task", columns=COLUMNS, read=of)


async def add(tx: Tx, new: NewTask, at: datetime) -> Task:
    """Tell the registrar something."""
    row = await tx.fetchrow(
        ADD, new.id, new.kind, new.registration_id, new.operator_id, new.region, new.site_id, *new.cause, new.says,
        new.counters, at,
    )  # fmt: skip
    if row is None:
        raise TypeError("an INSERT without a condition returns its row")
    return of(row)


async def get(tx: Tx, task_id: UUID) -> Task:
    """One task. Raises UnknownTask."""
    row = await tx.fetchrow(GET, task_id)
    if row is None:
        raise UnknownTask(task_id=task_id)
    return of(row)


async def hold(tx: Tx, task_id: UUID) -> Task:
    """One task, held. Raises UnknownTask."""
    await tx.execute("SELECT FROM registrar_task WHERE id = $1 FOR UPDATE", task_id)
    return await get(tx, task_id)


async def standing(tx: Tx, cause: tuple[str, UUID]) -> list[Task]:
    """The tasks that follow from something and were neither withdrawn nor taken back, held."""
    return [of(row) for row in await tx.fetch(STANDING, *cause)]


async def licences_of(tx: Tx, operator_id: UUID) -> list[UUID]:
    """The licences of an operator that the registrar was told of."""
    return [row["id"] for row in await tx.fetch(LICENCES_OF, operator_id)]


async def page(
    tx: Tx, reach: Reach, *, status: str | None, registration_id: UUID | None, after: UUID | None, limit: int
) -> list[Task]:
    """Tasks within reach, newest first."""
    where, values = reach.where(WORDS, first=5)
    rows = await tx.fetch(
        f"""SELECT * FROM (SELECT {COLUMNS} FROM registrar_task) AS registrar_task
             WHERE ($1::uuid IS NULL OR id < $1) AND ($3::text IS NULL OR status = $3)
               AND ($4::uuid IS NULL OR registration_id = $4) AND {where}
             ORDER BY id DESC LIMIT $2""",
        after, limit, status, registration_id, *values,
    )  # fmt: skip
    return [of(row) for row in rows]


async def mark_overdue(tx: Tx, task_id: UUID, at: datetime) -> None:
    """The registrar's clock ran out; it shows until it is answered."""
    await tx.execute(MARK_OVERDUE, task_id, at)
