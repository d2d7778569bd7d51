"""Makes the real parts (PostgreSQL, a broker) available to every test, and lets whole stacks begin first."""

import os

import pytest

from shared.runtime.process.app import spare_collector
from tests.support.fixtures import broker, databases, fresh_broker, make_database, postgres, session_folder

__all__ = ["broker", "databases", "fresh_broker", "make_database", "postgres", "session_folder"]

# Or else each of some ten thousand sessions first reads the authorities it would trust, and asks for TLS in vain.
os.environ.setdefault("PGSSLMODE", "disable")


def pytest_collection_finish() -> None:
    """As a service does that has loaded everything."""
    spare_collector()


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """With several workers, the first begins with the journeys and the second with the faults.

    These tests take long and mostly wait; what the other tests leave undone meanwhile is shared out at the end.
    Under ``worksteal`` each worker first has a run of neighbours, all of the same length.
    """
    workers: int = getattr(config, "workerinput", {"workercount": 1})["workercount"]
    if workers > 1:
        journeys, faults = (
            [each for each in items if f"tests/{kind}/" in each.nodeid] for kind in ("journeys", "faults")
        )
        others = [each for each in items if each not in {*journeys, *faults}]
        second = max(0, len(items) // workers - len(journeys))
        items[:] = [*journeys, *others[:second], *faults, *others[second:]]
