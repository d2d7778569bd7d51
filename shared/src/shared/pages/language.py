"""In which language somebody reads, and which form of an answer: what the request says, weighed as RFC 9110 does."""

from collections.abc import Iterable
from enum import StrEnum
from typing import Final


class Language(StrEnum):
    """A language that every page has."""

    ZH = "zh"
    EN = "en"

    @property
    def tag(self) -> str:
        """Its BCP 47 tag, for ``lang`` attributes."""
        return _TAGS[self]

    @property
    def other(self) -> "Language":
        """The language that a page offers beside this one."""
        return Language.EN if self is Language.ZH else Language.ZH


USUAL: Final = Language.ZH
"""For whoever says nothing, or wants a language that there is none of."""
_TAGS: Final = {Language.ZH: "zh-CN", Language.EN: "en"}


def language_of(asked: str | None, accept_language: str) -> Language:
    """The language of a page: what ``?lang=`` asks for, else the best that Accept-Language names, else Chinese."""
    if asked in set(Language):
        return Language(asked)
    weights: dict[Language, float] = {}
    for tag, weight in weighed(accept_language):
        primary = tag.partition("-")[0]
        if primary in set(Language):
            weights[Language(primary)] = max(weight, weights.get(Language(primary), 0.0))
    best = max(weights, key=lambda each: weights[each], default=USUAL)
    return best if weights.get(best, 0.0) > 0 else USUAL


def prefers_html(accept: str) -> bool:
    """Whether who asks would rather read HTML than JSON (RFC 9110 §12.5.1); who does not care gets JSON."""
    weights = dict(weighed(accept))
    return weights.get("text/html", 0.0) > weights.get("application/json", 0.0)


def weighed(header: str) -> Iterable[tuple[str, float]]:
    """Each choice that a header of the Accept family names, in lower case, with its weight; a bad weight is 0."""
    for part in header.split(","):
        name, *parameters = [piece.strip().lower() for piece in part.split(";")]
        weight = next((each[2:] for each in parameters if each.startswith("q=")), "1")
        try:
            yield name, float(weight)
        except ValueError:
            yield name, 0.0
