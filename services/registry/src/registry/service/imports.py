"""Imports: existing registrations entered from a stream, in batches that go in whole; a second run changes nothing."""

from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from uuid import UUID

import asyncpg
import orjson
from starlette.requests import ClientDisconnect

from registry.errors import UnknownImport
from registry.policy import POLICY, Act
from registry.records_in import Line, Record, Rejected, Rejection, check, csv_reader, lines, read_json, rows
from registry.service.import_batch import write_batch
from registry.store import imports as import_store
from shared.rules import Level
from shared.runtime.acts import audit
from shared.runtime.acts.runtime import Runtime
from shared.runtime.base.context import Caller
from shared.runtime.base.ids import uuid7
from shared.runtime.base.problems import UnsupportedMediaType

NDJSON: Final = "application/x-ndjson"
CSV: Final = "text/csv"
BATCH: Final = 1000
TRIES: Final = 5


@dataclass(frozen=True, slots=True)
class Import:
    """How an import stands."""

    id: UUID
    started_by: str
    filename: str | None
    status: str
    records: int
    accepted: int
    unchanged: int
    rejected: int
    started_at: datetime
    changed_at: datetime


async def run(
    rt: Runtime, who: Caller, stream: AsyncIterator[bytes], content_type: str, filename: str | None
) -> Import:
    """Enter every valid record of the stream; the others are kept with the reason. Raises UnsupportedMediaType.

    If the sender breaks off, whole batches are in, and sending the file again completes it.
    """
    POLICY.require(who, Act.IMPORT)
    media_type = content_type.partition(";")[0].strip().lower()
    if media_type not in {NDJSON, CSV}:
        raise UnsupportedMediaType(accepted=f"{NDJSON} or {CSV}")
    import_id, now = uuid7(), rt.clock.now()
    async with rt.db.transaction() as tx:
        await tx.execute(import_store.INSERT_IMPORT, import_id, who.subject, filename, now)
        await audit.record(tx, who=who, act="import", resource=f"import/{import_id}", outcome="granted", at=now)
    status = "interrupted"
    try:
        await _enter(rt, who, import_id, stream, csv=media_type == CSV)
        status = "done"
    except ClientDisconnect:
        pass  # nobody is there to be told; the record says it
    finally:
        async with rt.db.transaction() as tx:
            await tx.execute(import_store.FINISH, import_id, status, rt.clock.now())
    return await _existing(rt, import_id)


async def _enter(rt: Runtime, who: Caller, import_id: UUID, stream: AsyncIterator[bytes], *, csv: bool) -> None:
    region = None if who.level is Level.NATIONAL else who.region or ""
    read: Callable[[Line], Mapping[str, Any]] | None = None if csv else read_json
    records: list[Record] = []
    rejections: list[Rejection] = []
    async for line in rows(stream) if csv else lines(stream):
        if not line.raw.strip():
            continue
        try:
            if read is None:
                read = csv_reader(line)
                continue
            records.append(check(line, read(line), rt.rules, region))
        except Rejected as error:
            rejections.append(Rejection.of(line, error))
        if len(records) + len(rejections) >= BATCH:
            await _write(rt, who, import_id, records, rejections)
            records, rejections = [], []
    if records or rejections:
        await _write(rt, who, import_id, records, rejections)


async def _write(rt: Runtime, who: Caller, import_id: UUID, records: list[Record], rejections: list[Rejection]) -> None:
    for attempt in range(1, TRIES + 1):
        try:
            async with rt.db.transaction() as tx:
                await write_batch(rt, tx, who, import_id, records, rejections)
                return
        except (asyncpg.UniqueViolationError, asyncpg.DeadlockDetectedError):
            # Somebody registered one of these domains or numbers meanwhile: look again, and it is a rejection.
            if attempt == TRIES:
                raise


async def get(rt: Runtime, who: Caller, import_id: UUID) -> Import:
    """One import. Raises UnknownImport."""
    POLICY.require(who, Act.IMPORT)
    return await _existing(rt, import_id)


async def _existing(rt: Runtime, import_id: UUID) -> Import:
    async with rt.db.connection() as tx:
        row = await tx.fetchrow(import_store.GET_IMPORT, import_id)
    if row is None:
        raise UnknownImport(import_id=import_id)
    return Import(**dict(row))


async def results(rt: Runtime, import_id: UUID) -> AsyncIterator[bytes]:
    """The rejected records as NDJSON, in the order of the file."""
    last = 0
    while True:
        async with rt.db.connection() as tx:
            found = await tx.fetch(import_store.RESULTS, import_id, last)
        if not found:
            return
        yield b"".join(orjson.dumps(dict(row)) + b"\n" for row in found)
        last = found[-1]["line"]
