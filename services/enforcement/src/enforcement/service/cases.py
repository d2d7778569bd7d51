"""Cases: opened about a registered site, read, listed (P3.2.1)."""

from dataclasses import dataclass
from uuid import UUID

from enforcement import bodies
from enforcement.errors import UnknownServiceItem, UnknownSite
from enforcement.lifecycle import CaseStatus
from enforcement.policy import POLICY, Act
from enforcement.service.common import DecisionRecord, known_case, records, remember
from enforcement.store import cases, decisions, sites
from enforcement.store.cases import Case, CaseEvidence, Desk, NewCase
from shared.contracts.enforcement import CaseOpenedV1
from shared.rules import Level, Role
from shared.rules.identifiers import InvalidIdentifier, normalise_domain
from shared.runtime.acts import outbox
from shared.runtime.acts.runtime import Runtime
from shared.runtime.base.context import Caller
from shared.runtime.base.ids import uuid7
from shared.runtime.base.problems import Invalid
from shared.runtime.db.postgres import Tx


@dataclass(frozen=True, slots=True)
class CaseRecord:
    """A case with its evidence and its decisions."""

    case: Case
    evidence: list[CaseEvidence]
    decisions: list[DecisionRecord]


async def open_case(rt: Runtime, who: Caller, body: bodies.Suspicion) -> CaseRecord:
    """Open a case about the site that bears a domain.

    Raises UnknownServiceItem, Invalid (422); UnknownSite (404); Forbidden (403).
    """
    if body.service_item not in rt.rules.service_items:
        raise UnknownServiceItem.field("service_item", f"must be one of {', '.join(rt.rules.service_items)}")
    try:
        domain = normalise_domain(body.domain)
    except InvalidIdentifier as wrong:
        raise Invalid.field("domain", wrong.message) from wrong
    async with rt.db.transaction() as tx:
        site = await sites.find(tx, [domain.ascii, *_parents(domain.ascii, domain.registrable)])
        if site is None:
            raise UnknownSite(domain=domain.ascii)
        new = NewCase(
            id=uuid7(),
            site_id=site.site_id,
            registration_id=site.registration_id,
            domain=domain.ascii,
            site_number=site.number,
            site_name=site.name,
            operator_uscc=site.operator_uscc,
            operator_name=site.operator_name,
            authority=who.organisation,
            region=site.region,
            level=who.level,
            service_item=body.service_item,
            alleged_breach=body.alleged_breach,
            legal_basis=body.legal_basis,
            opened_by=who.subject,
            opened_at=rt.clock.now(),
        )
        POLICY.require(who, Act.OPEN_CASE, new)
        opened = await cases.add(tx, new)
        remember(tx, opened, None, "open", who, opened.alleged_breach, opened.opened_at)
        outbox.add(tx, _opened(opened), at=opened.opened_at)
        return CaseRecord(opened, [], [])


async def read(rt: Runtime, who: Caller, case_id: UUID) -> CaseRecord:
    """Read a case with everything in it. Raises UnknownCase (404), Forbidden (403)."""
    async with rt.db.connection() as tx:
        case = await known_case(tx, case_id)
        POLICY.require(who, Act.READ_CASE, case)
        return await record_of(tx, case)


async def list_page(
    rt: Runtime, who: Caller, status: CaseStatus | None, domain: str | None, after: UUID | None, limit: int
) -> list[Case]:
    """List the cases on the caller's desk, newest first. Raises Forbidden (403)."""
    POLICY.require(who, Act.LIST_CASES)
    async with rt.db.connection() as tx:
        return await cases.page(tx, _desk(who), status, domain, after, limit)


async def record_of(tx: Tx, case: Case) -> CaseRecord:
    """A case with everything in it."""
    evidence = await cases.evidence_of(tx, case.id)
    return CaseRecord(case, evidence, await records(tx, await decisions.of_case(tx, case.id)))


def _parents(name: str, registrable: str) -> list[str]:
    """The names above a host name, up to the registrable domain: ``a.b.stage.example`` lies in ``stage.example``."""
    labels = name.split(".")
    above = [".".join(labels[start:]) for start in range(1, len(labels))]
    return [each for each in above if each == registrable or each.endswith(f".{registrable}")]


def _desk(who: Caller) -> Desk:
    """What the caller sees in lists: auditors all, others their province, sector regulators their categories of it."""
    if Role.AUDITOR in who.roles:
        return Desk()
    region = None if who.level == Level.NATIONAL else who.region or ""
    if {Role.INDUSTRY_REGULATOR, Role.REVIEW_BODY} & who.roles:
        return Desk(region=region)
    return Desk(service_items=who.categories, region=region)


def _opened(case: Case) -> CaseOpenedV1:
    return CaseOpenedV1(
        case_id=case.id,
        site_id=case.site_id,
        registration_id=case.registration_id,
        authority=case.authority,
        region=case.region,
        level=case.level,
        service_item=case.service_item,
        alleged_breach=case.alleged_breach,
        legal_basis=case.legal_basis,
        opened_at=case.opened_at,
    )
