"""The barred list: which names go with a bar, and every change of the list, numbered without a gap and chained."""

import hashlib
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import UUID

from shared.runtime.db.postgres import Tx


@dataclass(frozen=True, slots=True)
class Change:
    """One change of the list. ``entry`` is the JSON that was hashed, byte for byte."""

    seq: int
    execution_id: UUID
    change: str
    entry: str
    hash: str
    at: datetime
    holds: bool
    """Whether the bar is on the list now."""


# The names that a decision took off the register, and what is below them; but where others live below a name, or have
# lived before, the name alone: a bar reaches nobody else. www stands for the domain whose it is.
NAMES_OF: Final = """
SELECT named.domain, named.site_id,
       NOT EXISTS (SELECT FROM claim o
                    WHERE o.registrable = named.registrable AND o.status IN ('live', 'claimed')
                      AND o.operator_id <> $1 AND o.domain LIKE '%.' || named.domain) AS below
  FROM (SELECT DISTINCT c.registrable, c.site_id,
               CASE WHEN c.domain = 'www.' || c.registrable THEN c.registrable ELSE c.domain END AS domain
          FROM claim c JOIN site s ON s.id = c.site_id
         WHERE c.operator_id = $1 AND c.status = 'live' AND s.status = 'revoked') AS named
 ORDER BY 1, 2
"""
FREEZE: Final = """
INSERT INTO barred_name (execution_id, domain, site_id, below)
SELECT $1, domain, site_id, below FROM unnest($2::text[], $3::uuid[], $4::boolean[]) AS given (domain, site_id, below)
ON CONFLICT DO NOTHING
"""
FROZEN: Final = """
SELECT n.domain, bool_and(n.below) AS below FROM barred_name n JOIN site s ON s.id = n.site_id
 WHERE n.execution_id = $1 AND s.status = 'revoked' GROUP BY n.domain ORDER BY n.domain
"""
WITH_SITE: Final = "SELECT DISTINCT execution_id FROM barred_name WHERE site_id = $1 ORDER BY execution_id"
BARRED_NAMES: Final = """
SELECT n.domain, bool_or(n.below) AS below FROM barred_name n
  JOIN execution e ON e.id = n.execution_id JOIN site s ON s.id = n.site_id
 WHERE n.domain = ANY ($1) AND s.status = 'revoked' AND e.status = 'carried_out' AND e.appeals_open = '{}'
   AND e.bar_from <= $2 AND e.until > $2
 GROUP BY n.domain
"""
LOCK: Final = "SELECT pg_advisory_xact_lock(hashtext('barred_list'))"
HEAD: Final = "SELECT seq, hash FROM barred_change ORDER BY seq DESC LIMIT 1"
LISTED: Final = """
SELECT change = 'listed' FROM barred_change WHERE execution_id = $1 ORDER BY seq DESC LIMIT 1
"""
APPEND: Final = """
INSERT INTO barred_change (seq, execution_id, change, entry, hash, at) VALUES ($1, $2, $3, $4, $5, $6)
"""
CHANGES: Final = """
SELECT seq, execution_id, change, entry, hash, at,
       (SELECT l.change = 'listed' FROM barred_change l
         WHERE l.execution_id = c.execution_id ORDER BY l.seq DESC LIMIT 1) AS holds
  FROM barred_change c WHERE seq > $1 ORDER BY seq LIMIT $2
"""
WHOLE: Final = """
SELECT seq, execution_id, change, entry, hash, at, true AS holds FROM (
       SELECT DISTINCT ON (execution_id) * FROM barred_change WHERE seq <= $1 ORDER BY execution_id, seq DESC) AS latest
 WHERE change = 'listed' ORDER BY seq
"""


async def names_of(tx: Tx, operator_id: UUID) -> list[tuple[str, UUID, bool]]:
    """The names that a bar of an operator goes with: those of its sites that a decision took off the register, of
    which site each is, and whether what is below it is barred too."""
    return [tuple(row) for row in await tx.fetch(NAMES_OF, operator_id)]


async def freeze(tx: Tx, execution_id: UUID, names: Sequence[tuple[str, UUID, bool]]) -> None:
    """Keep the names that two people signed."""
    await tx.execute(FREEZE, execution_id, *map(list, zip(*names, strict=True)) if names else ([], [], []))


async def frozen(tx: Tx, execution_id: UUID) -> list[tuple[str, bool]]:
    """The names that go with a bar, each with whether what is below it is barred too; none of a site given back."""
    return [(row["domain"], row["below"]) for row in await tx.fetch(FROZEN, execution_id)]


async def with_site(tx: Tx, site_id: UUID) -> list[UUID]:
    """The bars that names of a site go with."""
    return [row["execution_id"] for row in await tx.fetch(WITH_SITE, site_id)]


async def barred_names(tx: Tx, names: Collection[str], at: datetime) -> dict[str, bool]:
    """Which of these names are barred now, each with whether what is below it is too; a site that was given back bars
    none. What they bar of whatever was asked about, ``barring`` says."""
    return {row["domain"]: row["below"] for row in await tx.fetch(BARRED_NAMES, list(names), at)}


def barring(barred: Mapping[str, bool], name: str, above: Iterable[str]) -> str | None:
    """The barred name that bars this one: itself, or one above it that is barred with what is below; none if none does.

    One that is barred alone bars itself alone, whatever else was asked about with it.
    """
    return next((each for each in (name, *above) if barred.get(each) or (each == name and each in barred)), None)


async def listed(tx: Tx, execution_id: UUID) -> bool:
    """Whether the list holds an entry for this bar."""
    return bool(await tx.fetchval(LISTED, execution_id))


async def append(tx: Tx, execution_id: UUID, change: str, entry: str, at: datetime) -> int:
    """Add a change under the next number; its hash covers everything before it. Gives the number."""
    await tx.execute(LOCK)
    seq, before = await head(tx)
    chained = hashlib.sha256(f"{before}\n{seq + 1}\n{change}\n{digest(entry)}".encode()).hexdigest()
    await tx.execute(APPEND, seq + 1, execution_id, change, entry, chained, at)
    return seq + 1


def digest(entry: str) -> str:
    """SHA-256 of an entry's text: it stands for the entry in the chain, also when that is told no more."""
    return hashlib.sha256(entry.encode()).hexdigest()


async def head(tx: Tx) -> tuple[int, str]:
    """The number and hash of the last change; 0 and nothing before the first."""
    row = await tx.fetchrow(HEAD)
    return (row["seq"], row["hash"]) if row else (0, "")


async def changes(tx: Tx, after: int, limit: int) -> list[Change]:
    """Changes after a number, oldest first."""
    return [Change(**dict(row)) for row in await tx.fetch(CHANGES, after, limit)]


async def whole(tx: Tx, seq: int) -> list[Change]:
    """The entries that the list holds at a number."""
    return [Change(**dict(row)) for row in await tx.fetch(WHOLE, seq)]
