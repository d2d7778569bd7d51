"""How a name is looked at: a DNS server of our own, and files that never lead into our own network."""

import asyncio
import socket
from collections.abc import AsyncIterator
from typing import Any, Final

import dns.message
import dns.rcode
import dns.rrset
import httpx
import pytest
from dns.asyncresolver import Resolver
from dns.nameserver import Do53Nameserver

from shared.runtime.post import proofs
from shared.runtime.post.proofs import Internet, NotAnswered

OUTSIDE: Final = "93.184.215.14"
NAME: Final = "owner.example"
FILE: Final = f"https://{NAME}/.well-known/concord-notices.txt"


class Zone(asyncio.DatagramProtocol):
    """A name server that knows one record, and can be out of order."""

    def __init__(self) -> None:
        self.rcode: int | None = None
        self.silent = False
        self.transport: Any = None

    def connection_made(self, transport: Any) -> None:
        self.transport = transport

    def datagram_received(self, data: bytes, addr: Any) -> None:
        if self.silent:
            return
        query = dns.message.from_wire(data)
        answer = dns.message.make_response(query)
        name = query.question[0].name.to_text()
        if self.rcode is not None:
            answer.set_rcode(dns.rcode.Rcode(self.rcode))
        elif name == "_concord.owner.example.":
            long = '"' + "a" * 200 + '" "' + "b" * 100 + '"'
            answer.answer.append(dns.rrset.from_text(name, 60, "IN", "TXT", '"concord-notices=abc"', '"v=spf1"', long))
        elif name != "empty.example.":
            answer.set_rcode(dns.rcode.NXDOMAIN)
        self.transport.sendto(answer.to_wire(), addr)


@pytest.fixture
async def zone() -> AsyncIterator[tuple[Zone, Resolver]]:
    transport, found = await asyncio.get_running_loop().create_datagram_endpoint(Zone, local_addr=("127.0.0.1", 0))
    resolver = Resolver(configure=False)
    resolver.nameservers = [Do53Nameserver("127.0.0.1", transport.get_extra_info("sockname")[1])]
    yield found, resolver
    transport.close()


def internet(http: httpx.AsyncClient | None = None, resolver: Resolver | None = None) -> Internet:
    return Internet(http or httpx.AsyncClient(), private=False, resolver=resolver)


async def test_the_texts_of_a_name_are_read_and_what_has_none_says_so(
    zone: tuple[Zone, Resolver], monkeypatch: pytest.MonkeyPatch
) -> None:
    server, resolver = zone
    looks = internet(resolver=resolver)
    found = await looks.texts("_concord.owner.example")
    assert set(found) == {"concord-notices=abc", "v=spf1", "a" * 200 + "b" * 100}
    assert await looks.texts("_concord.nobody.example") == []
    assert await looks.texts("empty.example") == []
    server.rcode = dns.rcode.SERVFAIL
    with pytest.raises(NotAnswered):
        await looks.texts("_concord.owner.example")
    server.rcode, server.silent = None, True
    monkeypatch.setattr(proofs, "TIMEOUT_S", 0.3)
    with pytest.raises(NotAnswered):
        await looks.texts("_concord.owner.example")


@pytest.fixture
def answers(monkeypatch: pytest.MonkeyPatch) -> list[list[str]]:
    """What the name server says of the name's address, one after the other."""
    said: list[list[str]] = []
    real = socket.getaddrinfo

    def resolve(host: Any, port: Any, *rest: Any, **options: Any) -> Any:
        name = host.decode() if isinstance(host, bytes) else host
        if name != NAME:
            return real(host, port, *rest, **options)
        if not said:
            raise OSError("no such name")
        return [each for address in said.pop(0) for each in real(address, port, *rest, **options)]

    monkeypatch.setattr(socket, "getaddrinfo", resolve)
    return said


given: list[int] = []


def serving(
    asked: list[httpx.Request], status: int = 200, body: bytes = b"abc\n", *, pause: float = 0, **headers: str
) -> httpx.AsyncClient:
    def answer(request: httpx.Request) -> httpx.Response:
        asked.append(request)
        return httpx.Response(status, content=parts(), headers=headers)

    async def parts() -> AsyncIterator[bytes]:
        for byte in range(0, len(body), 1000):
            await asyncio.sleep(pause)
            given.append(byte)
            yield body[byte : byte + 1000]

    return httpx.AsyncClient(transport=httpx.MockTransport(answer), trust_env=False)


async def test_a_file_is_read_at_the_address_that_was_looked_at_under_the_names_own_host(
    answers: list[list[str]],
) -> None:
    answers += [[OUTSIDE], ["127.0.0.1"]]
    asked: list[httpx.Request] = []
    async with serving(asked) as http:
        assert await internet(http).file(FILE) == "abc\n"
    (request,) = asked
    assert (request.url.host, request.headers["host"]) == (OUTSIDE, NAME)
    assert request.extensions["sni_hostname"] == NAME
    assert answers == [["127.0.0.1"]], "resolved once: a name server that changes its mind changes nothing"


@pytest.mark.parametrize(
    "inside",
    ["127.0.0.1", "10.0.0.8", "169.254.169.254", "::1", "fd00::8", "0.0.0.0", "::ffff:127.0.0.1",
     "::ffff:169.254.169.254", "64:ff9b::7f00:1", "2002:7f00:1::", "100.64.0.1", "fe80::1"],
)  # fmt: skip
async def test_a_name_never_leads_into_our_own_network(answers: list[list[str]], inside: str) -> None:
    answers += [[OUTSIDE, inside]]
    asked: list[httpx.Request] = []
    async with serving(asked) as http:
        assert await internet(http).file(FILE) is None
    assert asked == []


@pytest.mark.parametrize("status", [301, 302, 307, 308])
async def test_a_redirect_is_not_followed_and_proves_nothing(answers: list[list[str]], status: int) -> None:
    answers += [[OUTSIDE]]
    asked: list[httpx.Request] = []
    async with serving(asked, status, location="http://169.254.169.254/latest/meta-data") as http:
        assert await internet(http).file(FILE) is None
    assert len(asked) == 1


async def test_what_is_larger_than_a_proof_is_none_and_is_not_read_to_its_end(answers: list[list[str]]) -> None:
    answers += [[OUTSIDE], [OUTSIDE]]
    async with serving([], body=b"x" * 100_000) as http:
        given.clear()
        assert await internet(http).file(FILE) is None
        assert len(given) <= 6
    async with serving([], 404) as http:
        assert await internet(http).file(FILE) is None


async def test_one_that_sends_a_byte_now_and_then_is_not_waited_for(
    answers: list[list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(proofs, "WHOLE_S", 0.2)
    answers += [[OUTSIDE]]
    async with serving([], body=b"x" * 4000, pause=0.15) as http:
        with pytest.raises(NotAnswered):
            await internet(http).file(FILE)


@pytest.mark.parametrize("status", [500, 503, 429])
async def test_a_server_in_trouble_has_not_answered(answers: list[list[str]], status: int) -> None:
    answers += [[OUTSIDE]]
    async with serving([], status) as http:
        with pytest.raises(NotAnswered):
            await internet(http).file(FILE)


async def test_a_name_that_cannot_be_resolved_has_not_answered(answers: list[list[str]]) -> None:
    asked: list[httpx.Request] = []
    async with serving(asked) as http:
        with pytest.raises(NotAnswered):
            await internet(http).file(FILE)
    assert asked == []
