"""The industry regulator's commands: operators, registrations, sites, requests for revocation, imports."""

from typing import Annotated, Any

import typer

from concord.cli.output import (
    As,
    AsJson,
    Basis,
    Body,
    Evidence,
    Reasons,
    RedressAuthority,
    RedressDays,
    RedressHow,
    RegistrationId,
    RequestId,
    RevocationId,
    SiteId,
    act,
    listed,
    redress,
)
from concord.files import json_object
from concord.sdk import BadArgument, Concord
from concord.sdk.departments import RegistrationStatus, RequestStatus, RevocationStatus
from shared.rules.identifiers import InvalidIdentifier, parse_number

operators = typer.Typer(no_args_is_help=True, help="Operators of sites.")
registrations = typer.Typer(no_args_is_help=True, help="Registrations and their revocation.")
sites = typer.Typer(no_args_is_help=True, help="Registered sites.")
requests = typer.Typer(no_args_is_help=True, help="Requests of sector regulators for revocation.")


@registrations.command("list")
def list_registrations(
    as_: As = None,
    as_json: AsJson = False,
    number: Annotated[str | None, typer.Option(help="Registration number, e.g. 京ICP备10046444号.")] = None,
    status: Annotated[RegistrationStatus | None, typer.Option(help="Only those that stand so.")] = None,
) -> None:
    """Registrations you may see, newest first."""
    if number is not None:
        try:
            parse_number(number)
        except InvalidIdentifier as wrong:
            raise BadArgument(f"--number: {wrong.message}") from wrong
    columns = ("id", "number", "status", "kind", "operator.name", "region")
    act(lambda c: listed(c.registry.registrations(number=number, status=status)), as_, as_json, columns)


@registrations.command("show")
def show_registration(registration_id: RegistrationId, as_: As = None, as_json: AsJson = False) -> None:
    """One registration with its sites."""
    act(lambda c: c.registry.get(registration_id), as_, as_json)


@registrations.command("submit")
def submit(file: Body, as_: As = None, as_json: AsJson = False) -> None:
    """Ask for a registration: operator_id, kind, and sites with domains, service items and accesses."""
    body = json_object(file)
    act(lambda c: c.registry.submit(**body), as_, as_json)


@registrations.command("refuse")
def refuse(
    registration_id: RegistrationId,
    basis: Basis,
    reasons: Reasons,
    redress_authority: RedressAuthority,
    redress_how: RedressHow,
    redress_days: RedressDays = 60,
    as_: As = None,
    as_json: AsJson = False,
) -> None:
    """Refuse a registration in writing; its domains are free again."""
    body = {"legal_basis": basis, "reasons": reasons, "redress": redress(redress_authority, redress_how, redress_days)}
    act(lambda c: c.registry.refuse(registration_id, **body), as_, as_json)


@registrations.command("grant")
def grant(
    registration_id: RegistrationId, basis: Basis, reasons: Reasons, as_: As = None, as_json: AsJson = False
) -> None:
    """Enter a registration in the register."""
    act(lambda c: c.registry.grant(registration_id, legal_basis=basis, reasons=reasons), as_, as_json)


@registrations.command("revoke")
def draft_revocation(
    registration_id: RegistrationId,
    basis: Basis,
    reasons: Reasons,
    evidence_hash: Evidence,
    redress_authority: RedressAuthority,
    redress_how: RedressHow,
    redress_days: RedressDays = 60,
    as_: As = None,
    as_json: AsJson = False,
) -> None:
    """Draft a revocation; nothing happens until a second person confirms it."""
    challenge = redress(redress_authority, redress_how, redress_days)
    body = {"legal_basis": basis, "reasons": reasons, "evidence_hash": evidence_hash, "redress": challenge}
    act(lambda c: c.registry.draft_revocation(registration_id, **body), as_, as_json)


@registrations.command("confirm")
def confirm(revocation_id: RevocationId, as_: As = None, as_json: AsJson = False) -> None:
    """Confirm a drafted revocation, as a second person: access is cut at every provider."""
    act(lambda c: c.registry.confirm(revocation_id), as_, as_json)


@registrations.command("withdraw")
def withdraw_revocation(revocation_id: RevocationId, reasons: Reasons, as_: As = None, as_json: AsJson = False) -> None:
    """Take a drafted revocation back."""
    act(lambda c: c.registry.withdraw(revocation_id, reasons), as_, as_json)


@registrations.command("revocations")
def list_revocations(
    as_: As = None,
    as_json: AsJson = False,
    status: Annotated[RevocationStatus | None, typer.Option(help="Only those that stand so.")] = None,
) -> None:
    """Revocations of your region, newest first; drafted ones wait for a second person."""
    columns = ("id", "status", "registration_id", "drafted_by", "drafted_at")
    act(lambda c: listed(c.registry.revocations(status=status)), as_, as_json, columns)


@registrations.command("reinstate")
def reinstate(
    registration_id: RegistrationId, basis: Basis, reasons: Reasons, as_: As = None, as_json: AsJson = False
) -> None:
    """Make a revoked registration valid again, exactly as it was."""
    act(lambda c: c.registry.reinstate(registration_id, legal_basis=basis, reasons=reasons), as_, as_json)


@operators.command("register")
def register_operator(
    name: Annotated[str, typer.Option(help="Its name, as in its licence.")],
    uscc: Annotated[str, typer.Option(help="Unified social credit code, 18 characters.")],
    region: Annotated[str, typer.Option(help="Province of its domicile, e.g. 110000.")],
    kind: Annotated[str, typer.Option(help="company, institution or person.")] = "company",
    as_: As = None,
    as_json: AsJson = False,
) -> None:
    """Enter an operator."""
    act(lambda c: c.registry.register_operator(name=name, uscc=uscc, region=region, kind=kind), as_, as_json)


@sites.command("show")
def show_site(
    domain: Annotated[str, typer.Argument(help="Host name of the site.")], as_: As = None, as_json: AsJson = False
) -> None:
    """The site of a domain, with the version that `amend` wants."""

    async def verb(concord: Concord) -> Any:
        return await concord.registry.site_of(domain) or {"domain": domain, "found": False}

    act(verb, as_, as_json)


@sites.command("amend")
def amend_site(
    site_id: SiteId,
    file: Body,
    version: Annotated[int, typer.Option(help="Version you have looked at; refused if it changed meanwhile.")],
    as_: As = None,
    as_json: AsJson = False,
) -> None:
    """Replace a site's name, domains, service items and accesses; FILE also gives the reasons."""
    body = json_object(file)
    act(lambda c: c.registry.amend(site_id, version, **body), as_, as_json)


@requests.command("list")
def list_requests(
    as_: As = None,
    as_json: AsJson = False,
    status: Annotated[RequestStatus | None, typer.Option(help="Only those that stand so.")] = None,
) -> None:
    """Requests on your desk, newest first."""
    columns = ("id", "status", "measure.authority", "received_at", "registration_id")
    act(lambda c: listed(c.registry.requests(status=status)), as_, as_json, columns)


@requests.command("accept")
def accept(request_id: RequestId, reasons: Reasons, as_: As = None, as_json: AsJson = False) -> None:
    """Accept a request: its revocation is drafted and waits for a second person."""
    act(lambda c: c.registry.accept(request_id, reasons), as_, as_json)


@requests.command("decline")
def decline(request_id: RequestId, basis: Basis, reasons: Reasons, as_: As = None, as_json: AsJson = False) -> None:
    """Decline a request, with reasons."""
    act(lambda c: c.registry.decline(request_id, legal_basis=basis, reasons=reasons), as_, as_json)
