"""How soon sites go and come back is counted by what was recorded here, for everybody."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import date, timedelta
from random import Random
from typing import Any

import httpx
import pytest

from access_control.service import kept_counts
from access_control.service.overlaps import TOGETHER
from access_control.store import statistics
from shared.contracts.registry import ExecutionCarriedOutV1
from tests.integration.access_control.desk import Desk, Host, carried_out, undone
from tests.integration.access_control.test_access_overlaps import overlapped


async def asked(desk: Desk, status: int = 200, **period: Any) -> httpx.Response:
    """What everybody is answered."""
    answer: httpx.Response = await desk.api.get("/orders/statistics", params=period, who=None)
    assert answer.status_code == status, answer.text
    return answer


async def counts(desk: Desk, **period: Any) -> list[dict[str, Any]]:
    desk.rt.state.counts.kept.clear()
    answer = await asked(desk, **period)
    found: list[dict[str, Any]] = answer.json()["providers"]
    return found


@pytest.mark.parametrize(("back", "slower"), [(20, False), (30, False), (40, True)])
async def test_whether_the_way_back_is_slower_is_seen_by_everybody(desk: Desk, back: int, slower: bool) -> None:
    host = await desk.host()
    facts = [carried_out(host) for _ in range(3)]
    await desk.deliver(*facts)
    for sequence, minutes in ((1, 10), (2, 20), (3, 30)):
        desk.clock.advance(timedelta(minutes=minutes))
        await desk.answer(host, sequence=sequence)
    assert [(each["stops"], each["restores"], each["way_back_slower"]) for each in await counts(desk)] == [(3, 0, None)]
    await desk.deliver(undone(facts[0]))
    desk.clock.advance(timedelta(minutes=back))
    # The clock of the provider says otherwise; what counts is when its receipt was recorded.
    (order,) = [each for each in (await desk.feed(host))["orders"] if each["sequence"] == 4]
    await desk.post(host, host.receipt(order, at=(desk.clock.now() - timedelta(minutes=back)).isoformat()))
    (seen,) = await counts(desk)
    assert (seen["provider"], seen["stops_median_minutes"]) == ("Example Hosting", 30)
    assert (seen["restores"], seen["restores_median_minutes"], seen["way_back_slower"]) == (1, back, slower)
    assert await counts(desk, since="2026-11-19", until="2026-11-19") == []


async def test_what_is_late_is_counted_and_what_never_went_out_is_not(slow_desk: Desk) -> None:
    host = await slow_desk.host()
    await slow_desk.cut_off(host, sites=2)
    first, _ = await slow_desk.orders()
    await slow_desk.close_window(first)
    await slow_desk.let_pass(first["id"])
    (seen,) = await counts(slow_desk)
    assert (seen["stops"], seen["stops_overdue"], seen["stops_median_minutes"]) == (1, 1, None)


async def test_days_that_make_no_period_are_refused(desk: Desk) -> None:
    answer = await desk.api.get("/orders/statistics", params={"since": "2026-02-02", "until": "2026-02-01"}, who=None)
    assert (answer.status_code, answer.json()["fields"][0]["field"]) == (422, "until")
    for ahead in ({"since": "2099-02-02"}, {"since": "9999-12-31", "until": "9999-12-31"}):
        answer = await desk.api.get("/orders/statistics", params=ahead, who=None)
        assert (answer.status_code, answer.json()["fields"][0]["field"]) == (422, "since"), "what was given is named"


async def given_back(desk: Desk, host: Host, stops: int, minutes: float = 30) -> list[ExecutionCarriedOutV1]:
    """So many sites are stopped, which takes so long, and the measures fall; restores follow on the stops."""
    facts = [carried_out(host) for _ in range(stops)]
    await desk.deliver(*facts)
    desk.clock.advance(timedelta(minutes=minutes))
    for sequence in range(1, stops + 1):
        await desk.answer(host, sequence=sequence)
    await desk.deliver(*map(undone, facts))
    return facts


async def test_restores_that_are_never_done_are_counted_and_make_the_way_back_slower(desk: Desk) -> None:
    host = await desk.host()
    await given_back(desk, host, 10)
    desk.clock.advance(timedelta(minutes=5))
    await desk.answer(host, sequence=11)
    for sequence in range(12, 21):
        await desk.answer(host, "impossible", sequence=sequence)
    (seen,) = await counts(desk)
    assert (seen["restores"], seen["restores_done"], seen["restores_open"]) == (10, 1, 9)
    assert (seen["restores_median_minutes"], seen["restores_half_done_minutes"]) == (5, None)
    assert (seen["restores_longest_wait_minutes"], seen["way_back_slower"]) == (5, None), "nobody can tell yet"
    desk.clock.advance(timedelta(minutes=30))
    (seen,) = await counts(desk)
    assert (seen["restores_not_done_in_time"], seen["restores_longest_wait_minutes"]) == (0, 35)
    assert seen["way_back_slower"] is True, "half of the stops were done after 30 minutes"
    desk.clock.advance(timedelta(hours=24))
    (seen,) = await counts(desk)
    assert (seen["restores_open"], seen["restores_not_done_in_time"]) == (9, 9), "whatever their provider objects"
    assert (seen["stops_done"], seen["stops_not_done_in_time"], seen["way_back_slower"]) == (10, 0, True)


async def test_restores_that_have_an_order_in_their_place_hide_none_that_is_never_done(desk: Desk) -> None:
    host = await desk.host()
    fact, other = await desk.cut_off(host, sites=2)
    desk.clock.advance(timedelta(minutes=30))
    for sequence in (1, 2):
        await desk.answer(host, sequence=sequence)
    for each in range(3):
        await desk.deliver(overlapped(other, f"blog-{each}.pharmacy.example"))
        desk.clock.advance(TOGETHER)
        for order in (await desk.feed(host, limit=500))["orders"][-2:]:
            await desk.post(host, host.receipt(order))
    (seen,) = await counts(desk)
    assert (seen["stops"], seen["restores"], seen["restores_done"]) == (5, 0, 0)
    await desk.deliver(undone(fact))
    desk.clock.advance(timedelta(hours=25))
    (seen,) = await counts(desk)
    assert (seen["restores"], seen["restores_done"], seen["restores_not_done_in_time"]) == (1, 0, 1)
    assert (seen["restores_median_minutes"], seen["way_back_slower"]) == (None, True)
    await desk.deliver(undone(other))
    assert [each["restores"] for each in await counts(desk)] == [2], "what ends the measure is counted as ever"


async def test_stops_that_their_issuer_gave_up_are_counted_apart(desk: Desk) -> None:
    host = await desk.host()
    await desk.cut_off(host)
    await desk.answer(host, "impossible")
    (order,) = await desk.orders(host)
    accepted = {"answer": "accepted", "reasons": "The machine burnt."}
    await desk.act(f"/orders/{order['id']}/answer", accepted, "desk-a")
    (seen,) = await counts(desk)
    assert (seen["stops_open"], seen["stops_given_up"], seen["stops_not_done_in_time"]) == (0, 1, 1)


async def test_a_restore_that_just_went_out_makes_nothing_look_fast(desk: Desk) -> None:
    host = await desk.host()
    facts = [carried_out(host) for _ in range(6)]
    await desk.deliver(*facts)
    desk.clock.advance(timedelta(minutes=30))
    for sequence in range(1, 7):
        await desk.answer(host, sequence=sequence)
    await desk.deliver(undone(facts[0]))
    desk.clock.advance(timedelta(minutes=40))
    await desk.answer(host, sequence=7)
    await desk.deliver(*map(undone, facts[1:]))
    desk.clock.advance(timedelta(minutes=6))
    (seen,) = await counts(desk)
    assert (seen["restores_half_done_minutes"], seen["way_back_slower"]) == (40, True), "the one that can be judged"


async def test_a_larger_part_that_is_not_done_in_time_makes_the_way_back_slower(desk: Desk) -> None:
    host = await desk.host()
    await given_back(desk, host, 5)
    desk.clock.advance(timedelta(minutes=5))
    for sequence in range(6, 10):
        await desk.answer(host, sequence=sequence)
    (seen,) = await counts(desk)
    assert (seen["restores_half_done_minutes"], seen["restores_open"], seen["way_back_slower"]) == (5, 1, False)
    desk.clock.advance(timedelta(hours=25))
    (seen,) = await counts(desk)
    assert (seen["restores_not_done_in_time"], seen["stops_not_done_in_time"]) == (1, 0)
    assert (seen["restores_overdue"], seen["way_back_slower"]) == (0, True), "whether its clock rang or not"


async def test_stops_that_are_not_done_are_measured_by_the_same_rule(desk: Desk) -> None:
    host = await desk.host()
    facts = await desk.cut_off(host, sites=6)
    desk.clock.advance(timedelta(minutes=10))
    await desk.answer(host, sequence=1)
    await desk.deliver(undone(facts[1]))  # before it was done
    desk.clock.advance(timedelta(hours=30))
    await desk.answer(host, sequence=3)
    (seen,) = await counts(desk)
    assert [seen[f"stops_{each}"] for each in ("done", "open", "given_up", "over")] == [2, 3, 0, 1]
    assert (seen["stops_median_minutes"], seen["stops_half_done_minutes"]) == (910, None), "three of five are open"
    assert (seen["stops_not_done_in_time"], seen["restores_not_done_in_time"]) == (3, 1)
    assert seen["way_back_slower"] is True, "one of one, and of the stops three of five"
    await desk.answer(host, sequence=7)  # the restore
    await desk.answer(host, sequence=4)
    desk.clock.advance(timedelta(minutes=6))
    (seen,) = await counts(desk)
    assert (seen["stops_half_done_minutes"], seen["restores_half_done_minutes"]) == (1810, 1800)
    assert seen["way_back_slower"] is False


@pytest.mark.parametrize("seed", range(8))
async def test_by_when_half_are_done_is_as_the_definition_says(desk: Desk, seed: int) -> None:
    random, host = Random(seed), await desk.host()
    waiting: dict[int, int] = {}
    lasted: list[tuple[int, bool]] = []
    sent = 0
    for minute in range(0, 60, 6):
        for _ in range(random.randint(0, 2)):
            await desk.cut_off(host)
            sent += 1
            waiting[sent] = minute
        for sequence in [each for each in waiting if random.random() < 0.25]:
            await desk.answer(host, sequence=sequence)
            lasted.append((minute - waiting.pop(sequence), True))
        desk.clock.advance(timedelta(minutes=6))
    lasted += [(60 - began, False) for began in waiting.values()]
    left, half = 1.0, None
    for minutes in sorted({each for each, done in lasted if done}):
        left *= 1 - lasted.count((minutes, True)) / sum(each >= minutes for each, _ in lasted)
        if half is None and left <= 0.5 + 1e-9:
            half = minutes
    (seen,) = await counts(desk)
    assert seen["stops_half_done_minutes"] == half


async def test_a_stop_that_was_over_before_it_was_done_says_nothing_of_how_soon(desk: Desk) -> None:
    host = await desk.host()
    facts = await desk.cut_off(host, sites=3)
    desk.clock.advance(timedelta(minutes=10))
    await desk.answer(host, sequence=1)
    await desk.deliver(*map(undone, facts[1:]))
    desk.clock.advance(timedelta(hours=30))
    (seen,) = await counts(desk)
    assert (seen["stops_over"], seen["stops_half_done_minutes"], seen["stops_not_done_in_time"]) == (2, 10, 0)


IN_TRANSACTION = """
SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND state = 'idle in transaction'
"""


class Counting:
    """Counts slowly, and how many at once and in all."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now = self.most = self.all = 0
        self.began, self.go, self.fails = asyncio.Event(), asyncio.Event(), False
        really = statistics.count

        async def slowly(*given: Any) -> Any:
            self.now, self.all = self.now + 1, self.all + 1
            self.most = max(self.most, self.now)
            self.began.set()
            try:
                await self.go.wait()
                if self.fails:
                    raise TimeoutError
                return await really(*given)
            finally:
                self.now -= 1

        monkeypatch.setattr(statistics, "count", slowly)

    @asynccontextmanager
    async def begun(self, desk: Desk, **period: Any) -> AsyncIterator[asyncio.Task[httpx.Response]]:
        """Somebody asks, and it is being counted."""
        asking = asyncio.create_task(asked(desk, **period))
        await self.began.wait()
        yield asking
        self.go.set()


def since(days: int) -> str:
    return (date(2026, 11, 20) - timedelta(days=days)).isoformat()


async def test_strangers_have_one_count_made_at_a_time_and_each_once(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    counting = Counting(monkeypatch)
    async with counting.begun(desk) as first:
        others = [asyncio.create_task(asked(desk, since=since(day))) for day in (1, 2, 3) * 10]
        same = [asyncio.create_task(asked(desk)) for _ in range(30)]
        await asyncio.sleep(0.3)
        assert (counting.now, counting.all) == (1, 1)
        (sessions,) = await desk.rows(IN_TRANSACTION)
        assert sessions["count"] == 1, "who waits holds no connection"
    assert {answer.json()["as_of"] for answer in await asyncio.gather(first, *same, *others)}
    assert (counting.most, counting.all) == (1, 4)


async def test_what_was_counted_is_kept_for_five_minutes(desk: Desk) -> None:
    host = await desk.host()
    await desk.cut_off(host)
    before = (await asked(desk)).json()
    await desk.cut_off(host)
    desk.clock.advance(kept_counts.KEPT - timedelta(seconds=1))
    assert (await asked(desk)).json() == before
    desk.clock.advance(timedelta(seconds=1))
    after = (await asked(desk)).json()
    assert (before["providers"][0]["stops"], after["providers"][0]["stops"]) == (1, 2)
    assert after["as_of"] > before["as_of"]


async def test_many_periods_are_refused_and_the_usual_one_is_not(desk: Desk) -> None:
    for day in range(kept_counts.MOST):
        await asked(desk, since=since(day))
    desk.clock.advance(timedelta(minutes=4))
    refused = await asked(desk, 429, since=since(100))
    assert (refused.json()["code"], refused.headers["Retry-After"]) == ("too_many_periods", "60")
    await asked(desk, since=since(1))
    await asked(desk)
    desk.clock.advance(timedelta(minutes=1))
    await asked(desk, since=since(100))


async def test_no_period_is_longer_than_a_year_and_the_usual_one_is_the_last(desk: Desk) -> None:
    usual = (await asked(desk)).json()
    assert (usual["since"], usual["until"]) == ("2025-11-20T00:00:00+08:00", "2026-11-21T00:00:00+08:00")
    assert (await asked(desk, since="2025-11-20")).json()["since"] == usual["since"]
    for given in ({"since": "2025-11-19"}, {"since": "1990-01-01"}, {"since": "0001-01-01", "until": "2024-01-01"}):
        assert (await asked(desk, 422, **given)).json()["fields"][0]["field"] == "since"
    assert (await asked(desk, until="9999-12-31")).json()["until"] == usual["until"], "nothing is from then yet"
    assert (await asked(desk, 422, until="0001-01-01")).json()["fields"][0]["field"] == "until"
    past = (await asked(desk, until="2020-12-31")).json()
    assert (past["since"], past["until"]) == ("2020-01-01T00:00:00+08:00", "2021-01-01T00:00:00+08:00")


async def test_whoever_asked_first_may_go_away(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    counting = Counting(monkeypatch)
    async with counting.begun(desk) as first:
        second = asyncio.create_task(asked(desk))
        await asyncio.sleep(0.1)
        first.cancel()
    assert (await second).json()["providers"] == []
    assert counting.all == 1


async def test_what_could_not_be_counted_is_not_kept(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    counting = Counting(monkeypatch)
    counting.fails = True
    counting.go.set()
    answer = await desk.api.get("/orders/statistics", who=None)
    assert answer.status_code >= 500
    counting.fails = False
    await asked(desk)
    assert counting.all == 2


async def test_an_index_serves_the_period(desk: Desk) -> None:
    async with desk.rt.db.transaction() as tx:
        await tx.execute("SET LOCAL enable_seqscan = off")
        at = desk.clock.now()
        rows = await tx.fetch(f"EXPLAIN {statistics.COUNT}", at - timedelta(days=365), at, 1, at, ["open"])
    assert "access_order_issued" in "".join(row[0] for row in rows)
