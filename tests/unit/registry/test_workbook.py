"""XLSX: what cells show comes as text, what cannot be one is said, and a file that wants too much is ended."""

import asyncio
import io
import json
import os
import struct
import subprocess
import sys
import time
import zipfile
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from registry.importing import workbook as reader
from registry.importing import xlsx
from registry.importing.rows import NotThatFile, Rejected, Row, read_json
from tests.unit.registry.workbooks import DATE, OWN_DATE, SIX_DIGITS, number, sheet, text, workbook

KNOWN = ("operator_name", "operator_uscc", "region", "number", "domain")
HEADER = ("operator_uscc", "region", "domain")


async def _stream(data: bytes) -> AsyncIterator[bytes]:
    for start in range(0, len(data), 65_536):
        yield data[start : start + 65_536]


def _rows(data: bytes) -> list[Row]:
    async def go() -> list[Row]:
        return [row async for row in reader.rows(_stream(data), KNOWN)]

    return asyncio.run(go())


def _read(*rows: Any) -> list[Any]:
    """What each row says, or the code and field of its fault."""
    found: list[Any] = []
    for row in _rows(workbook([HEADER, *rows])):
        try:
            found.append(tuple(read_json(row).values()))
        except Rejected as wrong:
            found.append((wrong.code, wrong.field))
    return found


def _why(data: bytes) -> str:
    with pytest.raises(NotThatFile) as wrong:
        _rows(data)
    return str(wrong.value.extensions)


def test_what_cells_show_comes_as_text() -> None:
    assert _read(
        ("91110000MA01CNCRD6", number("110000"), "a.example"),
        ("001", number("7", SIX_DIGITS), "b.example"),
        (number("1.1E+5"), number("310000.0"), text("药店𠮷䶮")),
        (number("123456789012345"), number("1.5"), '<c t="b"><v>1</v></c>'),
    ) == [
        ("91110000MA01CNCRD6", "110000", "a.example"),
        ("001", "000007", "b.example"),
        ("110000", "310000", "药店𠮷䶮"),
        ("123456789012345", "1.5", "TRUE"),
    ]


@pytest.mark.parametrize(
    ("cell", "code"),
    [
        (number("9.1110000800000001E+17"), "digits_lost"), (number("911100008000000017"), "digits_lost"),
        (number("46022", DATE), "cell_is_date"), (number("46022", OWN_DATE), "cell_is_date"),
        ('<c t="d"><v>2026-01-01</v></c>', "cell_is_date"), ('<c t="e"><v>#N/A</v></c>', "cell_error"),
        ("<c><f>A1</f></c>", "formula_without_value"), ('<c t="s"><v>7</v></c>', "bad_cell"),
        ('<c t="s"><v>-1</v></c>', "bad_cell"), (number("NaN"), "digits_lost"), (number("x"), "bad_cell"),
        (number("1E+999999999"), "digits_lost"),
    ],
)  # fmt: skip
def test_a_cell_that_is_not_what_somebody_wrote_costs_its_row_and_names_its_field(cell: str, code: str) -> None:
    assert _read((cell, "110000", "a.example"), ("b", "110000", "b.example")) == [
        (code, "operator_uscc"), ("b", "110000", "b.example")
    ]  # fmt: skip


def test_a_formula_gives_the_value_that_was_kept_with_it_and_is_not_calculated() -> None:
    cell = '<c t="str"><f>HYPERLINK("http://evil.example")</f><v>kept.example</v></c>'
    assert _read(("a", "110000", cell)) == [("a", "110000", "kept.example")]


def test_shared_texts_come_without_the_reading_above_them_and_rows_keep_their_numbers() -> None:
    texts = (
        "<sst><si><t>operator_name</t></si><si><r><t>北京</t></r><r><t>药店</t></r><rPh><t>beijing</t></rPh></si>"
        "<si><t>_x0041_B</t></si></sst>"
    )
    rows = (
        '<worksheet><sheetData><row r="2"><c r="A2" t="s"><v>0</v></c></row><row r="3"/>'
        '<row r="7"><c r="A7" t="s"><v>1</v></c></row><row r="9"><c r="A9" t="s"><v>2</v></c></row>'
        '<row r="10"><c r="C10" t="s"><v>2</v></c></row></sheetData></worksheet>'
    )
    found = _rows(workbook(parts={"xl/sharedStrings.xml": texts, "xl/worksheets/sheet1.xml": rows}))
    assert [(row.number, json.loads(row.raw)["operator_name"]) for row in found] == [
        (7, "北京药店"), (9, "AB"), (10, "")
    ]  # fmt: skip
    assert found[2].fault is not None
    assert found[2].fault[0] == "wrong_columns"


@pytest.mark.parametrize(
    "numbers", [("3000000000",), ("2", "2"), ("3", "2"), ("1048577",), ("9" * 5000,), ("٣",), ("",)]
)
def test_rows_rise_and_end_where_a_sheet_does(numbers: tuple[str, ...]) -> None:
    rows = "".join(f'<row r="{each}"><c t="str"><v>a</v></c></row>' for each in numbers)
    header = '<row r="1"><c t="str"><v>domain</v></c></row>'
    part = f"<worksheet><sheetData>{header}{rows}</sheetData></worksheet>"
    assert "save it anew" in _why(workbook(parts={"xl/worksheets/sheet1.xml": part}))


def test_half_a_sign_is_a_character_that_was_lost_and_costs_its_row() -> None:
    assert _read(("_xD800_", "110000", "a.example"), ("b", "110000", "b_xdfff_"), ("c", "110000", "c")) == [
        ("characters_lost", None), ("characters_lost", None), ("c", "110000", "c")
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (b"", "no XLSX file"), (b"PK\x03\x04 and nothing else", "no XLSX file"), (b"\xd0\xcf\x11\xe0" * 9, "password"),
        (workbook(parts={"xl/workbook.xml": "<workbook"}), "XML is damaged"),
        (workbook(parts={"xl/workbook.xml": "<workbook/>"}), "no sheet"),
        (workbook([("Number",)]), "unknown columns"), (workbook([("domain", "domain")]), "twice"),
        (workbook([[number("5", DATE)]]), "date"),
        (workbook(parts={"xl/worksheets/sheet1.xml": '<!DOCTYPE a [<!ENTITY x SYSTEM "file:///etc/passwd">]>'
                         "<worksheet><sheetData><row><c t='str'><v>&x;</v></c></row></sheetData></worksheet>"}),
         "document type"),
        (workbook(parts={"xl/sharedStrings.xml": '<!DOCTYPE a [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;">]><sst/>'}),
         "document type"),
        (workbook([["x"] * (xlsx.MOST_COLUMNS + 1)]), "columns"),
    ],
)  # fmt: skip
def test_a_file_that_is_none_or_hides_something_is_refused_with_the_way_out(data: bytes, says: str) -> None:
    assert says in _why(data)


def test_a_bomb_is_not_unpacked() -> None:
    bomb = workbook(parts={"xl/sharedStrings.xml": b"<sst>" + b" " * (xlsx.MOST_UNPACKED + 1)})
    assert len(bomb) < 1024 * 1024
    began = time.monotonic()
    assert "MiB" in _why(bomb)
    assert time.monotonic() - began < 5


def test_a_part_that_lies_about_its_size_gives_no_more_than_it_says() -> None:
    honest = workbook(parts={"xl/sharedStrings.xml": b"<sst>" + b" " * 50_000_000 + b"</sst>"})
    place = honest.rindex(b"xl/sharedStrings.xml") - 46 + 24
    lying = honest[:place] + struct.pack("<I", 100) + honest[place + 4 :]
    with zipfile.ZipFile(io.BytesIO(lying)) as file:
        assert file.getinfo("xl/sharedStrings.xml").file_size == 100
    assert "damaged" in _why(lying)


def test_what_takes_too_much_memory_is_ended_and_said() -> None:
    one_text = b"<sst><si><t>" + b"x" * (xlsx.MEMORY - 100 * 2**20) + b"</t></si></sst>"
    assert "takes more memory" in _why(workbook(parts={"xl/sharedStrings.xml": one_text}))


@pytest.mark.parametrize(
    ("what", "most"),
    [("MOST_ROWS", 3), ("MOST_TEXTS", 3), ("MOST_TEXT", 20), ("MOST_UNPACKED", 800), ("MOST_PARTS", 4)],
)
def test_of_everything_there_is_a_most(what: str, most: int, monkeypatch: pytest.MonkeyPatch) -> None:
    texts = f"<sst>{'<si><t>domain</t></si>' * 4}</sst>"
    data = workbook([["domain"], *[["a.example"]] * 3], {"xl/sharedStrings.xml": texts})
    said: list[Any] = []
    xlsx.read(io.BytesIO(data), said.append)
    assert said[-1] == ["end", 4]
    monkeypatch.setattr(xlsx, what, most)
    with pytest.raises(xlsx.No) as no:
        xlsx.read(io.BytesIO(data), said.append)
    assert "save it as CSV" in no.value.message


def test_a_file_larger_than_what_is_taken_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reader, "MOST", 1000)
    assert "at most" in _why(workbook([["domain"], ["a.example"]], {"x": os.urandom(2000)}))


@pytest.mark.parametrize("program", ["while True: pass", "import time; time.sleep(60)", "import os; os.abort()"])
def test_a_reader_that_hangs_or_dies_is_ended_and_said(
    program: str, tmp_path: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "hangs.py").write_text(program)
    monkeypatch.setattr(reader, "_PROGRAM", tmp_path / "hangs.py")
    monkeypatch.setattr(reader, "STALLED_S", 0.5)
    assert "was ended" in _why(workbook())
    ours = str(tmp_path / "hangs.py")
    running = subprocess.run(["ps", "-eo", "args"], capture_output=True, text=True, check=True).stdout
    assert ours not in running, "nobody is left behind"


def test_the_reader_has_its_limits_before_it_reads_and_knows_nothing_of_us(
    tmp_path: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    program = (
        f"import sys; sys.path.insert(0, {str(Path(xlsx.__file__).parent)!r}); import xlsx; xlsx.limit();"
        "from resource import *; print([getrlimit(each)[1] for each in (RLIMIT_AS, RLIMIT_CPU, RLIMIT_FSIZE)])"
    )
    said = subprocess.run([sys.executable, "-I", "-S", "-c", program], capture_output=True, text=True, check=True)
    assert json.loads(said.stdout) == [xlsx.MEMORY, xlsx.CPU_S, 0]

    spy = tmp_path / "spy.py"
    spy.write_text('import json, os\nprint(json.dumps(["no", "spy", json.dumps(dict(os.environ))]))\n')
    monkeypatch.setattr(reader, "_PROGRAM", spy)
    monkeypatch.setenv("CONCORD_IDENTITY_KEY", "k" * 40)
    message = _why(workbook())
    assert "spy" in message
    assert "CONCORD" not in message
    assert "PATH" not in message


def test_a_sheet_of_many_rows_is_read_at_the_pace_of_an_import() -> None:
    rows = sheet([HEADER, *[("a", "110000", f"a{n}.example") for n in range(10_000)]])
    data = workbook(parts={"xl/worksheets/sheet1.xml": rows})
    began = time.process_time()
    assert len(_rows(data)) == 10_000
    assert time.process_time() - began < 5
