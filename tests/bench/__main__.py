"""``make bench``: every figure next to its floor, as a table for people and as build/bench.json."""

import argparse
import asyncio
import json
import os
import platform
import sys
import time
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any, Final

from rich.console import Console
from rich.table import Table

from tests.bench import (
    backlog,
    cases,
    chain,
    complaints,
    delivery,
    hosted,
    imports,
    lookup,
    notices,
    preview,
    receipts,
    register,
    relay,
    submissions,
)
from tests.bench.result import Result

OUTPUT = Path("build/bench.json")


def machine() -> str:
    """What this ran on, in words."""
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    return f"{os.cpu_count()} cores, {memory:.0f} GiB, {platform.system()}, Python {platform.python_version()}"


BENCHMARKS: Final[dict[str, Callable[[str, str], Coroutine[Any, Any, list[Result]]]]] = {
    "import": lambda size, _: imports.run(size),
    "submissions": lambda size, _: submissions.run(size),
    "complaints": lambda size, _: complaints.run(size),
    "notices": lambda size, _: notices.run(size),
    "register": lambda size, _: register.run(size),
    "hosted": lambda size, _: hosted.run(size),
    "cases": lambda size, _: cases.run(size),
    "preview": lambda size, _: preview.run(size),
    "receipts": lambda size, _: receipts.run(size),
    "lookup": lambda size, _: lookup.run(size),
    "relay": relay.run,
    "chain": chain.run,
    "delivery": delivery.run,
    "backlog": backlog.run,
}
"""Each by size and broker, in the order in which they run."""


def main() -> int:
    """Run what is asked for; 1 if something does not run. A goal that is missed is told, and fails with --strict."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--size", choices=["small", "full"], default="full")
    parser.add_argument("--only", choices=sorted(BENCHMARKS), action="append")
    parser.add_argument("--broker", choices=["kafka", "tansu"], default="kafka")
    parser.add_argument("--strict", action="store_true", help="exit 1 if a goal is missed")
    arguments = parser.parse_args()
    size, broker = arguments.size, arguments.broker
    console = Console(highlight=False)
    console.print(f"{machine()}; size {size}")
    results: list[Result] = []
    for name, benchmark in BENCHMARKS.items():
        if arguments.only and name not in arguments.only:
            continue
        began = time.perf_counter()
        found = asyncio.run(benchmark(size, broker))
        console.print(f"  {name} ran in {time.perf_counter() - began:.0f} s", style="dim")
        results += found
    _report(console, results, size)
    return int(arguments.strict and not all(result.holds for result in results))


def _report(console: Console, results: list[Result], size: str) -> None:
    table = Table("", "value", "floor", "ratio", "goal", "", "how", box=None)
    for result in results:
        floor = "" if result.floor is None else f"{result.floor:,.1f}"
        ratio = "" if result.ratio is None else f"{result.ratio:.2f}"
        mark = {True: "✓", False: "✗", None: ""}[result.holds]
        table.add_row(result.name, f"{result.value:,.1f} {result.unit}", floor, ratio, result.goal, mark, result.note)
    console.print(table)
    documents: list[dict[str, Any]] = [{**result.document(), "machine": machine(), "size": size} for result in results]
    OUTPUT.parent.mkdir(exist_ok=True)
    OUTPUT.write_text(json.dumps(documents, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")
    console.print(f"written to {OUTPUT}")


if __name__ == "__main__":
    sys.exit(main())
