"""Requests to the regulator of the same level and region: they burden nobody (P3.2.2-3)."""

from collections.abc import Sequence
from typing import Final
from uuid import UUID

from fastapi import APIRouter, Response

from enforcement import views
from enforcement.lifecycle import RequestStatus
from enforcement.service import requests
from enforcement.store.requests import Request
from shared.contracts.http import requests as wire
from shared.contracts.http.enforcement import Stated, WithReasons
from shared.runtime.base.context import Caller
from shared.runtime.db.postgres import Tx
from shared.runtime.web.door import Rt, Who, etag, router
from shared.runtime.web.paging import Page, Paging, page_of

ROUTER: Final[APIRouter] = router(tags=["regulator-requests"])


@ROUTER.post("/cases/{case_id}/regulator-requests", status_code=201)
async def ask(rt: Rt, who: Who, case_id: UUID, body: wire.Ask, response: Response) -> wire.RequestView:
    """Ask the industry regulator of one's own level and region for what only a decision can do (P3.2.2-3)."""
    async with rt.db.transaction() as tx:
        asked = await requests.ask(tx, rt, who, case_id, body)
        response.headers["Location"] = f"/regulator-requests/{asked.id}"
        return await _shown(tx, who, asked)


@ROUTER.get("/regulator-requests")
async def list_requests(
    rt: Rt, who: Who, paging: Paging, status: RequestStatus | None = None
) -> Page[wire.RequestView]:
    """Requests of one's own organisation, and those that it has or had, newest first."""
    async with rt.db.transaction() as tx:
        found = await requests.page(tx, rt, who, status=status, after=paging.after, limit=paging.fetch)
        shown = await _all_shown(tx, who, found)
    return page_of(shown, paging, lambda view: view, lambda view: view.id)


@ROUTER.get("/regulator-requests/{request_id}")
async def read_request(rt: Rt, who: Who, request_id: UUID, response: Response) -> wire.RequestView:
    """One request with its clock and its answer."""
    async with rt.db.transaction() as tx:
        found = await requests.get(tx, rt, who, request_id)
        etag(response, found.version)
        return await _shown(tx, who, found)


@ROUTER.post("/regulator-requests/{request_id}/acceptance")
async def accept_request(rt: Rt, who: Who, request_id: UUID, body: Stated) -> wire.RequestView:
    """Open a case of the regulator, in which whatever follows is decided like anything else."""
    async with rt.db.transaction() as tx:
        return await _shown(tx, who, await requests.accept(tx, rt, who, request_id, body))


@ROUTER.post("/regulator-requests/{request_id}/decline")
async def decline_request(rt: Rt, who: Who, request_id: UUID, body: Stated) -> wire.RequestView:
    """No, with reasons."""
    async with rt.db.transaction() as tx:
        return await _shown(tx, who, await requests.decline(tx, rt, who, request_id, body))


@ROUTER.post("/regulator-requests/{request_id}/forwarding")
async def forward_request(rt: Rt, who: Who, request_id: UUID, body: wire.Forward) -> wire.RequestView:
    """To the right desk, with reasons; never back to one that had it."""
    async with rt.db.transaction() as tx:
        return await _shown(tx, who, await requests.forward(tx, rt, who, request_id, body))


@ROUTER.post("/regulator-requests/{request_id}/withdrawal")
async def withdraw_request(rt: Rt, who: Who, request_id: UUID, body: WithReasons) -> wire.RequestView:
    """Let one's own request be."""
    async with rt.db.transaction() as tx:
        return await _shown(tx, who, await requests.withdraw(tx, rt, who, request_id, reasons=body.reasons))


async def _shown(tx: Tx, who: Caller, request: Request) -> wire.RequestView:
    return (await _all_shown(tx, who, [request]))[0]


async def _all_shown(tx: Tx, who: Caller, found: Sequence[Request]) -> list[wire.RequestView]:
    clocks = await requests.clocks(tx, found)
    return [views.of_request(who, each, clocks.get(each.id)) for each in found]
