"""Names and other text that people wrote: in one form, and as a key to find the same name spelt otherwise."""

import re
import unicodedata
from typing import Final, NamedTuple

from shared.rules.identifiers.base import InvalidIdentifier, shown


class PlainText(NamedTuple):
    """Text as given, in its normal form, and as a key for comparing."""

    raw: str
    normal: str
    """NFC, one line, no private-use characters of old GB 18030 tables, no blanks at the ends."""
    key: str
    """Without regard to width, case, blanks and look-alike dots, dashes and quotes."""


# GB 18030-2005, which Python decodes by, put these in the private use area; GB 18030-2022 and Unicode have them.
_GB18030: Final = {
    0xE78D: "︐", 0xE78E: "︒", 0xE78F: "︑", 0xE790: "︓", 0xE791: "︔", 0xE792: "︕", 0xE793: "︖", 0xE794: "︗",
    0xE795: "︘", 0xE796: "︙", 0xE7C7: "ḿ", 0xE816: "\U00020087", 0xE817: "\U00020089", 0xE818: "\U000200cc",
    0xE81E: "龴", 0xE826: "龵", 0xE82B: "龶", 0xE82C: "龷", 0xE831: "\U000215d7", 0xE832: "龸", 0xE83B: "\U0002298f",
    0xE843: "龹", 0xE854: "龺", 0xE855: "\U000241fe", 0xE864: "龻",
}  # fmt: skip
_LAST_OF_PLANES: Final = "".join(
    chr(plane + last) for plane in range(0, 0x110000, 0x10000) for last in (0xFFFE, 0xFFFF)
)
_NO_CHARACTER: Final = re.compile(f"[\ufdd0-\ufdef{_LAST_OF_PLANES}]").match
_LOOK_ALIKE: Final = str.maketrans(
    {
        **dict.fromkeys("•‧∙⋅・･᛫●", "·"),
        **dict.fromkeys("‐‑‒–—―−﹣", "-"),
        **dict.fromkeys("‘’‚‛′`´", "'"),
        **dict.fromkeys("“”„‟″「」『』", '"'),
        **dict.fromkeys("○◯零", "〇"),
    }
)


def repaired(text: str) -> str:
    """The text without the private-use characters that decoding GB 18030 leaves behind."""
    return text.translate(_GB18030)


def parse_text(raw: str) -> PlainText:
    """Read a name of one line.

    Raises InvalidIdentifier(bad_text) for nothing that shows, control characters, line ends, signs that turn the
    direction of writing, and private-use characters. Characters newer than this Python's tables are taken.
    """
    normal = unicodedata.normalize("NFC", repaired(raw)).strip()
    for sign in normal:
        kind, code = unicodedata.category(sign), f"U+{ord(sign):04X}"
        if kind == "Co":
            why = f"has the private-use character {code}, which every machine shows differently: write what is meant"
            raise InvalidIdentifier("bad_text", f"{shown(raw)} {why}")
        if kind in {"Cc", "Cs", "Zl", "Zp"} or (kind == "Cf" and sign not in "\u200c\u200d") or _NO_CHARACTER(sign):
            raise InvalidIdentifier("bad_text", f"{shown(raw)} has the character {code}, which no name has")
    key = "".join(unicodedata.normalize("NFKC", normal).translate(_LOOK_ALIKE).casefold().split())
    key = key.replace("\u200c", "").replace("\u200d", "")
    if not key:
        raise InvalidIdentifier("bad_text", f"{shown(raw)} shows nothing")
    return PlainText(raw, normal, key)
