"""Commands about complaints: anybody complains, a desk grades; warnings; and what providers suspended by themselves."""

import json
import mimetypes
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated
from uuid import uuid4

import typer

from concord.cli.output import (
    As,
    AsJson,
    Basis,
    Body,
    File,
    ProviderId,
    PublicReasons,
    Reasons,
    Redacted,
    act,
    body,
    body_in,
    listed,
    statement,
)
from concord.files import json_object, read, write
from concord.sdk import BadArgument, Concord
from concord.sdk.departments.complaints import EmergencyStatus, MatterStatus, WarningStatus
from shared.contracts.emergencies import EMERGENCY_TYPE
from shared.contracts.http import complaints as wire
from shared.contracts.http.emergencies import Confirmation, EmergencyReport
from shared.signing import Signer

MOST_FILE = 20 * 1024 * 1024

complaints = typer.Typer(no_args_is_help=True, help="Complain, and read what became of it. Needs no sign-in.")
matters = typer.Typer(no_args_is_help=True, help="What people complained of, merged by site and ground, on your desk.")
warnings = typer.Typer(no_args_is_help=True, help="Letters under the industry code: no effect, and can be answered.")
emergencies = typer.Typer(no_args_is_help=True, help="What providers suspended by themselves, until it is confirmed.")

Host = Annotated[str, typer.Option(help="The one host name that it is about.")]
Ground = Annotated[str, typer.Option(help="Code of the profile's catalogue, e.g. unlawful_medicines.")]
Secret = Annotated[str, typer.Argument(help="As it was given when you complained.")]
MatterId = Annotated[str, typer.Argument(help="Id of the matter.")]
WarningId = Annotated[str, typer.Argument(help="Id of the warning.")]
EmergencyId = Annotated[str, typer.Argument(help="Id of the emergency suspension.")]


# --- complaints ------------------------------------------------------------------------------------------------------


@complaints.command("file")
def complain(
    host: Host,
    ground: Ground,
    text: Annotated[str, typer.Option(help="What you say; ten characters or more.")],
    email: Annotated[str | None, typer.Option(help="Where the answer goes; forgotten when it is over.")] = None,
    office: Annotated[bool, typer.Option("--office", help="In the name of your provider or industry body.")] = False,
    as_: As = None,
    as_json: AsJson = False,
) -> None:
    """Complain about a host name. Keep the secret: it is shown this once, and reads what became of it."""
    sent = body(wire.NewComplaint, host=host, ground=ground, text=text, email=email)
    act(lambda c: c.complaints.report(sent) if office else c.complaints.complain(sent), as_, as_json)


@complaints.command("status")
def read_status(secret: Secret, as_: As = None, as_json: AsJson = False) -> None:
    """How a complaint stands."""
    act(lambda c: c.complaints.status(secret), as_, as_json)


@complaints.command("add-file")
def add_file(secret: Secret, file: File, as_: As = None, as_json: AsJson = False) -> None:
    """Add a file to your own complaint."""
    media_type, content = mimetypes.guess_type(file.name)[0] or "application/octet-stream", read(file, MOST_FILE)
    act(lambda c: c.complaints.add_file(secret, content, media_type), as_, as_json)


# --- the desk --------------------------------------------------------------------------------------------------------


@matters.command("list")
def list_matters(
    as_: As = None,
    as_json: AsJson = False,
    status: Annotated[MatterStatus | None, typer.Option(help="Only those that stand so.")] = None,
    ground: Annotated[str | None, typer.Option(help="Only those on this ground.")] = None,
    grade: Annotated[str | None, typer.Option(help="Only those graded so.")] = None,
    region: Annotated[str | None, typer.Option(help="Only those of this province, e.g. 110000.")] = None,
    overdue: Annotated[bool | None, typer.Option(help="Only those nobody graded in time, or only the others.")] = None,
    host: Annotated[str | None, typer.Option(help="Only those about the site of this name.")] = None,
    newest: Annotated[bool, typer.Option("--newest", help="Newest first.")] = False,
) -> None:
    """What lies on your desk; what has waited longest comes first."""
    columns = ("id", "status", "host", "ground", "grade", "complaints", "overdue", "came_at")
    act(
        lambda c: listed(c.complaints.matters(
            status=status, ground=ground, grade=grade, region=region, overdue=overdue, host=host, newest=newest
        )),
        as_, as_json, columns,
    )  # fmt: skip


@matters.command("show")
def show_matter(matter_id: MatterId, as_: As = None, as_json: AsJson = False) -> None:
    """One matter."""
    act(lambda c: c.complaints.get_matter(matter_id), as_, as_json)


@matters.command("complaints")
def list_said(matter_id: MatterId, as_: As = None, as_json: AsJson = False) -> None:
    """What was said, oldest first."""
    act(
        lambda c: listed(c.complaints.said(matter_id)), as_, as_json, ("reference", "source", "host", "text", "came_at")
    )


@matters.command("read-file")
def read_file(
    complaint_id: Annotated[str, typer.Argument(help="Id of the complaint.")],
    sha256: Annotated[str, typer.Argument(help="SHA-256 of the file.")],
    file: Annotated[Path, typer.Argument(help="Where to put it; must not be there yet.", metavar="FILE")],
    as_: As = None,
    as_json: AsJson = False,
) -> None:
    """Read a file that came with a complaint into FILE. A stranger sent it: open it with care."""

    async def kept(concord: Concord) -> dict[str, object]:
        content = await concord.complaints.file(complaint_id, sha256)
        write(file, content)
        return {"sha256": sha256, "size": len(content), "file": str(file)}

    act(kept, as_, as_json)


@matters.command("triage")
def triage(
    matter_id: MatterId,
    grade: Annotated[str, typer.Option(help="Of the profile: manifest, suspected, minor.")],
    reasons: Reasons,
    as_: As = None,
    as_json: AsJson = False,
) -> None:
    """Grade a matter; it is your authority's from then on, and nothing follows by itself."""
    sent = body(wire.Triage, grade=grade, reasons=reasons)
    act(lambda c: c.complaints.triage(matter_id, sent), as_, as_json)


@matters.command("transfer")
def transfer(
    matter_id: MatterId,
    to: Annotated[str, typer.Option(help="Which industry regulator has it from now on, e.g. industry-310000.")],
    basis: Basis,
    reasons: Reasons,
    public_reasons: PublicReasons = None,
    redacted: Redacted = None,
    as_: As = None,
    as_json: AsJson = False,
) -> None:
    """Hand what is about a name in no register to the desk of another province; whoever complained is told."""
    sent = body(wire.NewMatterTransfer, to=to, statement=statement(basis, reasons, public_reasons, redacted))
    act(lambda c: c.complaints.transfer(matter_id, sent), as_, as_json)


@matters.command("open-case")
def open_case(matter_id: MatterId, file: Body, as_: As = None, as_json: AsJson = False) -> None:
    """Open a case from FILE, as `cases open` does: about, ground, alleged_breach, legal_basis."""
    sent = body_in(file, wire.CaseFromMatter)
    act(lambda c: c.complaints.open_case(matter_id, sent), as_, as_json)


@matters.command("dismiss")
def dismiss(
    matter_id: MatterId,
    basis: Basis,
    reasons: Reasons,
    public_reasons: PublicReasons = None,
    redacted: Redacted = None,
    as_: As = None,
    as_json: AsJson = False,
) -> None:
    """Nothing follows; everybody who complained reads the public reasons."""
    sent = body(wire.Dismissal, statement=statement(basis, reasons, public_reasons, redacted))
    act(lambda c: c.complaints.dismiss(matter_id, sent), as_, as_json)


@matters.command("warn")
def warn(
    matter_id: MatterId,
    basis: Basis,
    reasons: Reasons,
    answer_by: Annotated[str | None, typer.Option(help="Until when you hope for an answer.")] = None,
    provider: Annotated[str | None, typer.Option(help="For a name in no register: its host, who passes it on.")] = None,
    public_reasons: PublicReasons = None,
    redacted: Redacted = None,
    as_: As = None,
    as_json: AsJson = False,
) -> None:
    """Send a letter under the industry code. It has no effect."""
    said = statement(basis, reasons, public_reasons, redacted)
    sent = body(wire.NewWarning, statement=said, answer_by=answer_by, provider_id=provider)
    act(lambda c: c.complaints.warn(matter_id, sent), as_, as_json)


# --- warnings --------------------------------------------------------------------------------------------------------


@warnings.command("list")
def list_warnings(
    as_: As = None,
    as_json: AsJson = False,
    status: Annotated[WarningStatus | None, typer.Option(help="Only those that stand so.")] = None,
) -> None:
    """Letters to you, or of your authority, newest first."""
    act(lambda c: listed(c.complaints.warnings(status=status)), as_, as_json, ("id", "status", "host", "sent_at"))


@warnings.command("show")
def show_warning(warning_id: WarningId, as_: As = None, as_json: AsJson = False) -> None:
    """One letter."""
    act(lambda c: c.complaints.get_warning(warning_id), as_, as_json)


@warnings.command("answer")
def answer_warning(
    warning_id: WarningId,
    text: Annotated[str, typer.Option(help="What you say; ten characters or more.")],
    as_: As = None,
    as_json: AsJson = False,
) -> None:
    """Say something to a letter, once."""
    sent = body(wire.WarningAnswer, text=text)
    act(lambda c: c.complaints.answer_warning(warning_id, sent), as_, as_json)


# --- emergencies -----------------------------------------------------------------------------------------------------


@emergencies.command("list")
def list_emergencies(
    as_: As = None,
    as_json: AsJson = False,
    status: Annotated[EmergencyStatus | None, typer.Option(help="Only those that stand so.")] = None,
) -> None:
    """At your desk, or about you, newest first."""
    columns = ("id", "status", "host", "provider.name", "confirm_by", "decision_id")
    act(lambda c: listed(c.complaints.emergencies(status=status)), as_, as_json, columns)


@emergencies.command("show")
def show_emergency(emergency_id: EmergencyId, as_: As = None, as_json: AsJson = False) -> None:
    """One of them."""
    act(lambda c: c.complaints.get_emergency(emergency_id), as_, as_json)


@emergencies.command("confirm")
def confirm_emergency(
    emergency_id: EmergencyId,
    decision: Annotated[str, typer.Option(help="Id of your authority's released decision to suspend the site.")],
    as_: As = None,
    as_json: AsJson = False,
) -> None:
    """Confirm one by a released decision, before its time is over."""
    sent = body(Confirmation, decision_id=decision)
    act(lambda c: c.complaints.confirm_emergency(emergency_id, sent), as_, as_json)


@emergencies.command("report")
def report_emergency(
    provider_id: ProviderId,
    key: Annotated[Path, typer.Option(help="Your private key: the JWK that you sign receipts with.", metavar="FILE")],
    host: Host,
    ground: Ground,
    reasons: Reasons,
    since: Annotated[str | None, typer.Option(help="Since when, as 2026-11-26T09:00:00Z; now, if not given.")] = None,
    as_: As = None,
    as_json: AsJson = False,
) -> None:
    """As a provider: report, signed, that you suspended a site by yourself."""
    said = {
        "emergency_id": str(uuid4()), "provider_id": provider_id, "host": host, "ground": ground, "reasons": reasons,
        "since": since or datetime.now(UTC).isoformat(),
    }  # fmt: skip
    try:
        jws = Signer(json_object(key)).sign(json.dumps(said, ensure_ascii=False).encode(), EMERGENCY_TYPE)
    except ValueError as error:
        raise BadArgument(f"--key {key}: {error}") from error
    sent = body(EmergencyReport, jws=jws)
    act(lambda c: c.access.report_emergency(provider_id, sent), as_, as_json)


@emergencies.command("reported")
def list_reported(as_: As = None, as_json: AsJson = False) -> None:
    """What was reported at the access desk: by you as a provider, or in your province."""
    columns = ("id", "status", "host", "provider_id", "confirm_by", "restore_id")
    act(lambda c: listed(c.access.emergencies()), as_, as_json, columns)
