"""Lists of cases: narrowed and in pages, newest first. The indexes of migration 0007 are made for these conditions."""

# ruff: noqa: S608 -- statements are put together from the column lists of this file, nothing else

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from itertools import product
from typing import Any, Final
from uuid import UUID

from enforcement.lifecycle import CaseStatus
from enforcement.store.cases import COLUMNS, WORDS, Case, of
from shared.runtime.acts.policy import Condition, Reach
from shared.runtime.db.postgres import Tx


@dataclass(frozen=True, slots=True)
class Narrowed:
    """Which cases: what is none narrows nothing."""

    status: CaseStatus | None = None
    host: str | None = None
    claimed_by: str | None = None
    ground: str | None = None
    region: str | None = None
    opened_before: datetime | None = None
    opened_since: datetime | None = None
    overdue: bool = False
    """Only those with a task whose date has passed."""


_CONDITIONS: Final = {
    "host": "hosts @> ARRAY[{}::text]",
    "claimed_by": "claimed_by = {}",
    "ground": "ground = {}",
    "region": "region = {}",
    "opened_before": "opened_at < {}",
    "opened_since": "opened_at >= {}",
}
# One value each: only what is equal to one value is read from an index in its order, which = ANY is not.
_ONE: Final = {
    "organisation": "authority_id = ({})[1]",
    "category": "service_item = ({})[1]",
    "region": "region = ({})[1]",
    "level": "level = ({})[1]",
    "took_part": "organisation = ({})[1]",
}
_PARTS: Final = "case_part JOIN enforcement_case USING (id, opened_at)"
_OVERDUE: Final = "id IN (SELECT case_id FROM case_task WHERE status = 'open' AND overdue_at IS NOT NULL)"
PLANNED_EACH_TIME: Final = "SET LOCAL plan_cache_mode = force_custom_plan"
"""A plan for any value at all reads the whole table for one that is rare."""
MOST_RELATED: Final = 100
"""So many for each reason why."""


def _related(where: str) -> str:
    """Cases about the same subject, operator or host, or linked, within reach; and why each."""
    return f"""
SELECT {COLUMNS}, array_remove(ARRAY[
       CASE WHEN subject = $2 THEN 'same_subject' END,
       CASE WHEN identity = $3 THEN 'same_operator' END,
       CASE WHEN hosts && $4::text[] THEN 'same_host' END], NULL) AS why
  FROM enforcement_case
 WHERE id <> $1 AND id = ANY (ARRAY(
       (SELECT id FROM enforcement_case WHERE subject = $2 ORDER BY id DESC LIMIT {MOST_RELATED})
        UNION
       (SELECT id FROM enforcement_case WHERE identity = $3 ORDER BY opened_at DESC, id DESC LIMIT {MOST_RELATED})
        UNION
       (SELECT id FROM enforcement_case WHERE hosts && $4::text[] ORDER BY id DESC LIMIT {MOST_RELATED})
        UNION
       SELECT unnest($5::uuid[])))
   AND {where}
 ORDER BY opened_at DESC, id DESC
"""


async def page(tx: Tx, reach: Reach, narrowed: Narrowed, *, after: UUID | None, limit: int) -> list[Case]:
    """Cases within reach, newest first.

    Each clause of a reach is asked alone, for one value each, and has an index of its own in the list's order; all of
    them together would be asked row by row.
    """
    values: list[Any] = [after, limit]
    here = "(SELECT opened_at, id FROM enforcement_case WHERE id = $1::uuid)"
    conditions = ["$1::uuid IS NULL" if after is None else f"(opened_at, id) < {here}"]
    for word, condition in _CONDITIONS.items():
        value = getattr(narrowed, word)
        if value is not None:
            values.append(value)
            conditions.append(condition.format(f"${len(values)}"))
    if narrowed.status is not None:  # said in the statement, so that it finds the index of open cases
        conditions.append(f"status = '{narrowed.status.value}'")
    if narrowed.overdue:
        conditions.append(_OVERDUE)
    parts = []
    for clause in _single(reach):
        where, given = Reach((clause,)).where(_ONE, first=len(values) + 1)
        values += given
        parts.append(
            f"(SELECT {COLUMNS} FROM {_tables(clause)} WHERE {' AND '.join([*conditions, where])}"
            " ORDER BY opened_at DESC, id DESC LIMIT $2)"
        )
    if not parts:
        return []
    together = " UNION ALL ".join(parts)
    await tx.execute(PLANNED_EACH_TIME)
    rows = await tx.fetch(
        f"SELECT DISTINCT ON (opened_at, id) {COLUMNS} FROM ({together}) AS found"
        " ORDER BY opened_at DESC, id DESC LIMIT $2",
        *values,
    )
    return [of(row) for row in rows]


def _tables(clause: frozenset[Condition]) -> str:
    """Where a clause looks. Who took part is beside the case too, in the order of the list, which an array is not."""
    return _PARTS if any(condition.word == "took_part" for condition in clause) else "enforcement_case"


def _single(reach: Reach) -> list[frozenset[Condition]]:
    """The clauses of a reach, each condition of which has one value: as many as there are choices."""
    found = []
    for clause in reach.clauses:
        if any(condition.none_of for condition in clause):
            raise TypeError("a list asks for what is so, not for what is not")
        words = sorted(clause, key=lambda condition: condition.word)
        for values in product(*(sorted(condition.values) for condition in words)):
            pairs = zip(words, values, strict=True)
            found.append(frozenset(Condition(condition.word, frozenset({value})) for condition, value in pairs))
    return found


async def page_related(
    tx: Tx, reach: Reach, case: Case, others: Collection[UUID]
) -> list[tuple[Case, tuple[str, ...]]]:
    """Cases within reach about the same subject, operator or host, and these others; with why, newest first."""
    where, values = reach.where(WORDS, first=6)
    rows = await tx.fetch(
        _related(where),
        case.id,
        case.subject.model_dump(mode="json"),
        case.identity,
        list(case.hosts),
        list(others),
        *values,
    )
    return [(of_columns(dict(row)), tuple(row["why"])) for row in rows]


def of_columns(row: dict[str, Any]) -> Case:
    """A case of a row that has more columns than a case."""
    return of({name: value for name, value in row.items() if name != "why"})
