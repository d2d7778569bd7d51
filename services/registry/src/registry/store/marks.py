"""The marks that were signed, and what everybody may read of a number."""

from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import UUID

import asyncpg

from shared.contracts.marks import Mark
from shared.documents import marks
from shared.runtime.db.at_commit import AppendOnly, insert_at_commit
from shared.runtime.db.postgres import Tx


@dataclass(frozen=True, slots=True)
class KeptMark:
    """A mark as it is kept: the bytes that were signed."""

    registration_id: UUID
    edition: int
    jws: str
    issued_at: datetime

    @property
    def content(self) -> Mark:
        """What it says. It is our own record: the signature is not verified anew."""
        return marks.content(self.jws)


@dataclass(frozen=True, slots=True)
class SiteNow:
    """A site that has not ended: its place under the number, its names, and since when it stands so."""

    ordinal: int
    status: str
    domains: tuple[str, ...]
    since: datetime


MARKS: Final = AppendOnly(
    "mark", {"registration_id": "uuid", "edition": "integer", "jws": "text", "issued_at": "timestamptz"}
)
ADD: Final = "INSERT INTO mark (registration_id, edition, jws, issued_at) VALUES ($1, $2, $3, $4)"
LATEST: Final = """
SELECT registration_id, edition, jws, issued_at FROM mark WHERE registration_id = $1 ORDER BY edition DESC LIMIT 1
"""
OF_NUMBER: Final = """
SELECT m.registration_id, m.edition, m.jws, m.issued_at
  FROM mark m JOIN registration r ON r.id = m.registration_id
 WHERE r.number = $1 AND m.edition = $2
"""
NAMES: Final = """
SELECT DISTINCT c.registrable FROM claim c JOIN site s ON s.id = c.site_id
 WHERE s.registration_id = $1 AND s.status IN ('live', 'stopped') AND c.status = 'live' AND c.amendment_id IS NULL
"""
SINCE: Final = """
SELECT coalesce((SELECT max(h.at) FROM history h
                  WHERE h.aggregate_id = r.id AND h.from_status IS DISTINCT FROM h.to_status), r.changed_at)
  FROM registration r WHERE r.id = $1
"""
# Imported rows have no history: what they are they have been since their first version.
SITES: Final = """
SELECT s.ordinal, s.status,
       ARRAY(SELECT c.domain FROM claim c WHERE c.site_id = s.id AND c.amendment_id IS NULL AND c.status <> 'released'
              ORDER BY c.place) AS domains,
       coalesce((SELECT max(h.at) FROM history h
                  WHERE h.aggregate_id = s.id AND h.from_status IS DISTINCT FROM h.to_status),
                (SELECT v.at FROM site_version v WHERE v.site_id = s.id ORDER BY v.version LIMIT 1),
                s.changed_at) AS since
  FROM site s WHERE s.registration_id = $1 AND s.status NOT IN ('proposed', 'ended')
 ORDER BY s.ordinal LIMIT $2
"""
TOTAL: Final = "SELECT count(*) FROM site WHERE registration_id = $1 AND status NOT IN ('proposed', 'ended')"


def _of(row: asyncpg.Record | None) -> KeptMark | None:
    return KeptMark(**dict(row)) if row else None


async def add(tx: Tx, mark: KeptMark) -> None:
    """Keep a mark that was signed just now; its registration is held."""
    await tx.execute(ADD, mark.registration_id, mark.edition, mark.jws, mark.issued_at)


def add_at_commit(tx: Tx, mark: KeptMark) -> None:
    """Keep the first mark of a registration that is granted in this transaction, with its last statement."""
    insert_at_commit(tx, MARKS, (mark.registration_id, mark.edition, mark.jws, mark.issued_at))


async def latest(tx: Tx, registration_id: UUID) -> KeptMark | None:
    """The newest edition; None if none was signed."""
    return _of(await tx.fetchrow(LATEST, registration_id))


async def of_number(tx: Tx, number: str, edition: int) -> KeptMark | None:
    """The mark of a number that has this edition."""
    return _of(await tx.fetchrow(OF_NUMBER, number, edition))


async def names(tx: Tx, registration_id: UUID) -> list[str]:
    """The registrable names of the sites that are in the register under a number."""
    return [row["registrable"] for row in await tx.fetch(NAMES, registration_id)]


async def since(tx: Tx, registration_id: UUID) -> datetime:
    """Since when a registration has the status that it has."""
    at: datetime = await tx.fetchval(SINCE, registration_id)
    return at


async def sites(tx: Tx, registration_id: UUID, limit: int) -> tuple[list[SiteNow], int]:
    """The first sites of a number that have not ended, and how many there are."""
    rows = await tx.fetch(SITES, registration_id, limit)
    total: int = len(rows) if len(rows) < limit else await tx.fetchval(TOTAL, registration_id)
    return [SiteNow(row["ordinal"], row["status"], tuple(row["domains"]), row["since"]) for row in rows], total
