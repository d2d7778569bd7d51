"""The commands, one per verb; each says who acts (--as) and what with, and leaves the rest to the service."""

import json
import mimetypes
import os
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn, TransferSpeedColumn

from concord.cli.output import As, AsJson, Basis, Reasons, act, err, listed
from concord.sdk import Concord
from shared.runtime.signing import generate_key, public

CHUNK = 256 * 1024
EVIDENCE = Annotated[str, typer.Option(help="SHA-256 of the evidence, lower-case hex.")]
Authority = Annotated[str, typer.Option(help="Who decides on a challenge.")]
How = Annotated[str, typer.Option(help="How to challenge.")]
Days = Annotated[int, typer.Option(help="Within how many days.")]
File = Annotated[Path, typer.Argument(exists=True, dir_okay=False)]

registrations = typer.Typer(no_args_is_help=True, help="Registrations and their revocation.")
requests = typer.Typer(no_args_is_help=True, help="Requests of sector regulators for revocation.")
applications = typer.Typer(no_args_is_help=True, help="Applications for prior approval.")
cases = typer.Typer(no_args_is_help=True, help="Cases, evidence, decisions, appeals.")
providers = typer.Typer(no_args_is_help=True, help="Providers and the orders sent to them.")


def add_to(app: typer.Typer) -> None:
    """Hang every command into the application."""
    for name, group in (
        ("registrations", registrations), ("requests", requests), ("applications", applications), ("cases", cases),
        ("providers", providers),
    ):  # fmt: skip
        app.add_typer(group, name=name)
    app.command("import")(import_file)
    for command in (lookup, bulk, keys, status):
        app.command()(command)


def status(as_json: AsJson = False) -> None:
    """Where the services are."""

    async def verb(concord: Concord) -> Any:
        return {**concord.places.services, "issuer": concord.places.issuer}

    act(verb, None, as_json)


def import_file(file: File, as_: As = None, as_json: AsJson = False) -> None:
    """Import registrations from FILE (.csv with a header, else NDJSON): concord import sites.csv --as regulator-a.

    Records that do not go in are written to FILE.rejected.ndjson.
    """
    size = file.stat().st_size
    bar = Progress(TextColumn("{task.description}"), BarColumn(), DownloadColumn(), TransferSpeedColumn(),
                   TimeRemainingColumn(), console=err, disable=as_json)  # fmt: skip
    task = bar.add_task(file.name, total=size)

    async def content() -> AsyncIterator[bytes]:
        with file.open("rb") as source:
            while chunk := source.read(CHUNK):
                yield chunk
                bar.advance(task, len(chunk))

    async def verb(concord: Concord) -> Any:
        media_type = "text/csv" if file.suffix.lower() == ".csv" else "application/x-ndjson"
        with bar:
            done = await concord.registry.import_sites(content(), media_type=media_type, filename=file.name)
        if done["rejected"]:
            kept = file.with_name(file.name + ".rejected.ndjson")
            kept.write_bytes(b"\n".join(await concord.registry.rejected(done["id"])) + b"\n")
            done["rejected_in"] = str(kept)
        return done

    act(verb, as_, as_json)


def lookup(key: str, as_: As = None, as_json: AsJson = False) -> None:
    """Look up a domain, an address or a number; without --as, what everybody may know."""

    async def verb(concord: Concord) -> Any:
        kind = "number" if "ICP" in key.upper() else "ip" if key.replace(".", "").isdigit() or ":" in key else "domain"
        return await (concord.query.lookup if as_ else concord.query.public_lookup)(**{kind: key})

    act(verb, as_, as_json)


def bulk(
    file: File, as_: As = None, form: Annotated[str, typer.Option("--format", help="ndjson or csv.")] = "ndjson"
) -> None:
    """Look up every line of FILE; the answers go to standard output in the same order."""

    async def keys_in() -> AsyncIterator[bytes]:
        with file.open("rb") as source:
            while chunk := source.read(CHUNK):
                yield chunk

    async def verb(concord: Concord) -> None:
        async for chunk in concord.query.bulk(keys_in(), form=form):
            sys.stdout.buffer.write(chunk)
        sys.stdout.buffer.flush()

    act(verb, as_, as_json=False)


def keys(kid: str, file: Annotated[Path, typer.Option(help="Where the private key goes; must not exist.")]) -> None:
    """Make an Ed25519 key pair: the private JWK goes into --file (mode 0600), the public one is printed."""
    jwk = generate_key(kid)
    descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w") as target:
        json.dump(jwk, target)
    sys.stdout.write(json.dumps(public(jwk)) + "\n")


@registrations.command("list")
def list_registrations(
    as_: As = None, as_json: AsJson = False, number: str | None = None, status: str | None = None
) -> None:
    """Registrations you may see, newest first."""
    columns = ("id", "number", "status", "kind", "operator.name", "region")
    act(lambda c: listed(c.registry.registrations(number=number, status=status)), as_, as_json, columns)


@registrations.command("show")
def show_registration(registration_id: str, as_: As = None, as_json: AsJson = False) -> None:
    """One registration with its sites."""
    act(lambda c: c.registry.get(registration_id), as_, as_json)


@registrations.command("grant")
def grant(registration_id: str, basis: Basis, reasons: Reasons, as_: As = None, as_json: AsJson = False) -> None:
    """Enter a registration in the register."""
    act(lambda c: c.registry.grant(registration_id, legal_basis=basis, reasons=reasons), as_, as_json)


@registrations.command("revoke")
def draft_revocation(
    registration_id: str,
    basis: Basis,
    reasons: Reasons,
    evidence_hash: EVIDENCE,
    redress_authority: Authority,
    redress_how: How,
    redress_days: Days = 60,
    as_: As = None,
    as_json: AsJson = False,
) -> None:
    """Draft a revocation; nothing happens until a second person confirms it."""
    redress = {"authority": redress_authority, "how": redress_how, "within_days": redress_days}
    body = {"legal_basis": basis, "reasons": reasons, "evidence_hash": evidence_hash, "redress": redress}
    act(lambda c: c.registry.draft_revocation(registration_id, **body), as_, as_json)


@registrations.command("confirm")
def confirm(revocation_id: str, as_: As = None, as_json: AsJson = False) -> None:
    """Confirm a drafted revocation, as a second person: access is cut at every provider."""
    act(lambda c: c.registry.confirm(revocation_id), as_, as_json)


@registrations.command("withdraw")
def withdraw_revocation(revocation_id: str, reasons: Reasons, as_: As = None, as_json: AsJson = False) -> None:
    """Take a drafted revocation back."""
    act(lambda c: c.registry.withdraw(revocation_id, reasons), as_, as_json)


@registrations.command("reinstate")
def reinstate(registration_id: str, basis: Basis, reasons: Reasons, as_: As = None, as_json: AsJson = False) -> None:
    """Make a revoked registration valid again, exactly as it was."""
    act(lambda c: c.registry.reinstate(registration_id, legal_basis=basis, reasons=reasons), as_, as_json)


@requests.command("list")
def list_requests(as_: As = None, as_json: AsJson = False, status: str | None = None) -> None:
    """Requests on your desk, newest first."""
    columns = ("id", "status", "measure.authority", "received_at", "registration_id")
    act(lambda c: listed(c.registry.requests(status=status)), as_, as_json, columns)


@requests.command("accept")
def accept(request_id: str, reasons: Reasons, as_: As = None, as_json: AsJson = False) -> None:
    """Accept a request: its revocation is drafted and waits for a second person."""
    act(lambda c: c.registry.accept(request_id, reasons), as_, as_json)


@requests.command("decline")
def decline(request_id: str, basis: Basis, reasons: Reasons, as_: As = None, as_json: AsJson = False) -> None:
    """Decline a request, with reasons."""
    act(lambda c: c.registry.decline(request_id, legal_basis=basis, reasons=reasons), as_, as_json)


@applications.command("list")
def list_applications(as_: As = None, as_json: AsJson = False, status: str | None = None) -> None:
    """Applications you may see, newest first."""
    columns = ("id", "status", "service_item", "domain", "operator_name", "due_at", "overdue")
    act(lambda c: listed(c.approval.applications(status=status)), as_, as_json, columns)


@applications.command("show")
def show_application(application_id: str, as_: As = None, as_json: AsJson = False) -> None:
    """One application."""
    act(lambda c: c.approval.get(application_id), as_, as_json)


@cases.command("list")
def list_cases(as_: As = None, as_json: AsJson = False) -> None:
    """Cases of your desk, newest first."""
    columns = ("id", "status", "domain", "alleged_breach", "opened_at")
    act(lambda c: listed(c.enforcement.cases()), as_, as_json, columns)


@cases.command("show")
def show_case(case_id: str, as_: As = None, as_json: AsJson = False) -> None:
    """One case with its decisions and what became of them."""
    act(lambda c: c.enforcement.get_case(case_id), as_, as_json)


@cases.command("evidence")
def add_evidence(case_id: str, file: File, as_: As = None, as_json: AsJson = False) -> None:
    """Put a file on record as evidence; the answer names its SHA-256."""
    media_type = mimetypes.guess_type(file.name)[0] or "application/octet-stream"
    content = file.read_bytes()
    act(lambda c: c.enforcement.add_evidence(case_id, content, media_type), as_, as_json)


@cases.command("decision")
def show_decision(decision_id: str, as_: As = None, as_json: AsJson = False) -> None:
    """One decision with its impact; read this before you release it."""
    act(lambda c: c.enforcement.get_decision(decision_id), as_, as_json)


@cases.command("release")
def release(
    decision_id: str,
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
    decision_id: str,
    grounds: Annotated[str, typer.Option(help="Why the decision is wrong.")],
    appellant: Annotated[str, typer.Option(help="Who appeals.")],
    as_: As = None,
    as_json: AsJson = False,
) -> None:
    """Appeal against a decision."""
    act(lambda c: c.enforcement.appeal(decision_id, grounds=grounds, appellant=appellant), as_, as_json)


@cases.command("decide-appeal")
def decide_appeal(
    appeal_id: str,
    outcome: Annotated[str, typer.Option(help="upheld or rejected.")],
    basis: Basis,
    reasons: Reasons,
    as_: As = None,
    as_json: AsJson = False,
) -> None:
    """Decide an appeal, as the review body."""
    body = {"outcome": outcome, "legal_basis": basis, "reasons": reasons}
    act(lambda c: c.enforcement.decide_appeal(appeal_id, **body), as_, as_json)


@providers.command("list")
def list_providers(as_: As = None, as_json: AsJson = False) -> None:
    """Providers."""
    act(lambda c: listed(c.access.providers()), as_, as_json, ("id", "name", "kind", "licence_number", "region"))


@providers.command("add-key")
def add_key(provider_id: str, file: File, as_: As = None, as_json: AsJson = False) -> None:
    """Register a provider's public key (a JWK file, as `concord keys` prints it)."""
    jwk = json.loads(file.read_text(encoding="utf-8"))
    act(lambda c: c.access.add_key(provider_id, jwk), as_, as_json)


@providers.command("orders")
def list_orders(
    as_: As = None, as_json: AsJson = False, status: str | None = None, provider_id: str | None = None
) -> None:
    """Orders, newest first."""
    columns = ("id", "sequence", "action", "status", "overdue", "provider_id", "site_id")
    act(lambda c: listed(c.access.orders(status=status, provider_id=provider_id)), as_, as_json, columns)


@providers.command("order")
def show_order(order_id: str, as_: As = None, as_json: AsJson = False) -> None:
    """One order with its receipts."""
    act(lambda c: c.access.get_order(order_id), as_, as_json)


@providers.command("withdraw")
def withdraw_order(order_id: str, reasons: Reasons, as_: As = None, as_json: AsJson = False) -> None:
    """Take an order back in its withdraw window."""
    act(lambda c: c.access.withdraw(order_id, reasons), as_, as_json)
