"""What people said: kept with a hash of the secret that reads its status, forgotten by whom when it is over."""

# ruff: noqa: S608 -- statements are put together from the column lists of this file, nothing else

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import UUID

import asyncpg

from enforcement.store.matters import PLACE, names, unregistered
from shared.contracts.grounds import AuthorityRef, Statement
from shared.contracts.http.complaints import MatterTransfer
from shared.rules.identifiers.hosts import Domain
from shared.runtime.db.forgetting import in_batches
from shared.runtime.db.postgres import Database, Tx


@dataclass(frozen=True, slots=True)
class NewComplaint:
    """What somebody says of a name. ``organisation``: of whoever complains in an office's name."""

    id: UUID
    name: Domain
    ground: str
    reference: str
    secret_hash: bytes
    source: str
    said: str
    organisation: str | None
    email: str | None
    came_at: datetime


@dataclass(frozen=True, slots=True)
class Complaint:
    """A complaint as whoever reads it may: without its secret, and without who said it."""

    id: UUID
    matter_id: UUID
    reference: str
    source: str
    host: str
    said: str
    came_at: datetime


@dataclass(frozen=True, slots=True)
class File:
    """A file that came with a complaint."""

    complaint_id: UUID
    sha256: str
    size: int
    media_type: str
    added_at: datetime


@dataclass(frozen=True, slots=True)
class ToAnswer:
    """Who is to be told how it ended."""

    id: UUID
    reference: str
    email: str
    authority: AuthorityRef
    statement: Statement
    """In its public form."""


@dataclass(frozen=True, slots=True)
class ToTell:
    """Who is to be told where it went last."""

    id: UUID
    reference: str
    email: str
    transfer: MatterTransfer


COLUMNS: Final = "id, matter_id, reference, source, host, said, came_at"
# Each to the open matter of the site that bears its name, and ground. Who complains shares the row of a matter, and
# waits for nobody but whoever is changing it: what is being ended is none to complain to any more then.
ATTACH: Final = f"""
WITH given AS (
    SELECT said.*, coalesce('site:' || site_id, unregistered) AS key
      FROM unnest($1::uuid[], $2::text[], $3::text[], $4::text[], $5::text[], $6::bytea[], $7::text[], $8::text[],
                  $9::text[], $10::text[], $11::text[], $12::timestamptz[])
        AS said (id, names, unregistered, ground, reference, secret_hash, source, host, said, organisation, email,
                 came_at)
      LEFT JOIN LATERAL ({PLACE.replace("$1::text[]", "string_to_array(names, ' ')")}) AS named ON true),
found AS (
    SELECT id, key, ground FROM matter
     WHERE (key, ground) IN (SELECT key, ground FROM given) AND status <> 'ended' FOR SHARE)
INSERT INTO complaint (id, matter_id, reference, secret_hash, source, host, said, organisation, email, came_at)
SELECT given.id, found.id, reference, secret_hash, source, host, said, organisation, email, came_at
  FROM given JOIN found USING (key, ground)
RETURNING id
"""
ATTACH_FREE: Final = ATTACH.replace("FOR SHARE", "FOR SHARE SKIP LOCKED")
BY_SECRET: Final = f"SELECT {COLUMNS} FROM complaint WHERE secret_hash = $1"
GET: Final = f"SELECT {COLUMNS} FROM complaint WHERE id = $1"
HOLD: Final = f"{GET} FOR UPDATE"
OF_MATTER: Final = f"""
SELECT {COLUMNS} FROM complaint WHERE matter_id = $1 AND ($2::uuid IS NULL OR id > $2) ORDER BY id LIMIT $3
"""
COUNTS: Final = "SELECT matter_id, count(*) AS complaints FROM complaint WHERE matter_id = ANY ($1) GROUP BY matter_id"
FILES_OF: Final = """
SELECT complaint_id, sha256, size, media_type, added_at FROM complaint_file WHERE complaint_id = ANY ($1)
 ORDER BY complaint_id, added_at, sha256
"""
WITH_FILE: Final = """
SELECT DISTINCT matter_id FROM complaint JOIN complaint_file ON complaint_id = complaint.id
 WHERE sha256 = $1 ORDER BY matter_id
"""
ADD_FILE: Final = """
INSERT INTO complaint_file (complaint_id, sha256, size, media_type, added_at) VALUES ($1, $2, $3, $4, $5)
ON CONFLICT DO NOTHING
"""
ANSWERS_DUE: Final = "UPDATE complaint SET answer_due = true WHERE matter_id = $1 AND email IS NOT NULL"
# Left to one process each: several may run.
TO_ANSWER: Final = """
SELECT complaint.id, reference, email, authority, statement
  FROM complaint JOIN matter ON matter.id = matter_id
 WHERE answer_due ORDER BY complaint.id LIMIT $1 FOR UPDATE OF complaint SKIP LOCKED
"""
ANSWERED: Final = "UPDATE complaint SET answer_due = false, answered_at = $2 WHERE id = ANY ($1)"
TRANSFERS_DUE: Final = "UPDATE complaint SET transfer_due = true WHERE matter_id = $1 AND email IS NOT NULL"
TO_TELL: Final = """
SELECT complaint.id, reference, email, transfers->-1 AS transfer
  FROM complaint JOIN matter ON matter.id = matter_id
 WHERE transfer_due ORDER BY complaint.id LIMIT $1 FOR UPDATE OF complaint SKIP LOCKED
"""
TOLD: Final = "UPDATE complaint SET transfer_due = false WHERE id = ANY ($1)"
# The address lies where mail was queued, too; both go in one transaction.
FORGET: Final = """
WITH over AS (
    SELECT complaint.id FROM complaint JOIN matter ON matter.id = matter_id
     WHERE (email IS NOT NULL OR organisation IS NOT NULL) AND ended_at < $1::timestamptz - make_interval(days => $2)
     ORDER BY complaint.id LIMIT $3 FOR UPDATE OF complaint),
unsent AS (
    DELETE FROM delivery USING notice, over
     WHERE notice_id = notice.id AND about_kind = 'complaint' AND about_id = over.id)
UPDATE complaint SET email = NULL, organisation = NULL, answer_due = false, transfer_due = false, forgotten_at = $1
  FROM over WHERE complaint.id = over.id
"""


def of(row: asyncpg.Record) -> Complaint:
    """A row of COLUMNS."""
    return Complaint(**dict(row))


async def attach(tx: Tx, said: Sequence[NewComplaint], *, wait: bool) -> set[UUID]:
    """Put complaints to the open matters of the sites that bear their names; which of them had one.

    ``wait``: for whoever is changing such a matter; else what somebody holds has none.
    """
    rows = await tx.fetch(
        ATTACH if wait else ATTACH_FREE,
        *map(list, zip(*(
            (each.id, " ".join(names(each.name)), unregistered(each.name), each.ground, each.reference,
             each.secret_hash, each.source, each.name.ascii, each.said, each.organisation, each.email, each.came_at)
            for each in said
        ), strict=True)),
    )  # fmt: skip
    return {row["id"] for row in rows}


async def by_secret(tx: Tx, secret_hash: bytes) -> Complaint | None:
    """The complaint of whoever knows the secret."""
    row = await tx.fetchrow(BY_SECRET, secret_hash)
    return of(row) if row else None


async def get(tx: Tx, complaint_id: UUID) -> Complaint | None:
    """One complaint."""
    row = await tx.fetchrow(GET, complaint_id)
    return of(row) if row else None


async def hold(tx: Tx, complaint_id: UUID) -> None:
    """Keep others who add files to a complaint waiting."""
    await tx.fetchrow(HOLD, complaint_id)


async def of_matter(tx: Tx, matter_id: UUID, *, after: UUID | None, limit: int) -> list[Complaint]:
    """What was said, oldest first."""
    return [of(row) for row in await tx.fetch(OF_MATTER, matter_id, after, limit)]


async def counts(tx: Tx, matter_ids: Collection[UUID]) -> dict[UUID, int]:
    """How many complained, by matter."""
    return {row["matter_id"]: row["complaints"] for row in await tx.fetch(COUNTS, list(matter_ids))}


async def files_of(tx: Tx, complaint_ids: Collection[UUID]) -> dict[UUID, list[File]]:
    """The files that came with each of these complaints."""
    found: dict[UUID, list[File]] = {complaint_id: [] for complaint_id in complaint_ids}
    for row in await tx.fetch(FILES_OF, list(complaint_ids)):
        found[row["complaint_id"]].append(File(**dict(row)))
    return found


async def add_file(tx: Tx, file: File) -> None:
    """Keep that a file came; the same bytes again are the same file."""
    await tx.execute(ADD_FILE, file.complaint_id, file.sha256, file.size, file.media_type, file.added_at)


async def answers_due(tx: Tx, matter_id: UUID) -> None:
    """Whoever left an address is told how a held matter ended."""
    await tx.execute(ANSWERS_DUE, matter_id)


async def to_answer(tx: Tx, most: int) -> list[ToAnswer]:
    """So many who are to be told, held."""
    rows = await tx.fetch(TO_ANSWER, most)
    return [
        ToAnswer(
            row["id"], row["reference"], row["email"], AuthorityRef.model_validate(row["authority"]),
            Statement.model_validate(row["statement"]),
        )
        for row in rows
    ]  # fmt: skip


async def answered(tx: Tx, complaint_ids: Sequence[UUID], at: datetime) -> None:
    """They are told: the mail is queued."""
    await tx.execute(ANSWERED, list(complaint_ids), at)


async def transfers_due(tx: Tx, matter_id: UUID) -> None:
    """Whoever left an address is told where a held matter went."""
    await tx.execute(TRANSFERS_DUE, matter_id)


async def to_tell(tx: Tx, most: int) -> list[ToTell]:
    """So many who are to be told where it went, held."""
    return [
        ToTell(row["id"], row["reference"], row["email"], MatterTransfer.model_validate(row["transfer"]))
        for row in await tx.fetch(TO_TELL, most)
    ]


async def told(tx: Tx, complaint_ids: Sequence[UUID]) -> None:
    """They are told: the mail is queued."""
    await tx.execute(TOLD, list(complaint_ids))


async def forget(db: Database, at: datetime, days: int) -> int:
    """Forget who complained, so many days after it was over; says of how many."""
    return await in_batches(db, FORGET, at, days, batch=1_000)


async def with_file(tx: Tx, sha256: str) -> list[UUID]:
    """The matters with whose complaints these bytes came."""
    return [row["matter_id"] for row in await tx.fetch(WITH_FILE, sha256)]
