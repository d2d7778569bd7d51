"""Referrals: the list of evidence, signed by two people; whom it is about is told (P3.2.5)."""

from typing import Final
from uuid import UUID

from fastapi import APIRouter, Response

from enforcement import views
from enforcement.lifecycle import ReferralStatus
from enforcement.service import referrals
from shared.contracts.http import referrals as wire
from shared.contracts.http.documents import DocumentView
from shared.contracts.http.enforcement import WithReasons
from shared.runtime.web import documents
from shared.runtime.web.door import Rt, Who, etag, router
from shared.runtime.web.paging import Page, Paging, page_of

ROUTER: Final[APIRouter] = router(tags=["referrals"])


@ROUTER.post("/cases/{case_id}/referrals", status_code=201)
async def draft_referral(rt: Rt, who: Who, case_id: UUID, body: wire.Refer, response: Response) -> wire.ReferralView:
    """Draft a referral of evidence of a case to the authority that follows suspected crimes (P3.2.5)."""
    async with rt.db.transaction() as tx:
        drafted = await referrals.draft(tx, rt, who, case_id, body)
    response.headers["Location"] = f"/referrals/{drafted[1].id}"
    return views.of_referral(who, *drafted)


@ROUTER.get("/referrals")
async def list_referrals(
    rt: Rt, who: Who, paging: Paging, status: ReferralStatus | None = None
) -> Page[wire.ReferralView]:
    """Referrals that the caller's organisation made, was sent, or was told of, newest first."""
    async with rt.db.transaction() as tx:
        found = await referrals.page(tx, rt, who, status=status, after=paging.after, limit=paging.fetch)
    return page_of(found, paging, lambda each: views.of_referral(who, *each), lambda each: each[1].id)


@ROUTER.get("/referrals/{referral_id}")
async def read_referral(rt: Rt, who: Who, referral_id: UUID, response: Response) -> wire.ReferralView:
    """One referral; whom it is about reads it once told."""
    async with rt.db.transaction() as tx:
        found = await referrals.get(tx, rt, who, referral_id)
    etag(response, found[1].version)
    return views.of_referral(who, *found)


@ROUTER.get("/referrals/{referral_id}/document")
async def referral_document(rt: Rt, who: Who, referral_id: UUID) -> DocumentView:
    """The list of evidence as it was signed with the authority's key."""
    async with rt.db.transaction() as tx:
        issued = await referrals.document(tx, rt, who, referral_id)
        return await documents.view_of(tx, rt, issued, referrals.standing)


@ROUTER.post("/referrals/{referral_id}/signature")
async def sign_referral(rt: Rt, who: Who, referral_id: UUID, body: WithReasons) -> wire.ReferralView:
    """A second person signs and sends it; whom it is about is told, at once or at its date."""
    async with rt.db.transaction() as tx:
        return views.of_referral(who, *await referrals.sign(tx, rt, who, referral_id, reasons=body.reasons))


@ROUTER.post("/referrals/{referral_id}/withdrawal")
async def withdraw_referral(rt: Rt, who: Who, referral_id: UUID, body: WithReasons) -> wire.ReferralView:
    """Take a draft back."""
    async with rt.db.transaction() as tx:
        return views.of_referral(who, *await referrals.withdraw(tx, rt, who, referral_id, reasons=body.reasons))


@ROUTER.post("/referrals/{referral_id}/receipt")
async def receive_referral(rt: Rt, who: Who, referral_id: UUID) -> wire.ReferralView:
    """The receiver has it."""
    async with rt.db.transaction() as tx:
        return views.of_referral(who, *await referrals.receive(tx, rt, who, referral_id))


@ROUTER.post("/referrals/{referral_id}/answer")
async def answer_referral(rt: Rt, who: Who, referral_id: UUID, body: wire.Answer) -> wire.ReferralView:
    """What the receiver made of it; whom it is about reads that once told of the referral."""
    async with rt.db.transaction() as tx:
        return views.of_referral(who, *await referrals.answer(tx, rt, who, referral_id, body))
