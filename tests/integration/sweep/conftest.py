"""A world per service, built once and left as it was by whoever asks it."""

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import Final

import pytest

from tests.integration.sweep.world import World
from tests.integration.sweep.worlds import access_control, approval, coordination, enforcement, query, registry
from tests.support.databases import Databases
from tests.support.fixtures import ROOT, MakeDatabase

Open = Callable[[MakeDatabase, Path], AbstractAsyncContextManager[World]]
WORLDS: Final[dict[str, Open]] = {
    "approval": approval.opened,
    "registry": registry.opened,
    "enforcement": enforcement.opened,
    "access-control": access_control.opened,
    "query": query.opened,
    "coordination": coordination.opened,
}
SERVICES: Final = sorted(
    folder.name for folder in (ROOT / "services").iterdir() if (folder / "pyproject.toml").exists()
)


@pytest.fixture(scope="session", params=SERVICES)
async def world(
    request: pytest.FixtureRequest, databases: Databases, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[World]:
    """Something of everything in one service. A service without a world fails here."""
    async with WORLDS[request.param](databases.lend, tmp_path_factory.mktemp(request.param)) as found:
        yield found
