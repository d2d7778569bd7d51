"""Findings about sites that nobody hosts."""

# ruff: noqa: S608 -- statements are put together from the column lists of this file, nothing else

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import UUID

import asyncpg

from registry.errors import UnknownFinding
from registry.lifecycle import SHELL, ShellAction
from shared.contracts.grounds import Grounds
from shared.contracts.http.shells import ShellStatus
from shared.runtime.acts.moves import Moves
from shared.runtime.acts.policy import Reach
from shared.runtime.db.postgres import Tx


@dataclass(frozen=True, slots=True)
class Shell:
    """A finding; ``hosted_at``: since when somebody hosts the site again, while it stands.

    The last three are the policy's words: whose site, and on whose desk.
    """

    id: UUID
    version: int
    status: ShellStatus
    site_id: UUID
    since: datetime
    cure_until: datetime
    says: Grounds | None
    lapsed_by: str | None
    found_at: datetime
    changed_at: datetime
    hosted_at: datetime | None
    organisation: str
    region: str
    level: str


_OF_SITE: Final = """(SELECT {} FROM site s JOIN registration r ON r.id = s.registration_id
                      JOIN operator o ON o.id = r.operator_id WHERE s.id = site_id)"""
COLUMNS: Final = f"""id, version, status, site_id, since, cure_until, says, lapsed_by, found_at, changed_at, hosted_at,
       {_OF_SITE.format("o.identity")} AS organisation, {_OF_SITE.format("r.region")} AS region,
       {_OF_SITE.format("r.level")} AS level"""
# No access of it at a provider that may provide any.
_EMPTY: Final = """NOT EXISTS (SELECT FROM access a JOIN provider p ON p.id = a.provider_id
                    WHERE a.site_id = s.id AND a.status <> 'ended' AND p.status <> 'closed')"""
IS_EMPTY: Final = f"SELECT {_EMPTY} FROM site s WHERE s.id = $1"
EMPTY: Final = f"SELECT id FROM site s WHERE s.id = ANY ($1) AND {_EMPTY}"
EMPTY_AT: Final = f"""
SELECT DISTINCT s.id FROM site s JOIN access h ON h.site_id = s.id AND h.status <> 'ended'
 WHERE h.provider_id = $1 AND s.status = 'live' AND {_EMPTY}
   AND NOT EXISTS (SELECT FROM shell_finding f
                    WHERE f.site_id = s.id AND (f.found_at >= $2 OR f.status IN ('open', 'due')))
 ORDER BY s.id LIMIT $3
"""
ADD: Final = f"""
INSERT INTO shell_finding (id, status, site_id, since, cure_until, found_at, changed_at)
VALUES ($1, 'open', $2, $3, $4, $5, $5)
ON CONFLICT DO NOTHING
RETURNING {COLUMNS}
"""
GET: Final = f"SELECT {COLUMNS} FROM shell_finding WHERE id = $1"
OPEN_OF: Final = "SELECT id FROM shell_finding WHERE site_id = $1 AND status IN ('open', 'due', 'lapsed')"
CURED_BY_A_HOST: Final = """
SELECT max(changed_at) FROM shell_finding WHERE site_id = $1 AND status = 'cured' AND hosted_at IS NOT NULL
"""
OF_PROVIDER: Final = """
SELECT DISTINCT f.site_id, f.id FROM shell_finding f JOIN access a ON a.site_id = f.site_id AND a.status <> 'ended'
 WHERE a.provider_id = $1 AND f.status IN ('open', 'due') AND f.site_id > $2 ORDER BY f.site_id LIMIT $3
"""
WORDS: Final = {
    "organisation": "organisation = ANY ({})", "region": "region = ANY ({})", "level": "level = ANY ({})",
}  # fmt: skip


def of(row: asyncpg.Record) -> Shell:
    """A row of COLUMNS."""
    values = dict(row)
    says = values["says"] and Grounds.model_validate(values["says"])
    return Shell(**{**values, "status": ShellStatus(values["status"]), "says": says})


MOVES: Final[Moves[Shell, ShellStatus, ShellAction]] = Moves(SHELL, table="shell_finding", columns=COLUMNS, read=of)


async def is_empty(tx: Tx, site_id: UUID) -> bool:
    """Whether no active provider hosts a site."""
    return bool(await tx.fetchval(IS_EMPTY, site_id))


async def empty(tx: Tx, site_ids: Collection[UUID]) -> set[UUID]:
    """Which of these sites nobody hosts."""
    return {row["id"] for row in await tx.fetch(EMPTY, list(site_ids))}


async def empty_at(tx: Tx, provider_id: UUID, since: datetime, limit: int) -> list[UUID]:
    """Live sites that only this provider would host, and of which nothing was found since it went."""
    return [row["id"] for row in await tx.fetch(EMPTY_AT, provider_id, since, limit)]


async def add(
    tx: Tx, finding_id: UUID, site_id: UUID, *, since: datetime, cure_until: datetime, at: datetime
) -> Shell | None:
    """Find a site without access; none if that was found already."""
    row = await tx.fetchrow(ADD, finding_id, site_id, since, cure_until, at)
    return of(row) if row else None


async def get(tx: Tx, finding_id: UUID) -> Shell:
    """One finding. Raises UnknownFinding."""
    row = await tx.fetchrow(GET, finding_id)
    if row is None:
        raise UnknownFinding(finding_id=finding_id)
    return of(row)


async def hold(tx: Tx, finding_id: UUID) -> Shell:
    """One finding, held; whoever needs its site as well holds that first. Raises UnknownFinding."""
    await tx.execute("SELECT FROM shell_finding WHERE id = $1 FOR UPDATE", finding_id)
    return await get(tx, finding_id)


async def open_of(tx: Tx, site_id: UUID) -> UUID | None:
    """The finding about a site that is not over."""
    found: UUID | None = await tx.fetchval(OPEN_OF, site_id)
    return found


async def cured_by_a_host(tx: Tx, site_id: UUID) -> datetime | None:
    """When a host last ended a finding about a site."""
    found: datetime | None = await tx.fetchval(CURED_BY_A_HOST, site_id)
    return found


async def of_provider(tx: Tx, provider_id: UUID, after: UUID, limit: int) -> list[tuple[UUID, UUID]]:
    """Site and finding of those that stand and have an access at this provider, by sites that come after this one."""
    rows = await tx.fetch(OF_PROVIDER, provider_id, after, limit)
    return [(row["site_id"], row["id"]) for row in rows]


async def page(tx: Tx, reach: Reach, *, status: str | None, after: UUID | None, limit: int) -> list[Shell]:
    """Findings within reach, newest first."""
    where, values = reach.where(WORDS, first=4)
    rows = await tx.fetch(
        f"""SELECT * FROM (SELECT {COLUMNS} FROM shell_finding) AS shell_finding
             WHERE ($1::uuid IS NULL OR id < $1) AND ($3::text IS NULL OR status = $3) AND {where}
             ORDER BY id DESC LIMIT $2""",
        after, limit, status, *values,
    )  # fmt: skip
    return [of(row) for row in rows]
