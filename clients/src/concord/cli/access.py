"""The access desk's commands: providers, their keys, and the orders sent to them."""

import json
import os
import sys
from pathlib import Path
from typing import Annotated

import typer

from concord.cli.output import As, AsJson, File, Reasons, act, listed
from shared.signing import generate_key, public

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


def keys(kid: str, file: Annotated[Path, typer.Option(help="Where the private key goes; must not exist.")]) -> None:
    """Make an Ed25519 key pair: the private JWK goes into --file (mode 0600), the public one is printed."""
    jwk = generate_key(kid)
    try:
        descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except OSError as error:
        raise typer.BadParameter(f"{file}: {error.strerror}; no key was made") from error
    with os.fdopen(descriptor, "w") as target:
        json.dump(jwk, target)
    sys.stdout.write(json.dumps(public(jwk)) + "\n")
