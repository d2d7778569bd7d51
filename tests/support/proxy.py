"""A TCP proxy that does what networks do: it is slow, cuts connections, swallows everything, or every answer."""

import asyncio
import contextlib
import socket
import struct
from collections.abc import AsyncIterator, Callable
from enum import StrEnum
from typing import Final

SLOW_S: Final = 0.15
"""How much later each piece arrives in each direction."""
CUT_AFTER: Final = 200
"""Bytes of an answer after which a connection is cut: a status line and some headers, never the whole of it."""


class Weather(StrEnum):
    """What the network does at the moment."""

    CLEAR = "clear"
    SLOW = "slow"
    RESET = "reset"
    """What is open is cut; the next answers are cut after their first bytes: what was asked may have been done."""
    BLACK_HOLE = "black hole"
    """Nothing arrives anywhere, and nobody is told."""
    HALF_OPEN = "half open"
    """What is asked arrives, no answer does, and nobody is told."""


class Proxy:
    """Between clients and one address; ``weather`` may be changed at any moment."""

    def __init__(self, port: int) -> None:
        """``port``: where it passes everything on to, on this machine."""
        self.port = 0
        self.seen: dict[Weather, int] = dict.fromkeys(Weather, 0)
        """How many pieces met each weather: a test whose faults hit nothing proves nothing."""
        self._to = port
        self._weather = Weather.CLEAR
        self._open: set[asyncio.StreamWriter] = set()
        self._tasks: set[asyncio.Task[None]] = set()

    @contextlib.asynccontextmanager
    async def listening(self) -> AsyncIterator["Proxy"]:
        """Meanwhile it can be connected to."""
        server = await asyncio.start_server(self._connected, "127.0.0.1", self.port)
        self.port = server.sockets[0].getsockname()[1]
        try:
            yield self
        finally:
            server.close()
            for task in list(self._tasks):
                task.cancel()
            await asyncio.gather(*self._tasks, return_exceptions=True)

    def turn(self, weather: Weather) -> None:
        """From now on. What was lost without a word before is never found again: those connections are cut."""
        if weather is Weather.RESET or self._weather in {Weather.BLACK_HOLE, Weather.HALF_OPEN}:
            for writer in list(self._open):
                _reset(writer)
        self._weather = weather

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        self._open.add(writer)
        try:
            up_reader, up_writer = await asyncio.open_connection("127.0.0.1", self._to)
            self._open.add(up_writer)
            async with asyncio.TaskGroup() as both:
                both.create_task(self._pass(reader, up_writer, lambda: _ends(writer, up_writer), answers=False))
                both.create_task(self._pass(up_reader, writer, lambda: _ends(writer, up_writer), answers=True))
        except (OSError, ExceptionGroup, asyncio.CancelledError):
            pass
        finally:
            for each in (writer, up_writer) if "up_writer" in locals() else (writer,):
                self._open.discard(each)
                each.close()
            self._tasks.discard(task)

    async def _pass(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, cut: Callable[[], None], *, answers: bool
    ) -> None:
        while piece := await reader.read(65536):
            self.seen[self._weather] += 1
            match self._weather:
                case Weather.SLOW:
                    await asyncio.sleep(SLOW_S)
                case Weather.RESET if answers:
                    writer.write(piece[:CUT_AFTER])
                    await writer.drain()
                    cut()
                    return
                case Weather.BLACK_HOLE:
                    continue
                case Weather.HALF_OPEN if answers:
                    continue
            writer.write(piece)
            await writer.drain()
        cut()


def _ends(*writers: asyncio.StreamWriter) -> None:
    for writer in writers:
        writer.close()


def _reset(writer: asyncio.StreamWriter) -> None:
    """End it as a machine does that knows nothing of it."""
    with contextlib.suppress(OSError):
        writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()
