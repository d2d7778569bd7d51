"""The story that `make demo` tells, as a new user runs it."""

import asyncio
import json
import os
import sys

from concord.cli.story import STEPS
from concord.exits import Exit
from local_stack.supervisor import LocalStack


async def demo(stack: LocalStack, *arguments: str) -> tuple[int, str, str]:
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "concord.cli.main", "demo", *arguments,
        env={**os.environ, "CONCORD_HOME": str(stack.root)},
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip
    out, err = await process.communicate()
    return process.returncode or 0, out.decode(), err.decode()


async def test_the_demonstration_tells_the_whole_story_and_can_be_told_again(stack: LocalStack) -> None:
    for _ in range(2):
        code, out, err = await demo(stack, "--count", "2000", "--json")
        steps = [json.loads(line) for line in out.splitlines()]
        assert code == 0, out + err
        assert [step["step"] for step in steps] == [name for name, _ in STEPS]
        assert all(step["ok"] and step["ms"] >= 0 for step in steps)
        assert "Demonstration" in err


async def test_the_demonstration_fails_when_the_provider_is_not_there(stack: LocalStack) -> None:
    await stack.stop("agent")
    try:
        code, out, _ = await demo(stack, "--count", "10", "--patience", "5", "--json")
    finally:
        await stack.start("agent")
        await stack.wait_ready("agent")
    last = json.loads(out.splitlines()[-1])
    assert (code, last["ok"], last["step"]) == (Exit.FAILED, False, "sites are served")
