"""An agent against the fake access-control, in this process."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import pytest

from concord.agent.agent import Agent, HttpOutbox
from concord.agent.config import Config
from concord.agent.door import Door
from concord.agent.hooks import Hook
from concord.agent.intake import Intake, Keys, Receipts
from concord.agent.journal import Journal
from shared.contracts.orders import Order
from tests.unit.concord.agent.fake_access import PROVIDER, FakeAccess


@dataclass
class Recorder:
    """A hook that notes what it was asked; ``fail`` decides whether it raises."""

    fail: Callable[[str, Order], None] = lambda verb, order: None
    done: list[tuple[str, str]] = field(default_factory=list)

    async def suspend(self, order: Order) -> str:
        return self._do("suspend", order)

    async def restore(self, order: Order) -> str:
        return self._do("restore", order)

    async def resume(self, order: Order) -> str:
        return self._do("resume", order)

    def _do(self, verb: str, order: Order) -> str:
        self.fail(verb, order)
        self.done.append((verb, str(order.order_id)))
        return f"{verb} done"


@dataclass
class Bench:
    """An agent whose parts a test can reach."""

    config: Config
    journal: Journal
    keys: Keys
    intake: Intake
    agent: Agent
    door: Door
    outbox: HttpOutbox


@pytest.fixture
def access() -> FakeAccess:
    return FakeAccess()


@pytest.fixture
def config(tmp_path: Path, access: FakeAccess) -> Config:
    return make_config(tmp_path, access, "http://access.test")


def make_config(folder: Path, access: FakeAccess, url: str, **changes: Any) -> Config:
    (folder / "key.json").write_text(json.dumps(access.provider_key))
    values: dict[str, Any] = {
        "access_url": url,
        "provider_id": PROVIDER,
        "key_file": folder / "key.json",
        "state_file": folder / "state.sqlite",
        "issuer_url": f"{url}/issuer",
        "client_id": "provider",
        "client_secret": "secret",
        "jwks_url": f"{url}/.well-known/jwks.json",
        "web_port": 0,
        "check_every_s": 0.05,
    }
    return Config(**(values | changes))


@pytest.fixture
async def build(access: FakeAccess, config: Config) -> AsyncIterator[Callable[[], Bench]]:
    """Builds an agent on the same state file; called again, it is the agent after a restart."""
    async with AsyncExitStack() as stack:
        last: list[Journal] = []

        def make() -> Bench:
            for journal in last:
                journal.close()
            journal = Journal(config.state_file, config.provider_id)
            last[:] = [journal]
            door = Door.open(config, httpx.ASGITransport(access.app))
            stack.push_async_callback(door.__aexit__, None, None, None)
            receipts = Receipts(config.provider_id, config.signer())
            keys = Keys(journal, lambda: door.keys(config.jwks_url))
            intake = Intake(config.provider_id, journal, keys, receipts)
            outbox = HttpOutbox(door, journal, keys, receipts)
            return Bench(config, journal, keys, intake, Agent(config, journal, intake, receipts, door), door, outbox)

        yield make
        for journal in last:
            journal.close()


async def work(bench: Bench, hook: Hook, until: Callable[[], bool], *, topic: Any = None, seconds: float = 10) -> None:
    """Let the agent work until something is so."""
    task = asyncio.create_task(bench.agent.run(hook, bench.outbox, topic))
    try:
        async with asyncio.timeout(seconds):
            while not until():
                if task.done():
                    task.result()
                await asyncio.sleep(0.01)
    finally:
        task.cancel()
        await asyncio.wait([task])


Follow = Callable[[Callable[[list[bytes]], Awaitable[None]]], Awaitable[None]]
