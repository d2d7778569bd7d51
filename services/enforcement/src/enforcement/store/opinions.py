"""What other authorities hold of cases, and how the coordination office settled where they differ."""

# ruff: noqa: S608 -- statements are put together from the column lists of this file, nothing else

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from uuid import UUID

import asyncpg

from enforcement.errors import UnknownOpinion
from enforcement.lifecycle import OPINION, OpinionAction, OpinionStatus
from enforcement.store import cases
from enforcement.store.cases import Case
from shared.contracts.grounds import AuthorityRef, Statement
from shared.runtime.acts.moves import Moves
from shared.runtime.acts.policy import Reach
from shared.runtime.db.postgres import Tx


@dataclass(frozen=True, slots=True)
class NewOpinion:
    """An authority asks another one."""

    id: UUID
    case_id: UUID
    authority: AuthorityRef
    asked: AuthorityRef
    office_id: str
    """The coordination office that settles what differs."""
    question: str
    we_hold: str
    """What the authority that asks holds itself."""
    answer_by: datetime
    asked_by: str
    asked_at: datetime


@dataclass(frozen=True, slots=True)
class Opinion(NewOpinion):
    """As stored."""

    version: int
    status: OpinionStatus
    overdue_at: datetime | None
    position: str | None
    statement: Statement | None
    conflicts: bool
    """Whether it, or what whoever asked holds, differs from another one about the case."""
    answered_by: str | None
    answered_at: datetime | None
    changed_at: datetime

    @property
    def organisation(self) -> str:
        """Who asked; the policy's word for it."""
        return self.authority.id

    @property
    def asked_id(self) -> str:
        """Who was asked; the policy's word for it."""
        return self.asked.id

    @property
    def settled_by_office(self) -> str | None:
        """Which coordination office reads it: none as long as nothing differs."""
        return self.office_id if self.conflicts else None


@dataclass(frozen=True, slots=True)
class Settlement:
    """Advice in writing, where opinions differ."""

    id: UUID
    case_id: UUID
    office: AuthorityRef
    position: str
    statement: Statement
    settled_by: str
    settled_at: datetime


COLUMNS: Final = """id, case_id, authority, asked, office_id, question, we_hold, answer_by, asked_by, asked_at, version,
       status, overdue_at, position, statement, conflicts, answered_by, answered_at, changed_at"""
WORDS: Final = {
    "organisation": "authority_id = ANY ({})",
    "asked_id": "asked_id = ANY ({})",
    "settled_by_office": "conflicts AND office_id = ANY ({})",
}
ADD: Final = f"""
INSERT INTO case_opinion (id, status, case_id, authority_id, authority, asked_id, asked, office_id, question, we_hold,
                          answer_by, asked_by, asked_at, changed_at)
VALUES ($1, 'asked', $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $12)
ON CONFLICT DO NOTHING RETURNING {COLUMNS}
"""
GET: Final = f"SELECT {COLUMNS} FROM case_opinion WHERE id = $1"
CASE_OF: Final = "SELECT case_id FROM case_opinion WHERE id = $1"
OF_CASE: Final = f"SELECT {COLUMNS} FROM case_opinion WHERE case_id = $1 ORDER BY id"
CONFLICT: Final = "UPDATE case_opinion SET conflicts = true WHERE case_id = $1 AND status = 'answered'"
SETTLE: Final = """
INSERT INTO case_settlement (id, case_id, office, position, statement, settled_by, settled_at)
VALUES ($1, $2, $3, $4, $5, $6, $7)
"""
SETTLEMENTS: Final = """
SELECT id, case_id, office, position, statement, settled_by, settled_at FROM case_settlement WHERE case_id = $1
 ORDER BY id
"""


def of(row: asyncpg.Record) -> Opinion:
    """A row of COLUMNS."""
    values: dict[str, Any] = dict(row)
    return Opinion(**{
        **values, "status": OpinionStatus(values["status"]), "asked": AuthorityRef.model_validate(values["asked"]),
        "authority": AuthorityRef.model_validate(values["authority"]),
        "statement": values["statement"] and Statement.model_validate(values["statement"]),
    })  # fmt: skip


MOVES: Final[Moves[Opinion, OpinionStatus, OpinionAction]] = Moves(
    OPINION, table="case_opinion", columns=COLUMNS, read=of
)


async def add(tx: Tx, new: NewOpinion) -> Opinion | None:
    """Ask; none if that authority was asked about the case and has not answered."""
    row = await tx.fetchrow(
        ADD, new.id, new.case_id, new.authority.id, new.authority.model_dump(), new.asked.id, new.asked.model_dump(),
        new.office_id, new.question, new.we_hold, new.answer_by, new.asked_by, new.asked_at,
    )  # fmt: skip
    return of(row) if row else None


async def get(tx: Tx, opinion_id: UUID) -> Opinion:
    """One opinion. Raises UnknownOpinion."""
    row = await tx.fetchrow(GET, opinion_id)
    if row is None:
        raise UnknownOpinion(opinion_id=opinion_id)
    return of(row)


async def hold(tx: Tx, opinion_id: UUID) -> tuple[Case, Opinion]:
    """One opinion, its case held. Raises UnknownOpinion."""
    case_id = await tx.fetchval(CASE_OF, opinion_id)
    if case_id is None:
        raise UnknownOpinion(opinion_id=opinion_id)
    case = await cases.hold(tx, case_id)
    return case, await get(tx, opinion_id)


async def of_case(tx: Tx, case_id: UUID) -> list[Opinion]:
    """Everything that others were asked about a case, oldest first."""
    return [of(row) for row in await tx.fetch(OF_CASE, case_id)]


async def mark_conflict(tx: Tx, case_id: UUID) -> None:
    """What was answered about a held case differs: its coordination office reads it from now on."""
    await tx.execute(CONFLICT, case_id)


async def settle(tx: Tx, new: Settlement) -> None:
    """Keep the advice."""
    await tx.execute(
        SETTLE, new.id, new.case_id, new.office.model_dump(), new.position, new.statement.model_dump(mode="json"),
        new.settled_by, new.settled_at,
    )  # fmt: skip


async def settlements(tx: Tx, case_id: UUID) -> list[Settlement]:
    """How it was settled, each time that opinions differed; oldest first."""
    return [
        Settlement(**{
            **dict(row), "office": AuthorityRef.model_validate(row["office"]),
            "statement": Statement.model_validate(row["statement"]),
        })
        for row in await tx.fetch(SETTLEMENTS, case_id)
    ]  # fmt: skip


async def page(
    tx: Tx, reach: Reach, *, status: OpinionStatus | None, conflicting: bool, after: UUID | None, limit: int
) -> list[Opinion]:
    """Opinions within reach, newest first."""
    where, values = reach.where(WORDS, first=5)
    rows = await tx.fetch(
        f"""SELECT {COLUMNS} FROM case_opinion
             WHERE ($1::uuid IS NULL OR id < $1) AND ($3::text IS NULL OR status = $3)
               AND (NOT $4::boolean OR conflicts) AND {where}
             ORDER BY id DESC LIMIT $2""",
        after, limit, status, conflicting, *values,
    )  # fmt: skip
    return [of(row) for row in rows]
