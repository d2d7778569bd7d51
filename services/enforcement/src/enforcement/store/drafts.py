"""What a draft collects before its release: remarks of colleagues; and what was decided before about its subject."""

# ruff: noqa: S608 -- statements are put together from pieces of this store, nothing else

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import UUID

from enforcement.store import subjects
from enforcement.store.cases import Case
from shared.contracts.http.decisions import EarlierDecision
from shared.runtime.db.postgres import Tx


@dataclass(frozen=True, slots=True)
class Remark:
    """What a person said of a draft. ``kind``: comment, return, answer."""

    id: UUID
    decision_id: UUID
    kind: str
    reasons: str
    by: str
    at: datetime


ADD: Final = "INSERT INTO decision_remark (id, decision_id, kind, reasons, by, at) VALUES ($1, $2, $3, $4, $5, $6)"
OF: Final = """
SELECT id, decision_id, kind, reasons, by, at FROM decision_remark WHERE decision_id = ANY ($1) ORDER BY id
"""
EARLIER: Final = f"""
SELECT id AS decision_id, effect, status FROM decision
 WHERE released_at IS NOT NULL AND id <> $6 AND case_id IN ({subjects.SAME})
 ORDER BY released_at, id
"""


async def add(tx: Tx, remark: Remark) -> None:
    """Keep a remark."""
    await tx.execute(ADD, remark.id, remark.decision_id, remark.kind, remark.reasons, remark.by, remark.at)


async def remarks(tx: Tx, decision_ids: Collection[UUID]) -> list[Remark]:
    """What was said of these drafts, oldest first."""
    return [Remark(**dict(row)) for row in await tx.fetch(OF, list(decision_ids))]


async def earlier(tx: Tx, case: Case, except_id: UUID) -> tuple[EarlierDecision, ...]:
    """What was released about the subject of a case, with whatever effect, in any case, in the order of release."""
    rows = await tx.fetch(EARLIER, *subjects.values(case), except_id)
    return tuple(EarlierDecision(**dict(row)) for row in rows)
