"""A name of a measure is another site's by now: told before anything goes out, or not meant any more (ADR 26)."""

import asyncio
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import pytest

from access_control.errors import NotReplacedYet
from access_control.service import orders
from access_control.service.overlaps import SPARE, TOGETHER, TOLD_FIRST, UNANSWERED, UNANSWERED_DARK
from access_control.service.queue import PLACE
from shared.contracts.orders import OrderedSite
from shared.contracts.registry import ExecutionCarriedOutV1, MeasureOverlappedV1
from shared.runtime.base.ids import uuid7
from tests.integration.access_control.desk import (
    REGULATOR,
    SECOND,
    WHY,
    Desk,
    Host,
    carried_out,
    found,
    later,
    opened,
    undone,
)
from tests.integration.runtime.world import until
from tests.support.people import person

BLOG, NEWS = "blog.pharmacy.example", "news.pharmacy.example"
DAY_S = 86_400.0


def overlapped(
    fact: ExecutionCarriedOutV1, *names: str, told_first: bool = False, **change: Any
) -> MeasureOverlappedV1:
    """What the register says when these names have become another site's."""
    return MeasureOverlappedV1.model_validate({
        **MeasureOverlappedV1.EXAMPLE, "execution_id": fact.execution_id, "decision_id": fact.decision_id,
        "effect": fact.effect, "subject": fact.subject, "overlap_id": uuid7(), "names": names,
        "not_before": later(14 * DAY_S) if told_first else None, **change,
    })  # fmt: skip


async def sent(desk: Desk, host: Host) -> list[dict[str, Any]]:
    """The signed documents that a provider was sent, in its sequence."""
    return [opened(each["jws"]) for each in (await desk.feed(host, limit=500))["orders"]]


async def test_no_order_about_a_found_site_goes_out_before_its_operator_was_told(slow_desk: Desk) -> None:
    desk, host = slow_desk, await slow_desk.host()
    fact = found(host)
    await desk.deliver(fact)
    (order,) = await desk.orders(host)
    assert order["status"] == "drafted"
    met = overlapped(fact, "unregistered.example", told_first=True)
    await desk.deliver(met, met)
    await desk.close_window(order)
    order = await desk.order(order["id"])
    assert (order["status"], order["sequence"]) == ("withdrawn", None)
    assert (await desk.feed(host))["head"] == 0
    refused = await desk.act(f"/orders/{order['id']}/reissue-request", WHY, REGULATOR, 409)
    assert refused["code"] == "not_told_yet"
    assert refused["detail"].find("2026-") > 0
    desk.clock.advance(timedelta(days=15))
    again = await desk.send_again(order["id"])
    assert again["site"]["hosts"] == ["unregistered.example"], "nobody shakes a decision off by registering the name"


async def test_whose_site_it_is_next_holds_nothing_back_for_a_second_time(slow_desk: Desk) -> None:
    desk, host = slow_desk, await slow_desk.host()
    fact = found(host)
    met = overlapped(fact, "unregistered.example", told_first=True)
    await desk.deliver(fact, met)
    (order,) = await desk.orders(host)
    desk.clock.advance(timedelta(days=15))
    again = await desk.send_again(order["id"])
    await desk.deliver(met.model_copy(update={"overlap_id": uuid7()}))
    await desk.close_window(again)
    assert [each["action"] for each in await sent(desk, host)] == ["cut_off"]


async def test_what_is_not_out_is_held_back_however_late_the_overlap_is_heard(slow_desk: Desk) -> None:
    desk, host = slow_desk, await slow_desk.host()
    fact = found(host)
    met = overlapped(fact, "unregistered.example", told_first=True)
    desk.clock.advance(timedelta(days=15))
    await desk.deliver(fact, met)
    (order,) = await desk.orders(host)
    await desk.close_window(order)
    assert (await desk.order(order["id"]))["status"] == "withdrawn", (
        "two persons send it again who know of the operator"
    )
    again = await desk.send_again(order["id"])
    await desk.deliver(met, met.model_copy(update={"overlap_id": uuid7()}))
    await desk.close_window(again)
    assert [each["action"] for each in await sent(desk, host)] == ["cut_off"], "and nobody holds it back a second time"


async def test_whoever_asked_before_it_was_registered_does_not_get_it_sent(slow_desk: Desk) -> None:
    desk, host = slow_desk, await slow_desk.host()
    fact = found(host)
    await desk.deliver(fact)
    (order,) = await desk.orders(host)
    await desk.act(f"/orders/{order['id']}/withdrawal", WHY, "regulator-c")
    await desk.act(f"/orders/{order['id']}/reissue-request", WHY, REGULATOR)
    await desk.deliver(overlapped(fact, "unregistered.example", told_first=True))
    refused = await desk.act(f"/orders/{order['id']}/reissue", WHY, SECOND, 409)
    assert refused["code"] == "not_told_yet"


@pytest.mark.parametrize("late", [False, True])
async def test_whoever_asked_before_it_was_registered_asks_anew_and_no_second_person_sends_it_alone(
    slow_desk: Desk, *, late: bool
) -> None:
    desk, host = slow_desk, await slow_desk.host()
    fact = found(host)
    met = overlapped(fact, "unregistered.example", told_first=True)
    await desk.deliver(fact)
    (order,) = await desk.orders(host)
    await desk.act(f"/orders/{order['id']}/withdrawal", WHY, "regulator-c")
    await desk.act(f"/orders/{order['id']}/reissue-request", WHY, REGULATOR)
    if late:
        desk.clock.advance(timedelta(days=15))
    await desk.deliver(met)
    desk.clock.advance(timedelta(days=15))
    refused = await desk.act(f"/orders/{order['id']}/reissue", WHY, SECOND, 409)
    assert refused["code"] == "not_asked"
    why = "SELECT why FROM history WHERE aggregate_id = $1 AND action = 'drop_request'"
    assert [row["why"] for row in await desk.rows(why, UUID(order["id"]))] == [TOLD_FIRST]
    await desk.act(f"/orders/{order['id']}/reissue-request", WHY, REGULATOR)
    await desk.deliver(met)
    again = await desk.act(f"/orders/{order['id']}/reissue", WHY, SECOND, 201)
    await desk.deliver(met.model_copy(update={"overlap_id": uuid7()}))
    kept = "SELECT reissued_as, reissue_asked_by FROM access_order WHERE id = $1"
    assert [tuple(row) for row in await desk.rows(kept, UUID(order["id"]))] == [(UUID(again["id"]), "regulator-a")]


async def test_what_waits_for_a_place_or_a_supervisor_is_held_back_too(desk: Desk) -> None:
    busy, network = await desk.host(daily_capacity=1), await desk.network()
    await desk.cut_off(busy)
    facts = [found(busy), found(network)]
    await desk.deliver(*facts)
    on_their_way = [(await desk.orders(host))[-1] for host in (busy, network)]
    assert [each["status"] for each in on_their_way] == ["queued", "instructed"]
    await desk.deliver(*(overlapped(fact, "unregistered.example", told_first=True) for fact in facts))
    assert [(await desk.order(each["id"]))["status"] for each in on_their_way] == ["withdrawn", "withdrawn"]
    desk.clock.advance(timedelta(days=2))
    await desk.ring(PLACE, busy.id)
    assert (await desk.feed(busy))["head"] == 1
    assert (await desk.instruction())["status"] == "withdrawn"


async def test_an_order_that_is_out_about_a_found_site_stands(desk: Desk) -> None:
    host = await desk.host()
    fact = found(host)
    await desk.deliver(fact, overlapped(fact, "unregistered.example", told_first=True))
    assert [each["action"] for each in await sent(desk, host)] == ["cut_off"]


async def test_an_order_that_is_not_out_spares_what_is_another_sites_by_now(slow_desk: Desk) -> None:
    desk, host = slow_desk, await slow_desk.host()
    fact = carried_out(host)
    await desk.deliver(fact, overlapped(fact, BLOG))
    (order,) = await desk.orders(host)
    await desk.close_window(order)
    (document,) = await sent(desk, host)
    assert document["site"]["spared"] == ["advice.pharmacy.example", BLOG]
    assert document["site"]["hosts"] == ["pharmacy.example", "xn--fsqu00a.test"]


async def test_an_order_that_is_out_is_replaced_by_one_that_spares_it_before_it_is_taken_back(desk: Desk) -> None:
    host, other = await desk.host(daily_capacity=1), await desk.network()
    fact = carried_out(host, other)
    await desk.deliver(fact)
    instruction = await desk.instruction()
    assert instruction["status"] == "received"
    met = overlapped(fact, BLOG)
    await desk.deliver(met, met)
    first, second, restore = await sent(desk, host)
    assert [each["action"] for each in (first, second, restore)] == ["cut_off", "cut_off", "restore"]
    assert (second["site"]["spared"], second["attempt"]) == (["advice.pharmacy.example", BLOG], 2)
    assert {**second["site"], "spared": first["site"]["spared"]} == first["site"]
    assert (restore["undoes"], second["grounds"]) == (first["order_id"], first["grounds"])
    assert (await sent(desk, other)) == [], "it is with its supervisor still"
    await desk.deliver(overlapped(fact, BLOG, f"deep.{BLOG}"))
    assert len(await sent(desk, host)) == 3, "what is spared is not spared again"
    await desk.deliver(undone(fact))
    last = (await sent(desk, host))[-1]
    assert (last["action"], last["undoes"]) == ("restore", second["order_id"])
    assert len(await sent(desk, host)) == 4


async def test_a_suspension_that_is_replaced_ends_when_it_did(desk: Desk) -> None:
    host = await desk.host()
    fact = carried_out(host, effect="suspend_access")
    await desk.deliver(fact, overlapped(fact, BLOG))
    first, second, _ = await sent(desk, host)
    assert (second["until"], second["action"]) == (first["until"], "suspend")
    open_ends = await desk.open_deadlines("lapse")
    assert [str(each) for each in open_ends] == [second["order_id"]]


async def test_a_name_that_was_decided_about_and_won_its_appeal_is_left_out(desk: Desk) -> None:
    host = await desk.host()
    fact = carried_out(host)
    told = overlapped(fact, "xn--fsqu00a.test", told_first=True)
    await desk.deliver(fact, told, told.model_copy(update={"not_before": None}))
    documents = await sent(desk, host)
    assert [each["action"] for each in documents] == ["cut_off", "cut_off", "restore"]
    assert documents[1]["site"]["hosts"] == ["pharmacy.example"]
    await desk.deliver(overlapped(fact, "pharmacy.example"))
    assert [each["action"] for each in await sent(desk, host)][3:] == ["restore"], "nothing is left to order"


async def test_what_was_taken_back_spares_it_when_it_is_sent_again(slow_desk: Desk) -> None:
    desk, host = slow_desk, await slow_desk.host()
    fact = carried_out(host)
    await desk.deliver(fact)
    (order,) = await desk.orders(host)
    await desk.act(f"/orders/{order['id']}/withdrawal", WHY, "regulator-c")
    await desk.deliver(overlapped(fact, BLOG))
    again = await desk.send_again(order["id"])
    await desk.close_window(again)
    (document,) = await sent(desk, host)
    assert BLOG in document["site"]["spared"]


async def test_what_is_sent_again_at_this_very_moment_is_held_back_as_well(slow_desk: Desk) -> None:
    desk, host = slow_desk, await slow_desk.host()
    fact = found(host)
    await desk.deliver(fact)
    (order,) = await desk.orders(host)
    await desk.act(f"/orders/{order['id']}/withdrawal", WHY, "regulator-c")
    await desk.act(f"/orders/{order['id']}/reissue-request", WHY, REGULATOR)
    async with desk.rt.db.transaction() as tx:
        await orders.reissue(tx, desk.rt, person("regulator-b"), UUID(order["id"]), reasons=WHY["reasons"])
        told = asyncio.create_task(desk.deliver(overlapped(fact, "unregistered.example", told_first=True)))

        async def waits() -> bool:
            return bool(await tx.fetchval("SELECT count(*) FROM pg_locks WHERE NOT granted"))

        await until(waits, what="what is told waits for what is sent")
    await told
    assert [each["status"] for each in await desk.orders(host)] == ["withdrawn", "withdrawn"]


async def test_what_was_carried_out_and_replaced_is_not_replaced_a_second_time(desk: Desk) -> None:
    host = await desk.host()
    fact = carried_out(host)
    await desk.deliver(fact)
    await desk.answer(host)
    await desk.deliver(overlapped(fact, BLOG))
    desk.clock.advance(TOGETHER)
    await desk.deliver(overlapped(fact, NEWS))
    documents = await sent(desk, host)
    assert [(each["action"], each["attempt"]) for each in documents if each["action"] == "cut_off"] == [
        ("cut_off", 1), ("cut_off", 2), ("cut_off", 3),
    ]  # fmt: skip
    assert documents[3]["site"]["spared"] == ["advice.pharmacy.example", BLOG, NEWS]
    await desk.deliver(undone(fact), overlapped(fact, "late.pharmacy.example"))
    assert len(await sent(desk, host)) == 6


@pytest.mark.parametrize("outcomes", [("impossible",), ("partly", "impossible")])
async def test_what_its_issuer_no_longer_expects_may_still_stop_something_and_is_replaced(
    desk: Desk, outcomes: tuple[str, ...]
) -> None:
    host = await desk.host()
    (fact,) = await desk.cut_off(host)
    for outcome in outcomes:
        await desk.answer(host, outcome)
    (order,) = await desk.orders(host)
    await desk.act(f"/orders/{order['id']}/answer", {"answer": "accepted", **WHY}, REGULATOR)
    await desk.deliver(overlapped(fact, BLOG))
    first, second, restore = await sent(desk, host)
    assert second["site"]["spared"] == ["advice.pharmacy.example", BLOG]
    assert (restore["action"], restore["undoes"]) == ("restore", first["order_id"])
    assert (await desk.order(order["id"]))["status"] == "superseded"


async def test_a_list_of_names_that_is_entered_at_once_makes_two_orders_at_each_host(desk: Desk) -> None:
    host, names = await desk.host(daily_capacity=3), [f"{each}.pharmacy.example" for each in "efgh"]
    (fact,) = await desk.cut_off(host)
    await desk.deliver(*(overlapped(fact, name) for name in names))
    first, second, _ = await sent(desk, host)
    assert second["site"]["spared"] == ["advice.pharmacy.example", names[0]], "the first goes at once"
    (waiting,) = await desk.open_deadlines(SPARE)
    assert str(waiting) == second["order_id"]
    await desk.ring(SPARE, waiting)
    assert len(await sent(desk, host)) == 3, "not before its time, which another reason to wait does not shorten"
    desk.clock.advance(TOGETHER)
    await desk.ring(SPARE, waiting)
    third, restore = (await sent(desk, host))[3:]
    assert third["site"]["spared"] == ["advice.pharmacy.example", *names]
    assert (restore["undoes"], third["attempt"]) == (second["order_id"], 3)
    assert {each["undoes"] for each in await sent(desk, host)} == {None, first["order_id"], second["order_id"]}
    await desk.deliver(overlapped(fact, "pharmacy.example", "xn--fsqu00a.test"))
    assert (await sent(desk, host))[-1]["undoes"] == third["order_id"], "where no name is left nothing waits"


async def objected(desk: Desk, *outcomes: str) -> tuple[Host, ExecutionCarriedOutV1, dict[str, Any]]:
    """An order whose provider objects, after it did what it did; then a name below is registered by somebody else."""
    host = await desk.host()
    (fact,) = await desk.cut_off(host)
    for outcome in outcomes:
        await desk.answer(host, outcome)
    await desk.deliver(overlapped(fact, BLOG))
    (order,) = await desk.orders(host)
    return host, fact, order


async def rings_at(desk: Desk, order: dict[str, Any]) -> list[datetime]:
    """When what replaces an order is tried again."""
    rows = await desk.rows(
        "SELECT due_at FROM deadline WHERE kind = $1 AND aggregate_id = $2 AND met_at IS NULL AND breached_at IS NULL",
        SPARE, UUID(order["id"]),
    )  # fmt: skip
    return [row["due_at"] for row in rows]


async def wakes(desk: Desk, order: dict[str, Any]) -> bool:
    """Whether the clock of a replacement fails when it rings, by which somebody is woken."""
    try:
        await desk.ring(SPARE, order["id"])
    except NotReplacedYet:
        return True
    return False


@pytest.mark.parametrize("objection", ["contested", "impossible"])
async def test_an_objection_keeps_its_answer_and_the_name_is_spared_when_it_has_it(desk: Desk, objection: str) -> None:
    host, fact, order = await objected(desk, objection)
    assert [each["action"] for each in await sent(desk, host)] == ["cut_off"], "nothing is ordered anew meanwhile"
    assert order["status"] == objection
    await desk.deliver(overlapped(fact, NEWS))
    assert not await wakes(desk, order)
    await desk.act(f"/orders/{order['id']}/answer", {"answer": "rejected", **WHY}, REGULATOR)
    assert await rings_at(desk, order) == [desk.clock.now() + timedelta(seconds=1)]
    await desk.ring(SPARE, order["id"])
    first, second, restore = await sent(desk, host)
    assert second["site"]["spared"] == ["advice.pharmacy.example", BLOG, NEWS]
    assert (restore["action"], restore["undoes"]) == ("restore", first["order_id"])


async def test_an_upheld_objection_brings_all_back_and_nothing_is_laid_on_again(desk: Desk) -> None:
    host, _, order = await objected(desk, "contested")
    await desk.act(f"/orders/{order['id']}/answer", {"answer": "upheld", **WHY}, REGULATOR)
    await desk.ring(SPARE, order["id"])
    assert [each["action"] for each in await sent(desk, host)] == ["cut_off", "restore"]


@pytest.mark.parametrize("objection", ["contested", "impossible"])
async def test_a_provider_that_gives_way_ends_the_wait_as_an_answer_does(desk: Desk, objection: str) -> None:
    host, _, order = await objected(desk, objection)
    await desk.answer(host)
    assert await rings_at(desk, order) == [desk.clock.now() + timedelta(seconds=1)]
    await desk.ring(SPARE, order["id"])
    assert [each["action"] for each in await sent(desk, host)] == ["cut_off", "cut_off", "restore"]


@pytest.mark.parametrize(
    ("outcomes", "patience"), [(("contested",), UNANSWERED), (("partly", "contested"), UNANSWERED_DARK)]
)
async def test_an_answer_that_does_not_come_wakes_somebody_sooner_where_a_part_may_be_dark(
    desk: Desk, outcomes: tuple[str, ...], patience: timedelta
) -> None:
    host, fact, order = await objected(desk, *outcomes)
    desk.clock.advance(patience - timedelta(seconds=1))
    await desk.deliver(overlapped(fact, NEWS))
    assert not await wakes(desk, order)
    desk.clock.advance(timedelta(seconds=1))
    assert await wakes(desk, order), "counted from when the first name was heard of"
    await desk.deliver(overlapped(fact, "late.pharmacy.example"))
    assert await wakes(desk, order), "and no fact is parked for it"
    assert [each["action"] for each in await sent(desk, host)] == ["cut_off"]
    await desk.act(f"/orders/{order['id']}/answer", {"answer": "rejected", **WHY}, REGULATOR)
    assert not await wakes(desk, order)
    assert [each["action"] for each in await sent(desk, host)] == ["cut_off", "cut_off", "restore"]


async def test_where_no_name_is_left_the_objection_has_what_it_asked_for(desk: Desk) -> None:
    host, fact, order = await objected(desk, "contested")
    await desk.deliver(overlapped(fact, "pharmacy.example", "xn--fsqu00a.test"))
    assert [each["action"] for each in await sent(desk, host)] == ["cut_off", "restore"]
    assert (await desk.order(order["id"]))["status"] == "superseded"


async def test_what_was_taken_back_or_upheld_is_not_ordered_anew(desk: Desk) -> None:
    host = await desk.host()
    facts = await desk.cut_off(host, sites=2)
    await desk.answer(host, "contested", sequence=1)
    await desk.act(f"/orders/{(await desk.orders(host))[0]['id']}/answer", {"answer": "upheld", **WHY}, REGULATOR)
    await desk.deliver(undone(facts[1]))
    before = len(await sent(desk, host))
    await desk.deliver(*(overlapped(fact, BLOG) for fact in facts))
    assert len(await sent(desk, host)) == before


@pytest.mark.parametrize("told_first", [False, True])
async def test_told_while_the_window_closes_it_goes_out_as_it_may_or_not_at_all(
    slow_desk: Desk, *, told_first: bool
) -> None:
    desk, host = slow_desk, await slow_desk.host()
    fact = carried_out(host)
    await desk.deliver(fact)
    (order,) = await desk.orders(host)
    await asyncio.gather(
        desk.deliver(overlapped(fact, BLOG, told_first=told_first)), desk.ring("release", UUID(order["id"]))
    )
    documents = await sent(desk, host)
    undoes = {each["undoes"] for each in documents}
    in_force = [each for each in documents if each["action"] == "cut_off" and each["order_id"] not in undoes]
    if told_first:
        assert len(documents) <= 1, "whoever was first; what is out stands"
    else:
        assert [OrderedSite.model_validate(each["site"]).spared[-1] for each in in_force] == [BLOG]
