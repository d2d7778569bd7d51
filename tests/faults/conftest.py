"""Stacks for tests that break things: each test has its own."""

import os
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from local_stack.supervisor import LocalStack
from tests.support.office import Office


@pytest.fixture
async def stack(tmp_path: Path) -> AsyncIterator[LocalStack]:
    async with LocalStack(
        root=tmp_path / "stack",
        broker=os.environ.get("BROKER", "tansu"),
        durable=False,
        env={"access-control": {"CONCORD_WITHDRAW_WINDOW_S": "1"}},
    ) as running:
        yield running


@pytest.fixture
async def office(stack: LocalStack) -> AsyncIterator[Office]:
    async with Office.of(stack) as found:
        yield found
