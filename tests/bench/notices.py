"""Very many notices at once: queued, put into inboxes and taken by a mail server, while somebody else decides.

The mail server is aiosmtpd in a process of its own, so is the sender; what is decided meanwhile are drafts through the
HTTP door of the same department. The floor is the mail server alone: the same mails, made beforehand, handed over on as
many connections by a program that does nothing else.
"""

import asyncio
import os
import sys
import tempfile
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any, Final
from zoneinfo import ZoneInfo

import aiosmtplib
import httpx
import uvloop
from aiosmtpd.smtp import SMTP
from pydantic import SecretStr

from enforcement.main import SERVICE
from local_stack.postgres import EmbeddedPostgres
from shared import rules
from shared.contracts.grounds import ActRef, AddressForService, AuthorityRef, Grounds, Names, OperatorRef, Service
from shared.contracts.notices import NoticeDocument
from shared.rules.identifiers import uscc_with_check_digit
from shared.runtime.acts import notices
from shared.runtime.acts.runtime import Runtime
from shared.runtime.base.clock import SystemClock
from shared.runtime.base.ids import uuid7
from shared.runtime.base.settings import Settings
from shared.runtime.db import migrations
from shared.runtime.db.postgres import Database
from shared.runtime.post import mail
from shared.runtime.post.sender import LINES, Sender
from shared.runtime.process.app import spare_collector
from tests.bench.result import Result, at_most, percentile
from tests.bench.waits import within
from tests.integration.enforcement.conftest import Office
from tests.support.fixtures import seed_directory
from tests.support.people import directory
from tests.support.service import Api, running_service

SIZES: Final = {"small": 5_000, "full": 50_000}
GOAL_S: Final = 120.0
TIMES_FLOOR: Final = 4.0
TIMES_QUIET: Final = 3.0
AT_ONCE: Final = 500
"""Notices of one transaction."""
READERS: Final = 1_000
TITLE: Final = Names(zh="空壳网站整改告知书，编号 2026-1", en="Nobody hosts your site: please find a host")
QUIET: Final = 40
"""Drafts that are timed while nothing is sent."""
CHINA: Final = ZoneInfo("Asia/Shanghai")


async def run(size: str) -> list[Result]:
    """Seconds for all of it, beside the floor; and how long a draft takes meanwhile and else."""
    count = SIZES[size]
    with tempfile.TemporaryDirectory() as folder:
        postgres = EmbeddedPostgres(Path(folder) / "postgres")
        postgres.start()
        try:
            dsn = await postgres.ensure_database("enforcement")
            if SERVICE.migrations is None:
                raise LookupError("enforcement has no migrations")
            await migrations.upgrade(dsn, SERVICE.migrations)
            await seed_directory(dsn)
            keys: dict[str, Any] = {
                "signing_keys_file": Path(folder) / "keys.json", "signing_keys_generate": True,
                "evidence_store": Path(folder) / "evidence",
            }  # fmt: skip
            async with child("server") as server, running_service(SERVICE, dsn, **keys) as api:
                port = int(await within("the mail server", server.stdout.readline()))  # type: ignore[union-attr]
                spare_collector()
                return await _measured(api, dsn, port, Path(folder), count)
        finally:
            postgres.stop()


async def _measured(api: Api, dsn: str, port: int, folder: Path, count: int) -> list[Result]:
    floor = await _floor(port, min(count, 5_000)) * count
    office = Office(api, SystemClock())  # type: ignore[arg-type] # nothing here moves it
    quiet = [await _draft(office) for _ in range(QUIET)]
    began = time.perf_counter()
    for first in range(0, count, AT_ONCE):
        async with api.rt.db.transaction() as tx:
            await notices.issue_all(tx, api.rt, [_notice(n) for n in range(first, min(first + AT_ONCE, count))])
    queued = time.perf_counter() - began
    busy: list[float] = []
    async with child("sender", dsn, str(port), str(folder)) as sender:
        sent = asyncio.ensure_future(sender.wait())
        while not sent.done():
            busy.append(await _draft(office))
            await asyncio.sleep(0.2)
        output = await within("the sender's words", sender.stdout.read())  # type: ignore[union-attr]
        spent = float(output.split()[-1])
    took = time.perf_counter() - began
    async with api.rt.db.connection() as tx:
        delivered = await tx.fetchval(
            "SELECT count(*) FROM notice WHERE kind = 'shell_found' AND delivered_at IS NOT NULL"
        )
    if delivered != count:
        raise AssertionError(f"{delivered} of {count} were delivered")
    note = f"{count:,} notices: {queued:.1f} s to queue, then {LINES} connections; {len(busy)} drafts meanwhile"
    name = f"{count:,} notices into inboxes and mail"
    goal = GOAL_S * count / SIZES["full"]
    quiet_p50, quiet_p99 = percentile(quiet, 0.5), percentile(quiet, 0.99)
    while_quiet = "floor: a draft while nothing is sent"
    return [
        at_most(name, took, "s", floor, TIMES_FLOOR, note),
        Result("  in time", took, "s", goal=f"≤ {goal:g} s", holds=took <= goal),
        Result("  processor time of the sender", spent / count * 1000, "ms each"),
        at_most("  a draft meanwhile, p50", percentile(busy, 0.5), "ms", quiet_p50, TIMES_QUIET, while_quiet),
        Result("  a draft meanwhile, p99", percentile(busy, 0.99), "ms", quiet_p99, percentile(busy, 0.99) / quiet_p99),
    ]


async def _draft(office: Office) -> float:
    """Milliseconds that drafting a decision takes, with the notice that it is."""
    case = await office.case()
    sha256 = await office.file(case["id"], b"The order book.", "drugs-a")
    until = (office.clock.now() + timedelta(days=20)).isoformat()
    body = {
        "effect": "suspend_access", "until": until, "evidence_hashes": [sha256],
        "statement": {"legal_basis": ["P3.2.3"], "reasons": "It sells without the consent of the authority."},
    }  # fmt: skip
    began = time.perf_counter()
    await office.post(f"/cases/{case['id']}/decisions", body, "drugs-a", 201)
    return (time.perf_counter() - began) * 1000


def _notice(n: int) -> notices.New:
    reader = n % READERS
    return notices.New(
        about=ActRef(service=Service.ENFORCEMENT, kind="lapse", id=uuid7()), kind="shell_found", title=TITLE,
        to=OperatorRef(identity=uscc_with_check_digit(f"91110000{reader:09d}"), name=f"Example {reader} Ltd"),
        address=AddressForService(email=f"n{reader}@pharmacy.example", email_verified=True),
        authority=AuthorityRef.model_validate(AuthorityRef.EXAMPLE), says=Grounds.model_validate(Grounds.EXAMPLE),
    )  # fmt: skip


async def _floor(port: int, count: int) -> float:
    """Seconds a mail, for mails that were made beforehand."""
    document = NoticeDocument.model_validate(NoticeDocument.EXAMPLE).model_copy(update={"title": TITLE})
    bytes_of = document.model_dump_json().encode()
    raw = mail.message(document, bytes_of, sender="n@c.example", recipient="n0@pharmacy.example", inbox="x", zone=CHINA)
    left = iter(range(count))

    async def carry() -> None:
        async with aiosmtplib.SMTP(hostname="127.0.0.1", port=port, start_tls=False) as client:
            for _ in left:
                await client.sendmail("n@c.example", "n0@pharmacy.example", raw)

    began = time.perf_counter()
    await asyncio.gather(*(carry() for _ in range(LINES)))
    return (time.perf_counter() - began) / count


@asynccontextmanager
async def child(*arguments: str) -> AsyncIterator[asyncio.subprocess.Process]:
    """This file as a process of its own, ended with the block."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "tests.bench.notices", *arguments, stdout=asyncio.subprocess.PIPE
    )
    try:
        yield process
    finally:
        if process.returncode is None:
            process.terminate()
            await process.wait()


class _Taking:
    """Takes every mail and keeps none."""

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:  # noqa: N802
        return "250 taken"


async def serve() -> None:
    """The mail server; says its port."""
    server = await asyncio.get_running_loop().create_server(lambda: SMTP(_Taking()), "127.0.0.1", 0)
    sys.stdout.write(f"{server.sockets[0].getsockname()[1]}\n")
    sys.stdout.flush()
    await server.serve_forever()


async def send(dsn: str, port: str, folder: str) -> None:
    """The sender, until nothing is left to send; says what it cost in processor seconds."""
    settings = Settings(
        database_url=dsn, smtp_port=int(port), smtp_tls="none", signing_keys_file=Path(folder) / "keys.json",
        signing_keys_generate=True, smtp_returns="returns@registry.example", smtp_returns_secret=SecretStr("s" * 32),
    )  # fmt: skip
    clock, db = SystemClock(), await Database.connect(dsn, application_name="sender")
    rt = Runtime(db, clock, rules.load("cn-2006"), settings, directory(clock))
    sender = Sender(rt, owner="enforcement")
    spare_collector()
    async with httpx.AsyncClient(trust_env=False) as http:
        while await sender.once(http):
            pass
    await db.close()
    sys.stdout.write(f"{sum(os.times()[:2]):.3f}\n")


if __name__ == "__main__":
    uvloop.run(serve() if sys.argv[1] == "server" else send(*sys.argv[2:]))
