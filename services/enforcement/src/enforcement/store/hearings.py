"""Hearings of an appeal, and the papers that its sides handed in."""
# ruff: noqa: S608 -- statements are put together from the column lists of this file, nothing else

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from uuid import UUID

import asyncpg

from enforcement.errors import UnknownHearing
from enforcement.lifecycle import HEARING, HearingAction, HearingStatus
from shared.runtime.acts.moves import Moves
from shared.runtime.db.postgres import Tx


@dataclass(frozen=True, slots=True)
class Hearing:
    """A hearing as stored."""

    id: UUID
    version: int
    status: HearingStatus
    appeal_id: UUID
    takes_place: datetime
    place: str
    invited_by: str
    invited_at: datetime
    present: tuple[str, ...]
    """Which sides came: appellant, authority."""
    minutes: str | None
    """SHA-256 of the paper that says what was said."""
    changed_at: datetime


@dataclass(frozen=True, slots=True)
class Paper:
    """What a side handed in, named by the SHA-256 of its bytes."""

    appeal_id: UUID
    sha256: str
    side: str
    """appellant, authority or body."""
    title: str
    media_type: str
    size: int
    confidential: str | None
    """Why the other side may not read it."""
    handed_by: str
    handed_at: datetime
    handed_for: str | None
    """As whom: an operator's identity, or an authority. None where an earlier program took it and nobody knows."""


COLUMNS: Final = """id, version, status, appeal_id, takes_place, place, invited_by, invited_at, present, minutes,
       changed_at"""
ADD: Final = f"""
INSERT INTO hearing (id, status, appeal_id, takes_place, place, invited_by, invited_at, changed_at)
VALUES ($1, 'invited', $2, $3, $4, $5, $6, $6)
RETURNING {COLUMNS}
"""
GET: Final = f"SELECT {COLUMNS} FROM hearing WHERE id = $1"
OF_APPEAL: Final = f"SELECT {COLUMNS} FROM hearing WHERE appeal_id = $1 ORDER BY id"
HAND_IN: Final = """
INSERT INTO appeal_paper (appeal_id, sha256, side, title, media_type, size, confidential, handed_by, handed_at,
                          handed_for)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10) ON CONFLICT DO NOTHING RETURNING 1
"""
PAPERS: Final = """
SELECT appeal_id, sha256, side, title, media_type, size, confidential, handed_by, handed_at, handed_for
  FROM appeal_paper WHERE appeal_id = $1 ORDER BY handed_at, sha256
"""

WITH_PAPER: Final = "SELECT appeal_id, side FROM appeal_paper WHERE sha256 = $1 ORDER BY appeal_id"


def of(row: asyncpg.Record) -> Hearing:
    """A row of COLUMNS."""
    values: dict[str, Any] = dict(row)
    return Hearing(**{**values, "status": HearingStatus(values["status"]), "present": tuple(values["present"])})


MOVES: Final[Moves[Hearing, HearingStatus, HearingAction]] = Moves(HEARING, table="hearing", columns=COLUMNS, read=of)


async def add(
    tx: Tx, hearing_id: UUID, appeal_id: UUID, *, takes_place: datetime, place: str, by: str, at: datetime
) -> Hearing:
    """Invite to a hearing of a held appeal."""
    row = await tx.fetchrow(ADD, hearing_id, appeal_id, takes_place, place, by, at)
    if row is None:
        raise TypeError("an INSERT without a conflict returns its row")
    return of(row)


async def get(tx: Tx, hearing_id: UUID) -> Hearing:
    """One hearing; whoever changes it holds its appeal. Raises UnknownHearing."""
    row = await tx.fetchrow(GET, hearing_id)
    if row is None:
        raise UnknownHearing(hearing_id=hearing_id)
    return of(row)


async def of_appeal(tx: Tx, appeal_id: UUID) -> list[Hearing]:
    """The hearings of an appeal, oldest first."""
    return [of(row) for row in await tx.fetch(OF_APPEAL, appeal_id)]


async def invited(tx: Tx, appeal_id: UUID) -> Hearing | None:
    """The hearing to which both sides are invited, if there is one."""
    return next((each for each in await of_appeal(tx, appeal_id) if each.status is HearingStatus.INVITED), None)


async def hand_in(tx: Tx, new: Paper) -> bool:
    """Put a paper into a held appeal; false if it lies there already."""
    row = (
        new.appeal_id, new.sha256, new.side, new.title, new.media_type, new.size, new.confidential, new.handed_by,
        new.handed_at, new.handed_for,
    )  # fmt: skip
    return await tx.fetchval(HAND_IN, *row) is not None


async def papers(tx: Tx, appeal_id: UUID) -> list[Paper]:
    """What was handed in, in the order in which it came."""
    return [Paper(**dict(row)) for row in await tx.fetch(PAPERS, appeal_id)]


async def with_paper(tx: Tx, sha256: str) -> list[tuple[UUID, str]]:
    """The appeals in which these bytes lie, and which side handed them in."""
    return [(row["appeal_id"], row["side"]) for row in await tx.fetch(WITH_PAPER, sha256)]
