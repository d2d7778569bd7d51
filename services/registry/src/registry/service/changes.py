"""What must hold for a proposal, and what it changes when it is granted, by its kind.

``require`` writes nothing: whoever carries a proposal out asks it first, whether on a grant or when its day has come.
"""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace
from datetime import datetime
from typing import Final
from uuid import UUID

from registry.errors import (
    ChangedSince,
    ConsentMissing,
    OperatorConsentMissing,
    TooManySites,
)
from registry.lifecycle import AmendmentStatus, SiteAction, Status
from registry.service import (
    admission,
    appealable,
    checks,
    diffs,
    hosting,
    moves_home,
    registrar,
    registrations,
    writing,
)
from registry.service.admission import Candidate
from registry.service.registrations import enter_site
from registry.service.sites import require_free, require_live
from registry.store import accesses, claims, operators, sites
from registry.store import registrations as register
from registry.store.amendments import Amendment
from registry.store.sites import OwnedSite
from shared.contracts.http.registry import (
    MOST_SITES,
    NewSite,
)
from shared.runtime.acts.runtime import Runtime
from shared.runtime.base.context import Caller
from shared.runtime.base.problems import PreconditionFailed
from shared.runtime.db.postgres import Tx


async def require(tx: Tx, rt: Runtime, amendment: Amendment) -> None:
    """Everything that must hold before a held proposal is carried out.

    Raises OperatorConsentMissing, NotAdmitted, UnderMeasure, MergerAppealable, NotLive, ConsentMissing, ChangedSince,
    TooManySites, AmendmentPending, ActionRefused (409); PreconditionFailed (412) if what it would change has changed
    since it was proposed.
    """
    if await diffs.waits_now(tx, rt, amendment):
        raise OperatorConsentMissing(amendment_id=str(amendment.id))
    if amendment.status is AmendmentStatus.WAITING:
        await _require_free(tx, amendment)  # a measure explains more than that something is not as it was
        if not await diffs.is_as_granted(tx, amendment):
            raise ChangedSince
    if amendment.kind == "move":
        await moves_home.require(tx, rt, amendment)
    elif amendment.kind != "operator":
        await _require_site(tx, rt, amendment)


async def _require_free(tx: Tx, amendment: Amendment) -> None:
    """No measure holds back what it would change; of a move its own rule asks that. Raises UnderMeasure."""
    if amendment.kind in {"site", "transfer"}:
        await require_free(tx, await sites.get(tx, site_of(amendment)))


async def _require_site(tx: Tx, rt: Runtime, amendment: Amendment) -> None:
    if amendment.kind == "add_site":
        site = await sites.get(tx, site_of(amendment))
        if site.registration.status is not Status.ACTIVE:
            register.MOVES.lifecycle.refuse(site.registration.status, "add_site")
    else:
        site = await _unchanged(tx, amendment)
    await checks.require_answered(tx, rt, [site.site.id])
    if amendment.kind == "transfer":
        await appealable.require_site(tx, rt, site.site.id)
        if amendment.consent_by is None:
            raise ConsentMissing
        receiving = await register.hold(tx, UUID(amendment.proposal["to_registration_id"]))
        if receiving.registration.status is not Status.ACTIVE:
            register.MOVES.lifecycle.refuse(receiving.registration.status, "receive_a_site")
        if await register.room(tx, receiving.registration.id, MOST_SITES) < 1:
            raise TooManySites(most=MOST_SITES)
    proposed = await asked(tx, rt, amendment)
    if amendment.kind == "site":
        await appealable.require_names(tx, rt, site, [name.ascii for name in proposed.names])
    await admission.require(rt, tx, proposed)


async def _unchanged(tx: Tx, amendment: Amendment) -> OwnedSite:
    """The site that a proposal is about, as it was when that was made. Raises NotLive, UnderMeasure,
    PreconditionFailed."""
    site = await sites.get(tx, site_of(amendment))
    require_live(site)
    await require_free(tx, site)
    if amendment.status is AmendmentStatus.PROPOSED and site.site.version != amendment.base_version:
        raise PreconditionFailed(version=site.site.version)
    return site


async def _change_site(tx: Tx, rt: Runtime, who: Caller, amendment: Amendment, why: str) -> None:
    at, site = rt.clock.now(), await sites.get(tx, site_of(amendment))
    proposed = await asked(tx, rt, amendment)
    await _give_names(tx, site, proposed, amendment, at)
    await _give_accesses(tx, site, proposed, at)
    await sites.MOVES.change(
        tx, site.site, "amend", who=who, why=why, at=at, name=amendment.proposal["name"],
        service_items=list(proposed.items),
    )  # fmt: skip
    changed = await writing.changed(tx, rt, site.site.id, cause={"kind": "amendment", "id": str(amendment.id)}, at=at)
    await hosting.watch(tx, rt, changed)


async def _give_names(tx: Tx, site: OwnedSite, proposed: Candidate, amendment: Amendment, at: datetime) -> None:
    wanted = [name.ascii for name in proposed.names]
    new = [name for name in proposed.names if name.ascii not in site.site.domains]
    await writing.take(tx, site.site.id, site.operator.id, new, amendment_id=amendment.id, at=at)
    await claims.release(tx, site.site.id, [domain for domain in site.site.domains if domain not in wanted])
    await claims.reorder(tx, site.site.id, wanted)


async def _give_accesses(tx: Tx, site: OwnedSite, proposed: Candidate, at: datetime) -> None:
    """An access that stays is the same one as before: whoever was told of it goes on knowing it."""
    kept = {access.where: access for access in site.site.accesses}
    wanted = {access.where: kept.get(access.where, access) for access in proposed.accesses}
    await accesses.end(tx, site.site.id, [access for where, access in kept.items() if where not in wanted])
    new = [access for where, access in wanted.items() if where not in kept]
    await writing.host(tx, site.site.id, site.operator.id, new, claimed_until=None, at=at)
    await accesses.put_in_order(tx, site.site.id, [access.id for access in wanted.values()])


async def _enter_site(tx: Tx, rt: Runtime, who: Caller, amendment: Amendment, why: str) -> None:
    await enter_site(tx, rt, who, await sites.get(tx, site_of(amendment)), why=why)


async def _change_operator(tx: Tx, rt: Runtime, who: Caller, amendment: Amendment, why: str) -> None:
    # Nothing else changes particulars, and one proposal is open at a time: they are as they were.
    at, operator = rt.clock.now(), await operators.get(tx, amendment.operator_id)
    changed = await operators.MOVES.change(
        tx, operator, "amend", who=who, why=why, at=at, particulars=amendment.proposal
    )
    cause = {"kind": "amendment", "id": str(amendment.id)}
    operators.keep_version(tx, changed, cause)
    await registrar.tell_changed(tx, rt, changed, ("amendment", amendment.id))
    await writing.operator_changed(tx, rt, changed, cause=cause, at=at)


async def _transfer(tx: Tx, rt: Runtime, who: Caller, amendment: Amendment, why: str) -> None:
    at, site = rt.clock.now(), await sites.get(tx, site_of(amendment))
    receiving = await register.hold(tx, UUID(amendment.proposal["to_registration_id"]))
    await writing.require_addresses(tx, site.site.id, receiving.operator.id, site.site.accesses, at)
    await writing.put_under(tx, receiving.registration.id, [site.site.id])
    await claims.give_to(tx, site.site.id, receiving.operator.id)
    await accesses.give_to(tx, site.site.id, receiving.operator.id)
    await sites.MOVES.move(tx, site.site, SiteAction.TRANSFER, who=who, why=why, at=at)
    await writing.changed(tx, rt, site.site.id, cause={"kind": "transfer", "id": str(amendment.id)}, at=at)
    await registrations.end_if_empty(tx, rt, who, site.registration.id)


CARRY_OUT: Final[Mapping[str, Callable[[Tx, Runtime, Caller, Amendment, str], Awaitable[None]]]] = {
    "site": _change_site,
    "add_site": _enter_site,
    "operator": _change_operator,
    "transfer": _transfer,
    "move": moves_home.carry_out,
}


def site_of(amendment: Amendment) -> UUID:
    """The site it is about; only an amendment of an operator is about none."""
    if amendment.site_id is None:
        raise TypeError(f"amendment {amendment.id} is about no site")
    return amendment.site_id


async def all_asked(tx: Tx, rt: Runtime, amendment: Amendment) -> list[Candidate]:
    """Every site as it would be if this was granted."""
    if amendment.kind == "operator":
        return []
    if amendment.kind == "move":
        return await moves_home.candidates(tx, amendment)
    return [await asked(tx, rt, amendment)]


async def asked(tx: Tx, rt: Runtime, amendment: Amendment) -> Candidate:
    """The site as it would be if this was granted: what the rule of admission is asked about."""
    site = await sites.get(tx, site_of(amendment))
    if amendment.kind == "add_site":
        return await registrations.candidate_again(tx, site)
    if amendment.kind == "site":
        return await candidate(tx, rt, site, NewSite.model_validate(amendment.proposal))
    receiving = await register.get(tx, UUID(amendment.proposal["to_registration_id"]))
    return replace(
        as_it_is(site), identity=receiving.operator.identity, operator_id=receiving.operator.id,
        registration_id=receiving.registration.id,
    )  # fmt: skip


async def candidate(tx: Tx, rt: Runtime, site: OwnedSite, body: NewSite) -> admission.Candidate:
    """A site of this one's owner and desk as somebody asks for it, for the rule of admission."""
    return await admission.candidate_of(
        rt, tx, body, identity=site.operator.identity, operator_id=site.operator.id, region=site.registration.region,
        level=site.registration.level, registration_id=site.registration.id, site_id=site.site.id,
    )  # fmt: skip


def as_it_is(site: OwnedSite) -> Candidate:
    """A site as it stands, for the rule of admission."""
    return Candidate(
        site.operator.identity, site.operator.id, site.registration.region, site.registration.level,
        admission.names_of(site.site.domains), site.site.service_items, site.site.accesses, site.site.id,
        site.registration.id,
    )  # fmt: skip
