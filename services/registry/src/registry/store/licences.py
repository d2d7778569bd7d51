"""What only licences have: their scope and how their end comes near; and their renewals."""

# ruff: noqa: S608 -- statements are put together from the column lists of this file, nothing else

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Final
from uuid import UUID

import asyncpg

from registry.errors import UnknownRenewal
from registry.lifecycle import RENEWAL, RenewalAction, RenewalStatus
from shared.contracts.http.registry import Refusal
from shared.runtime.acts.moves import Moves
from shared.runtime.acts.policy import Reach
from shared.runtime.db.postgres import Tx


@dataclass(frozen=True, slots=True)
class Licence:
    """What a licence covers, and the renewal of it that is on the desk."""

    registration_id: UUID
    scope: tuple[str, ...]
    warned_at: datetime | None
    lapsed_at: datetime | None
    renewal_id: UUID | None


@dataclass(frozen=True, slots=True)
class Renewal:
    """A renewal as asked; the last ones are whose it is and on whose desk: the policy's words."""

    id: UUID
    version: int
    status: RenewalStatus
    registration_id: UUID
    late: bool
    valid_until: date
    scope: tuple[str, ...]
    granted_until: date | None
    reasons: str
    refusal: Refusal | None
    overdue_at: datetime | None
    asked_by: str
    by_operator: bool
    """The operator asked for it itself; nobody did in its name."""
    asked_at: datetime
    changed_at: datetime
    number: str
    operator_id: UUID
    organisation: str
    region: str
    level: str


LICENCE: Final = """
SELECT registration_id, scope, warned_at, lapsed_at,
       (SELECT id FROM renewal n WHERE n.registration_id = l.registration_id AND n.status = 'asked') AS renewal_id
  FROM licence l WHERE registration_id = $1
"""
GRANT: Final = """
INSERT INTO licence (registration_id, scope) VALUES ($1, $2)
ON CONFLICT (registration_id) DO UPDATE SET scope = excluded.scope, warned_at = NULL, lapsed_at = NULL
"""
WARNED: Final = "UPDATE licence SET warned_at = $2 WHERE registration_id = $1"
LAPSED: Final = """
INSERT INTO licence (registration_id, scope, lapsed_at) VALUES ($1, '{}', $2)
ON CONFLICT (registration_id) DO UPDATE SET lapsed_at = excluded.lapsed_at
"""
SCOPES: Final = "SELECT registration_id, scope FROM licence WHERE registration_id = ANY ($1)"
_OWN: Final = """id, version, status, registration_id, late, valid_until, scope, granted_until, reasons, refusal,
       overdue_at, asked_by, by_operator, asked_at, changed_at"""
_OF: Final = "FROM registration r WHERE r.id = registration_id"
COLUMNS: Final = f"""{_OWN}, (SELECT r.number {_OF}) AS number, (SELECT r.operator_id {_OF}) AS operator_id,
       (SELECT o.identity FROM registration r JOIN operator o ON o.id = r.operator_id
         WHERE r.id = registration_id) AS organisation,
       (SELECT r.region {_OF}) AS region, (SELECT r.level {_OF}) AS level"""
ADD: Final = f"""
INSERT INTO renewal (id, status, registration_id, late, valid_until, scope, reasons, asked_by, asked_at, changed_at,
                     by_operator)
VALUES ($1, 'asked', $2, $3, $4, $5, $6, $7, $8, $8, $9)
ON CONFLICT DO NOTHING
RETURNING {COLUMNS}
"""
GET: Final = f"SELECT {COLUMNS} FROM renewal WHERE id = $1"
ASKED_OF: Final = f"SELECT {COLUMNS} FROM renewal WHERE registration_id = $1 AND status = 'asked'"
WORDS: Final = {
    "organisation": "organisation = ANY ({})",
    "region": "region = ANY ({})",
    "level": "level = ANY ({})",
}
MARK_OVERDUE: Final = """
UPDATE renewal SET overdue_at = $2 WHERE id = $1 AND status = 'asked' AND overdue_at IS NULL
"""


def of(row: asyncpg.Record) -> Renewal:
    """A row of COLUMNS."""
    values = dict(row)
    refusal = values["refusal"] and Refusal.model_validate(values["refusal"])
    scope = tuple(values["scope"])
    return Renewal(**{**values, "status": RenewalStatus(values["status"]), "refusal": refusal, "scope": scope})


MOVES: Final[Moves[Renewal, RenewalStatus, RenewalAction]] = Moves(RENEWAL, table="renewal", columns=COLUMNS, read=of)


async def licence(tx: Tx, registration_id: UUID) -> Licence | None:
    """What a licence covers; none of a filing, and of a licence that came with an import."""
    row = await tx.fetchrow(LICENCE, registration_id)
    return Licence(**{**dict(row), "scope": tuple(row["scope"])}) if row else None


async def granted(tx: Tx, registration_id: UUID, scope: Sequence[str]) -> None:
    """A licence is in force and covers these service items; what was said of its end before is over."""
    await tx.execute(GRANT, registration_id, list(scope))


async def warned(tx: Tx, registration_id: UUID, at: datetime) -> None:
    """Its operator was told that the end is near."""
    await tx.execute(WARNED, registration_id, at)


async def lapsed(tx: Tx, registration_id: UUID, at: datetime | None) -> None:
    """Its last day is over since then; none: it is in force again."""
    await tx.execute(LAPSED, registration_id, at)


async def scopes(tx: Tx, registration_ids: Collection[UUID]) -> dict[UUID, frozenset[str]]:
    """What the licences among these registrations cover."""
    if not registration_ids:
        return {}
    return {row["registration_id"]: frozenset(row["scope"]) for row in await tx.fetch(SCOPES, list(registration_ids))}


async def ask(
    tx: Tx, renewal_id: UUID, registration_id: UUID, *, late: bool, until: date, scope: Sequence[str], reasons: str,
    by: str, by_operator: bool, at: datetime,
) -> Renewal | None:  # fmt: skip
    """Ask for a renewal; none if one is on the desk already."""
    row = await tx.fetchrow(ADD, renewal_id, registration_id, late, until, list(scope), reasons, by, at, by_operator)
    return of(row) if row else None


async def asked_of(tx: Tx, registration_id: UUID) -> Renewal | None:
    """The renewal of a licence that is on the desk."""
    row = await tx.fetchrow(ASKED_OF, registration_id)
    return of(row) if row else None


async def get(tx: Tx, renewal_id: UUID) -> Renewal:
    """One renewal. Raises UnknownRenewal."""
    row = await tx.fetchrow(GET, renewal_id)
    if row is None:
        raise UnknownRenewal(renewal_id=renewal_id)
    return of(row)


async def hold(tx: Tx, renewal_id: UUID) -> Renewal:
    """One renewal, held: after its registration. Raises UnknownRenewal."""
    await tx.execute("SELECT FROM renewal WHERE id = $1 FOR UPDATE", renewal_id)
    return await get(tx, renewal_id)


async def page(
    tx: Tx, reach: Reach, *, status: str | None, registration_id: UUID | None, after: UUID | None, limit: int
) -> list[Renewal]:
    """Renewals within reach, newest first."""
    where, values = reach.where(WORDS, first=5)
    rows = await tx.fetch(
        f"""SELECT * FROM (SELECT {COLUMNS} FROM renewal) AS renewal
             WHERE ($1::uuid IS NULL OR id < $1) AND ($3::text IS NULL OR status = $3)
               AND ($4::uuid IS NULL OR registration_id = $4) AND {where}
             ORDER BY id DESC LIMIT $2""",
        after, limit, status, registration_id, *values,
    )  # fmt: skip
    return [of(row) for row in rows]


async def mark_overdue(tx: Tx, renewal_id: UUID, at: datetime) -> None:
    """The regulator's clock ran out; it shows until it is decided."""
    await tx.execute(MARK_OVERDUE, renewal_id, at)
