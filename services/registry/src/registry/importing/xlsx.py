"""Reads the first sheet of an XLSX file on standard input and writes its rows to standard output, one JSON list a line.

A program of its own, with nothing but the standard library: ``workbook.py`` starts it without any environment, and it
limits itself before it looks at the first byte. It writes ``["row", number, cells]``, or for a row that cannot be taken
as it stands ``["wrong", number, cells, column, code, message]``, then ``["end", rows]``; for a file that is not read
any further ``["no", code, message]``.

Whatever a cell shows is given as text. A formula gives the value that was kept with it. A number of more than 15 digits
lost the others when it was typed, and a date is no value of any field: both are said and not guessed.
"""

import json
import posixpath
import re
import resource
import sys
import zipfile
import zlib
from collections.abc import Callable, Iterator
from decimal import Decimal, InvalidOperation
from typing import Any, BinaryIO, Final
from xml.parsers import expat

MEMORY: Final = 512 * 1024 * 1024
CPU_S: Final = 60
MOST_UNPACKED: Final = 512 * 1024 * 1024
"""Bytes of the parts that are read, all together; a zip file says so before it is unpacked, and is held to it."""
MOST_PARTS: Final = 5_000
MOST_ROWS: Final = 200_000
MOST_COLUMNS: Final = 100
LAST_ROW: Final = 1_048_576
"""Of a sheet, for Excel."""
LONGEST_ROW: Final = 64 * 1024
LONGEST_CELL: Final = 32_767
"""Excel's own limit."""
MOST_TEXT: Final = 96 * 1024 * 1024
"""Characters of all shared texts, which are held; what is beyond is too large for this format."""
MOST_TEXTS: Final = 2_000_000
DIGITS: Final = 15
"""So many digits of a number Excel keeps."""
LONGEST_NUMBER: Final = 7
"""Digits of the number of a row."""
CHUNK: Final = 64 * 1024
_SPLIT: Final = "save it as CSV or NDJSON, which have no such limit, or split it"
_DATES: Final = frozenset((*range(14, 23), *range(27, 37), *range(45, 48), *range(50, 59)))
_QUOTED: Final = re.compile(r'"[^"]*"|\\.|_.|\*.|\[[^\]]*\]')
_ESCAPED: Final = re.compile(r"_x([0-9A-Fa-f]{4})_")
_SURROGATE: Final = re.compile("[\ud800-\udfff]")
_PLACE: Final = re.compile(r"([A-Z]{1,3})([0-9]{1,7})").fullmatch


class No(Exception):
    """The file is not read any further."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code, self.message = code, message


def limit() -> None:
    """Give up everything that reading does not need."""
    for what, most in (
        (resource.RLIMIT_AS, MEMORY), (resource.RLIMIT_CPU, CPU_S), (resource.RLIMIT_FSIZE, 0),
        (resource.RLIMIT_NOFILE, 16), (resource.RLIMIT_CORE, 0),
    ):  # fmt: skip
        hard = resource.getrlimit(what)[1]
        lower = most if hard == resource.RLIM_INFINITY else min(most, hard)
        resource.setrlimit(what, (lower, lower))


def elements(part: BinaryIO, begin: Callable[..., None], end: Callable[[str], None] | None = None,
             text: Callable[[str], None] | None = None) -> Iterator[None]:  # fmt: skip
    """Parse a part, piece by piece, without namespaces. Raises No for a document type: entities come with it."""
    parser = expat.ParserCreate()
    parser.buffer_text = True

    def refuse(*_: Any) -> None:
        raise No("not_xlsx", "its XML declares a document type, which no XLSX file has: save it anew")

    parser.StartDoctypeDeclHandler = refuse
    parser.StartElementHandler = lambda name, given: begin(name.rpartition(":")[2], given)
    if end is not None:
        parser.EndElementHandler = lambda name: end(name.rpartition(":")[2])
    if text is not None:
        parser.CharacterDataHandler = text
    while piece := part.read(CHUNK):
        parser.Parse(piece)
        yield
    parser.Parse(b"", True)
    yield


class Book:
    """A workbook: which part is its first sheet, its texts and the formats of its numbers."""

    def __init__(self, file: BinaryIO) -> None:
        self.zip = zipfile.ZipFile(file)
        parts = self.zip.infolist()
        if len(parts) > MOST_PARTS:
            raise No("too_many_parts", f"it has more than {MOST_PARTS} parts: {_SPLIT}")
        self.unpacked = 0
        self.texts: list[str] = []
        self.formats: list[str | None] = []

    def part(self, name: str) -> BinaryIO:
        """A part, unpacked as it is read. Raises No for one that would be too large, or is not there."""
        try:
            info = self.zip.getinfo(name)
        except KeyError:
            raise No("not_xlsx", f"it has no {name}") from None
        if info.flag_bits & 1:
            raise No("encrypted", "it is protected by a password: save it without")
        self.unpacked += info.file_size
        if self.unpacked > MOST_UNPACKED:
            raise No("too_large", f"unpacked it has more than {MOST_UNPACKED // 2**20} MiB: {_SPLIT}")
        return self.zip.open(info)  # type: ignore[return-value]  # reads no more than the size it states

    def has(self, name: str) -> bool:
        """Whether there is such a part."""
        return name in self.zip.NameToInfo

    def sheet(self) -> str:
        """The part that holds the first sheet that is not hidden."""
        shown: list[str] = []
        targets: dict[str, str] = {}

        def of_book(name: str, given: dict[str, str]) -> None:
            if name == "sheet" and given.get("state", "visible") == "visible":
                shown.extend(value for key, value in given.items() if key.endswith(":id"))

        def of_relations(name: str, given: dict[str, str]) -> None:
            if name == "Relationship":
                targets[given.get("Id", "")] = given.get("Target", "")

        for _ in elements(self.part("xl/workbook.xml"), of_book):
            pass
        for _ in elements(self.part("xl/_rels/workbook.xml.rels"), of_relations):
            pass
        if not shown or shown[0] not in targets:
            raise No("not_xlsx", "it has no sheet that is not hidden")
        target = targets[shown[0]]
        return target.lstrip("/") if target.startswith("/") else posixpath.normpath(posixpath.join("xl", target))

    def read_texts(self) -> None:
        """The texts that cells share, each with its runs put together and without the reading above it."""
        if not self.has("xl/sharedStrings.xml"):
            return
        pieces: list[str] = []
        state = {"text": False, "above": False, "size": 0}

        def begin(name: str, _: dict[str, str]) -> None:
            if name == "si":
                pieces.clear()
            state["above"] = state["above"] or name == "rPh"
            state["text"] = name == "t" and not state["above"]

        def end(name: str) -> None:
            state["text"] = False
            if name == "rPh":
                state["above"] = False
            if name == "si":
                self.texts.append(unescaped("".join(pieces)))
                state["size"] += len(self.texts[-1])
                if state["size"] > MOST_TEXT or len(self.texts) > MOST_TEXTS:
                    raise No("too_large", f"it holds too much text: {_SPLIT}")

        def text(piece: str) -> None:
            if state["text"]:
                pieces.append(piece)

        for _ in elements(self.part("xl/sharedStrings.xml"), begin, end, text):
            pass

    def read_formats(self) -> None:
        """What cells look like: ``date``, so many digits (``000``), or nothing that matters."""
        if not self.has("xl/styles.xml"):
            return
        codes: dict[str, str] = {}
        where = {"cells": False}

        def begin(name: str, given: dict[str, str]) -> None:
            if name == "numFmt":
                codes[given.get("numFmtId", "")] = given.get("formatCode", "")
            elif name == "cellXfs":
                where["cells"] = True
            elif name == "xf" and where["cells"]:
                self.formats.append(_format(given.get("numFmtId", "0"), codes))

        def end(name: str) -> None:
            if name == "cellXfs":
                where["cells"] = False

        for _ in elements(self.part("xl/styles.xml"), begin, end):
            pass


def _format(number: str, codes: dict[str, str]) -> str | None:
    code = codes.get(number)
    if code is None:
        return "date" if number.isdigit() and int(number) in _DATES else None
    plain = _QUOTED.sub("", code.partition(";")[0])
    if re.fullmatch("0{2,20}", plain):
        return plain
    return "date" if re.search("[ymdhs]", plain, re.IGNORECASE) else None


def unescaped(text: str) -> str:
    """A text whose ``_x000D_`` is the sign it stands for; half a sign stands for none, and shows as lost (U+FFFD)."""
    return _SURROGATE.sub("\ufffd", _ESCAPED.sub(_sign, text)) if "_x" in text else text


def _sign(found: re.Match[str]) -> str:
    return chr(int(found[1], 16))


def _row_number(place: str | None, last: int) -> int:
    """Which row comes after the row ``last``. Raises No for one that is not below it, or below the end of any sheet."""
    if place is not None and not (len(place) <= LONGEST_NUMBER and place.isascii() and place.isdigit()):
        raise No("not_xlsx", f"a row after row {last} has no number: save it anew")
    number = int(place) if place is not None else last + 1
    if not last < number <= LAST_ROW:
        raise No("not_xlsx", f"row {number} follows row {last}, and a sheet has {LAST_ROW} at most: save it anew")
    return number


class Rows:
    """The rows of a sheet, filled as it is parsed."""

    def __init__(self, book: Book) -> None:
        self.book = book
        self.ready: list[list[Any]] = []
        self.taken = self.number = self.column = 0
        self.cells: list[str] = []
        self.wrong: tuple[int, str, str] | None = None
        self.kind = self.style = ""
        self.into: list[str] | None = None
        self.value: list[str] = []
        self.formula = self.above = False

    def begin(self, name: str, given: dict[str, str]) -> None:
        """An element begins."""
        if name == "row":
            self.number = _row_number(given.get("r"), self.number)
            self.cells, self.wrong, self.column = [], None, -1
        elif name == "c":
            self.column = _column(given.get("r"), self.column + 1)
            self.kind, self.style, self.value, self.formula = given.get("t", "n"), given.get("s", ""), [], False
        elif name == "f":
            self.formula = True
        elif name == "rPh":
            self.above = True
        self.into = self.value if name in {"v", "t"} and not self.above else None

    def text(self, piece: str) -> None:
        """Characters of a value."""
        if self.into is not None:
            self.into.append(piece)

    def end(self, name: str) -> None:
        """An element ends."""
        self.into = None
        if name == "rPh":
            self.above = False
        elif name == "c":
            self._cell("".join(self.value))
        elif name == "row":
            self._row()

    def _cell(self, raw: str) -> None:
        try:
            shown = self._shown(raw)
        except No as wrong:
            shown = raw[:40]
            self.wrong = self.wrong or (self.column, wrong.code, wrong.message)
        if shown == "":
            return
        if self.column >= MOST_COLUMNS:
            raise No("too_many_columns", f"row {self.number} has more than {MOST_COLUMNS} columns")
        if len(shown) > LONGEST_CELL:
            raise No("too_large", f"a cell of row {self.number} holds more than {LONGEST_CELL} characters")
        self.cells += [""] * (self.column + 1 - len(self.cells))
        self.cells[self.column] = shown

    def _shown(self, raw: str) -> str:
        """A cell as text. Raises No for what cannot be one."""
        if self.formula and raw == "":
            raise No("formula_without_value", "a formula whose result is not kept in the file: put the value there")
        if self.kind == "s":
            place = int(raw) if raw.isdigit() else -1
            if not 0 <= place < len(self.book.texts):
                raise No("bad_cell", "this cell points to a text that is not there: save the file anew")
            return self.book.texts[place]
        if self.kind in {"inlineStr", "str"}:
            return unescaped(raw)
        if self.kind == "e":
            raise No("cell_error", f"the cell shows the error {raw[:10]}: put the value there")
        if self.kind == "d":
            raise No("cell_is_date", "this is a date for Excel: format the column as text and enter the value again")
        if self.kind == "b":
            return {"1": "TRUE", "0": "FALSE"}.get(raw, raw)
        return _number(raw, self._format()) if raw else ""

    def _format(self) -> str | None:
        place = int(self.style) if self.style.isdigit() else 0
        return self.book.formats[place] if place < len(self.book.formats) else None

    def _row(self) -> None:
        if not self.cells:
            return
        self.taken += 1
        if sum(map(len, self.cells)) > LONGEST_ROW:
            self.wrong = (0, "line_too_long", f"a row may have {LONGEST_ROW} characters at most")
            self.cells = [self.cells[0][:LONGEST_ROW]]
        if self.taken > MOST_ROWS:
            raise No("too_many_rows", f"it has more than {MOST_ROWS} rows: {_SPLIT}")
        if self.wrong is None:
            self.ready.append(["row", self.number, self.cells])
        else:
            self.ready.append(["wrong", self.number, self.cells, *self.wrong])


def _column(place: str | None, following: int) -> int:
    """Which column, from 0, a cell is in; one without a place follows the one before."""
    found = _PLACE(place) if place else None
    if found is None:
        return following
    number = 0
    for letter in found[1]:
        number = number * 26 + ord(letter) - 64
    return number - 1


def _number(raw: str, shape: str | None) -> str:
    """A number as people wrote it: whole, never in powers of ten, with the zeros its format shows. Raises No."""
    if shape == "date":
        raise No("cell_is_date", "this is a date for Excel: format the column as text and enter the value again")
    try:
        value = Decimal(raw)
    except InvalidOperation:
        raise No("bad_cell", "this cell holds no number although it says so: save the file anew") from None
    if not value.is_finite() or value.adjusted() >= DIGITS:
        raise No("digits_lost", f"as a number this keeps {DIGITS} digits: format the column as text and enter it again")
    if value != value.to_integral_value():
        return format(value.normalize(), "f")
    return str(int(value)).zfill(len(shape or ""))


def read(file: BinaryIO, out: Callable[[list[Any]], None]) -> None:
    """Read a workbook, row by row. Raises No."""
    magic = file.read(8)
    file.seek(0)
    if magic.startswith(b"\xd0\xcf\x11\xe0"):
        raise No("not_xlsx", "it is an old .xls file, or protected by a password: save it as .xlsx, without one")
    try:
        book = Book(file)
        sheet = book.sheet()
        book.read_texts()
        book.read_formats()
        rows = Rows(book)
        for _ in elements(book.part(sheet), rows.begin, rows.end, rows.text):
            for row in rows.ready:
                out(row)
            rows.ready.clear()
    except (zipfile.BadZipFile, zlib.error, NotImplementedError, EOFError, OverflowError, ValueError) as error:
        raise No("not_xlsx", f"it is no XLSX file, or damaged ({error}): save it anew") from error
    except expat.ExpatError as error:
        raise No("not_xlsx", f"its XML is damaged ({error}): save it anew") from error
    out(["end", rows.taken])


def main() -> None:
    """Read standard input within the limits."""
    limit()

    def out(line: list[Any]) -> None:
        sys.stdout.buffer.write(json.dumps(line).encode() + b"\n")

    try:
        read(sys.stdin.buffer, out)
    except No as no:
        out(["no", no.code, no.message])
    except MemoryError:
        out(["no", "too_large", f"reading it takes more memory than {MEMORY // 2**20} MiB: {_SPLIT}"])
    sys.stdout.buffer.flush()


if __name__ == "__main__":
    main()
