"""Sites that nobody hosts: findings, each lapsed by one person for one site, and given back in one step."""

from collections.abc import Sequence
from uuid import UUID

from fastapi import APIRouter, Response

from registry import views
from registry.service import shells
from registry.store.shells import Shell
from shared.contracts.http.registry import Stated, WithReasons
from shared.contracts.http.shells import ShellStatus, ShellView
from shared.runtime.base.context import Caller
from shared.runtime.db.postgres import Tx
from shared.runtime.web.door import IfMatch, Rt, Who, etag, router
from shared.runtime.web.paging import Page, Paging, page_of

ROUTER: APIRouter = router()


@ROUTER.get("/shell-findings", tags=["shells"])
async def list_findings(rt: Rt, who: Who, paging: Paging, status: ShellStatus | None = None) -> Page[ShellView]:
    """Findings about sites without access, newest first."""
    async with rt.db.transaction() as tx:
        found = await shells.page(tx, rt, who, status=status, after=paging.after, limit=paging.fetch)
        shown = await _views(tx, who, found)
    return page_of(shown, paging, lambda view: view, lambda view: view.id)


@ROUTER.get("/shell-findings/{finding_id}", tags=["shells"])
async def read_finding(rt: Rt, who: Who, finding_id: UUID, response: Response) -> ShellView:
    """One finding as it is now; its ETag is what whoever lets the site lapse has looked at."""
    async with rt.db.transaction() as tx:
        found = await shells.get(tx, rt, who, finding_id)
        etag(response, found.version)
        return await _view(tx, who, found)


@ROUTER.post("/shell-findings/{finding_id}/lapse", tags=["shells"])
async def lapse(rt: Rt, who: Who, finding_id: UUID, version: IfMatch, body: Stated) -> ShellView:
    """Let this one site lapse. It is no sanction, and is undone in one step."""
    async with rt.db.transaction() as tx:
        return await _view(tx, who, await shells.lapse(tx, rt, who, finding_id, version, body))


@ROUTER.post("/shell-findings/{finding_id}/undoing", tags=["shells"])
async def undo(rt: Rt, who: Who, finding_id: UUID, body: WithReasons) -> ShellView:
    """Give the site back under the same number."""
    async with rt.db.transaction() as tx:
        return await _view(tx, who, await shells.undo(tx, rt, who, finding_id, reasons=body.reasons))


@ROUTER.post("/shell-findings/{finding_id}/dismissal", tags=["shells"])
async def dismiss(rt: Rt, who: Who, finding_id: UUID, body: WithReasons) -> ShellView:
    """Let it be, with reasons."""
    async with rt.db.transaction() as tx:
        return await _view(tx, who, await shells.dismiss(tx, rt, who, finding_id, reasons=body.reasons))


async def _view(tx: Tx, who: Caller, finding: Shell) -> ShellView:
    return (await _views(tx, who, [finding]))[0]


async def _views(tx: Tx, who: Caller, found: Sequence[Shell]) -> list[ShellView]:
    return [views.of_shell(who, each, site, hosted=hosted) for each, site, hosted in await shells.shown(tx, found)]
