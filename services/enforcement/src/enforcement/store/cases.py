"""Cases and the evidence in them."""

# ruff: noqa: S608 -- statements are put together from the column lists of this file, nothing else

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Final
from uuid import UUID

import asyncpg

from enforcement.lifecycle import CaseStatus
from shared.runtime.db.at_commit import later
from shared.runtime.db.postgres import Tx


@dataclass(frozen=True, slots=True)
class NewCase:
    """A suspicion against one registered site. ``domain`` is in A-label form, as the officer named it."""

    id: UUID
    site_id: UUID
    registration_id: UUID
    domain: str
    site_number: str
    site_name: str
    operator_uscc: str
    operator_name: str
    authority: str
    region: str
    level: str
    service_item: str
    alleged_breach: str
    legal_basis: tuple[str, ...]
    opened_by: str
    opened_at: datetime

    @property
    def organisation(self) -> str:
        """Whose case it is; the policy's word for it."""
        return self.authority

    @property
    def category(self) -> str:
        """Which sector it concerns; the policy's word for it."""
        return self.service_item


@dataclass(frozen=True, slots=True)
class Case(NewCase):
    """A case as stored."""

    version: int
    status: CaseStatus
    changed_at: datetime


@dataclass(frozen=True, slots=True)
class Evidence:
    """A piece of evidence, known by the SHA-256 of its bytes."""

    sha256: str
    size: int
    media_type: str
    stored_at: datetime


@dataclass(frozen=True, slots=True)
class CaseEvidence(Evidence):
    """A piece of evidence in one case; the same bytes may lie in several."""

    added_by: str
    added_at: datetime


@dataclass(frozen=True, slots=True)
class Desk:
    """Which cases a person sees; None: no limit of that kind."""

    service_items: Collection[str] | None = None
    region: str | None = None


CASE: Final = """id, site_id, registration_id, domain, site_number, site_name, operator_uscc, operator_name, authority,
       region, level, service_item, alleged_breach, legal_basis, opened_by, opened_at, version, status, changed_at"""

ADD = f"""
INSERT INTO enforcement_case ({CASE})
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, 1, 'open', $16)
RETURNING {CASE}
"""
GET = f"SELECT {CASE} FROM enforcement_case WHERE id = $1"
LOCK = f"SELECT {CASE} FROM enforcement_case WHERE id = $1 FOR UPDATE"
LIST = f"""
SELECT {CASE} FROM enforcement_case
 WHERE ($1::text IS NULL OR status = $1)
   AND ($2::text IS NULL OR domain = $2)
   AND ($3::text[] IS NULL OR service_item = ANY ($3))
   AND ($4::text IS NULL OR region = $4)
   AND ($5::uuid IS NULL OR id < $5)
 ORDER BY id DESC LIMIT $6
"""
MOVE = """
UPDATE enforcement_case SET status = $3, version = version + 1, changed_at = $4 WHERE id = $1 AND status = $2
"""
ADD_EVIDENCE = """
INSERT INTO evidence (sha256, size, media_type, stored_at) VALUES ($1, $2, $3, $4) ON CONFLICT DO NOTHING
"""
ATTACH = """
INSERT INTO case_evidence (case_id, sha256, added_by, added_at) VALUES ($1, $2, $3, $4) ON CONFLICT DO NOTHING
RETURNING 1
"""
GET_EVIDENCE = "SELECT sha256, size, media_type, stored_at FROM evidence WHERE sha256 = $1"
EVIDENCE_OF = """
SELECT sha256, size, media_type, stored_at, added_by, added_at
  FROM case_evidence JOIN evidence USING (sha256)
 WHERE case_id = $1 ORDER BY added_at, sha256
"""
CASES_WITH = f"""
SELECT {CASE} FROM enforcement_case WHERE id IN (SELECT case_id FROM case_evidence WHERE sha256 = $1)
"""


async def add(tx: Tx, new: NewCase) -> Case:
    """Open a case."""
    row = await tx.fetchrow(
        ADD,
        new.id,
        new.site_id,
        new.registration_id,
        new.domain,
        new.site_number,
        new.site_name,
        new.operator_uscc,
        new.operator_name,
        new.authority,
        new.region,
        new.level,
        new.service_item,
        new.alleged_breach,
        new.legal_basis,
        new.opened_by,
        new.opened_at,
    )
    assert row is not None
    return case_of(row)


async def get(tx: Tx, case_id: UUID) -> Case | None:
    """Read a case."""
    row = await tx.fetchrow(GET, case_id)
    return case_of(row) if row else None


async def lock(tx: Tx, case_id: UUID) -> Case | None:
    """Read a case and hold it, with everything in it, until the transaction ends."""
    row = await tx.fetchrow(LOCK, case_id)
    return case_of(row) if row else None


async def page(
    tx: Tx, desk: Desk, status: CaseStatus | None, domain: str | None, after: UUID | None, limit: int
) -> list[Case]:
    """List what is on a desk, newest first."""
    items = None if desk.service_items is None else sorted(desk.service_items)
    return [case_of(row) for row in await tx.fetch(LIST, status, domain, items, desk.region, after, limit)]


def move(tx: Tx, case: Case, to: CaseStatus, at: datetime) -> Case:
    """Move a locked case, at the end of the transaction."""
    later(tx, MOVE, case.id, case.status, to, at)
    return replace(case, status=to, version=case.version + 1, changed_at=at)


async def attach(tx: Tx, case_id: UUID, new: Evidence, added_by: str, at: datetime) -> bool:
    """Put evidence into a case; false if it lies there already."""
    await tx.execute(ADD_EVIDENCE, new.sha256, new.size, new.media_type, new.stored_at)
    return await tx.fetchval(ATTACH, case_id, new.sha256, added_by, at) is not None


async def get_evidence(tx: Tx, sha256: str) -> Evidence | None:
    """What is known of a piece of evidence."""
    row = await tx.fetchrow(GET_EVIDENCE, sha256)
    return Evidence(**row) if row else None


async def evidence_of(tx: Tx, case_id: UUID) -> list[CaseEvidence]:
    """The evidence of a case, in the order in which it came."""
    return [CaseEvidence(**row) for row in await tx.fetch(EVIDENCE_OF, case_id)]


async def cases_with(tx: Tx, sha256: str) -> list[Case]:
    """The cases in which a piece of evidence lies."""
    return [case_of(row) for row in await tx.fetch(CASES_WITH, sha256)]


def case_of(row: asyncpg.Record | Mapping[str, Any]) -> Case:
    """A row of its columns."""
    return Case(**{**dict(row), "legal_basis": tuple(row["legal_basis"]), "status": CaseStatus(row["status"])})
