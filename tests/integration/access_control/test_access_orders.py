"""Orders: drafted from a revocation, withdrawn or released, restored, overdue (P3.2.3, safeguards 4 and 7)."""

import asyncio
import hashlib
from collections import Counter
from typing import Any
from uuid import uuid4

import pytest

from access_control.errors import NotHosted
from access_control.service.release import EXECUTION, RELEASE_WINDOW
from shared import signing
from shared.contracts.orders import ORDER_TYPE, Order
from tests.integration.access_control.conftest import OpenDesk
from tests.integration.access_control.desk import NOON, Desk, Host, later, opened, reinstated, revoked

WHY = {"reasons": "The decision named the wrong site."}


async def test_each_site_is_cut_off_once_at_each_provider_that_hosts_it(desk: Desk) -> None:
    first, second, idle = [await desk.host() for _ in range(3)]
    await desk.deliver(revoked(first, second, sites=2))
    assert [order["sequence"] for order in await desk.orders(first)] == [1, 2]
    assert [order["sequence"] for order in await desk.orders(second)] == [1, 2]
    assert await desk.orders(idle) == []


async def test_a_site_with_several_accesses_at_one_provider_gets_one_order_with_all_addresses(desk: Desk) -> None:
    host = await desk.host()
    fact = revoked(host, host)
    (site,) = fact.sites
    other = site.accesses[1].model_copy(update={"ips": ("198.18.0.11", "198.18.0.10"), "hosting_mode": "dedicated"})
    fact = fact.model_copy(update={"sites": (site.model_copy(update={"accesses": (site.accesses[0], other)}),)})
    await desk.deliver(fact)
    (order,) = await desk.orders()
    assert order["site"]["ips"] == ["198.18.0.10", "198.18.0.11"]
    assert order["site"]["hosting_mode"] == "virtual_host, dedicated"


async def test_the_document_says_who_decided_why_and_how_to_challenge_it(desk: Desk) -> None:
    host = await desk.host()
    fact = revoked(host)
    await desk.deliver(fact)
    (entry,) = (await desk.feed(host))["orders"]
    keys = (await desk.api.get("/.well-known/jwks.json")).json()
    order = Order.model_validate_json(signing.KeyRing(keys).verify(entry["jws"], ORDER_TYPE).payload)
    assert order.action == "cut_off"
    assert (order.sequence, str(order.provider_id)) == (1, host.id)
    assert (order.authority, order.region, order.issuer) == ("culture-bj", "110000", "access-control")
    assert (order.legal_basis, order.reasons) == (fact.measure.legal_basis, fact.measure.reasons)
    assert (order.evidence_hash, order.redress) == (fact.measure.evidence_hash, fact.measure.redress)
    assert order.decision_id == fact.measure.decision_id
    assert (order.issued_at, order.execute_by) == (NOON, later(24 * 3600))
    assert order.site.domains == fact.sites[0].domains
    assert order.register_entry.endswith("/public/register/%E4%BA%ACICP%E5%A4%8710046444%E5%8F%B7")


async def test_the_region_of_an_order_is_the_one_that_orders_its_provider(desk: Desk) -> None:
    who = ("desk-a", {"region": "440000"})
    body = {"name": "Far", "licence_number": "粤ICP证1号", "region": "440000", "kind": "carrier", "contact": "x"}
    far = Host((await desk.api.post("/providers", json=body, who=who)).json()["id"], {})
    await desk.deliver(revoked(far))
    (order,) = await desk.orders()
    assert order["region"] == "440000"


async def test_a_fact_delivered_again_orders_nothing_again(desk: Desk) -> None:
    host = await desk.host()
    fact = revoked(host, sites=2)
    for _ in range(3):
        await desk.deliver(fact)
    assert [order["sequence"] for order in await desk.orders()] == [1, 2]
    assert len(await desk.facts("order.released.v1")) == 2


async def test_two_processes_with_the_same_fact_make_one_order(desk: Desk, open_desk: OpenDesk) -> None:
    host = await desk.host()
    fact = revoked(host)
    async with open_desk(dsn=desk.dsn, withdraw_window_s=0) as other:
        async with desk.rt.db.transaction():
            await desk.deliver(fact)
            waiting = asyncio.create_task(other.deliver(fact))
            await asyncio.sleep(0.2)
            assert not waiting.done()
        await waiting
    assert [order["sequence"] for order in await desk.orders()] == [1]


async def test_an_unknown_provider_stops_the_whole_fact(desk: Desk) -> None:
    host = await desk.host()
    with pytest.raises(NotHosted):
        await desk.deliver(revoked(host, Host(str(uuid4()), {})))
    assert await desk.orders() == []


async def test_a_registration_revoked_again_is_cut_off_again(desk: Desk) -> None:
    host = await desk.host()
    first = revoked(host)
    await desk.deliver(first)
    await desk.deliver(reinstated(first))
    again = first.model_copy(update={"revocation_id": uuid4()})
    await desk.deliver(again)
    assert [order["action"] for order in await desk.orders()] == ["cut_off", "restore", "cut_off"]
    assert (await desk.state(host))["in_force"] == 1


async def test_inside_its_window_an_order_has_no_number_and_nobody_sees_it(slow_desk: Desk) -> None:
    host = await slow_desk.host()
    await slow_desk.deliver(revoked(host))
    (order,) = await slow_desk.orders()
    assert (order["status"], order["sequence"], order["execute_by"]) == ("drafted", None, None)
    assert order["release_at"] == later(75).isoformat().replace("+00:00", "Z")
    assert (await slow_desk.feed(host)) == {"orders": [], "next_after": 0, "head": 0}
    assert (await slow_desk.api.get(f"/orders/{order['id']}", who=host.who)).status_code == 404
    answer = await slow_desk.api.get("/orders", params={"provider_id": host.id}, who=host.who)
    assert answer.json()["items"] == []
    assert await slow_desk.facts("order.released.v1") == []


async def test_when_the_window_closes_the_order_goes_out_once(slow_desk: Desk) -> None:
    host = await slow_desk.host()
    await slow_desk.deliver(revoked(host))
    (order,) = await slow_desk.orders()
    await slow_desk.close_window(order, order)
    assert (await slow_desk.order(order["id"]))["status"] == "released"
    assert len((await slow_desk.feed(host))["orders"]) == 1
    assert len(await slow_desk.facts("order.released.v1")) == 1


async def test_a_withdrawn_order_never_goes_out_and_leaves_no_gap(slow_desk: Desk) -> None:
    host = await slow_desk.host()
    await slow_desk.deliver(revoked(host, sites=3))
    first, second, third = await slow_desk.orders()
    answer = await slow_desk.api.post(f"/orders/{second['id']}/withdrawal", json=WHY, who="desk-a")
    assert (answer.status_code, answer.json()["status"]) == (200, "withdrawn")
    await slow_desk.close_window(first, second, third)
    assert [order["sequence"] for order in (await slow_desk.feed(host))["orders"]] == [1, 2]
    assert [order["status"] for order in await slow_desk.orders()] == ["released", "withdrawn", "released"]
    (fact,) = await slow_desk.facts("order.withdrawn.v1")
    assert (fact["data"]["order_id"], fact["data"]["reasons"]) == (second["id"], WHY["reasons"])
    assert second["id"] not in map(str, await slow_desk.open_deadlines(RELEASE_WINDOW))


async def test_a_released_order_cannot_be_withdrawn(desk: Desk) -> None:
    host = await desk.host()
    await desk.deliver(revoked(host))
    (order,) = await desk.orders()
    answer = await desk.api.post(f"/orders/{order['id']}/withdrawal", json=WHY, who="desk-a")
    assert (answer.status_code, answer.json()["code"]) == (409, "action_refused")
    assert "withdraw" not in answer.json()["allowed_actions"]
    assert "execute" in answer.json()["allowed_actions"]


async def test_withdrawing_twice_is_refused_and_retrying_is_not(slow_desk: Desk) -> None:
    host = await slow_desk.host()
    await slow_desk.deliver(revoked(host))
    (order,) = await slow_desk.orders()
    path = f"/orders/{order['id']}/withdrawal"
    first = await slow_desk.api.post(path, json=WHY, who="desk-a", key="one")
    retried = await slow_desk.api.post(path, json=WHY, who="desk-a", key="one")
    assert first.json() == retried.json()
    again = await slow_desk.api.post(path, json=WHY, who="desk-a", key="two")
    assert (again.status_code, again.json()["allowed_actions"]) == (409, [])
    assert len(await slow_desk.facts("order.withdrawn.v1")) == 1


@pytest.mark.parametrize("who", ["regulator-a", "culture-a", "officer", ("desk-a", {"region": "310000"})])
async def test_only_the_desk_of_its_province_withdraws(slow_desk: Desk, who: Any) -> None:
    host = await slow_desk.host()
    await slow_desk.deliver(revoked(host))
    (order,) = await slow_desk.orders()
    answer = await slow_desk.api.post(f"/orders/{order['id']}/withdrawal", json=WHY, who=who)
    assert answer.status_code == 403
    assert await slow_desk.refusals() == [("POST /orders/{order_id}/withdrawal", answer.json()["code"])]


async def test_a_withdrawal_needs_reasons_and_an_order(slow_desk: Desk) -> None:
    for body in ({}, {"reasons": "short"}, {"reasons": None}):
        answer = await slow_desk.api.post(f"/orders/{uuid4()}/withdrawal", json=body, who="desk-a")
        assert (answer.status_code, answer.json()["fields"][0]["field"]) == (422, "reasons")
    answer = await slow_desk.api.post(f"/orders/{uuid4()}/withdrawal", json=WHY, who="desk-a")
    assert (answer.status_code, answer.json()["code"]) == (404, "unknown_order")


async def test_reinstated_inside_the_window_nothing_ever_goes_out(slow_desk: Desk) -> None:
    host = await slow_desk.host()
    fact = revoked(host)
    await slow_desk.deliver(fact)
    await slow_desk.deliver(reinstated(fact))
    (order,) = await slow_desk.orders()
    await slow_desk.close_window(order)
    assert (await slow_desk.order(order["id"]))["status"] == "withdrawn"
    assert (await slow_desk.feed(host))["head"] == 0


@pytest.mark.parametrize(
    ("outcome", "status"),
    [
        (None, "superseded"),
        ("received", "superseded"),
        ("partly", "superseded"),
        ("impossible", "superseded"),
        ("contested", "superseded"),
        ("executed", "executed"),
    ],
)
async def test_whatever_went_out_is_restored_to_the_exact_earlier_state(
    desk: Desk, outcome: str | None, status: str
) -> None:
    host = await desk.host()
    fact = revoked(host)
    await desk.deliver(fact)
    if outcome:
        assert (await desk.answer(host, outcome))["status"] == "recorded"
    for _ in range(2):
        await desk.deliver(reinstated(fact))
    cut_off, restore = await desk.orders()
    assert (cut_off["status"], cut_off["undone_by"]) == (status, restore["id"])
    assert (restore["status"], restore["action"], restore["undoes"]) == ("released", "restore", cut_off["id"])
    assert restore["site"] == cut_off["site"]
    document = opened((await desk.feed(host, after=1))["orders"][0]["jws"])
    assert document["site"]["ips"] == ["198.18.0.10"]
    assert (document["undoes"], document["evidence_hash"], document["redress"]) == (cut_off["id"], None, None)
    assert document["reasons"] == reinstated(fact).reasons
    assert cut_off["id"] not in map(str, await desk.open_deadlines(EXECUTION))
    assert restore["id"] in map(str, await desk.open_deadlines(EXECUTION))


async def test_a_restore_has_no_window(slow_desk: Desk) -> None:
    host = await slow_desk.host()
    fact = revoked(host)
    await slow_desk.deliver(fact)
    (order,) = await slow_desk.orders()
    await slow_desk.close_window(order)
    await slow_desk.deliver(reinstated(fact))
    assert [entry["sequence"] for entry in (await slow_desk.feed(host))["orders"]] == [1, 2]


async def test_a_registration_of_many_sites_is_cut_off_and_restored_in_one_go(desk: Desk) -> None:
    host, sites = await desk.host(), 100
    fact = revoked(host, sites=sites)
    await desk.deliver(fact)
    await desk.deliver(reinstated(fact))
    found = await desk.orders(host, limit=2 * sites)
    assert [order["sequence"] for order in found] == list(range(1, 2 * sites + 1))
    statuses = Counter((order["action"], order["status"]) for order in found)
    assert statuses == {("cut_off", "superseded"): sites, ("restore", "released"): sites}


async def test_the_reinstatement_of_another_revocation_restores_nothing(desk: Desk) -> None:
    host = await desk.host()
    fact = revoked(host)
    await desk.deliver(fact)
    await desk.deliver(reinstated(fact, revocation_id=str(uuid4())))
    assert [order["action"] for order in await desk.orders()] == ["cut_off"]


@pytest.mark.parametrize("outcome", [None, "received", "partly"])
async def test_an_order_without_an_answer_becomes_overdue_and_is_not_ordered_again(
    desk: Desk, outcome: str | None
) -> None:
    host = await desk.host()
    await desk.deliver(revoked(host))
    (order,) = await desk.orders()
    if outcome:
        await desk.answer(host, outcome)
    await desk.let_pass(order["id"])
    await desk.ring(EXECUTION, order["id"])
    after = await desk.order(order["id"])
    assert (after["overdue"], after["status"]) == (True, outcome or "released")
    (fact,) = await desk.facts("order.overdue.v1")
    assert fact["data"]["order_id"] == order["id"]
    assert (await desk.feed(host))["head"] == 1
    assert (await desk.answer(host))["order_status"] == "executed"


@pytest.mark.parametrize("outcome", ["impossible", "contested"])
async def test_the_clock_stands_still_while_the_issuer_has_to_act(desk: Desk, outcome: str) -> None:
    host = await desk.host()
    await desk.deliver(revoked(host))
    (order,) = await desk.orders()
    await desk.answer(host, outcome)
    (row,) = await desk.rows("SELECT suspended_at, met_at FROM deadline WHERE kind = 'execute'")
    assert tuple(row) == (NOON, None)
    await desk.let_pass(order["id"])
    assert (await desk.order(order["id"]))["overdue"] is False


async def test_an_executed_order_has_met_its_clock(desk: Desk) -> None:
    host = await desk.host()
    await desk.deliver(revoked(host))
    await desk.answer(host)
    assert await desk.open_deadlines(EXECUTION) == []


async def test_everything_of_a_release_is_written_or_nothing(desk: Desk) -> None:
    host = await desk.host()
    await desk.deliver(revoked(host))
    (row,) = await desk.rows("SELECT id, jws, digest, kid, sequence FROM access_order")
    (sent,) = await desk.rows("SELECT key, value, headers FROM outbox WHERE topic = $1", f"access-orders.{host.id}")
    assert sent["value"] == row["jws"]
    assert sent["headers"]["content-type"] == "application/jose"
    assert hashlib.sha256(row["jws"]).hexdigest() == row["digest"]
    order = await desk.order(row["id"])
    assert sent["key"] == order["site_id"]
    (fact,) = await desk.facts("order.released.v1")
    assert (fact["subject"], fact["data"]["sequence"]) == (order["site_id"], 1)
    history = await desk.rows("SELECT action, to_status FROM history WHERE aggregate_id = $1 ORDER BY id", row["id"])
    assert [tuple(each) for each in history] == [("draft", "drafted"), ("release", "released")]


async def test_orders_are_listed_by_status_site_and_provider(slow_desk: Desk) -> None:
    host, other = await slow_desk.host(), await slow_desk.host()
    await slow_desk.deliver(revoked(host, other, sites=2))
    orders = await slow_desk.orders()
    await slow_desk.close_window(orders[0])
    assert len(await slow_desk.orders(status="drafted")) == 3
    assert [order["id"] for order in await slow_desk.orders(status="released")] == [orders[0]["id"]]
    assert {order["provider_id"] for order in await slow_desk.orders(site_id=orders[0]["site_id"])} == {
        host.id,
        other.id,
    }
    bad = await slow_desk.api.get("/orders", params={"status": "lost"}, who="desk-a")
    assert (bad.status_code, bad.json()["fields"][0]["field"]) == (422, "status")


async def test_a_provider_lists_its_own_orders_only(desk: Desk) -> None:
    host, other = await desk.host(), await desk.host()
    await desk.deliver(revoked(host, other))
    mine = await desk.api.get("/orders", params={"provider_id": host.id}, who=host.who)
    assert [order["provider_id"] for order in mine.json()["items"]] == [host.id]
    for params in ({}, {"provider_id": other.id}):
        assert (await desk.api.get("/orders", params=params, who=host.who)).status_code == 403
    (foreign,) = await desk.orders(other)
    assert (await desk.api.get(f"/orders/{foreign['id']}", who=host.who)).status_code == 403
    assert [code for _, code in await desk.refusals()] == ["out_of_scope"] * 3


@pytest.mark.parametrize(("window", "warned"), [(0, True), (75, False)])
async def test_that_there_is_no_withdraw_window_is_said_at_every_start(
    open_desk: OpenDesk, capsys: pytest.CaptureFixture[str], window: int, warned: bool
) -> None:
    async with open_desk(withdraw_window_s=window):
        pass
    assert ("orders.no_withdraw_window" in capsys.readouterr().out) is warned
