"""What authorities did that the register does not carry out: ignored orders to correct, and penalties of providers."""

from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import UUID

from shared.contracts.enforcement import DecisionReleasedV1
from shared.runtime.db.postgres import Tx


@dataclass(frozen=True, slots=True)
class Handling:
    """A decision that an opinion can rest on: whose it was, and about whom. ``holds``: it has effect."""

    decision_id: UUID
    effect: str
    provider_id: str | None
    authority_id: str
    level: str
    region: str | None
    holds: bool


NOTE: Final = """
INSERT INTO handling (decision_id, effect, subject, identity, authority_id, level, region, since)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
ON CONFLICT (decision_id) DO NOTHING
"""
IGNORED: Final = "UPDATE handling SET since = $2 WHERE decision_id = $1 AND since IS NULL"
FELL: Final = "UPDATE handling SET fell_at = $2 WHERE decision_id = $1 AND fell_at IS NULL"
GET: Final = """
SELECT decision_id, effect, subject ->> 'provider_id' AS provider_id, authority_id, level, region,
       since IS NOT NULL AND fell_at IS NULL AS holds
  FROM handling WHERE decision_id = $1 FOR SHARE
"""
IGNORED_BY: Final = """
SELECT DISTINCT identity FROM handling
 WHERE effect = 'correct' AND subject ->> 'site_id' = $1::uuid::text AND since IS NOT NULL
   AND fell_at IS NULL AND ($2::text IS NULL OR authority_id = $2) AND identity IS NOT NULL
"""


async def note(tx: Tx, decision: DecisionReleasedV1, since: datetime | None) -> None:
    """A decision was released; ``since`` when an opinion can rest on it, if it can by that alone."""
    authority, operator = decision.grounds.authority, decision.operator
    await tx.execute(
        NOTE, decision.decision_id, decision.effect, decision.subject.model_dump(mode="json"),
        operator.identity if operator is not None else None, authority.id, authority.level, authority.region, since,
    )  # fmt: skip


async def ignored(tx: Tx, decision_id: UUID, at: datetime) -> None:
    """An order to correct was found ignored."""
    await tx.execute(IGNORED, decision_id, at)


async def fell(tx: Tx, decision_id: UUID, at: datetime) -> None:
    """It has no effect any more."""
    await tx.execute(FELL, decision_id, at)


async def get(tx: Tx, decision_id: UUID) -> Handling | None:
    """One of them, which stays as it is until the transaction ends."""
    row = await tx.fetchrow(GET, decision_id)
    return Handling(**dict(row)) if row else None


async def ignored_by(tx: Tx, site_id: UUID, authority_id: str | None) -> list[str]:
    """Who ignored an order to correct about a site that stands, by identity: one of this authority, or of any."""
    return [row["identity"] for row in await tx.fetch(IGNORED_BY, site_id, authority_id)]
