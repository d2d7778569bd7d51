"""All SQL of query: the audit of look-ups."""

from datetime import datetime
from typing import Final
from uuid import UUID

from shared.runtime.acts.history import trace_id
from shared.runtime.base.context import Caller
from shared.runtime.db.postgres import Tx

ADD: Final = """
INSERT INTO lookup_audit (id, subject, name, organisation, purpose, by, key, format, status, keys, found, started_at,
                          finished_at, as_of, trace_id)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15)
"""
FINISH: Final = """
UPDATE lookup_audit SET status = $2, keys = $3, found = $4, digest = $5, reason = $6, finished_at = $7
 WHERE id = $1 AND status = 'started'
"""


async def add_one(
    tx: Tx,
    audit_id: UUID,
    who: Caller,
    *,
    purpose: str | None,
    by: str,
    key: str,
    found: int,
    as_of: datetime | None,
    at: datetime,
) -> None:
    """A look-up of one key; ``found``: how many sites."""
    await tx.execute(
        ADD, audit_id, who.subject, who.name, who.organisation, purpose, by, key, "json", "completed", 1, found, at, at,
        as_of, trace_id(),
    )  # fmt: skip


async def start_many(
    tx: Tx,
    audit_id: UUID,
    who: Caller,
    *,
    purpose: str | None,
    by: str,
    form: str,
    as_of: datetime | None,
    at: datetime,
) -> None:
    """A list is about to be looked up."""
    await tx.execute(
        ADD, audit_id, who.subject, who.name, who.organisation, purpose, by, None, form, "started", 0, 0, at, None,
        as_of, trace_id(),
    )  # fmt: skip


async def finish_many(
    tx: Tx, audit_id: UUID, *, status: str, keys: int, found: int, digest: str, reason: str | None, at: datetime
) -> None:
    """A list was answered, or broken off."""
    await tx.execute(FINISH, audit_id, status, keys, found, digest, reason, at)
