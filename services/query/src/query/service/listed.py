"""List the public register by category, count it, search it and give it away as a file: a block at a time."""

import asyncio
from collections import Counter
from collections.abc import AsyncGenerator
from typing import Any, Final

from query.errors import CursorMalformed, KeyMalformed, OneSearchOnly
from query.lookup import listing
from query.lookup.freshness import Freshness
from query.lookup.listing import MOST_LOOKED_AT, Index, Position, Search, Wanted
from query.public import listing as shown
from query.public.listing import Listed
from query.readmodel.model import ReadModel
from query.service.state import model_of
from shared.contracts.http.listing import RegisterCounts
from shared.contracts.http.query import Format
from shared.rules.identifiers import InvalidIdentifier
from shared.runtime.acts.runtime import Runtime

BLOCK: Final = 200
"""Sites of a download that are read in one go: a few milliseconds, then others get their turn."""


def wanted_of(
    *, number: str | None = None, domain: str | None = None, name: str | None = None
) -> Search | None:  # fmt: skip
    """What is searched for, if anything. Raises OneSearchOnly, KeyMalformed (422)."""
    asked = {Index.NUMBERS: ("number", number), Index.DOMAINS: ("domain", domain), Index.NAMES: ("name", name)}
    given = [(index, field, text) for index, (field, text) in asked.items() if text is not None]
    if len(given) > 1:
        raise OneSearchOnly([{"field": field, "message": "only one of them"} for _, field, _ in given])
    for index, field, text in given:
        try:
            return listing.search_of(index, text)
        except InvalidIdentifier as wrong:
            raise KeyMalformed.field(field, wrong.message, reason=wrong.message) from wrong
    return None


async def list_register(
    rt: Runtime, wanted: Wanted, search: Search | None, *, after: str | None, limit: int
) -> Listed:  # fmt: skip
    """A page of the sites that are wanted. Of a search it may be short, or empty, and another one still follow.

    Raises CursorMalformed (422), ReadModelOutdated (503).
    """
    model = model_of(rt)
    try:
        items, last = _block(model, wanted, search, _position(after), limit)
    except listing.PlaceGone as gone:
        raise CursorMalformed.field("after", str(gone), reason=str(gone)) from gone
    return Listed(items, last.cursor if last else None, Freshness(model.as_of(), rt.clock.now()))


async def count_register(rt: Runtime, wanted: Wanted) -> RegisterCounts:
    """How many sites are as wanted, by service item, province, status and kind. Raises ReadModelOutdated (503)."""
    model = model_of(rt)
    with model.reading() as txn:
        everything = listing.counts(model, txn)
        freshness = Freshness(model.as_of_in(txn), rt.clock.now())
    found = Counter({category: sites for category, sites in everything.items() if wanted.admits(category)})
    return shown.counted(found, rt.rules, freshness)


async def download_register(
    rt: Runtime, wanted: Wanted, form: Format, *, after: str | None, limit: int
) -> tuple[Freshness, AsyncGenerator[bytes, None]]:
    """So many of the sites that are wanted, as a stream; each line has the cursor behind which the next file begins.

    Raises CursorMalformed (422), ReadModelOutdated (503).
    """
    model = model_of(rt)
    return Freshness(model.as_of(), rt.clock.now()), _lines(model, wanted, form, _position(after), limit)


async def _lines(
    model: ReadModel, wanted: Wanted, form: Format, after: Position | None, left: int
) -> AsyncGenerator[bytes, None]:
    if form is Format.CSV:
        yield shown.HEADER
    write = shown.csv if form is Format.CSV else shown.ndjson
    while left > 0:
        items, after = _block(model, wanted, None, after, min(BLOCK, left))
        if items:
            yield write(items)
        if after is None:
            return
        left -= len(items)
        await asyncio.sleep(0)


def _block(
    model: ReadModel, wanted: Wanted, search: Search | None, after: Position | None, limit: int
) -> tuple[list[dict[str, Any]], Position | None]:
    """Up to so many sites, and where the walk was left off; none where it came to its end."""
    items: list[dict[str, Any]] = []
    last = after
    with model.reading() as txn:
        for looked_at, (at, entry) in enumerate(listing.walk(model, txn, wanted, search, after)):
            if len(items) == limit or looked_at == MOST_LOOKED_AT:
                return items, last
            last = at
            if entry is not None:
                items.append(shown.line(at, entry))
    return items, None


def _position(cursor: str | None) -> Position | None:
    try:
        return None if cursor is None else listing.position_of(cursor)
    except ValueError as wrong:
        raise CursorMalformed.field("after", str(wrong), reason=str(wrong)) from wrong
