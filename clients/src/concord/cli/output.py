"""How commands run and speak: a table or fields for people, JSON for programs, and refusals with the way out."""

import asyncio
import json
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Column, Table

from concord.sdk import Concord, ConcordError, NoStack, Unreachable

As = Annotated[str | None, typer.Option("--as", envvar="CONCORD_USER", help="Who you are, e.g. regulator-a.")]
Password = Annotated[
    str | None, typer.Option(envvar="CONCORD_PASSWORD", help="Locally the same as the name.", hidden=True)
]
Stack = Annotated[Path | None, typer.Option(help="Folder of the local stack; default .concord.", hidden=True)]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON only.")]
Reasons = Annotated[str, typer.Option(help="Why; ten characters or more.")]
Basis = Annotated[list[str], typer.Option("--basis", help="Legal basis; may be given several times.")]
Evidence = Annotated[str, typer.Option("--evidence-hash", help="SHA-256 of the evidence, lower-case hex.")]
RedressAuthority = Annotated[str, typer.Option(help="Who decides on a challenge.")]
RedressHow = Annotated[str, typer.Option(help="How to challenge.")]
RedressDays = Annotated[int, typer.Option(help="Within how many days.")]
File = Annotated[Path, typer.Argument(exists=True, dir_okay=False)]
Body = Annotated[
    typer.FileText, typer.Argument(help="JSON as the API documentation shows it; - for standard input.", metavar="FILE")
]
MOST = 200
"""Items a list shows."""

REFUSED, UNREACHABLE = 1, 3
WIDE = 250
"""Columns where nobody looks, in a pipe or a file: nothing is cut off there."""
out = Console(highlight=False, width=None if sys.stdout.isatty() else WIDE)
err = Console(stderr=True, highlight=False)


def act(
    verb: Callable[[Concord], Awaitable[Any]], person: str | None, as_json: bool, columns: Sequence[str] = ()
) -> Any:
    """Connect, do it, print the answer, and give it back. Exits 1 when refused, 3 when nobody answers."""
    try:
        answer = asyncio.run(_connected(verb, person))
    except ConcordError as error:
        explain(error, as_json=as_json)
        raise typer.Exit(REFUSED) from error
    except (Unreachable, NoStack) as error:
        if as_json:
            sys.stderr.write(json.dumps({"code": "unreachable", "detail": str(error)}, ensure_ascii=False) + "\n")
        else:
            err.print(str(error), style="red", markup=False)
        raise typer.Exit(UNREACHABLE) from error
    if answer is not None:
        show(answer, as_json=as_json, columns=columns)
    return answer


async def _connected(verb: Callable[[Concord], Awaitable[Any]], person: str | None) -> Any:
    async with Concord.connect(person=person) as concord:
        return await verb(concord)


async def listed(items: AsyncIterator[dict[str, Any]], most: int = MOST) -> list[dict[str, Any]]:
    """The first items of a list; says so on standard error when there are more."""
    found: list[dict[str, Any]] = []
    async for item in items:
        if len(found) == most:
            err.print(f"these are the newest {most}; there are more: narrow the list with its options", style="dim")
            break
        found.append(item)
    return found


def body_of(file: typer.FileText) -> dict[str, Any]:
    """The JSON object in a file. Exits 2, like any wrong argument, and says where it is wrong."""
    try:
        body = json.load(file)
    except ValueError as error:
        raise typer.BadParameter(f"{file.name} is not JSON: {error}") from error
    if not isinstance(body, dict):
        raise typer.BadParameter(f"{file.name} must hold one JSON object")
    return body


def redress(authority: str, how: str, days: int) -> dict[str, Any]:
    """How a measure can be challenged, as every measure must say."""
    return {"authority": authority, "how": how, "within_days": days}


def explain(error: ConcordError, *, as_json: bool) -> None:
    """Say what was refused, which field is wrong and what can be done instead."""
    if as_json:
        sys.stderr.write(json.dumps({"status": error.status, **error.problem}, ensure_ascii=False) + "\n")
        return
    err.print(f"refused ({error.code}): {error.detail}", style="red", markup=False)
    for field in error.fields:
        err.print(f"  {field['field']}: {field['message']}", markup=False)
    if error.allowed_actions:
        err.print(f"  possible now: {', '.join(error.allowed_actions)}", markup=False)
    if error.trace_id:
        err.print(f"  trace {error.trace_id}", style="dim")


def show(answer: Any, *, as_json: bool, columns: Sequence[str] = ()) -> None:
    """Print an answer: JSON, a table for a list, or one line per field."""
    if as_json:
        sys.stdout.write(json.dumps(answer, ensure_ascii=False, indent=None if isinstance(answer, list) else 1) + "\n")
    elif isinstance(answer, list):
        table = Table(*(Column(name, overflow="fold") for name in columns), box=None, pad_edge=False)
        for item in answer:
            table.add_row(*(_cell(item, column) for column in columns))
        out.print(table if answer else "none")
    else:
        for name, value in answer.items():
            if value is None or value in ([], {}):
                continue
            text = json.dumps(value, ensure_ascii=False) if isinstance(value, (dict, list)) else value
            out.print(f"{name:>20}  {text}", soft_wrap=True, markup=False)


def _cell(item: Any, column: str) -> str:
    """``operator.name`` looks into a nested object."""
    for part in column.split("."):
        item = item.get(part) if isinstance(item, dict) else None
    return ", ".join(map(str, item)) if isinstance(item, list) else str(item if item is not None else "")
