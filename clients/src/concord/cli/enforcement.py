"""Commands about burdens: the authority opens a case and decides, the operator appeals, the review body decides."""

import mimetypes
from pathlib import Path
from typing import Annotated, Any, Literal

import typer

from concord.cli.output import (
    AppealId,
    As,
    AsJson,
    Basis,
    Body,
    CaseId,
    DecisionId,
    Digest,
    File,
    PublicReasons,
    Reasons,
    Redacted,
    Touches,
    act,
    body,
    body_in,
    listed,
    signature,
    statement,
)
from concord.files import read, write
from concord.sdk import BadArgument, Concord
from concord.sdk.departments.casefile import CaseStatus
from concord.sdk.departments.enforcement import AppealStatus
from shared.contracts.http import enforcement as wire

MOST_EVIDENCE = 64 * 1024 * 1024
"""Bytes of one piece of evidence that are read here; the authority may take less."""

cases = typer.Typer(no_args_is_help=True, help="Cases and their evidence.")
decisions = typer.Typer(no_args_is_help=True, help="Decisions: drafted by one person, released by another.")
appeals = typer.Typer(no_args_is_help=True, help="Appeals against any act, and how they end.")


# --- cases -----------------------------------------------------------------------------------------------------------


@cases.command("list")
def list_cases(
    as_: As = None,
    as_json: AsJson = False,
    status: Annotated[CaseStatus | None, typer.Option(help="Only those that stand so.")] = None,
    host: Annotated[str | None, typer.Option(help="Only those about this host name.")] = None,
    mine: Annotated[bool, typer.Option("--mine", help="Only those that you work on.")] = False,
    claimed_by: Annotated[str | None, typer.Option(help="Only those that this officer works on.")] = None,
    ground: Annotated[str | None, typer.Option(help="Only those on this ground.")] = None,
    region: Annotated[str | None, typer.Option(help="Only those of this province, e.g. 110000.")] = None,
    min_age: Annotated[int | None, typer.Option(help="Only those opened so many days ago, or before.")] = None,
    max_age: Annotated[int | None, typer.Option(help="Only those opened within so many days.")] = None,
    overdue: Annotated[bool, typer.Option("--overdue", help="Only those with a task that is late.")] = False,
) -> None:
    """Cases of your desk, newest first."""
    columns = ("id", "status", "outcome", "hosts", "ground", "claimed_by", "opened_at")
    narrowed: dict[str, Any] = {
        "status": status, "host": host, "mine": mine, "claimed_by": claimed_by, "ground": ground, "region": region,
        "min_age_days": min_age, "max_age_days": max_age, "overdue": overdue,
    }  # fmt: skip
    act(lambda c: listed(c.enforcement.cases(**narrowed)), as_, as_json, columns)


@cases.command("show")
def show_case(case_id: CaseId, as_: As = None, as_json: AsJson = False) -> None:
    """One case with its evidence, its decisions and what became of them."""
    act(lambda c: c.enforcement.get_case(case_id), as_, as_json)


@cases.command("open")
def open_case(
    ground: Annotated[str, typer.Option(help="Code of the profile's catalogue, e.g. unlicensed_service.")],
    alleged_breach: Annotated[str, typer.Option(help="What is alleged.")],
    basis: Basis,
    domain: Annotated[str | None, typer.Option(help="A name of a registered site: the case is about the site.")] = None,
    operator_of: Annotated[str | None, typer.Option(help="A name of a site: the case is about its operator.")] = None,
    found: Annotated[str | None, typer.Option(help="A host name in no register; give --provider as well.")] = None,
    provider: Annotated[
        str | None, typer.Option(help="Id of a provider: where --found is, or whom it is about.")
    ] = None,
    service_item: Annotated[str | None, typer.Option(help="Service item, e.g. drugs_and_devices.")] = None,
    as_: As = None,
    as_json: AsJson = False,
) -> None:
    """Open a case about a registered site, a found one, an operator or a provider."""
    about = _about(domain, operator_of, found, provider)
    sent = body(
        wire.NewCase, about=about, service_item=service_item, ground=ground, alleged_breach=alleged_breach,
        legal_basis=basis,
    )  # fmt: skip
    act(lambda c: c.enforcement.open_case(sent), as_, as_json)


def _about(domain: str | None, operator_of: str | None, found: str | None, provider: str | None) -> dict[str, Any]:
    match domain, operator_of, found, provider:
        case str(), None, None, None:
            return {"kind": "site", "domain": domain}
        case None, str(), None, None:
            return {"kind": "operator", "domain": operator_of}
        case None, None, str(), str():
            return {"kind": "found_site", "host": found, "provider_id": provider}
        case None, None, None, str():
            return {"kind": "provider", "provider_id": provider}
    raise BadArgument("say whom it is about: --domain, or --operator-of, or --found with --provider, or --provider")


@cases.command("discontinue")
def discontinue(
    case_id: CaseId,
    basis: Basis,
    reasons: Reasons,
    public_reasons: PublicReasons = None,
    redacted: Redacted = None,
    as_: As = None,
    as_json: AsJson = False,
) -> None:
    """End a case without a decision."""
    sent = body(wire.Stated, statement=statement(basis, reasons, public_reasons, redacted))
    act(lambda c: c.enforcement.discontinue(case_id, sent), as_, as_json)


@cases.command("evidence")
def add_evidence(
    case_id: CaseId,
    file: File,
    confidential: Annotated[
        str | None, typer.Option(help="Why whom a decision burdens may not read it; they read this instead.")
    ] = None,
    media_type: Annotated[
        str | None, typer.Option(help="What it is, e.g. application/pdf, where its name does not say so.")
    ] = None,
    as_: As = None,
    as_json: AsJson = False,
) -> None:
    """Put a file on record as evidence; the answer names its SHA-256. Its first bytes must be what it is said to be."""
    said = media_type or mimetypes.guess_type(file.name)[0] or "application/octet-stream"
    content = read(file, MOST_EVIDENCE)
    act(lambda c: c.enforcement.add_evidence(case_id, content, said, confidential=confidential), as_, as_json)


# --- decisions -------------------------------------------------------------------------------------------------------


@decisions.command("draft")
def draft(case_id: CaseId, file: Body, as_: As = None, as_json: AsJson = False) -> None:
    """Draft a decision from FILE: effect, statement or text (`decisions texts`), evidence_hashes; until, correct_by or
    urgent_ground.

    Whom it burdens is told at once. Nothing else happens until its cure has passed and a second person releases it.
    """
    sent = body_in(file, wire.NewDecision)
    act(lambda c: c.enforcement.draft(case_id, sent), as_, as_json)


@decisions.command("show")
def show_decision(decision_id: DecisionId, as_: As = None, as_json: AsJson = False) -> None:
    """One decision with the preview of whom it touches; read this before you release it."""
    act(lambda c: c.enforcement.get_decision(decision_id), as_, as_json)


@decisions.command("evidence")
def list_cited(decision_id: DecisionId, as_: As = None, as_json: AsJson = False) -> None:
    """What a decision rests on, for whom it burdens too; and why a piece is withheld."""
    columns = ("sha256", "media_type", "size", "added_at", "confidential")

    async def cited(concord: Concord) -> list[wire.EvidenceView]:
        return (await concord.enforcement.cited_evidence(decision_id)).evidence

    act(cited, as_, as_json, columns)


@decisions.command("read-evidence")
def read_evidence(
    sha256: Annotated[str, typer.Argument(help="SHA-256 of the piece, as `decisions evidence` lists it.")],
    file: Annotated[Path, typer.Argument(help="Where to put it; must not be there yet.", metavar="FILE")],
    as_: As = None,
    as_json: AsJson = False,
) -> None:
    """Read a piece of evidence into FILE."""

    async def kept(concord: Concord) -> dict[str, Any]:
        content = await concord.enforcement.evidence(sha256)
        write(file, content)
        return {"sha256": sha256, "size": len(content), "file": str(file)}

    act(kept, as_, as_json)


@decisions.command("release")
def release(
    decision_id: DecisionId,
    digest: Digest,
    touches: Touches = None,
    since_draft: Annotated[
        str | None, typer.Option(help="`since_draft.digest` of what you have looked at, if anything changed.")
    ] = None,
    as_: As = None,
    as_json: AsJson = False,
) -> None:
    """Release a drafted decision, as a second person."""
    sent = body(wire.Release, signature=signature(digest, touches), since_draft=since_draft)
    act(lambda c: c.enforcement.release(decision_id, sent), as_, as_json)


@decisions.command("withdraw")
def withdraw(decision_id: DecisionId, reasons: Reasons, as_: As = None, as_json: AsJson = False) -> None:
    """Take a drafted decision back."""
    sent = body(wire.WithReasons, reasons=reasons)
    act(lambda c: c.enforcement.withdraw(decision_id, sent), as_, as_json)


@decisions.command("lift")
def lift(
    decision_id: DecisionId,
    basis: Basis,
    reasons: Reasons,
    public_reasons: PublicReasons = None,
    redacted: Redacted = None,
    as_: As = None,
    as_json: AsJson = False,
) -> None:
    """End your own decision; what it did is undone."""
    sent = body(wire.Stated, statement=statement(basis, reasons, public_reasons, redacted))
    act(lambda c: c.enforcement.lift(decision_id, sent), as_, as_json)


@decisions.command("correction")
def confirm_correction(
    decision_id: DecisionId,
    basis: Basis,
    reasons: Reasons,
    obeyed: Annotated[bool, typer.Option("--obeyed/--ignored", help="Whether the order to correct was obeyed.")],
    evidence: Annotated[
        list[str] | None,
        typer.Option(help="SHA-256 of a piece that shows it was ignored, one filed after its date; several times."),
    ] = None,
    public_reasons: PublicReasons = None,
    redacted: Redacted = None,
    as_: As = None,
    as_json: AsJson = False,
) -> None:
    """Say whether an order to correct was obeyed."""
    says = statement(basis, reasons, public_reasons, redacted)
    sent = body(wire.Correction, obeyed=obeyed, statement=says, evidence_hashes=evidence or ())
    act(lambda c: c.enforcement.confirm_correction(decision_id, sent), as_, as_json)


# --- appeals ---------------------------------------------------------------------------------------------------------


@appeals.command("list")
def list_appeals(
    as_: As = None,
    as_json: AsJson = False,
    status: Annotated[AppealStatus | None, typer.Option(help="Only those that stand so.")] = None,
) -> None:
    """Your appeals, those against your acts, and those you decide, newest first."""
    columns = ("id", "status", "act.kind", "act.id", "appellant.name", "stay", "filed_at")
    act(lambda c: listed(c.enforcement.appeals(status=status)), as_, as_json, columns)


@appeals.command("show")
def show_appeal(appeal_id: AppealId, as_: As = None, as_json: AsJson = False) -> None:
    """One appeal: where it stands and until when it must be decided."""
    act(lambda c: c.enforcement.get_appeal(appeal_id), as_, as_json)


@appeals.command("file")
def file_appeal(
    act_id: Annotated[str, typer.Argument(help="Id of the act, as your notice names it.")],
    grounds: Annotated[str, typer.Option(help="Why the act is wrong.")],
    service: Annotated[str, typer.Option(help="Whose act it is: registry, approval, enforcement, access-control.")] = (
        "enforcement"
    ),
    kind: Annotated[str, typer.Option(help="What it is, as your notice names it.")] = "decision",
    stay: Annotated[bool, typer.Option("--stay", help="Ask that it has no effect meanwhile.")] = False,
    consent: Annotated[str | None, typer.Option(help="For a review body: how the operator agreed.")] = None,
    as_: As = None,
    as_json: AsJson = False,
) -> None:
    """Challenge an act that you were told of."""
    challenged = {"service": service, "kind": kind, "id": act_id}
    sent = body(wire.NewAppeal, act=challenged, grounds=grounds, asks_for_stay=stay, consent=consent)
    act(lambda c: c.enforcement.appeal(sent), as_, as_json)


@appeals.command("stay")
def decide_stay(
    appeal_id: AppealId,
    basis: Basis,
    reasons: Reasons,
    granted: Annotated[bool, typer.Option("--grant/--refuse", help="Whether the act has no effect meanwhile.")],
    public_reasons: PublicReasons = None,
    redacted: Redacted = None,
    as_: As = None,
    as_json: AsJson = False,
) -> None:
    """Let the act have no effect while its appeal is decided, or refuse that."""
    sent = body(wire.Stay, granted=granted, statement=statement(basis, reasons, public_reasons, redacted))
    act(lambda c: c.enforcement.decide_stay(appeal_id, sent), as_, as_json)


@appeals.command("decide")
def decide_appeal(
    appeal_id: AppealId,
    outcome: Annotated[Literal["upheld", "rejected"], typer.Argument(help="upheld or rejected.")],
    basis: Basis,
    reasons: Reasons,
    public_reasons: PublicReasons = None,
    redacted: Redacted = None,
    as_: As = None,
    as_json: AsJson = False,
) -> None:
    """Decide an appeal, as the review body; upheld, the act is undone by itself."""
    sent = body(wire.Outcome, outcome=outcome, statement=statement(basis, reasons, public_reasons, redacted))
    act(lambda c: c.enforcement.decide_appeal(appeal_id, sent), as_, as_json)
