"""Approvals that exist on paper, entered by their authority."""

from typing import Final
from uuid import UUID

from fastapi import APIRouter, Response

from approval.lifecycle import PAPER
from approval.policy import PAPER_ACTS, POLICY
from approval.service import paper as entries
from approval.store.paper import Paper
from shared.contracts.http.paper import PaperConfirmation, PaperEntry, PaperView, PaperWithdrawal
from shared.runtime.base.context import Caller
from shared.runtime.web.door import Rt, Who, etag, router
from shared.runtime.web.paging import Page, Paging, page_of

ROUTER: Final[APIRouter] = router(prefix="/paper-approvals", tags=["paper approvals"])


@ROUTER.post("", status_code=201)
async def enter_paper(rt: Rt, who: Who, body: PaperEntry, response: Response) -> PaperView:
    """Enter an approval of your own authority that exists on paper. It counts for nothing until it is confirmed."""
    async with rt.db.transaction() as tx:
        entered = await entries.enter(tx, rt, who, body)
    response.headers["Location"] = f"/paper-approvals/{entered.id}"
    return _shown(response, who, entered)


@ROUTER.get("")
async def list_papers(rt: Rt, who: Who, paging: Paging) -> Page[PaperView]:
    """Entries of your desk, newest first."""
    async with rt.db.transaction() as tx:
        found = await entries.page(tx, rt, who, paging.after, paging.fetch)
    return page_of(found, paging, lambda each: _view(who, each), lambda each: each.id)


@ROUTER.get("/{paper_id}")
async def get_paper(rt: Rt, who: Who, paper_id: UUID, response: Response) -> PaperView:
    """One entry."""
    async with rt.db.transaction() as tx:
        return _shown(response, who, await entries.get(tx, rt, who, paper_id))


@ROUTER.post("/{paper_id}/confirmation")
async def confirm_paper(rt: Rt, who: Who, paper_id: UUID, body: PaperConfirmation, response: Response) -> PaperView:
    """Confirm, as a second officer, what you compared with the paper: it is granted here, with a number of ours."""
    async with rt.db.transaction() as tx:
        return _shown(response, who, await entries.confirm(tx, rt, who, paper_id, body))


@ROUTER.post("/{paper_id}/withdrawal")
async def withdraw_paper(rt: Rt, who: Who, paper_id: UUID, body: PaperWithdrawal, response: Response) -> PaperView:
    """Withdraw an entry that nobody confirmed."""
    async with rt.db.transaction() as tx:
        return _shown(response, who, await entries.withdraw(tx, rt, who, paper_id, body))


def _view(who: Caller, paper: Paper) -> PaperView:
    fields = {name: getattr(paper, name) for name in PaperView.model_fields if name != "allowed_actions"}
    allowed = POLICY.allowed(who, paper, PAPER.allowed(paper.status), PAPER_ACTS, drafted_by=paper.entered_by)
    return PaperView.model_validate({**fields, "allowed_actions": allowed})


def _shown(response: Response, who: Caller, paper: Paper) -> PaperView:
    etag(response, paper.version)
    return _view(who, paper)
