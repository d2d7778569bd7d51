"""Fonts that documents are shown in: the first of three that has a character; see ``typefaces/README.md``."""

import io
import lzma
import re
from collections.abc import Iterator
from functools import cache
from itertools import groupby
from pathlib import Path
from typing import Any, Final

from reportlab.pdfbase import pdfmetrics, ttfonts

_FOLDER: Final = Path(__file__).parent / "typefaces"
_FILES: Final = ("NotoSansSC-Regular", "NotoSansJP-Rare", "NotoSansHK-Rare")
_BEYOND: Final = re.compile(r"(<[0-9A-F]{2}>) <([0-9A-F]{5,6})>")

_made_by_reportlab = ttfonts.makeToUnicodeCMap


def _utf16(fontname: str, subset: Any) -> str:
    """What a glyph means, for who copies or searches text: reportlab writes what lies beyond U+FFFF not as UTF-16."""
    made: str = _made_by_reportlab(fontname, subset)
    return _BEYOND.sub(lambda found: f"{found[1]} <{chr(int(found[2], 16)).encode('utf-16-be').hex().upper()}>", made)


ttfonts.makeToUnicodeCMap = _utf16


@cache
def fonts() -> dict[str, frozenset[int]]:
    """Name of each font → the code points it has. Loaded once a process: half a second, and 11 MB that stay."""
    loaded = {}
    for name in _FILES:
        font = ttfonts.TTFont(name, io.BytesIO(lzma.decompress((_FOLDER / f"{name}.ttf.xz").read_bytes())))
        pdfmetrics.registerFont(font)
        loaded[name] = frozenset(code for code, glyph in font.face.charToGlyph.items() if glyph)
    return loaded


def font_of(character: str) -> str | None:
    """The font that shows a character; None if none does."""
    return next((name for name, codes in fonts().items() if ord(character) in codes), None)


def shown(text: str) -> tuple[str, tuple[str, ...]]:
    """The text with each character that no font has replaced by its code point, ``[U+2A6D6]``; and those characters."""
    missing = tuple(dict.fromkeys(character for character in text if font_of(character) is None))
    for character in missing:
        text = text.replace(character, f"[U+{ord(character):04X}]")
    return text, missing


def runs(text: str) -> Iterator[tuple[str, str]]:
    """Font and piece of each run of a text that ``shown`` gave."""
    for name, characters in groupby(text, font_of):
        piece = "".join(characters)
        if name is None:
            raise LookupError(f"no font has {piece!r}: call shown() first")
        yield name, piece


def width(text: str, size: float) -> float:
    """How wide it is, in points."""
    return float(sum(pdfmetrics.stringWidth(piece, name, size) for name, piece in runs(text)))
