"""The HTTP door of query: parse, call, shape."""

from typing import Annotated, Any, Final

from fastapi import Depends, Header, Path, Query, Request, Response

from query import page, service
from query.bulk import MEDIA_TYPE, Duplex, Format
from query.errors import OneKeyRequired
from query.inflow import Inflow
from query.keys import By
from query.service import Key
from query.views import LookupAnswer, LookupLine, PublicAnswer, RegisterEntry
from shared.runtime.web.door import PUBLIC, Rt, Who, router

ROUTER: Final = router(idempotent=False)
LONGEST_LIST: Final = 64 << 30
"""Bytes of keys; a stream costs no memory, so this only has to be larger than any list."""
_JSON: Final = "application/json"


async def one_key(
    domain: Annotated[str | None, Query(max_length=2000, description="In any form: A- or U-labels, or a URL")] = None,
    ip: Annotated[str | None, Query(max_length=100, description="IPv4 or IPv6 address")] = None,
    number: Annotated[str | None, Query(max_length=100, description="Of a registration or of a site")] = None,
) -> Key:
    """The one key that is asked for. Raises OneKeyRequired (422)."""
    given = [(by, text) for by, text in ((By.DOMAIN, domain), (By.IP, ip), (By.NUMBER, number)) if text is not None]
    if len(given) != 1:
        raise OneKeyRequired([{"field": by, "message": "one of the three"} for by in ("domain", "ip", "number")])
    return Key(*given[0])


async def stated_purpose(
    x_purpose: Annotated[
        str | None, Header(max_length=1500, description="Why; kept in the audit. UTF-8 is understood.")
    ] = None,
) -> str | None:
    """Why somebody looks something up. HTTP gives headers as Latin-1; people write UTF-8."""
    if x_purpose is None:
        return None
    return x_purpose.encode("latin-1", "replace").decode("utf-8", "replace").replace("\0", "")[:500]


OneKey = Annotated[Key, Depends(one_key)]
Purpose = Annotated[str | None, Depends(stated_purpose)]


@ROUTER.get("/lookup", tags=["look-ups"], responses={200: {"model": LookupAnswer}}, response_class=Response)
async def look_up(rt: Rt, who: Who, key: OneKey, purpose: Purpose) -> Response:
    """Look up one domain, address or number: the full record, for officials. Every look-up is audited.

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
    """Look up a list of keys, one a line or in the first column of a CSV file; audited with count and SHA-256.

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


@ROUTER.get(
    "/public/register/{number}",
    tags=["public"],
    response_class=Response,
    responses={200: {"model": RegisterEntry, "content": {"text/html": {"schema": {"type": "string"}}}}},
    openapi_extra=PUBLIC,
)
async def show_entry(
    rt: Rt,
    number: Annotated[str, Path(max_length=100, examples=["京ICP备10046444号"])],
    accept: Annotated[str, Header()] = "",
) -> Response:
    """The public register's entry: who, which sites, and for a revoked one why, by whom, and how to challenge it.

    JSON, or a page in Chinese and English for who prefers `text/html`. Pages of suspended sites (HTTP 451) link here.
    """
    entry: dict[str, Any] = await service.show_entry(rt, number)
    if page.is_preferred(accept):
        return Response(page.render(entry), media_type="text/html", headers=page.HEADERS)
    return Response(page.as_json(entry), media_type=_JSON, headers={"Vary": "Accept"})
