"""The trail of moves: who moved what from which status to which, when and why."""

from collections import defaultdict
from collections.abc import Collection
from datetime import datetime
from uuid import UUID

from opentelemetry import trace

from shared.runtime.base.context import Caller, person_key
from shared.runtime.db.at_commit import AppendOnly, insert_at_commit, pending_of
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
_TOOK_PART = """
SELECT aggregate_id, array_agg(DISTINCT coalesce(person, subject)) AS persons FROM history
 WHERE aggregate_id = ANY ($1) AND subject NOT LIKE 'system:%' GROUP BY aggregate_id
"""
_AGGREGATE_ID, _SUBJECT, _PERSON = (list(HISTORY.columns).index(each) for each in ("aggregate_id", "subject", "person"))


async def persons(tx: Tx, aggregate_id: UUID) -> frozenset[str]:
    """Everybody who ever moved this, drafted it or released it: persons, not their accounts."""
    return frozenset(row[0] for row in await tx.fetch(_PERSONS, aggregate_id))


async def took_part(tx: Tx, aggregate_ids: Collection[UUID]) -> dict[UUID, tuple[str, ...]]:
    """Everybody who moved each of these, also in this transaction, whose history is written at its end; no program."""
    wanted = set(aggregate_ids)
    found: dict[UUID, set[str]] = defaultdict(set)
    for row in await tx.fetch(_TOOK_PART, list(wanted)):
        found[row["aggregate_id"]].update(row["persons"])
    for line in pending_of(tx).rows.get(HISTORY, ()):
        if line[_AGGREGATE_ID] in wanted and not line[_SUBJECT].startswith("system:"):
            found[line[_AGGREGATE_ID]].add(line[_PERSON])
    return {each: tuple(sorted({person_key(person) for person in found[each]})) for each in wanted}


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
