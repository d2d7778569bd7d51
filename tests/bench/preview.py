"""The impact preview at the size of a country: whom a decision touches whose site shares its address with ten thousand.

The floor, of the same run: as many rows read by their keys as a preview lists, with all that a preview says of each.
"""

import os
import tempfile
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, Final
from uuid import UUID

import asyncpg
import orjson

from enforcement.main import SERVICE
from enforcement.service import preview
from enforcement.store.cases import Case
from local_stack.postgres import EmbeddedPostgres
from shared.contracts.registry import SiteRecordedV1
from shared.contracts.subjects import Neighbour
from shared.rules import Effect
from shared.runtime.acts.runtime import Runtime
from shared.runtime.db import migrations
from tests.bench.result import Result, percentile
from tests.support.fixtures import seed_directory
from tests.support.service import running_service

SITES: Final = {"small": 200_000, "full": 5_000_000}
SHARING: Final = 10_000
"""Sites on one address, scattered over the whole table."""
ASKED: Final = 200
MOST_MS: Final = 50.0
SHARED: Final = "198.18.0.1"
INDEXES: Final = ("site_of_operator", "site_by_domain", "site_by_registrable", "site_by_address")
_ID: Final = "('01900000-0000-7000-8003-' || lpad(to_hex(n), 12, '0'))::uuid"
FILL: Final = f"""
INSERT INTO site (site_id, version, status, record, operator_id, region, level, domains, registrables, ips, changed_at)
SELECT {_ID}, 1, 'live',
       jsonb_set($2::jsonb, '{{accesses,0,ips,0}}', to_jsonb(ip))
         || jsonb_build_object('site_id', {_ID}, 'number', '京ICP备' || n || '号', 'domains', jsonb_build_array(name)),
       {_ID}, '110000', 'province', ARRAY[name], ARRAY[name], ARRAY[ip], now()
  FROM (SELECT n, CASE WHEN n % 5000 = 0 THEN 's' || n || '.hospital.example' ELSE 's' || n || '.example' END AS name,
               CASE WHEN n % ($1::bigint / {SHARING}) = 0 THEN '{SHARED}'
                    ELSE '198.19.' || n / 250 % 256 || '.' || n % 250 END AS ip
          FROM generate_series(1, $1::bigint) n) AS given
"""
FLOOR: Final = """
SELECT site_id, record->>'number' AS number, record->>'name' AS name, domains, ips FROM site
 WHERE site_id = ANY ($1) ORDER BY site_id
"""


async def run(size: str) -> list[Result]:
    """The p99 of a preview at a shared address, and of one where nobody shares it."""
    with tempfile.TemporaryDirectory() as folder:
        postgres = EmbeddedPostgres(Path(folder) / "postgres")
        postgres.start()
        try:
            dsn = await postgres.ensure_database("enforcement")
            if SERVICE.migrations is None:
                raise LookupError("enforcement has no migrations")
            await migrations.upgrade(dsn, SERVICE.migrations)
            await seed_directory(dsn)
            await _fill(dsn, SITES[size])
            await _written(postgres.admin_dsn)
            keys: dict[str, Any] = {"signing_keys_file": Path(folder) / "keys.json", "signing_keys_generate": True}
            async with running_service(SERVICE, dsn, evidence_store=Path(folder) / "evidence", **keys) as api:
                return await _measured(api.rt, SITES[size])
        finally:
            postgres.stop()


async def _fill(dsn: str, count: int) -> None:
    """Sites by the million, the indexes afterwards; a vacuum, as there is one in a table that is a day old."""
    connection = await asyncpg.connect(dsn)
    try:
        made = [
            await connection.fetchval("SELECT indexdef FROM pg_indexes WHERE indexname = $1", name) for name in INDEXES
        ]
        for name in INDEXES:
            await connection.execute(f"DROP INDEX {name}")
        record = {**SiteRecordedV1.EXAMPLE, "accesses": [{**SiteRecordedV1.EXAMPLE["accesses"][0], "ips": [SHARED]}]}
        await connection.execute(FILL, count, orjson.dumps(record).decode(), timeout=7_200)
        await connection.execute("SET maintenance_work_mem = '512MB'")
        for index in made:
            await connection.execute(index, timeout=7_200)
        await connection.execute("VACUUM ANALYZE site", timeout=7_200)
        await connection.execute("VACUUM ANALYZE served_name", timeout=7_200)
    finally:
        await connection.close()


async def _written(admin_dsn: str) -> None:
    """What was filled is on disk: otherwise floor and preview alike wait for its pages to be written."""
    connection = await asyncpg.connect(admin_dsn)
    try:
        await connection.execute("CHECKPOINT", timeout=600)
    finally:
        await connection.close()
    os.sync()


async def _measured(rt: Runtime, count: int) -> list[Result]:
    step = count // SHARING
    shared, alone = UUID(int=_id(step)), UUID(int=_id(1))
    listed = [UUID(int=_id(step * n)) for n in range(2, 2 + preview.MOST_NEIGHBOURS)]
    busy, quiet = _case(shared), _case(alone)

    async def floor(tx: Any) -> None:
        rows = await tx.fetch(FLOOR, listed)
        found = [
            Neighbour(site_id=row["site_id"], number=row["number"], name=row["name"], hosts=tuple(row["domains"]),
                      shares=tuple(row["ips"]))
            for row in rows
        ]  # fmt: skip
        if len(found) != preview.MOST_NEIGHBOURS:
            raise AssertionError(len(found))

    async def of_busy(tx: Any) -> None:
        _, seen = await preview.of(tx, rt, busy, Effect.REVOKE)
        if (len(seen.neighbours), seen.neighbours_total) != (preview.MOST_NEIGHBOURS, SHARING - 1):
            raise AssertionError((len(seen.neighbours), seen.neighbours_total))

    async def of_quiet(tx: Any) -> None:
        await preview.of(tx, rt, quiet, Effect.REVOKE)

    least = await _timed(rt, floor)
    note = f"{count:,} sites, {SHARING:,} of them on the address; {preview.MOST_NEIGHBOURS} listed; {ASKED} previews"
    found = []
    for name, asked in (("preview, a shared address p99", of_busy), ("preview, an address of few p99", of_quiet)):
        took = await _timed(rt, asked)
        longest, shortest = percentile(took, 0.99), percentile(least, 0.99)
        found.append(Result(
            name, longest, "ms", shortest, longest / shortest, f"≤ {MOST_MS:.0f} ms", longest <= MOST_MS,
            f"{note}; median {percentile(took, 0.5):.1f} ms beside {percentile(least, 0.5):.1f} ms",
        ))  # fmt: skip
    return found


async def _timed(rt: Runtime, asked: Callable[[Any], Awaitable[None]]) -> list[float]:
    took = []
    for turn in range(ASKED + 5):
        async with rt.db.transaction() as tx:
            began = time.perf_counter()
            await asked(tx)
            if turn >= 5:  # the first ones warm up
                took.append((time.perf_counter() - began) * 1000)
    return took


def _id(n: int) -> int:
    return UUID(f"01900000-0000-7000-8003-{n:012x}").int


def _case(site_id: UUID) -> Case:
    """A case about a site, as far as a preview reads it."""
    fields: dict[str, Any] = dict.fromkeys(Case.__dataclass_fields__)
    return Case(**fields | {"site_id": site_id, "hosts": ()})
