"""The outbox: what is told in a transaction is told if it commits, in order, in valid envelopes."""

import asyncio
from datetime import UTC, datetime

import asyncpg
import orjson
import pytest
from cloudevents.core.formats.json import JSONFormat
from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider

from shared.contracts.catalogue import FACTS
from shared.runtime.acts import envelope, outbox
from shared.runtime.base.ids import uuid7
from shared.runtime.db.postgres import Database
from tests.integration.runtime.world import Note, tell, unpublished

NOW = datetime(2026, 11, 22, 4, 0, tzinfo=UTC)


async def told(db: Database) -> list[asyncpg.Record]:
    async with db.connection() as connection:
        return await connection.fetch("SELECT type, key, topic, value, headers, event_id FROM outbox ORDER BY id")


async def test_a_fact_of_a_transaction_that_fails_was_never_told(db: Database) -> None:
    with pytest.raises(ZeroDivisionError):  # noqa: PT012
        async with db.transaction() as tx:
            outbox.add(tx, Note(subject="a", n=1), at=NOW)
            raise ZeroDivisionError
    assert await unpublished(db) == 0


async def test_facts_keep_the_order_in_which_they_were_given(db: Database) -> None:
    facts = [fact(**fact.EXAMPLE) for fact in FACTS.values()]
    async with db.transaction() as tx:
        outbox.add(tx, *facts, at=NOW)
        outbox.add(tx, at=NOW)
        outbox.add(tx, *facts, at=NOW)
    rows = await told(db)
    assert [(row["type"], row["key"], row["topic"]) for row in rows] == [
        (fact.TYPE, fact.key, fact.TOPIC.name) for fact in facts * 2
    ]
    read = [FACTS[row["type"]].model_validate(envelope.decode(row["value"]).data) for row in rows]
    assert read == facts * 2


async def test_every_envelope_is_a_cloudevent_to_the_official_library(db: Database) -> None:
    facts = [fact(**fact.EXAMPLE) for fact in FACTS.values()]
    with trace.use_span(TracerProvider().get_tracer("t").start_span("s")) as span:
        async with db.transaction() as tx:
            outbox.add(tx, *facts, at=NOW)
    rows = await told(db)
    trace_id = format(span.get_span_context().trace_id, "032x")
    for fact, row in zip(facts, rows, strict=True):
        event = JSONFormat().read(None, row["value"])
        assert event.get_id() == str(row["event_id"])
        assert event.get_type() == fact.TYPE
        assert event.get_time() == NOW
        assert event.get_subject() == fact.key
        assert trace_id in event.get_extension("traceparent")
        assert row["headers"]["traceparent"] == event.get_extension("traceparent")
        data = event.get_data()
        assert type(fact).model_validate(data if isinstance(data, dict) else orjson.loads(data or b"")) == fact


async def test_signed_bytes_stay_as_they_are(db: Database) -> None:
    order_id = uuid7()
    async with db.transaction() as tx:
        outbox.add_raw(
            tx, topic="access-orders.p", key="p", type="order", value=b"\x00\xffjws", event_id=order_id, at=NOW,
            headers=[("sequence", "7")],
        )  # fmt: skip
    (row,) = await told(db)
    assert row["value"] == b"\x00\xffjws"
    assert row["event_id"] == order_id
    assert row["headers"]["ce_id"] == str(order_id)
    assert row["headers"]["sequence"] == "7"
    assert row["headers"]["content-type"] == "application/jose"


async def test_one_notification_tells_of_a_whole_transaction(db: Database, dsn: str) -> None:
    listener = await asyncpg.connect(dsn)
    heard: list[object] = []
    await listener.add_listener(outbox.CHANNEL, lambda *_: heard.append(1))
    async with db.transaction() as tx:
        outbox.add(tx, *(Note(subject=str(n), n=n) for n in range(500)), at=NOW)
        outbox.add(tx, Note(subject="x", n=1), at=NOW)
    await asyncio.sleep(0.1)
    await listener.close()
    assert len(heard) == 1


async def test_rows_go_to_the_partition_of_their_month(db: Database) -> None:
    await tell(db, Note(subject="a", n=1))
    async with db.connection() as connection:
        table = await connection.fetchval("SELECT tableoid::regclass::text FROM outbox")
        assert table == f"outbox_{datetime.now(UTC):%Y_%m}"
        assert await connection.fetchval("SELECT ensure_month_partitions()") == 0


async def test_a_month_whose_rows_are_in_the_default_partition_does_not_stop_the_next(db: Database) -> None:
    month = f"outbox_{datetime.now(UTC):%Y_%m}"
    async with db.transaction() as tx:
        await tx.execute(f"DROP TABLE {month}")
    await tell(db, Note(subject="a", n=1))
    async with db.transaction() as tx:
        following = await tx.fetchval(
            "SELECT max(inhrelid::regclass::text) FROM pg_inherits WHERE inhparent = 'outbox'::regclass"
            " AND inhrelid <> 'outbox_default'::regclass"
        )
        await tx.execute(f"DROP TABLE {following}")
        assert await tx.fetchval("SELECT ensure_month_partitions()") == 1
        assert await tx.fetchval("SELECT to_regclass($1)", following) is not None
        assert await tx.fetchval("SELECT to_regclass($1)", month) is None


async def test_a_fact_too_large_to_be_published_takes_its_transaction_back(db: Database) -> None:
    with pytest.raises(outbox.FactTooLarge) as refused:  # noqa: PT012
        async with db.transaction() as tx:
            outbox.add(tx, Note(subject="a", n=1), at=NOW)
            outbox.add(tx, Note(subject="a", n=2, text="字" * (outbox.MOST_BYTES // 3)), at=NOW)
    assert refused.value.status == 409
    assert refused.value.extensions["limit"] == outbox.MOST_BYTES < refused.value.extensions["bytes"]
    assert "note.written.v1" in refused.value.detail
    with pytest.raises(outbox.FactTooLarge):
        async with db.transaction() as tx:
            outbox.add_raw(
                tx, topic="access-orders.p", key="p", type="order.v1", value=bytes(outbox.MOST_BYTES + 1),
                event_id=uuid7(), at=NOW
            )  # fmt: skip
    assert await unpublished(db) == 0
