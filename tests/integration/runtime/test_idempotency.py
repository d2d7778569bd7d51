"""Idempotency-Key: sent twice, done once; whatever happens in between."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from shared.runtime.base.clock import FixedClock
from shared.runtime.web import idempotency
from tests.support import toy
from tests.support.fixtures import MakeDatabase
from tests.support.service import Api, running_service


@pytest.fixture
async def api(make_database: MakeDatabase) -> AsyncIterator[Api]:
    async with running_service(toy.SERVICE, await make_database("runtime", toy.TABLE)) as client:
        yield client


@pytest.fixture
def held() -> Any:
    """Holds POST /things in the middle of its work."""
    toy.gate.entered.clear()
    toy.gate.open.clear()
    yield toy.gate
    toy.gate.open.set()


async def count(api: Api, table: str = "thing") -> int:
    async with api.rt.db.connection() as tx:
        return int(await tx.fetchval(f"SELECT count(*) FROM {table}"))


async def test_the_second_time_gets_the_first_answer_and_nothing_happens_again(api: Api) -> None:
    first = await api.post("/things", who="officer", key="k", json={"name": "a"})
    again = await api.post("/things", who="officer", key="k", json={"name": "a"})
    assert first.status_code == again.status_code == 201
    assert first.content == again.content
    assert again.headers["idempotency-replayed"] == "true"
    assert "idempotency-replayed" not in first.headers
    for name in ("etag", "location", "content-type"):
        assert again.headers[name] == first.headers[name]
    assert "x-private" not in again.headers
    assert (await count(api), await count(api, "outbox")) == (1, 1)


async def test_an_answer_without_a_body_is_kept_too(api: Api) -> None:
    first = await api.post("/nothing", who="officer", key="k")
    again = await api.post("/nothing", who="officer", key="k")
    assert (first.status_code, again.status_code, again.content) == (204, 204, b"")
    assert again.headers["idempotency-replayed"] == "true"


async def test_a_refusal_is_not_kept_for_the_next_try(api: Api) -> None:
    for _ in range(2):
        refused = await api.post("/refusing", who="officer", key="k")
        assert (refused.status_code, "idempotency-replayed" in refused.headers) == (409, False)
    assert await count(api, "idempotency") == 0


async def test_two_people_may_use_the_same_key(api: Api) -> None:
    first = await api.post("/things", who="officer", key="k", json={"name": "a"})
    other = await api.post("/things", who="auditor", key="k", json={"name": "b"})
    assert (first.status_code, other.status_code) == (201, 201)
    assert first.json()["id"] != other.json()["id"]


@pytest.mark.parametrize(
    ("path", "body"), [("/things", {"name": "b"}), ("/nothing", {"name": "a"}), ("/things?x=1", {"name": "a"})]
)
async def test_the_same_key_for_another_request_is_refused(api: Api, path: str, body: dict[str, str]) -> None:
    await api.post("/things", who="officer", key="k", json={"name": "a"})
    answer = await api.post(path, who="officer", key="k", json=body)
    assert (answer.status_code, answer.json()["code"]) == (422, "idempotency_key_reused")
    assert await count(api) == 1


async def test_a_key_is_required_and_has_a_form(api: Api) -> None:
    async def post(*values: str) -> tuple[int, str]:
        headers = [*(await _bearer()), *(("Idempotency-Key", value) for value in values)]
        answer = await api.send(api.build_request("POST", "/things", json={"name": "a"}, headers=headers))
        return answer.status_code, answer.json()["code"]

    assert await post() == (400, "idempotency_key_required")
    for wrong in ("", "a b", "x" * 256, "a\x7f"):
        assert await post(wrong) == (400, "idempotency_key_malformed"), wrong
    assert await post("a", "b") == (400, "idempotency_key_malformed")
    assert await count(api) == 0


async def _bearer() -> list[tuple[str, str]]:
    from tests.support.people import bearer  # noqa: PLC0415

    return list(bearer("officer").items())


async def test_who_calls_comes_before_the_key(api: Api) -> None:
    answer = await api.send(api.build_request("POST", "/things", json={"name": "a"}))
    assert (answer.status_code, answer.json()["code"]) == (401, "token_missing")


async def test_a_refusal_stores_nothing_so_the_same_key_can_succeed_later(api: Api) -> None:
    await api.post("/things", who="officer", key="first", json={"name": "a"})
    refused = await api.post("/things", who="officer", key="k", json={"name": "a"})
    assert (refused.status_code, refused.json()["code"]) == (409, "name_taken")
    async with api.rt.db.transaction() as tx:
        await tx.execute("DELETE FROM thing")
    answer = await api.post("/things", who="officer", key="k", json={"name": "a"})
    assert answer.status_code == 201
    assert "idempotency-replayed" not in answer.headers


async def test_an_error_after_the_work_undoes_the_work_and_the_claim(api: Api) -> None:
    answer = await api.post("/things", who="officer", key="k", json={"name": "crash"})
    assert answer.status_code == 500
    assert (await count(api), await count(api, "outbox"), await count(api, "idempotency")) == (0, 0, 0)


async def test_of_two_at_the_same_time_one_acts_and_the_other_is_told_to_wait(api: Api, held: Any) -> None:
    first = asyncio.create_task(api.post("/things", who="officer", key="k", json={"name": "a"}))
    await held.entered.wait()
    async with asyncio.timeout(10):
        second = await api.post("/things", who="officer", key="k", json={"name": "a"})
    assert (second.status_code, second.json()["code"]) == (409, "idempotency_in_flight")
    assert second.headers["retry-after"] == "1"
    held.open.set()
    assert (await first).status_code == 201
    third = await api.post("/things", who="officer", key="k", json={"name": "a"})
    assert third.content == (await first).content
    assert await count(api) == 1


@pytest.mark.parametrize(
    "changed",
    [
        {"roles": []},
        {"roles": ["query_desk", "access_desk"]},
        {"roles": ["access_desk"]},
        {"organisation": "drugs-110000"},
        {"organisation": "industry-310000"},
        {"organisation": "industry"},
    ],
)
async def test_whoever_has_other_rights_now_gets_neither_the_old_answer_nor_a_second_act(
    api: Api, changed: dict[str, Any]
) -> None:
    first = await api.post("/things", who="officer", key="k", json={"name": "a"})
    withheld = await api.post("/things", who=("officer", changed), key="k", json={"name": "a"})
    assert (withheld.status_code, withheld.json()["code"]) == (409, "answer_withheld")
    assert first.json()["id"] not in withheld.text
    assert await count(api) == 1
    again = await api.post("/things", who=("officer", {"name": "Another Name"}), key="k", json={"name": "a"})
    assert again.content == first.content


async def test_many_at_the_same_time_act_once(api: Api) -> None:
    async def until_answered() -> Any:
        while True:
            answer = await api.post("/things", who="officer", key="k", json={"name": "a"})
            if answer.status_code != 409:
                return answer
            await asyncio.sleep(0.01)

    answers = await asyncio.gather(*(until_answered() for _ in range(12)))
    assert {answer.status_code for answer in answers} == {201}
    assert len({answer.content for answer in answers}) == 1
    assert sum("idempotency-replayed" not in answer.headers for answer in answers) == 1
    assert await count(api) == 1


async def test_a_process_that_dies_between_claim_and_answer_leaves_nothing_behind(api: Api, held: Any) -> None:
    first = asyncio.create_task(api.post("/things", who="officer", key="k", json={"name": "a"}))
    await held.entered.wait()
    async with api.rt.db.connection() as tx:  # what kill -9 does to the session
        await tx.execute("""SELECT pg_terminate_backend(pid) FROM pg_stat_activity
                             WHERE datname = current_database() AND state = 'idle in transaction'""")
    held.open.set()
    assert (await first).status_code == 503
    assert (await count(api), await count(api, "idempotency")) == (0, 0)
    again = await api.post("/things", who="officer", key="k", json={"name": "a"})
    assert again.status_code == 201
    assert await count(api) == 1


async def test_a_streamed_answer_on_an_idempotent_route_is_a_mistake_that_shows(api: Api) -> None:
    from fastapi.responses import StreamingResponse  # noqa: PLC0415

    with pytest.raises(TypeError, match="plain APIRouter"):
        idempotency._kept(StreamingResponse(iter(())))


async def test_plain_routers_take_posts_without_a_key(api: Api) -> None:
    headers = dict(await _bearer())
    answer = await api.send(api.build_request("POST", "/streams", content=b"abc", headers=headers))
    assert (answer.status_code, answer.text) == (200, "ABC")


async def test_answers_are_forgotten_after_seven_days(make_database: MakeDatabase) -> None:
    async with running_service(toy.SERVICE, await make_database("runtime")) as api:
        await api.post("/nothing", who="officer", key="k")
        for days, forgotten in ((6, 0), (1, 1)):
            async with api.rt.db.transaction() as tx:
                await tx.execute("UPDATE idempotency SET created_at = created_at - $1::interval", timedelta(days=days))
            assert await idempotency.purge(api.rt, batch=1) == forgotten
        assert await count(api, "idempotency") == 0


async def test_a_process_whose_clock_is_weeks_ahead_forgets_no_fresh_answer(make_database: MakeDatabase) -> None:
    clock = FixedClock(datetime.now(UTC))
    async with running_service(toy.SERVICE, await make_database("runtime", toy.TABLE), clock=clock) as api:
        first = await api.post("/things", who="officer", key="k", json={"name": "a"})
        clock.advance(timedelta(weeks=2))
        assert await idempotency.purge(api.rt) == 0
        again = await api.post("/things", who="officer", key="k", json={"name": "a"})
        assert (again.content, await count(api)) == (first.content, 1)


async def test_the_key_shows_in_openapi_as_required_on_posts_only(api: Api) -> None:
    paths = (await api.get("/openapi.json")).json()["paths"]

    def names(path: str, method: str) -> dict[str, bool]:
        return {each["name"]: each["required"] for each in paths[path][method].get("parameters", ())}

    assert names("/things", "post")["Idempotency-Key"] is True
    assert "Idempotency-Key" not in names("/things", "get")
    assert "Idempotency-Key" not in names("/streams", "post")
    assert names("/things/{thing_id}", "put")["If-Match"] is True
