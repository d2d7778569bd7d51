"""Amendments: the operator proposes, the regulator decides within a clock; checks run for what changes (P3.1, end)."""

from collections.abc import Sequence
from datetime import date
from typing import Any, Final
from uuid import UUID

from registry.errors import (
    NothingChanges,
    OtherDesk,
    SameRegistration,
)
from registry.lifecycle import AmendmentAction, Status
from registry.policy import POLICY, Act
from registry.service import (
    admission,
    appealable,
    changes,
    checks,
    diffs,
    effective,
    identities,
    looks,
    registrations,
    writing,
)
from registry.service.admission import Candidate
from registry.service.desk import SYSTEM
from registry.service.proposing import DECISION, begin, hold, kept_until, start_clock, tell, tell_proposed
from registry.service.registrations import CLAIMED_BEYOND, propose_site
from registry.service.sites import require_free, require_live
from registry.store import amendments, claims, operators, sites
from registry.store import registrations as register
from registry.store.amendments import Amendment
from registry.store.registrations import Owned
from registry.store.sites import OwnedSite
from shared.contracts.grounds import Names, Statement
from shared.contracts.http.registry import (
    ClockView,
    FurtherSite,
    ProposedOperator,
    ProposedSite,
    ProposedTransfer,
    Refusing,
    RegistrationKind,
    Stated,
)
from shared.runtime.acts import deadlines
from shared.runtime.acts.runtime import Runtime
from shared.runtime.base.context import Caller
from shared.runtime.base.problems import PreconditionFailed
from shared.runtime.db.postgres import Tx

_REFUSED: Final = Names(zh="不予变更决定书", en="Refusal of an amendment")
_GRANTED: Final = Names(zh="变更通知书", en="Grant of an amendment")
_LAPSED: Final = Names(zh="代为提出的变更失效通知书", en="A change proposed in your name has lapsed")
_NEVER_AGREED: Final = "It was proposed in its operator's name, who did not agree to it in time."


async def change_site(tx: Tx, rt: Runtime, who: Caller, site_id: UUID, version: int, body: ProposedSite) -> Amendment:
    """Propose a site's name, names, items and accesses as they shall be. New names are claimed at once.

    Raises UnknownSite (404); PreconditionFailed (412); NotAdmitted, AmendmentPending, UnderMeasure, NotLive,
    MergerAppealable (409).
    """
    at = rt.clock.now()
    site = await _editable(tx, who, site_id, version)
    proposed = await changes.candidate(tx, rt, site, body)
    if _values(body.name, proposed) == _values(site.site.name, changes.as_it_is(site)):
        raise NothingChanges
    await appealable.require_names(tx, rt, site, [name.ascii for name in proposed.names])
    await admission.require(rt, tx, proposed)
    amendment = await _add(
        tx, rt, who, kind="site", site=site, base_version=version, why=body.reasons,
        proposal=body.model_dump(mode="json", exclude={"reasons", "effective_from"}),
        effective_from=body.effective_from,
    )  # fmt: skip
    new = [name for name in proposed.names if name.ascii not in site.site.domains]
    due_at = await start_clock(tx, rt, amendment, site.registration.kind)
    until = kept_until(rt, amendment, due_at)
    await writing.claim(tx, site_id, site.operator.id, new, amendment_id=amendment.id, until=until, at=at)
    await tell_proposed(tx, rt, amendment, body.reasons, due_at)
    await checks.ask_newcomers(tx, rt, site, body.name, proposed, amendment.id)
    return amendment


async def add_site(tx: Tx, rt: Runtime, who: Caller, registration_id: UUID, body: FurtherSite) -> Amendment:
    """Propose a further site under a number that the operator has. Raises NotAdmitted, TooManySites, ActionRefused."""
    owned = await register.hold(tx, registration_id)
    POLICY.require(who, Act.PROPOSE, owned)
    if owned.registration.status is not Status.ACTIVE:
        register.MOVES.lifecycle.refuse(owned.registration.status, "add_site")
    until = rt.clock.now() + CLAIMED_BEYOND * 2
    if body.effective_from is not None:
        until += body.effective_from - rt.rules.day_of(rt.clock.now())
    site_id = await propose_site(tx, rt, who, owned, body, until=until)
    site = await sites.get(tx, site_id)
    amendment = await _add(
        tx, rt, who, kind="add_site", site=site, base_version=site.site.version, why="A further site.",
        proposal=body.model_dump(mode="json", exclude={"effective_from"}), effective_from=body.effective_from,
    )  # fmt: skip
    await start_clock(tx, rt, amendment, owned.registration.kind)
    return amendment


async def change_operator(
    tx: Tx, rt: Runtime, who: Caller, operator_id: UUID, version: int, body: ProposedOperator
) -> Amendment:
    """Propose an operator's particulars as they shall be. Raises PreconditionFailed (412), AmendmentPending (409)."""
    operator = await operators.hold(tx, operator_id)
    POLICY.require(who, Act.PROPOSE, operator)
    if operator.version != version:
        raise PreconditionFailed(version=operator.version)
    await identities.require_unmerged(tx, operator_id)
    if operator.particulars == body.particulars:
        raise NothingChanges
    added = await begin(
        tx, rt, who, kind="operator", operator_id=operator_id, registration_id=None, site_id=None,
        base_version=version, proposal=body.particulars.model_dump(), why=body.reasons,
        effective_from=body.effective_from,
    )  # fmt: skip
    await tell_proposed(tx, rt, added, body.reasons, await start_clock(tx, rt, added, RegistrationKind.FILING))
    return added


async def transfer(tx: Tx, rt: Runtime, who: Caller, site_id: UUID, version: int, body: ProposedTransfer) -> Amendment:
    """Propose that a site goes under another operator's number; that operator must consent, and the regulator decide.

    Raises UnknownSite, UnknownRegistration (404); UnderMeasure, MergerAppealable, SameRegistration, OtherDesk,
    AmendmentPending (409).
    """
    site = await _editable(tx, who, site_id, version)
    await appealable.require_site(tx, rt, site_id)
    receiving = await register.get(tx, body.registration_id)
    if receiving.registration.id == site.registration.id:
        raise SameRegistration
    _require_same_desk(site, receiving)
    if receiving.registration.status is not Status.ACTIVE:
        register.MOVES.lifecycle.refuse(receiving.registration.status, "receive_a_site")
    amendment = await _add(
        tx, rt, who, kind="transfer", site=site, base_version=version, why=body.reasons,
        proposal={"to_registration_id": str(body.registration_id)}, effective_from=body.effective_from,
    )  # fmt: skip
    await tell_proposed(tx, rt, amendment, body.reasons, await start_clock(tx, rt, amendment, site.registration.kind))
    return amendment


async def consent(tx: Tx, rt: Runtime, who: Caller, amendment_id: UUID) -> Amendment:
    """The receiving operator agrees to a transfer, or an operator to what was proposed in its name.

    Raises UnknownAmendment (404), Forbidden (403); ActionRefused, NothingChanges (409).
    """
    amendment = await amendments.hold(tx, amendment_id)
    POLICY.require(who, Act.CONSENT, amendment)
    amendments.MOVES.lifecycle.after(amendment.status, AmendmentAction.GRANT)
    own = who.organisation == amendment.organisation
    given: dict[str, str] = {}
    if own and not amendment.by_operator and amendment.operator_consent_by is None:
        given["operator_consent_by"] = who.person
    if who.organisation == amendment.receiver and amendment.consent_by is None:
        given["consent_by"] = who.person
    if not given:
        raise NothingChanges
    why = "Its operator agreed." if own else "The receiving operator agreed."
    return await amendments.MOVES.change(tx, amendment, "consent", who=who, why=why, at=rt.clock.now(), **given)


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


async def clocks(tx: Tx, found: Sequence[Amendment]) -> dict[UUID, ClockView]:
    """Until when each must be decided."""
    return await deadlines.clocks_of(tx, DECISION, {each.id: each.overdue_at for each in found})


async def grant(tx: Tx, rt: Runtime, who: Caller, amendment_id: UUID, body: Stated) -> Amendment:
    """The regulator agrees: what was proposed holds from now on, or from its day; what it rests on is asked once more.

    Raises UnknownAmendment (404); Forbidden (403); SecondPersonRequired, ActionRefused, OperatorConsentMissing,
    NotAdmitted, UnderMeasure, ConsentMissing (409); PreconditionFailed (412) if what it would change has changed since.
    """
    amendment, why = await hold(tx, amendment_id), body.statement.reasons
    POLICY.require(who, Act.DECIDE_PROPOSAL, amendment, drafted_by=amendment.proposed_by)
    amendments.MOVES.lifecycle.after(amendment.status, AmendmentAction.GRANT)
    await changes.require(tx, rt, amendment)
    decided = await diffs.frozen(tx, rt, amendment)
    if effective.lies_ahead(rt, amendment):
        granted = await effective.defer(tx, rt, who, amendment, why, decided)
    else:
        await changes.CARRY_OUT[amendment.kind](tx, rt, who, amendment, why)
        granted = await amendments.MOVES.move(
            tx, await amendments.get(tx, amendment_id), AmendmentAction.GRANT, who=who, why=why, at=rt.clock.now(),
            decided=decided, returned=None, decided_by=who.person,
        )  # fmt: skip
    await deadlines.met(tx, DECISION, amendment_id, rt.clock.now())
    if granted.kind == "site":
        await checks.close(tx, rt, who, changes.site_of(granted))
    await tell(tx, rt, granted, "granted", _GRANTED, body.statement)
    return granted


async def refuse(tx: Tx, rt: Runtime, who: Caller, amendment_id: UUID, body: Refusing) -> Amendment:
    """The regulator refuses, with every ground and redress; what was claimed for it is free again."""
    amendment = await hold(tx, amendment_id)
    POLICY.require(who, Act.REFUSE_PROPOSAL, amendment, drafted_by=amendment.proposed_by)
    amendments.MOVES.lifecycle.after(amendment.status, AmendmentAction.REFUSE)
    asked = await changes.all_asked(tx, rt, amendment)
    refusal = await registrations.refusal_of(tx, rt, amendment.level, amendment.region, body, asked)
    refused = await amendments.MOVES.move(
        tx, amendment, AmendmentAction.REFUSE, who=who, why=body.statement.reasons, at=rt.clock.now(),
        refusal=refusal.model_dump(mode="json"), decided=await diffs.frozen(tx, rt, amendment), returned=None,
        decided_by=who.person,
    )  # fmt: skip
    await deadlines.met(tx, DECISION, amendment_id, rt.clock.now())
    await _let_go(tx, rt, who, refused, body.statement.reasons)
    await tell(tx, rt, refused, "refused", _REFUSED, refusal.grounds)
    return refused


async def withdraw(tx: Tx, rt: Runtime, who: Caller, amendment_id: UUID, *, reasons: str) -> Amendment:
    """The operator takes its proposal back, also one that was granted, until it holds.

    Raises UnknownAmendment (404), Forbidden (403), ActionRefused (409).
    """
    amendment = await hold(tx, amendment_id)
    POLICY.require(who, Act.WITHDRAW_PROPOSAL, amendment)
    decided = amendment.decided or await diffs.frozen(tx, rt, amendment)
    withdrawn = await amendments.MOVES.move(
        tx, amendment, AmendmentAction.WITHDRAW, who=who, why=reasons, at=rt.clock.now(), decided=decided,
        held_at=None, returned=None,
    )  # fmt: skip
    for clock_kind in (DECISION, effective.EFFECT):
        await deadlines.met(tx, clock_kind, amendment_id, rt.clock.now())
    await _let_go(tx, rt, who, withdrawn, reasons)
    return withdrawn


async def mark_overdue(rt: Runtime, tx: Tx, amendment_id: UUID) -> None:
    """The regulator's clock ran out; the proposal shows it until it is decided.

    What waited so long for its operator lapses: silence is no consent.
    """
    amendment = await hold(tx, amendment_id)
    if not await diffs.waits_now(tx, rt, amendment):
        await amendments.mark_overdue(tx, amendment_id, rt.clock.now())
        return
    lapsed = await amendments.MOVES.move(
        tx, amendment, AmendmentAction.LAPSE, who=SYSTEM, why=_NEVER_AGREED, at=rt.clock.now(),
        decided=await diffs.frozen(tx, rt, amendment), returned=None,
    )  # fmt: skip
    await _let_go(tx, rt, SYSTEM, lapsed, _NEVER_AGREED)
    says = Statement(legal_basis=("P3.1",), reasons=_NEVER_AGREED, public_reasons=_NEVER_AGREED)
    await tell(tx, rt, lapsed, "lapsed", _LAPSED, says)


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
    why: str, effective_from: date | None,
) -> Amendment:  # fmt: skip
    return await begin(
        tx, rt, who, kind=kind, operator_id=site.operator.id, registration_id=site.registration.id,
        site_id=site.site.id, base_version=base_version, proposal=proposal, why=why, effective_from=effective_from,
    )  # fmt: skip


async def _let_go(tx: Tx, rt: Runtime, who: Caller, amendment: Amendment, why: str) -> None:
    """A proposal that is not granted leaves nothing behind."""
    await claims.release_proposed(tx, amendment.id)
    if amendment.kind == "site":
        await checks.close(tx, rt, who, changes.site_of(amendment), why)
    if amendment.kind == "add_site":
        site = await sites.get(tx, changes.site_of(amendment))
        await registrations.drop_site(tx, rt, who, site, why=why)
        await registrations.end_if_empty(tx, rt, who, site.registration.id)


def _require_same_desk(site: OwnedSite, receiving: Owned) -> None:
    if (site.level, site.region) != (receiving.level, receiving.region):
        raise OtherDesk(number=receiving.registration.number)


def _values(name: str, site: Candidate) -> tuple[object, ...]:
    """What an amendment can change, to be compared."""
    return (
        name, tuple(each.ascii for each in site.names), site.items, tuple(access.where for access in site.accesses)
    )  # fmt: skip
