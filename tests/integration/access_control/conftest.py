"""access-control in the process of the test, on a database of its own, without a broker."""

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from access_control.main import SERVICE
from shared.runtime.base.clock import FixedClock
from tests.integration.access_control.desk import NOON, Desk
from tests.support.fixtures import MakeDatabase
from tests.support.service import running_service

OpenDesk = Callable[..., AbstractAsyncContextManager[Desk]]


@pytest.fixture
def open_desk(make_database: MakeDatabase, tmp_path: Path) -> OpenDesk:
    """Starts the service with whatever settings a test wants; a ``dsn`` shares a database."""

    @asynccontextmanager
    async def opened(**settings: Any) -> AsyncIterator[Desk]:
        dsn = settings.pop("dsn", None) or await make_database("access-control")
        clock = settings.pop("clock", None) or FixedClock(NOON)
        keys = {"signing_keys_file": tmp_path / "keys.json", "signing_keys_generate": True}
        async with running_service(SERVICE, dsn, clock=clock, **{**keys, **settings}) as api:
            yield Desk(api, clock, dsn)

    return opened


@pytest.fixture
async def desk(open_desk: OpenDesk) -> AsyncIterator[Desk]:
    """Orders go out at once."""
    async with open_desk(withdraw_window_s=0) as desk:
        yield desk


@pytest.fixture
async def slow_desk(open_desk: OpenDesk) -> AsyncIterator[Desk]:
    """Orders wait out a withdraw window."""
    async with open_desk(withdraw_window_s=75) as desk:
        yield desk
