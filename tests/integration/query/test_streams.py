"""Lists over a real socket: request and answer at the same time, lists broken off, callers who do not read."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Any

import orjson
import pytest
import uvicorn

from query.lookup import inflow
from tests.support import people
from tests.support.service import Api

LINE = b"pharmacy.example\n"


@pytest.fixture
async def port(api: Api) -> AsyncIterator[int]:
    """The service behind a real server."""
    config = uvicorn.Config(api.app, port=0, http="httptools", lifespan="off", log_level="critical")
    server = uvicorn.Server(config)
    serving = asyncio.create_task(server.serve())
    while not server.started:  # noqa: ASYNC110 - uvicorn has no event for it
        await asyncio.sleep(0.01)
    yield server.servers[0].sockets[0].getsockname()[1]
    server.should_exit = True
    await serving


@asynccontextmanager
async def talking(port: int, *, length: int | None = None, query: str = "") -> AsyncIterator[tuple[Any, Any]]:
    """A connection on which the head of a request was sent."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    framing = "Transfer-Encoding: chunked" if length is None else f"Content-Length: {length}"
    head = ("Host: x", f"Authorization: Bearer {people.token('officer')}", "X-Purpose: a test", framing, "", "")
    writer.write(f"POST /lookup/bulk{query} HTTP/1.1\r\n".encode() + "\r\n".join(head).encode())
    try:
        yield reader, writer
    finally:
        writer.close()
        with suppress(ConnectionError):
            await writer.wait_closed()


def chunk(data: bytes) -> bytes:
    return b"%x\r\n%b\r\n" % (len(data), data)


async def next_chunk(reader: Any) -> bytes:
    size = int(await reader.readline(), 16)
    data: bytes = await reader.readexactly(size + 2)
    return data[:-2]


async def the_audit(api: Api, *, until: str) -> Any:
    """The audit row of the list, once it has the status."""
    for _ in range(100):
        async with api.rt.db.connection() as connection:
            row = await connection.fetchrow("SELECT * FROM lookup_audit ORDER BY id DESC LIMIT 1")
        if row is not None and row["status"] == until:
            return row
        await asyncio.sleep(0.05)
    pytest.fail(f"no audit row with status {until}: {row}")


async def test_answers_come_while_keys_are_still_being_sent(api: Api, port: int) -> None:
    async with talking(port) as (reader, writer):
        writer.write(chunk(b"pharmacy.example\nsite-2.exa"))
        head = await reader.readuntil(b"\r\n\r\n")
        assert b"200 OK" in head
        assert orjson.loads(await next_chunk(reader))["key"] == "pharmacy.example"
        assert (await the_audit(api, until="started"))["finished_at"] is None
        writer.write(chunk(b"mple\n"))
        assert orjson.loads(await next_chunk(reader))["key"] == "site-2.example"
        writer.write(chunk(b""))
        assert await next_chunk(reader) == b""
    assert (await the_audit(api, until="completed"))["keys"] == 2


async def test_a_list_broken_off_by_the_caller_is_in_the_audit(api: Api, port: int) -> None:
    async with talking(port) as (reader, writer):
        writer.write(chunk(LINE))
        await reader.readuntil(b"\r\n\r\n")
    row = await the_audit(api, until="aborted")
    assert (row["keys"], row["reason"]) == (1, "ClientDisconnect")


async def test_a_caller_who_sends_everything_before_reading_is_answered(api: Api, port: int) -> None:
    number = 300_000  # some 4 MB of keys, 240 MB of answers: more than the sockets hold
    async with talking(port, length=number * len(LINE)) as (reader, writer), asyncio.timeout(120):
        reader._transport.pause_reading()
        for _ in range(number // 1000):
            writer.write(LINE * 1000)
            await writer.drain()
        reader._transport.resume_reading()
        await reader.readuntil(b"\r\n\r\n")
        lines = 0
        while part := await next_chunk(reader):
            lines += part.count(b"\n")
    assert lines == number
    assert (await the_audit(api, until="completed"))["keys"] == number


async def test_a_caller_who_never_reads_is_given_up(api: Api, port: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(inflow, "STALL_S", 0.5)
    number = 30_000
    async with talking(port, length=number * len(LINE)) as (_, writer):
        async with asyncio.timeout(30):
            writer.write(LINE * number)
            await writer.drain()
        assert (await the_audit(api, until="aborted"))["reason"] == "TimeoutError"
        writer.transport.abort()


async def test_a_caller_who_stops_sending_is_cut_off(api: Api, port: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(inflow, "STALL_S", 0.3)
    async with talking(port) as (reader, writer):
        writer.write(chunk(LINE))
        async with asyncio.timeout(10):
            answer = await reader.read()
    assert not answer.endswith(b"0\r\n\r\n")
    await the_audit(api, until="aborted")


async def test_a_long_list_is_complete_and_others_are_served_meanwhile(api: Api, port: int) -> None:
    number = 60_000
    keys = b"".join(b"pharmacy.example\n" if each % 3 else b"nothing-%d.example\n" % each for each in range(number))

    async def send(writer: Any) -> None:
        for start in range(0, len(keys), 50_000):
            writer.write(keys[start : start + 50_000])
            await writer.drain()

    longest = 0.0

    async def others() -> None:
        nonlocal longest
        while True:
            began = time.process_time()  # and not the clock: whatever else this machine does takes no turns from others
            await asyncio.sleep(0)
            longest = max(longest, time.process_time() - began)

    async with talking(port, length=len(keys), query="?by=domain") as (reader, writer):
        sending, watching = asyncio.create_task(send(writer)), asyncio.create_task(others())
        await reader.readuntil(b"\r\n\r\n")
        lines = b""
        found: list[bool] = []
        while part := await next_chunk(reader):
            *whole, lines = (lines + part).split(b"\n")
            found += [orjson.loads(line)["found"] for line in whole]
        await sending
        watching.cancel()
    assert found == [bool(each % 3) for each in range(number)]
    row = await the_audit(api, until="completed")
    assert (row["keys"], row["found"]) == (number, number - number // 3)
    assert longest < 0.5


async def test_a_head_request_gets_the_head_of_the_answer_and_nothing_more(port: int) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    heads = []
    for method in ("GET", "HEAD", "HEAD"):
        writer.write(f"{method} /public/lookup?domain=pharmacy.example HTTP/1.1\r\nHost: x\r\n\r\n".encode())
        head = (await reader.readuntil(b"\r\n\r\n")).lower()
        assert head.startswith(b"http/1.1 200")
        heads.append(sorted(line for line in head.split(b"\r\n") if b"content-" in line))
        if method == "GET":
            length = next(int(line.partition(b":")[2]) for line in heads[0] if b"content-length" in line)
            assert b"pharmacy.example" in await reader.readexactly(length)
    # What follows the head of the second answer is the head of the third: no content came between.
    assert [b"content-type" in b" ".join(each) for each in heads] == [True] * 3
    writer.close()
