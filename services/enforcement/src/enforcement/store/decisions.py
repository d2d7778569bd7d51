"""Decisions, and what became of their orders."""

# ruff: noqa: S608 -- statements are put together from the column lists of this file, nothing else

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from uuid import UUID

import asyncpg

from enforcement.errors import UnknownDecision
from enforcement.lifecycle import DECISION, Action, Status
from enforcement.store import cases, subjects
from enforcement.store.cases import Case
from shared.contracts.grounds import Grounds
from shared.contracts.http.decisions import SinceDraft, Surroundings, TextRef
from shared.contracts.http.enforcement import ExecutionState
from shared.contracts.subjects import FrozenSite, Preview
from shared.rules import Effect
from shared.runtime.acts.moves import Moves
from shared.runtime.db.postgres import Tx


@dataclass(frozen=True, slots=True)
class Decision:
    """A decision as stored. ``site``, ``preview`` and ``since_draft`` are as they were when it was released."""

    id: UUID
    version: int
    status: Status
    case_id: UUID
    effect: Effect
    grounds: Grounds
    evidence_hashes: tuple[str, ...]
    until: datetime | None
    correct_by: datetime | None
    urgent_ground: str | None
    drafted_by: str
    drafted_at: datetime
    released_by: str | None
    released_at: datetime | None
    site: FrozenSite | None
    preview: Preview | None
    execution: ExecutionState | None
    ended_because: str | None
    suspended_because: str | None
    returned_by: str | None
    """Which person gave the draft back; none once that was answered."""
    text_used: TextRef | None
    drafted_on: Surroundings | None
    """What stood around it when it was drafted; none for what was drafted before that was kept."""
    since_draft: SinceDraft | None
    changed_at: datetime
    ignored_evidence: tuple[str, ...] = ()
    """On what it rests that this order to correct was ignored."""

    @property
    def cites(self) -> frozenset[str]:
        """Every piece that it, or the finding that it was ignored, rests on."""
        return frozenset((*self.evidence_hashes, *self.ignored_evidence))

    @property
    def told(self) -> bool:
        """Whether whom it is about was told of it: of a burden as soon as it is drafted."""
        return self.effect is not Effect.NO_BREACH or self.released_at is not None

    @property
    def waits(self) -> bool:
        """Whether it is an order to correct of which nobody has said yet whether it was obeyed."""
        return self.effect is Effect.CORRECT and self.status is Status.RELEASED

    @property
    def signed_by(self) -> tuple[str, ...]:
        """Everybody who signed it."""
        return tuple(person for person in (self.drafted_by, self.released_by) if person is not None)


@dataclass(frozen=True, slots=True)
class OrderOutcome:
    """What a provider made of an order."""

    order_id: UUID
    decision_id: UUID
    provider_id: UUID
    action: str
    outcome: str
    detail: str | None
    at: datetime


COLUMNS: Final = """id, version, status, case_id, effect, grounds, evidence_hashes, until, correct_by, urgent_ground,
       drafted_by, drafted_at, released_by, released_at, site, preview, execution, ended_because,
       suspended_because, returned_by, text_used, drafted_on, since_draft, changed_at, ignored_evidence"""
ADD: Final = f"""
INSERT INTO decision (id, status, case_id, effect, grounds, evidence_hashes, until, correct_by, urgent_ground,
                      text_used, drafted_by, drafted_at, changed_at)
VALUES ($1, 'drafted', $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $11)
ON CONFLICT DO NOTHING
RETURNING {COLUMNS}
"""
GET: Final = f"SELECT {COLUMNS} FROM decision WHERE id = $1"
CASE_OF: Final = "SELECT case_id FROM decision WHERE id = $1"
OF_CASES: Final = f"SELECT {COLUMNS} FROM decision WHERE case_id = ANY ($1) ORDER BY id"
IDENTITIES: Final = "SELECT same_operator($1)"
HOLD_SUBJECT: Final = "SELECT pg_advisory_xact_lock(hashtextextended(name, 0)) FROM unnest($1::text[]) AS name"
ABOUT_SUBJECT: Final = f"""
SELECT {COLUMNS} FROM decision
 WHERE effect = ANY ($6) AND released_at IS NOT NULL AND case_id IN ({subjects.SAME})
 ORDER BY released_at, id
"""
DRAFTED: Final = "SELECT id FROM decision WHERE case_id = $1 AND status IN ('drafted', 'returned')"
KEEP: Final = f"UPDATE decision SET drafted_on = $2 WHERE id = $1 RETURNING {COLUMNS}"
SINCE: Final = """
SELECT max(at) FROM history WHERE aggregate_id = $1 AND to_status = $2 AND from_status IS DISTINCT FROM to_status
"""
EXECUTED_BY: Final = """
UPDATE decision SET executed_by = ARRAY(SELECT unnest(executed_by) UNION SELECT unnest($2::text[]) ORDER BY 1)
 WHERE id = $1 AND NOT executed_by @> $2::text[]
"""
NOTE_OUTCOME: Final = """
INSERT INTO order_outcome (order_id, decision_id, provider_id, action, outcome, detail, at)
VALUES ($1, $2, $3, $4, $5, $6, $7)
ON CONFLICT (order_id) DO UPDATE SET outcome = excluded.outcome, detail = excluded.detail, at = excluded.at
 WHERE order_outcome.at <= excluded.at
"""
OUTCOMES: Final = """
SELECT order_id, decision_id, provider_id, action, outcome, detail, at
  FROM order_outcome WHERE decision_id = ANY ($1) ORDER BY at, order_id
"""


def of(row: asyncpg.Record) -> Decision:
    """A row of COLUMNS."""
    values: dict[str, Any] = dict(row)
    return Decision(**{
        **values, "status": Status(values["status"]), "effect": Effect(values["effect"]),
        "grounds": Grounds.model_validate(values["grounds"]), "evidence_hashes": tuple(values["evidence_hashes"]),
        "ignored_evidence": tuple(values["ignored_evidence"]),
        "site": values["site"] and FrozenSite.model_validate(values["site"]),
        "preview": values["preview"] and Preview.model_validate(values["preview"]),
        "text_used": values["text_used"] and TextRef.model_validate(values["text_used"]),
        "drafted_on": values["drafted_on"] and Surroundings.model_validate(values["drafted_on"]),
        "since_draft": values["since_draft"] and SinceDraft.model_validate(values["since_draft"]),
        "execution": values["execution"] and ExecutionState.model_validate(values["execution"]),
    })  # fmt: skip


MOVES: Final[Moves[Decision, Status, Action]] = Moves(DECISION, table="decision", columns=COLUMNS, read=of)


async def add(
    tx: Tx, decision_id: UUID, case_id: UUID, *, effect: Effect, grounds: Grounds, evidence_hashes: Collection[str],
    until: datetime | None, correct_by: datetime | None, urgent_ground: str | None, text: TextRef | None, by: str,
    at: datetime,
) -> Decision | None:  # fmt: skip
    """Draft a decision; none if the case has a draft already."""
    row = await tx.fetchrow(
        ADD, decision_id, case_id, effect, grounds.model_dump(mode="json"), list(evidence_hashes), until, correct_by,
        urgent_ground, text and text.model_dump(mode="json"), by, at,
    )  # fmt: skip
    return of(row) if row else None


async def keep_surroundings(tx: Tx, drafted: Decision, seen: Surroundings) -> Decision:
    """What stood around a decision that was drafted just now."""
    row = await tx.fetchrow(KEEP, drafted.id, seen.model_dump(mode="json"))
    if row is None:
        raise TypeError("an UPDATE of a row just inserted returns it")
    return of(row)


async def stands_since(tx: Tx, decision: Decision) -> datetime:
    """When a decision came to stand as it does."""
    since: datetime | None = await tx.fetchval(SINCE, decision.id, decision.status)
    return since or decision.changed_at


async def get(tx: Tx, decision_id: UUID) -> tuple[Case, Decision]:
    """One decision with its case. Raises UnknownDecision."""
    row = await tx.fetchrow(GET, decision_id)
    if row is None:
        raise UnknownDecision(decision_id=decision_id)
    return await cases.get(tx, row["case_id"]), of(row)


async def hold(tx: Tx, decision_id: UUID) -> tuple[Case, Decision]:
    """One decision, its case held. Raises UnknownDecision."""
    case_id = await tx.fetchval(CASE_OF, decision_id)
    if case_id is None:
        raise UnknownDecision(decision_id=decision_id)
    case = await cases.hold(tx, case_id)
    return case, (await get(tx, decision_id))[1]


async def known(tx: Tx, decision_id: UUID) -> bool:
    """Whether there is such a decision here."""
    return await tx.fetchval(CASE_OF, decision_id) is not None


async def of_cases(tx: Tx, case_ids: Collection[UUID]) -> list[Decision]:
    """The decisions of these cases, oldest first."""
    return [of(row) for row in await tx.fetch(OF_CASES, list(case_ids))]


async def hold_subject(tx: Tx, case: Case) -> None:
    """Keep everybody else who decides about the subject of a held case waiting until the transaction ends.

    Under whatever name: what is the same subject (``subjects.SAME``) is held by the same locks.
    """
    await tx.execute(HOLD_SUBJECT, subjects.locks(case, await tx.fetchval(IDENTITIES, case.identity)))


async def about_subject(tx: Tx, case: Case, effects: Collection[Effect]) -> list[Decision]:
    """What was released with these effects about the subject of a case, in any case, in the order of release."""
    return [of(row) for row in await tx.fetch(ABOUT_SUBJECT, *subjects.values(case), [*effects])]


async def executed_by(tx: Tx, decision_id: UUID, persons: Collection[str]) -> None:
    """These of the regulator had a hand in the execution of a held decision: none of them reviews it."""
    await tx.execute(EXECUTED_BY, decision_id, list(persons))


async def drafted(tx: Tx, case_id: UUID) -> UUID | None:
    """The decision of a case that is drafted, and returned or not."""
    found: UUID | None = await tx.fetchval(DRAFTED, case_id)
    return found


async def note_outcome(tx: Tx, outcome: OrderOutcome) -> None:
    """What became of an order; the latest word stays."""
    await tx.execute(
        NOTE_OUTCOME, outcome.order_id, outcome.decision_id, outcome.provider_id, outcome.action, outcome.outcome,
        outcome.detail, outcome.at,
    )  # fmt: skip


async def outcomes(tx: Tx, decision_ids: Collection[UUID]) -> list[OrderOutcome]:
    """What became of the orders of these decisions."""
    return [OrderOutcome(**dict(row)) for row in await tx.fetch(OUTCOMES, list(decision_ids))]
