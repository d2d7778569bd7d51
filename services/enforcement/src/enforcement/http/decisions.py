"""Decisions: drafted by one person, released by another."""

from typing import Final
from uuid import UUID

from fastapi import APIRouter, Response

from enforcement import views
from enforcement.lifecycle import Action
from enforcement.service import correcting, decisions, ordering, remarks
from shared.contracts.http import enforcement as wire
from shared.contracts.http.decisions import OrdersPreview
from shared.runtime.web.door import Rt, Who, etag, router

ROUTER: Final[APIRouter] = router()


@ROUTER.post("/cases/{case_id}/decisions", status_code=201, tags=["decisions"])
async def draft(rt: Rt, who: Who, case_id: UUID, body: wire.NewDecision, response: Response) -> wire.DecisionView:
    """Draft a decision. Whom it burdens is told at once, and has time to put things right (model §5)."""
    async with rt.db.transaction() as tx:
        shown = await decisions.draft(tx, rt, who, case_id, body)
    response.headers["Location"] = f"/decisions/{shown.decision.id}"
    return views.of_decision(who, shown)


@ROUTER.get("/decisions/{decision_id}", tags=["decisions"])
async def read_decision(rt: Rt, who: Who, decision_id: UUID, response: Response) -> wire.DecisionView:
    """A decision; whom it is about reads it from its release on, for ever."""
    async with rt.db.transaction() as tx:
        shown = await decisions.get(tx, rt, who, decision_id)
    etag(response, shown.decision.version)
    return views.of_decision(who, shown)


@ROUTER.post("/decisions/{decision_id}/release", tags=["decisions"])
async def release(rt: Rt, who: Who, decision_id: UUID, body: wire.Release) -> wire.DecisionView:
    """A second person makes it an act of the authority, signing whom it touches (P3.2.2-3)."""
    async with rt.db.transaction() as tx:
        return views.of_decision(who, await decisions.release(tx, rt, who, decision_id, body))


@ROUTER.post("/decisions/{decision_id}/withdrawal", tags=["decisions"])
async def withdraw(rt: Rt, who: Who, decision_id: UUID, body: wire.WithReasons) -> wire.DecisionView:
    """Take a draft back."""
    async with rt.db.transaction() as tx:
        return views.of_decision(who, await decisions.withdraw(tx, rt, who, decision_id, reasons=body.reasons))


@ROUTER.post("/decisions/{decision_id}/lift", tags=["decisions"])
async def lift(rt: Rt, who: Who, decision_id: UUID, body: wire.Stated) -> wire.DecisionView:
    """End one's own decision; what it did is undone."""
    async with rt.db.transaction() as tx:
        return views.of_decision(who, await decisions.lift(tx, rt, who, decision_id, body))


@ROUTER.post("/decisions/{decision_id}/correction", tags=["decisions"])
async def confirm_correction(rt: Rt, who: Who, decision_id: UUID, body: wire.Correction) -> wire.DecisionView:
    """Say whether an order to correct was obeyed (P3.2.2)."""
    async with rt.db.transaction() as tx:
        return views.of_decision(who, await correcting.confirm_correction(tx, rt, who, decision_id, body))


@ROUTER.post("/decisions/{decision_id}/comment", tags=["decisions"])
async def comment(rt: Rt, who: Who, decision_id: UUID, body: wire.WithReasons) -> wire.DecisionView:
    """Say something about a colleague's draft; it binds nobody."""
    async with rt.db.transaction() as tx:
        shown = await remarks.remark(tx, rt, who, decision_id, Action.COMMENT, reasons=body.reasons)
    return views.of_decision(who, shown)


@ROUTER.post("/decisions/{decision_id}/return", tags=["decisions"])
async def return_draft(rt: Rt, who: Who, decision_id: UUID, body: wire.WithReasons) -> wire.DecisionView:
    """Give a colleague's draft back: it cannot be released before that is answered."""
    async with rt.db.transaction() as tx:
        shown = await remarks.remark(tx, rt, who, decision_id, Action.RETURN, reasons=body.reasons)
    return views.of_decision(who, shown)


@ROUTER.post("/decisions/{decision_id}/answer", tags=["decisions"])
async def answer(rt: Rt, who: Who, decision_id: UUID, body: wire.WithReasons) -> wire.DecisionView:
    """Answer why it was returned; whoever returned it does not. What should read otherwise is withdrawn instead."""
    async with rt.db.transaction() as tx:
        shown = await remarks.remark(tx, rt, who, decision_id, Action.ANSWER, reasons=body.reasons)
    return views.of_decision(who, shown)


@ROUTER.get("/decisions/{decision_id}/orders-preview", tags=["decisions"])
async def preview_orders(rt: Rt, who: Who, decision_id: UUID) -> OrdersPreview:
    """The dry run: which orders would go out, to whom, from whom, about which names, by when. Nothing is sent."""
    async with rt.db.transaction() as tx:
        return await ordering.preview(tx, rt, who, decision_id)
