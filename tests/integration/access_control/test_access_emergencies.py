"""A provider's own suspension: taken in with its signature, carried on by a decision's order, or restored by itself."""

import asyncio
import hashlib
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import orjson
import pytest

from shared import signing
from shared.contracts.emergencies import EMERGENCY_TYPE, EmergencyConfirmedV1, EmergencyLapsedV1
from shared.contracts.orders import Order
from shared.contracts.receipts import RECEIPTS_TYPE
from tests.integration.access_control.desk import NOON, Desk, Host, carried_out, opened, undone

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
    await desk.api.delete(f"/providers/{host.id}/keys/{host.key['kid']}", who="desk-a")
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
    await desk.deliver(undone(fact))
    assert [each["action"] for each in await desk.orders(host)] == ["suspend", "restore"]


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


async def test_another_providers_site_is_refused_and_nothing_is_restored(desk: Desk) -> None:
    host = await desk.host()
    found = await report(desk, host)
    await desk.deliver(lapsed(host, found, "not_hosted_there"))
    after = await shown(desk, found)
    assert (after["status"], after["ended_because"], after["restore_id"]) == ("refused", "not_hosted_there", None)
    assert await desk.orders() == []


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
