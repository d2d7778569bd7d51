"""One trace, from the caller through request, outbox, broker and consumer to the next fact."""

import asyncio
from collections.abc import Mapping
from dataclasses import replace
from typing import Any, ClassVar
from uuid import UUID

from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from local_stack.broker import Broker
from shared.contracts.base import Fact, Topic
from shared.runtime.acts import history, outbox
from shared.runtime.acts.runtime import Runtime
from shared.runtime.base.context import EventMeta
from shared.runtime.db.postgres import Tx
from shared.runtime.process import telemetry
from tests.integration.runtime.world import kafka_of
from tests.support import toy
from tests.support.fixtures import MakeDatabase
from tests.support.service import running_service

TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"
SECOND = Topic("test-trace-second", "toy", "Things seen.", partitions=1)


class ThingSeenV1(Fact):
    """A thing was seen by whoever heard that it was made."""

    TYPE: ClassVar[str] = "thing.seen.v1"
    TOPIC: ClassVar[Topic] = SECOND
    KEY: ClassVar[str] = "thing_id"
    EXAMPLE: ClassVar[dict[str, Any]] = {"thing_id": "0192f1c2-6b1e-7cc3-9d52-1a2b3c4d5e6f"}

    thing_id: UUID


async def see(rt: Runtime, tx: Tx, fact: toy.ThingMadeV1, meta: EventMeta) -> None:
    """Tell that it was seen; keep the trace the history would show."""
    await tx.execute("INSERT INTO seen VALUES ($1)", history.trace_id())
    outbox.add(tx, ThingSeenV1(thing_id=fact.thing_id), at=rt.clock.now())


async def test_a_fact_told_because_of_a_request_is_in_the_trace_of_its_caller(
    make_database: MakeDatabase, broker: Broker
) -> None:
    kafka = kafka_of(broker)
    spans = InMemorySpanExporter()
    service = replace(toy.SERVICE, handlers={toy.ThingMadeV1: see}, listens=(toy.TOPIC,), publishes=(toy.TOPIC, SECOND))
    settings: dict[str, Any] = {
        "roles_run": "http,relay,consumer,ticks",
        "kafka_bootstrap_servers": kafka.bootstrap_servers,
        "kafka_idempotence": kafka.idempotence,
    }
    async with running_service(service, await make_database("runtime"), **settings) as api:
        provider = trace.get_tracer_provider()
        assert isinstance(provider, TracerProvider)
        provider.add_span_processor(SimpleSpanProcessor(spans))
        async with api.rt.db.transaction() as tx:
            await tx.execute(toy.TABLE)
            await tx.execute("CREATE TABLE seen (trace_id text)")
        traceparent = f"00-{TRACE}-00f067aa0ba902b7-01"
        made = await api.post("/things", who="officer", json={"name": "traced"}, headers={"traceparent": traceparent})
        assert made.status_code == 201
        assert telemetry.current_traceparent() is None
        second = await _published(api.rt, ThingSeenV1.TYPE)
        async with api.rt.db.connection() as tx:
            assert await tx.fetchval("SELECT trace_id FROM seen") == TRACE
            first = await tx.fetchval("SELECT headers FROM outbox WHERE type = $1", toy.ThingMadeV1.TYPE)
        assert first["traceparent"].split("-")[1] == second["traceparent"].split("-")[1] == TRACE
        ready = (await api.get("/readyz")).json()
        assert ready["status"] == "ready", ready

    ours = {span.name: span for span in spans.get_finished_spans() if f"{span.context.trace_id:032x}" == TRACE}
    request = ours["POST /things"]
    assert request.kind is trace.SpanKind.SERVER
    assert request.parent is not None
    assert f"{request.parent.span_id:016x}" == "00f067aa0ba902b7"
    consumed = next(span for span in ours.values() if span.kind is trace.SpanKind.CONSUMER)
    assert consumed.parent is not None
    assert consumed.parent.span_id == request.context.span_id
    assert f"{consumed.context.span_id:016x}" == second["traceparent"].split("-")[2]
    assert not [name for name in ours if "http send" in name or "http receive" in name]


async def _published(rt: Runtime, fact_type: str) -> Mapping[str, str]:
    """The headers of the first fact of this type, once the relay has published it."""
    async with asyncio.timeout(60):
        while True:
            async with rt.db.connection() as tx:
                headers: Mapping[str, str] | None = await tx.fetchval(
                    "SELECT headers FROM outbox WHERE type = $1 AND published_at IS NOT NULL", fact_type
                )
            if headers is not None:
                return headers
            await asyncio.sleep(0.05)
