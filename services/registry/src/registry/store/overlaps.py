"""Measures that were carried out before a site had its name, and whose operators were told so (docs/adr/0026)."""

# ruff: noqa: S608 -- statements are put together from the column lists of other stores, nothing else

import zlib
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import UUID

from registry.store import executions
from registry.store.executions import Execution
from registry.store.sites import OwnedSite
from shared.contracts.ordering import ACTIONS, lineage
from shared.runtime.base.ids import uuid7
from shared.runtime.db.postgres import Tx

BUCKETS: Final = 256
"""So many locks stand for all names: whoever enters a thousand sites takes no more of them."""
# Who enters names holds them with others who enter names, and whoever carries a measure out holds them alone: the
# second of the two sees what the first wrote. In one order, so that two of them cannot block each other for good.
_BUCKETS: Final = "FROM (SELECT bucket FROM unnest($1::integer[]) AS bucket ORDER BY bucket) AS given"
ENTER: Final = f"SELECT count(pg_advisory_xact_lock_shared(hashtext('names'), bucket)) {_BUCKETS}"
HIT: Final = f"SELECT count(pg_advisory_xact_lock(hashtext('names'), bucket)) {_BUCKETS}"
# A found site by its name and those above it, among the names themselves; a site by its names, among those above them.
LYING: Final = f"""
SELECT {executions.COLUMNS} FROM execution
 WHERE status = 'carried_out' AND effect = ANY ($3) AND (until IS NULL OR until > $4)
   AND (subject ->> 'kind' = 'found_site' AND names_hit(subject, carried_out) && $1::text[]
        OR subject ->> 'kind' <> 'found_site' AND names_hit(subject, carried_out) && $2::text[])
 ORDER BY id
"""
# Of names that several doors give a site, or that it is told of again, the first keeps its row; but whom it was decided
# about while two entries were one is told of again when they are apart. What it challenged of before stays known.
KEEP: Final = """
INSERT INTO overlap AS known (execution_id, site_id, operator_id, name, id, kind, found_at)
SELECT $1, $2, $3, name, $5, $6, $7 FROM unnest($4::text[]) AS name ORDER BY name
ON CONFLICT (execution_id, site_id, operator_id, name) DO UPDATE
   SET id = excluded.id, kind = excluded.kind, found_at = excluded.found_at, told_before = known.id
 WHERE known.kind = 'own' AND excluded.kind <> 'own'
RETURNING name
"""
OF_ACT: Final = """
SELECT id, execution_id, site_id, name FROM overlap WHERE id = $1 OR told_before = $1 ORDER BY name
"""
OF_OPERATORS: Final = """
SELECT DISTINCT site_id FROM overlap WHERE operator_id = ANY ($1) AND kind = 'own' ORDER BY site_id
"""
FIRST_TOLD: Final = "SELECT min(found_at) FROM overlap WHERE execution_id = $1 AND site_id = $2 AND kind = $3"
FREED: Final = "SELECT name FROM overlap WHERE execution_id = $1 AND freed IS NOT NULL"
FREE: Final = "UPDATE overlap SET freed = $2 WHERE id = $1 AND freed IS NULL"
# What is spared is so by every order that was made after that was found: ids sort by when they were made. Of one that
# older code noted nobody knows which order it took back.
HIT_BY: Final = """
SELECT v.site_id, array_agg(DISTINCT v.name ORDER BY v.name) AS names
  FROM (SELECT *, CASE kind WHEN 'below' THEN id ELSE freed END AS spared FROM overlap WHERE execution_id = $1) v
 WHERE CASE WHEN v.spared IS NULL THEN v.kind = 'same' AND NOT $4::boolean
            ELSE $3::uuid IS NULL OR $3 < v.spared END
   AND EXISTS (SELECT FROM access a WHERE a.site_id = v.site_id AND a.provider_id = $2 AND a.status <> 'ended')
   AND EXISTS (SELECT FROM claim c WHERE c.site_id = v.site_id AND c.status = 'live'
                  AND right('.' || v.name, length(c.domain) + 1) = '.' || c.domain)
 GROUP BY v.site_id ORDER BY v.site_id
"""
SHARE: Final = "SELECT count(*) FROM (SELECT FROM site WHERE id = ANY ($1) ORDER BY id FOR KEY SHARE) AS held"
HOLDERS: Final = """
SELECT DISTINCT site_id FROM claim
 WHERE domain = ANY ($1) AND status = 'live' AND site_id IS DISTINCT FROM $2 ORDER BY site_id
"""


@dataclass(frozen=True, slots=True)
class Overlap:
    """Names of one site that one measure hits, as one operator was told."""

    id: UUID
    execution_id: UUID
    site_id: UUID
    names: tuple[str, ...]


def _buckets(names: Iterable[str]) -> list[int]:
    """By their last two labels: a name and whatever lies below it are in one."""
    last_two = {".".join(name.rsplit(".", 2)[-2:]) for name in names}
    return sorted({zlib.crc32(name.encode()) % BUCKETS for name in last_two})


async def entering(tx: Tx, names: Iterable[str]) -> None:
    """These names are given to sites: nobody carries out a measure that could hit them before that is committed."""
    await tx.fetchval(ENTER, _buckets(names))


async def hitting(tx: Tx, names: Iterable[str]) -> None:
    """A measure hits these names: nobody is given one of them, or one below, before that is committed."""
    await tx.fetchval(HIT, _buckets(names))


async def lying_on(tx: Tx, names: Collection[str], at: datetime) -> list[Execution]:
    """Measures in force about a found site at or below one of these names, or a site's name at or above one; by id."""
    above = sorted({each for name in names for each in lineage(name)})
    return [executions.of(row) for row in await tx.fetch(LYING, list(names), above, sorted(ACTIONS), at)]


async def keep(
    tx: Tx, execution: Execution, owned: OwnedSite, *, names: Sequence[str], kind: str, at: datetime
) -> Overlap | None:
    """Note that a measure hits these names of a site; of those of which that was noted before there is nothing new."""
    new, site = uuid7(), owned.site
    rows = await tx.fetch(KEEP, execution.id, site.id, owned.operator.id, list(names), new, kind, at)
    found = tuple(sorted(row["name"] for row in rows))
    return Overlap(new, execution.id, site.id, found) if found else None


async def first_told(tx: Tx, overlap: Overlap, kind: str) -> datetime:
    """Since when whoever had the site then knows of it: whoever has it next takes it with what was told."""
    since: datetime = await tx.fetchval(FIRST_TOLD, overlap.execution_id, overlap.site_id, kind)
    return since


async def get(tx: Tx, overlap_id: UUID) -> Overlap | None:
    """What an operator was told of."""
    rows = await tx.fetch(OF_ACT, overlap_id)
    if not rows:
        return None
    return Overlap(rows[0]["id"], rows[0]["execution_id"], rows[0]["site_id"], tuple(row["name"] for row in rows))


async def told_own(tx: Tx, operator_ids: Collection[UUID]) -> list[UUID]:
    """The sites of which these operators were told that a measure about a site of theirs hits them."""
    return [row["site_id"] for row in await tx.fetch(OF_OPERATORS, list(operator_ids))]


async def freed(tx: Tx, execution_id: UUID) -> set[str]:
    """The names that appeals took out of a measure: no order of it hits them any more, whoever has them by now."""
    return {row["name"] for row in await tx.fetch(FREED, execution_id)}


async def free(tx: Tx, overlap: Overlap) -> None:
    """An appeal took its names out of the measure."""
    await tx.execute(FREE, overlap.id, uuid7())


async def hit_by(
    tx: Tx, execution_id: UUID, provider_id: UUID, order_id: UUID | None, *, replaced: bool
) -> dict[UUID, list[str]]:
    """The names, by site, that this order of the execution hits at a provider and that are to be back without it.

    ``replaced``: another is in its place, which hits what was decided about, whoever has that by now.
    """
    rows = await tx.fetch(HIT_BY, execution_id, provider_id, order_id, replaced)
    return {row["site_id"]: row["names"] for row in rows}


async def holders(tx: Tx, names: Collection[str], except_site: UUID | None) -> list[UUID]:
    """The other sites that have these very names."""
    return [row["site_id"] for row in await tx.fetch(HOLDERS, list(names), except_site)]


async def share(tx: Tx, site_ids: Collection[UUID]) -> None:
    """Nobody else changes these sites until the transaction ends: in one order, as whoever notes them here needs it."""
    await tx.fetchval(SHARE, list(site_ids))
