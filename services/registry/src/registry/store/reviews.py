"""The annual review: cycles, and whose opinion is asked in each."""

# ruff: noqa: S608 -- statements are put together from the column lists of this file, nothing else

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import UUID

import asyncpg

from registry.errors import UnknownReview
from registry.lifecycle import REVIEW, ReviewAction, ReviewStatus
from shared.contracts.grounds import AuthorityRef
from shared.runtime.acts.moves import Moves
from shared.runtime.acts.policy import Reach
from shared.runtime.db.postgres import Tx


@dataclass(frozen=True, slots=True)
class Review:
    """A review of one year, level and region."""

    id: UUID
    version: int
    status: ReviewStatus
    year: int
    level: str
    region: str | None
    regulator: AuthorityRef
    opens_at: datetime
    opinions_until: datetime
    closes_at: datetime
    closed_at: datetime | None
    entered_to: UUID | None
    announced_by: str
    announced_at: datetime
    changed_at: datetime


@dataclass(frozen=True, slots=True)
class Asked:
    """An authority whose opinion a review asks for, and how far it is."""

    id: UUID
    review_id: UUID
    authority_id: str
    authority: AuthorityRef
    opens_at: datetime
    until: datetime
    reminded_at: datetime | None
    done_at: datetime | None

    def late(self, at: datetime) -> bool:
        """Its window is over and it has not finished: shown as late, and neither a pass nor a fail."""
        return self.done_at is None and at > self.until


@dataclass(frozen=True, slots=True)
class Figures:
    """How many opinions of an authority there are in a review, by kind and by whether they stand."""

    authority_id: str
    opinion: str
    status: str
    count: int


COLUMNS: Final = """id, version, status, year, level, region, regulator, opens_at, opinions_until, closes_at, closed_at,
       entered_to, announced_by, announced_at, changed_at"""
ASKED: Final = "id, review_id, authority_id, authority, opens_at, until, reminded_at, done_at"
ADD: Final = f"""
INSERT INTO review (id, status, year, level, region, regulator_id, regulator, opens_at, opinions_until, closes_at,
                    announced_by, announced_at, changed_at)
VALUES ($1, 'announced', $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $11)
ON CONFLICT DO NOTHING
RETURNING {COLUMNS}
"""
FIND: Final = "SELECT id FROM review WHERE year = $1 AND level = $2 AND region IS NOT DISTINCT FROM $3"
GET: Final = f"SELECT {COLUMNS} FROM review WHERE id = $1"
HOLD: Final = f"{GET} FOR UPDATE"
SHARE: Final = f"{GET} FOR SHARE"
WORDS: Final = {"region": "region = ANY ({})", "level": "level = ANY ({})"}
ASK: Final = f"""
INSERT INTO review_authority (id, review_id, authority_id, authority, opens_at, until)
VALUES ($1, $2, $3, $4, $5, $6)
ON CONFLICT (review_id, authority_id) DO UPDATE SET until = excluded.until, reminded_at = NULL,
       done_at = NULL, done_by = NULL, done_reasons = NULL
RETURNING {ASKED}
"""
ASKED_OF: Final = f"SELECT {ASKED} FROM review_authority WHERE review_id = $1 ORDER BY authority_id"
HOLD_ASKED: Final = f"SELECT {ASKED} FROM review_authority WHERE review_id = $1 AND authority_id = $2 FOR UPDATE"
HOLD_WINDOW: Final = f"SELECT {ASKED} FROM review_authority WHERE id = $1 FOR UPDATE"
REMINDED: Final = "UPDATE review_authority SET reminded_at = $2 WHERE id = $1"
DONE: Final = """
UPDATE review_authority SET done_at = $2, done_by = $3, done_reasons = $4 WHERE id = $1 AND done_at IS NULL
"""
FIGURES: Final = """
SELECT authority_id, opinion, status, count(*) AS count FROM review_opinion WHERE review_id = $1
 GROUP BY authority_id, opinion, status
"""


def of(row: asyncpg.Record) -> Review:
    """A row of COLUMNS."""
    values = dict(row)
    regulator = AuthorityRef.model_validate(values["regulator"])
    return Review(**{**values, "status": ReviewStatus(values["status"]), "regulator": regulator})


def _asked(row: asyncpg.Record) -> Asked:
    return Asked(**{**dict(row), "authority": AuthorityRef.model_validate(row["authority"])})


MOVES: Final[Moves[Review, ReviewStatus, ReviewAction]] = Moves(REVIEW, table="review", columns=COLUMNS, read=of)


async def add(
    tx: Tx, review_id: UUID, year: int, regulator: AuthorityRef, *, opens_at: datetime, opinions_until: datetime,
    closes_at: datetime, by: str, at: datetime,
) -> Review | None:  # fmt: skip
    """Announce a review; none if that of this year, level and region was announced before."""
    row = await tx.fetchrow(
        ADD, review_id, year, regulator.level, regulator.region, regulator.id, regulator.model_dump(mode="json"),
        opens_at, opinions_until, closes_at, by, at,
    )  # fmt: skip
    return of(row) if row else None


async def find(tx: Tx, year: int, regulator: AuthorityRef) -> UUID | None:
    """The review of a year at the level and place of a regulator."""
    found: UUID | None = await tx.fetchval(FIND, year, regulator.level, regulator.region)
    return found


async def get(tx: Tx, review_id: UUID) -> Review:
    """One review. Raises UnknownReview."""
    return _one(await tx.fetchrow(GET, review_id), review_id)


async def hold(tx: Tx, review_id: UUID) -> Review:
    """One review, held: nobody gives an opinion meanwhile. Raises UnknownReview."""
    return _one(await tx.fetchrow(HOLD, review_id), review_id)


async def share(tx: Tx, review_id: UUID) -> Review:
    """One review, which stays as it is meanwhile; many can do so at once. Raises UnknownReview."""
    return _one(await tx.fetchrow(SHARE, review_id), review_id)


def _one(row: asyncpg.Record | None, review_id: UUID) -> Review:
    if row is None:
        raise UnknownReview(review_id=review_id)
    return of(row)


async def page(tx: Tx, reach: Reach, *, year: int | None, after: UUID | None, limit: int) -> list[Review]:
    """Reviews within reach, newest first."""
    where, values = reach.where(WORDS, first=4)
    rows = await tx.fetch(
        f"""SELECT {COLUMNS} FROM review
             WHERE ($1::uuid IS NULL OR id < $1) AND ($3::int IS NULL OR year = $3) AND {where}
             ORDER BY id DESC LIMIT $2""",
        after, limit, year, *values,
    )  # fmt: skip
    return [of(row) for row in rows]


async def ask(
    tx: Tx, asked_id: UUID, review_id: UUID, authority: AuthorityRef, opens_at: datetime, until: datetime
) -> Asked:
    """Ask an authority for its opinions until a time; if it was asked before, until that time from now on."""
    row = await tx.fetchrow(ASK, asked_id, review_id, authority.id, authority.model_dump(mode="json"), opens_at, until)
    if row is None:
        raise TypeError("an upsert returns its row")
    return _asked(row)


async def asked_of(tx: Tx, review_id: UUID) -> list[Asked]:
    """Whom a review asks."""
    return [_asked(row) for row in await tx.fetch(ASKED_OF, review_id)]


async def hold_asked(tx: Tx, review_id: UUID, authority_id: str) -> Asked | None:
    """One of them, held; none if it was not asked."""
    row = await tx.fetchrow(HOLD_ASKED, review_id, authority_id)
    return _asked(row) if row else None


async def hold_window(tx: Tx, asked_id: UUID) -> Asked | None:
    """The same by its id."""
    row = await tx.fetchrow(HOLD_WINDOW, asked_id)
    return _asked(row) if row else None


async def reminded(tx: Tx, asked_id: UUID, at: datetime) -> None:
    """It was reminded."""
    await tx.execute(REMINDED, asked_id, at)


async def finished(tx: Tx, asked_id: UUID, at: datetime, by: str, reasons: str) -> None:
    """It gave all its opinions."""
    await tx.execute(DONE, asked_id, at, by, reasons)


async def figures(tx: Tx, review_id: UUID) -> Sequence[Figures]:
    """Opinions of a review, counted."""
    return [Figures(**dict(row)) for row in await tx.fetch(FIGURES, review_id)]
