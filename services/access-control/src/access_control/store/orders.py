"""SQL of orders: drafted, released under the provider's lock, moved while held, read as bytes."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any
from uuid import UUID

import asyncpg

from access_control.document import Content, Signed
from access_control.lifecycle import Status
from shared.contracts.orders import Action
from shared.runtime.db.at_commit import later
from shared.runtime.db.postgres import Tx
from shared.runtime.web.paging import PageQuery


@dataclass(frozen=True, slots=True)
class AccessOrder:
    """An order as it stands. The signed bytes are read apart: they are large, and most verbs do not need them."""

    id: UUID
    provider_id: UUID
    site_id: UUID
    registration_id: UUID
    revocation_id: UUID
    decision_id: UUID | None
    region: str
    action: Action
    status: Status
    overdue: bool
    content: Content
    undoes: UUID | None
    undone_by: UUID | None
    drafted_at: datetime
    release_at: datetime
    sequence: int | None
    issued_at: datetime | None
    execute_by: datetime | None
    digest: str | None
    kid: str | None
    version: int
    changed_at: datetime

    @property
    def organisation(self) -> str:
        """The provider it is meant for."""
        return str(self.provider_id)


@dataclass(frozen=True, slots=True)
class Moved:
    """A change of status that a receipt brings."""

    order_id: UUID
    before: Status
    after: Status


_COLUMNS = """id, provider_id, site_id, registration_id, revocation_id, decision_id, region, action, status, overdue,
       content, undoes, undone_by, drafted_at, release_at, sequence, issued_at, execute_by, digest, kid, version,
       changed_at"""

DRAFT = f"""
INSERT INTO access_order (id, provider_id, site_id, registration_id, revocation_id, decision_id, region, action, status,
                          content, undoes, drafted_at, release_at, changed_at)
SELECT $1, id, $3, $4, $5, $6, region, $7, 'drafted', $8, $9, $10, $11, $10 FROM provider WHERE id = $2
ON CONFLICT (revocation_id, site_id, provider_id, action) DO NOTHING
RETURNING {_COLUMNS}
"""  # noqa: S608
RELEASE = """
UPDATE access_order
   SET status = 'released', sequence = $2, issued_at = $3, execute_by = $4, jws = $5, digest = $6, kid = $7,
       version = version + 1, changed_at = $3
 WHERE id = $1 AND status = 'drafted'
"""
MOVE = "UPDATE access_order SET status = $3, version = version + 1, changed_at = $4 WHERE id = $1 AND status = $2"
MOVE_MANY = """
UPDATE access_order o SET status = m.after, version = o.version + 1, changed_at = $4
  FROM unnest($1::uuid[], $2::text[], $3::text[]) AS m (id, before, after)
 WHERE o.id = m.id AND o.status = m.before
"""
UNDO = "UPDATE access_order SET undone_by = $2 WHERE id = $1 AND undone_by IS NULL"
MARK_OVERDUE = f"""
UPDATE access_order SET overdue = true, version = version + 1, changed_at = $3
 WHERE id = $1 AND status = ANY($2) AND NOT overdue
RETURNING {_COLUMNS}
"""  # noqa: S608
GET = f"SELECT {_COLUMNS} FROM access_order WHERE id = $1"  # noqa: S608
LOCK = f"SELECT {_COLUMNS} FROM access_order WHERE id = $1 FOR NO KEY UPDATE"  # noqa: S608
LOCK_MANY = f"SELECT {_COLUMNS} FROM access_order WHERE id = ANY($1) ORDER BY id FOR NO KEY UPDATE"  # noqa: S608
LOCK_CUT_OFFS = f"""
SELECT {_COLUMNS} FROM access_order
 WHERE registration_id = $1 AND revocation_id = $2 AND action = 'cut_off'
 ORDER BY id FOR NO KEY UPDATE
"""  # noqa: S608
LIST = f"""
SELECT {_COLUMNS} FROM access_order
 WHERE ($1::uuid IS NULL OR id < $1)
   AND ($3::text IS NULL OR status = $3)
   AND ($4::uuid IS NULL OR provider_id = $4)
   AND ($5::uuid IS NULL OR site_id = $5)
   AND (NOT $6 OR sequence IS NOT NULL)
 ORDER BY id DESC LIMIT $2
"""  # noqa: S608


def _order(row: asyncpg.Record) -> AccessOrder:
    fields: dict[str, Any] = dict(row)
    fields["action"] = Action(fields["action"])
    fields["status"] = Status(fields["status"])
    fields["content"] = Content.model_validate(fields["content"])
    return AccessOrder(**fields)


async def _one(tx: Tx, query: str, *values: object) -> AccessOrder | None:
    row = await tx.fetchrow(query, *values)
    return _order(row) if row else None


@dataclass(frozen=True, slots=True)
class Draft:
    """An order to be written. It bears the province of its provider, whichever province decided."""

    id: UUID
    provider_id: UUID
    site_id: UUID
    registration_id: UUID
    revocation_id: UUID
    decision_id: UUID | None
    action: Action
    content: Content
    drafted_at: datetime
    release_at: datetime
    undoes: UUID | None = None


async def draft(tx: Tx, order: Draft) -> AccessOrder | None:
    """Write an order; none if the same order exists already, or its provider does not."""
    return await _one(
        tx,
        DRAFT,
        order.id,
        order.provider_id,
        order.site_id,
        order.registration_id,
        order.revocation_id,
        order.decision_id,
        order.action,
        order.content.model_dump(mode="json"),
        order.undoes,
        order.drafted_at,
        order.release_at,
    )


def release(tx: Tx, draft: AccessOrder, signed: Signed) -> AccessOrder:
    """Keep the signed bytes of a locked draft, at the end of the transaction; how it will stand."""
    own = (signed.sequence, signed.issued_at, signed.execute_by, signed.jws, signed.digest, signed.kid)
    later(tx, RELEASE, draft.id, *own)
    return replace(
        draft,
        status=Status.RELEASED,
        sequence=signed.sequence,
        issued_at=signed.issued_at,
        execute_by=signed.execute_by,
        digest=signed.digest,
        kid=signed.kid,
        version=draft.version + 1,
        changed_at=signed.issued_at,
    )


def move(tx: Tx, order: AccessOrder, after: Status, at: datetime) -> AccessOrder:
    """Move a locked order, at the end of the transaction; how it will stand."""
    later(tx, MOVE, order.id, order.status, after, at)
    return replace(order, status=after, version=order.version + 1, changed_at=at)


async def move_many(tx: Tx, moves: Sequence[Moved], at: datetime) -> None:
    """Move orders whose rows this transaction has locked."""
    await tx.execute(MOVE_MANY, [m.order_id for m in moves], [m.before for m in moves], [m.after for m in moves], at)


async def undo(tx: Tx, order_id: UUID, *, by: UUID) -> None:
    """Note which released order takes this one back."""
    await tx.execute(UNDO, order_id, by)


async def mark_overdue(tx: Tx, order_id: UUID, *, running: Sequence[Status], at: datetime) -> AccessOrder | None:
    """Flag an order whose delay passed; none if its clock no longer runs or it is flagged already."""
    return await _one(tx, MARK_OVERDUE, order_id, list(running), at)


async def get(tx: Tx, order_id: UUID) -> AccessOrder | None:
    """One order."""
    return await _one(tx, GET, order_id)


async def lock(tx: Tx, order_id: UUID) -> AccessOrder | None:
    """One order, its row locked."""
    return await _one(tx, LOCK, order_id)


async def lock_many(tx: Tx, order_ids: Sequence[UUID]) -> dict[UUID, AccessOrder]:
    """These orders, locked in the order of their ids so that two batches cannot block each other for good."""
    return {order.id: order for order in map(_order, await tx.fetch(LOCK_MANY, list(order_ids)))}


async def lock_cut_offs(tx: Tx, registration_id: UUID, revocation_id: UUID) -> list[AccessOrder]:
    """Every cut-off that came of a revocation, locked."""
    return [_order(row) for row in await tx.fetch(LOCK_CUT_OFFS, registration_id, revocation_id)]


async def page(
    tx: Tx,
    query: PageQuery,
    *,
    status: Status | None,
    provider_id: UUID | None,
    site_id: UUID | None,
    released_only: bool,
) -> list[AccessOrder]:
    """Orders, newest first. ``released_only``: leave out what has not gone out."""
    rows = await tx.fetch(LIST, query.after, query.fetch, status, provider_id, site_id, released_only)
    return [_order(row) for row in rows]
