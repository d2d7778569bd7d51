"""An access-control on a port and a provider's agent as a process of its own, and whether both agree in the end.

The agent is the one that providers run, with a program as its hook that leaves a file for each time it is asked.
"""

import asyncio
import contextlib
import json
import os
import random
import sys
from collections import Counter, defaultdict
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final, cast
from uuid import UUID

import uvicorn

from access_control.main import SERVICE
from concord.agent.journal import Journal
from shared.contracts.base import Fact
from shared.contracts.registry import ExecutionCarriedOutV1
from shared.runtime.base.clock import FixedClock, SystemClock
from tests.integration.access_control.desk import Desk, Host, carried_out, undone
from tests.support import people
from tests.support.service import running_service

HOOK: Final = 'sleep 0.0$(($$ % 10)); order=$(cat); [ -n "$order" ] && printf %s "$order" > "$0/$(date +%s%N)-$$"'
"""Each call its own file, named by when it was done, after a while that differs: two at once would change places.

An agent that is killed before it said what to do has asked for nothing: nothing given, no file.
"""
PAUSE_S: Final = 0.4
"""The longest pause between two facts."""
PATIENCE_S: Final = 40.0


@dataclass
class Rig:
    """The desk, the door of its service, and one provider with its agent."""

    desk: Desk
    port: int
    host: Host
    folder: Path
    tell: Callable[[Fact], Awaitable[None]]
    """Hands a fact to access-control."""
    facts: list[ExecutionCarriedOutV1] = field(default_factory=list)
    given_back: int = 0
    _process: asyncio.subprocess.Process | None = None

    async def start(self, port: int | None = None, **more: Any) -> None:
        """Start the agent; ``port``: through this one."""
        url = f"http://127.0.0.1:{port or self.port}"
        (self.folder / "calls").mkdir(exist_ok=True)
        (self.folder / "key.json").write_text(json.dumps(self.host.key))
        config = {
            "access_url": url, "provider_id": self.host.id, "issuer_url": f"{url}/issuer", "client_id": "agent",
            "client_secret": "only for tests", "jwks_url": f"{url}/.well-known/jwks.json", "check_every_s": 0.5,
            "key_file": str(self.folder / "key.json"), "state_file": str(self.folder / "state.db"), "hook": "command",
            "command": ["/bin/sh", "-c", HOOK, str(self.folder / "calls")], **more,
        }  # fmt: skip
        lines = (f"{name} = {json.dumps(value)}" for name, value in config.items())
        (self.folder / "agent.toml").write_text("\n".join(lines))
        with (self.folder / "agent.log").open("ab") as log:
            self._process = await asyncio.create_subprocess_exec(
                sys.executable, "-m", "concord.agent.main", "run", "--config", str(self.folder / "agent.toml"),
                stdout=log, stderr=log, start_new_session=True,
            )  # fmt: skip

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
        with contextlib.closing(Journal(self.folder / "state.db", UUID(self.host.id), look_only=True)) as journal:
            async with asyncio.timeout(patience_s):
                while True:
                    (known,), (row,) = await self.desk.rows(heard), await self.desk.rows(open_)
                    head = (await self.desk.state(self.host))["head"]
                    all_heard = tuple(known) == (len(self.facts), self.given_back)
                    done = not row[0] and not journal.pending() and not journal.queued(1)
                    if all_heard and done and journal.last_sequence == head:
                        return
                    await asyncio.sleep(0.1)

    def calls(self) -> list[tuple[str, dict[str, Any]]]:
        """What the hook was asked, oldest first: the verb and the order."""
        said = [json.loads(file.read_text()) for file in sorted((self.folder / "calls").iterdir())]
        return [(each["verb"], each["order"]) for each in said]

    async def check(self, *, again: bool) -> None:
        """Nothing lost, doubled or out of order, and both sides say the same. ``again``: a hook may be asked twice."""
        orders = await self.desk.rows("SELECT * FROM access_order WHERE sequence IS NOT NULL ORDER BY sequence")
        assert [row["sequence"] for row in orders] == list(range(1, len(orders) + 1))
        kept = await self.desk.rows("SELECT order_id, outcome, receipt_id FROM receipt")
        said = Counter((row["order_id"], row["outcome"]) for row in kept)
        assert set(said.values()) == {1}, "each receipt once"
        with contextlib.closing(Journal(self.folder / "state.db", UUID(self.host.id), look_only=True)) as journal:
            state = await self.desk.state(self.host)
            assert journal.in_force() == (state["in_force"], state["hash"])
            rows = journal._db.execute("SELECT * FROM received_order ORDER BY sequence").fetchall()
            assert [(each["sequence"], each["digest"]) for each in rows] == [
                (each["sequence"], each["digest"]) for each in orders
            ], "every order, byte for byte, in its place"
            sent = journal._db.execute("SELECT receipt_id, state, outcome, code FROM receipt").fetchall()
            recorded = {str(row["receipt_id"]) for row in kept}
            assert {each["receipt_id"] for each in sent if each["state"] == "accepted"} == recorded
            refused = {(each["outcome"], each["code"]) for each in sent if each["state"] != "accepted"}
            assert refused <= {("received", "action_refused")}, "but what came too late to matter"
        calls = self.calls()
        done = Counter(order["sequence"] for _, order in calls)
        answered = {row["sequence"] for row in orders if said[row["id"], "executed"]}
        assert answered <= set(done), "nothing was answered that was not done"
        if not again:
            assert set(done.values()) == {1}, "nothing was done twice"
            assert set(done) == answered
        places, dark = defaultdict[str, list[int]](list), defaultdict[str, set[str]](set)
        for verb, order in calls:
            site = order["site"]["site_id"]
            places[site].append(order["sequence"])
            if verb == "suspend":
                dark[site].add(order["order_id"])
            else:
                dark[site].discard(order["undoes"])
        for site, those in places.items():
            assert those == sorted(those), f"what was done at site {site} was done in the order {those}"
        stands = await self.desk.rows("SELECT carried_out -> 'site' ->> 'site_id' FROM execution WHERE undone IS NULL")
        assert {site for site in dark if dark[site]} == {row[0] for row in stands}, "each site is as was decided"


@contextlib.asynccontextmanager
async def rig(dsn: str, folder: Path, **settings: Any) -> AsyncIterator[Rig]:
    """access-control on a port, and a provider; the agent is not started yet."""
    keys = {"signing_keys_file": folder / "orders.json", "signing_keys_generate": True, "withdraw_window_s": 0}
    clock = SystemClock()
    async with running_service(SERVICE, dsn, clock=clock, **{**keys, **settings}) as api:
        desk = Desk(api, cast("FixedClock", clock), dsn)
        host = await desk.host()

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
        found = Rig(desk, server.servers[0].sockets[0].getsockname()[1], host, folder, desk.deliver)
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
