"""The file of a case: who works on it, whereto it goes, what lies beside it, what happened in it."""

from typing import Annotated, Final
from uuid import UUID

from fastapi import APIRouter, Query

from enforcement import views, views_file
from enforcement.service import cases, claims, related, timeline, transfers
from shared.contracts.http import casefile as wire
from shared.contracts.http.enforcement import CaseView, WithReasons
from shared.runtime.web.door import Rt, Who, router

ROUTER: Final[APIRouter] = router(tags=["cases"])
After = Annotated[wire.Cursor | None, Query(description="`next` of the page before; leave out for the first page.")]
Limit = Annotated[int, Query(ge=1, le=200, description="Most entries in the page.")]


@ROUTER.get("/cases/{case_id}/timeline")
async def read_timeline(
    rt: Rt, who: Who, case_id: UUID, kind: wire.Part | None = None, after: After = None, limit: Limit = 50
) -> wire.Timeline:
    """What happened in a case, newest first, read from history, notices, deliveries, appeals, orders and the audit.

    Whom it burdens reads what became of decisions that it was told of, messages to it, and its own readings.
    """
    async with rt.db.transaction() as tx:
        found = await timeline.page(tx, rt, who, case_id, part=kind, after=after, limit=limit + 1)
    return views_file.of_timeline(found, limit)


@ROUTER.post("/cases/{case_id}/claim")
async def claim(rt: Rt, who: Who, case_id: UUID, body: wire.Claim) -> CaseView:
    """Work on a case; on a colleague's with a reason."""
    async with rt.db.transaction() as tx:
        return views.of_case(who, await cases.file_of(tx, rt, await claims.claim(tx, rt, who, case_id, body)))


@ROUTER.post("/cases/{case_id}/claim/release")
async def release_claim(rt: Rt, who: Who, case_id: UUID) -> CaseView:
    """Give a case back that you work on."""
    async with rt.db.transaction() as tx:
        return views.of_case(who, await cases.file_of(tx, rt, await claims.release(tx, rt, who, case_id)))


@ROUTER.post("/cases/{case_id}/hold")
async def hold_evidence(rt: Rt, who: Who, case_id: UUID, body: WithReasons) -> CaseView:
    """Keep the evidence of a case whatever the retention says."""
    async with rt.db.transaction() as tx:
        return views.of_case(who, await cases.file_of(tx, rt, await claims.hold_evidence(tx, rt, who, case_id, body)))


@ROUTER.post("/cases/{case_id}/hold/lift")
async def lift_hold(rt: Rt, who: Who, case_id: UUID, body: WithReasons) -> CaseView:
    """Leave the evidence of a case to the retention again."""
    async with rt.db.transaction() as tx:
        return views.of_case(who, await cases.file_of(tx, rt, await claims.lift_hold(tx, rt, who, case_id, body)))


@ROUTER.post("/cases/{case_id}/transfer")
async def transfer_case(rt: Rt, who: Who, case_id: UUID, body: wire.NewTransfer) -> CaseView:
    """Hand a case over to another competent authority, with reasons. It ends here, and goes on as `continues_as`.

    What is drafted is withdrawn; what is in force stays yours, with its clocks and appeals.
    """
    async with rt.db.transaction() as tx:
        return views.of_case(who, await cases.file_of(tx, rt, await transfers.transfer(tx, rt, who, case_id, body)))


@ROUTER.get("/cases/{case_id}/related")
async def related_cases(rt: Rt, who: Who, case_id: UUID) -> wire.RelatedCases:
    """Cases about the same subject, operator or host, linked or transferred; of those that the caller may read."""
    async with rt.db.transaction() as tx:
        return views_file.of_related(await related.related(tx, rt, who, case_id))


@ROUTER.post("/cases/{case_id}/links", status_code=201)
async def link(rt: Rt, who: Who, case_id: UUID, body: wire.NewLink) -> wire.RelatedCases:
    """Put another case beside this one, for both, with a reason."""
    async with rt.db.transaction() as tx:
        return views_file.of_related(await related.link(tx, rt, who, case_id, body))
