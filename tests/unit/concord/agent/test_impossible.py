"""What an agent does when an order cannot be carried out: a site must come back, and people must hear of it."""

import asyncio
import json
import sqlite3
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid5

import pytest

from concord.agent.hooks import Impossible, Later
from concord.agent.intake import RECEIPTS
from concord.agent.journal import CONTACT, HEAD, Journal
from concord.agent.report import Metrics, _lines, report
from shared.contracts.orders import Order
from shared.contracts.receipts import Receipt
from tests.unit.concord.agent.conftest import Bench, Recorder, work
from tests.unit.concord.agent.fake_access import FakeAccess

Build = Callable[[], Bench]


def alarms(bench: Bench) -> dict[str, str]:
    return {alarm["kind"]: alarm["said"] for alarm in bench.journal.alarms.all()}


def failing(error: Exception, verb: str = "suspend", times: int = 10**9) -> Recorder:
    """A hook that fails with this verb, so many times."""
    left = [times]

    def fail(asked: str, _order: Order) -> None:
        if asked == verb and left[0]:
            left[0] -= 1
            raise error

    return Recorder(fail)


async def try_often(bench: Bench, hook: Recorder, times: int, state: str = "pending") -> None:
    """As if so many pauses had passed."""
    for _ in range(times):
        later = datetime.now(UTC) + timedelta(days=1)
        for order in (*bench.journal.taken_back(), *bench.journal.ready(later)):
            assert order.state == state
            await bench.agent.carry_out(hook, order)


# --- objections ------------------------------------------------------------------------------------------------------


async def test_an_order_that_is_impossible_again_is_objected_to_again_and_the_agent_goes_on(
    build: Build, access: FakeAccess
) -> None:
    order = access.order()
    bench, hook = build(), failing(Impossible("The machine of this site is gone."))
    for count in (1, 2, 3):
        outcomes = ["received", *["impossible"] * count]
        await work(bench, hook, lambda wanted=outcomes: access.outcomes(order["order_id"]) == wanted)  # type: ignore[misc]
        assert bench.journal.reopen(1)
    names = [f"{order['order_id']} {outcome}" for outcome in ("received", "impossible", "impossible 2", "impossible 3")]
    assert list(access.receipts) == [str(uuid5(RECEIPTS, name)) for name in names]
    other = access.order(host="other.example")
    await work(bench, hook, lambda: access.outcomes(other["order_id"]) == ["received", "impossible"])


async def test_a_receipt_that_is_in_the_journal_already_ends_nothing(build: Build, access: FakeAccess) -> None:
    order = access.order()
    bench = build()
    await bench.agent.catch_up()
    [taken] = bench.journal.ready(datetime.now(UTC))
    await bench.agent.carry_out(failing(Impossible("The machine is gone.")), taken)
    assert bench.journal.reopen(1)
    with bench.journal._db as db:  # of another outcome's receipt alone it is known how often that was said
        db.execute("UPDATE receipt SET outcome = 'contested' WHERE outcome = 'impossible'")
    await bench.agent.carry_out(failing(Impossible("The machine is still gone.")), taken)
    await work(bench, Recorder(), lambda: access.outcomes(order["order_id"]) == ["received", "impossible"])
    assert "still gone" in list(access.receipts.values())[-1]["why"]


async def test_an_order_that_was_called_impossible_leaves_an_alarm_until_it_is_done(
    build: Build, access: FakeAccess
) -> None:
    order = access.order()
    bench, hook = build(), failing(Impossible("The machine of this site is gone."), times=1)
    await work(bench, hook, lambda: len(access.outcomes(order["order_id"])) == 2)
    assert alarms(bench) == {"impossible 1": "order 1 was called impossible: The machine of this site is gone."}
    bench.journal.reopen(1)
    await work(bench, hook, lambda: access.outcomes(order["order_id"])[-1] == "executed")
    assert alarms(bench) == {}


async def test_an_order_that_was_given_up_leaves_an_alarm(build: Build, access: FakeAccess) -> None:
    access.order()
    bench = build()
    await bench.agent.catch_up()
    await try_often(bench, failing(Later("busy")), bench.config.tries)
    assert bench.journal.counts()["orders impossible"] == 1
    assert alarms(bench) == {"impossible 1": "order 1 was called impossible: Given up after 12 attempts: busy"}


async def test_what_a_later_order_takes_back_rings_no_longer(build: Build, access: FakeAccess) -> None:
    cut = access.order()
    bench = build()
    await bench.agent.catch_up()
    await try_often(bench, failing(Later("busy")), 1)
    assert "hook 1" in alarms(bench)
    access.order("restore", undoes=cut["order_id"])
    await bench.agent.catch_up()
    await try_often(bench, Recorder(), 2)
    assert alarms(bench) == {}


# --- restores --------------------------------------------------------------------------------------------------------


async def cut_and_taken_back(bench: Bench, access: FakeAccess) -> dict[str, Any]:
    """A site is cut off, and its restore is here."""
    cut = access.order()
    await bench.agent.catch_up()
    await try_often(bench, Recorder(), 1)
    back = access.order("restore", undoes=cut["order_id"])
    await bench.agent.catch_up()
    return back


async def test_a_restore_is_tried_until_it_is_done_and_rings_all_the_time(build: Build, access: FakeAccess) -> None:
    bench = build()
    back = await cut_and_taken_back(bench, access)
    hook = failing(Later("nginx -t ended with 1"), "restore")
    await try_often(bench, hook, 3 * bench.config.tries)
    assert [order.attempts for order in bench.journal.pending()] == [3 * bench.config.tries]
    pause = bench.journal.next_retry(datetime.now(UTC))
    assert pause is not None
    assert (pause - datetime.now(UTC)).total_seconds() <= 60
    assert alarms(bench) == {"restore 2": "a site is not hosted again as order 2 wants: nginx -t ended with 1"}
    assert bench.journal.counts().get("orders impossible") is None
    await try_often(bench, Recorder(), 1)
    assert alarms(bench) == {}
    await work(bench, Recorder(), lambda: access.outcomes(back["order_id"]) == ["received", "executed"])


async def test_a_restore_that_fails_for_ever_does_not_hold_up_its_site(build: Build, access: FakeAccess) -> None:
    bench = build()
    await cut_and_taken_back(bench, access)
    later = access.order()
    await bench.agent.catch_up()
    hook = failing(Later("busy"), "restore")
    await try_often(bench, hook, bench.config.tries - 1)
    assert hook.done == []
    await try_often(bench, hook, 2)
    assert hook.done == [("suspend", later["order_id"])]
    assert [order.sequence for order in bench.journal.pending()] == [2]


async def test_of_two_orders_of_a_site_one_at_a_time_is_carried_out(build: Build, access: FakeAccess) -> None:
    bench = build()
    await cut_and_taken_back(bench, access)
    await try_often(bench, failing(Later("busy"), "restore"), bench.config.tries)
    access.order()
    await bench.agent.catch_up()
    bench.journal._db.execute("UPDATE received_order SET retry_at = 0")
    assert len(bench.journal.ready(datetime.now(UTC))) == 2
    at_work = 0

    class Slow(Recorder):
        async def suspend(self, order: Order) -> str:
            nonlocal at_work
            at_work += 1
            assert at_work == 1
            await asyncio.sleep(0.05)
            at_work -= 1
            return self._do("suspend", order)

        restore = suspend

    hook = Slow()
    await work(bench, hook, lambda: len(hook.done) == 2)


async def test_a_restore_that_is_impossible_is_said_so_in_time_and_tried_on(build: Build, access: FakeAccess) -> None:
    bench = build()
    back = await cut_and_taken_back(bench, access)
    hook = failing(Impossible("Traceback: no such file"), "restore")
    await try_often(bench, hook, 1)
    assert list(alarms(bench)) == ["restore 2"], "people here hear of it at once"
    await try_often(bench, hook, bench.config.tries - 2)
    assert bench.journal.counts().get("orders impossible") is None, "a program that failed once may work a moment later"
    await try_often(bench, hook, 1)
    await work(bench, hook, lambda: access.outcomes(back["order_id"]) == ["received", "impossible"])
    [said] = [each["why"] for each in access.receipts.values() if each["outcome"] == "impossible"]
    assert said == "The site is not hosted again: Traceback: no such file\nThe agent goes on trying."
    await try_often(bench, hook, 3, "impossible")
    assert len(access.outcomes(back["order_id"])) == 2, "said once"
    assert list(alarms(bench)) == ["restore 2"]
    assert not await bench.agent.once(hook, bench.outbox), "something is left to do"
    await try_often(bench, Recorder(), 1, "impossible")
    await work(bench, hook, lambda: access.outcomes(back["order_id"])[-1] == "executed")
    assert alarms(bench) == {}


async def test_an_impossible_restore_rings_until_a_person_has_seen_it_or_it_is_tried_anew(
    build: Build, access: FakeAccess
) -> None:
    bench = build()
    back = await cut_and_taken_back(bench, access)
    hook = failing(Impossible("The customer has left."), "restore")
    await try_often(bench, hook, bench.config.tries)
    bench.journal.alarms.calm()
    await try_often(bench, hook, 2, "impossible")
    assert alarms(bench) == {}
    assert bench.journal.reopen(2)
    await try_often(bench, hook, bench.config.tries)
    assert list(alarms(bench)) == ["restore 2"]
    await work(bench, hook, lambda: access.outcomes(back["order_id"]) == ["received", "impossible", "impossible"])
    again = build()
    again.journal.alarms.calm()
    await try_often(again, hook, 1, "impossible")
    assert list(alarms(again)) == ["restore 2"], "after a restart what is still wrong rings again"


async def test_the_agent_asks_for_an_impossible_restore_by_itself_and_its_site_goes_on(
    build: Build, access: FakeAccess
) -> None:
    bench = build()
    back = await cut_and_taken_back(bench, access)
    await try_often(bench, failing(Impossible("The program is broken."), "restore"), bench.config.tries)
    retry = bench.journal.next_retry(datetime.now(UTC))
    assert retry is not None
    assert 0 < (retry - datetime.now(UTC)).total_seconds() <= 600
    later, hook = access.order(), Recorder()
    await work(bench, hook, lambda: len(access.outcomes(later["order_id"])) == 2)
    assert hook.done == [("suspend", later["order_id"])]
    bench.journal._db.execute("UPDATE received_order SET retry_at = 0")
    await work(bench, hook, lambda: access.outcomes(back["order_id"]) == ["received", "impossible", "executed"])


async def test_the_clock_of_an_objection_is_not_the_most_urgent_one(build: Build, access: FakeAccess) -> None:
    bench = build()
    await cut_and_taken_back(bench, access)
    assert any("due_timestamp" in line for line in _lines(report(bench.journal)))
    await try_often(bench, failing(Impossible("The program is broken."), "restore"), bench.config.tries)
    assert [order["state"] for order in report(bench.journal)["pending"]] == ["impossible"]
    assert not any("due_timestamp" in line for line in _lines(report(bench.journal)))
    assert Metrics(bench.journal)


def test_many_other_alarms_do_not_push_out_that_a_site_is_dark(build: Build) -> None:
    bench = build()
    bench.journal.alarms.ring("restore 2", "a site is not hosted again")
    for number in range(150):
        bench.journal.alarms.ring(f"hook {number}", "away")
    assert "restore 2" in alarms(bench)
    assert len(alarms(bench)) == 101


# --- what hooks say --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("said", "how"),
    [
        ("\x1b[32mdone\x1b[0m on \t3 machines", "[32mdone [0m on  3 machines"), ("a\0b", "a b"), ("  ", "Done."),
        ("\u202edone", "done"), ("x" * 700, "x" * 500), ("\u2800", "Done."),
    ],
)  # fmt: skip
async def test_whatever_a_hook_says_its_receipt_can_be_taken(
    build: Build, access: FakeAccess, said: str, how: str
) -> None:
    access.order()
    bench = build()
    await bench.agent.catch_up()

    class Says(Recorder):
        async def suspend(self, order: Order) -> str:
            return said

    await try_often(bench, Says(), 1)
    receipt = Receipt.model_validate_json(bench.journal.queued()[-1].document)
    assert (receipt.outcome, receipt.how) == ("executed", how)


@pytest.mark.parametrize(
    "said", ["", "no", "\0\0\0", "\x1b[31mno such site\x1b[0m\r\nTraceback", "x" * 30_000, "。" * 20]
)
async def test_whatever_a_hook_gives_as_its_reason_can_be_taken(build: Build, access: FakeAccess, said: str) -> None:
    access.order()
    bench = build()
    await bench.agent.catch_up()
    await try_often(bench, failing(Impossible(said)), 1)
    document = bench.journal.queued()[-1].document
    assert Receipt.model_validate_json(document).outcome == "impossible"
    assert json.loads(document)["why"]


# --- what is due -----------------------------------------------------------------------------------------------------


async def test_a_restore_does_not_wait_for_the_next_try_of_what_it_takes_back(build: Build, access: FakeAccess) -> None:
    cut = access.order()
    bench, hook = build(), failing(Later("busy", 600.0))
    await work(bench, hook, lambda: "hook 1" in alarms(bench))
    back = access.order("restore", undoes=cut["order_id"])
    await work(bench, hook, lambda: access.outcomes(back["order_id"]) == ["received", "executed"], seconds=5)
    assert hook.done == [("restore", back["order_id"])]
    assert bench.journal.counts()["orders passed"] == 1


async def test_a_suspension_is_over_at_its_end_also_while_it_waits_for_its_next_try(
    build: Build, access: FakeAccess
) -> None:
    ends = access.order("suspend", until=(datetime.now(UTC) + timedelta(seconds=2)).isoformat())
    bench, hook = build(), failing(Later("busy", 600.0))
    await work(bench, hook, lambda: access.outcomes(ends["order_id"]) == ["received", "executed"], seconds=6)
    assert "the measure had ended by itself" in list(access.receipts.values())[-1]["how"]


@pytest.mark.parametrize("kind", ["restore", "owed", "ending"])
async def test_a_clock_that_was_ahead_holds_up_no_restore_and_no_end(
    build: Build, access: FakeAccess, kind: str
) -> None:
    bench = build()
    if kind == "ending":
        access.order("suspend", until=(datetime.now(UTC) + timedelta(hours=1)).isoformat())
        await bench.agent.catch_up()
        await try_often(bench, Recorder(), 1)
        bench.journal._db.execute("UPDATE ending SET until = 0, retry_at = unixepoch() + 700, attempts = 1")
    else:
        await cut_and_taken_back(bench, access)
        times = bench.config.tries if kind == "owed" else 1
        await try_often(bench, failing(Impossible("The machine is gone."), "restore"), times)
        bench.journal._db.execute("UPDATE received_order SET retry_at = unixepoch() + 700 WHERE sequence = 2")
    hook = Recorder()
    await work(bench, hook, lambda: bool(hook.done), seconds=5)
    assert [verb for verb, _ in hook.done] == ["resume" if kind == "ending" else "restore"]


@pytest.mark.parametrize("kind", ["restore", "owed", "ending"])
async def test_a_pause_is_waited_out(build: Build, access: FakeAccess, kind: str) -> None:
    bench = build()
    table, now = "ending" if kind == "ending" else "received_order", datetime.now(UTC)
    access.order("suspend", until=(now + timedelta(hours=1)).isoformat())
    await bench.agent.catch_up()
    await try_often(bench, Recorder(), 1)
    if kind == "ending":
        bench.journal._db.execute("UPDATE ending SET until = 0")
    else:
        access.order("restore", undoes=str(bench.journal._db.execute("SELECT order_id FROM ending").fetchone()[0]))
        await bench.agent.catch_up()
        times = bench.config.tries if kind == "owed" else 1
        await try_often(bench, failing(Impossible("The machine is gone."), "restore"), times)
    bench.journal._db.execute(f"UPDATE {table} SET retry_at = unixepoch() + 590")
    assert not bench.journal.ready(now)
    assert not bench.journal.ended(now)


async def test_a_clock_that_was_set_is_noticed(
    build: Build, access: FakeAccess, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("concord.agent.agent.LOOK_S", 0.2)
    bench = build()
    await cut_and_taken_back(bench, access)
    await try_often(bench, failing(Later("busy"), "restore"), 1)
    bench.journal._db.execute("UPDATE received_order SET retry_at = unixepoch() + 500 WHERE sequence = 2")
    hook = Recorder()
    monkeypatch.setattr(bench.agent, "_wake", lambda: None)  # no other reason to look
    task = asyncio.create_task(work(bench, hook, lambda: bool(hook.done), seconds=5))
    await asyncio.sleep(0.5)
    assert not hook.done
    bench.journal._db.execute("UPDATE received_order SET retry_at = unixepoch() - 1 WHERE sequence = 2")
    await task


async def test_a_note_that_cannot_be_written_keeps_no_restore_from_being_tried(
    build: Build, access: FakeAccess, monkeypatch: pytest.MonkeyPatch
) -> None:
    await cut_and_taken_back(build(), access)
    bench, hook = build(), Recorder()
    remember = bench.journal.remember

    def full(name: str, value: Any) -> None:
        if name in {HEAD, CONTACT}:
            raise sqlite3.OperationalError("database or disk is full")
        remember(name, value)

    monkeypatch.setattr(bench.journal, "remember", full)
    await work(bench, hook, lambda: bool(hook.done), seconds=5)
    assert [verb for verb, _ in hook.done] == ["restore"]


async def test_what_falls_due_while_it_is_looked_is_not_waited_for(
    build: Build, access: FakeAccess, monkeypatch: pytest.MonkeyPatch
) -> None:
    bench, hook = build(), Recorder()
    await cut_and_taken_back(bench, access)
    await try_often(bench, failing(Later("busy"), "restore"), 1)
    soon = datetime.now(UTC).timestamp() + 0.5
    bench.journal._db.execute("UPDATE received_order SET retry_at = ? WHERE sequence = 2", (soon,))
    ready, looked = bench.journal.ready, list[float]()

    def slow(*given: Any) -> Any:
        found = ready(*given)
        looked.append(time.monotonic())
        if len(looked) == 4:
            time.sleep(1)
        return found

    monkeypatch.setattr(bench.journal, "ready", slow)
    monkeypatch.setattr(bench.agent, "_wake", lambda: None)  # no other reason to look
    bench.agent._caught_up.set()
    await work(bench, hook, lambda: bool(hook.done), seconds=5)


async def test_what_hangs_holds_up_no_other_site(build: Build, access: FakeAccess) -> None:
    bench = build()
    cuts = [access.order(host=f"back-{n}.example") for n in range(41)]
    await bench.agent.catch_up()
    await try_often(bench, Recorder(), 1)
    for n in range(40):
        access.order("restore", undoes=cuts[n]["order_id"], host=f"back-{n}.example")
        access.order(host=f"dark-{n}.example")
    await bench.agent.catch_up()
    bench.journal._db.execute("UPDATE received_order SET attempts = 1 WHERE state = 'pending'")
    hanging = {order.order_id for order in bench.journal.pending()}
    at_work = most = 0

    class Hangs(Recorder):
        async def suspend(self, order: Order) -> str:
            nonlocal at_work, most
            if order.order_id in hanging:
                at_work, most = at_work + 1, max(most, at_work + 1)
                await asyncio.sleep(3600)
            return self._do(order.action, order)

        restore = suspend

    hook = Hangs()
    new = [access.order("restore", undoes=cuts[40]["order_id"], host="back-40.example"), access.order(host="n.example")]
    await work(bench, hook, lambda: len(hook.done) == 2, seconds=5)
    assert {order_id for _, order_id in hook.done} == {order["order_id"] for order in new}
    assert most == 16


# --- a full disk -----------------------------------------------------------------------------------------------------


def full_for(monkeypatch: pytest.MonkeyPatch, journal: Journal, name: str, times: int) -> list[str]:
    """So many times one of the journal's verbs finds no room; gives what it was asked meanwhile."""
    asked, verb = list[str](), getattr(journal, name)

    def full(*given: Any) -> Any:
        asked.append(name)
        if len(asked) <= times:
            raise sqlite3.OperationalError("database or disk is full")
        return verb(*given)

    monkeypatch.setattr(journal, name, full)
    return asked


class Slow(Recorder):
    """A hook that takes longer than any of the agent's loops needs to begin."""

    async def restore(self, order: Order) -> str:
        await asyncio.sleep(1)
        return self._do("restore", order)

    async def resume(self, order: Order) -> str:
        await asyncio.sleep(1)
        return self._do("resume", order)


@pytest.mark.parametrize("name", ["settle", "prove"])
async def test_receipts_that_cannot_be_noted_are_handed_in_again_and_end_no_hook(
    build: Build, access: FakeAccess, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    bench, hook = build(), Slow()
    back = await cut_and_taken_back(bench, access)
    asked = full_for(monkeypatch, bench.journal, name, 2)
    await work(bench, hook, lambda: bench.journal.counts().get("receipts accepted") == 4)
    assert hook.done == [("restore", back["order_id"])], "by the same agent, at its first try"
    assert len(asked) >= 3
    assert access.outcomes(back["order_id"]) == ["received", "executed"]
    assert "receipt_replayed" in {answer["code"] for answer in access.answers}


async def test_of_a_refused_receipt_people_hear_also_if_that_could_not_be_noted(
    build: Build, access: FakeAccess, monkeypatch: pytest.MonkeyPatch
) -> None:
    access.order()
    bench = build()
    await bench.agent.catch_up()
    [receipt] = bench.journal.queued()
    full_for(monkeypatch, bench.journal, "settle", 1)
    with pytest.raises(sqlite3.OperationalError):  # or it was killed
        bench.agent._handing.settle([(receipt, "refused", "foreign_order")])
    assert list(alarms(bench)) == ["receipt"]


@pytest.mark.parametrize("by_topic", [False, True])
async def test_an_order_that_cannot_be_taken_is_read_again_and_ends_no_hook(
    build: Build, access: FakeAccess, monkeypatch: pytest.MonkeyPatch, by_topic: bool
) -> None:
    """Not even before the head was seen: the end of a suspension needs nobody's word."""
    ends = access.order("suspend", until=(datetime.now(UTC) + timedelta(hours=1)).isoformat())
    bench = build()
    await bench.agent.catch_up()
    await try_often(bench, Recorder(), 1)
    bench.journal._db.execute("UPDATE ending SET until = 0")
    access.order(host="other.example")
    hook, third = Slow(), list[bytes]()
    full_for(monkeypatch, bench.journal, "take", 2)

    async def topic(accept: Any) -> None:
        full_for(monkeypatch, bench.journal, "take", 2)
        access.order(host="third.example")
        third.append(access.orders[2])
        await accept(third)
        await asyncio.Event().wait()

    count = 6 if by_topic else 4
    await work(
        bench, hook,
        lambda: bench.journal.counts().get("receipts accepted") == count and ("resume", ends["order_id"]) in hook.done,
        topic=topic if by_topic else None,
    )  # fmt: skip
    assert hook.done.count(("resume", ends["order_id"])) == 1
    assert bool(third) is by_topic


@pytest.mark.parametrize("tried", [False, True])
async def test_what_is_taken_back_and_cannot_be_passed_over_holds_up_no_restore(
    build: Build, access: FakeAccess, monkeypatch: pytest.MonkeyPatch, tried: bool
) -> None:
    """Nor a restore that failed once, and so is due again after what it takes back."""
    bench, hosts = build(), ["a.example", "b.example"]
    cuts = [access.order(host=host) for host in hosts]
    await bench.agent.catch_up()
    await try_often(bench, failing(Later("busy")), int(tried))
    asked = full_for(monkeypatch, bench.journal, "pass_over", 10**9)
    backs = [access.order("restore", undoes=cut["order_id"], host=host) for cut, host in zip(cuts, hosts, strict=True)]
    await bench.agent.catch_up()
    bench.journal._db.execute("UPDATE received_order SET retry_at = 0")
    hook, ends = failing(Later("busy"), "restore", times=2), [["received", "executed"]] * 2
    await work(bench, hook, lambda: [access.outcomes(back["order_id"]) for back in backs] == ends, seconds=8)
    assert sorted(hook.done) == sorted(("restore", back["order_id"]) for back in backs)
    assert asked
    assert bench.journal.counts()["orders pending"] == 2
    monkeypatch.undo()
    await work(bench, hook, lambda: bench.journal.counts().get("orders passed") == 2)


async def test_what_was_done_and_cannot_be_noted_takes_no_place_and_ends_no_hook(
    build: Build, access: FakeAccess, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("concord.agent.agent.NOTE_AGAIN_S", 0.5)
    bench = build()
    cuts = [access.order(host=f"{n}.example") for n in range(6)]
    await bench.agent.catch_up()
    await try_often(bench, Recorder(), 1)
    backs = [access.order("restore", undoes=cut["order_id"], host=f"{n}.example") for n, cut in enumerate(cuts)]
    slow = backs[0]["order_id"]

    class TwoAtOnce(Recorder):
        at_once = 2

        async def restore(self, order: Order) -> str:
            await asyncio.sleep(1.5 if str(order.order_id) == slow else 0)
            return self._do("restore", order)

    hook, asked = TwoAtOnce(), full_for(monkeypatch, bench.journal, "close_order", 10**9)
    task = asyncio.create_task(work(bench, hook, lambda: bench.journal.counts().get("receipts accepted") == 24))
    await asyncio.sleep(1)
    assert {order_id for _, order_id in hook.done} == {back["order_id"] for back in backs[1:]}
    assert len(asked) < 30, "now and then"
    monkeypatch.undo()
    await task
    assert hook.done.count(("restore", slow)) == 1
    assert [access.outcomes(back["order_id"]) for back in backs] == [["received", "executed"]] * 6


async def test_an_end_that_cannot_be_noted_is_told_again_and_an_order_taken_back_is_never_carried_out(
    build: Build, access: FakeAccess, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("concord.agent.agent.NOTE_AGAIN_S", 0.2)
    ends = access.order("suspend", until=(datetime.now(UTC) + timedelta(hours=1)).isoformat())
    bench, hook = build(), failing(Later("busy", 600.0))
    await bench.agent.catch_up()
    await try_often(bench, Recorder(), 1)
    bench.journal._db.execute("UPDATE ending SET until = 0")
    cut = access.order(host="other.example")
    await work(bench, hook, lambda: "hook 2" in alarms(bench))
    bench.journal._db.execute("UPDATE ending SET done = 0")
    back = access.order("restore", undoes=cut["order_id"], host="other.example")
    for name in ("close_ending", "pass_over"):
        full_for(monkeypatch, bench.journal, name, 2)

    def over() -> bool:
        restored = access.outcomes(back["order_id"]) == ["received", "executed"]
        return restored and not bench.journal.ended(datetime.now(UTC))

    await work(bench, hook, over)
    assert hook.done.count(("resume", ends["order_id"])) > 2
    assert ("suspend", cut["order_id"]) not in hook.done


async def test_once_ends_where_nothing_can_be_noted(
    build: Build, access: FakeAccess, monkeypatch: pytest.MonkeyPatch
) -> None:
    access.order()
    bench = build()
    full_for(monkeypatch, bench.journal, "close_order", 10**9)
    async with asyncio.timeout(5):
        with pytest.raises(ExceptionGroup):
            await bench.agent.once(Recorder(), bench.outbox)
