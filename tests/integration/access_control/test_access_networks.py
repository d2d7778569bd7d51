"""Public-interest networks: their supervisor is instructed, and two of its people issue the order (P3.4)."""

import json
from dataclasses import replace
from datetime import timedelta
from types import MappingProxyType
from typing import Any

import pytest

from access_control.service.sending import INSTRUCTED, RELEASE_WINDOW
from shared import signing
from shared.contracts.orders import INSTRUCTION_TYPE, ORDER_TYPE, Instruction
from tests.integration.access_control.conftest import OpenDesk
from tests.integration.access_control.desk import (
    NOON,
    SUPERVISOR,
    WHY,
    Desk,
    Host,
    carried_out,
    later,
    opened,
    supervisor,
    undone,
)
from tests.support.service import Who

A, B = supervisor("a"), supervisor("b")
UPHELD, REJECTED = ({**WHY, "answer": answer} for answer in ("upheld", "rejected"))


async def instructed(desk: Desk) -> tuple[Host, Any, dict[str, Any]]:
    """A network, what was carried out, and the instruction to its supervisor."""
    network = await desk.network()
    fact = carried_out(network)
    await desk.deliver(fact)
    return network, fact, await desk.instruction()


async def test_p3_4_two_people_of_the_supervisor_order_their_network_and_receipts_go_back_through_both(
    desk: Desk,
) -> None:
    network, fact, instruction = await instructed(desk)
    (order,) = await desk.orders()
    assert (order["status"], order["sequence"], order["instruction_id"]) == ("instructed", None, instruction["id"])
    assert (await desk.feed(network))["head"] == 0
    path = f"/instructions/{instruction['id']}"
    acknowledged = await desk.act(f"{path}/acknowledgement", None, A)
    assert (acknowledged["status"], acknowledged["acknowledged_at"] is not None) == ("acknowledged", True)
    issued = await desk.act(f"{path}/issue", None, B)
    assert issued["status"] == "issued"
    (entry,) = (await desk.feed(network))["orders"]
    keys = (await desk.api.get("/.well-known/jwks.json")).json()["keys"]
    own = signing.KeyRing([key for key in keys if key["organisation"] == SUPERVISOR])
    document = json.loads(own.verify(entry["jws"], ORDER_TYPE).payload)
    assert (document["issuer"]["id"], document["authority"]["id"]) == (SUPERVISOR, fact.grounds.authority.id)
    assert (await desk.answer(network))["order_status"] == "executed"
    for who in (A, "regulator-a"):
        seen = await desk.api.get(f"/orders/{order['id']}", who=who)
        assert [receipt["outcome"] for receipt in seen.json()["receipts"]] == ["executed"]
    assert await desk.open_deadlines(INSTRUCTED) == []


async def test_the_instruction_is_signed_by_the_regulator_and_says_everything(desk: Desk) -> None:
    network, fact, instruction = await instructed(desk)
    keys = (await desk.api.get("/.well-known/jwks.json")).json()["keys"]
    own = signing.KeyRing([key for key in keys if key["organisation"] == "industry-110000"])
    document = Instruction.model_validate_json(own.verify(instruction["jws"], INSTRUCTION_TYPE).payload)
    assert (str(document.instruction_id), str(document.provider_id)) == (instruction["id"], network.id)
    assert (document.regulator, document.supervisor.id) == (fact.regulator, SUPERVISOR)
    assert (document.grounds, document.issue_by) == (fact.grounds.public(), later(24 * 3600))


async def test_the_supervisors_clock_is_its_own_and_not_its_networks(desk: Desk) -> None:
    rules = desk.rt.rules
    longer = replace(rules.clocks["instruct_supervisor"], amount=72)
    object.__setattr__(
        desk.rt, "rules", replace(rules, clocks=MappingProxyType({**rules.clocks, "instruct_supervisor": longer}))
    )
    network, _, instruction = await instructed(desk)
    assert instruction["issue_by"] == later(72 * 3600).isoformat().replace("+00:00", "Z")
    await desk.act(f"/instructions/{instruction['id']}/acknowledgement", None, A)
    await desk.act(f"/instructions/{instruction['id']}/issue", None, B)
    (entry,) = (await desk.feed(network))["orders"]
    assert opened(entry["jws"])["execute_by"].startswith(later(24 * 3600).isoformat()[:19])


async def test_after_it_is_issued_the_order_waits_out_its_window(slow_desk: Desk) -> None:
    network, _, instruction = await instructed(slow_desk)
    assert await slow_desk.open_deadlines(RELEASE_WINDOW) == []
    path = f"/instructions/{instruction['id']}"
    await slow_desk.act(f"{path}/acknowledgement", None, A)
    await slow_desk.act(f"{path}/issue", None, B)
    (order,) = await slow_desk.orders()
    assert (order["status"], order["release_at"]) == ("drafted", later(75).isoformat().replace("+00:00", "Z"))
    await slow_desk.close_window(order)
    assert (await slow_desk.feed(network))["head"] == 1


async def test_one_person_does_not_issue_alone_and_no_program_does(desk: Desk) -> None:
    _, _, instruction = await instructed(desk)
    path = f"/instructions/{instruction['id']}"
    early = await desk.api.post(f"{path}/issue", who=B)
    assert (early.status_code, early.json()["code"]) == (409, "action_refused")
    await desk.act(f"{path}/acknowledgement", None, A)
    again = await desk.api.post(f"{path}/acknowledgement", who=B)
    assert (again.status_code, again.json()["code"]) == (409, "action_refused")
    alone = await desk.api.post(f"{path}/issue", who=A)
    assert (alone.status_code, alone.json()["code"]) == (409, "second_person_required")
    robot = ("robot", {"organisation": SUPERVISOR, "roles": ["network_supervisor"], "client_id": "robot"})
    program = await desk.api.post(f"{path}/issue", who=robot)
    assert (program.status_code, program.json()["code"]) == (403, "person_required")
    await desk.act(f"{path}/issue", None, B)
    twice = await desk.api.post(f"{path}/issue", who=supervisor("c"))
    assert (twice.status_code, twice.json()["code"]) == (409, "action_refused")


@pytest.mark.parametrize("who", ["regulator-a", "desk-a", "auditor", "drugs-a", supervisor("x", "commerce")])
async def test_nobody_else_acts_for_the_supervisor(desk: Desk, who: Who) -> None:
    _, _, instruction = await instructed(desk)
    path = f"/instructions/{instruction['id']}"
    for verb, body in (("acknowledgement", None), ("issue", None), ("objection", WHY)):
        assert (await desk.api.post(f"{path}/{verb}", json=body, who=who)).status_code == 403
    for outsider in (A, "drugs-a", ("desk-a", {"region": "310000"})):
        assert (await desk.api.post(f"{path}/answer", json=UPHELD, who=outsider)).status_code == 403


async def test_an_instruction_is_read_by_both_ends_and_audited(desk: Desk) -> None:
    _, _, instruction = await instructed(desk)
    readers: list[tuple[Who, int]] = [
        (A, 1), ("regulator-a", 1), ("desk-a", 1), ("auditor", 1), (supervisor("x", "commerce"), 0),
        ("national-a", 0), (("regulator-a", {"region": "310000"}), 0),
    ]  # fmt: skip
    for who, count in readers:
        assert len((await desk.api.get("/instructions", who=who)).json()["items"]) == count
        one = await desk.api.get(f"/instructions/{instruction['id']}", who=who)
        assert one.status_code == (200 if count else 403)
    assert (await desk.api.get("/instructions", who="drugs-a")).status_code == 403
    (row,) = await desk.rows("SELECT count(*) FROM audit WHERE act = 'see_instruction' AND outcome = 'granted'")
    assert row[0] == 1 + len(readers) + 4


async def test_an_objection_that_is_upheld_ends_it_and_is_told(desk: Desk) -> None:
    network, _, instruction = await instructed(desk)
    path = f"/instructions/{instruction['id']}"
    objected = await desk.act(f"{path}/objection", WHY, A)
    assert (objected["status"], objected["objection"]) == ("objected", WHY["reasons"])
    answered = await desk.act(f"{path}/answer", UPHELD, "regulator-a")
    assert (answered["status"], answered["answer"]["answer"]) == ("withdrawn", "upheld")
    (order,) = await desk.orders()
    assert order["status"] == "withdrawn"
    story = [fact["type"] for fact in await desk.facts() if fact["type"].startswith("order.")]
    assert story == ["order.contested.v1", "order.answered.v1", "order.withdrawn.v1"]
    assert (await desk.feed(network))["head"] == 0


async def test_a_rejected_objection_goes_back_with_its_clock_and_two_people_are_needed_anew(
    desk: Desk,
) -> None:
    _, _, instruction = await instructed(desk)
    path = f"/instructions/{instruction['id']}"
    await desk.act(f"{path}/acknowledgement", None, A)
    await desk.act(f"{path}/objection", WHY, A)
    desk.clock.advance(timedelta(hours=3))
    answered = await desk.act(f"{path}/answer", REJECTED, "regulator-a")
    assert (answered["status"], answered["acknowledged_at"]) == ("received", None)
    assert answered["issue_by"] == later(27 * 3600).isoformat().replace("+00:00", "Z")
    again = await desk.api.post(f"{path}/answer", json=REJECTED, who="regulator-a")
    assert (again.status_code, again.json()["code"]) == (409, "action_refused")
    await desk.act(f"{path}/acknowledgement", None, B)
    await desk.act(f"{path}/issue", None, A)


async def test_an_overdue_instruction_goes_back_up_to_the_regulator_once(desk: Desk) -> None:
    network, _, instruction = await instructed(desk)
    desk.clock.advance(timedelta(hours=25))
    for _ in range(2):
        await desk.ring(INSTRUCTED, instruction["id"])
    assert (await desk.instruction())["overdue"] is True
    (fact,) = await desk.facts("order.overdue.v1")
    assert (fact["data"]["escalated"], fact["data"]["sequence"]) == (True, None)
    await desk.act(f"/instructions/{instruction['id']}/acknowledgement", None, A)
    await desk.act(f"/instructions/{instruction['id']}/issue", None, B)
    assert (await desk.feed(network))["head"] == 1, "late is better than never"


async def test_an_instruction_that_was_issued_is_not_overdue_however_late_its_clock_rings(desk: Desk) -> None:
    _, _, instruction = await instructed(desk)
    await desk.act(f"/instructions/{instruction['id']}/acknowledgement", None, A)
    await desk.act(f"/instructions/{instruction['id']}/issue", None, B)
    await desk.ring(INSTRUCTED, instruction["id"])
    assert (await desk.instruction())["overdue"] is False
    assert await desk.facts("order.overdue.v1") == []


async def test_undone_before_it_is_issued_nothing_ever_goes_out(desk: Desk) -> None:
    network, fact, instruction = await instructed(desk)
    await desk.deliver(undone(fact))
    assert (await desk.instruction())["status"] == "withdrawn"
    assert [order["status"] for order in await desk.orders()] == ["withdrawn"]
    late = await desk.api.post(f"/instructions/{instruction['id']}/acknowledgement", who=A)
    assert (late.status_code, late.json()["code"]) == (409, "action_refused")
    assert await desk.open_deadlines(INSTRUCTED) == []
    assert (await desk.feed(network))["head"] == 0


async def test_undone_afterwards_the_restore_waits_for_nobody(slow_desk: Desk) -> None:
    network, fact, instruction = await instructed(slow_desk)
    path = f"/instructions/{instruction['id']}"
    await slow_desk.act(f"{path}/acknowledgement", None, A)
    await slow_desk.act(f"{path}/issue", None, B)
    (order,) = await slow_desk.orders()
    await slow_desk.close_window(order)
    await slow_desk.deliver(undone(fact))
    assert (await slow_desk.feed(network))["head"] == 2
    _, restore = await slow_desk.orders()
    assert (restore["issuer"]["id"], restore["kid"].split("-")[0]) == (SUPERVISOR, SUPERVISOR)
    assert (await slow_desk.state(network))["in_force"] == 0


async def test_the_regulator_takes_an_instruction_back_and_two_others_give_it_again(desk: Desk) -> None:
    _, _, instruction = await instructed(desk)
    (order,) = await desk.orders()
    await desk.act(f"/orders/{order['id']}/withdrawal", WHY, "desk-a")
    assert (await desk.instruction())["status"] == "withdrawn"
    again = await desk.send_again(order["id"])
    assert (again["status"], again["attempt"]) == ("instructed", 2)
    second = await desk.instruction()
    assert (second["order_id"], second["status"]) == (again["id"], "received")
    assert second["id"] != instruction["id"]


async def test_a_network_keeps_its_supervisor_who_is_instructed_anew(desk: Desk) -> None:
    network, _, _ = await instructed(desk)
    (order,) = await desk.orders()
    await desk.act(f"/orders/{order['id']}/withdrawal", WHY, "desk-a")
    body = {"name": "Network", "contact": "noc@network.example", "supervisor": None}
    changed = await desk.api.put(f"/providers/{network.id}", json=body, version=1, who="desk-a")
    assert (changed.status_code, changed.json()["supervisor"]["id"]) == (200, "education")
    again = await desk.send_again(order["id"])
    assert (again["issuer"]["id"], again["status"]) == ("education", "instructed")
    assert (await desk.feed(network))["head"] == 0


async def test_a_suspension_that_ends_on_the_supervisors_desk_is_taken_back(open_desk: OpenDesk) -> None:
    async with open_desk(withdraw_window_s=0) as desk:
        network = await desk.network()
        await desk.deliver(carried_out(network, effect="suspend_access", until=(NOON + timedelta(hours=1)).isoformat()))
        (order,) = await desk.orders()
        desk.clock.advance(timedelta(hours=2))
        await desk.ring("lapse", order["id"])
        assert (await desk.instruction())["status"] == "withdrawn"
        assert (await desk.feed(network))["head"] == 0
