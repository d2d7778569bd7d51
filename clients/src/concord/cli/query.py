"""Look-ups, for officials and for everybody; where the services are, and who one is."""

import sys
from collections.abc import AsyncIterator
from typing import Annotated, Any

import typer

from concord.cli.output import As, AsJson, File, act
from concord.sdk import Concord

CHUNK = 256 * 1024
Purpose = Annotated[
    str, typer.Option(envvar="CONCORD_PURPOSE", help="Why; required with --as, and kept in the audit with your name.")
]


def lookup(key: str, as_: As = None, purpose: Purpose = "", as_json: AsJson = False) -> None:
    """Look up a domain, an address or a number; without --as, what everybody may know."""
    if as_:
        _required(purpose)

    async def verb(concord: Concord) -> Any:
        if as_:
            return await concord.query.lookup(key=key, purpose=purpose)
        return await concord.query.public_lookup(key=key)

    act(verb, as_, as_json)


def _required(purpose: str) -> None:
    """Raise BadParameter for no purpose."""
    if not purpose.strip():
        raise typer.BadParameter("say why you look this up; it is kept in the audit", param_hint="--purpose")


def register(number: str, as_json: AsJson = False) -> None:
    """The public register entry of a number: for a revoked one also who decided what, why, and how to challenge it."""
    act(lambda c: c.query.register_entry(number), None, as_json)


def whoami(as_: As = None, as_json: AsJson = False) -> None:
    """What the token of --as says: organisation, roles, region."""

    async def verb(concord: Concord) -> Any:
        return await concord.whoami() or {"subject": "the public"}

    act(verb, as_, as_json)


def bulk(
    file: File,
    as_: As = None,
    purpose: Purpose = "",
    form: Annotated[str, typer.Option("--format", help="ndjson or csv.")] = "ndjson",
) -> None:
    """Look up every line of FILE; the answers go to standard output in the same order."""
    _required(purpose)

    async def keys_in() -> AsyncIterator[bytes]:
        with file.open("rb") as source:
            while chunk := source.read(CHUNK):
                yield chunk

    async def verb(concord: Concord) -> None:
        async for chunk in concord.query.bulk(keys_in(), purpose=purpose, form=form):
            sys.stdout.buffer.write(chunk)
        sys.stdout.buffer.flush()

    act(verb, as_, as_json=False)


def status(as_json: AsJson = False) -> None:
    """Where the services are."""

    async def verb(concord: Concord) -> Any:
        return {**concord.places.services, "issuer": concord.places.issuer}

    act(verb, None, as_json)
