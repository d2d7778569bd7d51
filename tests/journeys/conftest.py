"""One stack for all journeys: every department, a broker (BROKER=kafka for Apache Kafka) and a provider."""

import os
from collections.abc import AsyncIterator
from pathlib import Path
from tempfile import mkdtemp

import pytest

from local_stack.supervisor import LocalStack
from tests.support.office import Office


@pytest.fixture(scope="package")
async def stack(session_folder: Path) -> AsyncIterator[LocalStack]:
    async with LocalStack(
        root=Path(mkdtemp(prefix="stack-", dir=session_folder)),  # a worker may come back to this folder
        broker=os.environ.get("BROKER", "tansu"),
        durable=False,
        env={"access-control": {"CONCORD_WITHDRAW_WINDOW_S": "3"}},
    ) as running:
        yield running


@pytest.fixture(scope="package")
async def office(stack: LocalStack) -> AsyncIterator[Office]:
    async with Office.of(stack) as found:
        yield found
