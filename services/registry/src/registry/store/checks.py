"""What providers were asked about submitted sites, and what they answered."""

# ruff: noqa: S608 -- statements are put together from the column lists of this file, nothing else

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import UUID

import asyncpg

from registry.errors import UnknownCheck
from registry.lifecycle import CHECK, CheckAction
from shared.contracts.http.checks import CheckStatus, Differs, Submitted
from shared.runtime.acts.moves import Moves
from shared.runtime.acts.policy import Reach
from shared.runtime.db.postgres import Tx


@dataclass(frozen=True, slots=True)
class Check:
    """A provider's check; the last ones are the policy's words: whose site, on whose desk, and who is asked."""

    id: UUID
    version: int
    status: CheckStatus
    site_id: UUID
    registration_id: UUID
    amendment_id: UUID | None
    """The change of a registered site that it is asked about; none where the site itself was submitted."""
    provider_id: UUID
    asked: Submitted
    differs: tuple[Differs, ...]
    reasons: str | None
    asked_at: datetime
    answered_at: datetime | None
    changed_at: datetime
    provider_name: str | None
    operator_id: UUID
    organisation: str
    region: str
    level: str

    @property
    def provider(self) -> str:
        """The organisation of whoever answers: a provider's people have its id."""
        return str(self.provider_id)


_OWN: Final = """id, version, status, site_id, registration_id, amendment_id, provider_id, asked, differs, reasons,
       asked_at, answered_at, changed_at"""
_OF: Final = "FROM registration r WHERE r.id = registration_id"
COLUMNS: Final = f"""{_OWN}, (SELECT p.name FROM provider p WHERE p.id = provider_id) AS provider_name,
       (SELECT r.operator_id {_OF}) AS operator_id,
       (SELECT o.identity FROM registration r JOIN operator o ON o.id = r.operator_id
         WHERE r.id = registration_id) AS organisation,
       (SELECT r.region {_OF}) AS region, (SELECT r.level {_OF}) AS level"""
ADD: Final = f"""
INSERT INTO provider_check (id, status, site_id, registration_id, provider_id, asked, asked_at, changed_at,
                            amendment_id)
SELECT $1, 'asked', $2, $3, $4, $5, $6, $6, $7
 WHERE NOT EXISTS (SELECT FROM provider_check WHERE site_id = $2 AND provider_id = $4 AND status <> 'closed'
                                                AND amendment_id IS NOT DISTINCT FROM $7)
RETURNING {COLUMNS}
"""
GET: Final = f"SELECT {COLUMNS} FROM provider_check WHERE id = $1"
OPEN_OF: Final = f"""
SELECT {COLUMNS} FROM provider_check WHERE site_id = $1 AND status IN ('asked', 'silent') ORDER BY id FOR UPDATE
"""
ABOUT: Final = """
SELECT id FROM provider_check
 WHERE (registration_id = $1 OR site_id = $1) AND ($2::timestamptz IS NULL OR asked_at >= $2) ORDER BY id
"""
WAITED_FOR: Final = """
SELECT provider_id FROM provider_check WHERE site_id = ANY ($1) AND status = 'asked' ORDER BY id
"""
WORDS: Final = {
    "organisation": "organisation = ANY ({})",
    "region": "region = ANY ({})",
    "level": "level = ANY ({})",
    "provider": "provider_id::text = ANY ({})",
}


def of(row: asyncpg.Record) -> Check:
    """A row of COLUMNS."""
    values = dict(row)
    return Check(**{
        **values, "status": CheckStatus(values["status"]), "asked": Submitted.model_validate(values["asked"]),
        "differs": tuple(Differs(each) for each in values["differs"]),
    })  # fmt: skip


MOVES: Final[Moves[Check, CheckStatus, CheckAction]] = Moves(CHECK, table="provider_check", columns=COLUMNS, read=of)


async def add(
    tx: Tx, check_id: UUID, *, site_id: UUID, registration_id: UUID, provider_id: UUID, asked: Submitted,
    amendment_id: UUID | None, at: datetime,
) -> Check | None:  # fmt: skip
    """Ask a provider; none if it has been asked about this site, or this change of it, and was not passed over."""
    row = await tx.fetchrow(
        ADD, check_id, site_id, registration_id, provider_id, asked.model_dump(mode="json"), at, amendment_id
    )
    return of(row) if row else None


async def get(tx: Tx, check_id: UUID) -> Check:
    """One check. Raises UnknownCheck."""
    row = await tx.fetchrow(GET, check_id)
    if row is None:
        raise UnknownCheck(check_id=check_id)
    return of(row)


async def hold(tx: Tx, check_id: UUID) -> Check:
    """One check, held. Raises UnknownCheck."""
    await tx.execute("SELECT FROM provider_check WHERE id = $1 FOR UPDATE", check_id)
    return await get(tx, check_id)


async def open_of(tx: Tx, site_id: UUID) -> list[Check]:
    """The checks of a site that nobody answered, held."""
    return [of(row) for row in await tx.fetch(OPEN_OF, site_id)]


async def about(tx: Tx, of: UUID, since: datetime | None = None) -> list[UUID]:
    """What providers were asked about a registration or a site; ``since`` a change of it was proposed."""
    return [row["id"] for row in await tx.fetch(ABOUT, of, since)]


async def waited_for(tx: Tx, site_ids: Collection[UUID]) -> list[UUID]:
    """The providers whose answer about these sites is not there and whose clock runs."""
    return [row["provider_id"] for row in await tx.fetch(WAITED_FOR, list(site_ids))]


async def page(
    tx: Tx, reach: Reach, *, status: str | None, registration_id: UUID | None, after: UUID | None, limit: int
) -> list[Check]:
    """Checks within reach, newest first."""
    where, values = reach.where(WORDS, first=5)
    rows = await tx.fetch(
        f"""SELECT * FROM (SELECT {COLUMNS} FROM provider_check) AS provider_check
             WHERE ($1::uuid IS NULL OR id < $1) AND ($3::text IS NULL OR status = $3)
               AND ($4::uuid IS NULL OR registration_id = $4) AND {where}
             ORDER BY id DESC LIMIT $2""",
        after, limit, status, registration_id, *values,
    )  # fmt: skip
    return [of(row) for row in rows]
