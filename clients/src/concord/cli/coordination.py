"""Commands about the directory of organisations."""

from typing import Annotated

import typer

from concord.cli.output import As, AsJson, act, listed
from concord.sdk.departments.coordination import OrganisationStatus

organisations = typer.Typer(no_args_is_help=True, help="Who is competent for what, and whom to ask there.")


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
def show_organisation(
    organisation_id: Annotated[str, typer.Argument(help="Id of the organisation, e.g. drugs-110000.")],
    as_: As = None,
    as_json: AsJson = False,
) -> None:
    """One organisation; members of the office also see whom to ask there."""
    act(lambda c: c.coordination.get(organisation_id), as_, as_json)
