"""Warnings: letters under the industry code, kept with what was answered."""

# ruff: noqa: S608 -- statements are put together from the column lists of this file, nothing else

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from uuid import UUID

import asyncpg

from enforcement.errors import UnknownWarning
from enforcement.lifecycle import WARNING, WarningAction, WarningStatus
from shared.contracts.grounds import AuthorityRef, Party, Statement
from shared.runtime.acts.moves import Moves
from shared.runtime.acts.policy import Reach
from shared.runtime.db.postgres import Tx


@dataclass(frozen=True, slots=True)
class Warned:
    """A warning as stored."""

    id: UUID
    version: int
    status: WarningStatus
    matter_id: UUID
    host: str
    to: Party
    authority: AuthorityRef
    statement: Statement
    answer_by: datetime | None
    sent_at: datetime
    answer: str | None
    answered_at: datetime | None
    changed_at: datetime

    @property
    def identity(self) -> str:
        """Whom it is about; the policy's word."""
        return self.to.identity

    @property
    def organisation(self) -> str:
        """Whose letter it is; the policy's word."""
        return self.authority.id


COLUMNS: Final = """id, version, status, matter_id, host, party, authority, statement, answer_by, sent_at, answer,
       answered_at, changed_at"""
WORDS: Final = {"identity": "identity = ANY ({})", "organisation": "authority_id = ANY ({})"}
ADD: Final = f"""
INSERT INTO warning (id, status, matter_id, host, identity, party, authority, authority_id, statement, answer_by,
                     sent_by, sent_at, changed_at)
VALUES ($1, 'sent', $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $11)
RETURNING {COLUMNS}
"""
GET: Final = f"SELECT {COLUMNS} FROM warning WHERE id = $1"
HOLD: Final = f"{GET} FOR NO KEY UPDATE"


def of(row: asyncpg.Record) -> Warned:
    """A row of COLUMNS."""
    values: dict[str, Any] = dict(row)
    party = Party.model_validate(values.pop("party"))
    return Warned(**{
        **values, "status": WarningStatus(values["status"]), "to": party,
        "authority": AuthorityRef.model_validate(values["authority"]),
        "statement": Statement.model_validate(values["statement"]),
    })  # fmt: skip


MOVES: Final[Moves[Warned, WarningStatus, WarningAction]] = Moves(WARNING, table="warning", columns=COLUMNS, read=of)


async def add(
    tx: Tx, warning_id: UUID, matter_id: UUID, *, host: str, to: Party, authority: AuthorityRef, statement: Statement,
    answer_by: datetime | None, by: str, at: datetime,
) -> Warned:  # fmt: skip
    """Keep a letter."""
    row = await tx.fetchrow(
        ADD, warning_id, matter_id, host, to.identity, to.model_dump(mode="json"), authority.model_dump(mode="json"),
        authority.id, statement.model_dump(mode="json"), answer_by, by, at,
    )  # fmt: skip
    return _one(row, warning_id)


async def get(tx: Tx, warning_id: UUID) -> Warned:
    """One letter. Raises UnknownWarning."""
    return _one(await tx.fetchrow(GET, warning_id), warning_id)


async def hold(tx: Tx, warning_id: UUID) -> Warned:
    """One letter, held. Raises UnknownWarning."""
    return _one(await tx.fetchrow(HOLD, warning_id), warning_id)


def _one(row: asyncpg.Record | None, warning_id: UUID) -> Warned:
    if row is None:
        raise UnknownWarning(warning_id=warning_id)
    return of(row)


async def page(tx: Tx, reach: Reach, *, status: WarningStatus | None, after: UUID | None, limit: int) -> list[Warned]:
    """Letters within reach, newest first."""
    where, values = reach.where(WORDS, first=4)
    rows = await tx.fetch(
        f"""SELECT {COLUMNS} FROM warning
             WHERE ($1::uuid IS NULL OR id < $1) AND ($3::text IS NULL OR status = $3) AND {where}
             ORDER BY id DESC LIMIT $2""",
        after, limit, status, *values,
    )  # fmt: skip
    return [of(row) for row in rows]
