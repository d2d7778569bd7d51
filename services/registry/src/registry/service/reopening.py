"""An appeal against an act of ours was won, or not decided in time: the act falls (model: appeals).

A refusal falls: what was refused is on the desk again, with a fresh clock. An execution falls: it is undone.
"""

from datetime import datetime
from typing import Final
from uuid import UUID

from registry.lifecycle import Action, AmendmentAction, RenewalAction, SiteAction, Status
from registry.service import changes, checks, licences, proposing, registrations, renewals
from registry.service.registrations import CLAIMED_BEYOND, CLOCKS
from registry.store import accesses, claims, sites
from registry.store import amendments as proposals
from registry.store import licences as licence_store
from registry.store import registrations as register
from registry.store.sites import OwnedSite
from shared.contracts.http.registry import MOST_SITES, RegistrationKind
from shared.runtime.acts import deadlines
from shared.runtime.acts.runtime import Runtime
from shared.runtime.base.context import Caller
from shared.runtime.db.postgres import Tx

SYSTEM: Final = Caller.system("registry")
WHY: Final = "The refusal fell on appeal: the application is decided anew."


async def registration(tx: Tx, rt: Runtime, registration_id: UUID) -> None:
    """A refused application is on the desk again, unless its operator has filed another one since."""
    owned, at = await register.hold(tx, registration_id), rt.clock.now()
    found = owned.registration
    if not register.MOVES.lifecycle.can(found.status, Action.REOPEN):
        return
    if found.kind == RegistrationKind.FILING and await register.filing_of(tx, owned.operator) is not None:
        return
    await register.MOVES.move(tx, found, Action.REOPEN, who=SYSTEM, why=WHY, at=at, refusal=None, overdue_at=None)
    until = await _clock(tx, rt, registrations.DECISION, registration_id, found.kind)
    for site in await sites.of_registration(tx, owned, MOST_SITES):
        await _site(tx, rt, site, until, at)


async def amendment(tx: Tx, rt: Runtime, amendment_id: UUID) -> None:
    """A refused proposal is on the desk again, unless its operator has made another one about the same since."""
    found, at = await proposing.hold(tx, amendment_id), rt.clock.now()
    if not proposals.MOVES.lifecycle.can(found.status, AmendmentAction.REOPEN):
        return
    if await proposals.pending(tx, found.site_id, found.operator_id, found.kind) is not None:
        return
    await proposals.MOVES.move(tx, found, AmendmentAction.REOPEN, who=SYSTEM, why=WHY, at=at, refusal=None,
                               overdue_at=None, decided=None)  # fmt: skip
    if found.site_id is None:
        await _clock(tx, rt, proposing.DECISION, amendment_id, RegistrationKind.FILING)
        return
    site = await sites.get(tx, found.site_id)
    until = await _clock(tx, rt, proposing.DECISION, amendment_id, site.registration.kind)
    if found.kind == "add_site":
        await _site(tx, rt, site, until, at)
    elif found.kind == "site":
        proposed = await changes.asked(tx, rt, found)
        await checks.ask_newcomers(tx, rt, site, found.proposal["name"], proposed, amendment_id)


async def renewal(tx: Tx, rt: Runtime, renewal_id: UUID) -> None:
    """A refused renewal is on the desk again, unless another is there or was granted since.

    What was asked for in time keeps the licence in force again: without the refusal it would not have lapsed.
    """
    owned = await register.hold(tx, (await licence_store.get(tx, renewal_id)).registration_id)
    found, at = await licence_store.hold(tx, renewal_id), rt.clock.now()
    if not licence_store.MOVES.lifecycle.can(found.status, RenewalAction.REOPEN):
        return
    if owned.registration.status not in {Status.ACTIVE, Status.LAPSED}:
        return
    granted_since = owned.registration.valid_until is not None and found.valid_until <= owned.registration.valid_until
    if granted_since or await licence_store.asked_of(tx, owned.registration.id) is not None:
        return
    reopened = await licence_store.MOVES.move(
        tx, found, RenewalAction.REOPEN, who=SYSTEM, why=WHY, at=at, refusal=None, overdue_at=None
    )
    await renewals.start_clock(tx, rt, reopened)
    if owned.registration.status is Status.LAPSED and not found.late:
        await licences.revive(tx, rt, owned, "The refusal to renew it fell on appeal: it stays in force until decided.")


async def _clock(tx: Tx, rt: Runtime, kind: str, aggregate_id: UUID, registration_kind: str) -> datetime:
    clock = CLOCKS[RegistrationKind(registration_kind)]
    due = await deadlines.start(tx, kind=kind, aggregate_id=aggregate_id, clock_name=clock, rt=rt, at=rt.clock.now())
    return due.due_at + CLAIMED_BEYOND


async def _site(tx: Tx, rt: Runtime, site: OwnedSite, until: datetime, at: datetime) -> None:
    """A dropped site is asked for again. Who got one of its names meanwhile keeps it: whoever grants learns of it."""
    await sites.MOVES.move(tx, site.site, SiteAction.REOPEN, who=SYSTEM, why=WHY, at=at)
    names = await claims.asked_for(tx, site.site.id)
    await claims.claim(tx, site.site.id, site.operator.id, names, amendment_id=None, until=until, at=at)
    await accesses.give_back(tx, site.site.id, at)
    proposed = await sites.get(tx, site.site.id)
    await checks.ask(
        tx, rt, proposed.operator, registration_id=proposed.registration.id, site_id=proposed.site.id,
        site_name=proposed.site.name, domains=[name.ascii for name in names], accesses=proposed.site.accesses,
    )  # fmt: skip
