"""Walks through the sites of the register: by category, or by the beginning of a number, a domain or a name.

A walk goes by the keys of one index, and by id under one key; where it was left off is a text that anybody can bring
back. A site that moves to another key while somebody walks may be met twice, or not at all.
"""

import base64
import binascii
import unicodedata
from collections import Counter
from collections.abc import Iterator
from enum import StrEnum
from operator import itemgetter
from typing import Any, Final, NamedTuple

from query.lookup.keys import host
from query.lookup.point import Hit, group
from query.readmodel.categories import ENDED, PERSON, Category, category_of, searched
from query.readmodel.layout import FOUND, ID, THEN
from query.readmodel.model import ReadModel
from query.readmodel.records import Entry, id_of
from shared.rules.identifiers import InvalidIdentifier, normalise_domain

MOST_LOOKED_AT: Final = 2_000
"""Sites that a page of a search looks at; what it did not come to comes with the next."""
LONGEST_KEY: Final = 511
"""Bytes of a key, as LMDB has it."""
HIDDEN_KEY: Final = b"\0"
"""No key begins so."""


class PlaceGone(Exception):
    """A walk was left off at a site that is not there any more."""


class Index(StrEnum):
    """What a search goes by."""

    NUMBERS = "numbers"
    DOMAINS = "domains"
    NAMES = "names"


class Wanted(NamedTuple):
    """What sites a list is of; none: any. Ended sites are in it only where it is of them."""

    item: str | None = None
    region: str | None = None
    kind: str | None = None
    status: str | None = None

    def admits(self, category: Category) -> bool:
        """Whether sites of this category are in it."""
        return (
            (self.item is None or self.item in category.items)
            and (self.region is None or self.region == category.region)
            and (self.kind is None or self.kind == category.kind)
            and (category.status != ENDED if self.status is None else self.status == category.status)
        )


class Search(NamedTuple):
    """The beginning of what is searched for, in the form of its index."""

    by: Index
    prefix: str


class Position(NamedTuple):
    """Where a walk was left off: the last site that it came to, and under which key.

    ``place``: of a person's site the key is a name that no list shows; what is brought back says the how manieth of the
    site's names it was.
    """

    key: bytes
    site_id: bytes
    place: int | None = None

    @property
    def cursor(self) -> str:
        """As a text to bring back."""
        key = self.key if self.place is None else HIDDEN_KEY + self.place.to_bytes(2, "big")
        return base64.urlsafe_b64encode(self.site_id + key).rstrip(b"=").decode()


class Met(NamedTuple):
    """A site that a walk came to; ``entry`` is none where it is not of what is wanted."""

    at: Position
    entry: Entry | None


def position_of(cursor: str) -> Position:
    """Where a walk is to go on. Raises ValueError for a text that none of ours is."""
    try:
        found = base64.b64decode(cursor + "=" * (-len(cursor) % 4), altchars=b"-_", validate=True)
    except (binascii.Error, ValueError) as wrong:
        raise ValueError("it is no `next` of a page") from wrong
    if not ID < len(found) <= ID + LONGEST_KEY:
        raise ValueError("it is no `next` of a page")
    return Position(found[ID:], found[:ID])


def _found_again(model: ReadModel, txn: Any, at: Position) -> Position:
    """A position as the index has it. Raises PlaceGone where the site is."""
    if not at.key.startswith(HIDDEN_KEY):
        return at
    entry = model.entry(txn, at.site_id)
    names = sorted(entry.site.domains) if entry is not None else []
    if not names:
        raise PlaceGone("the site that it stood at is gone: begin again without it")
    place = min(int.from_bytes(at.key[1:], "big"), len(names) - 1)
    return Position(names[place].encode(), at.site_id, place)


def search_of(index: Index, text: str) -> Search:
    """What is searched for, as its index has it. Raises InvalidIdentifier where nothing could begin so."""
    if index is Index.NAMES:
        prefix = searched(text)
    elif index is Index.NUMBERS:
        prefix = "".join(unicodedata.normalize("NFKC", text).upper().split())
    else:
        prefix = host(text).lower()
        if not prefix.isascii():
            alone = "." not in prefix  # one whole label: no part of it begins as it does in A-labels
            prefix = normalise_domain(f"{prefix}.test" if alone else prefix).ascii
            prefix = prefix.removesuffix("test") if alone else prefix
    if not 0 < len(prefix.encode()) <= LONGEST_KEY:
        raise InvalidIdentifier("bad_search", "nothing begins with this")
    return Search(index, prefix)


def counts(model: ReadModel, txn: Any) -> Counter[Category]:
    """How many sites each category has, exactly: LMDB counts what stands under a key."""
    cursor = txn.cursor(model.db["categories"])
    return Counter({category_of(bytes(key)): cursor.count() for key in cursor.iternext_nodup(keys=True, values=False)})


def walk(model: ReadModel, txn: Any, wanted: Wanted, search: Search | None, after: Position | None) -> Iterator[Met]:
    """The sites that are wanted, one after the other; of a search also those that are not, without their entries."""
    if search is None:
        yield from _by_category(model, txn, wanted, after)
        return
    hits = _by_domain if search.by is Index.DOMAINS else _by_key
    for at, entry in hits(model, txn, search, after):
        once = at.key.decode() == min(key for key in _keys(entry, search.by) if key.startswith(search.prefix))
        yield Met(at, entry if once and wanted.admits(category_of(entry.category)) else None)


def _keys(entry: Entry, index: Index) -> set[str]:
    """What a site is found by in an index."""
    if index is Index.NUMBERS:
        return entry.numbers
    return set(entry.site.domains) if index is Index.DOMAINS else {entry.name_key or ""}


def _by_category(model: ReadModel, txn: Any, wanted: Wanted, after: Position | None) -> Iterator[Met]:
    cursor = txn.cursor(model.db["categories"])
    there = cursor.first() if after is None else _beyond(cursor, after)
    while there:
        key = bytes(cursor.key())
        if not wanted.admits(category_of(key)):
            there = cursor.next_nodup()
            continue
        site_id = bytes(cursor.value())
        yield Met(Position(key, site_id), model.entry(txn, site_id))
        there = cursor.next()


def _by_key(model: ReadModel, txn: Any, search: Search, after: Position | None) -> Iterator[tuple[Position, Entry]]:
    cursor, prefix = txn.cursor(model.db[search.by]), search.prefix.encode()
    there = cursor.set_range(prefix) if after is None else _beyond(cursor, after)
    while there and bytes(cursor.key()).startswith(prefix):
        at = Position(bytes(cursor.key()), bytes(cursor.value()))
        entry = model.entry(txn, at.site_id)
        if entry is not None:
            yield at, entry
        there = cursor.next()


def _by_domain(model: ReadModel, txn: Any, search: Search, after: Position | None) -> Iterator[tuple[Position, Entry]]:
    """The same by domains, whose answers lie ready: of a domain that several sites have, by their ids."""
    after = after and _found_again(model, txn, after)
    cursor, prefix = txn.cursor(model.db["domains"]), search.prefix.encode()
    there = cursor.set_range(prefix if after is None else after.key)
    while there and bytes(cursor.key()).startswith(prefix):
        key = bytes(cursor.key())
        body = bytes(cursor.value())[len(FOUND) + len(key) + len(THEN) :]
        sites = {id_of(entry.site.site_id): entry for entry in group(Hit(0, body)).entries}
        for site_id, entry in sorted(sites.items(), key=itemgetter(0)):
            if after is None or (key, site_id) > after[:2]:
                hidden = sorted(entry.site.domains).index(key.decode()) if entry.operator.kind == PERSON else None
                yield Position(key, site_id, hidden), entry
        there = cursor.next()


def _beyond(cursor: Any, after: Position) -> bool:
    """Put a cursor behind a position, whether or not that is still there."""
    if not cursor.set_range(after.key):
        return False
    if bytes(cursor.key()) != after.key:
        return True
    if not cursor.set_range_dup(after.key, after.site_id):
        return bool(cursor.set_key(after.key) and cursor.next_nodup())
    return bool(cursor.next()) if bytes(cursor.value()) == after.site_id else True
