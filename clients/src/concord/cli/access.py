"""The access desk's commands: providers, their keys, and the orders sent to them."""

import json
import os
import re
import sys
from pathlib import Path
from typing import Annotated, Final
from uuid import UUID

import typer

from concord.cli.output import As, AsJson, File, OrderId, ProviderId, Reasons, act, listed
from concord.files import BadFile, json_object
from concord.sdk import BadArgument
from concord.sdk.departments.access import OrderStatus
from shared.signing import generate_key, public

KID: Final = re.compile(r"[A-Za-z0-9._~:@-]{1,100}").fullmatch
"""Ids of keys that access-control takes: they are part of an address."""

providers = typer.Typer(no_args_is_help=True, help="Providers and the orders sent to them.")


@providers.command("list")
def list_providers(as_: As = None, as_json: AsJson = False) -> None:
    """Providers."""
    act(lambda c: listed(c.access.providers()), as_, as_json, ("id", "name", "kind", "licence_number", "region"))


@providers.command("register")
def register_provider(
    name: Annotated[str, typer.Option(help="Its name.")],
    licence_number: Annotated[str, typer.Option(help="Number of its operating licence.")],
    region: Annotated[str, typer.Option(help="Province that orders it, e.g. 110000.")],
    contact: Annotated[str, typer.Option(help="Who does the filing work there, and how to reach them.")],
    kind: Annotated[str, typer.Option(help="access_provider, carrier or public_network.")] = "access_provider",
    as_: As = None,
    as_json: AsJson = False,
) -> None:
    """Enter a provider; its topics are made within seconds."""
    body = {"name": name, "licence_number": licence_number, "region": region, "contact": contact, "kind": kind}
    act(lambda c: c.access.register_provider(**body), as_, as_json)


@providers.command("add-key")
def add_key(provider_id: ProviderId, file: File, as_: As = None, as_json: AsJson = False) -> None:
    """Register a provider's public key (a JWK file, as `concord keys` prints it)."""
    jwk = json_object(file)
    if "d" in jwk:
        raise BadFile(f"{file} holds a private key: keep it, and give the public one, as `concord keys` prints it")
    act(lambda c: c.access.add_key(provider_id, jwk), as_, as_json)


@providers.command("orders")
def list_orders(
    as_: As = None,
    as_json: AsJson = False,
    status: Annotated[OrderStatus | None, typer.Option(help="Only those that stand so.")] = None,
    provider_id: Annotated[UUID | None, typer.Option(help="Only those to this provider.")] = None,
) -> None:
    """Orders, newest first."""
    columns = ("id", "sequence", "action", "status", "overdue", "provider_id", "site_id")
    act(lambda c: listed(c.access.orders(status=status, provider_id=provider_id)), as_, as_json, columns)


@providers.command("order")
def show_order(order_id: OrderId, as_: As = None, as_json: AsJson = False) -> None:
    """One order with its receipts."""
    act(lambda c: c.access.get_order(order_id), as_, as_json)


@providers.command("withdraw")
def withdraw_order(order_id: OrderId, reasons: Reasons, as_: As = None, as_json: AsJson = False) -> None:
    """Take an order back in its withdraw window."""
    act(lambda c: c.access.withdraw(order_id, reasons), as_, as_json)


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
