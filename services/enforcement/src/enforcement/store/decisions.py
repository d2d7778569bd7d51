"""Decisions, and what became of them at the regulator and at the providers."""

# ruff: noqa: S608 -- statements are put together from the column lists of this file, nothing else

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Final
from uuid import UUID

import asyncpg

from enforcement.lifecycle import Status
from enforcement.measures import Measure
from enforcement.store.cases import CASE, Case, case_of
from shared.contracts.access import OrderExecutedV1
from shared.contracts.base import Redress
from shared.runtime.db.at_commit import later
from shared.runtime.db.postgres import Tx


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


def _names(columns: str) -> list[str]:
    return [name.strip() for name in columns.split(",")]


def _of(table: str, columns: str) -> str:
    return ", ".join(f"{table}.{name}" for name in _names(columns))


ADD = f"""
INSERT INTO decision ({_NEW}, status, changed_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, 'drafted', $14)
ON CONFLICT (case_id) WHERE status = 'drafted' DO NOTHING
RETURNING {_DECISION}
"""
DRAFTED = "SELECT id FROM decision WHERE case_id = $1 AND status = 'drafted'"
GET = f"SELECT {_DECISION} FROM decision WHERE id = $1"
OF_CASE = f"SELECT {_DECISION} FROM decision WHERE case_id = $1 ORDER BY id"
LOCK = f"""
SELECT {_of("c", CASE)}, ({_of("d", _DECISION)}) AS held
  FROM enforcement_case c JOIN decision d ON d.case_id = c.id
 WHERE d.id = $1
   FOR UPDATE OF c, d
"""
MOVE = "UPDATE decision SET status = $3, version = version + 1, changed_at = $4 WHERE id = $1 AND status = $2"
RELEASE = """
UPDATE decision
   SET status = 'released', version = version + 1, changed_at = $2, released_at = $2, released_by = $3,
       impact = $4, collateral_acknowledged = $5, request_id = $6
 WHERE id = $1 AND status = 'drafted'
"""
NOTE = """
UPDATE decision
   SET status = $2, received_at = $3, declined_at = $4, decline_legal_basis = $5, decline_reasons = $6,
       revoked_at = $7, revocation_id = $8, reinstated_at = $9, version = $10, changed_at = $11
 WHERE id = $1
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


async def lock(tx: Tx, decision_id: UUID) -> tuple[Case, Decision] | None:
    """Read a decision and the case it lies in, and hold both until the transaction ends."""
    row = await tx.fetchrow(LOCK, decision_id)
    if row is None:
        return None
    values = dict(row)
    decision = dict(zip(_names(_DECISION), values.pop("held"), strict=True))
    return case_of(values), _decision(decision)


def move(tx: Tx, decision: Decision, to: Status, at: datetime) -> Decision:
    """Move a decision whose case is locked, at the end of the transaction."""
    later(tx, MOVE, decision.id, decision.status, to, at)
    return replace(decision, status=to, version=decision.version + 1, changed_at=at)


def release(
    tx: Tx,
    decision: Decision,
    *,
    by: str,
    at: datetime,
    impact: dict[str, Any],
    acknowledged: int | None,
    request_id: UUID | None,
) -> Decision:
    """Make a draft an act of the authority, with the preview it was released on, at the end of the transaction."""
    later(tx, RELEASE, decision.id, at, by, impact, acknowledged, request_id)
    return replace(
        decision,
        status=Status.RELEASED,
        version=decision.version + 1,
        changed_at=at,
        released_at=at,
        released_by=by,
        impact=impact,
        collateral_acknowledged=acknowledged,
        request_id=request_id,
    )


def note(tx: Tx, decision: Decision, to: Status, at: datetime, **said: Any) -> Decision:
    """Keep what another department said about a held decision, and where it leads, at the end of the transaction.

    What is known stays: a late or repeated fact fills gaps and overwrites nothing.
    """
    new = {name: value for name, value in said.items() if getattr(decision, name) is None}
    if not new and to is decision.status:
        return decision
    noted = replace(decision, **new, status=to, version=decision.version + 1, changed_at=at)
    later(
        tx,
        NOTE,
        noted.id,
        noted.status,
        noted.received_at,
        noted.declined_at,
        noted.decline_legal_basis,
        noted.decline_reasons,
        noted.revoked_at,
        noted.revocation_id,
        noted.reinstated_at,
        noted.version,
        noted.changed_at,
    )
    return noted


async def add_order(tx: Tx, decision_id: UUID, fact: OrderExecutedV1) -> bool:
    """Keep that an order was carried out; false if that is known, or the decision is not ours."""
    values = (fact.site_id, fact.provider_id, fact.action, fact.sequence, fact.how, fact.executed_at)
    done = await tx.execute(ADD_ORDER, fact.order_id, decision_id, *values)
    return done.endswith(" 1")


async def orders(tx: Tx, decision_ids: Collection[UUID]) -> list[ExecutedOrder]:
    """The orders carried out because of these decisions, in the order of their execution."""
    return [ExecutedOrder(**row) for row in await tx.fetch(ORDERS, list(decision_ids))]


def _decision(row: asyncpg.Record | Mapping[str, Any]) -> Decision:
    values: dict[str, Any] = dict(row)
    for name in ("legal_basis", "evidence_hashes", "decline_legal_basis"):
        values[name] = None if values[name] is None else tuple(values[name])
    values |= {"status": Status(values["status"]), "measure": Measure(values["measure"])}
    return Decision(**{**values, "redress": Redress(**values["redress"])})
