"""A file cut into rows: one fault costs one row, in time that grows with the file and not with its square."""

import asyncio
import time
from collections.abc import AsyncIterator

import pytest

from registry.importing.charsets import Charset, utf8
from registry.importing.rows import (
    LONGEST_ROW,
    NotThatFile,
    Rejected,
    Row,
    csv_reader,
    csv_rows,
    decoded,
    lines,
    read_json,
)

HEADER = "operator_name,domain"
KNOWN = ("operator_name", "domain", "number")


async def _stream(data: bytes, size: int) -> AsyncIterator[bytes]:
    for start in range(0, len(data), size):
        yield data[start : start + size]


def _rows(data: bytes, size: int = 7) -> list[Row]:
    async def go() -> list[Row]:
        return [row async for row in csv_rows(_stream(data, size))]

    return asyncio.run(go())


def _text(data: bytes, charset: str | None = "utf-8", size: int = 3) -> str:
    async def go() -> bytes:
        return b"".join([part async for part in utf8(_stream(data, size), charset, Charset())])

    return asyncio.run(go()).decode()


def _why(data: bytes, charset: str | None = "utf-8") -> str:
    with pytest.raises(NotThatFile) as wrong:
        _text(data, charset)
    return str(wrong.value.extensions)


def test_an_open_quote_costs_its_row_and_no_other() -> None:
    rows = _rows(b'a,b\n1,"open\n' + b"".join(b"%d,good\n" % number for number in range(649)))
    assert [(row.number, row.fault and row.fault[0]) for row in rows if row.fault] == [(2, "open_quote")]
    assert len(rows) == 651


def test_of_two_open_quotes_each_costs_its_own_row() -> None:
    rows = _rows(b'a,b\n1,"open\n2,good\n3,"open too\n4,good\n')
    assert [row.number for row in rows if row.fault] == [2, 4]
    assert [row.raw for row in rows if not row.fault] == [b"a,b", b"2,good", b"4,good"]


def test_a_quoted_field_may_go_over_several_lines() -> None:
    rows = _rows(b'1,"two\nlines, and ""quotes"""\n2,x\n')
    assert [(row.number, row.raw) for row in rows] == [(1, b'1,"two\nlines, and ""quotes"""'), (3, b"2,x")]


def test_a_quote_sign_inside_a_field_opens_nothing() -> None:
    assert [row.raw for row in _rows(b'1,5" disk\n2,x\n')] == [b'1,5" disk', b"2,x"]


@pytest.mark.parametrize("line", [b'a,"b\n', b'a"b,"c\n', b'"', b"\n", b'",x,"\n'])
def test_whatever_the_quotes_the_time_grows_with_the_file_and_not_with_its_square(line: bytes) -> None:
    def seconds(lines: int) -> float:
        began = time.process_time()
        _rows(b'1,"open\n' + line * lines, size=65536)
        return time.process_time() - began

    short, four_times = (min(seconds(lines) for _ in range(2)) for lines in (2_000, 8_000))
    assert four_times < 8 * max(short, 0.01), "with the square it would be sixteen times as long"


def test_a_lone_carriage_return_is_a_rejection_and_ends_nothing() -> None:
    read = csv_reader(Row(1, HEADER.encode()), KNOWN)
    with pytest.raises(Rejected) as wrong:
        read(Row(2, b"a\rb,c.example"))
    assert wrong.value.code == "bad_csv"
    assert read(Row(3, b"a,c.example")) == {"operator_name": "a", "domain": "c.example"}


def test_a_line_too_long_is_given_up_and_reading_goes_on() -> None:
    async def go() -> list[Row]:
        return [row async for row in lines(_stream(b"x" * (LONGEST_ROW * 3) + b"\nshort\n", 1000))]

    rows = asyncio.run(go())
    assert [(row.number, row.fault and row.fault[0]) for row in rows] == [(1, "line_too_long"), (2, None)]
    assert len(rows[0].raw) < 1000, "nothing of it is kept but its beginning"


@pytest.mark.parametrize("size", [1, 2, 3, 5000])
def test_a_byte_order_mark_is_no_part_of_the_text_however_it_is_cut(size: int) -> None:
    assert _text("\ufeff药店,x\n".encode(), size=size) == "药店,x\n"
    assert _text("药店,x\n".encode("utf-16"), "utf-16", size) == "药店,x\n"
    assert _text("药店,x\n".encode("gb18030"), "GBK", size) == "药店,x\n"


def test_a_file_in_another_charset_gets_a_hint() -> None:
    assert "charset=gb18030" in _why("名称,药店\n北京药店,x\n".encode("gb18030"))
    assert "charset=utf-16" in _why("名称\n".encode("utf-16"))
    assert "utf-8, gb18030, utf-16" in _why(b"x", "latin-1")
    assert "CR alone" in _why(b"a,b\rc,d\r")


def test_one_bad_byte_in_a_utf8_file_does_not_make_it_another_charset() -> None:
    text = "药店,x\n".encode() * 3 + b"\xb1\xb1\xbe\xa9,y\n"

    async def go() -> bytes:
        return b"".join([part async for part in utf8(_stream(text, 5), "utf-8", Charset())])

    assert asyncio.run(go()) == text
    with pytest.raises(Rejected) as wrong:
        decoded(Row(4, b"\xb1\xb1,y"))
    assert wrong.value.code == "not_utf8"


@pytest.mark.parametrize(
    ("header", "says"),
    [
        ("operator_name,Number", "unknown columns: Number"),
        ("domain,domain", "twice: domain"),
        ('{"domain": "a.example"}', "this is JSON"),
        ('[{"domain": "a.example"}]', "this is JSON"),
        ('operator_name,"domain"x', "a quote sign"),
    ],
)
def test_a_header_that_is_none_is_refused_with_its_reason(header: str, says: str) -> None:
    with pytest.raises(NotThatFile) as wrong:
        csv_reader(Row(1, header.encode()), KNOWN)
    assert says in str(wrong.value.extensions)


def test_a_row_with_other_columns_than_the_header_is_rejected() -> None:
    with pytest.raises(Rejected) as wrong:
        csv_reader(Row(1, HEADER.encode()), KNOWN)(Row(2, b"a,b,c"))
    assert wrong.value.code == "wrong_columns"


@pytest.mark.parametrize("raw", [b"a,b", b"[]", b"3", b'{"a": 1', b"\xff"])
def test_what_is_no_json_object_is_rejected(raw: bytes) -> None:
    with pytest.raises(Rejected):
        read_json(Row(1, raw))


def test_results_never_show_a_persons_number() -> None:
    shown = Row(1, b'{"operator_uscc": "11010519491231002X", "n": "911101080828461726"}').shown
    assert "11010519491231002X" not in shown
    assert "911101080828461726" in shown


HEAD = "operator_name,domain\n"
CHINESE = f"{HEAD}北京市某某药店有限公司,yaodian.example\n上海书店,shudian.example\n"


@pytest.mark.parametrize("size", [1, 3, 5000])
@pytest.mark.parametrize(
    ("data", "name"),
    [
        (CHINESE.encode(), "utf-8"), (b"\xef\xbb\xbf" + CHINESE.encode(), "utf-8"), (HEAD.encode(), "utf-8"),
        (CHINESE.encode("gb18030"), "gb18030"), ((HEAD + "龙䶮𠮷有限责任公司药店\n").encode("gb18030"), "gb18030"),
        (CHINESE.encode("utf-16"), "utf-16"), (CHINESE.encode("utf-16-le"), "utf-16-le"),
        (CHINESE.encode("utf-16-be"), "utf-16-be"), (b"\xfe\xff" + CHINESE.encode("utf-16-be"), "utf-16"),
        ((HEAD + "a,b\n" * 20_000 + CHINESE).encode("gb18030"), "gb18030"),
    ],
)  # fmt: skip
def test_a_charset_that_nobody_said_is_recognised_and_told(data: bytes, name: str, size: int) -> None:
    async def go() -> tuple[str, Charset]:
        found = Charset()
        text = b"".join([part async for part in utf8(_stream(data, size * 997), None, found)])
        return text.decode(), found

    text, found = asyncio.run(go())
    assert (found.name, found.recognised) == (name, True)
    assert text == data.decode("utf-8-sig" if name == "utf-8" else name)


@pytest.mark.parametrize(
    "data",
    [
        (HEAD + "東京都の書店,a.example\n").encode("shift_jis"), (HEAD + "臺北市藥局股份有限公司\n").encode("big5"),
        (HEAD + "Привет, друзья и коллеги\n").encode("cp1251"), (HEAD + "Café Zürich\n").encode("latin-1"),
        (HEAD + "北京\n").encode("gb18030"), b"PK\x03\x04\0\0\0\0", HEAD.encode("utf-32-le"),
    ],
)  # fmt: skip
def test_what_could_be_this_or_that_is_refused_with_the_way_out(data: bytes) -> None:
    assert "charset=gb18030" in _why(data, None) or "Content-Type" in _why(data, None)


def test_what_a_sender_says_is_what_it_is_read_as() -> None:
    assert _text("北京\n".encode("gb18030"), "gb18030") == "北京\n"
    assert "charset=gb18030" in _why(CHINESE.encode("gb18030"), "utf-8")


@pytest.mark.parametrize("lost", ["药\ufffd店", "\ufffd"])
def test_a_row_that_has_lost_characters_is_rejected_and_no_name_is_entered_without_them(lost: str) -> None:
    with pytest.raises(Rejected) as wrong:
        decoded(Row(4, lost.encode()))
    assert wrong.value.code == "characters_lost"
    half = _text((HEAD + CHINESE).encode("gb18030") + b"\xff\xff,x\n", "gb18030")
    with pytest.raises(Rejected):
        decoded(Row(5, half.splitlines()[-1].encode()))
