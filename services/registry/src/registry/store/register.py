"""SQL of what stands in the register: operators, registrations, sites, and the approvals and providers they rest on."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Final
from uuid import UUID

import asyncpg

from registry.lifecycle import Status
from shared.runtime.db.at_commit import later
from shared.runtime.db.postgres import Tx


@dataclass(frozen=True, slots=True)
class Operator:
    """Who is responsible for sites."""

    id: UUID
    uscc: str
    name: str
    kind: str
    region: str

    @property
    def organisation(self) -> str:
        """The organisation that people of this operator act for."""
        return self.uscc


@dataclass(frozen=True, slots=True)
class Registration:
    """A filing or licence."""

    id: UUID
    operator: Operator
    kind: str
    level: str
    region: str
    status: Status
    number: str | None
    version: int
    measure: dict[str, Any] | None
    refusal: dict[str, Any] | None
    overdue_at: datetime | None
    submitted_at: datetime
    changed_at: datetime

    @property
    def organisation(self) -> str:
        """The organisation whose people may see it."""
        return self.operator.uscc


@dataclass(frozen=True, slots=True)
class Access:
    """A site at a provider."""

    id: UUID
    provider_id: UUID
    ips: tuple[str, ...]
    hosting_mode: str
    region: str


@dataclass(frozen=True, slots=True)
class Site:
    """A site with its domains (A-label form, in the order given) and accesses."""

    id: UUID
    registration_id: UUID
    ordinal: int
    name: str
    service_items: tuple[str, ...]
    version: int
    changed_at: datetime
    domains: tuple[str, ...]
    accesses: tuple[Access, ...]


@dataclass(frozen=True, slots=True)
class NewDomain:
    """A domain as given and as compared."""

    raw: str
    ascii: str


OPERATOR_COLUMNS: Final = (
    "o.id AS operator_id, o.uscc, o.name AS operator_name, o.kind AS operator_kind, o.region AS operator_region"
)
REGISTRATION_COLUMNS: Final = f"""r.id, r.kind, r.level, r.region, r.status, r.number, r.version, r.measure, r.refusal,
 r.overdue_at, r.submitted_at, r.changed_at, {OPERATOR_COLUMNS}"""

INSERT_OPERATOR: Final = """
INSERT INTO operator (id, uscc, name, kind, region, created_at) VALUES ($1, $2, $3, $4, $5, $6)
ON CONFLICT (uscc) DO NOTHING RETURNING id
"""
GET_OPERATOR: Final = f"SELECT {OPERATOR_COLUMNS} FROM operator o WHERE o.id = $1"  # noqa: S608
OPERATOR_OF: Final = "SELECT id FROM operator WHERE uscc = $1"
INSERT_REGISTRATION: Final = """
INSERT INTO registration (id, operator_id, kind, level, region, status, submitted_at, changed_at)
VALUES ($1, $2, $3, $4, $5, 'submitted', $6, $6)
"""
GET_REGISTRATION: Final = f"""
SELECT {REGISTRATION_COLUMNS} FROM registration r JOIN operator o ON o.id = r.operator_id WHERE r.id = $1
"""  # noqa: S608
LOCK_REGISTRATION: Final = GET_REGISTRATION + " FOR UPDATE OF r"
LIST_REGISTRATIONS: Final = f"""
SELECT {REGISTRATION_COLUMNS} FROM registration r JOIN operator o ON o.id = r.operator_id
 WHERE ($1::uuid IS NULL OR r.id < $1) AND ($3::text IS NULL OR r.number = $3)
   AND ($4::uuid IS NULL OR r.operator_id = $4)
   AND ($5::text IS NULL OR r.status = $5) AND ($6::text IS NULL OR r.region = $6) AND ($7::text IS NULL OR o.uscc = $7)
 ORDER BY r.id DESC LIMIT $2
"""  # noqa: S608
MOVE_REGISTRATION: Final = """
UPDATE registration SET status = $3, number = $4, measure = $5, refusal = $6, version = version + 1, changed_at = $7
 WHERE id = $1 AND status = $2
"""
MARK_OVERDUE: Final = (
    "UPDATE registration SET overdue_at = $2 WHERE id = $1 AND status = 'submitted' AND overdue_at IS NULL"
)
NEXT_NUMBER: Final = """
INSERT INTO number_counter AS c (region, kind, last) VALUES ($1, $2, $3)
ON CONFLICT (region, kind) DO UPDATE SET last = c.last + $3
RETURNING last
"""
INSERT_SITE: Final = """
INSERT INTO site (id, registration_id, ordinal, name, service_items, changed_at) VALUES ($1, $2, $3, $4, $5, $6)
"""
INSERT_DOMAINS: Final = """
INSERT INTO site_domain (domain, raw, site_id, ordinal)
SELECT d, r, $3, n FROM unnest($1::text[], $2::text[]) WITH ORDINALITY AS t (d, r, n)
"""
INSERT_ACCESS: Final = """
INSERT INTO access (id, site_id, ordinal, provider_id, ips, hosting_mode, region) VALUES ($1, $2, $3, $4, $5, $6, $7)
"""
INSERT_DEDICATED: Final = """
INSERT INTO dedicated_ip (ip, site_id, operator_id) SELECT ip, $2, $3 FROM unnest($1::text[]) ip
ON CONFLICT (ip) DO NOTHING
"""
TAKEN_ADDRESS: Final = "SELECT ip FROM dedicated_ip WHERE ip = ANY ($1::text[]) AND operator_id <> $2 LIMIT 1"
SITES: Final = """
SELECT s.id, s.registration_id, s.ordinal, s.name, s.service_items, s.version, s.changed_at,
       ARRAY(SELECT domain FROM site_domain d WHERE d.site_id = s.id ORDER BY d.ordinal) AS domains,
       ARRAY(SELECT (a.id, a.provider_id, a.ips, a.hosting_mode, a.region)
               FROM access a WHERE a.site_id = s.id ORDER BY a.ordinal) AS accesses
  FROM site s
"""
SITES_OF: Final = SITES + " WHERE s.registration_id = $1 ORDER BY s.ordinal"
GET_SITE: Final = SITES + " WHERE s.id = $1"
SITE_OF_DOMAIN: Final = "SELECT site_id FROM site_domain WHERE domain = $1"
TAKEN_DOMAIN: Final = "SELECT domain FROM site_domain WHERE domain = ANY ($1::text[]) LIMIT 1"
UPDATE_SITE: Final = """
UPDATE site SET name = $3, service_items = $4, version = version + 1, changed_at = $5
 WHERE id = $1 AND version = $2
RETURNING version
"""
BUMP_SITES: Final = "UPDATE site SET version = version + 1, changed_at = $2 WHERE registration_id = $1"
DELETE_DOMAINS: Final = "DELETE FROM site_domain WHERE site_id = $1"
DELETE_ACCESSES: Final = "DELETE FROM access WHERE site_id = $1"
DELETE_DEDICATED: Final = "DELETE FROM dedicated_ip WHERE site_id = $1"
RELEASE_DOMAINS: Final = "DELETE FROM site_domain WHERE site_id IN (SELECT id FROM site WHERE registration_id = $1)"
RELEASE_DEDICATED: Final = "DELETE FROM dedicated_ip WHERE site_id IN (SELECT id FROM site WHERE registration_id = $1)"

PROVIDERS: Final = "SELECT id, region FROM provider WHERE id = ANY ($1::uuid[])"
UPSERT_PROVIDER: Final = """
INSERT INTO provider (id, name, licence_number, kind, region) VALUES ($1, $2, $3, $4, $5)
ON CONFLICT (id) DO UPDATE SET name = EXCLUDED.name, licence_number = EXCLUDED.licence_number, kind = EXCLUDED.kind,
  region = EXCLUDED.region
"""
UPSERT_APPROVAL: Final = """
INSERT INTO approval (id, version, operator_identity, service_item, domain, region, live, number)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
ON CONFLICT (id) DO UPDATE SET version = EXCLUDED.version, live = EXCLUDED.live, number = EXCLUDED.number
  WHERE approval.version < EXCLUDED.version
RETURNING id
"""
LIVE_APPROVALS: Final = """
SELECT service_item, domain FROM approval
 WHERE operator_identity = $1 AND live AND (region IS NULL OR region = $2)
"""
COVERED: Final = """
SELECT true FROM approval WHERE operator_identity = $1 AND service_item = $2 AND domain = $3 AND live LIMIT 1
"""
SITES_WITH_ITEM: Final = """
SELECT s.id, s.registration_id FROM site s
  JOIN registration r ON r.id = s.registration_id JOIN operator o ON o.id = r.operator_id
  JOIN site_domain d ON d.site_id = s.id
 WHERE o.uscc = $1 AND d.domain = $2 AND $3 = ANY (s.service_items)
"""


def operator_of(row: asyncpg.Record) -> Operator:
    """The operator columns of a row."""
    return Operator(row["operator_id"], row["uscc"], row["operator_name"], row["operator_kind"], row["operator_region"])


def registration_of(row: asyncpg.Record) -> Registration:
    """The registration and operator columns of a row."""
    return Registration(
        row["id"], operator_of(row), row["kind"], row["level"], row["region"], Status(row["status"]), row["number"],
        row["version"], row["measure"], row["refusal"], row["overdue_at"], row["submitted_at"], row["changed_at"],
    )  # fmt: skip


def site_of(row: asyncpg.Record) -> Site:
    """A site row with its domains and accesses."""
    accesses = tuple(Access(a[0], a[1], tuple(a[2]), a[3], a[4]) for a in row["accesses"])
    return Site(
        row["id"], row["registration_id"], row["ordinal"], row["name"], tuple(row["service_items"]), row["version"],
        row["changed_at"], tuple(row["domains"]), accesses,
    )  # fmt: skip


async def registration(tx: Tx, registration_id: UUID, *, lock: bool = False) -> Registration | None:
    """One registration with its operator; with ``lock`` nobody else moves it until the transaction ends."""
    row = await tx.fetchrow(LOCK_REGISTRATION if lock else GET_REGISTRATION, registration_id)
    return registration_of(row) if row else None


async def sites(tx: Tx, registration_id: UUID) -> list[Site]:
    """The sites of a registration, in the order of their numbers."""
    return [site_of(row) for row in await tx.fetch(SITES_OF, registration_id)]


def bump(tx: Tx, registration_id: UUID, sites: Sequence[Site], at: datetime) -> list[Site]:
    """Give all sites of a locked registration their next version, because its status changed and theirs with it."""
    later(tx, BUMP_SITES, registration_id, at, rows=len(sites))
    return [replace(site, version=site.version + 1, changed_at=at) for site in sites]


async def site(tx: Tx, site_id: UUID) -> Site | None:
    """One site."""
    row = await tx.fetchrow(GET_SITE, site_id)
    return site_of(row) if row else None


def move(
    tx: Tx,
    before: Registration,
    *,
    to: Status,
    at: datetime,
    number: str | None = None,
    measure: dict[str, Any] | None = None,
    refusal: dict[str, Any] | None = None,
) -> Registration:
    """Move a locked registration, at the end of the transaction; how it will stand. A number it has, it keeps."""
    number = number or before.number
    later(tx, MOVE_REGISTRATION, before.id, before.status, to, number, measure, refusal, at)
    return replace(
        before, status=to, number=number, version=before.version + 1, measure=measure, refusal=refusal, changed_at=at
    )


async def write_site_parts(
    tx: Tx, site_id: UUID, operator_id: UUID, domains: Sequence[NewDomain], accesses: Sequence[Access]
) -> None:
    """The domains and accesses of a site that has none yet. A domain that is taken raises UniqueViolationError."""
    await tx.execute(INSERT_DOMAINS, [d.ascii for d in domains], [d.raw for d in domains], site_id)
    for ordinal, access in enumerate(accesses, 1):
        await tx.execute(
            INSERT_ACCESS,
            access.id,
            site_id,
            ordinal,
            access.provider_id,
            list(access.ips),
            access.hosting_mode,
            access.region,
        )
        if access.hosting_mode == "dedicated":
            await tx.execute(INSERT_DEDICATED, list(access.ips), site_id, operator_id)


async def clear_site_parts(tx: Tx, site_id: UUID) -> None:
    """Forget the domains and accesses of a site, to write them anew in the same transaction."""
    for statement in (DELETE_DEDICATED, DELETE_ACCESSES, DELETE_DOMAINS):
        await tx.execute(statement, site_id)
