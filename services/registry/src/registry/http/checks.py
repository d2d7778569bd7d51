"""Checks: what providers are asked about submitted sites, and what they answer (P3.1.4)."""

from collections.abc import Sequence
from uuid import UUID

from fastapi import APIRouter

from registry import views
from registry.service import checks
from registry.store.checks import Check
from shared.contracts.http import checks as wire
from shared.contracts.http.checks import CheckStatus
from shared.runtime.base.context import Caller
from shared.runtime.db.postgres import Tx
from shared.runtime.web.door import Rt, Who, router
from shared.runtime.web.paging import Page, Paging, page_of

ROUTER: APIRouter = router()


@ROUTER.get("/checks", tags=["checks"])
async def list_checks(
    rt: Rt, who: Who, paging: Paging, status: CheckStatus | None = None, registration_id: UUID | None = None
) -> Page[wire.CheckView]:
    """Checks the caller reaches, newest first: a provider those that are put to it (`?status=asked` waits for it)."""
    async with rt.db.transaction() as tx:
        found = await checks.page(
            tx, rt, who, status=status, registration_id=registration_id, after=paging.after, limit=paging.fetch
        )
        shown = await _checks(tx, who, found)
    return page_of(shown, paging, lambda view: view, lambda view: view.id)


@ROUTER.get("/checks/{check_id}", tags=["checks"])
async def read_check(rt: Rt, who: Who, check_id: UUID) -> wire.CheckView:
    """What was submitted with the provider's name, and what it answered."""
    async with rt.db.transaction() as tx:
        return await _check(tx, who, await checks.get(tx, rt, who, check_id))


@ROUTER.post("/checks/{check_id}/verification", tags=["checks"])
async def verify(rt: Rt, who: Who, check_id: UUID) -> wire.CheckView:
    """The facts are as the provider knows them."""
    async with rt.db.transaction() as tx:
        return await _check(tx, who, await checks.verify(tx, rt, who, check_id))


@ROUTER.post("/checks/{check_id}/mismatch", tags=["checks"])
async def report_mismatch(rt: Rt, who: Who, check_id: UUID, body: wire.Mismatch) -> wire.CheckView:
    """Something is not as the provider knows it; the operator is told, and the regulator decides all the same."""
    async with rt.db.transaction() as tx:
        return await _check(tx, who, await checks.report(tx, rt, who, check_id, body))


async def _check(tx: Tx, who: Caller, check: Check) -> wire.CheckView:
    return (await _checks(tx, who, [check]))[0]


async def _checks(tx: Tx, who: Caller, found: Sequence[Check]) -> list[wire.CheckView]:
    clocks = await checks.clocks(tx, found)
    return [views.of_check(who, each, clocks.get(each.id)) for each in found]
