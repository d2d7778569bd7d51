"""The barred list, for everybody: whole, and as what changed."""

from typing import Annotated

from fastapi import APIRouter, Query, Response

from registry.service import bars
from shared.contracts.http.bars import BarredChanges, BarredList
from shared.runtime.web.door import PUBLIC, Rt, router

ROUTER: APIRouter = router()


@ROUTER.get("/barred-list", openapi_extra=PUBLIC, tags=["barred list"])
async def read_barred_list(rt: Rt, response: Response) -> BarredList:
    """Who gets no new registration until when, and why; no person is named (N4.5). No token needed."""
    async with rt.db.connection() as tx:
        found = await bars.whole(tx)
    response.headers["Cache-Control"] = "public, max-age=60"
    return found


@ROUTER.get("/barred-list/changes", openapi_extra=PUBLIC, tags=["barred list"])
async def read_barred_changes(
    rt: Rt, response: Response, after: Annotated[int, Query(ge=0, le=2**62)] = 0
) -> BarredChanges:
    """What changed after a number, without a gap; each hash covers everything before it. No token needed."""
    async with rt.db.connection() as tx:
        found = await bars.changes(tx, after)
    response.headers["Cache-Control"] = "public, max-age=60"
    return found
