"""Cases: opened about one subject on a ground of the profile's catalogue, read, listed, discontinued (P3.2.1)."""

from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

from enforcement.errors import DecisionInForce, UnknownGround, UnknownItem, UnknownName, UnknownSubject
from enforcement.lifecycle import IN_FORCE, CaseAction, CaseStatus
from enforcement.policy import POLICY, Act
from enforcement.service import closing, decisions, parties, settling
from enforcement.service.safeguards import OFF_THE_REGISTER
from enforcement.service.shown import Shown, shown
from enforcement.store import cases, lists, sites, ties
from enforcement.store import decisions as decision_store
from enforcement.store.cases import Case, Evidence, NewCase
from enforcement.store.lists import Narrowed
from shared.contracts.grounds import OperatorRef, Party
from shared.contracts.http.enforcement import AboutFoundSite, AboutOperator, AboutProvider, Stated, TookPart
from shared.contracts.http.enforcement import NewCase as Suspicion
from shared.contracts.registry import SiteRecordedV1
from shared.contracts.subjects import FoundSite, OperatorSubject, ProviderSubject, SiteSubject
from shared.rules import Effect, Level
from shared.rules.identifiers import InvalidIdentifier, normalise_domain
from shared.runtime.acts import audit
from shared.runtime.acts.runtime import Runtime
from shared.runtime.base.context import Caller, person_key
from shared.runtime.base.ids import uuid7
from shared.runtime.base.problems import Invalid
from shared.runtime.db.postgres import Tx


@dataclass(frozen=True, slots=True)
class File:
    """A case with everything in it."""

    case: Case
    evidence: list[Evidence]
    decisions: list[Shown]
    parties: tuple[TookPart, ...] = ()
    came_from: UUID | None = None
    continues_as: UUID | None = None


@dataclass(frozen=True, slots=True)
class Asked:
    """Which cases somebody wants to see; ages in days."""

    status: CaseStatus | None = None
    host: str | None = None
    mine: bool = False
    claimed_by: str | None = None
    ground: str | None = None
    region: str | None = None
    min_age: int | None = None
    max_age: int | None = None
    overdue: bool = False


async def open_case(tx: Tx, rt: Runtime, who: Caller, body: Suspicion) -> File:
    """Open a case about a site, a found site, an operator or a provider.

    Raises Forbidden (403); UnknownName, UnknownSubject (404); UnknownGround, UnknownItem, Invalid (422).
    """
    POLICY.reach(who, Act.OPEN_CASE)  # who may open none at all learns nothing of what is known here
    if body.ground not in rt.rules.grounds:
        raise UnknownGround.field("ground", f"must be one of {', '.join(rt.rules.grounds)}")
    if body.service_item is not None and body.service_item not in rt.rules.service_items:
        raise UnknownItem.field("service_item", f"must be one of {', '.join(rt.rules.service_items)}")
    new = await _received(tx, rt, who, body)
    POLICY.require(who, Act.OPEN_CASE, new)
    opened = await cases.add(tx, new)
    cases.MOVES.began(tx, opened, "open", who=who, why=body.alleged_breach, at=opened.opened_at)
    return await file_of(tx, rt, opened)


async def _received(tx: Tx, rt: Runtime, who: Caller, body: Suspicion) -> NewCase:
    about = body.about
    if isinstance(about, AboutProvider):
        provider = await sites.provider(tx, about.provider_id)
        if provider is None:
            raise UnknownSubject(kind="provider", id=about.provider_id)
        subject: SiteSubject | FoundSite | OperatorSubject | ProviderSubject = ProviderSubject(
            provider_id=about.provider_id
        )
        return _new(rt, who, body, subject, provider=provider)
    if isinstance(about, AboutFoundSite):
        host, provider = _name("about.host", about.host)[0], await sites.provider(tx, about.provider_id)
        if provider is None:
            raise UnknownSubject(kind="provider", id=about.provider_id)
        known = await sites.find(tx, _name("about.host", about.host))
        if known is not None and known.status not in OFF_THE_REGISTER:
            raise Invalid.field(
                "about.kind", f"{host} is in the register as {known.number}: open a case about that site"
            )
        subject = FoundSite(host=host, provider_id=about.provider_id)
        return _new(rt, who, body, subject, provider=provider, hosts=(host,))
    names = _name("about.domain", about.domain)
    site = await sites.find(tx, names)
    if site is None:
        raise UnknownName(domain=names[0])
    if isinstance(about, AboutOperator):
        subject = OperatorSubject(operator_id=site.operator.operator_id)
        return _new(rt, who, body, subject, site=site)
    return _new(rt, who, body, SiteSubject(site_id=site.site_id), site=site, hosts=site.domains)


def _new(
    rt: Runtime, who: Caller, body: Suspicion, subject: SiteSubject | FoundSite | OperatorSubject | ProviderSubject, *,
    site: SiteRecordedV1 | None = None, provider: sites.Provider | None = None, hosts: tuple[str, ...] = (),
) -> NewCase:  # fmt: skip
    operator: Party
    if site is not None:
        operator = OperatorRef(identity=site.operator.identity, name=site.operator.name)
        level, region = site.registration.level, site.registration.region
    elif provider is not None:
        operator = Party(identity=str(provider.provider_id), name=provider.name)
        level, region = Level.PROVINCE.value, provider.region
    else:
        raise TypeError("a case is about a site of the register, or about what is at a provider")
    return NewCase(
        id=uuid7(),
        subject=subject,
        site_id=site.site_id if site is not None and isinstance(subject, SiteSubject) else None,
        provider_id=provider.provider_id if provider is not None else None,
        operator=operator,
        hosts=hosts,
        service_item=body.service_item,
        ground=body.ground,
        alleged_breach=body.alleged_breach,
        legal_basis=body.legal_basis,
        authority=rt.directory.authority_ref(who.organisation),
        region=region,
        level=level,
        opened_by=who.person,
        opened_at=rt.clock.now(),
    )


def _name(field: str, raw: str) -> tuple[str, ...]:
    """A name in A-label form, and the names above it."""
    try:
        name = normalise_domain(raw)
    except InvalidIdentifier as wrong:
        raise Invalid.field(field, wrong.message) from wrong
    return name.ascii, *name.above


async def get(tx: Tx, rt: Runtime, who: Caller, case_id: UUID) -> File:
    """A case with everything in it; looking leaves an audit row. Raises UnknownCase (404), Forbidden (403)."""
    case = await cases.get(tx, case_id)
    POLICY.require(who, Act.READ_CASE, case)
    await audit.record(
        tx, who=who, act=Act.READ_CASE, resource=f"/cases/{case_id}", outcome="granted", at=rt.clock.now()
    )
    return await file_of(tx, rt, case)


async def file_of(tx: Tx, rt: Runtime, case: Case) -> File:
    """A case as it was read, or changed, with everything in it."""
    found = await decision_store.of_cases(tx, [case.id])
    every = [await shown(tx, rt, case, decision) for decision in found]
    came, went = await ties.came(tx, case.id), await ties.went(tx, case.id)
    return File(
        case, await cases.evidence_of(tx, case.id), every, await parties.of(tx, rt, case, found),
        came[-1].from_case if came else None, went[0].to_case if went else None,
    )  # fmt: skip


async def page(tx: Tx, rt: Runtime, who: Caller, asked: Asked, *, after: UUID | None, limit: int) -> list[Case]:
    """Cases the caller reaches, newest first; looking leaves an audit row. Raises RoleMissing (403), Invalid (422)."""
    reach = POLICY.reach(who, Act.READ_CASE)
    at = rt.clock.now()
    narrowed = Narrowed(
        asked.status, None if asked.host is None else _name("host", asked.host)[0],
        who.person if asked.mine else asked.claimed_by and person_key(asked.claimed_by), asked.ground, asked.region,
        None if asked.min_age is None else at - timedelta(days=asked.min_age),
        None if asked.max_age is None else at - timedelta(days=asked.max_age), asked.overdue,
    )  # fmt: skip
    found = await lists.page(tx, reach, narrowed, after=after, limit=limit)
    await audit.record(
        tx, who=who, act=Act.READ_CASE, resource="/cases", outcome="granted", at=at,
        detail={"operators": sorted({case.identity for case in found}), "ids": [str(case.id) for case in found]},
    )  # fmt: skip
    return found


async def discontinue(tx: Tx, rt: Runtime, who: Caller, case_id: UUID, body: Stated) -> File:
    """End a case without a decision, with reasons; a draft in it is withdrawn.

    Raises UnknownCase (404); Forbidden (403); ActionRefused, DecisionInForce (409).
    """
    at, case = rt.clock.now(), await cases.hold(tx, case_id)
    POLICY.require(who, Act.DISCONTINUE_CASE, case)
    for decision in await decision_store.of_cases(tx, [case_id]):
        if decision.status in IN_FORCE and decision.effect is not Effect.NO_BREACH:
            raise DecisionInForce(decision_id=str(decision.id))
    await decisions.withdraw_draft(tx, rt, who, case, reasons=body.statement.reasons)
    await closing.close(tx, rt, who, case, why=body.statement.reasons)
    ended = await cases.MOVES.move(
        tx,
        case,
        CaseAction.DISCONTINUE,
        who=who,
        why=body.statement.reasons,
        at=at,
        outcome="discontinued",
        ended_at=at,
    )
    await settling.of_case(tx, rt, case_id, "discontinued", body.statement.legal_basis)
    return await file_of(tx, rt, ended)
