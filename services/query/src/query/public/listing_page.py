"""The public register as a page: how many sites each service item and province has, and the sites themselves."""

from collections.abc import Awaitable, Callable
from typing import Any, Final
from urllib.parse import quote, urlencode

import msgspec
from fastapi import Response

from query.lookup.listing import Wanted
from query.public.listing import Listed
from query.public.pages import PAGES
from shared.contracts.http.listing import ListedSite, RegisterCounts
from shared.pages.reader import Reader

ADDRESS: Final = "/public/register"
MOST_AT_ONCE: Final = 100_000
"""Sites in a file."""
_encode: Final = msgspec.json.Encoder().encode


async def answer(
    reader: Reader,
    asked: dict[str, str],
    here: str | None,
    wanted: Wanted,
    listing: Awaitable[Listed],
    counts: Callable[[Wanted], Awaitable[RegisterCounts]],
) -> Response:
    """A page of the register for who prefers one, else the same as JSON.

    ``asked``: its parameters but ``after``, which is ``here``.
    """
    listed = await listing
    if not reader.html:
        body = {"items": listed.items, "next": listed.next, **listed.freshness.members()}
        return Response(_encode(body), media_type="application/json", headers={"Vary": "Accept"})
    counted = await counts(wanted)
    everything = counted if not any(wanted) else await counts(Wanted())

    def link(**changes: str | None) -> str:
        given = {**asked, **changes}
        query = urlencode({name: value for name, value in given.items() if value}, quote_via=quote)
        return f"{reader.root_path}{ADDRESS}{'?' if query else ''}{query}"

    def file(form: str) -> str:
        return link(lang=None, limit=str(MOST_AT_ONCE)).replace(ADDRESS, f"{ADDRESS}.{form}", 1)

    given: dict[str, Any] = {
        "wanted": wanted, "counted": counted, "everything": everything, "link": link, "file": file,
        "sites": [ListedSite.model_validate(each) for each in listed.items], "next": listed.next,
        "entry": lambda number: f"{reader.root_path}{ADDRESS}/{quote(number)}?lang={reader.language}",
        "here": here, "most": MOST_AT_ONCE, "as_of": listed.freshness.as_of, "narrowed": any(wanted),
        "searching": not asked.keys().isdisjoint(("number", "domain", "name")),
    }  # fmt: skip
    return PAGES.response("register_list.html", reader.language, root_path=reader.root_path, **given)
