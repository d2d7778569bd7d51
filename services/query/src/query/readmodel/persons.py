"""Takes a person out of a text: the name, however it is spaced and capitalised, and the numbers of papers."""

import re
from collections.abc import Iterable
from typing import Final

INDIVIDUAL: Final = "个人 / individual"
"""Stands for the name of an operator who is a person."""
HIDDEN: Final = "[…]"
_PLAIN: Final = {0xFF10 + each: ord("0") + each for each in range(10)} | {
    0xFF21 + each: ord("A") + each for each in range(26)
} | {0xFF41 + each: ord("a") + each for each in range(26)}  # fmt: skip
"""Digits and letters as wide as ideographs, as input methods write them: character by character the plain ones."""
_CITIZEN: Final = re.compile(
    r"(?<![0-9A-Za-z])[1-9]\d{5}[\s-]?(?:19|20)\d{2}[\s-]?(?:0[1-9]|1[0-2])[\s-]?(?:0[1-9]|[12]\d|3[01])[\s-]?\d{3}[\dXx]"
    r"(?![0-9A-Za-z])",
    re.ASCII,
)
"""A citizen's number (GB 11643): region, date of birth, sequence, check digit; also in groups."""
_PASSPORT: Final = re.compile(r"(?<![0-9A-Za-z])[A-Z]{1,2}\d{7,8}(?![0-9A-Za-z])", re.ASCII | re.IGNORECASE)
"""A passport's number, as China and its neighbours make them. Organisations have numbers alike: of persons only."""


def without_numbers(text: str, *, of_person: bool) -> str:
    """The text without citizens' numbers; ``of_person``: nor numbers of passports."""
    plain = text.translate(_PLAIN)
    spans = [found.span() for found in _CITIZEN.finditer(plain)]
    if of_person:
        spans += [found.span() for found in _PASSPORT.finditer(plain)]
    for begin, end in sorted(spans, reverse=True):
        text = text[:begin] + HIDDEN + text[end:]
    return text


def without(text: str, names: Iterable[str]) -> str:
    """The text without a person who is called so, and without the numbers of a person's papers."""
    for name in names:
        # However it is spaced and capitalised; a blank in the name may be any, or none.
        parts = [re.escape(part) for part in name.split()]
        if parts:
            text = re.sub(r"\s*".join(parts), INDIVIDUAL, text, flags=re.IGNORECASE)
    return without_numbers(text, of_person=True)
