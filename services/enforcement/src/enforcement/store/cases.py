"""Cases and the evidence in them."""

# ruff: noqa: S608 -- statements are put together from the column lists of this file, nothing else

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from uuid import UUID

import asyncpg
from pydantic import TypeAdapter

from enforcement.errors import UnknownCase
from enforcement.lifecycle import CASE, CaseAction, CaseStatus
from shared.contracts.grounds import AuthorityRef, Party
from shared.contracts.subjects import Subject
from shared.runtime.acts.moves import Moves
from shared.runtime.db.postgres import Tx

_SUBJECT: Final[TypeAdapter[Subject]] = TypeAdapter(Subject)


@dataclass(frozen=True, slots=True)
class NewCase:
    """A suspicion. ``hosts`` are the names it is about, in A-label form.

    ``operator`` is whom it burdens and who is told: for a provider the provider, for a found site, whose operator
    nobody knows, the provider where it was found, to be passed on.
    """

    id: UUID
    subject: Subject
    site_id: UUID | None
    provider_id: UUID | None
    operator: Party
    hosts: tuple[str, ...]
    service_item: str | None
    ground: str
    alleged_breach: str
    legal_basis: tuple[str, ...]
    authority: AuthorityRef
    region: str | None
    level: str
    opened_by: str
    opened_at: datetime

    @property
    def organisation(self) -> str:
        """Whose case it is; the policy's word for it."""
        return self.authority.id

    @property
    def category(self) -> str:
        """Which sector it concerns; the policy's word for it."""
        return self.service_item or ""

    @property
    def identity(self) -> str:
        """Whom it is about; the policy's word for it."""
        return self.operator.identity

    @property
    def inherited(self) -> str:
        """The same for whoever took that one over, who may challenge what is decided in it, too."""
        return self.identity


@dataclass(frozen=True, slots=True)
class Case(NewCase):
    """A case as stored."""

    version: int
    status: CaseStatus
    outcome: str | None
    took_part: tuple[str, ...]
    claimed_by: str | None
    """Who works on it."""
    claimed_at: datetime | None
    ended_at: datetime | None
    held_because: str | None
    """Why its evidence is kept whatever the retention says."""
    changed_at: datetime


@dataclass(frozen=True, slots=True)
class Evidence:
    """A piece of evidence in a case, known by the SHA-256 of its bytes."""

    sha256: str
    size: int
    media_type: str
    confidential: str | None
    """Why whom a decision burdens may not read it; none where it may."""
    added_by: str
    added_at: datetime
    deleted_at: datetime | None = None
    """Since when hash and size are all that is left."""


COLUMNS: Final = """id, subject, site_id, provider_id, operator, hosts, service_item, ground, alleged_breach,
       legal_basis, authority, region, level, opened_by, opened_at, version, status, outcome, took_part,
       claimed_by, claimed_at, ended_at, held_because, changed_at"""
WORDS: Final = {
    "organisation": "authority_id = ANY ({})",
    "category": "service_item = ANY ({})",
    "region": "region = ANY ({})",
    "level": "level = ANY ({})",
    "took_part": "took_part && {}",
}
ADD: Final = f"""
INSERT INTO enforcement_case (id, status, subject, site_id, provider_id, identity, operator, hosts, service_item,
                              ground, alleged_breach, legal_basis, authority, authority_id, region, level, opened_by,
                              opened_at, changed_at)
VALUES ($1, 'open', $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $17)
RETURNING {COLUMNS}
"""
ABOUT_SITES: Final = "SELECT id FROM enforcement_case WHERE identity = $1 AND site_id = ANY ($2) ORDER BY id"
GET: Final = f"SELECT {COLUMNS} FROM enforcement_case WHERE id = $1"
HOLD: Final = f"{GET} FOR UPDATE"
# The update changes nothing, and holds a piece that is there already until the transaction ends.
ADD_EVIDENCE: Final = """
INSERT INTO evidence AS kept (sha256, size, stored_at) VALUES ($1, $2, $3)
ON CONFLICT (sha256) DO UPDATE SET size = kept.size
"""
ATTACH: Final = """
INSERT INTO case_evidence (case_id, sha256, media_type, confidential, added_by, added_at)
VALUES ($1, $2, $3, $4, $5, $6)
ON CONFLICT DO NOTHING RETURNING 1
"""
EVIDENCE_OF: Final = """
SELECT sha256, size, media_type, confidential, added_by, added_at, deleted_at
  FROM case_evidence JOIN evidence USING (sha256)
 WHERE case_id = $1 ORDER BY added_at, sha256
"""
CASES_WITH: Final = f"""
SELECT {COLUMNS} FROM enforcement_case WHERE id IN (SELECT case_id FROM case_evidence WHERE sha256 = $1)
 ORDER BY id
"""
TAKE_PART: Final = """
UPDATE enforcement_case SET took_part = array_append(took_part, $2) WHERE id = $1 AND $2 <> ALL (took_part)
"""


def of(row: asyncpg.Record | dict[str, Any]) -> Case:
    """A row of COLUMNS."""
    values: dict[str, Any] = dict(row)
    return Case(**{
        **values, "subject": _SUBJECT.validate_python(values["subject"]), "status": CaseStatus(values["status"]),
        "operator": Party.model_validate(values["operator"]),
        "authority": AuthorityRef.model_validate(values["authority"]),
        "hosts": tuple(values["hosts"]), "legal_basis": tuple(values["legal_basis"]),
        "took_part": tuple(values["took_part"]),
    })  # fmt: skip


MOVES: Final[Moves[Case, CaseStatus, CaseAction]] = Moves(CASE, table="enforcement_case", columns=COLUMNS, read=of)


async def add(tx: Tx, new: NewCase) -> Case:
    """Open a case."""
    row = await tx.fetchrow(
        ADD, new.id, new.subject.model_dump(mode="json"), new.site_id, new.provider_id, new.identity,
        new.operator.model_dump(), list(new.hosts), new.service_item, new.ground, new.alleged_breach,
        list(new.legal_basis), new.authority.model_dump(), new.authority.id, new.region, new.level, new.opened_by,
        new.opened_at,
    )  # fmt: skip
    if row is None:
        raise TypeError("an INSERT without a conflict returns its row")
    return of(row)


async def about_sites(tx: Tx, identity: str, site_ids: Collection[UUID]) -> list[UUID]:
    """The cases about one of these sites and this operator, in one order."""
    return [row["id"] for row in await tx.fetch(ABOUT_SITES, identity, list(site_ids))]


async def open_once(tx: Tx, new: NewCase) -> Case | None:
    """Open a case that follows from something else; none if it is there already."""
    return None if await known(tx, new.id) else await add(tx, new)


async def known(tx: Tx, case_id: UUID) -> bool:
    """Whether there is a case of this id; nobody else opens it meanwhile."""
    await tx.execute("SELECT pg_advisory_xact_lock(hashtextextended($1::uuid::text, 0))", case_id)
    return bool(await tx.fetchval("SELECT EXISTS (SELECT FROM enforcement_case WHERE id = $1)", case_id))


async def get(tx: Tx, case_id: UUID) -> Case:
    """One case. Raises UnknownCase."""
    return _one(await tx.fetchrow(GET, case_id), case_id)


async def hold(tx: Tx, case_id: UUID) -> Case:
    """One case, held with everything in it until the transaction ends. Raises UnknownCase."""
    return _one(await tx.fetchrow(HOLD, case_id), case_id)


def _one(row: asyncpg.Record | None, case_id: UUID) -> Case:
    if row is None:
        raise UnknownCase(case_id=case_id)
    return of(row)


async def attach(tx: Tx, case_id: UUID, new: Evidence) -> bool:
    """Put evidence into a case; false if it lies there already."""
    await tx.execute(ADD_EVIDENCE, new.sha256, new.size, new.added_at)
    row = (case_id, new.sha256, new.media_type, new.confidential, new.added_by, new.added_at)
    return await tx.fetchval(ATTACH, *row) is not None


async def evidence_of(tx: Tx, case_id: UUID) -> list[Evidence]:
    """The evidence of a case, in the order in which it came."""
    return [Evidence(**dict(row)) for row in await tx.fetch(EVIDENCE_OF, case_id)]


async def cases_with(tx: Tx, sha256: str) -> list[Case]:
    """The cases in which a piece of evidence lies."""
    return [of(row) for row in await tx.fetch(CASES_WITH, sha256)]


async def take_part(tx: Tx, case_id: UUID, organisation: str) -> None:
    """An organisation has to do with a held case from now on, and may read it: to execute, or to review."""
    await tx.execute(TAKE_PART, case_id, organisation)
