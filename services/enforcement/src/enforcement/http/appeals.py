"""Appeals against any act of any department."""

from collections.abc import Sequence
from datetime import date
from typing import Annotated, Final
from uuid import UUID

from fastapi import APIRouter, Query, Response

from enforcement import views
from enforcement.lifecycle import AppealStatus
from enforcement.service import appeals, reviewing, statistics
from enforcement.store.appeals import Appeal
from shared.contracts.http import appeals as own
from shared.contracts.http import enforcement as wire
from shared.runtime.base.context import Caller
from shared.runtime.db.postgres import Tx
from shared.runtime.web.door import PUBLIC, Rt, Who, etag, router
from shared.runtime.web.paging import Page, Paging, page_of

ROUTER: Final[APIRouter] = router()


@ROUTER.post("/appeals", status_code=201, tags=["appeals"])
async def appeal(rt: Rt, who: Who, body: wire.NewAppeal, response: Response) -> wire.AppealView:
    """Challenge an act of any department that you were told of (safeguard 6)."""
    async with rt.db.transaction() as tx:
        filed = await appeals.file(tx, rt, who, body)
        response.headers["Location"] = f"/appeals/{filed.id}"
        return (await _shown(tx, who, [filed]))[0]


@ROUTER.get("/appeals", tags=["appeals"])
async def list_appeals(rt: Rt, who: Who, paging: Paging, status: AppealStatus | None = None) -> Page[wire.AppealView]:
    """Appeals the caller reaches, newest first: its own, those against its acts, those it decides."""
    async with rt.db.transaction() as tx:
        found = await appeals.page(tx, rt, who, status=status, after=paging.after, limit=paging.fetch)
        shown = await _shown(tx, who, found)
    return page_of(shown, paging, lambda view: view, lambda view: view.id)


@ROUTER.get("/appeals/statistics", tags=["appeals"], openapi_extra=PUBLIC)
async def count_appeals(
    rt: Rt, response: Response,
    authority: Annotated[str | None, Query(max_length=60, description="Against the acts of this one alone")] = None,
    since: Annotated[date | None, Query(description="Filed on this day or later")] = None,
    until: Annotated[date | None, Query(description="Filed on this day or before")] = None,
) -> own.Statistics:  # fmt: skip
    """What became of appeals, by the authority whose act each was against: for everybody, and nobody is named."""
    response.headers["Cache-Control"] = "public, max-age=300"
    async with rt.db.transaction() as tx:
        begins, ends, found = await statistics.of_appeals(tx, rt, authority=authority, since=since, until=until)
    counts = [
        own.Counts(**{name: getattr(each, name) for name in own.Counts.model_fields if name != "authority"},
                   authority=each.authority.names)
        for each in found
    ]  # fmt: skip
    return own.Statistics(since=begins, until=ends, authorities=counts)


@ROUTER.get("/appeals/{appeal_id}", tags=["appeals"])
async def read_appeal(rt: Rt, who: Who, appeal_id: UUID, response: Response) -> wire.AppealView:
    """An appeal with its clock and its outcome."""
    async with rt.db.transaction() as tx:
        found = await appeals.get(tx, rt, who, appeal_id)
        etag(response, found.version)
        return (await _shown(tx, who, [found]))[0]


@ROUTER.post("/appeals/{appeal_id}/stay", tags=["appeals"])
async def decide_stay(rt: Rt, who: Who, appeal_id: UUID, body: wire.Stay) -> wire.AppealView:
    """Let the act have no effect while its appeal is decided, or refuse that."""
    async with rt.db.transaction() as tx:
        decided = await appeals.decide_stay(tx, rt, who, appeal_id, body)
        return (await _shown(tx, who, [decided]))[0]


@ROUTER.post("/appeals/{appeal_id}/decision", tags=["appeals"])
async def decide_appeal(rt: Rt, who: Who, appeal_id: UUID, body: wire.Outcome) -> wire.AppealView:
    """Uphold or reject; upheld, the act is undone by itself."""
    async with rt.db.transaction() as tx:
        decided = await appeals.decide(tx, rt, who, appeal_id, body)
        return (await _shown(tx, who, [decided]))[0]


@ROUTER.post("/appeals/{appeal_id}/assignment", tags=["appeals"])
async def assign_appeal(rt: Rt, who: Who, appeal_id: UUID, body: own.Assignment) -> wire.AppealView:
    """Give it to one person of the review body who took no part, with reasons: only that person decides."""
    async with rt.db.transaction() as tx:
        assigned = await reviewing.assign(tx, rt, who, appeal_id, body)
        return (await _shown(tx, who, [assigned]))[0]


@ROUTER.post("/appeals/{appeal_id}/withdrawal", tags=["appeals"])
async def withdraw_appeal(rt: Rt, who: Who, appeal_id: UUID, body: wire.WithReasons) -> wire.AppealView:
    """Let one's own appeal be; the act stands as it is, and can be challenged again in its time."""
    async with rt.db.transaction() as tx:
        withdrawn = await appeals.withdraw(tx, rt, who, appeal_id, reasons=body.reasons)
        return (await _shown(tx, who, [withdrawn]))[0]


@ROUTER.post("/appeals/{appeal_id}/admission", tags=["appeals"])
async def admit_appeal(rt: Rt, who: Who, appeal_id: UUID, body: wire.Stated) -> wire.AppealView:
    """Take in an appeal that was refused because its time was over, with reasons."""
    async with rt.db.transaction() as tx:
        admitted = await reviewing.admit(tx, rt, who, appeal_id, body)
        return (await _shown(tx, who, [admitted]))[0]


async def _shown(tx: Tx, who: Caller, found: Sequence[Appeal]) -> list[wire.AppealView]:
    clocks = await appeals.clocks(tx, found)
    return [views.of_appeal(who, each, clocks.get(each.id)) for each in found]
