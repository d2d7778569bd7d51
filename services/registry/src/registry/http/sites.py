"""Sites: read, given up."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query, Response

from registry import views
from registry.service import sites
from shared.contracts.base import Moment
from shared.contracts.http import registry as wire
from shared.runtime.web.door import Rt, Who, etag, router

ROUTER: APIRouter = router()


@ROUTER.get("/sites", tags=["sites"])
async def find_site(
    rt: Rt, who: Who, domain: Annotated[str, Query(min_length=1, max_length=253)]
) -> list[wire.SiteView]:
    """The site a name belongs to, in any spelling; an empty list if the caller's register has none."""
    async with rt.db.transaction() as tx:
        return [views.of_site(who, site) for site in await sites.by_domain(tx, rt, who, domain)]


@ROUTER.get("/sites/{site_id}", tags=["sites"])
async def read_site(rt: Rt, who: Who, site_id: UUID, response: Response) -> wire.SiteView:
    """One site; its ETag is needed to amend it."""
    async with rt.db.transaction() as tx:
        site = await sites.get(tx, rt, who, site_id)
    etag(response, site.site.version)
    return views.of_site(who, site)


@ROUTER.get("/sites/{site_id}/record", tags=["sites"])
async def read_record(rt: Rt, who: Who, site_id: UUID, at: Moment) -> wire.SiteVersionView:
    """The record of a site as it was at a time, and why it became so."""
    async with rt.db.transaction() as tx:
        record, cause, since = await sites.at(tx, rt, who, site_id, at)
    return wire.SiteVersionView(record=record, cause=cause, at=since)


@ROUTER.post("/sites/{site_id}/deregistration", tags=["sites"])
async def deregister(rt: Rt, who: Who, site_id: UUID, body: wire.WithReasons) -> wire.SiteView:
    """Give a site up."""
    async with rt.db.transaction() as tx:
        return views.of_site(who, await sites.deregister(tx, rt, who, site_id, reasons=body.reasons))


@ROUTER.post("/sites/{site_id}/accesses/{access_id}/end", tags=["sites"])
async def end_access(rt: Rt, who: Who, site_id: UUID, access_id: UUID, body: wire.WithReasons) -> wire.SiteView:
    """Leave one of a site's providers."""
    async with rt.db.transaction() as tx:
        site = await sites.end_access(tx, rt, who, site_id, access_id, reasons=body.reasons)
    return views.of_site(who, site)
