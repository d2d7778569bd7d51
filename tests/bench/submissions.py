"""Batches of applications through the HTTP door: a thousand records, with a result for each."""

import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final
from uuid import uuid4

from local_stack.postgres import EmbeddedPostgres
from registry import heard
from registry.main import SERVICE
from shared.contracts.access import ProviderRecordedV1
from shared.rules.identifiers import uscc_with_check_digit
from shared.runtime.db import migrations
from shared.runtime.process.app import spare_collector
from tests.bench.result import Result, percentile
from tests.support.fixtures import seed_directory
from tests.support.service import Api, running_service

BATCHES: Final = {"small": 10, "full": 100}
RECORDS: Final = 1_000
MOST_MS: Final = 1000.0
PROVIDER: Final = uuid4()
FILL: Final = """
INSERT INTO operator (id, identity, document, kind, region, particulars, address, entered_by, created_at, changed_at)
SELECT id, identity, 'credit_code', 'company', '110000', '{"name": "Example"}', '{}', 'bench', now(), now()
  FROM unnest($1::uuid[], $2::text[]) AS given (id, identity)
"""
NUMBERS: Final = """
INSERT INTO registration (id, operator_id, kind, level, region, status, number, last_ordinal, submitted_by,
                          submitted_at, changed_at)
SELECT id, id, 'licence', 'province', '110000', 'active', 'bench-' || id, 0, 'bench', now(), now()
  FROM unnest($1::uuid[]) AS given (id)
"""


async def run(size: str) -> list[Result]:
    """The p99 of a batch, of new filings by the regulator and of further sites by one operator."""
    with tempfile.TemporaryDirectory() as folder:
        postgres = EmbeddedPostgres(Path(folder) / "postgres")
        postgres.start()
        try:
            dsn = await postgres.ensure_database("registry")
            if SERVICE.migrations is None:
                raise LookupError("the registry has no migrations")
            await migrations.upgrade(dsn, SERVICE.migrations)
            await seed_directory(dsn)
            keys: dict[str, Any] = {"signing_keys_file": Path(folder) / "keys.json", "signing_keys_generate": True}
            async with running_service(SERVICE, dsn, identity_key="k" * 40, **keys) as api:
                fact = ProviderRecordedV1.model_validate({**ProviderRecordedV1.EXAMPLE, "provider_id": PROVIDER})
                async with api.rt.db.transaction() as tx:
                    await heard.providers_recorded(api.rt, tx, [fact])
                spare_collector()
                count = BATCHES[size]
                return [await _filings(api, count), await _further(api, count)]
        finally:
            postgres.stop()


async def _filings(api: Api, count: int) -> Result:
    """The regulator files for a thousand operators."""
    ids = [uuid4() for _ in range((count + 1) * RECORDS)]
    async with api.rt.db.transaction() as tx:
        await tx.execute(FILL, ids, [uscc_with_check_digit(f"91110000{n:09d}") for n in range(len(ids))])
    record = lambda n: {"operator_id": str(ids[n]), "kind": "filing", "site": _site("f", n)}  # noqa: E731
    return await _measured(api, "batch of filings p99", count, record, "regulator-a")


async def _further(api: Api, count: int) -> Result:
    """An operator adds a thousand sites, each batch under a number of its own."""
    numbers = [uuid4() for _ in range(count + 1)]
    async with api.rt.db.transaction() as tx:
        await tx.execute(FILL, numbers, [f"C{n:017d}" for n in range(len(numbers))])
        await tx.execute(NUMBERS, numbers)
    record = lambda n: {"registration_id": str(numbers[n // RECORDS]), "site": _site("s", n)}  # noqa: E731
    return await _measured(api, "batch of sites p99", count, record, "regulator-a")


async def _measured(api: Api, name: str, count: int, record: Callable[[int], dict[str, Any]], who: str) -> Result:
    took = []
    for turn in range(count + 1):
        body = {"records": [record(turn * RECORDS + n) for n in range(RECORDS)]}
        began = time.perf_counter()
        answer = await api.post("/submissions", json=body, who=who, timeout=60)
        if turn:  # the first one warms up
            took.append((time.perf_counter() - began) * 1000)
        if answer.status_code != 200 or answer.json()["submitted"] != RECORDS:
            raise AssertionError(answer.text[:500])
    longest = percentile(took, 0.99)
    note = f"{count} batches of {RECORDS:,} records through the HTTP door, each on its desk, with every result"
    return Result(name, longest, "ms", goal=f"≤ {MOST_MS:,.0f} ms", holds=longest <= MOST_MS, note=note)


def _site(kind: str, n: int) -> dict[str, Any]:
    hosted = {"provider_id": str(PROVIDER), "ips": [f"198.18.{n // 256 % 256}.{n % 256}"]}
    return {"name": "Example", "domains": [f"{kind}{n}.example"], "accesses": [hosted]}
