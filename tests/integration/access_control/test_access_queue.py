"""No more orders go out to a provider in a day than it can carry out; the others wait, and everybody sees where."""

import asyncio
import json
import random
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import asyncpg
import pytest

from access_control.consumer import DEADLINES
from access_control.service.queue import PLACE
from access_control.service.sending import EXECUTION, LAPSE
from shared import signing
from shared.contracts import examples
from shared.contracts.registry import ExecutionCarriedOutV1
from shared.runtime.acts.documents import IssuerHasNoKey
from shared.runtime.clocks.ticks import TickWorker
from tests.integration.access_control.conftest import OpenDesk
from tests.integration.access_control.desk import (
    NOON,
    UNTIL_S,
    WHY,
    Desk,
    Host,
    carried_out,
    later,
    licence,
    undone,
)
from tests.integration.runtime.world import until

DAY = timedelta(days=1)


def decided(host: Host, minutes: int, **change: Any) -> ExecutionCarriedOutV1:
    """Carried out now, decided so many minutes before noon."""
    return carried_out(host, decided_at=(NOON - timedelta(minutes=minutes)).isoformat(), **change)


async def queue(desk: Desk, host: Host, **params: Any) -> dict[str, Any]:
    """As anybody reads it."""
    answer = await desk.api.get(f"/providers/{host.id}/queue", params=params)
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


@asynccontextmanager
async def kept(desk: Desk, query: str, *values: Any) -> AsyncIterator[Callable[[int], Awaitable[None]]]:
    """Meanwhile a row is held by somebody else; the function returns when so many sessions wait for a lock."""
    holder, watcher = await asyncpg.connect(desk.dsn), await asyncpg.connect(desk.dsn)
    waiting = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"

    async def waited(sessions: int) -> None:
        async def wait() -> bool:
            return bool(await watcher.fetchval(waiting) >= sessions)

        await until(wait, what=f"{sessions} wait for a lock")

    try:
        async with holder.transaction():
            await holder.execute(query, *values)
            yield waited
    finally:
        await holder.close()
        await watcher.close()


async def order_of(desk: Desk, fact: ExecutionCarriedOutV1) -> dict[str, Any]:
    """The newest order of an execution."""
    return (await desk.orders(execution_id=fact.execution_id))[-1]


async def bound(desk: Desk, host: Host, capacity: int | None, **change: Any) -> None:
    """The desk enters what the provider declares."""
    shown = (await desk.api.get(f"/providers/{host.id}", who="desk-a")).json()
    body = {"name": shown["name"], "contact": shown["contact"], "daily_capacity": capacity, **change}
    headers = {"If-Match": f'"{shown["version"]}"'}
    answer = await desk.api.put(f"/providers/{host.id}", json=body, headers=headers, who="desk-a")
    assert answer.status_code == 200, answer.text


async def test_beyond_its_day_orders_wait_unsigned_and_without_a_clock(desk: Desk) -> None:
    host, other = await desk.host(daily_capacity=2), await desk.host()
    facts = [decided(host, minutes) for minutes in (40, 30, 20, 10)]
    await desk.deliver(*facts)
    await desk.cut_off(other, sites=4)
    assert (await desk.feed(host))["head"] == 2
    assert (await desk.feed(other))["head"] == 4, "who declares no bound has none"
    third, fourth = [await order_of(desk, fact) for fact in facts[2:]]
    assert [(each["status"], each["position"], each["sequence"]) for each in (third, fourth)] == [
        ("queued", 1, None), ("queued", 2, None),
    ]  # fmt: skip
    assert third["execute_by"] is None
    clocks = {str(each) for each in await desk.open_deadlines(EXECUTION)}
    assert not clocks & {third["id"], fourth["id"]}
    told = [each["data"] for each in await desk.facts("order.queued.v1")]
    assert [(each["position"], each["order_id"]) for each in told] == [(1, third["id"]), (2, fourth["id"])]
    assert "2 in 24 hours" in told[0]["reasons"]


async def test_everybody_reads_the_queue_and_nobody_reads_there_which_site_it_is(desk: Desk) -> None:
    host = await desk.host(daily_capacity=1)
    facts = [decided(host, minutes) for minutes in (40, 30, 20)]
    await desk.deliver(*facts)
    found = await queue(desk, host)
    assert (found["daily_capacity"], found["waiting"], found["opens_at"]) == (1, 2, "2026-11-21T04:00:00Z")
    waiting = [await order_of(desk, fact) for fact in facts[1:]]
    assert [each["order_id"] for each in found["orders"]] == [each["id"] for each in waiting]
    assert set(found["orders"][0]) == {
        "position", "order_id", "action", "urgent", "decided_at", "waits_since", "until",
    }  # fmt: skip
    assert [each["position"] for each in (await queue(desk, host, after=1))["orders"]] == [2]
    answer = await desk.api.get(f"/orders/{waiting[0]['id']}", who=host.who)
    assert answer.status_code == 404, "the order itself is not its provider's before it went out"


async def test_a_day_after_it_was_filled_one_goes_out_by_itself_and_its_clock_starts_then(desk: Desk) -> None:
    host = await desk.host(daily_capacity=1)
    facts = [decided(host, minutes) for minutes in (30, 20, 10)]
    await desk.deliver(*facts)
    desk.clock.advance(DAY - timedelta(seconds=1))
    await desk.ring(PLACE, host.id)
    assert (await desk.feed(host))["head"] == 1, "too early, whoever rings"
    desk.clock.advance(timedelta(seconds=1))
    await desk.ring(PLACE, host.id)
    second, third = [await order_of(desk, fact) for fact in facts[1:]]
    assert (second["status"], second["issued_at"]) == ("released", "2026-11-21T04:00:00Z")
    assert second["execute_by"] == "2026-11-22T04:00:00Z"
    assert (third["status"], third["position"]) == ("queued", 1)
    await desk.ring(PLACE, host.id)
    assert (await desk.feed(host))["head"] == 2
    assert [str(each) for each in await desk.open_deadlines(PLACE)] == [host.id]


async def test_who_goes_next_follows_from_the_decisions_urgent_ones_first(desk: Desk) -> None:
    host = await desk.host(daily_capacity=1)
    await desk.cut_off(host)
    late, early = decided(host, 10), decided(host, 50)
    urgent, older = decided(host, 5, urgent_ground="fraud"), decided(host, 6, urgent_ground="fraud")
    await desk.deliver(late, early, urgent, older)
    listed = [each["order_id"] for each in (await queue(desk, host))["orders"]]
    assert listed == [(await order_of(desk, fact))["id"] for fact in (older, urgent, early, late)]
    desk.clock.advance(DAY)
    await desk.ring(PLACE, host.id)
    assert (await order_of(desk, older))["status"] == "released"


async def test_whoever_comes_while_others_wait_does_not_pass_them_although_a_place_is_free(desk: Desk) -> None:
    host = await desk.host(daily_capacity=1)
    await desk.cut_off(host)
    first, second = decided(host, 20), decided(host, 10)
    await desk.deliver(first)
    desk.clock.advance(DAY)
    await desk.deliver(second)
    assert (await order_of(desk, second))["position"] == 2
    await desk.ring(PLACE, host.id)
    assert [(await order_of(desk, fact))["status"] for fact in (first, second)] == ["released", "queued"]


async def test_a_restore_waits_for_nobody_and_takes_no_place(desk: Desk) -> None:
    host = await desk.host(daily_capacity=2)
    out = decided(host, 30)
    await desk.deliver(out, decided(host, 20))
    waiting = decided(host, 10)
    await desk.deliver(waiting)
    await desk.deliver(undone(out))
    restore = await order_of(desk, out)
    assert (restore["action"], restore["status"]) == ("restore", "released")
    assert (await order_of(desk, waiting))["position"] == 1, "what went out counts, also when it was taken back"
    desk.clock.advance(DAY)
    await desk.ring(PLACE, host.id)
    assert (await order_of(desk, waiting))["status"] == "released"
    await desk.deliver(undone(waiting))
    fresh, more = decided(host, 1), decided(host, 0)
    await desk.deliver(fresh, more)
    assert [(await order_of(desk, fact))["status"] for fact in (fresh, more)] == ["released", "queued"]


async def test_a_restore_that_waits_cannot_be_written(desk: Desk) -> None:
    host = await desk.host()
    (fact,) = await desk.cut_off(host)
    await desk.deliver(undone(fact))
    sql = (
        "UPDATE access_order SET status = 'queued', sequence = NULL, issued_at = NULL, execute_by = NULL, jws = NULL,"
        " digest = NULL, kid = NULL WHERE action = $1"
    )
    with pytest.raises(asyncpg.CheckViolationError, match="restores_wait_for_nobody"):
        await desk.rows(sql, "restore")


async def test_what_is_undone_while_it_waits_is_never_sent_and_everybody_hears_it(desk: Desk) -> None:
    host = await desk.host(daily_capacity=1)
    await desk.cut_off(host)
    waiting, behind = decided(host, 20), decided(host, 10)
    await desk.deliver(waiting, behind, undone(waiting))
    (order,) = await desk.orders(execution_id=waiting.execution_id)
    assert (order["status"], order["position"]) == ("withdrawn", None)
    assert (await order_of(desk, behind))["position"] == 1
    told = (await desk.facts("order.withdrawn.v1"))[0]["data"]
    assert (told["order_id"], told["sequence"]) == (order["id"], None)
    desk.clock.advance(DAY)
    await desk.ring(PLACE, host.id)
    assert (await order_of(desk, behind))["status"] == "released"
    assert (await desk.feed(host))["head"] == 2


async def test_its_issuer_takes_back_what_waits_and_sent_again_it_has_the_place_of_its_decision(desk: Desk) -> None:
    host = await desk.host(daily_capacity=1)
    await desk.cut_off(host)
    early, late = decided(host, 50), decided(host, 10)
    await desk.deliver(early, late)
    order = await order_of(desk, early)
    await desk.act(f"/orders/{order['id']}/withdrawal", WHY, "desk-a")
    assert (await order_of(desk, late))["position"] == 1
    again = await desk.send_again(order["id"])
    assert (again["status"], again["attempt"], again["position"]) == ("queued", 2, 1)
    assert (await order_of(desk, late))["position"] == 2


async def test_the_end_of_a_suspension_does_not_move_and_what_ends_while_it_waits_is_never_sent(desk: Desk) -> None:
    host = await desk.host(daily_capacity=1)
    await desk.cut_off(host)
    fact = decided(host, 10, effect="suspend_access")
    await desk.deliver(fact)
    order = await order_of(desk, fact)
    assert (order["status"], order["until"]) == ("queued", later(UNTIL_S).isoformat().replace("+00:00", "Z"))
    desk.clock.advance(timedelta(seconds=UNTIL_S))
    await desk.ring(LAPSE, order["id"])
    assert (await order_of(desk, fact))["status"] == "withdrawn"
    told = (await desk.facts("order.withdrawn.v1"))[0]["data"]
    assert told["reasons"] == "The time that the decision set is over."
    await desk.ring(PLACE, host.id)
    assert (await desk.feed(host))["head"] == 1


async def test_a_place_that_is_free_at_the_very_end_of_a_suspension_sends_nothing(desk: Desk) -> None:
    host = await desk.host(daily_capacity=1)
    await desk.cut_off(host)
    fact = decided(host, 10, effect="suspend_access")
    await desk.deliver(fact)
    desk.clock.advance(timedelta(seconds=UNTIL_S))
    await desk.ring(PLACE, host.id)
    assert (await order_of(desk, fact))["status"] == "withdrawn"
    assert (await desk.feed(host))["head"] == 1


async def test_a_lower_capacity_recalls_nothing_and_a_higher_one_lets_the_next_go_at_once(desk: Desk) -> None:
    host = await desk.host(daily_capacity=2)
    facts = [decided(host, minutes) for minutes in (50, 40, 30, 20)]
    await desk.deliver(*facts)
    await bound(desk, host, 1)
    assert [order["status"] for order in await desk.orders(host)] == ["released", "released", "queued", "queued"]
    await bound(desk, host, None, contact="filings@other.example")
    assert (await queue(desk, host))["daily_capacity"] == 1, "who changes a contact lifts no bound"
    await bound(desk, host, 3)
    (due,) = await desk.rows("SELECT due_at FROM deadline WHERE kind = $1 AND met_at IS NULL", PLACE)
    assert due["due_at"] == NOON, "at once"
    await desk.ring(PLACE, host.id)
    assert [order["status"] for order in await desk.orders(host)] == ["released"] * 3 + ["queued"]
    await desk.ring(PLACE, host.id)
    assert (await order_of(desk, facts[3]))["status"] == "queued", "three, and no more"
    rows = await desk.rows("SELECT why FROM history WHERE aggregate = 'provider' AND action = 'change' ORDER BY id")
    assert [row["why"].partition("Orders a day: ")[2] for row in rows] == ["2, now 1.", "", "1, now 3."]


@pytest.mark.parametrize("capacity", [0, -1, 1_000_001])
async def test_a_provider_can_carry_out_at_least_one_a_day(desk: Desk, capacity: int) -> None:
    body = {
        "name": "Example", "licence": licence("京ICP证099998号"), "region": "110000", "kind": "access_provider",
        "contact": "filings@hosting.example", "daily_capacity": capacity,
    }  # fmt: skip
    answer = await desk.api.post("/providers", json=body, who="desk-a")
    assert answer.status_code == 422


async def test_several_that_come_at_once_do_not_all_take_the_last_place(slow_desk: Desk) -> None:
    host = await slow_desk.host(daily_capacity=1)
    await slow_desk.cut_off(host, sites=4)
    async with kept(slow_desk, "SELECT FROM provider WHERE id = $1 FOR UPDATE", host.id) as waited:
        closing = [asyncio.create_task(slow_desk.close_window(order)) for order in await slow_desk.orders(host)]
        await waited(len(closing))
    await asyncio.gather(*closing)
    assert sorted(order["status"] for order in await slow_desk.orders(host)) == ["queued"] * 3 + ["released"]


async def test_an_urgent_one_that_comes_while_the_next_is_waited_for_goes_first(desk: Desk) -> None:
    host = await desk.host(daily_capacity=1)
    await desk.cut_off(host)
    first, urgent = decided(host, 50), decided(host, 1, urgent_ground="fraud")
    await desk.deliver(first)
    desk.clock.advance(DAY)
    async with kept(desk, "SELECT FROM execution WHERE id = $1 FOR UPDATE", first.execution_id) as waited:
        ringing = asyncio.create_task(desk.ring(PLACE, host.id))
        await waited(1)
        await desk.deliver(urgent)
    await ringing
    assert [(await order_of(desk, fact))["status"] for fact in (first, urgent)] == ["queued", "queued"]
    await desk.ring(PLACE, host.id)
    assert [(await order_of(desk, fact))["status"] for fact in (first, urgent)] == ["queued", "released"]


async def test_whoever_has_no_key_does_not_stand_before_those_who_wait(open_desk: OpenDesk, tmp_path: Path) -> None:
    file = tmp_path / "one.json"
    key = {**signing.generate_key(kid="bj"), "organisation": "industry-110000"}
    file.write_text(json.dumps({"keys": [key]}))
    ministry = {**examples.REGULATOR, "id": "industry", "level": "national", "region": None}
    async with open_desk(signing_keys_file=file, signing_keys_generate=False) as desk:
        host = await desk.host(daily_capacity=1)
        await desk.cut_off(host)
        early = decided(host, 50, regulator=ministry)
        await desk.deliver(early)
        first, second = await desk.orders(host)
        await desk.close_window(first)
        with pytest.raises(IssuerHasNoKey):
            await desk.close_window(second)
        assert (await order_of(desk, early))["status"] == "drafted"


async def test_whoever_lost_its_key_keeps_its_place_and_those_behind_it_go_on(
    open_desk: OpenDesk, tmp_path: Path
) -> None:
    ministry = {**examples.REGULATOR, "id": "industry", "level": "national", "region": None}
    keys = [{**signing.generate_key(kid=each), "organisation": each} for each in ("industry-110000", "industry")]
    file = tmp_path / "two.json"
    file.write_text(json.dumps({"keys": keys}))
    async with open_desk(signing_keys_file=file, signing_keys_generate=False, withdraw_window_s=0) as desk:
        host = await desk.host(daily_capacity=1)
        await desk.cut_off(host)
        mute, behind, waiting = decided(host, 50, regulator=ministry), decided(host, 40), decided(host, 30)
        gone = decided(host, 60, regulator=ministry)
        await desk.deliver(gone, mute, behind)
        file.write_text(json.dumps({"keys": keys[:1]}))
        await desk.deliver(undone(gone))
        desk.clock.advance(DAY)
        await desk.ring(PLACE, host.id)
        assert [(await order_of(desk, fact))["status"] for fact in (mute, behind)] == ["queued", "released"]
        (listed,) = (await queue(desk, host))["orders"]
        assert listed["order_id"] == (await order_of(desk, mute))["id"], "everybody sees it as before"
        desk.clock.advance(DAY)
        with pytest.raises(IssuerHasNoKey, match="industry"):
            await desk.ring(PLACE, host.id)
        await desk.deliver(waiting)
        assert (await order_of(desk, waiting))["status"] == "released", "nobody waits behind whoever cannot go"
        await desk.ring(PLACE, host.id)
        assert (await queue(desk, host))["opens_at"] == "2026-11-23T04:00:00Z"
        desk.clock.advance(DAY)
        file.write_text(json.dumps({"keys": keys}))
        later_one = decided(host, 5)
        await desk.deliver(later_one)
        assert (await order_of(desk, later_one))["position"] == 2, "it has its turn again, whoever comes"
        await desk.ring(PLACE, host.id)
        assert [(await order_of(desk, fact))["status"] for fact in (mute, later_one)] == ["released", "queued"]


async def test_two_workers_that_ring_at_once_send_one(desk: Desk) -> None:
    host = await desk.host(daily_capacity=1)
    await desk.cut_off(host, sites=4)
    desk.clock.advance(DAY)
    await asyncio.gather(*(desk.ring(PLACE, host.id) for _ in range(3)))
    assert [order["status"] for order in await desk.orders(host)].count("released") == 2


async def test_a_place_and_what_takes_an_order_back_meet_and_it_is_either_sent_and_restored_or_never_sent(
    desk: Desk,
) -> None:
    host = await desk.host(daily_capacity=1)
    await desk.cut_off(host)
    fact = decided(host, 10)
    await desk.deliver(fact)
    desk.clock.advance(DAY)
    await asyncio.gather(desk.ring(PLACE, host.id), desk.deliver(undone(fact)))
    found = [(order["action"], order["status"]) for order in await desk.orders(execution_id=fact.execution_id)]
    assert found in ([("cut_off", "withdrawn")], [("cut_off", "superseded"), ("restore", "released")])


async def test_the_tick_worker_lets_them_go_one_after_another(desk: Desk) -> None:
    host = await desk.host(daily_capacity=1)
    await desk.cut_off(host, sites=5)
    await bound(desk, host, 5)
    worker = TickWorker(desk.rt, {PLACE: DEADLINES[PLACE]}, skew_limit_s=1e9)
    assert [await worker.tick() for _ in range(6)] == [1, 1, 1, 1, 0, 0]
    assert [order["status"] for order in await desk.orders(host)] == ["released"] * 5
    assert await desk.open_deadlines(PLACE) == []


@pytest.mark.parametrize("seed", range(4))
async def test_whatever_happens_the_day_is_never_overfilled_nobody_waits_for_nothing_and_turns_are_kept(
    desk: Desk, seed: int
) -> None:
    chance, host, capacity, standing = random.Random(seed), await desk.host(daily_capacity=2), 2, list[Any]()

    async def sent() -> int:
        since = desk.clock.now() - DAY
        sql = "SELECT count(*) FROM access_order WHERE provider_id = $1 AND issued_at > $2 AND action <> 'restore'"
        return int((await desk.rows(sql, UUID(host.id), since))[0][0])

    for _ in range(40):
        match chance.choice(["decide", "decide", "decide", "undo", "withdraw", "capacity", "later"]):
            case "decide":
                urgent = {"urgent_ground": "fraud"} if chance.random() < 0.3 else {}
                effect = chance.choice(["revoke", "suspend_access"])
                standing.append(decided(host, chance.randrange(1000), effect=effect, **urgent))
                await desk.deliver(standing[-1])
            case "undo" if standing:
                await desk.deliver(undone(standing.pop(chance.randrange(len(standing)))))
            case "withdraw" if waiting := (await queue(desk, host))["orders"]:
                await desk.act(f"/orders/{chance.choice(waiting)['order_id']}/withdrawal", WHY, "desk-a")
            case "capacity":
                capacity = chance.randint(1, 4)
                await bound(desk, host, capacity)
            case "later":
                desk.clock.advance(timedelta(hours=chance.randint(1, 30)))
        while True:
            before = (await queue(desk, host))["orders"]
            used = await sent()
            await desk.ring(PLACE, host.id)
            after = (await queue(desk, host))["orders"]
            if before == after:
                break
            assert used < capacity
            assert [each["order_id"] for each in after] == [each["order_id"] for each in before[1:]]
        assert not after or await sent() >= capacity, "nobody waits although a place is free"
        turns = [(not each["urgent"], each["decided_at"]) for each in after]
        assert turns == sorted(turns)
        assert len(await desk.open_deadlines(PLACE)) == bool(after)
