"""Topics, metrics and clocks: small promises of the data rails."""

import asyncio
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest
from opentelemetry.metrics import Counter, Instrument

from shared.contracts.topics import FACT_TOPICS
from shared.runtime import metrics
from shared.runtime.clock import FixedClock, SystemClock
from shared.runtime.context import Caller
from shared.runtime.kafka import BrokerUnavailable, TopicRefused, bounded, topic_of


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
    with pytest.raises(BrokerUnavailable, match=r"0\.01 s"):
        async with bounded(0.01):
            await asyncio.sleep(5)


def test_every_metric_is_made_under_the_name_that_is_listed() -> None:
    made = {name: value for name, value in vars(metrics).items() if isinstance(value, Instrument)}
    assert {listed.removesuffix("_total") for listed in metrics.METRICS} == set(made)
    for listed in metrics.METRICS:
        instrument = made[listed.removesuffix("_total")]
        assert isinstance(instrument, Counter) == listed.endswith("_total"), listed
        assert getattr(instrument, "_name", None) == listed.removesuffix("_total")


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
