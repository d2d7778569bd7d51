"""The trail of acts that move nothing, and of acts that were refused."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Literal

from shared.runtime.acts.deadlines import time_of
from shared.runtime.acts.history import trace_id
from shared.runtime.acts.runtime import Runtime
from shared.runtime.base.context import Caller
from shared.runtime.db.forgetting import BATCH, in_batches
from shared.runtime.db.postgres import Tx

FORGET = """
DELETE FROM audit WHERE id IN (
    SELECT id FROM audit WHERE at < $1::timestamptz - make_interval(years => $2)
     ORDER BY at LIMIT $3 FOR UPDATE SKIP LOCKED)
"""
RECORD = """
INSERT INTO audit (subject, name, organisation, act, resource, outcome, code, detail, at, trace_id)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)
"""


async def record(
    tx: Tx,
    *,
    who: Caller | None,
    act: str,
    resource: str,
    outcome: Literal["granted", "refused"],
    code: str | None = None,
    detail: Mapping[str, Any] | None = None,
    at: datetime,
) -> None:
    """Record an act on a resource. ``code``: why it was refused; ``who``: none if nobody proved who they are."""
    subject, name, organisation = (who.subject, who.name, who.organisation) if who else (None, None, None)
    await tx.execute(
        RECORD, subject, name, organisation, act, resource, outcome, code, dict(detail or {}), at, trace_id()
    )


async def forget(rt: Runtime, *, batch: int = BATCH) -> int:
    """Forget what is older than AUDIT_KEEP_YEARS; says how many rows. Part of the housekeeping."""
    at = await time_of(rt)
    return await in_batches(rt.db, FORGET, at, rt.settings.audit_keep_years, batch=batch)
