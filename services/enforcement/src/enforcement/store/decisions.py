"""Decisions, and what became of them at the regulator and at the providers."""

# ruff: noqa: S608 -- statements are put together from the column lists of this file, nothing else

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from uuid import UUID

import asyncpg

from enforcement.lifecycle import Status
from enforcement.measures import Measure
from shared.contracts.access import OrderExecutedV1
from shared.contracts.base import Redress
from shared.runtime.postgres import Tx


@dataclass(frozen=True, slots=True)
class NewDecision:
    """What one person drafts. ``impact`` is the preview as shown; ``notice`` says what was sent, how and when."""

    id: UUID
    case_id: UUID
    measure: Measure
    legal_basis: tuple[str, ...]
    reasons: str
    evidence_hashes: tuple[str, ...]
    evidence_hash: str
    redress: Redress
    notice: dict[str, Any] | None
    cure_until: datetime | None
    urgent_ground: str | None
    impact: dict[str, Any]
    drafted_by: str
    drafted_at: datetime


@dataclass(frozen=True, slots=True)
class Decision(NewDecision):
    """A decision as stored; from ``received_at`` on, what other departments said they did about it."""

    version: int
    status: Status
    released_by: str | None
    released_at: datetime | None
    collateral_acknowledged: int | None
    request_id: UUID | None
    changed_at: datetime
    received_at: datetime | None
    declined_at: datetime | None
    decline_legal_basis: tuple[str, ...] | None
    decline_reasons: str | None
    revoked_at: datetime | None
    revocation_id: UUID | None
    reinstated_at: datetime | None


@dataclass(frozen=True, slots=True)
class ExecutedOrder:
    """An order that a provider carried out because of a decision."""

    order_id: UUID
    decision_id: UUID
    site_id: UUID
    provider_id: UUID
    action: str
    sequence: int | None
    how: str
    executed_at: datetime


_NEW: Final = """id, case_id, measure, legal_basis, reasons, evidence_hashes, evidence_hash, redress, notice,
       cure_until, urgent_ground, impact, drafted_by, drafted_at"""
_DECISION: Final = f"""{_NEW}, version, status, released_by, released_at,
       collateral_acknowledged, request_id, changed_at, received_at, declined_at, decline_legal_basis, decline_reasons,
       revoked_at, revocation_id, reinstated_at"""

ADD = f"""
INSERT INTO decision ({_NEW}, status, changed_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, 'drafted', $14)
ON CONFLICT (case_id) WHERE status = 'drafted' DO NOTHING
RETURNING {_DECISION}
"""
DRAFTED = "SELECT id FROM decision WHERE case_id = $1 AND status = 'drafted'"
GET = f"SELECT {_DECISION} FROM decision WHERE id = $1"
OF_CASE = f"SELECT {_DECISION} FROM decision WHERE case_id = $1 ORDER BY id"
MOVE = f"""
UPDATE decision SET status = $3, version = version + 1, changed_at = $4
 WHERE id = $1 AND status = $2
RETURNING {_DECISION}
"""
RELEASE = f"""
UPDATE decision
   SET status = 'released', version = version + 1, changed_at = $2, released_at = $2, released_by = $3,
       impact = $4, collateral_acknowledged = $5, request_id = $6
 WHERE id = $1 AND status = 'drafted'
RETURNING {_DECISION}
"""
# What is known stays: a late or repeated fact fills gaps and overwrites nothing.
NOTE = f"""
UPDATE decision
   SET received_at = coalesce(received_at, $2), declined_at = coalesce(declined_at, $3),
       decline_legal_basis = coalesce(decline_legal_basis, $4), decline_reasons = coalesce(decline_reasons, $5),
       revoked_at = coalesce(revoked_at, $6), revocation_id = coalesce(revocation_id, $7),
       reinstated_at = coalesce(reinstated_at, $8), version = version + 1, changed_at = $9
 WHERE id = $1
RETURNING {_DECISION}
"""
ADD_ORDER = """
INSERT INTO decision_order (order_id, decision_id, site_id, provider_id, action, sequence, how, executed_at)
SELECT $1, id, $3, $4, $5, $6, $7, $8 FROM decision WHERE id = $2
ON CONFLICT (order_id) DO NOTHING
"""
ORDERS = """
SELECT order_id, decision_id, site_id, provider_id, action, sequence, how, executed_at
  FROM decision_order WHERE decision_id = ANY ($1) ORDER BY executed_at, order_id
"""


async def add(tx: Tx, new: NewDecision) -> Decision | None:
    """File a draft, or None if the case has one already."""
    row = await tx.fetchrow(
        ADD,
        new.id,
        new.case_id,
        new.measure,
        new.legal_basis,
        new.reasons,
        new.evidence_hashes,
        new.evidence_hash,
        new.redress.model_dump(),
        new.notice,
        new.cure_until,
        new.urgent_ground,
        new.impact,
        new.drafted_by,
        new.drafted_at,
    )
    return _decision(row) if row else None


async def drafted(tx: Tx, case_id: UUID) -> UUID | None:
    """Id of the draft that lies in a case."""
    found: UUID | None = await tx.fetchval(DRAFTED, case_id)
    return found


async def get(tx: Tx, decision_id: UUID) -> Decision | None:
    """Read a decision. It stands still as long as the caller holds its case."""
    row = await tx.fetchrow(GET, decision_id)
    return _decision(row) if row else None


async def of_case(tx: Tx, case_id: UUID) -> list[Decision]:
    """The decisions of a case, oldest first."""
    return [_decision(row) for row in await tx.fetch(OF_CASE, case_id)]


async def move(tx: Tx, decision: Decision, to: Status, at: datetime) -> Decision:
    """Move a decision whose case is locked."""
    return _moved(await tx.fetchrow(MOVE, decision.id, decision.status, to, at))


async def release(
    tx: Tx,
    decision: Decision,
    *,
    by: str,
    at: datetime,
    impact: dict[str, Any],
    acknowledged: int | None,
    request_id: UUID | None,
) -> Decision:
    """Make a draft an act of the authority, with the preview it was released on."""
    return _moved(await tx.fetchrow(RELEASE, decision.id, at, by, impact, acknowledged, request_id))


async def note(
    tx: Tx,
    decision_id: UUID,
    at: datetime,
    *,
    received_at: datetime | None = None,
    declined_at: datetime | None = None,
    decline_legal_basis: Collection[str] | None = None,
    decline_reasons: str | None = None,
    revoked_at: datetime | None = None,
    revocation_id: UUID | None = None,
    reinstated_at: datetime | None = None,
) -> Decision:
    """Keep what another department said about a decision."""
    row = await tx.fetchrow(
        NOTE,
        decision_id,
        received_at,
        declined_at,
        decline_legal_basis,
        decline_reasons,
        revoked_at,
        revocation_id,
        reinstated_at,
        at,
    )
    return _moved(row)


async def add_order(tx: Tx, decision_id: UUID, fact: OrderExecutedV1) -> bool:
    """Keep that an order was carried out; false if that is known, or the decision is not ours."""
    values = (fact.site_id, fact.provider_id, fact.action, fact.sequence, fact.how, fact.executed_at)
    done = await tx.execute(ADD_ORDER, fact.order_id, decision_id, *values)
    return done.endswith(" 1")


async def orders(tx: Tx, decision_ids: Collection[UUID]) -> list[ExecutedOrder]:
    """The orders carried out because of these decisions, in the order of their execution."""
    return [ExecutedOrder(**row) for row in await tx.fetch(ORDERS, list(decision_ids))]


def _moved(row: asyncpg.Record | None) -> Decision:
    if row is None:
        raise RuntimeError("a decision moved although its case was locked")
    return _decision(row)


def _decision(row: asyncpg.Record) -> Decision:
    values: dict[str, Any] = dict(row)
    for name in ("legal_basis", "evidence_hashes", "decline_legal_basis"):
        values[name] = None if values[name] is None else tuple(values[name])
    values |= {"status": Status(values["status"]), "measure": Measure(values["measure"])}
    return Decision(**{**values, "redress": Redress(**values["redress"])})
