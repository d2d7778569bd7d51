"""Home decides, the host province orders its provider in its own name, and both see both clocks (domain.md)."""

import json
from datetime import timedelta
from typing import Any, Final

import pytest

from access_control.service.sending import RELEASE_WINDOW
from shared import signing
from shared.contracts import examples
from shared.contracts.directory import Organisation
from shared.contracts.orders import ORDER_TYPE
from shared.rules import Role
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
from tests.support.service import Who

HOME, HOST = "industry-110000", "industry-310000"
ONE, TWO = "shanghai-regulator-a", "shanghai-regulator-b"
NATIONAL: Final = {**examples.REGULATOR, "id": "industry", "level": "national", "region": None}
UPHELD: Final = {**WHY, "answer": "upheld"}


def stamp(seconds: float) -> str:
    return later(seconds).isoformat().replace("+00:00", "Z")


async def far_host(desk: Desk, **change: Any) -> Host:
    """A provider of Shanghai, with its key."""
    shanghai_desk: Who = ("desk-a", {"organisation": HOST})
    body = {
        "name": "Shanghai Hosting", "licence": licence(f"沪ICP证{len(desk.hosts) + 1:06d}号"), "region": "310000",
        "kind": "access_provider", "contact": "filings@shanghai.example", **change,
    }  # fmt: skip
    made = await desk.act("/providers", body, shanghai_desk, 201)
    host = Host(made["id"], signing.generate_key(kid=f"far-{len(desk.hosts)}"))
    await desk.act(f"/providers/{host.id}/keys", entered(host.key, host.id), shanghai_desk, 201)
    desk.hosts.append(host)
    return host


async def ordered(desk: Desk, **change: Any) -> tuple[Host, Any, dict[str, Any]]:
    """What Beijing carried out about a site at a provider of Shanghai, and the order that came of it."""
    host = await far_host(desk)
    fact = carried_out(host, received_at=later(-7200).isoformat(), due_at=later(7200).isoformat(), **change)
    await desk.deliver(fact)
    (order,) = await desk.orders(host)
    return host, fact, order


async def test_the_host_province_orders_in_its_own_name_with_its_own_key_for_homes_decision(desk: Desk) -> None:
    host, fact, order = await ordered(desk)
    (entry,) = (await desk.feed(host))["orders"]
    keys = (await desk.api.get("/.well-known/jwks.json")).json()["keys"]
    of_the_host = signing.KeyRing([key for key in keys if key["organisation"] == HOST])
    said = json.loads(of_the_host.verify(entry["jws"], ORDER_TYPE).payload)
    assert (said["issuer"]["id"], said["regulator"]["id"]) == (HOST, HOME)
    assert said["cause"] == {"kind": "execution", "id": str(fact.execution_id)}
    assert said["authority"]["id"] == fact.grounds.authority.id
    (released,) = await desk.facts("order.released.v1")
    assert released["data"]["issuer"]["id"] == HOST
    assert order["issuer"]["id"] == HOST


async def test_nobody_of_the_host_signs_anything_and_the_order_is_not_a_second_later(slow_desk: Desk) -> None:
    host, _, order = await ordered(slow_desk)
    assert (order["status"], order["release_at"]) == ("drafted", stamp(75))
    await slow_desk.ring(RELEASE_WINDOW, order["id"])
    assert (await slow_desk.feed(host))["head"] == 1


async def test_a_site_at_home_and_elsewhere_is_ordered_off_by_each_province(desk: Desk) -> None:
    near, far = await desk.host(), await far_host(desk)
    await desk.deliver(carried_out(near, far))
    issuers = {order["provider_id"]: order["issuer"]["id"] for order in await desk.orders()}
    assert issuers == {near.id: HOME, far.id: HOST}


async def test_the_ministry_orders_everywhere_itself(desk: Desk) -> None:
    _, _, order = await ordered(desk, regulator=NATIONAL)
    assert order["issuer"]["id"] == "industry"


async def test_a_network_elsewhere_is_still_its_supervisors(desk: Desk) -> None:
    network = await far_host(desk, kind="public_network", supervisor="education")
    await desk.deliver(carried_out(network))
    instruction = await desk.instruction()
    assert (instruction["regulator"]["id"], instruction["supervisor"]["id"]) == (HOME, "education")
    answer = await desk.api.get("/instructions", who=ONE)
    assert answer.json()["items"] == [], "what is between home and the supervisor passes nobody else"
    await desk.act(f"/instructions/{instruction['id']}/acknowledgement", None, supervisor("a"))
    await desk.act(f"/instructions/{instruction['id']}/issue", None, supervisor("b"))
    (order,) = await desk.orders(network)
    assert order["issuer"]["id"] == "education"


async def test_where_no_regulator_of_the_host_province_is_known_home_orders_itself(desk: Desk) -> None:
    host = await far_host(desk)

    def closed(known: Organisation) -> Organisation:
        gone = known.region == "310000" and Role.INDUSTRY_REGULATOR in known.kinds
        return known.model_copy(update={"status": "closed"}) if gone else known

    desk.rt.directory.load([closed(known) for known in desk.rt.directory])
    await desk.deliver(carried_out(host))
    (order,) = await desk.orders(host)
    assert (order["issuer"]["id"], order["sequence"]) == (HOME, 1)


async def test_both_see_both_clocks_and_who_decided(desk: Desk) -> None:
    host, fact, order = await ordered(desk)
    for who in (ONE, "regulator-a"):
        seen = (await desk.api.get(f"/orders/{order['id']}", who=who)).json()
        home = seen["home"]
        assert (home["regulator"]["id"], seen["authority"]["id"]) == (HOME, fact.grounds.authority.id)
        assert (home["received_at"], home["due_at"]) == (stamp(-7200), stamp(7200))
        assert (home["carried_out_at"], home["undone_at"]) == (examples.AT, None)
        assert (seen["execute_by"], seen["overdue"]) == (stamp(24 * 3600), False)
    await desk.let_pass(order["id"])
    for who in (ONE, "regulator-a"):
        (listed,) = (await desk.api.get("/orders", who=who)).json()["items"]
        assert (listed["overdue"], listed["home"]["due_at"]) == (True, stamp(7200))
    assert (await desk.answer(host))["order_status"] == "executed"
    seen = (await desk.api.get(f"/orders/{order['id']}", who=ONE)).json()
    assert [each["outcome"] for each in seen["receipts"]] == ["executed"]


async def test_what_is_undone_at_home_is_restored_by_the_host_and_both_see_why(desk: Desk) -> None:
    host, fact, _ = await ordered(desk)
    await desk.deliver(undone(fact))
    _, restore = await desk.orders(host)
    assert (restore["action"], restore["issuer"]["id"], restore["status"]) == ("restore", HOST, "released")
    home = (await desk.api.get(f"/orders/{restore['id']}", who=ONE)).json()["home"]
    assert (home["undone_because"], home["undone_by"]["id"]) == ("overturned", examples.REVIEW_BODY["id"])


async def test_the_host_takes_it_back_once_with_reasons_and_home_has_the_last_word(slow_desk: Desk) -> None:
    host, _, order = await ordered(slow_desk)
    seen = (await slow_desk.api.get(f"/orders/{order['id']}", who=ONE)).json()
    assert seen["allowed_actions"] == ["withdraw"]
    taken_back = await slow_desk.act(f"/orders/{order['id']}/withdrawal", WHY, ONE)
    assert (taken_back["status"], taken_back["allowed_actions"]) == ("withdrawn", []), "the host sends nothing again"
    (told,) = await slow_desk.facts("order.withdrawn.v1")
    assert (told["data"]["reasons"], told["data"]["by"]["id"]) == (WHY["reasons"], HOST)
    for verb in ("reissue-request", "reissue"):
        refused = await slow_desk.api.post(f"/orders/{order['id']}/{verb}", json=WHY, who=TWO)
        assert (refused.status_code, refused.json()["code"]) == (403, "out_of_scope")
    again = await slow_desk.send_again(order["id"])
    assert (again["issuer"]["id"], again["attempt"]) == (HOST, 2)
    refused = await slow_desk.api.post(f"/orders/{again['id']}/withdrawal", json=WHY, who=TWO)
    assert (refused.status_code, refused.json()["code"]) == (403, "out_of_scope")
    await slow_desk.close_window(again)
    assert (await slow_desk.feed(host))["head"] == 1


async def test_home_takes_it_back_too_and_the_host_cannot_send_it_again(slow_desk: Desk) -> None:
    _, _, order = await ordered(slow_desk)
    await slow_desk.act(f"/orders/{order['id']}/withdrawal", WHY, "regulator-a")
    refused = await slow_desk.api.post(f"/orders/{order['id']}/reissue-request", json=WHY, who=ONE)
    assert (refused.status_code, refused.json()["code"]) == (403, "out_of_scope")


@pytest.mark.parametrize("answer", ["upheld", "rejected"])
async def test_an_objection_is_answered_at_home_since_it_is_about_homes_measure(desk: Desk, answer: str) -> None:
    host, _, order = await ordered(desk)
    await desk.answer(host, "contested")
    desk.clock.advance(timedelta(hours=3))
    refused = await desk.api.post(f"/orders/{order['id']}/answer", json={**WHY, "answer": answer}, who=ONE)
    assert (refused.status_code, refused.json()["code"]) == (403, "out_of_scope")
    await desk.act(f"/orders/{order['id']}/answer", {**WHY, "answer": answer}, "regulator-a")
    (told,) = await desk.facts("order.answered.v1")
    assert told["data"]["execute_by"] == (None if answer == "upheld" else stamp(27 * 3600))


async def test_either_says_a_second_time_that_it_is_late(desk: Desk) -> None:
    _, _, order = await ordered(desk)
    await desk.let_pass(order["id"])
    escalated = await desk.act(f"/orders/{order['id']}/escalation", WHY, ONE)
    assert escalated["escalated_at"] is not None


async def test_a_third_province_sees_nothing_of_it(desk: Desk) -> None:
    _, _, order = await ordered(desk)
    third: Who = ("regulator-a", {"organisation": "industry-440000"})
    assert (await desk.api.get(f"/orders/{order['id']}", who=third)).status_code == 403
    assert (await desk.api.get("/orders", who=third)).json()["items"] == []
