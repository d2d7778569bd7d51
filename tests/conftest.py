"""Makes the real parts (PostgreSQL, a broker) available to every test, and lets whole stacks begin first."""

import os
from collections.abc import Iterator
from typing import Final

import pytest

from shared.runtime.process.app import spare_collector
from tests.support.fixtures import broker, databases, fresh_broker, make_database, postgres, session_folder

__all__ = ["broker", "databases", "fresh_broker", "make_database", "postgres", "session_folder"]

# Or else each of some ten thousand sessions first reads the authorities it would trust, and asks for TLS in vain.
os.environ.setdefault("PGSSLMODE", "disable")


UNTRACED: Final = (
    "tests/attacks/",
    "tests/faults/",
    "tests/journeys/",
    "tests/integration/sweep/",
    "tests/integration/access_control/test_access_machine.py",
    "tests/integration/approval/test_machine.py",
    "tests/integration/enforcement/test_guards.py::test_every_verb_asked_by_everybody",
    "tests/integration/enforcement/test_machine.py",
    "tests/integration/enforcement/test_subscriptions_machine.py",
    "tests/integration/registry/test_machine.py",
    "tests/integration/registry/test_moves_home.py::test_many_sites_move",
    "tests/unit/documents/test_marks.py::test_names_or_their_digest",
    "tests/unit/query/test_public.py::test_no_account_of_an_officer",
    "tests/unit/query/test_readmodel.py::TestAgainstADictionary",
    "tests/unit/registry/test_rows.py::test_whatever_the_quotes",
)
"""They go the same ways thousands of times, or what they run is in other processes: to count it doubles their time.
What the others take is the less for it, never the more: the floor of `make coverage` becomes no easier to reach."""


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item: pytest.Item) -> Iterator[None]:
    """Count no branches from a test's fixtures on to their end, where others count them."""
    counting = item.config.pluginmanager.getplugin("_cov")
    if counting is None or counting.cov_controller is None or not item.nodeid.startswith(UNTRACED):
        return (yield)
    counting.cov_controller.pause()
    try:
        return (yield)
    finally:
        counting.cov_controller.resume()


def pytest_collection_finish() -> None:
    """As a service does that has loaded everything."""
    spare_collector()


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """With several workers, the first begins with the journeys and the second with the faults.

    These tests take long and mostly wait; what the other tests leave undone meanwhile is shared out at the end.
    Under ``worksteal`` each worker first has a run of neighbours, all of the same length. `make test-kafka` gives out
    files in their order, so there what takes longest alone comes first.
    """
    workers: int = getattr(config, "workerinput", {"workercount": 1})["workercount"]
    if workers > 1:
        journeys, faults = (
            [each for each in items if f"tests/{kind}/" in each.nodeid] for kind in ("journeys", "faults")
        )
        on_kafka = [each for each in items if "tests/kafka/" in each.nodeid]
        others = [each for each in items if each not in {*journeys, *faults, *on_kafka}]
        if on_kafka:
            items[:] = [*on_kafka, *faults, *journeys, *others]
            return
        second = max(0, len(items) // workers - len(journeys))
        items[:] = [*journeys, *others[:second], *faults, *others[second:]]
