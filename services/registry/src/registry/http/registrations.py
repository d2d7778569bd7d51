"""Registrations: asked for, granted, refused."""

from uuid import UUID

from fastapi import APIRouter, Response

from registry import views
from registry.lifecycle import Status
from registry.service import forwarding, registrations
from registry.store.registrations import Owned
from registry.store.sites import OwnedSite
from shared.contracts.http import registry as wire
from shared.contracts.http.home import Forwarding
from shared.runtime.base.context import Caller
from shared.runtime.db.postgres import Tx
from shared.runtime.web.door import Rt, Who, etag, router
from shared.runtime.web.paging import Page, Paging, page_of

ROUTER: APIRouter = router()


@ROUTER.post("/registrations", status_code=201, tags=["registrations"])
async def submit(rt: Rt, who: Who, body: wire.NewRegistration) -> wire.RegistrationView:
    """Ask for a filing or licence for a first site; the regulator's clock starts (P3.1.4)."""
    async with rt.db.transaction() as tx:
        return await _registration(tx, who, await registrations.submit(tx, rt, who, body))


@ROUTER.get("/registrations", tags=["registrations"])
async def list_registrations(
    rt: Rt, who: Who, paging: Paging, number: str | None = None, operator_id: UUID | None = None,
    status: Status | None = None,
) -> Page[wire.RegistrationSummary]:  # fmt: skip
    """Registrations the caller reaches, newest first."""
    async with rt.db.transaction() as tx:
        found = await registrations.page(
            tx, rt, who, number=number, operator_id=operator_id, status=status, after=paging.after, limit=paging.fetch
        )
    return page_of(found, paging, views.summary_of, lambda owned: owned.registration.id)


@ROUTER.get("/registrations/{registration_id}", tags=["registrations"])
async def read_registration(rt: Rt, who: Who, registration_id: UUID, response: Response) -> wire.RegistrationView:
    """One registration with its first two hundred sites."""
    async with rt.db.transaction() as tx:
        owned, found = await registrations.get(tx, rt, who, registration_id)
        etag(response, owned.registration.version)
        return await _shown(tx, who, owned, found)


@ROUTER.post("/registrations/{registration_id}/grant", tags=["registrations"])
async def grant(rt: Rt, who: Who, registration_id: UUID, body: wire.Granting) -> wire.RegistrationView:
    """Enter it in the register under the next number of its province (P3.1.5)."""
    async with rt.db.transaction() as tx:
        return await _registration(tx, who, await registrations.grant(tx, rt, who, registration_id, body))


@ROUTER.post("/registrations/{registration_id}/refusal", tags=["registrations"])
async def refuse(rt: Rt, who: Who, registration_id: UUID, body: wire.Refusing) -> wire.RegistrationView:
    """Refuse it, with written reasons, every ground at once, and redress."""
    async with rt.db.transaction() as tx:
        return await _registration(tx, who, await registrations.refuse(tx, rt, who, registration_id, body))


@ROUTER.post("/registrations/{registration_id}/forwarding", tags=["registrations"])
async def forward(rt: Rt, who: Who, registration_id: UUID, body: Forwarding) -> wire.RegistrationView:
    """Forward it to the regulator that it belongs to, with reasons; the clock goes on, and its operator is told."""
    async with rt.db.transaction() as tx:
        return await _registration(tx, who, await forwarding.forward(tx, rt, who, registration_id, body))


async def _registration(tx: Tx, who: Caller, owned: Owned) -> wire.RegistrationView:
    return await _shown(tx, who, owned, await registrations.first_sites(tx, owned))


async def _shown(tx: Tx, who: Caller, owned: Owned, found: list[OwnedSite]) -> wire.RegistrationView:
    clock, licence = await registrations.clock(tx, owned), await registrations.licence(tx, owned)
    beside, forwarded = await registrations.beside(tx, owned), await forwarding.of(tx, owned)
    return views.of_registration(who, owned, found, clock, licence, beside, forwarded)
