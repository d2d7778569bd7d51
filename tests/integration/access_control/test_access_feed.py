"""The provider's feed: identical bytes through every door, waiting without a database session each, drift found."""

import asyncio
import hashlib
import socket
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any
from uuid import UUID

import httpx
import pytest
import uvicorn

from access_control.service import feed, feed_pages
from access_control.service.feed_wakeups import MOST_READERS
from access_control.service.state import wakeups_of
from access_control.store import feed as store
from tests.integration.access_control.conftest import OpenDesk
from tests.integration.access_control.desk import Desk, Host, opened, undone
from tests.support import people

EMPTY = hashlib.sha256(b"").hexdigest()


def by_hand(*orders: tuple[str, int]) -> str:
    """The hash of a set of orders, as docs describe it."""
    lines = "".join(f"{order_id} {sequence}\n" for order_id, sequence in sorted(orders, key=lambda each: each[1]))
    return hashlib.sha256(lines.encode()).hexdigest()


async def test_every_door_gives_the_same_bytes(desk: Desk) -> None:
    host = await desk.host()
    await desk.cut_off(host, sites=3)
    sent = await desk.rows("SELECT value FROM outbox WHERE topic = $1 ORDER BY id", f"access-orders.{host.id}")
    kafka = [row["value"] for row in sent]
    polled = [order["jws"].encode() for order in (await desk.feed(host))["orders"]]
    snapshot = (await desk.api.get(f"/providers/{host.id}/snapshot", who=host.who)).json()
    single = [await desk.api.get(f"/providers/{host.id}/orders/{place}", who=host.who) for place in (1, 2, 3)]
    assert polled == kafka
    assert [order["jws"].encode() for order in snapshot["orders"]] == kafka
    assert [answer.content for answer in single] == kafka
    assert {answer.headers["content-type"] for answer in single} == {"application/jose"}
    assert [opened(jws.decode())["sequence"] for jws in kafka] == [1, 2, 3]


async def test_a_reader_goes_on_where_it_stopped(desk: Desk) -> None:
    host = await desk.host()
    await desk.cut_off(host, sites=5)
    first = await desk.feed(host, limit=2)
    assert ([order["sequence"] for order in first["orders"]], first["next_after"], first["head"]) == ([1, 2], 2, 5)
    assert first["ask_again_s"] == 0, "there is more"
    rest = await desk.feed(host, after=first["next_after"])
    assert ([order["sequence"] for order in rest["orders"]], rest["next_after"]) == ([3, 4, 5], 5)
    assert await desk.feed(host, after=5) == {"orders": [], "next_after": 5, "head": 5, "ask_again_s": 30}


async def test_each_provider_has_a_sequence_of_its_own(desk: Desk) -> None:
    first, second = await desk.host(), await desk.host()
    await desk.cut_off(first, second, sites=2)
    await desk.cut_off(second)
    assert [order["sequence"] for order in (await desk.feed(first))["orders"]] == [1, 2]
    assert [order["sequence"] for order in (await desk.feed(second))["orders"]] == [1, 2, 3]


async def test_a_reader_ahead_of_us_is_told_so(desk: Desk) -> None:
    host = await desk.host()
    await desk.cut_off(host)
    answer = await desk.api.get(f"/providers/{host.id}/orders", params={"after": 2, "wait": 5}, who=host.who)
    assert (answer.status_code, answer.json()["code"]) == (409, "sequence_ahead")
    assert (answer.json()["after"], answer.json()["head"]) == (2, 1)


@pytest.mark.parametrize(
    ("params", "field"),
    [({"after": -1}, "after"), ({"limit": 0}, "limit"), ({"limit": 501}, "limit"), ({"wait": 61}, "wait"),
     ({"wait": -1}, "wait"), ({"after": "x"}, "after"), ({"after": 2**63}, "after"), ({"wait": "nan"}, "wait")],
)  # fmt: skip
async def test_limits_are_kept(desk: Desk, params: dict[str, object], field: str) -> None:
    host = await desk.host()
    answer = await desk.api.get(f"/providers/{host.id}/orders", params=params, who=host.who)
    assert (answer.status_code, answer.json()["fields"][0]["field"]) == (422, field)


async def test_nobody_reads_another_feed(desk: Desk) -> None:
    host, other = await desk.host(), await desk.host()
    await desk.cut_off(host)
    paths = ("orders", "orders/1", "orders/stream", "state", "snapshot")
    for who in (other.who, "desk-a", "regulator-a", "auditor"):
        for path in paths:
            assert (await desk.api.get(f"/providers/{host.id}/{path}", who=who)).status_code == 403, (who, path)
    assert len(await desk.refusals()) == 4 * len(paths)


async def test_an_order_that_is_not_there_is_not_found(desk: Desk) -> None:
    host = await desk.host()
    for place, status in (("1", 404), ("0", 422), ("x", 422)):
        answer = await desk.api.get(f"/providers/{host.id}/orders/{place}", who=host.who)
        assert answer.status_code == status


async def test_the_state_tells_what_is_in_force(desk: Desk) -> None:
    host = await desk.host()
    assert await desk.state(host) == {"provider_id": host.id, "head": 0, "in_force": 0, "hash": EMPTY}
    facts = await desk.cut_off(host, sites=3)
    first, second, third = [order["id"] for order in await desk.orders()]
    state = await desk.state(host)
    assert (state["head"], state["in_force"]) == (3, 3)
    assert state["hash"] == by_hand((first, 1), (second, 2), (third, 3))
    for outcome, place in (("executed", 1), ("impossible", 2), ("contested", 3)):
        await desk.answer(host, outcome, sequence=place)
    assert (await desk.state(host))["hash"] == state["hash"]
    await desk.deliver(*map(undone, facts[:2]))
    state = await desk.state(host)
    assert (state["head"], state["in_force"], state["hash"]) == (5, 1, by_hand((third, 3)))
    snapshot = (await desk.api.get(f"/providers/{host.id}/snapshot", who=host.who)).json()
    assert {name: snapshot[name] for name in state} == state
    assert [order["sequence"] for order in snapshot["orders"]] == [3]
    assert [order["sequence"] for order in snapshot["open"]] == [3, 4, 5], (
        "restores are open too until they are answered"
    )
    await desk.answer(host, "executed", sequence=4)
    snapshot = (await desk.api.get(f"/providers/{host.id}/snapshot", who=host.who)).json()
    assert [order["sequence"] for order in snapshot["open"]] == [3, 5]


async def waiting(desk: Desk, count: int) -> None:
    """Until so many readers wait."""
    deadline = time.monotonic() + 10
    while wakeups_of(desk.rt).waiting < count:
        assert time.monotonic() < deadline
        await asyncio.sleep(0.01)


async def test_a_waiting_reader_gets_an_order_as_soon_as_it_is_released(desk: Desk) -> None:
    host, other = await desk.host(), await desk.host()
    reader = asyncio.create_task(desk.feed(host, wait=30))
    stranger = asyncio.create_task(desk.feed(other, wait=1))
    await waiting(desk, 2)
    began = time.perf_counter()
    await desk.cut_off(host)
    assert [order["sequence"] for order in (await reader)["orders"]] == [1]
    assert time.perf_counter() - began < 0.9  # NOTIFY, not the look every second
    assert (await stranger)["orders"] == []


async def test_a_reader_that_waits_in_vain_gets_an_empty_page(desk: Desk) -> None:
    host = await desk.host()
    began = time.perf_counter()
    assert await desk.feed(host, wait=0.3) == {"orders": [], "next_after": 0, "head": 0, "ask_again_s": 0}
    assert time.perf_counter() - began >= 0.3
    assert wakeups_of(desk.rt).waiting == 0


async def test_a_reader_that_is_woken_for_what_it_has_read_waits_on(desk: Desk) -> None:
    host = await desk.host()
    await desk.cut_off(host)
    reader = asyncio.create_task(desk.feed(host, after=1, wait=30))
    await waiting(desk, 1)
    wakeups_of(desk.rt).wake(UUID(host.id))  # the notice of an order may come after somebody read it
    await asyncio.sleep(0.2)
    assert not reader.done()
    await desk.cut_off(host)
    assert [order["sequence"] for order in (await reader)["orders"]] == [2]


async def test_many_readers_wait_without_a_database_session_each(desk: Desk) -> None:
    hosts = [await desk.host() for _ in range(4)]
    readers = [asyncio.create_task(desk.feed(host, wait=60)) for host in hosts for _ in range(MOST_READERS)]
    await waiting(desk, 4 * MOST_READERS)
    sessions = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()"
    assert (await desk.rows(sessions))[0][
        0
    ] <= desk.rt.settings.database_pool + 2  # one more each for the feed and the directory
    await desk.cut_off(*hosts)
    answers = await asyncio.gather(*readers)
    assert {len(answer["orders"]) for answer in answers} == {1}


async def test_readers_of_one_provider_are_bounded_and_what_is_there_is_given_out_all_the_same(desk: Desk) -> None:
    host, other = await desk.host(), await desk.host()
    await desk.cut_off(host)
    readers = [asyncio.create_task(desk.feed(host, after=1, wait=60)) for _ in range(MOST_READERS)]
    await waiting(desk, MOST_READERS)
    door = f"/providers/{host.id}/orders"
    refused = [await desk.api.get(door, params={"after": 1, "wait": 30}, who=host.who),
               await desk.api.get(f"{door}/stream", params={"after": 1}, who=host.who)]  # fmt: skip
    for answer in refused:
        assert (answer.status_code, answer.json()["code"]) == (429, "too_many_readers")
        assert answer.headers["retry-after"] == "5"
    assert len((await desk.feed(host, after=0, wait=30))["orders"]) == 1, "whoever need not wait is never refused"
    assert (await desk.feed(host, after=1))["orders"] == []
    assert [each async for each in feed.follow(desk.rt, UUID(host.id), 1, asyncio.Event())] == []
    of_another = asyncio.create_task(desk.feed(other, wait=60))
    await waiting(desk, MOST_READERS + 1)
    assert wakeups_of(desk.rt).waiting == MOST_READERS + 1
    await desk.cut_off(host, other)
    for reader in [*readers, of_another]:
        assert len((await reader)["orders"]) == 1


async def test_readers_that_wake_together_are_served_by_one_read(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    host = await desk.host()
    asked: list[int] = []
    under_way = most = 0
    orders_after = store.orders_after

    async def counted(tx: Any, provider_id: UUID, *, after: int, limit: int) -> Any:
        nonlocal under_way, most
        asked.append(after)
        under_way += 1
        most = max(most, under_way)
        await asyncio.sleep(0.05)
        try:
            return await orders_after(tx, provider_id, after=after, limit=limit)
        finally:
            under_way -= 1

    readers = [asyncio.create_task(desk.feed(host, wait=60)) for _ in range(MOST_READERS)]
    await waiting(desk, MOST_READERS)
    await asyncio.sleep(0.2)  # each has looked, and waits
    monkeypatch.setattr(store, "orders_after", counted)
    await desk.cut_off(host, sites=3)
    answers = await asyncio.gather(*readers)
    assert {answer["orders"][0]["sequence"] for answer in answers} == {1}
    assert len(asked) <= 3, "not one for each"
    asked.clear()
    await asyncio.gather(*(desk.feed(host, after=place % 4) for place in range(40)))
    assert most <= feed_pages.AT_ONCE, "others need connections as well"
    assert len(asked) <= 3, "not one for each page either"


async def test_whoever_asks_for_a_page_gets_it_however_many_others_are_asked_for(desk: Desk) -> None:
    """Somebody with a stolen token asks for page after page: that must not keep a restore from its provider."""
    host = await desk.host()
    await desk.cut_off(host, sites=12)
    whole, wanted = (await desk.feed(host))["orders"], [(n % 20, n % 15 + 1) for n in range(300)]
    door, who = f"/providers/{host.id}/orders", host.who
    answers = await asyncio.gather(
        *(desk.api.get(door, params={"after": after, "limit": limit}, who=who) for after, limit in wanted)
    )
    for (after, limit), answer in zip(wanted, answers, strict=True):
        if after > len(whole):
            assert (answer.status_code, answer.json()["code"]) == (409, "sequence_ahead")
        else:
            assert (answer.status_code, answer.json()["orders"]) == (200, whole[after : after + limit])


@pytest.mark.parametrize(("further", "most_reads"), [(1, 12), (3, 4), (200, 1)])
async def test_pages_that_are_asked_for_together_are_read_in_one_walk_and_each_is_whole(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, further: int, most_reads: int
) -> None:
    host, pages = await desk.host(), wakeups_of(desk.rt).pages
    await desk.cut_off(host, sites=12)
    monkeypatch.setattr(feed_pages, "FURTHER", further)
    read: list[int] = []
    orders_after = store.orders_after

    async def counted(tx: Any, provider_id: UUID, *, after: int, limit: int) -> Any:
        read.append(limit)
        return await orders_after(tx, provider_id, after=after, limit=limit)

    monkeypatch.setattr(store, "orders_after", counted)
    wanted = [(after, limit) for after in range(16) for limit in range(4)]
    asked = [pages.get(desk.rt, UUID(host.id), after=after, limit=limit) for after, limit in (*wanted, *wanted)]
    for (after, limit), page in zip((*wanted, *wanted), await asyncio.gather(*asked), strict=True):
        assert page is not None
        assert (page.head, [each.sequence for each in page.orders]) == (12, [*range(1, 13)][after : after + limit])
    assert (len(read) <= most_reads, max(read)) == (True, 3 + further), "what is read at once is bounded, too"
    assert await pages.get(desk.rt, UUID(host.id), after=2, limit=2) is not None
    assert read[-1] == 2, "who asks alone reads no more than that"
    assert await pages.get(desk.rt, UUID(int=1), after=0, limit=1) is None
    assert (pages._asked, pages._walks) == ({}, set()), "nothing is left behind"


async def test_a_read_that_fails_fails_for_those_who_asked_and_for_nobody_after_them(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    host = await desk.host()
    await desk.cut_off(host)

    async def fails(*_: Any, **__: Any) -> Any:
        raise ConnectionResetError

    with monkeypatch.context() as broken:
        broken.setattr(store, "orders_after", fails)
        door = f"/providers/{host.id}/orders"
        answers = await asyncio.gather(*(desk.api.get(door, who=host.who) for _ in range(3)))
        assert {answer.status_code for answer in answers} <= {500, 503}
    assert len((await desk.feed(host))["orders"]) == 1


async def test_an_order_released_by_another_process_wakes_readers_too(desk: Desk, open_desk: OpenDesk) -> None:
    host = await desk.host()
    reader = asyncio.create_task(desk.feed(host, wait=30))
    await waiting(desk, 1)
    async with open_desk(dsn=desk.dsn, withdraw_window_s=0) as other:
        await other.cut_off(host)
    assert len((await reader)["orders"]) == 1


async def test_a_lost_listening_session_is_opened_again_and_meanwhile_readers_are_woken(desk: Desk) -> None:
    host = await desk.host()
    reader = asyncio.create_task(desk.feed(host, wait=30))
    await waiting(desk, 1)
    session = "application_name LIKE '%feed' AND datname = current_database()"
    assert await desk.rows(f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE {session}")
    await desk.cut_off(host)
    async with asyncio.timeout(20):
        assert len((await reader)["orders"]) == 1


async def test_a_waiting_reader_is_let_go_when_the_process_stops(desk: Desk) -> None:
    host = await desk.host()
    reader = asyncio.create_task(desk.feed(host, wait=30))
    await waiting(desk, 1)
    desk.api.app.state.supervisor.stopping.set()
    async with asyncio.timeout(20):
        assert (await reader)["orders"] == []


@asynccontextmanager
async def served(desk: Desk) -> AsyncIterator[httpx.AsyncClient]:
    """The same application behind a real server: httpx's own transport cannot stream."""
    door = socket.create_server(("127.0.0.1", 0))
    server = uvicorn.Server(uvicorn.Config(desk.api.app, lifespan="off", log_config=None))
    task = asyncio.create_task(server.serve(sockets=[door]))
    try:
        async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{door.getsockname()[1]}", timeout=20) as client:
            yield client
    finally:
        server.should_exit = True
        desk.api.app.state.supervisor.stopping.set()
        await task


async def events(
    desk: Desk, client: httpx.AsyncClient, host: Host, wanted: int, **headers: str
) -> list[tuple[int, str]]:
    """The first events of a stream: sequence number and data."""
    found: list[tuple[int, str]] = []
    place, data = 0, ""
    headers["Authorization"] = f"Bearer {people.provider_token(host.id, clock=desk.clock)}"
    async with client.stream("GET", f"/providers/{host.id}/orders/stream", headers=headers) as answer:
        assert (answer.status_code, answer.headers["content-type"].split(";")[0]) == (200, "text/event-stream")
        async for line in answer.aiter_lines():
            if line.startswith("id:"):
                place = int(line.removeprefix("id:"))
            elif line.startswith("data:"):
                data = line.removeprefix("data:").strip()
            elif not line and data:
                found.append((place, data))
                data = ""
            if len(found) == wanted:
                return found
    return found


async def test_the_stream_carries_the_same_bytes_and_goes_on(desk: Desk) -> None:
    host = await desk.host()
    await desk.cut_off(host, sites=2)
    async with served(desk) as client:
        reader = asyncio.create_task(events(desk, client, host, 3))
        await waiting(desk, 1)
        await desk.cut_off(host)
        assert await reader == [(each["sequence"], each["jws"]) for each in (await desk.feed(host))["orders"]]
        assert [place for place, _ in await events(desk, client, host, 1, **{"Last-Event-ID": "2"})] == [3]


async def test_a_silent_stream_shows_signs_of_life_and_ends_in_time(open_desk: OpenDesk) -> None:
    async with open_desk(withdraw_window_s=0, feed_heartbeat_s=0.1, feed_stream_s=0.5) as desk:
        host = await desk.host()
        async with served(desk) as client:
            headers = {"Authorization": f"Bearer {people.provider_token(host.id, clock=desk.clock)}"}
            answer = await client.get(f"/providers/{host.id}/orders/stream", headers=headers)
        assert answer.text.count(": still here") >= 3


async def test_a_stream_is_refused_before_it_begins(desk: Desk) -> None:
    host, other = await desk.host(), await desk.host()
    async with served(desk) as client:
        headers = {"Authorization": f"Bearer {people.provider_token(other.id, clock=desk.clock)}"}
        answer = await client.get(f"/providers/{host.id}/orders/stream", headers=headers)
        assert (answer.status_code, answer.json()["code"]) == (403, "out_of_scope")
        headers = {"Authorization": f"Bearer {people.provider_token(host.id, clock=desk.clock)}"}
        ahead = await client.get(f"/providers/{host.id}/orders/stream", headers={**headers, "Last-Event-ID": "7"})
        assert (ahead.status_code, ahead.json()["code"]) == (409, "sequence_ahead")
        bad = await client.get(f"/providers/{host.id}/orders/stream", headers={**headers, "Last-Event-ID": "x"})
        assert bad.status_code == 422
