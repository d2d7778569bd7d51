"""The annual review: announced, opinions given, closed; and who is under review."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query

from registry import views
from registry.lifecycle import SubjectStatus
from registry.service import opinions, reviews
from shared.contracts.http import reviews as wire
from shared.contracts.http.registry import WithReasons
from shared.runtime.web.door import Rt, Who, router
from shared.runtime.web.paging import Page, Paging, page_of

ROUTER: APIRouter = router()


@ROUTER.post("/reviews", status_code=201, tags=["reviews"])
async def announce(rt: Rt, who: Who, body: wire.NewReview) -> wire.ReviewView:
    """Announce the review of a year at the caller's level and place; its dates are the profile's (P3.3.1)."""
    async with rt.db.transaction() as tx:
        return views.of_review(who, await reviews.announce(tx, rt, who, body))


@ROUTER.get("/reviews", tags=["reviews"])
async def list_reviews(
    rt: Rt, who: Who, paging: Paging, year: Annotated[int | None, Query(ge=1990, le=2200)] = None
) -> Page[wire.ReviewSummary]:
    """Reviews the caller reaches, newest first."""
    async with rt.db.transaction() as tx:
        found = await reviews.page(tx, who, year=year, after=paging.after, limit=paging.fetch)
    return page_of(found, paging, views.summary_of_review, lambda review: review.id)


@ROUTER.get("/reviews/{review_id}", tags=["reviews"])
async def read_review(rt: Rt, who: Who, review_id: UUID) -> wire.ReviewView:
    """One review: how many passed, and how far each authority is; a late one is shown as late."""
    async with rt.db.transaction() as tx:
        return views.of_review(who, await reviews.get(tx, rt, who, review_id))


@ROUTER.post("/reviews/{review_id}/windows", tags=["reviews"])
async def extend(rt: Rt, who: Who, review_id: UUID, body: wire.NewWindow) -> wire.ReviewView:
    """Ask one more authority for its opinions, or give one more time."""
    async with rt.db.transaction() as tx:
        return views.of_review(who, await reviews.extend(tx, rt, who, review_id, body))


@ROUTER.post("/reviews/{review_id}/completion", tags=["reviews"])
async def finish(rt: Rt, who: Who, review_id: UUID, body: WithReasons) -> wire.ReviewView:
    """An authority says that it gave all its opinions."""
    async with rt.db.transaction() as tx:
        return views.of_review(who, await reviews.finish(tx, rt, who, review_id, body))


@ROUTER.post("/reviews/{review_id}/close", tags=["reviews"])
async def close(rt: Rt, who: Who, review_id: UUID, body: WithReasons) -> wire.ReviewView:
    """Close a review before its date, once no authority's window is open: results follow one by one (P3.3.6)."""
    async with rt.db.transaction() as tx:
        return views.of_review(who, await reviews.close(tx, rt, who, review_id, body))


@ROUTER.get("/review-subjects", tags=["reviews"])
async def list_subjects(
    rt: Rt, who: Who, paging: Paging, review_id: UUID | None = None, status: SubjectStatus | None = None,
    kind: str | None = None, site_id: UUID | None = None, conflicting: bool = False,
) -> Page[wire.SubjectView]:  # fmt: skip
    """Who is under review, with what was said: an authority all of its level and place, others their own (P3.3.8)."""
    async with rt.db.transaction() as tx:
        found, said = await opinions.page(
            tx, rt, who, review_id=review_id, status=status, kind=kind, site_id=site_id, conflicting=conflicting,
            after=paging.after, limit=paging.fetch,
        )  # fmt: skip
    return page_of(found, paging, lambda each: views.of_subject(who, each, said), lambda each: each.id)


@ROUTER.get("/review-subjects/{subject_id}", tags=["reviews"])
async def read_subject(rt: Rt, who: Who, subject_id: UUID) -> wire.SubjectView:
    """One subject: every opinion, and the result with how to challenge it."""
    async with rt.db.transaction() as tx:
        return views.of_subject(who, *await opinions.get(tx, rt, who, subject_id))


@ROUTER.post("/review-subjects/{subject_id}/opinions", status_code=201, tags=["reviews"])
async def give(rt: Rt, who: Who, subject_id: UUID, body: wire.NewOpinion) -> wire.SubjectView:
    """Give an opinion. A failing one cites a decision that was carried out and stands (P3.3.4)."""
    async with rt.db.transaction() as tx:
        await opinions.give(tx, rt, who, subject_id, body)
        return views.of_subject(who, *await opinions.get(tx, rt, who, subject_id))


@ROUTER.get("/review-opinions/{opinion_id}", tags=["reviews"])
async def read_opinion(rt: Rt, who: Who, opinion_id: UUID) -> wire.OpinionView:
    """One opinion, whether it stands, and why it fell."""
    async with rt.db.transaction() as tx:
        return views.of_opinion(who, await opinions.get_opinion(tx, rt, who, opinion_id))


@ROUTER.post("/review-opinions/{opinion_id}/withdrawal", tags=["reviews"])
async def withdraw(rt: Rt, who: Who, opinion_id: UUID, body: WithReasons) -> wire.SubjectView:
    """Take an opinion back, also after the review: what rests on it alone falls."""
    async with rt.db.transaction() as tx:
        subject = await opinions.withdraw(tx, rt, who, opinion_id, reasons=body.reasons)
        return views.of_subject(who, *await opinions.get(tx, rt, who, subject.id))
