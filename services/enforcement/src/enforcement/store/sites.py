"""The register as enforcement knows it: a copy of registry-sites, found by name and by address; and providers."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import UUID

import asyncpg

from shared.contracts.access import ProviderRecordedV1
from shared.contracts.grounds import AuthorityRef
from shared.contracts.registry import SiteRecordedV1
from shared.contracts.subjects import FrozenSite, Neighbour, Neighbours
from shared.rules.identifiers import normalise_domain
from shared.runtime.db.postgres import Tx
from shared.runtime.events import inbox


@dataclass(frozen=True, slots=True)
class Provider:
    """A provider."""

    provider_id: UUID
    name: str
    region: str
    supervisor: AuthorityRef | None
    """Of a public-interest network: who passes orders on."""


CONSUMER: Final = "enforcement"
"""Who reads the register here."""
PUT: Final = """
INSERT INTO site AS known (site_id, version, status, record, operator_id, region, level, domains, registrables, ips,
                           changed_at)
SELECT DISTINCT ON (site_id) site_id, version, status, record, operator_id, region, level,
       ARRAY(SELECT jsonb_array_elements_text(domains)), ARRAY(SELECT jsonb_array_elements_text(registrables)),
       ARRAY(SELECT jsonb_array_elements_text(ips)), changed_at
  FROM jsonb_to_recordset($1::jsonb) AS given (
       site_id uuid, version bigint, status text, record jsonb, operator_id uuid, region text, level text,
       domains jsonb, registrables jsonb, ips jsonb, changed_at timestamptz)
 ORDER BY site_id, version DESC
ON CONFLICT (site_id) DO UPDATE
   SET (version, status, record, operator_id, region, level, domains, registrables, ips, changed_at)
     = (excluded.version, excluded.status, excluded.record, excluded.operator_id, excluded.region, excluded.level,
        excluded.domains, excluded.registrables, excluded.ips, excluded.changed_at)
 WHERE known.version < excluded.version
"""
GET: Final = "SELECT record FROM site WHERE site_id = $1"
# The longest of the names first; what is in the register before what has ended, the newest first.
FIND: Final = """
SELECT record FROM site, unnest(domains) AS name
 WHERE domains && $1::text[] AND name = ANY ($1)
 ORDER BY length(name) DESC, status <> 'ended' DESC, changed_at DESC
 LIMIT 1
"""
OF_OPERATOR: Final = """
SELECT record FROM site
 WHERE record->'operator'->>'identity' = coalesce(
           (SELECT survivor FROM operator_alias WHERE merged = $1 AND stands AND NOT $2::boolean LIMIT 1), $1)
 ORDER BY changed_at DESC LIMIT 1
"""
BELOW: Final = """
SELECT DISTINCT name FROM site, unnest(domains) AS name
 WHERE registrables && $1::text[] AND site_id <> $2 AND status IN ('live', 'stopped')
   AND EXISTS (SELECT FROM unnest($3::text[]) host WHERE name LIKE '%.' || host)
 ORDER BY name
"""
# From `served_name` alone, which a trigger keeps: by an index that holds all that is asked, however many there are.
NEIGHBOURS: Final = """
WITH near AS MATERIALIZED (
     SELECT DISTINCT site_id FROM served_name WHERE ip = ANY ($1) AND site_id IS DISTINCT FROM $2)
SELECT site_id, record->>'number' AS number, record->>'name' AS name, domains,
       ARRAY(SELECT ip FROM unnest(ips) ip WHERE ip = ANY ($1) ORDER BY ip) AS shares
  FROM site
 WHERE site_id IN (SELECT site_id FROM near ORDER BY site_id LIMIT $3)
 ORDER BY site_id
"""
ALL_NEIGHBOURS: Final = """
SELECT (SELECT count(DISTINCT site_id) FROM served_name WHERE ip = ANY ($1) AND site_id IS DISTINCT FROM $2) AS total,
       ARRAY(SELECT DISTINCT name
               FROM unnest($3::text[]) AS suffix, unnest($1::text[]) AS at, LATERAL (
                    SELECT name FROM served_name
                     WHERE ip = at AND site_id IS DISTINCT FROM $2 AND reverse(name) COLLATE "C" = reverse(suffix)
                     UNION ALL
                    SELECT name FROM served_name
                     WHERE ip = at AND site_id IS DISTINCT FROM $2
                       AND reverse(name) COLLATE "C" >= reverse(suffix) || '.'
                       AND reverse(name) COLLATE "C" < reverse(suffix) || '/') AS under
              ORDER BY name) AS protected
"""
PUT_PROVIDERS: Final = """
INSERT INTO provider (provider_id, version, name, region, supervisor)
SELECT * FROM unnest($1::uuid[], $2::bigint[], $3::text[], $4::text[], $5::jsonb[])
ON CONFLICT (provider_id) DO UPDATE
   SET (version, name, region, supervisor) = (excluded.version, excluded.name, excluded.region, excluded.supervisor)
 WHERE provider.version <= excluded.version
"""
# The same version again fills in what an older release did not keep.
PROVIDER: Final = "SELECT provider_id, name, region, supervisor FROM provider WHERE provider_id = $1"


async def put(tx: Tx, facts: Sequence[SiteRecordedV1]) -> None:
    """Take over the newest record of each site; older and repeated ones change nothing."""
    await tx.execute(PUT, [
        {
            "site_id": fact.site_id, "version": fact.version, "status": fact.status,
            "record": fact.model_dump(mode="json"), "operator_id": fact.operator.operator_id,
            "region": fact.registration.region, "level": fact.registration.level, "domains": fact.domains,
            "registrables": sorted({normalise_domain(domain).registrable for domain in fact.domains}),
            "ips": sorted({ip for access in fact.accesses for ip in access.ips}), "changed_at": fact.changed_at,
        }
        for fact in facts
    ])  # fmt: skip


async def get(tx: Tx, site_id: UUID) -> SiteRecordedV1 | None:
    """The newest record of a site."""
    row = await tx.fetchrow(GET, site_id)
    return _record(row) if row else None


async def find(tx: Tx, names: Sequence[str]) -> SiteRecordedV1 | None:
    """The site that bears one of these names; the longest is preferred."""
    row = await tx.fetchrow(FIND, list(names))
    return _record(row) if row else None


async def of_operator(tx: Tx, identity: str, *, itself: bool = False) -> SiteRecordedV1 | None:
    """The newest record of any site of an operator, or of whom it goes on under: it says how the operator is reached.

    ``itself``: of no other, whoever took it over.
    """
    row = await tx.fetchrow(OF_OPERATOR, identity, itself)
    return _record(row) if row else None


async def frozen(tx: Tx, site: SiteRecordedV1) -> FrozenSite:
    """A site as it is now, for what is decided about it; with the names below its own that are others'."""
    registrables = sorted({normalise_domain(domain).registrable for domain in site.domains})
    below = await tx.fetch(BELOW, registrables, site.site_id, list(site.domains))
    return FrozenSite(
        site_id=site.site_id, version=site.version, number=site.number, name=site.name, hosts=site.domains,
        spared=tuple(row["name"] for row in below), accesses=site.accesses,
    )  # fmt: skip


async def neighbours(
    tx: Tx, ips: Sequence[str], except_site: UUID | None, limit: int, protected: Sequence[str]
) -> Neighbours:
    """Other served sites on these addresses: so many of them, how many there are, and which names are protected."""
    everybody = await tx.fetchrow(ALL_NEIGHBOURS, list(ips), except_site, list(protected))
    if everybody is None:
        raise TypeError("a count is always one row")
    listed = tuple(
        Neighbour(site_id=row["site_id"], number=row["number"], name=row["name"], hosts=tuple(row["domains"]),
                  shares=tuple(row["shares"]))
        for row in await tx.fetch(NEIGHBOURS, list(ips), except_site, limit)
    )  # fmt: skip
    return Neighbours(listed, max(everybody["total"], len(listed)), tuple(everybody["protected"]))


async def put_providers(tx: Tx, facts: Sequence[ProviderRecordedV1]) -> None:
    """Take over providers; the highest version of each wins."""
    latest = {fact.provider_id: fact for fact in sorted(facts, key=lambda fact: fact.version)}
    rows = [
        (each.provider_id, each.version, each.name, each.region,
         each.supervisor.model_dump(mode="json") if each.supervisor is not None else None)
        for each in latest.values()
    ]  # fmt: skip
    await tx.execute(PUT_PROVIDERS, *map(list, zip(*rows, strict=True)))


async def provider(tx: Tx, provider_id: UUID) -> Provider | None:
    """A provider."""
    row = await tx.fetchrow(PROVIDER, provider_id)
    if row is None:
        return None
    supervisor = row["supervisor"] and AuthorityRef.model_validate(row["supervisor"])
    return Provider(row["provider_id"], row["name"], row["region"], supervisor)


async def whole_until(tx: Tx) -> datetime | None:
    """Up to when the copy of the register is known to hold all that the register had told; none: never yet."""
    return await inbox.caught_up(tx, CONSUMER)


def _record(row: asyncpg.Record) -> SiteRecordedV1:
    return SiteRecordedV1.model_validate(row["record"])
