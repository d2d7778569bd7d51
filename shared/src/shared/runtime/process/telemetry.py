"""Traces, metrics and logs of one process: set up once, then carried along with every request and event."""

import json
import logging
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import orjson
import structlog
from opentelemetry import metrics, propagate, trace
from opentelemetry.context import Context
from opentelemetry.exporter.prometheus import PrometheusMetricReader
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import MetricReader, PeriodicExportingMetricReader
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import Span, SpanProcessor, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.sdk.trace.sampling import ParentBased, TraceIdRatioBased
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator
from prometheus_client import CollectorRegistry, GCCollector, PlatformCollector, ProcessCollector

from shared.runtime.base.settings import Settings
from shared.runtime.web.middleware import masked

tracer: Final = trace.get_tracer("concord.runtime")
meter: Final = metrics.get_meter("concord.runtime")

QUIET: Final = {"aiokafka": logging.WARNING, "httpx": logging.WARNING, "asyncio": logging.WARNING}
"""Libraries that talk too much at INFO."""


@dataclass(frozen=True, slots=True)
class Telemetry:
    """The providers of this process, and the registry that /metrics shows."""

    tracer_provider: TracerProvider
    meter_provider: MeterProvider
    registry: CollectorRegistry

    def shutdown(self) -> None:
        """Send what is still held back."""
        self.tracer_provider.force_flush(2_000)
        self.meter_provider.force_flush(2_000)


class _NoQuery(SpanProcessor):
    """Takes out of a request's span what was asked: who looks up what stands in the audit trail, and is not for all.

    Secrets that are part of a path go as well.
    """

    def on_start(self, span: Span, parent_context: Context | None = None) -> None:
        if span.attributes and "url.query" in span.attributes:
            span.set_attribute("url.query", "REDACTED")
        path = (span.attributes or {}).get("url.path")
        if isinstance(path, str) and masked(path) != path:
            span.set_attribute("url.path", masked(path))


_process: Telemetry | None = None


def configure(service: str, settings: Settings) -> Telemetry:
    """Set up this process; a second call gives the first one's result, since providers are global."""
    global _process  # noqa: PLW0603 - OpenTelemetry's providers are one per process, and so is this
    configure_logs(service, settings)
    if _process is None:
        resource = Resource.create({"service.namespace": "concord", "service.name": service})
        registry = CollectorRegistry()
        for collector in (ProcessCollector, PlatformCollector, GCCollector):
            collector(registry=registry)
        meters = MeterProvider(_readers(settings, registry), resource=resource)
        traces = TracerProvider(sampler=ParentBased(TraceIdRatioBased(settings.trace_ratio)), resource=resource)
        traces.add_span_processor(_NoQuery())
        if settings.otlp_endpoint:
            traces.add_span_processor(BatchSpanProcessor(_span_exporter(settings.otlp_endpoint)))
        trace.set_tracer_provider(traces)
        metrics.set_meter_provider(meters)
        propagate.set_global_textmap(TraceContextTextMapPropagator())
        if settings.trace_sql:
            _trace_sql()
        _process = Telemetry(traces, meters, registry)
    return _process


def current_traceparent() -> str | None:
    """The W3C ``traceparent`` of the span that is open, to be carried on."""
    carrier: dict[str, str] = {}
    propagate.inject(carrier)
    return carrier.get("traceparent")


def _readers(settings: Settings, registry: CollectorRegistry) -> Sequence[MetricReader]:
    readers: list[MetricReader] = [
        PrometheusMetricReader(disable_target_info=False, scope_info_enabled=False, registry=registry)
    ]
    if settings.otlp_endpoint:
        from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter  # noqa: PLC0415 - optional

        exporter = OTLPMetricExporter(f"{settings.otlp_endpoint.rstrip('/')}/v1/metrics")
        readers.append(PeriodicExportingMetricReader(exporter, export_interval_millis=15_000))
    return readers


def _span_exporter(endpoint: str) -> Any:
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter  # noqa: PLC0415 - optional

    return OTLPSpanExporter(f"{endpoint.rstrip('/')}/v1/traces")


def _trace_sql() -> None:
    from opentelemetry.instrumentation.asyncpg import AsyncPGInstrumentor  # noqa: PLC0415 - optional

    AsyncPGInstrumentor().instrument()  # type: ignore[no-untyped-call]


def configure_logs(service: str, settings: Settings) -> None:
    """One line an event on standard output, for our own loggers and for those of the libraries."""
    level = logging.getLevelNamesMapping()[settings.log_level]
    shared: list[Any] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        _Named(service),
        add_trace,
    ]
    as_json = settings.log_format == "json"
    last = [structlog.processors.format_exc_info, structlog.processors.JSONRenderer(serializer=_dump)]
    # structlog's own choice where rich is installed would print every variable of every frame: tokens, names, keys.
    plain = structlog.dev.plain_traceback
    text = [structlog.dev.ConsoleRenderer(colors=sys.stdout.isatty(), exception_formatter=plain)]
    structlog.configure(
        processors=[*shared, *(last if as_json else text)],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=structlog.WriteLoggerFactory(),
        cache_logger_on_first_use=False,
    )
    handler = _StandardOutput()
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[*shared, structlog.stdlib.ExtraAdder(["logger"])],
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *(last if as_json else text)],
        )
    )
    root = logging.getLogger()
    root.handlers = [*(other for other in root.handlers if not isinstance(other, _StandardOutput)), handler]
    root.setLevel(level)
    for name, quieter in QUIET.items():
        logging.getLogger(name).setLevel(max(level, quieter))


class _StandardOutput(logging.Handler):
    """Writes to whatever standard output is at the moment, which tests change."""

    def emit(self, record: logging.LogRecord) -> None:
        """Write one line."""
        try:
            sys.stdout.write(self.format(record) + "\n")
            sys.stdout.flush()
        except (OSError, ValueError):
            self.handleError(record)


class _Named:
    """Adds the service's name, which telemetry's resource has too."""

    def __init__(self, service: str) -> None:
        self._service = service

    def __call__(self, _logger: Any, _method: str, event: dict[str, Any]) -> dict[str, Any]:
        event["service"] = self._service
        return event


def add_trace(_logger: Any, _method: str, event: dict[str, Any]) -> dict[str, Any]:
    """Add the ids of the span that is open, so that log and trace find one another."""
    context = trace.get_current_span().get_span_context()
    if context.is_valid:
        event["trace_id"] = format(context.trace_id, "032x")
        event["span_id"] = format(context.span_id, "016x")
    return event


def _dump(event: Any, **_: Any) -> str:
    try:
        return orjson.dumps(event, default=str).decode()
    except TypeError:  # orjson knows no integers past 64 bits and no lone surrogates; a log line must not fail for that
        return json.dumps(event, default=str)
