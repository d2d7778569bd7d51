"""Commands about who decides an appeal, hearings and papers; requests to the regulator; and referrals."""

import mimetypes
from pathlib import Path
from typing import Annotated, Any, Literal

import typer

from concord.cli.enforcement import MOST_EVIDENCE, appeals
from concord.cli.output import (
    AppealId,
    As,
    AsJson,
    Basis,
    CaseId,
    File,
    PublicReasons,
    Reasons,
    Redacted,
    act,
    body,
    listed,
    statement,
)
from concord.files import read, write
from concord.sdk import Concord
from concord.sdk.departments.redress import ReferralStatus, RequestStatus
from shared.contracts.http import appeals as wire
from shared.contracts.http.enforcement import Stated, WithReasons
from shared.contracts.http.referrals import Answer, Refer
from shared.contracts.http.requests import Ask, Forward

hearings = typer.Typer(no_args_is_help=True, help="Hearings of appeals.")
requests = typer.Typer(no_args_is_help=True, help="What an authority asks of the regulator; it burdens nobody.")
referrals = typer.Typer(no_args_is_help=True, help="Lists of evidence that two people hand over (P3.2.5).")

HearingId = Annotated[str, typer.Argument(help="Id of the hearing.")]
RequestId = Annotated[str, typer.Argument(help="Id of the request.")]
ReferralId = Annotated[str, typer.Argument(help="Id of the referral.")]
Pieces = Annotated[list[str], typer.Option("--evidence", help="SHA-256 of a piece of the case; several times.")]


# --- appeals ---------------------------------------------------------------------------------------------------------


@appeals.command("assign")
def assign_appeal(
    appeal_id: AppealId,
    reasons: Reasons,
    person: Annotated[str | None, typer.Option(help="Who decides it from now on; you, if not given.")] = None,
    as_: As = None,
    as_json: AsJson = False,
) -> None:
    """Give an appeal to one person of the review body, or take it: only that person decides."""
    sent = body(wire.Assignment, person=person, reasons=reasons)
    act(lambda c: c.enforcement.assign_appeal(appeal_id, sent), as_, as_json)


@appeals.command("withdraw")
def withdraw_appeal(appeal_id: AppealId, reasons: Reasons, as_: As = None, as_json: AsJson = False) -> None:
    """Let your appeal be: the act stands as it is, and can be challenged again in its time."""
    sent = body(WithReasons, reasons=reasons)
    act(lambda c: c.enforcement.withdraw_appeal(appeal_id, sent), as_, as_json)


@appeals.command("admit")
def admit_appeal(
    appeal_id: AppealId,
    basis: Basis,
    reasons: Reasons,
    public_reasons: PublicReasons = None,
    redacted: Redacted = None,
    as_: As = None,
    as_json: AsJson = False,
) -> None:
    """Take in an appeal that came when its time was over, as the review body."""
    sent = body(Stated, statement=statement(basis, reasons, public_reasons, redacted))
    act(lambda c: c.enforcement.admit_appeal(appeal_id, sent), as_, as_json)


@appeals.command("statistics")
def statistics(
    authority: Annotated[str | None, typer.Option(help="Only those against the acts of this organisation.")] = None,
    since: Annotated[str | None, typer.Option(help="Filed on this day or later, e.g. 2026-01-01.")] = None,
    until: Annotated[str | None, typer.Option(help="Filed on this day or before.")] = None,
    as_: As = None,
    as_json: AsJson = False,
) -> None:
    """What became of appeals, by the authority whose act each was against; nobody is named."""
    columns = ("authority_id", "filed", "open", "upheld", "rejected", "withdrawn", "refused", "late", "median_days")

    async def counts(concord: Concord) -> list[wire.Counts]:
        found = await concord.enforcement.appeal_statistics(authority=authority, since=since, until=until)
        return found.authorities

    act(counts, as_, as_json, columns)


@appeals.command("hand-in")
def hand_in(
    appeal_id: AppealId,
    file: File,
    title: Annotated[str, typer.Option(help="What it is, such as: our answer to the authority.")],
    confidential: Annotated[
        str | None, typer.Option(help="Why the other side may not read it; it reads this instead.")
    ] = None,
    as_: As = None,
    as_json: AsJson = False,
) -> None:
    """Hand in a paper, as either side or as the review body; the other side reads it."""
    media_type = mimetypes.guess_type(file.name)[0] or "application/octet-stream"
    content = read(file, MOST_EVIDENCE)
    act(lambda c: c.enforcement.hand_in(appeal_id, content, media_type, title, confidential=confidential), as_, as_json)


@appeals.command("papers")
def list_papers(appeal_id: AppealId, as_: As = None, as_json: AsJson = False) -> None:
    """What both sides handed in, and why a paper is withheld."""
    columns = ("sha256", "side", "title", "media_type", "size", "handed_at", "confidential")
    act(lambda c: c.enforcement.papers(appeal_id), as_, as_json, columns)


@appeals.command("read-paper")
def read_paper(
    appeal_id: AppealId,
    sha256: Annotated[str, typer.Argument(help="SHA-256 of the paper, as `appeals papers` lists it.")],
    file: Annotated[Path, typer.Argument(help="Where to put it; must not be there yet.", metavar="FILE")],
    as_: As = None,
    as_json: AsJson = False,
) -> None:
    """Read a paper into FILE."""

    async def kept(concord: Concord) -> dict[str, Any]:
        content = await concord.enforcement.paper(appeal_id, sha256)
        write(file, content)
        return {"sha256": sha256, "size": len(content), "file": str(file)}

    act(kept, as_, as_json)


# --- hearings --------------------------------------------------------------------------------------------------------


@hearings.command("invite")
def invite(
    appeal_id: AppealId,
    takes_place: Annotated[str, typer.Option(help="When, e.g. 2026-12-14T09:30:00+08:00.")],
    place: Annotated[str, typer.Option(help="Where.")],
    reasons: Reasons,
    as_: As = None,
    as_json: AsJson = False,
) -> None:
    """Invite both sides to a hearing of an appeal that you decide."""
    sent = body(wire.Invitation, takes_place=takes_place, place=place, reasons=reasons)
    act(lambda c: c.enforcement.invite(appeal_id, sent), as_, as_json)


@hearings.command("list")
def list_hearings(appeal_id: AppealId, as_: As = None, as_json: AsJson = False) -> None:
    """The hearings of an appeal, oldest first."""
    columns = ("id", "status", "takes_place", "place", "present", "minutes")
    act(lambda c: c.enforcement.hearings(appeal_id), as_, as_json, columns)


@hearings.command("show")
def show_hearing(hearing_id: HearingId, as_: As = None, as_json: AsJson = False) -> None:
    """One hearing."""
    act(lambda c: c.enforcement.get_hearing(hearing_id), as_, as_json)


@hearings.command("record")
def record(
    hearing_id: HearingId,
    minutes: Annotated[str, typer.Option(help="SHA-256 of the minutes; `appeals hand-in` them before.")],
    present: Annotated[list[str] | None, typer.Option(help="appellant or authority; several times.")] = None,
    as_: As = None,
    as_json: AsJson = False,
) -> None:
    """Say that a hearing was held, who came, and which paper says what was said."""
    sent = body(wire.Minutes, minutes=minutes, present=present or ())
    act(lambda c: c.enforcement.record_hearing(hearing_id, sent), as_, as_json)


@hearings.command("cancel")
def cancel(hearing_id: HearingId, reasons: Reasons, as_: As = None, as_json: AsJson = False) -> None:
    """Cancel a hearing; both sides are told."""
    sent = body(WithReasons, reasons=reasons)
    act(lambda c: c.enforcement.cancel_hearing(hearing_id, sent), as_, as_json)


# --- requests to the regulator ---------------------------------------------------------------------------------------


@requests.command("ask")
def ask(
    case_id: CaseId,
    asks: Annotated[str, typer.Argument(help="An effect, e.g. cut_access.")],
    basis: Basis,
    reasons: Reasons,
    evidence: Pieces,
    decision: Annotated[str | None, typer.Option(help="The order that was ignored, or what waits at the desk.")] = None,
    public_reasons: PublicReasons = None,
    redacted: Redacted = None,
    as_: As = None,
    as_json: AsJson = False,
) -> None:
    """Ask the regulator of your level and region for what only a decision can do."""
    says = statement(basis, reasons, public_reasons, redacted)
    sent = body(Ask, asks=asks, decision_id=decision, statement=says, documents=evidence)
    act(lambda c: c.enforcement.ask_regulator(case_id, sent), as_, as_json)


@requests.command("list")
def list_requests(
    as_: As = None,
    as_json: AsJson = False,
    status: Annotated[RequestStatus | None, typer.Option(help="Only those that stand so.")] = None,
) -> None:
    """Requests of your organisation, and those it has or had, newest first."""
    columns = ("id", "status", "asks", "authority.names.en", "desk.names.en", "clock.due_at", "overdue_at")
    act(lambda c: listed(c.enforcement.regulator_requests(status=status)), as_, as_json, columns)


@requests.command("show")
def show_request(request_id: RequestId, as_: As = None, as_json: AsJson = False) -> None:
    """One request with its clock and its answer."""
    act(lambda c: c.enforcement.get_regulator_request(request_id), as_, as_json)


@requests.command("accept")
def accept_request(
    request_id: RequestId,
    basis: Basis,
    reasons: Reasons,
    public_reasons: PublicReasons = None,
    redacted: Redacted = None,
    as_: As = None,
    as_json: AsJson = False,
) -> None:
    """Open a case of the regulator, in which whatever follows is decided like anything else."""
    sent = body(Stated, statement=statement(basis, reasons, public_reasons, redacted))
    act(lambda c: c.enforcement.accept_request(request_id, sent), as_, as_json)


@requests.command("decline")
def decline_request(
    request_id: RequestId,
    basis: Basis,
    reasons: Reasons,
    public_reasons: PublicReasons = None,
    redacted: Redacted = None,
    as_: As = None,
    as_json: AsJson = False,
) -> None:
    """Decline a request, with reasons."""
    sent = body(Stated, statement=statement(basis, reasons, public_reasons, redacted))
    act(lambda c: c.enforcement.decline_request(request_id, sent), as_, as_json)


@requests.command("forward")
def forward_request(
    request_id: RequestId,
    to: Annotated[str, typer.Argument(help="Id of the regulator that it belongs to.")],
    reasons: Reasons,
    as_: As = None,
    as_json: AsJson = False,
) -> None:
    """Send a request on to the right desk; never back to one that had it."""
    sent = body(Forward, to=to, reasons=reasons)
    act(lambda c: c.enforcement.forward_request(request_id, sent), as_, as_json)


@requests.command("withdraw")
def withdraw_request(request_id: RequestId, reasons: Reasons, as_: As = None, as_json: AsJson = False) -> None:
    """Let your own request be."""
    sent = body(WithReasons, reasons=reasons)
    act(lambda c: c.enforcement.withdraw_request(request_id, sent), as_, as_json)


# --- referrals -------------------------------------------------------------------------------------------------------


@referrals.command("draft")
def refer(
    case_id: CaseId,
    receiver: Annotated[str, typer.Argument(help="Id of the organisation, of your level and region.")],
    basis: Basis,
    reasons: Reasons,
    evidence: Pieces,
    delay_ground: Annotated[
        str | None, typer.Option(help="Code of the profile's list: why whom it is about is told later.")
    ] = None,
    tell_at: Annotated[str | None, typer.Option(help="Until when; at most 30 days away.")] = None,
    public_reasons: PublicReasons = None,
    redacted: Redacted = None,
    as_: As = None,
    as_json: AsJson = False,
) -> None:
    """Draft a referral of evidence; a second person signs it, and whom it is about is told."""
    says = statement(basis, reasons, public_reasons, redacted)
    sent = body(
        Refer, receiver=receiver, statement=says, evidence_hashes=evidence, delay_ground=delay_ground, tell_at=tell_at
    )
    act(lambda c: c.enforcement.refer(case_id, sent), as_, as_json)


@referrals.command("list")
def list_referrals(
    as_: As = None,
    as_json: AsJson = False,
    status: Annotated[ReferralStatus | None, typer.Option(help="Only those that stand so.")] = None,
) -> None:
    """Referrals that your organisation made, was sent, or was told of, newest first."""
    columns = ("id", "status", "authority.names.en", "receiver.names.en", "sent_at", "tell_at", "told_at", "outcome")
    act(lambda c: listed(c.enforcement.referrals(status=status)), as_, as_json, columns)


@referrals.command("show")
def show_referral(referral_id: ReferralId, as_: As = None, as_json: AsJson = False) -> None:
    """One referral."""
    act(lambda c: c.enforcement.get_referral(referral_id), as_, as_json)


@referrals.command("document")
def referral_document(referral_id: ReferralId, as_: As = None, as_json: AsJson = False) -> None:
    """The list of evidence as it was signed."""
    act(lambda c: c.enforcement.referral_document(referral_id), as_, as_json)


@referrals.command("sign")
def sign_referral(referral_id: ReferralId, reasons: Reasons, as_: As = None, as_json: AsJson = False) -> None:
    """Sign and send a drafted referral, as a second person."""
    sent = body(WithReasons, reasons=reasons)
    act(lambda c: c.enforcement.sign_referral(referral_id, sent), as_, as_json)


@referrals.command("withdraw")
def withdraw_referral(referral_id: ReferralId, reasons: Reasons, as_: As = None, as_json: AsJson = False) -> None:
    """Take a draft back."""
    sent = body(WithReasons, reasons=reasons)
    act(lambda c: c.enforcement.withdraw_referral(referral_id, sent), as_, as_json)


@referrals.command("receive")
def receive_referral(referral_id: ReferralId, as_: As = None, as_json: AsJson = False) -> None:
    """Confirm that a referral came, as its receiver."""
    act(lambda c: c.enforcement.receive_referral(referral_id), as_, as_json)


@referrals.command("answer")
def answer_referral(
    referral_id: ReferralId,
    outcome: Annotated[Literal["taken_up", "not_taken_up"], typer.Argument(help="taken_up or not_taken_up.")],
    basis: Basis,
    reasons: Reasons,
    public_reasons: PublicReasons = None,
    redacted: Redacted = None,
    as_: As = None,
    as_json: AsJson = False,
) -> None:
    """Say what became of a referral, as its receiver."""
    sent = body(Answer, outcome=outcome, statement=statement(basis, reasons, public_reasons, redacted))
    act(lambda c: c.enforcement.answer_referral(referral_id, sent), as_, as_json)
