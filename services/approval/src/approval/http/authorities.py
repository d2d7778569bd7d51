"""The catalogue of authorities, for everybody."""

from typing import Annotated, Final

from fastapi import APIRouter, Query, Response

from approval.service.catalogue import catalogue
from shared.contracts.http.authorities import CatalogueView
from shared.runtime.web.door import PUBLIC, Rt, router

ROUTER: Final[APIRouter] = router(tags=["authorities"])


@ROUTER.get("/authorities", openapi_extra=PUBLIC)
async def list_authorities(
    rt: Rt,
    response: Response,
    item: Annotated[str | None, Query(max_length=60, description="Only this service item")] = None,
    region: Annotated[
        str | None, Query(pattern=r"^[1-9][0-9]0000$", description="Only this province, and the national ones")
    ] = None,
) -> CatalogueView:
    """Who is competent for which service item, what an application brings, how long it takes, and where the office is.

    No token needed (P2). Offices, not persons: whom to ask there is for members of the directory alone.
    """
    response.headers["Cache-Control"] = "public, max-age=300"
    return catalogue(rt, item, region)
