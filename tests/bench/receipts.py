"""Orders given out and receipts taken in: how fast, and what signing, countersigning and verifying cost of it.

The same work goes through the service in turns: as it is, and with every signature left out (64 zero bytes instead, and
whatever is read believed). What a provider's own signing takes is in neither. Then providers hand in what they have
carried out, several of them at once, each in large batches.
"""

import asyncio
import base64
import json
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final
from unittest.mock import patch

from access_control.main import SERVICE
from local_stack.postgres import EmbeddedPostgres
from shared.runtime.base.clock import FixedClock
from shared.runtime.db import migrations
from shared.runtime.process.app import spare_collector
from shared.signing import KeyRing, Signer, Verified, read_header
from tests.bench.result import Result, at_least, percentile
from tests.integration.access_control.desk import NOON, Desk, Host
from tests.support.fixtures import seed_directory
from tests.support.service import running_service

TURNS: Final = {"small": 6, "full": 40}
"""Of each kind, signed and unsigned."""
ORDERS: Final = 25
"""In one turn, and one document with as many receipts."""
PROVIDERS: Final = {"small": (4, 100), "full": (30, 500)}
"""That hand in at the end, and orders that each has carried out."""
AT_ONCE: Final = 4
SHARE: Final = 0.8
PER_S, BATCH_MS = 4_000.0, 1_000.0
COLUMNS: Final = ("provider_id", "receipt_id", "order_id", "outcome", "at", "how", "kid", "jws", "door", "moved",
                  "recorded_at")  # fmt: skip


async def run(size: str) -> list[Result]:
    """Orders a second beside the same without signatures; receipts a second and the slowest batches."""
    with tempfile.TemporaryDirectory() as folder:
        postgres = EmbeddedPostgres(Path(folder) / "postgres")
        postgres.start()
        try:
            dsn, clock = await postgres.ensure_database("access"), FixedClock(NOON)
            assert SERVICE.migrations is not None, "access-control has migrations"
            await migrations.upgrade(dsn, SERVICE.migrations)
            await seed_directory(dsn)
            keys: dict[str, Any] = {"signing_keys_file": Path(folder) / "keys.json", "signing_keys_generate": True}
            async with running_service(SERVICE, dsn, clock=clock, withdraw_window_s=0, **keys) as api:
                spare_collector()
                desk = Desk(api, clock, dsn)
                return [await _signing(desk, size), *await _receipts(desk, size)]
        finally:
            postgres.stop()


# --- with and without signatures -------------------------------------------------------------------------------------


async def _signing(desk: Desk, size: str) -> Result:
    signed, unsigned = 0.0, 0.0
    await _turn(desk)  # statements are prepared, connections opened
    for _ in range(TURNS[size]):
        signed += await _turn(desk)
        with _unsigned():
            unsigned += await _turn(desk)
    count = TURNS[size] * ORDERS
    note = f"{count:,} orders given out and answered, {ORDERS} receipts a document; floor: the same, nothing signed"
    return at_least("orders and receipts, signed", count / signed, "/s", count / unsigned, share=SHARE, note=note)


async def _turn(desk: Desk) -> float:
    """Seconds in the service for so many orders of one provider and the document that answers them."""
    host = await desk.host()
    began = time.perf_counter()
    await desk.cut_off(host, sites=ORDERS)
    took = time.perf_counter() - began
    (document,) = await _documents(desk, host)
    began = time.perf_counter()
    answer = await desk.hand_in(host, document)
    took += time.perf_counter() - began
    _check(answer.json(), ORDERS)
    return took


@contextmanager
def _unsigned() -> Iterator[None]:
    """Documents look as they do, and nothing is computed for them."""

    def sign(self: Signer, payload: bytes, typ: str) -> str:
        header = json.dumps({"alg": "Ed25519", "kid": self.kid, "typ": typ}, separators=(",", ":")).encode()
        return ".".join(base64.urlsafe_b64encode(part).rstrip(b"=").decode() for part in (header, payload, bytes(64)))

    def verify(self: KeyRing, document: str | bytes, typ: str) -> Verified:
        text = document if isinstance(document, str) else document.decode("ascii")
        payload = text.split(".")[1]
        return Verified(read_header(text)["kid"], base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))

    with patch.object(Signer, "sign", sign), patch.object(KeyRing, "verify", verify):
        yield


def _check(answer: dict[str, Any], count: int) -> None:
    if [each["status"] for each in answer.get("results", ())] != ["recorded"] * count:
        raise AssertionError(str(answer)[:500])


async def _documents(desk: Desk, host: Host) -> list[str]:
    """What a provider signs that carried out all it was ordered: a document for each page of its feed."""
    documents, place = list[str](), 0
    while orders := (await desk.feed(host, after=place, limit=500))["orders"]:
        documents.append(host.batch(*(host.receipt(order) for order in orders)))
        place = orders[-1]["sequence"]
    return documents


# --- many receipts ---------------------------------------------------------------------------------------------------


async def _receipts(desk: Desk, size: str) -> list[Result]:
    providers, each = PROVIDERS[size]
    ready = list[tuple[Host, str]]()
    for _ in range(providers):
        host = await desk.host()
        await desk.cut_off(host, sites=each)
        ready += [(host, document) for document in await _documents(desk, host)]
    took, gate = list[float](), asyncio.Semaphore(AT_ONCE)

    async def hand_in(host: Host, document: str) -> None:
        async with gate:
            began = time.perf_counter()
            answer = await desk.hand_in(host, document)
            took.append((time.perf_counter() - began) * 1000)
        _check(answer.json(), each)

    began = time.perf_counter()
    await asyncio.gather(*(hand_in(*one) for one in ready))
    rate = providers * each / (time.perf_counter() - began)
    floor = await _floor(desk, providers * each)
    note = (
        f"{providers * each:,} of {providers} providers, {each} a document, {AT_ONCE} at once; floor: COPY of such rows"
    )
    slowest = percentile(took, 0.99)
    goal = f"≤ {BATCH_MS:,.0f} ms"
    return [
        at_least("receipts taken in", rate, "/s", floor, absolute=PER_S, note=note),
        Result("  document p99", slowest, "ms", goal=goal, holds=slowest <= BATCH_MS, note=f"{each} receipts each"),
    ]


async def _floor(desk: Desk, count: int) -> float:
    """Rows a second of a table with the same columns and keys, and nothing judged."""
    async with desk.rt.db.transaction() as tx:
        await tx.execute("CREATE TABLE floor (LIKE receipt INCLUDING ALL)")
        rows = [tuple(row) for row in await tx.fetch(f"SELECT {', '.join(COLUMNS)} FROM receipt LIMIT {count}")]
    began = time.perf_counter()
    async with desk.rt.db.transaction() as tx:
        await tx.execute("ALTER TABLE floor DROP CONSTRAINT receipt_of_a_document")
        await tx.copy_records_to_table("floor", records=rows, columns=COLUMNS)
    return len(rows) / (time.perf_counter() - began)
