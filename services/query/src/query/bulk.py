"""Answers a list of keys while it is still being sent: request and answer are streams, memory stays flat.

A caller must read while it sends. One that sends everything first fills both sockets and hangs; after STALL_S seconds
without a byte moving the connection is broken.
"""

import asyncio
import hashlib
from collections.abc import AsyncGenerator, AsyncIterator, Mapping
from contextlib import aclosing, suppress
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Final

from fastapi import Response
from starlette.requests import ClientDisconnect
from starlette.types import Receive, Scope, Send

from query.keys import By
from query.lines import Lines
from query.lookup import Block, Lookup
from query.readmodel import ReadModel
from query.rows import HEADER

STALL_S: Final = 60.0
"""Longest wait for the caller to send or to read something."""


class Format(StrEnum):
    """In which form a list is answered."""

    NDJSON = "ndjson"
    CSV = "csv"


MEDIA_TYPE: Final[Mapping[Format, str]] = {
    Format.NDJSON: "application/x-ndjson",
    Format.CSV: "text/csv; charset=utf-8; header=present",
}


@dataclass
class Tally:
    """How far a list was answered. ``digest``: SHA-256 of the bytes that were sent."""

    keys: int = 0
    found: int = 0
    digest: Any = field(default_factory=hashlib.sha256)

    def add(self, block: Block) -> bytes:
        """Count a block; gives its bytes."""
        self.keys += block.keys
        self.found += block.found
        return block.answer


async def answers(
    model: ReadModel, body: AsyncIterator[bytes], by: By, form: Format, tally: Tally, *, header: bool
) -> AsyncGenerator[bytes, None]:
    """The answers to a stream of keys, in order. Each block is a read transaction of its own, milliseconds long."""
    lines = Lines(header=header)
    if form is Format.CSV:
        yield HEADER.encode()
    async with aclosing(_timed(body)) as chunks:
        async for chunk in chunks:
            tally.digest.update(chunk)
            for block in lines.feed(chunk):
                yield tally.add(_look_up(model, block, by, form))
                await asyncio.sleep(0)  # a send into a socket with room does not give way by itself
    for block in lines.end():
        yield tally.add(_look_up(model, block, by, form))


def _look_up(model: ReadModel, block: list[bytes], by: By, form: Format) -> Block:
    with model.reading(buffers=True) as txn:
        lookup = Lookup(model, txn)
        return lookup.csv(block, by) if form is Format.CSV else lookup.ndjson(block, by)


async def _timed(body: AsyncIterator[bytes]) -> AsyncGenerator[bytes, None]:
    while True:
        async with asyncio.timeout(STALL_S):
            chunk = await anext(body, None)
        if chunk is None:
            return
        yield chunk


class Duplex(Response):
    """A streamed answer that leaves the request's stream alone.

    Starlette's StreamingResponse listens for the client to disconnect, and so takes the body that is still to be read.
    """

    def __init__(self, content: AsyncGenerator[bytes, None], *, media_type: str, headers: Mapping[str, str]) -> None:
        self._content = content
        self.status_code = 200
        self.media_type = media_type
        self.background = None
        self.init_headers(headers)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send what the content gives, as it gives it."""
        with suppress(ClientDisconnect):  # nobody is left to be told
            await self._stream(send)

    async def _stream(self, send: Send) -> None:
        async with aclosing(self._content) as content:
            # The first chunk of the request is read before the answer begins: until then a client may wait for
            # "100 Continue".
            first = await anext(content, b"")
            await send({"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers})
            await _send(send, first)
            async for part in content:
                await _send(send, part)
        await send({"type": "http.response.body", "body": b"", "more_body": False})


async def _send(send: Send, part: bytes) -> None:
    if part:
        async with asyncio.timeout(STALL_S):
            await send({"type": "http.response.body", "body": part, "more_body": True})
