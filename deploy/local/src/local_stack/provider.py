"""The demonstration provider: registered through the API like any other, with its own key, client and agent."""

import asyncio
import json
import secrets
import time
import uuid
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

import httpx
from joserfc.jwk import OKPKey

from concord.files import BadFile, json_object
from local_stack.errors import StartFailed
from local_stack.keys import write_secret
from local_stack.people import Added, Identity
from shared.signing import Signer, prove

CLIENT_ID: Final = "provider"
PATIENCE_S: Final = 30.0
_PAUSE_S: Final = 0.2
_JOURNAL: Final = "agent.sqlite"
_REGISTRATION: Final = {
    "name": "示例接入服务商 (demonstration provider)",
    "region": "110000",
    "kind": "access_provider",
    "contact": "provider@example.test",
}


@dataclass(frozen=True)
class Provider:
    """What must be remembered about the provider between runs."""

    provider_id: str
    client_secret: str
    kid: str


@dataclass(frozen=True)
class Surroundings:
    """Where the provider's agent finds what it needs."""

    access_url: str
    issuer: str
    kafka: str
    web_port: int
    via: str = "kafka"


async def ensure_provider(folder: Path, around: Surroundings, desk_token: str, clients: Added) -> Provider:
    """Register the provider and its key unless access-control knows them; write what its agent needs to `folder`."""
    headers = {"Authorization": f"Bearer {desk_token}"}
    async with httpx.AsyncClient(base_url=around.access_url, headers=headers, timeout=30, trust_env=False) as desk:
        known = _remembered(folder / "provider.json")
        if known and not await _is_known(desk, known.provider_id):
            known = None  # the database was reset since
        provider = known or await _register(desk, folder)
    clients.put(
        Identity(
            subject=CLIENT_ID,
            secret=provider.client_secret,
            name=_REGISTRATION["name"],
            organisation=provider.provider_id,
            roles=("access_provider",),
        )
    )
    write_secret(folder / "agent.toml", _toml(_agent_settings(folder, provider, around)))
    return provider


async def _is_known(desk: httpx.AsyncClient, provider_id: str) -> bool:
    """Whether access-control has it. Only "not found" says no: a new one would lose the sites and keys of the old."""
    answer = await _ask(desk, "GET", f"/providers/{provider_id}")
    if not answer.is_success and answer.status_code != httpx.codes.NOT_FOUND:
        msg = f"access-control does not say whether it knows the provider: {answer.status_code} {answer.text}"
        raise StartFailed(msg)
    return answer.is_success


async def _ask(desk: httpx.AsyncClient, method: str, path: str, **options: Any) -> httpx.Response:
    """The answer, as soon as it is not "unavailable": a service that is new may not reach what it needs at once."""
    until = time.monotonic() + PATIENCE_S
    while True:
        answer = await desk.request(method, path, **options)
        if answer.status_code != httpx.codes.SERVICE_UNAVAILABLE or time.monotonic() > until:
            return answer
        await asyncio.sleep(_PAUSE_S)


async def _register(desk: httpx.AsyncClient, folder: Path) -> Provider:
    """A key pair made here; only its public half leaves the folder."""
    kid = f"provider-{secrets.token_hex(4)}"
    key = OKPKey.generate_key("Ed25519", {"kid": kid, "use": "sig", "alg": "Ed25519"}, private=True)
    write_secret(folder / "key.json", json.dumps(key.as_dict(private=True), indent=1))
    number = f"京B1-{secrets.randbelow(10**8):08}"  # each installation of this stack is a provider of its own
    licence = {"kind": "idc", "number": number, "valid_from": "2006-01-01"}
    view = await _post(desk, "/providers", _REGISTRATION | {"licence": licence})
    provider_id = str(view["id"])
    await _post(
        desk,
        f"/providers/{provider_id}/keys",
        {"jwk": key.as_dict(private=False), "proof": prove(Signer(key.as_dict(private=True)), provider_id)},
    )
    provider = Provider(provider_id, secrets.token_urlsafe(24), kid)
    _forget_journal(folder)
    write_secret(folder / "provider.json", json.dumps(asdict(provider), indent=1))
    return provider


def _forget_journal(folder: Path) -> None:
    """It holds the place in the sequence of a provider that is no more."""
    for file in folder.glob(f"{_JOURNAL}*"):
        file.unlink()


async def _post(desk: httpx.AsyncClient, path: str, body: object) -> dict[str, Any]:
    answer = await _ask(desk, "POST", path, json=body, headers={"Idempotency-Key": str(uuid.uuid4())})
    if not answer.is_success:
        msg = f"the demonstration provider could not be registered: POST {path}: {answer.status_code} {answer.text}"
        raise StartFailed(msg)
    view: dict[str, Any] = answer.json() if answer.content else {}
    return view


def _agent_settings(folder: Path, provider: Provider, around: Surroundings) -> dict[str, str | int]:
    return {
        "access_url": around.access_url,
        "provider_id": provider.provider_id,
        "key_file": str(folder / "key.json"),
        "kafka_bootstrap": around.kafka,
        "via": around.via,
        "state_file": str(folder / _JOURNAL),
        "issuer_url": around.issuer,
        "client_id": CLIENT_ID,
        "client_secret": provider.client_secret,
        "jwks_url": f"{around.access_url}/.well-known/jwks.json",
        "hook": "web",
        "web_host": "127.0.0.1",
        "web_port": around.web_port,
    }


def _toml(values: dict[str, str | int]) -> str:
    """JSON strings and numbers are TOML's as well."""
    return "".join(f"{name} = {json.dumps(value, ensure_ascii=False)}\n" for name, value in values.items())


def _remembered(file: Path) -> Provider | None:
    if not file.exists():
        return None
    try:
        return Provider(**json_object(file))
    except (BadFile, TypeError) as error:
        msg = f"{file} is damaged ({error}): put it back, or remove {file.parent} to have a new provider registered"
        raise StartFailed(msg) from error
