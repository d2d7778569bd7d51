"""Commands of the regulator who executes decisions: two people sign what would happen, or one declines."""

from typing import Annotated

import typer

from concord.cli.output import (
    As,
    AsJson,
    Basis,
    Digest,
    ExecutionId,
    PublicReasons,
    Reasons,
    Redacted,
    Touches,
    act,
    body,
    listed,
    signature,
    statement,
)
from concord.sdk.departments.registry import ExecutionStatus
from shared.contracts.http import registry as wire

executions = typer.Typer(no_args_is_help=True, help="Decisions on the regulator's desk, carried out by two people.")


@executions.command("list")
def list_executions(
    as_: As = None,
    as_json: AsJson = False,
    status: Annotated[ExecutionStatus | None, typer.Option(help="Only those that stand so.")] = None,
    decision_id: Annotated[str | None, typer.Option("--decision", help="Only that of this decision.")] = None,
) -> None:
    """Decisions that you execute or made, newest first."""
    columns = ("id", "status", "effect", "authority.names.en", "decided_about.number", "received_at")
    act(lambda c: listed(c.registry.executions(status=status, decision_id=decision_id)), as_, as_json, columns)


@executions.command("show")
def show_execution(execution_id: ExecutionId, as_: As = None, as_json: AsJson = False) -> None:
    """One of them with what it would hit now; read this before you sign."""
    act(lambda c: c.registry.get_execution(execution_id), as_, as_json)


@executions.command("accept")
def accept(
    execution_id: ExecutionId,
    reasons: Reasons,
    digest: Digest,
    touches: Touches = None,
    as_: As = None,
    as_json: AsJson = False,
) -> None:
    """Sign what would happen, as the first person."""
    sent = body(wire.Signing, reasons=reasons, signature=signature(digest, touches))
    act(lambda c: c.registry.accept(execution_id, sent), as_, as_json)


@executions.command("confirm")
def confirm(
    execution_id: ExecutionId,
    reasons: Reasons,
    digest: Digest,
    touches: Touches = None,
    as_: As = None,
    as_json: AsJson = False,
) -> None:
    """Sign as the second person: it happens, on the register and at every host."""
    sent = body(wire.Signing, reasons=reasons, signature=signature(digest, touches))
    act(lambda c: c.registry.confirm(execution_id, sent), as_, as_json)


@executions.command("release")
def release(execution_id: ExecutionId, reasons: Reasons, as_: As = None, as_json: AsJson = False) -> None:
    """Take an acceptance back."""
    sent = body(wire.WithReasons, reasons=reasons)
    act(lambda c: c.registry.release_execution(execution_id, sent), as_, as_json)


@executions.command("decline")
def decline(
    execution_id: ExecutionId,
    basis: Basis,
    reasons: Reasons,
    public_reasons: PublicReasons = None,
    redacted: Redacted = None,
    as_: As = None,
    as_json: AsJson = False,
) -> None:
    """Decline, with legal basis and reasons that go back to the authority."""
    sent = body(wire.Stated, statement=statement(basis, reasons, public_reasons, redacted))
    act(lambda c: c.registry.decline(execution_id, sent), as_, as_json)
