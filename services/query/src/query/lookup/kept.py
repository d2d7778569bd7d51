"""Which keys of a list were asked, kept small, and found again: who looked me up?"""

import re
import zlib
from collections.abc import Collection
from typing import Final, NamedTuple

FAST: Final = 1
_ABOVE: Final = re.compile(rb"^[^.\n]*\.(.+)$", re.MULTILINE).findall
"""The name above each name of several lines."""
_REGISTRATIONS: Final = re.compile(rb"^([^.\n]+)-\d+$", re.MULTILINE).findall
"""The registration's number of each site's number."""


class Kept(NamedTuple):
    """Keys of a list, compressed, a line each: as they were written, and the one form of those written otherwise."""

    keys: bytes
    terms: bytes

    @classmethod
    def of(cls, keys: bytes, terms: bytes) -> "Kept":
        """Compress them."""
        return cls(zlib.compress(keys, FAST), zlib.compress(terms, FAST))

    def written(self) -> bytes:
        """The keys as they were written, a line each."""
        return zlib.decompress(self.keys)

    def mentions(self, terms: Collection[str]) -> set[str]:
        """Those terms that were asked for: themselves, a name below them, or a site of the registration."""
        wanted = {term.encode() for term in terms}
        names = b"%b\n%b" % (self.written(), zlib.decompress(self.terms))
        found = wanted.intersection(_REGISTRATIONS(names))
        while names:
            found |= wanted.intersection(names.split(b"\n"))
            names = b"\n".join(_ABOVE(names))
        return {term.decode() for term in found}
