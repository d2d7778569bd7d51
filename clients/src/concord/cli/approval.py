"""Commands about prior approval: the operator asks, the authority decides."""

from typing import Annotated, Any

import typer

from concord.cli.output import As, AsJson, Basis, Reasons, act, listed

approvals = typer.Typer(no_args_is_help=True, help="Prior approvals, from the application on.")

Findings = Annotated[
    list[str], typer.Option("--finding", help="One thing as code=text, e.g. no_pharmacist='Nobody is in charge'.")
]
LastDay = Annotated[str, typer.Option("--valid-until", help="Last day, e.g. 2027-12-31.")]


def _findings(given: list[str]) -> list[dict[str, str]]:
    parts = [each.partition("=") for each in given]
    return [{"code": code, "text": text} for code, _, text in parts]


def _send(approval_id: str, action: str, as_: str | None, as_json: bool, **body: Any) -> None:
    act(lambda c: c.approval.act(approval_id, action, **body), as_, as_json)


@approvals.command("list")
def list_approvals(as_: As = None, as_json: AsJson = False, status: str | None = None) -> None:
    """Approvals you may see, newest first."""
    columns = ("id", "status", "service_item", "domain", "number", "valid_until", "overdue")
    act(lambda c: listed(c.approval.approvals(status=status)), as_, as_json, columns)


@approvals.command("show")
def show(approval_id: str, as_: As = None, as_json: AsJson = False) -> None:
    """One approval."""
    act(lambda c: c.approval.get(approval_id), as_, as_json)


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
    body = {
        "operator": {"identity": operator, "name": operator_name}, "service_item": service_item, "domain": domain,
        "scope_of_service": scope, "region": region, "level": level,
    }  # fmt: skip
    act(lambda c: c.approval.apply(**body), as_, as_json)


@approvals.command("return")
def send_back(approval_id: str, missing: Findings, as_: As = None, as_json: AsJson = False) -> None:
    """Return it, once, with everything that is missing; the clock stands still."""
    _send(approval_id, "return", as_, as_json, missing=_findings(missing))


@approvals.command("resubmit")
def resubmit(
    approval_id: str,
    answer: Annotated[str, typer.Option(help="What was handed in.")],
    as_: As = None,
    as_json: AsJson = False,
) -> None:
    """Answer a return; the clock runs on."""
    _send(approval_id, "resubmission", as_, as_json, answer=answer)


@approvals.command("grant")
def grant(
    approval_id: str,
    scope: Annotated[str, typer.Option(help="What is approved.")],
    valid_until: LastDay,
    basis: Basis,
    reasons: Reasons,
    as_: As = None,
    as_json: AsJson = False,
) -> None:
    """Consent: to what, until when, and why."""
    body = {"scope": scope, "valid_until": valid_until, "legal_basis": basis, "reasons": reasons}
    _send(approval_id, "grant", as_, as_json, **body)


@approvals.command("refuse")
def refuse(
    approval_id: str, basis: Basis, reasons: Reasons, findings: Findings, as_: As = None, as_json: AsJson = False
) -> None:
    """Refuse in writing, with every reason at once."""
    body = {"legal_basis": basis, "reasons": reasons, "findings": _findings(findings)}
    _send(approval_id, "refusal", as_, as_json, **body)


@approvals.command("not-required")
def not_required(approval_id: str, basis: Basis, reasons: Reasons, as_: As = None, as_json: AsJson = False) -> None:
    """Say that this needs no approval."""
    _send(approval_id, "not-required", as_, as_json, legal_basis=basis, reasons=reasons)


@approvals.command("ask-renewal")
def ask_renewal(
    approval_id: str, valid_until: LastDay, reasons: Reasons, as_: As = None, as_json: AsJson = False
) -> None:
    """Ask for a later last day; the approval stays in force until that is decided."""
    _send(approval_id, "renewal-request", as_, as_json, valid_until=valid_until, reasons=reasons)


@approvals.command("renew")
def renew(
    approval_id: str, valid_until: LastDay, basis: Basis, reasons: Reasons, as_: As = None, as_json: AsJson = False
) -> None:
    """Renew: same number, same scope, a later last day."""
    _send(approval_id, "renewal", as_, as_json, valid_until=valid_until, legal_basis=basis, reasons=reasons)


@approvals.command("refuse-renewal")
def refuse_renewal(
    approval_id: str, basis: Basis, reasons: Reasons, findings: Findings, as_: As = None, as_json: AsJson = False
) -> None:
    """Refuse to renew, with every reason at once."""
    body = {"legal_basis": basis, "reasons": reasons, "findings": _findings(findings)}
    _send(approval_id, "renewal-refusal", as_, as_json, **body)
