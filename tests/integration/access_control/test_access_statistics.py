"""How soon sites go and come back is counted by what was recorded here, for everybody."""

from datetime import timedelta
from typing import Any

import pytest

from tests.integration.access_control.desk import Desk, carried_out, undone


async def counts(desk: Desk, **period: str) -> list[dict[str, Any]]:
    answer = await desk.api.get("/orders/statistics", params=period, who=None)
    assert answer.status_code == 200, answer.text
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
    assert await counts(desk, since="2026-11-21", until="2026-11-21") == []


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
    answer = await desk.api.get("/orders/statistics", params={"since": "2099-02-02"}, who=None)
    assert (answer.status_code, answer.json()["fields"][0]["field"]) == (422, "since"), "what was given is named"
