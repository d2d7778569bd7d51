"""The agent: believes only what is signed and in sequence, carries each order out, and says so exactly once."""

import asyncio
import hashlib
import json
import sqlite3
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import httpx
import pytest

from concord.agent.config import Config
from concord.agent.door import Door
from concord.agent.hooks import Impossible, Later
from concord.agent.intake import BadOrder, Gap, Unproven
from concord.agent.journal import Journal, JournalInUse, NotOurs
from concord.sdk import ConcordError, Unreachable
from concord.sdk.signed import verified_counter
from shared.contracts.orders import ORDER_TYPE, Order
from shared.contracts.receipts import COUNTER_TYPE, RECEIPTS_TYPE
from shared.signing import KeyRing, Signer, canonical, generate_key, public
from tests.unit.concord.agent.conftest import Bench, Recorder, work
from tests.unit.concord.agent.fake_access import PROVIDER, FakeAccess

Build = Callable[[], Bench]


def settled(bench: Bench, orders: int) -> Callable[[], bool]:
    """So many orders are done and every receipt is accepted."""

    def check() -> bool:
        counts = bench.journal.counts()
        return counts.get("receipts accepted", 0) == 2 * orders

    return check


async def test_an_order_is_received_executed_and_receipted(build: Build, access: FakeAccess) -> None:
    order = access.order()
    bench, hook = build(), Recorder()
    await work(bench, hook, settled(bench, 1))
    assert hook.done == [("suspend", order["order_id"])]
    assert access.outcomes(order["order_id"]) == ["received", "executed"]
    executed = next(receipt for receipt in access.receipts.values() if receipt["outcome"] == "executed")
    assert executed["how"] == "suspend done"


async def test_a_restore_follows_its_cut_off_and_the_state_agrees(build: Build, access: FakeAccess) -> None:
    cut = access.order()
    bench, hook = build(), Recorder()
    await work(bench, hook, settled(bench, 1))
    back = access.order("restore", undoes=cut["order_id"])
    other = access.order(host="other.example")
    await work(bench, hook, settled(bench, 3))
    site = [entry for entry in hook.done if entry[1] != other["order_id"]]
    assert site == [("suspend", cut["order_id"]), ("restore", back["order_id"])]
    state = await bench.door.state()
    assert bench.journal.in_force() == (state["in_force"], state["hash"]) == (1, state["hash"])


async def test_a_site_that_is_in_no_register_is_suspended_and_restored_in_sequence(
    build: Build, access: FakeAccess
) -> None:
    found = access.document()["site"] | {"site_id": None, "number": None, "hosts": ["found.example"]}
    cut = access.order(site=found)
    bench, hook = build(), Recorder()
    await work(bench, hook, settled(bench, 1))
    again = access.order(site=found)
    back = access.order("restore", undoes=cut["order_id"], site=found)
    await bench.agent.catch_up()
    assert [taken.sequence for taken in bench.journal.ready(_now())] == [2]
    await work(bench, hook, settled(bench, 3))
    assert hook.done.pop(1) == ("suspend", again["order_id"])
    assert hook.done == [("suspend", cut["order_id"]), ("restore", back["order_id"])]


async def test_a_suspension_that_comes_after_its_end_is_not_carried_out(build: Build, access: FakeAccess) -> None:
    over = access.order("suspend", until="2020-01-01T00:00:00Z")
    bench, hook = build(), Recorder()
    await work(bench, hook, settled(bench, 1))
    assert ("suspend", over["order_id"]) not in hook.done
    executed = access.receipts[bench_receipt(access, over)]
    assert "ended by itself" in executed["how"]


def soon(seconds: float = 1.5) -> str:
    return (datetime.now(UTC) + timedelta(seconds=seconds)).isoformat()


async def test_at_its_end_a_suspension_is_resumed_once_without_anybody_asking(build: Build, access: FakeAccess) -> None:
    ends = access.order("suspend", until=soon())
    stays = access.order("suspend", host="b.example")
    bench, hook = build(), Recorder()
    await work(bench, hook, lambda: len(hook.done) == 3 and settled(bench, 2)())
    assert hook.done == [
        ("suspend", ends["order_id"]), ("suspend", stays["order_id"]), ("resume", ends["order_id"]),
    ]  # fmt: skip
    again, later = build(), Recorder()
    access.order(host="c.example")
    await work(again, later, settled(again, 3))
    assert [verb for verb, _ in later.done] == ["suspend"], "done once, also after a restart"


async def test_an_end_that_came_while_the_agent_was_down_is_told_when_it_is_up(
    build: Build, access: FakeAccess, config: Config
) -> None:
    ends = access.order("suspend", until=soon())
    bench = build()
    await work(bench, Recorder(), settled(bench, 1))
    bench.journal._db.execute("DELETE FROM ending")  # as an agent left it that knew nothing of ends
    await asyncio.sleep(1.6)
    again, hook = build(), Recorder()
    await work(again, hook, lambda: bool(hook.done))
    assert hook.done == [("resume", ends["order_id"])]


async def test_a_resumption_that_fails_is_asked_for_until_it_is_done(
    build: Build, access: FakeAccess, caplog: pytest.LogCaptureFixture
) -> None:
    access.order("suspend", until=soon())
    asked: list[str] = []

    def fail(verb: str, order: Order) -> None:
        asked.append(verb)
        if verb == "resume" and asked.count("resume") < 3:
            raise (Later if asked.count("resume") == 1 else Impossible)("The machine is away.")

    bench, hook = build(), Recorder(fail)
    await work(bench, hook, lambda: "resume" in [verb for verb, _ in hook.done])
    assert asked == ["suspend", "resume", "resume", "resume"]
    assert caplog.text.count("has ended and is still carried out") == 2


async def test_what_a_restore_took_back_is_not_resumed_again(build: Build, access: FakeAccess) -> None:
    ends = access.order("suspend", until=soon(3))
    bench, hook = build(), Recorder()
    await work(bench, hook, settled(bench, 1))
    access.order("restore", undoes=ends["order_id"])
    await work(bench, hook, settled(bench, 2))
    assert bench.journal.next_end(_now()) is None
    assert bench.journal.ended(datetime.now(UTC) + timedelta(hours=1)) == []


def bench_receipt(access: FakeAccess, order: dict[str, Any]) -> str:
    """Id of the receipt that says that an order is executed."""
    return next(
        str(receipt["receipt_id"])
        for receipt in access.receipts.values()
        if (receipt["order_id"], receipt["outcome"]) == (order["order_id"], "executed")
    )


async def test_after_a_restart_nothing_is_done_again(build: Build, access: FakeAccess) -> None:
    access.order()
    first = build()
    await work(first, Recorder(), settled(first, 1))
    access.order(host="second.example")
    again, hook = build(), Recorder()
    await work(again, hook, settled(again, 2))
    assert len(hook.done) == 1
    assert len(access.receipts) == 4


async def test_receipts_wait_on_disk_while_access_control_is_away(build: Build, access: FakeAccess) -> None:
    order = access.order()
    bench = build()
    await bench.agent.catch_up()
    access.down = 10_000
    [taken] = bench.journal.ready(_now())
    await bench.agent.carry_out(Recorder(), taken)
    assert len(bench.journal.queued()) == 2
    access.down = 2
    again = build()
    await work(again, Recorder(), settled(again, 1))
    assert access.outcomes(order["order_id"]) == ["received", "executed"]


async def test_a_receipt_handed_in_twice_counts_as_accepted(build: Build, access: FakeAccess) -> None:
    access.order()
    bench = build()
    await bench.agent.catch_up()
    access.take(json.loads(bench.journal.queued()[0].document))  # arrived, but the agent was killed before it heard so
    await work(bench, Recorder(), settled(bench, 1))
    assert "receipt_replayed" in {answer["code"] for answer in access.answers}
    assert len(access.receipts) == 2


async def test_receipts_wait_until_the_key_is_entered(build: Build, access: FakeAccess) -> None:
    access.order()
    known, access.known_keys = access.known_keys, []
    bench = build()
    await work(bench, Recorder(), lambda: len(access.refused) >= 2)
    assert set(access.refused) == {"unknown_key"}
    assert len(bench.journal.queued()) == 2
    access.known_keys = known
    again = build()
    await work(again, Recorder(), settled(again, 1))


async def test_after_a_change_of_key_what_waits_is_signed_with_the_new_one(
    build: Build, config: Config, access: FakeAccess
) -> None:
    order = access.order()
    bench = build()
    await bench.agent.catch_up()
    before = bench.journal.queued()
    new = generate_key("provider-2")
    access.known_keys = [public(new)]  # the old one was revoked
    config.key_file.write_text(json.dumps(new))
    again = build()
    assert again.journal.queued() == before
    await work_receipts(again)
    assert access.outcomes(order["order_id"]) == ["received"]


async def test_every_batch_that_was_taken_is_kept_with_its_proof(build: Build, access: FakeAccess) -> None:
    access.order()
    bench = build()
    await work(bench, Recorder(), settled(bench, 1))
    proofs = bench.journal.proofs()
    assert proofs
    keys = KeyRing(access.key_set())
    for batch, counter in proofs:
        said = verified_counter(keys, counter)
        assert said.batch == hashlib.sha256(batch.encode()).hexdigest()
        assert {each.status for each in said.results} == {"recorded"}


@pytest.mark.parametrize("forged", ["stranger", "other_batch", "other_results", "nonsense"])
async def test_a_receipt_waits_until_its_counter_receipt_can_be_believed(
    build: Build, access: FakeAccess, forged: str
) -> None:
    access.order()
    bench = build()
    await bench.agent.catch_up()
    honest = access.answer

    def lies(jws: str) -> tuple[int, dict[str, Any]]:
        status, answer = honest(jws)
        said = json.loads(KeyRing(access.key_set()).verify(answer["counter_receipt"], COUNTER_TYPE).payload)
        signer = Signer(generate_key("orders-1")) if forged == "stranger" else access.signer
        if forged == "other_batch":
            said["batch"] = "0" * 64
        if forged == "other_results":
            said["results"][0]["status"] = "refused"
        counter = "x.y.z" if forged == "nonsense" else signer.sign(canonical(said), COUNTER_TYPE)
        return status, answer | {"counter_receipt": counter}

    access.answer = lies  # type: ignore[method-assign]
    with pytest.raises(Unproven):
        await work_receipts(bench)
    assert (len(bench.journal.queued()), bench.journal.proofs()) == (1, [])
    access.answer = honest  # type: ignore[method-assign]
    await work_receipts(bench)
    assert (len(bench.journal.queued()), len(bench.journal.proofs())) == (0, 1)


async def test_what_an_older_agent_signed_one_by_one_is_handed_in_together(
    build: Build, config: Config, access: FakeAccess
) -> None:
    access.order()
    access.order()
    bench = build()
    await bench.agent.catch_up()
    old = bench.journal.queued()
    bench.journal.close()
    with sqlite3.connect(config.state_file) as db:
        db.execute("ALTER TABLE receipt RENAME COLUMN document TO jws")
        for receipt in old:
            said = json.loads(receipt.document) | {"provider_id": str(PROVIDER)}
            jws = config.signer().sign(canonical(said), "concord-receipt+json")
            db.execute("UPDATE receipt SET jws = ? WHERE receipt_id = ?", (jws, str(receipt.receipt_id)))
    db.close()
    again = build()
    assert [json.loads(each.document) for each in again.journal.queued()] == [json.loads(each.document) for each in old]
    await work_receipts(again)
    assert [receipt["outcome"] for receipt in access.receipts.values()] == ["received", "received"]


async def test_a_receipt_refused_for_good_does_not_hold_up_the_others(build: Build, access: FakeAccess) -> None:
    access.order()
    bench = build()
    await bench.agent.catch_up()
    original = access.orders[0]
    access.orders[0] = b"access-control believes it sent something else"
    await work_receipts(bench)
    access.orders[0] = original
    assert bench.journal.counts()["receipts refused"] == 1


@pytest.mark.parametrize("broken", [{"results": []}, {"results": None}, {"counter_receipt": None}, {}])
async def test_an_answer_that_is_none_ends_nothing(build: Build, access: FakeAccess, broken: dict[str, Any]) -> None:
    access.order()
    bench = build()
    await bench.agent.catch_up()
    honest = access.answer
    access.answer = lambda jws: (200, honest(jws)[1] | broken if broken else {})  # type: ignore[method-assign]
    with pytest.raises(Unproven):
        await work_receipts(bench)
    access.answer = honest  # type: ignore[method-assign]
    await work(bench, Recorder(), settled(bench, 1))


async def work_receipts(bench: Bench) -> None:
    bench.journal.settle(await bench.outbox.send(bench.journal.queued()))


def _now() -> Any:
    from datetime import UTC, datetime  # noqa: PLC0415 - one use

    return datetime.now(UTC)


# --- what is not believed --------------------------------------------------------------------------------------------


def forged(access: FakeAccess, key: dict[str, Any] | None = None, **changes: Any) -> bytes:
    document = access.document(**changes)
    return Signer(key or generate_key("orders-1")).sign(canonical(document), ORDER_TYPE).encode()


async def test_an_order_signed_by_somebody_else_is_not_taken(build: Build, access: FakeAccess) -> None:
    bench = build()
    for wrong in (
        forged(access),
        forged(access, generate_key("unknown")),
        b"noise",
        access.signer.sign(b"{}", RECEIPTS_TYPE).encode(),
    ):
        with pytest.raises(BadOrder):
            await bench.intake.take([wrong])
    assert bench.journal.last_sequence == 0
    assert bench.journal.queued() == []


@pytest.mark.parametrize("owner", ["industry-310000", None])
async def test_an_order_signed_with_a_key_of_somebody_else_is_not_taken(
    build: Build, access: FakeAccess, owner: str | None
) -> None:
    """Every issuer's keys are in one set: a desk of another province must not speak for the one the order names."""
    other = Signer(generate_key("orders-other"))
    access.published.append(other)
    access.owners["orders-other"] = owner
    bench = build()
    signed = other.sign(canonical(access.document()), ORDER_TYPE).encode()
    with pytest.raises(BadOrder, match=f"wrong_owner.*orders-other.*{owner or 'nobody'}.*industry-110000"):
        await bench.intake.take([signed])
    assert (bench.journal.last_sequence, bench.journal.queued()) == (0, [])
    access.owners["orders-other"] = Order.EXAMPLE["issuer"]["id"]  # the directory had it wrong, and was put right
    bench.keys._tried = float("-inf")
    assert await bench.intake.take([signed]) == 1


async def test_an_order_for_another_provider_is_not_taken(build: Build, access: FakeAccess) -> None:
    access.order(provider_id=str(uuid4()))
    with pytest.raises(BadOrder, match="another provider"):
        await build().intake.take(access.orders)


async def test_a_second_order_in_the_same_place_is_not_taken(build: Build, access: FakeAccess) -> None:
    access.order()
    bench = build()
    await bench.intake.take(access.orders)
    second = access.signer.sign(canonical(access.document(sequence=1)), ORDER_TYPE).encode()
    with pytest.raises(BadOrder, match="place 1"):
        await bench.intake.take([second])


async def test_a_signed_document_that_is_no_order_is_not_taken(build: Build, access: FakeAccess) -> None:
    bench = build()
    for payload in (b"[]", b"{}", b"no json", b'{"sequence": "x"}'):
        with pytest.raises(BadOrder):
            await bench.intake.take([access.signer.sign(payload, ORDER_TYPE).encode()])


async def test_duplicates_are_passed_over_and_gaps_are_named(build: Build, access: FakeAccess) -> None:
    for _ in range(4):
        access.order()
    one, two, _, four = access.orders
    bench = build()
    assert await bench.intake.take([one, one, two, one]) == 2
    with pytest.raises(Gap, match="order 4 came, but 3 is next"):
        await bench.intake.take([two, four])
    assert bench.journal.last_sequence == 2


async def test_a_rotated_key_is_fetched_once_and_remembered(build: Build, access: FakeAccess) -> None:
    access.order()
    bench = build()
    await bench.intake.take(access.orders)
    asked = access.jwks_asked
    access.signer = Signer(generate_key("orders-2"))
    access.published.insert(0, access.signer)
    access.order()
    bench.keys._tried = float("-inf")
    await bench.intake.take(access.orders)
    assert access.jwks_asked == asked + 1
    for _ in range(5):  # an unknown key does not make it ask again and again
        with pytest.raises(BadOrder, match="unknown_kid"):
            await bench.intake.take([forged(access, generate_key("unknown"))])
    assert access.jwks_asked == asked + 1
    access.down = 10_000
    access.order()
    assert await build().intake.take(access.orders) == 1  # known keys work while access-control is away


# --- topic and feed --------------------------------------------------------------------------------------------------


async def test_a_gap_on_the_topic_is_filled_from_the_feed_in_order(build: Build, access: FakeAccess) -> None:
    for number in range(5):
        access.order(host=f"site-{number}.example")
    bench, hook = build(), Recorder()

    async def topic(accept: Any) -> None:
        await accept([access.orders[0]])
        await accept([access.orders[4]])
        await accept([access.orders[4], access.orders[0]])
        await asyncio.Event().wait()

    await work(bench, hook, settled(bench, 5), topic=topic)
    assert bench.journal.last_sequence == 5
    assert len(hook.done) == len(set(hook.done)) == 5


async def test_a_forged_order_on_the_topic_stops_nothing(build: Build, access: FakeAccess) -> None:
    good = access.order()
    bad = forged(access, sequence=1)
    bench, hook = build(), Recorder()

    async def topic(accept: Any) -> None:
        await accept([bad, access.orders[0]])
        await asyncio.Event().wait()

    await work(bench, hook, settled(bench, 1), topic=topic)
    assert hook.done == [("suspend", good["order_id"])]


async def test_a_topic_that_lost_its_data_is_made_up_for_by_the_feed(build: Build, access: FakeAccess) -> None:
    access.order()
    bench = build()

    async def silent(accept: Any) -> None:
        await asyncio.Event().wait()

    await work(bench, Recorder(), settled(bench, 1), topic=silent)


# --- hooks that fail -------------------------------------------------------------------------------------------------


async def test_a_hook_that_cannot_is_said_so_with_the_reason(build: Build, access: FakeAccess) -> None:
    order = access.order()

    def refuse(_verb: str, _order: Order) -> None:
        raise Impossible("gone")

    bench = build()
    await work(bench, Recorder(refuse), settled(bench, 1))
    assert access.outcomes(order["order_id"]) == ["received", "impossible"]
    assert [receipt["why"] for receipt in access.receipts.values()][-1] == "The provider's hook reports: gone"


async def test_an_order_that_was_impossible_can_be_tried_again(build: Build, access: FakeAccess) -> None:
    order = access.order()
    able = False

    def refuse(_verb: str, _order: Order) -> None:
        if not able:
            raise Impossible("The machine of this site is gone.")

    bench, hook = build(), Recorder(refuse)
    await work(bench, hook, settled(bench, 1))
    assert not bench.journal.reopen(2)
    able = True
    assert bench.journal.reopen(1)
    await work(bench, hook, lambda: access.outcomes(order["order_id"]) == ["received", "impossible", "executed"])
    assert not bench.journal.reopen(1), "done is done"


async def test_a_hook_that_fails_for_now_is_asked_again_and_holds_up_its_own_site_only(
    build: Build, access: FakeAccess
) -> None:
    first, second, other = access.order(), access.order(), access.order(host="other.example")
    failures = 2

    def flaky(_verb: str, order: Order) -> None:
        nonlocal failures
        if str(order.order_id) == first["order_id"] and failures:
            failures -= 1
            raise Later("busy")

    bench, hook = build(), Recorder(flaky)
    await work(bench, hook, settled(bench, 3), seconds=15)
    assert [order_id for _, order_id in hook.done] == [other["order_id"], first["order_id"], second["order_id"]]
    assert access.outcomes(first["order_id"]) == ["received", "executed"]


async def test_a_hook_that_never_works_ends_in_impossible(build: Build, access: FakeAccess) -> None:
    order = access.order()

    def broken(_verb: str, _order: Order) -> None:
        raise ZeroDivisionError("a bug in the hook")

    bench = build()
    await bench.agent.catch_up()
    for _ in range(bench.config.tries):
        from datetime import timedelta  # noqa: PLC0415 - one use

        [taken] = bench.journal.ready(_now() + timedelta(hours=1))
        await bench.agent.carry_out(Recorder(broken), taken)
    await work(bench, Recorder(broken), settled(bench, 1))
    assert access.outcomes(order["order_id"]) == ["received", "impossible"]


@pytest.mark.parametrize("change", [{"action": "turn_around"}, {"action": "stop_billing"}, {"execute_by": "soon"}])
async def test_an_order_this_agent_cannot_carry_out_is_answered_not_dropped(
    build: Build, access: FakeAccess, change: dict[str, Any]
) -> None:
    order = access.order(**change)
    bench = build()
    await work(bench, Recorder(), settled(bench, 1))
    assert access.outcomes(order["order_id"]) == ["received", "impossible"]


# --- the journal -----------------------------------------------------------------------------------------------------


async def test_two_agents_do_not_share_a_journal(build: Build) -> None:
    bench = build()
    with pytest.raises(JournalInUse):
        Journal(bench.config.state_file, bench.config.provider_id)


async def test_a_journal_belongs_to_one_provider(build: Build) -> None:
    bench = build()
    bench.journal.close()
    with pytest.raises(NotOurs, match="not of"):
        Journal(bench.config.state_file, uuid4())
    build()


async def test_a_receipt_written_twice_has_the_same_id(build: Build, access: FakeAccess) -> None:
    access.order()
    bench = build()
    await bench.agent.catch_up()
    [taken] = bench.journal.ready(_now())
    await bench.agent.carry_out(Recorder(), taken)
    await bench.agent.carry_out(Recorder(), taken)  # as after a crash between the hook and the journal
    executed = [receipt for receipt in bench.journal.queued() if receipt.outcome == "executed"]
    assert len(executed) == 1
    assert json.loads(json.dumps(str(executed[0].receipt_id)))


# --- what is wrong with the key --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("code", "said"),
    [
        ("key_revoked", "the key that signs here was revoked"),
        ("unknown_key", "does not know the key"),
        ("bad_signature", "another key by this key's id"),
        ("foreign_key", "as another provider's alone"),
    ],
)
async def test_the_agent_says_what_is_wrong_with_its_key_and_the_receipt_waits(
    build: Build, access: FakeAccess, caplog: pytest.LogCaptureFixture, code: str, said: str
) -> None:
    access.order()
    access.answer = lambda jws: (422, {"code": "batch_refused", "why": code})  # type: ignore[method-assign]
    bench = build()
    await work(bench, Recorder(), lambda: said in caplog.text)
    assert len(bench.journal.queued()) == 2
    assert {row["code"] for row in bench.journal._db.execute("SELECT code FROM receipt")} >= {code}


async def test_an_access_control_that_has_moved_is_named_and_nothing_counts_as_handed_in(
    build: Build, access: FakeAccess, config: Config
) -> None:
    async def moved(request: httpx.Request) -> httpx.Response:
        if request.url.path.endswith("/token"):
            return httpx.Response(200, json={"access_token": "t"})
        if request.url.path.endswith("configuration"):
            return httpx.Response(200, json={"token_endpoint": "http://127.0.0.1:9/token"})
        body: dict[str, list[str]] = {"results": [], "keys": [], "orders": []}
        return httpx.Response(307, headers={"Location": "https://new.test"}, json=body)

    async with Door.open(config, httpx.MockTransport(moved)) as door:
        for call in (door.hand_in("x"), door.orders(0), door.state(), door.keys(config.jwks_url)):
            with pytest.raises(ConcordError, match=r"redirected: .*https://new\.test"):
                await call


async def test_a_kept_connection_that_was_closed_is_tried_once_more_by_the_agent(config: Config) -> None:
    asked: list[str] = []

    async def closes(request: httpx.Request) -> httpx.Response:
        if "issuer" in request.url.path:
            return httpx.Response(200, json={"token_endpoint": "http://127.0.0.1:9/issuer/t", "access_token": "t"})
        asked.append(request.url.path)
        if len(asked) in {1, 3, 4}:
            raise httpx.RemoteProtocolError("Server disconnected without sending a response.")
        return httpx.Response(200, json={"orders": []})

    async with Door.open(config, httpx.MockTransport(closes)) as door:
        assert await door.orders(0) == {"orders": []}
        with pytest.raises(Unreachable):
            await door.orders(0)
    assert len(asked) == 4
