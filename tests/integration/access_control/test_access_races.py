"""Things that happen at the same moment."""

import asyncio
from collections import Counter
from collections.abc import Sequence
from contextvars import Context
from typing import Any

import asyncpg
import pytest

from access_control.service import receipts
from shared.runtime.acts.runtime import Runtime
from shared.runtime.base.context import EventMeta
from shared.runtime.base.ids import uuid7
from shared.runtime.db.postgres import Tx
from shared.runtime.events.dispatch import Raw
from tests.integration.access_control.conftest import OpenDesk
from tests.integration.access_control.desk import NOON, WHY, Desk, carried_out, licence, supervisor, undone
from tests.integration.access_control.test_access_queue import kept
from tests.support.service import Who


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
    facts = await desk.cut_off(first, second, sites=18)
    new = [carried_out(second, first) for _ in range(18)]
    await asyncio.gather(*(desk.deliver(undone(fact)) for fact in facts), *(desk.deliver(fact) for fact in new))
    assert (await desk.state(first))["in_force"] == 18
    assert (await desk.feed(first))["head"] == 54


async def test_a_receipt_posted_many_times_at_once_is_recorded_once(desk: Desk) -> None:
    host = await desk.host()
    await desk.cut_off(host)
    (order,) = (await desk.feed(host))["orders"]
    said = host.receipt(order)
    answers = await asyncio.gather(*(desk.hand_in(host, host.batch(said)) for _ in range(8)))
    assert len({answer.text for answer in answers}) == 1
    assert answers[0].json()["results"][0]["code"] is None
    assert len(await desk.facts("order.executed.v1")) == 1


async def test_a_receipt_in_many_documents_at_once_is_recorded_once(desk: Desk) -> None:
    host = await desk.host()
    await desk.cut_off(host)
    (order,) = (await desk.feed(host))["orders"]
    said = host.receipt(order)
    documents = [host.batch(said, note=number) for number in range(8)]
    answers = await asyncio.gather(*(desk.hand_in(host, jws) for jws in documents))
    codes = [result["code"] for answer in answers for result in answer.json()["results"]]
    assert Counter(codes) == {None: 1, "receipt_replayed": 7}
    assert len(await desk.rows("SELECT 1 FROM receipt")) == 1
    assert len(await desk.rows("SELECT 1 FROM receipt_batch")) == 8


async def test_many_executed_receipts_at_once_are_recorded_once(desk: Desk) -> None:
    host = await desk.host()
    await desk.cut_off(host)
    (order,) = (await desk.feed(host))["orders"]
    results = await asyncio.gather(*(desk.post(host, host.receipt(order)) for _ in range(8)))
    assert Counter(result["code"] for (result,) in results) == {None: 1, "already_executed": 7}


async def test_one_receipt_id_for_two_orders_at_once_is_taken_once(desk: Desk) -> None:
    host = await desk.host()
    await desk.cut_off(host, sites=6)
    orders = (await desk.feed(host))["orders"]
    number = str(uuid7())
    results = await asyncio.gather(*(desk.post(host, host.receipt(each, receipt_id=number)) for each in orders))
    assert Counter(result["code"] for (result,) in results) == {None: 1, "receipt_id_reused": 5}


async def test_withdrawal_and_release_at_once_end_in_one_of_the_two(slow_desk: Desk) -> None:
    host = await slow_desk.host()
    await slow_desk.cut_off(host, sites=8)
    orders = await slow_desk.orders()
    answers = await asyncio.gather(
        *(slow_desk.api.post(f"/orders/{each['id']}/withdrawal", json=WHY, who="desk-a") for each in orders),
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
        *(desk.post(host, host.receipt(order)) for order in orders),
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


async def once(desk: Desk, path: str, body: Any, who: Sequence[Who], status: int = 200) -> None:
    """Asked by eight at once, it happens once, and seven are told why not."""
    answers = await asyncio.gather(*(desk.api.post(path, json=body, who=who[n % len(who)]) for n in range(8)))
    assert Counter(answer.status_code for answer in answers) == {status: 1, 409: 7}


async def test_eight_who_withdraw_and_send_again_do_it_once(slow_desk: Desk) -> None:
    host = await slow_desk.host()
    await slow_desk.cut_off(host)
    (order,) = await slow_desk.orders()
    await once(slow_desk, f"/orders/{order['id']}/withdrawal", WHY, ["desk-a"])
    await once(slow_desk, f"/orders/{order['id']}/reissue-request", WHY, ["regulator-a"])
    others: list[Who] = ["regulator-b", ("regulator-b", {"sub": "regulator-c"})]
    await once(slow_desk, f"/orders/{order['id']}/reissue", WHY, others, 201)
    assert [each["attempt"] for each in await slow_desk.orders()] == [1, 2]


@pytest.mark.parametrize("answer", ["upheld", "rejected"])
async def test_eight_who_answer_do_it_once(desk: Desk, answer: str) -> None:
    host = await desk.host()
    await desk.cut_off(host)
    await desk.answer(host, "contested")
    (order,) = await desk.orders()
    await once(desk, f"/orders/{order['id']}/answer", {**WHY, "answer": answer}, ["desk-a", "regulator-a"])
    assert len(await desk.facts("order.answered.v1")) == 1
    assert (await desk.feed(host))["head"] == (2 if answer == "upheld" else 1)


async def test_upheld_undone_and_lapsed_at_once_restores_once(desk: Desk) -> None:
    host = await desk.host()
    facts = [carried_out(host, effect="suspend_access") for _ in range(8)]
    await desk.deliver(*facts)
    for place in range(1, 9):
        await desk.answer(host, "contested", sequence=place)
    orders = await desk.orders()
    body = {**WHY, "answer": "upheld"}
    await asyncio.gather(
        *(desk.api.post(f"/orders/{order['id']}/answer", json=body, who="desk-a") for order in orders),
        *(desk.deliver(undone(fact)) for fact in facts),
        *(desk.ring("lapse", order["id"]) for order in orders),
    )
    assert (await desk.state(host))["in_force"] == 0
    assert (await desk.feed(host))["head"] == 16


async def test_eight_at_a_supervisor_issue_once(desk: Desk) -> None:
    network = await desk.network()
    await desk.cut_off(network)
    path = f"/instructions/{(await desk.instruction())['id']}"
    await once(desk, f"{path}/acknowledgement", None, [supervisor("a")])
    await once(desk, f"{path}/issue", None, [supervisor("b"), supervisor("c")])
    assert (await desk.feed(network))["head"] == 1


async def test_eight_with_one_licence_register_once(desk: Desk) -> None:
    body = {"name": "A", "licence": licence("京ICP证030173号"), "region": "110000", "kind": "carrier", "contact": "x"}
    await once(desk, "/providers", body, ["desk-a"], 201)


async def test_whoever_tells_of_one_execution_waits_for_the_other_provider(desk: Desk, open_desk: OpenDesk) -> None:
    """Defect 55: what is told under one key is told in the order in which it is committed."""
    first, second = await desk.host(), await desk.host()
    await desk.cut_off(first, second)
    orders = {host.id: (await desk.feed(host))["orders"][0] for host in (first, second)}
    waits = "SELECT 1 FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
    async with open_desk(dsn=desk.dsn, withdraw_window_s=0) as other:
        async with desk.rt.db.transaction(), asyncio.timeout(10):
            await desk.post(first, first.receipt(orders[first.id]))
            waiting = asyncio.create_task(other.post(second, second.receipt(orders[second.id])))
            while not await desk.rows(waits):
                assert not waiting.done()
        await waiting
    told = await desk.facts("order.executed.v1")
    assert [fact["data"]["provider_id"] for fact in told] == [first.id, second.id]


async def test_a_document_that_came_by_http_while_its_topic_was_read_is_known_there(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Between the look and the write of the topic's reader the other door recorded the same: nothing is parked."""
    host = await desk.host()
    await desk.cut_off(host, sites=2)
    first, second = (await desk.feed(host))["orders"]
    twice, after = host.batch(host.receipt(first)), host.batch(host.receipt(second))
    judged = receipts._judge_and_write
    raced: list[Any] = []

    async def overtaken(rt: Runtime, tx: Tx, batch: receipts.Batch, read: Any) -> Any:
        if batch.door == "kafka" and not raced:
            raced.append(await asyncio.create_task(desk.hand_in(host, twice), context=Context()))
        return await judged(rt, tx, batch, read)

    monkeypatch.setattr(receipts, "_judge_and_write", overtaken)
    topic = f"access-receipts.{host.id}"
    heard = [
        Raw(jws.encode(), EventMeta(uuid7(), "k", topic, 0, place, NOON)) for place, jws in enumerate((twice, after))
    ]
    async with desk.rt.db.transaction() as tx:
        await receipts.record_heard(desk.rt, tx, heard)
    assert raced[0].status_code == 200
    assert [row["door"] for row in await desk.rows("SELECT door FROM receipt_batch ORDER BY door")] == ["http", "kafka"]
    assert [each["status"] for each in await desk.orders()] == ["executed", "executed"]
    assert len(await desk.facts("order.executed.v1")) == 2
    assert await desk.refusals() == []


async def test_a_receipt_that_came_by_http_in_another_document_meanwhile_is_known_on_the_topic(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    host = await desk.host()
    await desk.cut_off(host)
    (order,) = (await desk.feed(host))["orders"]
    said = host.receipt(order)
    written = receipts._write
    raced: list[int] = []

    async def held(tx: Tx, batch: receipts.Batch, *rest: Any) -> None:
        if batch.door == "kafka" and not raced:
            raced.append(1)
            raise asyncpg.UniqueViolationError("receipt_pkey")  # as where a statement of the other door came between
        await written(tx, batch, *rest)

    monkeypatch.setattr(receipts, "_write", held)
    meta = EventMeta(uuid7(), "k", f"access-receipts.{host.id}", 0, 0, NOON)
    async with desk.rt.db.transaction() as tx:
        await receipts.record_heard(desk.rt, tx, [Raw(host.batch(said).encode(), meta)])
    (order_now,) = await desk.orders()
    assert order_now["status"] == "executed"
    assert len(await desk.rows("SELECT 1 FROM receipt_batch")) == 1


async def test_a_batch_waits_for_nobodys_orders_but_its_providers_own(desk: Desk) -> None:
    host, other = await desk.host(), await desk.host()
    await desk.cut_off(host, other)
    mine, foreign = [(await desk.feed(each))["orders"][0] for each in (host, other)]
    query = "SELECT FROM access_order WHERE provider_id = $1::text::uuid FOR UPDATE"
    async with kept(desk, query, other.id), asyncio.timeout(5):
        results = await desk.post(host, host.receipt(foreign), host.receipt(mine))
    assert [(each["status"], each["code"]) for each in results] == [("refused", "foreign_order"), ("recorded", None)]
