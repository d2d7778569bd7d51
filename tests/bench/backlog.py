"""What access-control makes of a backlog of executed decisions, and what everything costs when nothing happens.

The decisions are suspensions on an urgent ground, executed while access-control is down. It comes back, and is timed
from its start until the last order is on the provider's topic. Processor time is that of its own process.
"""

import asyncio
import os
import tempfile
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

import orjson
from joserfc.util import urlsafe_b64decode

from local_stack.supervisor import LocalStack
from tests.bench.chain import reading
from tests.bench.result import Result
from tests.bench.waits import within
from tests.support.office import Office

SIZES: Final = {"small": (100, 20.0), "full": (10_000, 60.0)}
"""Orders, and seconds of idling that are measured."""
AT_ONCE: Final = 8
IDLE_GOAL_S: Final = 6.0
_TICK: Final = os.sysconf("SC_CLK_TCK")


async def run(size: str, broker: str) -> list[Result]:
    """Orders per second and processor time per order; processor seconds per idle minute, before and after."""
    count, idle_s = SIZES[size]
    environment = {"*": {"CONCORD_LOG_LEVEL": "WARNING"}, "access-control": {"CONCORD_WITHDRAW_WINDOW_S": "0"}}
    with tempfile.TemporaryDirectory() as folder:
        async with LocalStack(root=Path(folder), broker=broker, env=environment) as stack, Office.of(stack) as office:
            born = _processor_s(_pid(stack, "access-control"))
            fresh = await _idle(stack, idle_s)
            await stack.stop("agent")
            rate, spent = await _drain(stack, office, count, born)
            await stack.start("agent")
            await _settled(stack)
            after = await _idle(stack, idle_s)
    note = f"{count:,} orders on {broker}, access-control alone"
    return [
        Result("backlog", rate, "orders/s", note=note),
        Result("  processor time per order", spent / count * 1000, "ms"),
        _row("idle, fresh", fresh, idle_s),
        _row(f"idle, after {count:,} orders", after, idle_s),
    ]


def _row(name: str, spent: float, seconds: float) -> Result:
    note = f"services and agent, {seconds:g} s measured"
    return Result(name, spent, "s/min", goal=f"≤ {IDLE_GOAL_S:g}", holds=spent <= IDLE_GOAL_S, note=note)


async def _drain(stack: LocalStack, office: Office, count: int, born: float) -> tuple[float, float]:
    """Orders per second and processor seconds of access-control; ``born``: those that its start alone takes."""
    domains = [f"backlog{n}.example" for n in range(count)]
    await office.enter(*domains)
    await stack.stop("access-control")
    gate, until = asyncio.Semaphore(AT_ONCE), datetime.now(UTC) + timedelta(days=1)

    async def execute(domain: str) -> None:
        async with gate:
            case = await office.draft(domain, "suspend_access", until=until, urgent_ground="danger_to_life")
            await office.execute(await office.release(case))

    await asyncio.gather(*(execute(domain) for domain in domains))
    hosts: set[str] = set()
    last = asyncio.Event()

    def arrived(record: Any) -> None:
        hosts.update(orjson.loads(urlsafe_b64decode(record.value.split(b".")[1]))["site"]["hosts"])
        if len(hosts) == count:
            last.set()

    async with reading(stack, f"access-orders.{stack.provider_id}", arrived):
        began = time.perf_counter()
        await stack.start("access-control")
        await within(f"{count:,} orders on the provider's topic", last.wait(), 60 + count / 10)
        took = time.perf_counter() - began
        return count / took, _processor_s(_pid(stack, "access-control")) - born


async def _settled(stack: LocalStack) -> None:
    """Wait until the agent has carried out what there was: until its process does next to nothing for five seconds."""

    async def quiet() -> None:
        still = 0
        while still < 5:
            before = _processor_s(_pid(stack, "agent"))
            await asyncio.sleep(1)
            still = still + 1 if _processor_s(_pid(stack, "agent")) - before <= 0.05 else 0

    await within("the agent to settle", quiet(), 600)


async def _idle(stack: LocalStack, seconds: float) -> float:
    """Processor seconds that the services and the agent spend in a minute in which nothing happens."""
    await asyncio.sleep(3)
    before = sum(_processor_s(pid) for pid in _pids(stack))
    await asyncio.sleep(seconds)
    return (sum(_processor_s(pid) for pid in _pids(stack)) - before) * 60 / seconds


def _pids(stack: LocalStack) -> list[int]:
    return [_pid(stack, name) for name in (*stack.services, "agent")]


def _pid(stack: LocalStack, name: str) -> int:
    pid = stack.children[name].pid
    if pid is None:
        raise LookupError(f"{name} does not run")
    return pid


def _processor_s(pid: int) -> float:
    """Processor time of a process so far, of all its threads (Linux: proc(5), utime and stime)."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / _TICK
