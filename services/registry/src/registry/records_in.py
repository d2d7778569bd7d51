"""Import records: a byte stream cut into lines, a line read as NDJSON or CSV, a record checked field by field."""

import csv
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID

import orjson

from registry.bodies import HostingMode, OperatorKind
from registry.store.register import NewDomain
from shared.contracts.base import printable
from shared.rules import Rules
from shared.rules.identifiers import InvalidIdentifier, check_uscc, normalise_domain, normalise_ip, parse_number

LONGEST_LINE: Final = 64 * 1024
SHOWN: Final = 200
KINDS: Final = frozenset(OperatorKind)
MODES: Final = frozenset(HostingMode)


@dataclass(frozen=True, slots=True)
class Line:
    """A line of the file. ``text`` is None if it is too long; then ``raw`` holds its beginning."""

    number: int
    raw: bytes
    too_long: bool = False


class Rejected(Exception):
    """A record that does not go in, and why."""

    def __init__(self, code: str, field: str | None, message: str) -> None:
        super().__init__(message)
        self.code, self.field, self.message = code, field, message


@dataclass(frozen=True, slots=True)
class Rejection:
    """A record that did not go in, as the results show it."""

    line: int
    raw: str
    code: str
    field: str | None
    message: str

    @classmethod
    def of(cls, line: Line, error: Rejected) -> "Rejection":
        """Shape an error; NUL bytes have no place in PostgreSQL text."""
        raw = line.raw[: SHOWN * 4].decode("utf-8", "replace")[:SHOWN].replace("\0", "\ufffd")
        return cls(line.number, raw, error.code, error.field, error.message)


@dataclass(frozen=True, slots=True)
class Record:
    """A valid record: one site of one operator at one provider."""

    line: Line
    operator_name: str
    uscc: str
    operator_kind: str
    region: str
    number: str | None
    number_kind: str
    serial: int | None
    site_name: str
    domains: tuple[NewDomain, ...]
    service_items: tuple[str, ...]
    provider_id: UUID
    ips: tuple[str, ...]
    hosting_mode: str


async def lines(stream: AsyncIterator[bytes]) -> AsyncIterator[Line]:
    """Cut a stream into lines without ever holding more than one of them beyond the limit."""
    number, rest, skipping = 1, b"", False
    async for chunk in stream:
        *complete, rest = (rest + chunk).split(b"\n")
        for raw in complete:
            if skipping:
                skipping = False
            elif len(raw) > LONGEST_LINE:
                yield Line(number, raw[: SHOWN * 4], too_long=True)
            else:
                yield Line(number, raw)
            number += 1
        if len(rest) > LONGEST_LINE:
            if not skipping:
                yield Line(number, rest[: SHOWN * 4], too_long=True)
            skipping, rest = True, b""
    if rest and not skipping:
        yield Line(number, rest)


async def rows(stream: AsyncIterator[bytes]) -> AsyncIterator[Line]:
    """Lines of a CSV file, joined where a quoted field goes over several of them."""
    parts: list[bytes] = []
    first = size = 0
    async for line in lines(stream):
        if line.too_long:
            yield line
            parts, size = [], 0
            continue
        first = first if parts else line.number
        parts.append(line.raw)
        size += len(line.raw)
        quotes = sum(part.count(b'"') for part in parts)
        if size > LONGEST_LINE:
            yield Line(first, b"\n".join(parts)[: SHOWN * 4], too_long=True)
        elif quotes % 2:
            continue
        else:
            yield Line(first, b"\n".join(parts))
        parts, size = [], 0
    if parts:
        yield Line(first, b"\n".join(parts))


def _decoded(line: Line) -> str:
    if line.too_long:
        raise Rejected("line_too_long", None, f"a line may have {LONGEST_LINE} bytes at most")
    try:
        return line.raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise Rejected(
            "not_utf8", None, f"byte {error.start} of the line is not UTF-8; save the file as UTF-8"
        ) from error


def read_json(line: Line) -> Mapping[str, Any]:
    """One NDJSON record. Raises Rejected."""
    text = _decoded(line)
    try:
        value = orjson.loads(text)
    except orjson.JSONDecodeError as error:
        raise Rejected("not_json", None, f"not a JSON object: {error}") from error
    if not isinstance(value, dict):
        raise Rejected("not_json", None, "a record is a JSON object")
    return value


def csv_reader(header: Line) -> Callable[[Line], Mapping[str, Any]]:
    """How to read the rows below this header."""
    names = [name.strip() for name in next(csv.reader([_decoded(header)]), [])]

    def read(line: Line) -> Mapping[str, Any]:
        values = next(csv.reader([_decoded(line)], strict=False), [])
        if len(values) != len(names):
            raise Rejected("wrong_columns", None, f"the header has {len(names)} columns, this row {len(values)}")
        return dict(zip(names, values, strict=True))

    return read


def _text(record: Mapping[str, Any], field: str, *, most: int = 500) -> str:
    value = record.get(field)
    if not isinstance(value, str) or not (value := value.strip()):
        raise Rejected("missing", field, f"{field} is missing")
    if len(value) > most or "\0" in value:
        raise Rejected("too_long", field, f"{field} may have {most} characters at most, none of them NUL")
    try:
        return printable(value)
    except ValueError as error:  # a fact could not carry it either
        raise Rejected("bad_text", field, f"{field} {error}") from error


def _many(record: Mapping[str, Any], field: str, *, most: int = 100) -> list[str]:
    value = record.get(field)
    parts = value.split(";") if isinstance(value, str) else value
    if not isinstance(parts, list) or not all(isinstance(part, str) for part in parts):
        raise Rejected("missing", field, f"{field} is missing: a list, or text separated by ;")
    found = [part.strip() for part in parts if part.strip()]
    if not found or len(found) > most:
        raise Rejected("missing" if not found else "too_many", field, f"{field} needs 1 to {most} values")
    return found


def check(line: Line, record: Mapping[str, Any], rules: Rules, region: str | None) -> Record:
    """Check every field of a record. Raises Rejected, naming the first that is wrong.

    ``region``: the only province records may belong to; None for callers of national level.
    """
    try:
        return _checked(line, record, rules, region)
    except InvalidIdentifier as error:
        raise Rejected(error.code, _FIELD_OF.get(error.code), error.message) from error


_FIELD_OF: Final = {"bad_domain": "domain", "bad_check_digit": "operator_uscc", "bad_uscc": "operator_uscc",
                    "bad_number": "number", "bad_ip": "ips"}  # fmt: skip


def _checked(line: Line, record: Mapping[str, Any], rules: Rules, only_region: str | None) -> Record:
    region = _text(record, "region")
    if region not in rules.provinces:
        raise Rejected("unknown_region", "region", f"{region} is no province by GB/T 2260")
    if only_region is not None and region != only_region:
        raise Rejected("out_of_region", "region", f"you may import records of {only_region} only")
    kind = record.get("operator_kind") or OperatorKind.COMPANY
    mode = record.get("hosting_mode") or HostingMode.VIRTUAL_HOST
    if kind not in KINDS:
        raise Rejected("unknown_kind", "operator_kind", f"{kind} is none of {', '.join(sorted(KINDS))}")
    if mode not in MODES:
        raise Rejected("unknown_mode", "hosting_mode", f"{mode} is none of {', '.join(sorted(MODES))}")
    items = tuple(dict.fromkeys(_many(record, "service_items"))) if record.get("service_items") else ("general",)
    for item in items:
        if item not in rules.service_items:
            raise Rejected(
                "unknown_service_item", "service_items", f"{item} is none of {', '.join(rules.service_items)}"
            )
    number, number_kind, serial = _number(record, rules, region)
    domains: dict[str, NewDomain] = {}
    for raw in _many(record, "domain"):
        ascii_form = normalise_domain(raw).ascii
        domains.setdefault(ascii_form, NewDomain(raw, ascii_form))
    return Record(
        line=line,
        operator_name=_text(record, "operator_name"),
        uscc=check_uscc(_text(record, "operator_uscc")),
        operator_kind=str(kind),
        region=region,
        number=number,
        number_kind=number_kind,
        serial=serial,
        site_name=_text(record, "site_name"),
        domains=tuple(domains.values()),
        service_items=items,
        provider_id=_provider(record),
        ips=tuple(dict.fromkeys(normalise_ip(raw) for raw in _many(record, "ips"))),
        hosting_mode=str(mode),
    )


def _number(record: Mapping[str, Any], rules: Rules, region: str) -> tuple[str | None, str, int | None]:
    given = record.get("number")
    if not given:
        return None, "filing", None
    text = _text(record, "number")
    parsed = parse_number(text)
    if parsed.site is not None:
        raise Rejected("bad_number", "number", "give the number of the registration, without that of the site")
    if parsed.province != rules.provinces[region].short:
        raise Rejected("bad_number", "number", f"{text} is not a number of {region}")
    return text, parsed.kind, int(parsed.serial)


def _provider(record: Mapping[str, Any]) -> UUID:
    text = _text(record, "provider_id")
    try:
        return UUID(text)
    except ValueError as error:
        raise Rejected("unknown_provider", "provider_id", f"{text[:40]} is not the id of a provider") from error
