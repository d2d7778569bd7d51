"""What a text file is written in: as its sender says, or recognised by its beginning where that is clear."""

import codecs
import re
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Final

from registry.importing.rows import NotThatFile

BEGINNING: Final = 4096
"""Bytes that are looked at to see what a file is."""
LONGEST_BEGINNING: Final = 256 * 1024
"""As long as nothing but ASCII was seen, which says nothing about what is to come."""
CHARSETS: Final = {"utf-8": "utf-8", "utf8": "utf-8", "gb18030": "gb18030", "gbk": "gb18030", "gb2312": "gb18030",
                   "utf-16": "utf-16", "utf-16le": "utf-16-le", "utf-16be": "utf-16-be"}  # fmt: skip
_KNOWN: Final = "utf-8, gb18030, utf-16"
_LEAST_SIGNS: Final = 4
"""Chinese characters by which GB18030 is told from other codes of two bytes; with fewer it is anybody's guess."""
_USUAL: Final = 0.75
"""Share of them among the signs and the 3,755 usual characters of GB 2312, whose two bytes both begin at A1."""
_PAIR: Final = re.compile(rb"[\x81-\xfe][\x30-\x39][\x81-\xfe][\x30-\x39]|[\x81-\xfe][\x40-\xfe]")
_USUAL_PAIR: Final = re.compile(rb"[\xa1-\xa3\xa6\xb0-\xd7][\xa1-\xfe]")
_MARKS: Final = (
    (codecs.BOM_UTF8, "utf-8"), (codecs.BOM_UTF16_LE, "utf-16"), (codecs.BOM_UTF16_BE, "utf-16"),
)  # fmt: skip
_WAY_OUT: Final = "save the file as UTF-8, or say what it is: Content-Type: text/csv; charset=gb18030"


@dataclass(slots=True)
class Charset:
    """What a file is read as; known from its first bytes on."""

    name: str | None = None
    recognised: bool = False
    """It was not said, but seen."""


async def utf8(stream: AsyncIterator[bytes], stated: str | None, found: Charset) -> AsyncIterator[bytes]:
    """The same stream in UTF-8, without a byte-order mark. ``stated``: none where the sender does not say.

    Raises NotThatFile for a charset nobody can read here, for one that is not the file's, and where it is not clear.
    """
    if stated is not None:
        found.name = CHARSETS.get(stated.strip().strip('"').lower())
        if found.name is None:
            raise NotThatFile.field("charset", f"{stated[:40]} is none of {_KNOWN}")
    head = bytearray()
    begun, decoder = False, None
    async for chunk in stream:
        if begun:
            yield chunk if decoder is None else decoder.decode(chunk).encode()
            continue
        head += chunk
        if len(head) >= BEGINNING and (found.name or not head.isascii() or len(head) >= LONGEST_BEGINNING):
            decoder, text = _begin(bytes(head), found)
            begun = True
            yield text
    if not begun:
        decoder, text = _begin(bytes(head), found)
        yield text
    if decoder is not None and (rest := decoder.decode(b"", final=True)):
        yield rest.encode()


def _begin(head: bytes, found: Charset) -> tuple[codecs.IncrementalDecoder | None, bytes]:
    """How to read on after the beginning of a file, and that beginning. Raises NotThatFile."""
    if found.name is None:
        found.name, found.recognised = recognised(head), True
    decoder = None if found.name == "utf-8" else codecs.getincrementaldecoder(found.name)("replace")
    return decoder, checked(head if decoder is None else decoder.decode(head).encode(), found.name)


def recognised(head: bytes) -> str:
    """What the beginning of a file is written in. Raises NotThatFile where it could be this or that."""
    for mark, name in _MARKS:
        if head.startswith(mark):
            return name
    if head[:2].isascii() and (wide := _without_mark(head)):
        return wide
    if b"\0" in head:
        raise NotThatFile.field("body", "this is no text file: send CSV, NDJSON or XLSX, with its own Content-Type")
    spoken = [is_text(line, "utf-8") for line in head.split(b"\n") if not line.isascii()]
    if spoken.count(True) >= spoken.count(False):
        return "utf-8"
    pairs = _PAIR.findall(head) if is_text(head, "gb18030") else []
    usual = sum(_USUAL_PAIR.fullmatch(pair) is not None for pair in pairs)
    if len(pairs) >= _LEAST_SIGNS and usual >= _USUAL * len(pairs):
        return "gb18030"
    raise NotThatFile.field("charset", f"the file is not UTF-8, and what it is is not clear: {_WAY_OUT}")


def _without_mark(head: bytes) -> str | None:
    """UTF-16 by its first line, the header: each letter of it stands beside a zero."""
    letters = head[: min(len(head), 32) & ~1]
    one, other = letters[::2], letters[1::2]
    if len(one) < _LEAST_SIGNS:
        return None
    if not any(other) and all(one):
        return "utf-16-le"
    return "utf-16-be" if not any(one) and all(other) else None


def checked(head: bytes, charset: str) -> bytes:
    """The beginning of a file without its mark. Raises NotThatFile if it can be seen that this is another charset."""
    if head.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)) and charset == "utf-8":
        raise NotThatFile.field("charset", "the file is UTF-16: save it as UTF-8, or send charset=utf-16")
    head = head.removeprefix(codecs.BOM_UTF8)
    spoken = [is_text(line, "utf-8") for line in head.split(b"\n") if not line.isascii()]
    if spoken.count(False) > spoken.count(True) and is_text(head, "gb18030"):
        raise NotThatFile.field(
            "charset", "the file is not UTF-8 and looks like GB18030: save it as UTF-8, or send charset=gb18030"
        )
    if b"\n" not in head and b"\r" in head.rstrip(b"\r"):
        raise NotThatFile.field("body", "its lines end with CR alone: save it with line feeds")
    return head


def is_text(text: bytes, charset: str) -> bool:
    """Whether this is text of a charset; its last character may be cut off."""
    try:
        codecs.getincrementaldecoder(charset)().decode(text)
    except UnicodeDecodeError:
        return False
    return True
