"""Clocks on a real database: they start, stand still, move with the calendar, and fire once whatever happens."""

import asyncio
import dataclasses
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any, cast
from uuid import UUID
from zoneinfo import ZoneInfo

import asyncpg
import pytest
from structlog.testing import CapturingLogger

from shared.rules import load
from shared.runtime.acts import deadlines
from shared.runtime.acts.runtime import Runtime
from shared.runtime.base.clock import FixedClock
from shared.runtime.base.ids import uuid7
from shared.runtime.clocks.ticks import TickWorker
from shared.runtime.db.postgres import Database, Tx
from tests.integration.runtime.world import running, until
from tests.support import people
from tests.support.fixtures import MakeDatabase

MONDAY = datetime(2026, 11, 2, 2, 0, tzinfo=UTC)  # ten o'clock in Beijing
CLOCK = "approval_decision"
SHANGHAI = ZoneInfo("Asia/Shanghai")
KIND = "decision"
TABLES = """
CREATE TABLE thing (id uuid PRIMARY KEY, status text NOT NULL DEFAULT 'open');
CREATE TABLE fired (id uuid NOT NULL)
"""


@pytest.fixture
async def rt(make_database: MakeDatabase) -> AsyncIterator[Runtime]:
    db = await Database.connect(await make_database("runtime", TABLES), application_name="test")
    yield Runtime(db, FixedClock(MONDAY), load("cn-2006"), cast("Any", None), people.directory())
    await db.close()


def clock(rt: Runtime) -> FixedClock:
    return cast("FixedClock", rt.clock)


async def begin(rt: Runtime, kind: str = KIND, name: str = CLOCK) -> tuple[UUID, datetime]:
    thing = uuid7()
    async with rt.db.transaction() as tx:
        await tx.execute("INSERT INTO thing (id) VALUES ($1)", thing)
        due = await deadlines.start(tx, kind=kind, aggregate_id=thing, clock_name=name, rt=rt, at=rt.clock.now())
    return thing, due.due_at


async def window(rt: Runtime, seconds: float = 75, kind: str = "window") -> UUID:
    thing = uuid7()
    async with rt.db.transaction() as tx:
        await tx.execute("INSERT INTO thing (id) VALUES ($1)", thing)
        await deadlines.start_in(tx, kind, thing, seconds, at=rt.clock.now())
    return thing


async def note(_rt: Runtime, tx: Tx, thing: UUID) -> None:
    await tx.execute("UPDATE thing SET status = 'late' WHERE id = $1 AND status = 'open'", thing)
    await tx.execute("INSERT INTO fired (id) VALUES ($1)", thing)


async def fired(rt: Runtime) -> list[UUID]:
    async with rt.db.connection() as connection:
        return [row["id"] for row in await connection.fetch("SELECT id FROM fired")]


async def row_of(rt: Runtime, thing: UUID) -> Any:
    async with rt.db.connection() as connection:
        return await connection.fetchrow("SELECT * FROM deadline WHERE aggregate_id = $1", thing)


async def test_a_clock_of_the_profile_runs_in_working_days_and_says_where_it_comes_from(rt: Runtime) -> None:
    thing, due = await begin(rt)
    assert due.astimezone(SHANGHAI) == datetime(2026, 11, 30, 23, 59, 59, tzinfo=SHANGHAI)
    async with rt.db.connection() as connection:
        [found] = await deadlines.of(connection, thing)
    assert (found.due_at, found.source, found.provisional) == (due, rt.rules.clocks[CLOCK].source, False)


async def test_hours_and_seconds_run_on_the_clock(rt: Runtime) -> None:
    _, due = await begin(rt, "execute", "execute_cut_off")
    assert due == MONDAY + timedelta(hours=24)
    thing = await window(rt, 0.5)
    assert (await row_of(rt, thing))["due_at"] == MONDAY + timedelta(seconds=0.5)


async def test_starting_a_running_clock_again_changes_nothing(rt: Runtime) -> None:
    thing, due = await begin(rt)
    clock(rt).advance(timedelta(days=3))
    async with rt.db.transaction() as tx:
        again = await deadlines.start(tx, kind=KIND, aggregate_id=thing, clock_name=CLOCK, rt=rt, at=rt.clock.now())
    assert again.due_at == due


async def test_what_is_due_fires_once_and_only_then(rt: Runtime) -> None:
    thing, due = await begin(rt)
    worker = TickWorker(rt, {KIND: note})
    clock(rt).advance(due - MONDAY - timedelta(seconds=1))
    assert await worker.tick() == 0
    clock(rt).advance(timedelta(seconds=1))
    assert await worker.tick() == 1
    assert await worker.tick() == 0
    assert await fired(rt) == [thing]
    assert (await row_of(rt, thing))["breached_at"] == due


async def test_a_clock_that_was_met_never_fires(rt: Runtime) -> None:
    thing, _ = await begin(rt)
    async with rt.db.transaction() as tx:
        assert await deadlines.met(tx, KIND, thing, rt.clock.now())
        assert not await deadlines.met(tx, KIND, thing, rt.clock.now())
    clock(rt).advance(timedelta(days=90))
    assert await TickWorker(rt, {KIND: note}).tick() == 0
    async with rt.db.transaction() as tx:  # and the same clock can be started anew
        await deadlines.start(tx, kind=KIND, aggregate_id=thing, clock_name=CLOCK, rt=rt, at=rt.clock.now())


async def test_working_days_that_stood_still_come_back_at_the_end(rt: Runtime) -> None:
    thing, due = await begin(rt)
    clock(rt).advance(timedelta(days=2))  # Wednesday
    async with rt.db.transaction() as tx:
        assert await deadlines.pause(tx, KIND, thing, rt.clock.now(), "the applicant completes")
        assert not await deadlines.pause(tx, KIND, thing, rt.clock.now(), "again")
    clock(rt).advance(timedelta(days=60))
    assert await TickWorker(rt, {KIND: note}).tick() == 0  # a clock that stands still is never due
    clock(rt).advance(timedelta(days=-55))  # Monday: Thursday, Friday, Monday stood still
    async with rt.db.transaction() as tx:
        moved = await deadlines.resume(tx, KIND, thing, rt.clock.now(), rt=rt)
        assert await deadlines.resume(tx, KIND, thing, rt.clock.now(), rt=rt) is None
    assert moved is not None
    assert moved.due_at == rt.rules.calendar.add_working_days(MONDAY, 23, SHANGHAI)
    assert moved.due_at > due
    row = await row_of(rt, thing)
    assert (row["due_at"], row["suspended_at"], row["suspended_seconds"]) == (moved.due_at, None, 5 * 86_400)


async def test_hours_that_stood_still_come_back_to_the_second_twice(rt: Runtime) -> None:
    thing, due = await begin(rt, "execute", "execute_cut_off")
    for stood in (timedelta(hours=3), timedelta(minutes=7)):
        clock(rt).advance(timedelta(hours=1))
        async with rt.db.transaction() as tx:
            await deadlines.pause(tx, "execute", thing, rt.clock.now(), "contested")
        clock(rt).advance(stood)
        async with rt.db.transaction() as tx:
            moved = await deadlines.resume(tx, "execute", thing, rt.clock.now(), rt=rt)
    assert moved is not None
    assert moved.due_at == due + timedelta(hours=3, minutes=7)


LATE = datetime(2026, 12, 28, 2, tzinfo=UTC)


def with_2027_published(rt: Runtime) -> Runtime:
    """The same a release later: two more holidays in January."""
    calendar = rt.rules.calendar
    holidays = frozenset(datetime(2027, 1, day, tzinfo=UTC).date() for day in (1, 4, 5))
    published = dataclasses.replace(
        calendar,
        version="cn-2027.1",
        digest="d" * 64,
        years={**calendar.years, 2027: "published"},
        holidays=calendar.holidays | holidays,
    )
    return dataclasses.replace(rt, rules=dataclasses.replace(rt.rules, calendar=published))


async def test_a_new_calendar_moves_what_is_open_and_nothing_else(rt: Runtime) -> None:
    clock(rt).advance(LATE - MONDAY)
    thing, due = await begin(rt)
    hours, _ = await begin(rt, "execute", "execute_cut_off")
    done, _ = await begin(rt)
    async with rt.db.transaction() as tx:
        await deadlines.met(tx, KIND, done, rt.clock.now())
        assert await deadlines.recompute(tx, rt) == []  # the first calendar is only noted
    assert (await row_of(rt, thing))["provisional"]

    clock(rt).advance(timedelta(hours=1))
    newer = with_2027_published(rt)
    async with rt.db.transaction() as tx:
        moved = await deadlines.recompute(tx, newer)
        assert await deadlines.recompute(tx, newer) == []
    expected = newer.rules.calendar.add_working_days(LATE, 20, SHANGHAI)
    assert expected == due + timedelta(days=2)
    assert [(item.aggregate_id, item.before, item.due_at) for item in moved] == [(thing, due, expected)]
    row = await row_of(rt, thing)
    assert (row["due_at"], row["provisional"], row["calendar_version"]) == (expected, False, "cn-2027.1")
    assert (await row_of(rt, hours))["due_at"] == LATE + timedelta(hours=24)
    assert (await row_of(rt, done))["due_at"] == due


async def test_clocks_that_a_process_of_the_release_before_still_starts_are_counted_again(rt: Runtime) -> None:
    clock(rt).advance(LATE - MONDAY)
    newer = with_2027_published(rt)
    async with rt.db.transaction() as tx:
        assert await deadlines.recompute(tx, newer) == []
    thing, by_the_old_one = await begin(rt)
    _, by_the_new_one = await begin(newer)
    async with rt.db.transaction() as tx:
        moved = await deadlines.recompute(tx, newer)
        assert await deadlines.recompute(tx, newer) == []
    assert [(item.aggregate_id, item.before, item.due_at) for item in moved] == [
        (thing, by_the_old_one, by_the_new_one)
    ]


async def test_a_calendar_that_was_corrected_under_its_old_name_counts_again(rt: Runtime) -> None:
    clock(rt).advance(LATE - MONDAY)
    newer = with_2027_published(rt)
    misnamed = dataclasses.replace(newer.rules.calendar, version=rt.rules.calendar.version)
    thing, due = await begin(rt)
    async with rt.db.transaction() as tx:
        await deadlines.recompute(tx, rt)
        moved = await deadlines.recompute(
            tx, dataclasses.replace(rt, rules=dataclasses.replace(rt.rules, calendar=misnamed))
        )
    assert [(item.aggregate_id, item.due_at) for item in moved] == [(thing, due + timedelta(days=2))]


async def test_the_worker_follows_the_calendar_while_it_runs_and_tells_the_log_what_moved(
    rt: Runtime, monkeypatch: pytest.MonkeyPatch
) -> None:
    log = CapturingLogger()  # whatever level another test has set
    monkeypatch.setattr("shared.runtime.clocks.ticks._log", log)
    clock(rt).advance(LATE - MONDAY)
    first, due = await begin(rt)
    newer = with_2027_published(rt)
    expected = newer.rules.calendar.add_working_days(LATE, 20, SHANGHAI)

    def moves() -> list[dict[str, str]]:
        return [call.kwargs for call in log.calls if call.args == ("deadline.moved",)]

    async def told(count: int) -> bool:
        return len(moves()) >= count

    async with running(TickWorker(newer, {KIND: note}, poll_s=0.05, recount_s=0.2).run):
        await until(lambda: told(1), 5)
        second, _ = await begin(rt)
        await until(lambda: told(2), 5)
        await asyncio.sleep(0.5)
    each = {"kind": KIND, "before": due.isoformat(), "due_at": expected.isoformat(), "calendar": "cn-2027.1"}
    assert moves() == [{"aggregate_id": str(first), **each}, {"aggregate_id": str(second), **each}]
    assert (await row_of(rt, second))["due_at"] == expected


async def test_a_handler_that_fails_loses_nothing_blocks_nobody_and_is_tried_again(rt: Runtime) -> None:
    bad, good = await window(rt), await window(rt)
    fails = 2

    async def flaky(rt: Runtime, tx: Tx, thing: UUID) -> None:
        nonlocal fails
        await note(rt, tx, thing)
        if thing == bad and fails:
            fails -= 1
            raise RuntimeError("not now")

    worker = TickWorker(rt, {"window": flaky})
    clock(rt).advance(timedelta(seconds=75))
    assert await worker.tick() == 1
    assert await fired(rt) == [good]  # what the failed handler wrote is gone
    row = await row_of(rt, bad)
    assert (row["attempts"], row["breached_at"]) == (1, None)
    assert "not now" in row["error"]
    assert await worker.tick() == 0  # not before its time
    clock(rt).advance(timedelta(seconds=1))
    assert await worker.tick() == 0
    assert (await row_of(rt, bad))["attempts"] == 2
    clock(rt).advance(timedelta(seconds=2))
    assert await worker.tick() == 1
    assert sorted(await fired(rt)) == sorted([good, bad])


async def test_several_workers_fire_each_deadline_once_and_ask_its_handler_once(rt: Runtime) -> None:
    things = [await window(rt) for _ in range(20)]
    asked: list[UUID] = []

    async def slow(rt: Runtime, tx: Tx, thing: UUID) -> None:
        asked.append(thing)
        await asyncio.sleep(0.02)
        await note(rt, tx, thing)

    clock(rt).advance(timedelta(seconds=75))
    for _ in range(3):
        await asyncio.gather(*(TickWorker(rt, {"window": slow}).tick() for _ in range(2)))
    assert sorted(await fired(rt)) == sorted(asked) == sorted(things)


async def test_a_verb_that_meets_the_deadline_while_its_handler_runs_wins(rt: Runtime) -> None:
    thing = await window(rt)
    running, go_on = asyncio.Event(), asyncio.Event()

    async def slow(rt: Runtime, tx: Tx, thing: UUID) -> None:
        await tx.execute("INSERT INTO fired (id) VALUES ($1)", thing)
        running.set()
        await go_on.wait()

    clock(rt).advance(timedelta(seconds=75))
    tick = asyncio.create_task(TickWorker(rt, {"window": slow}).tick())
    await running.wait()
    async with rt.db.transaction() as tx:  # would wait for ever if the worker held the row
        assert await deadlines.met(tx, "window", thing, rt.clock.now())
    go_on.set()
    assert await tick == 0
    assert await fired(rt) == []
    assert (await row_of(rt, thing))["breached_at"] is None


async def test_verb_and_worker_never_deadlock_over_aggregate_and_deadline(rt: Runtime) -> None:
    thing = await window(rt)
    clock(rt).advance(timedelta(seconds=75))
    locked = asyncio.Event()

    async def verb() -> bool:
        async with rt.db.transaction() as tx:
            await tx.execute("UPDATE thing SET status = 'withdrawn' WHERE id = $1", thing)
            locked.set()
            await asyncio.sleep(0.2)  # the worker now waits for the aggregate
            return await deadlines.met(tx, "window", thing, rt.clock.now())

    errors: list[BaseException] = []

    async def guarded(rt: Runtime, tx: Tx, thing: UUID) -> None:
        try:
            await tx.execute("UPDATE thing SET status = 'late' WHERE id = $1 AND status = 'open'", thing)
        except asyncpg.PostgresError as error:
            errors.append(error)
            raise

    withdrawing = asyncio.create_task(verb())
    await locked.wait()
    assert await TickWorker(rt, {"window": guarded}).tick() == 0
    assert await withdrawing
    assert errors == []  # neither was the victim of a deadlock
    assert (await row_of(rt, thing))["breached_at"] is None


async def test_a_handler_may_close_or_restart_its_own_clock(rt: Runtime) -> None:
    thing = await window(rt)

    async def again(rt: Runtime, tx: Tx, thing: UUID) -> None:
        await note(rt, tx, thing)
        await deadlines.met(tx, "window", thing, rt.clock.now())
        await deadlines.start_in(tx, "window", thing, 75, at=rt.clock.now())

    worker = TickWorker(rt, {"window": again})
    for round_ in (1, 2):
        clock(rt).advance(timedelta(seconds=75))
        assert await worker.tick() == 1
        assert await worker.tick() == 0
        assert await fired(rt) == [thing] * round_


async def test_kinds_without_a_handler_are_left_alone(rt: Runtime) -> None:
    await window(rt, kind="other")
    clock(rt).advance(timedelta(days=1))
    assert await TickWorker(rt, {"window": note}).tick() == 0


async def test_the_loop_wakes_for_the_next_deadline(rt: Runtime) -> None:
    from shared.runtime.base.clock import SystemClock  # noqa: PLC0415 - only here does real time pass

    live = dataclasses.replace(rt, clock=SystemClock())
    await window(live, 0.2)
    task = asyncio.create_task(TickWorker(live, {"window": note}, poll_s=60).run())
    try:
        async with asyncio.timeout(20):
            while not await fired(rt):  # noqa: ASYNC110 - the database tells nobody
                await asyncio.sleep(0.02)
    finally:
        task.cancel()
    assert not task.done() or task.cancelled()
