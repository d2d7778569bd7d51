"""The shipped web server on its socket: what visitors may take, and that none of them can hold it up."""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from pathlib import Path

import pytest

from concord.agent.listener import Limits
from concord.agent.web import WebHook
from tests.unit.concord.agent.test_hooks import HOST, order

SMALL = Limits(head_bytes=2048, headers=20, head_s=0.5, send_s=0.5, connections=4)
GET = b"GET / HTTP/1.1\r\nHost: other.example\r\n\r\n"
CUT = b"GET / HTTP/1.1\r\nHost: pharmacy.example\r\n\r\n"

Start = Callable[..., Awaitable[WebHook]]


@pytest.fixture
async def start(tmp_path: Path) -> AsyncIterator[Start]:
    async with AsyncExitStack() as stack:

        async def make(limits: Limits = SMALL, about: str | None = None) -> WebHook:
            web = WebHook(tmp_path / "state.sqlite", "127.0.0.1", 0, about=about, limits=limits)
            await web.suspend(order())
            await web.start()
            stack.push_async_callback(web.stop)
            return web

        yield make


class Visitor:
    """A connection of one's own."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader, self.writer = reader, writer

    @classmethod
    async def of(cls, web: WebHook) -> "Visitor":
        return cls(*await asyncio.open_connection("127.0.0.1", web.port))

    def send(self, data: bytes) -> None:
        self.writer.write(data)

    async def answer(self, *, body: bool = True) -> tuple[int, dict[str, str], bytes]:
        """The next answer: status, headers, body."""
        async with asyncio.timeout(20):
            head = (await self.reader.readuntil(b"\r\n\r\n")).decode()
            first, *lines = head.rstrip().split("\r\n")
            headers = {name.lower(): value for name, value in (line.split(": ", 1) for line in lines)}
            content = await self.reader.readexactly(int(headers["content-length"])) if body else b""
        return int(first.split(" ")[1]), headers, content

    async def ended(self) -> bytes:
        """What still comes until the server closes."""
        try:
            async with asyncio.timeout(20):
                return await self.reader.read()
        except ConnectionError:
            return b""
        finally:
            self.writer.close()


async def ask(web: WebHook, request: bytes) -> tuple[int, dict[str, str], bytes]:
    visitor = await Visitor.of(web)
    visitor.send(request)
    try:
        return await visitor.answer()
    finally:
        visitor.writer.close()


# --- nobody can hold it up -------------------------------------------------------------------------------------------


async def test_slow_heads_are_let_go_and_others_are_answered_afterwards(start: Start) -> None:
    web = await start()
    slow = [await Visitor.of(web) for _ in range(SMALL.connections)]
    began = time.monotonic()

    async def trickle(visitor: Visitor) -> float:
        """A byte of a head now and then, as long as the server takes it."""
        visitor.send(b"GET / HTTP/1.1\r\nX: ")
        while not visitor.reader.at_eof():
            visitor.send(b"a")
            try:
                async with asyncio.timeout(0.05):
                    await visitor.reader.read(1)
            except TimeoutError:
                continue
            except ConnectionError:
                break
        return time.monotonic() - began

    trickles = [asyncio.create_task(trickle(visitor)) for visitor in slow]
    await asyncio.sleep(0.1)
    assert (await ask(web, GET))[0] == 503  # all places are taken, and that is said at once
    async with asyncio.timeout(20):
        lasted = await asyncio.gather(*trickles)
    assert max(lasted) < 3
    assert (await ask(web, GET))[0] == 200


async def test_an_idle_connection_is_closed(start: Start) -> None:
    web = await start()
    silent, kept = await Visitor.of(web), await Visitor.of(web)
    kept.send(GET)
    await kept.answer()
    assert await silent.ended() == await kept.ended() == b""


async def test_who_does_not_read_is_let_go(start: Start) -> None:
    web = await start(Limits(send_s=0.2, connections=1))
    deaf = await Visitor.of(web)
    deaf.writer.transport.pause_reading()  # type: ignore[attr-defined]
    deaf.send(CUT * 20_000)
    async with asyncio.timeout(10):
        while (await ask(web, GET))[0] == 503:  # noqa: ASYNC110 - the server decides when
            await asyncio.sleep(0.05)
    deaf.writer.transport.abort()


async def test_a_stop_ends_connections_that_are_open(start: Start) -> None:
    web = await start(Limits(head_s=60))
    visitor = await Visitor.of(web)
    visitor.send(b"GET / HT")
    await asyncio.sleep(0.05)
    async with asyncio.timeout(20):
        await web._listener.stop()
    assert await visitor.ended() == b""


# --- HTTP as it is written -------------------------------------------------------------------------------------------


async def test_requests_sent_at_once_are_answered_in_order_on_one_connection(start: Start) -> None:
    visitor = await Visitor.of(await start())
    visitor.send(GET + CUT + GET.replace(b"GET", b"HEAD") + CUT)
    found = [await visitor.answer(body=number != 2) for number in range(4)]
    assert [status for status, _, _ in found] == [200, 451, 200, 451]
    assert "connection" not in found[0][1]
    assert found[1] == found[3]


async def test_a_head_answer_says_what_a_get_would_and_has_no_body(start: Start) -> None:
    web = await start()
    _, headers, content = await ask(web, CUT)
    visitor = await Visitor.of(web)
    visitor.send(CUT.replace(b"GET", b"HEAD").replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n"))
    status, told, _ = await visitor.answer(body=False)
    assert (status, told["content-length"]) == (451, str(len(content)))
    assert told["link"] == headers["link"]
    assert await visitor.ended() == b""


async def test_http_1_0_is_answered_and_the_connection_closed(start: Start) -> None:
    visitor = await Visitor.of(await start())
    visitor.send(b"GET / HTTP/1.0\r\nHost: pharmacy.example\r\n\r\n")
    status, headers, _ = await visitor.answer()
    assert (status, headers["connection"]) == (451, "close")
    assert await visitor.ended() == b""


@pytest.mark.parametrize(
    ("request_", "status"),
    [
        (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n", 400),  # TLS to a port that has none
        (b"GET / HTTP/1.1\r\nHost: a\x00b\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\n: x\r\nHost: pharmacy.example\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nHost : pharmacy.example\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nHost: <script>alert(1)</script>\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nHost: " + b"a" * 254 + b"\r\n\r\n", 400),
        (b"GET / HTTP/1.0\r\n\r\n", 400),
        (b"GET http://[/ HTTP/1.1\r\nHost: pharmacy.example\r\n\r\n", 400),
        (b"GET / HTTP/2.0\r\nHost: pharmacy.example\r\n\r\n", 505),
        (b"GET / HTTP/1.1\r\nHost: pharmacy.example\r\nContent-Length: -1\r\n\r\n", 400),
        (b"POST / HTTP/1.1\r\nHost: pharmacy.example\r\nTransfer-Encoding: gzip\r\n\r\n", 501),
        (b"GET / HTTP/1.1\r\nHost: pharmacy.example\r\n" + b"X: y\r\n" * 30 + b"\r\n", 431),
        (b"GET / HTTP/1.1\r\nHost: pharmacy.example\r\nX: " + b"y" * 20_000 + b"\r\n\r\n", 431),
        (b"GET /" + b"y" * 20_000, 431),
    ],
)
async def test_a_malformed_request_is_refused_and_does_no_harm(start: Start, request_: bytes, status: int) -> None:
    web = await start()
    visitor = await Visitor.of(web)
    visitor.send(request_)
    found, headers, content = await visitor.answer()
    assert (found, b"script" in content) == (status, False)
    # What is no HTTP at all cannot be told from what comes after it; a host name that is none can.
    assert (headers.get("connection") == "close") == (content == b"" or b"HTTP/1.0" in request_)
    if headers.get("connection") == "close":
        assert await visitor.ended() == b""
    visitor.writer.close()
    assert (await ask(web, CUT))[0] == 451


async def test_a_body_is_never_taken_for_the_next_request(start: Start) -> None:
    visitor = await Visitor.of(await start())
    visitor.send(b"POST / HTTP/1.1\r\nHost: pharmacy.example\r\nContent-Length: %d\r\n\r\n" % len(GET) + GET)
    status, headers, _ = await visitor.answer()
    assert (status, headers["connection"]) == (451, "close")
    assert await visitor.ended() == b""


@pytest.mark.parametrize(
    "host",
    ["pharmacy.example", "PHARMACY.example.", "pharmacy.example:8080", "pharmacy.example.:", "  pharmacy.example  "],
)
async def test_a_host_name_is_found_however_it_is_written(start: Start, host: str) -> None:
    web = await start()
    assert (await ask(web, f"GET / HTTP/1.1\r\nHost: {host}\r\n\r\n".encode()))[0] == 451
    target = f"http://user@{host.strip()}/a?b#c"
    assert (await ask(web, f"GET {target} HTTP/1.1\r\nHost: other.example\r\n\r\n".encode()))[0] == 451


async def test_a_fault_of_ours_is_a_500_and_never_a_site_that_is_served(
    start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    web = await start()

    def broken(*_: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(web, "suspended_by", broken)
    assert (await ask(web, CUT))[0] == 500


# --- who blocks (RFC 7725) -------------------------------------------------------------------------------------------


async def test_the_link_names_who_implements_the_block_and_the_register_describes_it(start: Start) -> None:
    cut = order()
    register = f'<{cut.register_entry}>; rel="describedby"'
    web = await start()
    _, headers, _ = await ask(web, CUT)
    assert headers["link"] == f'<urn:uuid:{cut.provider_id}>; rel="blocked-by", {register}'
    named = await start(about="https://host.example/about")
    assert (await ask(named, CUT))[1]["link"] == f'<https://host.example/about>; rel="blocked-by", {register}'
    assert HOST.encode() in (await ask(named, CUT))[2]
