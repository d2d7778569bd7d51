"""The agent as a process of its own, killed (-9) again and again: each order carried out, one executed receipt each."""

import asyncio
import json
import random
import sys
import time
from pathlib import Path

from concord.agent.config import Config
from concord.exits import Exit
from tests.unit.concord.agent.conftest import make_config
from tests.unit.concord.agent.fake_access import FakeAccess

ORDERS = 40
HOOK = """
import json, os, sys, time
order = json.load(sys.stdin)["order"]
with open({log!r}, "a") as log:  # carried out, as the hook sees it
    log.write(order["order_id"] + "\\n")
    log.flush()
    os.fsync(log.fileno())
print("noted")
"""


def write_toml(file: Path, config: Config) -> None:
    values = config.model_dump(mode="json", exclude_none=True)
    file.write_text("".join(f"{name} = {json.dumps(value)}\n" for name, value in values.items()))


async def start(file: Path) -> asyncio.subprocess.Process:
    return await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "concord.agent.main",
        "run",
        "--config",
        str(file),
        stderr=(file.parent / "log").open("ab"),
    )


async def test_killed_at_random_every_order_is_executed_and_receipted_once(tmp_path: Path) -> None:
    access, chance = FakeAccess(), random.Random(7)
    done = tmp_path / "done"
    (tmp_path / "hook.py").write_text(HOOK.format(log=str(done)))
    orders = [access.order(host=f"site-{number}.example")["order_id"] for number in range(ORDERS)]
    with access.served() as url:
        config = make_config(
            tmp_path, access, url, hook="command", command=(sys.executable, "-S", str(tmp_path / "hook.py"))
        )
        write_toml(tmp_path / "agent.toml", config)
        kills, end = 0, time.monotonic() + 150

        def progress() -> int:
            return len(access.receipts) + (len(done.read_text().split()) if done.exists() else 0)

        while len(access.receipts) < 2 * ORDERS and time.monotonic() < end:
            agent = await start(tmp_path / "agent.toml")
            target = progress() + chance.randint(1, ORDERS)
            while progress() < target and len(access.receipts) < 2 * ORDERS and time.monotonic() < end:  # noqa: ASYNC110
                await asyncio.sleep(0.005)
            await asyncio.sleep(chance.uniform(0, 0.05))
            agent.kill()
            kills += 1
            await agent.wait()
    assert kills >= 2
    log = (tmp_path / "log").read_text()
    assert {order: sorted(access.outcomes(order)) for order in orders} == {
        order: ["executed", "received"] for order in orders
    }, log[-3000:]
    assert set(done.read_text().split()) == set(orders)
    assert len({receipt["receipt_id"] for receipt in access.receipts.values()}) == 2 * ORDERS


async def test_a_stopped_agent_ends_in_good_order_and_a_second_one_is_refused(tmp_path: Path) -> None:
    access = FakeAccess()
    access.order()
    with access.served() as url:
        write_toml(tmp_path / "agent.toml", make_config(tmp_path, access, url))
        agent = await start(tmp_path / "agent.toml")
        async with asyncio.timeout(30):
            while len(access.receipts) < 2:  # noqa: ASYNC110 - another process works
                await asyncio.sleep(0.05)
            second = await start(tmp_path / "agent.toml")
            assert await second.wait() == Exit.IN_USE
            agent.terminate()
            assert await agent.wait() == 0
    assert "another agent works with" in (tmp_path / "log").read_text()
