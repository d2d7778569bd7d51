"""Referrals: the list of evidence and its hashes, where a crime is suspected (P3.2.5), and nothing else."""

# ruff: noqa: S608 -- statements are put together from the column lists of this file, nothing else

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from uuid import UUID

import asyncpg

from enforcement.errors import UnknownReferral
from enforcement.lifecycle import REFERRAL, ReferralAction, ReferralStatus
from enforcement.store import subjects
from enforcement.store.cases import Case
from shared.contracts.grounds import AuthorityRef, Statement
from shared.runtime.acts.moves import Moves
from shared.runtime.acts.policy import Reach
from shared.runtime.db.postgres import Tx


@dataclass(frozen=True, slots=True)
class NewReferral:
    """What is to be handed over, to whom. ``tell_at``: until when whom it is about is not told; none: at once."""

    id: UUID
    case_id: UUID
    identity: str
    """Whom it is about."""
    authority: AuthorityRef
    receiver: AuthorityRef
    statement: Statement
    evidence: tuple[str, ...]
    delay_ground: str | None
    tell_at: datetime | None
    drafted_by: str
    drafted_at: datetime


@dataclass(frozen=True, slots=True)
class Referral(NewReferral):
    """A referral as stored."""

    version: int
    status: ReferralStatus
    told_at: datetime | None
    signed_by: str | None
    sent_at: datetime | None
    received_at: datetime | None
    outcome: str | None
    answer: Statement | None
    changed_at: datetime

    @property
    def organisation(self) -> str:
        """Whose referral it is; the policy's word."""
        return self.authority.id

    @property
    def sent_to(self) -> str | None:
        """Who reads and answers it, once it was sent; the policy's word."""
        return self.receiver.id if self.sent_at is not None else None

    @property
    def told_to(self) -> str | None:
        """Whom it is about, once told; the policy's word."""
        return self.identity if self.told_at is not None else None


COLUMNS: Final = """id, version, status, case_id,
       (SELECT identity FROM enforcement_case c WHERE c.id = case_id) AS identity, authority,
       receiver, statement, evidence, delay_ground, tell_at, told_at, drafted_by, drafted_at, signed_by,
       sent_at, received_at, outcome, answer, changed_at"""
WORDS: Final = {
    "organisation": "authority_id = ANY ({})",
    "sent_to": "sent_at IS NOT NULL AND receiver_id = ANY ({})",
    "told_to": "told_at IS NOT NULL AND (SELECT identity FROM enforcement_case c WHERE c.id = case_id) = ANY ({})",
}
ADD: Final = f"""
INSERT INTO referral (id, status, case_id, authority, authority_id, receiver, receiver_id, statement, evidence,
                      delay_ground, tell_at, drafted_by, drafted_at, changed_at)
VALUES ($1, 'drafted', $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $12)
ON CONFLICT (case_id, receiver_id) WHERE status = 'drafted' DO NOTHING
RETURNING {COLUMNS}
"""
GET: Final = f"SELECT {COLUMNS} FROM referral WHERE id = $1"
DRAFTS: Final = f"SELECT {COLUMNS} FROM referral WHERE case_id = $1 AND status = 'drafted' ORDER BY id"
DRAFTED: Final = "SELECT id FROM referral WHERE case_id = $1 AND receiver_id = $2 AND status = 'drafted'"
_ABOUT: Final = f"case_id IN ({subjects.SAME_PERSON})"
UNTOLD_ABOUT: Final = f"""
SELECT {COLUMNS} FROM referral
 WHERE told_at IS NULL AND status IN ('sent', 'received', 'answered') AND {_ABOUT} ORDER BY id
"""
DECIDED_ABOUT: Final = f"SELECT EXISTS (SELECT FROM decision WHERE released_at IS NOT NULL AND {_ABOUT})"


def of(row: asyncpg.Record) -> Referral:
    """A row of COLUMNS."""
    values: dict[str, Any] = dict(row)
    return Referral(**{
        **values, "status": ReferralStatus(values["status"]), "evidence": tuple(values["evidence"]),
        "authority": AuthorityRef.model_validate(values["authority"]),
        "receiver": AuthorityRef.model_validate(values["receiver"]),
        "statement": Statement.model_validate(values["statement"]),
        "answer": values["answer"] and Statement.model_validate(values["answer"]),
    })  # fmt: skip


MOVES: Final[Moves[Referral, ReferralStatus, ReferralAction]] = Moves(
    REFERRAL, table="referral", columns=COLUMNS, read=of
)


async def add(tx: Tx, new: NewReferral) -> Referral | None:
    """Draft a referral; none if one of the case to this receiver is drafted already."""
    row = await tx.fetchrow(
        ADD, new.id, new.case_id, new.authority.model_dump(), new.authority.id, new.receiver.model_dump(),
        new.receiver.id, new.statement.model_dump(mode="json"), list(new.evidence), new.delay_ground, new.tell_at,
        new.drafted_by, new.drafted_at,
    )  # fmt: skip
    return of(row) if row else None


async def get(tx: Tx, referral_id: UUID) -> Referral:
    """One referral; whoever changes it holds its case. Raises UnknownReferral."""
    row = await tx.fetchrow(GET, referral_id)
    if row is None:
        raise UnknownReferral(referral_id=referral_id)
    return of(row)


async def drafted(tx: Tx, case_id: UUID, receiver: str) -> UUID | None:
    """The drafted referral of a case to a receiver."""
    found: UUID | None = await tx.fetchval(DRAFTED, case_id, receiver)
    return found


async def drafts(tx: Tx, case_id: UUID) -> list[Referral]:
    """What is drafted in a held case, to whomever."""
    return [of(row) for row in await tx.fetch(DRAFTS, case_id)]


async def page(
    tx: Tx, reach: Reach, *, status: ReferralStatus | None, after: UUID | None, limit: int
) -> list[Referral]:
    """Referrals within reach, newest first."""
    where, values = reach.where(WORDS, first=4)
    rows = await tx.fetch(
        f"""SELECT {COLUMNS} FROM referral
             WHERE ($1::uuid IS NULL OR id < $1) AND ($3::text IS NULL OR status = $3) AND {where}
             ORDER BY id DESC LIMIT $2""",
        after, limit, status, *values,
    )  # fmt: skip
    return [of(row) for row in rows]


async def untold_about(tx: Tx, case: Case) -> list[Referral]:
    """Referrals about the subject of a case, in any case, of which whom they are about was not told yet."""
    return [of(row) for row in await tx.fetch(UNTOLD_ABOUT, *subjects.values_of_person(case))]


async def decided_about(tx: Tx, case: Case) -> bool:
    """Whether anything was ever released about the subject of a case, in any case."""
    return bool(await tx.fetchval(DECIDED_ABOUT, *subjects.values_of_person(case)))
