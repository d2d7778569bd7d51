"""Requests to the regulator: what only a decision, or its execution, can do (P3.2.2-3)."""

# ruff: noqa: S608 -- statements are put together from the column lists of this file, nothing else

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from uuid import UUID

import asyncpg

from enforcement.errors import UnknownRequest
from enforcement.lifecycle import REQUEST, RequestAction, RequestStatus
from shared.contracts.grounds import AuthorityRef, Statement
from shared.runtime.acts.moves import Moves
from shared.runtime.acts.policy import Reach
from shared.runtime.db.postgres import Tx


@dataclass(frozen=True, slots=True)
class NewRequest:
    """What an authority asks, of whom."""

    id: UUID
    case_id: UUID
    decision_id: UUID | None
    asks: str
    """An effect."""
    statement: Statement
    documents: tuple[str, ...]
    authority: AuthorityRef
    desk: AuthorityRef
    asked_by: str
    asked_at: datetime


@dataclass(frozen=True, slots=True)
class Request(NewRequest):
    """A request as stored."""

    version: int
    status: RequestStatus
    desks: tuple[str, ...]
    """Everybody who has it, or had it."""
    forwards: list[dict[str, Any]]
    """From which desk it went to which, when and why."""
    overdue_at: datetime | None
    escalated_to: str | None
    answer: Statement | None
    answered_at: datetime | None
    leads_to: UUID | None
    changed_at: datetime

    @property
    def organisation(self) -> str:
        """Who asks; the policy's word."""
        return self.authority.id

    @property
    def answering(self) -> tuple[str, ...]:
        """Who may answer; the policy's word."""
        return tuple(each for each in (self.desk.id, self.escalated_to) if each is not None)


COLUMNS: Final = """id, version, status, case_id, decision_id, asks, statement, documents, authority, desk, desks,
       forwards, asked_by, asked_at, overdue_at, escalated_to, answer, answered_at, leads_to, changed_at"""
WORDS: Final = {"organisation": "authority_id = ANY ({})", "desks": "desks && {}"}
ADD: Final = f"""
INSERT INTO regulator_request (id, status, case_id, decision_id, asks, statement, documents, authority, authority_id,
                               desk, desk_id, desks, asked_by, asked_at, changed_at)
VALUES ($1, 'open', $2, $3, $4, $5, $6, $7, $8, $9, $10, ARRAY[$10], $11, $12, $12)
ON CONFLICT (case_id) WHERE status = 'open' DO NOTHING
RETURNING {COLUMNS}
"""
GET: Final = f"SELECT {COLUMNS} FROM regulator_request WHERE id = $1"
OPEN_OF: Final = "SELECT id FROM regulator_request WHERE case_id = $1 AND status = 'open'"
RESTS_ON: Final = "SELECT decision_id FROM regulator_request WHERE leads_to = ANY ($1) AND decision_id IS NOT NULL"
ASKED_FOR: Final = "SELECT authority FROM regulator_request WHERE leads_to = ANY ($1) ORDER BY id"
OPEN: Final = f"SELECT {COLUMNS} FROM regulator_request WHERE case_id = $1 AND status = 'open'"
LED_TO: Final = "SELECT leads_to FROM regulator_request WHERE decision_id = $1 AND leads_to IS NOT NULL ORDER BY id"


def of(row: asyncpg.Record) -> Request:
    """A row of COLUMNS."""
    values: dict[str, Any] = dict(row)
    return Request(**{
        **values, "status": RequestStatus(values["status"]),
        "statement": Statement.model_validate(values["statement"]),
        "documents": tuple(values["documents"]), "desks": tuple(values["desks"]),
        "authority": AuthorityRef.model_validate(values["authority"]),
        "desk": AuthorityRef.model_validate(values["desk"]),
        "answer": values["answer"] and Statement.model_validate(values["answer"]),
    })  # fmt: skip


MOVES: Final[Moves[Request, RequestStatus, RequestAction]] = Moves(
    REQUEST, table="regulator_request", columns=COLUMNS, read=of
)


async def add(tx: Tx, new: NewRequest) -> Request | None:
    """Ask; none if the case has an open request already."""
    row = await tx.fetchrow(
        ADD, new.id, new.case_id, new.decision_id, new.asks, new.statement.model_dump(mode="json"), list(new.documents),
        new.authority.model_dump(), new.authority.id, new.desk.model_dump(), new.desk.id, new.asked_by, new.asked_at,
    )  # fmt: skip
    return of(row) if row else None


async def get(tx: Tx, request_id: UUID) -> Request:
    """One request; whoever changes it holds its case. Raises UnknownRequest."""
    row = await tx.fetchrow(GET, request_id)
    if row is None:
        raise UnknownRequest(request_id=request_id)
    return of(row)


async def open_of(tx: Tx, case_id: UUID) -> UUID | None:
    """The open request of a case."""
    found: UUID | None = await tx.fetchval(OPEN_OF, case_id)
    return found


async def page(tx: Tx, reach: Reach, *, status: RequestStatus | None, after: UUID | None, limit: int) -> list[Request]:
    """Requests within reach, newest first."""
    where, values = reach.where(WORDS, first=4)
    rows = await tx.fetch(
        f"""SELECT {COLUMNS} FROM regulator_request
             WHERE ($1::uuid IS NULL OR id < $1) AND ($3::text IS NULL OR status = $3) AND {where}
             ORDER BY id DESC LIMIT $2""",
        after, limit, status, *values,
    )  # fmt: skip
    return [of(row) for row in rows]


async def rests_on(tx: Tx, case_ids: Collection[UUID]) -> list[UUID]:
    """The ignored orders of other cases because of which these were asked for."""
    return [row["decision_id"] for row in await tx.fetch(RESTS_ON, list(case_ids))]


async def asked_for(tx: Tx, case_ids: Collection[UUID]) -> list[AuthorityRef]:
    """The authorities that asked the regulator for these cases."""
    return [AuthorityRef.model_validate(row["authority"]) for row in await tx.fetch(ASKED_FOR, list(case_ids))]


async def open_in(tx: Tx, case_id: UUID) -> Request | None:
    """The open request of a held case."""
    row = await tx.fetchrow(OPEN, case_id)
    return of(row) if row else None


async def led_to(tx: Tx, decision_id: UUID) -> list[UUID]:
    """The regulators' cases that rest on this decision."""
    return [row["leads_to"] for row in await tx.fetch(LED_TO, decision_id)]
