"""Clocks with stages, dates that acts set, pauses with a reason, and moves on record: on a real database."""

import dataclasses
from collections.abc import AsyncIterator
from datetime import UTC, date, datetime, timedelta
from typing import Any, cast
from uuid import UUID

import pytest

from shared.rules import Clock, Stage, StageKind, Unit, load
from shared.runtime.acts import deadlines
from shared.runtime.acts.deadlines import Deadline
from shared.runtime.acts.runtime import Runtime
from shared.runtime.base.clock import FixedClock
from shared.runtime.base.ids import uuid7
from shared.runtime.clocks.ticks import TickWorker
from shared.runtime.db.postgres import Database, Tx
from tests.support import people
from tests.support.fixtures import MakeDatabase

MONDAY = datetime(2026, 11, 2, 2, tzinfo=UTC)
STAGED = Clock(
    name="answer",
    amount=20,
    unit=Unit.WORKING_DAYS,
    source="profile",
    description="Somebody answers.",
    stages=(
        Stage("remind", StageKind.REMIND, 5, Unit.WORKING_DAYS),
        Stage("remind_early", StageKind.REMIND, 90, Unit.DAYS),
        Stage("escalate", StageKind.ESCALATE, 2, Unit.DAYS),
    ),
)
MONTHLY = Clock(name="report", amount=20, unit=Unit.DAY_OF_MONTH, source="N7", description="A report is due.")


@pytest.fixture
async def rt(make_database: MakeDatabase) -> AsyncIterator[Runtime]:
    db = await Database.connect(await make_database("runtime"), application_name="test")
    rules = load("cn-2006")
    rules = dataclasses.replace(rules, clocks={**rules.clocks, "answer": STAGED, "report": MONTHLY})
    yield Runtime(db, FixedClock(MONDAY), rules, cast("Any", None), people.directory())
    await db.close()


def move(rt: Runtime, to: datetime) -> None:
    cast("FixedClock", rt.clock).advance(to - rt.clock.now())


async def begin(rt: Runtime, clock_name: str = "answer", kind: str = "answer") -> UUID:
    thing = uuid7()
    async with rt.db.transaction() as tx:
        await deadlines.start(tx, kind=kind, aggregate_id=thing, clock_name=clock_name, rt=rt, at=rt.clock.now())
    return thing


async def clocks(rt: Runtime, thing: UUID) -> dict[str, Deadline]:
    async with rt.db.connection() as tx:
        return {each.kind: each for each in await deadlines.of(tx, thing)}


async def test_the_stages_of_a_clock_that_are_still_to_come_have_rows_of_their_own(rt: Runtime) -> None:
    found = await clocks(rt, await begin(rt))
    assert list(found) == ["answer.remind", "answer", "answer.escalate"]  # what lay 90 days before is past
    assert [each.stage for each in found.values()] == ["remind", "due", "escalate"]
    assert [rt.rules.day_of(each.due_at) for each in found.values()] == [
        date(2026, 11, 23), date(2026, 11, 30), date(2026, 12, 2),
    ]  # fmt: skip
    assert {each.source for each in found.values()} == {"profile"}


async def test_each_stage_fires_once_in_its_own_time(rt: Runtime) -> None:
    thing, told = await begin(rt), list[str]()

    def tell(stage: str) -> Any:
        async def handler(_rt: Runtime, _tx: Tx, aggregate_id: UUID) -> None:
            assert aggregate_id == thing
            told.append(stage)

        return handler

    kinds = ["answer", "answer.remind", "answer.escalate"]
    worker = TickWorker(rt, {kind: tell(kind) for kind in kinds})
    for each in (await clocks(rt, thing)).values():
        move(rt, each.due_at - timedelta(seconds=1))
        assert await worker.tick() == 0
        move(rt, each.due_at)
        assert await worker.tick() == 1
    assert told == ["answer.remind", "answer", "answer.escalate"]


async def test_what_is_met_reminds_nobody_and_escalates_nothing(rt: Runtime) -> None:
    thing, other = await begin(rt), await begin(rt)
    async with rt.db.transaction() as tx:
        assert await deadlines.met(tx, "answer", thing, rt.clock.now())
        assert not await deadlines.met(tx, "answer", thing, rt.clock.now())
    assert all(each.met_at for each in (await clocks(rt, thing)).values())
    assert not any(each.met_at for each in (await clocks(rt, other)).values())
    async with rt.db.transaction() as tx:
        await deadlines.met_many(tx, "answer", [other, thing], rt.clock.now())
    assert all(each.met_at for each in (await clocks(rt, other)).values())


async def test_an_answer_after_the_due_time_still_stops_the_escalation(rt: Runtime) -> None:
    thing = await begin(rt)
    move(rt, (await clocks(rt, thing))["answer"].due_at)

    async def nothing(_rt: Runtime, _tx: Tx, _id: UUID) -> None: ...

    assert await TickWorker(rt, {"answer": nothing, "answer.remind": nothing}).tick() == 2
    async with rt.db.transaction() as tx:
        assert await deadlines.met(tx, "answer", thing, rt.clock.now())
    found = await clocks(rt, thing)
    assert found["answer"].breached_at
    assert found["answer"].met_at is None
    assert found["answer.escalate"].met_at


async def test_a_kind_whose_name_begins_alike_is_another_clock(rt: Runtime) -> None:
    thing = uuid7()
    async with rt.db.transaction() as tx:
        for kind in ("answer", "answers"):
            await deadlines.start(tx, kind=kind, aggregate_id=thing, clock_name="answer", rt=rt, at=rt.clock.now())
        await deadlines.met(tx, "answer", thing, rt.clock.now())
        with pytest.raises(ValueError, match="no dot"):
            await deadlines.start_in(tx, "answer.remind", thing, 5, at=rt.clock.now())
    found = await clocks(rt, thing)
    assert not any(each.met_at for kind, each in found.items() if kind.startswith("answers"))


async def test_starting_a_clock_again_brings_no_stage_back_that_has_fired(rt: Runtime) -> None:
    thing = await begin(rt)
    before = await clocks(rt, thing)

    async def nothing(_rt: Runtime, _tx: Tx, _id: UUID) -> None: ...

    move(rt, before["answer.remind"].due_at)
    assert await TickWorker(rt, {"answer.remind": nothing}).tick() == 1
    async with rt.db.transaction() as tx:
        due = await deadlines.start(tx, kind="answer", aggregate_id=thing, clock_name="answer", rt=rt, at=MONDAY)
        rows = await deadlines.of(tx, thing)
    assert due.due_at == before["answer"].due_at
    assert len(rows) == 3


async def test_a_clock_that_stands_still_says_why_and_takes_its_stages_along(rt: Runtime) -> None:
    thing = await begin(rt)
    before = await clocks(rt, thing)
    move(rt, MONDAY + timedelta(days=2))
    async with rt.db.transaction() as tx:
        assert await deadlines.pause(tx, "answer", thing, rt.clock.now(), "the applicant was asked for the licence")
    paused = await clocks(rt, thing)
    assert {each.pause_reason for each in paused.values()} == {"the applicant was asked for the licence"}
    assert all(each.suspended_at == rt.clock.now() for each in paused.values())
    move(rt, MONDAY + timedelta(days=9))
    async with rt.db.transaction() as tx:
        due = await deadlines.resume(tx, "answer", thing, rt.clock.now(), rt=rt)
    after = await clocks(rt, thing)
    assert due is not None
    assert due.due_at == after["answer"].due_at == before["answer"].due_at + timedelta(days=7)
    assert after["answer.remind"].due_at == before["answer.remind"].due_at + timedelta(days=7)
    assert after["answer.escalate"].due_at == before["answer.escalate"].due_at + timedelta(days=7)
    assert all(each.suspended_at is None and each.pause_reason is None for each in after.values())
    async with rt.db.connection() as tx:
        kept = await tx.fetchval("SELECT pauses FROM deadline WHERE kind = 'answer' AND aggregate_id = $1", thing)
    assert [pause[2] for pause in kept] == ["the applicant was asked for the licence"]


async def test_a_date_does_not_stand_still(rt: Runtime) -> None:
    thing, report = uuid7(), await begin(rt, "report", "report")
    until = MONDAY + timedelta(days=30)
    async with rt.db.transaction() as tx:
        await deadlines.start_until(tx, kind="bar", aggregate_id=thing, until=until, rt=rt, at=rt.clock.now())
    for kind, of in (("bar", thing), ("report", report)):
        with pytest.raises(deadlines.CannotPause):
            async with rt.db.transaction() as tx:
                await deadlines.pause(tx, kind, of, rt.clock.now(), "a reason")
        assert (await clocks(rt, of))[kind].suspended_at is None


async def test_a_report_is_due_on_the_twentieth(rt: Runtime) -> None:
    found = (await clocks(rt, await begin(rt, "report", "report")))["report"]
    assert found.due_at == datetime(2026, 11, 20, 15, 59, 59, tzinfo=UTC)


async def test_what_an_act_ends_at_a_date_has_a_row_and_the_warnings_of_its_clock(rt: Runtime) -> None:
    thing, until = uuid7(), rt.rules.end_of(date(2026, 11, 20))
    async with rt.db.transaction() as tx:
        due = await deadlines.start_until(
            tx, kind="lapse", aggregate_id=thing, until=until, rt=rt, at=MONDAY, clock_name="approval_validity"
        )
    assert (due.due_at, due.provisional) == (until, False)
    found = await clocks(rt, thing)
    assert [(kind, rt.rules.day_of(each.due_at).day) for kind, each in found.items()] == [
        ("lapse.remind_7", 13), ("lapse.remind_1", 19), ("lapse", 20),
    ]  # fmt: skip
    assert found["lapse"].source == rt.rules.clocks["approval_validity"].source
    newer = published(rt)
    async with rt.db.transaction() as tx:
        assert await deadlines.recompute(tx, newer) == []


def published(rt: Runtime, *holidays: date) -> Runtime:
    """The same with 2027 announced."""
    calendar = rt.rules.calendar
    newer = dataclasses.replace(
        calendar,
        version="cn-2027.1",
        digest="d" * 64,
        years={**calendar.years, 2027: "published"},
        holidays=calendar.holidays | set(holidays),
    )
    return dataclasses.replace(rt, rules=dataclasses.replace(rt.rules, calendar=newer))


async def test_what_the_published_calendar_moves_says_so_in_its_row(rt: Runtime) -> None:
    """Defect 74: 20 working days from 29 January 2027 run over the Spring Festival, which no table knew."""
    move(rt, datetime(2027, 1, 29, 2, tzinfo=UTC))
    thing = await begin(rt)
    found = await clocks(rt, thing)
    assert all(each.provisional for each in found.values())
    assert rt.rules.day_of(found["answer"].due_at) == date(2027, 2, 26)
    move(rt, datetime(2027, 1, 30, 2, tzinfo=UTC))
    festival = [date(2027, 2, day) for day in (8, 9, 10, 11, 12)]
    newer = published(rt, *festival)
    async with rt.db.transaction() as tx:
        moved = await deadlines.recompute(tx, newer)
    assert {each.kind for each in moved} == {"answer", "answer.remind", "answer.escalate"}
    after = await clocks(rt, thing)
    assert not any(each.provisional for each in after.values())
    assert rt.rules.day_of(after["answer"].due_at) == date(2027, 3, 5)
    [entry] = after["answer"].moves
    assert entry["calendar"] == "cn-2027.1"
    assert datetime.fromisoformat(entry["at"]) == rt.clock.now()
    assert datetime.fromisoformat(entry["before"]) == found["answer"].due_at
    assert datetime.fromisoformat(entry["due_at"]) == after["answer"].due_at
    async with rt.db.transaction() as tx:
        assert await deadlines.recompute(tx, newer) == []
    assert len((await clocks(rt, thing))["answer"].moves) == 1


async def test_an_end_that_carries_over_days_off_follows_the_calendar_too(rt: Runtime) -> None:
    move(rt, datetime(2026, 12, 20, 2, tzinfo=UTC))
    thing = await begin(rt, "time_to_appeal", "appeal")  # 60 days: 18 February
    found = (await clocks(rt, thing))["appeal"]
    assert (rt.rules.day_of(found.due_at), found.provisional) == (date(2027, 2, 18), True)
    newer = published(rt, date(2027, 2, 18), date(2027, 2, 19))
    async with rt.db.transaction() as tx:
        [moved] = await deadlines.recompute(tx, newer)
    assert rt.rules.day_of(moved.due_at) == date(2027, 2, 22)
