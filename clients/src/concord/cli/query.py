"""Look-ups, for officials and for everybody; where the services are, and who one is."""

import sys
from collections.abc import AsyncIterator
from typing import Annotated, Any

import typer

from concord.cli.output import As, AsJson, File, act
from concord.sdk import Concord

CHUNK = 256 * 1024


def lookup(key: str, as_: As = None, as_json: AsJson = False) -> None:
    """Look up a domain, an address or a number; without --as, what everybody may know."""

    async def verb(concord: Concord) -> Any:
        kind = "number" if "ICP" in key.upper() else "ip" if key.replace(".", "").isdigit() or ":" in key else "domain"
        return await (concord.query.lookup if as_ else concord.query.public_lookup)(**{kind: key})

    act(verb, as_, as_json)


def register(number: str, as_json: AsJson = False) -> None:
    """The public register entry of a number: for a revoked one also who decided what, why, and how to challenge it."""
    act(lambda c: c.query.register_entry(number), None, as_json)


def whoami(as_: As = None, as_json: AsJson = False) -> None:
    """What the token of --as says: organisation, roles, region."""

    async def verb(concord: Concord) -> Any:
        return await concord.whoami() or {"subject": "the public"}

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


def status(as_json: AsJson = False) -> None:
    """Where the services are."""

    async def verb(concord: Concord) -> Any:
        return {**concord.places.services, "issuer": concord.places.issuer}

    act(verb, None, as_json)
