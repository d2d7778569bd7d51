"""``concord inbox``: what every department told you, in one list; and on a local stack the mails it sent."""

from collections.abc import AsyncIterator
from email import policy
from email.parser import BytesParser
from pathlib import Path
from typing import Annotated, Any

import typer

from concord.cli.output import As, AsJson, act, body, listed, out, plain, show
from concord.files import read
from concord.sdk import BadArgument, Concord, NoStack
from concord.sdk.departments import Department
from concord.sdk.places import find
from shared.contracts.http.notices import PostalProof

inbox = typer.Typer(invoke_without_command=True, help="Notices of all departments, newest first.")

ServiceName = Annotated[str, typer.Argument(help="Who told you: registry, approval, enforcement, access-control.")]
NoticeId = Annotated[str, typer.Argument(help="Id of the notice.")]
Tracking = Annotated[str, typer.Option(help="Number of the registered letter, or of the signed receipt.")]
DeliveredOn = Annotated[str, typer.Option(help="The day on which it was delivered, YYYY-MM-DD.")]


@inbox.callback()
def list_notices(context: typer.Context, as_: As = None, as_json: AsJson = False) -> None:
    """What every department told you, newest first; for an authority, what it told others."""
    if context.invoked_subcommand is not None:
        return

    async def merged(concord: Concord) -> AsyncIterator[dict[str, Any]]:
        async for service, notice in concord.inbox():
            yield {"service": service, **notice.model_dump(mode="json")}

    columns = ("service", "id", "title.en", "about.id", "delivered_at", "opened_at", "answer_by")
    act(lambda c: listed(merged(c)), as_, as_json, columns)


@inbox.command("open")
def open_notice(service: ServiceName, notice_id: NoticeId, as_: As = None, as_json: AsJson = False) -> None:
    """Open a notice. Opened by whom it is for, it counts as delivered, and time limits run."""
    act(lambda c: _department(c, service).open_notice(notice_id), as_, as_json)


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
    known = {each.service: each for each in (concord.registry, concord.approval, concord.enforcement, concord.access)}
    try:
        return known[service]
    except KeyError:
        raise BadArgument(f"{service!r:.60} issues no notices; those that do: {', '.join(known)}") from None


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
