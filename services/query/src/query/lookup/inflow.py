"""A request's body that can be put aside while its sender does not read the answer, so that neither waits forever."""

import asyncio
import tempfile
from collections.abc import AsyncIterator
from contextlib import suppress
from typing import IO, Any, Final

STALL_S: Final = 60.0
"""Longest wait for the caller to send or to read something."""
MOST_ASIDE: Final = 1 << 30
"""Bytes of one request that are put aside, in a file; beyond that its sender has to read."""
_CHUNK: Final = 256 * 1024


class Inflow:
    """The body of one request, in order: first what was put aside, then what still arrives."""

    def __init__(self, stream: AsyncIterator[bytes]) -> None:
        self._stream = stream
        self._arriving: asyncio.Future[bytes | None] | None = None
        self._aside: IO[bytes] | None = None
        self._read_at = self._written = 0
        self.ended = False
        """Whether the sender has sent everything."""

    def __aiter__(self) -> AsyncIterator[bytes]:
        return self

    async def __anext__(self) -> bytes:
        """The next piece. Raises TimeoutError if the sender sends nothing for STALL_S seconds."""
        if self._aside is not None and self._read_at < self._written:
            self._aside.seek(self._read_at)
            piece = self._aside.read(min(_CHUNK, self._written - self._read_at))
            self._read_at += len(piece)
            return piece
        if self.ended or (arrived := await self._arrival(STALL_S)) is None:
            raise StopAsyncIteration
        return arrived

    async def put_aside(self, until: asyncio.Future[None]) -> None:
        """Take in what arrives until the future is done. Raises TimeoutError when nothing moves either way."""
        while not until.done():
            if self.ended or self._written - self._read_at >= MOST_ASIDE:
                if not (await asyncio.wait({until}, timeout=STALL_S))[0]:
                    raise TimeoutError("the answer is not read")
                return
            arriving = self._arrive()
            both: set[asyncio.Future[Any]] = {until, arriving}
            done, _ = await asyncio.wait(both, timeout=STALL_S)
            if not done:
                raise TimeoutError("nothing is sent and nothing is read")
            if arriving in done and (piece := self._take()) is not None:
                self._keep(piece)

    async def close(self) -> None:
        """Let go of what was put aside and of the stream."""
        if self._arriving is not None:
            self._arriving.cancel()
            with suppress(asyncio.CancelledError, Exception):
                await self._arriving
        if self._aside is not None:
            self._aside.close()

    def _arrive(self) -> asyncio.Future[bytes | None]:
        # Never cancelled while it waits: a cancelled read would end the stream.
        if self._arriving is None:
            self._arriving = asyncio.ensure_future(_next(self._stream))
        return self._arriving

    async def _arrival(self, seconds: float) -> bytes | None:
        done, _ = await asyncio.wait({self._arrive()}, timeout=seconds)
        if not done:
            raise TimeoutError("nothing is sent")
        return self._take()

    def _take(self) -> bytes | None:
        arriving, self._arriving = self._arriving, None
        assert arriving is not None
        piece = arriving.result()
        self.ended = self.ended or piece is None
        return piece

    def _keep(self, piece: bytes) -> None:
        if self._aside is None:
            self._aside = tempfile.TemporaryFile(prefix="concord-query-")  # noqa: SIM115 - closed in close()
        self._aside.seek(self._written)
        self._aside.write(piece)
        self._written += len(piece)


async def _next(stream: AsyncIterator[bytes]) -> bytes | None:
    return await anext(stream, None)
