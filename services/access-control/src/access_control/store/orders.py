"""Orders: drafted, released under the provider's lock, moved while held, read as rows or as bytes."""

# ruff: noqa: S608 -- statements are put together from the column lists of this file, nothing else

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, NamedTuple
from uuid import UUID

import asyncpg

from access_control.errors import UnknownOrder
from access_control.lifecycle import LIFECYCLE, Move, Status
from shared.contracts.base import Document, Text
from shared.contracts.grounds import AuthorityRef, Grounds, Statement
from shared.contracts.orders import Action, Cause, OrderedSite
from shared.runtime.acts.moves import Moves
from shared.runtime.acts.policy import Reach
from shared.runtime.db.postgres import Tx
from shared.runtime.web.paging import PageQuery


class Content(Document):
    """What an order says before it has a number and times; a restore copies the site from here."""

    site: OrderedSite
    issuer: AuthorityRef
    regulator: AuthorityRef
    """Whose execution it carries: the issuer, or for a network who instructs its supervisor."""
    authority: AuthorityRef
    cause: Cause
    grounds: Grounds | None = None
    """In public form; for what burdens."""
    statement: Statement | None = None
    """In public form; for a restore."""
    scope: Text
    emergency_id: UUID | None = None
    """For the restore of what the provider had suspended by itself."""
    register_entry: Text


class Turn(NamedTuple):
    """What its place in a queue follows from, and nothing else."""

    decided_at: datetime
    urgent: bool


class Answer(Document):
    """How the issuer answered: upheld, rejected or accepted."""

    answer: Text
    reasons: str
    at: datetime


@dataclass(frozen=True, slots=True)
class AccessOrder:
    """An order as it stands. What it says and its bytes are read apart: they are large, and most verbs need neither."""

    id: UUID
    version: int
    status: Status
    execution_id: UUID
    decision_id: UUID
    provider_id: UUID
    site_id: UUID | None
    hosts: tuple[str, ...]
    action: Action
    attempt: int
    issuer_id: str
    regulator_id: str
    supervisor_id: str | None
    regions: tuple[str, ...]
    overdue: bool
    escalated_at: datetime | None
    answer: Answer | None
    undoes: UUID | None
    undone_by: UUID | None
    instruction_id: UUID | None
    reissues: UUID | None
    reissued_as: UUID | None
    withdrawn_by: str | None
    reissue_asked_by: str | None
    reissue_asked_at: datetime | None
    reissue_reasons: str | None
    drafted_at: datetime
    release_at: datetime | None
    until: datetime | None
    sequence: int | None
    issued_at: datetime | None
    execute_by: datetime | None
    digest: str | None
    kid: str | None
    decided_at: datetime | None
    urgent: bool
    trial: bool
    changed_at: datetime

    @property
    def turn(self) -> Turn:
        """What its place in a queue follows from."""
        return Turn(self.decided_at or self.drafted_at, self.urgent)

    @property
    def organisation(self) -> str:
        """The provider it is meant for."""
        return str(self.provider_id)

    @property
    def against_reissue(self) -> frozenset[str]:
        """Persons who do not send it again: who took it back, and who asked to send it."""
        return frozenset(filter(None, (self.withdrawn_by, self.reissue_asked_by)))

    @property
    def out(self) -> str:
        """Whether it went out to its provider, as the policy asks."""
        return "no" if self.sequence is None else "yes"


@dataclass(frozen=True, slots=True)
class Signed:
    """What makes an order one that is out: its place and times, and the bytes every door hands out."""

    sequence: int
    issued_at: datetime
    execute_by: datetime
    jws: bytes
    digest: str
    """SHA-256 of ``jws``; a receipt must name it."""
    kid: str


COLUMNS: Final = """id, version, status, execution_id, decision_id, provider_id, site_id, hosts, action, attempt,
       issuer_id, regulator_id, supervisor_id, regions, overdue, escalated_at, answer, undoes, undone_by,
       instruction_id, reissues, reissued_as, withdrawn_by, reissue_asked_by, reissue_asked_at, reissue_reasons,
       drafted_at, release_at, until, sequence, issued_at, execute_by, digest, kid, decided_at, urgent,
       trial, changed_at"""
DRAFT: Final = f"""
INSERT INTO access_order (id, status, execution_id, decision_id, provider_id, site_id, hosts, action, attempt, content,
                          issuer_id, regulator_id, supervisor_id, regions, undoes, instruction_id, reissues,
                          reissued_by, taken_back_by, drafted_at, release_at, until, asked_by, decided_at, urgent,
                          trial, changed_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21, $22, $23, $24,
        $25, $26, $20)
ON CONFLICT (execution_id, provider_id, action, attempt) DO NOTHING
RETURNING {COLUMNS}
"""
GET: Final = f"SELECT {COLUMNS} FROM access_order WHERE id = $1"
HOLD: Final = f"{GET} FOR NO KEY UPDATE"
GET_MANY: Final = f"SELECT {COLUMNS} FROM access_order WHERE id = ANY ($1)"
HOLD_MANY: Final = f"{GET_MANY} AND provider_id = $2 ORDER BY id FOR NO KEY UPDATE"
HOLD_OF_EXECUTION: Final = f"""
SELECT {COLUMNS} FROM access_order WHERE execution_id = $1 AND action <> 'restore' ORDER BY id FOR NO KEY UPDATE
"""
CONTENTS: Final = "SELECT id, content FROM access_order WHERE id = ANY ($1)"
WORDS: Final = {
    "regions": "regions && {}",
    "organisation": "provider_id::text = ANY ({})",
    "supervisor_id": "supervisor_id = ANY ({})",
    "out": "CASE WHEN sequence IS NULL THEN 'no' ELSE 'yes' END = ANY ({})",
}


_QUEUE: Final = """
SELECT row_number() OVER (PARTITION BY provider_id ORDER BY urgent DESC, coalesce(decided_at, drafted_at), id)
           AS position,
       id, action, urgent, coalesce(decided_at, drafted_at) AS decided_at, changed_at AS waits_since, until
  FROM access_order WHERE status = 'queued' AND provider_id = ANY ($1)
"""
QUEUE: Final = f"SELECT * FROM ({_QUEUE}) AS queue WHERE position > $2 ORDER BY position LIMIT $3"
POSITIONS: Final = f"SELECT id, position FROM ({_QUEUE}) AS queue WHERE id = ANY ($2)"
LENGTH: Final = "SELECT count(*) FROM access_order WHERE status = 'queued' AND provider_id = $1"
FIRST: Final = """
SELECT id FROM access_order WHERE status = 'queued' AND provider_id = $1 AND issuer_id <> ALL ($2)
 ORDER BY urgent DESC, coalesce(decided_at, drafted_at), id LIMIT 1
"""
WAITING_ISSUERS: Final = "SELECT DISTINCT issuer_id FROM access_order WHERE status = 'queued' AND provider_id = $1"
NTH_LAST_SENT: Final = """
SELECT issued_at FROM access_order
 WHERE provider_id = $1 AND action <> 'restore' AND sequence IS NOT NULL
 ORDER BY issued_at DESC OFFSET $2 - 1 LIMIT 1
"""


def of(row: asyncpg.Record) -> AccessOrder:
    """A row of COLUMNS."""
    values: dict[str, Any] = dict(row)
    return AccessOrder(**{
        **values, "status": Status(values["status"]), "action": Action(values["action"]),
        "hosts": tuple(values["hosts"]), "regions": tuple(values["regions"]),
        "answer": values["answer"] and Answer.model_validate(values["answer"]),
    })  # fmt: skip


MOVES: Final[Moves[AccessOrder, Status, Move]] = Moves(LIFECYCLE, table="access_order", columns=COLUMNS, read=of)


@dataclass(frozen=True, slots=True)
class Draft:
    """An order to be written."""

    id: UUID
    status: Status
    execution_id: UUID
    decision_id: UUID
    provider_id: UUID
    action: Action
    attempt: int
    content: Content
    regions: Collection[str]
    drafted_at: datetime
    supervisor_id: str | None = None
    release_at: datetime | None = None
    until: datetime | None = None
    undoes: UUID | None = None
    instruction_id: UUID | None = None
    reissues: UUID | None = None
    reissued_by: str | None = None
    asked_by: str | None = None
    taken_back_by: str | None = None
    turn: Turn | None = None
    """Of what may have to wait: not of a restore."""
    trial: bool = False


async def draft(tx: Tx, new: Draft) -> AccessOrder | None:
    """Write an order; none if the same order exists already."""
    content = new.content
    row = await tx.fetchrow(
        DRAFT, new.id, new.status, new.execution_id, new.decision_id, new.provider_id, content.site.site_id,
        list(content.site.hosts), new.action, new.attempt, content.model_dump(mode="json"), content.issuer.id,
        content.regulator.id, new.supervisor_id, sorted(new.regions), new.undoes, new.instruction_id, new.reissues,
        new.reissued_by, new.taken_back_by, new.drafted_at, new.release_at, new.until, new.asked_by,
        new.turn and new.turn.decided_at, bool(new.turn and new.turn.urgent), new.trial,
    )  # fmt: skip
    return of(row) if row else None


async def get(tx: Tx, order_id: UUID) -> AccessOrder:
    """One order. Raises UnknownOrder."""
    row = await tx.fetchrow(GET, order_id)
    if row is None:
        raise UnknownOrder(order=order_id)
    return of(row)


async def hold(tx: Tx, order_id: UUID) -> AccessOrder:
    """One order, held. Whoever tells of it holds its execution first. Raises UnknownOrder."""
    row = await tx.fetchrow(HOLD, order_id)
    if row is None:
        raise UnknownOrder(order=order_id)
    return of(row)


async def get_many(tx: Tx, order_ids: Collection[UUID]) -> dict[UUID, AccessOrder]:
    """These orders, of whatever provider; nobody waits for whoever holds them."""
    return {order.id: order for order in map(of, await tx.fetch(GET_MANY, list(order_ids)))} if order_ids else {}


async def hold_many(tx: Tx, order_ids: Collection[UUID], provider_id: UUID) -> dict[UUID, AccessOrder]:
    """Those of these orders that are the provider's, held by id: two batches do not block each other for good."""
    return {order.id: order for order in map(of, await tx.fetch(HOLD_MANY, list(order_ids), provider_id))}


async def hold_burdens(tx: Tx, execution_id: UUID) -> list[AccessOrder]:
    """Every cut-off and suspension that came of an execution, held."""
    return [of(row) for row in await tx.fetch(HOLD_OF_EXECUTION, execution_id)]


async def content(tx: Tx, order_id: UUID) -> Content:
    """What one order says."""
    return (await contents(tx, [order_id]))[order_id]


async def contents(tx: Tx, order_ids: Collection[UUID]) -> dict[UUID, Content]:
    """What these orders say."""
    rows = await tx.fetch(CONTENTS, list(order_ids))
    return {row["id"]: Content.model_validate(row["content"]) for row in rows}


async def page(
    tx: Tx, reach: Reach, query: PageQuery, *, status: Status | None, provider_id: UUID | None, site_id: UUID | None,
    execution_id: UUID | None, reader: str,
) -> list[AccessOrder]:  # fmt: skip
    """Orders within reach, newest first; trials for their own sandbox alone (``reader``)."""
    where, values = reach.where(WORDS, first=8)
    rows = await tx.fetch(
        f"""SELECT {COLUMNS} FROM access_order
             WHERE ($1::uuid IS NULL OR id < $1) AND ($3::text IS NULL OR status = $3)
               AND ($4::uuid IS NULL OR provider_id = $4) AND ($5::uuid IS NULL OR site_id = $5)
               AND ($6::uuid IS NULL OR execution_id = $6)
               AND (NOT trial OR provider_id::text = $7) AND {where}
             ORDER BY id DESC LIMIT $2""",
        query.after, query.fetch, status, provider_id, site_id, execution_id, reader, *values,
    )  # fmt: skip
    return [of(row) for row in rows]


@dataclass(frozen=True, slots=True)
class Waiting:
    """An order in the queue of its provider."""

    position: int
    id: UUID
    action: Action
    urgent: bool
    decided_at: datetime
    waits_since: datetime
    until: datetime | None


async def queue(tx: Tx, provider_id: UUID, *, after: int, limit: int) -> list[Waiting]:
    """What waits for a provider, in its order, from behind a place on."""
    rows = await tx.fetch(QUEUE, [provider_id], after, limit)
    return [Waiting(**{name: row[name] for name in Waiting.__dataclass_fields__}) for row in rows]


async def queue_length(tx: Tx, provider_id: UUID) -> int:
    """How many wait for a provider."""
    return int(await tx.fetchval(LENGTH, provider_id))


async def positions(tx: Tx, found: Iterable[AccessOrder]) -> dict[UUID, int]:
    """The places of those of these orders that wait."""
    waiting = [order for order in found if order.status is Status.QUEUED]
    if not waiting:
        return {}
    rows = await tx.fetch(POSITIONS, list({order.provider_id for order in waiting}), [order.id for order in waiting])
    return {row["id"]: row["position"] for row in rows}


async def first_waiting(tx: Tx, provider_id: UUID, passing: Collection[str] = ()) -> UUID | None:
    """The order whose turn is next; those of these issuers are passed."""
    found: UUID | None = await tx.fetchval(FIRST, provider_id, list(passing))
    return found


async def waiting_issuers(tx: Tx, provider_id: UUID) -> list[str]:
    """Whose orders wait for a provider."""
    return [row["issuer_id"] for row in await tx.fetch(WAITING_ISSUERS, provider_id)]


async def nth_last_sent(tx: Tx, provider_id: UUID, nth: int) -> datetime | None:
    """When the nth newest order to stop hosting went out to a provider; whether it stands since does not matter."""
    found: datetime | None = await tx.fetchval(NTH_LAST_SENT, provider_id, nth)
    return found
