"""What an agent does with what it cannot know: a lost journal, orders taken back meanwhile, keys that are gone, two."""

import asyncio
import json
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import pytest

from concord.agent.agent import Agent
from concord.agent.config import Config
from concord.agent.door import Door
from concord.agent.intake import BadOrder, Intake, Keys, Receipts
from concord.agent.journal import CONTACT, Journal
from concord.agent.outbox import HttpOutbox
from concord.agent.report import report
from concord.sdk.errors import Unreachable
from shared.signing import Signer, generate_key
from tests.unit.concord.agent.conftest import Bench, Recorder, work
from tests.unit.concord.agent.fake_access import FakeAccess
from tests.unit.concord.agent.test_agent import forged, settled

Build = Callable[[], Bench]


def lose(config: Config) -> None:
    """The journal is gone, as after a disk failed."""
    for file in config.state_file.parent.glob(f"{config.state_file.name}*"):
        file.unlink()


async def test_after_a_lost_journal_nothing_is_done_that_was_undone(
    build: Build, access: FakeAccess, config: Config
) -> None:
    gone, stays = access.order(host="a.example"), access.order(host="b.example")
    first = build()
    await work(first, Recorder(), settled(first, 2))
    back = access.order("restore", undoes=gone["order_id"], host="a.example")
    await work(first, Recorder(), settled(first, 3))
    unheard = access.order("restore", undoes=stays["order_id"], host="b.example")  # open when the disk fails
    new = access.order(host="c.example")
    first.journal.close()
    lose(config)
    again, hook = build(), Recorder()
    await work(again, hook, lambda: access.outcomes(new["order_id"]) == ["received", "executed"])
    assert sorted(hook.done) == sorted([("restore", unheard["order_id"]), ("suspend", new["order_id"])])
    assert access.outcomes(unheard["order_id"]) == ["received", "executed"]
    assert len(access.outcomes(back["order_id"])) == 2
    state = await again.door.state()
    assert again.journal.in_force() == (state["in_force"], state["hash"])
    assert again.journal.counts()["orders passed"] == 3


async def test_what_is_in_force_is_carried_out_again_after_a_lost_journal(
    build: Build, access: FakeAccess, config: Config
) -> None:
    cut = access.order()
    first = build()
    await work(first, Recorder(), settled(first, 1))
    first.journal.close()
    lose(config)
    again, hook = build(), Recorder()
    await work(again, hook, settled(again, 1))
    assert hook.done == [("suspend", cut["order_id"])]
    assert access.outcomes(cut["order_id"]) == ["received", "executed"]


async def test_an_order_that_was_taken_back_while_the_agent_was_down_is_never_carried_out(
    build: Build, access: FakeAccess
) -> None:
    first = build()
    access.order(host="other.example")
    await work(first, Recorder(), settled(first, 1))
    cut = access.order()
    await first.agent.catch_up()  # taken, and killed before it was carried out
    back = access.order("restore", undoes=cut["order_id"])
    again, hook = build(), Recorder()
    await work(again, hook, lambda: len(access.outcomes(back["order_id"])) == 2)
    assert hook.done == [("restore", back["order_id"])]
    assert access.outcomes(cut["order_id"]) == ["received"]


async def test_nothing_is_carried_out_before_the_head_was_seen(build: Build, access: FakeAccess) -> None:
    bench = build()
    access.order()
    await bench.agent.catch_up()
    access.down = 10_000
    again, hook = build(), Recorder()
    await work(again, hook, lambda: access.down < 9_999)
    assert hook.done == []
    access.down = 0
    await work(again, hook, settled(again, 1))
    assert len(hook.done) == 1


async def test_a_key_that_was_taken_out_of_the_set_is_not_believed(build: Build, access: FakeAccess) -> None:
    access.order()
    bench = build()
    await bench.intake.take(access.orders)
    old, access.signer = access.signer, Signer(generate_key("orders-2"))
    access.published[:] = [access.signer]
    now = bench.keys._clock()
    stolen = old.sign(json.dumps(access.document()).encode(), "concord-order+json").encode()
    bench.keys._clock = lambda: now + bench.config.keys_every_s + 1
    with pytest.raises(BadOrder, match="unknown_kid"):
        await bench.intake.take([stolen])


async def test_a_retired_key_is_believed_for_what_it_signed_before_and_for_nothing_after(
    build: Build, access: FakeAccess
) -> None:
    access.order()
    access.retired["orders-1"] = "2026-11-22T04:00:01Z"  # a second after the example was issued
    bench = build()
    assert await bench.intake.take(access.orders) == 1
    access.order(issued_at="2026-11-22T04:00:02Z")
    with pytest.raises(BadOrder, match="retired_key"):
        await bench.intake.take(access.orders)


async def test_a_retired_key_signs_nothing_new_that_is_back_dated_before_what_is_held(
    build: Build, access: FakeAccess
) -> None:
    """Whoever stole it writes any time into what it signs: the orders held here say what has happened since."""
    access.order(issued_at="2026-11-20T04:00:00Z")
    old, access.signer = access.signer, Signer(generate_key("orders-2"))
    access.published.append(access.signer)
    access.order(issued_at="2026-11-24T04:00:00Z")
    access.retired["orders-1"] = "2026-11-23T12:00:00Z"
    bench = build()
    for issued, believed in (("2026-11-23T03:59:59Z", False), ("2026-11-23T04:00:00Z", True)):
        document = access.document(issued_at=issued)
        last = old.sign(json.dumps(document).encode(), "concord-order+json").encode()
        if believed:
            assert await bench.intake.take([*access.orders, last]) == 1
        else:
            with pytest.raises(BadOrder, match="retired_key: the key 'orders-1'"):
                await bench.intake.take([*access.orders, last])
            assert bench.journal.last_sequence == 2


async def test_a_retired_key_signs_nothing_that_was_not_there_when_access_control_was_asked_after_it(
    build: Build, access: FakeAccess
) -> None:
    now = datetime.now(UTC)
    access.order(issued_at=str(now - timedelta(days=90)))
    bench = build()
    await bench.agent.catch_up()
    access.retired["orders-1"] = str(now - timedelta(minutes=1))
    bench.keys._clock = lambda: now.timestamp() + bench.config.keys_every_s + 1
    access.order(issued_at=str(now - timedelta(hours=2)))
    with pytest.raises(BadOrder, match="retired_key"):
        await bench.intake.take(access.orders)
    access.orders.pop()
    access.order(issued_at=str(now - timedelta(minutes=2)))  # on its way when the key was retired
    assert await bench.intake.take(access.orders) == 1


async def test_what_was_issued_while_the_agent_was_down_is_believed_of_a_key_retired_since(
    build: Build, access: FakeAccess
) -> None:
    now = datetime.now(UTC)
    access.order(issued_at=str(now - timedelta(days=9)))
    bench = build()
    await bench.agent.catch_up()
    bench.journal.remember(CONTACT, str(now - timedelta(days=8)))
    bench.keys._clock = lambda: now.timestamp() + bench.config.keys_every_s + 1
    access.order(issued_at=str(now - timedelta(days=7)))
    access.retired["orders-1"] = str(now - timedelta(days=6))
    assert await bench.intake.take(access.orders) == 1
    lose(bench.config)
    again = build()
    await again.agent._begin()
    assert again.journal.last_sequence == 2


async def test_keys_that_cannot_be_fetched_are_believed_for_a_day(build: Build, access: FakeAccess) -> None:
    access.order()
    bench = build()
    await bench.intake.take(access.orders)
    access.down = 10_000
    now = bench.keys._clock()
    access.order()
    bench.keys._clock = lambda: now + 23 * 3600
    assert await bench.intake.take(access.orders) == 1
    access.order()
    bench.keys._clock = lambda: now + 25 * 3600
    with pytest.raises(Exception, match="unavailable"):
        await bench.intake.take(access.orders)


async def test_two_agents_of_one_provider_on_two_machines_do_no_harm(
    tmp_path: Path, config: Config, access: FakeAccess
) -> None:
    orders = [access.order(host=f"site-{n}.example") for n in range(8)]
    hooks = [Recorder(), Recorder()]

    async def one(name: str, hook: Recorder) -> None:
        mine = config.model_copy(update={"state_file": tmp_path / f"{name}.sqlite"})
        journal = Journal(mine.state_file, mine.provider_id)
        async with Door.open(mine, httpx.ASGITransport(access.app)) as door:
            receipts = Receipts(mine.provider_id, mine.signer())
            keys = Keys(journal, lambda: door.keys(mine.jwks_url))
            intake = Intake(mine.provider_id, journal, keys, receipts)
            agent = Agent(mine, journal, intake, receipts, door)
            assert await agent.once(hook, HttpOutbox(door, journal, keys, receipts))
            assert report(journal)["alarms"] == []
        journal.close()

    await asyncio.gather(*(one(str(n), hook) for n, hook in enumerate(hooks)))
    assert [sorted(access.outcomes(order["order_id"])) for order in orders] == [["executed", "received"]] * 8
    assert all(len(hook.done) == 8 for hook in hooks)
    assert {answer["code"] for answer in access.answers} <= {None, "receipt_replayed"}


async def test_once_takes_what_is_there_and_says_whether_something_is_left(build: Build, access: FakeAccess) -> None:
    cut = access.order()
    bench, hook = build(), Recorder()
    assert await bench.agent.once(hook, bench.outbox)
    assert access.outcomes(cut["order_id"]) == ["received", "executed"]
    access.order()
    access.known_keys = []
    assert not await bench.agent.once(hook, bench.outbox)
    access.down = 10_000
    with pytest.raises(Exception, match="unavailable"):
        await bench.agent.once(hook, bench.outbox)


async def test_what_people_must_look_at_rings_and_falls_silent(build: Build, access: FakeAccess) -> None:
    access.order()
    bench = build()
    await work(bench, Recorder(), settled(bench, 1))
    access.orders.append(forged(access, sequence=2))
    await work(bench, Recorder(), lambda: any(alarm["kind"] == "feed" for alarm in bench.journal.alarms.all()))
    access.orders.pop()
    access.order()
    await work(bench, Recorder(), lambda: not bench.journal.alarms.all())
    bench.door.skew_s = 400.0
    await bench.agent.catch_up()
    [alarm] = bench.journal.alarms.all()
    assert alarm["kind"] == "clock"
    assert "+400 s" in alarm["said"]
    bench.journal.alarms.calm()
    assert bench.journal.alarms.all() == []


async def test_a_clock_that_differs_is_seen_from_the_answers(config: Config) -> None:
    async def answer(request: httpx.Request) -> httpx.Response:
        body = {"access_token": "t", "token_endpoint": "http://127.0.0.1:9/issuer/t", "orders": [], "head": 0}
        return httpx.Response(200, json=body, headers={"Date": "Thu, 26 Nov 2026 12:00:00 GMT"})

    async with Door.open(config, httpx.MockTransport(answer)) as door:
        await door.orders(0)
        assert abs(door.skew_s) > 60


async def test_as_long_as_the_other_side_asks_is_waited(config: Config, monkeypatch: pytest.MonkeyPatch) -> None:
    async def busy(request: httpx.Request) -> httpx.Response:
        if "issuer" in request.url.path:
            return httpx.Response(200, json={"access_token": "t", "token_endpoint": "http://127.0.0.1:9/issuer/t"})
        return httpx.Response(503, json={"code": "unavailable"}, headers={"Retry-After": "17"})

    slept: list[float] = []

    async def sleep(seconds: float) -> None:
        slept.append(seconds)

    from concord.agent.patience import Patience  # noqa: PLC0415 - one use

    monkeypatch.setattr("concord.agent.patience.asyncio.sleep", sleep)
    patience = Patience()
    async with Door.open(config, httpx.MockTransport(busy)) as door:
        try:
            await door.orders(0)
        except Exception as error:
            await patience.wait("the feed", error)
    for _ in range(20):
        await patience.wait("the feed", Unreachable("nobody"))
    assert slept[0] == 17
    assert slept[1] < 2
    assert 30 <= slept[-1] <= 60
    assert len(set(slept)) > 10, "not all agents at the same moment"


def test_a_journal_of_an_older_agent_is_taken_over(config: Config, tmp_path: Path) -> None:
    journal = Journal(config.state_file, config.provider_id)
    journal._db.executescript(
        "DROP TABLE received_order; CREATE TABLE received_order (sequence INTEGER PRIMARY KEY,"
        " order_id TEXT NOT NULL UNIQUE, digest TEXT NOT NULL, action TEXT NOT NULL, site TEXT NOT NULL,"
        " undoes TEXT, payload BLOB NOT NULL,"
        " state TEXT NOT NULL DEFAULT 'pending' CHECK (state IN ('pending', 'executed', 'impossible')),"
        " attempts INTEGER NOT NULL DEFAULT 0, retry_at REAL NOT NULL DEFAULT 0, note TEXT) STRICT;"
        f"INSERT INTO received_order VALUES (1, '{config.provider_id}', 'd', 'cut_off', 's', NULL, x'7b7d', 'pending',"
        " 0, 0, NULL); PRAGMA user_version = 0"
    )
    journal.close()
    again = Journal(config.state_file, config.provider_id)
    [taken] = again.pending()
    again.pass_over(taken, "taken back")
    assert again.counts() == {"orders passed": 1}
    assert replace(taken, attempts=0) == taken
    again.close()


async def test_a_receipt_whose_time_was_refused_is_written_anew_when_the_clock_is_right(
    build: Build, access: FakeAccess
) -> None:
    cut = access.order()
    bench = build()
    await bench.agent.catch_up()
    take = access.take
    access.take = lambda receipt: {  # type: ignore[method-assign]
        "receipt_id": receipt["receipt_id"], "status": "refused", "code": "invalid", "fields": [{"field": "at"}],
    }  # fmt: skip
    settled_now = await bench.outbox.send(bench.journal.queued())
    assert "clock is wrong" in bench.agent._handing.settle(settled_now)
    [waiting] = bench.journal.queued()
    assert waiting.code == "clock"
    access.take = take  # type: ignore[method-assign]
    await bench.outbox.send(bench.journal.queued())
    [told] = access.receipts.values()
    assert told["order_id"] == cut["order_id"]
    assert told["at"] > json.loads(waiting.document)["at"]
