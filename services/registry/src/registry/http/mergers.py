"""Mergers: two entries of one operator become one."""

from uuid import UUID

from fastapi import APIRouter

from registry import views
from registry.lifecycle import MergerStatus
from registry.service import mergers
from shared.contracts.http import mergers as wire
from shared.contracts.http.registry import WithReasons
from shared.runtime.web.door import Rt, Who, router
from shared.runtime.web.paging import Page, Paging, page_of

ROUTER: APIRouter = router()


@ROUTER.get("/operators/{operator_id}/merger-preview", tags=["mergers"])
async def preview_merger(rt: Rt, who: Who, operator_id: UUID, into: UUID) -> wire.MergerPreviewView:
    """Everything that would move if this operator went on under another one; its digest is what is signed."""
    async with rt.db.transaction() as tx:
        found = await mergers.preview(tx, rt, who, into, operator_id)
    return wire.MergerPreviewView(preview=found, preview_digest=found.digest)


@ROUTER.post("/mergers", status_code=201, tags=["mergers"])
async def propose_merger(rt: Rt, who: Who, body: wire.NewMerger) -> wire.MergerView:
    """Say that two operators are one, and why; both are told and heard, and a second person confirms."""
    async with rt.db.transaction() as tx:
        return views.of_merger(who, await mergers.propose(tx, rt, who, body))


@ROUTER.get("/mergers", tags=["mergers"])
async def list_mergers(rt: Rt, who: Who, paging: Paging, status: MergerStatus | None = None) -> Page[wire.MergerView]:
    """Mergers the caller reaches, newest first."""
    async with rt.db.transaction() as tx:
        found = await mergers.page(tx, rt, who, status=status, after=paging.after, limit=paging.fetch)
    return page_of(found, paging, lambda each: views.of_merger(who, each), lambda each: each.merger.id)


@ROUTER.get("/mergers/{merger_id}", tags=["mergers"])
async def read_merger(rt: Rt, who: Who, merger_id: UUID) -> wire.MergerView:
    """A merger with what would move now, or what it moved."""
    async with rt.db.transaction() as tx:
        return views.of_merger(who, await mergers.get(tx, rt, who, merger_id))


@ROUTER.post("/mergers/{merger_id}/confirmation", tags=["mergers"])
async def confirm_merger(rt: Rt, who: Who, merger_id: UUID, body: wire.ConfirmingMerger) -> wire.MergerView:
    """The second person signs the same preview: everything of the one is the other's from now on."""
    async with rt.db.transaction() as tx:
        return views.of_merger(who, await mergers.confirm(tx, rt, who, merger_id, body))


@ROUTER.post("/mergers/{merger_id}/withdrawal", tags=["mergers"])
async def withdraw_merger(rt: Rt, who: Who, merger_id: UUID, body: WithReasons) -> wire.MergerView:
    """They stay apart."""
    async with rt.db.transaction() as tx:
        return views.of_merger(who, await mergers.withdraw(tx, rt, who, merger_id, reasons=body.reasons))


@ROUTER.post("/mergers/{merger_id}/objection", tags=["mergers"])
async def object_to_merger(rt: Rt, who: Who, merger_id: UUID, body: WithReasons) -> wire.MergerView:
    """One of the two says why they are not the same."""
    async with rt.db.transaction() as tx:
        return views.of_merger(who, await mergers.object_to(tx, rt, who, merger_id, reasons=body.reasons))
