"""The client: what it tries again, what it says when refused, and how it reads lists and streams."""

import asyncio
import json
import os
import re
from base64 import urlsafe_b64encode
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, nullcontext
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl
from uuid import UUID

import httpx
import pytest

from concord import sample
from concord.sdk import BadArgument, Concord, ConcordError, NoStack, Unreachable, until
from concord.sdk.departments import query as lookups
from concord.sdk.places import SERVICES, Places, find
from shared.contracts.http import enforcement, registry
from shared.contracts.notices import NoticeDocument
from shared.rules.identifiers import check_uscc, normalise_domain

PLACES = Places({name: f"http://{name}.test" for name in SERVICES}, "http://issuer.test")
Answer = httpx.Response | Exception
ID, AT = "01940000-0000-7000-8000-000000000003", "2026-11-22T04:00:00Z"
RECORD: dict[str, Any] = {
    "id": ID, "version": 1, "status": "active", "kind": "filing", "operator_id": ID, "operator_name": "某公司",
    "level": "province", "region": "110000", "number": "京ICP备10046444号", "valid_from": None, "valid_until": None,
    "submitted_at": AT, "changed_at": AT, "clock": None, "refusal": None, "sites": [], "allowed_actions": [],
    "registration_id": ID, "site_id": None, "holds": {}, "proposal": {}, "consented": True, "proposed_at": AT,
}  # fmt: skip
"""An answer that is a registration to who asks for one, and a proposed change to who asks for that."""
CLAIMS = {"sub": "u1", "organisation": "industry-110000", "roles": ["industry_regulator"]}


class Wire:
    """What the services answer, one after another, and what they were sent. The issuer numbers its tokens."""

    def __init__(self, *answers: Answer | Callable[[httpx.Request], httpx.Response]) -> None:
        self.answers = list(answers)
        self.sent: list[httpx.Request] = []
        self.tokens = 0
        self.asked_with: dict[str, str] = {}
        """What the issuer was last asked with."""

    async def __call__(self, request: httpx.Request) -> httpx.Response:
        await request.aread()
        if request.url.path == "/.well-known/openid-configuration":
            return httpx.Response(200, json={"token_endpoint": "http://issuer.test/protocol/token"})
        if request.url.path == "/protocol/token":
            self.tokens += 1
            self.asked_with = dict(parse_qsl(request.content.decode()))
            payload = urlsafe_b64encode(json.dumps(CLAIMS).encode()).decode().rstrip("=")
            return httpx.Response(200, json={"access_token": f"h.{payload}.{self.tokens}", "expires_in": 300})
        self.sent.append(request)
        answer = self.answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer if isinstance(answer, httpx.Response) else answer(request)

    def client(
        self, *, person: str | None = "regulator-a", client: tuple[str, str] | None = None, patience_s: float = 5.0
    ) -> Concord:
        return Concord.connect(
            person=person, client=client, places=PLACES, transport=httpx.MockTransport(self), patience_s=patience_s
        )


def busy() -> httpx.Response:
    return httpx.Response(503, json={"code": "unavailable"}, headers={"Retry-After": "0"})


async def test_a_post_that_is_tried_again_keeps_its_key_and_another_call_has_another() -> None:
    done = httpx.Response(200, json=RECORD)
    wire = Wire(busy(), httpx.ConnectError("refused"), done, done)
    async with wire.client() as concord:
        assert (await concord.registry.consent("r")).consented
        await concord.registry.consent("r")
    keys = [request.headers["Idempotency-Key"] for request in wire.sent]
    assert keys[0] == keys[1] == keys[2] != keys[3]


async def test_a_get_carries_no_key() -> None:
    wire = Wire(httpx.Response(200, json=RECORD))
    async with wire.client() as concord:
        await concord.registry.get("r")
    assert "Idempotency-Key" not in wire.sent[0].headers


async def test_when_nobody_answers_it_says_who() -> None:
    wire = Wire(*[httpx.ConnectError("refused")] * 50)
    async with wire.client(patience_s=0.2) as concord:
        with pytest.raises(Unreachable, match=r"registry at http://registry\.test/registrations/r does not answer"):
            await concord.registry.get("r")
    assert len(wire.sent) > 1


async def test_a_service_that_stays_unavailable_is_reported_as_it_spoke() -> None:
    wire = Wire(*[busy() for _ in range(2000)])
    async with wire.client(patience_s=0.1) as concord:
        with pytest.raises(ConcordError) as caught:
            await concord.registry.get("r")
    assert (caught.value.status, caught.value.code) == (503, "unavailable")


async def test_a_token_that_is_not_taken_is_fetched_anew_once() -> None:
    no = httpx.Response(401, json={"code": "token_invalid", "detail": "expired"})
    wire = Wire(no, httpx.Response(200, json=RECORD), no, no)
    async with wire.client() as concord:
        await concord.registry.get("r")
        first, second = (request.headers["Authorization"] for request in wire.sent)
        assert first != second
        with pytest.raises(ConcordError, match="token_invalid: expired"):
            await concord.registry.get("r")
    assert len(wire.sent) == 4


async def test_one_token_serves_many_calls_and_the_public_has_none() -> None:
    nothing = httpx.Response(200, json={"found": False, "key": "a.example", "as_of": AT, "lag_ms": 1})
    wire = Wire(*[httpx.Response(200, json=RECORD) for _ in range(3)], nothing)
    async with wire.client() as concord:
        for _ in range(3):
            await concord.registry.get("r")
        assert await concord.whoami() == CLAIMS
    assert wire.tokens == 1
    async with wire.client(person=None) as public:
        await public.query.public_lookup(domain="a.example")
        assert await public.whoami() is None
    assert "Authorization" not in wire.sent[-1].headers


@pytest.mark.parametrize(
    ("configuration", "token", "said"),
    [
        (httpx.Response(404, text="<html>"), None, "is no token issuer: 404"),
        (httpx.Response(200, text="<html>"), None, "is no token issuer: 200"),
        (httpx.Response(200, json={"issuer": "x"}), None, "is no token issuer: 200"),
        (None, httpx.Response(502, text="<html>"), "gives no tokens at the moment: 502"),
        (None, httpx.Response(200, text="<html>"), "gives no tokens at the moment: 200"),
    ],
)
async def test_an_issuer_that_is_none_or_is_unwell_is_named(
    configuration: httpx.Response | None, token: httpx.Response | None, said: str
) -> None:
    async def issuer(request: httpx.Request) -> httpx.Response:
        if request.url.path.startswith("/.well-known"):
            return configuration or httpx.Response(200, json={"token_endpoint": "http://issuer.test/token"})
        assert token is not None
        return token

    transport = httpx.MockTransport(issuer)
    async with Concord.connect(person="a", places=PLACES, transport=transport, patience_s=0.1) as concord:
        with pytest.raises(Unreachable, match=said):
            await concord.registry.get("r")


async def test_a_sign_in_that_is_refused_says_why() -> None:
    async def issuer(request: httpx.Request) -> httpx.Response:
        if request.url.path.startswith("/.well-known"):
            return httpx.Response(200, json={"token_endpoint": "http://issuer.test/token"})
        return httpx.Response(401, json={"error": "invalid_grant", "error_description": "wrong password"})

    async with Concord.connect(person="a", places=PLACES, transport=httpx.MockTransport(issuer)) as concord:
        with pytest.raises(ConcordError, match="sign_in_refused: wrong password"):
            await concord.registry.get("r")


async def test_a_refusal_carries_the_way_out() -> None:
    problem = {
        "code": "action_refused", "detail": "A revoked registration cannot be revoked.", "trace_id": "t1",
        "allowed_actions": ["reinstate"], "fields": [{"field": "reasons", "message": "too short"}],
    }  # fmt: skip
    wire = Wire(httpx.Response(409, json=problem), httpx.Response(500, text="<html>proxy</html>"))
    async with wire.client() as concord:
        with pytest.raises(ConcordError) as caught:
            await concord.registry.consent("r")
        error = caught.value
        assert (error.status, error.code, error.detail) == (409, problem["code"], problem["detail"])
        assert (error.allowed_actions, error.fields, error.trace_id) == (["reinstate"], problem["fields"], "t1")
        with pytest.raises(ConcordError) as caught:
            await concord.registry.consent("r")
    assert (caught.value.code, caught.value.detail) == ("http_500", "<html>proxy</html>")


async def test_lists_go_on_to_the_last_page_and_leave_empty_filters_out() -> None:
    items = [RECORD | {"version": number} for number in (1, 2, 3)]
    pages = [{"items": items[:2], "next": "c1"}, {"items": items[2:], "next": None}]
    wire = Wire(*[httpx.Response(200, json=page) for page in pages])
    async with wire.client() as concord:
        found = [item.version async for item in concord.registry.registrations(status="active", number=None)]
    assert found == [1, 2, 3]
    assert [str(request.url.query, "ascii") for request in wire.sent] == ["status=active", "status=active&after=c1"]


async def _bulk(wire: Wire, form: str, *chunks: bytes) -> bytes:
    async def keys() -> AsyncIterator[bytes]:
        for chunk in chunks:
            yield chunk

    async with wire.client() as concord:
        return b"".join([part async for part in concord.query.bulk(keys(), purpose="a test", form=form)])


def _echo(request: httpx.Request) -> httpx.Response:
    header = b"key,found\n" if request.url.params["format"] == "csv" else b""
    return httpx.Response(200, content=header + request.content)


async def test_bulk_cuts_at_lines_keeps_the_order_and_gives_one_header(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lookups, "BULK_REQUEST", 32)
    lines = b"".join(b"site%02d.example\n" % n for n in range(20)) + b"last.example"
    chunks = [lines[n : n + 7] for n in range(0, len(lines), 7)]
    for form, header in (("ndjson", b""), ("csv", b"key,found\n")):
        wire = Wire(*[_echo] * 20)
        assert await _bulk(wire, form, *chunks) == header + lines
        assert len(wire.sent) > 5
        assert all(len(request.content) <= 32 for request in wire.sent)
        assert all(request.content.endswith(b"\n") for request in wire.sent[:-1])


async def test_bulk_of_nothing_still_gives_the_header() -> None:
    assert await _bulk(Wire(_echo), "csv") == b"key,found\n"


async def test_until_waits_through_404_and_says_what_it_saw_last() -> None:
    wire = Wire(*[httpx.Response(404, json={"code": "unknown"})] * 2, httpx.Response(200, json=RECORD))
    async with wire.client() as concord:
        assert (await until(lambda: concord.registry.get("r"), bool, timeout_s=5)).number == RECORD["number"]
    seen: list[int] = []

    async def fetch() -> dict[str, int]:
        seen.append(1)
        return {"n": 7}

    with pytest.raises(TimeoutError, match=r"last seen: \{'n': 7\}"):
        await until(fetch, lambda _: False, timeout_s=0.05)
    assert len(seen) > 1
    refused = Wire(httpx.Response(403, json={"code": "forbidden"}))
    async with refused.client() as concord:
        with pytest.raises(ConcordError, match="forbidden"):
            await until(lambda: concord.registry.get("r"), bool, timeout_s=5)


def test_the_environment_goes_before_the_local_stack(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(NoStack, match="make run"):
        find(tmp_path)
    stack: dict[str, Any] = {"pid": os.getpid(), "services": {"query": "http://q"}, "issuer": "http://i"}
    (tmp_path / "stack.json").write_text(json.dumps(stack))
    assert find(tmp_path).services == {"query": "http://q"}
    for name in SERVICES:
        monkeypatch.setenv(f"CONCORD_{name.replace('-', '_').upper()}_URL", f"http://{name}.test/")
    monkeypatch.setenv("CONCORD_ISSUER", "http://issuer.test/")
    assert find(tmp_path) == PLACES


def test_the_sample_is_the_same_every_time_and_valid() -> None:
    rows = list(sample.records(500, provider_id="p"))
    assert rows == list(sample.records(500, provider_id="p"))
    assert rows != list(sample.records(500, provider_id="p", seed=1))
    domains = [row["domain"] for row in rows]
    assert len({normalise_domain(domain).ascii for domain in domains}) == 500
    assert {domain.rsplit(".", 1)[1] for domain in domains} == {"example", "test"}
    assert any(domain.startswith("xn--") for domain in domains)
    assert any(not domain.isascii() for domain in domains)
    for row in rows:
        check_uscc(row["operator_uscc"])


# --- answers that are none -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308, 304])
async def test_a_redirect_is_an_error_that_names_where_to_and_is_not_followed(status: int) -> None:
    moved = httpx.Response(status, headers={"Location": "http://elsewhere.test/r"}, json={"id": "r"})
    wire = Wire(moved, moved, moved, moved)
    async with wire.client() as concord:
        for call in (concord.registry.get("r"), concord.registry.consent("r"), _first(concord.registry.executions())):
            with pytest.raises(ConcordError, match=r"redirected: .*elsewhere\.test/r") as caught:
                await call
            assert caught.value.status == status
        with pytest.raises(ConcordError, match="redirected"):
            await concord.registry.import_sites(_nothing())
    assert len(wire.sent) == 4


async def _first(items: AsyncIterator[Any]) -> Any:
    return await anext(items)


async def _nothing() -> AsyncIterator[bytes]:
    yield b""


@pytest.mark.parametrize("page", [b"<html>", b"", b"[1]", b"[" * 100_000])
async def test_a_success_that_is_no_json_object_is_an_error(page: bytes) -> None:
    wire = Wire(*[httpx.Response(200, content=page, headers={"Content-Type": "text/html"}) for _ in range(3)])
    async with wire.client() as concord:
        for call in (
            concord.registry.get("r"),
            _first(concord.registry.registrations()),
            concord.registry.import_sites(_nothing()),
        ):
            with pytest.raises(ConcordError, match=r"not_json: http://registry\.test.*right address"):
                await call


async def test_an_answer_of_another_shape_is_an_error_that_names_the_field() -> None:
    odd = {name: value for name, value in RECORD.items() if name != "operator_name"}
    page = {"items": [RECORD | {"version": "many"}], "next": None}
    wire = Wire(httpx.Response(200, json=odd), httpx.Response(200, content=json.dumps(page).encode()))
    async with wire.client() as concord:
        for call, field in (
            (concord.registry.get("r"), "operator_name"),
            (_first(concord.registry.registrations()), "version"),
        ):
            with pytest.raises(ConcordError, match=r"unexpected_answer: .*same version") as caught:
                await call
            assert [each["field"] for each in caught.value.fields] == [field]


async def test_what_is_sent_is_the_contracts_model_with_everything_in_it() -> None:
    wire = Wire(httpx.Response(201, json={}))
    async with wire.client() as concord:
        body = enforcement.NewCase(
            about=enforcement.AboutSite(domain="a.example"), ground="fraud", alleged_breach="Sold what it has not.",
            legal_basis=("P3.2.1",),
        )  # fmt: skip
        with pytest.raises(ConcordError, match="unexpected_answer"):
            await concord.enforcement.open_case(body)
    assert enforcement.NewCase.model_validate_json(wire.sent[0].content) == body


async def test_a_version_that_was_looked_at_goes_into_if_match() -> None:
    wire = Wire(httpx.Response(201, json=RECORD))
    async with wire.client() as concord:
        proposed = registry.ProposedTransfer(registration_id=UUID(ID), reasons="The company was sold.")
        await concord.registry.transfer("s", 7, proposed)
    assert wire.sent[0].headers["If-Match"] == '"7"'


# --- the inbox -------------------------------------------------------------------------------------------------------


def notice(number: int, at: str) -> dict[str, Any]:
    told = {name: NoticeDocument.EXAMPLE[name] for name in ("kind", "title", "about", "to", "authority", "answer_by")}
    return {
        **told, "id": f"01940000-0000-7000-8000-{number:012d}", "issued_at": at, "delivered_at": None,
        "delivered_by": None, "opened_at": None, "postal_proof": None,
    }  # fmt: skip


async def test_the_inbox_merges_what_every_department_told_newest_first() -> None:
    told = {
        "registry": [notice(1, "2026-11-22T05:00:00Z"), notice(2, "2026-11-22T01:00:00Z")],
        "enforcement": [notice(3, "2026-11-22T06:00:00Z"), notice(4, "2026-11-22T02:00:00Z")],
    }

    def answer(request: httpx.Request) -> httpx.Response:
        found = told.get(request.url.host.removesuffix(".test"))
        if found is None:  # a department that issues no notices
            return httpx.Response(404, json={"code": "not_found"})
        return httpx.Response(200, json={"items": found, "next": None})

    async with Wire(*[answer] * 4).client() as concord:
        merged = [(service, int(str(each.id)[-3:])) async for service, each in concord.inbox()]
    assert merged == [("enforcement", 3), ("registry", 1), ("enforcement", 4), ("registry", 2)]


async def test_an_inbox_that_cannot_be_read_is_not_taken_for_an_empty_one() -> None:
    async with Wire(*[httpx.Response(403, json={"code": "role_missing"})] * 4).client() as concord:
        with pytest.raises(ConcordError, match="role_missing"):
            await anext(concord.inbox())


async def test_an_issuer_that_has_moved_is_named() -> None:
    async def issuer(request: httpx.Request) -> httpx.Response:
        return httpx.Response(302, headers={"Location": "https://new.test"})

    async with Concord.connect(person="a", places=PLACES, transport=httpx.MockTransport(issuer)) as concord:
        with pytest.raises(ConcordError, match=r"redirected: .*https://new\.test"):
            await concord.registry.get("r")


async def test_a_misspelt_filter_is_no_filter() -> None:
    async with Wire().client() as concord:
        with pytest.raises(TypeError, match="statsu"):
            concord.registry.registrations(statsu="active")  # type: ignore[call-arg]


async def test_a_service_that_this_stack_has_not_is_named() -> None:
    places = Places({}, "http://issuer.test")
    async with Concord.connect(places=places) as concord:
        with pytest.raises(NoStack, match="where registry is"):
            await concord.registry.get("r")


async def test_a_part_of_an_address_is_no_way_out_of_it() -> None:
    wire = Wire()
    async with wire.client() as concord:
        for bad in ("", " ", ".", "..", "a/b", "a\\b", "\n", "\ud800"):
            with pytest.raises(BadArgument):
                await concord.registry.get(bad)
    assert wire.sent == []


# --- trying again ----------------------------------------------------------------------------------------------------


class Server:
    """Answers on a socket; ``behaves`` is told how many requests came before and writes what it likes."""

    def __init__(self, behaves: Callable[[int, asyncio.StreamWriter], Awaitable[None]]) -> None:
        self._behaves = behaves
        self.requests: list[bytes] = []

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                length = re.search(rb"(?i)content-length: (\d+)", head)
                await reader.readexactly(int(length[1]) if length else 0)
                self.requests.append(head)
                await self._behaves(len(self.requests) - 1, writer)
                await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()

    @asynccontextmanager
    async def client(self, **options: Any) -> AsyncIterator[Concord]:
        server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        async with Concord.connect(places=Places(dict.fromkeys(SERVICES, url), url), **options) as concord:
            yield concord
        server.close()


_RECORD = json.dumps(RECORD).encode()
DONE = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\nContent-Type: application/json\r\n\r\n%s" % (len(_RECORD), _RECORD)


async def _hangs_up_on_the_second(number: int, writer: asyncio.StreamWriter) -> None:
    if number == 1:
        writer.close()  # as a server does that has closed the kept connection meanwhile
    else:
        writer.write(DONE)


@pytest.mark.parametrize("verb", ["get", "consent"])
async def test_a_kept_connection_that_was_closed_is_tried_once_more(verb: str) -> None:
    server = Server(_hangs_up_on_the_second)
    async with server.client(patience_s=-1) as concord:
        for _ in range(2):
            assert (await getattr(concord.registry, verb)("r")).version == 1
    assert len(server.requests) == 3
    keys = [re.findall(rb"(?i)idempotency-key: (.*)\r", head) for head in server.requests]
    assert keys[1] == keys[2]


async def test_what_could_take_effect_twice_is_not_tried_again() -> None:
    server = Server(_hangs_up_on_the_second)
    async with server.client() as concord:
        await concord.call("coordination", "PUT", "/organisations/o")
        with pytest.raises(Unreachable, match="whether it was done is not known"):
            await concord.call("coordination", "PUT", "/organisations/o")
    assert len(server.requests) == 2


async def test_a_server_that_always_hangs_up_is_given_up() -> None:
    async def hang_up(_: int, writer: asyncio.StreamWriter) -> None:
        writer.close()

    server = Server(hang_up)
    async with server.client(patience_s=-1) as concord:
        with pytest.raises(Unreachable, match=r"registry at .* does not answer"):
            await concord.registry.get("r")
    assert len(server.requests) == 2


@pytest.mark.parametrize(("status", "tries"), [(429, 2), (503, 2), (502, 1), (504, 1)])
async def test_a_put_is_tried_again_only_if_nothing_was_done(status: int, tries: int) -> None:
    refused = httpx.Response(status, json={}, headers={"Retry-After": "0"})
    wire = Wire(refused, httpx.Response(200, json={"id": "s"}))
    async with wire.client() as concord:
        with nullcontext() if tries == 2 else pytest.raises(ConcordError, match=f"http_{status}"):
            await concord.call("coordination", "PUT", "/organisations/o")
    assert len(wire.sent) == tries


async def test_an_answer_that_trickles_is_not_waited_for() -> None:
    async def trickle(_: int, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n")
        while True:
            writer.write(b" ")
            await writer.drain()
            await asyncio.sleep(0.01)

    server = Server(trickle)
    async with server.client(patience_s=-1) as concord:
        with pytest.raises(Unreachable, match="does not answer"):
            await concord.call("registry", "GET", "/x", timeout_s=0.2)
