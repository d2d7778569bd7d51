"""The approval service on a real database, and a desk from which to use it."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from approval.main import SERVICE
from shared.runtime.base.clock import FixedClock
from tests.integration.approval.desk import Desk
from tests.support.fixtures import MakeDatabase
from tests.support.people import at
from tests.support.service import running_service

MONDAY = "2026-11-02T01:00"
"""A Monday, 9 o'clock in Beijing."""


@pytest.fixture
def clock() -> FixedClock:
    return FixedClock(at(MONDAY))


@pytest.fixture
async def desk(make_database: MakeDatabase, clock: FixedClock, tmp_path: Path) -> AsyncIterator[Desk]:
    """Approval with its HTTP door; its clocks ring and its facts are heard when the desk says so."""
    own = {
        "files_store": tmp_path / "files",
        "signing_keys_file": tmp_path / "keys.json",
        "signing_keys_generate": True,
    }
    async with running_service(SERVICE, await make_database("approval"), clock=clock, **own) as api:
        yield Desk(api, clock)
