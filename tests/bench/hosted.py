"""What providers host, at the size of a country: a list taken in, put beside the register, and a thousand questions."""

import json
import random
import tempfile
import time
from pathlib import Path
from typing import Any, Final

import asyncpg

from local_stack.postgres import EmbeddedPostgres
from registry import heard
from registry.consumer import DEADLINES
from registry.main import SERVICE
from registry.service import reconciling
from registry.service.inventories import hash_of
from registry.store import inventories
from shared.contracts.access import ProviderRecordedV1
from shared.runtime.acts import deadlines
from shared.runtime.acts.runtime import Runtime
from shared.runtime.clocks.ticks import TickWorker
from shared.runtime.db import migrations
from shared.runtime.process.app import spare_collector
from shared.signing import Signer, generate_key
from tests.bench.register import BEGAN, FILL, PROVIDER
from tests.bench.result import Result, at_least, percentile
from tests.support.fixtures import seed_directory
from tests.support.service import Api, running_service

SITES: Final = {"small": 50_000, "full": 5_000_000}
BATCHES: Final = {"small": 20, "full": 200}
"""That are sent through the door; the rest of the list is put into its table as they would be."""
ASKED: Final = {"small": 20, "full": 100}
RECORDS: Final = 1_000
DIFFER: Final = 1_000
"""One name in so many is not in the register."""
RECONCILE_S, PREFLIGHT_MS = 600.0, 200.0
WHO: Final = ("host", {"organisation": str(PROVIDER), "roles": ["access_provider"]})
LIST: Final = """
INSERT INTO hosted (provider_id, first_batch, host, above, ips, number, hosting_mode)
SELECT $2, $3, host, ARRAY[host], ARRAY['198.' || (18 + n % 2) || '.' || (n / 256 % 256) || '.' || (n % 256)],
       '京ICP备' || (90000000 + n) || '号', 'virtual_host'
  FROM generate_series($4::bigint, $1::bigint) n,
       LATERAL (SELECT CASE WHEN n % 1000 = 0 THEN 'u' ELSE 's' END || n || '.example' AS host) AS named
"""
PATIENTLY: Final = "SET LOCAL statement_timeout = 0"
LONGEST_S: Final = 1_800.0
AS_ONE_PASS: Final = ("SET LOCAL enable_nestloop = off", "SET LOCAL work_mem = '256MB'")
# Every name beside its site and where that is hosted, in one pass, with nothing written.
FLOOR: Final = """
SELECT count(*) FROM hosted h JOIN claim c ON c.domain = h.host AND c.status = 'live'
  JOIN site s ON s.id = c.site_id JOIN registration r ON r.id = s.registration_id AND r.number = h.number
  JOIN access a ON a.site_id = s.id AND a.provider_id = h.provider_id AND h.ips <@ a.ips
"""


async def run(size: str) -> list[Result]:
    """Fill a register and a provider's list, and measure."""
    with tempfile.TemporaryDirectory() as folder:
        postgres = EmbeddedPostgres(Path(folder) / "postgres")
        postgres.start()
        try:
            return await _measured(postgres, folder, size)
        finally:
            postgres.stop()


async def _measured(postgres: EmbeddedPostgres, folder: str, size: str) -> list[Result]:
    count, dsn = SITES[size], await postgres.ensure_database("hosted")
    if SERVICE.migrations is None:
        raise LookupError("the registry has no migrations")
    await migrations.upgrade(dsn, SERVICE.migrations)
    await seed_directory(dsn)
    connection = await asyncpg.connect(dsn)
    for statement in FILL[:5]:  # without the past of each site
        await connection.execute(statement, count, BEGAN)
    await connection.execute("VACUUM ANALYZE operator, registration, site, claim, access")
    await connection.close()
    settings: dict[str, Any] = {"signing_keys_file": Path(folder) / "keys.json", "signing_keys_generate": True}
    settings |= {"identity_key": "k" * 40, "preflight_per_hour": 10**9}
    async with running_service(SERVICE, dsn, **settings) as api:
        async with api.rt.db.transaction() as tx:
            fact = ProviderRecordedV1.model_validate(ProviderRecordedV1.EXAMPLE)
            await heard.providers_recorded(api.rt, tx, [fact])
        spare_collector()
        return [await _preflights(api, count, size), await _taken(api, size), await _reconciled(api.rt, count)]


def _record(n: int) -> dict[str, Any]:
    kind = "u" if n % DIFFER == 0 else "s"
    ip = f"198.{18 + n % 2}.{n // 256 % 256}.{n % 256}"
    return {"host": f"{kind}{n}.example", "ips": [ip], "number": f"京ICP备{90000000 + n}号"}


async def _taken(api: Api, size: str) -> Result:
    """The beginning of a list through the door, a batch after another; floor: the same rows by COPY alone."""
    batches, began = BATCHES[size], time.perf_counter()
    for place in range(batches):
        records = [_record(place * RECORDS + n + 1) for n in range(RECORDS)]
        body = {"sequence": place + 1, "records": records}
        answer = await api.post(f"/inventories/{PROVIDER}/batches", json=body, who=WHO, timeout=60)
        if answer.status_code != 200 or answer.json()["taken"] != RECORDS:
            raise AssertionError(answer.text[:500])
    rate = batches * RECORDS / (time.perf_counter() - began)
    began = time.perf_counter()
    for place in range(batches):
        rows = [(PROVIDER, -1, f"f{place}-{n}.example", ["x"], ["198.18.0.1"], "virtual_host") for n in range(RECORDS)]
        columns = ("provider_id", "first_batch", "host", "above", "ips", "hosting_mode")
        async with api.rt.db.transaction() as tx:
            await tx.copy_records_to_table("hosted", records=rows, columns=columns)
    floor = batches * RECORDS / (time.perf_counter() - began)
    async with api.rt.db.transaction() as tx:
        await tx.execute("DELETE FROM hosted WHERE first_batch = -1")
    note = f"{batches} batches of {RECORDS:,} through the HTTP door, one after the other; floor: COPY of such rows"
    return at_least("inventory records taken", rate, "/s", floor, absolute=5_000, note=note)


async def _reconciled(rt: Runtime, count: int) -> Result:
    """The rest of the list, its closing, and every step of the look until it is over."""
    async with rt.db.transaction() as tx:
        await tx.execute(PATIENTLY)
        known = await inventories.get(tx, PROVIDER)
        if known is None:
            raise AssertionError("nothing was sent")
        sent = await inventories.batches(tx, PROVIDER, 1)
        have = sum(each.records for each in sent)
        await tx.execute(LIST, count, PROVIDER, 1, have + 1, timeout=LONGEST_S)
        closing = inventories.Batch(known.next_sequence, 1, b"", 0, closes=True, refused=[])
        await inventories.close(tx, known, closing, hash_of(sent), (), rt.clock.now())
        await tx.execute("ANALYZE hosted")
        await deadlines.start_in(tx, reconciling.RECONCILE, PROVIDER, 0, at=rt.clock.now())
    worker = TickWorker(rt, {reconciling.RECONCILE: DEADLINES[reconciling.RECONCILE]})
    began, steps = time.perf_counter(), 0
    while await worker.tick():
        steps += 1
    took = time.perf_counter() - began
    async with rt.db.transaction() as tx:
        for each in (PATIENTLY, *AS_ONE_PASS):
            await tx.execute(each)
        found = await tx.fetchval("SELECT count(*) FROM hosted_finding WHERE kind = 'unregistered'")
        whole = await tx.fetchval("SELECT reconciled_at FROM inventory WHERE provider_id = $1", PROVIDER)
        others = await tx.fetchval("SELECT count(*) FROM hosted_finding WHERE kind <> 'unregistered'")
        began = time.perf_counter()
        agree = await tx.fetchval(FLOOR, timeout=LONGEST_S)
        floor = time.perf_counter() - began
    if whole is None or others or (found, agree) != (count // DIFFER, count - count // DIFFER):
        raise AssertionError(f"{found} found, {others} more, {agree} agree of {count}, over: {whole}")
    note = f"{count:,} records, {found:,} findings told, {steps} steps; floor: one join of the same tables"
    most = RECONCILE_S * count / SITES["full"]
    return Result("reconciliation", took, "s", floor, took / floor, f"≤ {RECONCILE_S:g} s for 5 M", took <= most, note)


async def _preflights(api: Api, count: int, size: str) -> Result:
    """Batches of a thousand questions; after each the floor: a thousand such payloads signed, and nothing else."""
    chance, signer = random.Random(7), Signer(generate_key("floor"))
    took, floors = list[float](), list[float]()
    for turn in range(ASKED[size] + 1):
        body = {"questions": [_record(chance.randint(1, count)) for _ in range(RECORDS)]}
        began = time.perf_counter()
        answer = await api.post("/preflight/batch", json=body, who=WHO, timeout=60)
        spent = (time.perf_counter() - began) * 1000
        if answer.status_code != 200 or answer.json()["refused"]:
            raise AssertionError(answer.text[:500])
        payloads = [json.dumps(each).encode() for each in body["questions"]]
        began = time.perf_counter()
        for payload in payloads:
            signer.raw(payload)
        if turn:  # the first one warms up
            took.append(spent)
            floors.append((time.perf_counter() - began) * 1000)
    p99, floor = percentile(took, 0.99), percentile(floors, 0.99)
    note = f"{ASKED[size]} batches of {RECORDS:,} through the HTTP door, among {count:,} sites; floor: signatures"
    goal = f"≤ {PREFLIGHT_MS:g} ms"
    return Result("preflight batch p99", p99, "ms", floor, p99 / floor, goal, p99 <= PREFLIGHT_MS, note)
