"""Where providers want their orders posted, and up to which place they were."""

from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import UUID

from shared.runtime.db.postgres import Tx


@dataclass(frozen=True, slots=True)
class Webhook:
    """A provider's address; ``after``: the last place that it took. ``error``: what the last try came to."""

    provider_id: UUID
    url: str
    after: int
    head: int
    attempts: int
    retry_at: datetime
    error: str | None
    delivered_at: datetime | None
    set_by: str
    set_at: datetime


COLUMNS: Final = (
    """h.provider_id, h.url, h.after, p.head, h.attempts, h.retry_at, h.error, h.delivered_at, h.set_by, h.set_at"""
)
PUT: Final = """
INSERT INTO provider_webhook (provider_id, url, after, retry_at, set_by, set_at) VALUES ($1, $2, $3, $5, $4, $5)
ON CONFLICT (provider_id) DO UPDATE SET url = $2, after = $3, attempts = 0, retry_at = $5, error = NULL,
       delivered_at = NULL, set_by = $4, set_at = $5
"""
GET: Final = f"SELECT {COLUMNS} FROM provider_webhook AS h JOIN provider AS p ON p.id = h.provider_id WHERE p.id = $1"  # noqa: S608 - ours
DELETE: Final = "DELETE FROM provider_webhook WHERE provider_id = $1"
TAKE: Final = f"""
UPDATE provider_webhook AS h SET retry_at = $2 FROM provider AS p
 WHERE p.id = h.provider_id AND h.provider_id IN (
        SELECT w.provider_id FROM provider_webhook AS w JOIN provider AS q ON q.id = w.provider_id
         WHERE w.retry_at <= $1 AND w.after < q.head ORDER BY w.retry_at LIMIT $3 FOR UPDATE OF w SKIP LOCKED)
RETURNING {COLUMNS}
"""  # noqa: S608 - ours
# Only of the address that was asked: it may have been set anew meanwhile.
TOOK: Final = """
UPDATE provider_webhook SET after = $3, attempts = 0, error = NULL, delivered_at = $5
 WHERE provider_id = $1 AND set_at = $2 AND after = $4
RETURNING true
"""
AGAIN: Final = """
UPDATE provider_webhook SET attempts = attempts + $4, error = $5, retry_at = $3 WHERE provider_id = $1 AND set_at = $2
"""


async def put(tx: Tx, provider_id: UUID, url: str, after: int, *, by: str, at: datetime) -> None:
    """Post what comes after this place to this address from now on."""
    await tx.execute(PUT, provider_id, url, after, by, at)


async def get(tx: Tx, provider_id: UUID) -> Webhook | None:
    """Where a provider's orders are posted; none if nowhere."""
    row = await tx.fetchrow(GET, provider_id)
    return Webhook(**row) if row else None


async def delete(tx: Tx, provider_id: UUID) -> None:
    """Post nothing any more."""
    await tx.execute(DELETE, provider_id)


async def take(tx: Tx, at: datetime, until: datetime, most: int) -> list[Webhook]:
    """Addresses for which something is due; nobody else takes them up before ``until``."""
    return [Webhook(**row) for row in await tx.fetch(TAKE, at, until, most)]


async def took(tx: Tx, hook: Webhook, sequence: int, at: datetime) -> bool:
    """The address took the next one; false if it was set anew, or another process went on, meanwhile."""
    return bool(await tx.fetchval(TOOK, hook.provider_id, hook.set_at, sequence, sequence - 1, at))


async def again(tx: Tx, hook: Webhook, at: datetime, *, failed: bool, error: str | None) -> None:
    """Try, or go on, at this time."""
    await tx.execute(AGAIN, hook.provider_id, hook.set_at, at, int(failed), error)
