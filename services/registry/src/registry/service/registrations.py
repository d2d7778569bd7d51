"""Registrations: submitted, then granted with a number or refused with every ground at once (P3.1.4-5)."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from registry.errors import FilingExists, InvalidValues, TooManySites
from registry.lifecycle import Action, SiteAction, Status
from registry.policy import POLICY, Act
from registry.service import admission, checks, documents, identities, licences, looks, marks, registrar, writing
from registry.service.admission import Candidate
from registry.service.desk import clock_of, grounds_of, regulator_for
from registry.service.operators import require_confirmed
from registry.store import accesses, claims, operators, registrations, sites, successions
from registry.store import checks as check_store
from registry.store import licences as licence_store
from registry.store.licences import Licence
from registry.store.registrations import Owned
from registry.store.sites import OwnedSite
from registry.store.successions import Neighbours
from shared.contracts.grounds import ActRef, Names, Service
from shared.contracts.http.registry import (
    MOST_SITES,
    ClockView,
    Granting,
    NewRegistration,
    NewSite,
    Refusal,
    Refusing,
    RegistrationKind,
)
from shared.rules.identifiers import InvalidIdentifier, format_number, parse_number
from shared.runtime.acts import deadlines, notices
from shared.runtime.acts.policy import PersonRequired
from shared.runtime.acts.runtime import Runtime
from shared.runtime.base.context import Caller
from shared.runtime.base.ids import uuid7
from shared.runtime.base.problems import Invalid
from shared.runtime.db.postgres import Tx

CLOCKS: Final = {RegistrationKind.FILING: "registration_filing", RegistrationKind.LICENCE: "registration_licence"}
DECISION: Final = "registration_decision"
CLAIMED_BEYOND: Final = timedelta(days=30)
"""How long after the clock an undecided application keeps its names from others who ask for them."""
SHOWN_SITES: Final = 200
_REFUSED: Final = Names(zh="不予备案（许可）决定书", en="Refusal of a registration")
_GRANTED_LESS: Final = Names(zh="许可决定书（期限短于最长期限）", en="A licence for less than the longest time")
_GRANTED: Final = Names(zh="备案（许可）通知书", en="Grant of a registration")


async def submit(tx: Tx, rt: Runtime, who: Caller, body: NewRegistration) -> Owned:
    """Ask for a filing or licence for a first site; the regulator's clock starts.

    Raises UnknownOperator (404); Forbidden (403); InvalidValues (422); NotAdmitted, FilingExists, LegacyCode,
    OperatorMerged (409).
    """
    at = rt.clock.now()
    operator = await operators.hold(tx, body.operator_id)
    POLICY.require(who, Act.SUBMIT, operator)
    require_confirmed(operator)
    await identities.require_unmerged(tx, operator.id)
    filed = await registrations.add(
        tx, uuid7(), operator, kind=body.kind, level=body.level, submitted_by=who.person,
        by_operator=operator.identity == who.organisation, at=at,
    )  # fmt: skip
    if filed is None:
        raise FilingExists(registration_id=str(await registrations.filing_of(tx, operator)))
    registrations.MOVES.began(tx, filed, "submit", who=who, why="Submitted by or for the operator.", at=at)
    due = await deadlines.start(
        tx, kind=DECISION, aggregate_id=filed.id, clock_name=CLOCKS[RegistrationKind(filed.kind)], rt=rt, at=at
    )
    owned = Owned(filed, operator)
    await propose_site(tx, rt, who, owned, body.site, until=due.due_at + CLAIMED_BEYOND, where="site.")
    return owned


async def propose_site(
    tx: Tx, rt: Runtime, who: Caller, owned: Owned, body: NewSite, *, until: datetime, where: str = ""
) -> UUID:
    """A site that is asked for under a held registration: it claims its names. Raises NotAdmitted, TooManySites."""
    at, registration = rt.clock.now(), owned.registration
    candidate = await admission.candidate_of(
        rt, tx, body, identity=owned.operator.identity, operator_id=owned.operator.id, region=registration.region,
        level=registration.level, registration_id=registration.id, where=where,
    )  # fmt: skip
    await admission.require(rt, tx, candidate)
    ordinal = await registrations.next_ordinals(tx, registration.id, 1, MOST_SITES)
    if ordinal is None:
        raise TooManySites(most=MOST_SITES)
    site_id = uuid7()
    await sites.add(tx, site_id, registration.id, ordinal, name=body.name, items=candidate.items, at=at)
    await writing.claim(tx, site_id, owned.operator.id, candidate.names, amendment_id=None, until=until, at=at)
    await writing.host(tx, site_id, owned.operator.id, candidate.accesses, claimed_until=until, at=at)
    await checks.ask(
        tx, rt, owned.operator, registration_id=registration.id, site_id=site_id, site_name=body.name,
        domains=[name.ascii for name in candidate.names], accesses=candidate.accesses,
    )  # fmt: skip
    proposed = await sites.get(tx, site_id)
    sites.MOVES.began(tx, proposed.site, "propose", who=who, why="Asked for by or for the operator.", at=at)
    return site_id


async def candidate_again(tx: Tx, owned: OwnedSite) -> Candidate:
    """A proposed site as it was asked for, to be asked about once more when it is decided: much may have changed."""
    site = owned.site
    names = await claims.asked_for(tx, site.id)
    return Candidate(
        owned.operator.identity, owned.operator.id, owned.registration.region, owned.registration.level, names,
        site.service_items, site.accesses, site.id, owned.registration.id,
    )  # fmt: skip


async def get(tx: Tx, rt: Runtime, who: Caller, registration_id: UUID) -> tuple[Owned, list[OwnedSite]]:
    """One registration with its first sites. An official's look leaves an audit row.

    Raises UnknownRegistration (404), Forbidden (403).
    """
    owned = await registrations.get(tx, registration_id)
    POLICY.require(who, Act.READ, owned)
    await looks.at_one(tx, rt, who, Act.READ, f"/registrations/{registration_id}", owned.organisation)
    return owned, await first_sites(tx, owned)


async def first_sites(tx: Tx, owned: Owned) -> list[OwnedSite]:
    """The first sites of a registration, as it is shown with them."""
    return await sites.of_registration(tx, owned, SHOWN_SITES)


async def page(
    tx: Tx, rt: Runtime, who: Caller, *, number: str | None, operator_id: UUID | None, status: Status | None,
    after: UUID | None, limit: int,
) -> list[Owned]:  # fmt: skip
    """Registrations the caller reaches, newest first; a number in any spelling. An official's look leaves an audit row.

    Raises Invalid (422) for what is no number.
    """
    try:
        number = parse_number(number, rt.rules).registration if number is not None else None
    except InvalidIdentifier as wrong:
        raise Invalid.field("number", wrong.message) from wrong
    found = await registrations.page(
        tx, POLICY.reach(who, Act.READ), number=number, operator_id=operator_id, status=status, after=after, limit=limit
    )
    owners = {owned.registration.id: owned.organisation for owned in found}
    await looks.at_list(tx, rt, who, Act.READ, "/registrations", owners)
    return found


async def clock(tx: Tx, owned: Owned) -> ClockView | None:
    """Until when it must be decided."""
    return await clock_of(tx, owned.registration.id, DECISION, owned.registration.overdue_at)


async def licence(tx: Tx, owned: Owned) -> Licence | None:
    """What only a licence has."""
    return await licence_store.licence(tx, owned.registration.id)


async def beside(tx: Tx, owned: Owned) -> Neighbours:
    """The numbers that it went on from, and the one it goes on under."""
    return await successions.of(tx, owned.registration.id)


async def grant(tx: Tx, rt: Runtime, who: Caller, registration_id: UUID, body: Granting) -> Owned:
    """Enter a registration under the next number of its province (P3.1.5); everything is asked once more.

    A licence for fewer days than it could have is a refusal of the rest, which a person decides: its notice has grounds
    and redress. Raises UnknownRegistration (404); Forbidden, PersonRequired (403); SecondPersonRequired,
    ActionRefused, NotAdmitted (409); ValidityWrong (422).
    """
    at = rt.clock.now()
    owned = await registrations.hold(tx, registration_id)
    POLICY.require(who, Act.GRANT, owned, drafted_by=owned.registration.submitted_by)
    registrations.MOVES.lifecycle.after(owned.registration.status, Action.GRANT)
    licences.require_validity(rt, owned, body, at)
    proposed = await sites.of_registration(tx, owned, MOST_SITES)
    await checks.require_answered(tx, rt, [site.site.id for site in proposed])
    for site in proposed:
        await admission.require(rt, tx, await candidate_again(tx, site))
    scope = licences.scope_of(rt, body.scope, [item for site in proposed for item in site.site.service_items])
    await deadlines.met(tx, DECISION, registration_id, at)
    for site in proposed:
        await _give_its_own(tx, rt, who, site, why=body.statement.reasons)
    await _notify_granted(tx, rt, who, owned, body, at, hosts_of(proposed))
    named = await marks.names(tx, registration_id)
    number = await next_number(tx, rt, owned)  # as late as can be: everybody else who grants here waits from now on
    granted = await registrations.MOVES.move(
        tx, owned.registration, Action.GRANT, who=who, why=body.statement.reasons, at=at, number=number,
        valid_from=body.valid_from, valid_until=body.valid_until, decided_by=who.person,
    )  # fmt: skip
    await licences.granted(tx, rt, Owned(granted, owned.operator), scope)
    await registrar.tell(tx, rt, Owned(granted, owned.operator), "granted", ("registration", registration_id))
    entered = [await sites.get(tx, site.site.id) for site in proposed]
    await writing.tell(tx, rt, entered, cause={"kind": "grant", "by": who.person}, at=at)
    await documents.issue(tx, rt, Owned(granted, owned.operator), body.statement)
    marks.begin(tx, rt, Owned(granted, owned.operator), named)
    return Owned(granted, owned.operator)


def hosts_of(found: Sequence[OwnedSite]) -> list[str]:
    """The names of sites."""
    return [domain for site in found for domain in site.site.domains]


async def _notify_granted(
    tx: Tx, rt: Runtime, who: Caller, owned: Owned, body: Granting, at: datetime, hosts: Sequence[str]
) -> None:
    """What is granted for the longest time burdens nobody; for less, it can be challenged as a refusal can."""
    authority = regulator_for(rt, owned.registration.level, owned.registration.region)
    less = licences.could_be_longer(rt, body.valid_from, body.valid_until) is not None
    if less and who.program:
        raise PersonRequired(act="grant a licence for less than the longest time")
    await notices.issue(
        tx, rt, kind="granted_for_less" if less else "granted", to=owned.operator.ref, address=owned.operator.address,
        about=ActRef(service=Service.REGISTRY, kind="refusal" if less else "registration", id=owned.registration.id),
        title=_GRANTED_LESS if less else _GRANTED, authority=authority, hosts=hosts,
        says=grounds_of(rt, authority, body.statement, at) if less else body.statement,
        hands=await check_store.about(tx, owned.registration.id) if less else (),
    )  # fmt: skip


async def enter_site(tx: Tx, rt: Runtime, who: Caller, proposed: OwnedSite, *, why: str) -> OwnedSite:
    """A proposed site is live from now on, and everybody is told. Raises NotAdmitted."""
    await _give_its_own(tx, rt, who, proposed, why=why)
    return await writing.changed(tx, rt, proposed.site.id, cause={"kind": "grant", "by": who.person}, at=rt.clock.now())


async def _give_its_own(tx: Tx, rt: Runtime, who: Caller, proposed: OwnedSite, *, why: str) -> None:
    """What a proposed site asked for is its own: names, addresses, the status. Raises NotAdmitted."""
    at, site, operator_id = rt.clock.now(), proposed.site, proposed.operator.id
    names = await claims.asked_for(tx, site.id)
    await writing.take(tx, site.id, operator_id, names, amendment_id=None, at=at)
    await claims.reorder(tx, site.id, [name.ascii for name in names])
    await writing.require_addresses(tx, site.id, operator_id, site.accesses, at)
    await accesses.enter(tx, site.id)
    await sites.MOVES.move(tx, site, SiteAction.ENTER, who=who, why=why, at=at)
    await checks.close(tx, rt, who, site.id)


async def refuse(tx: Tx, rt: Runtime, who: Caller, registration_id: UUID, body: Refusing) -> Owned:
    """Refuse a registration, with written reasons, every ground at once, and redress (O33 section 12).

    Raises UnknownRegistration (404), Forbidden (403), SecondPersonRequired, ActionRefused (409), InvalidValues (422).
    """
    at = rt.clock.now()
    owned = await registrations.hold(tx, registration_id)
    POLICY.require(who, Act.REFUSE, owned, drafted_by=owned.registration.submitted_by)
    registrations.MOVES.lifecycle.after(owned.registration.status, Action.REFUSE)
    proposed = await sites.of_registration(tx, owned, MOST_SITES)
    candidates = [await candidate_again(tx, site) for site in proposed]
    refusal = await refusal_of(tx, rt, owned.registration.level, owned.registration.region, body, candidates)
    refused = await registrations.MOVES.move(
        tx, owned.registration, Action.REFUSE, who=who, why=body.statement.reasons, at=at,
        refusal=refusal.model_dump(mode="json"), decided_by=who.person,
    )  # fmt: skip
    await deadlines.met(tx, DECISION, registration_id, at)
    for site in proposed:
        await drop_site(tx, rt, who, site, why=body.statement.reasons)
    await notices.issue(
        tx, rt, about=ActRef(service=Service.REGISTRY, kind="refusal", id=registration_id), kind="refused",
        to=owned.operator.ref, address=owned.operator.address, title=_REFUSED, says=refusal.grounds,
        authority=refusal.grounds.authority, hosts=hosts_of(proposed),
        hands=await check_store.about(tx, registration_id),
    )  # fmt: skip
    return Owned(refused, owned.operator)


async def refusal_of(
    tx: Tx, rt: Runtime, level: str, region: str, body: Refusing, candidates: list[Candidate]
) -> Refusal:
    """What a refusal says: the officer's statement and codes, and every ground that the rules find now."""
    unknown = [code for code in body.codes if code not in rt.rules.refusal_grounds]
    if unknown:
        known = ", ".join(rt.rules.refusal_grounds)
        raise InvalidValues.field("codes", f"{unknown[0]} is none of: {known}")
    facts = await admission.facts_of(rt, tx, candidates)
    found = [ground for candidate in candidates for ground in admission.grounds(rt.rules, facts, candidate)]
    authority = regulator_for(rt, level, region)
    return Refusal(
        codes=tuple(dict.fromkeys([*body.codes, *(ground.code for ground in found)])),
        found=tuple(found),
        grounds=grounds_of(rt, authority, body.statement, rt.clock.now()),
    )


async def drop_site(tx: Tx, rt: Runtime, who: Caller, site: OwnedSite, *, why: str) -> None:
    """A proposed site is not entered: its names and addresses are free again."""
    await claims.release(tx, site.site.id)
    await accesses.end(tx, site.site.id, site.site.accesses)
    await sites.MOVES.move(tx, site.site, SiteAction.DROP, who=who, why=why, at=rt.clock.now())
    await checks.close(tx, rt, who, site.site.id)


async def mark_overdue(rt: Runtime, tx: Tx, registration_id: UUID) -> None:
    """The regulator's clock ran out; the registration shows it until it is decided."""
    await registrations.mark_overdue(tx, registration_id, rt.clock.now())


async def end_if_empty(tx: Tx, rt: Runtime, who: Caller, registration_id: UUID) -> None:
    """A registration without a site is ended; its number is never used again."""
    owned = await registrations.hold(tx, registration_id)
    ends = registrations.MOVES.lifecycle.can(owned.registration.status, Action.END)
    if ends and await sites.live_sites(tx, registration_id) == 0:
        await registrations.MOVES.move(
            tx, owned.registration, Action.END, who=who, why="Its last site ended.", at=rt.clock.now()
        )
        await licences.ended(tx, rt, who, owned)
        await registrar.tell(tx, rt, owned, "ended", ("registration", registration_id))


async def next_number(tx: Tx, rt: Runtime, owned: Owned) -> str:
    """The next number of its province and kind: its counter stays locked until commit, so there are no gaps."""
    region, kind = owned.registration.region, owned.registration.kind
    serial = await registrations.next_number(tx, region, kind)
    return format_number(rt.rules.provinces[region].short, kind, serial, rules=rt.rules)
