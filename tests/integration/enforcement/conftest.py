"""The enforcement service on a real database, and an office from which to use it."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from enforcement.main import SERVICE
from shared.runtime.base.clock import FixedClock
from tests.integration.enforcement.office import Office
from tests.support.fixtures import MakeDatabase
from tests.support.people import at
from tests.support.service import running_service

MONDAY = "2026-11-02T01:00"
"""A Monday, 9 o'clock in Beijing."""


@pytest.fixture
def clock() -> FixedClock:
    return FixedClock(at(MONDAY))


@pytest.fixture
async def office(make_database: MakeDatabase, clock: FixedClock, tmp_path: Path) -> AsyncIterator[Office]:
    """Enforcement with its HTTP door and its clocks."""
    dsn = await make_database("enforcement")
    settings = {"roles_run": "http,ticks", "evidence_path": tmp_path / "evidence"}
    async with running_service(SERVICE, dsn, clock=clock, **settings) as api:
        yield Office(api, clock)
