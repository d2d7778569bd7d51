"""Sites: read, found by name, seen as they were; given up by their operator, whole or at one provider."""

from datetime import datetime
from typing import Any, Final
from uuid import UUID

from registry.errors import AmendmentPending, NotLive, UnderMeasure, UnknownAccess, UnknownSite
from registry.lifecycle import SiteAction, SiteStatus
from registry.policy import POLICY, Act
from registry.service import appealable, hosting, looks, registrations, writing
from registry.service.desk import regulator_for
from registry.store import accesses, amendments, claims, executions, sites
from registry.store.sites import OwnedSite
from shared.contracts.grounds import ActRef, AddressForService, Names, Service, Statement
from shared.contracts.registry import SiteRecordedV1
from shared.rules import Effect
from shared.rules.identifiers import InvalidIdentifier, normalise_domain
from shared.runtime.acts import names
from shared.runtime.acts.runtime import Runtime
from shared.runtime.base.context import Caller
from shared.runtime.base.problems import Invalid
from shared.runtime.db.postgres import Tx

_GIVEN_UP: Final = Names(zh="网站备案（许可）注销通知书", en="A site was given up by its operator")
HOLDING: Final = frozenset({Effect.SUSPEND_ACCESS, Effect.CUT_ACCESS, Effect.REVOKE})
"""Effects that, carried out, keep a site as it is until they are undone; one that struck an item is over with that."""


async def get(tx: Tx, rt: Runtime, who: Caller, site_id: UUID) -> OwnedSite:
    """One site. An official's look leaves an audit row. Raises UnknownSite (404), Forbidden (403)."""
    site = await sites.get(tx, site_id)
    POLICY.require(who, Act.READ, site)
    await looks.at_one(tx, rt, who, Act.READ, f"/sites/{site_id}", site.organisation)
    return site


async def by_domain(tx: Tx, rt: Runtime, who: Caller, domain: str) -> list[OwnedSite]:
    """The site that a name belongs to, in any spelling: its own or that of a domain above it; none if nobody holds it.

    Raises Invalid (422), RoleMissing (403).
    """
    reach = POLICY.reach(who, Act.READ)
    try:
        name = normalise_domain(domain)
    except InvalidIdentifier as wrong:
        raise Invalid.field("domain", wrong.message) from wrong
    found = await claims.by_domain(tx, [name.ascii, *name.above])
    if found is None:
        return []
    site = await sites.get(tx, found)
    if not reach.admits(site):
        return []
    await looks.at_one(tx, rt, who, Act.READ, f"/sites/{found}", site.organisation)
    return [site]


async def at(
    tx: Tx, rt: Runtime, who: Caller, site_id: UUID, moment: datetime
) -> tuple[SiteRecordedV1, dict[str, Any], datetime]:
    """The record of a site as it was; without the address for service, which is its operator's of that time.

    Raises UnknownSite (404) also for a time before it was entered.
    """
    await get(tx, rt, who, site_id)
    found = await sites.version_at(tx, site_id, moment)
    if found is None:
        raise UnknownSite(site_id=site_id)
    record, cause, since = found
    operator = record.operator.model_copy(update={"address_for_service": AddressForService()})
    return record.model_copy(update={"operator": operator}), cause, since


async def deregister(tx: Tx, rt: Runtime, who: Caller, site_id: UUID, *, reasons: str) -> OwnedSite:
    """Give a site up: it ends, its names are free. Not while a measure lies on it or is being decided about.

    Raises UnknownSite (404); Forbidden (403); ActionRefused, UnderMeasure, MergerAppealable, AmendmentPending (409).
    """
    at_ = rt.clock.now()
    site = await sites.hold(tx, site_id)
    POLICY.require(who, Act.DEREGISTER, site)
    sites.MOVES.lifecycle.after(site.site.status, SiteAction.DEREGISTER)
    await require_free(tx, site)
    await appealable.require_site(tx, rt, site_id)
    pending = await amendments.pending(tx, site_id, site.operator.id)
    if pending is not None:
        raise AmendmentPending(amendment_id=str(pending))
    await sites.MOVES.move(tx, site.site, SiteAction.DEREGISTER, who=who, why=reasons, at=at_)
    ended = await writing.changed(tx, rt, site_id, cause={"kind": "deregister", "by": who.person}, at=at_)
    await claims.release(tx, site_id)
    await accesses.end(tx, site_id, site.site.accesses)
    await hosting.watch(tx, rt, ended)
    _tell_given_up(tx, rt, site)
    await registrations.end_if_empty(tx, rt, who, site.registration.id)
    return ended


def _tell_given_up(tx: Tx, rt: Runtime, site: OwnedSite) -> None:
    """Its operator did it, and has the answer; who holds a name of it hears of it too."""
    at, why = rt.clock.now(), "Its operator gave the site up."
    names.tell(
        tx, site.site.domains, about=ActRef(service=Service.REGISTRY, kind="deregistration", id=site.site.id),
        kind="deregistered", title=_GIVEN_UP, authority=regulator_for(rt, site.level, site.region), at=at,
        says=Statement(legal_basis=("P3.1",), reasons=why, public_reasons=why),
    )  # fmt: skip


async def end_access(tx: Tx, rt: Runtime, who: Caller, site_id: UUID, access_id: UUID, *, reasons: str) -> OwnedSite:
    """A site leaves one of its providers. Raises UnknownSite, UnknownAccess (404); NotLive, UnderMeasure (409).

    Whoever leaves the last one has time to find another (hosting.py); the site stays in the register.
    """
    at_ = rt.clock.now()
    site = await sites.hold(tx, site_id)
    POLICY.require(who, Act.DEREGISTER, site)
    require_live(site)
    await require_free(tx, site)
    ending = [access for access in site.site.accesses if access.id == access_id]
    if not ending:
        raise UnknownAccess(access_id=access_id)
    await accesses.end(tx, site_id, ending)
    await sites.MOVES.change(tx, site.site, "end_access", who=who, why=reasons, at=at_)
    cause = {"kind": "end_access", "id": str(access_id), "by": who.person}
    changed = await writing.changed(tx, rt, site_id, cause=cause, at=at_)
    await hosting.watch(tx, rt, changed)
    return changed


def require_live(site: OwnedSite) -> None:
    """Raise NotLive unless the site can be changed."""
    if site.site.status is not SiteStatus.LIVE:
        raise NotLive(status=site.site.status)


async def require_free(tx: Tx, site: OwnedSite) -> None:
    """Nobody edits what is being decided about, or what a measure must restore exactly. Raises UnderMeasure."""
    if await executions.open_on_site(tx, site.site.id, HOLDING):
        raise UnderMeasure
