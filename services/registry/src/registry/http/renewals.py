"""Renewals of licences: asked for, decided."""

from collections.abc import Sequence
from uuid import UUID

from fastapi import APIRouter

from registry import views
from registry.lifecycle import RenewalStatus
from registry.service import renewals
from registry.store.licences import Renewal
from shared.contracts.http import licences as wire
from shared.contracts.http.registry import Refusing, WithReasons
from shared.runtime.base.context import Caller
from shared.runtime.db.postgres import Tx
from shared.runtime.web.door import Rt, Who, router
from shared.runtime.web.paging import Page, Paging, page_of

ROUTER: APIRouter = router()


@ROUTER.post("/registrations/{registration_id}/renewals", status_code=201, tags=["renewals"])
async def ask(rt: Rt, who: Who, registration_id: UUID, body: wire.RenewalRequest) -> wire.RenewalView:
    """Ask for a later last day of a licence; asked for in time, it stays in force until that is decided."""
    async with rt.db.transaction() as tx:
        return await _renewal(tx, who, await renewals.ask(tx, rt, who, registration_id, body))


@ROUTER.get("/renewals", tags=["renewals"])
async def list_renewals(
    rt: Rt, who: Who, paging: Paging, status: RenewalStatus | None = None, registration_id: UUID | None = None
) -> Page[wire.RenewalView]:
    """Renewals the caller reaches, newest first."""
    async with rt.db.transaction() as tx:
        found = await renewals.page(
            tx, rt, who, status=status, registration_id=registration_id, after=paging.after, limit=paging.fetch
        )
        shown = await _renewals(tx, who, found)
    return page_of(shown, paging, lambda view: view, lambda view: view.id)


@ROUTER.get("/renewals/{renewal_id}", tags=["renewals"])
async def read_renewal(rt: Rt, who: Who, renewal_id: UUID) -> wire.RenewalView:
    """What was asked, and what became of it."""
    async with rt.db.transaction() as tx:
        return await _renewal(tx, who, await renewals.get(tx, rt, who, renewal_id))


@ROUTER.post("/renewals/{renewal_id}/grant", tags=["renewals"])
async def grant_renewal(rt: Rt, who: Who, renewal_id: UUID, body: wire.Renewing) -> wire.RenewalView:
    """Renew: same number, a later last day; what had lapsed is in force again."""
    async with rt.db.transaction() as tx:
        return await _renewal(tx, who, await renewals.grant(tx, rt, who, renewal_id, body))


@ROUTER.post("/renewals/{renewal_id}/refusal", tags=["renewals"])
async def refuse_renewal(rt: Rt, who: Who, renewal_id: UUID, body: Refusing) -> wire.RenewalView:
    """Refuse to renew, with every ground and redress. The licence stands until its last day."""
    async with rt.db.transaction() as tx:
        return await _renewal(tx, who, await renewals.refuse(tx, rt, who, renewal_id, body))


@ROUTER.post("/renewals/{renewal_id}/withdrawal", tags=["renewals"])
async def withdraw_renewal(rt: Rt, who: Who, renewal_id: UUID, body: WithReasons) -> wire.RenewalView:
    """Take a renewal back that was asked for."""
    async with rt.db.transaction() as tx:
        return await _renewal(tx, who, await renewals.withdraw(tx, rt, who, renewal_id, reasons=body.reasons))


async def _renewal(tx: Tx, who: Caller, renewal: Renewal) -> wire.RenewalView:
    return (await _renewals(tx, who, [renewal]))[0]


async def _renewals(tx: Tx, who: Caller, found: Sequence[Renewal]) -> list[wire.RenewalView]:
    clocks = await renewals.clocks(tx, found)
    return [views.of_renewal(who, each, clocks.get(each.id)) for each in found]
