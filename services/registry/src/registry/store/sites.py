"""Sites, with their names and accesses, and every version they had."""

# ruff: noqa: S608 -- statements are put together from the column lists of this file, nothing else

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from uuid import UUID

import asyncpg
import orjson

from registry.errors import UnknownSite
from registry.lifecycle import SITE, SiteAction, SiteStatus
from registry.store import registrations
from registry.store.accesses import Access
from registry.store.operators import Operator
from registry.store.registrations import Owned, Registration
from shared.contracts.registry import Burden, SiteRecordedV1
from shared.contracts.subjects import FrozenSite, Neighbour, Neighbours
from shared.runtime.acts.moves import Moves
from shared.runtime.base.problems import TryAgain
from shared.runtime.db.at_commit import AppendOnly, insert_at_commit
from shared.runtime.db.postgres import Tx


@dataclass(frozen=True, slots=True)
class Site:
    """A site with its names (A-label form, in the order given), its accesses that have not ended, and its burdens."""

    id: UUID
    version: int
    registration_id: UUID
    ordinal: int
    name: str
    service_items: tuple[str, ...]
    status: SiteStatus
    changed_at: datetime
    domains: tuple[str, ...]
    accesses: tuple[Access, ...]
    burdens: tuple[Burden, ...]
    former_numbers: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class OwnedSite:
    """A site with its registration and operator: what the policy needs to know of it."""

    site: Site
    registration: Registration
    operator: Operator

    @property
    def organisation(self) -> str:
        """Whose people may see it."""
        return self.operator.identity

    @property
    def region(self) -> str:
        """Whose desk it is on."""
        return self.registration.region

    @property
    def level(self) -> str:
        """Put to the ministry or to a province."""
        return self.registration.level

    @property
    def number(self) -> str:
        """Its number, e.g. 京ICP备10046444号-1; empty before it is granted."""
        return f"{self.registration.number}-{self.site.ordinal}" if self.registration.number else ""

    @property
    def recorded(self) -> SiteRecordedV1:
        """The whole current record, as facts tell it; it must have its number."""
        site = self.site
        return SiteRecordedV1(
            site_id=site.id, version=site.version, number=self.number, name=site.name, domains=site.domains,
            service_items=site.service_items, status=site.status,
            accesses=tuple(access.record for access in site.accesses), operator=self.operator.record,
            registration=self.registration.standing, burdens=site.burdens,
            former_numbers=site.former_numbers, changed_at=site.changed_at,
        )  # fmt: skip


_BURDENS: Final = """ARRAY(SELECT jsonb_build_object('execution_id', e.id, 'decision_id', e.decision_id,
                                       'effect', e.effect, 'until', e.until)
               FROM execution e WHERE e.site_id = site.id AND e.status = 'carried_out' ORDER BY e.id)"""
COLUMNS: Final = f"""id, version, registration_id, ordinal, name, service_items, status, changed_at,
       ARRAY(SELECT c.domain FROM claim c WHERE c.site_id = site.id AND c.amendment_id IS NULL
                AND c.status <> 'released' ORDER BY c.place) AS domains,
       ARRAY(SELECT (a.id, a.provider_id, a.ips, a.hosting_mode, a.region, a.status)
               FROM access a WHERE a.site_id = site.id AND a.status <> 'ended' ORDER BY a.place) AS accesses,
       {_BURDENS} AS burdens, former_numbers"""
VERSIONS: Final = AppendOnly(
    "site_version",
    {"site_id": "uuid", "version": "bigint", "record": "jsonb", "cause": "jsonb", "at": "timestamptz"},
)
ADD: Final = """
INSERT INTO site (id, registration_id, ordinal, name, service_items, status, changed_at)
VALUES ($1, $2, $3, $4, $5, 'proposed', $6)
"""
GET: Final = f"SELECT {COLUMNS} FROM site WHERE id = $1"
OF_REGISTRATION: Final = f"SELECT {COLUMNS} FROM site WHERE registration_id = $1 ORDER BY ordinal LIMIT $2"
MANY: Final = f"SELECT {COLUMNS} FROM site WHERE id = ANY ($1)"
VERSION_AT: Final = """
SELECT record, cause, at FROM site_version WHERE site_id = $1 AND at <= $2 ORDER BY version DESC LIMIT 1
"""
LIVE_SITES: Final = "SELECT count(*) FROM site WHERE registration_id = $1 AND status <> 'ended'"
_NEAR: Final = """s.id IN (SELECT a.site_id FROM access a WHERE a.ips && $1::text[] AND a.status <> 'ended')
   AND s.id IS DISTINCT FROM $2 AND s.status IN ('live', 'stopped')"""
NEIGHBOURS: Final = f"""
SELECT s.id, r.number || '-' || s.ordinal AS number, s.name,
       ARRAY(SELECT c.domain FROM claim c WHERE c.site_id = s.id AND c.status = 'live' ORDER BY c.place) AS hosts,
       ARRAY(SELECT DISTINCT ip FROM access x, unnest(x.ips) ip
              WHERE x.site_id = s.id AND x.status <> 'ended' AND ip = ANY ($1) ORDER BY ip) AS shares
  FROM site s JOIN registration r ON r.id = s.registration_id
 WHERE {_NEAR}
 ORDER BY s.id LIMIT $3
"""
ALL_NEIGHBOURS: Final = f"""
SELECT count(*) AS total,
       ARRAY(SELECT DISTINCT c.domain FROM site s JOIN claim c ON c.site_id = s.id AND c.status = 'live',
                    unnest($3::text[]) AS suffix
              WHERE {_NEAR} AND '.' || c.domain LIKE '%.' || suffix ORDER BY c.domain) AS protected
  FROM site s WHERE {_NEAR}
"""
UNFREE: Final = """
SELECT s.id FROM site s
 WHERE s.registration_id = $1 AND (s.status IN ('stopped', 'revoked') OR EXISTS (
           SELECT FROM execution e WHERE e.site_id = s.id AND s.status <> 'ended' AND (
               e.status IN ('received', 'accepted') OR e.status = 'carried_out' AND e.effect = ANY ($2))))
 LIMIT 1
"""
RENUMBER: Final = """
UPDATE site SET registration_id = $2, ordinal = given.ordinal,
       former_numbers = array_append(
           array_remove(site.former_numbers, after.number || '-' || given.ordinal),
           before.number || '-' || site.ordinal)
  FROM unnest($1::uuid[], $3::integer[]) AS given (id, ordinal), registration after, registration before
 WHERE site.id = given.id AND after.id = $2 AND before.id = site.registration_id
"""
# What others know of an operator is in the records of its sites: they are told anew, and open proposals go on.
TOUCH: Final = f"""
UPDATE site SET version = version + 1, changed_at = $2
 WHERE registration_id IN (SELECT r.id FROM registration r WHERE r.operator_id = $1)
   AND status NOT IN ('proposed', 'ended')
RETURNING {COLUMNS}
"""
TOUCH_OF: Final = f"""
UPDATE site SET version = version + 1, changed_at = $2
 WHERE registration_id = $1 AND status NOT IN ('proposed', 'ended')
RETURNING {COLUMNS}
"""
TOUCH_THESE: Final = f"""
UPDATE site SET version = version + 1, changed_at = $2
 WHERE id = ANY ($1) AND status NOT IN ('proposed', 'ended')
RETURNING {COLUMNS}
"""
KEEP_FRESH: Final = """
UPDATE amendment SET base_version = base_version + 1
 WHERE site_id = ANY ($1) AND status = 'proposed' AND kind <> 'add_site'
"""
BELOW: Final = """
SELECT domain FROM claim
 WHERE registrable = ANY ($1) AND status = 'live' AND site_id <> $2
   AND EXISTS (SELECT FROM unnest($3::text[]) host WHERE right(domain, length(host) + 1) = '.' || host)
 ORDER BY domain
"""


def of(row: asyncpg.Record) -> Site:
    """A row of COLUMNS."""
    values = dict(row)
    return Site(**{
        **values, "status": SiteStatus(values["status"]), "service_items": tuple(values["service_items"]),
        "domains": tuple(values["domains"]), "former_numbers": tuple(values["former_numbers"]),
        "accesses": tuple(
            Access(key, provider, tuple(ips), mode, region, status)
            for key, provider, ips, mode, region, status in values["accesses"]
        ),
        "burdens": tuple(Burden.model_validate(burden) for burden in values["burdens"]),
    })  # fmt: skip


MOVES: Final[Moves[Site, SiteStatus, SiteAction]] = Moves(SITE, table="site", columns=COLUMNS, read=of)


async def add(
    tx: Tx, site_id: UUID, registration_id: UUID, ordinal: int, *, name: str, items: Sequence[str], at: datetime
) -> None:
    """A site that is asked for."""
    await tx.execute(ADD, site_id, registration_id, ordinal, name, list(items), at)


async def get(tx: Tx, site_id: UUID) -> OwnedSite:
    """One site with its registration and operator. Raises UnknownSite."""
    row = await tx.fetchrow(GET, site_id)
    if row is None:
        raise UnknownSite(site_id=site_id)
    owned = await registrations.get(tx, row["registration_id"])
    return OwnedSite(of(row), owned.registration, owned.operator)


async def hold(tx: Tx, site_id: UUID) -> OwnedSite:
    """One site, held with its operator and registration, in that order. Raises UnknownSite, TryAgain."""
    registration_id = await tx.fetchval("SELECT registration_id FROM site WHERE id = $1", site_id)
    if registration_id is None:
        raise UnknownSite(site_id=site_id)
    owned = await registrations.hold(tx, registration_id)
    await tx.execute("SELECT FROM site WHERE id = $1 FOR UPDATE", site_id)
    row = await tx.fetchrow(GET, site_id)
    if row is None or row["registration_id"] != registration_id:
        raise TryAgain(retry_after=1)  # it was transferred at this very moment
    return OwnedSite(of(row), owned.registration, owned.operator)


async def of_registration(tx: Tx, owned: Owned, limit: int) -> list[OwnedSite]:
    """The sites of a registration, in the order of their numbers."""
    rows = await tx.fetch(OF_REGISTRATION, owned.registration.id, limit)
    return [OwnedSite(of(row), owned.registration, owned.operator) for row in rows]


async def under_measure(tx: Tx, registration_id: UUID, holding: Collection[str]) -> bool:
    """Whether a measure with one of these effects lies on a site of a number, or any is being decided about."""
    return await tx.fetchval(UNFREE, registration_id, sorted(holding)) is not None


async def renumber(tx: Tx, registration_id: UUID, ordinals: dict[UUID, int]) -> None:
    """Put held sites under another number, each as its so many-th; whoever does moves them besides."""
    await tx.execute(RENUMBER, list(ordinals), registration_id, list(ordinals.values()))


async def many(tx: Tx, site_ids: Collection[UUID]) -> dict[UUID, Site]:
    """Several sites by id."""
    return {row["id"]: of(row) for row in await tx.fetch(MANY, list(site_ids))}


async def owned(tx: Tx, site_ids: Collection[UUID]) -> dict[UUID, OwnedSite]:
    """Several sites by id, each with its registration and operator."""
    return {each.site.id: each for each in await _owned(tx, list((await many(tx, site_ids)).values()))}


async def keep_fresh(tx: Tx, site_ids: Collection[UUID]) -> None:
    """What is proposed about these sites goes on although they have a new version: nothing of what it changes has."""
    await tx.execute(KEEP_FRESH, list(site_ids))


async def touch_all(tx: Tx, operator: Operator, at: datetime) -> list[OwnedSite]:
    """Give every site of a held operator a new version: what is known of the operator has changed."""
    touched = [of(row) for row in await tx.fetch(TOUCH, operator.id, at)]
    await tx.execute(KEEP_FRESH, [site.id for site in touched])
    return await _owned(tx, touched)


async def touch_these(tx: Tx, site_ids: Collection[UUID], at: datetime) -> list[OwnedSite]:
    """Give these sites of held operators, as far as they are in the register, a new version; whoever does keeps fresh
    what is proposed about them."""
    return await _owned(tx, [of(row) for row in await tx.fetch(TOUCH_THESE, list(site_ids), at)])


async def _owned(tx: Tx, found: Sequence[Site]) -> list[OwnedSite]:
    owners = await registrations.many(tx, {site.registration_id for site in found})
    return [
        OwnedSite(site, owners[site.registration_id].registration, owners[site.registration_id].operator)
        for site in found
    ]


async def touch_of(tx: Tx, owned: Owned, at: datetime) -> list[OwnedSite]:
    """Give every site of a held registration a new version: what stands on its number has changed."""
    touched = [of(row) for row in await tx.fetch(TOUCH_OF, owned.registration.id, at)]
    await tx.execute(KEEP_FRESH, [site.id for site in touched])
    return [OwnedSite(site, owned.registration, owned.operator) for site in touched]


def keep_versions(tx: Tx, records: Sequence[SiteRecordedV1], cause: dict[str, Any]) -> None:
    """Keep the records of sites as they are now, and why they became so."""
    rows = ((each.site_id, each.version, orjson.Fragment(each.as_json), cause, each.changed_at) for each in records)
    insert_at_commit(tx, VERSIONS, *rows)


async def version_at(tx: Tx, site_id: UUID, at: datetime) -> tuple[SiteRecordedV1, dict[str, Any], datetime] | None:
    """The record of a site as it was at a time, with its cause and since when."""
    row = await tx.fetchrow(VERSION_AT, site_id, at)
    return (SiteRecordedV1.model_validate(row["record"]), row["cause"], row["at"]) if row else None


async def live_sites(tx: Tx, registration_id: UUID) -> int:
    """How many sites of a registration have not ended."""
    count: int = await tx.fetchval(LIVE_SITES, registration_id)
    return count


async def frozen(tx: Tx, owned: OwnedSite, hit: Sequence[str], registrables: Sequence[str]) -> FrozenSite:
    """The site as it is now, for what is decided about it; with the names that are others' below those that are hit.

    ``hit``: its own, and what it had when it was decided about; ``registrables``: the domains in which those lie.
    """
    below = await tx.fetch(BELOW, list(registrables), owned.site.id, list(hit))
    return FrozenSite(
        site_id=owned.site.id, version=owned.site.version, number=owned.number, name=owned.site.name,
        hosts=owned.site.domains, spared=tuple(row["domain"] for row in below),
        accesses=tuple(access.record for access in owned.site.accesses),
    )  # fmt: skip


async def neighbours(
    tx: Tx, ips: Sequence[str], except_site: UUID | None, limit: int, protected: Sequence[str]
) -> Neighbours:
    """Other sites on these addresses: so many of them, how many there are, and which names are protected."""
    everybody = await tx.fetchrow(ALL_NEIGHBOURS, list(ips), except_site, list(protected))
    if everybody is None:
        raise TypeError("a count is always one row")
    listed = tuple(
        Neighbour(
            site_id=row["id"],
            number=row["number"],
            name=row["name"],
            hosts=tuple(row["hosts"]),
            shares=tuple(row["shares"]),
        )
        for row in await tx.fetch(NEIGHBOURS, list(ips), except_site, limit)
    )
    return Neighbours(listed, max(everybody["total"], len(listed)), tuple(everybody["protected"]))
