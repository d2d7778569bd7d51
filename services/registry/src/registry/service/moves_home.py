"""A filing moves to another province: its operator proposes, the new home decides, the old one is told (O33).

Every live site goes along under the operator's filing there, and what was known under the old number leads to the new
one. Nobody moves away from a measure or a decision that is on a desk: they hold the move back, and a decision stays
with the regulator it lies with. A bar follows its operator wherever it is.
"""

from collections.abc import Sequence
from dataclasses import replace
from typing import Final
from uuid import UUID

from registry.errors import (
    AmendmentPending,
    FilingExists,
    InvalidValues,
    NotAdmitted,
    SameProvince,
    StaysAtHome,
    TooManySites,
    UnderMeasure,
)
from registry.lifecycle import Action, SiteAction, SiteStatus, Status
from registry.policy import POLICY, Act
from registry.service import admission, appealable, registrations, writing
from registry.service.admission import Candidate
from registry.service.desk import regulator_for
from registry.service.proposing import begin, start_clock, tell_proposed
from registry.service.sites import HOLDING
from registry.store import amendments, operators, sites, successions
from registry.store import registrations as register
from registry.store.amendments import Amendment
from registry.store.operators import Operator
from registry.store.registrations import Owned, Registration
from registry.store.sites import OwnedSite
from shared.contracts.grounds import ActRef, Names, Service, Statement
from shared.contracts.http.amendments import ProposedMove
from shared.contracts.http.registry import MOST_SITES, GroundFound, RegistrationKind
from shared.rules import Level
from shared.runtime.acts import notices
from shared.runtime.acts.runtime import Runtime
from shared.runtime.base.context import Caller
from shared.runtime.base.ids import uuid7
from shared.runtime.base.problems import PreconditionFailed
from shared.runtime.db.postgres import Tx

_WHY: Final = "Its operator moved to another province."
_LEAVING: Final = Names(zh="备案主体迁出通知", en="A filing moves to another province")
_LEFT: Final = Names(zh="备案主体已迁出通知", en="A filing has moved to another province")


async def propose(
    tx: Tx, rt: Runtime, who: Caller, registration_id: UUID, version: int, body: ProposedMove
) -> Amendment:
    """Propose that a filing moves with all its sites; every ground against it in the new province is named at once.

    Raises UnknownRegistration (404); Forbidden (403); PreconditionFailed (412); StaysAtHome, SameProvince,
    UnderMeasure, MergerAppealable, NotAdmitted, AmendmentPending, FilingExists, TooManySites, ActionRefused (409);
    InvalidValues (422).
    """
    owned = await register.hold(tx, registration_id)
    POLICY.require(who, Act.PROPOSE, owned)
    if owned.registration.version != version:
        raise PreconditionFailed(version=owned.registration.version)
    if body.region not in rt.rules.provinces:
        raise InvalidValues.field("region", f"{body.region} is no province by GB/T 2260")
    await _require_movable(tx, rt, owned, body.region)
    proposed = await begin(
        tx, rt, who, kind="move", operator_id=owned.operator.id, registration_id=registration_id, site_id=None,
        base_version=version, proposal={"region": body.region}, why=body.reasons, effective_from=body.effective_from,
    )  # fmt: skip
    due_at = await start_clock(tx, rt, proposed, RegistrationKind.FILING)
    await tell_proposed(tx, rt, proposed, body.reasons, due_at)
    moving = await _sites(tx, owned)
    await _tell_old_home(tx, rt, proposed, owned, "move_proposed", _LEAVING, body.reasons, moving)
    return proposed


async def require(tx: Tx, rt: Runtime, amendment: Amendment) -> None:
    """What a move needs when it is granted, and again when its day has come."""
    owned = await register.hold(tx, number_of(amendment))
    await _require_movable(tx, rt, owned, amendment.proposal["region"])
    pending = await amendments.open_of_registration(tx, owned.registration.id, amendment.id)
    if pending is not None:
        raise AmendmentPending(amendment_id=str(pending))


async def _require_movable(tx: Tx, rt: Runtime, owned: Owned, region: str) -> None:
    found = owned.registration
    if found.status is not Status.ACTIVE:
        register.MOVES.lifecycle.refuse(found.status, "move")
    if found.kind != RegistrationKind.FILING or found.level != Level.PROVINCE:
        raise StaysAtHome
    if found.region == region:
        raise SameProvince(region=region)
    if await sites.under_measure(tx, found.id, HOLDING):
        raise UnderMeasure
    await appealable.require_number(tx, rt, found.id)
    moving = [site for site in await _sites(tx, owned) if site.site.status is not SiteStatus.PROPOSED]
    await _require_room(tx, owned, region, len(moving))
    await _require_admitted(tx, rt, [site for site in moving if site.site.status is SiteStatus.LIVE], region)


async def _require_room(tx: Tx, owned: Owned, region: str, count: int) -> None:
    there = await register.filing_in(tx, owned.operator.id, region)
    if there is None:
        return
    if there.status is not Status.ACTIVE:  # asked for, and not decided yet: that comes first
        raise FilingExists(registration_id=str(there.id))
    if await register.room(tx, there.id, MOST_SITES) < count:
        raise TooManySites(most=MOST_SITES)


async def _require_admitted(tx: Tx, rt: Runtime, moving: list[OwnedSite], region: str) -> None:
    """Every site as it would be there, by the one rule of admission. Raises NotAdmitted with the grounds of each."""
    would_be = [_there(site, region) for site in moving]
    facts = await admission.facts_of(rt, tx, would_be)
    found = [
        GroundFound(code=ground.code, field=f"sites.{candidate.site_id}.{ground.field}", message=ground.message)
        for candidate in would_be for ground in admission.grounds(rt.rules, facts, candidate)
    ]  # fmt: skip
    if found:
        codes = ", ".join(dict.fromkeys(ground.code for ground in found))
        raise NotAdmitted(codes=codes, grounds=[ground.model_dump() for ground in found])


def _there(site: OwnedSite, region: str) -> Candidate:
    return Candidate(
        site.operator.identity, site.operator.id, region, site.level, admission.names_of(site.site.domains),
        site.site.service_items, site.site.accesses, site.site.id,
    )  # fmt: skip


async def candidates(tx: Tx, amendment: Amendment) -> list[Candidate]:
    """Every site of the filing as it would be in the new province."""
    owned = await register.get(tx, number_of(amendment))
    return [_there(site, amendment.proposal["region"]) for site in await _sites(tx, owned)]


async def _sites(tx: Tx, owned: Owned) -> list[OwnedSite]:
    """The sites that go along, in the order of their numbers: those that have not ended."""
    found = await sites.of_registration(tx, owned, MOST_SITES)
    return [site for site in found if site.site.status is not SiteStatus.ENDED]


async def carry_out(tx: Tx, rt: Runtime, who: Caller, amendment: Amendment, why: str) -> None:
    """All of it in one transaction: sites, numbers, history; the old number ends and names the new one."""
    at, owned = rt.clock.now(), await register.hold(tx, number_of(amendment))
    cause = {"kind": "move", "id": str(amendment.id)}
    operator = await _move_operator(tx, rt, who, owned, amendment, why)
    moving = await _sites(tx, owned)
    there = await _filing_there(tx, rt, who, operator, amendment, why)
    await writing.put_under(tx, there.id, [site.site.id for site in moving])
    await sites.MOVES.move_all(tx, [site.site for site in moving], SiteAction.MOVE_HOME, who=who, why=why, at=at)
    await successions.add(tx, owned.registration.id, there.id, cause, at)
    await register.MOVES.move(tx, owned.registration, Action.END, who=who, why=_WHY, at=at)
    told = [await sites.get(tx, site.site.id) for site in moving]
    await writing.tell(tx, rt, told, cause=cause, at=at)
    await _tell_old_home(tx, rt, amendment, owned, "moved", _LEFT, why, told)


async def _move_operator(
    tx: Tx, rt: Runtime, who: Caller, owned: Owned, amendment: Amendment, why: str
) -> Operator:  # fmt: skip
    """The operator is of the new province from now on; what it has under other numbers is told so."""
    at, operator = rt.clock.now(), owned.operator
    if operator.region != owned.region:
        return operator
    cause = {"kind": "move", "id": str(amendment.id)}
    moved = await operators.MOVES.change(
        tx, operator, "move_home", who=who, why=why, at=at, region=amendment.proposal["region"]
    )
    operators.keep_version(tx, moved, cause)
    await writing.operator_changed(tx, rt, moved, cause=cause, at=at)
    return moved


async def _filing_there(
    tx: Tx, rt: Runtime, who: Caller, operator: Operator, amendment: Amendment, why: str
) -> Registration:  # fmt: skip
    """The operator's filing in its new province: the one it has there, or one under the next number."""
    at, region = rt.clock.now(), amendment.proposal["region"]
    there = await register.filing_in(tx, operator.id, region)
    if there is not None:
        return there
    filed = await register.add(
        tx, uuid7(), replace(operator, region=region), kind=RegistrationKind.FILING,
        level=Level.PROVINCE, submitted_by=amendment.proposed_by,
        by_operator=amendment.by_operator, at=at,
    )  # fmt: skip
    if filed is None:
        raise FilingExists(registration_id=None)
    register.MOVES.began(tx, filed, "move_home", who=who, why=why, at=at)
    number = await registrations.next_number(tx, rt, Owned(filed, operator))
    return await register.MOVES.move(tx, filed, Action.GRANT, who=who, why=why, at=at, number=number)


async def _tell_old_home(
    tx: Tx, rt: Runtime, amendment: Amendment, owned: Owned, kind: str, title: Names, why: str,
    moving: Sequence[OwnedSite],
) -> None:  # fmt: skip
    """The old province's regulator learns of it; the operator reads the same."""
    says = Statement(legal_basis=("P3.1",), reasons=why, public_reasons=why)
    await notices.issue(
        tx, rt, about=ActRef(service=Service.REGISTRY, kind="amendment", id=amendment.id), kind=kind,
        to=owned.operator.ref, address=owned.operator.address, title=title, says=says,
        authority=regulator_for(rt, owned.level, owned.region), hosts=registrations.hosts_of(moving),
    )  # fmt: skip


def number_of(amendment: Amendment) -> UUID:
    """The registration that it is about."""
    if amendment.registration_id is None:
        raise TypeError(f"amendment {amendment.id} is about no number")
    return amendment.registration_id
