"""Commands about the register: operators, registrations, sites and proposed changes to them."""

from datetime import datetime
from typing import Annotated, Any

import typer

from concord.cli.output import (
    AmendmentId,
    As,
    AsJson,
    Basis,
    Body,
    OperatorId,
    Reasons,
    RegistrationId,
    SiteId,
    Version,
    act,
    body,
    body_in,
    listed,
    statement,
)
from concord.exits import Exit
from concord.sdk import BadArgument, Concord
from concord.sdk.departments.registry import AmendmentStatus, RegistrationStatus
from shared.contracts.http import registry as wire
from shared.contracts.http.batches import Batch
from shared.contracts.http.home import Forwarding
from shared.rules.identifiers import InvalidIdentifier, parse_number

operators = typer.Typer(no_args_is_help=True, help="Operators of sites.")
registrations = typer.Typer(no_args_is_help=True, help="Registrations: filings and licences.")
sites = typer.Typer(no_args_is_help=True, help="Registered sites.")
amendments = typer.Typer(no_args_is_help=True, help="Changes that operators propose and the regulator decides.")

Codes = Annotated[
    list[str] | None,
    typer.Option("--code", help="A refusal ground of the profile; those that the rules find are added."),
]


# --- operators -------------------------------------------------------------------------------------------------------


@operators.command("enter")
def enter_operator(
    name: Annotated[str, typer.Option(help="Its name, as in its licence.")],
    number: Annotated[str, typer.Option(help="Unified social credit code; of a person the number of the document.")],
    region: Annotated[str, typer.Option(help="Province of its domicile, e.g. 110000.")],
    kind: Annotated[str, typer.Option(help="company, institution or person.")] = "company",
    email: Annotated[str | None, typer.Option(help="Where notices go besides the inbox.")] = None,
    as_: As = None,
    as_json: AsJson = False,
) -> None:
    """Enter an operator."""
    document = {"kind": "resident_id" if kind == "person" else "credit_code", "number": number}
    sent = body(
        wire.NewOperator, kind=kind, region=region, document=document, particulars={"name": name},
        address_for_service={"email": email},
    )  # fmt: skip
    act(lambda c: c.registry.enter_operator(sent), as_, as_json)


@operators.command("show")
def show_operator(operator_id: OperatorId, as_: As = None, as_json: AsJson = False) -> None:
    """One operator."""
    act(lambda c: c.registry.get_operator(operator_id), as_, as_json)


@operators.command("confirm-code")
def confirm_code(operator_id: OperatorId, as_: As = None, as_json: AsJson = False) -> None:
    """Vouch, as a second officer, for an old credit code whose check digit fails."""
    act(lambda c: c.registry.confirm_legacy_code(operator_id), as_, as_json)


@operators.command("set-address")
def set_address(
    operator_id: OperatorId,
    email: Annotated[str | None, typer.Option(help="E-mail address; a code is sent there.")] = None,
    webhook: Annotated[str | None, typer.Option(help="URL that takes Standard Webhooks.")] = None,
    post: Annotated[str | None, typer.Option(help="Postal address.")] = None,
    as_: As = None,
    as_json: AsJson = False,
) -> None:
    """Say where notices go besides the inbox."""
    sent = body(wire.NewAddress, email=email, webhook=webhook, post=post)
    act(lambda c: c.registry.set_address(operator_id, sent), as_, as_json)


@operators.command("verify-address")
def verify_address(
    operator_id: OperatorId,
    code: Annotated[str, typer.Argument(help="The code that was sent.")],
    as_: As = None,
    as_json: AsJson = False,
) -> None:
    """Send back the code: what is mailed there counts as delivered from now on."""
    sent = body(wire.VerificationCode, code=code)
    act(lambda c: c.registry.verify_address(operator_id, sent), as_, as_json)


@operators.command("change")
def change_operator(
    operator_id: OperatorId, file: Body, version: Version, as_: As = None, as_json: AsJson = False
) -> None:
    """Propose an operator's particulars as they shall be; FILE: particulars, reasons."""
    sent = body_in(file, wire.ProposedOperator)
    act(lambda c: c.registry.change_operator(operator_id, version, sent), as_, as_json)


# --- registrations ---------------------------------------------------------------------------------------------------


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
    columns = ("id", "number", "status", "kind", "operator_name", "region")
    act(lambda c: listed(c.registry.registrations(number=number, status=status)), as_, as_json, columns)


@registrations.command("show")
def show_registration(registration_id: RegistrationId, as_: As = None, as_json: AsJson = False) -> None:
    """One registration with its sites."""
    act(lambda c: c.registry.get(registration_id), as_, as_json)


@registrations.command("submit")
def submit(file: Body, as_: As = None, as_json: AsJson = False) -> None:
    """Ask for a registration: operator_id, kind, and site with name, domains, service_items and accesses."""
    sent = body_in(file, wire.NewRegistration)
    act(lambda c: c.registry.submit(sent), as_, as_json)


@registrations.command("grant")
def grant(
    registration_id: RegistrationId,
    basis: Basis,
    reasons: Reasons,
    valid_from: Annotated[str | None, typer.Option(help="First day of a licence.")] = None,
    valid_until: Annotated[str | None, typer.Option(help="Last day of a licence.")] = None,
    as_: As = None,
    as_json: AsJson = False,
) -> None:
    """Enter a registration in the register."""
    said = statement(basis, reasons)
    sent = body(wire.Granting, statement=said, valid_from=valid_from, valid_until=valid_until)
    act(lambda c: c.registry.grant(registration_id, sent), as_, as_json)


@registrations.command("refuse")
def refuse(
    registration_id: RegistrationId,
    basis: Basis,
    reasons: Reasons,
    codes: Codes = None,
    as_: As = None,
    as_json: AsJson = False,
) -> None:
    """Refuse a registration in writing; its names are free again."""
    sent = body(wire.Refusing, statement=statement(basis, reasons), codes=codes or [])
    act(lambda c: c.registry.refuse(registration_id, sent), as_, as_json)


@registrations.command("forward")
def forward(
    registration_id: RegistrationId,
    basis: Basis,
    reasons: Reasons,
    region: Annotated[str | None, typer.Option(help="A province, e.g. 310000; else the national one.")] = None,
    as_: As = None,
    as_json: AsJson = False,
) -> None:
    """Forward an application to the regulator that it belongs to; the clock goes on, and the operator is told."""
    level = "national" if region is None else "province"
    sent = body(Forwarding, level=level, region=region, statement=statement(basis, reasons))
    act(lambda c: c.registry.forward(registration_id, sent), as_, as_json)


@registrations.command("submit-many")
def submit_many(file: Body, as_: As = None, as_json: AsJson = False) -> None:
    """Ask for up to a thousand; FILE: {"records": […]}, each as `submit` takes it, or registration_id and site.

    Each has a result of its own. Exits 5 when none went in.
    """
    sent = body_in(file, Batch)

    async def verb(concord: Concord) -> Any:
        return (await concord.registry.submit_many(sent)).results

    results = act(verb, as_, as_json, ("index", "status", "code", "message", "registration_id"))
    if all(each.status == "refused" for each in results):
        raise typer.Exit(Exit.FAILED)


@registrations.command("add-site")
def add_site(registration_id: RegistrationId, file: Body, as_: As = None, as_json: AsJson = False) -> None:
    """Propose a further site under a number; FILE: name, domains, service_items, accesses."""
    sent = body_in(file, wire.FurtherSite)
    act(lambda c: c.registry.add_site(registration_id, sent), as_, as_json)


# --- sites -----------------------------------------------------------------------------------------------------------


@sites.command("show")
def show_site(
    domain: Annotated[str, typer.Argument(help="Host name of the site.")], as_: As = None, as_json: AsJson = False
) -> None:
    """The site of a domain, with the version that `change` wants."""

    async def verb(concord: Concord) -> Any:
        return await concord.registry.site_of(domain) or {"domain": domain, "found": False}

    act(verb, as_, as_json)


@sites.command("record")
def site_record(
    site_id: SiteId,
    at: Annotated[str, typer.Argument(help="A time with its zone, e.g. 2026-11-25T09:00:00Z.")],
    as_: As = None,
    as_json: AsJson = False,
) -> None:
    """The record of a site as it was at a time, and why it became so."""
    try:
        when = datetime.fromisoformat(at)
    except ValueError:
        raise BadArgument(f"{at!r:.40} is no time such as 2026-11-25T09:00:00Z") from None
    act(lambda c: c.registry.site_record(site_id, when), as_, as_json)


@sites.command("change")
def change_site(site_id: SiteId, file: Body, version: Version, as_: As = None, as_json: AsJson = False) -> None:
    """Propose a site as it shall be; FILE: name, domains, service_items, accesses, reasons."""
    sent = body_in(file, wire.ProposedSite)
    act(lambda c: c.registry.change_site(site_id, version, sent), as_, as_json)


@sites.command("transfer")
def transfer(
    site_id: SiteId,
    registration_id: Annotated[str, typer.Option("--to", help="Id of the registration it shall go under.")],
    reasons: Reasons,
    version: Version,
    as_: As = None,
    as_json: AsJson = False,
) -> None:
    """Propose that a site goes under another operator's number; that operator consents."""
    sent = body(wire.ProposedTransfer, registration_id=registration_id, reasons=reasons)
    act(lambda c: c.registry.transfer(site_id, version, sent), as_, as_json)


@sites.command("deregister")
def deregister(site_id: SiteId, reasons: Reasons, as_: As = None, as_json: AsJson = False) -> None:
    """Give a site up."""
    sent = body(wire.WithReasons, reasons=reasons)
    act(lambda c: c.registry.deregister(site_id, sent), as_, as_json)


@sites.command("end-access")
def end_access(
    site_id: SiteId,
    access_id: Annotated[str, typer.Argument(help="Id of the access.")],
    reasons: Reasons,
    as_: As = None,
    as_json: AsJson = False,
) -> None:
    """Leave one of a site's providers."""
    sent = body(wire.WithReasons, reasons=reasons)
    act(lambda c: c.registry.end_access(site_id, access_id, sent), as_, as_json)


# --- proposed changes ------------------------------------------------------------------------------------------------


@amendments.command("list")
def list_amendments(
    as_: As = None,
    as_json: AsJson = False,
    status: Annotated[AmendmentStatus | None, typer.Option(help="Only those that stand so.")] = None,
) -> None:
    """Proposed changes you may see, newest first."""
    columns = ("id", "status", "kind", "registration_id", "site_id", "proposed_at")
    act(lambda c: listed(c.registry.amendments(status=status)), as_, as_json, columns)


@amendments.command("show")
def show_amendment(amendment_id: AmendmentId, as_: As = None, as_json: AsJson = False) -> None:
    """A proposed change beside what holds."""
    act(lambda c: c.registry.get_amendment(amendment_id), as_, as_json)


@amendments.command("grant")
def grant_amendment(
    amendment_id: AmendmentId, basis: Basis, reasons: Reasons, as_: As = None, as_json: AsJson = False
) -> None:
    """What was proposed holds from now on."""
    sent = body(wire.Stated, statement=statement(basis, reasons))
    act(lambda c: c.registry.grant_amendment(amendment_id, sent), as_, as_json)


@amendments.command("refuse")
def refuse_amendment(
    amendment_id: AmendmentId,
    basis: Basis,
    reasons: Reasons,
    codes: Codes = None,
    as_: As = None,
    as_json: AsJson = False,
) -> None:
    """Refuse a proposed change."""
    sent = body(wire.Refusing, statement=statement(basis, reasons), codes=codes or [])
    act(lambda c: c.registry.refuse_amendment(amendment_id, sent), as_, as_json)


@amendments.command("withdraw")
def withdraw_amendment(amendment_id: AmendmentId, reasons: Reasons, as_: As = None, as_json: AsJson = False) -> None:
    """Take a proposed change back."""
    sent = body(wire.WithReasons, reasons=reasons)
    act(lambda c: c.registry.withdraw_amendment(amendment_id, sent), as_, as_json)


@amendments.command("consent")
def consent(amendment_id: AmendmentId, as_: As = None, as_json: AsJson = False) -> None:
    """Agree to a transfer, as the receiving operator, or to what was proposed in the name of your own."""
    act(lambda c: c.registry.consent(amendment_id), as_, as_json)
