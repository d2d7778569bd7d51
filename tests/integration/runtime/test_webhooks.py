"""Where a webhook leads: an operator names the address, and its name server answers as it likes (DNS rebinding)."""

import asyncio
import socket
import ssl
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import Any, Final

import httpx
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from shared.runtime.base import keys
from shared.runtime.base.ids import uuid7
from shared.runtime.post import webhook
from shared.signing import Signer
from tests.support.people import at

WHEN: Final = at("2026-11-26T04:00")
OUTSIDE: Final = "93.184.215.14"
NAME: Final = "hook.example"


@pytest.fixture
def signer(tmp_path: Path) -> Signer:
    return keys.OwnedKeys(tmp_path / "keys.json", generate=True).own("test")


@pytest.fixture
def answers(monkeypatch: pytest.MonkeyPatch) -> list[list[str]]:
    """What the name server says of hook.example, one after the other; the last for ever. Asked too often it shows."""
    said: list[list[str]] = []
    real = socket.getaddrinfo

    def resolve(host: Any, port: Any, *rest: Any, **options: Any) -> Any:
        name = host.decode() if isinstance(host, bytes) else host
        if name != NAME:
            return real(host, port, *rest, **options)
        found = said.pop(0) if said else []
        return [each for address in found for each in real(address, port, *rest, **options)]

    monkeypatch.setattr(socket, "getaddrinfo", resolve)
    return said


async def post(http: httpx.AsyncClient, url: str, signer: Signer, *, private: bool = False) -> str:
    return await webhook.send(http, url, uuid7(), b"{}", signer, WHEN, private=private)


def noting(asked: list[httpx.Request], *statuses: int) -> httpx.AsyncClient:
    """A client that connects nowhere, and answers with these."""
    left = list(statuses)

    def answer(request: httpx.Request) -> httpx.Response:
        asked.append(request)
        return httpx.Response(left.pop(0) if left else 204, headers={"location": "https://127.0.0.1/"})

    return httpx.AsyncClient(transport=httpx.MockTransport(answer), trust_env=False)


async def test_a_name_is_resolved_once_and_the_address_that_was_looked_at_is_used(
    answers: list[list[str]], signer: Signer
) -> None:
    answers += [[OUTSIDE], ["127.0.0.1"]]
    asked: list[httpx.Request] = []
    async with noting(asked) as http:
        assert await post(http, f"https://{NAME}:8443/x?y=1", signer) == "204"
    (request,) = asked
    assert (request.url.host, request.url.port, request.url.raw_path) == (OUTSIDE, 8443, b"/x?y=1")
    assert (request.headers["host"], request.extensions["sni_hostname"]) == (f"{NAME}:8443", NAME)
    assert request.headers["connection"] == "close", "the next name at this address is checked anew"
    assert answers == [["127.0.0.1"]], "asked once"


@pytest.mark.parametrize("inside", ["127.0.0.1", "10.0.0.8", "169.254.169.254", "::1", "fd00::8", "0.0.0.0"])
async def test_one_address_inside_is_enough_to_refuse_them_all(
    answers: list[list[str]], signer: Signer, inside: str
) -> None:
    answers += [[OUTSIDE, inside]]
    asked: list[httpx.Request] = []
    async with noting(asked) as http:
        with pytest.raises(webhook.WebhookRefused, match="not a public address") as refused:
            await post(http, f"https://{NAME}/", signer)
    assert refused.value.final
    assert asked == []


@pytest.mark.parametrize(
    "url",
    [
        "http://hook.example/", "https://127.0.0.1/", "https://[::1]/x", "https:///", "ftp://a", "https://2130706433/",
        "https://0x7f.1/", "https://[::ffff:127.0.0.1]/", "https://[2002:7f00:1::]/", "https://[64:ff9b::7f00:1]/",
        "https://224.0.0.1/", "https://100.64.0.1/", "https://[bad", "https://[fe80::1%25lo]/",
    ],
)  # fmt: skip
async def test_a_webhook_never_leads_into_our_own_network(signer: Signer, url: str) -> None:
    asked: list[httpx.Request] = []
    async with noting(asked) as http:
        with pytest.raises(webhook.WebhookRefused) as refused:
            await post(http, url, signer)
    assert refused.value.final or "cannot be resolved" in str(refused.value)
    assert asked == []


@pytest.mark.parametrize("outside", [OUTSIDE, "2606:2800:21f:cb07::1", "64:ff9b::5db8:d70e"])
async def test_addresses_of_the_internet_are_posted_to_also_through_nat64(
    answers: list[list[str]], signer: Signer, outside: str
) -> None:
    answers += [[outside]]
    asked: list[httpx.Request] = []
    async with noting(asked) as http:
        assert await post(http, f"https://{NAME}/", signer) == "204"
    assert asked[0].url.host == outside


async def test_a_redirect_is_an_answer_and_nothing_to_follow(answers: list[list[str]], signer: Signer) -> None:
    answers += [[OUTSIDE]]
    asked: list[httpx.Request] = []
    async with noting(asked, 307) as http:
        with pytest.raises(webhook.WebhookRefused, match="307"):
            await post(http, f"https://{NAME}/", signer)
    assert len(asked) == 1


class Server:
    """A TLS server with a certificate for one name, which keeps the names it is asked under."""

    def __init__(self, folder: Path, name: str) -> None:
        key = ec.generate_private_key(ec.SECP256R1())
        subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])
        now = at("2020-01-01T00:00")
        certificate = (
            x509.CertificateBuilder().subject_name(subject).issuer_name(subject).public_key(key.public_key())
            .serial_number(1).not_valid_before(now).not_valid_after(now + timedelta(days=30_000))
            .add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
            .sign(key, hashes.SHA256())
        )  # fmt: skip
        self.file = folder / "server.pem"
        self.file.write_bytes(
            certificate.public_bytes(serialization.Encoding.PEM)
            + key.private_bytes(
                serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
            )
        )
        self.names: list[str | None] = []
        self.hosts: list[str] = []
        self.tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.tls.load_cert_chain(self.file)
        self.tls.sni_callback = lambda _socket, name, _context: self.names.append(name)
        self.port = 0

    async def answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode().lower()
        self.hosts.append(head.partition("\r\nhost: ")[2].partition("\r\n")[0])
        await reader.readexactly(2)
        writer.write(b"HTTP/1.1 204 X\r\n\r\n")
        await writer.drain()
        writer.close()


@pytest.fixture
async def server(tmp_path: Path) -> AsyncIterator[Server]:
    found = Server(tmp_path, NAME)
    listening = await asyncio.start_server(found.answer, "127.0.0.1", 0, ssl=found.tls)
    found.port = listening.sockets[0].getsockname()[1]
    yield found
    listening.close()


async def test_the_address_is_connected_to_under_the_names_host_and_certificate(
    answers: list[list[str]], signer: Signer, server: Server
) -> None:
    answers += [["127.0.0.1"], ["192.0.2.1"], ["127.0.0.1"]]
    trusted = ssl.create_default_context(cafile=str(server.file))
    async with httpx.AsyncClient(trust_env=False, verify=trusted) as http:
        assert await post(http, f"https://{NAME}:{server.port}/", signer, private=True) == "204"
        assert (server.names, server.hosts) == ([NAME], [f"{NAME}:{server.port}"])
        with pytest.raises(webhook.WebhookRefused, match="certificate"):
            await post(http, f"https://127.0.0.1:{server.port}/", signer, private=True)
    assert len(server.hosts) == 1


async def test_an_address_that_does_not_answer_is_followed_by_the_next(
    answers: list[list[str]], signer: Signer, server: Server
) -> None:
    answers += [["127.0.0.2", "127.0.0.1"]]
    async with httpx.AsyncClient(trust_env=False, verify=ssl.create_default_context(cafile=str(server.file))) as http:
        assert await post(http, f"https://{NAME}:{server.port}/", signer, private=True) == "204"
