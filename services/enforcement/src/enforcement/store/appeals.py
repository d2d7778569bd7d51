"""Appeals against decisions."""

# ruff: noqa: S608 -- statements are put together from the column lists of this file, nothing else

from collections.abc import Collection
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final
from uuid import UUID

import asyncpg

from enforcement.lifecycle import AppealStatus
from shared.runtime.db.at_commit import later
from shared.runtime.db.postgres import Tx


@dataclass(frozen=True, slots=True)
class NewAppeal:
    """What an operator brings against a decision; ``on_behalf``: somebody entered it for the operator."""

    id: UUID
    decision_id: UUID
    case_id: UUID
    grounds: str
    appellant: str
    filed_by: str
    on_behalf: bool
    filed_at: datetime


@dataclass(frozen=True, slots=True)
class Appeal(NewAppeal):
    """An appeal as stored."""

    version: int
    status: AppealStatus
    due_at: datetime
    overdue_at: datetime | None
    decided_by: str | None
    decided_at: datetime | None
    legal_basis: tuple[str, ...] | None
    reasons: str | None
    changed_at: datetime


_OWN: Final = """id, decision_id, case_id, grounds, appellant, filed_by, on_behalf, filed_at, version, status,
       overdue_at, decided_by, decided_at, legal_basis, reasons, changed_at"""
# When it is due, the deadline's row alone knows.
_APPEAL: Final = f"{_OWN}, (SELECT max(due_at) FROM deadline WHERE aggregate_id = appeal.id) AS due_at"

ADD = f"""
INSERT INTO appeal ({_OWN})
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, 1, 'open', NULL, NULL, NULL, NULL, NULL, $8)
ON CONFLICT (decision_id) WHERE status = 'open' DO NOTHING
RETURNING {_APPEAL}
"""
OPEN = "SELECT id FROM appeal WHERE decision_id = $1 AND status = 'open'"
GET = f"SELECT {_APPEAL} FROM appeal WHERE id = $1"
OF_DECISIONS = f"SELECT {_APPEAL} FROM appeal WHERE decision_id = ANY ($1) ORDER BY id"
CASE_OF = "SELECT case_id FROM appeal WHERE id = $1"
DECIDE = """
UPDATE appeal
   SET status = $3, version = version + 1, changed_at = $4, decided_at = $4, decided_by = $5,
       legal_basis = $6, reasons = $7
 WHERE id = $1 AND status = $2
"""
MARK_OVERDUE = f"""
UPDATE appeal SET overdue_at = $2, version = version + 1, changed_at = $2
 WHERE id = $1 AND status = 'open' AND overdue_at IS NULL
RETURNING {_APPEAL}
"""


async def add(tx: Tx, new: NewAppeal) -> Appeal | None:
    """File an appeal whose clock was started, or None if the decision is under appeal already."""
    row = await tx.fetchrow(
        ADD,
        new.id,
        new.decision_id,
        new.case_id,
        new.grounds,
        new.appellant,
        new.filed_by,
        new.on_behalf,
        new.filed_at,
    )
    return _appeal(row) if row else None


async def open_of(tx: Tx, decision_id: UUID) -> UUID | None:
    """Id of the open appeal against a decision."""
    found: UUID | None = await tx.fetchval(OPEN, decision_id)
    return found


async def get(tx: Tx, appeal_id: UUID) -> Appeal | None:
    """Read an appeal. It stands still as long as the caller holds its case."""
    row = await tx.fetchrow(GET, appeal_id)
    return _appeal(row) if row else None


async def of_decisions(tx: Tx, decision_ids: Collection[UUID]) -> list[Appeal]:
    """The appeals against these decisions, oldest first."""
    return [_appeal(row) for row in await tx.fetch(OF_DECISIONS, list(decision_ids))]


async def case_of(tx: Tx, appeal_id: UUID) -> UUID | None:
    """Which case an appeal belongs to."""
    found: UUID | None = await tx.fetchval(CASE_OF, appeal_id)
    return found


def decide(
    tx: Tx, appeal: Appeal, to: AppealStatus, *, by: str, at: datetime, legal_basis: Collection[str], reasons: str
) -> Appeal:
    """Close an appeal whose case is locked, at the end of the transaction."""
    later(tx, DECIDE, appeal.id, appeal.status, to, at, by, legal_basis, reasons)
    return replace(
        appeal,
        status=to,
        version=appeal.version + 1,
        changed_at=at,
        decided_at=at,
        decided_by=by,
        legal_basis=tuple(legal_basis),
        reasons=reasons,
    )


async def mark_overdue(tx: Tx, appeal_id: UUID, at: datetime) -> Appeal | None:
    """Note that the clock of an open appeal ran out; None if it is decided or was noted before."""
    row = await tx.fetchrow(MARK_OVERDUE, appeal_id, at)
    return _appeal(row) if row else None


def _appeal(row: asyncpg.Record) -> Appeal:
    basis = None if row["legal_basis"] is None else tuple(row["legal_basis"])
    return Appeal(**{**dict(row), "legal_basis": basis, "status": AppealStatus(row["status"])})
