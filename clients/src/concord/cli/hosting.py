"""Commands of a provider about what it hosts, and of the regulator about where that and the register differ."""

import json
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Annotated, Any
from uuid import UUID

import typer
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from concord.cli.output import As, AsJson, File, Reasons, act, as_data, body, err, failed, listed, plain, show
from concord.exits import Exit
from concord.files import STDIN, BadFile, name_of, opened, write
from concord.sdk import BadArgument, Concord
from concord.sdk.departments.hosting import HostedKind, HostedStatus
from shared.contracts.http.hosted import MOST_RECORDS, Answer, BatchView
from shared.contracts.http.preflights import PreflightResults, Question
from shared.contracts.http.registry import WithReasons
from shared.signing import unique

inventory = typer.Typer(
    no_args_is_help=True, help="What a provider hosts, and where the register differs. Nothing happens to a site by it."
)

FindingId = Annotated[str, typer.Argument(help="Id of the finding.")]
Provider = Annotated[
    UUID | None, typer.Option("--provider-id", help="Id of the provider; your own organisation if not given.")
]
BATCH = MOST_RECORDS


@inventory.command("upload")
def upload(file: File, provider_id: Provider = None, as_: As = None, as_json: AsJson = False) -> None:
    """Send all that you host: FILE has one JSON object a line, as docs/providers.md says. What it lacks is gone.

    Sent again after a break it goes on where it was. Records that are refused are written to FILE.refused.ndjson, or
    -2 and so on; none is overwritten. Exits 5 if every record was refused.
    """
    if file == STDIN or (file.exists() and not file.is_file() and not file.is_dir()):
        raise BadFile(f"{name_of(file)} can be read only once, and is read twice: save it in a file first")
    lines = sum(1 for _ in _records(file))
    bar = Progress(TextColumn("{task.description}", markup=False), BarColumn(), MofNCompleteColumn(),
                   TimeRemainingColumn(), console=err, disable=as_json)  # fmt: skip
    task, taken, refused = bar.add_task(plain(file.name), total=lines), [0], list[dict[str, Any]]()
    sent = [0]

    def told(batch: BatchView) -> None:
        taken[0] += batch.taken
        for result in batch.results:
            if result.status == "refused":
                refused.append({"line": sent[0] + result.index + 1, **result.model_dump(exclude={"index", "status"})})
        sent[0] += len(batch.results)
        bar.advance(task, len(batch.results))

    async def verb(concord: Concord) -> Any:
        whose = provider_id or await _own(concord)
        before = await concord.registry.inventory(whose)
        with bar:
            closed = await concord.registry.send_inventory(whose, lambda: _the_same(file, lines), told)
        after = await concord.registry.inventory(whose)
        resumed = before.sending is not None and lines > sent[0]
        return {
            "records": lines, "sent_now": sent[0], "taken": after.whole.records if after.whole is not None else 0,
            "refused": lines - (after.whole.records if after.whole is not None else 0), "closed": closed.closed,
            "resumed": resumed, "refused_in": _kept(file, refused) if refused else None,
            "next_sequence": after.next_sequence,
        }  # fmt: skip

    done = act(verb, as_, as_json)
    if lines and not done["taken"]:
        failed("every record was refused")
        raise typer.Exit(Exit.FAILED)


@inventory.command("status")
def status(provider_id: Provider = None, as_: As = None, as_json: AsJson = False) -> None:
    """Where your lists stand: which batch comes next, what holds, when it was compared with the register."""

    async def verb(concord: Concord) -> Any:
        return await concord.registry.inventory(provider_id or await _own(concord))

    act(verb, as_, as_json)


@inventory.command("findings")
def findings(
    as_: As = None,
    as_json: AsJson = False,
    status: Annotated[HostedStatus | None, typer.Option(help="Only those that stand so.")] = None,
    kind: Annotated[HostedKind | None, typer.Option(help="Only those of this kind.")] = None,
    provider_id: Annotated[UUID | None, typer.Option(help="Only this provider's.")] = None,
    told: Annotated[UUID | None, typer.Option(help="Only those that one notice told of: what it is about.")] = None,
) -> None:
    """Where lists and the register differ, newest first, and until when to answer."""
    columns = ("id", "host", "kind", "status", "number", "cure_until", "found_at")
    act(
        lambda c: listed(c.registry.hosted_findings(status=status, kind=kind, provider_id=provider_id, told_id=told)),
        as_, as_json, columns,
    )  # fmt: skip


@inventory.command("show")
def show_finding(finding_id: FindingId, as_: As = None, as_json: AsJson = False) -> None:
    """One finding, with what was listed, what was answered and what was said to that."""
    act(lambda c: c.registry.hosted_finding(finding_id), as_, as_json)


@inventory.command("answer")
def answer(finding_id: FindingId, reasons: Reasons, as_: As = None, as_json: AsJson = False) -> None:
    """Answer a finding about your list; its clock stands still until a person of the regulator says something.

    What your conduct record has already you dispute so, once: until somebody answers, it does not count.
    """
    sent = body(Answer, reasons=reasons)
    act(lambda c: c.registry.answer_hosted(finding_id, sent), as_, as_json)


@inventory.command("insist")
def insist(finding_id: FindingId, reasons: Reasons, as_: As = None, as_json: AsJson = False) -> None:
    """Say why an answer does not settle a finding; the provider's whole time runs anew."""
    sent = body(WithReasons, reasons=reasons)
    act(lambda c: c.registry.insist_on_hosted(finding_id, sent), as_, as_json)


@inventory.command("keep")
def keep(finding_id: FindingId, reasons: Reasons, as_: As = None, as_json: AsJson = False) -> None:
    """Say why a finding that its provider disputes stays in the conduct record; otherwise dismiss it."""
    sent = body(WithReasons, reasons=reasons)
    act(lambda c: c.registry.keep_hosted(finding_id, sent), as_, as_json)


@inventory.command("dismiss")
def dismiss(finding_id: FindingId, reasons: Reasons, as_: As = None, as_json: AsJson = False) -> None:
    """Let a finding be; it is not found again as long as it is so."""
    sent = body(WithReasons, reasons=reasons)
    act(lambda c: c.registry.dismiss_hosted(finding_id, sent), as_, as_json)


def preflight(
    host: Annotated[str | None, typer.Argument(help="The name that you would connect.")] = None,
    ip: Annotated[list[str] | None, typer.Option(help="Its address at you; several times if it has several.")] = None,
    number: Annotated[str | None, typer.Option(help="Its register number, if you know it.")] = None,
    operator: Annotated[str | None, typer.Option(help="Credit code of the organisation whose it is.")] = None,
    hosting_mode: Annotated[str, typer.Option(help="virtual_host, dedicated, colocation or cloud.")] = "virtual_host",
    batch: Annotated[
        Path | None, typer.Option("--batch", help="Ask everything in this file instead: one JSON object a line.")
    ] = None,
    save: Annotated[Path | None, typer.Option(help="Write the signed answer to this file, which must be new.")] = None,
    as_: As = None,
    as_json: AsJson = False,
) -> None:
    """Ask whether the register has a site as you would connect it: register first, connect after.

    The answer is signed and holds for some minutes; `concord verify` reads it offline. Exits 5 for a no.
    """
    if (host is None) == (batch is None):
        raise BadArgument("give a name with --ip, or a file with --batch")
    if batch is not None:
        _many(batch, as_, as_json)
        return
    sent = body(
        Question, host=host, ips=ip or (), number=number, operator=operator, hosting_mode=hosting_mode
    )  # fmt: skip
    said = act(lambda c: c.registry.preflight(sent), as_, as_json)
    if save is not None:
        write(save, said.jws.encode())
    if said.answer == "no":
        raise typer.Exit(Exit.FAILED)


def _many(file: Path, as_: str | None, as_json: bool) -> None:
    """Ask everything in a file, a thousand at a time, and show each answer with its line."""
    found: list[dict[str, Any]] = []

    async def verb(concord: Concord) -> None:
        rest = _records(file)
        while some := list(islice(rest, BATCH)):
            answers: PreflightResults = await concord.registry.preflight_many(some)
            for question, result in zip(some, answers.results, strict=True):
                host = question.get("host") if isinstance(question, dict) else None
                found.append({"line": len(found) + 1, "host": host, **as_data(result)})

    act(verb, as_, as_json)
    if as_json:
        show(found, as_json=True)
    else:
        shown = [{**each, "reasons": _why(each)} for each in found]
        show(shown, as_json=False, columns=("line", "host", "answer", "reasons", "message"))
    if any(each.get("answer") != "yes" for each in found):
        raise typer.Exit(Exit.FAILED)


def _why(result: dict[str, Any]) -> list[str]:
    """The reasons of a no, or what is wrong with a question."""
    wrong = [f"{each['field']}: {each['message']}" for each in result.get("fields", ())]
    return wrong or [why["code"] for why in result.get("reasons", ())]


async def _own(concord: Concord) -> UUID:
    """The provider that one acts for, as one's token says."""
    claims = await concord.whoami() or {}
    try:
        return UUID(str(claims.get("organisation")))
    except ValueError:
        raise BadArgument("you act for no provider: name one with --provider-id") from None


def _records(file: Path) -> Iterator[Any]:
    """The records of a file, one a line. Raises BadFile, which names the line."""
    with opened(file) as source:
        for place, line in enumerate(source, 1):
            if not line.strip():
                continue
            try:
                yield json.loads(line.decode("utf-8-sig"), object_pairs_hook=unique)
            except (ValueError, RecursionError) as wrong:
                raise BadFile(f"{name_of(file)}, line {place}: is no JSON object: {wrong}") from wrong


def _the_same(file: Path, lines: int) -> Iterator[Any]:
    """Its records once more. Raises BadFile if they are others in number: what the list lacks would be gone."""
    count = 0
    for record in _records(file):
        count += 1
        yield record
    if count != lines:
        raise BadFile(f"{name_of(file)} changed while it was sent: {count} records, not {lines}; nothing was closed")


def _kept(file: Path, refused: list[dict[str, Any]]) -> str:
    """Write what was refused beside the file, never over an earlier such file; gives where."""
    number = 1
    while True:
        kept = file.with_name(f"{file.name}.refused{f'-{number}' if number > 1 else ''}.ndjson")
        if not kept.exists():
            write(kept, b"".join(json.dumps(each, ensure_ascii=False).encode() + b"\n" for each in refused))
            return str(kept)
        number += 1
