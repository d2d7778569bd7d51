"""A world per service, built once and left as it was by whoever asks it."""

import importlib
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import Final

import pytest

from tests.integration.sweep.world import World
from tests.support.databases import Databases
from tests.support.fixtures import ROOT, MakeDatabase

Open = Callable[[MakeDatabase, Path], AbstractAsyncContextManager[World]]
SERVICES: Final = sorted(
    folder.name for folder in (ROOT / "services").iterdir() if (folder / "pyproject.toml").exists()
)


@pytest.fixture(scope="session", params=SERVICES)
async def world(
    request: pytest.FixtureRequest, databases: Databases, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[World]:
    """Something of everything in one service. A service without a world fails here."""
    module = str(request.param).replace("-", "_")
    opened: Open = importlib.import_module(f"tests.integration.sweep.worlds.{module}").opened
    async with opened(databases.lend, tmp_path_factory.mktemp(module)) as found:
        yield found
