"""Orders posted to an address of the provider's: the same bytes, in order, each until it was taken (ADR 24)."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
from typing import Any
from uuid import UUID

import httpx
import pytest

from access_control.service import state, webhooks
from access_control.store import webhooks as store
from shared.runtime.acts.runtime import Runtime
from shared.runtime.post.outside import client
from tests.integration.access_control.conftest import OpenDesk
from tests.integration.access_control.desk import Desk, Host

HOOK = "http://127.0.0.1:9/orders"


class Address:
    """What an address was posted, and what it answers."""

    def __init__(self, *answers: int | Exception) -> None:
        self.taken: list[tuple[int, bytes]] = []
        self.asked: list[httpx.Request] = []
        self._answers = list(answers)

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.asked.append(request)
        answer = self._answers.pop(0) if self._answers else 204
        if isinstance(answer, Exception):
            raise answer
        if answer < 300:
            self.taken.append((int(request.headers["concord-sequence"]), request.content))
        return httpx.Response(answer)

    @property
    def http(self) -> httpx.AsyncClient:
        return httpx.AsyncClient(transport=httpx.MockTransport(self))


@pytest.fixture
async def inside(open_desk: OpenDesk) -> AsyncIterator[Desk]:
    async with open_desk(webhooks_private=True, withdraw_window_s=0) as desk:
        yield desk


async def once(rt: Runtime, http: httpx.AsyncClient) -> bool:
    """What is due is posted; whether anything was."""
    begun = await webhooks.begin(rt, http, webhooks.AT_ONCE)
    await asyncio.gather(*begun)
    return bool(begun)


async def wanted(desk: Desk, host: Host, after: int = 0, url: str = HOOK) -> dict[str, Any]:
    answer = await desk.api.put(f"/providers/{host.id}/webhook", json={"url": url, "after": after}, who=host.who)
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


async def shown(desk: Desk, host: Host) -> dict[str, Any]:
    found: dict[str, Any] = (await desk.api.get(f"/providers/{host.id}/webhook", who=host.who)).json()
    return found


async def test_an_address_gets_the_bytes_of_the_feed_in_their_order_each_once(inside: Desk) -> None:
    host, address = await inside.host(), Address()
    await inside.cut_off(host, sites=3)
    await wanted(inside, host)
    while await once(inside.rt, address.http):
        pass
    feed = [(order["sequence"], order["jws"].encode()) for order in (await inside.feed(host))["orders"]]
    assert address.taken == feed
    assert {request.headers["content-type"] for request in address.asked} == {"application/jose"}
    assert {request.headers["user-agent"] for request in address.asked} == {"Concord (webhook)"}
    after = await shown(inside, host)
    assert (after["after"], after["head"], after["error"], after["attempts"]) == (3, 3, None, 0)


async def test_what_is_not_taken_is_tried_again_and_nothing_after_it_is_sent_before(inside: Desk) -> None:
    host, address = await inside.host(), Address(204, 500, httpx.ReadTimeout("slow"), 302, 410)
    await inside.cut_off(host, sites=3)
    await wanted(inside, host)
    errors = []
    for _ in range(8):
        await once(inside.rt, address.http)
        errors.append((await shown(inside, host))["error"])
        inside.clock.advance(timedelta(minutes=10))
    assert [each and each.split(":")[0] for each in errors[:5]] == [
        "HTTP 500",
        "no answer in time",
        "HTTP 302",
        "HTTP 410",
        None,
    ]
    assert [sequence for sequence, _ in address.taken] == [1, 2, 3]


async def test_it_waits_longer_each_time_and_never_gives_up(inside: Desk) -> None:
    host, address = await inside.host(), Address(*[503] * 40)
    await inside.cut_off(host)
    await wanted(inside, host)
    pauses = []
    for _ in range(14):
        before = inside.clock.now()
        assert await once(inside.rt, address.http)
        assert not await once(inside.rt, address.http), "not at once"
        found = await inside.rows("SELECT retry_at FROM provider_webhook")
        pauses.append((found[0]["retry_at"] - before).total_seconds())
        inside.clock.advance(timedelta(seconds=pauses[-1]))
    assert pauses[0] <= 1
    assert all(300 <= pause <= 600 for pause in pauses[10:])
    assert (await shown(inside, host))["attempts"] == 14


async def test_it_begins_where_its_provider_says_and_not_ahead_of_what_there_is(inside: Desk) -> None:
    host, address = await inside.host(), Address()
    await inside.cut_off(host, sites=3)
    await wanted(inside, host, after=2)
    await once(inside.rt, address.http)
    assert [sequence for sequence, _ in address.taken] == [3]
    ahead = await inside.api.put(f"/providers/{host.id}/webhook", json={"url": HOOK, "after": 4}, who=host.who)
    assert (ahead.status_code, ahead.json()["code"], ahead.json()["head"]) == (409, "sequence_ahead", 3)


async def test_one_that_is_set_anew_meanwhile_begins_anew(inside: Desk) -> None:
    host = await inside.host()
    await inside.cut_off(host, sites=2)

    class Slow(Address):
        def __call__(self, request: httpx.Request) -> httpx.Response:
            answer = super().__call__(request)
            if len(self.asked) == 1:
                inside.clock.advance(timedelta(seconds=1))
                anew.set()
            return answer

    anew, slow = asyncio.Event(), Slow()
    await wanted(inside, host)

    async def moved() -> None:
        await anew.wait()
        await wanted(inside, host, url="http://127.0.0.1:10/other")

    posting = asyncio.create_task(moved())
    original = store.took

    async def took(*given: Any) -> Any:
        await posting
        return await original(*given)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(store, "took", took)
        await once(inside.rt, slow.http)
    assert (await shown(inside, host))["after"] == 0, "the new address has taken nothing"
    new = Address()
    await once(inside.rt, new.http)
    assert [sequence for sequence, _ in new.taken] == [1, 2]
    assert {request.url.port for request in new.asked} == {10}


async def test_two_processes_post_nothing_twice_side_by_side(inside: Desk) -> None:
    host, address = await inside.host(), Address()
    await inside.cut_off(host, sites=5)
    await wanted(inside, host)
    await asyncio.gather(*(once(inside.rt, address.http) for _ in range(4)))
    assert [sequence for sequence, _ in address.taken] == [1, 2, 3, 4, 5]


async def test_killed_between_a_post_and_its_note_it_comes_again_at_the_same_place_and_then_goes_on(
    inside: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    host, address = await inside.host(), Address()
    await inside.cut_off(host, sites=3)
    await wanted(inside, host)
    note = store.took

    async def killed(tx: Any, hook: Any, sequence: int, at: Any) -> bool:
        if sequence == 2:
            raise asyncio.CancelledError  # as a process that ends: it notes nothing and says nothing
        return await note(tx, hook, sequence, at)

    with monkeypatch.context() as dying:
        dying.setattr(store, "took", killed)
        begun = await webhooks.begin(inside.rt, address.http, webhooks.AT_ONCE)
        await asyncio.gather(*begun, return_exceptions=True)
    assert (await shown(inside, host))["after"] == 1
    assert not await once(inside.rt, address.http), "the address is left to whoever took it up"
    inside.clock.advance(webhooks.LEASE)
    while await once(inside.rt, address.http):
        pass
    assert [sequence for sequence, _ in address.taken] == [1, 2, 2, 3]
    assert len({content for sequence, content in address.taken if sequence == 2}) == 1
    assert (await shown(inside, host))["after"] == 3


async def test_one_slow_address_holds_up_no_other(inside: Desk) -> None:
    slow, quick = await inside.host(), await inside.host()
    await inside.cut_off(slow)
    await wanted(inside, slow, url="http://127.0.0.1:11/slow")
    await wanted(inside, quick)
    released, asked, taken = asyncio.Event(), asyncio.Event(), asyncio.Event()

    async def answer(request: httpx.Request) -> httpx.Response:
        if request.url.path == "/slow":
            asked.set()
            await released.wait()
        else:
            taken.set()
        return httpx.Response(204)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(webhooks, "client", lambda _: httpx.AsyncClient(transport=httpx.MockTransport(answer)))
        working = asyncio.create_task(webhooks.post(inside.rt))
        try:
            async with asyncio.timeout(10):
                await asked.wait()
                await inside.cut_off(quick)
                await taken.wait()
        finally:
            released.set()
            working.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await working


async def test_whatever_an_address_answers_the_service_goes_on(inside: Desk) -> None:
    host, other = await inside.host(), await inside.host()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 301 Gone\r\nLocation: https://xn--a/\r\nContent-Length: 0\r\n\r\n")
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    await wanted(inside, host, url=f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/")
    await wanted(inside, other)
    await inside.cut_off(host)
    async with client(1) as http:
        assert await once(inside.rt, http)
    server.close()
    assert (await shown(inside, host))["error"].startswith("no answer that HTTP knows: InvalidCodepoint")
    bad = "UPDATE provider_webhook SET url = 'http://127.0.0.1:70000/', retry_at = $1 WHERE provider_id = $2"
    await inside.rows(bad, inside.clock.now(), UUID(host.id))
    async with client(1) as http:
        assert await once(inside.rt, http)
    assert "no answer that HTTP knows: " in (await shown(inside, host))["error"]


async def test_no_cookie_of_one_goes_to_another(inside: Desk) -> None:
    seen: list[str | None] = []

    def answer(request: httpx.Request) -> httpx.Response:
        seen.append(request.headers.get("cookie"))
        return httpx.Response(204, headers={"set-cookie": "who=somebody"})

    host = await inside.host()
    await inside.cut_off(host, sites=2)
    await wanted(inside, host)
    async with client(1) as http:
        http._transport = httpx.MockTransport(answer)
        await once(inside.rt, http)
    assert seen == [None, None]


async def test_after_one_was_taken_the_next_waits_as_at_first(inside: Desk) -> None:
    host, address = await inside.host(), Address(*[503] * 12, 204, 503)
    await inside.cut_off(host, sites=2)
    await wanted(inside, host)
    for _ in range(13):
        await once(inside.rt, address.http)
        before = inside.clock.now()
        inside.clock.advance(timedelta(minutes=10))
    (row,) = await inside.rows("SELECT retry_at, attempts, after FROM provider_webhook")
    assert (row["attempts"], row["after"]) == (1, 1)
    assert row["retry_at"] - before <= timedelta(seconds=1)


async def test_who_set_an_address_leaves_a_trace_and_too_often_is_refused(inside: Desk) -> None:
    host = await inside.host()
    for _ in range(state.ADDRESSES_PER_HOUR):
        await wanted(inside, host)
    answer = await inside.api.put(f"/providers/{host.id}/webhook", json={"url": HOOK, "after": 0}, who=host.who)
    assert (answer.status_code, answer.json()["code"]) == (429, "too_many_addresses")
    assert (await shown(inside, host))["set_by"] == f"provider-{host.id}"
    await inside.api.delete(f"/providers/{host.id}/webhook", who=host.who)
    rows = await inside.rows("SELECT FROM audit WHERE act = 'set_webhook' AND outcome = 'granted'")
    assert len(rows) == state.ADDRESSES_PER_HOUR + 1


@pytest.mark.parametrize(
    "url",
    [
        "http://hooks.example/orders", "https://127.0.0.1/x", "https://169.254.169.254/latest", "https://[::ffff:10.0.0.1]/",
        "https://localhost/", "ftp://hooks.example/", "https://", "nonsense", "https://1.1.1.1:8443/", "https://1.1.1.1:70000/",
        "https://a..example/", "https://1.1.1.1:99999999999999999999/", "https://xn--a/", "https://me:secret@1.1.1.1/",
    ],
)  # fmt: skip
async def test_no_address_leads_into_our_own_network(desk: Desk, url: str) -> None:
    host = await desk.host()
    answer = await desk.api.put(f"/providers/{host.id}/webhook", json={"url": url, "after": 0}, who=host.who)
    assert (answer.status_code, answer.json()["code"]) == (422, "bad_webhook")
    assert (await desk.api.get(f"/providers/{host.id}/webhook", who=host.who)).status_code == 404


async def test_one_that_leads_there_later_is_not_asked(inside: Desk) -> None:
    host, address = await inside.host(), Address()
    await inside.cut_off(host)
    await wanted(inside, host)  # as if its name had led elsewhere when it was set
    outside = replace(inside.rt, settings=inside.rt.settings.model_copy(update={"webhooks_private": False}))
    await once(outside, address.http)
    assert address.asked == []
    assert "https" in (await shown(inside, host))["error"]


async def test_ended_it_posts_nothing_and_only_the_provider_has_a_say(inside: Desk) -> None:
    host, other, address = await inside.host(), await inside.host(), Address()
    await inside.cut_off(host)
    await wanted(inside, host)
    path = f"/providers/{host.id}/webhook"
    for who in ("desk-a", "regulator-a", "auditor", other.who):
        for answer in (
            await inside.api.get(path, who=who), await inside.api.delete(path, who=who),
            await inside.api.put(path, json={"url": HOOK, "after": 0}, who=who),
        ):  # fmt: skip
            assert answer.status_code == 403, who
    assert (await inside.api.delete(path, who=host.who)).status_code == 204
    assert (await inside.api.delete(path, who=host.who)).status_code == 204
    assert (await inside.api.get(path, who=host.who)).json()["code"] == "no_webhook"
    assert not await once(inside.rt, address.http)
    assert address.asked == []


async def test_the_worker_posts_to_a_real_address_within_seconds(inside: Desk) -> None:
    host, taken, heard = await inside.host(), list[bytes](), asyncio.Event()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).lower()
        length = int(head.split(b"content-length: ")[1].split(b"\r\n")[0])
        taken.append(await reader.readexactly(length))
        writer.write(b"HTTP/1.1 204 No Content\r\n\r\n")
        await writer.drain()
        writer.close()
        heard.set()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    working = asyncio.create_task(webhooks.post(inside.rt))
    try:
        await wanted(inside, host, url=f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/orders")
        await inside.cut_off(host)
        async with asyncio.timeout(10):
            await heard.wait()
    finally:
        working.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await working
        server.close()
    assert taken == [(await inside.feed(host))["orders"][0]["jws"].encode()]
