"""The coordination service on a real database, with the directory that a new stack begins with."""

from collections.abc import AsyncIterator
from datetime import timedelta

import pytest

from coordination.main import SERVICE
from shared.runtime.base.clock import FixedClock
from tests.integration.coordination.office import Office
from tests.support.fixtures import MakeDatabase
from tests.support.people import at
from tests.support.service import running_service


@pytest.fixture
async def office(make_database: MakeDatabase) -> AsyncIterator[Office]:
    """Coordination with its HTTP door."""
    clock = FixedClock(at("2026-11-02T01:00") + timedelta(seconds=1))
    dsn = await make_database("coordination")
    async with running_service(SERVICE, dsn, clock=clock) as api:
        yield Office(api, clock, dsn)
