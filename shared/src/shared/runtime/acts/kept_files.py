"""Whether the bytes of what somebody handed in still are those: compared with their SHA-256 once in so many days.

Every file that a decision can rest on: which those are, the tables of a service say by a trigger (``keep_file``). Part
of the housekeeping, every hour, in small portions.
"""

from collections.abc import Awaitable, Callable, Collection
from datetime import datetime, timedelta
from typing import Final, NamedTuple, TypeAlias

import structlog

from shared.runtime.acts import audit
from shared.runtime.acts.runtime import Runtime
from shared.runtime.base import metrics
from shared.runtime.base.context import Caller
from shared.runtime.base.files import Files
from shared.runtime.base.problems import Internal
from shared.runtime.db.postgres import Tx

PORTION: Final = 16
"""Files that are looked up at once: with files of 20 MiB, a third of a gigabyte that is read."""
MOST: Final = 2_000
MOST_BYTES: Final = 4 << 30
"""Files, and bytes, of one run; the next hour has its own."""
ACT: Final = "recheck_file"
"""What the audit calls a look that found a file damaged."""

Tell: TypeAlias = Callable[[Tx, Runtime, str], Awaitable[None]]
"""Tells whoever relies on a file, named by its hash, that its bytes are not those that were handed in."""
_log = structlog.get_logger(__name__)

_DUE: Final = """
SELECT sha256, size, checked_at FROM kept_file WHERE coalesce(checked_at, stored_at) <= $1
 ORDER BY coalesce(checked_at, stored_at), sha256 LIMIT $2
"""
# Checked by another process meanwhile, it is not told twice.
_CHECKED: Final = """
UPDATE kept_file AS kept
   SET checked_at = $2, damaged_at = CASE WHEN $3 THEN NULL ELSE coalesce(kept.damaged_at, $2) END
  FROM kept_file AS before
 WHERE kept.sha256 = $1 AND before.sha256 = $1 AND kept.checked_at IS NOT DISTINCT FROM $4
RETURNING before.damaged_at AS was
"""
# Also of a file that was sound: a look that is under way read what was there before, and has nothing to say any more.
_MENDED: Final = "UPDATE kept_file SET damaged_at = NULL, checked_at = $2 WHERE sha256 = $1"
_UNREADABLE: Final = "SELECT sha256 FROM kept_file WHERE sha256 = ANY ($1) AND damaged_at IS NOT NULL ORDER BY sha256"
_DAMAGED: Final = "SELECT count(*) FROM kept_file WHERE damaged_at IS NOT NULL"


class _Kept(NamedTuple):
    sha256: str
    size: int
    checked_at: datetime | None


async def recheck(rt: Runtime, files: Files, tell: Tell, *, department: str, most: int = MOST) -> int:
    """Compare files with their hash that nobody has looked at for the profile's days; says how many were damaged.

    No transaction is open while bytes are read. What is found damaged is audited and told, once until it is mended.
    """
    who, found, looked, read = Caller.system(department), 0, 0, 0
    while looked < most and read < MOST_BYTES:
        before = rt.clock.now() - timedelta(days=rt.rules.cases.recheck_days)
        async with rt.db.connection() as tx:
            portion = [_Kept(*row) for row in await tx.fetch(_DUE, before, min(PORTION, most - looked))]
        for each in portion:
            found += await _look(rt, files, tell, who, each)
        looked, read = looked + len(portion), read + sum(each.size for each in portion)
        if len(portion) < PORTION:
            break
    async with rt.db.connection() as tx:
        metrics.files_damaged.set(await tx.fetchval(_DAMAGED))
    return found


async def mended(tx: Tx, sha256: str, at: datetime) -> None:
    """These bytes were handed in once more, so they are kept as they were: what was damaged is sound again."""
    await tx.execute(_MENDED, sha256, at)


async def unreadable(tx: Tx, hashes: Collection[str]) -> list[str]:
    """Which of these files are known to be damaged."""
    return [row["sha256"] for row in await tx.fetch(_UNREADABLE, sorted(hashes))]


async def _look(rt: Runtime, files: Files, tell: Tell, who: Caller, kept: _Kept) -> bool:
    try:
        await files.verified(kept.sha256)
        sound = True
    except (Internal, OSError):  # differs; a disk that cannot give the bytes has them no more
        sound = False
    at = rt.clock.now()
    async with rt.db.transaction() as tx:
        row = await tx.fetchrow(_CHECKED, kept.sha256, at, sound, kept.checked_at)
        if row is None:
            return False
        metrics.files_checked.add(1, {"outcome": "sound" if sound else "damaged"})
        if not sound and row["was"] is None:
            _log.error("file.damaged", sha256=kept.sha256)
            resource = f"/files/{kept.sha256}"
            await audit.record(tx, who=who, act=ACT, resource=resource, outcome="refused", code="file_damaged", at=at)
            await tell(tx, rt, kept.sha256)
    return not sound
