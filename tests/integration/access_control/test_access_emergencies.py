"""A provider's own suspension: taken in with its signature, carried on by a decision's order, or restored by itself."""

import asyncio
import hashlib
from datetime import timedelta
from itertools import permutations
from typing import Any
from uuid import UUID, uuid4

import orjson
import pytest

from access_control.service.emergencies import UNHEARD
from shared import signing
from shared.contracts.emergencies import EMERGENCY_TYPE, EmergencyConfirmedV1, EmergencyLapsedV1
from shared.contracts.orders import Order
from shared.contracts.receipts import RECEIPTS_TYPE
from shared.contracts.registry import ExecutionCarriedOutV1
from tests.integration.access_control.conftest import OpenDesk
from tests.integration.access_control.desk import NOON, WHY, Desk, Host, carried_out, opened, supervisor, undone

SINCE = NOON - timedelta(hours=1)


def said(by: Host, /, **changes: Any) -> dict[str, Any]:
    """What a provider says that it did."""
    made = {
        "emergency_id": str(uuid4()), "provider_id": by.id, "host": "pharmacy.example",
        "ground": "unlawful_medicines", "reasons": "Sells morphine without prescription, to children too.",
        "since": SINCE.isoformat(),
    }  # fmt: skip
    return {name: value for name, value in (made | changes).items() if value is not None}


def signed(by: Host, /, *, key: Any = None, typ: str = EMERGENCY_TYPE, **changes: Any) -> str:
    return signing.Signer(key or by.key).sign(orjson.dumps(said(by, **changes)), typ)


async def report(desk: Desk, host: Host, jws: str | None = None, status: int = 201, who: Any = None) -> dict[str, Any]:
    body = {"jws": jws or signed(host)}
    answer = await desk.api.post(f"/providers/{host.id}/emergencies", json=body, who=who or host.who)
    assert answer.status_code == status, answer.text
    return dict(answer.json())


def lapsed(host: Host, emergency: dict[str, Any], because: str = "not_confirmed", **changes: Any) -> EmergencyLapsedV1:
    made = {"emergency_id": emergency["id"], "provider_id": host.id, "because": because}
    return EmergencyLapsedV1.model_validate({**EmergencyLapsedV1.EXAMPLE, **made, **changes})


def confirmed(host: Host, emergency: dict[str, Any], decision_id: object) -> EmergencyConfirmedV1:
    made = {"emergency_id": emergency["id"], "provider_id": host.id, "decision_id": decision_id}
    return EmergencyConfirmedV1.model_validate({**EmergencyConfirmedV1.EXAMPLE, **made})


async def shown(desk: Desk, emergency: dict[str, Any], who: Any = "desk-a") -> dict[str, Any]:
    answer = await desk.api.get(f"/emergencies/{emergency['id']}", who=who)
    assert answer.status_code == 200, answer.text
    return dict(answer.json())


async def test_a_signed_statement_is_taken_in_and_told(desk: Desk) -> None:
    host = await desk.host()
    found = await report(desk, host, signed(host, host="PHARMACY.example."))
    assert (found["status"], found["host"]) == ("reported", "pharmacy.example")
    assert found["confirm_by"].startswith((SINCE + timedelta(hours=72)).isoformat()[:16])
    (fact,) = await desk.facts("emergency.reported.v1")
    assert (fact["data"]["emergency_id"], fact["data"]["provider_name"]) == (found["id"], "Example Hosting")
    for who in ("desk-a", "regulator-a", "auditor", host.who):
        assert (await shown(desk, found, who))["jws"] == found["jws"]
    other = await desk.host()
    assert (await desk.api.get(f"/emergencies/{found['id']}", who=other.who)).status_code == 403
    assert (await desk.api.get("/emergencies", who=other.who)).json()["items"] == []
    assert await desk.orders() == [], "it orders nothing"


@pytest.mark.parametrize(
    ("changes", "status", "code"),
    [
        ({"typ": RECEIPTS_TYPE}, 422, "emergency_unsigned"),
        ({"key": signing.generate_key(kid="nobodys")}, 422, "emergency_unsigned"),
        ({"ground": "opinion"}, 422, "emergency_invalid"),
        ({"host": "not a name"}, 422, "emergency_invalid"),
        ({"host": None}, 422, "emergency_invalid"),
        ({"reasons": "short"}, 422, "emergency_invalid"),
        ({"since": "2026-11-20T03:00:00"}, 422, "emergency_invalid"),
        ({"since": (NOON + timedelta(hours=1)).isoformat()}, 422, "emergency_invalid"),
        ({"since": (NOON - timedelta(hours=73)).isoformat()}, 409, "emergency_too_late"),
        ({"provider_id": str(uuid4())}, 403, "emergency_foreign"),
    ],
    ids=["type", "key", "ground", "host", "missing", "reasons", "zone", "future", "over", "foreign"],
)
async def test_what_is_forged_or_not_valid_is_refused_with_a_code_of_its_own(
    desk: Desk, changes: dict[str, Any], status: int, code: str
) -> None:
    host = await desk.host()
    assert (await report(desk, host, signed(host, **changes), status))["code"] == code
    assert await desk.facts("emergency.reported.v1") == []


async def test_another_providers_key_signs_for_nobody_else_nor_does_a_changed_or_a_revoked_one(desk: Desk) -> None:
    host, other = await desk.host(), await desk.host()
    assert (await report(desk, host, signed(host, key=other.key), 422))["reason"] == "unknown_key"
    header, _, signature = signed(host).split(".")
    payload = signed(host, host="victim.example").split(".")[1]
    assert (await report(desk, host, f"{header}.{payload}.{signature}", 422))["reason"] == "bad_signature"
    assert (await report(desk, host, who=other.who, status=403))["code"] == "out_of_scope"
    for who in ("desk-a", "regulator-a", "applicant"):
        assert (await report(desk, host, who=who, status=403))["code"] == "role_missing"
    await desk.api.post(f"/providers/{host.id}/keys/{host.key['kid']}/revocation", json=WHY, who="desk-a")
    assert (await report(desk, host, status=422))["reason"] == "key_revoked"


async def test_a_name_is_suspended_once_also_below_and_above_and_when_two_come_at_once(desk: Desk) -> None:
    host, other = await desk.host(), await desk.host()
    bodies = [signed(host), signed(host)]
    answers = await asyncio.gather(*(
        desk.api.post(f"/providers/{host.id}/emergencies", json={"jws": jws}, who=host.who) for jws in bodies
    ))  # fmt: skip
    assert sorted(each.status_code for each in answers) == [201, 409]
    for name in ("pharmacy.example", "www.pharmacy.example", "Pharmacy.Example"):
        assert (await report(desk, host, signed(host, host=name), 409))["code"] == "emergency_reported_already"
    taken = await report(desk, host, signed(host, host="bakery.example"))
    again = signed(host, host="cafe.example", emergency_id=taken["id"])
    assert (await report(desk, host, again, 409))["code"] == "emergency_id_taken"
    await report(desk, other)


async def test_when_nobody_confirmed_it_the_restore_goes_out_by_itself(desk: Desk) -> None:
    host = await desk.host()
    found = await report(desk, host)
    await desk.deliver(lapsed(host, found), lapsed(host, found))
    after = await shown(desk, found)
    assert (after["status"], after["ended_because"]) == ("lapsed", "not_confirmed")
    (signed_order,) = (await desk.feed(host))["orders"]
    order = Order.model_validate(opened(signed_order["jws"]))
    assert (str(order.order_id), order.action, order.undoes, order.emergency_id) == (
        after["restore_id"], "restore", None, UUID(found["id"]),
    )  # fmt: skip
    assert (order.site.hosts, order.site.names_below) == (("pharmacy.example",), False)
    assert order.issuer.id == "industry-110000"
    assert order.statement is not None
    (released,) = await desk.facts("order.released.v1")
    assert released["data"]["execution_id"] == found["id"]
    assert (await desk.answer(host))["status"] == "recorded"
    (seen,) = await desk.orders(host)
    assert (seen["status"], seen["home"]["undone_at"]) == ("executed", None)
    assert (await desk.state(host))["in_force"] == 0


async def test_a_provider_does_not_string_together_what_it_may_do_for_hours_alone(desk: Desk) -> None:
    host = await desk.host()
    found = await report(desk, host)
    await desk.deliver(lapsed(host, found))
    desk.clock.advance(timedelta(days=29))
    since = (desk.clock.now() - timedelta(hours=1)).isoformat()
    for name in ("pharmacy.example", "www.pharmacy.example"):
        refused = await report(desk, host, signed(host, host=name, since=since), 409)
        assert (refused["code"], refused["emergency_id"]) == ("emergency_lapsed", found["id"])
    desk.clock.advance(timedelta(days=2))
    since = (desk.clock.now() - timedelta(hours=1)).isoformat()
    await report(desk, host, signed(host, since=since))


async def test_what_was_undone_with_its_decision_a_provider_does_not_suspend_again_by_itself(desk: Desk) -> None:
    host = await desk.host()
    found = await report(desk, host)
    fact = carried_out(host, effect="suspend_access")
    await desk.deliver(confirmed(host, found, fact.decision_id), fact)
    desk.clock.advance(timedelta(days=60))
    await desk.deliver(undone(fact, undone_at=desk.clock.now()))
    since = (desk.clock.now() - timedelta(hours=1)).isoformat()
    refused = await report(desk, host, signed(host, host="www.pharmacy.example", since=since), 409)
    assert (refused["code"], refused["emergency_id"]) == ("emergency_lapsed", found["id"])
    desk.clock.advance(timedelta(days=31))
    await report(desk, host, signed(host, since=(desk.clock.now() - timedelta(hours=1)).isoformat()))


async def test_confirmed_it_stands_until_the_decision_is_carried_out_and_goes_on_with_its_order(desk: Desk) -> None:
    host = await desk.host()
    found = await report(desk, host)
    fact = carried_out(host, effect="suspend_access")
    await desk.deliver(confirmed(host, found, fact.decision_id))
    assert (await shown(desk, found))["status"] == "confirmed"
    assert await desk.orders() == []
    await desk.deliver(fact)
    assert (await shown(desk, found))["status"] == "replaced"
    await desk.deliver(lapsed(host, found, "decision_fell"))
    assert [each["action"] for each in await desk.orders(host)] == ["suspend"], "its order says what is to be done"
    assert (await report(desk, host, signed(host), 409))["code"] == "emergency_reported_already"
    await desk.deliver(undone(fact))
    assert [each["action"] for each in await desk.orders(host)] == ["suspend", "restore", "restore"]


async def test_the_register_may_be_heard_first(desk: Desk) -> None:
    host = await desk.host()
    found = await report(desk, host)
    fact = carried_out(host, effect="suspend_access")
    await desk.deliver(fact, confirmed(host, found, fact.decision_id))
    assert (await shown(desk, found))["status"] == "replaced"


async def test_what_confirmed_it_fell_before_anybody_carried_it_out(desk: Desk) -> None:
    host = await desk.host()
    found = await report(desk, host)
    await desk.deliver(confirmed(host, found, uuid4()), lapsed(host, found, "decision_fell"))
    assert (await shown(desk, found))["status"] == "lapsed"
    assert [each["action"] for each in await desk.orders(host)] == ["restore"]


async def test_what_lapsed_is_confirmed_by_nothing_that_comes_later(desk: Desk) -> None:
    host = await desk.host()
    found = await report(desk, host)
    await desk.deliver(lapsed(host, found), confirmed(host, found, uuid4()))
    after = await shown(desk, found)
    assert (after["status"], after["decision_id"]) == ("lapsed", None)


async def test_what_the_register_knows_at_another_provider_comes_back_as_well(desk: Desk) -> None:
    """The register may be behind, or the provider stand in front of another one: somewhere the site is dark."""
    host = await desk.host()
    found = await report(desk, host)
    await desk.deliver(lapsed(host, found, "not_hosted_there"))
    after = await shown(desk, found)
    assert (after["status"], after["ended_because"]) == ("lapsed", "not_hosted_there")
    (restore,) = await desk.orders(host)
    assert (restore["id"], restore["action"]) == (after["restore_id"], "restore")
    assert (await report(desk, host, signed(host), 409))["code"] == "emergency_lapsed", "and not at once again"


async def test_a_fact_about_what_nobody_reported_or_another_provider_did_is_parked(desk: Desk) -> None:
    host, other = await desk.host(), await desk.host()
    found = await report(desk, host)
    for fact in (lapsed(other, found), confirmed(other, found, uuid4()), lapsed(host, {"id": str(uuid4())})):
        with pytest.raises(Exception, match="emergency"):
            await desk.deliver(fact)
    assert (await shown(desk, found))["status"] == "reported"


async def test_a_network_is_restored_in_the_name_of_its_supervisor(desk: Desk) -> None:
    network = await desk.network()
    found = await report(desk, network)
    await desk.deliver(lapsed(network, found))
    (order,) = await desk.orders(network)
    assert (order["issuer"]["id"], order["action"], order["status"]) == ("education", "restore", "released")


async def test_a_restore_is_signed_and_its_digest_told(desk: Desk) -> None:
    host = await desk.host()
    found = await report(desk, host)
    await desk.deliver(lapsed(host, found))
    (order,) = (await desk.feed(host))["orders"]
    (fact,) = await desk.facts("order.released.v1")
    assert fact["data"]["digest"] == hashlib.sha256(order["jws"].encode()).hexdigest()
    assert UUID(fact["data"]["decision_id"]) == UUID(found["id"])


async def test_the_list_goes_by_time_though_the_ids_are_the_providers_choice(desk: Desk) -> None:
    host = await desk.host()
    ids: list[str] = []
    for number, chosen in enumerate(("e", "0", "7")):
        own = {"emergency_id": chosen * 8 + str(uuid4())[8:], "host": f"listed-{number}.example"}
        ids.insert(0, (await report(desk, host, signed(host, **own)))["id"])
        desk.clock.advance(timedelta(minutes=1))
    first = (await desk.api.get("/emergencies?limit=2", who=host.who)).json()
    rest = (await desk.api.get(f"/emergencies?limit=2&after={first['next']}", who=host.who)).json()
    assert [each["id"] for each in first["items"] + rest["items"]] == ids


async def carried_on(desk: Desk, *hosts: Host, **change: Any) -> tuple[dict[str, Any], ExecutionCarriedOutV1]:
    """Suspended by the first of these hosts itself, confirmed, and carried out: its order has not gone out yet."""
    found = await report(desk, hosts[0])
    fact = carried_out(*hosts, effect="suspend_access", **change)
    await desk.deliver(confirmed(hosts[0], found, fact.decision_id), fact)
    assert (await shown(desk, found))["status"] == "confirmed", "nothing carries it on yet"
    return found, fact


async def restored_once(desk: Desk, host: Host, found: dict[str, Any], because: str) -> None:
    """The provider was ordered once to host again what it had suspended by itself, whatever is heard of it later."""
    await desk.deliver(lapsed(host, found, "decision_fell"))
    after = await shown(desk, found)
    assert (after["status"], after["ended_because"]) == ("lapsed", because)
    sent = [Order.model_validate(opened(each["jws"])) for each in (await desk.feed(host))["orders"]]
    (restore,) = [order for order in sent if order.emergency_id == UUID(found["id"])]
    assert (restore.action, str(restore.order_id)) == ("restore", after["restore_id"])
    assert restore.site.site_id is not None


async def test_it_goes_on_with_its_decisions_order_only_once_that_is_out(slow_desk: Desk) -> None:
    host = await slow_desk.host()
    found, fact = await carried_on(slow_desk, host)
    await slow_desk.close_window(*await slow_desk.orders(host))
    assert (await shown(slow_desk, found))["status"] == "replaced"
    await slow_desk.deliver(undone(fact))
    await restored_once(slow_desk, host, found, "decision_fell")
    assert [each["action"] for each in await slow_desk.orders(host)] == ["suspend", "restore", "restore"], "once each"


@pytest.mark.parametrize(
    ("how", "because"),
    [("undone", "decision_fell"), ("withdrawn", "order_not_sent"), ("over", "order_not_sent"),
     ("late", "order_not_sent"), ("fell", "decision_fell")],
)  # fmt: skip
async def test_where_its_decisions_order_is_never_sent_the_site_comes_back(
    slow_desk: Desk, how: str, because: str
) -> None:
    host, other = await slow_desk.host(), await slow_desk.host()
    found, fact = await carried_on(slow_desk, host, other)
    elsewhere = await report(slow_desk, other)
    await slow_desk.deliver(confirmed(other, elsewhere, fact.decision_id))
    (order,) = await slow_desk.orders(host)
    if how == "undone":
        await slow_desk.deliver(undone(fact))
    elif how == "withdrawn":
        await slow_desk.act(f"/orders/{order['id']}/withdrawal", WHY, "desk-a")
        assert (await shown(slow_desk, elsewhere))["status"] == "confirmed", "the other order still comes"
    elif how == "over":
        slow_desk.clock.advance(timedelta(days=31))
        await slow_desk.ring("lapse", order["id"])
    elif how == "late":
        slow_desk.clock.advance(timedelta(days=31))
        await slow_desk.close_window(order)
    await restored_once(slow_desk, host, found, because)
    await slow_desk.deliver(undone(fact))
    await restored_once(slow_desk, other, elsewhere, "decision_fell")
    assert len(await slow_desk.facts("order.released.v1")) == 2


async def test_sent_again_after_its_emergency_ended_an_order_is_taken_back_like_any_other(slow_desk: Desk) -> None:
    host = await slow_desk.host()
    found, fact = await carried_on(slow_desk, host)
    (order,) = await slow_desk.orders(host)
    await slow_desk.act(f"/orders/{order['id']}/withdrawal", WHY, "desk-a")
    await slow_desk.close_window(await slow_desk.send_again(order["id"]))
    await slow_desk.deliver(undone(fact))
    await restored_once(slow_desk, host, found, "order_not_sent")
    actions = [opened(each["jws"])["action"] for each in (await slow_desk.feed(host))["orders"]]
    assert actions == ["restore", "suspend", "restore"]


async def test_while_its_order_waits_in_a_queue_it_is_confirmed_and_comes_back_with_it(desk: Desk) -> None:
    host = await desk.host(daily_capacity=1)
    await desk.cut_off(host)
    found, fact = await carried_on(desk, host)
    assert [each["status"] for each in await desk.orders(host)] == ["released", "queued"]
    await desk.deliver(undone(fact))
    await restored_once(desk, host, found, "decision_fell")


async def test_a_supervisor_whose_objection_is_right_gives_the_site_back(desk: Desk) -> None:
    network = await desk.network()
    found, _ = await carried_on(desk, network)
    path = f"/instructions/{(await desk.instruction())['id']}"
    await desk.act(f"{path}/objection", WHY, supervisor())
    await desk.act(f"{path}/answer", {**WHY, "answer": "upheld"}, "desk-a")
    await restored_once(desk, network, found, "order_not_sent")


@pytest.mark.parametrize("window", [0, 75])
@pytest.mark.parametrize("heard", list(permutations(["confirmed", "carried_out", "undone"])), ids="-".join)
async def test_in_whatever_order_it_is_heard_nothing_stays_dark(
    open_desk: OpenDesk, window: int, heard: tuple[str, ...]
) -> None:
    async with open_desk(withdraw_window_s=window) as desk:
        host = await desk.host()
        found = await report(desk, host)
        fact = carried_out(host, effect="suspend_access")
        facts = {"confirmed": confirmed(host, found, fact.decision_id), "carried_out": fact, "undone": undone(fact)}
        await desk.deliver(*(facts[each] for each in heard))
        await restored_once(desk, host, found, "decision_fell")
        assert (await desk.state(host))["in_force"] == 0


async def test_an_upheld_objection_is_no_end_of_what_is_confirmed_only_then(desk: Desk) -> None:
    """Its order went out and came back before: what confirms it now is carried on by nothing."""
    host = await desk.host()
    found = await report(desk, host)
    fact = carried_out(host, effect="suspend_access")
    await desk.deliver(fact)
    await desk.answer(host, "contested")
    (order,) = await desk.orders(host)
    await desk.act(f"/orders/{order['id']}/answer", {**WHY, "answer": "upheld"}, "desk-a")
    await desk.deliver(confirmed(host, found, fact.decision_id))
    await restored_once(desk, host, found, "order_not_sent")


async def test_what_another_process_did_not_see_is_not_restored_twice(desk: Desk) -> None:
    """Its order is out although it stands as confirmed."""
    host = await desk.host()
    found = await report(desk, host)
    fact = carried_out(host, effect="suspend_access")
    await desk.deliver(confirmed(host, found, fact.decision_id), fact)
    async with desk.rt.db.transaction() as tx:
        await tx.execute("UPDATE emergency SET status = 'confirmed'")
    await desk.deliver(lapsed(host, found, "decision_fell"))
    assert (await shown(desk, found))["status"] == "replaced", "its order stands"
    await desk.deliver(undone(fact))
    await restored_once(desk, host, found, "decision_fell")
    assert [each["action"] for each in await desk.orders(host)] == ["suspend", "restore", "restore"]


async def test_withdrawn_undone_and_lapsed_at_once_it_is_restored_once(slow_desk: Desk) -> None:
    for _ in range(4):
        host = await slow_desk.host()
        found, fact = await carried_on(slow_desk, host)
        (order,) = await slow_desk.orders(host)
        await asyncio.gather(
            slow_desk.api.post(f"/orders/{order['id']}/withdrawal", json=WHY, who="desk-a"),
            slow_desk.close_window(order),
            slow_desk.deliver(undone(fact)),
            slow_desk.deliver(lapsed(host, found, "decision_fell")),
        )
        assert (await shown(slow_desk, found))["status"] == "lapsed"
        sent = [opened(each["jws"]) for each in (await slow_desk.feed(host))["orders"]]
        restores = [each["emergency_id"] for each in sent if each["action"] == "restore"]
        assert restores == ([None] if len(sent) > len(restores) else []) + [found["id"]]
        assert (await slow_desk.state(host))["in_force"] == 0


@pytest.mark.parametrize("kind", ["cause", "order", "decision", "site", "provider", "instruction"])
async def test_an_id_that_is_something_elses_is_refused(desk: Desk, kind: str) -> None:
    host = await desk.host()
    await desk.cut_off(host, await desk.network())
    order = opened((await desk.feed(host))["orders"][0]["jws"])
    ids = {
        "cause": order["cause"]["id"], "order": order["order_id"], "decision": order["decision_id"],
        "site": order["site"]["site_id"], "provider": host.id, "instruction": (await desk.instruction())["id"],
    }  # fmt: skip
    refused = await report(desk, host, signed(host, emergency_id=ids[kind]), 409)
    assert refused["code"] == "emergency_id_taken"


async def test_an_id_that_an_execution_bears_later_keeps_nobody_from_hosting_again(desk: Desk) -> None:
    host, other = await desk.host(), await desk.host()
    fact = carried_out(host, other)
    found = await report(desk, host, signed(host, emergency_id=str(fact.execution_id), host="other.example"))
    await desk.deliver(fact, lapsed(host, found))
    await desk.deliver(undone(fact))
    assert [each["action"] for each in await desk.orders(host)] == ["cut_off", "restore", "restore"]
    assert [each["action"] for each in await desk.orders(other)] == ["cut_off", "restore"]
    assert (await desk.state(host))["in_force"] == (await desk.state(other))["in_force"] == 0


async def test_what_went_on_with_an_order_ends_by_a_restore_of_its_own_beside_the_orders(desk: Desk) -> None:
    """The order's restore undoes that order alone, and its provider had suspended the name by its own hand before."""
    host = await desk.host()
    found = await report(desk, host)
    fact = carried_out(host, effect="suspend_access")
    await desk.deliver(confirmed(host, found, fact.decision_id), fact)
    await desk.answer(host, "contested")
    (order,) = await desk.orders(host)
    await desk.act(f"/orders/{order['id']}/answer", {**WHY, "answer": "upheld"}, "desk-a")
    await restored_once(desk, host, found, "order_not_sent")
    first, second = [opened(each["jws"]) for each in (await desk.feed(host))["orders"]][1:]
    assert (first["undoes"], second["emergency_id"]) == (order["id"], found["id"])
    await desk.deliver(undone(fact))
    assert len(await desk.orders(host)) == 3


async def test_where_nothing_is_heard_of_it_in_time_the_site_comes_back_all_the_same(desk: Desk) -> None:
    host = await desk.host()
    found = await report(desk, host)
    (clock,) = await desk.rows("SELECT due_at FROM deadline WHERE kind = $1", UNHEARD)
    assert clock["due_at"] == SINCE + timedelta(hours=73)
    await desk.ring(UNHEARD, found["id"])
    after = await shown(desk, found)
    assert (after["status"], after["ended_because"]) == ("lapsed", "not_confirmed")
    assert [each["action"] for each in await desk.orders(host)] == ["restore"]
    fact = carried_out(host, effect="suspend_access")
    await desk.deliver(lapsed(host, found), confirmed(host, found, fact.decision_id), fact)
    assert [each["action"] for each in await desk.orders(host)] == ["restore", "suspend"], "an order comes all the same"
    await desk.ring(UNHEARD, found["id"])
    assert len(await desk.orders(host)) == 2


async def test_what_was_confirmed_in_time_its_own_end_leaves_alone(desk: Desk) -> None:
    host = await desk.host()
    found = await report(desk, host)
    await desk.deliver(confirmed(host, found, uuid4()))
    await desk.ring(UNHEARD, found["id"])
    assert (await shown(desk, found))["status"] == "confirmed"


async def test_what_a_decision_stopped_and_an_appeal_gave_back_its_host_does_not_take_away_by_itself(
    desk: Desk,
) -> None:
    host, other = await desk.host(), await desk.host()
    fact = carried_out(host)
    await desk.deliver(fact)
    (order,) = await desk.orders(host)
    await desk.deliver(undone(fact))
    name = order["site"]["hosts"][0]
    for again in (name, f"www.{name}"):
        refused = await report(desk, host, signed(host, host=again), 409)
        assert (refused["code"], refused["order_id"]) == ("emergency_given_back", order["id"])
    await report(desk, host, signed(host, host="elsewhere.example"))
    await report(desk, other, signed(other, host=name))
    desk.clock.advance(timedelta(days=31))
    await report(desk, host, signed(host, host=name, since=(desk.clock.now() - timedelta(hours=1)).isoformat()))
