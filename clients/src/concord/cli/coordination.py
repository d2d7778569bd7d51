"""Commands about the directory of organisations."""

from typing import Annotated, Literal

import typer

from concord.cli.output import As, AsJson, Body, Reasons, Version, act, body, body_in, listed
from concord.sdk.departments.coordination import OrganisationStatus
from shared.contracts.http import coordination as wire

organisations = typer.Typer(no_args_is_help=True, help="Who is competent for what, and whom to ask there.")

OrganisationId = Annotated[str, typer.Argument(help="Id of the organisation, e.g. drugs-110000.")]
ProposalId = Annotated[str, typer.Argument(help="Id of the proposal.")]
ProposalStatus = Literal["proposed", "confirmed", "withdrawn"]


@organisations.command("list")
def list_organisations(
    as_: As = None,
    as_json: AsJson = False,
    kind: Annotated[str | None, typer.Option(help="Only those that may fill this role, e.g. review_body.")] = None,
    region: Annotated[str | None, typer.Option(help="Only those of this province, e.g. 110000.")] = None,
    status: Annotated[OrganisationStatus | None, typer.Option(help="Only those that stand so.")] = None,
) -> None:
    """The directory, newest first."""
    columns = ("organisation_id", "names.zh", "names.en", "kinds", "level", "region", "status")
    act(lambda c: listed(c.coordination.organisations(kind=kind, region=region, status=status)), as_, as_json, columns)


@organisations.command("show")
def show_organisation(organisation_id: OrganisationId, as_: As = None, as_json: AsJson = False) -> None:
    """One organisation; members of the office also see whom to ask there."""
    act(lambda c: c.coordination.get(organisation_id), as_, as_json)


@organisations.command("versions")
def versions(organisation_id: OrganisationId, as_: As = None, as_json: AsJson = False) -> None:
    """What an organisation was, who changed it, and why; newest first."""
    act(lambda c: c.coordination.versions(organisation_id), as_, as_json,
        ("record.version", "action", "record.names.en", "record.kinds", "by", "why", "at"))  # fmt: skip


@organisations.command("enter")
def enter(file: Body, as_: As = None, as_json: AsJson = False) -> None:
    """Enter an organisation, closed; another person of a coordination office confirms the proposal to open it."""
    sent = body_in(file, wire.NewOrganisation)
    act(lambda c: c.coordination.enter(sent), as_, as_json)


@organisations.command("rename")
def rename(
    organisation_id: OrganisationId, file: Body, version: Version, as_: As = None, as_json: AsJson = False
) -> None:
    """Say how an organisation is called from now on, and whom to ask there."""
    sent = body_in(file, wire.OrganisationChange)
    act(lambda c: c.coordination.rename(organisation_id, version, sent), as_, as_json)


@organisations.command("propose")
def propose(file: Body, as_: As = None, as_json: AsJson = False) -> None:
    """Propose other powers for an organisation, its end, or its opening again."""
    sent = body_in(file, wire.NewProposal)
    act(lambda c: c.coordination.propose(sent), as_, as_json)


@organisations.command("proposals")
def proposals(
    as_: As = None,
    as_json: AsJson = False,
    organisation: Annotated[str | None, typer.Option(help="Only those about this one.")] = None,
    status: Annotated[ProposalStatus | None, typer.Option(help="Only those that stand so.")] = None,
) -> None:
    """What is proposed about organisations, newest first."""
    act(lambda c: listed(c.coordination.proposals(organisation=organisation, status=status)), as_, as_json,
        ("id", "organisation", "action", "by", "status", "why"))  # fmt: skip


@organisations.command("confirm")
def confirm(proposal_id: ProposalId, as_: As = None, as_json: AsJson = False) -> None:
    """Do what another person proposed."""
    act(lambda c: c.coordination.confirm(proposal_id), as_, as_json)


@organisations.command("withdraw")
def withdraw(proposal_id: ProposalId, reasons: Reasons, as_: As = None, as_json: AsJson = False) -> None:
    """Take a proposal back; nothing changes."""
    sent = body(wire.Explanation, why=reasons)
    act(lambda c: c.coordination.withdraw(proposal_id, sent), as_, as_json)
