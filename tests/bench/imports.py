"""The import against a raw COPY of the rows it writes."""

import tempfile
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import asyncpg

from concord import sample
from local_stack.postgres import EmbeddedPostgres
from registry import heard
from registry.main import SERVICE
from registry.service import import_results, imports
from registry.service.imports import Wanted
from shared.contracts.access import ProviderRecordedV1
from shared.runtime.acts.runtime import Runtime
from shared.runtime.db import migrations
from shared.runtime.process.app import spare_collector
from tests.bench.result import Result, at_least, percentile
from tests.support.people import person
from tests.support.service import running_service

SIZES = {"small": 10_000, "full": 100_000}
BATCHES = {"small": 10, "full": 100}
BATCH = 1000
MOST_MS = 1000.0
PROVIDER = uuid4()
TABLES = (
    "operator", "operator_version", "registration", "site", "site_version", "claim", "access", "history", "outbox",
)  # fmt: skip


async def run(size: str) -> list[Result]:
    """Records per second through the verb that POST /imports calls, validation and facts included."""
    count = SIZES[size]
    chunks = list(sample.ndjson(sample.records(count, provider_id=PROVIDER)))
    with tempfile.TemporaryDirectory() as folder:
        postgres = EmbeddedPostgres(Path(folder) / "postgres")
        postgres.start()
        try:
            dsn = await postgres.ensure_database("registry")
            if SERVICE.migrations is None:
                raise LookupError("the registry has no migrations")
            await migrations.upgrade(dsn, SERVICE.migrations)
            keys: dict[str, Any] = {"signing_keys_file": Path(folder) / "keys.json", "signing_keys_generate": True}
            async with running_service(SERVICE, dsn, identity_key="k" * 40, **keys) as api:
                await _know_provider(api.rt)
                rate = await _import(api.rt, chunks, count)
                longest = await _batches(api.rt, BATCHES[size])
            floor = await _copy(dsn, count)
        finally:
            postgres.stop()
    note = f"{count:,} records; floor: COPY of the same rows of {len(TABLES)} tables"
    batch = f"{BATCHES[size]} batches of {BATCH:,} records as POST /imports?all=true enters them, with every result"
    return [
        at_least("import", rate, "records/s", floor, share=0.25, absolute=3000, note=note),
        Result("import batch p99", longest, "ms", goal=f"≤ {MOST_MS:,.0f} ms", holds=longest <= MOST_MS, note=batch),
    ]


async def _know_provider(rt: Runtime) -> None:
    fact = ProviderRecordedV1.model_validate({**ProviderRecordedV1.EXAMPLE, "provider_id": PROVIDER})
    async with rt.db.transaction() as tx:
        await heard.providers_recorded(rt, tx, [fact])


async def _import(rt: Runtime, chunks: list[bytes], count: int) -> float:
    spare_collector()
    began = time.perf_counter()
    done = await imports.run(rt, person("regulator-a"), _stream(chunks), Wanted())
    took = time.perf_counter() - began
    if (done.accepted, done.rejected) != (count, 0):
        raise AssertionError(f"the import took {done.accepted} of {count} records")
    return count / took


async def _stream(chunks: list[bytes]) -> AsyncIterator[bytes]:
    for chunk in chunks:
        yield chunk


async def _batches(rt: Runtime, count: int) -> float:
    """The p99 of batches that are sent, entered and read back, each record with its number and site, in ms."""
    domains = (f"batch-{number}.example" for number in range(count * BATCH))  # others than those that are in already
    records = iter(sample.records(count * BATCH, provider_id=PROVIDER, seed=sample.SEED + 1, domains=domains))
    took = []
    for _ in range(count):
        chunks = list(sample.ndjson([next(records) for _ in range(BATCH)]))
        began = time.perf_counter()
        done = await imports.run(rt, person("regulator-a"), _stream(chunks), Wanted(keeps_all=True))
        told = [line async for part in import_results.ndjson(rt, done.id) for line in part.splitlines()]
        took.append((time.perf_counter() - began) * 1000)
        if (done.accepted, len(told)) != (BATCH, BATCH):
            raise AssertionError(f"of a batch of {BATCH} {done.accepted} went in, {len(told)} were told")
    return percentile(took, 0.99)


async def _copy(dsn: str, count: int) -> float:
    """The same rows into copies of the tables, with their indexes, one COPY each."""
    connection = await asyncpg.connect(dsn)
    took = 0.0
    for table in TABLES:
        await connection.execute(f"CREATE TABLE floor_{table} (LIKE {table} INCLUDING INDEXES)")
        rows = await connection.fetch(f"SELECT * FROM {table}")
        records = [tuple(row.values()) for row in rows]
        began = time.perf_counter()
        await connection.copy_records_to_table(f"floor_{table}", records=records)
        took += time.perf_counter() - began
    await connection.close()
    return count / took
