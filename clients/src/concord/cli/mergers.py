"""Commands about operators and filings that change their place: a move to another province, two entries of one."""

from typing import Annotated

import typer

from concord.cli.output import As, AsJson, Basis, Reasons, RegistrationId, Version, act, body, listed, statement
from concord.sdk.departments.registry import MergerStatus
from shared.contracts.http import mergers as wire
from shared.contracts.http.amendments import ProposedMove
from shared.contracts.http.registry import WithReasons

mergers = typer.Typer(no_args_is_help=True, help="Two entries of one operator that become one.")

MergerId = Annotated[str, typer.Argument(help="Id of the merger.")]
Merged = Annotated[str, typer.Argument(help="Id of the operator that goes on under the other.")]
Survivor = Annotated[str, typer.Option("--into", help="Id of the operator that stays.")]
Digest = Annotated[str, typer.Option(help="Digest of the preview that you have read.")]


def move(
    registration_id: RegistrationId,
    region: Annotated[str, typer.Option("--to", help="The new province, e.g. 310000.")],
    reasons: Reasons,
    version: Version,
    effective_from: Annotated[str | None, typer.Option("--from", help="The day from which it shall hold.")] = None,
    as_: As = None,
    as_json: AsJson = False,
) -> None:
    """Propose that a filing moves to another province with all its sites; the regulator there decides."""
    sent = body(ProposedMove, region=region, reasons=reasons, effective_from=effective_from)
    act(lambda c: c.registry.move(registration_id, version, sent), as_, as_json)


@mergers.command("preview")
def preview(merged_id: Merged, survivor_id: Survivor, as_: As = None, as_json: AsJson = False) -> None:
    """Everything that would move, and the digest that both persons sign."""
    act(lambda c: c.registry.preview_merger(merged_id, survivor_id), as_, as_json)


def merge(
    merged_id: Merged,
    survivor_id: Survivor,
    digest: Digest,
    basis: Basis,
    reasons: Reasons,
    as_: As = None,
    as_json: AsJson = False,
) -> None:
    """Say that two operators are one; both are heard, and a second person confirms (mergers confirm)."""
    sent = body(
        wire.NewMerger, survivor_id=survivor_id, merged_id=merged_id, statement=statement(basis, reasons),
        preview_digest=digest,
    )  # fmt: skip
    act(lambda c: c.registry.propose_merger(sent), as_, as_json)


@mergers.command("list")
def list_mergers(
    as_: As = None,
    as_json: AsJson = False,
    status: Annotated[MergerStatus | None, typer.Option(help="Only those that stand so.")] = None,
) -> None:
    """Mergers you may see, newest first."""
    columns = ("id", "status", "survivor_id", "merged_id", "confirm_from", "proposed_at")
    act(lambda c: listed(c.registry.mergers(status=status)), as_, as_json, columns)


@mergers.command("show")
def show_merger(merger_id: MergerId, as_: As = None, as_json: AsJson = False) -> None:
    """A merger with what would move now, or what it moved."""
    act(lambda c: c.registry.get_merger(merger_id), as_, as_json)


@mergers.command("confirm")
def confirm(merger_id: MergerId, digest: Digest, reasons: Reasons, as_: As = None, as_json: AsJson = False) -> None:
    """Sign the same preview as the second person, once both operators were heard."""
    sent = body(wire.ConfirmingMerger, reasons=reasons, preview_digest=digest)
    act(lambda c: c.registry.confirm_merger(merger_id, sent), as_, as_json)


@mergers.command("withdraw")
def withdraw(merger_id: MergerId, reasons: Reasons, as_: As = None, as_json: AsJson = False) -> None:
    """Leave the two apart."""
    sent = body(WithReasons, reasons=reasons)
    act(lambda c: c.registry.withdraw_merger(merger_id, sent), as_, as_json)


@mergers.command("object")
def object_to(merger_id: MergerId, reasons: Reasons, as_: As = None, as_json: AsJson = False) -> None:
    """Say, as one of the two, why they are not the same."""
    sent = body(WithReasons, reasons=reasons)
    act(lambda c: c.registry.object_to_merger(merger_id, sent), as_, as_json)
