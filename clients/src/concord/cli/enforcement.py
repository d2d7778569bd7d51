"""The sector regulator's commands about cases, evidence, decisions and appeals."""

import mimetypes
from typing import Annotated, Any

import typer

from concord.cli.output import AppealId, As, AsJson, Basis, Body, CaseId, DecisionId, File, Reasons, act, listed
from concord.files import json_object, read
from concord.sdk.departments import CaseStatus

MOST_EVIDENCE = 64 * 1024 * 1024
"""Bytes of one piece of evidence that are read here; the authority may take less."""

cases = typer.Typer(no_args_is_help=True, help="Cases, evidence, decisions, appeals.")


@cases.command("list")
def list_cases(
    as_: As = None,
    as_json: AsJson = False,
    status: Annotated[CaseStatus | None, typer.Option(help="Only those that stand so.")] = None,
    domain: Annotated[str | None, typer.Option(help="Only those about this host name.")] = None,
) -> None:
    """Cases of your desk, newest first."""
    columns = ("id", "status", "domain", "alleged_breach", "opened_at")
    act(lambda c: listed(c.enforcement.cases(status=status, domain=domain)), as_, as_json, columns)


@cases.command("show")
def show_case(case_id: CaseId, as_: As = None, as_json: AsJson = False) -> None:
    """One case with its decisions and what became of them."""
    act(lambda c: c.enforcement.get_case(case_id), as_, as_json)


@cases.command("open")
def open_case(
    domain: Annotated[str, typer.Option(help="Host name of a registered site.")],
    service_item: Annotated[str, typer.Option(help="Service item of your authority, e.g. culture.")],
    alleged_breach: Annotated[str, typer.Option(help="What is alleged.")],
    basis: Basis,
    as_: As = None,
    as_json: AsJson = False,
) -> None:
    """Open a case about a registered site."""
    body = {"domain": domain, "service_item": service_item, "alleged_breach": alleged_breach, "legal_basis": basis}
    act(lambda c: c.enforcement.open_case(**body), as_, as_json)


@cases.command("draft")
def draft(case_id: CaseId, file: Body, as_: As = None, as_json: AsJson = False) -> None:
    """Draft a decision from FILE: measure, legal_basis, reasons, evidence_hashes, redress, notice or urgent_ground.

    The answer shows its impact on others. Nothing happens until a second person releases it.
    """
    body = json_object(file)
    act(lambda c: c.enforcement.draft(case_id, **body), as_, as_json)


@cases.command("withdraw")
def withdraw(decision_id: DecisionId, reasons: Reasons, as_: As = None, as_json: AsJson = False) -> None:
    """Take a drafted decision back."""
    act(lambda c: c.enforcement.withdraw(decision_id, reasons), as_, as_json)


@cases.command("evidence")
def add_evidence(case_id: CaseId, file: File, as_: As = None, as_json: AsJson = False) -> None:
    """Put a file on record as evidence; the answer names its SHA-256."""
    media_type = mimetypes.guess_type(file.name)[0] or "application/octet-stream"
    content = read(file, MOST_EVIDENCE)
    act(lambda c: c.enforcement.add_evidence(case_id, content, media_type), as_, as_json)


@cases.command("decision")
def show_decision(decision_id: DecisionId, as_: As = None, as_json: AsJson = False) -> None:
    """One decision with its impact; read this before you release it."""
    act(lambda c: c.enforcement.get_decision(decision_id), as_, as_json)


@cases.command("release")
def release(
    decision_id: DecisionId,
    impact_hash: Annotated[str, typer.Option(help="`hash` of the impact you have looked at.")],
    collateral: Annotated[int | None, typer.Option(help="Its `collateral`, if it is not 0.")] = None,
    as_: As = None,
    as_json: AsJson = False,
) -> None:
    """Release a drafted decision, as a second person."""
    body: dict[str, Any] = {"impact_hash": impact_hash}
    if collateral is not None:
        body["collateral_acknowledged"] = collateral
    act(lambda c: c.enforcement.release(decision_id, **body), as_, as_json)


@cases.command("appeal")
def appeal(
    decision_id: DecisionId,
    grounds: Annotated[str, typer.Option(help="Why the decision is wrong.")],
    appellant: Annotated[str, typer.Option(help="Who appeals.")],
    as_: As = None,
    as_json: AsJson = False,
) -> None:
    """Appeal against a decision."""
    act(lambda c: c.enforcement.appeal(decision_id, grounds=grounds, appellant=appellant), as_, as_json)


@cases.command("show-appeal")
def show_appeal(appeal_id: AppealId, as_: As = None, as_json: AsJson = False) -> None:
    """One appeal: where it stands and until when it must be decided."""
    act(lambda c: c.enforcement.get_appeal(appeal_id), as_, as_json)


@cases.command("decide-appeal")
def decide_appeal(
    appeal_id: AppealId,
    outcome: Annotated[str, typer.Option(help="upheld or rejected.")],
    basis: Basis,
    reasons: Reasons,
    as_: As = None,
    as_json: AsJson = False,
) -> None:
    """Decide an appeal, as the review body."""
    body = {"outcome": outcome, "legal_basis": basis, "reasons": reasons}
    act(lambda c: c.enforcement.decide_appeal(appeal_id, **body), as_, as_json)
