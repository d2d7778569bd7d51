"""The barred list: which names go with a bar, and every change of the list, numbered without a gap and chained."""

import hashlib
from collections.abc import Collection, Sequence
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


# The registrable domain where nobody else has a name under it, else the site's own names: a bar never reaches others.
NAMES_OF: Final = """
SELECT DISTINCT CASE WHEN EXISTS (SELECT FROM claim o
                                   WHERE o.registrable = c.registrable AND o.status = 'live'
                                     AND o.operator_id <> c.operator_id)
                     THEN c.domain ELSE c.registrable END AS domain, c.site_id
  FROM claim c JOIN site s ON s.id = c.site_id
 WHERE c.operator_id = $1 AND c.status = 'live' AND s.status = 'revoked'
 ORDER BY 1, 2
"""
FREEZE: Final = """
INSERT INTO barred_name (execution_id, domain, site_id)
SELECT $1, domain, site_id FROM unnest($2::text[], $3::uuid[]) AS given (domain, site_id)
ON CONFLICT DO NOTHING
"""
FROZEN: Final = "SELECT domain FROM barred_name WHERE execution_id = $1 ORDER BY domain"
BARRED_NAMES: Final = """
SELECT n.domain FROM barred_name n
  JOIN execution e ON e.id = n.execution_id JOIN site s ON s.id = n.site_id
 WHERE n.domain = ANY ($1) AND s.status = 'revoked' AND e.status = 'carried_out' AND NOT e.appeal_open
   AND e.bar_from <= $2 AND e.until > $2
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
SELECT seq, execution_id, change, entry, hash, at FROM barred_change WHERE seq > $1 ORDER BY seq LIMIT $2
"""
WHOLE: Final = """
SELECT seq, execution_id, change, entry, hash, at FROM (
       SELECT DISTINCT ON (execution_id) * FROM barred_change WHERE seq <= $1 ORDER BY execution_id, seq DESC) AS latest
 WHERE change = 'listed' ORDER BY seq
"""


async def names_of(tx: Tx, operator_id: UUID) -> list[tuple[str, UUID]]:
    """The names that a bar of an operator goes with: those of its sites that a decision took off the register."""
    return [(row["domain"], row["site_id"]) for row in await tx.fetch(NAMES_OF, operator_id)]


async def freeze(tx: Tx, execution_id: UUID, names: Sequence[tuple[str, UUID]]) -> None:
    """Keep the names that two people signed."""
    await tx.execute(FREEZE, execution_id, [domain for domain, _ in names], [site_id for _, site_id in names])


async def frozen(tx: Tx, execution_id: UUID) -> tuple[str, ...]:
    """The names that go with a bar."""
    return tuple(row["domain"] for row in await tx.fetch(FROZEN, execution_id))


async def barred_names(tx: Tx, domains: Collection[str], at: datetime) -> set[str]:
    """Which of these names, or names above them, are barred now; a site that was given back bars none."""
    return {row["domain"] for row in await tx.fetch(BARRED_NAMES, list(domains), at)}


async def listed(tx: Tx, execution_id: UUID) -> bool:
    """Whether the list holds an entry for this bar."""
    return bool(await tx.fetchval(LISTED, execution_id))


async def append(tx: Tx, execution_id: UUID, change: str, entry: str, at: datetime) -> int:
    """Add a change under the next number; its hash covers everything before it. Gives the number."""
    await tx.execute(LOCK)
    seq, before = await head(tx)
    chained = hashlib.sha256(f"{before}\n{seq + 1}\n{change}\n{entry}".encode()).hexdigest()
    await tx.execute(APPEND, seq + 1, execution_id, change, entry, chained, at)
    return seq + 1


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
