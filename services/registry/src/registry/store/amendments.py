"""Proposed changes."""

# ruff: noqa: S608 -- statements are put together from the column lists of this file, nothing else

from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Final
from uuid import UUID

import asyncpg

from registry.errors import UnknownAmendment
from registry.lifecycle import AMENDMENT, AmendmentAction, AmendmentStatus
from shared.contracts.http.registry import Refusal
from shared.runtime.acts.moves import Moves
from shared.runtime.acts.policy import Reach
from shared.runtime.base.context import Caller
from shared.runtime.db.postgres import Tx


@dataclass(frozen=True, slots=True)
class Amendment:
    """A proposed change; the last five are the policy's words: whose, on whose desk, who receives a transfer, and
    which province a filing leaves that moves."""

    id: UUID
    version: int
    status: AmendmentStatus
    kind: str
    operator_id: UUID
    registration_id: UUID | None
    site_id: UUID | None
    base_version: int
    proposal: dict[str, Any]
    consent_by: str | None
    refusal: Refusal | None
    overdue_at: datetime | None
    proposed_by: str
    proposed_at: datetime
    changed_at: datetime
    effective_from: date | None
    decided: dict[str, Any] | None
    """What held, and what it changed, when it was decided."""
    held_at: datetime | None
    returned: dict[str, Any] | None
    by_operator: bool
    """The operator proposed it itself; nobody did in its name."""
    operator_consent_by: str | None
    organisation: str
    region: str
    level: str
    receiver: str | None
    leaves: str | None


_OWN: Final = """id, version, status, kind, operator_id, registration_id, site_id, base_version, proposal, consent_by,
       refusal, overdue_at, proposed_by, proposed_at, changed_at, effective_from, decided, held_at, returned,
       by_operator, operator_consent_by"""
COLUMNS: Final = f"""{_OWN},
       (SELECT o.identity FROM operator o WHERE o.id = operator_id) AS organisation,
       coalesce(CASE WHEN kind = 'move' THEN proposal->>'region' END,
                (SELECT r.region FROM registration r WHERE r.id = registration_id),
                (SELECT o.region FROM operator o WHERE o.id = operator_id)) AS region,
       coalesce((SELECT r.level FROM registration r WHERE r.id = registration_id), 'province') AS level,
       (SELECT o.identity FROM registration r JOIN operator o ON o.id = r.operator_id
         WHERE r.id = (proposal->>'to_registration_id')::uuid) AS receiver,
       CASE WHEN kind = 'move' THEN (SELECT r.region FROM registration r WHERE r.id = registration_id) END AS leaves"""
OPEN: Final = "status IN ('proposed', 'waiting')"
"""SQL: nobody has refused it or taken it back, and it does not hold yet."""
ADD: Final = f"""
INSERT INTO amendment (id, status, kind, operator_id, registration_id, site_id, base_version, proposal, proposed_by,
                       proposed_at, changed_at, effective_from, by_operator)
VALUES ($1, 'proposed', $2, $3, $4, $5, $6, $7, $8, $9, $9, $10, (SELECT identity = $11 FROM operator WHERE id = $3))
ON CONFLICT DO NOTHING
RETURNING {COLUMNS}
"""
PENDING: Final = f"""
SELECT id FROM amendment
 WHERE {OPEN} AND (site_id = $1 OR $1::uuid IS NULL AND kind = $3 AND operator_id = $2)
"""
OF_REGISTRATION: Final = f"""
SELECT id FROM amendment WHERE {OPEN} AND registration_id = $1 AND id <> $2 ORDER BY id LIMIT 1
"""
HELD_BACK: Final = """
SELECT a.id FROM amendment a
 WHERE a.status = 'waiting' AND a.held_at IS NOT NULL
   AND (a.site_id = $1
        OR a.kind = 'move' AND a.registration_id = (SELECT s.registration_id FROM site s WHERE s.id = $1))
 ORDER BY a.id
"""
GET: Final = f"SELECT {COLUMNS} FROM amendment WHERE id = $1"
WORDS: Final = {
    "organisation": "organisation = ANY ({})",
    "region": "region = ANY ({})",
    "level": "level = ANY ({})",
    "receiver": "receiver = ANY ({})",
    "leaves": "leaves = ANY ({})",
}
MARK_OVERDUE: Final = """
UPDATE amendment SET overdue_at = $2 WHERE id = $1 AND status = 'proposed' AND overdue_at IS NULL
"""


def of(row: asyncpg.Record) -> Amendment:
    """A row of COLUMNS."""
    values = dict(row)
    refusal = values["refusal"] and Refusal.model_validate(values["refusal"])
    return Amendment(**{**values, "status": AmendmentStatus(values["status"]), "refusal": refusal})


MOVES: Final[Moves[Amendment, AmendmentStatus, AmendmentAction]] = Moves(
    AMENDMENT, table="amendment", columns=COLUMNS, read=of
)


async def add(
    tx: Tx, amendment_id: UUID, *, kind: str, operator_id: UUID, registration_id: UUID | None, site_id: UUID | None,
    base_version: int, proposal: dict[str, Any], who: Caller, at: datetime, effective_from: date | None,
) -> Amendment | None:  # fmt: skip
    """Propose a change; none if one of the same is open already."""
    row = await tx.fetchrow(
        ADD, amendment_id, kind, operator_id, registration_id, site_id, base_version, proposal, who.person, at,
        effective_from, who.organisation,
    )  # fmt: skip
    return of(row) if row else None


async def pending(tx: Tx, site_id: UUID | None, operator_id: UUID, kind: str = "operator") -> UUID | None:
    """The open proposal about a site, or of a kind that is about an operator: its particulars, or its move."""
    found: UUID | None = await tx.fetchval(PENDING, site_id, operator_id, kind)
    return found


async def open_of_registration(tx: Tx, registration_id: UUID, except_id: UUID) -> UUID | None:
    """An open proposal about a number or one of its sites, besides this one."""
    found: UUID | None = await tx.fetchval(OF_REGISTRATION, registration_id, except_id)
    return found


async def held_back(tx: Tx, site_id: UUID) -> list[UUID]:
    """Proposals whose day has come and that something on this site holds back."""
    return [row["id"] for row in await tx.fetch(HELD_BACK, site_id)]


async def get(tx: Tx, amendment_id: UUID) -> Amendment:
    """One proposal. Raises UnknownAmendment."""
    row = await tx.fetchrow(GET, amendment_id)
    if row is None:
        raise UnknownAmendment(amendment_id=amendment_id)
    return of(row)


async def hold(tx: Tx, amendment_id: UUID) -> Amendment:
    """One proposal, held. Whoever needs its operator or site as well holds those first."""
    await tx.execute("SELECT FROM amendment WHERE id = $1 FOR UPDATE", amendment_id)
    return await get(tx, amendment_id)


async def page(tx: Tx, reach: Reach, *, status: str | None, after: UUID | None, limit: int) -> list[Amendment]:
    """Proposals within reach, newest first."""
    where, values = reach.where(WORDS, first=4)
    rows = await tx.fetch(
        f"""SELECT * FROM (SELECT {COLUMNS} FROM amendment) AS amendment
             WHERE ($1::uuid IS NULL OR id < $1) AND ($3::text IS NULL OR status = $3) AND {where}
             ORDER BY id DESC LIMIT $2""",
        after, limit, status, *values,
    )  # fmt: skip
    return [of(row) for row in rows]


async def mark_overdue(tx: Tx, amendment_id: UUID, at: datetime) -> None:
    """The regulator's clock ran out; it shows until it is decided."""
    await tx.execute(MARK_OVERDUE, amendment_id, at)
