"""A byte stream cut into rows, in bounded memory and time whatever was sent; what a file is, and what it is not."""

import codecs
import csv
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import orjson

from shared.runtime.base.problems import Invalid

LONGEST_ROW: Final = 64 * 1024
MOST_LINES: Final = 200
"""Lines of a CSV row: a quote that nobody closed must not swallow the file."""
SHOWN: Final = 200
CHARSETS: Final = {"utf-8": "utf-8", "utf8": "utf-8", "gb18030": "gb18030", "gbk": "gb18030", "gb2312": "gb18030",
                   "utf-16": "utf-16"}  # fmt: skip


class NotThatFile(Invalid):
    """This is not the file it is said to be: {names}."""


class Rejected(Exception):
    """A record that does not go in, and why."""

    def __init__(self, code: str, field: str | None, message: str) -> None:
        super().__init__(message)
        self.code, self.field, self.message = code, field, message


@dataclass(frozen=True, slots=True)
class Row:
    """A row of the file, from its first line on; ``fault`` says why it cannot be read at all."""

    number: int
    raw: bytes
    fault: tuple[str, str] | None = None

    @property
    def shown(self) -> str:
        """Its beginning, as results show it; PostgreSQL keeps no NUL."""
        return self.raw[: SHOWN * 4].decode("utf-8", "replace")[:SHOWN].replace("\0", "\ufffd")


async def utf8(stream: AsyncIterator[bytes], charset: str) -> AsyncIterator[bytes]:
    """The same stream in UTF-8, without a byte-order mark. Raises NotThatFile for a charset nobody can read here."""
    name = CHARSETS.get(charset.strip().strip('"').lower())
    if name is None:
        raise NotThatFile.field("charset", f"{charset[:40]} is none of utf-8, gb18030, utf-16")
    first = True
    decoder = None if name == "utf-8" else codecs.getincrementaldecoder(name)("replace")
    async for chunk in stream:
        text = chunk if decoder is None else decoder.decode(chunk).encode()
        if first and text:
            text, first = _checked_beginning(text, name), False
        yield text


def _checked_beginning(chunk: bytes, charset: str) -> bytes:
    if chunk.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)) and charset == "utf-8":
        raise NotThatFile.field("charset", "the file is UTF-16: save it as UTF-8, or send charset=utf-16")
    chunk = chunk.removeprefix(codecs.BOM_UTF8).removeprefix("\ufeff".encode())
    head = chunk[:4096]
    try:
        codecs.getincrementaldecoder("utf-8")().decode(head)
    except UnicodeDecodeError:
        try:
            codecs.getincrementaldecoder("gb18030")().decode(head)
        except UnicodeDecodeError:
            return chunk  # single rows will say which
        raise NotThatFile.field(
            "charset", "the file is not UTF-8 and looks like GB18030: save it as UTF-8, or send charset=gb18030"
        ) from None
    if b"\r" in head and b"\n" not in head and len(chunk) > len(head.split(b"\r", 1)[0]) + 1:
        raise NotThatFile.field("body", "its lines end with CR alone: save it with line feeds")
    return chunk


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

    A quote that is never closed costs one row: at the limit the first line is given up and reading goes on at the next.
    """
    held: list[Row] = []
    quotes = size = 0
    async for line in lines(stream):
        waiting = [line]
        while waiting:
            held.append(waiting.pop(0))
            quotes += held[-1].raw.count(b'"')
            size += len(held[-1].raw) + 1
            if held[0].fault or not quotes % 2:
                yield _joined(held)
            elif size > LONGEST_ROW or len(held) >= MOST_LINES or held[-1].fault:
                yield Row(held[0].number, held[0].raw, ("open_quote", "a quote in this row is never closed"))
                waiting = held[1:] + waiting
            else:
                continue
            held, quotes, size = [], 0, 0
    for row in held:
        fault = ("open_quote", "a quote in this row is never closed") if row.raw.count(b'"') % 2 else None
        yield Row(row.number, row.raw, row.fault or fault)


def _joined(held: Sequence[Row]) -> Row:
    return held[0] if len(held) == 1 else Row(held[0].number, b"\n".join(row.raw for row in held))


def decoded(row: Row) -> str:
    """A row as text. Raises Rejected."""
    if row.fault:
        raise Rejected(row.fault[0], None, row.fault[1])
    try:
        return row.raw.decode()
    except UnicodeDecodeError as error:
        raise Rejected("not_utf8", None, f"byte {error.start} of the row is not UTF-8") from error


def read_json(row: Row) -> Mapping[str, Any]:
    """One NDJSON record. Raises Rejected."""
    try:
        value = orjson.loads(decoded(row))
    except orjson.JSONDecodeError as error:
        raise Rejected("not_json", None, f"not a JSON object: {error}") from error
    if not isinstance(value, dict):
        raise Rejected("not_json", None, "a record is a JSON object")
    return value


def csv_reader(header: Row, known: Sequence[str]) -> Callable[[Row], Mapping[str, Any]]:
    """How to read the rows below this header. Raises NotThatFile for a header that is none."""
    if header.raw.lstrip().startswith(b"{"):
        raise NotThatFile.field("body", "this is JSON: send it as application/x-ndjson")
    try:
        names = [name.strip() for name in _fields(decoded(header))]
    except Rejected as wrong:
        raise NotThatFile.field("header", wrong.message) from wrong
    if unknown := [name for name in names if name not in known]:
        raise NotThatFile.field("header", f"unknown columns: {', '.join(unknown)[:200]}; known: {', '.join(known)}")
    if double := {name for name in names if names.count(name) > 1}:
        raise NotThatFile.field("header", f"twice: {', '.join(sorted(double))}")

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
        raise Rejected("bad_csv", None, f"a quote sign inside a field is written twice, in quotes: {error}") from error
