"""SQL of providers and of the public keys they sign receipts with."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from shared.runtime.db.postgres import Tx
from shared.runtime.web.paging import PageQuery


@dataclass(frozen=True, slots=True)
class Provider:
    """Who hosts and connects sites, and how many orders it was sent."""

    id: UUID
    name: str
    licence_number: str
    region: str
    kind: str
    contact: str
    head: int
    registered_by: str
    registered_at: datetime

    @property
    def organisation(self) -> str:
        """A provider's own tokens carry its id as their organisation."""
        return str(self.id)


@dataclass(frozen=True, slots=True)
class Key:
    """A public key of a provider; once revoked it stays, with the time."""

    provider_id: UUID
    kid: str
    jwk: Mapping[str, Any]
    thumbprint: str
    added_at: datetime
    revoked_at: datetime | None


ADD = """
INSERT INTO provider (id, name, licence_number, region, kind, contact, registered_by, registered_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
RETURNING id, name, licence_number, region, kind, contact, head, registered_by, registered_at
"""
GET = """
SELECT id, name, licence_number, region, kind, contact, head, registered_by, registered_at
  FROM provider WHERE id = $1
"""
LIST = """
SELECT id, name, licence_number, region, kind, contact, head, registered_by, registered_at
  FROM provider WHERE ($1::uuid IS NULL OR id < $1) ORDER BY id DESC LIMIT $2
"""
IDS = "SELECT id FROM provider ORDER BY id"
HEADS = "SELECT id, head FROM provider WHERE id = ANY($1)"
NEXT_SEQUENCE = "UPDATE provider SET head = head + 1 WHERE id = $1 RETURNING head"

ADD_KEY = """
INSERT INTO provider_key (provider_id, kid, jwk, thumbprint, added_by, added_at)
VALUES ($1, $2, $3, $4, $5, $6)
ON CONFLICT DO NOTHING
RETURNING provider_id, kid, jwk, thumbprint, added_at, revoked_at
"""
KEYS = """
SELECT provider_id, kid, jwk, thumbprint, added_at, revoked_at
  FROM provider_key WHERE provider_id = $1 ORDER BY added_at, kid
"""
KEYS_OF_MANY = """
SELECT provider_id, kid, jwk, thumbprint, added_at, revoked_at
  FROM provider_key WHERE provider_id = ANY($1) ORDER BY added_at, kid
"""
KEY = """
SELECT provider_id, kid, jwk, thumbprint, added_at, revoked_at
  FROM provider_key WHERE provider_id = $1 AND kid = $2
"""
FOREIGN_KIDS = "SELECT DISTINCT kid FROM provider_key WHERE kid = ANY($1) AND provider_id <> $2"
REVOKE_KEY = """
UPDATE provider_key SET revoked_at = $3, revoked_by = $4
 WHERE provider_id = $1 AND kid = $2 AND revoked_at IS NULL
RETURNING provider_id, kid, jwk, thumbprint, added_at, revoked_at
"""


async def add(tx: Tx, provider: Provider) -> Provider:
    """Enter a provider."""
    row = await tx.fetchrow(
        ADD,
        provider.id,
        provider.name,
        provider.licence_number,
        provider.region,
        provider.kind,
        provider.contact,
        provider.registered_by,
        provider.registered_at,
    )
    assert row is not None
    return Provider(**row)


async def get(tx: Tx, provider_id: UUID) -> Provider | None:
    """One provider."""
    row = await tx.fetchrow(GET, provider_id)
    return Provider(**row) if row else None


async def page(tx: Tx, query: PageQuery) -> list[Provider]:
    """Providers, newest first."""
    return [Provider(**row) for row in await tx.fetch(LIST, query.after, query.fetch)]


async def ids(tx: Tx) -> list[UUID]:
    """Every provider there is."""
    return [row["id"] for row in await tx.fetch(IDS)]


async def heads(tx: Tx, provider_ids: list[UUID]) -> dict[UUID, int]:
    """The last sequence number of each of these providers."""
    return {row["id"]: row["head"] for row in await tx.fetch(HEADS, provider_ids)}


async def next_sequence(tx: Tx, provider_id: UUID) -> int:
    """Draw the next sequence number; the provider's row stays locked until the transaction ends: none is lost."""
    return int(await tx.fetchval(NEXT_SEQUENCE, provider_id))


async def add_key(tx: Tx, key: Key, *, by: str) -> Key | None:
    """Enter a public key; none if its id or the key itself is known already."""
    row = await tx.fetchrow(ADD_KEY, key.provider_id, key.kid, dict(key.jwk), key.thumbprint, by, key.added_at)
    return Key(**row) if row else None


async def keys(tx: Tx, provider_id: UUID) -> list[Key]:
    """All keys of a provider, revoked ones too, oldest first."""
    return [Key(**row) for row in await tx.fetch(KEYS, provider_id)]


async def keys_of_many(tx: Tx, provider_ids: list[UUID]) -> dict[UUID, list[Key]]:
    """All keys of each of these providers."""
    found: dict[UUID, list[Key]] = {provider_id: [] for provider_id in provider_ids}
    for row in await tx.fetch(KEYS_OF_MANY, provider_ids):
        found[row["provider_id"]].append(Key(**row))
    return found


async def key(tx: Tx, provider_id: UUID, kid: str) -> Key | None:
    """One key of a provider."""
    row = await tx.fetchrow(KEY, provider_id, kid)
    return Key(**row) if row else None


async def foreign_kids(tx: Tx, kids: list[str], provider_id: UUID) -> set[str]:
    """Which of these key ids belong to another provider."""
    return {row["kid"] for row in await tx.fetch(FOREIGN_KIDS, kids, provider_id)}


async def revoke_key(tx: Tx, provider_id: UUID, kid: str, *, at: datetime, by: str) -> Key | None:
    """Revoke a key that is in use; none if there is no such key or it was revoked before."""
    row = await tx.fetchrow(REVOKE_KEY, provider_id, kid, at, by)
    return Key(**row) if row else None
