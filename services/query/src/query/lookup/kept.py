"""Which keys of a list were asked, kept small, and found again: who looked me up?"""

import zlib
from collections.abc import Collection
from typing import Final, NamedTuple

FAST: Final = 1


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
        text = b"\n%b\n%b\n" % (self.written(), zlib.decompress(self.terms))
        return {term for term in terms if any(form in text for form in _forms(term.encode()))}


def _forms(term: bytes) -> tuple[bytes, bytes]:
    """How a term stands among lines. A name is also asked for below itself; a registration by its sites' numbers."""
    return b"\n%b\n" % term, (b".%b\n" if term.isascii() else b"\n%b-") % term
