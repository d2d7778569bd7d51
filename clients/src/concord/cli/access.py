"""The access desk: providers, their keys and conduct, orders, and instructions to the supervisors of networks."""

import json
import os
import re
import sys
from pathlib import Path
from typing import Annotated, Final, Literal
from uuid import UUID

import typer

from concord.cli.output import As, AsJson, File, OrderId, ProviderId, Reasons, Version, act, body, listed
from concord.files import BadFile, json_object, read
from concord.sdk import BadArgument, Concord
from concord.sdk.signed import verified_order
from shared.contracts.http import access as wire
from shared.contracts.orders import Order
from shared.signing import BadSignature, KeyRing, generate_key, public

KID: Final = re.compile(r"[A-Za-z0-9._~:@-]{1,100}").fullmatch
"""Ids of keys that access-control takes: they are part of an address."""

providers = typer.Typer(no_args_is_help=True, help="Providers and their keys.")
orders = typer.Typer(no_args_is_help=True, help="Orders to providers, and the issuer's answers.")
instructions = typer.Typer(no_args_is_help=True, help="Instructions to the supervisors of public-interest networks.")

Supervisor = Annotated[str | None, typer.Option(help="Of a public-interest network: its supervisor, e.g. education.")]
InstructionId = Annotated[str, typer.Argument(help="Id of the instruction.")]


# --- providers -------------------------------------------------------------------------------------------------------


@providers.command("list")
def list_providers(as_: As = None, as_json: AsJson = False) -> None:
    """Providers."""
    act(lambda c: listed(c.access.providers()), as_, as_json, ("id", "name", "kind", "licence_number", "region"))


@providers.command("show")
def show_provider(provider_id: ProviderId, as_: As = None, as_json: AsJson = False) -> None:
    """One provider with its keys and topics."""
    act(lambda c: c.access.get_provider(provider_id), as_, as_json)


@providers.command("register")
def register_provider(
    name: Annotated[str, typer.Option(help="Its name.")],
    licence_number: Annotated[str, typer.Option(help="Number of its operating licence.")],
    region: Annotated[str, typer.Option(help="Province that orders it, e.g. 110000.")],
    contact: Annotated[str, typer.Option(help="Who does the filing work there, and how to reach them.")],
    kind: Annotated[str, typer.Option(help="access_provider, carrier or public_network.")] = "access_provider",
    supervisor: Supervisor = None,
    as_: As = None,
    as_json: AsJson = False,
) -> None:
    """Enter a provider; its topics are made within seconds."""
    sent = body(
        wire.NewProvider, name=name, licence_number=licence_number, region=region, contact=contact, kind=kind,
        supervisor=supervisor,
    )  # fmt: skip
    act(lambda c: c.access.register_provider(sent), as_, as_json)


@providers.command("change")
def change_provider(
    provider_id: ProviderId,
    name: Annotated[str, typer.Option(help="Its name.")],
    contact: Annotated[str, typer.Option(help="Who does the filing work there, and how to reach them.")],
    version: Version,
    supervisor: Supervisor = None,
    as_: As = None,
    as_json: AsJson = False,
) -> None:
    """Say a provider's name, contact and supervisor as they are from now on."""
    sent = body(wire.ChangedProvider, name=name, contact=contact, supervisor=supervisor)
    act(lambda c: c.access.change_provider(provider_id, version, sent), as_, as_json)


@providers.command("conduct")
def conduct(provider_id: ProviderId, as_: As = None, as_json: AsJson = False) -> None:
    """The conduct record of a provider, newest first."""
    columns = ("id", "status", "grounds.public_reasons", "entered_at", "undone_because")
    act(lambda c: listed(c.access.conduct(provider_id)), as_, as_json, columns)


@providers.command("add-key")
def add_key(provider_id: ProviderId, file: File, as_: As = None, as_json: AsJson = False) -> None:
    """Register a provider's public key (a JWK file, as `concord keys` prints it)."""
    jwk = json_object(file)
    if "d" in jwk:
        raise BadFile(f"{file} holds a private key: keep it, and give the public one, as `concord keys` prints it")
    sent = body(wire.NewKey, jwk=jwk)
    act(lambda c: c.access.add_key(provider_id, sent), as_, as_json)


@providers.command("revoke-key")
def revoke_key(
    provider_id: ProviderId,
    kid: Annotated[str, typer.Argument(help="Id of the key.")],
    as_: As = None,
    as_json: AsJson = False,
) -> None:
    """Revoke a key of a provider; what it signed before stays on file."""
    act(lambda c: c.access.revoke_key(provider_id, kid), as_, as_json)


# --- orders ----------------------------------------------------------------------------------------------------------


@orders.command("list")
def list_orders(
    as_: As = None,
    as_json: AsJson = False,
    status: Annotated[wire.OrderStatus | None, typer.Option(help="Only those that stand so.")] = None,
    provider_id: Annotated[UUID | None, typer.Option(help="Only those to this provider.")] = None,
    site_id: Annotated[UUID | None, typer.Option(help="Only those about this site.")] = None,
) -> None:
    """Orders, newest first."""
    columns = ("id", "sequence", "action", "status", "overdue", "provider_id", "site.number")
    act(lambda c: listed(c.access.orders(status=status, provider_id=provider_id, site_id=site_id)), as_, as_json,
        columns)  # fmt: skip


@orders.command("show")
def show_order(order_id: OrderId, as_: As = None, as_json: AsJson = False) -> None:
    """One order with its receipts."""
    act(lambda c: c.access.get_order(order_id), as_, as_json)


@orders.command("verify")
def verify_order(file: File, as_: As = None, as_json: AsJson = False) -> None:
    """Check a signed order (its JWS in a file): the signature, and that the key belongs to whoever issued it."""
    jws = read(file).strip()

    async def checked(concord: Concord) -> Order:
        try:
            return Order.model_validate_json(verified_order(KeyRing(await concord.access.keys()), jws).payload)
        except BadSignature as bad:
            raise BadFile(f"{file} is not to be believed: {bad.reason}") from bad

    act(checked, as_, as_json)


@orders.command("withdraw")
def withdraw_order(order_id: OrderId, reasons: Reasons, as_: As = None, as_json: AsJson = False) -> None:
    """Take an order back in its withdraw window."""
    sent = body(wire.WithReasons, reasons=reasons)
    act(lambda c: c.access.withdraw(order_id, sent), as_, as_json)


@orders.command("ask-reissue")
def ask_reissue(order_id: OrderId, reasons: Reasons, as_: As = None, as_json: AsJson = False) -> None:
    """Ask, as one person, that an order that was taken back be sent again."""
    sent = body(wire.WithReasons, reasons=reasons)
    act(lambda c: c.access.ask_reissue(order_id, sent), as_, as_json)


@orders.command("reissue")
def reissue_order(order_id: OrderId, reasons: Reasons, as_: As = None, as_json: AsJson = False) -> None:
    """Send again, as another person, an order that was taken back and that somebody asked for."""
    sent = body(wire.WithReasons, reasons=reasons)
    act(lambda c: c.access.reissue(order_id, sent), as_, as_json)


@orders.command("answer")
def answer_order(
    order_id: OrderId,
    answer: Annotated[Literal["upheld", "rejected", "accepted"], typer.Argument(help="upheld, rejected or accepted.")],
    reasons: Reasons,
    as_: As = None,
    as_json: AsJson = False,
) -> None:
    """Answer, as the issuer, a contested order (upheld, rejected) or an impossible one (accepted, rejected)."""
    sent = body(wire.OrderAnswer, answer=answer, reasons=reasons)
    act(lambda c: c.access.answer(order_id, sent), as_, as_json)


@orders.command("escalate")
def escalate_order(order_id: OrderId, reasons: Reasons, as_: As = None, as_json: AsJson = False) -> None:
    """Escalate an overdue order."""
    sent = body(wire.WithReasons, reasons=reasons)
    act(lambda c: c.access.escalate(order_id, sent), as_, as_json)


# --- instructions ----------------------------------------------------------------------------------------------------


@instructions.command("list")
def list_instructions(
    as_: As = None,
    as_json: AsJson = False,
    status: Annotated[wire.InstructionStatus | None, typer.Option(help="Only those that stand so.")] = None,
) -> None:
    """Instructions you gave or got, newest first."""
    columns = ("id", "status", "provider_id", "supervisor.names.en", "issue_by", "overdue")
    act(lambda c: listed(c.access.instructions(status=status)), as_, as_json, columns)


@instructions.command("show")
def show_instruction(instruction_id: InstructionId, as_: As = None, as_json: AsJson = False) -> None:
    """One instruction."""
    act(lambda c: c.access.get_instruction(instruction_id), as_, as_json)


@instructions.command("acknowledge")
def acknowledge(instruction_id: InstructionId, as_: As = None, as_json: AsJson = False) -> None:
    """Sign for it, as the first person of the supervisor."""
    act(lambda c: c.access.acknowledge(instruction_id), as_, as_json)


@instructions.command("issue")
def issue(instruction_id: InstructionId, as_: As = None, as_json: AsJson = False) -> None:
    """Issue the order to your network, as the second person."""
    act(lambda c: c.access.issue(instruction_id), as_, as_json)


@instructions.command("object")
def object_to(instruction_id: InstructionId, reasons: Reasons, as_: As = None, as_json: AsJson = False) -> None:
    """Point at an error in it; its clock stands still until the regulator answers."""
    sent = body(wire.WithReasons, reasons=reasons)
    act(lambda c: c.access.object_to(instruction_id, sent), as_, as_json)


@instructions.command("answer")
def answer_objection(
    instruction_id: InstructionId,
    answer: Annotated[Literal["upheld", "rejected"], typer.Argument(help="upheld or rejected.")],
    reasons: Reasons,
    as_: As = None,
    as_json: AsJson = False,
) -> None:
    """Answer an objection, as the regulator."""
    sent = body(wire.InstructionAnswer, answer=answer, reasons=reasons)
    act(lambda c: c.access.answer_objection(instruction_id, sent), as_, as_json)


def keys(
    kid: Annotated[str, typer.Argument(help="Id of the key: up to 100 letters, digits or . _ ~ : @ -")],
    file: Annotated[Path, typer.Option(help="Where the private key goes; must not exist.")],
) -> None:
    """Make an Ed25519 key pair: the private JWK goes into --file (mode 0600), the public one is printed."""
    if not KID(kid):
        raise BadArgument(f"{kid!r:.60} cannot be the id of a key: 1 to 100 letters, digits or . _ ~ : @ -")
    jwk = generate_key(kid)
    try:
        descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except OSError as error:
        raise BadFile(f"{file}: {error.strerror}; no key was made") from error
    with os.fdopen(descriptor, "w", encoding="utf-8") as target:
        json.dump(jwk, target)
    sys.stdout.write(json.dumps(public(jwk)) + "\n")
