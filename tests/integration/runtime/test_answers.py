"""Every error has one shape; refused acts are audited; a database that is away is a 503 and not a crash."""

import asyncio
import gzip
import json
import logging
from collections.abc import AsyncIterator
from typing import Any
from uuid import uuid4

import pytest

from tests.support import toy
from tests.support.databases import Databases
from tests.support.fixtures import MakeDatabase
from tests.support.service import Api, running_service

ID = "0192f1c2-6b1e-7cc3-9d52-1a2b3c4d5e6f"


@pytest.fixture(scope="module")
async def api(databases: Databases) -> AsyncIterator[Api]:
    async with running_service(toy.SERVICE, await databases.lend("runtime", toy.TABLE)) as client:
        yield client


async def audited(api: Api) -> list[dict[str, Any]]:
    async with api.rt.db.transaction() as tx:
        rows = await tx.fetch("DELETE FROM audit RETURNING *")
    return [dict(row) for row in rows]


@pytest.fixture(autouse=True)
async def _clean(api: Api) -> None:
    await audited(api)


def problem(answer: Any, status: int, code: str) -> dict[str, Any]:
    document: dict[str, Any] = answer.json()
    assert (answer.status_code, document["status"], document["code"]) == (status, status, code), document
    assert answer.headers["content-type"] == "application/problem+json"
    assert document["type"] == f"https://concord.example/problems/{code}"
    assert document["instance"] == answer.request.url.path
    assert len(document["trace_id"]) == 32
    assert document["title"]
    assert document["detail"]
    return document


async def test_a_wrong_state_is_a_409_with_the_allowed_actions(api: Api) -> None:
    answer = await api.post(f"/things/{ID}/breaking", who="officer")
    document = problem(answer, 409, "action_refused")
    assert document["detail"] == "The thing is broken: break is not possible now."
    assert document["allowed_actions"] == ["mend"]


async def test_invalid_fields_are_named_by_dotted_path_without_repeating_what_was_sent(api: Api) -> None:
    answer = await api.post("/things", who="officer", json={"parts": [{"size": 1}, {"size": "s3cr3t"}, {"size": 0}]})
    document = problem(answer, 422, "invalid")
    assert [field["field"] for field in document["fields"]] == ["name", "parts.1.size", "parts.2.size"]
    assert document["detail"] == "Not valid: name, parts.1.size, parts.2.size."
    assert "s3cr3t" not in answer.text


@pytest.mark.parametrize(
    ("method", "path", "field"),
    [("GET", "/things/nonsense", "thing_id"), ("GET", "/things?limit=0", "limit"), ("GET", "/things?after=x", "after")],
)
async def test_paths_and_queries_are_checked_too(api: Api, method: str, path: str, field: str) -> None:
    document = problem(await api.request(method, path, who="officer"), 422, "invalid")
    assert [each["field"] for each in document["fields"]] == [field]


@pytest.mark.parametrize(
    "body", [b"{", b"", b"\xff\xfe", b'{"name": "\xff"}', b"[1]", b'{"name": "a", "parts": {}}', b"null"]
)
async def test_a_malformed_body_is_a_422_that_names_the_body_or_the_field(api: Api, body: bytes) -> None:
    answer = await api.post("/things", who="officer", content=body, headers={"content-type": "application/json"})
    document = problem(answer, answer.status_code, answer.json()["code"])
    assert answer.status_code in {400, 422}
    if answer.status_code == 422:
        assert document["fields"]


async def test_a_body_of_the_wrong_media_type_is_refused(api: Api) -> None:
    for said in ("text/plain", "application/json; charset=gbk", "nonsense", None):
        headers = {"content-type": said} if said else {}
        answer = await api.post("/things", who="officer", content=b'{"name":"a"}', headers=headers)
        document = problem(answer, 415, "unsupported_media_type")
        assert "application/json" in document["detail"]
        assert ("Content-Type" in document["detail"]) == (said is None)
        assert ("gbk" in document["detail"]) == ("gbk" in (said or ""))
    for said in ("application/json", "Application/JSON; charset=UTF-8", "application/merge-patch+json"):
        answer = await api.post("/things", who="officer", content=b"{}", headers={"content-type": said})
        problem(answer, 422, "invalid")


async def test_an_encoded_body_is_refused_by_the_name_of_its_encoding(api: Api) -> None:
    for path in ("/things", "/streams"):
        packed = gzip.compress(b'{"name":"a"}')
        headers = {"content-type": "application/json", "content-encoding": "gzip"}
        answer = await api.post(path, who="officer", content=packed, headers=headers)
        document = problem(answer, 415, "content_encoding_unsupported")
        assert "gzip" in document["detail"]
        assert answer.headers["accept-encoding"] == "identity"
    plain = {"content-type": "application/json", "content-encoding": "identity"}
    assert (await api.post("/open", content=b'{"name":"a"}', headers=plain)).status_code == 200


@pytest.mark.parametrize(
    ("body", "member"),
    [
        ('{"name": "a", "name": "b"}', "name"),
        ('{"name": "a", "parts": [{"size": 1, "size": 2}]}', "size"),
        ('{"name": "a", "na\\u006de": "a"}', "name"),
    ],
)
async def test_a_member_that_is_there_twice_is_refused_by_name(api: Api, body: str, member: str) -> None:
    for path, who in (("/things", "officer"), ("/open", None)):
        answer = await api.post(path, who=who, content=body.encode(), headers={"content-type": "application/json"})
        assert problem(answer, 400, "member_repeated")["member"] == member


@pytest.mark.parametrize(
    "body",
    ["[" * 100_000, '{"name": "a", "parts": [{"size": NaN}]}', '{"name": "a", "parts": [{"size": ' + "9" * 5000 + "}]}",
     '{"name": "\xe4"}'.encode("utf-16").decode("latin-1")],
)  # fmt: skip
async def test_json_that_only_python_would_take_is_malformed(api: Api, body: str) -> None:
    json_type = {"content-type": "application/json"}
    problem(await api.post("/open", content=body.encode("latin-1"), headers=json_type), 422, "invalid")


@pytest.mark.parametrize(
    ("member", "value", "field"),
    [
        ("parts", [{"size": True}], "parts.0.size"),
        ("parts", [{"size": "1"}], "parts.0.size"),
        ("parts", [{"size": 1.0}], "parts.0.size"),
        ("since", 1_700_000_000, "since"),
        ("since", "1700000000", "since"),
        ("since", "2026-11-25T09:00:00", "since"),
        ("since", "9999-12-31T23:59:59-12:00", "since"),
        ("since", "0001-01-01T00:00:00+14:00", "since"),
        ("day", 20_000, "day"),
        ("day", "9999-01-01", "day"),
        ("day", "2026-11-25T00:00:00", "day"),
        ("colour", "red", "colour"),
    ],
)
async def test_nothing_in_a_body_is_bent_to_fit(api: Api, member: str, value: object, field: str) -> None:
    answer = await api.post("/open", json={"name": "a", member: value})
    assert [each["field"] for each in problem(answer, 422, "invalid")["fields"]] == [field]


async def test_dates_within_bounds_are_taken_and_kept_in_utc(api: Api) -> None:
    answer = await api.post("/open", json={"name": "a", "since": "2026-11-25T09:00:00+08:00", "day": "1990-01-01"})
    assert (answer.json()["since"], answer.json()["day"]) == ("2026-11-25T01:00:00Z", "1990-01-01")


async def test_a_body_over_the_limit_is_a_413(api: Api) -> None:
    answer = await api.post("/things", who="officer", json={"name": "a" * 2_000_000})
    problem(answer, 413, "too_large")


async def test_a_text_with_a_nul_is_the_callers_mistake(api: Api) -> None:
    document = problem(await api.post("/things", who="officer", json={"name": "a\0b"}), 422, "invalid")
    assert "NUL" in document["detail"]


async def test_unknown_addresses_and_methods_are_problems_too(api: Api) -> None:
    problem(await api.get("/nowhere", who="officer"), 404, "route_not_found")
    answer = await api.delete("/things", who="officer")
    problem(answer, 405, "method_not_allowed")
    assert answer.headers["allow"] == "GET, HEAD, POST"
    for almost in ("/things/", "/open/", "//things"):
        problem(await api.get(almost, who="officer"), 404, "route_not_found")


async def test_head_is_answered_wherever_get_is_with_the_same_head_and_no_body(api: Api) -> None:
    made = await api.post("/things", who="officer", json={"name": "h"})
    for path in (f"/things/{made.json()['id']}", "/things", "/open", "/openapi.json", "/docs", "/livez", "/readyz"):
        got, asked = await api.get(path, who="officer"), await api.request("HEAD", path, who="officer")
        assert (asked.status_code, asked.content) == (200, b""), path
        for name in ("content-type", "content-length", "etag"):
            assert asked.headers.get(name) == got.headers.get(name), path
    assert (await api.request("HEAD", "/things")).status_code == 401
    assert (await api.request("HEAD", "/nowhere", who="officer")).status_code == 404
    assert (await api.request("HEAD", "/streams", who="officer")).status_code == 405


async def test_head_of_a_stream_ends_with_its_head(api: Api) -> None:
    async with asyncio.timeout(20):
        answer = await api.request("HEAD", "/events")
    assert (answer.status_code, answer.content) == (200, b"")
    assert answer.headers["content-type"].startswith("text/event-stream")


async def test_an_unknown_id_is_a_404(api: Api) -> None:
    document = problem(await api.get(f"/things/{ID}", who="officer"), 404, "not_found")
    assert document["detail"] == f"There is no thing {ID}."


async def test_without_a_token_or_with_a_bad_one_the_answer_says_how_to_authenticate(api: Api) -> None:
    missing = await api.get("/things")
    problem(missing, 401, "token_missing")
    assert missing.headers["www-authenticate"] == 'Bearer realm="concord"'
    for value in ("Bearer", "Bearer ", "Basic dTpw", "Bearer a.b.c", "nonsense"):
        answer = await api.get("/things", headers={"Authorization": value})
        problem(answer, 401, "unauthorized")
        assert 'error="invalid_token"' in answer.headers["www-authenticate"]


async def test_changing_needs_the_version_that_was_read(api: Api) -> None:
    made = await api.post("/things", who="officer", json={"name": "v"})
    path, body = f"/things/{made.json()['id']}", {"name": "w"}
    problem(await api.put(path, who="officer", json=body), 428, "precondition_required")
    for malformed in (
        "3",
        '"x"',
        "*",
        "W/1",
        '"1-x"',
        '"1-gzip-gzip"',
        'w/"1"',
        '"1", "2"',
        '""',
        '"-1"',
        f'"{"9" * 30}"',
        "\u0661".encode(),
    ):
        answer = await api.put(path, who="officer", json=body, headers={"If-Match": malformed})
        problem(answer, 400, "if_match_malformed")
    for stale in ('"7"', 'W/"7"', '"7-gzip"', 'W/"7-br"', '"7--gzip"', '"7;gzip"'):
        answer = await api.put(path, who="officer", json=body, headers={"If-Match": stale})
        problem(answer, 412, "precondition_failed")
    assert (await api.put(path, who="officer", json=body, headers={"If-Match": 'W/"1-gzip"'})).status_code == 200
    await api.put(path, who="officer", json={"name": "v"}, version=2)
    body = {"name": "x"}
    changed = await api.put(path, who="officer", json=body, version=3)
    assert (changed.status_code, changed.headers["etag"]) == (200, '"4"')
    late = problem(await api.put(path, who="officer", json=body, version=1), 412, "precondition_failed")
    assert late["version"] == 4
    assert (await api.get(path, who="officer")).headers["etag"] == '"4"'


@pytest.mark.parametrize(
    ("kind", "status", "code", "retry_after"),
    [
        ("connection", 503, "database_unavailable", "5"),
        ("refused", 503, "database_unavailable", "5"),
        ("timeout", 503, "database_unavailable", "5"),
        ("starting", 503, "database_unavailable", "5"),
        ("deadlock", 503, "try_again", "1"),
        ("lock", 503, "try_again", "1"),
        ("statement", 503, "database_slow", "1"),
        ("readonly", 503, "database_unavailable", "5"),
        ("demoted", 503, "database_unavailable", "5"),
        ("group", 503, "database_unavailable", "5"),
        ("connections", 503, "database_unavailable", "5"),
        ("own", 503, "unavailable", "9"),
    ],
)
async def test_what_passes_by_itself_is_a_503_that_says_when(
    api: Api, kind: str, status: int, code: str, retry_after: str
) -> None:
    answer = await api.get(f"/failures/{kind}", who="officer")
    document = problem(answer, status, code)
    assert answer.headers["retry-after"] == retry_after
    assert document["retry_after"] == int(retry_after)


@pytest.mark.parametrize("kind", ["misuse", "syntax", "unforeseen", "mixed"])
async def test_a_mistake_of_ours_is_a_500_whose_inside_stays_in_the_log(
    api: Api, kind: str, capsys: pytest.CaptureFixture[str]
) -> None:
    answer = await api.get(f"/failures/{kind}", who="officer")
    document = problem(answer, 500, "internal")
    assert "secret" not in answer.text
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines() if line.startswith("{")]
    written = next(line for line in lines if line["event"] == "http.error")
    assert written["trace_id"] == document["trace_id"]
    assert "Traceback" in written["exception"]


async def test_a_refused_write_is_audited_with_who_what_and_why(api: Api) -> None:
    answer = await api.post(f"/things/{ID}/breaking", who="officer")
    (row,) = await audited(api)
    assert (row["subject"], row["name"], row["organisation"]) == ("officer", "Officer", "industry-110000")
    assert (row["act"], row["resource"]) == ("POST /things/{thing_id}/breaking", f"/things/{ID}/breaking")
    assert (row["outcome"], row["code"]) == ("refused", "action_refused")
    assert row["trace_id"] == answer.json()["trace_id"]
    assert row["detail"] == {"detail": "The thing is broken: break is not possible now."}


async def test_a_forbidden_read_is_audited_other_refused_reads_are_not(api: Api) -> None:
    problem(await api.get("/secrets", who="officer"), 403, "forbidden")
    problem(await api.get(f"/things/{ID}", who="officer"), 404, "not_found")
    assert [(row["act"], row["code"]) for row in await audited(api)] == [("GET /secrets", "forbidden")]


async def test_malformed_writes_of_somebody_known_are_audited_those_of_strangers_are_not(api: Api) -> None:
    await api.post("/things", who="officer", json={})
    await api.post("/things", who="officer", json={"name": "n\0"})
    await api.post("/things", json={"name": "x"})
    await api.post("/nowhere", who="officer")
    assert [row["code"] for row in await audited(api)] == ["invalid", "invalid"]


async def test_granted_acts_and_errors_of_ours_leave_no_refusal(api: Api) -> None:
    await api.post("/things", who="officer", json={"name": "granted"})
    await api.post("/things", who="officer", json={"name": "crash"})
    assert await audited(api) == []


async def test_a_refusal_that_cannot_be_audited_is_still_given_and_shows_in_the_log(
    api: Api, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    async def away(*_: Any, **__: Any) -> None:
        raise ConnectionRefusedError(111, "Connect call failed")

    lost: list[int] = []
    monkeypatch.setattr("shared.runtime.base.metrics.audit_failures.add", lost.append)
    monkeypatch.setattr("shared.runtime.acts.audit.record", away)
    problem(await api.post(f"/things/{ID}/breaking", who="officer"), 409, "action_refused")
    assert "audit.failed" in capsys.readouterr().out
    assert lost == [1], "somebody is woken for it"


async def test_tokens_and_bodies_are_never_logged(api: Api, capsys: pytest.CaptureFixture[str]) -> None:
    logging.getLogger().setLevel(logging.DEBUG)
    try:
        await api.post("/things", who="officer", json={"name": "personal data"})
        await api.post("/things", who="officer", json={"name": 7, "parts": "personal data"})
        await api.get("/things", headers={"Authorization": "Bearer very.secret.token"})
    finally:
        logging.getLogger().setLevel(logging.WARNING)
    out = "".join(capsys.readouterr())
    assert "personal data" not in out
    assert "secret" not in out


async def test_every_answer_forbids_sniffing_and_storing(api: Api) -> None:
    for answer in (
        await api.get("/things", who="officer"),
        await api.get("/nowhere"),
        await api.get("/failures/syntax"),
    ):
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["cache-control"] == "no-store"


async def test_pages_walk_newest_first(api: Api) -> None:
    for name in "pqrst":
        await api.post("/things", who="officer", json={"name": name})
    seen: list[str] = []
    after: dict[str, str] = {}
    while True:
        page = (await api.get("/things", who="officer", params={"limit": 2, **after})).json()
        seen += [item["name"] for item in page["items"]]
        if page["next"] is None:
            break
        after = {"after": page["next"]}
    assert seen[:5] == list("tsrqp")
    assert len(seen) == len(set(seen))


@pytest.mark.parametrize("kind", ["full", "nospace"])
async def test_a_full_disk_is_told_as_one_and_makes_the_service_unready(make_database: MakeDatabase, kind: str) -> None:
    async with running_service(toy.SERVICE, await make_database("runtime")) as api:
        assert (await api.get("/readyz")).status_code == 200
        answer = await api.get(f"/failures/{kind}")
        document = problem(answer, 507, "storage_full")
        assert (answer.headers["retry-after"], document["retry_after"]) == ("60", 60)
        unready = await api.get("/readyz")
        assert (unready.status_code, unready.json()["checks"]["storage"]) == (503, {"ok": False, "state": "full"})


async def test_what_is_public_says_so_and_everything_else_wants_a_caller(api: Api) -> None:
    assert (await api.get("/open")).json() == {"said": "hello"}
    assert (await api.get("/open", headers={"Authorization": "Bearer nonsense"})).status_code == 200
    problem(await api.get("/unguarded"), 401, "token_missing")
    assert (await api.get("/unguarded", who="officer")).status_code == 200
    paths = (await api.get("/openapi.json")).json()["paths"]
    assert paths["/open"]["get"]["security"] == []
    assert paths["/unguarded"]["get"]["security"] == [{"bearer": []}]


@pytest.mark.parametrize("path", ["/things", "/streams", "/refusing", f"/things/{ID}/breaking"])
async def test_the_body_of_a_stranger_is_not_read(api: Api, path: str) -> None:
    read: list[int] = []

    async def body() -> AsyncIterator[bytes]:
        for n in range(64):
            read.append(n)
            yield b"x" * 1024 * 1024

    for headers in ({}, {"content-length": str(1 << 26)}, {"authorization": "Bearer nonsense"}):
        given = {"content-type": "application/json", "idempotency-key": "k", **headers}
        sent = await strangers(api, path, given, body())
        assert (sent.status_code, read) == (401, []), headers


class Streamed:
    """An ASGI answer, as much as a test needs of it."""

    status_code = 0


async def strangers(api: Api, path: str, headers: dict[str, str], body: AsyncIterator[bytes]) -> Streamed:
    """Ask below httpx, whose transport would read the body itself."""
    answer = Streamed()
    scope = {
        "type": "http", "asgi": {"version": "3.0"}, "http_version": "1.1", "method": "POST", "scheme": "http",
        "path": path, "raw_path": path.encode(), "query_string": b"", "root_path": "", "server": ("t", 80),
        "client": ("t", 1), "headers": [(name.encode(), value.encode()) for name, value in headers.items()],
    }  # fmt: skip

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": await anext(body), "more_body": True}

    async def send(message: Any) -> None:
        if message["type"] == "http.response.start":
            answer.status_code = message["status"]

    await api.app(scope, receive, send)
    return answer


async def test_repeated_refusals_are_folded_into_one_row_with_a_count(make_database: MakeDatabase) -> None:
    async with running_service(toy.SERVICE, await make_database("runtime"), fold_s=3600) as api:
        for n in range(20):
            await api.post(f"/things/{uuid4()}/breaking", who="officer" if n % 2 else "auditor")
        await api.get("/secrets", who="officer")
        kinds = [(row["subject"], row["code"]) for row in await audited(api)]
        assert kinds == [("auditor", "action_refused"), ("officer", "action_refused"), ("officer", "forbidden")]
        await api.app.state.refusals.close()
        rows = await audited(api)
        assert sorted((row["subject"], row["detail"]["count"]) for row in rows) == [("auditor", 9), ("officer", 9)]
        assert all(len(row["detail"]["resources"]) == 8 for row in rows)
        await api.post(f"/things/{ID}/breaking", who="officer")
        assert [row["detail"].get("count") for row in await audited(api)] == [None]


async def test_what_was_counted_is_written_when_its_minute_is_over(make_database: MakeDatabase) -> None:
    async with running_service(toy.SERVICE, await make_database("runtime"), fold_s=0.5) as api:
        for _ in range(3):
            await api.post(f"/things/{ID}/breaking", who="officer")
        rows: list[dict[str, Any]] = []
        async with asyncio.timeout(20):
            while not any("count" in row["detail"] for row in rows):
                rows += await audited(api)
                await asyncio.sleep(0.02)
        assert sum(row["detail"].get("count", 1) for row in rows) == 3


async def test_the_row_of_a_refusal_is_small_whatever_was_sent(api: Api) -> None:
    wrong = {f"{n:03}" + "京" * 3000: 1 for n in range(90)}
    answer = await api.post("/things", who="officer", json={"name": "a", **wrong})
    assert len(problem(answer, 422, "invalid")["fields"]) == 90
    assert len(answer.content) < 200_000
    await api.post("/things/" + "x" * 20_000 + "/breaking", who="officer")
    async with api.rt.db.connection() as tx:
        rows = await tx.fetch("SELECT octet_length(detail::text) AS detail, octet_length(resource) AS of FROM audit")
    assert len(rows) == 2
    assert max(max(row["detail"], row["of"]) for row in rows) <= 2048
