"""Under what a site stands in the public register's lists: its category, and its name as it can be searched.

One key holds all that the lists are filtered by, and LMDB counts the sites of a key itself: the counts are exact, cost
the writer nothing, and are of the same transaction as everything else.
"""

import re
import unicodedata
from functools import lru_cache
from typing import Final, NamedTuple

ENDED: Final = "ended"
LAPSED: Final = "lapsed"
LIVE: Final = "live"
PERSON: Final = "person"
LONGEST_KEY: Final = 500
"""Bytes: LMDB takes 511."""
LONGEST_NAME: Final = 40
"""Characters of a name that are searched."""
_DIGITS: Final = re.compile(r"\d{12}").search


class Category(NamedTuple):
    """What a site is filed under. ``status``: the site's, and lapsed also where its licence has."""

    region: str
    kind: str
    status: str
    items: tuple[str, ...]

    @property
    def key(self) -> bytes:
        """Its key. Raises ValueError if it could not be read back."""
        key = f"{self.region}/{self.kind}/{self.status}/{'+'.join(self.items)}"
        encoded = key.encode()
        if len(encoded) > LONGEST_KEY or key.count("/") != 3 or "+".join(self.items).count("+") != len(self.items) - 1:
            raise ValueError(f"{key[:80]!r} cannot be a key of the register's lists")
        return encoded


@lru_cache(maxsize=4096)
def key_of(region: str, kind: str, status: str, licence_status: str | None, items: tuple[str, ...]) -> bytes:
    """The key of a site's category; there are some thousand in the country. Raises ValueError."""
    stands = LAPSED if status == LIVE and licence_status == LAPSED else status
    return Category(region, kind, stands, tuple(sorted(set(items)))).key


@lru_cache(maxsize=4096)
def category_of(key: bytes) -> Category:
    """The category that a key stands for."""
    region, kind, status, items = key.decode().split("/")
    return Category(region, kind, status, tuple(items.split("+")))


def searched(name: str) -> str:
    """The beginning of a name in the form that names are compared in."""
    folded = name.casefold() if name.isascii() else unicodedata.normalize("NFKC", name).casefold()
    return " ".join(folded.split())[:LONGEST_NAME]


def name_key(name: str, operator_kind: str) -> str | None:
    """Under which key a site is found by its name; none if everybody would find a person by it.

    What the register shows of a name leaves persons out, and a search must not tell what it leaves out.
    """
    if operator_kind == PERSON or _DIGITS(name):
        return None
    return searched(name) or None
