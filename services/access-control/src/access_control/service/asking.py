"""Asks how one name is answered for at one recorded address: the status and its 451 links, and nothing else.

`HEAD /` alone; `GET /` where a server takes no HEAD, and then the body is not read. No redirect is followed, no cookie
is sent or kept, nothing is resolved: the address is the one of the order, the name goes into Host and TLS.
"""

import asyncio
import re
import ssl
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Final
from urllib.parse import unquote

from shared.contracts.http.observed import Outcome
from shared.runtime.post.outside import is_outside

ASK_S: Final = 10.0
"""A connection, from its beginning to the end of the answer's head."""
HEAD_BYTES: Final = 16 * 1024
INTERIM: Final = 3
"""Answers of class 1xx that are read over."""
HTTP, HTTPS = 80, 443
_NAME: Final = re.compile(r"(?=.{1,253}\Z)[a-z0-9_-]+(\.[a-z0-9_-]+)+\Z").match
_STATUS: Final = re.compile(rb"HTTP/1\.[01] (\d{3})(?: |\Z)").match
_LINK: Final = re.compile(r"<([^<>]*)>([^<]*)")
_REL: Final = re.compile(r';\s*rel\s*=\s*(?:"([^"]*)"|([^\s";,]+))', re.IGNORECASE)
_TAKES_NO_HEAD: Final = frozenset({405, 501})


class NotAsked(Exception):
    """This name or address is not one to be asked."""


@dataclass(frozen=True, slots=True)
class Seen:
    """What one port answered. ``port`` 0: there was no answer on any."""

    port: int
    outcome: Outcome
    status: int | None = None
    ours: bool = False


@dataclass(slots=True)
class Pace:
    """Lets no more connections begin than this, to one address and to all; asked one after the other."""

    address_s: float
    per_minute: int
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep
    _last: float = 0.0
    _of: dict[str, float] = field(default_factory=dict)

    async def wait(self, address: str) -> None:
        """Return when this address may be connected to."""
        now = asyncio.get_running_loop().time()
        self._of = {each: at for each, at in self._of.items() if at > now - self.address_s}
        begins = max(now, self._last + 60 / self.per_minute, self._of.get(address, 0.0) + self.address_s)
        self._last = self._of[address] = begins
        if begins > now:
            await self.sleep(begins - now)


@dataclass(frozen=True, slots=True)
class Asker:
    """``inside``: also addresses of private networks, for tests alone."""

    pace: Pace
    agent: str
    inside: bool = False
    http: int = HTTP
    https: int = HTTPS
    ask_s: float = ASK_S

    async def ask(self, host: str, address: str, entry: str) -> list[Seen]:
        """What http and https answer for the name; one row without a port where neither does. Raises NotAsked."""
        if _NAME(host) is None:
            raise NotAsked(f"{host!r} is no host name in A-labels")
        try:
            outside = is_outside(address)
        except ValueError as error:  # a name: nothing is resolved here
            raise NotAsked(f"{address!r} is no address") from error
        if not (self.inside or outside):
            raise NotAsked(f"{address} is not a public address")
        seen = [await self._port(host, address, entry, port) for port in (self.http, self.https)]
        answered = [each for each in seen if each.status is not None]
        if answered:
            return answered
        refused = all(each.outcome is Outcome.REFUSED for each in seen)
        return [Seen(0, Outcome.REFUSED if refused else Outcome.NO_ANSWER)]

    async def _port(self, host: str, address: str, entry: str, port: int) -> Seen:
        try:
            status, links = await self._head(host, address, port, "HEAD")
            if status in _TAKES_NO_HEAD:
                status, links = await self._head(host, address, port, "GET")
        except ConnectionRefusedError:
            return Seen(port, Outcome.REFUSED)
        except (OSError, EOFError, ValueError, asyncio.LimitOverrunError):  # of TLS and of time, too
            return Seen(port, Outcome.NO_ANSWER)
        return seen(port, status, links, entry)

    async def _head(self, host: str, address: str, port: int, method: str) -> tuple[int, str]:
        await self.pace.wait(address)
        tls: Mapping[str, object] = {"ssl": _trusted(), "server_hostname": host} if port == self.https else {}
        async with asyncio.timeout(self.ask_s):
            reader, writer = await asyncio.open_connection(address, port, limit=HEAD_BYTES, **tls)  # type: ignore[arg-type]
            try:
                writer.write(
                    f"{method} / HTTP/1.1\r\nHost: {host}\r\nUser-Agent: {self.agent}\r\nAccept: */*\r\n"
                    "Connection: close\r\n\r\n".encode("ascii")
                )
                for _ in range(1 + INTERIM):
                    status, links = _read(await reader.readuntil(b"\r\n\r\n"))
                    if status >= 200:
                        return status, links
                raise ValueError("nothing but interim answers")
            finally:
                writer.transport.abort()  # whatever else comes is not read


def seen(port: int, status: int, links: str, entry: str) -> Seen:
    """What a status and its links say."""
    if 200 <= status < 300:
        return Seen(port, Outcome.SERVED, status)
    if status != 451:
        return Seen(port, Outcome.OTHER, status)
    found = [(target, _relations(more)) for target, more in _LINK.findall(links)]
    says = any("blocked-by" in relations for _, relations in found)
    ours = any(unquote(target) == unquote(entry) for target, _ in found)
    return Seen(port, Outcome.WITH_LINK if says else Outcome.WITHOUT_LINK, status, ours)


def _relations(parameters: str) -> list[str]:
    return [word.lower() for quoted, plain in _REL.findall(parameters) for word in (quoted or plain).split()]


def _read(head: bytes) -> tuple[int, str]:
    """The status of an answer and its Link fields. Raises ValueError for what is no HTTP."""
    first, *fields = head.split(b"\r\n")
    status = _STATUS(first)
    if status is None:
        raise ValueError("no HTTP")
    pairs = (each.partition(b":") for each in fields)
    links = [value.decode("latin-1") for name, _, value in pairs if name.strip().lower() == b"link"]
    return int(status[1]), ", ".join(links)


@cache
def _trusted() -> ssl.SSLContext:
    return ssl.create_default_context()
