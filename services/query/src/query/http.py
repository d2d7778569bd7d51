"""The HTTP door of query: parse, call, shape."""

from dataclasses import asdict
from datetime import timedelta
from functools import partial
from typing import Annotated, Any, Final
from uuid import UUID

from fastapi import Depends, Header, Path, Query, Request, Response
from fastapi.responses import StreamingResponse
from pydantic import AwareDatetime

from query import service
from query.errors import OneKeyRequired
from query.lookup.bulk import MEDIA_TYPE, Duplex
from query.lookup.inflow import Inflow
from query.lookup.listing import Search, Wanted
from query.public import listing_page, pages
from query.public.listing_page import MOST_AT_ONCE
from query.service import Asking, Key
from shared.contracts.http.listing import ListedKind, ListedSite, ListedStatus, RegisterCounts, RegisterPage
from shared.contracts.http.query import By, Format, LookupAnswer, LookupLine, LookupView, PublicAnswer
from shared.contracts.http.register import RegisterEntry
from shared.pages.reader import Reading
from shared.runtime.acts.runtime import Runtime
from shared.runtime.web.door import PUBLIC, Rt, Who, router
from shared.runtime.web.paging import Page, Paging

ROUTER: Final = router(idempotent=False)
LONGEST_LIST: Final = 64 << 30
"""Bytes of keys; a stream costs no memory, so this only has to be larger than any list."""
_JSON: Final = "application/json"


async def some_key(
    key: Annotated[str | None, Query(max_length=2000, description="In any form; its shape says what it is")] = None,
    domain: Annotated[str | None, Query(max_length=2000, description="In any form: A- or U-labels, or a URL")] = None,
    ip: Annotated[str | None, Query(max_length=100, description="IPv4 or IPv6 address")] = None,
    number: Annotated[str | None, Query(max_length=100, description="Of a registration or of a site")] = None,
) -> Key | None:
    """The key that is asked for, if any. Raises OneKeyRequired (422) for several."""
    asked = {"key": (By.AUTO, key), "domain": (By.DOMAIN, domain), "ip": (By.IP, ip), "number": (By.NUMBER, number)}
    given = [Key(by, text, field) for field, (by, text) in asked.items() if text is not None]
    if len(given) > 1:
        raise OneKeyRequired([{"field": each.field, "message": "only one of them"} for each in given])
    return given[0] if given else None


async def one_key(given: Annotated[Key | None, Depends(some_key)]) -> Key:
    """The one key that is asked for. Raises OneKeyRequired (422)."""
    if given is None:
        raise OneKeyRequired([{"field": by, "message": "one of them"} for by in ("key", "domain", "ip", "number")])
    return given


async def stated_purpose(
    x_purpose: Annotated[
        str | None, Header(max_length=1500, description="Required: why; kept in the audit. UTF-8 is understood.")
    ] = None,
) -> str | None:
    """Why somebody looks something up; none if it says nothing. HTTP gives headers as Latin-1; people write UTF-8."""
    if x_purpose is None:
        return None
    said = x_purpose.encode("latin-1", "replace").decode("utf-8", "replace").replace("\0", "")
    return said.strip()[:500] or None


OneKey = Annotated[Key, Depends(one_key)]
SomeKey = Annotated[Key | None, Depends(some_key)]
Purpose = Annotated[str | None, Depends(stated_purpose)]


@ROUTER.get("/lookup", tags=["look-ups"], responses={200: {"model": LookupAnswer}}, response_class=Response)
async def look_up(rt: Rt, who: Who, key: OneKey, purpose: Purpose) -> Response:
    """Look up one domain, address or number: the full record, for officials. Every look-up is audited with its purpose.

    A key that several sites have (an address, a registration of several sites) gives the first, those in force first;
    `total` says how many there are, `others` lists up to 100 of the rest.
    A host name below a registered one finds that one, and `matched` says which.
    """
    return Response(await service.look_up(rt, who, key, purpose), media_type=_JSON)


@ROUTER.get(
    "/public/lookup",
    tags=["public"],
    responses={200: {"model": PublicAnswer}},
    response_class=Response,
    openapi_extra=PUBLIC,
)
async def look_up_in_public(rt: Rt, key: OneKey) -> Response:
    """Look up one domain or number: the public fields, for everybody (P3.1.6). Addresses are told to officials only."""
    return Response(await service.look_up_in_public(rt, key), media_type=_JSON)


async def what_is_wanted(
    item: Annotated[str | None, Query(max_length=100, description="Service item, e.g. `general`")] = None,
    region: Annotated[str | None, Query(pattern=r"^[1-9][0-9]0000$", description="Province, e.g. 110000")] = None,
    kind: ListedKind | None = None,
    status: Annotated[
        ListedStatus | None, Query(description="All but `ended` if nothing is said; `lapsed` also where a licence has")
    ] = None,
) -> Wanted:
    """Of which sites a list is."""
    return Wanted(item, region, kind, status)


async def what_is_searched(
    number: Annotated[str | None, Query(max_length=100, description="How a number begins")] = None,
    domain: Annotated[str | None, Query(max_length=300, description="How a host name begins")] = None,
    name: Annotated[str | None, Query(max_length=100, description="How a site's name begins; not of persons'")] = None,
) -> Search | None:
    """What is searched for. Raises OneSearchOnly, KeyMalformed (422)."""
    return service.wanted_of(number=number, domain=domain, name=name)


WhatIsWanted = Annotated[Wanted, Depends(what_is_wanted)]
Searched = Annotated[Search | None, Depends(what_is_searched)]
After = Annotated[str | None, Query(max_length=1000, description="`next` of the page before, or a line's `cursor`")]
AtMost = Annotated[int, Query(ge=1, le=MOST_AT_ONCE, description="Most sites; a longer list goes on with `after`")]
_FILE: Final[dict[int | str, dict[str, Any]]] = {
    200: {
        "model": ListedSite,
        "description": "One line for each site, each with the cursor behind which the next file begins.",
        "content": {"application/x-ndjson": {"schema": {"type": "string"}}},
    }
}


LISTED_BY: Final = frozenset({"item", "region", "kind", "status", "number", "domain", "name", "limit", "lang"})
"""Parameters of a list that its pages hand on."""


@ROUTER.get(
    "/public/register",
    tags=["public"],
    response_class=Response,
    responses={200: {"model": RegisterPage, "content": {"text/html": {"schema": {"type": "string"}}}}},
    openapi_extra=PUBLIC,
)
async def list_register(
    rt: Rt,
    request: Request,
    reading: Reading,
    wanted: WhatIsWanted,
    search: Searched,
    after: After = None,
    limit: Annotated[int, Query(ge=1, le=200, description="Most sites in the page")] = 50,
) -> Response:
    """The public register by service item, province, kind and status (P3.1.6), or what begins so.

    A page of a search looks at so many sites and no more: it may be short, even empty, while `next` says that more
    follow.
    JSON, or a page in Chinese or English for who prefers `text/html`, with the counts.
    """
    asked = {name: value for name, value in request.query_params.items() if name in LISTED_BY}
    listed = service.list_register(rt, wanted, search, after=after, limit=limit)
    return await listing_page.answer(reading, asked, after, wanted, listed, partial(service.count_register, rt))


@ROUTER.get("/public/counts", tags=["public"], openapi_extra=PUBLIC)
async def count_register(rt: Rt, wanted: WhatIsWanted, response: Response) -> RegisterCounts:
    """How many sites the register has, by service item and province, by status and by kind; exact, as of `as_of`."""
    response.headers["Cache-Control"] = "public, max-age=10"
    return await service.count_register(rt, wanted)


@ROUTER.get(
    "/public/register.ndjson", tags=["public"], response_class=Response, responses=_FILE, openapi_extra=PUBLIC
)  # fmt: skip
async def download_ndjson(rt: Rt, wanted: WhatIsWanted, after: After = None, limit: AtMost = MOST_AT_ONCE) -> Response:
    """The same as lines of JSON, up to 100,000 at a time; the header `X-Concord-Total` says how many there are in all.

    An answer without its last chunk is not complete.
    """
    return await _download(rt, wanted, Format.NDJSON, after, limit)


@ROUTER.get(
    "/public/register.csv",
    tags=["public"],
    response_class=Response,
    responses={200: {"content": {"text/csv": {"schema": {"type": "string"}}}}},
    openapi_extra=PUBLIC,
)
async def download_csv(rt: Rt, wanted: WhatIsWanted, after: After = None, limit: AtMost = MOST_AT_ONCE) -> Response:
    """The same as CSV, with a line of column names; several domains in a cell have a blank between them."""
    return await _download(rt, wanted, Format.CSV, after, limit)


async def _download(rt: Runtime, wanted: Wanted, form: Format, after: str | None, limit: int) -> Response:
    freshness, lines = await service.download_register(rt, wanted, form, after=after, limit=limit)
    total = (await service.count_register(rt, wanted)).total
    headers = {**freshness.headers(), "X-Concord-Total": str(total)}
    return StreamingResponse(lines, media_type=MEDIA_TYPE[form], headers=headers)


@ROUTER.post(
    "/lookup/bulk",
    tags=["look-ups"],
    max_body_size=LONGEST_LIST,
    response_class=Response,
    responses={
        200: {
            "model": LookupLine,
            "description": "One line for each key, in order; see `format`.",
            "content": {
                "application/x-ndjson": {"schema": {"type": "string"}},
                "text/csv": {"schema": {"type": "string"}},
            },
        }
    },
    openapi_extra={
        "requestBody": {
            "required": True,
            "content": {"text/plain": {"schema": {"type": "string"}}, "text/csv": {"schema": {"type": "string"}}},
        }
    },
)
async def look_up_many(
    rt: Rt,
    who: Who,
    request: Request,
    purpose: Purpose,
    by: By = By.AUTO,
    format: Format = Format.NDJSON,  # noqa: A002 - the name callers use
    content_type: Annotated[str, Header(description="`text/csv; header=present` skips the first line")] = "",
) -> Response:
    """Look up a list of keys, one a line or in the first column of a CSV file; audited with every key and SHA-256.

    Request and answer are streams: the answer begins while the request is still being sent, in the same order, one
    line for each line that is not blank. **Read while you send** for speed; what is sent by a client that does not read
    yet waits in a file (up to 1 GiB), and the connection is broken when nothing has moved for a minute. A key that
    cannot be read is answered with `error` and `message`; a line may have 4,096 bytes. `X-Concord-As-Of` and
    `X-Concord-Lag-Ms` say how fresh the answers are. An answer that ends without its last chunk is not complete.
    """
    header = "header=present" in content_type.lower()
    inflow = Inflow(request.stream())
    listing = await service.look_up_many(rt, who, inflow, by, format, purpose=purpose, header=header)
    return Duplex(listing.answers, inflow, media_type=MEDIA_TYPE[format], headers=listing.freshness.headers())


@ROUTER.get("/lookups", tags=["audit"])
async def list_lookups(
    rt: Rt,
    who: Who,
    purpose: Purpose,
    paging: Paging,
    key: SomeKey,
    operator_id: Annotated[UUID | None, Query(description="Whoever looked up a site of this operator")] = None,
    since: Annotated[AwareDatetime | None, Query(description="Default: 90 days ago")] = None,
    until: Annotated[AwareDatetime | None, Query(description="Default: now")] = None,
) -> Page[LookupView]:
    """List who looked up what and why, newest first, for auditors: of a key, of an operator, or everything.

    A name is also asked for by who looks up a name below it, a registration by its sites' numbers. Of an operator its
    present names, addresses and numbers are meant. Lists are searched key by key, so a page may have few items and
    still a `next`.
    """
    now = rt.clock.now()
    asking = Asking(
        key,
        operator_id,
        since or now - timedelta(days=90),
        until or now + timedelta(days=1),
        paging.after,
        paging.limit,
    )
    answered = await service.who_asked(rt, who, asking, purpose)
    items = [LookupView(**asdict(row), matched=matched) for row, matched in answered.found]
    return Page(items=items, next=answered.next)


@ROUTER.get(
    "/lookups/{lookup_id}/keys",
    tags=["audit"],
    response_class=StreamingResponse,
    responses={200: {"content": {"text/plain": {"schema": {"type": "string"}}}}},
)
async def read_keys(rt: Rt, who: Who, purpose: Purpose, lookup_id: UUID) -> Response:
    """Read the keys of a list that was looked up, one a line, as they were written; for auditors."""
    keys = await service.keys_of(rt, who, lookup_id, purpose)
    return StreamingResponse(keys, media_type="text/plain; charset=utf-8")


@ROUTER.get(
    "/public/register/{key}",
    tags=["public"],
    response_class=Response,
    responses={200: {"model": RegisterEntry, "content": {"text/html": {"schema": {"type": "string"}}}}},
    openapi_extra=PUBLIC,
)
async def show_entry(
    rt: Rt, reading: Reading, key: Annotated[str, Path(max_length=300, examples=["京ICP备10046444号"])]
) -> Response:
    """The public register's entry: who, which sites, and of every measure why, by whom, and how to challenge it.

    By a registration's or site's number, or by a host name, which also finds a site in no register that a measure hit.
    Measures stay readable for ever, with their appeals and what became of them, also when they were undone.
    JSON, or a page in Chinese or English for who prefers `text/html`. Pages of suspended sites (HTTP 451) link here.
    """
    return await pages.answer(reading, service.show_entry(rt, key))
