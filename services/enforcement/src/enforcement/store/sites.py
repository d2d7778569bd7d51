"""The register as enforcement knows it: a projection of registry-sites, found by domain and by address."""

# ruff: noqa: S608 -- statements are put together from the column lists of this file, nothing else

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID

import asyncpg

from shared.contracts.registry import SiteRecordedV1
from shared.runtime.db.postgres import Tx

SHOWN: Final = 100
"""Neighbours named in a preview; the hash and the number cover all of them."""

# Arrays of different lengths do not fit into unnest(), so a batch travels as one JSON document.
RECORD = """
INSERT INTO site AS known (site_id, version, registration_id, registration_number, registration_status, number, name,
                           status, region, operator_uscc, operator_name, domains, service_items, ips, providers,
                           changed_at)
SELECT DISTINCT ON (site_id)
       site_id, version, registration_id, registration_number, registration_status, number, name,
       status, region, operator_uscc, operator_name, domains, service_items, ips, providers, changed_at
  FROM jsonb_to_recordset($1::jsonb) AS given (
       site_id uuid, version integer, registration_id uuid, registration_number text, registration_status text,
       number text, name text, status text, region text, operator_uscc text, operator_name text, domains text[],
       service_items text[], ips inet[], providers uuid[], changed_at timestamptz)
 ORDER BY site_id, version DESC
ON CONFLICT (site_id) DO UPDATE
   SET (version, registration_id, registration_number, registration_status, number, name, status, region,
        operator_uscc, operator_name, domains, service_items, ips, providers, changed_at)
     = (excluded.version, excluded.registration_id, excluded.registration_number, excluded.registration_status,
        excluded.number, excluded.name, excluded.status, excluded.region, excluded.operator_uscc,
        excluded.operator_name, excluded.domains, excluded.service_items, excluded.ips, excluded.providers,
        excluded.changed_at)
 WHERE known.version < excluded.version
"""
# The exact name before the domain it belongs to, what is served before what was revoked, the newest first.
FIND = """
SELECT site_id, registration_id, number, name, region, operator_uscc, operator_name, domains, ips, providers
  FROM site
 WHERE domains && $1::text[]
 ORDER BY domains @> ($1::text[])[1:1] DESC, status = 'active' DESC, changed_at DESC
 LIMIT 1
"""
# A revocation takes the whole registration, so its other sites count like those that share an address.
_NEIGHBOUR = "(ips && {ips} OR registration_id = {registration}) AND site_id <> {site} AND status = 'active'"
GET_WITH_NEIGHBOURS = f"""
SELECT site_id, registration_id, number, name, region, operator_uscc, operator_name, domains, ips, providers, (
         SELECT (count(*), encode(sha256(convert_to(coalesce(
                  string_agg(site_id::text, chr(10) ORDER BY site_id), ''), 'UTF8')), 'hex'))
           FROM site WHERE {_NEIGHBOUR.format(ips="this.ips", registration="this.registration_id", site="this.site_id")}
       ) AS neighbours
  FROM site AS this WHERE site_id = $1
"""
SHOW_NEIGHBOURS = f"""
SELECT site_id, number, name, domains, ips && $1::inet[] AS same_ip, registration_id = $2 AS same_registration
  FROM site WHERE {_NEIGHBOUR.format(ips="$1::inet[]", registration="$2", site="$3")}
 ORDER BY site_id LIMIT $4
"""


@dataclass(frozen=True, slots=True)
class Site:
    """A registered site as far as cases need it. ``ips`` are as asyncpg reads inet."""

    site_id: UUID
    registration_id: UUID
    number: str
    name: str
    region: str
    operator_uscc: str
    operator_name: str
    domains: tuple[str, ...]
    ips: tuple[Any, ...]
    providers: tuple[UUID, ...]


@dataclass(frozen=True, slots=True)
class Neighbour:
    """Another served site, on an address or in the registration of the one that is looked at, or both."""

    site_id: UUID
    number: str
    name: str
    domains: tuple[str, ...]
    same_ip: bool
    same_registration: bool


@dataclass(frozen=True, slots=True)
class Neighbours:
    """All neighbours: how many, a digest of their ids, and the first of them by name."""

    number: int
    digest: str
    shown: tuple[Neighbour, ...]


async def record(tx: Tx, facts: Sequence[SiteRecordedV1]) -> None:
    """Take over the newest record of each site; older and repeated ones change nothing."""
    await tx.execute(RECORD, [_row(fact) for fact in facts])


async def find(tx: Tx, domains: Sequence[str]) -> Site | None:
    """The site that bears one of these domains; the first one is preferred."""
    row = await tx.fetchrow(FIND, list(domains))
    return _site(row) if row else None


async def get_with_neighbours(tx: Tx, site_id: UUID) -> tuple[Site, Neighbours] | None:
    """The newest record of a site, and the other served sites on its addresses or in its registration."""
    row = await tx.fetchrow(GET_WITH_NEIGHBOURS, site_id)
    if row is None:
        return None
    values = dict(row)
    number, digest = values.pop("neighbours")
    site = _site(values)
    which = (list(site.ips), site.registration_id, site.site_id)
    rows = await tx.fetch(SHOW_NEIGHBOURS, *which, SHOWN) if number else []
    shown = [Neighbour(**{**dict(row), "domains": tuple(row["domains"])}) for row in rows]
    return site, Neighbours(number, digest, tuple(shown))


def _row(fact: SiteRecordedV1) -> dict[str, Any]:
    site, operator = fact.site, fact.operator
    return {
        "site_id": fact.site_id,
        "version": fact.version,
        "registration_id": fact.registration_id,
        "registration_number": fact.registration_number,
        "registration_status": fact.registration_status,
        "number": site.number,
        "name": site.name,
        "status": site.status,
        "region": fact.region,
        "operator_uscc": operator.uscc,
        "operator_name": operator.name,
        "domains": site.domains,
        "service_items": site.service_items,
        "ips": sorted({ip for access in site.accesses for ip in access.ips}),
        "providers": sorted({str(access.provider_id) for access in site.accesses}),
        "changed_at": fact.changed_at,
    }


def _site(row: asyncpg.Record | Mapping[str, Any]) -> Site:
    lists = {name: tuple(row[name]) for name in ("domains", "ips", "providers")}
    return Site(**{**dict(row), **lists})
