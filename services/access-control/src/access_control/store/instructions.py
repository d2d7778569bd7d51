"""Instructions to the supervisors of public-interest networks."""

# ruff: noqa: S608 -- statements are put together from the column lists of this file, nothing else

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from uuid import UUID

import asyncpg

from access_control.errors import UnknownInstruction
from access_control.lifecycle import INSTRUCTION
from access_control.store.orders import Answer
from shared.contracts.grounds import AuthorityRef
from shared.contracts.http.access import InstructionAction, InstructionStatus
from shared.runtime.acts.moves import Moves
from shared.runtime.acts.policy import Reach
from shared.runtime.db.postgres import Tx
from shared.runtime.web.paging import PageQuery


@dataclass(frozen=True, slots=True)
class Instruction:
    """An instruction as it stands, with its signed bytes."""

    id: UUID
    version: int
    status: InstructionStatus
    order_id: UUID
    provider_id: UUID
    execution_id: UUID
    decision_id: UUID
    regulator: AuthorityRef
    regulator_id: str
    supervisor: AuthorityRef
    supervisor_id: str
    jws: bytes
    issue_by: datetime
    overdue: bool
    acknowledged_by: str | None
    acknowledged_at: datetime | None
    issued_by: str | None
    objection: str | None
    answer: Answer | None
    received_at: datetime
    changed_at: datetime


COLUMNS: Final = """id, version, status, order_id, provider_id, execution_id, decision_id, regulator, regulator_id,
       supervisor, supervisor_id, jws, issue_by, overdue, acknowledged_by, acknowledged_at, issued_by, objection,
       answer, received_at, changed_at"""
ADD: Final = f"""
INSERT INTO instruction (id, status, order_id, provider_id, execution_id, decision_id, regulator, regulator_id,
                         supervisor, supervisor_id, jws, issue_by, received_at, changed_at)
VALUES ($1, 'received', $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $12)
RETURNING {COLUMNS}
"""
GET: Final = f"SELECT {COLUMNS} FROM instruction WHERE id = $1"
HOLD: Final = f"{GET} FOR NO KEY UPDATE"
OF_ORDER: Final = f"SELECT {COLUMNS} FROM instruction WHERE order_id = $1 FOR NO KEY UPDATE"
WORDS: Final = {"regulator_id": "regulator_id = ANY ({})", "supervisor_id": "supervisor_id = ANY ({})"}


def of(row: asyncpg.Record) -> Instruction:
    """A row of COLUMNS."""
    values: dict[str, Any] = dict(row)
    return Instruction(**{
        **values, "status": InstructionStatus(values["status"]),
        "regulator": AuthorityRef.model_validate(values["regulator"]),
        "supervisor": AuthorityRef.model_validate(values["supervisor"]),
        "answer": values["answer"] and Answer.model_validate(values["answer"]),
    })  # fmt: skip


MOVES: Final[Moves[Instruction, InstructionStatus, InstructionAction]] = Moves(
    INSTRUCTION, table="instruction", columns=COLUMNS, read=of
)


@dataclass(frozen=True, slots=True)
class New:
    """An instruction to be written."""

    id: UUID
    order_id: UUID
    provider_id: UUID
    execution_id: UUID
    decision_id: UUID
    regulator: AuthorityRef
    supervisor: AuthorityRef
    jws: bytes
    issue_by: datetime


async def add(tx: Tx, new: New, at: datetime) -> Instruction:
    """Put an instruction on the supervisor's desk."""
    row = await tx.fetchrow(
        ADD, new.id, new.order_id, new.provider_id, new.execution_id, new.decision_id,
        new.regulator.model_dump(mode="json"), new.regulator.id, new.supervisor.model_dump(mode="json"),
        new.supervisor.id, new.jws, new.issue_by, at,
    )  # fmt: skip
    assert row is not None
    return of(row)


async def get(tx: Tx, instruction_id: UUID) -> Instruction:
    """One instruction. Raises UnknownInstruction."""
    row = await tx.fetchrow(GET, instruction_id)
    if row is None:
        raise UnknownInstruction(instruction_id=instruction_id)
    return of(row)


async def hold(tx: Tx, instruction_id: UUID) -> Instruction:
    """One instruction, held; its execution and its order are held before. Raises UnknownInstruction."""
    row = await tx.fetchrow(HOLD, instruction_id)
    if row is None:
        raise UnknownInstruction(instruction_id=instruction_id)
    return of(row)


async def hold_of_order(tx: Tx, order_id: UUID) -> Instruction:
    """The instruction by which an order is to be issued, held."""
    row = await tx.fetchrow(OF_ORDER, order_id)
    if row is None:
        raise UnknownInstruction(instruction_id=f"for order {order_id}")
    return of(row)


async def page(tx: Tx, reach: Reach, query: PageQuery, *, status: InstructionStatus | None) -> list[Instruction]:
    """Instructions within reach, newest first."""
    where, values = reach.where(WORDS, first=4)
    rows = await tx.fetch(
        f"""SELECT {COLUMNS} FROM instruction
             WHERE ($1::uuid IS NULL OR id < $1) AND ($3::text IS NULL OR status = $3) AND {where}
             ORDER BY id DESC LIMIT $2""",
        query.after, query.fetch, status, *values,
    )  # fmt: skip
    return [of(row) for row in rows]
