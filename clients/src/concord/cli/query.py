"""Look-ups, for officials and for everybody; where the services are, and who one is."""

import csv
import io
import re
import sys
from collections.abc import AsyncIterator, Callable
from typing import Annotated, Any, Final, Literal

import typer

from concord.cli.output import As, AsJson, File, act
from concord.files import chunks
from concord.sdk import BadArgument, Concord
from shared.rules.identifiers import InvalidIdentifier, normalise_domain, normalise_ip, parse_number

CHUNK = 256 * 1024
Purpose = Annotated[
    str, typer.Option(envvar="CONCORD_PURPOSE", help="Why; required with --as, and kept in the audit with your name.")
]

READERS: Final[dict[str, Callable[[str], object]]] = {
    "number": parse_number, "ip": normalise_ip, "domain": normalise_domain,
}  # fmt: skip
FORMULA: Final = "=+-@＝＋－＠\t\r"
"""First characters that make a spreadsheet run a cell; such cells get an apostrophe in front."""
RISKY: Final = re.compile(rf'(?:^|,)"?[{FORMULA}]').search
"""Whether a row may have such a cell; nearly none has."""


def kind_of(key: str) -> str:
    """Whether a key is a number, an ip or a domain, by the rules that the services read keys with.

    Raises BadArgument, with what is wrong with it, if it is none of them.
    """
    wrong: dict[str, str] = {}
    for kind, read in READERS.items():
        try:
            read(key)
        except InvalidIdentifier as error:
            wrong[kind] = error.message
        else:
            return kind
    if "://" in key or "/" in key:
        raise BadArgument(f"{key!r:.90} is a web address: give its host name alone")
    if re.fullmatch(r"[^:]+:[0-9]+|\[.*\]:[0-9]+", key.strip()):
        raise BadArgument(f"{key!r:.90} has a port: give the host name or the address alone")
    like = "number" if "号" in key else "ip" if ":" in key or not re.search(r"[^0-9. ]", key) else "domain"
    raise BadArgument(wrong[like])


def lookup(
    key: Annotated[str, typer.Argument(help="A host name, an address or a number.")],
    as_: As = None,
    purpose: Purpose = "",
    as_json: AsJson = False,
) -> None:
    """Look up a domain, an address or a number; without --as, what everybody may know."""
    kind = kind_of(key)
    if as_:
        _required(purpose)

    async def verb(concord: Concord) -> Any:
        if as_:
            return await concord.query.lookup(purpose=purpose, **{kind: key})
        return await concord.query.public_lookup(**{kind: key})

    act(verb, as_, as_json)


def _required(purpose: str) -> None:
    """Raise BadParameter for no purpose."""
    if not purpose.strip():
        raise typer.BadParameter("say why you look this up; it is kept in the audit", param_hint="--purpose")


def register(
    number: Annotated[str, typer.Argument(help="Number of a registration or a site.")], as_json: AsJson = False
) -> None:
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
    form: Annotated[Literal["ndjson", "csv"], typer.Option("--format", help="How the answers are written.")] = "ndjson",
) -> None:
    """Look up every line of FILE; the answers go to standard output in the same order.

    NDJSON has one JSON object a line. In CSV no cell starts with what a spreadsheet would run.
    """
    _required(purpose)

    async def keys_in() -> AsyncIterator[bytes]:
        for chunk in chunks(file, CHUNK):
            yield chunk

    async def verb(concord: Concord) -> None:
        answers = concord.query.bulk(keys_in(), purpose=purpose, form=form)
        async for part in harmless(answers) if form == "csv" else answers:
            sys.stdout.buffer.write(part)
        sys.stdout.buffer.flush()

    act(verb, as_, as_json=False)


async def harmless(chunks_: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    """CSV rows as they come, none with a cell that a spreadsheet would run as a formula."""
    rest = b""
    async for chunk in chunks_:
        *rows, rest = _rows(rest + chunk)
        yield b"".join(map(_harmless, rows))
    yield _harmless(rest)


def _rows(data: bytes) -> list[bytes]:
    """Whole rows with their ends, and what is left: a line break within quotes ends no row."""
    found, row = [], b""
    for line in data.splitlines(keepends=True):
        row += line
        if row.endswith(b"\n") and row.count(b'"') % 2 == 0:
            found.append(row)
            row = b""
    return [*found, row]


def _harmless(row: bytes) -> bytes:
    text = row.decode("utf-8", "replace")
    if not RISKY(text):
        return row
    safe = io.StringIO()
    cells = next(csv.reader(io.StringIO(text, newline="")))
    csv.writer(safe).writerow(f"'{cell}" if cell[:1] in FORMULA and cell else cell for cell in cells)
    return safe.getvalue().encode()


def status(as_json: AsJson = False) -> None:
    """Where the services are."""

    async def verb(concord: Concord) -> Any:
        return {**concord.places.services, "issuer": concord.places.issuer}

    act(verb, None, as_json)
