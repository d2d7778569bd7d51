"""An access-control on a port and a provider's agent as a process of its own, and whether both agree in the end.

The agent is the one that providers run (`tests.faults.agent`); what has to agree says `tests.faults.checker`.
"""

import asyncio
import contextlib
import json
import os
import random
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final, cast

import uvicorn

from access_control.main import SERVICE
from shared.contracts.base import Fact
from shared.contracts.registry import ExecutionCarriedOutV1
from shared.runtime.base.clock import FixedClock, SystemClock
from tests.faults.agent import Agent
from tests.faults.checker import Provider, dark, of_provider, require_none
from tests.integration.access_control.desk import Desk, Host, carried_out, undone
from tests.support import people
from tests.support.service import running_service

PAUSE_S: Final = 0.4
"""The longest pause between two facts."""
PATIENCE_S: Final = 40.0


@dataclass
class Rig:
    """The desk, the door of its service, and one provider with its agent."""

    desk: Desk
    port: int
    host: Host
    agent: Agent
    tell: Callable[[Fact], Awaitable[None]]
    """Hands a fact to access-control."""
    facts: list[ExecutionCarriedOutV1] = field(default_factory=list)
    given_back: int = 0
    _process: asyncio.subprocess.Process | None = None

    async def start(self, port: int | None = None, **more: Any) -> None:
        """Start the agent; ``port``: through this one."""
        url = f"http://127.0.0.1:{port or self.port}"
        command = self.agent.command(url, f"{url}/issuer", **more)
        with self.agent.log.open("ab") as log:
            self._process = await asyncio.create_subprocess_exec(
                *command, stdout=log, stderr=log, start_new_session=True
            )

    async def kill(self) -> None:
        """End the agent with kill -9."""
        if self._process is not None and self._process.returncode is None:
            self._process.kill()
            await self._process.wait()

    @contextlib.asynccontextmanager
    async def busy(self, chance: random.Random) -> AsyncIterator[None]:
        """Meanwhile sites are cut off one after the other; some are given back, and some of those cut off again."""
        over = asyncio.Event()
        telling = asyncio.create_task(self._story(chance, over))
        try:
            yield
        finally:
            over.set()
            await telling

    async def _story(self, chance: random.Random, over: asyncio.Event) -> None:
        standing: list[ExecutionCarriedOutV1] = []

        async def cut_off(**site: Any) -> None:
            standing.append(carried_out(self.host, **site))
            self.facts.append(standing[-1])
            await self.tell(standing[-1])

        while not over.is_set():
            await cut_off()
            await asyncio.sleep(chance.uniform(0, PAUSE_S))
            if chance.random() < 0.5:
                back = standing.pop(chance.randrange(len(standing)))
                self.given_back += 1
                await self.tell(undone(back))
                if chance.random() < 0.5:
                    await cut_off(site=back.site, subject=back.subject)
                await asyncio.sleep(chance.uniform(0, PAUSE_S))

    async def settled(self, patience_s: float = PATIENCE_S) -> None:
        """Wait until every fact was heard, and the agent has answered for every order that still wants an answer."""
        heard = "SELECT count(carried_out), count(undone) FROM execution"
        open_ = "SELECT count(*) FROM access_order WHERE status NOT IN ('executed', 'superseded', 'withdrawn')"
        with self.agent.journal() as journal:
            async with asyncio.timeout(patience_s):
                while True:
                    (known,), (row,) = await self.desk.rows(heard), await self.desk.rows(open_)
                    head = (await self.desk.state(self.host))["head"]
                    all_heard = tuple(known) == (len(self.facts), self.given_back)
                    waits = journal.pending() or journal.queued(1) or journal.unanswered()
                    done = not row[0] and not waits
                    if all_heard and done and journal.last_sequence == head:
                        return
                    await asyncio.sleep(0.1)

    async def check(self, *, again: bool) -> None:
        """Nothing lost, doubled or out of order, and both sides say the same. ``again``: a hook may be asked twice."""
        orders = [dict(row) for row in await self.desk.rows("SELECT * FROM access_order")]
        receipts = [dict(row) for row in await self.desk.rows("SELECT order_id, outcome, receipt_id FROM receipt")]
        side = Provider(self.host.id, orders, receipts, await self.desk.state(self.host), self.agent.kept())
        require_none(of_provider(side, again=again))
        stands = await self.desk.rows("SELECT carried_out -> 'site' ->> 'site_id' FROM execution WHERE undone IS NULL")
        assert dark(side.kept.calls) == {row[0] for row in stands}, "each site is as was decided"


@contextlib.asynccontextmanager
async def rig(dsn: str, folder: Path, **settings: Any) -> AsyncIterator[Rig]:
    """access-control on a port, and a provider; the agent is not started yet."""
    keys = {"signing_keys_file": folder / "orders.json", "signing_keys_generate": True, "withdraw_window_s": 0}
    clock = SystemClock()
    async with running_service(SERVICE, dsn, clock=clock, **{**keys, **settings}) as api:
        desk = Desk(api, cast("FixedClock", clock), dsn)
        host = await desk.host()
        agent = Agent(host.id, host.key, folder)

        async def door(scope: Any, receive: Any, send: Any) -> None:
            """The service, and an issuer that says yes to this provider."""
            if not scope.get("path", "").startswith("/issuer/"):
                await api.app(scope, receive, send)
                return
            base = f"http://{dict(scope['headers'])[b'host'].decode()}/issuer"
            assert isinstance(host.who, tuple)
            token = {"access_token": people.token(host.who[0], **host.who[1]), "expires_in": 600}
            found = {"token_endpoint": f"{base}/token"} if "well-known" in scope["path"] else token
            head = [(b"content-type", b"application/json")]
            await send({"type": "http.response.start", "status": 200, "headers": head})
            await send({"type": "http.response.body", "body": json.dumps(found).encode()})

        server = uvicorn.Server(uvicorn.Config(door, port=0, lifespan="off", log_config=None))
        serving = asyncio.create_task(server.serve())
        while not server.started:  # noqa: ASYNC110 - uvicorn has no event for it
            await asyncio.sleep(0.01)
        found = Rig(desk, server.servers[0].sockets[0].getsockname()[1], host, agent, desk.deliver)
        try:
            yield found
        finally:
            await found.kill()
            server.should_exit = True
            server.force_exit = True
            await serving


def seeded() -> random.Random:
    """Chance, and its seed in the output of a test that fails."""
    seed = int(os.environ.get("SEED", random.randrange(2**32)))
    print(f"SEED={seed} at {datetime.now(UTC).isoformat()}")
    return random.Random(seed)
