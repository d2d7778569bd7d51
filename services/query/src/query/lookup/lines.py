"""Cuts a stream of bytes into lines, a block at a time, in memory that does not grow with the stream."""

from collections.abc import Iterator
from typing import Final

from query.lookup.block import LONGEST_LINE

BLOCK: Final = 16 * 1024
"""Bytes of keys in a block: some 700 keys, looked up in a few milliseconds, so that others get their turn."""
_BOM: Final = b"\xef\xbb\xbf"


class Lines:
    """Takes chunks of any size, gives blocks of whole lines. A line that is too long is cut, so that it can be refused.

    ``header``: the first line names the columns and is no key.
    """

    def __init__(self, *, header: bool = False) -> None:
        self._rest = b""
        self._skipping = False
        self._first = True
        self._header = header

    def feed(self, chunk: bytes) -> Iterator[list[bytes]]:
        """The blocks that this chunk completes."""
        if self._skipping:
            end = chunk.find(b"\n")
            if end < 0:
                return
            chunk, self._skipping = chunk[end:], False
        whole, newline, self._rest = (self._rest + chunk).rpartition(b"\n")
        if len(self._rest) > LONGEST_LINE:
            self._rest, self._skipping = self._rest[: LONGEST_LINE + 1], True
        if newline:
            yield from self._blocks(whole)

    def end(self) -> Iterator[list[bytes]]:
        """The last line, if no line end followed it."""
        if self._rest:
            yield from self._blocks(self._rest)

    def _blocks(self, whole: bytes) -> Iterator[list[bytes]]:
        if self._first:
            self._first = False
            whole = whole.removeprefix(_BOM)
            if self._header:
                whole = whole.partition(b"\n")[2]
        if b"\r" in whole:
            whole = whole.replace(b"\r\n", b"\n").removesuffix(b"\r")
        start = 0
        while len(whole) - start > BLOCK:
            cut = whole.rfind(b"\n", start, start + BLOCK)
            if cut < 0:
                cut = whole.find(b"\n", start)
            if cut < 0:
                break
            yield whole[start:cut].split(b"\n")
            start = cut + 1
        yield whole[start:].split(b"\n")
