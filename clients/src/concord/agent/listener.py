"""A small HTTP/1.x server on h11 for an agent's web hook: heads only, and nobody can hold it up."""

import asyncio
import contextlib
import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from email.utils import formatdate
from typing import Final

import h11

CHUNK: Final = 4096
_LINGER_S: Final = 1.0
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Limits:
    """What a visitor may take."""

    head_bytes: int = 16_384
    headers: int = 100
    head_s: float = 10.0
    """Until a whole head is in, counted from the answer before it: a trickle does not prolong it."""
    send_s: float = 10.0
    """How long somebody may not read what is sent."""
    connections: int = 1000


@dataclass(frozen=True, slots=True)
class Answer:
    """What is said to a request."""

    status: int
    body: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)


class Listener:
    """Answers requests by their head alone; a body is never read, and ends its connection."""

    def __init__(self, answer: Callable[[h11.Request], Answer], limits: Limits = Limits()) -> None:
        self._answer = answer
        self._limits = limits
        self._server: asyncio.Server | None = None
        self._talks = dict[asyncio.Task[None], asyncio.StreamWriter]()

    async def start(self, host: str, port: int) -> None:
        """Begin to answer. Raises OSError when the address is taken."""
        self._server = await asyncio.start_server(self._serve, host, port, limit=self._limits.head_bytes)

    @property
    def port(self) -> int:
        """The port it listens on."""
        assert self._server is not None, "the server is not started"
        return int(self._server.sockets[0].getsockname()[1])

    async def stop(self) -> None:
        """Stop answering, now."""
        if self._server is not None:
            self._server.close()
        for writer in self._talks.values():
            writer.transport.abort()
        if self._talks:
            await asyncio.wait(self._talks)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        full = len(self._talks) >= self._limits.connections
        self._talks[task] = writer
        try:
            if full:
                writer.write(b"HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
            else:
                await _Talk(reader, writer, self._answer, self._limits).go_on()
        except (TimeoutError, ConnectionError):
            pass  # whoever asked has gone, never came to the point, or does not read: there is nobody to answer
        finally:
            await self._let_go(writer)
            del self._talks[task]

    async def _let_go(self, writer: asyncio.StreamWriter) -> None:
        writer.close()
        try:
            async with asyncio.timeout(self._limits.send_s):
                await writer.wait_closed()
        except (TimeoutError, ConnectionError):
            writer.transport.abort()


class _Talk:
    """One connection."""

    def __init__(
        self,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        answer: Callable[[h11.Request], Answer],
        limits: Limits,
    ) -> None:
        self._reader, self._writer, self._answer, self._limits = reader, writer, answer, limits
        self._http = h11.Connection(h11.SERVER, max_incomplete_event_size=limits.head_bytes)

    async def go_on(self) -> None:
        """Answer one request after the other, also those that were sent before the first was answered."""
        while True:
            try:
                async with asyncio.timeout(self._limits.head_s):
                    request = await self._next()
                if request is None:
                    return None
                whole = isinstance(self._http.next_event(), h11.EndOfMessage)
            except h11.RemoteProtocolError as error:
                return await self._end(Answer(error.error_status_hint))
            if len(request.headers) > self._limits.headers:
                return await self._end(Answer(431))
            if not request.http_version.startswith(b"1."):
                return await self._end(Answer(505))
            await self._say(self._ask(request), head_only=request.method == b"HEAD", last=not whole)
            if self._http.our_state is not h11.DONE or self._http.their_state is not h11.DONE:
                return await self._linger()
            self._http.start_next_cycle()

    async def _next(self) -> h11.Request | None:
        """The next head; none when the visitor is done. Raises RemoteProtocolError."""
        while True:
            event = self._http.next_event()
            if event is h11.NEED_DATA:
                self._http.receive_data(await self._reader.read(CHUNK))
            else:
                return event if isinstance(event, h11.Request) else None

    def _ask(self, request: h11.Request) -> Answer:
        try:
            return self._answer(request)
        except Exception:
            _log.exception("a request could not be answered")
            return Answer(500)

    async def _end(self, answer: Answer) -> None:
        await self._say(answer, head_only=False, last=True)
        await self._linger()

    async def _say(self, answer: Answer, *, head_only: bool, last: bool) -> None:
        content = answer.body.encode()
        headers = {"Date": formatdate(usegmt=True), "Content-Length": str(len(content)), **answer.headers}
        if content:
            headers.setdefault("Content-Type", "text/html; charset=utf-8")
        if last:
            headers["Connection"] = "close"
        events: list[h11.Event] = [h11.Response(status_code=answer.status, headers=list(headers.items()))]
        if not head_only:
            events.append(h11.Data(data=content))
        for event in (*events, h11.EndOfMessage()):
            self._writer.write(self._http.send(event) or b"")
        async with asyncio.timeout(self._limits.send_s):
            await self._writer.drain()

    async def _linger(self) -> None:
        """Close our half and read a little of what is still coming, or the kernel's reset would eat the answer."""
        with contextlib.suppress(TimeoutError, OSError):
            self._writer.write_eof()
            async with asyncio.timeout(_LINGER_S):
                while await self._reader.read(CHUNK):
                    pass
