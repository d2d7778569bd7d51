"""The issuer's verbs: send again, answer an objection, accept, escalate; and suspensions that end (model: orders)."""

from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from typing import Any

import pytest

from access_control.service.sending import EXECUTION, LAPSE, RELEASE_WINDOW
from tests.integration.access_control.conftest import OpenDesk
from tests.integration.access_control.desk import (
    NOON,
    UNTIL_S,
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

UPHELD, REJECTED, ACCEPTED = ({**WHY, "answer": answer} for answer in ("upheld", "rejected", "accepted"))


async def objected(desk: Desk, outcome: str = "contested", effect: str = "revoke") -> tuple[Host, dict[str, Any]]:
    """A provider, and the order that it objects to."""
    host = await desk.host()
    await desk.deliver(carried_out(host, effect=effect))
    await desk.answer(host, outcome)
    (order,) = await desk.orders(host)
    return host, order


async def withdrawn(desk: Desk) -> tuple[Host, dict[str, Any]]:
    host = await desk.host()
    await desk.cut_off(host)
    (order,) = await desk.orders(host)
    return host, await desk.act(f"/orders/{order['id']}/withdrawal", WHY, "desk-a")


async def test_an_upheld_objection_is_taken_back_by_a_restore_and_told(desk: Desk) -> None:
    host, order = await objected(desk)
    answered = await desk.act(f"/orders/{order['id']}/answer", UPHELD, "regulator-a")
    assert (answered["status"], answered["answer"]["reasons"]) == ("upheld", WHY["reasons"])
    _, restore = await desk.orders(host)
    assert (restore["action"], restore["status"], restore["undoes"]) == ("restore", "released", order["id"])
    document = opened((await desk.feed(host))["orders"][1]["jws"])
    assert (document["authority"]["id"], document["statement"]["reasons"]) == ("industry-110000", WHY["reasons"])
    (fact,) = await desk.facts("order.answered.v1")
    assert (fact["data"]["answer"], fact["data"]["order_id"]) == ("upheld", order["id"])
    assert fact["subject"] == order["execution_id"]
    assert (await desk.state(host))["in_force"] == 0
    assert [str(each) for each in await desk.open_deadlines(EXECUTION)] == [restore["id"]]


async def test_what_was_upheld_is_not_restored_a_second_time_when_its_execution_is_undone(desk: Desk) -> None:
    host = await desk.host()
    (fact,) = await desk.cut_off(host)
    await desk.answer(host, "contested")
    (order,) = await desk.orders(host)
    await desk.act(f"/orders/{order['id']}/answer", UPHELD, "desk-a")
    await desk.deliver(undone(fact))
    assert [each["status"] for each in await desk.orders(host)] == ["upheld", "released"]


async def test_a_rejected_objection_lets_the_clock_go_on(desk: Desk) -> None:
    host, order = await objected(desk)
    desk.clock.advance(timedelta(hours=10))
    answered = await desk.act(f"/orders/{order['id']}/answer", REJECTED, "desk-a")
    assert answered["status"] == "received"
    assert answered["execute_by"] == later(34 * 3600).isoformat().replace("+00:00", "Z")
    (row,) = await desk.rows("SELECT suspended_at, due_at FROM deadline WHERE kind = 'execute'")
    assert tuple(row) == (None, later(34 * 3600))
    (fact,) = await desk.facts("order.answered.v1")
    assert (fact["data"]["answer"], fact["data"]["reasons"]) == ("rejected", WHY["reasons"])
    assert (await desk.feed(host))["head"] == 1
    assert (await desk.answer(host))["order_status"] == "executed"


async def test_what_was_rejected_can_become_overdue_again(desk: Desk) -> None:
    _, order = await objected(desk)
    await desk.act(f"/orders/{order['id']}/answer", REJECTED, "desk-a")
    await desk.let_pass(order["id"])
    assert (await desk.order(order["id"]))["overdue"] is True


async def test_accepting_that_it_is_impossible_ends_the_clock(desk: Desk) -> None:
    host, order = await objected(desk, "impossible")
    answered = await desk.act(f"/orders/{order['id']}/answer", ACCEPTED, "regulator-b")
    assert answered["status"] == "accepted"
    assert await desk.open_deadlines(EXECUTION) == []
    assert (await desk.facts("order.answered.v1"))[0]["data"]["answer"] == "accepted"
    assert (await desk.feed(host))["head"] == 1
    assert (await desk.answer(host))["order_status"] == "executed", "it could be done after all"


@pytest.mark.parametrize("outcome", ["impossible", "contested"])
async def test_the_clock_of_a_restore_runs_whatever_its_provider_objects(desk: Desk, outcome: str) -> None:
    host = await desk.host()
    (fact,) = await desk.cut_off(host)
    await desk.answer(host)
    await desk.deliver(undone(fact))
    restore = (await desk.orders(host))[1]
    await desk.answer(host, outcome, sequence=2)
    await desk.let_pass(restore["id"])
    late = await desk.order(restore["id"])
    assert (late["status"], late["overdue"]) == (outcome, True)
    assert [each["data"]["order_id"] for each in await desk.facts("order.overdue.v1")] == [restore["id"]]
    escalated = await desk.act(f"/orders/{restore['id']}/escalation", WHY, "desk-a")
    assert escalated["escalated_at"] is not None
    assert (await desk.act(f"/orders/{restore['id']}/answer", REJECTED, "desk-a"))["status"] == "received"
    assert (await desk.answer(host, sequence=2))["order_status"] == "executed"


async def test_a_burden_that_its_provider_objects_to_is_not_escalated_while_its_clock_stands_still(desk: Desk) -> None:
    host = await desk.host()
    await desk.cut_off(host)
    (order,) = await desk.orders(host)
    await desk.let_pass(order["id"])
    await desk.answer(host, "impossible")
    assert "escalate" not in (await desk.order(order["id"]))["allowed_actions"]
    answer = await desk.api.post(f"/orders/{order['id']}/escalation", json=WHY, who="desk-a")
    assert (answer.status_code, answer.json()["code"]) == (409, "not_overdue")


@pytest.mark.parametrize(
    ("outcome", "body", "status"),
    [
        (None, UPHELD, 409), (None, REJECTED, 409), (None, ACCEPTED, 409),
        ("executed", UPHELD, 409), ("impossible", UPHELD, 409), ("contested", ACCEPTED, 409),
        ("impossible", REJECTED, 200),
    ],
)  # fmt: skip
async def test_only_what_was_objected_is_answered_and_only_fittingly(
    desk: Desk, outcome: str | None, body: dict[str, str], status: int
) -> None:
    host = await desk.host()
    await desk.cut_off(host)
    (order,) = await desk.orders()
    if outcome:
        await desk.answer(host, outcome)
    before = await desk.order(order["id"])
    answer = await desk.api.post(f"/orders/{order['id']}/answer", json=body, who="desk-a")
    assert answer.status_code == status
    if status == 409:
        assert answer.json()["code"] == "action_refused"
        assert await desk.order(order["id"]) == before


async def test_an_objection_is_answered_once(desk: Desk) -> None:
    _, order = await objected(desk)
    path = f"/orders/{order['id']}/answer"
    await desk.act(path, UPHELD, "desk-a")
    again = await desk.api.post(path, json=REJECTED, who="desk-a")
    assert (again.status_code, again.json()["code"]) == (409, "action_refused")


@pytest.mark.parametrize(("outcome", "body"), [("contested", UPHELD), ("impossible", ACCEPTED)])
async def test_nobody_agrees_that_a_site_which_should_be_back_stays_away(
    desk: Desk, outcome: str, body: dict[str, str]
) -> None:
    host = await desk.host()
    (fact,) = await desk.cut_off(host)
    await desk.deliver(undone(fact))
    await desk.answer(host, outcome)
    _, restore = await desk.orders(host)
    assert restore["allowed_actions"] == ["reject"]
    answer = await desk.api.post(f"/orders/{restore['id']}/answer", json=body, who="desk-a")
    assert (answer.status_code, answer.json()["code"]) == (409, "restore_stands")


async def test_a_withdrawn_order_is_sent_again_by_two_people_neither_of_whom_took_it_back(slow_desk: Desk) -> None:
    host, order = await withdrawn(slow_desk)
    ask, send = (f"/orders/{order['id']}/{verb}" for verb in ("reissue-request", "reissue"))

    async def refused(path: str, who: Who) -> tuple[int, str]:
        answer = await slow_desk.api.post(path, json=WHY, who=who)
        return answer.status_code, answer.json()["code"]

    two = (409, "second_person_required")
    assert await refused(send, "regulator-a") == (409, "not_asked"), "that she took it back is no signature for this"
    assert await refused(ask, "desk-a") == two
    assert await refused(ask, ("regulator-a", {"person": "desk-a"})) == two, "another account of hers"
    asked = await slow_desk.act(ask, WHY, "regulator-a")
    assert (asked["status"], asked["reissue_reasons"]) == ("withdrawn", WHY["reasons"])
    assert await refused(ask, "regulator-b") == (409, "asked_already")
    for who in ("regulator-a", "desk-a", ("regulator-b", {"person": "regulator-a"})):
        assert await refused(send, who) == two
    new = await slow_desk.act(send, WHY, "regulator-b", 201)
    assert (new["status"], new["attempt"], new["reissues"]) == ("drafted", 2, order["id"])
    assert (new["site"], new["cause"]) == (order["site"], order["cause"])
    (row,) = await slow_desk.rows("SELECT asked_by, reissued_by, taken_back_by FROM access_order WHERE attempt = 2")
    assert tuple(row) == ("regulator-a", "regulator-b", "desk-a")
    await slow_desk.close_window(new)
    (entry,) = (await slow_desk.feed(host))["orders"]
    assert (opened(entry["jws"])["attempt"], entry["sequence"]) == (2, 1)
    (fact,) = await slow_desk.facts("order.released.v1")
    assert fact["data"]["attempt"] == 2


@pytest.mark.parametrize("verb", ["reissue-request", "reissue"])
async def test_a_program_sends_nothing_again(slow_desk: Desk, verb: str) -> None:
    _, order = await withdrawn(slow_desk)
    program: Who = ("regulator-a", {"sub": "robot", "client_id": "robot"})
    answer = await slow_desk.api.post(f"/orders/{order['id']}/{verb}", json=WHY, who=program)
    assert (answer.status_code, answer.json()["code"]) == (403, "person_required")


async def test_an_order_is_sent_again_once_and_only_if_it_was_withdrawn(slow_desk: Desk) -> None:
    _, order = await withdrawn(slow_desk)
    new = await slow_desk.send_again(order["id"])
    for verb in ("reissue-request", "reissue"):
        again = await slow_desk.api.post(f"/orders/{order['id']}/{verb}", json=WHY, who=("desk-a", {"sub": "desk-b"}))
        said = again.json()
        assert (again.status_code, said["code"], said["order_id"]) == (409, "reissued_already", new["id"])
        drafted = await slow_desk.api.post(f"/orders/{new['id']}/{verb}", json=WHY, who="regulator-b")
        assert (drafted.status_code, drafted.json()["code"]) == (409, "action_refused")
    await slow_desk.act(f"/orders/{new['id']}/withdrawal", WHY, "regulator-b")
    third = await slow_desk.send_again(new["id"], "regulator-a", "desk-a")
    assert third["attempt"] == 3


async def test_what_is_undone_is_not_sent_again(slow_desk: Desk) -> None:
    host = await slow_desk.host()
    (fact,) = await slow_desk.cut_off(host)
    (order,) = await slow_desk.orders()
    await slow_desk.act(f"/orders/{order['id']}/withdrawal", WHY, "desk-a")
    await slow_desk.deliver(undone(fact))
    for verb in ("reissue-request", "reissue"):
        answer = await slow_desk.api.post(f"/orders/{order['id']}/{verb}", json=WHY, who="regulator-a")
        assert (answer.status_code, answer.json()["code"]) == (409, "undone")
    assert await slow_desk.open_deadlines(RELEASE_WINDOW) == []


async def test_undoing_takes_back_every_attempt(slow_desk: Desk) -> None:
    host = await slow_desk.host()
    (fact,) = await slow_desk.cut_off(host)
    (order,) = await slow_desk.orders()
    await slow_desk.act(f"/orders/{order['id']}/withdrawal", WHY, "desk-a")
    new = await slow_desk.send_again(order["id"])
    await slow_desk.close_window(new)
    await slow_desk.deliver(undone(fact))
    assert [(each["action"], each["status"]) for each in await slow_desk.orders()] == [
        ("cut_off", "withdrawn"), ("cut_off", "superseded"), ("restore", "released"),
    ]  # fmt: skip
    assert (await slow_desk.state(host))["in_force"] == 0


async def test_an_overdue_order_is_escalated_once(desk: Desk) -> None:
    host = await desk.host()
    await desk.cut_off(host)
    (order,) = await desk.orders()
    path = f"/orders/{order['id']}/escalation"
    early = await desk.api.post(path, json=WHY, who="regulator-a")
    assert (early.status_code, early.json()["code"]) == (409, "not_overdue")
    await desk.let_pass(order["id"])
    assert "escalate" in (await desk.order(order["id"]))["allowed_actions"]
    escalated = await desk.act(path, WHY, "regulator-a")
    assert escalated["escalated_at"] is not None
    again = await desk.api.post(path, json=WHY, who="regulator-b")
    assert (again.status_code, again.json()["code"]) == (409, "not_overdue")
    assert [fact["data"]["escalated"] for fact in await desk.facts("order.overdue.v1")] == [False, True]


@pytest.mark.parametrize(
    "who", ["drugs-a", "auditor", "review-a", ("regulator-a", {"region": "310000"}), "national-a", supervisor()]
)
@pytest.mark.parametrize(
    ("verb", "body"), [("answer", UPHELD), ("escalation", WHY), ("reissue-request", WHY), ("reissue", WHY)]
)
async def test_nobody_but_the_issuer_acts_on_an_order(desk: Desk, who: Who, verb: str, body: dict[str, str]) -> None:
    host, order = await objected(desk)
    for each in (who, host.who):
        answer = await desk.api.post(f"/orders/{order['id']}/{verb}", json=body, who=each)
        assert answer.status_code == 403
    assert (await desk.order(order["id"]))["status"] == "contested"


async def test_what_can_be_done_is_what_this_person_may_do(slow_desk: Desk) -> None:
    _, order = await withdrawn(slow_desk)

    async def allowed(who: Who) -> Any:
        return (await slow_desk.api.get(f"/orders/{order['id']}", who=who)).json()["allowed_actions"]

    assert await allowed("desk-a") == []
    assert await allowed("regulator-a") == await allowed("regulator-b") == ["ask_reissue"]
    assert await allowed("auditor") == []
    await slow_desk.act(f"/orders/{order['id']}/reissue-request", WHY, "regulator-a")
    assert (await allowed("desk-a"), await allowed("regulator-a"), await allowed("regulator-b")) == (
        [],
        [],
        ["reissue"],
    )


# -- suspensions ---------------------------------------------------------------------------------------------------


async def suspended(desk: Desk, outcome: str | None = None) -> tuple[Host, Any, dict[str, Any]]:
    host = await desk.host()
    fact = carried_out(host, effect="suspend_access")
    await desk.deliver(fact)
    if outcome:
        await desk.answer(host, outcome)
    (order,) = await desk.orders()
    return host, fact, order


async def test_a_suspension_says_when_it_ends(desk: Desk) -> None:
    """Defect 33: it has an end, and a clock."""
    host, _, order = await suspended(desk)
    document = opened((await desk.feed(host))["orders"][0]["jws"])
    end = later(UNTIL_S).isoformat().replace("+00:00", "Z")
    assert (document["action"], document["until"], order["until"]) == ("suspend", end, end)
    assert document["execute_by"] == later(24 * 3600).isoformat().replace("+00:00", "Z")
    assert [str(each) for each in await desk.open_deadlines(LAPSE)] == [order["id"]]
    (fact,) = await desk.facts("order.released.v1")
    assert fact["data"]["until"] == end


@pytest.mark.parametrize("outcome", [None, "received", "executed", "impossible", "contested"])
@pytest.mark.parametrize("lapse_first", [True, False])
async def test_the_end_and_its_undoing_come_in_any_order(desk: Desk, outcome: str | None, lapse_first: bool) -> None:
    host, fact, order = await suspended(desk, outcome)

    async def lapse() -> None:
        await desk.ring(LAPSE, order["id"])

    async def undo() -> None:
        await desk.deliver(undone(fact, because="lapsed"))

    both: list[Callable[[], Awaitable[None]]] = [lapse, undo] if lapse_first else [undo, lapse]
    for each in (*both, *both):
        await each()
    over = "executed" if outcome == "executed" else "lapsed" if lapse_first else "superseded"
    suspend, restore = await desk.orders(host)
    assert (suspend["status"], restore["action"], restore["undoes"]) == (over, "restore", suspend["id"])
    assert (await desk.state(host))["in_force"] == 0
    assert [str(each) for each in await desk.open_deadlines(EXECUTION)] == [restore["id"]]
    assert await desk.open_deadlines(LAPSE) == [], "nothing is left to end"


async def test_a_suspension_that_is_taken_back_or_upheld_has_no_end_any_more(desk: Desk, slow_desk: Desk) -> None:
    _, _, order = await suspended(slow_desk)
    await slow_desk.act(f"/orders/{order['id']}/withdrawal", WHY, "desk-a")
    assert await slow_desk.open_deadlines(LAPSE) == []
    _, _, contested = await suspended(desk, "contested")
    await desk.act(f"/orders/{contested['id']}/answer", UPHELD, "regulator-a")
    assert await desk.open_deadlines(LAPSE) == []


async def test_a_suspension_whose_time_is_over_is_not_sent_again(slow_desk: Desk) -> None:
    _, _, order = await suspended(slow_desk)
    await slow_desk.act(f"/orders/{order['id']}/withdrawal", WHY, "desk-a")
    await slow_desk.act(f"/orders/{order['id']}/reissue-request", WHY, "regulator-a")
    slow_desk.clock.advance(timedelta(seconds=UNTIL_S))
    for verb, who in (("reissue-request", "regulator-b"), ("reissue", "regulator-b")):
        answer = await slow_desk.api.post(f"/orders/{order['id']}/{verb}", json=WHY, who=who)
        assert (answer.status_code, answer.json()["code"]) == (409, "undone")
    assert len(await slow_desk.orders()) == 1


async def test_a_suspension_that_lapsed_stays_in_force_at_its_provider_until_the_restore(desk: Desk) -> None:
    host, _, order = await suspended(desk)
    await desk.ring(LAPSE, order["id"])
    assert (await desk.state(host))["in_force"] == 1
    result = await desk.answer(host)
    assert (result["status"], result["order_status"]) == ("recorded", "lapsed")
    assert await desk.facts("order.executed.v1") == []


async def test_a_suspension_whose_time_is_over_in_its_window_never_goes_out(slow_desk: Desk) -> None:
    host, fact, order = await suspended(slow_desk)
    await slow_desk.ring(LAPSE, order["id"])
    await slow_desk.close_window(order)
    await slow_desk.deliver(undone(fact, because="lapsed"))
    assert [each["status"] for each in await slow_desk.orders()] == ["withdrawn"]
    assert (await slow_desk.feed(host))["head"] == 0


async def test_a_suspension_that_is_heard_of_too_late_never_goes_out(open_desk: OpenDesk) -> None:
    async with open_desk(withdraw_window_s=0) as desk:
        host = await desk.host()
        fact = carried_out(host, effect="suspend_access", until=(NOON - timedelta(seconds=1)).isoformat())
        await desk.deliver(fact)
        assert [each["status"] for each in await desk.orders()] == ["withdrawn"]
        assert (await desk.feed(host))["head"] == 0


@pytest.mark.parametrize("outcome", ["impossible", "contested"])
async def test_an_objection_that_was_rejected_can_be_made_again_and_the_clock_stands_still_again(
    desk: Desk, outcome: str
) -> None:
    host, order = await objected(desk, outcome)
    (sent,) = (await desk.feed(host))["orders"]
    (first,) = (await desk.order(order["id"]))["receipts"]
    for _ in range(2):
        desk.clock.advance(timedelta(hours=1))
        await desk.act(f"/orders/{order['id']}/answer", REJECTED, "desk-a")
        desk.clock.advance(timedelta(hours=1))
        again = {"at": desk.clock.now().isoformat()}
        (old,) = await desk.post(host, host.receipt(sent, outcome, receipt_id=first["receipt_id"], **again))
        assert (old["status"], old["code"]) == ("refused", "receipt_id_reused"), "nobody is told that it was taken"
        twice = host.batch(host.receipt(sent, outcome, receipt_id=first["receipt_id"]), note="another document")
        (same,) = (await desk.hand_in(host, twice)).json()["results"]
        assert same["code"] == "receipt_replayed", "what was said before the answer is no new objection"
        (anew,) = await desk.post(host, host.receipt(sent, outcome, **again))
        assert (anew["status"], anew["code"], anew["order_status"]) == ("recorded", None, outcome)
        (clock,) = await desk.rows("SELECT suspended_at FROM deadline WHERE kind = 'execute'")
        assert clock["suspended_at"] == desk.clock.now()


async def test_what_lay_on_the_topic_in_time_does_not_count_against_its_provider(desk: Desk) -> None:
    """The desk was away when the delay passed: its clock waits until the receipts are read."""
    host = await desk.host()
    await desk.cut_off(host, sites=2)
    answered, silent = await desk.orders()
    desk.reads = False
    for order in (answered, silent):
        desk.clock.advance(timedelta(hours=25))
        await desk.ring(EXECUTION, order["id"])
        assert (await desk.order(order["id"]))["overdue"] is False
    assert len(await desk.open_deadlines(EXECUTION)) == 2
    await desk.answer(host, sequence=1)  # read from the topic now
    desk.reads = True
    for order in (answered, silent):
        await desk.ring(EXECUTION, order["id"])
    assert [each["overdue"] for each in await desk.orders()] == [False, True]


async def test_a_topic_that_nobody_reads_stops_no_clock_for_long(desk: Desk) -> None:
    host = await desk.host()
    await desk.cut_off(host)
    (order,) = await desk.orders()
    desk.reads = False
    desk.clock.advance(timedelta(hours=25))
    for _ in range(15):
        await desk.ring(EXECUTION, order["id"])
        assert (await desk.order(order["id"]))["overdue"] is False
        desk.clock.advance(timedelta(minutes=1))
    await desk.ring(EXECUTION, order["id"])
    assert (await desk.order(order["id"]))["overdue"] is True


async def test_an_objection_under_its_old_id_is_not_passed_over_where_its_providers_clock_is_slow(desk: Desk) -> None:
    host, order = await objected(desk, "contested")
    (sent,) = (await desk.feed(host))["orders"]
    (first,) = (await desk.order(order["id"]))["receipts"]
    desk.clock.advance(timedelta(hours=4))
    await desk.act(f"/orders/{order['id']}/answer", REJECTED, "desk-a")
    desk.clock.advance(timedelta(hours=1))
    slow = (desk.clock.now() - timedelta(hours=2)).isoformat()
    (old,) = await desk.post(host, host.receipt(sent, "contested", receipt_id=first["receipt_id"], at=slow))
    assert (old["status"], old["code"]) == ("refused", "receipt_id_reused")


async def test_whose_objection_was_read_after_an_outage_of_ours_has_its_time_when_it_is_told_no(desk: Desk) -> None:
    host = await desk.host()
    await desk.cut_off(host)
    (order,) = await desk.orders(host)
    desk.reads = False
    await desk.let_pass(order["id"])
    await desk.answer(host, "contested")  # it lay on the topic since the fourth hour
    desk.clock.advance(timedelta(hours=15))
    answered = await desk.act(f"/orders/{order['id']}/answer", REJECTED, "desk-a")
    assert datetime.fromisoformat(answered["execute_by"]) == desk.clock.now() + timedelta(hours=24)
    desk.clock.advance(timedelta(hours=23))
    (due,) = await desk.rows("SELECT due_at FROM deadline WHERE kind = 'execute' AND met_at IS NULL")
    assert due["due_at"] > desk.clock.now()
    await desk.let_pass(order["id"])
    desk.reads = True
    await desk.ring(EXECUTION, order["id"])
    assert (await desk.order(order["id"]))["overdue"] is True
