"""Cases: opened, read, listed, discontinued."""

from typing import Annotated, Final
from uuid import UUID

from fastapi import APIRouter, Query, Response

from enforcement import views
from enforcement.lifecycle import CaseStatus
from enforcement.service import cases
from enforcement.service.cases import Asked
from shared.contracts.http import enforcement as wire
from shared.runtime.web.door import Rt, Who, etag, router
from shared.runtime.web.paging import Page, Paging, page_of

ROUTER: Final[APIRouter] = router()


@ROUTER.post("/cases", status_code=201, tags=["cases"])
async def open_case(rt: Rt, who: Who, body: wire.NewCase, response: Response) -> wire.CaseView:
    """Open a case about a registered site, a found one, an operator or a provider (P3.2.1).

    A name may lie below a registered one: `www.pharmacy.example` finds the site of `pharmacy.example`.
    """
    async with rt.db.transaction() as tx:
        opened = await cases.open_case(tx, rt, who, body)
    response.headers["Location"] = f"/cases/{opened.case.id}"
    etag(response, opened.case.version)
    return views.of_case(who, opened)


@ROUTER.get("/cases", tags=["cases"])
async def list_cases(
    rt: Rt, who: Who, paging: Paging, status: CaseStatus | None = None,
    host: Annotated[str | None, Query(max_length=253, description="A name that the case is about")] = None,
    mine: Annotated[bool, Query(description="Only those that you work on")] = False,
    claimed_by: Annotated[str | None, Query(max_length=200, description="Only those this officer works on")] = None,
    ground: Annotated[str | None, Query(max_length=100, description="Only those on this ground")] = None,
    region: Annotated[str | None, Query(pattern="^[1-9][0-9]0000$", description="Only those of this province")] = None,
    min_age_days: Annotated[int | None, Query(ge=0, le=36500, description="Opened so many days ago, or before")] = None,
    max_age_days: Annotated[int | None, Query(ge=0, le=36500, description="Opened within so many days")] = None,
    overdue: Annotated[bool, Query(description="Only those with a task whose date has passed")] = False,
) -> Page[wire.CaseSummary]:  # fmt: skip
    """Cases the caller reaches, newest first."""
    async with rt.db.transaction() as tx:
        found = await cases.page(
            tx, rt, who, Asked(status, host, mine, claimed_by, ground, region, min_age_days, max_age_days, overdue),
            after=paging.after, limit=paging.fetch,
        )  # fmt: skip
    return page_of(found, paging, views.summary_of, lambda case: case.id)


@ROUTER.get("/cases/{case_id}", tags=["cases"])
async def read_case(rt: Rt, who: Who, case_id: UUID, response: Response) -> wire.CaseView:
    """A case with its evidence, its decisions and what became of each."""
    async with rt.db.transaction() as tx:
        file = await cases.get(tx, rt, who, case_id)
    etag(response, file.case.version)
    return views.of_case(who, file)


@ROUTER.post("/cases/{case_id}/discontinuation", tags=["cases"])
async def discontinue(rt: Rt, who: Who, case_id: UUID, body: wire.Stated) -> wire.CaseView:
    """End a case without a decision, with reasons."""
    async with rt.db.transaction() as tx:
        return views.of_case(who, await cases.discontinue(tx, rt, who, case_id, body))
