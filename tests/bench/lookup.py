"""Bulk look-up over HTTP against a bare loop of LMDB gets, and how fast records get into the read model.

The server is the real one (`python -m query.main serve`, uvicorn, a process of its own, with PostgreSQL for the audit);
the client is a blocking socket with one thread that sends and one that counts lines: the leanest there is, since both
share the machine. The sites are generated from a seed, under .example and .test.
"""

import argparse
import asyncio
import contextlib
import http.client
import http.server
import random
import shutil
import socket
import statistics
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from uuid import UUID

import msgspec

from local_stack.postgres import EmbeddedPostgres
from query.readmodel.decoding import decode
from query.readmodel.layout import Place
from query.readmodel.model import ReadModel
from query.readmodel.writer import Writer
from shared.contracts.registry import SiteRecordedV1
from shared.runtime.db import migrations
from tests.bench.result import Result, at_least, percentile
from tests.bench.served import ROOT, Served, issuer, served
from tests.support import people
from tests.support.fixtures import seed_directory

SEED = 2006
BATCH = 5_000
MISSES = 0.02
GOAL = 150_000
INGEST_GOAL = 30_000
FLAT_MIB = 64


@dataclass(frozen=True)
class Size:
    """How much."""

    sites: int
    keys: int
    rounds: int


SIZES = {"small": Size(50_000, 200_000, 1), "full": Size(1_000_000, 1_000_000, 3)}


async def run(size: str) -> list[Result]:
    """Every figure of look-ups."""
    return await asyncio.to_thread(_run, SIZES[size])


def _run(size: Size) -> list[Result]:
    folder = Path(tempfile.mkdtemp(prefix="concord-bench-"))
    try:
        results, keys = _fill(folder / "lookup", size)
        body = b"\n".join(keys) + b"\n"
        with _server(folder) as server:
            lines = {"ndjson": [_ask(server, body, size.keys, "ndjson") for _ in range(size.rounds + 1)][1:]}
            lines["csv"] = [_ask(server, body, size.keys, "csv") for _ in range(size.rounds)]
            latency = _meanwhile(server, body, size.keys)
            before, after, most = server.memory.seen
        floor = _floor(folder / "lookup", keys, size.rounds)
        for form, rates in lines.items():
            note = f"{size.keys:,} keys, {size.sites:,} sites, median of {size.rounds}; floor: bare py-lmdb get"
            rate = statistics.median(rates)
            results.append(at_least(f"bulk look-up, {form}", rate, "keys/s", floor, absolute=GOAL, note=note))
        grown = max(after, most) - before
        note = f"private memory {before:.0f} MiB before, {most:.0f} most, {after:.0f} after"
        flat = f"≤ {FLAT_MIB} MiB"
        results.append(Result("bulk look-up, growth", grown, "MiB", goal=flat, holds=grown <= FLAT_MIB, note=note))
        note = "p99 of single public look-ups while a list is answered"
        results.append(Result("look-up beside a list", percentile(latency, 0.99), "ms", note=note))
        return results
    finally:
        shutil.rmtree(folder, ignore_errors=True)


# --- the read model --------------------------------------------------------------------------------------------------


def _fill(path: Path, size: Size) -> tuple[list[Result], list[bytes]]:
    """Fill a read model from facts as they travel; gives how fast that was, and the keys to ask for."""
    model = ReadModel.open(path)
    writer = Writer(model)
    writer.prepare()
    chance = random.Random(SEED)
    place, spent, names = Place("registry-sites", 0), 0.0, list[bytes]()
    for start in range(0, size.sites, BATCH):
        facts = [_fact(chance, number) for number in range(start, min(start + BATCH, size.sites))]
        names += [domain.encode() for domain, _ in facts]
        records = [SimpleNamespace(value=value, offset=start + n) for n, (_, value) in enumerate(facts)]
        began = time.perf_counter()
        writer.apply(decode([(place, records)]).batch())
        spent += time.perf_counter() - began
    model.close()
    asked = [chance.choice(names) for _ in range(size.keys)]
    keys = [b"no-" + key if chance.random() < MISSES else key for key in asked]
    rate = size.sites / spent
    result = Result(
        "records into the read model", rate, "records/s", goal=f"≥ {INGEST_GOAL:,}", holds=rate >= INGEST_GOAL,
        note=f"{size.sites:,} new sites, from their bytes to the commit, batches of {BATCH:,}",
    )  # fmt: skip
    return [result], keys


def _fact(chance: random.Random, number: int) -> tuple[str, bytes]:
    """The n-th site: its domain, and its record as it travels."""
    example = SiteRecordedV1.EXAMPLE
    word = chance.choice(("bakery", "shop", "pharmacy", "school", "clinic", "museum"))
    domain = f"{word}-{number:07}.{chance.choice(('example', 'test'))}"
    registration = f"京ICP备{number:08}号"
    address = f"198.{18 + number % 2}.{number >> 8 & 255}.{number & 255}"
    fact = {
        **example,
        "site_id": UUID(int=(0x0194 << 112) + (number << 80) + (7 << 76) + (2 << 62) + chance.getrandbits(60)),
        "number": f"{registration}-1",
        "name": f"示例网站 {number}",
        "domains": [domain],
        "accesses": [{**example["accesses"][0], "ips": [address]}],
        "registration": {**example["registration"], "number": registration},
    }
    event = {"specversion": "1.0", "id": fact["site_id"], "source": "urn:concord:registry", "type": SiteRecordedV1.TYPE,
             "subject": str(fact["site_id"]), "time": example["changed_at"], "data": fact}  # fmt: skip
    return domain, msgspec.json.encode(event)


def _floor(path: Path, keys: Sequence[bytes], rounds: int) -> float:
    """Bare gets of the same keys in a loop."""
    model = ReadModel.open(path)
    rates = []
    for _ in range(rounds):
        with model.reading() as txn:
            get, domains = txn.get, model.db["domains"]
            began = time.perf_counter()
            for key in keys:
                get(key, None, domains)
            rates.append(len(keys) / (time.perf_counter() - began))
    model.close()
    return statistics.median(rates)


# --- the server ------------------------------------------------------------------------------------------------------


class _Memory:
    """What memory of its own the process under test has."""

    def __init__(self, server: Served) -> None:
        self._pid = server.process.pid
        self._first = 0.0
        self._most = 0.0

    def look(self) -> float:
        """Private memory in MiB; pages of the mapped file are the page cache's, and not counted."""
        status = Path(f"/proc/{self._pid}/status").read_text(encoding="ascii")
        line = next(line for line in status.splitlines() if line.startswith("RssAnon:"))
        found = int(line.split()[1]) / 1024
        self._first = self._first or found
        self._most = max(self._most, found)
        return found

    @property
    def seen(self) -> tuple[float, float, float]:
        """Before, after, most."""
        return self._first, self.look(), self._most


@dataclass(frozen=True)
class _Server:
    """The process under test, as an officer reaches it."""

    port: int
    token: str
    memory: _Memory


@contextlib.contextmanager
def _server(folder: Path) -> Iterator[_Server]:
    postgres = EmbeddedPostgres(folder / "postgres", durable=False)
    postgres.start()
    try:
        dsn = asyncio.run(postgres.ensure_database("query"))
        asyncio.run(migrations.upgrade(dsn, ROOT / "services/query/migrations"))
        asyncio.run(seed_directory(dsn))
        with (
            issuer() as keys_url,
            served("query", dsn, lmdb_path=folder / "lookup", oidc_jwks_url=keys_url) as server,
        ):
            yield _Server(server.port, people.token("officer", lifetime_s=3600), _Memory(server))
    finally:
        postgres.stop()


# --- the client ------------------------------------------------------------------------------------------------------


def _ask(server: _Server, body: bytes, number: int, form: str) -> float:
    """Send a list and count the lines of the answer; keys per second."""
    server.memory.look()
    with socket.create_connection(("127.0.0.1", server.port), timeout=120) as connection:
        head = (
            f"POST /lookup/bulk?by=domain&format={form} HTTP/1.1\r\nHost: localhost\r\n"
            f"Authorization: Bearer {server.token}\r\nX-Purpose: benchmark\r\nContent-Length: {len(body)}\r\n\r\n"
        )
        began = time.perf_counter()
        sender = threading.Thread(target=connection.sendall, args=(head.encode() + body,))
        sender.start()
        lines, chunks = 0, 0
        with connection.makefile("rb", buffering=1 << 20) as answer:
            status = answer.readline()
            if b" 200 " not in status:
                raise RuntimeError(f"the server answered {status!r}")
            while answer.readline().strip():
                pass
            while size := int(answer.readline(), 16):
                lines += answer.read(size).count(b"\n")
                answer.readline()
                chunks += 1
                if chunks % 200 == 0:
                    server.memory.look()
        spent = time.perf_counter() - began
        sender.join()
    if lines != number + (form == "csv"):
        raise RuntimeError(f"{lines} answers to {number} keys")
    return number / spent


def _meanwhile(server: _Server, body: bytes, number: int) -> list[float]:
    """How long single look-ups take while a list is answered, in milliseconds."""
    done = threading.Event()
    taken: list[float] = []

    def single() -> None:
        connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=30)
        while not done.is_set():
            began = time.perf_counter()
            connection.request("GET", "/public/lookup?domain=shop-0000001.example")
            connection.getresponse().read()
            taken.append((time.perf_counter() - began) * 1000)
            time.sleep(0.02)
        connection.close()

    thread = threading.Thread(target=single)
    thread.start()
    _ask(server, body, number, "ndjson")
    done.set()
    thread.join()
    return taken


def main() -> None:
    """Run alone: ``python -m tests.bench.lookup --size small``."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--size", choices=sorted(SIZES), default="full")
    for result in asyncio.run(run(parser.parse_args().size)):
        floor = f"  floor {result.floor:,.0f}  ratio {result.ratio:.2f}" if result.floor and result.ratio else ""
        mark = {True: "ok  ", False: "MISS", None: "    "}[result.holds]
        print(f"{mark} {result.name:28} {result.value:>12,.1f} {result.unit:10} {result.goal:12}{floor}  {result.note}")


if __name__ == "__main__":
    main()
