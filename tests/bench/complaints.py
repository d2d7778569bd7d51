"""Complaints through the HTTP door: how long each takes while many come, and whether they are merged rightly."""

import asyncio
import random
import tempfile
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, Final

from enforcement import heard
from enforcement.main import SERVICE
from local_stack.postgres import EmbeddedPostgres
from shared.contracts.registry import SiteRecordedV1
from shared.runtime.base.ids import uuid7
from shared.runtime.db import migrations
from shared.runtime.process.app import spare_collector
from tests.bench.result import Result, percentile
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
FLOOR: Final = "INSERT INTO floor (said) VALUES ($1)"


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
                "evidence_path": Path(folder) / "evidence", "complaints_per_source": 1_000_000,
                "complaints_per_name": 1_000_000, "database_pool": 20,
            }  # fmt: skip
            async with running_service(SERVICE, dsn, **settings) as api:
                await _sites(api, SITES[size])
                spare_collector()
                floor = await _floor(api, size)
                return await _complaints(api, size, floor)
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
    """Begin so many a second, whether the ones before are done or not; how long each took in ms, and all in seconds."""
    took: list[float] = []

    async def timed(n: int) -> None:
        began = time.perf_counter()
        await one(n)
        took.append((time.perf_counter() - began) * 1000)

    began, tasks = time.perf_counter(), []
    for n in range(total):
        if (ahead := began + n / rate - time.perf_counter()) > 0:
            await asyncio.sleep(ahead)
        tasks.append(asyncio.create_task(timed(n)))
    await asyncio.gather(*tasks)
    return took, time.perf_counter() - began


async def _floor(api: Api, size: str) -> float:
    """One row in one transaction, as often: what cannot be faster here."""
    async with api.rt.db.transaction() as tx:
        await tx.execute("CREATE TABLE floor (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, said text NOT NULL)")

    async def one(n: int) -> None:
        async with api.rt.db.transaction() as tx:
            await tx.execute(FLOOR, f"{n} " * 20)

    took, _ = await _paced(RATES[size], RATES[size] * SECONDS[size], one)
    return percentile(took, 0.99)


async def _complaints(api: Api, size: str, floor: float) -> list[Result]:
    total, chance = RATES[size] * SECONDS[size], random.Random(1)
    about = [(0 if chance.random() < CROWD else chance.randrange(SITES[size]), chance.choice(GROUNDS))
             for _ in range(total)]  # fmt: skip

    taken: list[bool] = []

    async def one(n: int) -> None:
        site, ground = about[n]
        spelling = (f"bench-{site}.example", f"WWW.Bench-{site}.example.", f"a.b.bench-{site}.EXAMPLE")[n % 3]
        body = {"host": spelling, "ground": ground, "text": f"They cheated me, and this is number {n}."}
        answer = await api.post("/complaints", json=body, timeout=60)
        taken.append(answer.status_code == 201)
        if answer.status_code not in {201, 503}:
            raise AssertionError(answer.text[:500])

    await asyncio.gather(*(one(-n) for n in range(1, WARMING + 1)))  # connections are opened, statements prepared
    async with api.rt.db.transaction() as tx:
        await tx.execute("DELETE FROM complaint")
    taken.clear()
    took, seconds = await _paced(RATES[size], total, one)
    longest, rate, least = percentile(took, 0.99), sum(taken) / seconds, RATES[size] * 0.98
    async with api.rt.db.connection() as tx:
        kept = await tx.fetchval("SELECT count(*) FROM complaint")
        merged = await tx.fetchval("SELECT count(*) FROM matter")
        strays = await tx.fetchval(
            "SELECT count(*) FROM complaint JOIN matter ON matter.id = matter_id"
            " JOIN site ON site.site_id = matter.site_id"
            " WHERE right(complaint.host, length(site.domains[1])) <> site.domains[1]"
        )
    lost, twice = abs(kept - sum(taken)), await _split(api)
    wrong = lost + twice + strays
    note = (
        f"{sum(taken):,} of {total:,} at {RATES[size]}/s in {seconds:.1f} s, {total - sum(taken):,} answered 503;"
        " client, service and database on one machine, the first two in one process"
    )
    ratio = longest / floor
    return [
        Result("complaint p99", longest, "ms", floor, ratio, f"≤ {MOST_MS:,.0f} ms", longest <= MOST_MS, note),
        Result("complaints taken in", rate, "/s", goal=f"≥ {least:,.0f}", holds=rate >= least, note=note),
        Result("complaints merged wrongly", wrong, "", goal="0", holds=wrong == 0,
               note=f"{merged:,} matters of {len(set(about)):,} sites and grounds, in three spellings each"),
    ]  # fmt: skip


async def _split(api: Api) -> int:
    """Matters that are open beside another one of the same site and ground."""
    async with api.rt.db.connection() as tx:
        return int(await tx.fetchval("SELECT count(*) - count(DISTINCT (key, ground)) FROM matter"))
