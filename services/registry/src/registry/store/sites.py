"""Sites: their names (claims), where they are hosted (accesses, addresses), and every version they had."""

# ruff: noqa: S608 -- statements are put together from the column lists of this file, nothing else

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from uuid import UUID

import asyncpg

from registry.errors import UnknownSite
from registry.lifecycle import SITE, SiteAction, SiteStatus
from registry.store import registrations
from registry.store.operators import Operator
from registry.store.registrations import Owned, Registration
from shared.contracts.registry import Burden, SiteRecordedV1
from shared.contracts.subjects import AccessRecord, FrozenSite, Neighbour
from shared.runtime.acts.moves import Moves
from shared.runtime.base.ids import uuid7
from shared.runtime.db.at_commit import AppendOnly, insert_at_commit
from shared.runtime.db.postgres import Tx


@dataclass(frozen=True, slots=True)
class Name:
    """A host name as given, as compared, and the registrable domain it lies under."""

    raw: str
    ascii: str
    registrable: str


@dataclass(frozen=True, slots=True)
class Access:
    """A site at a provider."""

    id: UUID
    provider_id: UUID
    ips: tuple[str, ...]
    hosting_mode: str
    region: str
    status: str

    @property
    def dedicated(self) -> bool:
        """Whether its addresses serve this operator alone."""
        return self.hosting_mode == "dedicated"

    @property
    def record(self) -> AccessRecord:
        """As facts tell it."""
        return AccessRecord(
            access_id=self.id, provider_id=self.provider_id, ips=self.ips, hosting_mode=self.hosting_mode,
            region=self.region, status=self.status,
        )  # fmt: skip


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
            registration=self.registration.record, burdens=site.burdens, changed_at=site.changed_at,
        )  # fmt: skip


_BURDENS: Final = """ARRAY(SELECT jsonb_build_object('execution_id', e.id, 'decision_id', e.decision_id,
                                       'effect', e.effect, 'until', e.until)
               FROM execution e WHERE e.site_id = site.id AND e.status = 'carried_out' ORDER BY e.id)"""
COLUMNS: Final = f"""id, version, registration_id, ordinal, name, service_items, status, changed_at,
       ARRAY(SELECT c.domain FROM claim c WHERE c.site_id = site.id AND c.amendment_id IS NULL
                AND c.status <> 'released' ORDER BY c.place) AS domains,
       ARRAY(SELECT (a.id, a.provider_id, a.ips, a.hosting_mode, a.region, a.status)
               FROM access a WHERE a.site_id = site.id AND a.status <> 'ended' ORDER BY a.place) AS accesses,
       {_BURDENS} AS burdens"""
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
BY_DOMAIN: Final = """
SELECT site_id FROM claim WHERE domain = ANY ($1) AND status IN ('claimed', 'live') AND amendment_id IS NULL
 ORDER BY length(domain) DESC LIMIT 1
"""
MANY: Final = f"SELECT {COLUMNS} FROM site WHERE id = ANY ($1)"
# A name is taken by inserting it: of two who want it one gets it. What an undecided application claimed for too long
# is given to whoever asks; a site's own name may be claimed again by the site itself.
CLAIM: Final = """
INSERT INTO claim AS held (domain, raw, registrable, site_id, operator_id, amendment_id, place, status, claimed_until)
SELECT domain, raw, registrable, $4, $5, $6, $7 + place, 'claimed', $8
  FROM unnest($1::text[], $2::text[], $3::text[]) WITH ORDINALITY AS given (domain, raw, registrable, place)
 ORDER BY domain
ON CONFLICT (domain) WHERE status IN ('claimed', 'live') DO UPDATE
   SET raw = excluded.raw, site_id = excluded.site_id, operator_id = excluded.operator_id,
       amendment_id = excluded.amendment_id, place = excluded.place, claimed_until = excluded.claimed_until
 WHERE held.status = 'claimed' AND held.claimed_until < $9
RETURNING domain
"""
HELD_BY: Final = """
SELECT domain, site_id, operator_id FROM claim
 WHERE domain = ANY ($1) AND (status = 'live' OR status = 'claimed' AND claimed_until >= $2)
"""
MAKE_LIVE: Final = """
UPDATE claim SET status = 'live', claimed_until = NULL, amendment_id = NULL
 WHERE site_id = $1 AND status = 'claimed' AND amendment_id IS NOT DISTINCT FROM $2
RETURNING domain
"""
RELEASE: Final = """
UPDATE claim SET status = 'released', claimed_until = NULL
 WHERE site_id = $1 AND status <> 'released' AND ($2::text[] IS NULL OR domain = ANY ($2))
"""
RELEASE_PROPOSED: Final = """
UPDATE claim SET status = 'released', claimed_until = NULL WHERE amendment_id = $1 AND status = 'claimed'
"""
REORDER: Final = """
UPDATE claim SET place = given.place
  FROM unnest($2::text[]) WITH ORDINALITY AS given (domain, place)
 WHERE claim.site_id = $1 AND claim.domain = given.domain AND claim.status = 'live'
"""
# An address is taken the same way: shared by anybody, or dedicated to one operator alone.
USE_ADDRESSES: Final = """
INSERT INTO address AS held (ip, dedicated, operator_id, uses)
SELECT ip, $2, $3, 1 FROM unnest($1::text[]) AS given (ip) ORDER BY ip
ON CONFLICT (ip) DO UPDATE
   SET uses = held.uses + 1, dedicated = held.dedicated OR excluded.dedicated, operator_id = excluded.operator_id
 WHERE held.operator_id = excluded.operator_id AND (NOT excluded.dedicated OR NOT EXISTS (
           SELECT FROM access a JOIN site s ON s.id = a.site_id JOIN registration r ON r.id = s.registration_id
            WHERE a.ips @> ARRAY[held.ip] AND a.status <> 'ended' AND r.operator_id <> excluded.operator_id))
    OR NOT held.dedicated AND NOT excluded.dedicated
RETURNING ip
"""
ADDRESSES: Final = "SELECT ip, dedicated, operator_id FROM address WHERE ip = ANY ($1)"
LEAVE_ADDRESSES: Final = """
WITH left_ AS (
    UPDATE address SET uses = uses - 1 WHERE ip = ANY ($1) AND uses > 1 RETURNING ip)
DELETE FROM address WHERE ip = ANY ($1) AND ip NOT IN (SELECT ip FROM left_)
"""
RELEASED: Final = """
SELECT DISTINCT ON (domain) domain, raw, registrable FROM claim WHERE site_id = $1 AND status = 'released'
 ORDER BY domain
"""
ENDED_ACCESSES: Final = """
SELECT provider_id, ips, hosting_mode, region FROM access WHERE site_id = $1 AND status = 'ended' ORDER BY place
"""
GIVE_CLAIMS: Final = "UPDATE claim SET operator_id = $2 WHERE site_id = $1 AND status = 'live'"
GIVE_ADDRESSES: Final = "UPDATE address SET operator_id = $2 WHERE ip = ANY ($1)"
ADD_ACCESS: Final = """
INSERT INTO access (id, site_id, place, provider_id, ips, hosting_mode, region, status)
VALUES ($1, $2, (SELECT coalesce(max(place), 0) + 1 FROM access WHERE site_id = $2), $3, $4, $5, $6, 'live')
"""
MOVE_ACCESSES: Final = (
    "UPDATE access SET status = $3 WHERE site_id = $1 AND status = $2 AND ($4::uuid[] IS NULL OR id = ANY ($4))"
)
VERSION_AT: Final = """
SELECT record, cause, at FROM site_version WHERE site_id = $1 AND at <= $2 ORDER BY version DESC LIMIT 1
"""
LIVE_SITES: Final = "SELECT count(*) FROM site WHERE registration_id = $1 AND status <> 'ended'"
NEIGHBOURS: Final = """
SELECT s.id, r.number || '-' || s.ordinal AS number, s.name,
       ARRAY(SELECT c.domain FROM claim c WHERE c.site_id = s.id AND c.status = 'live' ORDER BY c.place) AS hosts,
       ARRAY(SELECT DISTINCT ip FROM access x, unnest(x.ips) ip
              WHERE x.site_id = s.id AND x.status <> 'ended' AND ip = ANY ($1) ORDER BY ip) AS shares
  FROM site s JOIN registration r ON r.id = s.registration_id
 WHERE s.id IN (SELECT a.site_id FROM access a WHERE a.ips && $1::text[] AND a.status <> 'ended')
   AND s.id IS DISTINCT FROM $2 AND s.status IN ('live', 'stopped')
 ORDER BY s.id LIMIT $3
"""
BELOW: Final = """
SELECT domain FROM claim
 WHERE registrable = ANY ($1) AND status = 'live' AND site_id <> $2
   AND EXISTS (SELECT FROM unnest($3::text[]) host WHERE domain LIKE '%.' || host)
 ORDER BY domain
"""


def of(row: asyncpg.Record) -> Site:
    """A row of COLUMNS."""
    values = dict(row)
    return Site(**{
        **values, "status": SiteStatus(values["status"]), "service_items": tuple(values["service_items"]),
        "domains": tuple(values["domains"]),
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
    """One site, held with its operator and registration, in that order. Raises UnknownSite."""
    registration_id = await tx.fetchval("SELECT registration_id FROM site WHERE id = $1", site_id)
    if registration_id is None:
        raise UnknownSite(site_id=site_id)
    owned = await registrations.hold(tx, registration_id)
    await tx.execute("SELECT FROM site WHERE id = $1 FOR UPDATE", site_id)
    row = await tx.fetchrow(GET, site_id)
    if row is None or row["registration_id"] != registration_id:
        raise UnknownSite(site_id=site_id)  # transferred at this very moment
    return OwnedSite(of(row), owned.registration, owned.operator)


async def of_registration(tx: Tx, owned: Owned, limit: int) -> list[OwnedSite]:
    """The sites of a registration, in the order of their numbers."""
    rows = await tx.fetch(OF_REGISTRATION, owned.registration.id, limit)
    return [OwnedSite(of(row), owned.registration, owned.operator) for row in rows]


async def many(tx: Tx, site_ids: Collection[UUID]) -> dict[UUID, Site]:
    """Several sites by id."""
    return {row["id"]: of(row) for row in await tx.fetch(MANY, list(site_ids))}


async def by_domain(tx: Tx, names: Sequence[str]) -> UUID | None:
    """The site that holds the longest of these names."""
    found: UUID | None = await tx.fetchval(BY_DOMAIN, list(names))
    return found


async def claim(
    tx: Tx, site_id: UUID, operator_id: UUID, names: Sequence[Name], *, amendment_id: UUID | None, until: datetime,
    at: datetime, first_place: int = 0,
) -> list[str]:  # fmt: skip
    """Claim names for a site; gives those that another holds."""
    rows = await tx.fetch(
        CLAIM, [name.ascii for name in names], [name.raw for name in names], [name.registrable for name in names],
        site_id, operator_id, amendment_id, first_place, until, at,
    )  # fmt: skip
    got = {row["domain"] for row in rows}
    return [name.ascii for name in names if name.ascii not in got]


async def held_by(tx: Tx, domains: Sequence[str], at: datetime) -> dict[str, tuple[UUID, UUID]]:
    """Who holds which of these names: site and operator."""
    return {row["domain"]: (row["site_id"], row["operator_id"]) for row in await tx.fetch(HELD_BY, list(domains), at)}


async def make_live(tx: Tx, site_id: UUID, *, amendment_id: UUID | None) -> set[str]:
    """What was claimed is the site's from now on; gives those names. One that was lost meanwhile is not among them."""
    return {row["domain"] for row in await tx.fetch(MAKE_LIVE, site_id, amendment_id)}


async def release(tx: Tx, site_id: UUID, domains: Sequence[str] | None = None) -> None:
    """Give names back: these, or all."""
    await tx.execute(RELEASE, site_id, None if domains is None else list(domains))


async def release_proposed(tx: Tx, amendment_id: UUID) -> None:
    """Give back what a proposal had claimed."""
    await tx.execute(RELEASE_PROPOSED, amendment_id)


async def reorder(tx: Tx, site_id: UUID, domains: Sequence[str]) -> None:
    """Put the names into this order."""
    await tx.execute(REORDER, site_id, list(domains))


async def addresses(tx: Tx, ips: Collection[str]) -> dict[str, tuple[bool, UUID]]:
    """Of these addresses those in use: whether dedicated, and by which operator (last)."""
    return {row["ip"]: (row["dedicated"], row["operator_id"]) for row in await tx.fetch(ADDRESSES, list(ips))}


async def add_access(tx: Tx, site_id: UUID, operator_id: UUID, access: Access) -> list[str]:
    """Host a site at a provider; gives the addresses that are taken, and then nothing was written."""
    got = await tx.fetch(USE_ADDRESSES, sorted(access.ips), access.dedicated, operator_id)
    if len(got) != len(access.ips):
        kept = {row["ip"] for row in got}
        return [ip for ip in access.ips if ip not in kept]
    await tx.execute(
        ADD_ACCESS, access.id, site_id, access.provider_id, list(access.ips), access.hosting_mode, access.region
    )
    return []


async def end_accesses(tx: Tx, site_id: UUID, accesses: Sequence[Access]) -> None:
    """A site is no longer hosted there."""
    for access in accesses:
        await tx.execute(MOVE_ACCESSES, site_id, access.status, "ended", [access.id])
        await tx.execute(LEAVE_ADDRESSES, list(access.ips))


async def stop_accesses(tx: Tx, site_id: UUID) -> None:
    """A measure stops the site's access everywhere."""
    await tx.execute(MOVE_ACCESSES, site_id, "live", "stopped", None)


async def resume_accesses(tx: Tx, site_id: UUID) -> None:
    """No measure stops it any more."""
    await tx.execute(MOVE_ACCESSES, site_id, "stopped", "live", None)


async def given_back(tx: Tx, site_id: UUID) -> tuple[list[Name], list[Access]]:
    """The names and accesses that a site had when it was dropped."""
    names = [Name(row["raw"], row["domain"], row["registrable"]) for row in await tx.fetch(RELEASED, site_id)]
    accesses = [
        Access(uuid7(), row["provider_id"], tuple(row["ips"]), row["hosting_mode"], row["region"], "live")
        for row in await tx.fetch(ENDED_ACCESSES, site_id)
    ]
    return names, accesses


async def give_to(tx: Tx, owned: OwnedSite, operator_id: UUID) -> None:
    """Names and addresses of a site are another operator's from now on."""
    await tx.execute(GIVE_CLAIMS, owned.site.id, operator_id)
    ips = sorted({ip for access in owned.site.accesses for ip in access.ips})
    await tx.execute(GIVE_ADDRESSES, ips, operator_id)


def keep_version(tx: Tx, owned: OwnedSite, cause: dict[str, Any]) -> None:
    """Keep the site's record as it is now, and why it became so."""
    record = owned.recorded.model_dump(mode="json")
    insert_at_commit(tx, VERSIONS, (owned.site.id, owned.site.version, record, cause, owned.site.changed_at))


async def version_at(tx: Tx, site_id: UUID, at: datetime) -> tuple[SiteRecordedV1, dict[str, Any], datetime] | None:
    """The record of a site as it was at a time, with its cause and since when."""
    row = await tx.fetchrow(VERSION_AT, site_id, at)
    return (SiteRecordedV1.model_validate(row["record"]), row["cause"], row["at"]) if row else None


async def live_sites(tx: Tx, registration_id: UUID) -> int:
    """How many sites of a registration have not ended."""
    count: int = await tx.fetchval(LIVE_SITES, registration_id)
    return count


async def frozen(tx: Tx, owned: OwnedSite, registrables: Sequence[str]) -> FrozenSite:
    """The site as it is now, for what is decided about it; with the names below its own that are others'."""
    below = await tx.fetch(BELOW, list(registrables), owned.site.id, list(owned.site.domains))
    return FrozenSite(
        site_id=owned.site.id, version=owned.site.version, number=owned.number, name=owned.site.name,
        hosts=owned.site.domains, spared=tuple(row["domain"] for row in below),
        accesses=tuple(access.record for access in owned.site.accesses),
    )  # fmt: skip


async def neighbours(tx: Tx, ips: Sequence[str], except_site: UUID | None, limit: int) -> list[Neighbour]:
    """Other sites on these addresses, by id."""
    return [
        Neighbour(
            site_id=row["id"],
            number=row["number"],
            name=row["name"],
            hosts=tuple(row["hosts"]),
            shares=tuple(row["shares"]),
        )
        for row in await tx.fetch(NEIGHBOURS, list(ips), except_site, limit)
    ]
