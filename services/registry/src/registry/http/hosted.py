"""What providers host: their lists in batches, and where those and the register differ (N4.2.2)."""

from collections.abc import Sequence
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query, Request

from registry import views
from registry.service import hosted, inventories
from registry.store.hosted import Finding, Wanted
from shared.contracts.http import hosted as wire
from shared.contracts.http.registry import WithReasons
from shared.runtime.base.context import Caller
from shared.runtime.web.door import Rt, Who, router
from shared.runtime.web.paging import Page, Paging, page_of

ROUTER: APIRouter = router()
BATCHES: APIRouter = router(idempotent=False)
"""A batch has a number of its own."""
LARGEST = 50 * 1024 * 1024


@BATCHES.post("/inventories/{provider_id}/batches", tags=["inventories"], max_body_size=LARGEST)
async def take_batch(
    rt: Rt, who: Who, provider_id: UUID, request: Request, body: wire.InventoryBatch
) -> wire.BatchView:
    """Take the next batch of what a provider hosts, or the closing of its list: then it holds, and is compared.

    The same bytes again are answered the same. Out of order: 409 `out_of_sequence` with `next`. Some lists can be
    closed in a day; one more is 429, says when it can be, and waits as it is.
    """
    content = await request.body()
    async with rt.db.transaction() as tx:
        return await inventories.take(tx, rt, who, provider_id, body, content)


@ROUTER.get("/inventories/{provider_id}", tags=["inventories"])
async def read_inventory(rt: Rt, who: Who, provider_id: UUID) -> wire.InventoryView:
    """Where the lists of a provider stand, and which batch comes next."""
    async with rt.db.transaction() as tx:
        return views.of_inventory(*await inventories.get(tx, rt, who, provider_id))


@ROUTER.get("/hosted-findings", tags=["inventories"])
async def list_hosted_findings(
    rt: Rt, who: Who, paging: Paging, status: wire.FindingStatus | None = None, kind: wire.FindingKind | None = None,
    provider_id: UUID | None = None,
    told_id: Annotated[UUID | None, Query(description="Those that one notice told of: what it is about.")] = None,
) -> Page[wire.FindingView]:  # fmt: skip
    """Where lists and the register differ, newest first: a provider what concerns its own list."""
    wanted = Wanted(status, kind, provider_id, told_id)
    async with rt.db.transaction() as tx:
        found = await hosted.page(tx, rt, who, wanted, after=paging.after, limit=paging.fetch)
    return page_of(_views(who, found), paging, lambda view: view, lambda view: view.id)


@ROUTER.get("/hosted-findings/{finding_id}", tags=["inventories"])
async def read_hosted_finding(rt: Rt, who: Who, finding_id: UUID) -> wire.FindingView:
    """One finding as it is now."""
    async with rt.db.transaction() as tx:
        return views.of_hosted(who, await hosted.get(tx, rt, who, finding_id))


@ROUTER.post("/hosted-findings/{finding_id}/answer", tags=["inventories"])
async def answer_hosted_finding(rt: Rt, who: Who, finding_id: UUID, body: wire.Answer) -> wire.FindingView:
    """The provider answers; its clock stands still until a person of the regulator has said something to that.

    What its conduct record has already it disputes so, once: until somebody answers, it does not count.
    """
    async with rt.db.transaction() as tx:
        return views.of_hosted(who, await hosted.answer(tx, rt, who, finding_id, body.reasons))


@ROUTER.post("/hosted-findings/{finding_id}/insistence", tags=["inventories"])
async def insist_on_hosted_finding(rt: Rt, who: Who, finding_id: UUID, body: WithReasons) -> wire.FindingView:
    """Say why the answer does not settle it; the whole time runs anew."""
    async with rt.db.transaction() as tx:
        return views.of_hosted(who, await hosted.insist(tx, rt, who, finding_id, body.reasons))


@ROUTER.post("/hosted-findings/{finding_id}/dispute-answer", tags=["inventories"])
async def keep_hosted_finding(rt: Rt, who: Who, finding_id: UUID, body: WithReasons) -> wire.FindingView:
    """Say why what its provider disputes stays in the conduct record; it counts again. Otherwise dismiss it."""
    async with rt.db.transaction() as tx:
        return views.of_hosted(who, await hosted.keep(tx, rt, who, finding_id, body.reasons))


@ROUTER.post("/hosted-findings/{finding_id}/dismissal", tags=["inventories"])
async def dismiss_hosted_finding(rt: Rt, who: Who, finding_id: UUID, body: WithReasons) -> wire.FindingView:
    """Let it be, with reasons; it is not found again as long as it is so."""
    async with rt.db.transaction() as tx:
        return views.of_hosted(who, await hosted.dismiss(tx, rt, who, finding_id, body.reasons))


def _views(who: Caller, found: Sequence[Finding]) -> list[wire.FindingView]:
    return [views.of_hosted(who, each) for each in found]
