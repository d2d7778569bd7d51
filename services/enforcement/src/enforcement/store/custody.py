"""What becomes of the bytes of evidence: due for a look, damaged, no longer needed, deleted."""

# ruff: noqa: S608 -- statements are put together from the column lists of this file, nothing else

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import UUID

from shared.runtime.db.postgres import Tx


@dataclass(frozen=True, slots=True)
class Kept:
    """A piece by its bytes, whatever cases it lies in."""

    sha256: str
    size: int
    stored_at: datetime
    checked_at: datetime | None
    damaged_at: datetime | None
    deleted_at: datetime | None
    deleted_why: str | None
    removed_at: datetime | None


COLUMNS: Final = "sha256, size, stored_at, checked_at, damaged_at, deleted_at, deleted_why, removed_at"
GET: Final = f"SELECT {COLUMNS} FROM evidence WHERE sha256 = $1"
HOLD: Final = f"{GET} FOR UPDATE"
DUE: Final = f"""
SELECT {COLUMNS} FROM evidence
 WHERE deleted_at IS NULL AND coalesce(checked_at, stored_at) <= $1
 ORDER BY coalesce(checked_at, stored_at), sha256 LIMIT $2
"""
# Deleted meanwhile, it is nobody's loss; checked by another process meanwhile, it is not told twice.
CHECKED: Final = """
UPDATE evidence AS kept SET checked_at = $2, damaged_at = CASE WHEN $3 THEN NULL ELSE coalesce(kept.damaged_at, $2) END
  FROM evidence AS before
 WHERE kept.sha256 = $1 AND before.sha256 = $1 AND kept.deleted_at IS NULL
   AND kept.checked_at IS NOT DISTINCT FROM $4
RETURNING before.damaged_at AS was
"""
EVENT: Final = "INSERT INTO evidence_event (sha256, event, detail, at) VALUES ($1, $2, $3, $4)"
# The newest look stays, and so does the one after which nothing changed; what lies between them says nothing more.
DROP_BETWEEN: Final = """
WITH latest AS (
    SELECT id, event, detail, row_number() OVER (ORDER BY id DESC) AS place
      FROM evidence_event WHERE sha256 = $1 ORDER BY id DESC LIMIT 3)
DELETE FROM evidence_event USING latest AS between_them, latest AS first
 WHERE evidence_event.id = between_them.id AND between_them.place = 2 AND first.place = 3
   AND between_them.event = 'sound' AND first.event = 'sound' AND between_them.detail = $2
"""
DAMAGED: Final = "SELECT count(*) FROM evidence WHERE damaged_at IS NOT NULL"
TO_JUDGE: Final = """
SELECT sha256 FROM evidence WHERE deleted_at IS NULL AND coalesce(judge_at, stored_at) <= $1
 ORDER BY coalesce(judge_at, stored_at), sha256 LIMIT $2
"""
JUDGED: Final = "UPDATE evidence SET judge_at = $2 WHERE sha256 = $1"
CASES_OF: Final = "SELECT case_id FROM case_evidence WHERE sha256 = $1 ORDER BY case_id"
HOLD_CASES: Final = "SELECT id FROM enforcement_case WHERE id = ANY ($1) ORDER BY id FOR UPDATE"
DELETE: Final = """
UPDATE evidence SET deleted_at = $2, deleted_why = $3, damaged_at = NULL WHERE sha256 = $1 AND deleted_at IS NULL
RETURNING 1
"""
UNREADABLE: Final = """
SELECT sha256 FROM evidence WHERE sha256 = ANY ($1) AND (damaged_at IS NOT NULL OR deleted_at IS NOT NULL) ORDER BY 1
"""
# The same bytes may be a paper of an appeal, or have come with a complaint: then the file is not evidence's alone.
RELIED_ON: Final = """
EXISTS (SELECT FROM appeal_paper p WHERE p.sha256 = evidence.sha256)
    OR EXISTS (SELECT FROM complaint_file f WHERE f.sha256 = evidence.sha256)"""
TO_REMOVE: Final = f"""
SELECT sha256 FROM evidence WHERE deleted_at IS NOT NULL AND removed_at IS NULL AND NOT ({RELIED_ON}) LIMIT $1
"""
REMOVABLE: Final = f"""
SELECT deleted_at IS NOT NULL AND removed_at IS NULL AND NOT ({RELIED_ON}) FROM evidence WHERE sha256 = $1
"""
REMOVED: Final = "UPDATE evidence SET removed_at = $2 WHERE sha256 = $1"
MENDED: Final = """
UPDATE evidence SET damaged_at = NULL, checked_at = $2 WHERE sha256 = $1 AND damaged_at IS NOT NULL RETURNING 1
"""
AGAIN: Final = """
UPDATE evidence SET deleted_at = NULL, deleted_why = NULL, removed_at = NULL, checked_at = NULL, damaged_at = NULL,
       judge_at = NULL, stored_at = $2
 WHERE sha256 = $1 AND deleted_at IS NOT NULL RETURNING 1
"""


async def get(tx: Tx, sha256: str) -> Kept | None:
    """A piece by its bytes."""
    row = await tx.fetchrow(GET, sha256)
    return Kept(**dict(row)) if row else None


async def hold(tx: Tx, sha256: str) -> Kept | None:
    """The same, held until the transaction ends: nobody files or deletes these bytes meanwhile."""
    row = await tx.fetchrow(HOLD, sha256)
    return Kept(**dict(row)) if row else None


async def due(tx: Tx, before: datetime, limit: int) -> list[Kept]:
    """Pieces that nobody has looked at since then, the longest waiting first."""
    return [Kept(**dict(row)) for row in await tx.fetch(DUE, before, limit)]


async def checked(tx: Tx, kept: Kept, at: datetime, *, sound: bool) -> bool | None:
    """Keep what a look said of a piece as it was read: whether it was damaged before; none if it was changed since."""
    row = await tx.fetchrow(CHECKED, kept.sha256, at, sound, kept.checked_at)
    return row["was"] is not None if row else None


async def event(tx: Tx, sha256: str, what: str, detail: str, at: datetime) -> None:
    """Add to what is known of a piece."""
    await tx.execute(EVENT, sha256, what, detail, at)


async def drop_between(tx: Tx, sha256: str, usual: str) -> None:
    """Forget the last look but one of a held piece, if it said the ``usual`` and so did those around it."""
    await tx.execute(DROP_BETWEEN, sha256, usual)


async def mended(tx: Tx, sha256: str, at: datetime) -> bool:
    """The same bytes were filed once more: whether the piece was damaged, which it is no longer."""
    return await tx.fetchval(MENDED, sha256, at) is not None


async def damaged(tx: Tx) -> int:
    """How many pieces are not what was filed."""
    return int(await tx.fetchval(DAMAGED))


async def to_judge(tx: Tx, at: datetime, limit: int) -> list[str]:
    """Pieces of which it is to be asked whether anything still needs them."""
    return [row["sha256"] for row in await tx.fetch(TO_JUDGE, at, limit)]


async def judged(tx: Tx, sha256: str, again_at: datetime) -> None:
    """Something needs it: it is asked again then."""
    await tx.execute(JUDGED, sha256, again_at)


async def cases_of(tx: Tx, sha256: str) -> list[UUID]:
    """The cases in which it lies."""
    return [row["case_id"] for row in await tx.fetch(CASES_OF, sha256)]


async def hold_cases(tx: Tx, case_ids: Sequence[UUID]) -> None:
    """Hold these cases, in one order everywhere."""
    await tx.fetch(HOLD_CASES, list(case_ids))


async def delete(tx: Tx, sha256: str, at: datetime, why: str) -> bool:
    """A held piece has no bytes any more; false if it had none."""
    return await tx.fetchval(DELETE, sha256, at, why) is not None


async def to_remove(tx: Tx, limit: int) -> list[str]:
    """Pieces that are deleted, whose files may still be there, and which nobody else relies on."""
    return [row["sha256"] for row in await tx.fetch(TO_REMOVE, limit)]


async def unreadable(tx: Tx, hashes: Collection[str]) -> list[str]:
    """Which of these pieces have no sound bytes, as far as anybody looked."""
    return [row["sha256"] for row in await tx.fetch(UNREADABLE, list(hashes))]


async def removable(tx: Tx, sha256: str) -> bool:
    """The same of a held piece, as it is now."""
    return bool(await tx.fetchval(REMOVABLE, sha256))


async def removed(tx: Tx, sha256: str, at: datetime) -> None:
    """The file of a held piece is gone."""
    await tx.execute(REMOVED, sha256, at)


async def kept_again(tx: Tx, sha256: str, at: datetime) -> bool:
    """Somebody filed bytes anew that were deleted; false if they were not. The piece is held."""
    return await tx.fetchval(AGAIN, sha256, at) is not None
