"""All SQL of approval, and the rows it reads and writes."""

# ruff: noqa: S608 -- statements are put together from the column lists of this file, nothing else

from collections.abc import Collection
from dataclasses import asdict, dataclass, replace
from datetime import date, datetime
from typing import Any, Final
from uuid import UUID

import asyncpg

from approval.lifecycle import Status
from shared.contracts.base import Redress
from shared.runtime.db.at_commit import later
from shared.runtime.db.postgres import Tx


@dataclass(frozen=True, slots=True)
class NewApplication:
    """What an operator asks; ``domain`` is in A-label form, ``domain_as_given`` as the operator wrote it."""

    id: UUID
    operator_uscc: str
    operator_name: str
    service_item: str
    domain: str
    domain_as_given: str
    scope_of_service: str
    region: str
    level: str
    submitted_by: str
    submitted_at: datetime

    @property
    def organisation(self) -> str:
        """Whose application it is; the policy's word for it."""
        return self.operator_uscc

    @property
    def category(self) -> str:
        """Whose desk it is on; the policy's word for it."""
        return self.service_item


@dataclass(frozen=True, slots=True)
class Application(NewApplication):
    """An application as stored. ``authority`` is set by a decision, the last three by a grant."""

    version: int
    status: Status
    due_at: datetime
    overdue_at: datetime | None
    changed_at: datetime
    authority: str | None
    number: str | None
    scope: str | None
    valid_until: date | None


@dataclass(frozen=True, slots=True)
class Decision:
    """What an authority decided, and why."""

    id: UUID
    application_id: UUID
    action: str
    authority: str
    decided_by: str
    decided_at: datetime
    legal_basis: tuple[str, ...]
    reasons: str
    redress: Redress | None
    evidence_hash: str | None


@dataclass(frozen=True, slots=True)
class Approval:
    """What a grant adds to an application."""

    number: str
    scope: str
    valid_until: date


_OWN: Final = """id, version, status, operator_uscc, operator_name, service_item, domain, domain_as_given,
       scope_of_service, region, level, submitted_by, submitted_at, overdue_at, changed_at,
       authority, number, scope, valid_until"""
# When it is due, the deadline's row alone knows: a new calendar moves it.
_APPLICATION: Final = f"""{_OWN},
       (SELECT max(due_at) FROM deadline WHERE aggregate_id = application.id) AS due_at"""
_DECISION: Final = """id, application_id, action, authority, decided_by, decided_at,
       legal_basis, reasons, redress, evidence_hash"""

ADD = f"""
INSERT INTO application ({_OWN})
VALUES ($1, 1, 'submitted', $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, NULL, $11, NULL, NULL, NULL, NULL)
ON CONFLICT (operator_uscc, service_item, domain) WHERE status = 'submitted' DO NOTHING
RETURNING {_APPLICATION}
"""
PENDING = """
SELECT id FROM application
 WHERE operator_uscc = $1 AND service_item = $2 AND domain = $3 AND status = 'submitted'
"""
GET = f"SELECT {_APPLICATION} FROM application WHERE id = $1"
LOCK = f"SELECT {_APPLICATION} FROM application WHERE id = $1 FOR UPDATE"
LIST = f"""
SELECT {_APPLICATION} FROM application
 WHERE ($1::text IS NULL OR status = $1)
   AND ($2::text IS NULL OR operator_uscc = $2)
   AND ($3::text[] IS NULL OR service_item = ANY ($3))
   AND ($4::text IS NULL OR region = $4)
   AND ($5::text IS NULL OR level = $5)
   AND ($6::uuid IS NULL OR id < $6)
 ORDER BY id DESC LIMIT $7
"""
MOVE = """
UPDATE application
   SET status = $3, version = version + 1, changed_at = $4, authority = $5, number = $6, scope = $7, valid_until = $8
 WHERE id = $1 AND status = $2
"""
MARK_OVERDUE = f"""
UPDATE application SET overdue_at = $2, version = version + 1, changed_at = $2
 WHERE id = $1 AND status = 'submitted' AND overdue_at IS NULL
RETURNING {_APPLICATION}
"""
NEXT_SERIAL = """
INSERT INTO approval_counter AS counter (authority, year, last) VALUES ($1, $2, 1)
ON CONFLICT (authority, year) DO UPDATE SET last = counter.last + 1
RETURNING last
"""
ADD_DECISION = f"INSERT INTO decision ({_DECISION}) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)"
DECISIONS = f"SELECT {_DECISION} FROM decision WHERE application_id = ANY ($1) ORDER BY id"


@dataclass(frozen=True, slots=True)
class Desk:
    """Which applications a person sees; None: no limit of that kind."""

    operator_uscc: str | None = None
    service_items: Collection[str] | None = None
    region: str | None = None
    level: str | None = None


async def add(tx: Tx, new: NewApplication) -> Application | None:
    """File an application whose clock was started, or None if the same question is already open."""
    row = await tx.fetchrow(
        ADD,
        new.id,
        new.operator_uscc,
        new.operator_name,
        new.service_item,
        new.domain,
        new.domain_as_given,
        new.scope_of_service,
        new.region,
        new.level,
        new.submitted_by,
        new.submitted_at,
    )
    return _application(row) if row else None


async def pending(tx: Tx, new: NewApplication) -> UUID | None:
    """Id of the open application that asks the same."""
    found: UUID | None = await tx.fetchval(PENDING, new.operator_uscc, new.service_item, new.domain)
    return found


async def get(tx: Tx, application_id: UUID) -> Application | None:
    """Read an application."""
    row = await tx.fetchrow(GET, application_id)
    return _application(row) if row else None


async def lock(tx: Tx, application_id: UUID) -> Application | None:
    """Read an application and hold it until the transaction ends."""
    row = await tx.fetchrow(LOCK, application_id)
    return _application(row) if row else None


async def page(tx: Tx, desk: Desk, status: Status | None, after: UUID | None, limit: int) -> list[Application]:
    """List what is on a desk, newest first."""
    items = None if desk.service_items is None else sorted(desk.service_items)
    rows = await tx.fetch(LIST, status, desk.operator_uscc, items, desk.region, desk.level, after, limit)
    return [_application(row) for row in rows]


def move(
    tx: Tx, application: Application, to: Status, authority: str, at: datetime, approval: Approval | None = None
) -> Application:
    """Move a locked application, at the end of the transaction; a grant adds its number, scope and end."""
    granted: dict[str, Any] = {} if approval is None else asdict(approval)
    after = replace(
        application, status=to, version=application.version + 1, changed_at=at, authority=authority, **granted
    )
    later(tx, MOVE, after.id, application.status, to, at, authority, after.number, after.scope, after.valid_until)
    return after


async def mark_overdue(tx: Tx, application_id: UUID, at: datetime) -> Application | None:
    """Note that the clock ran out on an open application; None if it is decided or was noted before."""
    row = await tx.fetchrow(MARK_OVERDUE, application_id, at)
    return _application(row) if row else None


async def next_serial(tx: Tx, authority: str, year: int) -> int:
    """Draw the next number. The counter row stays locked until commit, so numbers have no gaps."""
    serial: int = await tx.fetchval(NEXT_SERIAL, authority, year)
    return serial


async def add_decision(tx: Tx, new: Decision) -> None:
    """Keep a decision with its reasons."""
    await tx.execute(
        ADD_DECISION,
        new.id,
        new.application_id,
        new.action,
        new.authority,
        new.decided_by,
        new.decided_at,
        new.legal_basis,
        new.reasons,
        new.redress and new.redress.model_dump(),
        new.evidence_hash,
    )


async def decisions(tx: Tx, application_ids: Collection[UUID]) -> list[Decision]:
    """All decisions on these applications, oldest first."""
    return [_decision(row) for row in await tx.fetch(DECISIONS, list(application_ids))]


def _application(row: asyncpg.Record) -> Application:
    return Application(**{**dict(row), "status": Status(row["status"])})


def _decision(row: asyncpg.Record) -> Decision:
    redress = row["redress"] and Redress(**row["redress"])
    return Decision(**{**dict(row), "legal_basis": tuple(row["legal_basis"]), "redress": redress})
