"""Amendments: the operator proposes, the regulator decides within a clock; checks run for what changes (P3.1, end)."""

from datetime import datetime
from typing import Any, Final
from uuid import UUID

from registry.errors import (
    AmendmentPending,
    NothingChanges,
    OtherDesk,
    SameRegistration,
)
from registry.lifecycle import AmendmentAction, Status
from registry.policy import POLICY, Act
from registry.service import admission, changes, looks, registrations, writing
from registry.service.admission import Candidate
from registry.service.desk import clock_of, regulator_for
from registry.service.registrations import CLAIMED_BEYOND, CLOCKS, propose_site
from registry.service.sites import require_free, require_live
from registry.store import amendments, claims, operators, sites
from registry.store import registrations as register
from registry.store.amendments import Amendment
from registry.store.registrations import Owned
from registry.store.sites import OwnedSite
from shared.contracts.grounds import ActRef, Names, Service, Statement
from shared.contracts.http.registry import (
    ClockView,
    NewAccess,
    NewSite,
    ProposedOperator,
    ProposedSite,
    ProposedTransfer,
    Refusing,
    RegistrationKind,
    Stated,
)
from shared.runtime.acts import deadlines, notices
from shared.runtime.acts.runtime import Runtime
from shared.runtime.base.context import Caller
from shared.runtime.base.ids import uuid7
from shared.runtime.base.problems import PreconditionFailed
from shared.runtime.db.postgres import Tx

DECISION: Final = "amendment_decision"
_REFUSED: Final = Names(zh="不予变更决定书", en="Refusal of an amendment")
_GRANTED: Final = Names(zh="变更通知书", en="Grant of an amendment")


async def change_site(tx: Tx, rt: Runtime, who: Caller, site_id: UUID, version: int, body: ProposedSite) -> Amendment:
    """Propose a site's name, names, items and accesses as they shall be. New names are claimed at once.

    Raises UnknownSite (404); PreconditionFailed (412); NotAdmitted, AmendmentPending, UnderMeasure, NotLive (409).
    """
    at = rt.clock.now()
    site = await _editable(tx, who, site_id, version)
    proposed = await changes.candidate(tx, rt, site, body)
    if _values(body.name, proposed) == _values(site.site.name, changes.as_it_is(site)):
        raise NothingChanges
    await admission.require(rt, tx, proposed)
    amendment = await _add(
        tx, rt, who, kind="site", site=site, base_version=version, why=body.reasons,
        proposal=body.model_dump(mode="json", exclude={"reasons"}),
    )  # fmt: skip
    new = [name for name in proposed.names if name.ascii not in site.site.domains]
    due = await _until(tx, rt, amendment, site.registration.kind)
    await writing.claim(
        tx, site_id, site.operator.id, new, amendment_id=amendment.id, until=due + CLAIMED_BEYOND, at=at
    )
    return amendment


async def add_site(tx: Tx, rt: Runtime, who: Caller, registration_id: UUID, body: NewSite) -> Amendment:
    """Propose a further site under a number that the operator has. Raises NotAdmitted, TooManySites, ActionRefused."""
    owned = await register.hold(tx, registration_id)
    POLICY.require(who, Act.PROPOSE, owned)
    if owned.registration.status is not Status.ACTIVE:
        register.MOVES.lifecycle.refuse(owned.registration.status, "add_site")
    at = rt.clock.now()
    until = at + CLAIMED_BEYOND * 2
    site_id = await propose_site(tx, rt, who, owned, body, until=until)
    site = await sites.get(tx, site_id)
    amendment = await _add(
        tx, rt, who, kind="add_site", site=site, base_version=site.site.version, why="A further site.",
        proposal=body.model_dump(mode="json"),
    )  # fmt: skip
    await _until(tx, rt, amendment, owned.registration.kind)
    return amendment


async def change_operator(
    tx: Tx, rt: Runtime, who: Caller, operator_id: UUID, version: int, body: ProposedOperator
) -> Amendment:
    """Propose an operator's particulars as they shall be. Raises PreconditionFailed (412), AmendmentPending (409)."""
    operator = await operators.hold(tx, operator_id)
    POLICY.require(who, Act.PROPOSE, operator)
    if operator.version != version:
        raise PreconditionFailed(version=operator.version)
    if operator.particulars == body.particulars:
        raise NothingChanges
    at = rt.clock.now()
    added = await amendments.add(
        tx, uuid7(), kind="operator", operator_id=operator_id, registration_id=None, site_id=None,
        base_version=version, proposal=body.particulars.model_dump(), by=who.person, at=at,
    )  # fmt: skip
    if added is None:
        raise AmendmentPending(amendment_id=str(await amendments.pending(tx, None, operator_id)))
    amendments.MOVES.began(tx, added, "propose", who=who, why=body.reasons, at=at)
    await _until(tx, rt, added, RegistrationKind.FILING)
    return added


async def transfer(tx: Tx, rt: Runtime, who: Caller, site_id: UUID, version: int, body: ProposedTransfer) -> Amendment:
    """Propose that a site goes under another operator's number; that operator must consent, and the regulator decide.

    Raises UnknownSite, UnknownRegistration (404); UnderMeasure, SameRegistration, OtherDesk, AmendmentPending (409).
    """
    site = await _editable(tx, who, site_id, version)
    receiving = await register.get(tx, body.registration_id)
    if receiving.registration.id == site.registration.id:
        raise SameRegistration
    _require_same_desk(site, receiving)
    if receiving.registration.status is not Status.ACTIVE:
        register.MOVES.lifecycle.refuse(receiving.registration.status, "receive_a_site")
    amendment = await _add(
        tx, rt, who, kind="transfer", site=site, base_version=version, why=body.reasons,
        proposal={"to_registration_id": str(body.registration_id)},
    )  # fmt: skip
    await _until(tx, rt, amendment, site.registration.kind)
    return amendment


async def consent(tx: Tx, rt: Runtime, who: Caller, amendment_id: UUID) -> Amendment:
    """The receiving operator agrees to a transfer.

    Raises UnknownAmendment (404), Forbidden (403); ActionRefused, NothingChanges (409).
    """
    amendment = await amendments.hold(tx, amendment_id)
    POLICY.require(who, Act.CONSENT, amendment)
    amendments.MOVES.lifecycle.after(amendment.status, AmendmentAction.GRANT)
    if amendment.consent_by is not None:
        raise NothingChanges
    return await amendments.MOVES.change(
        tx, amendment, "consent", who=who, why="The receiving operator agreed.", at=rt.clock.now(),
        consent_by=who.person,
    )  # fmt: skip


async def get(tx: Tx, rt: Runtime, who: Caller, amendment_id: UUID) -> Amendment:
    """One proposal. An official's look leaves an audit row. Raises UnknownAmendment (404), Forbidden (403)."""
    amendment = await amendments.get(tx, amendment_id)
    POLICY.require(who, Act.READ_PROPOSAL, amendment)
    await looks.at_one(tx, rt, who, Act.READ_PROPOSAL, f"/amendments/{amendment_id}", amendment.organisation)
    return amendment


async def page(
    tx: Tx, rt: Runtime, who: Caller, *, status: str | None, after: UUID | None, limit: int
) -> list[Amendment]:
    """Proposals the caller reaches, newest first. An official's look leaves an audit row."""
    reach = POLICY.reach(who, Act.READ_PROPOSAL)
    found = await amendments.page(tx, reach, status=status, after=after, limit=limit)
    await looks.at_list(tx, rt, who, Act.READ_PROPOSAL, "/amendments", {each.id: each.organisation for each in found})
    return found


async def clock(tx: Tx, amendment: Amendment) -> ClockView | None:
    """Until when it must be decided."""
    return await clock_of(tx, amendment.id, DECISION, amendment.overdue_at)


async def holds(tx: Tx, amendment: Amendment) -> dict[str, Any]:
    """What the proposal would change, as it is now."""
    if amendment.kind == "operator":
        return (await operators.get(tx, amendment.operator_id)).particulars.model_dump()
    if amendment.kind == "site" and amendment.site_id is not None:
        return _as_body(await sites.get(tx, amendment.site_id)).model_dump(mode="json")
    return {"registration_id": str(amendment.registration_id)}


async def grant(tx: Tx, rt: Runtime, who: Caller, amendment_id: UUID, body: Stated) -> Amendment:
    """The regulator agrees: what was proposed holds from now on; what it rests on is asked once more.

    Raises UnknownAmendment (404); Forbidden (403); ActionRefused, NotAdmitted, UnderMeasure, ConsentMissing (409);
    PreconditionFailed (412) if what it would change has changed meanwhile.
    """
    amendment = await hold(tx, amendment_id)
    POLICY.require(who, Act.DECIDE_PROPOSAL, amendment)
    amendments.MOVES.lifecycle.after(amendment.status, AmendmentAction.GRANT)
    await changes.CARRY_OUT[amendment.kind](tx, rt, who, amendment, body.statement.reasons)
    granted = await amendments.MOVES.move(
        tx, await amendments.get(tx, amendment_id), AmendmentAction.GRANT, who=who, why=body.statement.reasons,
        at=rt.clock.now(),
    )  # fmt: skip
    await _decided(tx, rt, granted, "granted", _GRANTED, body.statement)
    return granted


async def refuse(tx: Tx, rt: Runtime, who: Caller, amendment_id: UUID, body: Refusing) -> Amendment:
    """The regulator refuses, with every ground and redress; what was claimed for it is free again."""
    amendment = await hold(tx, amendment_id)
    POLICY.require(who, Act.DECIDE_PROPOSAL, amendment)
    amendments.MOVES.lifecycle.after(amendment.status, AmendmentAction.REFUSE)
    asked = [] if amendment.kind == "operator" else [await changes.asked(tx, rt, amendment)]
    refusal = await registrations.refusal_of(tx, rt, amendment.level, amendment.region, body, asked)
    refused = await amendments.MOVES.move(
        tx, amendment, AmendmentAction.REFUSE, who=who, why=body.statement.reasons, at=rt.clock.now(),
        refusal=refusal.model_dump(mode="json"),
    )  # fmt: skip
    await _let_go(tx, rt, who, refused, body.statement.reasons)
    await _decided(tx, rt, refused, "refused", _REFUSED, refusal.grounds)
    return refused


async def withdraw(tx: Tx, rt: Runtime, who: Caller, amendment_id: UUID, *, reasons: str) -> Amendment:
    """The operator takes its proposal back. Raises UnknownAmendment (404), Forbidden (403), ActionRefused (409)."""
    amendment = await hold(tx, amendment_id)
    POLICY.require(who, Act.WITHDRAW_PROPOSAL, amendment)
    withdrawn = await amendments.MOVES.move(
        tx, amendment, AmendmentAction.WITHDRAW, who=who, why=reasons, at=rt.clock.now()
    )
    await deadlines.met(tx, DECISION, amendment_id, rt.clock.now())
    await _let_go(tx, rt, who, withdrawn, reasons)
    return withdrawn


async def mark_overdue(rt: Runtime, tx: Tx, amendment_id: UUID) -> None:
    """The regulator's clock ran out; the proposal shows it until it is decided."""
    await amendments.mark_overdue(tx, amendment_id, rt.clock.now())


async def hold(tx: Tx, amendment_id: UUID) -> Amendment:
    """A proposal, held after the operator or site it is about: everybody locks in this order.

    A transfer is about two operators, who are held together: two transfers the other way round do not wait for ever.
    """
    amendment = await amendments.get(tx, amendment_id)
    if amendment.receiver is not None:
        await operators.hold_many(tx, [amendment.organisation, amendment.receiver])
    if amendment.site_id is not None:
        await sites.hold(tx, amendment.site_id)
    else:
        await operators.hold(tx, amendment.operator_id)
    return await amendments.hold(tx, amendment_id)


async def _editable(tx: Tx, who: Caller, site_id: UUID, version: int) -> OwnedSite:
    site = await sites.hold(tx, site_id)
    POLICY.require(who, Act.PROPOSE, site)
    require_live(site)
    await require_free(tx, site)
    if site.site.version != version:
        raise PreconditionFailed(version=site.site.version)
    return site


async def _add(
    tx: Tx, rt: Runtime, who: Caller, *, kind: str, site: OwnedSite, base_version: int, proposal: dict[str, Any],
    why: str,
) -> Amendment:  # fmt: skip
    at = rt.clock.now()
    added = await amendments.add(
        tx, uuid7(), kind=kind, operator_id=site.operator.id, registration_id=site.registration.id,
        site_id=site.site.id, base_version=base_version, proposal=proposal, by=who.person, at=at,
    )  # fmt: skip
    if added is None:
        raise AmendmentPending(amendment_id=str(await amendments.pending(tx, site.site.id, site.operator.id)))
    amendments.MOVES.began(tx, added, "propose", who=who, why=why, at=at)
    return added


async def _until(tx: Tx, rt: Runtime, amendment: Amendment, kind: str) -> datetime:
    """Start the regulator's clock; an amendment is decided like what it amends (P3.1, last paragraph)."""
    due = await deadlines.start(
        tx, kind=DECISION, aggregate_id=amendment.id, clock_name=CLOCKS[RegistrationKind(kind)], rt=rt,
        at=rt.clock.now(),
    )  # fmt: skip
    return due.due_at


async def _let_go(tx: Tx, rt: Runtime, who: Caller, amendment: Amendment, why: str) -> None:
    """A proposal that is not granted leaves nothing behind."""
    await claims.release_proposed(tx, amendment.id)
    if amendment.kind == "add_site":
        site = await sites.get(tx, changes.site_of(amendment))
        await registrations.drop_site(tx, rt, who, site, why=why)
        await registrations.end_if_empty(tx, rt, who, site.registration.id)


async def _decided(tx: Tx, rt: Runtime, amendment: Amendment, kind: str, title: Names, says: Statement) -> None:
    await deadlines.met(tx, DECISION, amendment.id, rt.clock.now())
    operator = await operators.get(tx, amendment.operator_id)
    await notices.issue(
        tx, rt, about=ActRef(service=Service.REGISTRY, kind="amendment", id=amendment.id), kind=f"amendment_{kind}",
        to=operator.ref, address=operator.address, title=title, says=says,
        authority=regulator_for(rt, amendment.level, amendment.region),
    )  # fmt: skip


def _as_body(site: OwnedSite) -> NewSite:
    """A site as somebody would ask for it."""
    return NewSite(
        name=site.site.name,
        domains=site.site.domains,
        service_items=site.site.service_items,
        accesses=tuple(
            NewAccess.model_validate({"provider_id": a.provider_id, "ips": a.ips, "hosting_mode": a.hosting_mode})
            for a in site.site.accesses
        ),
    )


def _require_same_desk(site: OwnedSite, receiving: Owned) -> None:
    if (site.level, site.region) != (receiving.level, receiving.region):
        raise OtherDesk(number=receiving.registration.number)


def _values(name: str, site: Candidate) -> tuple[object, ...]:
    """What an amendment can change, to be compared."""
    return (
        name, tuple(each.ascii for each in site.names), site.items, tuple(access.where for access in site.accesses)
    )  # fmt: skip
