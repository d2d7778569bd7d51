"""Emergency suspensions: what providers did by themselves, until an authority confirms it or it lapses."""

from typing import Final
from uuid import UUID

from fastapi import APIRouter

from enforcement import views
from enforcement.lifecycle import EmergencyStatus
from enforcement.service import emergencies
from shared.contracts.http import emergencies as wire
from shared.runtime.web.door import Rt, Who, router
from shared.runtime.web.paging import Page, Paging, page_of

ROUTER: Final[APIRouter] = router(tags=["emergencies"])


@ROUTER.get("/emergencies")
async def list_emergencies(
    rt: Rt, who: Who, paging: Paging, status: EmergencyStatus | None = None
) -> Page[wire.EmergencyMatterView]:
    """What providers suspended by themselves, newest first: at your desk, or about you (N4.2.5)."""
    async with rt.db.transaction() as tx:
        found = await emergencies.page(tx, rt, who, status=status, after=paging.after, limit=paging.fetch)
    return page_of(found, paging, lambda each: views.of_emergency(who, each), lambda each: each.id)


@ROUTER.get("/emergencies/{emergency_id}")
async def read_emergency(rt: Rt, who: Who, emergency_id: UUID) -> wire.EmergencyMatterView:
    """One of them, and until when it is to be confirmed."""
    async with rt.db.transaction() as tx:
        return views.of_emergency(who, await emergencies.get(tx, rt, who, emergency_id))


@ROUTER.post("/emergencies/{emergency_id}/confirmation")
async def confirm_emergency(rt: Rt, who: Who, emergency_id: UUID, body: wire.Confirmation) -> wire.EmergencyMatterView:
    """Confirm it by your authority's released decision to suspend the same site; from now on it falls with that."""
    async with rt.db.transaction() as tx:
        return views.of_emergency(who, await emergencies.confirm(tx, rt, who, emergency_id, body.decision_id))
