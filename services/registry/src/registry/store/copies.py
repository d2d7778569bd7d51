"""What the register knows of others: providers and approvals."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Final
from uuid import UUID

from shared.runtime.db.postgres import Tx


@dataclass(frozen=True, slots=True)
class Provider:
    """A licensed provider."""

    id: UUID
    region: str
    status: str


@dataclass(frozen=True, slots=True)
class Host:
    """A provider as somebody asks about what it hosts; one that nobody knows has no region and is not active."""

    id: UUID
    name: str
    region: str
    status: str

    @property
    def provider(self) -> str:
        """The organisation of its people: a provider's have its id."""
        return str(self.id)


@dataclass(frozen=True, slots=True)
class Approval:
    """A consent that is in force."""

    approval_id: UUID
    identity: str
    service_item: str
    domain: str
    level: str
    region: str | None
    number: str | None


ACTIVE: Final = "active"
UNKNOWN: Final = "unknown"
HOSTING: Final = frozenset({ACTIVE, "unlicensed"})
"""Statuses of a provider that hosts what it hosts; only at an active one a new site is registered."""
PUT_PROVIDERS: Final = """
INSERT INTO provider (id, version, name, licence_number, kind, region, status)
SELECT * FROM unnest($1::uuid[], $2::bigint[], $3::text[], $4::text[], $5::text[], $6::text[], $7::text[])
ON CONFLICT (id) DO UPDATE SET version = excluded.version, name = excluded.name, kind = excluded.kind,
       licence_number = excluded.licence_number, region = excluded.region, status = excluded.status
 WHERE provider.version < excluded.version
"""
PROVIDERS: Final = "SELECT id, region, status FROM provider WHERE id = ANY ($1)"
HOST: Final = "SELECT id, name, region, status FROM provider WHERE id = $1"
PUT_APPROVALS: Final = """
INSERT INTO approval (approval_id, version, live, identity, service_item, domain, level, region, number)
SELECT * FROM unnest($1::uuid[], $2::bigint[], $3::boolean[], $4::text[], $5::text[], $6::text[], $7::text[],
                     $8::text[], $9::text[])
ON CONFLICT (approval_id) DO UPDATE SET version = excluded.version, live = excluded.live,
       domain = excluded.domain, level = excluded.level, region = excluded.region, number = excluded.number
 WHERE approval.version < excluded.version
"""
# What was granted under an identity that goes on under another is the other's.
LIVE_APPROVALS: Final = """
WITH alias AS MATERIALIZED (
       SELECT old.identity AS old, new.identity AS new
         FROM operator new JOIN merger m ON m.survivor_id = new.id AND m.status = 'confirmed'
              JOIN operator old ON old.id = m.merged_id
        WHERE new.identity = ANY ($1))
SELECT approval_id, coalesce((SELECT new FROM alias WHERE old = identity), identity) AS identity, service_item, domain,
       level, region, number FROM approval
 WHERE identity = ANY ($1 || ARRAY(SELECT old FROM alias)) AND live
"""
CONSENTED: Final = """
SELECT DISTINCT service_item FROM approval
 WHERE number IS NOT NULL AND domain = ANY ($2) AND (identity = $1 OR identity IN (
           SELECT old.identity FROM operator new JOIN merger m ON m.survivor_id = new.id AND m.status = 'confirmed'
                  JOIN operator old ON old.id = m.merged_id
            WHERE new.identity = $1))
"""


async def put_providers(tx: Tx, rows: Sequence[tuple[UUID, int, str, str, str, str, str]]) -> None:
    """Take over (id, version, name, licence, kind, region, status); the highest version of each wins."""
    await tx.execute(PUT_PROVIDERS, *map(list, zip(*rows, strict=True)))


async def providers(tx: Tx, ids: Collection[UUID]) -> dict[UUID, Provider]:
    """The providers of these ids that are known."""
    return {row["id"]: Provider(**dict(row)) for row in await tx.fetch(PROVIDERS, list(ids))}


async def hosting(tx: Tx, provider_id: UUID) -> Host:
    """A provider, known or not."""
    row = await tx.fetchrow(HOST, provider_id)
    return Host(**dict(row)) if row else Host(provider_id, "", "", UNKNOWN)


async def put_approvals(tx: Tx, rows: Sequence[tuple[object, ...]]) -> None:
    """Take over approvals, columns as in the table; the highest version of each wins."""
    await tx.execute(PUT_APPROVALS, *map(list, zip(*rows, strict=True)))


async def live_approvals(tx: Tx, identities: Collection[str]) -> list[Approval]:
    """The consents of these operators that are in force: approval counts their days, and says when one is over."""
    if not identities:
        return []
    return [Approval(**dict(row)) for row in await tx.fetch(LIVE_APPROVALS, list(identities))]


async def consented(tx: Tx, identity: str, domains: Collection[str]) -> set[str]:
    """The items to which an operator was given a consent for one of these names, whatever became of it since."""
    return {row["service_item"] for row in await tx.fetch(CONSENTED, identity, list(domains))}
