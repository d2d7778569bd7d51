"""Matters: everything that was said about one site on one ground, merged while it is open."""

# ruff: noqa: S608 -- statements are put together from the column lists of this file, nothing else

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from uuid import UUID

import asyncpg

from enforcement.errors import UnknownMatter
from enforcement.lifecycle import MATTER, MatterAction, MatterStatus
from enforcement.store.cases import NewCase
from shared.contracts.grounds import AuthorityRef, Statement
from shared.contracts.http.complaints import MatterTransfer
from shared.rules.identifiers.hosts import Domain
from shared.runtime.acts.moves import Moves
from shared.runtime.acts.policy import Reach
from shared.runtime.db.postgres import Tx


@dataclass(frozen=True, slots=True)
class Matter:
    """A matter as stored."""

    id: UUID
    version: int
    status: MatterStatus
    key: str
    """The same for every name of a site, and for every name below one that somebody registered and no site bears."""
    ground: str
    host: str
    site_id: UUID | None
    region: str | None
    """None where no site bears the name."""
    level: str
    service_items: tuple[str, ...]
    grade: str | None
    authority: AuthorityRef | None
    """Whose it is: who graded it, or to whom it was handed."""
    transfers: tuple[MatterTransfer, ...]
    case_id: UUID | None
    outcome: str | None
    statement: Statement | None
    overdue_at: datetime | None
    came_at: datetime
    ended_at: datetime | None
    changed_at: datetime

    @property
    def organisation(self) -> str:
        """Whose it is; the policy's word."""
        return self.authority.id if self.authority is not None else ""

    @property
    def category(self) -> tuple[str, ...]:
        """Which sectors it concerns; the policy's word."""
        return self.service_items

    @property
    def placed(self) -> str:
        """Whether it is known where it belongs; the policy's word."""
        return "no" if self.region is None else "yes"

    @property
    def taken(self) -> str:
        """Whether it is somebody's; the policy's word."""
        return "no" if self.authority is None else "yes"


COLUMNS: Final = """id, version, status, key, ground, host, site_id, region, level, service_items, grade, authority,
       transfers, case_id, outcome, statement, overdue_at, came_at, ended_at, changed_at"""
WORDS: Final = {
    "organisation": "authority_id = ANY ({})",
    "category": "service_items && {}",
    "region": "region = ANY ({})",
    "level": "level = ANY ({})",
    "placed": "CASE WHEN region IS NULL THEN 'no' ELSE 'yes' END = ANY ({})",
    "taken": "CASE WHEN authority_id IS NULL THEN 'no' ELSE 'yes' END = ANY ({})",
}
# The site that bears one of $1: a name and those above it. The longest name first; a site that left the register bears
# no name any more.
PLACE: Final = """
SELECT site_id, region, level, ARRAY(SELECT jsonb_array_elements_text(record->'service_items')) AS service_items
  FROM site, unnest(domains) AS name
 WHERE domains && $1::text[] AND name = ANY ($1::text[]) AND status NOT IN ('ended', 'lapsed')
 ORDER BY length(name) DESC LIMIT 1
"""
KEY: Final = f"SELECT coalesce((SELECT 'site:' || site_id FROM ({PLACE}) AS named), $2)"
BEGIN: Final = f"""
INSERT INTO matter (id, status, key, ground, host, site_id, region, level, service_items, came_at, changed_at)
SELECT $3, 'open', coalesce('site:' || site_id, $2), $4, $5, site_id, region, coalesce(level, 'province'),
       coalesce(service_items, '{{}}'), $6, $6
  FROM (SELECT) AS one LEFT JOIN ({PLACE}) AS named ON true
ON CONFLICT (key, ground) WHERE status <> 'ended' DO NOTHING
RETURNING {COLUMNS}
"""
GET: Final = f"SELECT {COLUMNS} FROM matter WHERE id = $1"
HOLD: Final = f"{GET} FOR NO KEY UPDATE"
HOLD_OF_CASE: Final = f"SELECT {COLUMNS} FROM matter WHERE case_id = $1 AND status = 'in_case' FOR NO KEY UPDATE"
FOLLOW: Final = """
UPDATE matter SET case_id = $2, authority = $3, authority_id = $4, version = version + 1
 WHERE case_id = $1 AND status = 'in_case'
"""


def of(row: asyncpg.Record) -> Matter:
    """A row of COLUMNS."""
    values: dict[str, Any] = dict(row)
    return Matter(**{
        **values, "status": MatterStatus(values["status"]), "service_items": tuple(values["service_items"]),
        "authority": values["authority"] and AuthorityRef.model_validate(values["authority"]),
        "transfers": tuple(map(MatterTransfer.model_validate, values["transfers"])),
        "statement": values["statement"] and Statement.model_validate(values["statement"]),
    })  # fmt: skip


MOVES: Final[Moves[Matter, MatterStatus, MatterAction]] = Moves(MATTER, table="matter", columns=COLUMNS, read=of)


def unregistered(name: Domain) -> str:
    """The key of a name that no site of the register bears."""
    return f"host:{name.registrable}"


def names(name: Domain) -> list[str]:
    """A name and those above it: what a site of the register may bear."""
    return [name.ascii, *name.above]


async def key(tx: Tx, name: Domain) -> str:
    """What is the same for every name of a site, and for every name below one that no site bears."""
    found: str = await tx.fetchval(KEY, names(name), unregistered(name))
    return found


async def begin(tx: Tx, matter_id: UUID, name: Domain, ground: str, at: datetime) -> Matter | None:
    """Begin a matter about whatever bears a name; none if somebody else begins or began the same."""
    row = await tx.fetchrow(BEGIN, names(name), unregistered(name), matter_id, ground, name.ascii, at)
    return of(row) if row else None


async def get(tx: Tx, matter_id: UUID) -> Matter:
    """One matter. Raises UnknownMatter."""
    return _one(await tx.fetchrow(GET, matter_id), matter_id)


async def hold(tx: Tx, matter_id: UUID) -> Matter:
    """One matter, held: who complains of the same waits. Raises UnknownMatter."""
    return _one(await tx.fetchrow(HOLD, matter_id), matter_id)


def _one(row: asyncpg.Record | None, matter_id: UUID) -> Matter:
    if row is None:
        raise UnknownMatter(matter_id=matter_id)
    return of(row)


async def hold_of_case(tx: Tx, case_id: UUID) -> Matter | None:
    """The matter that a case came of, held; none if it came of none, or that is over."""
    row = await tx.fetchrow(HOLD_OF_CASE, case_id)
    return of(row) if row else None


async def follow(tx: Tx, case: NewCase, of_case: UUID) -> None:
    """What a case came of goes along where that goes on, and is the receiver's from then on."""
    await tx.execute(FOLLOW, of_case, case.id, case.authority.model_dump(), case.authority.id)


@dataclass(frozen=True, slots=True)
class Filter:
    """Which matters are asked for; none: any."""

    status: MatterStatus | None = None
    ground: str | None = None
    grade: str | None = None
    region: str | None = None
    overdue: bool | None = None
    key: str | None = None
    newest: bool = False


async def page(tx: Tx, reach: Reach, wanted: Filter, *, after: UUID | None, limit: int) -> list[Matter]:
    """Matters within reach, oldest first: what has waited longest comes next. ``newest``: the other way round."""
    where, values = reach.where(WORDS, first=9)
    beyond, order = ("<", "DESC") if wanted.newest else (">", "ASC")
    rows = await tx.fetch(
        f"""SELECT {COLUMNS} FROM matter
             WHERE ($1::uuid IS NULL OR id {beyond} $1) AND ($3::text IS NULL OR status = $3)
               AND ($4::text IS NULL OR ground = $4) AND ($5::text IS NULL OR grade = $5)
               AND ($6::text IS NULL OR region = $6) AND ($7::boolean IS NULL OR (overdue_at IS NOT NULL) = $7)
               AND ($8::text IS NULL OR key = $8) AND {where}
             ORDER BY id {order} LIMIT $2""",
        after, limit, wanted.status, wanted.ground, wanted.grade, wanted.region, wanted.overdue, wanted.key, *values,
    )  # fmt: skip
    return [of(row) for row in rows]
