"""Everything breaks: each process is killed with -9 time and again, the broker is away for minutes, people go on.

`make test-outage`; OUTAGE_S is how long the broker is away, SEED is what a run that failed printed.
"""

import asyncio
import json
import os
import random
import shutil
import sys
import time
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from tempfile import mkdtemp
from typing import Any, Final
from uuid import uuid4

import pytest

from concord.sdk import Concord
from local_stack.child import Child
from local_stack.people import Identity
from local_stack.ports import free_port
from local_stack.supervisor import LocalStack
from shared import signing
from shared.contracts.http.providers import NewKey, NewLicence, NewProvider
from tests.faults.agent import Agent
from tests.faults.checker import Traces, of_everybody, require_none
from tests.faults.rig import seeded
from tests.integration.access_control.desk import entered
from tests.outage.sides import Sides, slowest_return
from tests.outage.work import LATEST_S, Work
from tests.support.office import Office, places_of

OUTAGE_S: Final = float(os.environ.get("OUTAGE_S", "600"))
"""How long the broker is away."""
LEFT: Final = Path("build/outage")
"""Where the figures and the logs are left."""
BEFORE_S: Final = 60.0 + OUTAGE_S / 10
AFTER_S: Final = 40.0 + OUTAGE_S / 6
"""How long people work while the broker is there, before and after."""
AGREED_S: Final = 600.0
"""The longest that it may take until everybody agrees again."""
PAUSE_S: Final = 4.0
"""The longest pause of whoever decides, between two decisions."""
SIGNS_S: Final = 5.0 + OUTAGE_S / 20
"""The longest that the regulator looks at a decision: some are signed while the broker is away."""
KILLS_S: Final = 7.5
"""Seconds between two kills, about, unless that leaves no time to kill each: to start a process takes some as well."""
GONE_S: Final = 30.0
"""The longest that a provider's agent stays away: what was ordered meanwhile may be taken back before it looks."""
PATIENCE_S: Final = 180.0
"""How long people try again when nobody answers."""
AGENTS: Final = (
    {"via": "kafka", "receipts_via": "kafka"},
    {"via": "kafka", "receipts_via": "http"},
    {"via": "feed", "receipts_via": "kafka"},
    {"via": "feed", "receipts_via": "http"},
    {"via": "kafka", "receipts_via": "kafka"},
)
SECRET: Final = "only for tests"
ROLES: Final = ("relay", "consumer", "ticks")
"""Of access-control, each as a process besides the one that does everything: when that dies, they take over."""


@pytest.fixture
async def stack(session_folder: Path) -> AsyncIterator[LocalStack]:
    async with LocalStack(
        root=Path(mkdtemp(prefix="outage-", dir=session_folder)),
        broker="kafka",
        durable=False,
        env={"access-control": {"CONCORD_WITHDRAW_WINDOW_S": "3"}},
    ) as running:
        await running.stop("agent")  # there are others here
        try:
            yield running
        finally:
            shutil.copytree(running.root / "log", LEFT / "log", dirs_exist_ok=True)


@pytest.fixture
async def office(stack: LocalStack) -> AsyncIterator[Office]:
    async with Office.of(stack, patience_s=PATIENCE_S) as found:
        yield found


@dataclass
class Hosts:
    """The providers, each with an agent, a client of its own, and sites."""

    agents: dict[str, tuple[Agent, Concord]] = field(default_factory=dict)
    children: list[Child] = field(default_factory=list)
    domains: list[str] = field(default_factory=list)

    async def add(self, office: Office, around: AsyncExitStack, sites: int, settings: dict[str, str]) -> None:
        """One more. Its agent is not started yet."""
        stack, name = office.stack, f"host{len(self.children)}"
        provider, key = await _entered(office, name)
        stack.clients.put(
            Identity(subject=name, secret=SECRET, name=name, organisation=provider, roles=("access_provider",))
        )
        client = Concord.connect(client=(name, SECRET), places=places_of(stack), patience_s=PATIENCE_S)
        agent = Agent(provider, key, stack.root / name)
        self.agents[provider] = agent, await around.enter_async_context(client)
        command = agent.command(
            stack.url("access-control"), stack.issuer, client_id=name, client_secret=SECRET,
            kafka_bootstrap=stack.bootstrap, **settings,
        )  # fmt: skip
        self.children.append(Child(name, command, os.environ, stack.log(name), print))
        domains = [f"{name}-{number}.example" for number in range(sites)]
        await office.enter(*domains, provider_id=provider)
        self.domains += domains


async def _entered(office: Office, name: str) -> tuple[str, dict[str, Any]]:
    """A provider's id, and its key."""
    desk = office.people["desk-a"].access
    licence = NewLicence(kind="idc", number=f"京B1-{uuid4().int % 10**8:08}", valid_from=date(2020, 1, 1))
    new = NewProvider(
        name=name, licence=licence, region="110000", kind="access_provider", contact=f"filings@{name}.example"
    )
    provider = str((await desk.register_provider(new)).id)
    key = signing.generate_key(kid=name)
    await desk.add_key(provider, NewKey(**entered(key, provider)))
    return provider, key


def _roles(stack: LocalStack) -> list[Child]:
    """More processes of access-control, each with one thing to do."""
    whole = stack.children["access-control"]
    return [
        Child(
            f"access-control {role}", whole.command,
            {**whole.env, "CONCORD_ROLES_RUN": role, "CONCORD_PORT": str(free_port())},
            stack.log(f"access-control-{role}"), print,
        )
        for role in ROLES
    ]  # fmt: skip


@asynccontextmanager
async def _running(children: list[Child]) -> AsyncIterator[None]:
    try:
        for child in children:
            child.start()
        yield
    finally:
        await asyncio.gather(*(child.stop() for child in children))


async def _kill(
    victims: list[Child], hosts: list[Child], chance: random.Random, kills: Counter[str], over: asyncio.Event
) -> None:
    """Each in turn, in another order every time, without a warning; a provider's agent stays away for a while."""
    pause_s = min(KILLS_S, (BEFORE_S + OUTAGE_S + AFTER_S) / 1.3 / len(victims))
    async with asyncio.TaskGroup() as returning:
        while not over.is_set():
            for child in chance.sample(victims, len(victims)):
                await asyncio.sleep(chance.uniform(0.5, 1.5) * pause_s)
                if over.is_set():
                    break
                child.kill()
                kills[child.name] += 1
                if child in hosts:
                    await child.stop()
                    returning.create_task(_return(child, chance.uniform(0, GONE_S)))


async def _return(host: Child, after_s: float) -> None:
    try:
        await asyncio.sleep(after_s)
    finally:
        host.start()


async def _break(stack: LocalStack, kills: Counter[str], away_s: float) -> None:
    stack.stop_broker()
    kills["broker"] += 1
    await asyncio.sleep(away_s)
    await asyncio.to_thread(stack.start_broker)


async def _agreed(sides: Sides, work: Work) -> Traces:
    """Wait until nothing is wrong any more, and see that it stays so."""
    end = time.monotonic() + AGREED_S
    while True:
        late = time.monotonic() > end
        wrong = [f"{many} {what}" for what, many in (await sides.waiting()).items() if many]
        if late or not wrong:
            found = await sides.traces(work.said)
            wrong = of_everybody(found)
        if not wrong:
            return found
        if late:
            require_none(wrong)
        print(f"not yet: {wrong[0]}; {len(wrong) - 1} more")
        await asyncio.sleep(2)


async def test_whatever_breaks_what_was_given_back_is_given_back_and_all_sides_agree(
    stack: LocalStack, office: Office
) -> None:
    chance, kills, hosts = seeded(), Counter[str](), Hosts()
    async with AsyncExitStack() as around:
        for settings in AGENTS:
            await hosts.add(office, around, int(10 + OUTAGE_S / 15), settings)
        roles = _roles(stack)
        await around.enter_async_context(_running([*hosts.children, *roles]))
        victims = [*hosts.children, *roles, *(stack.children[name] for name in stack.services)]
        sides, work = Sides(office, hosts.agents), Work(office, chance, hosts.domains, SIGNS_S)
        over, closed = asyncio.Event(), asyncio.Event()
        async with asyncio.TaskGroup() as everybody:
            everybody.create_task(_kill(victims, hosts.children, chance, kills, over))
            everybody.create_task(work.offices(closed))
            working = everybody.create_task(work.run(over, PAUSE_S))
            await asyncio.sleep(BEFORE_S / 2)
            await _break(stack, kills, 0)
            await asyncio.sleep(BEFORE_S / 2)
            away = time.time()
            await _break(stack, kills, OUTAGE_S)
            back = time.time()
            await asyncio.sleep(AFTER_S)
            over.set()
            await working
            done, work.hurry = time.time(), True
            await _agreed(sides, work)
            agreed = time.time()
            closed.set()
        await asyncio.sleep(max(0.0, done + LATEST_S - time.time()))  # until the last suspension is over
        last = await _agreed(sides, work)
    meanwhile = sum(away < at < back for at in work.said.undone.values())
    asked = [call.at for provider in last.providers for call in provider.kept.calls]
    _tell(last, kills, {
        "taken back while the broker was away": meanwhile,
        "asked of hooks while the broker was away": sum(away < at < back for at in asked),
        "records twice at the broker": sides.repeated,
        "agreed after the broker s": round(agreed - back, 1),
        "agreed after the last act s": round(agreed - done, 1),
    })  # fmt: skip
    assert min(kills[child.name] for child in victims) >= 1
    assert meanwhile >= 1, "something was taken back while the broker was away"


def _tell(last: Traces, kills: Counter[str], more: dict[str, float]) -> None:
    """The figures of this run, for people and as a file."""
    orders = [row for provider in last.providers for row in provider.orders]
    figures = {
        "outage s": OUTAGE_S,
        "decisions": len(last.said.released),
        "taken back": len(last.said.undone),
        "declined": len(last.said.declined),
        "withdrawn in the window": len(last.said.withdrawn),
        "orders": sum(row["sequence"] is not None for row in orders),
        "restores": sum(row["action"] == "restore" for row in orders),
        "taken back before they were carried out": sum(
            row["status"] == "superseded" and row["sequence"] is not None for row in orders
        ),
        "orders that never went out": sum(row["sequence"] is None for row in orders),
        "kills": dict(sorted(kills.items())),
        "all kills": sum(kills.values()),
        "slowest return s": round(slowest_return(last), 1),
        **more,
    }
    text = json.dumps(figures, indent=1)
    print(text, file=sys.stderr)
    LEFT.mkdir(parents=True, exist_ok=True)
    (LEFT / "figures.json").write_text(text)
