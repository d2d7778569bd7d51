"""Which handler a record goes to, and that the same record is always the same event."""

from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any, cast

import orjson
import pytest

from shared.contracts.base import Fact
from shared.contracts.registry import ExecutionReceivedV1, SiteRecordedV1
from shared.runtime.acts import envelope
from shared.runtime.base.ids import uuid7
from shared.runtime.events.dispatch import ForeignFact, Kind, Table, raw_event_id


@dataclass(frozen=True)
class FakeRecord:
    topic: str = "registry-events"
    partition: int = 3
    offset: int = 7
    timestamp: int = 1_795_000_000_000
    key: bytes | None = b"key"
    value: bytes | None = b"x"
    headers: list[tuple[str, bytes | None]] = field(default_factory=list)


async def _handler(*_: Any) -> None: ...


TABLE = Table(
    {ExecutionReceivedV1: _handler},
    {SiteRecordedV1: _handler},
    {"access-receipts.": _handler, "access-receipts.special": _handler},
)


def _record_of(fact: Any) -> FakeRecord:
    value = envelope.encode(fact, event_id=uuid7(), at=datetime.now(UTC), trace={})
    return FakeRecord(topic=fact.TOPIC.name, value=value, key=fact.key.encode())


def test_facts_go_where_the_table_says_and_unknown_ones_are_skipped() -> None:
    revoked = ExecutionReceivedV1(**ExecutionReceivedV1.EXAMPLE)
    recorded = SiteRecordedV1(**SiteRecordedV1.EXAMPLE)
    assert TABLE.read(_record_of(revoked)).kind is Kind.HANDLER
    assert TABLE.fact(TABLE.read(_record_of(revoked))) == revoked
    assert TABLE.read(_record_of(recorded)).kind is Kind.PROJECTION
    assert TABLE.fact(TABLE.read(_record_of(recorded))) == recorded
    assert Table({}, {}).read(_record_of(revoked)).kind is Kind.SKIP


def _envelope_of(fact: Any, **changes: str) -> FakeRecord:
    record = _record_of(fact)
    return replace(record, value=orjson.dumps(orjson.loads(record.value or b"") | changes))


@pytest.mark.parametrize("fact", [ExecutionReceivedV1, SiteRecordedV1], ids=["handled", "projected"])
async def test_a_fact_is_believed_only_on_its_own_topic_and_from_its_own_source(fact: type[Fact]) -> None:
    genuine = _record_of(fact(**fact.EXAMPLE))
    elsewhere = replace(genuine, topic="approval-events")
    others = _envelope_of(fact(**fact.EXAMPLE), source="urn:concord:approval")
    for forged, what in ((elsewhere, "on approval-events"), (others, "from urn:concord:approval")):
        event = TABLE.read(forged)
        assert event.kind is Kind.FOREIGN
        assert event.meta.event_id != TABLE.read(genuine).meta.event_id, "or the genuine one would count as known"
        assert event.meta.key != TABLE.read(genuine).meta.key, "or the genuine ones would wait behind it"
        with pytest.raises(ForeignFact, match=what):
            await TABLE.apply(cast("Any", None), cast("Any", None), event)
    assert TABLE.read(genuine).kind in {Kind.HANDLER, Kind.PROJECTION}


def test_an_envelope_without_a_source_is_none() -> None:
    record = _record_of(ExecutionReceivedV1(**ExecutionReceivedV1.EXAMPLE))
    event = orjson.loads(record.value or b"")
    del event["source"]
    assert TABLE.read(replace(record, value=orjson.dumps(event))).kind is Kind.UNREADABLE


def test_the_longest_beginning_of_a_topic_wins() -> None:
    assert TABLE.read(FakeRecord("access-receipts.p1")).type == "raw:access-receipts."
    assert TABLE.read(FakeRecord("access-receipts.special")).type == "raw:access-receipts.special"


def test_a_tombstone_is_skipped_and_noise_is_kept() -> None:
    assert TABLE.read(FakeRecord(value=None)).kind is Kind.SKIP
    assert TABLE.read(FakeRecord(value=b"\xff")).kind is Kind.UNREADABLE
    assert TABLE.read(FakeRecord(value=b"\xff", key=None)).meta.key == "registry-events"
    assert TABLE.read(FakeRecord(value=b"\xff", key=b"\xff\xfe", headers=[("X", b"\xff")])).meta.key


@pytest.mark.parametrize("milliseconds", [-1, 2**62, -(2**60), 2**63 - 1, -(2**63)])
def test_a_record_of_an_impossible_time_is_an_event_all_the_same(milliseconds: int) -> None:
    event = TABLE.read(FakeRecord("access-receipts.p1", timestamp=milliseconds))
    assert event.kind is Kind.RAW
    assert event.meta.at.year in {1969, 1970}


def test_a_header_without_a_value_is_an_empty_one() -> None:
    assert TABLE.read(FakeRecord("access-receipts.p1", headers=[("Traceparent", None)])).headers == {"traceparent": ""}


def test_a_raw_record_is_the_same_event_when_it_is_read_again_and_another_one_after_a_wipe() -> None:
    record = FakeRecord("access-receipts.p1")
    assert raw_event_id(record) == raw_event_id(replace(record))
    others = [
        replace(record, topic="access-receipts.p2"),
        replace(record, partition=4),
        replace(record, offset=8),
        replace(record, timestamp=record.timestamp + 1),
        replace(record, value=b"y"),
    ]
    assert len({raw_event_id(record), *map(raw_event_id, others)}) == 6


def test_the_trace_of_the_envelope_comes_before_that_of_the_headers() -> None:
    revoked = ExecutionReceivedV1(**ExecutionReceivedV1.EXAMPLE)
    value = envelope.encode(revoked, event_id=uuid7(), at=datetime.now(UTC), trace={"traceparent": "in"})
    assert TABLE.read(FakeRecord(value=value, headers=[("traceparent", b"out")])).meta.traceparent == "in"
    assert TABLE.read(replace(_record_of(revoked), headers=[("TraceParent", b"out")])).meta.traceparent == "out"
