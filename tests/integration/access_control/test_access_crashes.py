"""A crash between any two statements of a verb leaves nothing behind, and doing it again does it once."""

from datetime import timedelta
from typing import Any

import pytest

from access_control.service.queue import PLACE
from shared import signing as keys
from shared.runtime.base.clock import FixedClock
from tests.integration.access_control.conftest import OpenDesk
from tests.integration.access_control.desk import (
    WHY,
    Desk,
    Host,
    carried_out,
    entered,
    later,
    licence,
    supervisor,
    undone,
)
from tests.support.crash import survives


async def ready(desk: Desk) -> tuple[Host, dict[str, Any]]:
    host = await desk.host()
    await desk.cut_off(host)
    (order,) = (await desk.feed(host))["orders"]
    return host, order


async def test_cut_off_and_release_in_one_transaction(desk: Desk) -> None:
    hosts = [await desk.host() for _ in range(2)]
    fact = carried_out(*hosts)
    await survives(desk.rt, lambda: desk.deliver(fact), least=10)
    for host in hosts:
        assert [order["sequence"] for order in (await desk.feed(host))["orders"]] == [1]


async def test_cut_off_with_a_window_then_release(slow_desk: Desk) -> None:
    host = await slow_desk.host()
    fact = carried_out(host)
    await survives(slow_desk.rt, lambda: slow_desk.deliver(fact), least=3)
    (order,) = await slow_desk.orders()
    await survives(slow_desk.rt, lambda: slow_desk.close_window(order), least=6)
    assert [entry["sequence"] for entry in (await slow_desk.feed(host))["orders"]] == [1]


async def test_an_order_that_waits_and_its_turn(desk: Desk) -> None:
    host = await desk.host(daily_capacity=1)
    await desk.cut_off(host)
    fact = carried_out(host)
    await survives(desk.rt, lambda: desk.deliver(fact), least=8)
    assert [order["status"] for order in await desk.orders(host)] == ["released", "queued"]
    desk.clock.advance(timedelta(days=1))
    await survives(desk.rt, lambda: desk.ring(PLACE, host.id), least=8)
    assert [entry["sequence"] for entry in (await desk.feed(host))["orders"]] == [1, 2]
    assert len(await desk.facts("order.queued.v1")) == 1


async def test_restore(desk: Desk) -> None:
    host = await desk.host()
    fact = carried_out(host)
    await desk.deliver(fact)
    await survives(desk.rt, lambda: desk.deliver(undone(fact)), least=10)
    assert [order["status"] for order in await desk.orders()] == ["superseded", "released"]


async def test_withdrawal(slow_desk: Desk) -> None:
    host = await slow_desk.host()
    await slow_desk.cut_off(host)
    (order,) = await slow_desk.orders()

    async def withdraw() -> None:
        answer = await slow_desk.api.post(f"/orders/{order['id']}/withdrawal", json=WHY, who="desk-a", key="k")
        assert answer.status_code == 200

    await survives(slow_desk.rt, withdraw, least=3)
    assert len(await slow_desk.facts("order.withdrawn.v1")) == 1


@pytest.mark.parametrize(("outcome", "least"), [("received", 3), ("executed", 4), ("contested", 4)])
async def test_receipt(desk: Desk, outcome: str, least: int) -> None:
    host, order = await ready(desk)
    said = host.receipt(order, outcome)

    async def post() -> None:
        (result,) = await desk.post(host, said)
        assert result["status"] == "recorded"

    await survives(desk.rt, post, least=least)
    assert len(await desk.rows("SELECT 1 FROM receipt")) == 1
    assert len(await desk.rows("SELECT 1 FROM receipt_batch")) == 1


async def test_a_refusal_in_a_batch_is_audited_with_it_or_not_at_all(desk: Desk) -> None:
    host, order = await ready(desk)
    batch = [host.receipt(order), "nonsense"]
    await survives(desk.rt, lambda: desk.post(host, *batch), least=5)
    assert await desk.refusals() == [("receipt by http", "invalid")]


async def test_overdue(desk: Desk) -> None:
    await ready(desk)
    (order,) = await desk.orders()
    await survives(desk.rt, lambda: desk.let_pass(order["id"]), least=2)
    assert len(await desk.facts("order.overdue.v1")) == 1


async def test_registering_a_provider_and_its_keys(desk: Desk) -> None:
    body = {"name": "A", "licence": licence("京B1-20150001"), "region": "110000", "kind": "carrier", "contact": "x"}
    key = keys.generate_key(kid="k")

    async def register() -> None:
        assert (await desk.api.post("/providers", json=body, who="desk-a")).status_code == 201

    await survives(desk.rt, register, least=3)
    (provider,) = (await desk.api.get("/providers", who="desk-a")).json()["items"]
    path = f"/providers/{provider['id']}/keys"

    async def add() -> None:
        assert (await desk.api.post(path, json=entered(key, provider["id"]), who="desk-a")).status_code == 201

    async def revoke() -> None:
        assert (await desk.api.post(f"{path}/k/revocation", json=WHY, who="desk-a")).status_code == 200

    await survives(desk.rt, add, least=2)
    await survives(desk.rt, revoke, least=2)


async def test_an_order_whose_process_died_in_its_window_is_released_by_the_next_one(open_desk: OpenDesk) -> None:
    async with open_desk() as first:
        host = await first.host()
        await first.cut_off(host)
    clock = FixedClock(later(76))
    async with open_desk(dsn=first.dsn, clock=clock, roles_run="http,ticks") as second:
        assert [order["sequence"] for order in (await second.feed(host, wait=10))["orders"]] == [1]


async def test_sending_again(slow_desk: Desk) -> None:
    host = await slow_desk.host()
    await slow_desk.cut_off(host)
    (order,) = await slow_desk.orders()
    await slow_desk.act(f"/orders/{order['id']}/withdrawal", WHY, "desk-a")
    path = f"/orders/{order['id']}/reissue"
    asked = lambda: slow_desk.act(f"{path}-request", WHY, "regulator-a", key="k")  # noqa: E731
    await survives(slow_desk.rt, asked, least=3)
    await survives(slow_desk.rt, lambda: slow_desk.act(path, WHY, "regulator-b", 201, key="k"), least=6)
    assert [each["attempt"] for each in await slow_desk.orders()] == [1, 2]


@pytest.mark.parametrize(("answer", "least"), [("upheld", 12), ("rejected", 5)])
async def test_answering_an_objection(desk: Desk, answer: str, least: int) -> None:
    host, _ = await ready(desk)
    await desk.answer(host, "contested")
    (order,) = await desk.orders()
    path, body = f"/orders/{order['id']}/answer", {**WHY, "answer": answer}
    await survives(desk.rt, lambda: desk.act(path, body, "regulator-a", key="k"), least=least)
    assert len(await desk.facts("order.answered.v1")) == 1


async def test_escalating(desk: Desk) -> None:
    await ready(desk)
    (order,) = await desk.orders()
    await desk.let_pass(order["id"])
    path = f"/orders/{order['id']}/escalation"
    await survives(desk.rt, lambda: desk.act(path, WHY, "regulator-a", key="k"), least=3)
    assert [fact["data"]["escalated"] for fact in await desk.facts("order.overdue.v1")] == [False, True]


async def test_lapsing(desk: Desk) -> None:
    host = await desk.host()
    await desk.deliver(carried_out(host, effect="suspend_access"))
    (order,) = await desk.orders()
    await survives(desk.rt, lambda: desk.ring("lapse", order["id"]), least=3)
    assert (await desk.order(order["id"]))["status"] == "lapsed"


async def test_instructing_a_supervisor_and_what_it_does(desk: Desk) -> None:
    network = await desk.network()
    fact = carried_out(network)
    await survives(desk.rt, lambda: desk.deliver(fact), least=6)
    path = f"/instructions/{(await desk.instruction())['id']}"
    steps = [("objection", WHY, supervisor("a")), ("answer", {**WHY, "answer": "rejected"}, "regulator-a"),
             ("acknowledgement", None, supervisor("a")), ("issue", None, supervisor("b"))]  # fmt: skip
    for verb, body, who in steps:
        await survives(desk.rt, lambda: desk.act(f"{path}/{verb}", body, who, key=verb), least=4)  # noqa: B023
    assert [order["sequence"] for order in (await desk.feed(network))["orders"]] == [1]
