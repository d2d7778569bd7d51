"""Decisions in cases that ended an item, as heard: they stand until they are overturned, suspended or lifted."""

from collections.abc import Iterable
from datetime import datetime
from typing import Final
from uuid import UUID

from approval.store.paper import Paper
from shared.contracts.enforcement import DecisionReleasedV1
from shared.contracts.grounds import OperatorRef
from shared.runtime.db.postgres import Tx

# Under every identity that the operator has or had, in one order.
IN_TURN: Final = """
SELECT pg_advisory_xact_lock(key) FROM (
    SELECT hashtext(concat_ws(' ', 'ended_item', each, $2::text)) AS key
      FROM unnest(same_operator($1)) AS each ORDER BY 1
) AS keys
"""
NOTE: Final = """
INSERT INTO ended_item (decision_id, identity, service_item, names, level, region, released_at)
VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT (decision_id) DO NOTHING
"""
FELL: Final = "UPDATE ended_item SET fell_at = $2 WHERE decision_id = $1 AND fell_at IS NULL"
STANDING: Final = """
SELECT decision_id, released_at FROM ended_item
 WHERE identity = ANY (same_operator($1)) AND service_item = $2 AND level = $3 AND region IS NOT DISTINCT FROM $4
   AND $5 = ANY (names) AND released_at >= $6 AND fell_at IS NULL
 ORDER BY released_at DESC, decision_id LIMIT 1
"""


async def in_turn(tx: Tx, identity: str, service_item: str) -> None:
    """Whoever ends this item of an operator, or brings a consent to it in on paper, waits here for the others."""
    await tx.execute(IN_TURN, identity, service_item)


async def note(
    tx: Tx, fact: DecisionReleasedV1, operator: OperatorRef, service_item: str, names: Iterable[str]
) -> None:
    """Keep a decision that ended an item; one that is kept, fallen or not, stays as it is."""
    authority = fact.grounds.authority
    await tx.execute(
        NOTE, fact.decision_id, operator.identity, service_item, sorted(names), authority.level, authority.region,
        fact.released_at,
    )  # fmt: skip


async def fell(tx: Tx, decision_id: UUID, at: datetime) -> None:
    """It was overturned, suspended or lifted."""
    await tx.execute(FELL, decision_id, at)


async def standing(tx: Tx, paper: Paper, since: datetime) -> tuple[UUID, datetime] | None:
    """The newest decision, made since then, that ended what this paper consents to; and when it was released."""
    row = await tx.fetchrow(
        STANDING, paper.operator.identity, paper.service_item, paper.level, paper.region, paper.domain, since
    )
    return (row["decision_id"], row["released_at"]) if row else None
