"""Imports: existing registrations entered from a stream, in batches that go in whole; a second run changes nothing."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import replace
from datetime import timedelta
from typing import Any, Final, TypeAlias
from uuid import UUID

import asyncpg
from starlette.requests import ClientDisconnect

from registry.importing.records import FIELDS, Record, check
from registry.importing.rows import Rejected, Row, csv_reader, csv_rows, lines, read_json, utf8
from registry.policy import POLICY, Act
from registry.service import import_batch
from registry.store import imports
from registry.store.imports import Import, Result
from shared.runtime.acts import audit
from shared.runtime.acts.policy import Reach
from shared.runtime.acts.runtime import Runtime
from shared.runtime.base.context import Caller
from shared.runtime.base.ids import uuid7
from shared.runtime.base.problems import TryAgain, UnsupportedMediaType

NDJSON: Final = "application/x-ndjson"
CSV: Final = "text/csv"
BATCH: Final = 1000
SILENT: Final = timedelta(minutes=15)
"""Without a batch, after which nobody sends any more."""
TURN: Final = 50
"""Rows after which the others get their turn: other callers, and the batch that is being written."""
TRIES: Final = 5
_Batch: TypeAlias = tuple[list[Record], list[Result]]


async def run(
    rt: Runtime, who: Caller, stream: AsyncIterator[bytes], content_type: str, filename: str | None
) -> Import:
    """Enter every valid record of the stream; the others are kept with the reason. A transaction a batch.

    If the sender breaks off, whole batches are in, and sending the file again completes it.
    Raises Forbidden (403), UnsupportedMediaType (415), NotThatFile (422).
    """
    reach = POLICY.reach(who, Act.IMPORT)
    media_type, _, parameters = content_type.partition(";")
    media_type = media_type.strip().lower()
    if media_type not in {NDJSON, CSV}:
        raise UnsupportedMediaType(accepted=f"{NDJSON} or {CSV}")
    import_id, at = uuid7(), rt.clock.now()
    async with rt.db.transaction() as tx:
        await imports.add(tx, import_id, organisation_id=who.organisation, by=who.person, filename=filename, at=at)
        await audit.record(tx, who=who, act=Act.IMPORT, resource=f"/imports/{import_id}", outcome="granted", at=at)
    status = "interrupted"
    try:
        text = utf8(stream, _charset(parameters))
        await _enter(rt, who, import_id, _batches(rt, reach, text, csv=media_type == CSV))
        status = "done"
    except ClientDisconnect:
        pass  # nobody is there to be told; the record says it
    finally:
        async with rt.db.transaction() as tx:
            await imports.finish(tx, import_id, status, rt.clock.now())
    async with rt.db.connection() as tx:
        return await imports.get(tx, import_id)


def _charset(parameters: str) -> str:
    for parameter in parameters.split(";"):
        name, _, value = parameter.partition("=")
        if name.strip().lower() == "charset":
            return value
    return "utf-8"


async def _enter(rt: Runtime, who: Caller, import_id: UUID, batches: AsyncIterator[_Batch]) -> None:
    """Write one batch while the next is read."""
    writing: Awaitable[None] = asyncio.sleep(0)
    try:
        async for records, results in batches:
            await writing
            writing = asyncio.create_task(_write(rt, who, import_id, records, results))
    finally:
        await writing


async def _batches(rt: Runtime, reach: Reach, text: AsyncIterator[bytes], *, csv: bool) -> AsyncIterator[_Batch]:
    read: Callable[[Row], Mapping[str, Any]] | None = None if csv else read_json
    records: list[Record] = []
    results: list[Result] = []
    async for row in csv_rows(text) if csv else lines(text):
        if row.number % TURN == 0:
            await asyncio.sleep(0)
        if not row.raw.strip() and row.fault is None:
            continue
        try:
            if read is None:
                read = csv_reader(row, FIELDS)
                continue
            records.append(check(row, read(row), rt.rules, reach))
        except Rejected as error:
            results.append(import_batch.result_of(row, error))
        if len(records) + len(results) >= BATCH:
            yield records, results
            records, results = [], []
    if records or results:
        yield records, results


async def _write(rt: Runtime, who: Caller, import_id: UUID, records: list[Record], results: list[Result]) -> None:
    for attempt in range(1, TRIES + 1):
        try:
            async with rt.db.transaction() as tx:
                await import_batch.write(rt, tx, who, import_id, records, results)
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


async def results(rt: Runtime, import_id: UUID) -> AsyncIterator[bytes]:
    """What is to be said of its rows, as NDJSON, in the order of the file."""
    after = (0, 0)
    while True:
        async with rt.db.connection() as tx:
            found = await imports.results(tx, import_id, after)
        if not found:
            return
        yield b"".join(_line(result) for result in found)
        after = (found[-1].line, found[-1].place)


def _line(result: Result) -> bytes:
    said = {name: getattr(result, name) for name in ("line", "kind", "raw", "code", "field", "message")}
    return json.dumps(said, ensure_ascii=False).encode() + b"\n"
