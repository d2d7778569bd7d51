"""Who is reviewed, and what authorities said of them."""

# ruff: noqa: S608 -- statements are put together from the column lists of this file, nothing else

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import UUID

import asyncpg

from registry.errors import UnknownOpinion, UnknownReviewSubject
from registry.lifecycle import OPINION, SUBJECT, OpinionAction, OpinionStatus, SubjectAction, SubjectStatus
from registry.store.reviews import Review
from shared.contracts.grounds import AuthorityRef, Grounds, Statement
from shared.contracts.http.reviews import Opinion as Kind
from shared.runtime.acts.moves import Moves
from shared.runtime.acts.policy import Reach
from shared.runtime.base.ids import uuid7
from shared.runtime.db.postgres import Tx


@dataclass(frozen=True, slots=True)
class Subject:
    """Somebody under review; ``organisation`` is whose it is: an operator's identity, or the id of who it is."""

    id: UUID
    version: int
    status: SubjectStatus
    review_id: UUID
    kind: str
    site_id: UUID | None
    organisation: str
    name: str
    number: str | None
    level: str
    region: str | None
    outcome: str | None
    opinion_id: UUID | None
    case_id: UUID | None
    grounds: Grounds | None
    changed_at: datetime


@dataclass(frozen=True, slots=True)
class Opinion:
    """What an authority said of a subject."""

    id: UUID
    version: int
    status: OpinionStatus
    review_id: UUID
    subject_id: UUID
    authority_id: str
    authority: AuthorityRef
    level: str
    region: str | None
    opinion: Kind
    decision_id: UUID | None
    service_item: str | None
    statement: Statement
    fell_because: str | None
    filed_by: str
    filed_at: datetime
    changed_at: datetime

    @property
    def fails(self) -> bool:
        """Whether it vetoes."""
        return self.status is OpinionStatus.STANDING and self.opinion is not Kind.PASS


COLUMNS: Final = """id, version, status, review_id, kind, site_id, organisation, name, number, level, region, outcome,
       opinion_id, case_id, grounds, changed_at"""
OPINIONS: Final = """id, version, status, review_id, subject_id, authority_id, authority, level, region, opinion,
       decision_id, service_item, statement, fell_because, filed_by, filed_at, changed_at"""


def _enter(kind: str, site: str, organisation: str, name: str, number: str) -> str:
    """The beginning of what puts subjects of one kind under review, from whatever its FROM says."""
    return f"""
INSERT INTO review_subject (id, status, review_id, kind, site_id, organisation, name, number, level, region, changed_at)
SELECT gen_random_uuid(), 'under_review', $1, {kind}, {site}, {organisation}, {name}, {number}, $2, $3, $4
"""


ENTER_SITES: Final = f"""
{_enter(kind="'site'", site="s.id", organisation="o.identity", name="s.name", number="r.number || '-' || s.ordinal")}
  FROM site s JOIN registration r ON r.id = s.registration_id JOIN operator o ON o.id = r.operator_id
 WHERE s.status IN ('live', 'stopped', 'revoked') AND r.number IS NOT NULL
   AND r.level = $2 AND ($3::text IS NULL OR r.region = $3) AND s.id > $5 AND s.id <= $6
"""
# So many sites from one on, whoever's they are: a turn of the opening.
TURN: Final = """
SELECT (array_agg(id ORDER BY id DESC))[1] AS last, count(*) AS count
  FROM (SELECT id FROM site WHERE id > $1 ORDER BY id LIMIT $2) AS turn
"""
ENTER_PROVIDERS: Final = f"""
{
    _enter(
        kind="CASE p.kind WHEN 'carrier' THEN 'carrier' ELSE 'access_provider' END",
        site="NULL::uuid",
        organisation="p.id::text",
        name="p.name",
        number="p.licence_number",
    )
}
  FROM provider p WHERE p.region = $3
"""
ENTER_REGISTRARS: Final = f"""
{_enter(kind="'domain_registrar'", site="NULL::uuid", organisation="given.id", name="given.name", number="NULL::text")}
  FROM unnest($5::text[], $6::text[]) AS given (id, name)
"""
GET: Final = f"SELECT {COLUMNS} FROM review_subject WHERE id = $1"
HOLD: Final = f"{GET} FOR UPDATE"
WORDS: Final = {
    "organisation": "organisation = ANY ({})", "region": "region = ANY ({})", "level": "level = ANY ({})",
}  # fmt: skip
CONFLICTING: Final = """
EXISTS (SELECT FROM review_opinion o WHERE o.subject_id = s.id AND o.status = 'standing' AND o.opinion <> 'pass')
AND (SELECT count(DISTINCT o.opinion) FROM review_opinion o
      WHERE o.subject_id = s.id AND o.status = 'standing') > 1
"""
COUNT: Final = "SELECT kind, status, count(*) AS count FROM review_subject WHERE review_id = $1 GROUP BY kind, status"
REST_PASSES: Final = """
UPDATE review_subject s SET version = version + 1, changed_at = $2,
       status = CASE WHEN (SELECT status FROM site WHERE id = s.site_id) = 'ended' THEN 'gone' ELSE 'passed' END
 WHERE id IN (SELECT id FROM review_subject u WHERE review_id = $1 AND status = 'under_review'
                 AND NOT EXISTS (SELECT FROM review_opinion o
                                  WHERE o.subject_id = u.id AND o.status = 'standing' AND o.opinion <> 'pass')
               LIMIT $3)
RETURNING id, status
"""
LEFT: Final = "SELECT id FROM review_subject WHERE review_id = $1 AND status = 'under_review' ORDER BY id"
AT_ONCE: Final = 20_000
"""Subjects in one transaction: no statement runs for long, however many there are."""
ADD_OPINION: Final = f"""
INSERT INTO review_opinion (id, status, review_id, subject_id, authority_id, authority, level, region, opinion,
                            decision_id, service_item, statement, filed_by, filed_at, changed_at)
VALUES ($1, 'standing', $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $13)
ON CONFLICT DO NOTHING
RETURNING {OPINIONS}
"""
GET_OPINION: Final = f"SELECT {OPINIONS} FROM review_opinion WHERE id = $1"
OF_SUBJECTS: Final = f"SELECT {OPINIONS} FROM review_opinion WHERE subject_id = ANY ($1) ORDER BY filed_at, id"
STANDING_OF: Final = """
SELECT id FROM review_opinion WHERE subject_id = $1 AND authority_id = $2 AND status = 'standing'
"""
RESTING_ON: Final = """
SELECT DISTINCT subject_id FROM review_opinion WHERE decision_id = $1 AND status = 'standing' ORDER BY subject_id
"""


def of(row: asyncpg.Record) -> Subject:
    """A row of COLUMNS."""
    values = dict(row)
    grounds = values["grounds"] and Grounds.model_validate(values["grounds"])
    return Subject(**{**values, "status": SubjectStatus(values["status"]), "grounds": grounds})


def opinion_of(row: asyncpg.Record) -> Opinion:
    """A row of OPINIONS."""
    values = dict(row)
    return Opinion(**{
        **values, "status": OpinionStatus(values["status"]), "opinion": Kind(values["opinion"]),
        "authority": AuthorityRef.model_validate(values["authority"]),
        "statement": Statement.model_validate(values["statement"]),
    })  # fmt: skip


MOVES: Final[Moves[Subject, SubjectStatus, SubjectAction]] = Moves(
    SUBJECT, table="review_subject", columns=COLUMNS, read=of
)
OPINION_MOVES: Final[Moves[Opinion, OpinionStatus, OpinionAction]] = Moves(
    OPINION, table="review_opinion", columns=OPINIONS, read=opinion_of
)


async def enter_sites(tx: Tx, review: Review, after: UUID, at: datetime) -> UUID | None:
    """Put sites under review, some of those that come after this one; gives the last, none if there are no more."""
    turn = await tx.fetchrow(TURN, after, AT_ONCE)
    if turn is None or turn["last"] is None:
        return None
    await tx.execute(ENTER_SITES, review.id, review.level, review.region, at, after, turn["last"])
    last: UUID | None = turn["last"] if turn["count"] == AT_ONCE else None
    return last


async def enter_others(tx: Tx, review: Review, registrars: Mapping[str, str], at: datetime) -> None:
    """Put the providers of the place and these registrars under review."""
    common = (review.id, review.level, review.region, at)
    await tx.execute(ENTER_PROVIDERS, *common)
    await tx.execute(ENTER_REGISTRARS, *common, list(registrars), list(registrars.values()))


async def get(tx: Tx, subject_id: UUID) -> Subject:
    """One subject. Raises UnknownReviewSubject."""
    return _one(await tx.fetchrow(GET, subject_id), subject_id)


async def hold(tx: Tx, subject_id: UUID) -> Subject:
    """One subject, held with its opinions. Raises UnknownReviewSubject."""
    return _one(await tx.fetchrow(HOLD, subject_id), subject_id)


def _one(row: asyncpg.Record | None, subject_id: UUID) -> Subject:
    if row is None:
        raise UnknownReviewSubject(subject_id=subject_id)
    return of(row)


async def page(
    tx: Tx, reach: Reach, *, review_id: UUID | None, status: str | None, kind: str | None, site_id: UUID | None,
    conflicting: bool, after: UUID | None, limit: int,
) -> list[Subject]:  # fmt: skip
    """Subjects within reach."""
    where, values = reach.where(WORDS, first=7)
    rows = await tx.fetch(
        f"""SELECT {COLUMNS} FROM review_subject s
             WHERE ($1::uuid IS NULL OR id < $1) AND ($3::uuid IS NULL OR review_id = $3)
               AND ($4::text IS NULL OR status = $4) AND ($5::text IS NULL OR kind = $5)
               AND ($6::uuid IS NULL OR site_id = $6) AND {where} {f"AND {CONFLICTING}" if conflicting else ""}
             ORDER BY id DESC LIMIT $2""",
        after, limit, review_id, status, kind, site_id, *values,
    )  # fmt: skip
    return [of(row) for row in rows]


async def count(tx: Tx, review_id: UUID) -> dict[str, dict[str, int]]:
    """How many subjects there are, by kind and status."""
    found: dict[str, dict[str, int]] = {}
    for row in await tx.fetch(COUNT, review_id):
        found.setdefault(row["kind"], {})[row["status"]] = row["count"]
    return found


async def pass_some(tx: Tx, review_id: UUID, at: datetime) -> dict[SubjectStatus, list[UUID]]:
    """Some of those have passed, or are gone, against whom no failing opinion stands; gives them by what they are."""
    moved: dict[SubjectStatus, list[UUID]] = {SubjectStatus.PASSED: [], SubjectStatus.GONE: []}
    for row in await tx.fetch(REST_PASSES, review_id, at, AT_ONCE):
        moved[SubjectStatus(row["status"])].append(row["id"])
    return moved


async def left(tx: Tx, review_id: UUID) -> list[UUID]:
    """Who has no result yet."""
    return [row["id"] for row in await tx.fetch(LEFT, review_id)]


async def add_opinion(
    tx: Tx, subject: Subject, authority: AuthorityRef, opinion: Kind, *, decision_id: UUID | None,
    service_item: str | None, statement: Statement, by: str, at: datetime,
) -> Opinion | None:  # fmt: skip
    """File an opinion; none if one of this authority stands already."""
    row = await tx.fetchrow(
        ADD_OPINION, uuid7(), subject.review_id, subject.id, authority.id, authority.model_dump(mode="json"),
        subject.level, subject.region, opinion, decision_id, service_item, statement.model_dump(mode="json"), by, at,
    )  # fmt: skip
    return opinion_of(row) if row else None


async def opinion(tx: Tx, opinion_id: UUID) -> Opinion:
    """One opinion; whoever changes it holds its subject. Raises UnknownOpinion."""
    row = await tx.fetchrow(GET_OPINION, opinion_id)
    if row is None:
        raise UnknownOpinion(opinion_id=opinion_id)
    return opinion_of(row)


async def opinions_of(tx: Tx, subject_ids: Collection[UUID]) -> list[Opinion]:
    """What was said of these subjects, oldest first."""
    return [opinion_of(row) for row in await tx.fetch(OF_SUBJECTS, list(subject_ids))]


async def standing_of(tx: Tx, subject_id: UUID, authority_id: str) -> UUID | None:
    """The opinion of an authority that stands."""
    found: UUID | None = await tx.fetchval(STANDING_OF, subject_id, authority_id)
    return found


async def resting_on(tx: Tx, decision_id: UUID) -> list[UUID]:
    """The subjects of standing opinions that cite a decision."""
    return [row["subject_id"] for row in await tx.fetch(RESTING_ON, decision_id)]
