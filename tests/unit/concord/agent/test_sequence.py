"""Orders of one site: in sequence, but what gives it back waits for nothing that failed and is to be tried again."""

import itertools
import random
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from concord.agent.hooks import Later
from concord.agent.journal import Taken
from concord.agent.web import WebHook
from shared.contracts.orders import Order
from tests.unit.concord.agent.conftest import Bench, Recorder, work
from tests.unit.concord.agent.fake_access import FakeAccess

Build = Callable[[], Bench]
HOST = "pharmacy.example"


class Killed(BaseException):
    """As ``kill -9``: nobody catches it."""


class Steps:
    """Counts instants, at one of which the agent is killed."""

    def __init__(self, last: int | None = None) -> None:
        self._count, self.last = itertools.count(), last

    def one(self) -> None:
        if next(self._count) == self.last:
            raise Killed

    def around(self, act: Callable[..., Any]) -> Callable[..., Any]:
        def watched(*given: Any) -> Any:
            self.one()
            done = act(*given)
            self.one()
            return done

        return watched


class Web:
    """The web hook; what it cannot do is told by order id, with how often. ``done`` lists what it did."""

    def __init__(self, web: WebHook) -> None:
        self.web = web
        self.fails: dict[str, int] = {}
        self.done: list[str] = []
        self.steps = Steps()

    def by(self) -> str | None:
        """The order by which the site is dark."""
        found = self.web.suspended_by(HOST, datetime.now(UTC))
        return str(found.order_id) if found else None

    async def suspend(self, order: Order) -> str:
        return await self._do(self.web.suspend, order)

    async def restore(self, order: Order) -> str:
        return await self._do(self.web.restore, order)

    async def resume(self, order: Order) -> str:
        return await self._do(self.web.resume, order)

    async def _do(self, verb: Any, order: Order) -> str:
        self.steps.one()
        name = str(order.order_id)
        if self.fails.get(name, 0):
            self.fails[name] -= 1
            raise Later("busy", 600.0)
        said: str = await verb(order)
        self.done.append(name)
        self.steps.one()
        return said


@pytest.fixture
async def web(tmp_path: Path) -> AsyncIterator[Web]:
    hook = WebHook(tmp_path / "web.sqlite", "127.0.0.1", 0)
    yield Web(hook)
    await hook.stop()


def place(bench: Bench, order: dict[str, Any]) -> str:
    """Where an order stands."""
    sql = "SELECT state FROM received_order WHERE order_id = ?"
    return str(bench.journal._db.execute(sql, (order["order_id"],)).fetchone()[0])


def no_pause(bench: Bench) -> None:
    """As if every pause were over."""
    bench.journal._db.execute("UPDATE received_order SET retry_at = 0")


async def go_on(bench: Bench, web: Web) -> None:
    """Carry out whatever is due, until nothing is."""
    await bench.agent.catch_up()
    await bench.agent._carry_out(web, once=True)


@pytest.mark.parametrize("failing", ["cut_off", "suspend", "restore"])
async def test_a_restore_waits_for_no_other_order_of_its_site_that_waits_for_its_next_try(
    build: Build, access: FakeAccess, web: Web, failing: str
) -> None:
    """The site is served in between: it was dark by the first order alone, and that one is over."""
    first, given_back = access.order(host=HOST), access.order(host=HOST)
    bench = build()
    await work(bench, web, lambda: place_of(bench, given_back) == "executed")
    more = {"restore": {"undoes": given_back["order_id"]}, "cut_off": {}}
    more["suspend"] = {"until": (datetime.now(UTC) + timedelta(days=1)).isoformat()}
    stuck = access.order(failing, host=HOST, **more[failing])
    if failing != "restore":
        await work(bench, web, lambda: True)
        access.order("restore", undoes=given_back["order_id"], host=HOST)
    web.fails = {stuck["order_id"]: 1}
    behind = access.order(host=HOST)
    await work(bench, web, lambda: any(each.attempts for each in bench.journal.pending()))
    back = access.order("restore", undoes=first["order_id"], host=HOST)
    await work(bench, web, lambda: access.outcomes(back["order_id"]) == ["received", "executed"], seconds=5)
    assert (place(bench, stuck), place(bench, behind)) == ("pending", "pending")
    assert web.by() == (given_back["order_id"] if failing == "restore" else None)
    no_pause(bench)
    await work(bench, web, lambda: not bench.journal.pending())
    assert web.done[-3:] == [back["order_id"], stuck["order_id"], behind["order_id"]]
    assert web.by() == behind["order_id"]


def place_of(bench: Bench, order: dict[str, Any]) -> str:
    """Where an order stands, which may not be here yet."""
    return place(bench, order) if bench.journal.payload(order["sequence"]) else ""


async def test_until_one_failed_a_restore_comes_in_sequence(build: Build, access: FakeAccess) -> None:
    first = access.order(host=HOST)
    bench, hook = build(), Recorder()
    await work(bench, hook, lambda: bool(hook.done))
    other, back = access.order(host=HOST), access.order("restore", undoes=first["order_id"], host=HOST)
    await work(bench, hook, lambda: len(hook.done) == 3)
    assert [order_id for _, order_id in hook.done] == [each["order_id"] for each in (first, other, back)]


async def test_killed_at_any_instant_what_is_in_force_is_carried_out_and_nothing_else(
    build: Build, access: FakeAccess, web: Web, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two orders of one host name; one fails twice, and meanwhile the other, and one behind it, are taken back."""
    kills = 0
    for last in itertools.count():
        first, bench = access.order(host=HOST), build()
        await go_on(bench, web)
        assert web.by() == first["order_id"]
        stuck, behind = access.order(host=HOST), access.order(host=HOST)
        backs = [access.order("restore", undoes=each["order_id"], host=HOST) for each in (first, behind)]
        web.fails, web.steps, web.done = {stuck["order_id"]: 2}, Steps(last), []
        killed, watched = False, None
        while True:
            for name in ("close_order", "postpone", "pass_over") if bench is not watched else ():
                monkeypatch.setattr(bench.journal, name, web.steps.around(getattr(bench.journal, name)))
            watched = bench
            try:
                await go_on(bench, web)
                if not bench.journal.pending():
                    break
                no_pause(bench)
            except* Killed:
                killed, bench = True, build()
        kills += killed
        assert web.by() == stuck["order_id"]
        at = [web.done.index(each["order_id"]) for each in (backs[0], stuck)]
        assert at == sorted(at), "what failed holds up no restore"
        assert behind["order_id"] not in web.done
        assert len(web.done) in {3, 3 + killed}, "once, but for what was done and not noted"
        web.steps.last = None
        assert await bench.agent._handing.once(bench.outbox)
        for each in (first, stuck, *backs):
            assert access.outcomes(each["order_id"]) == ["received", "executed"]
        access.order("restore", undoes=stuck["order_id"], host=HOST)
        await go_on(bench, web)
        assert web.by() is None
        if not killed:
            break
    assert kills > 15


def may_begin(pending: list[Taken], tries: int) -> set[int]:
    """The rule once more, of one site, in other words."""
    holding = [each for each in pending if each.action != "restore" or each.attempts < tries]
    found = {each.sequence for each in pending if not [one for one in holding if one.sequence < each.sequence]}
    if holding and holding[0].attempts:
        found |= {each.sequence for each in pending if each.action == "restore"}
    return found


def test_what_may_begin_is_the_same_for_whatever_is_pending(build: Build) -> None:
    bench, chance = build(), random.Random(11)
    now, tries, overtaken = datetime.now(UTC), 3, 0
    for _ in range(400):
        bench.journal._db.execute("DELETE FROM received_order")
        for sequence in range(1, chance.randint(2, 9)):
            action, state = (
                chance.choice(["cut_off", "suspend", "restore"]),
                chance.choice([*["pending"] * 3, "executed"]),
            )
            bench.journal._db.execute(
                "INSERT INTO received_order (sequence, order_id, digest, action, site, payload, state, attempts)"
                " VALUES (?, ?, 'digest', ?, ?, x'7b7d', ?, ?)",
                (sequence, str(UUID(int=sequence)), action, chance.choice("ab"), state, chance.choice([0, 0, 1, 3])),
            )
        pending = bench.journal.pending()
        wanted = [may_begin([each for each in pending if each.site == site], tries) for site in "ab"]
        assert {each.sequence for each in bench.journal.ready(now, tries=tries)} == set().union(*wanted)
        overtaken += sum(len(each) > 1 for each in wanted)
    assert overtaken > 20
