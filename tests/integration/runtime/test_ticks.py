"""The tick worker says how it is: at work, without its database, or stuck; /readyz shows it, as it does the relay."""

import asyncio
import re
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import asyncpg
import pytest

from local_stack.postgres import EmbeddedPostgres
from shared.rules import load
from shared.runtime.acts import deadlines
from shared.runtime.acts.runtime import Runtime
from shared.runtime.base.clock import FixedClock
from shared.runtime.base.ids import uuid7
from shared.runtime.clocks.ticks import TickWorker
from shared.runtime.db.postgres import Database, Tx
from tests.integration.runtime.world import kill_session, running, runtime_of, until
from tests.support import toy
from tests.support.fixtures import MakeDatabase
from tests.support.service import Api, running_service


async def nothing(_rt: Runtime, _tx: Tx, _thing: UUID) -> None:
    """A handler without an effect."""


SERVICE = replace(toy.SERVICE, deadlines={"window": nothing, "never-due": nothing})


async def ready(api: Api) -> dict[str, Any]:
    report: dict[str, Any] = (await api.get("/readyz")).json()
    return report


async def ticks_until(api: Api, what: str, condition: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
    """The report on the ticks, once the condition holds for it."""
    found: dict[str, Any] = {}

    async def holds() -> bool:
        found.update((await ready(api))["checks"]["ticks"])
        return condition(found)

    await until(holds, what=what)
    return found


@asynccontextmanager
async def closed(postgres: EmbeddedPostgres, dsn: str) -> AsyncIterator[None]:
    """Meanwhile the database of this DSN refuses every connection, and those it had are gone."""
    admin = await asyncpg.connect(postgres.admin_dsn)
    name = dsn.rsplit("/", 1)[1]
    try:
        await admin.execute(f'ALTER DATABASE "{name}" CONNECTION LIMIT 0')
        await kill_session(postgres.admin_dsn.removesuffix("postgres") + name, "toy")
        yield
    finally:
        await admin.execute(f'ALTER DATABASE "{name}" CONNECTION LIMIT -1')
        await admin.close()


async def test_readyz_shows_the_ticks_and_that_they_fail_while_the_database_is_away(
    make_database: MakeDatabase, postgres: EmbeddedPostgres
) -> None:
    dsn, began = await make_database("runtime"), datetime.now(UTC)
    async with running_service(SERVICE, dsn, roles_run="http,ticks", log_level="ERROR") as api:
        first = await ticks_until(api, "a first tick", lambda ticks: bool(ticks["last_tick"]))
        assert (first["ok"], first["state"], first["error"]) == (True, "ticking", None)
        assert datetime.fromisoformat(first["last_tick"]) >= began
        assert (await ready(api))["status"] == "ready"
        async with closed(postgres, dsn):
            refused = "too many connections"
            failing = await ticks_until(api, "a failing tick", lambda ticks: refused in (ticks["error"] or ""))
            assert (failing["ok"], failing["state"]) == (False, "failing")
        again = await ticks_until(api, "a tick after that", lambda ticks: bool(ticks["ok"]))
        assert (again["state"], again["error"]) == ("ticking", None)
        assert datetime.fromisoformat(again["last_tick"]) > datetime.fromisoformat(failing["last_tick"])


async def test_a_tick_that_does_not_finish_for_long_is_reported_until_it_does(db: Database) -> None:
    running_into_it, go_on = asyncio.Event(), asyncio.Event()

    async def stuck(_rt: Runtime, _tx: Tx, _thing: UUID) -> None:
        running_into_it.set()
        await go_on.wait()

    rt = replace(runtime_of(db), rules=load("cn-2006"))
    async with db.transaction() as tx:
        await deadlines.start_in(tx, "window", uuid7(), 0, at=rt.clock.now())
    worker = TickWorker(rt, {"window": stuck}, poll_s=0.05, stuck_s=0.5)

    async def state_is(state: str) -> bool:
        return worker.health().state == state

    async with running(worker.run):
        await running_into_it.wait()
        assert worker.health().state == "ticking", "a handler may take its time"
        await until(lambda: state_is("failing"), 5)
        assert worker.health().last_tick is None
        assert "no tick has finished for" in (worker.health().error or "")
        go_on.set()
        await until(lambda: state_is("ticking"), 5)
        await asyncio.sleep(0.7)
        assert worker.health().state == "ticking", "ticks that find nothing to do count as well"
        assert worker.health().last_tick is not None


@pytest.mark.parametrize("off", [timedelta(days=61), timedelta(days=-61), timedelta(seconds=31)], ids=str)
async def test_a_worker_whose_clock_is_wrong_acts_on_nothing_and_says_so(
    make_database: MakeDatabase, off: timedelta
) -> None:
    dsn = await make_database("runtime")
    fired: list[UUID] = []

    async def fire(_rt: Runtime, _tx: Tx, thing: UUID) -> None:
        fired.append(thing)

    db = await Database.connect(dsn, application_name="right")
    rt = replace(runtime_of(db), rules=load("cn-2006"))
    now, due, later = datetime.now(UTC), uuid7(), uuid7()
    async with db.transaction() as tx:
        await deadlines.start_in(tx, "window", due, 0, at=now)
        await deadlines.start_in(tx, "window", later, 30 * 86_400, at=now)
    service = replace(toy.SERVICE, deadlines={"window": fire})
    clock = FixedClock(now + off, alone=True)
    async with running_service(service, dsn, clock=clock, roles_run="http,ticks", log_level="ERROR") as api:
        wrong = await ticks_until(api, "the wrong clock", lambda ticks: "clock of this process" in str(ticks["error"]))
        assert (wrong["ok"], wrong["state"], wrong["last_tick"]) == (False, "failing", None)
        assert (await ready(api))["status"] == "degraded"
        skew = re.search(r"^clock_skew_seconds\S* (\S+)$", (await api.get("/metrics")).text, re.MULTILINE)
        assert skew is not None
        assert abs(float(skew[1]) - off.total_seconds()) < 20
        assert fired == []
    assert await TickWorker(rt, {"window": fire}).tick() == 1, "only what is due by the database's time"
    assert fired == [due]
    await db.close()


async def test_a_clock_that_is_a_little_off_acts_by_the_time_of_the_database(db: Database) -> None:
    fired: list[UUID] = []

    async def fire(_rt: Runtime, _tx: Tx, thing: UUID) -> None:
        fired.append(thing)

    now, soon = datetime.now(UTC), uuid7()
    fast = FixedClock(now + timedelta(seconds=25), alone=True)
    rt = replace(runtime_of(db), rules=load("cn-2006"), clock=fast)
    async with db.transaction() as tx:
        await deadlines.start_in(tx, "window", soon, 20, at=now)
    assert await TickWorker(rt, {"window": fire}).tick() == 0, "due by the clock here, not by the database's"
    assert fired == []


async def test_a_service_without_clocks_has_no_ticks_to_report(make_database: MakeDatabase) -> None:
    async with running_service(toy.SERVICE, await make_database("runtime"), roles_run="http,ticks") as api:
        assert "ticks" not in (await ready(api))["checks"]


async def test_clocks_that_never_ran_out_are_counted_as_0_so_that_the_first_one_that_does_raises_an_alert(
    make_database: MakeDatabase,
) -> None:
    async with running_service(SERVICE, await make_database("runtime"), roles_run="http,ticks") as api:
        await ticks_until(api, "a first tick", lambda ticks: bool(ticks["last_tick"]))
        shown = (await api.get("/metrics")).text
    for name in ("deadlines_fired_total", "deadlines_failed_total"):
        assert f'{name}{{kind="never-due"}} 0.0' in shown


async def test_the_age_of_the_last_tick_grows_while_an_act_does_not_end(make_database: MakeDatabase) -> None:
    async def finished(api: Api) -> float:
        found = re.search(r"^ticks_finished_seconds(?:\{.*?\})? (\S+)", (await api.get("/metrics")).text, re.MULTILINE)
        assert found is not None
        return float(found[1])

    go_on = asyncio.Event()

    async def hang(_rt: Runtime, _tx: Tx, _aggregate_id: UUID) -> None:
        await go_on.wait()

    service = replace(SERVICE, deadlines={"never-due": hang})
    async with running_service(service, await make_database("runtime"), roles_run="http,ticks") as api:
        await ticks_until(api, "a first tick", lambda ticks: bool(ticks["last_tick"]))
        assert time.time() - await finished(api) < 5
        async with api.rt.db.transaction() as tx:
            await deadlines.start_in(tx, "never-due", uuid7(), 0, at=api.rt.clock.now())
        await asyncio.sleep(1.5)  # by now a tick has begun to act on it
        before = await finished(api)
        await asyncio.sleep(1.5)
        assert await finished(api) == before
        go_on.set()
        await until(lambda: _is_later(finished(api), before), 5)


async def _is_later(found: Awaitable[float], before: float) -> bool:
    return await found > before


async def test_what_has_a_worker_of_its_own_holds_up_no_other_clock(make_database: MakeDatabase) -> None:
    dsn = await make_database("runtime")
    fired: list[UUID] = []
    held, ended = asyncio.Event(), asyncio.Event()

    async def slow(_rt: Runtime, _tx: Tx, _thing: UUID) -> None:
        held.set()
        await ended.wait()

    async def fire(_rt: Runtime, _tx: Tx, thing: UUID) -> None:
        fired.append(thing)

    service = replace(toy.SERVICE, deadlines={"many": slow, "ends": fire}, behind=frozenset({"many"}))
    async with running_service(service, dsn, roles_run="http,ticks", log_level="ERROR") as api:
        now, end = datetime.now(UTC), uuid7()
        async with api.rt.db.transaction() as tx:
            for _ in range(8):  # more than act side by side
                await deadlines.start_in(tx, "many", uuid7(), 0, at=now - timedelta(seconds=5))
        await asyncio.wait_for(held.wait(), 5)
        async with api.rt.db.transaction() as tx:
            await deadlines.start_in(tx, "ends", end, 0, at=now)

        async def done() -> bool:
            return fired == [end]

        try:
            await until(done, 5)
            checks = (await ready(api))["checks"]
            assert {"ticks", "ticks-behind"} <= checks.keys()
            shown = (await api.get("/metrics")).text
            assert all(f'ticks_finished_seconds{{worker="{each}"}}' in shown for each in ("ticks", "ticks-behind"))
        finally:
            ended.set()
