"""Topics, metrics and clocks: small promises of the data rails."""

import asyncio
import re
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from uuid import uuid4

import pytest

from shared.contracts.generate import events_page
from shared.contracts.topics import FACT_TOPICS
from shared.runtime.acts import outbox
from shared.runtime.base import metrics
from shared.runtime.base.clock import FixedClock, SystemClock
from shared.runtime.base.context import Caller
from shared.runtime.events import kafka, publisher
from shared.runtime.events.kafka import BrokerUnavailable, TopicRefused, bounded, topic_of


def test_every_topic_of_the_contracts_is_known_by_name() -> None:
    for topic in FACT_TOPICS:
        assert topic_of(topic.name) == topic
    provider = uuid4()
    assert topic_of(f"access-orders.{provider}").partitions == 1
    assert topic_of(f"access-receipts.{provider}").producer == "provider"


@pytest.mark.parametrize("name", ["", "registry", "access-orders.", "other"])
def test_other_topics_are_refused(name: str) -> None:
    with pytest.raises(TopicRefused):
        topic_of(name)


async def test_a_call_that_takes_too_long_is_a_broker_that_is_not_there() -> None:
    with pytest.raises(BrokerUnavailable, match=r"0\.01 s: a thing"):
        async with bounded("a thing", 0.01):
            await asyncio.sleep(5)


async def test_a_call_that_will_not_be_cancelled_is_not_waited_for_either() -> None:
    ended = asyncio.Event()

    async def stubborn() -> None:
        try:
            await asyncio.sleep(60)
        except asyncio.CancelledError:  # as parts of aiokafka do
            await ended.wait()

    async with asyncio.timeout(20):
        with pytest.raises(BrokerUnavailable, match="a thing"):
            await kafka.answered("a thing", stubborn(), 0.01)
    ended.set()


def test_the_documented_rule_for_partitions_and_size_is_the_one_we_follow() -> None:
    page = events_page()
    key, partition = re.search(r"`([0-9a-f-]{36})` is in partition (\d+) of 24", page).groups()  # type: ignore[union-attr]
    assert publisher._hash(key) % 24 == int(partition)
    assert f"at most {outbox.MOST_BYTES:,} bytes" in page


async def test_fetches_are_short_while_records_come_and_long_when_none_do(monkeypatch: pytest.MonkeyPatch) -> None:
    async def wait_of(configured: int, *, idle: bool) -> int:
        reader = kafka.Reader(bootstrap_servers="nowhere:1", fetch_wait_ms=configured)
        reader._fetcher = SimpleNamespace(_fetch_max_wait_ms=configured)
        monkeypatch.setattr(kafka, "EAGER_S", 0.0 if idle else 60.0)
        for _ in range(20):
            reader.rest()
        longest = int(reader._fetcher._fetch_max_wait_ms)
        reader.busy()
        assert reader._fetcher._fetch_max_wait_ms == configured, "a record came: at once as short as before"
        del reader._fetcher
        return longest

    assert await wait_of(10, idle=False) == 10
    assert await wait_of(10, idle=True) == kafka.RESTING_MS
    assert await wait_of(500, idle=True) == 500, (
        "a broker that answers when a record comes may wait as long as it is told"
    )


EXPORT = """
from opentelemetry import metrics as api
from opentelemetry.exporter.prometheus import PrometheusMetricReader
from opentelemetry.sdk.metrics import MeterProvider
from prometheus_client import generate_latest
from shared.runtime.base import metrics
api.set_meter_provider(MeterProvider(metric_readers=[PrometheusMetricReader()]))
for instrument in vars(metrics).values():
    for act in ("add", "record", "set"):
        if isinstance(instrument, api.Instrument) and hasattr(instrument, act):
            getattr(instrument, act)(1)
print(*(line.split()[2] for line in generate_latest().decode().splitlines() if line.startswith("# TYPE")))
"""


def test_prometheus_shows_every_metric_under_the_name_that_is_listed() -> None:
    # In a process of its own: a process has one meter provider for good.
    shown = subprocess.run([sys.executable, "-c", EXPORT], capture_output=True, text=True, check=True).stdout.split()
    own = {name for name in shown if not name.startswith(("python_", "process_", "target_"))}
    assert own == set(metrics.METRICS)


def test_a_fixed_clock_moves_only_when_told() -> None:
    clock = FixedClock(datetime(2026, 11, 22, tzinfo=UTC))
    assert clock.now() == clock.now()
    assert clock.advance(timedelta(days=1)) == clock.now() == datetime(2026, 11, 23, tzinfo=UTC)
    with pytest.raises(ValueError, match="aware"):
        FixedClock(datetime(2026, 11, 22))  # noqa: DTZ001
    assert SystemClock().now().tzinfo is UTC


def test_the_system_holds_no_role() -> None:
    caller = Caller.system("registry")
    assert (caller.subject, caller.roles) == ("system:registry", frozenset())
