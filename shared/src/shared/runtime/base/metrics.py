"""Every metric of the data rails, in one place, so that a test can hold the documentation against it."""

from typing import Final

from opentelemetry import metrics

METRICS: Final = {
    "outbox_unpublished": "Facts waiting to be published, counted up to 100,001: that many or more.",
    "outbox_oldest_seconds": "Age of the oldest fact waiting to be published; while nobody can look, how old it may be "
    "by now. 0 where another process publishes.",
    "relay_published_total": "Facts the broker has acknowledged.",
    "relay_failures_total": "Batches that could not be published and will be tried again.",
    "consumer_events_total": "Events read, by consumer and outcome: applied, projected, duplicate, parked, skipped, or "
    "foreign (on a topic or from a source that is not the fact's own; parked as well).",
    "consumer_retries_total": "Transactions tried again because the database was away or busy, by consumer.",
    "consumer_lag": "Events on the broker that a consumer has not read yet, by consumer; -1 while that is not known.",
    "consumer_deaf": "Topics that a consumer should read and cannot see, by consumer; 1 also where the broker does not "
    "tell it what is left to read, or it cannot have its lease. Anything above 0 is an alert.",
    "consumer_oldest_unread_seconds": "How long ago, at least, the oldest event came that a consumer has not read yet, "
    "by consumer.",
    "parked_events": "Events that wait for somebody to look at them, by consumer. Anything above 0 is an alert.",
    "illegible_records": "Partitions stopped at bytes that are no record, by consumer. Anything above 0 is an alert.",
    "deadlines_fired_total": "Clocks and windows that ran out and were acted upon, by kind.",
    "deadlines_failed_total": "Tries to act upon a clock that ran out which failed and will be repeated, by kind.",
    "clock_skew_seconds": "How far the clock of this process is ahead of the database's, as of its last tick.",
    "files_checked_total": "Files that somebody handed in compared with their hash again, by outcome: sound, damaged.",
    "files_damaged": "Files whose bytes are not those that were handed in. Anything above 0 is an alert.",
    "files_unreachable_total": "Times that the bucket files are kept in did not answer as it must.",
    "housekeeping_finished_seconds": "When a part of the hourly housekeeping was last done (what is too old is "
    "forgotten), by part, in seconds since 1970; from the start of the process.",
    "notices_refused_seconds": "For how long every try to hand a notice over has failed, by channel; 0 once one was "
    "taken, or none waits to be tried again. What is refused for good because of the recipient does not count.",
    "audit_failures_total": "Refused acts whose audit row could not be written.",
    "ticks_finished_seconds": "When a worker last acted upon all its clocks that had run out, in seconds since 1970.",
}
OF_FASTAPI: Final = {
    "http_server_request_duration_seconds": "How long requests took, by http_request_method, http_route and "
    "http_response_status_code (OpenTelemetry's conventions); probes are left out.",
}

_meter = metrics.get_meter("concord.runtime")


def _counter(name: str, unit: str) -> metrics.Counter:
    # The Prometheus exporter adds _total to counters by itself.
    return _meter.create_counter(name.removesuffix("_total"), unit=unit, description=METRICS[name])


def _gauge(name: str, unit: str) -> "metrics._Gauge":
    return _meter.create_gauge(name, unit=unit, description=METRICS[name])


outbox_unpublished: Final = _gauge("outbox_unpublished", "1")
outbox_oldest_seconds: Final = _gauge("outbox_oldest_seconds", "1")
relay_published: Final = _counter("relay_published_total", "1")
relay_failures: Final = _counter("relay_failures_total", "1")
consumer_events: Final = _counter("consumer_events_total", "1")
consumer_retries: Final = _counter("consumer_retries_total", "1")
consumer_lag: Final = _gauge("consumer_lag", "1")
consumer_deaf: Final = _gauge("consumer_deaf", "1")
consumer_unread: Final = _gauge("consumer_oldest_unread_seconds", "s")
illegible_records: Final = _gauge("illegible_records", "1")
parked_events: Final = _gauge("parked_events", "1")
deadlines_fired: Final = _counter("deadlines_fired_total", "1")
deadlines_failed: Final = _counter("deadlines_failed_total", "1")
clock_skew: Final = _gauge("clock_skew_seconds", "s")
files_checked: Final = _counter("files_checked_total", "1")
files_damaged: Final = _gauge("files_damaged", "1")
files_unreachable: Final = _counter("files_unreachable_total", "1")
housekeeping_finished: Final = _gauge("housekeeping_finished_seconds", "s")
notices_refused: Final = _gauge("notices_refused_seconds", "s")
audit_failures: Final = _counter("audit_failures_total", "1")
ticks_finished: Final = _gauge("ticks_finished_seconds", "s")
