"""Logs that find their trace, metrics in Prometheus' words."""

import asyncio
import json
import logging
from collections.abc import Iterator
from typing import Any

import pytest
import structlog
from opentelemetry import metrics, trace
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from shared.runtime.base import metrics as runtime_metrics
from shared.runtime.base.settings import Settings
from shared.runtime.process import telemetry
from shared.runtime.process.app import create_app
from tests.support import people, toy
from tests.support.service import Api

SETTINGS = Settings(database_url="postgresql://nobody@127.0.0.1:1/none")


@pytest.fixture(autouse=True)
def _configured(capsys: pytest.CaptureFixture[str]) -> Iterator[None]:
    telemetry.configure("toy", SETTINGS)
    yield
    telemetry.configure_logs("tests", SETTINGS.model_copy(update={"log_level": "WARNING"}))


def lines(capsys: pytest.CaptureFixture[str]) -> list[dict[str, Any]]:
    return [json.loads(line) for line in capsys.readouterr().out.splitlines()]


def test_a_line_says_who_when_and_in_which_trace(capsys: pytest.CaptureFixture[str]) -> None:
    with telemetry.tracer.start_as_current_span("act") as span:
        structlog.get_logger("x").info("thing.done", number=3)
    (line,) = lines(capsys)
    context = span.get_span_context()
    assert (line["event"], line["number"], line["level"], line["service"]) == ("thing.done", 3, "info", "toy")
    assert (line["trace_id"], line["span_id"]) == (f"{context.trace_id:032x}", f"{context.span_id:016x}")
    assert line["timestamp"].endswith("Z")


def test_lines_of_libraries_have_the_same_shape(capsys: pytest.CaptureFixture[str]) -> None:
    logging.getLogger("some.library").error("it failed: %s", "badly", exc_info=ValueError("broken"))
    (line,) = lines(capsys)
    assert (line["event"], line["level"], line["service"]) == ("it failed: badly", "error", "toy")
    assert "ValueError: broken" in line["exception"]


def test_lines_below_the_level_are_not_written(capsys: pytest.CaptureFixture[str]) -> None:
    telemetry.configure_logs("toy", SETTINGS.model_copy(update={"log_level": "WARNING"}))
    structlog.get_logger().info("quiet")
    logging.getLogger("library").info("quiet")
    assert lines(capsys) == []


def test_people_can_read_the_text_format(capsys: pytest.CaptureFixture[str]) -> None:
    telemetry.configure_logs("toy", SETTINGS.model_copy(update={"log_format": "text"}))
    structlog.get_logger().info("thing.done", number=3)
    out = capsys.readouterr().out
    assert "thing.done" in out
    assert "number=3" in out


def test_what_cannot_be_serialised_is_written_as_text_and_breaks_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    structlog.get_logger().info("odd", thing=object(), number=2**70, name="\ud800")
    assert "odd" in capsys.readouterr().out


@pytest.mark.parametrize("form", ["json", "text"])
def test_a_traceback_shows_the_lines_and_not_what_was_in_the_variables(
    capsys: pytest.CaptureFixture[str], form: str
) -> None:
    telemetry.configure_logs("toy", SETTINGS.model_copy(update={"log_format": form}))
    token = "-".join(["kept", "secret"])
    try:
        {"": token}.pop(str(len(token)))
    except KeyError:
        structlog.get_logger().exception("thing.failed")
    out = capsys.readouterr().out
    assert ".pop(str(len(token)))" in out
    assert token not in out


def test_the_traceparent_is_that_of_the_open_span() -> None:
    assert telemetry.current_traceparent() is None
    with telemetry.tracer.start_as_current_span("act") as span:
        context = span.get_span_context()
        assert (
            telemetry.current_traceparent() == f"00-{context.trace_id:032x}-{context.span_id:016x}-03"
        )  # sampled, random


async def test_metrics_are_prometheus_text_with_requests_by_route(capsys: pytest.CaptureFixture[str]) -> None:
    metrics.get_meter("t").create_counter("toy_things", description="Things.").add(2, {"kind": "a"})
    async with Api(create_app(toy.SERVICE, SETTINGS, validator=people.validator())) as api:
        await api.get("/things/0192f1c2-6b1e-7cc3-9d52-1a2b3c4d5e6f", who="officer")
        await api.get("/readyz")
        answer = await api.get("/metrics")
    assert answer.headers["content-type"].startswith("text/plain; version=")
    assert 'toy_things_total{kind="a"} 2.0' in answer.text
    (name,) = runtime_metrics.OF_FASTAPI
    counted = [line for line in answer.text.splitlines() if line.startswith(f"{name}_count")]
    assert any(
        'http_route="/things/{thing_id}"' in line and 'http_response_status_code="503"' in line for line in counted
    )
    assert not any("readyz" in line for line in counted)
    assert "process_resident_memory_bytes" in answer.text


async def test_what_nobody_caught_is_counted_as_the_500_it_was_answered_with() -> None:
    application = create_app(toy.SERVICE, SETTINGS, validator=people.validator())

    @application.get("/broken")
    async def broken() -> None:
        raise RuntimeError

    (name,) = runtime_metrics.OF_FASTAPI
    async with Api(application) as api:
        assert (await api.get("/broken")).status_code == 500
        text = (await api.get("/metrics")).text
    (counted,) = [line for line in text.splitlines() if line.startswith(f"{name}_count") and "/broken" in line]
    assert 'http_response_status_code="500"' in counted


async def test_a_request_joins_the_trace_of_its_caller_and_problems_name_it(capsys: pytest.CaptureFixture[str]) -> None:
    trace_id = "0af7651916cd43dd8448eb211c80319c"
    async with Api(create_app(toy.SERVICE, SETTINGS, validator=people.validator())) as api:
        answer = await api.get("/things", who="officer", headers={"traceparent": f"00-{trace_id}-b7ad6b7169203331-01"})
    assert answer.json()["trace_id"] == trace_id
    access = [line for line in lines(capsys) if line["event"] == "http.request"]
    assert [(line["trace_id"], line["route"], line["status"]) for line in access] == [(trace_id, "/things", 503)]


async def test_what_was_asked_is_in_no_span(capsys: pytest.CaptureFixture[str]) -> None:
    spans = InMemorySpanExporter()
    provider = trace.get_tracer_provider()
    assert isinstance(provider, TracerProvider)
    provider.add_span_processor(SimpleSpanProcessor(spans))
    async with Api(create_app(toy.SERVICE, SETTINGS, validator=people.validator())) as api:
        await api.get("/things", params={"name": "looked-for"})
    (span,) = [span for span in spans.get_finished_spans() if span.kind is trace.SpanKind.SERVER]
    assert (span.attributes or {})["url.query"] == "REDACTED"
    assert "looked-for" not in span.to_json() + capsys.readouterr().out


async def test_probes_leave_no_line(capsys: pytest.CaptureFixture[str]) -> None:
    async with Api(create_app(toy.SERVICE, SETTINGS, validator=people.validator())) as api:
        for path in ("/livez", "/readyz", "/metrics"):
            await api.get(path)
    assert lines(capsys) == []


async def test_concurrent_requests_keep_their_traces_apart(capsys: pytest.CaptureFixture[str]) -> None:
    async with Api(create_app(toy.SERVICE, SETTINGS, validator=people.validator())) as api:
        ids = [f"{number:032x}" for number in range(1, 21)]
        answers = await asyncio.gather(
            *(api.get("/things", headers={"traceparent": f"00-{each}-b7ad6b7169203331-01"}) for each in ids)
        )
    assert [answer.json()["trace_id"] for answer in answers] == ids
    assert not trace.get_current_span().get_span_context().is_valid
