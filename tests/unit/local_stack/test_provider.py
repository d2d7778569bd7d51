"""The demonstration provider stays who it is, whatever access-control answers while it starts."""

import json
from collections.abc import Callable
from pathlib import Path

import httpx
import pytest

from local_stack import provider as module
from local_stack.errors import StartFailed
from local_stack.people import Added
from local_stack.provider import CLIENT_ID, Surroundings, ensure_provider

AROUND = Surroundings("http://access.test", "http://issuer.test", "127.0.0.1:9", 8110)
REMEMBERED = {"provider_id": "01a218d3-644b-7151-a228-8ebc923f0d8d", "client_secret": "kept", "kid": "provider-1"}


@pytest.fixture(autouse=True)
def _soon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_PAUSE_S", 0.0)
    monkeypatch.setattr(module, "PATIENCE_S", 0.2)


def answering(monkeypatch: pytest.MonkeyPatch, answer: Callable[[httpx.Request], httpx.Response]) -> list[str]:
    """Access-control answers so; gives what it was asked."""
    asked: list[str] = []

    def handle(request: httpx.Request) -> httpx.Response:
        asked.append(f"{request.method} {request.url.path}")
        return answer(request)

    real = httpx.AsyncClient
    monkeypatch.setattr(httpx, "AsyncClient", lambda **given: real(transport=httpx.MockTransport(handle), **given))
    return asked


async def test_a_service_that_is_unavailable_for_a_moment_makes_no_new_provider(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "provider.json").write_text(json.dumps(REMEMBERED))
    answers = iter([503, 503, 200])
    asked = answering(monkeypatch, lambda _: httpx.Response(next(answers), json={}))
    found = await ensure_provider(tmp_path, AROUND, "token", clients := Added(tmp_path / "clients.json"))
    assert found.provider_id == REMEMBERED["provider_id"]
    assert len(asked) == 3
    assert all(each.startswith("GET /providers/") for each in asked)
    known = clients.get(CLIENT_ID)
    assert known is not None
    assert known.secret == "kept"


@pytest.mark.parametrize("status", [503, 500, 403])
async def test_an_answer_that_says_nothing_ends_the_start_and_leaves_the_provider_alone(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, status: int
) -> None:
    (tmp_path / "provider.json").write_text(json.dumps(REMEMBERED))
    (tmp_path / "agent.sqlite").write_text("its journal")
    asked = answering(monkeypatch, lambda _: httpx.Response(status, text="not now"))
    with pytest.raises(StartFailed, match="does not say whether it knows the provider"):
        await ensure_provider(tmp_path, AROUND, "token", Added(tmp_path / "clients.json"))
    assert not any(each.startswith("POST") for each in asked)
    assert (tmp_path / "agent.sqlite").exists()


async def test_a_database_that_was_made_anew_gets_a_new_provider(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "provider.json").write_text(json.dumps(REMEMBERED))
    made = "01a218e0-6334-709f-ac12-d8dbc71d442d"
    answers = {"GET": httpx.Response(404, json={}), "POST": httpx.Response(201, json={"id": made})}
    answering(monkeypatch, lambda request: answers[request.method])
    found = await ensure_provider(tmp_path, AROUND, "token", Added(tmp_path / "clients.json"))
    assert found.provider_id == made
    assert json.loads((tmp_path / "provider.json").read_text())["provider_id"] == made
