"""Orders: drafted from an execution, withdrawn or released, restored, overdue (P3.2.3, safeguards 4 and 7)."""

import asyncio
import hashlib
import json
from collections import Counter
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from access_control.errors import NotHosted
from access_control.service.sending import EXECUTION, RELEASE_WINDOW
from shared import signing
from shared.contracts import examples
from shared.contracts.orders import ORDER_TYPE, Cause, Order
from shared.runtime.acts.documents import IssuerHasNoKey
from tests.integration.access_control.conftest import OpenDesk
from tests.integration.access_control.desk import (
    NOON,
    WHY,
    Desk,
    Host,
    carried_out,
    found,
    later,
    licence,
    opened,
    supervisor,
    undone,
)


async def test_each_site_is_cut_off_once_at_each_provider_that_hosts_it(desk: Desk) -> None:
    first, second, idle = [await desk.host() for _ in range(3)]
    await desk.cut_off(first, second, sites=2)
    assert [order["sequence"] for order in await desk.orders(first)] == [1, 2]
    assert [order["sequence"] for order in await desk.orders(second)] == [1, 2]
    assert await desk.orders(idle) == []


async def test_a_site_with_several_accesses_at_one_provider_gets_one_order_with_all_addresses(desk: Desk) -> None:
    host = await desk.host()
    fact = carried_out(host, host)
    assert fact.site is not None
    first, other = fact.site.accesses
    other = other.model_copy(update={"ips": ("198.18.0.11", "198.18.0.10"), "hosting_mode": "dedicated"})
    site = fact.site.model_copy(update={"accesses": (first, other)})
    await desk.deliver(fact.model_copy(update={"site": site}))
    (order,) = await desk.orders()
    assert order["site"]["ips"] == ["198.18.0.10", "198.18.0.11"]
    assert order["site"]["hosting_mode"] == "virtual_host, dedicated"


async def test_the_document_says_who_decided_why_and_how_to_challenge_it(desk: Desk) -> None:
    host = await desk.host()
    (fact,) = await desk.cut_off(host)
    assert fact.site is not None
    (entry,) = (await desk.feed(host))["orders"]
    keys = (await desk.api.get("/.well-known/jwks.json")).json()
    order = Order.model_validate_json(signing.KeyRing(keys).verify(entry["jws"], ORDER_TYPE).payload)
    assert (order.action, order.attempt) == ("cut_off", 1)
    assert (order.sequence, str(order.provider_id)) == (1, host.id)
    assert (order.issuer, order.authority) == (fact.regulator, fact.grounds.authority)
    assert order.cause == Cause(kind="execution", id=fact.execution_id)
    assert order.grounds == fact.grounds.public()
    assert (order.statement, order.undoes, order.until) == (None, None, None)
    assert order.decision_id == fact.decision_id
    assert (order.issued_at, order.execute_by) == (NOON, later(24 * 3600))
    assert (order.site.hosts, order.site.spared, order.site.names_below) == (fact.site.hosts, fact.site.spared, True)
    assert order.register_entry.endswith("/public/register/%E4%BA%ACICP%E5%A4%8710046444%E5%8F%B7")


async def test_what_is_redacted_reaches_no_provider(desk: Desk) -> None:
    host = await desk.host()
    grounds = {
        **examples.GROUNDS,
        "reasons": "Mrs Li was sold a prescription medicine.",
        "public_reasons": "A patient was sold a prescription medicine.",
        "redacted": ["name of a patient"],
    }
    await desk.deliver(carried_out(host, grounds=grounds))
    (order,) = await desk.orders()
    for text in (str(order), str(opened((await desk.feed(host))["orders"][0]["jws"])), str(await desk.facts())):
        assert "Mrs Li" not in text
        assert "A patient was sold" in text


async def test_an_order_bears_its_issuers_own_key_and_no_other(desk: Desk) -> None:
    here, far = await desk.host(), await desk.host(licence=licence("粤ICP证000001号"))
    ministry = {**examples.REGULATOR, "id": "industry", "level": "national", "region": None}
    await desk.deliver(carried_out(here), carried_out(far, regulator=ministry))
    published = (await desk.api.get("/.well-known/jwks.json")).json()["keys"]
    for host, issuer in ((here, "industry-110000"), (far, "industry")):
        (entry,) = (await desk.feed(host))["orders"]
        own = [key for key in published if key["organisation"] == issuer]
        foreign = [key for key in published if key["organisation"] != issuer]
        document = json.loads(signing.KeyRing(own).verify(entry["jws"], ORDER_TYPE).payload)
        assert document["issuer"]["id"] == issuer
        with pytest.raises(signing.BadSignature, match="no key"):
            signing.KeyRing(foreign).verify(entry["jws"], ORDER_TYPE)
        (order,) = await desk.orders(host)
        assert order["kid"].startswith(f"{issuer}-")


async def test_without_a_key_of_its_issuer_an_order_does_not_go_out(open_desk: OpenDesk, tmp_path: Path) -> None:
    file = tmp_path / "one.json"
    file.write_text(json.dumps({"keys": [{**signing.generate_key(kid="sh"), "organisation": "industry-310000"}]}))
    async with open_desk(signing_keys_file=file, signing_keys_generate=False) as desk:
        host = await desk.host()
        await desk.cut_off(host)
        (order,) = await desk.orders()
        with pytest.raises(IssuerHasNoKey, match="industry-110000"):
            await desk.close_window(order)
        assert (await desk.feed(host))["head"] == 0
        more = [
            {**signing.generate_key(kid="bj"), "organisation": "industry-110000"},
            *json.loads(file.read_text())["keys"],
        ]
        file.write_text(json.dumps({"keys": more}))
        await desk.close_window(order)
        assert [each["kid"] for each in await desk.orders()] == ["bj"]


@pytest.mark.parametrize("effect", ["end_item", "bar"])
async def test_what_hosts_have_no_part_in_sends_no_order(desk: Desk, effect: str) -> None:
    host = await desk.host()
    fact = carried_out(host, effect=effect)
    await desk.deliver(fact, undone(fact))
    assert await desk.orders() == []
    assert await desk.facts("order.released.v1") == []


async def test_a_found_site_is_ordered_off_by_exactly_its_name_where_it_was_found(desk: Desk) -> None:
    host = await desk.host()
    fact = found(host)
    await desk.deliver(fact)
    (order,) = await desk.orders(host)
    assert (order["action"], order["site_id"]) == ("cut_off", None)
    assert (order["site"]["hosts"], order["site"]["names_below"]) == (["unregistered.example"], False)
    await desk.deliver(undone(fact))
    _, restore = await desk.orders(host)
    assert restore["site"] == order["site"]
    released = await desk.facts("order.released.v1")
    assert [fact["data"]["site_id"] for fact in released] == [None, None]


async def test_an_order_is_seen_where_its_provider_its_issuer_and_who_decided_are(desk: Desk) -> None:
    who = ("desk-a", {"region": "440000"})
    body = {"name": "Far", "licence": licence("粤ICP证000001号"), "region": "440000", "kind": "carrier", "contact": "x"}
    far = Host((await desk.act("/providers", body, who, 201))["id"], {})
    await desk.cut_off(far)
    for region, seen in (("440000", 1), ("110000", 1), ("310000", 0)):
        answer = await desk.api.get("/orders", who=("desk-a", {"region": region}))
        assert len(answer.json()["items"]) == seen


async def test_a_fact_delivered_again_orders_nothing_again(desk: Desk) -> None:
    host = await desk.host()
    fact = carried_out(host, await desk.host())
    for _ in range(3):
        await desk.deliver(fact)
    assert [order["sequence"] for order in await desk.orders()] == [1, 1]
    assert len(await desk.facts("order.released.v1")) == 2


async def test_two_processes_with_the_same_fact_make_one_order(desk: Desk, open_desk: OpenDesk) -> None:
    host = await desk.host()
    fact = carried_out(host)
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
        await desk.cut_off(host, Host(str(uuid4()), {}))
    assert await desk.orders() == []


async def test_a_site_that_another_decision_hits_again_is_cut_off_again(desk: Desk) -> None:
    host = await desk.host()
    (first,) = await desk.cut_off(host)
    again = first.model_copy(update={"execution_id": uuid4(), "decision_id": uuid4()})
    await desk.deliver(undone(first), again)
    assert [order["action"] for order in await desk.orders()] == ["cut_off", "restore", "cut_off"]
    assert (await desk.state(host))["in_force"] == 1


async def test_inside_its_window_an_order_has_no_number_and_nobody_sees_it(slow_desk: Desk) -> None:
    host = await slow_desk.host()
    await slow_desk.cut_off(host)
    (order,) = await slow_desk.orders()
    assert (order["status"], order["sequence"], order["execute_by"]) == ("drafted", None, None)
    assert order["release_at"] == later(75).isoformat().replace("+00:00", "Z")
    assert (await slow_desk.feed(host)) == {"orders": [], "next_after": 0, "head": 0, "ask_again_s": 30}
    assert (await slow_desk.api.get(f"/orders/{order['id']}", who=host.who)).status_code == 404
    answer = await slow_desk.api.get("/orders", params={"provider_id": host.id}, who=host.who)
    assert answer.json()["items"] == []
    assert await slow_desk.facts("order.released.v1") == []


async def test_when_the_window_closes_the_order_goes_out_once(slow_desk: Desk) -> None:
    host = await slow_desk.host()
    await slow_desk.cut_off(host)
    (order,) = await slow_desk.orders()
    await slow_desk.close_window(order, order)
    assert (await slow_desk.order(order["id"]))["status"] == "released"
    assert len((await slow_desk.feed(host))["orders"]) == 1
    assert len(await slow_desk.facts("order.released.v1")) == 1


async def test_a_withdrawn_order_never_goes_out_and_leaves_no_gap(slow_desk: Desk) -> None:
    host = await slow_desk.host()
    await slow_desk.cut_off(host, sites=3)
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
    await desk.cut_off(host)
    (order,) = await desk.orders()
    answer = await desk.api.post(f"/orders/{order['id']}/withdrawal", json=WHY, who="desk-a")
    assert (answer.status_code, answer.json()["code"]) == (409, "action_refused")
    assert "withdraw" not in answer.json()["allowed_actions"]
    assert "execute" in answer.json()["allowed_actions"]
    assert order["allowed_actions"] == []


async def test_withdrawing_twice_is_refused_and_retrying_is_not(slow_desk: Desk) -> None:
    host = await slow_desk.host()
    await slow_desk.cut_off(host)
    (order,) = await slow_desk.orders()
    path = f"/orders/{order['id']}/withdrawal"
    first = await slow_desk.api.post(path, json=WHY, who="desk-a", key="one")
    retried = await slow_desk.api.post(path, json=WHY, who="desk-a", key="one")
    assert first.json() == retried.json()
    again = await slow_desk.api.post(path, json=WHY, who="desk-a", key="two")
    assert (again.status_code, again.json()["allowed_actions"]) == (409, ["ask_reissue", "reissue"])
    assert len(await slow_desk.facts("order.withdrawn.v1")) == 1


@pytest.mark.parametrize(
    "who",
    ["drugs-a", "officer", "auditor", ("desk-a", {"region": "310000"}), ("desk-a", {"region": None}), supervisor()],
)
async def test_only_the_issuer_withdraws(slow_desk: Desk, who: Any) -> None:
    host = await slow_desk.host()
    await slow_desk.cut_off(host)
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


async def test_undone_inside_the_window_nothing_ever_goes_out(slow_desk: Desk) -> None:
    host = await slow_desk.host()
    fact = carried_out(host)
    await slow_desk.deliver(fact)
    await slow_desk.deliver(undone(fact))
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
    fact = carried_out(host)
    await desk.deliver(fact)
    if outcome:
        assert (await desk.answer(host, outcome))["status"] == "recorded"
    for _ in range(2):
        await desk.deliver(undone(fact))
    cut_off, restore = await desk.orders()
    assert (cut_off["status"], cut_off["undone_by"]) == (status, restore["id"])
    assert (restore["status"], restore["action"], restore["undoes"]) == ("released", "restore", cut_off["id"])
    assert restore["site"] == cut_off["site"]
    document = opened((await desk.feed(host, after=1))["orders"][0]["jws"])
    assert document["site"]["ips"] == ["198.18.0.10"]
    assert (document["undoes"], document["grounds"]) == (cut_off["id"], None)
    # Defect 35: a restore names who decided it, and why.
    assert document["authority"]["id"] == restore["authority"]["id"] == "review-110000"
    assert document["statement"]["reasons"] == undone(fact).statement.public_reasons
    assert document["issuer"] == cut_off["issuer"]
    assert document["cause"] == {"kind": "undoing", "id": str(fact.execution_id)}
    withdrawn = await desk.facts("order.withdrawn.v1")
    assert [each["data"]["sequence"] for each in withdrawn] == ([1] if status == "superseded" else [])
    assert cut_off["id"] not in map(str, await desk.open_deadlines(EXECUTION))
    assert restore["id"] in map(str, await desk.open_deadlines(EXECUTION))


async def test_a_restore_has_no_window(slow_desk: Desk) -> None:
    host = await slow_desk.host()
    fact = carried_out(host)
    await slow_desk.deliver(fact)
    (order,) = await slow_desk.orders()
    await slow_desk.close_window(order)
    await slow_desk.deliver(undone(fact))
    assert [entry["sequence"] for entry in (await slow_desk.feed(host))["orders"]] == [1, 2]


async def test_many_sites_are_cut_off_and_restored(desk: Desk) -> None:
    host, sites = await desk.host(), 100
    for fact in await desk.cut_off(host, sites=sites):
        await desk.deliver(undone(fact))
    found = await desk.orders(host, limit=2 * sites)
    assert [order["sequence"] for order in found] == list(range(1, 2 * sites + 1))
    statuses = Counter((order["action"], order["status"]) for order in found)
    assert statuses == {("cut_off", "superseded"): sites, ("restore", "released"): sites}


async def test_what_undoes_another_execution_restores_nothing(desk: Desk) -> None:
    host = await desk.host()
    (fact,) = await desk.cut_off(host)
    await desk.deliver(undone(fact, execution_id=str(uuid4())))
    assert [order["action"] for order in await desk.orders()] == ["cut_off"]


async def test_undone_before_it_was_heard_to_be_carried_out_nothing_is_ordered(desk: Desk) -> None:
    host = await desk.host()
    fact = carried_out(host)
    await desk.deliver(undone(fact), fact, undone(fact), fact)
    assert await desk.orders() == []


@pytest.mark.parametrize("outcome", [None, "received", "partly"])
async def test_an_order_without_an_answer_becomes_overdue_and_is_not_ordered_again(
    desk: Desk, outcome: str | None
) -> None:
    host = await desk.host()
    await desk.cut_off(host)
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
    await desk.cut_off(host)
    (order,) = await desk.orders()
    await desk.answer(host, outcome)
    (row,) = await desk.rows("SELECT suspended_at, met_at FROM deadline WHERE kind = 'execute'")
    assert tuple(row) == (NOON, None)
    await desk.let_pass(order["id"])
    assert (await desk.order(order["id"]))["overdue"] is False


async def test_an_executed_order_has_met_its_clock(desk: Desk) -> None:
    host = await desk.host()
    await desk.cut_off(host)
    await desk.answer(host)
    assert await desk.open_deadlines(EXECUTION) == []
    (order,) = await desk.orders()
    await desk.let_pass(order["id"])
    assert (await desk.order(order["id"]))["overdue"] is False, "the clock rang while the receipt was being written"
    assert await desk.facts("order.overdue.v1") == []


async def test_everything_of_a_release_is_written_or_nothing(desk: Desk) -> None:
    host = await desk.host()
    await desk.cut_off(host)
    (row,) = await desk.rows("SELECT id, jws, digest, kid, sequence FROM access_order")
    (sent,) = await desk.rows("SELECT key, value, headers FROM outbox WHERE topic = $1", f"access-orders.{host.id}")
    assert sent["value"] == row["jws"]
    assert sent["headers"]["content-type"] == "application/jose"
    assert hashlib.sha256(row["jws"]).hexdigest() == row["digest"]
    order = await desk.order(row["id"])
    assert sent["key"] == order["site_id"]
    (fact,) = await desk.facts("order.released.v1")
    assert (fact["subject"], fact["data"]["sequence"]) == (order["execution_id"], 1)
    assert fact["data"]["digest"] == row["digest"]
    history = await desk.rows("SELECT action, to_status FROM history WHERE aggregate_id = $1 ORDER BY id", row["id"])
    assert [tuple(each) for each in history] == [("draft", "drafted"), ("release", "released")]


async def test_orders_are_listed_by_status_site_and_provider(slow_desk: Desk) -> None:
    host, other = await slow_desk.host(), await slow_desk.host()
    await slow_desk.cut_off(host, other, sites=2)
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
    await desk.cut_off(host, other)
    for params in ({}, {"provider_id": host.id}):
        mine = await desk.api.get("/orders", params=params, who=host.who)
        assert [order["provider_id"] for order in mine.json()["items"]] == [host.id]
    assert (await desk.api.get("/orders", params={"provider_id": other.id}, who=host.who)).json()["items"] == []
    (foreign,) = await desk.orders(other)
    assert (await desk.api.get(f"/orders/{foreign['id']}", who=host.who)).status_code == 403
    assert [code for _, code in await desk.refusals()] == ["out_of_scope"]


async def test_whoever_looks_at_orders_for_a_department_is_in_the_audit(desk: Desk) -> None:
    host = await desk.host()
    await desk.cut_off(host)
    (order,) = await desk.orders(host)
    await desk.order(order["id"])
    await desk.api.get("/orders", who=host.who)
    rows = await desk.rows("SELECT subject, resource FROM audit WHERE outcome = 'granted' ORDER BY id")
    assert [tuple(row) for row in rows] == [("desk-a", "/orders"), ("desk-a", f"/orders/{order['id']}")]


@pytest.mark.parametrize(("window", "warned"), [(0, True), (75, False)])
async def test_that_there_is_no_withdraw_window_is_said_at_every_start(
    open_desk: OpenDesk, capsys: pytest.CaptureFixture[str], window: int, warned: bool
) -> None:
    async with open_desk(withdraw_window_s=window):
        pass
    assert ("orders.no_withdraw_window" in capsys.readouterr().out) is warned
