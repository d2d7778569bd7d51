"""How commands run and speak: a table or fields for people, JSON for programs, and refusals with the way out."""

import asyncio
import json
import sys
import unicodedata
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextvars import ContextVar
from pathlib import Path
from typing import Annotated, Any, NoReturn, TypeVar

import typer
from pydantic import BaseModel, ValidationError
from rich.console import Console
from rich.table import Column, Table
from rich.text import Text
from typer.core import TyperGroup
from typer.exceptions import TyperException

from concord.exits import Exit
from concord.files import BadFile, json_object, name_of
from concord.sdk import BadArgument, Concord, ConcordError, NoStack, Unreachable

As = Annotated[
    str | None,
    typer.Option(
        "--as",
        envvar="CONCORD_USER",
        help="Who you are, e.g. regulator-a; @FILE for a provider's program, FILE with client_id and client_secret.",
    ),
]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON only.")]
Reasons = Annotated[str, typer.Option(help="Why; ten characters or more.")]
Basis = Annotated[list[str], typer.Option("--basis", help="Legal basis; may be given several times.")]
PublicReasons = Annotated[
    str | None, typer.Option(help="What everybody may read of the reasons; the same if not given. Say --redacted then.")
]
Redacted = Annotated[
    list[str] | None, typer.Option(help="A kind of data the public reasons leave out; several times if need be.")
]
Digest = Annotated[str, typer.Option("--preview-digest", help="`preview_digest` of what you have looked at.")]
Touches = Annotated[
    list[str] | None, typer.Option("--touches", help="Id of a site its preview names; every one must be named.")
]
Version = Annotated[int, typer.Option(help="Version you have looked at; refused if it changed meanwhile.")]
File = Annotated[Path, typer.Argument(help="The file.", metavar="FILE")]
Body = Annotated[
    Path, typer.Argument(help="JSON as the API documentation shows it; - for standard input.", metavar="FILE")
]
RegistrationId = Annotated[str, typer.Argument(help="Id of the registration.")]
OperatorId = Annotated[str, typer.Argument(help="Id of the operator.")]
AmendmentId = Annotated[str, typer.Argument(help="Id of the proposed change.")]
ExecutionId = Annotated[str, typer.Argument(help="Id of the execution.")]
ApprovalId = Annotated[str, typer.Argument(help="Id of the approval.")]
CaseId = Annotated[str, typer.Argument(help="Id of the case.")]
DecisionId = Annotated[str, typer.Argument(help="Id of the decision.")]
AppealId = Annotated[str, typer.Argument(help="Id of the appeal.")]
ProviderId = Annotated[str, typer.Argument(help="Id of the provider.")]
OrderId = Annotated[str, typer.Argument(help="Id of the order.")]
SiteId = Annotated[str, typer.Argument(help="Id of the site.")]
M = TypeVar("M", bound=BaseModel)
T = TypeVar("T")
MOST = 200
"""Items a list shows, unless ``concord --most`` says otherwise."""
most_shown = ContextVar("most_shown", default=MOST)
WIDE = 250
"""Columns where nobody looks, in a pipe or a file: nothing is cut off there."""
_PYDANTIC = "Value error, "
"""How pydantic, which checks options as well, begins what somebody else wrote."""
out = Console(highlight=False, markup=False, emoji=False, width=None if sys.stdout.isatty() else WIDE)
err = Console(stderr=True, highlight=False, markup=False, emoji=False)


class Commands(TyperGroup):
    """The commands; what a person can mend ends in one clear line and an exit code, never in a traceback.

    A program that asks for JSON gets it for that as well.
    """

    def make_context(self, info_name: str | None, args: list[str], parent: Any = None, **extra: Any) -> Any:
        """Remember what was asked for: what is wrong further on may be the very option."""
        as_json = "--json" in args
        context = super().make_context(info_name, args, parent, **extra)
        context.meta["json"] = as_json
        return context

    def invoke(self, ctx: Any) -> Any:
        """Run a command."""
        as_json = ctx.meta["json"]
        try:
            return super().invoke(ctx)
        except (BadFile, BadArgument) as error:
            _wrong(Exit.USAGE, "bad_argument", str(error), as_json=as_json)
        except NoStack as error:
            _wrong(Exit.NO_STACK, "no_stack", str(error), as_json=as_json)
        except TyperException as error:  # a command or an option that there is not, or is not so
            error.message = error.message.removeprefix(_PYDANTIC)
            if not as_json:
                raise
            _wrong(Exit.USAGE, "usage", error.format_message(), as_json=True)


def _wrong(code: Exit, name: str, text: str, *, as_json: bool) -> NoReturn:
    """Say it, and exit."""
    if as_json:
        sys.stderr.write(as_text({"code": name, "detail": text}) + "\n")
    else:
        failed(text)
    raise typer.Exit(code)


def failed(what: object) -> None:
    """Say in one line on standard error what went wrong."""
    err.print(plain(what), style="red", soft_wrap=True)


def act(
    verb: Callable[[Concord], Awaitable[Any]], person: str | None, as_json: bool, columns: Sequence[str] = ()
) -> Any:
    """Connect, do it, print the answer, and give it back. Exits as `concord.exits` says."""
    try:
        answer = asyncio.run(_connected(verb, person))
    except ConcordError as error:
        explain(error, person, as_json=as_json)
        raise typer.Exit(Exit.REFUSED) from error
    except (Unreachable, NoStack) as error:
        if isinstance(error, NoStack):
            _wrong(Exit.NO_STACK, "no_stack", str(error), as_json=as_json)
        text = f"{error}; if this is the local stack, `make run` starts it"
        _wrong(Exit.UNREACHABLE, "unreachable", text, as_json=as_json)
    if answer is not None:
        show(as_data(answer), as_json=as_json, columns=columns)
    return answer


def as_data(answer: Any) -> Any:
    """Models as the JSON they came from."""
    if isinstance(answer, BaseModel):
        return answer.model_dump(mode="json", exclude_unset=True)
    return [as_data(each) for each in answer] if isinstance(answer, list) else answer


async def _connected(verb: Callable[[Concord], Awaitable[Any]], person: str | None) -> Any:
    async with _signed_in(person) as concord:
        return await verb(concord)


def _signed_in(person: str | None) -> Concord:
    if person is None or not person.startswith("@"):
        return Concord.connect(person=person)
    file = Path(person[1:])
    given = json_object(file)
    try:
        return Concord.connect(client=(str(given["client_id"]), str(given["client_secret"])))
    except KeyError as error:
        raise BadFile(f"{name_of(file)}: {error.args[0]}: Field required") from error


async def listed(items: AsyncIterator[T]) -> list[T]:
    """The first items of a list; says so on standard error when there are more."""
    found: list[T] = []
    most = most_shown.get()
    async for item in items:
        if len(found) == most:
            more_follow(f"narrow the list, or see more of it: concord --most {10 * most} …", most)
            break
        found.append(item)
    return found


def more_follow(way: str, count: int) -> None:
    """Say on standard error that what is shown is the beginning, and how to see what follows."""
    err.print(f"these are the first {count}; there are more: {way}", style="dim", soft_wrap=True)


def body(model: type[M], **fields: Any) -> M:
    """What is sent, checked as the service will check it. Raises BadArgument, naming each field that is wrong."""
    try:
        return model.model_validate(fields)
    except ValidationError as error:
        raise BadArgument(_faults(error)) from error


def body_in(file: Path, model: type[M]) -> M:
    """What is sent, from a file. Raises BadFile, naming each field that is wrong."""
    given = json_object(file)
    try:
        return model.model_validate(given)
    except ValidationError as error:
        raise BadFile(f"{name_of(file)}: {_faults(error)}") from error


def _faults(error: ValidationError) -> str:
    def said(fault: Any) -> str:
        where = ".".join(map(str, fault["loc"])) or "the whole"
        return f"{where}: {fault['msg'].removeprefix(_PYDANTIC)}"

    return "; ".join(map(said, error.errors()))


def statement(
    basis: list[str], reasons: str, public_reasons: str | None = None, redacted: list[str] | None = None
) -> dict[str, Any]:
    """Legal basis and reasons, and what of them everybody may read."""
    return {
        "legal_basis": basis, "reasons": reasons, "public_reasons": public_reasons, "redacted": redacted or [],
    }  # fmt: skip


def signature(digest: str, touches: list[str] | None) -> dict[str, Any]:
    """What a person signs with: the preview that was seen, and every site it names."""
    return {"preview_digest": digest, "collateral": touches or []}


def explain(error: ConcordError, person: str | None, *, as_json: bool) -> None:
    """Say what was refused, which field is wrong and what can be done instead."""
    hint = _hint(error, person)
    if as_json:
        sys.stderr.write(as_text({"status": error.status, **error.problem} | ({"hint": hint} if hint else {})) + "\n")
        return
    failed(f"refused ({error.code}): {error.detail}")
    for field in error.fields:
        err.print(f"  {plain(field.get('field', ''))}: {plain(field.get('message', ''))}", soft_wrap=True)
    if error.allowed_actions:
        err.print(f"  possible now: {plain(', '.join(map(str, error.allowed_actions)))}", soft_wrap=True)
    if hint:
        err.print(f"  {plain(hint)}", soft_wrap=True)
    if error.trace_id:
        err.print(f"  trace {plain(error.trace_id)}", style="dim")


def _hint(error: ConcordError, person: str | None) -> str | None:
    """Who one is to Concord is what the commands are asked about most."""
    if error.code == "sign_in_refused":
        return f"--as {person}: locally the people are those of deploy/local/src/local_stack/people.toml"
    if error.status == 401 and person is None:
        return "sign in with --as NAME, e.g. --as regulator-a, or set CONCORD_USER"
    if error.status == 403:
        return f"you are {person or 'the public'}; --as NAME makes you somebody else"
    return None


def show(answer: Any, *, as_json: bool, columns: Sequence[str] = ()) -> None:
    """Print an answer: JSON, a table for a list, or one line per field."""
    if as_json:
        sys.stdout.write(as_text(answer, indent=None if isinstance(answer, list) else 1) + "\n")
    elif isinstance(answer, list):
        table = Table(*(Column(name, overflow="fold") for name in columns), box=None, pad_edge=False)
        for item in answer:
            table.add_row(*(Text(plain(_cell(item, column))) for column in columns))
        out.print(table if answer else "none")
    else:
        for name, value in answer.items():
            if value is None or value in ([], {}):
                continue
            text = json.dumps(value, ensure_ascii=False) if isinstance(value, (dict, list)) else value
            out.print(f"{plain(name):>20}  {plain(text)}", soft_wrap=True)


def plain(text: object) -> str:
    """Text of somebody else's as a terminal may get it: what is not seen, or turns the line round, is shown escaped."""
    shown = str(text)
    if shown.isprintable():
        return shown
    return "".join(sign if _is_seen(sign) else sign.encode("unicode_escape").decode() for sign in shown)


def as_text(value: Any, indent: int | None = None) -> str:
    """JSON that reads the same to a program, with everything escaped that a terminal would obey."""
    text = json.dumps(value, ensure_ascii=False, indent=indent)
    if text.isprintable():
        return text
    return "".join(sign if sign == "\n" or _is_seen(sign) else json.dumps(sign)[1:-1] for sign in text)


def _is_seen(sign: str) -> bool:
    return sign.isprintable() or unicodedata.category(sign) == "Zs"


def _cell(item: Any, column: str) -> str:
    """``operator.name`` looks into a nested object."""
    for part in column.split("."):
        item = item.get(part) if isinstance(item, dict) else None
    return ", ".join(map(str, item)) if isinstance(item, list) else str(item if item is not None else "")
