"""SQL of measures against a registration: requests for revocation, revocations, and decisions that were undone."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from uuid import UUID

import asyncpg

from registry.lifecycle import RequestStatus, RevocationStatus
from registry.store.register import REGISTRATION_COLUMNS, Registration, registration_of
from shared.runtime.postgres import Tx


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


LOCK_BY_REQUEST: Final = f"""
SELECT {REGISTRATION_COLUMNS}
  FROM revocation_request q JOIN registration r ON r.id = q.registration_id JOIN operator o ON o.id = r.operator_id
 WHERE q.id = $1 FOR UPDATE OF r
"""  # noqa: S608
LOCK_BY_REVOCATION: Final = f"""
SELECT {REGISTRATION_COLUMNS}
  FROM revocation v JOIN registration r ON r.id = v.registration_id JOIN operator o ON o.id = r.operator_id
 WHERE v.id = $1 FOR UPDATE OF r
"""  # noqa: S608

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
GET_REVOCATION: Final = f"""
SELECT {REVOCATION_COLUMNS} FROM revocation v JOIN registration r ON r.id = v.registration_id WHERE v.id = $1
"""  # noqa: S608
REVOCATION_IN_FORCE: Final = f"""
SELECT {REVOCATION_COLUMNS} FROM revocation v JOIN registration r ON r.id = v.registration_id
 WHERE v.registration_id = $1 AND v.status = 'confirmed'
"""  # noqa: S608
REVOCATIONS_ON_DECISION: Final = f"""
SELECT {REVOCATION_COLUMNS} FROM revocation v JOIN registration r ON r.id = v.registration_id
 WHERE v.decision_id = $1 AND v.status IN ('drafted', 'confirmed')
"""  # noqa: S608
LIST_REVOCATIONS: Final = f"""
SELECT {REVOCATION_COLUMNS} FROM revocation v JOIN registration r ON r.id = v.registration_id
 WHERE ($1::uuid IS NULL OR v.id < $1) AND ($3::text IS NULL OR v.status = $3) AND ($4::text IS NULL OR r.region = $4)
 ORDER BY v.id DESC LIMIT $2
"""  # noqa: S608
MOVE_REVOCATION: Final = f"""
UPDATE revocation v SET status = $3, confirmed_by = coalesce($4, confirmed_by), changed_at = $5
  FROM registration r
 WHERE v.id = $1 AND v.status = $2 AND r.id = v.registration_id
RETURNING {REVOCATION_COLUMNS}
"""  # noqa: S608

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
GET_REQUEST: Final = f"SELECT {REQUEST_COLUMNS} FROM revocation_request q WHERE q.id = $1"  # noqa: S608
REQUEST_OF_DECISION: Final = f"SELECT {REQUEST_COLUMNS} FROM revocation_request q WHERE q.decision_id = $1"  # noqa: S608
LIST_REQUESTS: Final = f"""
SELECT {REQUEST_COLUMNS} FROM revocation_request q
 WHERE ($1::uuid IS NULL OR q.id < $1) AND ($3::text IS NULL OR q.status = $3) AND ($4::text IS NULL OR q.region = $4)
 ORDER BY q.id DESC LIMIT $2
"""  # noqa: S608
MOVE_REQUEST: Final = f"""
UPDATE revocation_request q SET status = $3, answer = coalesce($4, answer), changed_at = $5
 WHERE id = $1 AND status = $2
RETURNING {REQUEST_COLUMNS}
"""  # noqa: S608
UNDO_DECISION: Final = """
INSERT INTO undone_decision (decision_id, legal_basis, reasons, at) VALUES ($1, $2, $3, $4) ON CONFLICT DO NOTHING
"""


def revocation_of(row: asyncpg.Record) -> Revocation:
    """A revocation row."""
    values = dict(row)
    return Revocation(**{**values, "status": RevocationStatus(values["status"])})


def request_of(row: asyncpg.Record) -> Request:
    """A request row."""
    values = dict(row)
    return Request(**{**values, "status": RequestStatus(values["status"])})


async def registration_of_request(tx: Tx, request_id: UUID) -> Registration | None:
    """The registration a request is about, locked."""
    row = await tx.fetchrow(LOCK_BY_REQUEST, request_id)
    return registration_of(row) if row else None


async def registration_of_revocation(tx: Tx, revocation_id: UUID) -> Registration | None:
    """The registration that is to be revoked, locked."""
    row = await tx.fetchrow(LOCK_BY_REVOCATION, revocation_id)
    return registration_of(row) if row else None


async def revocation(tx: Tx, revocation_id: UUID) -> Revocation | None:
    """One revocation."""
    row = await tx.fetchrow(GET_REVOCATION, revocation_id)
    return revocation_of(row) if row else None


async def request(tx: Tx, request_id: UUID) -> Request | None:
    """One request for revocation."""
    row = await tx.fetchrow(GET_REQUEST, request_id)
    return request_of(row) if row else None
