"""Commands about approvals that exist on paper: one officer enters what is printed, a second one compares."""

import hashlib
from pathlib import Path
from typing import Annotated

import typer

from concord.cli.output import As, AsJson, Body, Reasons, act, body, body_in, listed
from concord.files import read
from shared.contracts.http.paper import PaperConfirmation, PaperEntry, PaperWithdrawal

MOST_SCAN = 256 * 1024 * 1024
"""Bytes of a scan that are hashed; it is not sent."""

papers = typer.Typer(no_args_is_help=True, help="Approvals that exist on paper: entered by one officer, and a second.")

PaperId = Annotated[str, typer.Argument(help="Id of the entry.")]


@papers.command("enter")
def enter(file: Body, as_: As = None, as_json: AsJson = False) -> None:
    """Enter an approval as it is printed; it counts for nothing until a second officer confirms it."""
    sent = body_in(file, PaperEntry)
    act(lambda c: c.approval.enter_paper(sent), as_, as_json)


@papers.command("list")
def list_papers(as_: As = None, as_json: AsJson = False) -> None:
    """Entries on your desk, newest first."""
    columns = ("id", "status", "paper_number", "service_item", "domain", "valid_until")
    act(lambda c: listed(c.approval.papers()), as_, as_json, columns)


@papers.command("show")
def show_paper(paper_id: PaperId, as_: As = None, as_json: AsJson = False) -> None:
    """One entry, and the approval that it became."""
    act(lambda c: c.approval.paper(paper_id), as_, as_json)


@papers.command("confirm")
def confirm(
    paper_id: PaperId,
    number: Annotated[str, typer.Option(help="The number as it is printed on the paper before you.")],
    scan: Annotated[Path, typer.Option(help="The scan that you compared; its SHA-256 is sent, not the file.")],
    as_: As = None,
    as_json: AsJson = False,
) -> None:
    """Say as the second officer that the entry is what the paper says: the approval is granted."""
    digest = hashlib.sha256(read(scan, MOST_SCAN)).hexdigest()
    sent = body(PaperConfirmation, paper_number=number, scan_sha256=digest)
    act(lambda c: c.approval.confirm_paper(paper_id, sent), as_, as_json)


@papers.command("withdraw")
def withdraw(paper_id: PaperId, reasons: Reasons, as_: As = None, as_json: AsJson = False) -> None:
    """Withdraw an entry that nobody confirmed."""
    sent = body(PaperWithdrawal, reasons=reasons)
    act(lambda c: c.approval.withdraw_paper(paper_id, sent), as_, as_json)
