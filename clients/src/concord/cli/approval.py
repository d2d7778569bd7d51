"""The sector regulator's commands about prior approval."""

from typing import Annotated

import typer

from concord.cli.output import (
    ApplicationId,
    As,
    AsJson,
    Basis,
    Evidence,
    Reasons,
    RedressAuthority,
    RedressDays,
    RedressHow,
    act,
    listed,
    redress,
)
from concord.sdk.departments import ApplicationStatus

applications = typer.Typer(no_args_is_help=True, help="Applications for prior approval.")


@applications.command("list")
def list_applications(
    as_: As = None,
    as_json: AsJson = False,
    status: Annotated[ApplicationStatus | None, typer.Option(help="Only those that stand so.")] = None,
) -> None:
    """Applications you may see, newest first."""
    columns = ("id", "status", "service_item", "domain", "operator_name", "due_at", "overdue")
    act(lambda c: listed(c.approval.applications(status=status)), as_, as_json, columns)


@applications.command("show")
def show_application(application_id: ApplicationId, as_: As = None, as_json: AsJson = False) -> None:
    """One application."""
    act(lambda c: c.approval.get(application_id), as_, as_json)


@applications.command("apply")
def apply(
    operator_uscc: Annotated[str, typer.Option(help="Unified social credit code of the operator.")],
    operator_name: Annotated[str, typer.Option(help="Its name.")],
    service_item: Annotated[str, typer.Option(help="What approval is asked for, e.g. culture.")],
    domain: Annotated[str, typer.Option(help="Domain of the site.")],
    scope: Annotated[str, typer.Option("--scope-of-service", help="What is to be offered.")],
    region: Annotated[str, typer.Option(help="Province, e.g. 110000.")],
    level: Annotated[str, typer.Option(help="province or national.")] = "province",
    as_: As = None,
    as_json: AsJson = False,
) -> None:
    """Apply for prior approval; the authority's clock starts."""
    body = {
        "operator_uscc": operator_uscc, "operator_name": operator_name, "service_item": service_item, "domain": domain,
        "scope_of_service": scope, "region": region, "level": level,
    }  # fmt: skip
    act(lambda c: c.approval.apply(**body), as_, as_json)


@applications.command("grant")
def grant(
    application_id: ApplicationId,
    scope: Annotated[str, typer.Option(help="What is approved.")],
    valid_until: Annotated[str, typer.Option(help="Last day, e.g. 2027-12-31.")],
    basis: Basis,
    reasons: Reasons,
    as_: As = None,
    as_json: AsJson = False,
) -> None:
    """Consent: to what, until when, and why."""
    body = {"scope": scope, "valid_until": valid_until, "legal_basis": basis, "reasons": reasons}
    act(lambda c: c.approval.decide(application_id, "grant", **body), as_, as_json)


@applications.command("refuse")
def refuse(
    application_id: ApplicationId,
    basis: Basis,
    reasons: Reasons,
    redress_authority: RedressAuthority,
    redress_how: RedressHow,
    redress_days: RedressDays = 60,
    as_: As = None,
    as_json: AsJson = False,
) -> None:
    """Refuse in writing, saying how that can be challenged."""
    body = {"legal_basis": basis, "reasons": reasons, "redress": redress(redress_authority, redress_how, redress_days)}
    act(lambda c: c.approval.decide(application_id, "refusal", **body), as_, as_json)


@applications.command("not-required")
def not_required(
    application_id: ApplicationId, basis: Basis, reasons: Reasons, as_: As = None, as_json: AsJson = False
) -> None:
    """Say that this needs no approval."""
    body = {"legal_basis": basis, "reasons": reasons}
    act(lambda c: c.approval.decide(application_id, "not-required", **body), as_, as_json)


@applications.command("cancel")
def cancel(
    application_id: ApplicationId,
    basis: Basis,
    reasons: Reasons,
    evidence_hash: Evidence,
    redress_authority: RedressAuthority,
    redress_how: RedressHow,
    redress_days: RedressDays = 60,
    as_: As = None,
    as_json: AsJson = False,
) -> None:
    """Cancel an approval that was granted; the service item leaves the register."""
    challenge = redress(redress_authority, redress_how, redress_days)
    body = {"legal_basis": basis, "reasons": reasons, "evidence_hash": evidence_hash, "redress": challenge}
    act(lambda c: c.approval.decide(application_id, "cancellation", **body), as_, as_json)
