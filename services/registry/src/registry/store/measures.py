"""SQL of measures against a registration: requests for revocation, revocations, and decisions that were undone."""

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Final
from uuid import UUID

import asyncpg

from registry.lifecycle import RequestStatus, RevocationStatus
from registry.store.register import REGISTRATION_COLUMNS, Registration, registration_of
from shared.runtime.db.at_commit import later
from shared.runtime.db.postgres import Tx


@dataclass(frozen=True, slots=True)
class Revocation:
    """The act of revoking a registration, by two people."""

    id: UUID
    registration_id: UUID
    request_id: UUID | None
    decision_id: UUID | None
    measure: dict[str, Any]
    status: RevocationStatus
    drafted_by: str
    drafted_at: datetime
    confirmed_by: str | None
    changed_at: datetime
    region: str


@dataclass(frozen=True, slots=True)
class Request:
    """A sector regulator's request that a registration be revoked."""

    id: UUID
    registration_id: UUID
    region: str | None
    decision_id: UUID
    case_id: UUID
    measure: dict[str, Any]
    status: RequestStatus
    answer: str | None
    received_at: datetime
    changed_at: datetime


REVOCATION_COLUMNS: Final = """v.id, v.registration_id, v.request_id, v.decision_id, v.measure, v.status, v.drafted_by,
 v.drafted_at, v.confirmed_by, v.changed_at, r.region"""
INSERT_REVOCATION: Final = f"""
WITH v AS (
    INSERT INTO revocation (
      id, registration_id, request_id, decision_id, measure, status, drafted_by, drafted_at, changed_at)
    VALUES ($1, $2, $3, $4, $5, 'drafted', $6, $7, $7)
    ON CONFLICT (registration_id) WHERE status IN ('drafted', 'confirmed') DO NOTHING
    RETURNING *)
SELECT {REVOCATION_COLUMNS} FROM v JOIN registration r ON r.id = v.registration_id
"""  # noqa: S608
LOCK_REVOCATION: Final = f"""
SELECT {REGISTRATION_COLUMNS}, ({REVOCATION_COLUMNS}) AS held
  FROM revocation v JOIN registration r ON r.id = v.registration_id JOIN operator o ON o.id = r.operator_id
 WHERE v.id = $1
   FOR UPDATE OF r, v
"""  # noqa: S608
GET_REVOCATION: Final = f"""
SELECT {REVOCATION_COLUMNS} FROM revocation v JOIN registration r ON r.id = v.registration_id WHERE v.id = $1
"""  # noqa: S608
REVOCATION_IN_FORCE: Final = f"""
SELECT {REVOCATION_COLUMNS} FROM revocation v JOIN registration r ON r.id = v.registration_id
 WHERE v.registration_id = $1 AND v.status = 'confirmed'
"""  # noqa: S608
REVOCATIONS_ON_DECISION: Final = f"""
SELECT {REVOCATION_COLUMNS} FROM revocation v JOIN registration r ON r.id = v.registration_id
 WHERE v.decision_id = $1 AND v.status IN ('drafted', 'confirmed', 'undone')
"""  # noqa: S608
LIST_REVOCATIONS: Final = f"""
SELECT {REVOCATION_COLUMNS} FROM revocation v JOIN registration r ON r.id = v.registration_id
 WHERE ($1::uuid IS NULL OR v.id < $1) AND ($3::text IS NULL OR v.status = $3) AND ($4::text IS NULL OR r.region = $4)
 ORDER BY v.id DESC LIMIT $2
"""  # noqa: S608
MOVE_REVOCATION: Final = """
UPDATE revocation SET status = $3, confirmed_by = $4, changed_at = $5 WHERE id = $1 AND status = $2
"""

REQUEST_COLUMNS: Final = """q.id, q.registration_id, q.region, q.decision_id, q.case_id, q.measure, q.status, q.answer,
 q.received_at, q.changed_at"""
# One whose decision is already undone is moot at once.
INSERT_REQUEST: Final = """
INSERT INTO revocation_request (
  id, registration_id, region, decision_id, case_id, measure, status, received_at, changed_at)
SELECT $1, $2, $3, $4, $5, $6,
       CASE WHEN EXISTS (SELECT FROM undone_decision WHERE decision_id = $4) THEN 'moot' ELSE 'received' END, $7, $7
ON CONFLICT DO NOTHING
RETURNING status
"""
LOCK_REQUEST: Final = f"""
SELECT {REGISTRATION_COLUMNS}, ({REQUEST_COLUMNS}) AS held
  FROM revocation_request q JOIN registration r ON r.id = q.registration_id JOIN operator o ON o.id = r.operator_id
 WHERE q.id = $1
   FOR UPDATE OF r, q
"""  # noqa: S608
GET_REQUEST: Final = f"SELECT {REQUEST_COLUMNS} FROM revocation_request q WHERE q.id = $1"  # noqa: S608
LOCK_REQUEST_ALONE: Final = GET_REQUEST + " FOR UPDATE"
REQUEST_OF_DECISION: Final = f"""
SELECT {REQUEST_COLUMNS} FROM revocation_request q WHERE q.decision_id = $1 FOR UPDATE
"""  # noqa: S608
LIST_REQUESTS: Final = f"""
SELECT {REQUEST_COLUMNS} FROM revocation_request q
 WHERE ($1::uuid IS NULL OR q.id < $1) AND ($3::text IS NULL OR q.status = $3) AND ($4::text IS NULL OR q.region = $4)
 ORDER BY q.id DESC LIMIT $2
"""  # noqa: S608
MOVE_REQUEST: Final = """
UPDATE revocation_request SET status = $3, answer = $4, changed_at = $5 WHERE id = $1 AND status = $2
"""
UNDO_DECISION: Final = """
INSERT INTO undone_decision (decision_id, legal_basis, reasons, at) VALUES ($1, $2, $3, $4) ON CONFLICT DO NOTHING
"""


def revocation_of(row: asyncpg.Record) -> Revocation:
    """A revocation row."""
    return _revocation(*row.values())


def request_of(row: asyncpg.Record) -> Request:
    """A request row."""
    return _request(*row.values())


async def lock_revocation(tx: Tx, revocation_id: UUID) -> tuple[Registration, Revocation] | None:
    """A revocation and the registration it is about, both locked: nobody else can move them."""
    row = await tx.fetchrow(LOCK_REVOCATION, revocation_id)
    return (registration_of(row), _revocation(*row["held"])) if row else None


async def lock_request(tx: Tx, request_id: UUID) -> tuple[Registration | None, Request] | None:
    """A request and the registration it is about, if there is such a registration; locked."""
    row = await tx.fetchrow(LOCK_REQUEST, request_id)
    if row is not None:
        return registration_of(row), _request(*row["held"])
    row = await tx.fetchrow(LOCK_REQUEST_ALONE, request_id)
    return (None, request_of(row)) if row else None


async def revocation(tx: Tx, revocation_id: UUID) -> Revocation | None:
    """One revocation."""
    row = await tx.fetchrow(GET_REVOCATION, revocation_id)
    return revocation_of(row) if row else None


async def request(tx: Tx, request_id: UUID) -> Request | None:
    """One request for revocation."""
    row = await tx.fetchrow(GET_REQUEST, request_id)
    return request_of(row) if row else None


def move_revocation(
    tx: Tx, before: Revocation, to: RevocationStatus, at: datetime, *, confirmed_by: str | None
) -> Revocation:
    """Move a revocation whose registration is locked, at the end of the transaction; how it will stand."""
    after = replace(before, status=to, confirmed_by=confirmed_by or before.confirmed_by, changed_at=at)
    later(tx, MOVE_REVOCATION, before.id, before.status, to, after.confirmed_by, at)
    return after


def move_request(tx: Tx, before: Request, to: RequestStatus, at: datetime, *, answer: str | None) -> Request:
    """Move a request that is locked, or whose registration is, at the end of the transaction; how it will stand."""
    after = replace(before, status=to, answer=answer or before.answer, changed_at=at)
    later(tx, MOVE_REQUEST, before.id, before.status, to, after.answer, at)
    return after


def _revocation(*values: Any) -> Revocation:
    """From the values of REVOCATION_COLUMNS."""
    made = Revocation(*values)
    return replace(made, status=RevocationStatus(made.status))


def _request(*values: Any) -> Request:
    """From the values of REQUEST_COLUMNS."""
    made = Request(*values)
    return replace(made, status=RequestStatus(made.status))
