"""All SQL of approval, and the rows it reads and writes."""

# ruff: noqa: S608 -- statements are put together from the column lists of this file, nothing else

from collections.abc import Collection
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Final
from uuid import UUID

import asyncpg
from pydantic import TypeAdapter

from approval.lifecycle import APPROVAL, GRANTS, LIVE, OPEN, Action, Status
from shared.contracts.grounds import ActRef, AuthorityRef, Grounds, OperatorRef, Service
from shared.contracts.http.approval import Finding
from shared.runtime.acts.moves import Moves
from shared.runtime.acts.policy import Reach
from shared.runtime.db.postgres import Tx

DECISION_CLOCK: Final = "approval_decision"
"""Kind of the deadline by which the authority decides; how long that is, the profile says for each service item."""
VALIDITY_CLOCK: Final = "approval_validity"
"""Kind of the deadline that rings before the end of the last day, and at it."""

_CHALLENGED: Final = {
    Action.REFUSE: "refusal", Action.REFUSE_RENEWAL: "renewal_refusal",
    Action.GRANT: "refusal", Action.RENEW: "renewal_refusal",  # for less than was asked: a refusal of the rest
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class NewApproval:
    """What an operator asks. ``domain`` is in A-label form, ``domain_as_given`` as the operator wrote it."""

    id: UUID
    operator: OperatorRef
    service_item: str
    domain: str
    domain_as_given: str
    scope_of_service: str
    level: str
    region: str | None
    email: str | None
    submitted_at: datetime

    @property
    def organisation(self) -> str:
        """Whose it is; the policy's word for it."""
        return self.operator.identity

    @property
    def category(self) -> str:
        """Whose desk it is on; the policy's word for it."""
        return self.service_item


@dataclass(frozen=True, slots=True)
class Decision:
    """What an authority decided, and why. ``id`` is that of the decision in a case where one ended the approval.

    ``asked`` is the last day, and ``asked_scope`` the scope, that was asked for and not given, should an appeal put it
    on the desk again.
    """

    id: UUID
    approval_id: UUID
    action: Action
    grounds: Grounds
    findings: tuple[Finding, ...] = ()
    asked: date | None = None
    asked_scope: str | None = None
    undone_at: datetime | None = None
    undone_why: str | None = None

    @property
    def for_less(self) -> bool:
        """Whether it grants less than was asked."""
        return self.action in GRANTS and not (self.asked is None and self.asked_scope is None)

    @property
    def challenge(self) -> ActRef | None:
        """What an appeal against it names; none for what burdens nobody."""
        if self.action is Action.END:
            return ActRef(service=Service.ENFORCEMENT, kind="decision", id=self.id)
        if self.action not in _CHALLENGED or (self.action in GRANTS and not self.for_less):
            return None
        return ActRef(service=Service.APPROVAL, kind=_CHALLENGED[self.action], id=self.id)


@dataclass(frozen=True, slots=True)
class HandedIn:
    """A file for a requirement of the item; its bytes lie in the files."""

    requirement: str
    sha256: str
    size: int
    media_type: str
    added_at: datetime


@dataclass(frozen=True, slots=True)
class Transferred:
    """That an application was forwarded: by whom, to whom, why."""

    by: AuthorityRef
    to: AuthorityRef
    reasons: str
    at: datetime

    @property
    def as_json(self) -> dict[str, Any]:
        """As it is kept."""
        by, to = self.by.model_dump(mode="json"), self.to.model_dump(mode="json")
        return {"by": by, "to": to, "reasons": self.reasons, "at": self.at.isoformat()}


@dataclass(frozen=True, slots=True)
class DecisionClock:
    """The authority's clock, the last one started."""

    due_at: datetime
    provisional: bool
    stopped_at: datetime | None
    met_at: datetime | None
    source: str | None


@dataclass(frozen=True, slots=True)
class Approval(NewApproval):
    """An approval as stored, with its clock and its decisions, oldest first."""

    version: int
    status: Status
    changed_at: datetime
    overdue_at: datetime | None
    transfers: tuple[Transferred, ...]
    missing: tuple[Finding, ...]
    answer: str | None
    authority: AuthorityRef | None
    number: str | None
    scope: str | None
    valid_from: date | None
    valid_until: date | None
    warned_at: datetime | None
    renewal_until: date | None
    renewal_scope: str | None
    clock: DecisionClock
    decisions: tuple[Decision, ...]
    files: tuple[HandedIn, ...]

    @property
    def live(self) -> bool:
        """Whether it covers the service item."""
        return self.status in LIVE

    @property
    def overdue(self) -> bool:
        """Whether the clock ran out before the authority decided."""
        return self.overdue_at is not None

    @property
    def ended_by(self) -> set[UUID]:
        """The decisions in cases that end it and still stand."""
        return {each.id for each in self.decisions if each.action is Action.END and each.undone_at is None}


# When it is due, the deadline's own row alone knows: a newly published calendar moves it there.
COLUMNS: Final = f"""id, version, status,
    jsonb_build_object('identity', operator_identity, 'name', operator_name) AS operator,
    service_item, domain, domain_as_given, scope_of_service, level, region, email, submitted_at, changed_at,
    overdue_at,
    transfers, missing, answer, authority, number, scope, valid_from, valid_until, warned_at, renewal_until,
    renewal_scope,
    (SELECT jsonb_build_object('due_at', due_at, 'provisional', provisional, 'stopped_at', suspended_at,
                               'met_at', met_at, 'source', source)
       FROM deadline WHERE aggregate_id = approval.id AND kind = '{DECISION_CLOCK}'
      ORDER BY started_at DESC, deadline.id DESC LIMIT 1) AS clock,
    (SELECT coalesce(jsonb_agg(to_jsonb(decision) ORDER BY decision.id), '[]')
       FROM decision WHERE approval_id = approval.id) AS decisions,
    (SELECT coalesce(jsonb_agg(to_jsonb(approval_file) ORDER BY added_at, sha256), '[]')
       FROM approval_file WHERE approval_id = approval.id) AS files"""
_ROW: Final = TypeAdapter(Approval)
WORDS: Final = {
    "organisation": "operator_identity = ANY ({})",
    "category": "service_item = ANY ({})",
    "level": "level = ANY ({})",
    "region": "region = ANY ({})",
}

_IS_OPEN: Final = f"status IN ({', '.join(repr(str(status)) for status in sorted(OPEN))})"
ADD: Final = f"""
INSERT INTO approval (id, status, operator_identity, operator_name, service_item, domain, domain_as_given,
                      scope_of_service, level, region, email, submitted_at, changed_at)
VALUES ($1, '{Status.SUBMITTED}', $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $11)
ON CONFLICT (operator_identity, service_item, domain) WHERE {_IS_OPEN}
DO NOTHING
RETURNING {COLUMNS}
"""
PENDING: Final = f"""
SELECT id FROM approval WHERE operator_identity = $1 AND service_item = $2 AND domain = $3 AND {_IS_OPEN}
"""
ONE_QUESTION: Final = "SELECT pg_advisory_xact_lock(hashtext(concat_ws(' ', $1::text, $2::text, $3::text)))"
GET: Final = f"SELECT {COLUMNS} FROM approval WHERE id = $1"
HOLD: Final = f"{GET} FOR UPDATE"
PAGE: Final = f"""
SELECT {COLUMNS} FROM approval
 WHERE ($1::uuid IS NULL OR id < $1) AND ($2::text IS NULL OR status = $2) AND {{reached}}
 ORDER BY id DESC LIMIT $3
"""
NEXT_SERIAL: Final = """
INSERT INTO approval_counter AS counter (mark, year, last) VALUES ($1, $2, 1)
ON CONFLICT (mark, year) DO UPDATE SET last = counter.last + 1
RETURNING last
"""
ADD_DECISION: Final = """
INSERT INTO decision (id, approval_id, action, grounds, findings, asked, asked_scope)
VALUES ($1, $2, $3, $4, $5, $6, $7)
"""
ADD_FILE: Final = """
INSERT INTO approval_file (approval_id, requirement, sha256, size, media_type, added_by, added_at)
VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT DO NOTHING RETURNING approval_id
"""
WITH_FILE: Final = "SELECT DISTINCT approval_id FROM approval_file WHERE sha256 = $1 ORDER BY approval_id"
DECIDED_BY: Final = "SELECT approval_id FROM decision WHERE id = $1 ORDER BY approval_id"
COVERING: Final = """
SELECT id FROM approval
 WHERE operator_identity = ANY (same_operator($1)) AND service_item = $2 AND domain = ANY ($3) AND level = $4
   AND region IS NOT DISTINCT FROM $5
 ORDER BY id
"""
UNDO: Final = """
UPDATE decision SET undone_at = $3, undone_why = $4
 WHERE id = $1 AND approval_id = $2 AND undone_at IS NULL RETURNING id
"""


def _read(row: asyncpg.Record) -> Approval:
    return _ROW.validate_python(dict(row))


APPROVALS: Final[Moves[Approval, Status, Action]] = Moves(APPROVAL, table="approval", columns=COLUMNS, read=_read)


async def add(tx: Tx, new: NewApproval) -> Approval | None:
    """File an application whose clock was started, or None if the same question is already open."""
    row = await tx.fetchrow(
        ADD,
        new.id,
        new.operator.identity,
        new.operator.name,
        new.service_item,
        new.domain,
        new.domain_as_given,
        new.scope_of_service,
        new.level,
        new.region,
        new.email,
        new.submitted_at,
    )
    return _read(row) if row else None


async def one_question(tx: Tx, new: NewApproval) -> None:
    """Whoever opens this question, or opens it again, waits here for the others who do."""
    await tx.execute(ONE_QUESTION, new.operator.identity, new.service_item, new.domain)


async def pending(tx: Tx, new: NewApproval) -> UUID | None:
    """Id of the open application that asks the same."""
    found: UUID | None = await tx.fetchval(PENDING, new.operator.identity, new.service_item, new.domain)
    return found


async def get(tx: Tx, approval_id: UUID) -> Approval | None:
    """Read an approval."""
    row = await tx.fetchrow(GET, approval_id)
    return _read(row) if row else None


async def hold(tx: Tx, approval_id: UUID) -> Approval | None:
    """Read an approval, and keep it from everybody else until the transaction ends."""
    row = await tx.fetchrow(HOLD, approval_id)
    return _read(row) if row else None


async def page(tx: Tx, reach: Reach, status: Status | None, after: UUID | None, limit: int) -> list[Approval]:
    """The approvals within reach, newest first."""
    reached, values = reach.where(WORDS, first=4)
    rows = await tx.fetch(PAGE.format(reached=reached), after, status, limit, *values)
    return [_read(row) for row in rows]


async def next_serial(tx: Tx, mark: str, year: int) -> int:
    """Draw the next number. The counter row stays locked until commit, so numbers have no gaps."""
    serial: int = await tx.fetchval(NEXT_SERIAL, mark, year)
    return serial


async def add_decision(tx: Tx, new: Decision) -> None:
    """Keep a decision with its grounds."""
    findings = [finding.model_dump() for finding in new.findings]
    grounds = new.grounds.model_dump(mode="json")
    given = (new.id, new.approval_id, new.action, grounds, findings, new.asked, new.asked_scope)
    await tx.execute(ADD_DECISION, *given)


async def with_file(tx: Tx, sha256: str) -> list[UUID]:
    """The approvals for which these bytes were handed in."""
    return [row["approval_id"] for row in await tx.fetch(WITH_FILE, sha256)]


async def add_file(tx: Tx, approval_id: UUID, new: HandedIn, by: str) -> bool:
    """Keep that a file was handed in; False if the same one was, for the same requirement."""
    given = (new.requirement, new.sha256, new.size, new.media_type, by, new.added_at)
    return await tx.fetchval(ADD_FILE, approval_id, *given) is not None


async def decided_by(tx: Tx, decision_id: UUID) -> list[UUID]:
    """Ids of the approvals that a decision is about: one of our own is about one, one in a case about each it ended."""
    return [row["approval_id"] for row in await tx.fetch(DECIDED_BY, decision_id)]


async def covering(
    tx: Tx, operator: OperatorRef, service_item: str, domains: Collection[str], authority: AuthorityRef
) -> list[UUID]:
    """Ids of the operator's approvals of an item for one of these names that were put to this level and province."""
    rows = await tx.fetch(
        COVERING, operator.identity, service_item, sorted(domains), authority.level, authority.region
    )  # fmt: skip
    return [row["id"] for row in rows]


async def undo(tx: Tx, decision_id: UUID, approval_id: UUID, at: datetime, why: str) -> bool:
    """Note that a decision has no effect any more; False if that was noted before."""
    return await tx.fetchval(UNDO, decision_id, approval_id, at, why) is not None


NOTE_BAR: Final = """
INSERT INTO barred (execution_id, seq, identity, until, listed) VALUES ($1, $2, $3, $4, $5)
ON CONFLICT (execution_id) DO UPDATE SET seq = excluded.seq, listed = excluded.listed, identity = excluded.identity,
       until = excluded.until
 WHERE barred.seq < excluded.seq
"""
BAR_OF: Final = """
SELECT execution_id, until FROM barred
 WHERE identity = ANY (same_operator($1)) AND listed AND until > $2 ORDER BY until DESC LIMIT 1
"""


async def note_bar(tx: Tx, execution_id: UUID, seq: int, identity: str, until: datetime, *, listed: bool) -> None:
    """What the barred list says of a bar; the highest number stays."""
    await tx.execute(NOTE_BAR, execution_id, seq, identity, until, listed)


async def bar_of(tx: Tx, identity: str, at: datetime) -> tuple[UUID, datetime] | None:
    """The bar of an operator, under whatever identity, that lasts longest, and until when."""
    row = await tx.fetchrow(BAR_OF, identity, at)
    return (row["execution_id"], row["until"]) if row else None
