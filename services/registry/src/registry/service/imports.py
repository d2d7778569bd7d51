"""Imports: existing registrations entered from a stream, in batches that go in whole; a second run changes nothing."""

import asyncio
import hashlib
from collections.abc import AsyncIterator, Awaitable, Mapping
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any, Final
from uuid import UUID

import asyncpg
from starlette.requests import ClientDisconnect

from registry.errors import ImportExists, ImportOver, ImportRunning, OtherFile, TooManyToCheck
from registry.importing.files import NDJSON, File, opened
from registry.importing.records import Record, check
from registry.importing.rows import Rejected, Row
from registry.policy import POLICY, Act
from registry.service import import_batch
from registry.service.import_batch import Seen
from registry.store import imports
from registry.store.imports import Import, Mark, Result
from shared.runtime.acts import audit
from shared.runtime.acts.policy import Reach
from shared.runtime.acts.runtime import Runtime
from shared.runtime.base.context import Caller
from shared.runtime.base.ids import uuid7
from shared.runtime.base.problems import TryAgain, UnsupportedMediaType

BATCH: Final = 1000
SILENT: Final = timedelta(minutes=15)
"""Without a batch, after which nobody sends any more."""
QUIET: Final = timedelta(seconds=30)
"""Without a batch, after which somebody may go on with an import that says it runs: its process may be dead."""
TURN: Final = 50
"""Rows after which the others get their turn: other callers, and the batch that is being written."""
TRIES: Final = 5
MOST_CHECKED: Final = 200_000
"""Rows of a dry run, which remembers each."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """What the sender says of a file and wants done with it."""

    content_type: str = NDJSON
    filename: str | None = None
    total_bytes: int | None = None
    import_id: UUID | None = None
    """Chosen by the sender, who then can read how far it is, and go on after a broken connection."""
    dry_run: bool = False
    keeps_all: bool = False


@dataclass(frozen=True, slots=True)
class Batch:
    """Rows that go in together, and how far the file was read after them."""

    records: list[Record]
    results: list[Result]
    mark: Mark


async def run(rt: Runtime, who: Caller, stream: AsyncIterator[bytes], wanted: Wanted) -> Import:
    """Enter every valid record of the stream; the others are kept with the reason. A transaction a batch.

    If the sender breaks off, whole batches are in; ``go_on``, or sending the file again, completes it. A dry run says
    what would happen and enters nothing.
    Raises Forbidden (403), ImportExists (409), UnsupportedMediaType (415), NotThatFile, TooManyToCheck (422).
    """
    reach = POLICY.reach(who, Act.IMPORT)
    file, rows = opened(stream, wanted.content_type)
    import_id, at = wanted.import_id or uuid7(), rt.clock.now()
    async with rt.db.transaction() as tx:
        added = await imports.add(
            tx, import_id, organisation_id=who.organisation, by=who.person, filename=wanted.filename,
            media_type=file.media_type, dry_run=wanted.dry_run, keeps_all=wanted.keeps_all,
            total_bytes=wanted.total_bytes, at=at,
        )  # fmt: skip
        if not added:
            raise ImportExists
        await audit.record(tx, who=who, act=Act.IMPORT, resource=f"/imports/{import_id}", outcome="granted", at=at)
        begun = await imports.get(tx, import_id)
    return await _run(rt, who, begun, file, _batches(rt, reach, file, rows, begun))


async def go_on(rt: Runtime, who: Caller, import_id: UUID, stream: AsyncIterator[bytes], wanted: Wanted) -> Import:
    """Go on with an import that was broken off: the same file from its beginning, of which the first rows are known.

    Raises UnknownImport (404); Forbidden (403); ImportOver, ImportRunning, OtherFile, ImportTakenOver (409);
    UnsupportedMediaType (415); NotThatFile (422).
    """
    at = rt.clock.now()
    async with rt.db.transaction() as tx:
        known = await imports.get(tx, import_id)
        POLICY.require(who, Act.READ_IMPORT, known)
        reach = POLICY.reach(who, Act.IMPORT)
        if known.status == "done" or known.dry_run:
            raise ImportOver(status="a dry run" if known.dry_run else known.status)
        if known.status == "running" and at - known.changed_at <= QUIET:
            raise ImportRunning(wait_s=int(QUIET.total_seconds()))
        file, rows = opened(stream, wanted.content_type)
        if file.media_type != known.media_type:
            raise UnsupportedMediaType(accepted=known.media_type)
        begun = await imports.take_over(tx, known, wanted.total_bytes, at)
        if begun is None:
            raise ImportRunning(wait_s=int(QUIET.total_seconds()))
        await audit.record(tx, who=who, act=Act.IMPORT, resource=f"/imports/{import_id}", outcome="granted", at=at)
    return await _run(rt, who, begun, file, _batches(rt, reach, file, rows, begun))


async def _run(rt: Runtime, who: Caller, begun: Import, file: File, batches: AsyncIterator[Batch]) -> Import:
    status = "interrupted"
    try:
        await _enter(rt, who, begun, batches)
        status = "done"
    except ClientDisconnect:
        pass  # nobody is there to be told; the record says it
    finally:
        async with rt.db.transaction() as tx:
            await imports.finish(
                tx, begun.id, begun.run, status, rt.clock.now(), read=file.bytes_read, charset=file.charset.name,
                recognised=file.charset.recognised,
            )  # fmt: skip
    async with rt.db.connection() as tx:
        return await imports.get(tx, begun.id)


async def _enter(rt: Runtime, who: Caller, begun: Import, batches: AsyncIterator[Batch]) -> None:
    """Write one batch while the next is read."""
    seen = Seen() if begun.dry_run else None
    writing: Awaitable[None] = asyncio.sleep(0)
    try:
        async for batch in batches:
            await writing
            writing = asyncio.create_task(_write(rt, who, begun, batch, seen))
    finally:
        await writing


async def _batches(
    rt: Runtime, reach: Reach, file: File, rows: AsyncIterator[Row], begun: Import
) -> AsyncIterator[Batch]:
    records: list[Record] = []
    results: list[Result] = []
    digest = hashlib.sha256()
    last, checked = begun.next_row - 1, 0

    def batch() -> Batch:
        charset = file.charset
        mark = Mark(last + 1, digest.copy().digest(), file.bytes_read, charset.name, charset.recognised)
        return Batch(records, results, mark)

    proven = begun.next_row == 1
    async for row in rows:
        if row.number % TURN == 0:
            await asyncio.sleep(0)
        if not proven and row.number >= begun.next_row:
            proven = _require_same(digest.digest(), begun)
        digest.update(row.raw)
        digest.update(b"\n")
        if not row.raw.strip() and row.fault is None:
            continue
        if file.read is None:
            file.begun(row)
            continue
        if not proven:
            continue
        last, checked = row.number, checked + 1
        _take(rt, reach, file, row, records, results)
        if len(records) + len(results) >= BATCH:
            yield batch()
            records, results = [], []
        if begun.dry_run and checked > MOST_CHECKED:
            raise TooManyToCheck.field("body", f"row {row.number} is beyond what is checked", most=MOST_CHECKED)
    if not proven:
        _require_same(digest.digest(), begun)
    if records or results:
        yield batch()


def _require_same(digest: bytes, begun: Import) -> bool:
    """The rows that are taken already are the first of this file, too. Raises OtherFile."""
    if digest != begun.taken_hash:
        raise OtherFile(next_row=begun.next_row)
    return True


def _take(
    rt: Runtime, reach: Reach, file: File, row: Row, records: list[Record], results: list[Result]
) -> None:  # fmt: skip
    record: Mapping[str, Any] = {}
    try:
        if file.read is None:
            raise TypeError("a row came before it was known how to read it")
        record = file.read(row)
        records.append(check(row, record, rt.rules, reach))
    except Rejected as error:
        given = record.get(error.field) if error.field else None
        results.append(import_batch.result_of(row, error, None if given is None else str(given)))


async def _write(rt: Runtime, who: Caller, begun: Import, batch: Batch, seen: Seen | None) -> None:
    for attempt in range(1, TRIES + 1):
        try:
            async with rt.db.transaction() as tx:
                if seen is not None:
                    await import_batch.try_out(rt, tx, who, begun, batch.records, batch.results, batch.mark, seen)
                else:
                    await import_batch.write(rt, tx, who, begun, batch.records, batch.results, batch.mark)
                return
        except (asyncpg.UniqueViolationError, asyncpg.DeadlockDetectedError, TryAgain):
            # Somebody registered one of these names, numbers or addresses meanwhile: look again, and it is a rejection.
            if attempt == TRIES:
                raise


async def get(rt: Runtime, who: Caller, import_id: UUID) -> Import:
    """One import, for the organisation that sent it. Raises UnknownImport (404), Forbidden (403).

    One whose process was killed says ``running`` in its row for ever: without a batch for so long it is interrupted.
    """
    async with rt.db.connection() as tx:
        found = await imports.get(tx, import_id)
    POLICY.require(who, Act.READ_IMPORT, found)
    if found.status == "running" and rt.clock.now() - found.changed_at > SILENT:
        return replace(found, status="interrupted")
    return found
