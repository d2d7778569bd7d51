"""Commands about prior approval: the operator asks, the authority decides."""

import mimetypes
from pathlib import Path
from typing import Annotated, Any

import typer

from concord.cli.output import ApprovalId, As, AsJson, Basis, File, Reasons, act, body, listed
from concord.files import read, write
from concord.sdk import Concord
from shared.contracts.approval import ApprovalStatus
from shared.contracts.http import approval as wire
from shared.contracts.http.documents import DocumentView

MOST_FILE = 64 * 1024 * 1024
"""Bytes of one file that are read here; the authority may take less."""

approvals = typer.Typer(no_args_is_help=True, help="Prior approvals, from the application on.")

Findings = Annotated[
    list[str], typer.Option("--finding", help="One thing as code=text, e.g. no_pharmacist='Nobody is in charge'.")
]
LastDay = Annotated[str, typer.Option("--valid-until", help="Last day, e.g. 2027-12-31.")]


def _findings(given: list[str]) -> list[dict[str, str]]:
    parts = [each.partition("=") for each in given]
    return [{"code": code, "text": text} for code, _, text in parts]


@approvals.command("list")
def list_approvals(
    as_: As = None,
    as_json: AsJson = False,
    status: Annotated[ApprovalStatus | None, typer.Option(help="Only those that stand so.")] = None,
) -> None:
    """Approvals you may see, newest first."""
    columns = ("id", "status", "service_item", "domain", "number", "valid_until", "overdue")
    act(lambda c: listed(c.approval.approvals(status=status)), as_, as_json, columns)


@approvals.command("show")
def show(approval_id: ApprovalId, as_: As = None, as_json: AsJson = False) -> None:
    """One approval."""
    act(lambda c: c.approval.get(approval_id), as_, as_json)


@approvals.command("hand-in")
def hand_in(
    approval_id: ApprovalId,
    file: File,
    requirement: Annotated[str, typer.Option(help="Which requirement of the item it is for, as `show` lists them.")],
    as_: As = None,
    as_json: AsJson = False,
) -> None:
    """Hand in a file for a requirement of the item."""
    media_type = mimetypes.guess_type(file.name)[0] or "application/octet-stream"
    content = read(file, MOST_FILE)
    act(lambda c: c.approval.hand_in(approval_id, requirement, content, media_type), as_, as_json)


@approvals.command("read-file")
def read_file(
    approval_id: ApprovalId,
    sha256: Annotated[str, typer.Argument(help="SHA-256 of the file, as `show` lists it.")],
    file: Annotated[Path, typer.Argument(help="Where to put it; must not be there yet.", metavar="FILE")],
    as_: As = None,
    as_json: AsJson = False,
) -> None:
    """Read what was handed in into FILE."""

    async def kept(concord: Concord) -> dict[str, Any]:
        content = await concord.approval.file(approval_id, sha256)
        write(file, content)
        return {"file": str(file), "size": len(content)}

    act(kept, as_, as_json)


@approvals.command("document")
def document(
    approval_id: ApprovalId,
    page: Annotated[Path | None, typer.Option("--pdf", help="Write the page to this file, which must be new.")] = None,
    as_: As = None,
    as_json: AsJson = False,
) -> None:
    """The signed document; `concord verify` checks it offline."""

    async def got(concord: Concord) -> DocumentView | dict[str, Any]:
        if page is None:
            return await concord.approval.document(approval_id)
        content = await concord.approval.document_page(approval_id)
        write(page, content)
        return {"file": str(page), "size": len(content)}

    act(got, as_, as_json)


@approvals.command("authorities")
def authorities(
    item: Annotated[str | None, typer.Option(help="Only this service item, e.g. drugs_and_devices.")] = None,
    region: Annotated[str | None, typer.Option(help="Only this province, e.g. 110000, and the national ones.")] = None,
    as_: As = None,
    as_json: AsJson = False,
) -> None:
    """Who is competent for what, what an application brings, and how long it takes."""
    act(lambda c: c.approval.authorities(item=item, region=region), as_, as_json)


@approvals.command("apply")
def apply(
    operator: Annotated[str, typer.Option(help="Who you are, as your token says: unified social credit code.")],
    operator_name: Annotated[str, typer.Option(help="Your name.")],
    service_item: Annotated[str, typer.Option(help="What approval is asked for, e.g. drugs_and_devices.")],
    domain: Annotated[str, typer.Option(help="Domain of the site.")],
    scope: Annotated[str, typer.Option("--scope-of-service", help="What is to be offered.")],
    region: Annotated[str | None, typer.Option(help="Province of the authority, e.g. 110000.")] = None,
    level: Annotated[str, typer.Option(help="province or national.")] = "province",
    as_: As = None,
    as_json: AsJson = False,
) -> None:
    """Apply for prior approval; the authority's clock starts."""
    sent = body(
        wire.Application, operator={"identity": operator, "name": operator_name}, service_item=service_item,
        domain=domain, scope_of_service=scope, region=region, level=level,
    )  # fmt: skip
    act(lambda c: c.approval.apply(sent), as_, as_json)


@approvals.command("return")
def send_back(approval_id: ApprovalId, missing: Findings, as_: As = None, as_json: AsJson = False) -> None:
    """Return it, once, with everything that is missing; the clock stands still."""
    sent = body(wire.Return, missing=_findings(missing))
    act(lambda c: c.approval.send_back(approval_id, sent), as_, as_json)


@approvals.command("resubmit")
def resubmit(
    approval_id: ApprovalId,
    answer: Annotated[str, typer.Option(help="What was handed in.")],
    as_: As = None,
    as_json: AsJson = False,
) -> None:
    """Answer a return; the clock runs on."""
    sent = body(wire.Resubmission, answer=answer)
    act(lambda c: c.approval.resubmit(approval_id, sent), as_, as_json)


@approvals.command("transfer")
def transfer(
    approval_id: ApprovalId,
    basis: Basis,
    reasons: Reasons,
    level: Annotated[str, typer.Option(help="Of the competent authority: province or national.")] = "national",
    region: Annotated[str | None, typer.Option(help="Its province, e.g. 310000.")] = None,
    as_: As = None,
    as_json: AsJson = False,
) -> None:
    """Forward it to the authority that is competent; the clock goes on."""
    sent = body(wire.Transfer, level=level, region=region, legal_basis=basis, reasons=reasons)
    act(lambda c: c.approval.transfer(approval_id, sent), as_, as_json)


@approvals.command("grant")
def grant(
    approval_id: ApprovalId,
    scope: Annotated[str, typer.Option(help="What is approved.")],
    valid_until: LastDay,
    basis: Basis,
    reasons: Reasons,
    as_: As = None,
    as_json: AsJson = False,
) -> None:
    """Consent: to what, until when, and why."""
    sent = body(wire.Grant, scope=scope, valid_until=valid_until, legal_basis=basis, reasons=reasons)
    act(lambda c: c.approval.grant(approval_id, sent), as_, as_json)


@approvals.command("refuse")
def refuse(
    approval_id: ApprovalId, basis: Basis, reasons: Reasons, findings: Findings, as_: As = None, as_json: AsJson = False
) -> None:
    """Refuse in writing, with every reason at once."""
    sent = body(wire.Refusal, legal_basis=basis, reasons=reasons, findings=_findings(findings))
    act(lambda c: c.approval.refuse(approval_id, sent), as_, as_json)


@approvals.command("not-required")
def not_required(
    approval_id: ApprovalId, basis: Basis, reasons: Reasons, as_: As = None, as_json: AsJson = False
) -> None:
    """Say that this needs no approval."""
    sent = body(wire.NotRequired, legal_basis=basis, reasons=reasons)
    act(lambda c: c.approval.find_not_required(approval_id, sent), as_, as_json)


@approvals.command("ask-renewal")
def ask_renewal(
    approval_id: ApprovalId, valid_until: LastDay, reasons: Reasons, as_: As = None, as_json: AsJson = False
) -> None:
    """Ask for a later last day; the approval stays in force until that is decided."""
    sent = body(wire.RenewalRequest, valid_until=valid_until, reasons=reasons)
    act(lambda c: c.approval.ask_renewal(approval_id, sent), as_, as_json)


@approvals.command("renew")
def renew(
    approval_id: ApprovalId,
    valid_until: LastDay,
    basis: Basis,
    reasons: Reasons,
    as_: As = None,
    as_json: AsJson = False,
) -> None:
    """Renew: same number, same scope, a later last day."""
    sent = body(wire.Renewal, valid_until=valid_until, legal_basis=basis, reasons=reasons)
    act(lambda c: c.approval.renew(approval_id, sent), as_, as_json)


@approvals.command("refuse-renewal")
def refuse_renewal(
    approval_id: ApprovalId, basis: Basis, reasons: Reasons, findings: Findings, as_: As = None, as_json: AsJson = False
) -> None:
    """Refuse to renew, with every reason at once."""
    sent = body(wire.Refusal, legal_basis=basis, reasons=reasons, findings=_findings(findings))
    act(lambda c: c.approval.refuse_renewal(approval_id, sent), as_, as_json)
