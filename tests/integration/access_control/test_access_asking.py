"""How one name is asked for at one address: what is sent, what is taken for what, and what a server cannot do to us."""

import asyncio
import contextlib
import datetime as dt
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from ipaddress import ip_address
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from access_control.service import asking
from access_control.service.asking import Asker, NotAsked, Pace, Seen
from concord.agent.page import links
from shared.contracts.http.observed import Outcome
from shared.contracts.orders import Order
from tests.support.nginx import free_port, running

ENTRY = "https://register.example/public/register/%E4%BA%AC-1"
NAME = "pharmacy.example"
LINK = f'<https://provider.example/about>; rel="blocked-by", <{ENTRY}>; rel="describedby"'
SERVER = """
  server {{ listen 127.0.0.1:{port}{tls}; server_name {name}; {says} }}
  server {{ listen 127.0.0.1:{port}{tls} default_server; return 421; }}
"""
Talk = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


def asker(port: int, https: int | None = None, *, inside: bool = True, ask_s: float = 5.0) -> Asker:
    pace = Pace(0.0, 1_000_000)
    return Asker(pace, "Concord-Prober/1 (+test)", inside=inside, http=port, https=https or free_port(), ask_s=ask_s)


def server(port: int, says: str, name: str = NAME, tls: str = "") -> str:
    return SERVER.format(port=port, says=says, name=name, tls=tls)


@asynccontextmanager
async def talking(talk: Talk) -> AsyncIterator[int]:
    """A server that says whatever a test wants; its port."""
    listening = await asyncio.start_server(talk, "127.0.0.1", 0)
    try:
        yield listening.sockets[0].getsockname()[1]
    finally:
        listening.close()


def saying(*parts: bytes, heard: list[bytes] | None = None) -> Talk:
    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        if heard is not None:
            heard.append(head)
        writer.writelines(parts)
        writer.close()

    return talk


@pytest.mark.parametrize(
    ("says", "outcome", "status", "ours"),
    [
        ("return 200 there;", Outcome.SERVED, 200, False),
        ("return 204;", Outcome.SERVED, 204, False),
        (f"add_header Link '{LINK}' always; return 451;", Outcome.WITH_LINK, 451, True),
        ("add_header Link '<https://p.example/>; rel=blocked-by' always; return 451;", Outcome.WITH_LINK, 451, False),
        (f"add_header Link '<{ENTRY}>; rel=\"describedby\"' always; return 451;", Outcome.WITHOUT_LINK, 451, True),
        ("return 451;", Outcome.WITHOUT_LINK, 451, False),
        (f"add_header Link '{LINK}' always; return 403;", Outcome.OTHER, 403, False),
        ("return 302 http://elsewhere.example/;", Outcome.OTHER, 302, False),
    ],
)
async def test_a_real_server_is_taken_for_what_it_answers(
    tmp_path: Path, says: str, outcome: Outcome, status: int, ours: bool
) -> None:
    port = free_port()
    async with running(tmp_path, port, server(port, says)):
        assert await asker(port).ask(NAME, "127.0.0.1", ENTRY) == [Seen(port, outcome, status, ours)]
        # No other name is meant: the server has another answer for any other Host.
        assert await asker(port).ask("other.example", "127.0.0.1", ENTRY) == [Seen(port, Outcome.OTHER, 421)]


def test_the_links_of_our_own_agent_are_those_of_the_order() -> None:
    order = Order.model_validate({**Order.EXAMPLE, "register_entry": f"{ENTRY}$"})
    for about in (None, "https://provider.example/about"):
        assert asking.seen(80, 451, links(order, about), order.register_entry).outcome is Outcome.WITH_LINK
        assert asking.seen(80, 451, links(order, about), order.register_entry).ours
        assert not asking.seen(80, 451, links(order, about), ENTRY).ours, "of another order"


async def test_what_is_asked_is_the_head_of_one_page_by_somebody_who_says_who_it_is() -> None:
    heard: list[bytes] = []
    answer = b"HTTP/1.1 302 Found\r\nLocation: /next\r\nSet-Cookie: a=b\r\nContent-Length: 0\r\n\r\n"
    async with talking(saying(answer, heard=heard)) as port:
        ask = asker(port)
        assert [each.status for each in await ask.ask(NAME, "127.0.0.1", ENTRY)] == [302]
        assert [each.status for each in await ask.ask(NAME, "127.0.0.1", ENTRY)] == [302]
    said = (
        b"HEAD / HTTP/1.1\r\nHost: pharmacy.example\r\nUser-Agent: Concord-Prober/1 (+test)\r\nAccept: */*\r\n"
        b"Connection: close\r\n\r\n"
    )
    assert heard == [said, said], "no redirect was followed and no cookie sent"


async def test_where_a_server_takes_no_head_the_page_is_asked_for_and_not_read() -> None:
    heard: list[bytes] = []

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        heard.append((await reader.readuntil(b"\r\n\r\n")).split(b" ")[0])
        if heard[-1] == b"HEAD":
            writer.write(b"HTTP/1.1 405 Method Not Allowed\r\n\r\n")
        else:
            writer.write(b"HTTP/1.1 200 OK\r\n\r\n")
            try:
                while True:  # a body without an end
                    writer.write(b"x" * 65536)
                    await writer.drain()
            except ConnectionError:
                heard.append(b"hung up")
        writer.close()

    async with talking(talk) as port:
        assert await asker(port).ask(NAME, "127.0.0.1", ENTRY) == [Seen(port, Outcome.SERVED, 200)]
        async with asyncio.timeout(20):
            while b"hung up" not in heard:  # noqa: ASYNC110 - a server's other side cannot wake us
                await asyncio.sleep(0.01)
    assert heard == [b"HEAD", b"GET", b"hung up"]


async def test_one_that_never_ends_or_never_begins_is_no_answer_and_keeps_nobody() -> None:
    async def slow(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        for byte in b"HTTP/1.1 200 OK\r\n\r\n":
            writer.write(bytes([byte]))
            await asyncio.sleep(0.1)

    async def silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await asyncio.sleep(60)

    for talk in (slow, silent):
        async with talking(talk) as port, asyncio.timeout(20):
            found = await asker(port, ask_s=0.3).ask(NAME, "127.0.0.1", ENTRY)
            assert found == [Seen(0, Outcome.NO_ANSWER)]


@pytest.mark.parametrize(
    "parts",
    [
        (b"HTTP/1.1 200 OK\r\n", b"X: y\r\n" * 100_000, b"\r\n"),
        (b"HTTP/1.1 200 OK\r\nX: " + b"y" * 1_000_000 + b"\r\n\r\n",),
        (b"HTTP/1.1 103 Early Hints\r\n\r\n" * 1_000,),
        (b"SSH-2.0-OpenSSH\r\n\r\n",),
        (b"HTTP/1.1 2000 OK\r\n\r\n",),
        (b"",),
    ],
)
async def test_what_is_no_head_of_bounded_size_is_no_answer(parts: tuple[bytes, ...]) -> None:
    async with talking(saying(*parts)) as port:
        assert await asker(port).ask(NAME, "127.0.0.1", ENTRY) == [Seen(0, Outcome.NO_ANSWER)]


async def test_one_that_says_for_ever_that_it_will_answer_is_not_listened_to() -> None:
    async def hints(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(ConnectionError):
            while True:
                writer.write(b"HTTP/1.1 103 Early Hints\r\n\r\n")
                await asyncio.sleep(0.01)

    async with talking(hints) as port, asyncio.timeout(20):
        assert await asker(port).ask(NAME, "127.0.0.1", ENTRY) == [Seen(0, Outcome.NO_ANSWER)]


async def test_interim_answers_are_read_over() -> None:
    async with talking(saying(b"HTTP/1.1 103 Early Hints\r\n\r\nHTTP/1.1 200 OK\r\n\r\n")) as port:
        assert await asker(port).ask(NAME, "127.0.0.1", ENTRY) == [Seen(port, Outcome.SERVED, 200)]


async def test_an_address_that_takes_no_connections_refuses() -> None:
    assert await asker(free_port()).ask(NAME, "127.0.0.1", ENTRY) == [Seen(0, Outcome.REFUSED)]


@pytest.mark.parametrize(
    "address",
    ["127.0.0.1", "10.1.2.3", "169.254.169.254", "192.168.0.1", "100.64.0.1", "0.0.0.0", "::1", "fe80::1", "fd00::1",
     "::ffff:127.0.0.1", "64:ff9b::7f00:1", "2002:7f00:1::", "224.0.0.1", "240.0.0.1", "198.18.0.10"],
)  # fmt: skip
async def test_nothing_inside_is_asked(address: str) -> None:
    heard: list[bytes] = []
    async with talking(saying(b"HTTP/1.1 200 OK\r\n\r\n", heard=heard)) as port:
        with pytest.raises(NotAsked):
            await asker(port, inside=False).ask(NAME, address, ENTRY)
    assert heard == []


async def test_what_is_no_address_is_not_looked_up() -> None:
    for inside in (True, False):
        with pytest.raises(NotAsked):
            await asker(free_port(), inside=inside).ask(NAME, "localhost", ENTRY)


@pytest.mark.parametrize(
    "name", ["a b.example", "x.example\r\nEvil: 1", "localhost", "", "x.example/path", "例.example"]
)
async def test_what_is_no_name_is_put_into_no_request(name: str) -> None:
    with pytest.raises(NotAsked):
        await asker(free_port()).ask(name, "127.0.0.1", ENTRY)


def certified(folder: Path, name: str) -> ssl.SSLContext:
    """Write a certificate for a name; whoever gets this trusts it."""
    key, now = ec.generate_private_key(ec.SECP256R1()), dt.datetime.now(dt.UTC)
    who = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    names = x509.SubjectAlternativeName([x509.DNSName(name), x509.IPAddress(ip_address("127.0.0.1"))])
    made = (
        x509.CertificateBuilder().subject_name(who).issuer_name(who).public_key(key.public_key()).serial_number(1)
        .not_valid_before(now - dt.timedelta(days=1)).not_valid_after(now + dt.timedelta(days=1))
        .add_extension(names, critical=False).sign(key, hashes.SHA256())
    )  # fmt: skip
    (folder / "cert.pem").write_bytes(made.public_bytes(serialization.Encoding.PEM))
    (folder / "key.pem").write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
    )  # fmt: skip
    return ssl.create_default_context(cafile=str(folder / "cert.pem"))


async def test_a_certificate_of_another_name_tells_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    trusted, http, https = certified(tmp_path, NAME), free_port(), free_port()
    keys = f" ssl; ssl_certificate {tmp_path}/cert.pem; ssl_certificate_key {tmp_path}/key.pem"
    both = server(http, "return 301 https://pharmacy.example/;") + server(https, "return 451;", tls=keys)
    both = both.replace("key.pem default_server", "key.pem")
    async with running(tmp_path, http, both):
        untrusted = await asker(http, https).ask(NAME, "127.0.0.1", ENTRY)
        assert untrusted == [Seen(http, Outcome.OTHER, 301)], "of a stranger's certificate"
        monkeypatch.setattr(asking, "_trusted", lambda: trusted)
        known = await asker(http, https).ask(NAME, "127.0.0.1", ENTRY)
        assert known == [Seen(http, Outcome.OTHER, 301), Seen(https, Outcome.WITHOUT_LINK, 451)]
        other = await asker(free_port(), https).ask("other.example", "127.0.0.1", ENTRY)
        assert other == [Seen(0, Outcome.NO_ANSWER)], "of another name"


async def test_no_more_connections_begin_than_the_pace_lets() -> None:
    waited: list[float] = []

    async def sleep(seconds: float) -> None:
        waited.append(seconds)

    pace = Pace(2.0, 60, sleep)
    for address in ("192.0.2.1", "192.0.2.1", "192.0.2.2", "192.0.2.1"):
        await pace.wait(address)
    assert [round(each) for each in waited] == [2, 3, 4], "2 s to one address, 1 s to any"
