"""Providers, and the public keys they sign receipts with."""

# ruff: noqa: S608 -- statements are put together from the column lists of this file, nothing else

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from uuid import UUID

import asyncpg

from access_control.errors import UnknownProvider
from access_control.lifecycle import KEY, PROVIDER, KeyAction, KeyStatus, ProviderAction, ProviderStatus
from shared.contracts.grounds import AuthorityRef
from shared.runtime.acts.moves import Moves
from shared.runtime.acts.policy import Reach
from shared.runtime.db.postgres import Tx
from shared.runtime.web.paging import PageQuery


@dataclass(frozen=True, slots=True)
class Provider:
    """Who hosts and connects sites, and how many orders it was sent."""

    id: UUID
    version: int
    status: ProviderStatus
    name: str
    licence_number: str
    region: str
    kind: str
    contact: str
    branches: list[dict[str, str]]
    supervisor: AuthorityRef | None
    head: int
    daily_capacity: int | None
    sandbox: bool
    registered_by: str
    registered_at: datetime
    changed_at: datetime

    @property
    def organisation(self) -> str:
        """A provider's own tokens carry its id as their organisation."""
        return str(self.id)


@dataclass(frozen=True, slots=True)
class Key:
    """A public key of a provider; once revoked it stays, with the time."""

    id: UUID
    version: int
    status: KeyStatus
    provider_id: UUID
    kid: str
    jwk: Mapping[str, Any]
    thumbprint: str
    added_at: datetime
    added_reasons: str | None
    revoked_at: datetime | None
    revoked_reasons: str | None
    revoked_by_authority: AuthorityRef | None
    changed_at: datetime


@dataclass(frozen=True, slots=True)
class Muted:
    """From when until when a provider had no key in use, since the desk had revoked its last one."""

    since: datetime
    until: datetime | None


COLUMNS: Final = """id, version, status, name, licence_number, region, kind, contact, branches, supervisor, head,
       daily_capacity, sandbox, registered_by, registered_at, changed_at"""
ADD: Final = f"""
INSERT INTO provider (id, name, licence_number, region, kind, contact, supervisor, registered_by, registered_at,
                      changed_at, daily_capacity, sandbox)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $9, $10, $11)
RETURNING {COLUMNS}
"""
GET: Final = f"SELECT {COLUMNS} FROM provider WHERE id = $1"
HOLD: Final = f"{GET} FOR NO KEY UPDATE"
GET_MANY: Final = f"SELECT {COLUMNS} FROM provider WHERE id = ANY ($1) AND NOT sandbox"
IDS: Final = "SELECT id FROM provider ORDER BY id"
HEADS: Final = "SELECT id, head FROM provider WHERE id = ANY($1)"
NEXT_SEQUENCE: Final = "UPDATE provider SET head = head + 1 WHERE id = $1 RETURNING head"
WORDS: Final = {"organisation": "id::text = ANY ({})"}

KEY_COLUMNS: Final = """id, version, status, provider_id, kid, jwk, thumbprint, added_at, added_reasons,
       revoked_at, revoked_reasons, revoked_by_authority, changed_at"""
ADD_KEY: Final = f"""
INSERT INTO provider_key (id, status, provider_id, kid, jwk, thumbprint, added_by, added_at, changed_at,
                          added_reasons)
VALUES ($1, 'in_use', $2, $3, $4, $5, $6, $7, $7, $8)
ON CONFLICT DO NOTHING
RETURNING {KEY_COLUMNS}
"""
KEYS: Final = f"SELECT {KEY_COLUMNS} FROM provider_key WHERE provider_id = ANY ($1) ORDER BY added_at, kid"
HOLD_KEY: Final = f"SELECT {KEY_COLUMNS} FROM provider_key WHERE provider_id = $1 AND kid = $2 FOR NO KEY UPDATE"
MUTED: Final = """
SELECT gone.revoked_at AS since,
       (SELECT min(added_at) FROM provider_key WHERE provider_id = $1 AND added_at > gone.revoked_at) AS until
  FROM provider_key AS gone
 WHERE provider_id = $1 AND revoked_by_authority IS NOT NULL
   AND NOT EXISTS (SELECT FROM provider_key WHERE provider_id = $1 AND added_at <= gone.revoked_at
                                              AND (revoked_at IS NULL OR revoked_at > gone.revoked_at))
"""
FOREIGN_KIDS: Final = "SELECT DISTINCT kid FROM provider_key WHERE kid = ANY($1) AND provider_id <> $2"


def of(row: asyncpg.Record) -> Provider:
    """A row of COLUMNS."""
    values: dict[str, Any] = dict(row)
    return Provider(**{
        **values, "status": ProviderStatus(values["status"]),
        "supervisor": values["supervisor"] and AuthorityRef.model_validate(values["supervisor"]),
    })  # fmt: skip


def key_of(row: asyncpg.Record) -> Key:
    """A row of KEY_COLUMNS."""
    values: dict[str, Any] = dict(row)
    by = values["revoked_by_authority"]
    return Key(**{
        **values, "status": KeyStatus(values["status"]), "revoked_by_authority": by and AuthorityRef.model_validate(by),
    })  # fmt: skip


MOVES: Final[Moves[Provider, ProviderStatus, ProviderAction]] = Moves(
    PROVIDER, table="provider", columns=COLUMNS, read=of
)
KEY_MOVES: Final[Moves[Key, KeyStatus, KeyAction]] = Moves(KEY, table="provider_key", columns=KEY_COLUMNS, read=key_of)


async def add(
    tx: Tx, provider_id: UUID, *, name: str, licence_number: str, region: str, kind: str, contact: str,
    supervisor: AuthorityRef | None, daily_capacity: int | None, sandbox: bool, by: str, at: datetime,
) -> Provider:  # fmt: skip
    """Enter a provider."""
    kept = supervisor.model_dump(mode="json") if supervisor else None
    row = await tx.fetchrow(
        ADD, provider_id, name, licence_number, region, kind, contact, kept, by, at, daily_capacity, sandbox
    )
    assert row is not None
    return of(row)


async def get(tx: Tx, provider_id: UUID) -> Provider:
    """One provider. Raises UnknownProvider."""
    row = await tx.fetchrow(GET, provider_id)
    if row is None:
        raise UnknownProvider(provider_id=provider_id)
    return of(row)


async def hold(tx: Tx, provider_id: UUID) -> Provider:
    """One provider, held. Raises UnknownProvider."""
    row = await tx.fetchrow(HOLD, provider_id)
    if row is None:
        raise UnknownProvider(provider_id=provider_id)
    return of(row)


async def get_many(tx: Tx, provider_ids: Collection[UUID]) -> dict[UUID, Provider]:
    """Those of these providers that are registered; a sandbox is for nobody who names it in a fact."""
    return {provider.id: provider for provider in map(of, await tx.fetch(GET_MANY, list(provider_ids)))}


async def page(tx: Tx, reach: Reach, query: PageQuery) -> list[Provider]:
    """Providers within reach, newest first."""
    where, values = reach.where(WORDS, first=3)
    rows = await tx.fetch(
        f"""SELECT {COLUMNS} FROM provider
             WHERE ($1::uuid IS NULL OR id < $1) AND {where} ORDER BY id DESC LIMIT $2""",
        query.after, query.fetch, *values,
    )  # fmt: skip
    return [of(row) for row in rows]


async def ids(tx: Tx) -> list[UUID]:
    """Every provider there is."""
    return [row["id"] for row in await tx.fetch(IDS)]


async def heads(tx: Tx, provider_ids: Collection[UUID]) -> dict[UUID, int]:
    """The last sequence number of each of these providers."""
    return {row["id"]: row["head"] for row in await tx.fetch(HEADS, list(provider_ids))}


async def next_sequence(tx: Tx, provider_id: UUID) -> int:
    """Draw the next sequence number; the provider's row stays locked until the transaction ends: none is lost."""
    return int(await tx.fetchval(NEXT_SEQUENCE, provider_id))


async def add_key(
    tx: Tx, key_id: UUID, provider_id: UUID, jwk: Mapping[str, Any], thumbprint: str, *, by: str, at: datetime,
    reasons: str | None,
) -> Key | None:  # fmt: skip
    """Enter a public key; none if its id or the key itself is known already."""
    row = await tx.fetchrow(ADD_KEY, key_id, provider_id, jwk["kid"], dict(jwk), thumbprint, by, at, reasons)
    return key_of(row) if row else None


async def keys(tx: Tx, *provider_ids: UUID) -> dict[UUID, list[Key]]:
    """All keys of each of these providers, revoked ones too, oldest first."""
    found: dict[UUID, list[Key]] = {provider_id: [] for provider_id in provider_ids}
    for row in await tx.fetch(KEYS, list(provider_ids)):
        found[row["provider_id"]].append(key_of(row))
    return found


async def hold_key(tx: Tx, provider_id: UUID, kid: str) -> Key | None:
    """One key of a provider, held."""
    row = await tx.fetchrow(HOLD_KEY, provider_id, kid)
    return key_of(row) if row else None


async def muted(tx: Tx, provider_id: UUID) -> list[Muted]:
    """The times in which a provider could sign nothing by the doing of the access desk."""
    return [Muted(**row) for row in await tx.fetch(MUTED, provider_id)]


async def foreign_kids(tx: Tx, kids: Collection[str], provider_id: UUID) -> set[str]:
    """Which of these key ids belong to another provider."""
    return {row["kid"] for row in await tx.fetch(FOREIGN_KIDS, list(kids), provider_id)}
