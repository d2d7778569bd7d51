"""Amendments: proposed, decided."""

from collections.abc import Sequence
from uuid import UUID

from fastapi import APIRouter

from registry import views
from registry.lifecycle import AmendmentStatus
from registry.service import amendments, diffs, moves_home
from registry.store.amendments import Amendment
from shared.contracts.http import registry as wire
from shared.contracts.http.amendments import ProposedMove
from shared.runtime.acts.runtime import Runtime
from shared.runtime.base.context import Caller
from shared.runtime.db.postgres import Tx
from shared.runtime.web.door import IfMatch, Rt, Who, router
from shared.runtime.web.paging import Page, Paging, page_of

ROUTER: APIRouter = router()


@ROUTER.post("/operators/{operator_id}/amendments", status_code=201, tags=["amendments"])
async def change_operator(
    rt: Rt, who: Who, operator_id: UUID, version: IfMatch, body: wire.ProposedOperator
) -> wire.AmendmentView:
    """Propose an operator's particulars as they shall be; the regulator decides."""
    async with rt.db.transaction() as tx:
        proposed = await amendments.change_operator(tx, rt, who, operator_id, version, body)
        return await _amendment(tx, rt, who, proposed)


@ROUTER.post("/registrations/{registration_id}/sites", status_code=201, tags=["amendments"])
async def add_site(rt: Rt, who: Who, registration_id: UUID, body: wire.FurtherSite) -> wire.AmendmentView:
    """Propose a further site under a number; the regulator decides."""
    async with rt.db.transaction() as tx:
        return await _amendment(tx, rt, who, await amendments.add_site(tx, rt, who, registration_id, body))


@ROUTER.post("/sites/{site_id}/amendments", status_code=201, tags=["amendments"])
async def change_site(rt: Rt, who: Who, site_id: UUID, version: IfMatch, body: wire.ProposedSite) -> wire.AmendmentView:
    """Propose a site's name, names, items and accesses as they shall be; the regulator decides."""
    async with rt.db.transaction() as tx:
        return await _amendment(tx, rt, who, await amendments.change_site(tx, rt, who, site_id, version, body))


@ROUTER.post("/sites/{site_id}/transfer", status_code=201, tags=["amendments"])
async def transfer(
    rt: Rt, who: Who, site_id: UUID, version: IfMatch, body: wire.ProposedTransfer
) -> wire.AmendmentView:
    """Propose that a site goes under another operator's number; that operator consents, the regulator decides."""
    async with rt.db.transaction() as tx:
        return await _amendment(tx, rt, who, await amendments.transfer(tx, rt, who, site_id, version, body))


@ROUTER.post("/registrations/{registration_id}/move", status_code=201, tags=["amendments"])
async def move_home(
    rt: Rt, who: Who, registration_id: UUID, version: IfMatch, body: ProposedMove
) -> wire.AmendmentView:
    """Propose that a filing moves to another province with all its sites; the regulator there decides."""
    async with rt.db.transaction() as tx:
        proposed = await moves_home.propose(tx, rt, who, registration_id, version, body)
        return await _amendment(tx, rt, who, proposed)


@ROUTER.get("/amendments", tags=["amendments"])
async def list_amendments(
    rt: Rt, who: Who, paging: Paging, status: AmendmentStatus | None = None
) -> Page[wire.AmendmentView]:
    """Proposed changes the caller reaches, newest first."""
    async with rt.db.transaction() as tx:
        found = await amendments.page(tx, rt, who, status=status, after=paging.after, limit=paging.fetch)
        shown = await _amendments(tx, rt, who, found)
    return page_of(shown, paging, lambda view: view, lambda view: view.id)


@ROUTER.get("/amendments/{amendment_id}", tags=["amendments"])
async def read_amendment(rt: Rt, who: Who, amendment_id: UUID) -> wire.AmendmentView:
    """A proposed change beside what holds, field by field; once decided, as it was then."""
    async with rt.db.transaction() as tx:
        return await _amendment(tx, rt, who, await amendments.get(tx, rt, who, amendment_id))


@ROUTER.post("/amendments/{amendment_id}/grant", tags=["amendments"])
async def grant_amendment(rt: Rt, who: Who, amendment_id: UUID, body: wire.Stated) -> wire.AmendmentView:
    """What was proposed holds from now on, or from the day that it names; until then it waits."""
    async with rt.db.transaction() as tx:
        return await _amendment(tx, rt, who, await amendments.grant(tx, rt, who, amendment_id, body))


@ROUTER.post("/amendments/{amendment_id}/refusal", tags=["amendments"])
async def refuse_amendment(rt: Rt, who: Who, amendment_id: UUID, body: wire.Refusing) -> wire.AmendmentView:
    """Refuse a proposed change, with reasons and redress."""
    async with rt.db.transaction() as tx:
        return await _amendment(tx, rt, who, await amendments.refuse(tx, rt, who, amendment_id, body))


@ROUTER.post("/amendments/{amendment_id}/withdrawal", tags=["amendments"])
async def withdraw_amendment(rt: Rt, who: Who, amendment_id: UUID, body: wire.WithReasons) -> wire.AmendmentView:
    """Take a proposed change back; also a granted one, until its day has come."""
    async with rt.db.transaction() as tx:
        withdrawn = await amendments.withdraw(tx, rt, who, amendment_id, reasons=body.reasons)
        return await _amendment(tx, rt, who, withdrawn)


@ROUTER.post("/amendments/{amendment_id}/consent", tags=["amendments"])
async def consent(rt: Rt, who: Who, amendment_id: UUID) -> wire.AmendmentView:
    """The receiving operator agrees to a transfer, or an operator to what was proposed in its name."""
    async with rt.db.transaction() as tx:
        return await _amendment(tx, rt, who, await amendments.consent(tx, rt, who, amendment_id))


async def _amendment(tx: Tx, rt: Runtime, who: Caller, amendment: Amendment) -> wire.AmendmentView:
    return (await _amendments(tx, rt, who, [amendment]))[0]


async def _amendments(tx: Tx, rt: Runtime, who: Caller, found: Sequence[Amendment]) -> list[wire.AmendmentView]:
    shown, clocks = await diffs.shown(tx, rt, found), await amendments.clocks(tx, found)
    return [views.of_amendment(who, each, *shown[each.id], clocks.get(each.id)) for each in found]
