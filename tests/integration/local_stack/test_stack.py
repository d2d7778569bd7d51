"""The real access-control and the real agent under the supervisor: bootstrapped once, found again, brought back."""

import asyncio
import contextlib
import json
import os
import signal
import stat
import subprocess
import sys
import textwrap
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from uuid import uuid4

import httpx
import pytest
from aiokafka.admin import AIOKafkaAdminClient

from concord.exits import Exit
from concord.sdk.places import is_running
from local_stack import broker as broker_module
from local_stack.ahead import SHANGHAI, write
from local_stack.broker import Broker, ForeignBroker
from local_stack.errors import StartFailed
from local_stack.ports import free_port
from local_stack.supervisor import LocalStack
from shared.contracts.http.providers import NewLicence, NewProvider


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of the stack, started twice."""
    return tmp_path_factory.mktemp("home")


def _stack(home: Path) -> LocalStack:
    return LocalStack(
        root=home,
        services=["access-control", "coordination"],
        durable=False,
        env={"*": {"CONCORD_LOG_LEVEL": "WARNING"}},
    )


async def test_the_provider_is_registered_once_and_its_agent_brought_back(home: Path) -> None:
    async with _stack(home) as stack:
        provider_id = stack.provider_id
        async with httpx.AsyncClient(base_url=stack.url("access-control")) as http:
            desk = {"Authorization": f"Bearer {await stack.token('desk-a')}"}
            view = (await http.get(f"/providers/{provider_id}", headers=desk)).json()
            assert [key["revoked_at"] for key in view["keys"]] == [None]
            own = {"Authorization": f"Bearer {await stack.provider_token()}"}
            assert (await http.get(f"/providers/{provider_id}/state", headers=own)).json()["head"] == 0
            assert (await http.get("/.well-known/jwks.json")).json()["keys"][0].keys().isdisjoint({"d"})
        before = stack.children["agent"].pid
        stack.kill("agent")
        for _ in range(200):
            if stack.children["agent"].pid not in {before, None}:
                break
            await asyncio.sleep(0.05)
        assert stack.children["agent"].pid != before
        for secret in (
            "provider/key.json",
            "provider/agent.toml",
            "provider/provider.json",
            "keys/access-control.json",
        ):
            assert stat.S_IMODE((home / secret).stat().st_mode) == 0o600
        admin = AIOKafkaAdminClient(bootstrap_servers=stack.bootstrap)
        await admin.start()
        described = await admin.describe_topics([f"access-{what}.{provider_id}" for what in ("orders", "receipts")])
        await admin.close()
        assert [len(topic["partitions"]) for topic in described] == [1, 1]
    async with _stack(home) as stack:
        assert stack.provider_id == provider_id
        told = json.loads((home / "stack.json").read_text())["provider"]
        assert told["id"] == provider_id
        assert told["config"] == str(home / "provider" / "agent.toml")


async def test_a_broker_that_is_not_ready_is_named_with_what_is_wrong(
    broker: Broker, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def close(client: AIOKafkaAdminClient) -> None:
        await client._client.close()
        with contextlib.suppress(asyncio.CancelledError):  # as aiokafka does while it closes, now and then
            await asyncio.sleep(1.0)

    monkeypatch.setattr(AIOKafkaAdminClient, "close", close)
    monkeypatch.setattr(broker_module, "_ANSWER_S", 2.0)
    await broker_module.until_it_answers(broker)
    with pytest.raises(StartFailed, match="it has no topic nobody-made-it"):
        await broker_module.until_it_answers(broker, "nobody-made-it")
    with pytest.raises(StartFailed, match="KafkaConnectionError"):
        await broker_module.until_it_answers(ForeignBroker(f"127.0.0.1:{free_port()}"))


SCRIPT = textwrap.dedent("""
    import pathlib, sys
    from local_stack import __main__, supervisor
    from local_stack.topology import Service
    root, fakes, *arguments = sys.argv[1:]
    env = {"*": {"PYTHONPATH": fakes, "FAKE_JOURNAL": root + "/journal"}}
    def of(settings, console):
        services = [Service("fake-one", 18001, "a fake")]
        return supervisor.LocalStack(root=settings.root, services=services, provider=False, env=env, console=console)
    supervisor.LocalStack.of = of
    sys.argv = ["local_stack", *arguments]
    sys.exit(__main__.main())
""")


@asynccontextmanager
async def _stack_of_its_own(root: Path) -> AsyncIterator[asyncio.subprocess.Process]:
    """`run` in a process; it is ended, with everything it started, also when the test fails."""
    stack = await _run(root, "run")
    try:
        yield stack
    finally:
        if stack.returncode is None:
            stack.send_signal(signal.SIGTERM)
            await stack.communicate()


async def _run(root: Path, command: str) -> asyncio.subprocess.Process:
    fakes = Path(__file__).parents[2] / "support" / "fakes"
    return await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", SCRIPT, str(root), str(fakes), *command.split()),
        env=os.environ | {"CONCORD_HOME": str(root)},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )


async def _no_client_for_a_provider_nobody_knows(folder: Path) -> None:
    """This stack has no access-control to ask; tests/unit/local_stack asks one."""
    for provider, code, text in [
        (str(uuid4()), Exit.NO_STACK, b"where access-control is"),
        ("nobody", Exit.USAGE, b"a provider's id"),
    ]:
        refused = await _run(folder, f"client {provider}")
        assert text in (await refused.communicate())[0]
        assert refused.returncode == code
    assert not (folder / "issuer" / "clients.json").exists()


async def test_ctrl_c_ends_everything_in_good_order(tmp_path: Path) -> None:
    async with _stack_of_its_own(tmp_path) as stack:
        until = time.monotonic() + 60
        while not (tmp_path / "stack.json").exists():
            assert time.monotonic() < until
            await asyncio.sleep(0.05)
        pids = [pid for pid in json.loads((tmp_path / "stack.json").read_text())["pids"].values() if pid]
        status = await _run(tmp_path, "status")
        told = (await status.communicate())[0].decode()
        assert status.returncode == 0, told
        assert "fake-one" in told
        await _no_client_for_a_provider_nobody_knows(tmp_path)
        travelled = await _run(tmp_path, "travel 16d")
        told = (await travelled.communicate())[0].decode()
        assert f"{datetime.now(SHANGHAI) + timedelta(days=16):%Y-%m-%d}" in told, told
        assert b"put forward by 16 days" in (await (await _run(tmp_path, "status")).communicate())[0]
        assert (await (await _run(tmp_path, "travel 2026-01-01")).wait()) == Exit.USAGE
        pids += [pid for pid in json.loads((tmp_path / "stack.json").read_text())["pids"].values() if pid]
        refused = await _run(tmp_path, "reset --yes")
        assert b"already runs" in (await refused.communicate())[0]
        stack.send_signal(signal.SIGINT)
        out = (await asyncio.wait_for(stack.communicate(), 30))[0].decode()
        assert stack.returncode == 0, out
        assert "Ctrl-C ends it" in out
        assert out.rstrip().endswith("everything has ended")
        assert not any(is_running(pid) for pid in pids)
        assert (await (await _run(tmp_path, "status")).wait()) == Exit.NO_STACK
        removed = await _run(tmp_path, "reset --yes")
        assert f"removed {tmp_path}".encode() in (await removed.communicate())[0]


async def test_sigterm_while_it_starts_ends_what_has_started(tmp_path: Path) -> None:
    async with _stack_of_its_own(tmp_path) as stack:
        until = time.monotonic() + 60
        while not (tmp_path / "postgres" / "data" / "postmaster.pid").exists():
            assert time.monotonic() < until
            await asyncio.sleep(0.01)
        stack.send_signal(signal.SIGTERM)
        out = (await asyncio.wait_for(stack.communicate(), 30))[0].decode()
        assert stack.returncode == 0, out
        assert not (tmp_path / "postgres" / "data" / "postmaster.pid").exists()


async def test_a_clock_that_is_put_forward_is_every_process_time(home: Path) -> None:
    async with _stack(home) as stack, httpx.AsyncClient() as http:
        pids = {name: child.pid for name, child in stack.children.items()}
        stale = {"Authorization": f"Bearer {await stack.token('desk-a')}"}
        write(stack.ahead_file, timedelta(days=40))
        await stack.follow_clock()
        assert all(stack.children[name].pid not in {pid, None} for name, pid in pids.items())
        url = f"{stack.url('access-control')}/providers"
        assert (await http.get(url, headers=stale)).status_code == 401, "a token of the past has run out"
        desk = {"Authorization": f"Bearer {await stack.token('desk-a')}", "Idempotency-Key": str(uuid4())}
        new = NewProvider(
            name="Later Hosting",
            licence=NewLicence(kind="idc", number="京ICP证039999号", valid_from=date(2020, 1, 1)),
            region="110000", kind="access_provider",
            contact="filing desk, +86 10 5550 0000",
        )  # fmt: skip
        made = await http.post(url, headers=desk, json=new.model_dump(mode="json"))
        assert made.status_code == 201, made.text
        ahead = datetime.fromisoformat(made.json()["registered_at"]) - datetime.now(UTC)
        assert timedelta(days=39) < ahead < timedelta(days=41)
        ready = (await http.get(f"{stack.url('access-control')}/readyz")).json()
        assert ready["status"] == "ready", f"the database is taken to be as far ahead: {ready}"
        assert json.loads((home / "stack.json").read_text())["ahead_s"] == timedelta(days=40).total_seconds()
    async with _stack(home) as stack:  # what was written has its time: it stays so
        assert stack.description()["ahead_s"] == timedelta(days=40).total_seconds()
