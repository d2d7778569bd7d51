"""Cutting a stream into lines: however it is chunked, the lines are the same."""

import asyncio
from collections.abc import AsyncIterator, Callable
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from registry.records_in import LONGEST_LINE, Line, lines, rows


def _cut(
    reader: Callable[[AsyncIterator[bytes]], AsyncIterator[Line]], content: bytes, places: list[int]
) -> list[tuple[int, bytes, bool]]:
    marks = sorted({place % (len(content) + 1) for place in places} | {0, len(content)})

    async def stream() -> AsyncIterator[bytes]:
        for start, end in pairwise(marks):
            yield content[start:end]

    async def read() -> list[tuple[int, bytes, bool]]:
        return [(line.number, line.raw, line.too_long) async for line in reader(stream())]

    with asyncio.Runner() as runner:
        return runner.run(read())


@given(st.lists(st.binary(max_size=20).map(lambda raw: raw.replace(b"\n", b""))), st.lists(st.integers(0, 500)))
def test_lines_do_not_depend_on_the_chunks(parts: list[bytes], places: list[int]) -> None:
    content = b"\n".join(parts)
    expected = [(number, raw, False) for number, raw in enumerate(content.split(b"\n"), 1)]
    if expected[-1][1] == b"":
        expected.pop()
    assert _cut(lines, content, places) == expected


@given(st.lists(st.integers(0, LONGEST_LINE * 2), max_size=8))
def test_a_line_that_is_too_long_is_told_once_and_the_next_one_is_read(places: list[int]) -> None:
    content = b"a\n" + b"x" * (LONGEST_LINE + 5) + b"\nb\n"
    found = _cut(lines, content, places)
    assert [(number, too_long) for number, _, too_long in found] == [(1, False), (2, True), (3, False)]
    assert found[2][1] == b"b"


@given(st.lists(st.integers(0, 60)))
def test_a_quoted_newline_does_not_end_a_row(places: list[int]) -> None:
    content = b'name,site\n"two\nlines",x\nplain,y\n'
    assert [raw for _, raw, _ in _cut(rows, content, places)] == [b"name,site", b'"two\nlines",x', b"plain,y"]
