"""Complaints through the HTTP door: how long each takes while many come, and whether they are merged rightly."""

import asyncio
import random
import tempfile
import time
from collections.abc import Awaitable, Callable
from http import HTTPStatus
from pathlib import Path
from typing import Any, Final

import asyncpg

from enforcement import heard
from enforcement.main import SERVICE
from local_stack.postgres import EmbeddedPostgres
from shared.contracts.http.complaints import NewComplaint
from shared.contracts.registry import SiteRecordedV1
from shared.runtime.base.ids import uuid7
from shared.runtime.db import migrations
from shared.runtime.process.app import spare_collector
from tests.bench.result import Result, percentile
from tests.bench.served import Served, served
from tests.bench.wire import Refused, Wire
from tests.support.fixtures import seed_directory
from tests.support.service import Api, running_service

RATES: Final = {"small": 100, "full": 500}
"""Complaints a second; a small run is for a machine that others use."""
SECONDS: Final = {"small": 5, "full": 30}
SITES: Final = {"small": 50, "full": 2_000}
CROWD: Final = 0.2
"""Of all complaints, the share that is about one site."""
MOST_MS: Final = 200.0
WARMING: Final = 60
GROUNDS: Final = ("unlawful_medicines", "fraud")
POOL: Final = 20
AT_ONCE: Final = 250
"""Connections at most: a flood of new ones would be refused by the system, not by the service."""
FLOOR: Final = "INSERT INTO floor (said) VALUES ($1)"
# Matters that are open beside another one of the same site and ground.
SPLIT: Final = "SELECT count(*) - count(DISTINCT (key, ground)) FROM matter"
STRAYS: Final = """
SELECT count(*) FROM complaint JOIN matter ON matter.id = matter_id JOIN site ON site.site_id = matter.site_id
 WHERE right(complaint.host, length(site.domains[1])) <> site.domains[1]
"""


async def run(size: str) -> list[Result]:
    """The p99 of a complaint at so many a second, beside that of as many single INSERTs; and what was merged wrong."""
    with tempfile.TemporaryDirectory() as folder:
        postgres = EmbeddedPostgres(Path(folder) / "postgres")
        postgres.start()
        try:
            dsn = await postgres.ensure_database("enforcement")
            if SERVICE.migrations is None:
                raise LookupError("enforcement has no migrations")
            await migrations.upgrade(dsn, SERVICE.migrations)
            await seed_directory(dsn)
            settings: dict[str, Any] = {
                "signing_keys_file": Path(folder) / "keys.json", "signing_keys_generate": True,
                "evidence_store": Path(folder) / "evidence", "complaints_per_source": 1_000_000,
                "complaints_per_name": 1_000_000, "identity_key": "k" * 40,
            }  # fmt: skip
            async with running_service(SERVICE, dsn, **settings) as api:
                await _sites(api, SITES[size])
            spare_collector()
            async with asyncpg.create_pool(dsn, min_size=POOL, max_size=POOL) as pool:
                floor = await _floor(pool, size)
                with served("enforcement", dsn, **settings, database_pool=POOL) as server:
                    return await _complaints(pool, server, size, floor)
        finally:
            postgres.stop()


async def _sites(api: Api, count: int) -> None:
    example = SiteRecordedV1.EXAMPLE
    facts = [
        SiteRecordedV1.model_validate({**example, "site_id": uuid7(), "domains": [f"bench-{n}.example"]})
        for n in range(count)
    ]
    async with api.rt.db.transaction() as tx:
        await heard.sites_recorded(api.rt, tx, facts)


async def _paced(rate: int, total: int, one: Callable[[int], Awaitable[None]]) -> tuple[list[float], float]:
    """Begin so many a second, whether the ones before are done or not; how long each took in ms, and all in seconds.

    Each counts from when it was due, so that whatever waits here for others waits in the figure.
    """
    took: list[float] = []

    async def timed(n: int, due: float) -> None:
        await one(n)
        took.append((time.perf_counter() - due) * 1000)

    began, tasks = time.perf_counter(), []
    for n in range(total):
        due = began + n / rate
        if (ahead := due - time.perf_counter()) > 0:
            await asyncio.sleep(ahead)
        tasks.append(asyncio.create_task(timed(n, due)))
    await asyncio.gather(*tasks)
    return took, time.perf_counter() - began


async def _floor(pool: "asyncpg.Pool[Any]", size: str) -> float:
    """One row in one transaction, as often: what cannot be faster here."""
    await pool.execute("CREATE TABLE floor (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, said text NOT NULL)")

    async def one(n: int) -> None:
        await pool.execute(FLOOR, f"{n} " * 20)

    took, _ = await _paced(RATES[size], RATES[size] * SECONDS[size], one)
    return percentile(took, 0.99)


async def _complaints(pool: "asyncpg.Pool[Any]", server: Served, size: str, floor: float) -> list[Result]:
    total, chance = RATES[size] * SECONDS[size], random.Random(1)
    about = [(0 if chance.random() < CROWD else chance.randrange(SITES[size]), chance.choice(GROUNDS))
             for _ in range(total)]  # fmt: skip
    everybody, refused, room = Wire(None, server.url), list[int](), asyncio.Semaphore(AT_ONCE)

    async def one(n: int) -> None:
        site, ground = about[n]
        spelling = (f"bench-{site}.example", f"WWW.Bench-{site}.example.", f"a.b.bench-{site}.EXAMPLE")[n % 3]
        said = NewComplaint(host=spelling, ground=ground, text=f"They cheated me, and this is number {n}.")
        try:
            async with room:
                await everybody.post("/complaints", said)
        except Refused as error:
            if error.status != HTTPStatus.SERVICE_UNAVAILABLE:
                raise
            refused.append(n)

    await asyncio.gather(*(one(-n) for n in range(1, WARMING + 1)))  # connections are opened, statements prepared
    await pool.execute("DELETE FROM complaint")
    refused.clear()
    before = server.cpu_s()
    took, seconds = await _paced(RATES[size], total, one)
    spent, taken = server.cpu_s() - before, total - len(refused)
    everybody.close()
    longest, rate, least = percentile(took, 0.99), taken / seconds, RATES[size] * 0.98
    kept = await pool.fetchval("SELECT count(*) FROM complaint")
    merged = await pool.fetchval("SELECT count(*) FROM matter")
    wrong = abs(kept - taken) + await pool.fetchval(SPLIT) + await pool.fetchval(STRAYS)
    note = (
        f"{taken:,} of {total:,} at {RATES[size]}/s in {seconds:.1f} s, {len(refused):,} answered 503; p50"
        f" {percentile(took, 0.5):.1f} ms, {spent / total * 1000:.2f} ms of the service's core each;"
        " service, client and database on one machine"
    )
    goal, holds = f"≤ {MOST_MS:,.0f} ms", longest <= MOST_MS
    return [
        Result("complaint p99", longest, "ms", floor, longest / floor, goal, holds, note),
        Result("complaints taken in", rate, "/s", goal=f"≥ {least:,.0f}", holds=rate >= least, note=note),
        Result("complaints merged wrongly", wrong, "", goal="0", holds=wrong == 0,
               note=f"{merged:,} matters of {len(set(about)):,} sites and grounds, in three spellings each"),
    ]  # fmt: skip
