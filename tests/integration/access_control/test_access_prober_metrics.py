"""What whoever operates the prober sees of it: counts, ages and kinds, and nothing of whom it looks at."""

import asyncio
import re
from datetime import timedelta
from pathlib import Path
from typing import Any

import asyncpg
import pytest
from prometheus_client.parser import text_string_to_metric_families

from access_control.service import probing
from access_control.service.asking import Asker, Pace, Seen
from shared.contracts.http.observed import Kind, Outcome
from tests.integration.access_control.desk import Desk
from tests.integration.access_control.test_access_probing import (
    BARE,
    GONE,
    MINUTES,
    NAME,
    OURS,
    SERVED,
    Prober,
    cut,
    restored,
)

Key = tuple[str, str]
"""A metric and the value of its one label, or nothing."""


async def shown(desk: Desk, *, measured: bool = True) -> dict[Key, float]:
    """What /metrics says of the prober."""
    if measured:
        await probing.measure(desk.rt)
    found: dict[Key, float] = {}
    for family in text_string_to_metric_families((await desk.api.get("/metrics", who=None)).text):
        for each in family.samples:
            if each.name in probing.METRICS:
                assert len(each.labels) <= 1, each
                found[each.name, next(iter(each.labels.values()), "")] = each.value
    return found


def rose(before: dict[Key, float], after: dict[Key, float], name: str) -> dict[str, float]:
    """By how much a counter rose, by outcome; without those that did not."""
    risen = {label: value - before.get((of, label), 0) for (of, label), value in after.items() if of == name}
    return {label: by for label, by in risen.items() if by}


def differing(found: dict[Key, float]) -> dict[str, tuple[float, float]]:
    """How many are open, and how old the oldest is, of the kinds of which there is one."""
    return {
        kind.value: (found["observed_differences_open", kind.value], found["observed_difference_oldest_seconds", kind])
        for kind in Kind
        if found["observed_differences_open", kind.value]
    }


@pytest.fixture
def prober(desk: Desk, tmp_path: Path) -> Prober:
    return Prober(desk, tmp_path)


async def test_a_site_that_should_be_back_counts_by_its_age_until_it_is_or_nobody_looks(
    desk: Desk, prober: Prober
) -> None:
    host = await desk.host()
    fact, order = await cut(desk, host)
    blocked = OURS.format(entry=order["register_entry"])
    async with prober.answers(blocked):
        await prober.looks()
    await restored(desk, host, fact)
    async with prober.answers(blocked):
        await prober.looks()
        assert differing(await shown(desk)) == {}, "seen once, it is told to nobody"
        await prober.looks(10 * MINUTES)
    assert differing(await shown(desk)) == {"restored_but_cut": (1, 600)}
    desk.clock.advance(timedelta(days=1))
    assert differing(await shown(desk)) == {"restored_but_cut": (1, 600 + 86_400)}
    async with prober.answers(SERVED):
        await prober.looks()
    found = await shown(desk)
    assert differing(found) == {}
    assert {found["observed_difference_oldest_seconds", kind] for kind in Kind} == {0}, "each kind is always there"


async def test_what_differs_is_counted_no_more_when_its_days_are_over(desk: Desk, prober: Prober) -> None:
    await cut(desk, await desk.host())
    async with prober.answers(SERVED):
        await prober.looks()
        await prober.looks(10 * MINUTES)
        assert differing(await shown(desk)) == {"cut_but_served": (1, 600)}
        await prober.looks(timedelta(days=29, hours=23))
    assert differing(await shown(desk)) == {}, "nobody looks any more, so it could not close"


async def test_it_is_behind_by_as_much_as_the_first_order_has_waited(desk: Desk, prober: Prober) -> None:
    await cut(desk, await desk.host())
    assert (await shown(desk))["probing_oldest_due_seconds", ""] == 0
    await probing.enlist(desk.rt)
    desk.clock.advance(2 * MINUTES)
    assert (await shown(desk))["probing_oldest_due_seconds", ""] == 120
    await prober.looks()
    assert (await shown(desk))["probing_oldest_due_seconds", ""] == 0


@pytest.mark.parametrize(
    ("says", "looks", "answers"),
    [
        (OURS.format(entry="x"), {"agrees": 1}, {"unavailable_with_link": 1}),
        (SERVED, {"differs": 1}, {"served": 1}),
        (BARE, {"differs": 1}, {"unavailable_without_link": 1}),
        (GONE, {"differs": 1}, {"other": 1}),
        ("return 302 http://x.example/;", {"tells_nothing": 1}, {"other": 1}),
        (None, {"differs": 1}, {"refused": 1}),
    ],
)
async def test_looks_and_answers_are_counted_by_what_came_of_them(
    desk: Desk, prober: Prober, says: str | None, looks: dict[str, int], answers: dict[str, int]
) -> None:
    await cut(desk, await desk.host())
    before = await shown(desk)
    if says is None:
        await prober.looks()
    else:
        async with prober.answers(says):
            await prober.looks()
    after = await shown(desk)
    assert (rose(before, after, "probing_looks_total"), rose(before, after, "probing_answers_total")) == (
        looks,
        answers,
    )


async def test_a_look_at_no_address_that_may_be_asked_is_one_as_well(desk: Desk, tmp_path: Path) -> None:
    await cut(desk, await desk.host())
    before = await shown(desk)
    await Prober(desk, tmp_path, inside=False).looks()
    assert rose(before, await shown(desk), "probing_looks_total") == {"not_asked": 1}


async def test_a_look_that_was_overtaken_is_counted_as_such(desk: Desk) -> None:
    host = await desk.host()
    fact, _ = await cut(desk, host)

    class Meanwhile(Asker):
        async def ask(self, host_name: str, address: str, entry: str) -> list[Seen]:
            await restored(desk, host, fact, signs=False)
            return [Seen(80, Outcome.WITH_LINK, 451)]

    before = await shown(desk)
    await probing.enlist(desk.rt)
    assert await probing.look(desk.rt, Meanwhile(Pace(0, 300), "test"))
    assert rose(before, await shown(desk), "probing_looks_total") == {"overtaken": 1}


async def test_a_look_that_was_broken_off_is_counted_as_begun_and_named_in_the_log(
    desk: Desk, capsys: pytest.CaptureFixture[str]
) -> None:
    _, order = await cut(desk, await desk.host())

    class Away(Asker):
        async def ask(self, host_name: str, address: str, entry: str) -> list[Seen]:
            raise asyncpg.CannotConnectNowError("the database system is shutting down")

    before = await shown(desk)
    await probing.enlist(desk.rt)
    with pytest.raises(asyncpg.CannotConnectNowError):
        await probing.look(desk.rt, Away(Pace(0, 300), "test"))
    assert rose(before, await shown(desk), "probing_looks_total") == {"broken_off": 1}
    (line,) = [each for each in capsys.readouterr().out.splitlines() if "prober.broken_off" in each]
    assert order["id"] in line


async def test_a_round_says_when_it_ended_and_what_passes_by_itself_ends_nothing(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    tries: list[str] = []

    async def enlist(*_: Any) -> None:
        tries.append("enlist")
        if len(tries) == 1:
            raise asyncpg.DeadlockDetectedError("deadlock detected")
        if len(tries) > 2:
            raise ValueError("a defect")

    monkeypatch.setattr(probing, "IDLE_S", 0.0)
    monkeypatch.setattr(probing, "enlist", enlist)
    before = (await shown(desk, measured=False)).get(("probing_finished_seconds", ""), 0)
    with pytest.raises(ValueError, match="a defect"):
        async with asyncio.timeout(10):
            await probing.run(desk.rt, Asker(Pace(0, 300), "test"))
    assert (len(tries), (await shown(desk, measured=False))["probing_finished_seconds", ""] > before) == (3, True)


async def test_no_metric_says_whom_it_is_about(desk: Desk, prober: Prober) -> None:
    host = await desk.host()
    _, order = await cut(desk, host)
    async with prober.answers(SERVED):
        await prober.looks()
        await prober.looks(10 * MINUTES)
    await probing.measure(desk.rt)
    lines = [
        line
        for line in (await desk.api.get("/metrics", who=None)).text.splitlines()
        if re.match(r"(# HELP )?(probing|observed)_", line)
    ]
    text = "\n".join(lines)
    assert "observed_differences_open" in text
    assert not any(secret in text for secret in (NAME, "127.0.0.1", order["id"], host.id))
    samples = [line for line in lines if not line.startswith("#")]
    assert len(samples) <= 2 * (len(probing.Came) + len(Outcome)) + 2 * len(Kind) + 4, "as many as there are outcomes"
