"""POST and GET over kept connections, with as little work as it takes: whoever asks is no part of what is measured."""

import asyncio
from typing import Any
from urllib.parse import urlsplit
from uuid import uuid4

import httptools
import orjson
from pydantic import BaseModel

from concord.sdk import Concord
from tests.bench.waits import LONGEST_S, within


class Refused(RuntimeError):
    """The answer was no success; the message is its problem document."""

    def __init__(self, status: int, document: str) -> None:
        super().__init__(document)
        self.status = status


class _Connection(asyncio.Protocol):
    """One request after another."""

    def __init__(self) -> None:
        self._parser = httptools.HttpResponseParser(self)
        self._answer: asyncio.Future[bytes] = asyncio.Future()
        self._body = bytearray()
        self._transport: Any = None
        self.lost = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport

    def connection_lost(self, exc: Exception | None) -> None:
        self.lost = True
        if not self._answer.done():
            self._answer.set_exception(exc or ConnectionResetError("closed before the answer came"))

    def data_received(self, data: bytes) -> None:
        self._parser.feed_data(data)

    def on_body(self, body: bytes) -> None:
        self._body += body

    def on_message_complete(self) -> None:
        if (status := self._parser.get_status_code()) >= 400:
            self._answer.set_exception(Refused(status, bytes(self._body).decode()))
        else:
            self._answer.set_result(bytes(self._body))

    async def ask(self, request: bytes) -> bytes:
        """Send a request, wait for the body of its answer."""
        self._answer = asyncio.Future()
        self._body.clear()
        self._transport.write(request)
        try:
            return await self._answer
        except asyncio.CancelledError:
            self.close()  # nobody would take the answer
            raise

    def close(self) -> None:
        self._transport.close()


class Wire:
    """One person's way to one service; nobody's, where everybody may ask, or whoever holds a token."""

    def __init__(self, person: Concord | None, url: str, token: str | None = None) -> None:
        self._person, self._token = person, token
        place = urlsplit(url)
        self._host, self._port = str(place.hostname), int(place.port or 80)
        self._idle: list[_Connection] = []

    async def post(self, path: str, body: BaseModel | None = None) -> dict[str, Any]:
        """The JSON answer. Raises Refused unless it is a success."""
        content = b"" if body is None else body.model_dump_json().encode()
        headers = {
            "Idempotency-Key": str(uuid4()), "Content-Type": "application/json", "Content-Length": str(len(content)),
        }  # fmt: skip
        return await self._json("POST", path, headers, content)

    async def get(self, path: str, seconds: float = LONGEST_S) -> dict[str, Any]:
        """The JSON answer, which may be long in coming. Raises Refused unless it is a success."""
        return await self._json("GET", path, {}, b"", seconds)

    async def _json(
        self, method: str, path: str, headers: dict[str, str], content: bytes, seconds: float = LONGEST_S
    ) -> dict[str, Any]:
        headers |= {} if self._person is None else dict(await self._person.authorization())
        headers |= {"Host": self._host} | ({"Authorization": f"Bearer {self._token}"} if self._token else {})
        head = f"{method} {path} HTTP/1.1\r\n" + "".join(f"{n}: {value}\r\n" for n, value in headers.items()) + "\r\n"
        asked = self._asked(head.encode() + content)
        answer: dict[str, Any] = orjson.loads(await within(f"{method} {path}", asked, seconds))
        return answer

    async def _asked(self, request: bytes) -> bytes:
        """Ask on a connection that is kept; one that the server closed meanwhile is none, and asked once more."""
        while self._idle:
            connection = self._idle.pop()
            if connection.lost:
                continue
            try:
                answer = await connection.ask(request)
            except ConnectionError:
                break  # closed as we asked; the Idempotency-Key makes the second try the same one
            self._idle.append(connection)
            return answer
        connection = await self._connect()
        answer = await connection.ask(request)
        self._idle.append(connection)
        return answer

    async def _connect(self) -> _Connection:
        _, connection = await asyncio.get_running_loop().create_connection(_Connection, self._host, self._port)
        return connection

    def close(self) -> None:
        """Close what was kept open."""
        for connection in self._idle:
            connection.close()
