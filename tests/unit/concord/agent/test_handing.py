"""Receipts that go out by Kafka, where nothing is answered: on the broker is not taken."""

import asyncio
import json
import sqlite3
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from aiokafka.errors import KafkaConnectionError

from concord.agent import topic
from concord.agent.config import Config
from concord.agent.intake import Receipts, Unproven
from concord.agent.report import report
from concord.agent.topic import KafkaOutbox
from shared.contracts.receipts import COUNTER_TYPE
from shared.signing import KeyRing, Signer, canonical, generate_key
from tests.unit.concord.agent.conftest import Bench, Recorder, work
from tests.unit.concord.agent.fake_access import FakeAccess
from tests.unit.concord.agent.test_impossible import full_for

Build = Callable[[], Bench]


class Broker:
    """Takes every document; ``read`` is what access-control makes of it."""

    def __init__(self) -> None:
        self.documents: list[str] = []
        self.read: Callable[[str], Any] = lambda jws: None
        self.away = False

    async def send_and_wait(self, _topic: str, document: bytes, *, key: bytes) -> None:
        if self.away:
            raise KafkaConnectionError
        self.documents.append(document.decode())
        self.read(document.decode())

    async def start(self) -> None:
        if self.away:
            raise KafkaConnectionError

    async def stop(self) -> None:
        pass


@pytest.fixture
def broker(monkeypatch: pytest.MonkeyPatch) -> Broker:
    found = Broker()
    monkeypatch.setattr(topic, "AIOKafkaProducer", lambda **options: found)
    return found


def by_kafka(bench: Bench) -> Bench:
    """The same agent, its receipts by Kafka."""
    receipts = Receipts(bench.config.provider_id, bench.config.signer())
    outbox: Any = KafkaOutbox(bench.config, bench.door, bench.journal, bench.keys, receipts)
    return replace(bench, outbox=outbox)


def states(bench: Bench) -> dict[str, int]:
    found = bench.journal.counts()
    return {name.removeprefix("receipts "): n for name, n in found.items() if name.startswith("receipts ")}


def alarms(bench: Bench) -> set[str]:
    return {alarm["kind"] for alarm in bench.journal.alarms.all()}


def sent_long_ago(bench: Bench) -> None:
    bench.journal._db.execute("UPDATE receipt SET sent_at = sent_at - 121")


async def test_what_is_on_the_broker_is_sent_and_with_a_counter_receipt_it_is_accepted(
    build: Build, access: FakeAccess, broker: Broker
) -> None:
    access.order()
    bench = by_kafka(build())
    await work(bench, Recorder(), lambda: states(bench) == {"sent": 2})
    assert bench.journal.queued() == []
    assert not bench.journal.proofs()
    again = by_kafka(build())
    assert states(again) == {"sent": 2}, "also after a restart"
    for document in broker.documents:
        access.answer(document)
    count = len(broker.documents)
    await work(again, Recorder(), lambda: states(again) == {"accepted": 2})
    assert len(broker.documents) == count, "nothing goes out twice"
    assert [batch for batch, _ in again.journal.proofs()] == broker.documents
    assert alarms(again) == set()


async def test_what_access_control_did_not_take_is_handed_in_over_http_and_rings(
    build: Build, access: FakeAccess, broker: Broker
) -> None:
    order = access.order()
    known, access.known_keys = access.known_keys, []
    broker.read = access.answer  # which refuses it: the key is not entered
    bench = by_kafka(build())
    await work(bench, Recorder(), lambda: states(bench) == {"sent": 2})
    assert await bench.outbox.follow_up() == [], "it may still come"
    sent_long_ago(bench)
    await work(bench, Recorder(), lambda: alarms(bench) == {"unanswered", "key"})
    assert states(bench) == {"queued": 2}
    bench.agent._handing.settle([])
    assert "key" in alarms(bench), "who is not answered knows nothing of keys"
    count = len(broker.documents)
    access.known_keys = known
    again = by_kafka(build())
    await work(again, Recorder(), lambda: states(again) == {"accepted": 2})
    assert len(broker.documents) == count, "over HTTP it is said why"
    assert access.outcomes(order["order_id"]) == ["received", "executed"]
    assert alarms(again) == {"unanswered"}
    access.order(host="other.example")
    await work(again, Recorder(), lambda: states(again) == {"accepted": 4})
    assert alarms(again) == set(), "the topic is read"


@pytest.mark.parametrize("name", ["note_sent", "prove", "settle"])
async def test_what_cannot_be_noted_of_the_topic_is_sent_or_asked_for_again(
    build: Build, access: FakeAccess, broker: Broker, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    order = access.order()
    broker.read = access.answer
    bench = by_kafka(build())
    asked = full_for(monkeypatch, bench.journal, name, 2)
    await work(bench, Recorder(), lambda: states(bench) == {"accepted": 2})
    assert len(asked) >= 3
    assert sorted(access.outcomes(order["order_id"])) == ["executed", "received"]


async def test_while_access_control_is_away_receipts_go_to_the_topic_once(
    build: Build, access: FakeAccess, broker: Broker
) -> None:
    access.order()
    bench = by_kafka(build())
    await bench.agent.catch_up()
    await bench.outbox.send(bench.journal.queued())
    access.down = 10_000
    with pytest.raises(Exception, match="unavailable"):
        await bench.outbox.follow_up()
    [taken] = bench.journal.ready(bench.journal.unanswered()[0].at)
    await bench.agent.carry_out(Recorder(), taken)
    assert await bench.outbox.send(bench.journal.queued()) == []
    assert (states(bench), len(broker.documents)) == ({"sent": 2}, 2)
    assert "unanswered" not in alarms(bench)


async def test_while_the_broker_is_away_receipts_go_over_http(build: Build, access: FakeAccess, broker: Broker) -> None:
    access.order()
    broker.away = True
    bench = by_kafka(build())
    await work(bench, Recorder(), lambda: states(bench) == {"accepted": 2})
    access.down = 10_000
    access.orders.clear()
    bench.journal._db.execute("UPDATE receipt SET state = 'queued', code = NULL")
    with pytest.raises(Exception, match="unavailable"):
        await bench.outbox.send(bench.journal.queued())
    assert states(bench) == {"queued": 2}


@pytest.mark.parametrize("forged", ["stranger", "other_batch", "fewer", "others", "other_document", "nothing"])
async def test_a_counter_receipt_that_is_none_proves_nothing(
    build: Build, access: FakeAccess, broker: Broker, forged: str
) -> None:
    access.order()
    broker.read = access.answer
    bench = by_kafka(build())
    await bench.agent.catch_up()
    await bench.outbox.send(bench.journal.queued())
    [(digest, answer)] = access.taken.items()
    honest = dict(answer)
    said = json.loads(KeyRing(access.key_set()).verify(answer["counter_receipt"], COUNTER_TYPE).payload)
    signer = Signer(generate_key("orders-1")) if forged == "stranger" else access.signer
    if forged == "other_batch":
        said["batch"] = "0" * 64
    if forged == "fewer":
        said["results"] = []
    if forged == "others":
        said["results"][0]["receipt_id"] = "01940000-0000-7000-8000-000000000005"
    answer["counter_receipt"] = signer.sign(canonical(said), COUNTER_TYPE)
    if forged == "other_document":
        answer["jws"] = "x.y.z"
    if forged == "nothing":
        access.taken[digest] = {"digest": digest}
    with pytest.raises(Unproven):
        await bench.outbox.follow_up()
    assert (states(bench), bench.journal.proofs()) == ({"sent": 1}, [])
    access.taken[digest] = honest
    bench.journal.settle(await bench.outbox.follow_up())
    assert states(bench) == {"accepted": 1}


async def test_what_was_refused_on_the_topic_is_refused_and_what_is_invalid_is_asked_about_over_http(
    build: Build, access: FakeAccess, broker: Broker
) -> None:
    order, clock = access.order(), {"receipt_id": None, "status": "refused", "code": "invalid"}
    other = access.order(host="other.example")
    take = access.take

    def judge(receipt: dict[str, Any]) -> dict[str, Any]:
        if receipt["order_id"] == other["order_id"]:
            return {"receipt_id": receipt["receipt_id"], "status": "refused", "code": "foreign_order"}
        return clock | {"receipt_id": receipt["receipt_id"], "fields": [{"field": "at", "message": "in the future"}]}

    access.take = judge  # type: ignore[method-assign]

    def read(jws: str) -> None:
        _, answer = access.answer(jws)
        counter = json.loads(KeyRing(access.key_set()).verify(answer["counter_receipt"], COUNTER_TYPE).payload)
        for result in counter["results"]:
            result.pop("fields", None)  # as in every counter-receipt
        [found] = [each for each in access.taken.values() if each["jws"] == jws]
        found["counter_receipt"] = access.signer.sign(canonical(counter), COUNTER_TYPE)

    broker.read = read
    bench = by_kafka(build())
    await work(bench, Recorder(), lambda: states(bench) == {"refused": 2, "queued": 2})
    await work(bench, Recorder(), lambda: alarms(bench) == {"receipt", "key"})
    assert {receipt.code for receipt in bench.journal.queued()} == {"clock"}
    access.take = take  # type: ignore[method-assign]
    again = by_kafka(build())
    await work(again, Recorder(), lambda: states(again) == {"refused": 2, "accepted": 2})
    assert access.outcomes(order["order_id"]) == ["received", "executed"]


async def test_once_waits_for_the_counter_receipts(
    build: Build, access: FakeAccess, broker: Broker, monkeypatch: pytest.MonkeyPatch
) -> None:
    access.order()
    bench = by_kafka(build())
    loop = asyncio.get_running_loop()
    broker.read = lambda jws: loop.call_later(0.5, access.answer, jws)
    assert await bench.agent.once(Recorder(), bench.outbox)
    assert states(bench) == {"accepted": 2}
    broker.read = lambda jws: None
    access.order(host="other.example")
    monkeypatch.setattr("concord.agent.handing.ONCE_S", 0.5)
    assert not await bench.agent.once(Recorder(), bench.outbox)
    assert states(bench) == {"accepted": 2, "sent": 2}
    assert report(bench.journal)["receipts sent"] == 2


async def test_a_journal_of_an_older_agent_has_nothing_that_was_sent(
    build: Build, access: FakeAccess, config: Config, broker: Broker
) -> None:
    access.order()
    bench = build()
    await bench.agent.catch_up()
    bench.journal.close()
    with sqlite3.connect(config.state_file) as db:
        db.execute("ALTER TABLE receipt DROP COLUMN batch")
        db.execute("ALTER TABLE receipt DROP COLUMN sent_at")
    db.close()
    broker.read = access.answer
    again = by_kafka(build())
    assert states(again) == {"queued": 1}
    await work(again, Recorder(), lambda: states(again) == {"accepted": 2})


async def test_what_a_person_had_tried_again_is_seen_while_the_topic_is_silent(
    build: Build, access: FakeAccess, broker: Broker
) -> None:
    access.order()
    bench = build()
    await bench.agent.catch_up()
    bench.journal._db.execute("UPDATE received_order SET state = 'impossible'")
    hook = Recorder()

    async def silent(accept: Any) -> None:
        await asyncio.Event().wait()

    def until() -> bool:
        if bench.journal.counts().get("receipts accepted") == 1:  # all is quiet; beside it `retry` and `resend` write
            bench.journal._db.execute("UPDATE received_order SET state = 'pending' WHERE state = 'impossible'")
        return bool(hook.done)

    await work(bench, hook, until, topic=silent)
