"""What providers suspended by themselves (N4.2.5)."""

from typing import Annotated, Final
from uuid import UUID

from fastapi import APIRouter, Query

from access_control import views
from access_control.lifecycle import EmergencyStatus
from access_control.service import emergencies
from shared.contracts.http.emergencies import EmergencyReport, EmergencyView
from shared.runtime.web.door import Rt, Who, router
from shared.runtime.web.paging import Page, Paging, page_of

ROUTER: Final[APIRouter] = router(tags=["emergencies"])
REPORTS: Final[APIRouter] = router(idempotent=False, tags=["providers' doors"])
"""A statement carries its own id, so it needs no Idempotency-Key."""


@REPORTS.post("/providers/{provider_id}/emergencies", status_code=201)
async def report_emergency(provider_id: UUID, body: EmergencyReport, who: Who, rt: Rt) -> EmergencyView:
    """Report, signed, that you suspended a site by yourself (N4.2.5). Its operator is told at once.

    Unless an authority confirms it by a released decision within 72 hours of `since`, it lapses, and a restore order
    reaches you by itself. The statement carries its own id, so it needs no Idempotency-Key.
    """
    async with rt.db.transaction() as tx:
        return views.of_emergency(await emergencies.report(tx, rt, who, provider_id, body.jws))


@ROUTER.get("/emergencies")
async def list_emergencies(
    who: Who, rt: Rt, paging: Paging, status: Annotated[EmergencyStatus | None, Query()] = None
) -> Page[EmergencyView]:
    """What providers suspended by themselves, newest first (regulators of the province; a provider its own)."""
    async with rt.db.transaction() as tx:
        found = await emergencies.page(tx, rt, who, paging, status=status)
    return page_of(found, paging, views.of_emergency, lambda each: each.id)


@ROUTER.get("/emergencies/{emergency_id}")
async def get_emergency(emergency_id: UUID, who: Who, rt: Rt) -> EmergencyView:
    """One emergency suspension, and what became of it."""
    async with rt.db.transaction() as tx:
        return views.of_emergency(await emergencies.get(tx, rt, who, emergency_id))
