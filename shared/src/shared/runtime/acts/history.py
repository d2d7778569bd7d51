"""The trail of moves: who moved what from which status to which, when and why."""

from datetime import datetime
from uuid import UUID

from opentelemetry import trace

from shared.runtime.base.context import Caller
from shared.runtime.db.at_commit import AppendOnly, insert_at_commit
from shared.runtime.db.postgres import Tx

HISTORY = AppendOnly(
    "history",
    {
        "aggregate": "text", "aggregate_id": "uuid", "action": "text", "from_status": "text", "to_status": "text",
        "subject": "text", "name": "text", "organisation": "text", "why": "text", "at": "timestamptz",
        "trace_id": "text", "person": "text",
    },
)  # fmt: skip

_PERSONS = "SELECT DISTINCT coalesce(person, subject) FROM history WHERE aggregate_id = $1"


async def persons(tx: Tx, aggregate_id: UUID) -> frozenset[str]:
    """Everybody who ever moved this, drafted it or released it: persons, not their accounts."""
    return frozenset(row[0] for row in await tx.fetch(_PERSONS, aggregate_id))


def trace_id() -> str | None:
    """The id of the trace that is being recorded, as 32 hex digits."""
    context = trace.get_current_span().get_span_context()
    return format(context.trace_id, "032x") if context.is_valid else None


def add(
    tx: Tx,
    *,
    aggregate: str,
    aggregate_id: UUID,
    action: str,
    from_status: str | None,
    to_status: str,
    who: Caller,
    why: str,
    at: datetime,
) -> None:
    """Record a move, in the transaction that makes it."""
    row = (
        aggregate, aggregate_id, action, from_status, to_status, who.subject, who.name, who.organisation, why, at,
        trace_id(), who.person,
    )  # fmt: skip
    insert_at_commit(tx, HISTORY, row)
