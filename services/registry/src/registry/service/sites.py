"""Sites: read, and amended with the checks that the changed fields touch (P3.1, last paragraph)."""

from datetime import datetime
from uuid import UUID

from registry.bodies import Amendment
from registry.errors import UnknownSite
from registry.lifecycle import REGISTRATION, Action, Status
from registry.policy import POLICY, Act
from registry.records import site_record, site_recorded
from registry.service import checks
from registry.service.registrations import move
from registry.store import register as store
from registry.store.register import Registration, Site
from shared.contracts.registry import RegistrationAmendedV1
from shared.runtime.acts import outbox
from shared.runtime.acts.runtime import Runtime
from shared.runtime.base.context import Caller
from shared.runtime.base.problems import PreconditionFailed
from shared.runtime.db.postgres import Tx

Owned = tuple[Registration, Site]


async def _owned(tx: Tx, site_id: UUID, *, lock: bool = False) -> Owned:
    site = await store.site(tx, site_id)
    registration = await store.registration(tx, site.registration_id, lock=lock) if site else None
    if registration is None:
        raise UnknownSite(site_id=site_id)
    site = (
        await store.site(tx, site_id) if lock else site
    )  # read again: it may have changed while we waited for the lock
    if site is None:
        raise UnknownSite(site_id=site_id)
    return registration, site


async def get(rt: Runtime, who: Caller, site_id: UUID) -> Owned:
    """One site with its registration. Raises UnknownSite."""
    async with rt.db.connection() as tx:
        registration, site = await _owned(tx, site_id)
    POLICY.require(who, Act.READ, registration)
    return registration, site


async def by_domain(rt: Runtime, who: Caller, domain: str) -> list[Owned]:
    """The site of a domain, if the register has one and the caller may see it."""
    async with rt.db.connection() as tx:
        site_id = await tx.fetchval(store.SITE_OF_DOMAIN, domain)
        if site_id is None:
            return []
        registration, site = await _owned(tx, site_id)
    POLICY.require(who, Act.READ, registration)
    return [(registration, site)]


async def amend(rt: Runtime, who: Caller, site_id: UUID, body: Amendment, version: int) -> Owned:
    """Replace a site's name, domains, service items and accesses.

    Raises PreconditionFailed if the site is not at ``version`` any more, ActionRefused unless the registration is
    active, and what ``checks`` raises.
    """
    now = rt.clock.now()
    domains = checks.domains_of(body, "")
    items = checks.service_items_of(rt, body, "")
    async with rt.db.transaction() as tx:
        registration, site = await _owned(tx, site_id, lock=True)
        POLICY.require(who, Act.AMEND, registration)
        REGISTRATION.after(registration.status, Action.AMEND)
        if site.version != version:
            raise PreconditionFailed(version=site.version)
        await checks.require_approvals(rt, tx, registration.operator, items, [domain.ascii for domain in domains])
        accesses = await checks.accesses_of(tx, registration.operator, body, "")
        await store.clear_site_parts(tx, site_id)
        await checks.write_parts(tx, registration.operator, site_id, domains, accesses)
        return await _amended(tx, who, registration, site, body.name, items, body.reasons, now)


async def remove_item(rt: Runtime, tx: Tx, who: Caller, site_id: UUID, item: str, reasons: str) -> None:
    """Strike an item off a site whose approval was cancelled (P3.2.4); ``general`` remains if nothing else does."""
    registration, site = await _owned(tx, site_id, lock=True)
    if registration.status is not Status.ACTIVE or item not in site.service_items:
        return
    left = tuple(kept for kept in site.service_items if kept != item) or (checks.GENERAL,)
    await _amended(tx, who, registration, site, site.name, left, reasons, rt.clock.now())


async def _amended(
    tx: Tx,
    who: Caller,
    registration: Registration,
    site: Site,
    name: str,
    items: tuple[str, ...],
    reasons: str,
    at: datetime,
) -> Owned:
    if await tx.fetchval(store.UPDATE_SITE, site.id, site.version, name, list(items), at) is None:
        raise PreconditionFailed(version=site.version)
    registration = move(tx, registration, Action.AMEND, Status.ACTIVE, who, reasons, at)
    _, site = await _owned(tx, site.id)
    number = registration.number or ""
    amended = RegistrationAmendedV1(
        registration_id=registration.id, region=registration.region, level=registration.level, number=number,
        site=site_record(number, registration.status, site), reasons=reasons,
    )  # fmt: skip
    outbox.add(tx, amended, site_recorded(registration, site, changed_at=at), at=at)
    return registration, site
