"""Answers a list of keys while it is still being sent: request and answer are streams, memory stays flat.

A caller had better read while it sends. What one sends who does not read is put aside, in a file, and answered when it
does; when no byte has moved for a minute, the connection is broken.
"""

import asyncio
import hashlib
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterable, Mapping, MutableMapping
from contextlib import aclosing
from dataclasses import dataclass, field
from typing import Any, Final

from fastapi import Response
from starlette.requests import ClientDisconnect
from starlette.types import Receive, Scope, Send

from query.lookup.block import Block, Lookup
from query.lookup.inflow import Inflow
from query.lookup.kept import Kept
from query.lookup.lines import Lines
from query.readmodel.model import ReadModel
from query.readmodel.rows import HEADER
from shared.contracts.http.query import By, Format

Keep = Callable[[Kept], Awaitable[None]]
"""Writes down which keys were asked."""
PATIENCE_S: Final = 1.0
"""How long an answer may wait to be read before the request is put aside."""


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
    model: ReadModel, body: Inflow, by: By, form: Format, tally: Tally, keep: Keep, *, header: bool
) -> AsyncGenerator[bytes, None]:
    """The answers to a stream of keys, in order. What arrived together is kept before it is answered, in one piece."""
    lines = Lines(header=header)
    if form is Format.CSV:
        yield HEADER.encode()
    async for chunk in body:
        tally.digest.update(chunk)
        for block in await _piece(model, lines.feed(chunk), by, form, keep):
            yield tally.add(block)
    for block in await _piece(model, lines.end(), by, form, keep):
        yield tally.add(block)


async def _piece(model: ReadModel, cut: Iterable[list[bytes]], by: By, form: Format, keep: Keep) -> list[Block]:
    """The answers to some blocks, kept. Each block is a read transaction of its own, milliseconds long."""
    blocks = []
    for lines in cut:
        blocks.append(_look_up(model, lines, by, form))
        await asyncio.sleep(0)  # others get their turn
    if blocks:
        asked = (each.asked for each in blocks)
        terms = (each.terms for each in blocks if each.terms)
        await keep(Kept.of(b"\n".join(asked), b"\n".join(terms)))
    return blocks


def _look_up(model: ReadModel, block: list[bytes], by: By, form: Format) -> Block:
    with model.reading(buffers=True) as txn:
        lookup = Lookup(model, txn)
        return lookup.csv(block, by) if form is Format.CSV else lookup.ndjson(block, by)


class Duplex(Response):
    """A streamed answer to a streamed request.

    Starlette's StreamingResponse listens for the client to disconnect, and so takes the body that is still to be read.
    """

    def __init__(
        self, content: AsyncGenerator[bytes, None], inflow: Inflow, *, media_type: str, headers: Mapping[str, str]
    ) -> None:
        self._content, self._inflow = content, inflow
        self.status_code = 200
        self.media_type = media_type
        self.background = None
        self.init_headers(headers)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send what the content gives, as it gives it."""
        try:
            async with aclosing(self._content) as content:
                await self._stream(content, send)
        except ClientDisconnect:
            return  # nobody is left to be told
        finally:
            await self._inflow.close()

    async def _stream(self, content: AsyncGenerator[bytes, None], send: Send) -> None:
        # The first piece of the request is read before the answer begins: until then a client may wait for
        # "100 Continue".
        part = await anext(content, None)
        await send({"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers})
        while part is not None:
            if part:
                try:
                    await self._send(send, part)
                except TimeoutError as stalled:
                    part = await content.athrow(stalled)  # it will not answer; it notes why
            part = await anext(content, None)
        await send({"type": "http.response.body", "body": b"", "more_body": False})

    async def _send(self, send: Send, part: bytes) -> None:
        """Send a part; if it does not get through, take in the request meanwhile."""
        message = {"type": "http.response.body", "body": part, "more_body": True}
        sending = asyncio.ensure_future(_sent(send, message))
        try:
            done, _ = await asyncio.wait({sending}, timeout=PATIENCE_S)
            if not done:
                await self._inflow.put_aside(sending)
            await sending
        finally:
            sending.cancel()


async def _sent(send: Send, message: MutableMapping[str, Any]) -> None:
    await send(message)
