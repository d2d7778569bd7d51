"""One stack for all journeys: every department, a broker (BROKER=kafka for Apache Kafka) and a provider."""

import os
import socket
from collections.abc import AsyncIterator
from pathlib import Path
from tempfile import mkdtemp

import pytest

from local_stack.supervisor import LocalStack
from tests.support.office import Office


@pytest.fixture(scope="package")
def name_server() -> int:
    """The port at which enforcement asks what names show; whoever shows something listens there."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


@pytest.fixture(scope="package")
async def stack(session_folder: Path, name_server: int) -> AsyncIterator[LocalStack]:
    async with LocalStack(
        root=Path(mkdtemp(prefix="stack-", dir=session_folder)),  # a worker may come back to this folder
        broker=os.environ.get("BROKER", "tansu"),
        durable=False,
        env={
            "access-control": {"CONCORD_WITHDRAW_WINDOW_S": "3"},
            "enforcement": {"CONCORD_NAME_SERVERS": f"127.0.0.1:{name_server}"},
        },
    ) as running:
        yield running


@pytest.fixture(scope="package")
async def office(stack: LocalStack) -> AsyncIterator[Office]:
    async with Office.of(stack) as found:
        yield found
