"""``concord demo``: plays the story on a running stack, or on one it starts itself, and prints a timeline."""

import asyncio
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import AsyncExitStack, contextmanager, nullcontext
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any
from uuid import UUID

import httpx
import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.text import Text

from concord import sample
from concord.cli.cast import Context, StepFailed, people
from concord.cli.output import as_text, plain
from concord.cli.story import STEPS, Step
from concord.exits import Exit
from concord.files import BadFile, lines
from concord.sdk import ConcordError, NoStack, Unreachable
from concord.sdk.errors import BadArgument
from concord.sdk.places import Places, find
from shared.rules import load

START_S = 300.0


def command(
    file: Annotated[Path | None, typer.Option(help="Domain names, one a line.")] = None,
    count: Annotated[
        int, typer.Option(min=1, help="Records of the made-up sample, if there is no file.")
    ] = sample.COUNT,
    patience: Annotated[float, typer.Option(min=1, help="Seconds that anything may take to come true.")] = 90.0,
    provider_id: Annotated[
        UUID | None, typer.Option(help="A provider of yours that hosts the sites, in place of the stack's own.")
    ] = None,
    web_url: Annotated[str | None, typer.Option(help="Where your provider's web server answers for them.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object per step: step, ok, ms, detail.")] = False,
) -> None:
    """Play the main job with two pharmacies: import, decisions by two people, cut-off, appeal, restoration.

    Under the rules of a demonstration the time to put things right is seconds, and the first line says so. Uses the
    stack that runs here, or starts one and ends it. Exits 5 if any step is not as it should be.
    """
    console = Console(stderr=as_json, highlight=False, markup=False, emoji=False)
    names = lines(file) if file else None
    if names == []:
        raise BadFile(f"{file} holds no names")
    if (provider_id is None) != (web_url is None):
        raise BadArgument("--provider-id and --web-url go together")
    with _stack(console) as places:
        hosted = places if provider_id is None else _hosted_by(places, provider_id, web_url)
        ok = asyncio.run(_play(hosted, console, names=names, count=count, patience=patience, as_json=as_json))
    raise typer.Exit(Exit.DONE if ok else Exit.FAILED)


def _hosted_by(places: Places, provider_id: UUID, web_url: str | None) -> Places:
    """The same places with a provider of yours in the story."""
    return replace(places, stack={**(places.stack or {}), "provider": {"id": str(provider_id), "web_url": web_url}})


@contextmanager
def _stack(console: Console) -> Iterator[Places]:
    """Where the services are: a stack that runs already, or one of our own for as long as this lasts."""
    try:
        running = find()
    except NoStack:
        console.print("no stack runs here: starting one (make run keeps one running)")
    else:
        yield running
        return
    log = Path(os.environ.get("CONCORD_HOME", ".concord")) / "log" / "demo-stack.log"
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("wb") as output:
        process = subprocess.Popen(
            [sys.executable, "-m", "local_stack", "run"],
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        try:
            yield _wait_for(process, log)
        finally:
            process.send_signal(signal.SIGINT)
            process.wait(timeout=60)


def _wait_for(process: "subprocess.Popen[bytes]", log: Path) -> Places:
    end = time.monotonic() + START_S
    while time.monotonic() < end:
        if process.poll() is not None:
            raise NoStack(f"the stack did not start; its last words:\n{log.read_text(errors='replace')[-2000:]}")
        if b"everything runs" in log.read_bytes():
            return find()
        time.sleep(0.2)
    raise NoStack(f"the stack was not ready after {START_S:g} s; see {log}")


async def _play(
    places: Places, console: Console, *, names: list[str] | None, count: int, patience: float, as_json: bool
) -> bool:
    began = time.monotonic()
    if not _may_play(places, console):
        return False
    async with AsyncExitStack() as stack:
        web = await stack.enter_async_context(httpx.AsyncClient(timeout=10, trust_env=False))
        everybody = await people(places, stack)
        bar = Progress(TextColumn("  importing"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn(),
                       console=console, transient=True)  # fmt: skip
        task = bar.add_task("import", total=None)
        context = Context(
            places,
            everybody,
            web,
            names,
            count,
            lambda sent, total: bar.update(task, completed=sent, total=total),
            patience,
        )
        for name, step in STEPS:
            with bar if name == "import" else nullcontext():
                ok, ms, detail = await _timed(step, context)
            _report(console, name, ok=ok, ms=ms, detail=detail, at=time.monotonic() - began, as_json=as_json)
            if not ok:
                return False
    return True


def _may_play(places: Places, console: Console) -> bool:
    """Say under which rules it is played; under real ones nothing can be released for days."""
    profile = (places.stack or {}).get("profile")
    if profile is None:
        return True
    rules = load(profile)
    console.print(f"rules: {plain(rules.title)} ({rules.ref})", soft_wrap=True)
    if not rules.is_demonstration:
        console.print(
            "these leave operators days to put things right: start the stack with CONCORD_PROFILE=cn-2006-demo"
        )
    return rules.is_demonstration


async def _timed(step: Step, context: Context) -> tuple[bool, float, str]:
    start = time.perf_counter()
    try:
        detail = await step(context)
        ok = True
    except (StepFailed, ConcordError, Unreachable, TimeoutError) as error:
        ok, detail = False, f"{type(error).__name__}: {error}"
    return ok, (time.perf_counter() - start) * 1000, detail


def _report(console: Console, name: str, *, at: float, as_json: bool, **result: Any) -> None:
    if as_json:
        document = {"step": name, "ok": result["ok"], "ms": round(result["ms"], 1), "detail": result["detail"]}
        sys.stdout.write(as_text(document) + "\n")
        sys.stdout.flush()
        return
    mark = ("✓", "green") if result["ok"] else ("✗", "red")
    told = f" {name:<22}{result['ms']:>9,.0f} ms  {plain(result['detail'])}"
    console.print(Text.assemble(f"{at:7.1f} s ", mark, told), soft_wrap=True)
