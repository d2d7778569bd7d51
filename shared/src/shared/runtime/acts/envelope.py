"""CloudEvents 1.0 on Kafka: facts in structured JSON mode, documents that must stay byte for byte in binary mode."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any, Final
from uuid import UUID

import orjson
from opentelemetry import propagate

from shared.contracts.base import Fact

CONTENT_TYPE: Final = "application/cloudevents+json; charset=UTF-8"

Headers = Iterable[tuple[str, bytes]]


class BadEnvelope(ValueError):
    """Bytes that are not a CloudEvent in structured JSON mode."""


@dataclass(frozen=True, slots=True)
class Envelope:
    """A CloudEvent that was read: its attributes, and its data still to be validated."""

    event_id: UUID
    type: str
    source: str
    at: datetime
    key: str
    data: Any
    traceparent: str | None = None


def source(producer: str) -> str:
    """The CloudEvents source of a department."""
    return f"urn:concord:{producer}"


def trace_headers() -> dict[str, str]:
    """``traceparent`` (and ``tracestate``) of the span that is being recorded; empty without one."""
    carrier: dict[str, str] = {}
    propagate.inject(carrier)
    return {name: carrier[name] for name in ("traceparent", "tracestate") if name in carrier}


def encode(fact: Fact, *, event_id: UUID, at: datetime, trace: Mapping[str, str]) -> bytes:
    """A fact as a structured-mode CloudEvent, with the distributed-tracing extension when there is a trace."""
    return orjson.dumps(
        {
            "specversion": "1.0",
            "id": str(event_id),
            "source": source(fact.TOPIC.producer),
            "type": fact.TYPE,
            "subject": fact.key,
            "time": _rfc3339(at),
            "datacontenttype": "application/json",
            **trace,
            "data": orjson.Fragment(fact.as_json),
        }
    )


def decode(value: bytes) -> Envelope:
    """Read a structured-mode CloudEvent; BadEnvelope says what is wrong with it."""
    try:
        event = orjson.loads(value)
        if event["specversion"] != "1.0":
            raise BadEnvelope(f"specversion {event['specversion']!r} is not 1.0")
        return Envelope(
            event_id=UUID(event["id"]),
            type=_text(event["type"]),
            source=_text(event["source"]),
            at=datetime.fromisoformat(event["time"]),
            key=_text(event["subject"]),
            data=event.get("data"),
            traceparent=event.get("traceparent"),
        )
    except (KeyError, TypeError, AttributeError, ValueError) as error:
        raise error if isinstance(error, BadEnvelope) else BadEnvelope(f"not a CloudEvent: {error!r}") from error


def binary_headers(
    *,
    event_id: UUID,
    producer: str,
    event_type: str,
    key: str,
    at: datetime,
    content_type: str,
    trace: Mapping[str, str],
) -> dict[str, str]:
    """The Kafka headers that make a record whose value is any bytes a binary-mode CloudEvent."""
    return {
        "content-type": content_type,
        "ce_specversion": "1.0",
        "ce_id": str(event_id),
        "ce_source": source(producer),
        "ce_type": event_type,
        "ce_subject": key,
        "ce_time": _rfc3339(at),
        **trace,
    }


def header(headers: Headers, name: str) -> str | None:
    """One Kafka header as text."""
    return next((value.decode("utf-8", "replace") for key, value in headers if key.lower() == name), None)


@lru_cache(maxsize=16)
def _rfc3339(at: datetime) -> str:
    """Kept, since what one transaction tells has one time."""
    if at.tzinfo is None:
        raise ValueError("an event needs an aware time")
    return at.astimezone(UTC).isoformat().replace("+00:00", "Z")


def _text(value: object) -> str:
    if not isinstance(value, str) or not value or "\0" in value:
        raise BadEnvelope(f"{value!r} is not a text")
    return value
