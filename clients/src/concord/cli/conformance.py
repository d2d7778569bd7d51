"""``concord conformance``: whether the client of a provider does what docs/providers.md asks, with a signed pass."""

import asyncio
import json
from pathlib import Path
from typing import Annotated, Any
from uuid import UUID, uuid4

import typer
from aiokafka.errors import KafkaError

from concord.cli.output import failed
from concord.conformance.checks import CHECKS
from concord.conformance.desk import PortTaken
from concord.conformance.kit import Asked, CannotStart, conform, signed
from concord.exits import Exit
from concord.files import BadFile, json_object, key_set, write
from shared.signing import KeyRing, Signer, generate_key, public


def conformance(
    key: Annotated[Path, typer.Option(help="The client's public key, as `concord keys` prints it, or a set.")],
    provider: Annotated[UUID | None, typer.Option(help="Its provider id; one is made up if none is given.")] = None,
    port: Annotated[int, typer.Option(help="Where the kit listens on 127.0.0.1; 0: any.")] = 0,
    kafka: Annotated[str | None, typer.Option(help="Broker on which orders come as well.")] = None,
    probe: Annotated[str | None, typer.Option(help="Address asked for a host name: {host} in it, or as Host.")] = None,
    patience: Annotated[float, typer.Option(help="Seconds a receipt may take.")] = 30.0,
    only: Annotated[list[str] | None, typer.Option(help="This check alone; may be repeated.")] = None,
    sign_with: Annotated[Path | None, typer.Option(help="Private JWK that signs the pass.")] = None,
    out: Annotated[Path | None, typer.Option(help="File for the pass, a new one; else it is printed.")] = None,
    command: Annotated[list[str] | None, typer.Argument(help="Starts the client (CONCORD_… tells it all).")] = None,
) -> None:
    """Play the access desk for a provider's client, judge it by its receipts, and sign which checks it passed.

    Exits 0 if no check failed, 5 if one did. Nothing leaves this machine; a real desk is asked for nothing. The client
    begins with an empty memory. What a pass says nothing about stands in it as `not_judged`.
    """
    chosen = tuple(only or CHECKS)
    if unknown := set(chosen) - set(CHECKS):
        raise BadFile(f"no check is called {', '.join(sorted(unknown))}; there are {', '.join(CHECKS)}")
    if out is not None and out.exists():
        raise BadFile(f"{out} is there already: name a new file for the pass")
    asked = Asked(provider or uuid4(), _keys(key), port, kafka, probe, patience, tuple(command or ()), chosen)
    signer = _signer(sign_with)
    try:
        said = asyncio.run(conform(asked, _say, _ready))
    except CannotStart as error:
        raise BadFile(str(error)) from None
    except PortTaken as error:
        failed(str(error))
        raise typer.Exit(Exit.IN_USE) from None
    except KafkaError as error:
        failed(f"the broker {kafka} cannot be used: {error}")
        raise typer.Exit(Exit.UNREACHABLE) from None
    jws = signed(said | {"signed_by": signer.public}, signer)
    if out is None:
        typer.echo(jws)
    else:
        write(out, jws.encode())
    if not said["passed"]:
        failed("not passed")
        raise typer.Exit(Exit.FAILED)


def _keys(file: Path) -> list[dict[str, Any]]:
    found = key_set(file)
    if any(isinstance(each, dict) and "d" in each for each in found["keys"] or ()):
        raise BadFile(f"{file} holds a private key, which is nobody's business: name its public half")
    try:
        keys = [public(each) for each in found["keys"]]
        KeyRing(keys)
    except (ValueError, TypeError, AttributeError, KeyError) as wrong:
        raise BadFile(f"{file}: is no Ed25519 key: {wrong}") from wrong
    return keys


def _signer(file: Path | None) -> Signer:
    try:
        return Signer(json_object(file) if file else generate_key())
    except (ValueError, TypeError) as wrong:
        raise BadFile(f"{file}: is no private Ed25519 key: {wrong}") from wrong


def _ready(told: dict[str, str]) -> None:
    typer.echo(json.dumps(told, indent=1), err=True)


def _say(result: dict[str, Any]) -> None:
    why = f": {result['why']}" if result["why"] else ""
    typer.echo(f"{result['result']:<8} {result['check']}{why}", err=True)
