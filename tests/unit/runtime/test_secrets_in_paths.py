"""A secret that is part of a path is in no log and in no trace; ids and hashes stay readable there."""

import secrets
from uuid import uuid4

import pytest
from opentelemetry.sdk.trace import TracerProvider

from shared.runtime.process.telemetry import _NoQuery
from shared.runtime.web.middleware import masked

SECRET = secrets.token_urlsafe(32)


@pytest.mark.parametrize(
    ("path", "said"),
    [
        (f"/complaints/status/{SECRET}", "/complaints/status/REDACTED"),
        (f"/complaints/status/{SECRET}/files", "/complaints/status/REDACTED/files"),
        (f"/complaints/{(known := uuid4())}/files/{'a' * 64}", f"/complaints/{known}/files/{'a' * 64}"),
        ("/cases", "/cases"),
    ],
    ids=["status", "files", "ids", "none"],
)
def test_what_logs_say_of_a_path(path: str, said: str) -> None:
    assert masked(path) == said


def test_what_traces_say_of_a_request() -> None:
    provider = TracerProvider()
    provider.add_span_processor(_NoQuery())
    given = {"url.path": f"/complaints/status/{SECRET}", "url.query": "host=a.example"}
    with provider.get_tracer("test").start_as_current_span("GET", attributes=given) as span:
        kept = dict(span.attributes)  # type: ignore[attr-defined] # of the SDK's own span
    assert kept == {"url.path": "/complaints/status/REDACTED", "url.query": "REDACTED"}
