"""Things that happen at the same moment."""

import asyncio
from collections import Counter

from shared.runtime.base.ids import uuid7
from tests.integration.access_control.conftest import OpenDesk
from tests.integration.access_control.desk import Desk, carried_out, undone


async def test_orders_released_at_once_get_numbers_without_gap_or_double(desk: Desk) -> None:
    first, second = await desk.host(), await desk.host()
    facts = [carried_out(*hosts) for hosts in ((first, second), (second, first), (first,)) for _ in range(8)]
    await asyncio.gather(*(desk.deliver(fact) for fact in facts))
    assert [order["sequence"] for order in (await desk.feed(first, limit=500))["orders"]] == list(range(1, 25))
    assert [order["sequence"] for order in (await desk.feed(second, limit=500))["orders"]] == list(range(1, 17))
    rows = await desk.rows("SELECT value FROM outbox WHERE topic = $1 ORDER BY id", f"access-orders.{first.id}")
    feed = (await desk.feed(first, limit=500))["orders"]
    assert [row["value"].decode() for row in rows] == [order["jws"] for order in feed]


async def test_restores_and_cut_offs_at_once_do_not_block_each_other_for_good(desk: Desk) -> None:
    first, second = await desk.host(), await desk.host()
    facts = [carried_out(first, second, sites=3) for _ in range(6)]
    for fact in facts:
        await desk.deliver(fact)
    new = [carried_out(second, first, sites=3) for _ in range(6)]
    await asyncio.gather(*(desk.deliver(undone(fact)) for fact in facts), *(desk.deliver(fact) for fact in new))
    assert (await desk.state(first))["in_force"] == 18
    assert (await desk.feed(first))["head"] == 54


async def test_a_receipt_posted_many_times_at_once_is_recorded_once(desk: Desk) -> None:
    host = await desk.host()
    await desk.cut_off(host)
    (order,) = (await desk.feed(host))["orders"]
    jws = host.signed(order)
    results = await asyncio.gather(*(desk.post(host, jws) for _ in range(8)))
    assert Counter(result["code"] for (result,) in results) == {None: 1, "receipt_replayed": 7}
    assert len(await desk.facts("order.executed.v1")) == 1


async def test_many_executed_receipts_at_once_are_recorded_once(desk: Desk) -> None:
    host = await desk.host()
    await desk.cut_off(host)
    (order,) = (await desk.feed(host))["orders"]
    results = await asyncio.gather(*(desk.post(host, host.signed(order)) for _ in range(8)))
    assert Counter(result["code"] for (result,) in results) == {None: 1, "already_executed": 7}


async def test_one_receipt_id_for_two_orders_at_once_is_taken_once(desk: Desk) -> None:
    host = await desk.host()
    await desk.cut_off(host, sites=6)
    orders = (await desk.feed(host))["orders"]
    number = str(uuid7())
    results = await asyncio.gather(*(desk.post(host, host.signed(each, receipt_id=number)) for each in orders))
    assert Counter(result["code"] for (result,) in results) == {None: 1, "receipt_id_reused": 5}


async def test_withdrawal_and_release_at_once_end_in_one_of_the_two(slow_desk: Desk) -> None:
    host = await slow_desk.host()
    await slow_desk.cut_off(host, sites=8)
    orders = await slow_desk.orders()
    body = {"reasons": "The decision named the wrong site."}
    answers = await asyncio.gather(
        *(slow_desk.api.post(f"/orders/{each['id']}/withdrawal", json=body, who="desk-a") for each in orders),
        *(slow_desk.close_window(each) for each in orders),
    )
    withdrawn = [answer for answer in answers if answer is not None and answer.status_code == 200]
    feed = (await slow_desk.feed(host))["orders"]
    assert len(feed) + len(withdrawn) == 8
    assert [order["sequence"] for order in feed] == list(range(1, len(feed) + 1))


async def test_a_receipt_and_a_restore_at_once_leave_one_consistent_story(desk: Desk) -> None:
    host = await desk.host()
    facts = [carried_out(host) for _ in range(8)]
    for fact in facts:
        await desk.deliver(fact)
    orders = (await desk.feed(host))["orders"]
    await asyncio.gather(
        *(desk.deliver(undone(fact)) for fact in facts),
        *(desk.post(host, host.signed(order)) for order in orders),
    )
    story = [order for order in await desk.orders() if order["action"] == "cut_off"]
    assert {order["status"] for order in story} <= {"executed", "superseded"}
    told = {fact["data"]["order_id"] for fact in await desk.facts("order.executed.v1")}
    assert told == {order["id"] for order in story if order["status"] == "executed"}
    assert len(await desk.rows("SELECT 1 FROM receipt")) == 8


async def test_two_processes_answer_one_provider(desk: Desk, open_desk: OpenDesk) -> None:
    host = await desk.host()
    async with open_desk(dsn=desk.dsn, withdraw_window_s=0) as other:
        await asyncio.gather(*(each.cut_off(host) for each in (desk, other) * 5))
        assert await desk.feed(host) == await other.feed(host)
    assert (await desk.feed(host))["head"] == 10
