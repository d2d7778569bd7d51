"""Commands of the file of a case: who works on it, what is to be done, what others hold, what happened in it."""

from collections.abc import Callable
from typing import Annotated, Any, Literal

import typer

from concord.cli.output import (
    As,
    AsJson,
    Basis,
    CaseId,
    PublicReasons,
    Reasons,
    Redacted,
    act,
    body,
    listed,
    more_follow,
    statement,
)
from concord.sdk import Concord
from concord.sdk.departments.casefile import OpinionStatus, Part, TaskStatus
from shared.contracts.http import casefile as wire
from shared.contracts.http.enforcement import WithReasons

TaskId = Annotated[str, typer.Argument(help="Id of the task.")]
OpinionId = Annotated[str, typer.Argument(help="Id of the opinion.")]
Most = Annotated[int, typer.Option(min=1, max=200, help="Most entries.")]
After = Annotated[str | None, typer.Option(help="`next` of the page before, as --json shows it.")]

tasks = typer.Typer(no_args_is_help=True, help="What is to be done in cases, and until when.")
opinions = typer.Typer(no_args_is_help=True, help="What other authorities hold of cases; advice where they differ.")
ENTRY = ("at", "kind", "what", "about", "about_id", "organisation", "person", "detail")


def shown(page: Any) -> Any:
    """The entries of a page; says where the next one begins."""
    if page.next:
        more_follow(f"--after {page.next}", len(page.items))
    return page.items


def timeline(
    case_id: CaseId,
    kind: Annotated[Part | None, typer.Option(help="Only this part of it.")] = None,
    after: After = None,
    limit: Most = 50,
    as_: As = None,
    as_json: AsJson = False,
) -> None:
    """What happened in a case, newest first, as far as you may know."""

    async def page(concord: Concord) -> Any:
        found = await concord.enforcement.timeline(case_id, kind=kind, after=after, limit=limit)
        return found if as_json else shown(found)

    act(page, as_, as_json, ENTRY)


def custody(
    sha256: Annotated[str, typer.Argument(help="SHA-256 of the piece of evidence.")],
    after: After = None,
    limit: Most = 50,
    as_: As = None,
    as_json: AsJson = False,
) -> None:
    """Who filed, cited and read a piece of evidence, and what its checks said, newest first."""

    async def page(concord: Concord) -> Any:
        found = await concord.enforcement.custody(sha256, after=after, limit=limit)
        return found if as_json else shown(found)

    act(page, as_, as_json, ENTRY)


def claim(
    case_id: CaseId,
    reasons: Annotated[str | None, typer.Option(help="Why you take it over from a colleague.")] = None,
    as_: As = None,
    as_json: AsJson = False,
) -> None:
    """Work on a case."""
    sent = body(wire.Claim, reasons=reasons)
    act(lambda c: c.enforcement.claim_case(case_id, sent), as_, as_json)


def release_claim(case_id: CaseId, as_: As = None, as_json: AsJson = False) -> None:
    """Give a case back that you work on."""
    act(lambda c: c.enforcement.release_claim(case_id), as_, as_json)


def transfer(
    case_id: CaseId,
    to: Annotated[str, typer.Argument(help="Id of the authority in the directory, e.g. culture-110000.")],
    basis: Basis,
    reasons: Reasons,
    service_item: Annotated[str | None, typer.Option(help="The item it is about there, if another one.")] = None,
    public_reasons: PublicReasons = None,
    redacted: Redacted = None,
    as_: As = None,
    as_json: AsJson = False,
) -> None:
    """Hand a case over to another competent authority; what is in force stays yours."""
    says = statement(basis, reasons, public_reasons, redacted)
    sent = body(wire.NewTransfer, to=to, service_item=service_item, statement=says)
    act(lambda c: c.enforcement.transfer_case(case_id, sent), as_, as_json)


def hold(case_id: CaseId, reasons: Reasons, as_: As = None, as_json: AsJson = False) -> None:
    """Keep the evidence of a case whatever the retention says."""
    sent = body(WithReasons, reasons=reasons)
    act(lambda c: c.enforcement.hold_evidence(case_id, sent), as_, as_json)


def lift_hold(case_id: CaseId, reasons: Reasons, as_: As = None, as_json: AsJson = False) -> None:
    """Leave the evidence of a case to the retention again."""
    sent = body(WithReasons, reasons=reasons)
    act(lambda c: c.enforcement.lift_hold(case_id, sent), as_, as_json)


def related(case_id: CaseId, as_: As = None, as_json: AsJson = False) -> None:
    """Cases about the same subject, operator or host, linked or transferred, that you may read."""

    async def found(concord: Concord) -> list[wire.RelatedCase]:
        return (await concord.enforcement.related_cases(case_id)).items

    act(found, as_, as_json, ("case.id", "case.status", "case.hosts", "why", "reasons"))


def link(
    case_id: CaseId,
    other: Annotated[str, typer.Argument(help="Id of the other case.")],
    reasons: Reasons,
    as_: As = None,
    as_json: AsJson = False,
) -> None:
    """Put another case beside one, for both."""
    sent = body(wire.NewLink, case_id=other, reasons=reasons)
    act(lambda c: c.enforcement.link_cases(case_id, sent), as_, as_json)


OF_CASES: dict[str, Callable[..., None]] = {
    "timeline": timeline, "claim": claim, "release-claim": release_claim, "transfer": transfer, "hold": hold,
    "lift-hold": lift_hold, "related": related, "link": link,
}  # fmt: skip
"""Commands that stand with those of ``cases``."""


# --- tasks -----------------------------------------------------------------------------------------------------------


@tasks.command("list")
def list_tasks(
    as_: As = None,
    as_json: AsJson = False,
    status: Annotated[TaskStatus | None, typer.Option(help="Only those that stand so.")] = None,
    case_id: Annotated[str | None, typer.Option("--case", help="Only those of this case.")] = None,
    mine: Annotated[bool, typer.Option("--mine", help="Only those assigned to you.")] = False,
    overdue: Annotated[bool, typer.Option("--overdue", help="Only those whose date has passed.")] = False,
) -> None:
    """Tasks of your authority, newest first."""
    columns = ("id", "status", "case_id", "what", "due_at", "overdue", "assignee")
    act(
        lambda c: listed(c.enforcement.tasks(status=status, case_id=case_id, mine=mine, overdue=overdue)),
        as_, as_json, columns,
    )  # fmt: skip


@tasks.command("show")
def show_task(task_id: TaskId, as_: As = None, as_json: AsJson = False) -> None:
    """One task."""
    act(lambda c: c.enforcement.get_task(task_id), as_, as_json)


@tasks.command("add")
def add_task(
    case_id: CaseId,
    what: Annotated[str, typer.Option(help="What is to be done.")],
    due: Annotated[str, typer.Option(help="Until when, e.g. 2026-12-11T09:00:00Z.")],
    assignee: Annotated[str | None, typer.Option(help="Which officer of your authority does it.")] = None,
    as_: As = None,
    as_json: AsJson = False,
) -> None:
    """Put something on the list of a case."""
    sent = body(wire.NewTask, what=what, due_at=due, assignee=assignee)
    act(lambda c: c.enforcement.add_task(case_id, sent), as_, as_json)


@tasks.command("assign")
def assign_task(
    task_id: TaskId,
    to: Annotated[str | None, typer.Option(help="Which officer; you, if nobody is named.")] = None,
    as_: As = None,
    as_json: AsJson = False,
) -> None:
    """Give a task to an officer of your authority, or take it."""
    sent = body(wire.Assignment, assignee=to)
    act(lambda c: c.enforcement.assign_task(task_id, sent), as_, as_json)


@tasks.command("complete")
def complete_task(task_id: TaskId, reasons: Reasons, as_: As = None, as_json: AsJson = False) -> None:
    """Say that a task is done, and what came of it."""
    sent = body(WithReasons, reasons=reasons)
    act(lambda c: c.enforcement.complete_task(task_id, sent), as_, as_json)


@tasks.command("cancel")
def cancel_task(task_id: TaskId, reasons: Reasons, as_: As = None, as_json: AsJson = False) -> None:
    """Say why nobody needs a task any more."""
    sent = body(WithReasons, reasons=reasons)
    act(lambda c: c.enforcement.cancel_task(task_id, sent), as_, as_json)


# --- opinions --------------------------------------------------------------------------------------------------------


@opinions.command("list")
def list_opinions(
    as_: As = None,
    as_json: AsJson = False,
    status: Annotated[OpinionStatus | None, typer.Option(help="Only those that stand so.")] = None,
    conflicting: Annotated[bool, typer.Option("--conflicting", help="Only those that differ from others.")] = False,
) -> None:
    """What your authority asked or was asked, and what your office settles, newest first."""
    columns = ("id", "status", "case_id", "authority.id", "asked.id", "we_hold", "position", "answer_by", "overdue")
    act(lambda c: listed(c.enforcement.opinions(status=status, conflicting=conflicting)), as_, as_json, columns)


@opinions.command("show")
def show_opinion(opinion_id: OpinionId, as_: As = None, as_json: AsJson = False) -> None:
    """One opinion."""
    act(lambda c: c.enforcement.get_opinion(opinion_id), as_, as_json)


@opinions.command("of-case")
def side_by_side(case_id: CaseId, as_: As = None, as_json: AsJson = False) -> None:
    """What authorities hold of a case, side by side, and how it was settled."""
    act(lambda c: c.enforcement.side_by_side(case_id), as_, as_json)


@opinions.command("ask")
def ask_opinion(
    case_id: CaseId,
    of: Annotated[str, typer.Argument(help="Id of the authority in the directory, e.g. culture-110000.")],
    question: Annotated[str, typer.Option(help="What it is asked.")],
    we_hold: Annotated[Literal["breach", "no_breach"], typer.Option(help="What your authority holds itself.")],
    answer_by: Annotated[str, typer.Option(help="Until when, e.g. 2026-12-11T09:00:00Z.")],
    as_: As = None,
    as_json: AsJson = False,
) -> None:
    """Ask an authority of another competence what it holds; it reads none of the evidence."""
    sent = body(wire.NewOpinion, of=of, question=question, we_hold=we_hold, answer_by=answer_by)
    act(lambda c: c.enforcement.ask_opinion(case_id, sent), as_, as_json)


@opinions.command("answer")
def answer_opinion(
    opinion_id: OpinionId,
    position: Annotated[Literal["breach", "no_breach", "not_ours"], typer.Argument(help="What you hold.")],
    basis: Basis,
    reasons: Reasons,
    public_reasons: PublicReasons = None,
    redacted: Redacted = None,
    as_: As = None,
    as_json: AsJson = False,
) -> None:
    """Say what your authority holds."""
    says = statement(basis, reasons, public_reasons, redacted)
    sent = body(wire.Answer, position=position, statement=says)
    act(lambda c: c.enforcement.answer_opinion(opinion_id, sent), as_, as_json)


@opinions.command("withdraw")
def withdraw_opinion(opinion_id: OpinionId, reasons: Reasons, as_: As = None, as_json: AsJson = False) -> None:
    """Need no answer any more."""
    sent = body(WithReasons, reasons=reasons)
    act(lambda c: c.enforcement.withdraw_opinion(opinion_id, sent), as_, as_json)


@opinions.command("settle")
def settle_opinions(
    case_id: CaseId,
    position: Annotated[Literal["breach", "no_breach"], typer.Argument(help="What the office advises.")],
    basis: Basis,
    reasons: Reasons,
    public_reasons: PublicReasons = None,
    redacted: Redacted = None,
    as_: As = None,
    as_json: AsJson = False,
) -> None:
    """Settle what differs, as an officer of the coordination office: advice, and no decision."""
    says = statement(basis, reasons, public_reasons, redacted)
    sent = body(wire.NewSettlement, position=position, statement=says)
    act(lambda c: c.enforcement.settle_opinions(case_id, sent), as_, as_json)
