"""What authorities hold of a case, side by side, and how the coordination office settles what differs."""

from typing import Annotated, Final
from uuid import UUID

from fastapi import APIRouter, Query, Response

from enforcement import views_file
from enforcement.lifecycle import OpinionStatus
from enforcement.service import opinions
from shared.contracts.http import casefile as wire
from shared.contracts.http.enforcement import WithReasons
from shared.runtime.web.door import Rt, Who, etag, router
from shared.runtime.web.paging import Page, Paging, page_of

ROUTER: Final[APIRouter] = router(tags=["opinions"])


@ROUTER.post("/cases/{case_id}/opinions", status_code=201)
async def ask_opinion(rt: Rt, who: Who, case_id: UUID, body: wire.NewOpinion, response: Response) -> wire.OpinionView:
    """Ask an authority of another competence what it holds of a case; it reads none of the evidence."""
    async with rt.db.transaction() as tx:
        asked = await opinions.ask(tx, rt, who, case_id, body)
    response.headers["Location"] = f"/opinions/{asked.opinion.id}"
    return views_file.of_opinion(who, asked)


@ROUTER.get("/cases/{case_id}/opinions")
async def read_opinions(rt: Rt, who: Who, case_id: UUID) -> wire.OpinionsView:
    """Everything that authorities hold of a case, side by side; whoever was asked reads its own alone."""
    async with rt.db.transaction() as tx:
        return views_file.of_opinions(who, rt.rules, await opinions.side_by_side(tx, rt, who, case_id))


@ROUTER.get("/opinions")
async def list_opinions(
    rt: Rt, who: Who, paging: Paging, status: OpinionStatus | None = None,
    conflicting: Annotated[bool, Query(description="Only those that differ from others")] = False,
) -> Page[wire.OpinionView]:  # fmt: skip
    """What the caller's authority asked or was asked, and what its coordination office settles; newest first."""
    async with rt.db.transaction() as tx:
        found = await opinions.page(
            tx, rt, who, status=status, conflicting=conflicting, after=paging.after, limit=paging.fetch
        )
    return page_of(found, paging, lambda asked: views_file.of_opinion(who, asked), lambda asked: asked.opinion.id)


@ROUTER.get("/opinions/{opinion_id}")
async def read_opinion(rt: Rt, who: Who, opinion_id: UUID, response: Response) -> wire.OpinionView:
    """One opinion."""
    async with rt.db.transaction() as tx:
        asked = await opinions.get(tx, rt, who, opinion_id)
    etag(response, asked.opinion.version)
    return views_file.of_opinion(who, asked)


@ROUTER.post("/opinions/{opinion_id}/answer")
async def answer_opinion(rt: Rt, who: Who, opinion_id: UUID, body: wire.Answer) -> wire.OpinionView:
    """Say what your authority holds."""
    async with rt.db.transaction() as tx:
        return views_file.of_opinion(who, await opinions.answer(tx, rt, who, opinion_id, body))


@ROUTER.post("/opinions/{opinion_id}/withdrawal")
async def withdraw_opinion(rt: Rt, who: Who, opinion_id: UUID, body: WithReasons) -> wire.OpinionView:
    """Need no answer any more."""
    async with rt.db.transaction() as tx:
        return views_file.of_opinion(who, await opinions.withdraw(tx, rt, who, opinion_id, body))


@ROUTER.post("/cases/{case_id}/settlement", status_code=201)
async def settle_opinions(rt: Rt, who: Who, case_id: UUID, body: wire.NewSettlement) -> wire.OpinionsView:
    """Settle what differs, in writing, as an officer of the coordination office: advice, and no decision."""
    async with rt.db.transaction() as tx:
        return views_file.of_opinions(who, rt.rules, await opinions.settle(tx, rt, who, case_id, body))
