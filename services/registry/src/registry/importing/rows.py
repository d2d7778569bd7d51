"""A byte stream cut into rows, in bounded memory and time whatever was sent; what a file is, and what it is not."""

import csv
import re
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import orjson

from shared.runtime.base.problems import Invalid

LONGEST_ROW: Final = 64 * 1024
MOST_LINES: Final = 50
"""Lines of a CSV row: a quote that nobody closed must not swallow the file."""
SHOWN: Final = 200
LOST: Final = "\ufffd"
"""What a character becomes that a conversion could not read."""
_GAP: Final = r"(?:[\s\u200b-\u200d\u2060\ufeff\u00ad-]|\\u[0-9a-f]{4}|\\xad){0,3}"
"""What people put between the parts of a number, and what comes along unseen, also as messages write it."""


def _digits(*signs: str) -> str:
    """A pattern of digits, each in half or full width: ``"12"`` is 1 or 2."""
    wide = ("".join(sign + chr(ord(sign) + 0xFEE0) for sign in each) for each in signs)
    return _GAP.join(f"[{each}]" for each in wide)


_ANY: Final = "0123456789"
_PERSON: Final = re.compile(
    f"(?<![{_ANY}０-９]){_digits('123456789', *[_ANY] * 5)}{_GAP}(?:{_digits('1', '89')}|{_digits('2', '0')}){_GAP}"
    f"{_digits(_ANY, _ANY)}{_GAP}(?:{_digits('0', '123456789')}|{_digits('1', '012')}){_GAP}"
    f"(?:{_digits('0', '123456789')}|{_digits('12', _ANY)}|{_digits('3', '01')}){_GAP}"
    f"{_digits(*[_ANY] * 3)}{_GAP}{_digits('0123456789Xx')}"
)


class NotThatFile(Invalid):
    """This is not the file it is said to be: {names}."""


class Rejected(Exception):
    """A record that does not go in, and why."""

    def __init__(self, code: str, field: str | None, message: str) -> None:
        super().__init__(message)
        self.code, self.field, self.message = code, field, message


def masked(text: str) -> str:
    """A text without what may be a person's number: nobody imports persons, and no such number is kept."""
    return _PERSON.sub("******", text)


def shown(text: str) -> str:
    """The beginning of a text as results keep and show it; masked first, or half a number would stand at its end."""
    return masked(text)[:SHOWN].replace("\0", LOST)


@dataclass(frozen=True, slots=True)
class Row:
    """A row of the file, from its first line on; ``fault`` says why it cannot be read at all."""

    number: int
    raw: bytes
    fault: tuple[str, str] | None = None
    field: str | None = None
    """Of the fault, where one field of it is what cannot be read."""

    @property
    def shown(self) -> str:
        """Its beginning, as results keep and show it: without a NUL, which PostgreSQL has not, and persons' numbers."""
        return shown(self.raw[: SHOWN * 4].decode("utf-8", "replace"))


async def lines(stream: AsyncIterator[bytes]) -> AsyncIterator[Row]:
    """Cut a stream into lines without ever holding more than one of them beyond the limit."""
    number, rest, skipping = 1, bytearray(), False
    async for chunk in stream:
        start = 0
        while (end := chunk.find(b"\n", start)) >= 0:
            if skipping:
                skipping = False
            else:
                rest += chunk[start:end]
                yield _line(number, bytes(rest).removesuffix(b"\r"))
            rest.clear()
            number, start = number + 1, end + 1
        if not skipping:
            rest += chunk[start:]
            if len(rest) > LONGEST_ROW:
                yield _line(number, bytes(rest))
                skipping = True
                rest.clear()
    if rest and not skipping:
        yield _line(number, bytes(rest).removesuffix(b"\r"))


def _line(number: int, raw: bytes) -> Row:
    if len(raw) > LONGEST_ROW:
        return Row(number, raw[: SHOWN * 4], ("line_too_long", f"a row may have {LONGEST_ROW} bytes at most"))
    return Row(number, raw)


async def csv_rows(stream: AsyncIterator[bytes]) -> AsyncIterator[Row]:
    """Rows of a CSV file: lines, joined where a quoted field goes over several of them.

    A quote that is never closed, or closed by one that begins a field further down, costs one row: its line is given
    up and reading goes on at the next.
    """
    held: list[Row] = []
    size, inside = 0, False
    async for line in lines(stream):
        waiting = [line]
        while waiting:
            row = waiting.pop(0)
            held.append(row)
            size += len(row.raw) + 1
            inside = row.fault is None and _stays_open(row.raw, inside=inside)
            if inside and size <= LONGEST_ROW and len(held) < MOST_LINES:
                continue
            whole = _joined(held)
            if inside or (len(held) > 1 and (row.fault is not None or not _is_csv(whole))):
                yield _open(held[0])
                waiting = held[1:] + waiting
            else:
                yield whole
            held, size, inside = [], 0, False
    for row in held:
        yield _open(row) if _stays_open(row.raw, inside=False) else row


def _stays_open(line: bytes, *, inside: bool) -> bool:
    """Whether a quoted field goes on after this line; ``inside``: one goes on into it. A quote opens at a field's
    beginning only: 5" disk is no quoted field."""
    if b'"' not in line:
        return inside
    text, at = line.replace(b'""', b""), 0
    while True:
        if inside:
            at = text.find(b'"', at) + 1
            if at == 0:
                return True
            inside = False
        elif at == 0 and text.startswith(b'"'):
            at, inside = 1, True
        else:
            begin = text.find(b',"', at)
            if begin < 0:
                return False
            at, inside = begin + 2, True


def _is_csv(row: Row) -> bool:
    try:
        _fields(decoded(row))
    except Rejected:
        return False
    return True


def _open(row: Row) -> Row:
    return Row(row.number, row.raw, row.fault or ("open_quote", "a quote in this row is never closed"))


def _joined(held: Sequence[Row]) -> Row:
    return held[0] if len(held) == 1 else Row(held[0].number, b"\n".join(row.raw for row in held))


def decoded(row: Row) -> str:
    """A row as text. Raises Rejected."""
    if row.fault:
        raise Rejected(row.fault[0], row.field, row.fault[1])
    try:
        text = row.raw.decode()
    except UnicodeDecodeError as error:
        raise Rejected("not_utf8", None, f"byte {error.start} of the row is not UTF-8") from error
    if LOST in text:
        raise Rejected("characters_lost", None, "the row holds U+FFFD: a conversion has lost characters of it")
    return text


def read_json(row: Row) -> Mapping[str, Any]:
    """One NDJSON record. Raises Rejected."""
    try:
        value = orjson.loads(decoded(row))
    except orjson.JSONDecodeError as error:
        raise Rejected("not_json", None, f"not a JSON object: {error}") from error
    if not isinstance(value, dict):
        raise Rejected("not_json", None, "a record is a JSON object")
    return value


def columns(names: Sequence[str], known: Sequence[str]) -> Sequence[str]:
    """The names in a header. Raises NotThatFile for one that is none of ours, or comes twice."""
    if unknown := [name for name in names if name not in known]:
        raise NotThatFile.field("header", f"unknown columns: {', '.join(unknown)[:200]}; known: {', '.join(known)}")
    if double := {name for name in names if names.count(name) > 1}:
        raise NotThatFile.field("header", f"twice: {', '.join(sorted(double))}")
    return names


def csv_reader(header: Row, known: Sequence[str]) -> Callable[[Row], Mapping[str, Any]]:
    """How to read the rows below this header. Raises NotThatFile for a header that is none."""
    if header.raw.lstrip().startswith((b"{", b"[")):
        raise NotThatFile.field("body", "this is JSON: send it as application/x-ndjson")
    try:
        names = columns([name.strip() for name in _fields(decoded(header))], known)
    except Rejected as wrong:
        raise NotThatFile.field("header", wrong.message) from wrong

    def read(row: Row) -> Mapping[str, Any]:
        values = _fields(decoded(row))
        if len(values) != len(names):
            raise Rejected("wrong_columns", None, f"the header has {len(names)} columns, this row {len(values)}")
        return dict(zip(names, values, strict=True))

    return read


def _fields(text: str) -> list[str]:
    try:
        return next(csv.reader([text], strict=True), [])
    except csv.Error as error:
        why = "a quote sign, or a line end, inside a field is written in quotes, the quote sign twice"
        raise Rejected("bad_csv", None, f"{why}: {error}") from error
