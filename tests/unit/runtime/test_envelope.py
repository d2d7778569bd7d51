"""Envelopes: what the official library writes we read, and bytes that are no event say what is wrong."""

import contextlib
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import orjson
import pytest
from cloudevents.core.formats.json import JSONFormat
from cloudevents.core.v1.event import CloudEvent
from hypothesis import given
from hypothesis import strategies as st

from shared.contracts.catalogue import FACTS
from shared.contracts.registry import ExecutionReceivedV1
from shared.runtime.acts import envelope
from shared.runtime.acts.envelope import BadEnvelope
from shared.runtime.base.ids import uuid7

AT = datetime(2026, 11, 22, 4, 0, 0, 123456, tzinfo=UTC)


@pytest.mark.parametrize("type_name", sorted(FACTS))
def test_every_fact_comes_back_as_it_went(type_name: str) -> None:
    fact = FACTS[type_name](**FACTS[type_name].EXAMPLE)
    event_id = uuid7()
    read = envelope.decode(envelope.encode(fact, event_id=event_id, at=AT, trace={"traceparent": "00-a-b-01"}))
    assert (read.event_id, read.type, read.at, read.key, read.traceparent) == (
        event_id,
        type_name,
        AT,
        fact.key,
        "00-a-b-01",
    )
    assert FACTS[type_name].model_validate(read.data) == fact


def test_what_the_official_library_writes_is_read() -> None:
    event_id = uuid7()
    attributes = {
        "id": str(event_id), "source": "urn:somebody", "type": "site.recorded.v1", "specversion": "1.0", "time": AT,
        "subject": "key", "traceparent": "00-1-2-01", "datacontenttype": "application/json",
    }  # fmt: skip
    read = envelope.decode(JSONFormat().write(CloudEvent(attributes, {"n": 1})))
    assert (read.event_id, read.key, read.at, read.data, read.traceparent) == (
        event_id,
        "key",
        AT,
        {"n": 1},
        "00-1-2-01",
    )


def test_times_are_written_in_utc_and_must_be_aware() -> None:
    fact = ExecutionReceivedV1(**ExecutionReceivedV1.EXAMPLE)
    east = AT.astimezone(timezone(timedelta(hours=8)))
    written = orjson.loads(envelope.encode(fact, event_id=uuid7(), at=east, trace={}))
    assert written["time"] == "2026-11-22T04:00:00.123456Z"
    with pytest.raises(ValueError, match="aware"):
        envelope.encode(fact, event_id=uuid7(), at=AT.replace(tzinfo=None), trace={})


def test_a_copy_that_hides_something_does_not_tell_it() -> None:
    fact = ExecutionReceivedV1(**ExecutionReceivedV1.EXAMPLE)
    assert fact.as_json is fact.as_json
    hidden, none = fact.model_copy(update={"effect": "hidden"}), {"event_id": uuid7(), "at": AT, "trace": {}}
    for copied in (hidden, fact.model_copy(update={"effect": "hidden"}, deep=True)):
        assert envelope.decode(envelope.encode(copied, **none)).data["effect"] == "hidden"  # type: ignore[arg-type]
    assert envelope.decode(envelope.encode(fact, **none)).data["effect"] == fact.effect  # type: ignore[arg-type]


def _event(**changes: Any) -> bytes:
    event: dict[str, Any] = {
        "specversion": "1.0", "id": str(uuid7()), "source": "urn:x", "type": "t", "subject": "s",
        "time": "2026-11-22T04:00:00Z", "data": {},
    }  # fmt: skip
    event |= changes
    return orjson.dumps({name: value for name, value in event.items() if value is not ...})


def test_the_event_that_the_next_test_spoils_is_sound() -> None:
    assert envelope.decode(_event()).type == "t"


@pytest.mark.parametrize(
    "spoilt",
    [
        b"", b"\xff", b"[]", b"null", b'"x"', b"{}",
        _event(specversion="0.3"), _event(id="not a uuid"), _event(id=7), _event(id=...), _event(type=...),
        _event(type=""), _event(type=3), _event(type="t\0"), _event(subject="a\0b"), _event(subject=...),
        _event(subject=None), _event(time="yesterday"), _event(time=...),
    ],
)  # fmt: skip
def test_bytes_that_are_no_event_say_so(spoilt: bytes) -> None:
    with pytest.raises(BadEnvelope):
        envelope.decode(spoilt)


@given(st.binary(max_size=200))
def test_no_bytes_do_more_harm_than_that(noise: bytes) -> None:
    with contextlib.suppress(BadEnvelope):
        envelope.decode(noise)


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers(-5, 5) | st.text(max_size=5),
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    )
)
def test_no_json_does_more_harm_than_that(value: object) -> None:
    with contextlib.suppress(BadEnvelope):
        envelope.decode(orjson.dumps(value))
