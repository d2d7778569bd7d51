"""Look-ups as they are kept: who asked for what, why, and what came of it; of a list also which keys."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import datetime
from typing import Final
from uuid import UUID

from query.lookup.kept import Kept
from shared.runtime.acts.deadlines import time_of
from shared.runtime.acts.history import trace_id
from shared.runtime.acts.policy import Reach
from shared.runtime.acts.runtime import Runtime
from shared.runtime.base.context import Caller
from shared.runtime.db.forgetting import BATCH, in_batches
from shared.runtime.db.postgres import Tx


@dataclass(frozen=True, slots=True)
class Lookup:
    """One act of looking up. ``terms``: the one form of its key; none for a list. ``digest``: SHA-256 of a list."""

    id: UUID
    subject: str
    name: str
    organisation: str
    region: str | None
    purpose: str | None
    by: str
    key: str | None
    terms: tuple[str, ...] | None
    format: str
    status: str
    keys: int
    found: int
    digest: str | None
    reason: str | None
    started_at: datetime
    finished_at: datetime | None
    as_of: datetime | None


COLUMNS: Final = ", ".join(column.name for column in fields(Lookup))
WORDS: Final[Mapping[str, str]] = {"region": "region = ANY ({})"}

ADD: Final = """
INSERT INTO lookup_audit (id, subject, name, organisation, region, purpose, by, key, terms, format, status, keys, found,
                          started_at, finished_at, as_of, trace_id)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17)
"""
FINISH: Final = """
UPDATE lookup_audit SET status = $2, keys = $3, found = $4, digest = $5, reason = $6, finished_at = $7
 WHERE id = $1 AND status = 'started'
"""
GET: Final = f"SELECT {COLUMNS} FROM lookup_audit WHERE id = $1"  # noqa: S608 - names of columns
PAGE: Final = f"""
SELECT {COLUMNS} FROM lookup_audit
 WHERE ($1::uuid IS NULL OR id < $1) AND started_at >= $2 AND started_at < $3
   AND ($4::text[] IS NULL OR terms IS NULL OR terms && $4) AND {{reach}}
 ORDER BY id DESC LIMIT $5
"""  # noqa: S608 - names of columns
KEEP: Final = "INSERT INTO lookup_audit_keys (lookup_id, piece, keys, terms) VALUES ($1, $2, $3, $4)"
PIECE: Final = "SELECT keys, terms FROM lookup_audit_keys WHERE lookup_id = $1 AND piece = $2"
FORGET_KEYS: Final = """
DELETE FROM lookup_audit_keys WHERE (lookup_id, piece) IN (
    SELECT lookup_id, piece FROM lookup_audit_keys JOIN lookup_audit ON id = lookup_id
     WHERE started_at < $1::timestamptz - make_interval(years => $2) LIMIT $3)
"""
FORGET: Final = """
DELETE FROM lookup_audit WHERE id IN (
    SELECT id FROM lookup_audit WHERE started_at < $1::timestamptz - make_interval(years => $2)
       AND NOT EXISTS (SELECT FROM lookup_audit_keys WHERE lookup_id = lookup_audit.id)
     ORDER BY started_at LIMIT $3)
"""


async def forget(rt: Runtime, *, batch: int = BATCH) -> int:
    """Forget look-ups older than AUDIT_KEEP_YEARS, their keys first; says how many rows. Part of the housekeeping."""
    at, years = await time_of(rt), rt.settings.audit_keep_years
    keys = await in_batches(rt.db, FORGET_KEYS, at, years, batch=batch)
    return keys + await in_batches(rt.db, FORGET, at, years, batch=batch)


async def add_one(
    tx: Tx,
    lookup_id: UUID,
    who: Caller,
    *,
    purpose: str,
    by: str,
    key: str,
    terms: Sequence[str],
    found: int,
    as_of: datetime | None,
    at: datetime,
) -> None:
    """A look-up of one key; ``found``: how many sites."""
    await tx.execute(
        ADD, lookup_id, who.subject, who.name, who.organisation, who.region, purpose, by, key, list(terms), "json",
        "completed", 1, found, at, at, as_of, trace_id(),
    )  # fmt: skip


async def start_many(
    tx: Tx, lookup_id: UUID, who: Caller, *, purpose: str, by: str, form: str, as_of: datetime | None, at: datetime
) -> None:
    """A list is about to be looked up."""
    await tx.execute(
        ADD, lookup_id, who.subject, who.name, who.organisation, who.region, purpose, by, None, None, form, "started",
        0, 0, at, None, as_of, trace_id(),
    )  # fmt: skip


async def keep(tx: Tx, lookup_id: UUID, number: int, kept: Kept) -> None:
    """The next keys of a list, which are about to be answered."""
    await tx.execute(KEEP, lookup_id, number, kept.keys, kept.terms)


async def finish_many(
    tx: Tx, lookup_id: UUID, *, status: str, keys: int, found: int, digest: str, reason: str | None, at: datetime
) -> None:
    """A list was answered, or broken off."""
    await tx.execute(FINISH, lookup_id, status, keys, found, digest, reason, at)


async def get(tx: Tx, lookup_id: UUID) -> Lookup | None:
    """One look-up."""
    row = await tx.fetchrow(GET, lookup_id)
    return Lookup(**row) if row else None


async def page(
    tx: Tx,
    reach: Reach,
    *,
    after: UUID | None,
    since: datetime,
    until: datetime,
    terms: Collection[str] | None,
    limit: int,
) -> list[Lookup]:
    """Look-ups of a time, newest first: with ``terms`` those of one of them, and every list, which may hold them."""
    where, values = reach.where(WORDS, first=6)
    asked = None if terms is None else sorted(terms)
    rows = await tx.fetch(PAGE.format(reach=where), after, since, until, asked, limit, *values)
    return [Lookup(**row) for row in rows]


async def piece(tx: Tx, lookup_id: UUID, number: int) -> Kept | None:
    """The n-th piece of a list's keys, counted from 0; none after the last."""
    row = await tx.fetchrow(PIECE, lookup_id, number)
    return Kept(**row) if row else None
