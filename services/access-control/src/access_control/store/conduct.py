"""The conduct records of providers: penalties that decisions entered there."""

# ruff: noqa: S608 -- statements are put together from the column lists of this file, nothing else

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from uuid import UUID

import asyncpg

from access_control.errors import UnknownEntry
from access_control.lifecycle import CONDUCT, ConductAction
from shared.contracts.grounds import AuthorityRef, Grounds, Statement
from shared.contracts.hosted import FindingClosedV1, FindingDisputedV1, FindingEscalatedV1, FindingKeptV1
from shared.contracts.http.providers import ConductStatus
from shared.runtime.acts.moves import Moves
from shared.runtime.acts.policy import Reach
from shared.runtime.db.postgres import Tx
from shared.runtime.web.paging import PageQuery


@dataclass(frozen=True, slots=True)
class ConductEntry:
    """A penalty; undone, it stays with the reasons of both sides."""

    id: UUID
    version: int
    status: ConductStatus
    provider_id: UUID
    decision_id: UUID
    grounds: Grounds
    entered_at: datetime
    undone_because: str | None
    undone_by: AuthorityRef | None
    undone_statement: Statement | None
    counts_until: datetime
    dispute: str | None
    disputed_at: datetime | None
    answer: str | None
    answered_at: datetime | None
    changed_at: datetime

    @property
    def organisation(self) -> str:
        """The provider whose record it is in."""
        return str(self.provider_id)

    @property
    def authority_id(self) -> str:
        """Whose people decided it."""
        return self.grounds.authority.id

    def counts(self, at: datetime) -> bool:
        """Whether it says anything of the provider then; what is disputed does not until somebody answers."""
        return self.status in {ConductStatus.STANDING, ConductStatus.KEPT} and at < self.counts_until


@dataclass(frozen=True, slots=True)
class NotedFinding:
    """A finding about what a provider hosts, which it left unanswered (docs/adr/0018)."""

    finding_id: UUID
    provider_id: UUID
    kind: str
    host: str
    authority: Mapping[str, Any]
    statement: Mapping[str, Any]
    found_at: datetime
    escalated_at: datetime
    because: str | None
    closing: Mapping[str, Any] | None
    closed_at: datetime | None
    counts_until: datetime
    dispute: str | None
    disputed_at: datetime | None
    answer: str | None
    answered_at: datetime | None

    def counts(self, at: datetime) -> bool:
        """Whether it says anything of the provider then; what is disputed does not until somebody answers."""
        unanswered = self.disputed_at is not None and self.answered_at is None
        return self.closed_at is None and not unanswered and at < self.counts_until


COLUMNS: Final = """id, version, status, provider_id, decision_id, grounds, entered_at, undone_because, undone_by,
       undone_statement, coalesce(counts_until, entered_at + interval '1 year') AS counts_until, dispute, disputed_at,
       answer, answered_at, changed_at"""
ADD: Final = f"""
INSERT INTO conduct_entry (id, status, provider_id, decision_id, grounds, entered_at, changed_at, counts_until)
VALUES ($1, 'standing', $2, $3, $4, $5, $5, $6)
ON CONFLICT (decision_id) DO NOTHING
RETURNING {COLUMNS}
"""
OF_DECISION: Final = f"SELECT {COLUMNS} FROM conduct_entry WHERE decision_id = $1 FOR NO KEY UPDATE"
NOTE_FINDING: Final = """
INSERT INTO conduct_finding
    (finding_id, provider_id, kind, host, authority, statement, found_at, escalated_at, counts_until)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)
ON CONFLICT (finding_id) DO NOTHING
"""
FINDING_COLUMNS: Final = """finding_id, provider_id, kind, host, authority, statement, found_at, escalated_at, because,
       closing, closed_at, coalesce(counts_until, escalated_at + interval '1 year') AS counts_until, dispute,
       disputed_at, answer, answered_at"""
CLOSE_FINDING: Final = """
UPDATE conduct_finding SET because = $2, closing = $3, closed_at = $4 WHERE finding_id = $1 AND closed_at IS NULL
"""
DISPUTE_FINDING: Final = """
UPDATE conduct_finding SET dispute = $2, disputed_at = $3 WHERE finding_id = $1 AND disputed_at IS NULL
"""
KEEP_FINDING: Final = """
UPDATE conduct_finding SET answer = $2, answered_at = $3
 WHERE finding_id = $1 AND disputed_at IS NOT NULL AND answered_at IS NULL
"""
HOLD: Final = f"SELECT {COLUMNS} FROM conduct_entry WHERE id = $1 AND provider_id = $2 FOR NO KEY UPDATE"
WORDS: Final = {
    "organisation": "provider_id::text = ANY ({})", "authority_id": "grounds -> 'authority' ->> 'id' = ANY ({})",
}  # fmt: skip

FINDING_WORDS: Final = {
    "organisation": "provider_id::text = ANY ({})", "authority_id": "authority ->> 'id' = ANY ({})",
}  # fmt: skip


def of(row: asyncpg.Record) -> ConductEntry:
    """A row of COLUMNS."""
    values: dict[str, Any] = dict(row)
    return ConductEntry(**{
        **values, "status": ConductStatus(values["status"]), "grounds": Grounds.model_validate(values["grounds"]),
        "undone_by": values["undone_by"] and AuthorityRef.model_validate(values["undone_by"]),
        "undone_statement": values["undone_statement"] and Statement.model_validate(values["undone_statement"]),
    })  # fmt: skip


MOVES: Final[Moves[ConductEntry, ConductStatus, ConductAction]] = Moves(
    CONDUCT, table="conduct_entry", columns=COLUMNS, read=of
)


async def add(
    tx: Tx, entry_id: UUID, provider_id: UUID, decision_id: UUID, grounds: Grounds, at: datetime, until: datetime
) -> ConductEntry | None:
    """Enter a penalty that counts until then; none if its decision is entered already."""
    row = await tx.fetchrow(ADD, entry_id, provider_id, decision_id, grounds.model_dump(mode="json"), at, until)
    return of(row) if row else None


async def note_finding(tx: Tx, fact: FindingEscalatedV1, until: datetime) -> None:
    """Keep that a provider answered nothing to a finding about its list, once; it counts until then."""
    await tx.execute(
        NOTE_FINDING, fact.finding_id, fact.provider_id, fact.kind, fact.host, fact.authority.model_dump(mode="json"),
        fact.statement.model_dump(mode="json"), fact.found_at, fact.escalated_at, until,
    )  # fmt: skip


async def dispute_finding(tx: Tx, fact: FindingDisputedV1) -> None:
    """What its provider says to it, once."""
    await tx.execute(DISPUTE_FINDING, fact.finding_id, fact.statement.reasons, fact.disputed_at)


async def keep_finding(tx: Tx, fact: FindingKeptV1) -> None:
    """Why a person stands by it."""
    await tx.execute(KEEP_FINDING, fact.finding_id, fact.statement.reasons, fact.kept_at)


async def close_finding(tx: Tx, fact: FindingClosedV1) -> None:
    """It was put right, or was wrong; the first time counts."""
    statement = fact.statement.model_dump(mode="json")
    await tx.execute(CLOSE_FINDING, fact.finding_id, fact.because, statement, fact.closed_at)


async def disputed_findings(tx: Tx, reach: Reach, query: PageQuery) -> list[NotedFinding]:
    """Findings within reach whose provider disputes that they count and nobody answered, newest first."""
    where, values = reach.where(FINDING_WORDS, first=3)
    rows = await tx.fetch(
        f"""SELECT {FINDING_COLUMNS} FROM conduct_finding
             WHERE ($1::uuid IS NULL OR finding_id < $1) AND {where}
               AND disputed_at IS NOT NULL AND answered_at IS NULL AND closed_at IS NULL
             ORDER BY finding_id DESC LIMIT $2""",
        query.after, query.fetch, *values,
    )  # fmt: skip
    return [NotedFinding(**dict(row)) for row in rows]


async def findings(tx: Tx, reach: Reach, provider_id: UUID, query: PageQuery) -> list[NotedFinding]:
    """What one provider left unanswered, as far as it is within reach, newest first."""
    where, values = reach.where(FINDING_WORDS, first=4)
    rows = await tx.fetch(
        f"""SELECT {FINDING_COLUMNS} FROM conduct_finding
             WHERE ($1::uuid IS NULL OR finding_id < $1) AND provider_id = $3 AND {where}
             ORDER BY finding_id DESC LIMIT $2""",
        query.after, query.fetch, provider_id, *values,
    )  # fmt: skip
    return [NotedFinding(**dict(row)) for row in rows]


async def hold_of_decision(tx: Tx, decision_id: UUID) -> ConductEntry | None:
    """The entry of a decision, held; none if it entered nothing here."""
    row = await tx.fetchrow(OF_DECISION, decision_id)
    return of(row) if row else None


async def hold(tx: Tx, provider_id: UUID, entry_id: UUID) -> ConductEntry:
    """An entry, held. Raises UnknownEntry."""
    row = await tx.fetchrow(HOLD, entry_id, provider_id)
    if row is None:
        raise UnknownEntry(provider_id=provider_id, entry_id=entry_id)
    return of(row)


async def disputed(tx: Tx, reach: Reach, query: PageQuery) -> list[ConductEntry]:
    """Entries within reach whose provider disputes them and nobody answered, newest first."""
    where, values = reach.where(WORDS, first=3)
    rows = await tx.fetch(
        f"""SELECT {COLUMNS} FROM conduct_entry
             WHERE ($1::uuid IS NULL OR id < $1) AND status = 'disputed' AND {where}
             ORDER BY id DESC LIMIT $2""",
        query.after, query.fetch, *values,
    )  # fmt: skip
    return [of(row) for row in rows]


async def page(tx: Tx, reach: Reach, provider_id: UUID, query: PageQuery) -> list[ConductEntry]:
    """The entries of one provider that are within reach, newest first."""
    where, values = reach.where(WORDS, first=4)
    rows = await tx.fetch(
        f"""SELECT {COLUMNS} FROM conduct_entry
             WHERE ($1::uuid IS NULL OR id < $1) AND provider_id = $3 AND {where}
             ORDER BY id DESC LIMIT $2""",
        query.after, query.fetch, provider_id, *values,
    )  # fmt: skip
    return [of(row) for row in rows]
