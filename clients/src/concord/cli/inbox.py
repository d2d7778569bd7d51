"""``concord inbox``: what every department told you, in one list; and on a local stack the mails it sent."""

from collections.abc import AsyncIterator
from email import policy
from email.parser import BytesParser
from pathlib import Path
from typing import Annotated, Any

import typer

from concord.cli.output import As, AsJson, File, act, body, listed, out, plain, show
from concord.files import read, write
from concord.sdk import Concord, NoStack
from concord.sdk.departments import Department
from concord.sdk.places import find
from shared.contracts.http.notices import PostalProof

inbox = typer.Typer(invoke_without_command=True, help="Notices of all departments, newest first.")

ServiceName = Annotated[str, typer.Argument(help="Who told you: registry, approval, enforcement, access-control.")]
NoticeId = Annotated[str, typer.Argument(help="Id of the notice.")]
Tracking = Annotated[str, typer.Option(help="Number of the registered letter, or of the signed receipt.")]
DeliveredOn = Annotated[str, typer.Option(help="The day on which it was delivered, YYYY-MM-DD.")]


@inbox.callback()
def list_notices(
    context: typer.Context,
    as_: As = None,
    as_json: AsJson = False,
    service: Annotated[str | None, typer.Option(help="Only what this department told you.")] = None,
    unread: Annotated[bool, typer.Option("--unread", help="Only what nobody opened.")] = False,
    kind: Annotated[str | None, typer.Option(help="Only notices of this kind, e.g. decision_intended.")] = None,
    about: Annotated[str | None, typer.Option(help="Only notices about the act with this id.")] = None,
) -> None:
    """What every department told you, newest first; for an authority, what it told others."""
    if context.invoked_subcommand is not None:
        return

    async def merged(concord: Concord) -> AsyncIterator[dict[str, Any]]:
        async for of, notice in concord.inbox(service=service, unread=unread, kind=kind, about=about):
            yield {"service": of, **notice.model_dump(mode="json")}

    columns = ("service", "id", "title.en", "about.id", "delivered_at", "opened_at", "answer_by")
    act(lambda c: listed(merged(c)), as_, as_json, columns)


@inbox.command("open")
def open_notice(service: ServiceName, notice_id: NoticeId, as_: As = None, as_json: AsJson = False) -> None:
    """Open a notice. Opened by whom it is for, it counts as delivered, and time limits run."""
    act(lambda c: _department(c, service).open_notice(notice_id), as_, as_json)


@inbox.command("counts")
def count_notices(as_: As = None, as_json: AsJson = False) -> None:
    """How many notices there are from each department and of each kind, and how many of them nobody opened."""

    async def rows(concord: Concord) -> AsyncIterator[dict[str, Any]]:
        for service, counts in (await concord.inbox_counts()).items():
            for each in counts.kinds:
                yield {"service": service, **each.model_dump(mode="json")}

    act(lambda c: listed(rows(c)), as_, as_json, ("service", "kind", "total", "unread"))


@inbox.command("calendar")
def calendar(file: File, as_: As = None, as_json: AsJson = False) -> None:
    """Write your time limits, of all departments, into a calendar file. It opens no notice and says of none what it is.

    Import it again later: what changed takes the place of what was there, and what is over is cancelled.
    """

    async def written(concord: Concord) -> dict[str, Any]:
        found = await concord.deadlines()
        write(file, found)
        return {"written": str(file), "events": found.count(b"BEGIN:VEVENT")}

    act(written, as_, as_json)


@inbox.command("calendar-address")
def calendar_address(service: ServiceName, as_: As = None, as_json: AsJson = False) -> None:
    """A private address of your calendar at a department, for programs. It is shown this once; the one before ends."""
    act(lambda c: _department(c, service).make_calendar_address(), as_, as_json)


@inbox.command("end-calendar-address")
def end_calendar_address(service: ServiceName, as_: As = None, as_json: AsJson = False) -> None:
    """End the private address of your calendar at a department."""

    async def ended(concord: Concord) -> dict[str, Any]:
        await _department(concord, service).end_calendar_address()
        return {"service": service, "ended": True}

    act(ended, as_, as_json)


@inbox.command("prove")
def prove_delivery(
    service: ServiceName,
    notice_id: NoticeId,
    address: Annotated[str, typer.Option(help="Where the letter went.")],
    tracking: Tracking,
    delivered_on: DeliveredOn,
    as_: As = None,
    as_json: AsJson = False,
) -> None:
    """Enter, as the authority, that a letter was delivered. It counts for nothing until a second person confirms it."""
    sent = body(PostalProof, address=address, tracking=tracking, delivered_on=delivered_on)
    act(lambda c: _department(c, service).prove_delivery(notice_id, sent), as_, as_json)


@inbox.command("confirm-proof")
def confirm_delivery(
    service: ServiceName,
    notice_id: NoticeId,
    address: Annotated[str, typer.Option(help="Where the letter went.")],
    tracking: Tracking,
    delivered_on: DeliveredOn,
    as_: As = None,
    as_json: AsJson = False,
) -> None:
    """Confirm, as a second person, the proof that you looked at: say the same. From then on the notice is delivered."""
    sent = body(PostalProof, address=address, tracking=tracking, delivered_on=delivered_on)
    act(lambda c: _department(c, service).confirm_delivery(notice_id, sent), as_, as_json)


def _department(concord: Concord, service: str) -> Department:
    return concord.telling(service)[0]


def mails(as_json: AsJson = False) -> None:
    """The mails that the local stack sent, newest first; they go nowhere else."""
    stack = find().stack
    if stack is None:
        raise NoStack("only a local stack keeps the mails it sends")
    found = sorted(Path(stack["mails"]).glob("*.eml"), reverse=True)
    mails = [_mail(file) for file in found]
    if as_json:
        show(mails, as_json=True)
    for mail in () if as_json else mails:
        out.print(f"{plain(mail['at'])}  {plain(mail['to'])}  {plain(mail['subject'])}", soft_wrap=True)
        for line in mail["text"].splitlines():
            out.print(f"    {plain(line)}", soft_wrap=True)


def _mail(file: Path) -> dict[str, Any]:
    message = BytesParser(policy=policy.default).parsebytes(read(file))
    text = message.get_body(("plain",))
    return {
        "at": file.name.partition("-")[0], "to": message["To"], "subject": message["Subject"],
        "text": "\n".join(text.get_content().splitlines()) if text else "",
    }  # fmt: skip
