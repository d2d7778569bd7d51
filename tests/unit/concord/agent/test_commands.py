"""The agent's command line and its metrics: what a person and a monitor are told."""

import asyncio
import contextlib
import gzip
import json
import re
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from typer.testing import CliRunner

from concord.agent.agent import AT_ONCE, LANES
from concord.agent.config import BadConfig, Config
from concord.agent.hooks import HttpHook, Impossible, Later
from concord.agent.journal import Journal
from concord.agent.listener import Listener
from concord.agent.main import app, hook_of
from concord.agent.report import ALARMS, Metrics
from concord.exits import Exit
from tests.unit.concord.agent.conftest import make_config
from tests.unit.concord.agent.fake_access import FakeAccess
from tests.unit.concord.agent.test_hooks import little_memory, order
from tests.unit.concord.agent.test_killed import write_toml

ROOT = Path(__file__).parents[4]


def run(file: Path, *words: str) -> Any:
    return CliRunner().invoke(app, [*words, "--config", str(file)])


@pytest.fixture
def file(tmp_path: Path) -> Path:
    write_toml(tmp_path / "agent.toml", make_config(tmp_path, FakeAccess(), "http://127.0.0.1:9"))
    return tmp_path / "agent.toml"


def test_once_ends_with_nothing_left_and_status_tells_it(tmp_path: Path) -> None:
    access = FakeAccess()
    cut = access.order()
    with access.served() as url:
        write_toml(tmp_path / "agent.toml", make_config(tmp_path, access, url))
        done = run(tmp_path / "agent.toml", "run", "--once")
        assert done.exit_code == 0, done.output
        access.known_keys = []
        access.order(host="b.example")
        assert run(tmp_path / "agent.toml", "run", "--once").exit_code == Exit.FAILED
    assert access.outcomes(cut["order_id"]) == ["received", "executed"]
    said = json.loads(run(tmp_path / "agent.toml", "status").stdout)
    assert (said["last_sequence"], said["head"], said["in_force"], said["pending"]) == (2, 2, 2, [])
    assert said["receipts queued"] == 2
    assert said["last_contact"]
    [alarm] = said["alarms"]
    assert alarm["kind"] == "key"
    assert run(tmp_path / "agent.toml", "acknowledge").exit_code == 0
    assert json.loads(run(tmp_path / "agent.toml", "status").stdout)["alarms"] == []


def test_only_what_was_impossible_is_tried_again(file: Path) -> None:
    refused = run(file, "retry", "7")
    assert refused.exit_code == Exit.REFUSED
    assert "order 7 is not one" in refused.stderr


def test_what_was_refused_is_handed_in_again_when_a_person_says_so(tmp_path: Path) -> None:
    access = FakeAccess()
    cut = access.order()
    honest, access.answer = access.answer, lambda jws: (422, {"code": "batch_refused", "why": "foreign_provider"})  # type: ignore[method-assign]
    with access.served() as url:
        write_toml(tmp_path / "agent.toml", make_config(tmp_path, access, url))
        run(tmp_path / "agent.toml", "run", "--once")
        assert json.loads(run(tmp_path / "agent.toml", "status").stdout)["receipts refused"] == 2
        access.answer = honest  # type: ignore[method-assign]
        assert run(tmp_path / "agent.toml", "resend").stdout == "2 receipt(s) are handed in again\n"
        assert run(tmp_path / "agent.toml", "run", "--once").exit_code == 0
    assert access.outcomes(cut["order_id"]) == ["received", "executed"]
    assert run(tmp_path / "agent.toml", "resend").stdout == "0 receipt(s) are handed in again\n"


def test_once_says_that_nobody_answers(file: Path) -> None:
    assert run(file, "run", "--once").exit_code == Exit.UNREACHABLE


def test_status_can_be_asked_beside_an_agent_at_work(file: Path) -> None:
    config = Config.read(file)
    at_work = Journal(config.state_file, config.provider_id)
    for why in ("at 12:00: away", "at 12:01: away", "away"):
        at_work.alarms.ring("hook 3", f"order 3 was not carried out: {why}")
    said = json.loads(run(file, "status").stdout)
    [alarm] = said["alarms"]
    assert (alarm["said"], alarm["times"]) == ("order 3 was not carried out: away", 3), (
        "one alarm, however often it failed"
    )
    at_work.close()


async def test_metrics_are_what_prometheus_reads(file: Path) -> None:
    config = Config.read(file)
    journal = Journal(config.state_file, config.provider_id)
    journal.remember("head", 7)
    journal.remember("contact_at", "2026-11-26T12:00:00+00:00")
    journal.alarms.ring("hook 3", "away")
    journal.alarms.ring("hook 4", "away")
    listener = Listener(Metrics(journal).respond)
    await listener.start("127.0.0.1", 0)
    async with httpx.AsyncClient(trust_env=False) as http:
        answer = await http.get(f"http://127.0.0.1:{listener.port}/metrics")
        assert (await http.get(f"http://127.0.0.1:{listener.port}/")).status_code == 404
    await listener.stop()
    journal.close()
    assert answer.headers["Content-Type"].startswith("text/plain; version=0.0.4")
    lines = answer.text.splitlines()
    assert all(
        re.fullmatch(r'# (HELP|TYPE) .+|concord_agent_[a-z_]+(\{[a-z]+="[a-z]+"\})? [0-9.]+', line) for line in lines
    )
    assert "concord_agent_head 7" in lines
    assert "concord_agent_sequence 0" in lines
    assert 'concord_agent_alarms{kind="hook"} 2' in lines
    assert "concord_agent_contact_timestamp_seconds 1795694400" in lines
    page = (ROOT / "docs" / "providers.md").read_text(encoding="utf-8")
    assert all(f"`{kind}`" in page for kind in ALARMS)
    names = {match[0] for match in re.finditer(r"concord_agent_[a-z_]+", answer.text)}
    assert {name for name in names if name not in page} == set()


async def _opened(file: Path) -> None:
    async with hook_of(Config.read(file)):
        pass


def test_nginx_must_have_been_told_first(file: Path, tmp_path: Path) -> None:
    text = file.read_text().replace('hook = "web"', 'hook = "nginx"')
    file.write_text(re.sub("nginx_folder = .*", f'nginx_folder = "{tmp_path}/nginx"', text))
    with pytest.raises(BadConfig, match="concord-agent nginx"):
        asyncio.run(_opened(file))
    told = run(file, "nginx")
    assert told.stdout.splitlines() == [f"include {tmp_path}/nginx/{name};" for name in ("http.conf", "server.conf")]
    asyncio.run(_opened(file))


@pytest.mark.parametrize("name", ["access_url", "issuer_url", "jwks_url", "hook_url"])
@pytest.mark.parametrize(
    ("url", "good"),
    [
        ("https://desk.example", True), ("http://127.0.0.1:8000", True), ("http://[::1]:8000", True),
        ("http://localhost/x", True), ("http://desk.example", False), ("http://192.168.0.1", False),
        ("http://127.0.0.1.example", False), ("http://localhost@desk.example", False),
    ],
)  # fmt: skip
def test_nothing_goes_over_a_network_in_the_clear(tmp_path: Path, name: str, url: str, good: bool) -> None:
    def make() -> Config:
        return make_config(tmp_path, FakeAccess(), "https://desk.example", **{name: url})

    if good:
        make()
    else:
        with pytest.raises(ValueError, match="https"):
            make()


# --- the hook http ---------------------------------------------------------------------------------------------------


def posting(*answers: httpx.Response) -> tuple[HttpHook, list[httpx.Request]]:
    asked: list[httpx.Request] = []

    async def answer(request: httpx.Request) -> httpx.Response:
        asked.append(request)
        return answers[len(asked) - 1]

    http = httpx.AsyncClient(transport=httpx.MockTransport(answer))
    return HttpHook("https://switch.example/orders", "secret", 5, http), asked


async def test_an_address_is_posted_the_order_with_the_same_key_each_time() -> None:
    hook, asked = posting(httpx.Response(200, text="451 at the edge\nmore"), httpx.Response(204), httpx.Response(200))
    cut = order()
    assert await hook.suspend(cut) == "451 at the edge"
    assert await hook.suspend(cut) == "https://switch.example/orders answered 204"
    await hook.resume(cut)
    assert [request.headers["Idempotency-Key"] for request in asked] == [
        f"{cut.order_id} suspend", f"{cut.order_id} suspend", f"{cut.order_id} resume",
    ]  # fmt: skip
    assert {request.headers["Authorization"] for request in asked} == {"Bearer secret"}
    said = json.loads(asked[0].content)
    assert (said["verb"], said["order"]["order_id"]) == ("suspend", str(cut.order_id))
    await hook.aclose()


@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        (httpx.Response(503, text="busy", headers={"Retry-After": "30"}), Later),
        (httpx.Response(429), Later),
        (httpx.Response(302, headers={"Location": "https://elsewhere.example"}), Later),
        (httpx.Response(404, text="no such site"), Impossible),
        (httpx.Response(422), Impossible),
    ],
)
async def test_what_an_address_answers_is_later_or_impossible(answer: httpx.Response, kind: type[Exception]) -> None:
    hook, asked = posting(answer)
    with pytest.raises(kind, match=str(answer.status_code)) as raised:
        await hook.restore(order())
    assert getattr(raised.value, "after_s", None) == (30.0 if answer.status_code == 503 else None)
    assert len(asked) == 1


async def test_an_address_that_does_not_answer_is_tried_later() -> None:
    async def away(request: httpx.Request) -> httpx.Response:
        raise httpx.ConnectError("away")

    hook = HttpHook("https://switch.example", None, 5, httpx.AsyncClient(transport=httpx.MockTransport(away)))
    with pytest.raises(Later, match="away"):
        await hook.suspend(order())


@pytest.mark.parametrize("answered", [b"", b"HTTP/1.1 200 OK\r\nContent-Length: 99999\r\n\r\n"])
async def test_an_address_that_answers_byte_by_byte_holds_nobody_up(answered: bytes) -> None:
    """httpx' own limit begins anew with each byte."""

    async def trickle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(answered)
        with contextlib.suppress(ConnectionError):
            while not reader.at_eof():
                writer.write(b"H")
                await writer.drain()
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(reader.read(1000), 0.05)
        writer.close()

    async with await asyncio.start_server(trickle, "127.0.0.1", 0) as server:
        hook = HttpHook(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}", None, 0.4)
        async with contextlib.aclosing(hook), asyncio.timeout(4):
            with pytest.raises(Later, match=r"longer than 0\.4 s"):
                await hook.suspend(order())


async def test_of_an_endless_answer_the_beginning_is_read() -> None:
    sent = 0

    async def endless() -> AsyncIterator[bytes]:
        nonlocal sent
        while True:
            sent += 1
            await asyncio.sleep(0.01)
            yield b"done \xe5\xae" if sent == 1 else b"\x8c" + b"x" * 1000

    hook, asked = posting(httpx.Response(200, content=endless()))
    async with asyncio.timeout(4):
        said = await hook.suspend(order())
    assert said == "done 完" + "x" * 494
    assert sent < 10
    assert asked[0].headers["Accept-Encoding"] == "identity"


async def test_an_answer_that_is_packed_is_not_unpacked() -> None:
    """A little that is sent could fill the memory."""
    bomb = gzip.compress(b"x" * 50_000_000)
    answer = b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: %d\r\n\r\n" % len(bomb) + bomb

    async def packed(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        with contextlib.suppress(ConnectionError):
            writer.write(answer)
            await writer.drain()
        writer.close()

    async with await asyncio.start_server(packed, "127.0.0.1", 0) as server:
        url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        async with contextlib.aclosing(HttpHook(url, None, 20)) as hook:
            with little_memory():
                assert await hook.suspend(order()) == f"{url} answered 200"


def test_the_unit_names_a_command_that_exists_and_is_hardened() -> None:
    unit = (ROOT / "deploy" / "agent" / "concord-agent.service").read_text()
    assert "ExecStart=/opt/concord/bin/concord-agent run --config /etc/concord/agent.toml" in unit
    for line in ("NoNewPrivileges=yes", "ProtectSystem=strict", "CapabilityBoundingSet=\n", "Restart=always"):
        assert line in unit
    assert f"RestartPreventExitStatus={Exit.USAGE.value} {Exit.IN_USE.value}" in unit
    side_by_side = sum(AT_ONCE // 2 if lane.again else AT_ONCE for lane in LANES)
    [tasks] = re.findall(r"^TasksMax=(\d+)$", unit, re.MULTILINE)
    assert int(tasks) >= 10 * side_by_side, (
        "each hook may be a shell with children; one that cannot fork says impossible"
    )
    assert f"Up to {side_by_side} programs" in unit
    assert "\nOOMPolicy=continue\n" in unit, "one hook that is ended for memory does not end the others"
    helped = subprocess.run(
        [str(Path(sys.executable).parent / "concord-agent"), "run", "--help"],
        check=True,
        capture_output=True,
        timeout=60,
    )
    assert b"--once" in helped.stdout
    assert asyncio.iscoroutinefunction(HttpHook.suspend)
