"""Appeals against any act of any department."""

from typing import Final
from uuid import UUID

from fastapi import APIRouter, Response

from enforcement import views
from enforcement.lifecycle import AppealStatus
from enforcement.service import appeals
from shared.contracts.http import enforcement as wire
from shared.runtime.web.door import Rt, Who, etag, router
from shared.runtime.web.paging import Page, Paging, page_of

ROUTER: Final[APIRouter] = router()


@ROUTER.post("/appeals", status_code=201, tags=["appeals"])
async def appeal(rt: Rt, who: Who, body: wire.NewAppeal, response: Response) -> wire.AppealView:
    """Challenge an act of any department that you were told of (safeguard 6)."""
    async with rt.db.transaction() as tx:
        filed = await appeals.file(tx, rt, who, body)
        response.headers["Location"] = f"/appeals/{filed.id}"
        return views.of_appeal(who, filed, await appeals.clock(tx, filed))


@ROUTER.get("/appeals", tags=["appeals"])
async def list_appeals(rt: Rt, who: Who, paging: Paging, status: AppealStatus | None = None) -> Page[wire.AppealView]:
    """Appeals the caller reaches, newest first: its own, those against its acts, those it decides."""
    async with rt.db.transaction() as tx:
        found = await appeals.page(tx, rt, who, status=status, after=paging.after, limit=paging.fetch)
        shown = [views.of_appeal(who, each, await appeals.clock(tx, each)) for each in found]
    return page_of(shown, paging, lambda view: view, lambda view: view.id)


@ROUTER.get("/appeals/{appeal_id}", tags=["appeals"])
async def read_appeal(rt: Rt, who: Who, appeal_id: UUID, response: Response) -> wire.AppealView:
    """An appeal with its clock and its outcome."""
    async with rt.db.transaction() as tx:
        found = await appeals.get(tx, rt, who, appeal_id)
        etag(response, found.version)
        return views.of_appeal(who, found, await appeals.clock(tx, found))


@ROUTER.post("/appeals/{appeal_id}/stay", tags=["appeals"])
async def decide_stay(rt: Rt, who: Who, appeal_id: UUID, body: wire.Stay) -> wire.AppealView:
    """Let the act have no effect while its appeal is decided, or refuse that."""
    async with rt.db.transaction() as tx:
        decided = await appeals.decide_stay(tx, rt, who, appeal_id, body)
        return views.of_appeal(who, decided, await appeals.clock(tx, decided))


@ROUTER.post("/appeals/{appeal_id}/decision", tags=["appeals"])
async def decide_appeal(rt: Rt, who: Who, appeal_id: UUID, body: wire.Outcome) -> wire.AppealView:
    """Uphold or reject; upheld, the act is undone by itself."""
    async with rt.db.transaction() as tx:
        decided = await appeals.decide(tx, rt, who, appeal_id, body)
        return views.of_appeal(who, decided, await appeals.clock(tx, decided))
