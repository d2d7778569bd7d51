"""An appeal against an act of ours was won, or not decided in time: the act falls (model: appeals).

A refusal falls: what was refused is on the desk again, with a fresh clock. An execution falls: it is undone.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Final
from uuid import UUID

from registry.lifecycle import Action, AmendmentAction, RenewalAction, SiteAction, Status
from registry.service import changes, checks, licences, proposing, registrations, renewals
from registry.service.desk import SYSTEM, teller
from registry.service.registrations import CLAIMED_BEYOND, CLOCKS
from registry.store import accesses, claims, operators, sites
from registry.store import amendments as proposals
from registry.store import licences as licence_store
from registry.store import registrations as register
from registry.store.licences import Renewal
from registry.store.operators import Operator
from registry.store.registrations import Owned
from registry.store.sites import OwnedSite
from shared.contracts.grounds import ActRef, AuthorityRef, Names, Service, Statement
from shared.contracts.http.registry import MOST_SITES, RegistrationKind
from shared.runtime.acts import deadlines, notices
from shared.runtime.acts.runtime import Runtime
from shared.runtime.base.ids import uuid7
from shared.runtime.base.problems import TryAgain
from shared.runtime.db.postgres import Tx

WHY: Final = "The refusal fell on appeal: the application is decided anew."
WHY_LESS: Final = "The grant of less fell on appeal: the rest is decided anew, and what was granted stays."
_REOPENED: Final = Names(zh="重新审查通知书", en="It is decided anew")
REVIVED: Final = "The refusal to renew it fell on appeal: it stays in force until decided."


async def registration(tx: Tx, rt: Runtime, registration_id: UUID) -> None:
    """A refused application is on the desk again, unless its operator has filed another one since.

    A licence that was granted for less than it could be has the rest on the desk.
    """
    owned, at = await register.hold(tx, registration_id), rt.clock.now()
    found = owned.registration
    if found.kind == RegistrationKind.LICENCE and found.status in {Status.ACTIVE, Status.LAPSED}:
        await _rest(tx, rt, owned)
    if not register.MOVES.lifecycle.can(found.status, Action.REOPEN):
        return
    if found.kind == RegistrationKind.FILING and await register.filing_of(tx, owned.operator) is not None:
        return
    await register.MOVES.move(tx, found, Action.REOPEN, who=SYSTEM, why=WHY, at=at, refusal=None, overdue_at=None)
    until = await _clock(tx, rt, registrations.DECISION, registration_id, found.kind)
    for site in await sites.of_registration(tx, owned, MOST_SITES):
        await _site(tx, rt, site, until, at)
    names = await claims.of_numbers(tx, [registration_id])
    authority = teller(rt, found.level, found.region)
    await _tell(tx, rt, "registration", registration_id, owned.operator, authority, names)


async def amendment(tx: Tx, rt: Runtime, amendment_id: UUID) -> None:
    """A refused proposal is on the desk again, unless its operator has made another one about the same since."""
    found, at = await proposing.hold(tx, amendment_id), rt.clock.now()
    if not proposals.MOVES.lifecycle.can(found.status, AmendmentAction.REOPEN):
        return
    if await proposals.pending(tx, found.site_id, found.operator_id, found.kind) is not None:
        return
    await proposals.MOVES.move(tx, found, AmendmentAction.REOPEN, who=SYSTEM, why=WHY, at=at, refusal=None,
                               overdue_at=None, decided=None)  # fmt: skip
    operator = await operators.get(tx, found.operator_id)
    authority, names = teller(rt, found.level, found.region), await proposing.names_of(tx, found)
    await _tell(tx, rt, "amendment", amendment_id, operator, authority, names)
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


async def _rest(tx: Tx, rt: Runtime, owned: Owned) -> None:
    """A licence was granted for less than it could have been: the rest is on the desk, as a renewal that was asked for.

    Unless another renewal is there, or gave it since.
    """
    at, found = rt.clock.now(), owned.registration
    longest = licences.could_be_longer(rt, found.valid_from, found.valid_until)
    if longest is None or await licence_store.asked_of(tx, found.id) is not None:
        return
    known = await licence_store.licence(tx, found.id)
    asked = await licence_store.ask(
        tx, uuid7(), found.id, late=False, until=min(longest, licences.latest_day(rt, at)), reasons=WHY_LESS,
        scope=known.scope if known is not None else (), by=SYSTEM.person,
        by_operator=False, at=at,
    )  # fmt: skip
    if asked is None:
        raise TryAgain(retry_after=1)
    licence_store.MOVES.began(tx, asked, "ask", who=SYSTEM, why=WHY_LESS, at=at)
    await renewals.start_clock(tx, rt, asked)
    if found.status is Status.LAPSED:
        await licences.revive(tx, rt, owned, REVIVED)


async def renewal(tx: Tx, rt: Runtime, renewal_id: UUID) -> None:
    """What was refused of a renewal, all or a part, is on the desk again, unless another is there or gave it since.

    What was asked for in time keeps the licence in force again: without the refusal it would not have lapsed. What was
    granted stays so until the rest is decided.
    """
    owned = await register.hold(tx, (await licence_store.get(tx, renewal_id)).registration_id)
    found, at = await licence_store.hold(tx, renewal_id), rt.clock.now()
    if not licence_store.MOVES.lifecycle.can(found.status, RenewalAction.REOPEN):
        return
    if owned.registration.status not in {Status.ACTIVE, Status.LAPSED}:
        return
    if await _has_all(tx, owned, found) or await licence_store.asked_of(tx, owned.registration.id) is not None:
        return
    was_granted = found.granted_until is not None
    reopened = await licence_store.MOVES.move(
        tx, found, RenewalAction.REOPEN, who=SYSTEM, why=WHY_LESS if was_granted else WHY, at=at, refusal=None,
        overdue_at=None, granted_until=None,
    )  # fmt: skip
    await renewals.start_clock(tx, rt, reopened)
    authority = teller(rt, owned.level, owned.region)
    names = await claims.of_numbers(tx, [owned.registration.id])
    await _tell(tx, rt, "renewal", renewal_id, owned.operator, authority, names, WHY_LESS if was_granted else WHY)
    if owned.registration.status is Status.LAPSED and (was_granted or not found.late):
        await licences.revive(tx, rt, owned, REVIVED)


async def _tell(
    tx: Tx, rt: Runtime, kind: str, act_id: UUID, operator: Operator, authority: AuthorityRef, hosts: Sequence[str],
    why: str = WHY,
) -> None:  # fmt: skip
    await notices.issue(
        tx, rt, about=ActRef(service=Service.REGISTRY, kind=kind, id=act_id), kind="reopened", to=operator.ref,
        address=operator.address, authority=authority, title=_REOPENED, hosts=hosts,
        says=Statement(legal_basis=(rt.rules.redress.source,), reasons=why, public_reasons=why),
    )  # fmt: skip


async def _has_all(tx: Tx, owned: Owned, asked: Renewal) -> bool:
    """Whether the licence has by now whatever was asked for: the days, and the service items."""
    last_day = owned.registration.valid_until
    known = await licence_store.licence(tx, owned.registration.id)
    covered = known.scope if known is not None else ()
    return last_day is not None and asked.valid_until <= last_day and set(asked.scope) <= set(covered)


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
