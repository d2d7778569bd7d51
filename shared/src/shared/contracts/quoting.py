"""Somebody's words inside ours, and lists of names: put together so that what comes of it always fits.

What one door takes may be as long as a text can be (``LONGEST_REASONS``). Whoever quotes it with a word of their own
has a longer one, which nobody can keep or read: the notice or the fact is lost, and with it what waits behind it. So
ours is never cut, and the words are, with an ellipsis. Characters are counted and not bytes, as the limits do.
"""

import unicodedata
from collections.abc import Iterable
from typing import Final

from shared.contracts.base import LONGEST_REASONS

ELLIPSIS: Final = "…"
LONGEST_LIST: Final = 4_000
"""Characters of a list of names inside a text."""
_JOINER: Final = "\u200d"


def shortened(words: str, most: int) -> str:
    """The words, or as many of their first characters as there is room for, with an ellipsis.

    Nothing is cut in two that is read as one: a letter and its marks, a joined sign, the two characters of a line end.
    """
    if len(words) <= most:
        return words
    end = max(most - len(ELLIPSIS), 0)
    while end > 0 and (_goes_on(words[end]) or words[end - 1] == _JOINER):
        end -= 1
    return words[:end].rstrip() + ELLIPSIS if most > 0 else ""


def _goes_on(character: str) -> bool:
    return character == _JOINER or unicodedata.category(character)[0] == "M"


def quoting(before: str, words: str, after: str = "", *, most: int = LONGEST_REASONS) -> str:
    """Ours whole, before and after, and between them as much of somebody's words as there is room for."""
    return f"{before}{shortened(words, most - len(before) - len(after))}{after}"


def listed(items: Iterable[str], *, separator: str = ", ", most: int = LONGEST_LIST) -> str:
    """As many as fit, the first in any case, and how many more there are."""
    whole = list(items)
    shown, length = whole[:1], len("".join(whole[:1]))
    for each in whole[1:]:
        length += len(separator) + len(each)
        if length > most:
            break
        shown.append(each)
    rest = len(whole) - len(shown)
    return separator.join(shown) + (f" and {rest} more" if rest else "")
