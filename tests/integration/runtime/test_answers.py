"""Every error has one shape; refused acts are audited; a database that is away is a 503 and not a crash."""

import json
import logging
from collections.abc import AsyncIterator
from typing import Any

import pytest

from tests.support import toy
from tests.support.fixtures import MakeDatabase
from tests.support.service import Api, running_service

ID = "0192f1c2-6b1e-7cc3-9d52-1a2b3c4d5e6f"


@pytest.fixture(scope="module")
async def api(make_database: MakeDatabase) -> AsyncIterator[Api]:
    async with running_service(toy.SERVICE, await make_database("runtime")) as client:
        async with client.rt.db.transaction() as tx:
            await tx.execute(toy.TABLE)
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
    assert document["detail"] == "A thing that is broken cannot break."
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
    answer = await api.post("/things", who="officer", content=b'{"name":"a"}', headers={"content-type": "text/plain"})
    problem(answer, 422, "invalid")


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
    assert answer.headers["allow"] == "GET, POST"


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
    for malformed in ("3", '"x"', "*", 'W/"1"', '"1", "2"', '""', '"-1"', f'"{"9" * 30}"', "\u0661".encode()):
        answer = await api.put(path, who="officer", json=body, headers={"If-Match": malformed})
        problem(answer, 400, "if_match_malformed")
    changed = await api.put(path, who="officer", json=body, version=1)
    assert (changed.status_code, changed.headers["etag"]) == (200, '"2"')
    stale = problem(await api.put(path, who="officer", json=body, version=1), 412, "precondition_failed")
    assert stale["version"] == 2
    assert (await api.get(path, who="officer")).headers["etag"] == '"2"'


@pytest.mark.parametrize(
    ("kind", "status", "code", "retry_after"),
    [
        ("connection", 503, "database_unavailable", "5"),
        ("refused", 503, "database_unavailable", "5"),
        ("timeout", 503, "database_unavailable", "5"),
        ("starting", 503, "database_unavailable", "5"),
        ("deadlock", 503, "try_again", "1"),
        ("lock", 503, "try_again", "1"),
        ("statement", 503, "try_again", "1"),
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


@pytest.mark.parametrize("kind", ["misuse", "syntax", "unforeseen"])
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
    assert row["detail"] == {"detail": "A thing that is broken cannot break."}


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

    monkeypatch.setattr("shared.runtime.acts.audit.record", away)
    problem(await api.post(f"/things/{ID}/breaking", who="officer"), 409, "action_refused")
    assert "audit.failed" in capsys.readouterr().out


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
