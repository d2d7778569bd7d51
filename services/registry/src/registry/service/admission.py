"""The one rule of admission: what must hold before a site enters the register or changes (P3.1.1, P3.1.4, N4.1.1).

Submitting, granting, amending and importing ask the same function about the same facts, for one site or for a thousand;
every ground against an application is found at once.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final
from uuid import UUID

from registry.errors import InvalidValues, NotAdmitted
from registry.store import accesses, bars, claims, copies, executions, licences
from registry.store.accesses import Access, Wanted
from registry.store.claims import Name
from registry.store.copies import Approval, Provider
from shared.contracts.http.registry import GroundFound, NewAccess, NewSite
from shared.rules import Level, Rules
from shared.rules.identifiers import InvalidIdentifier, hosting_address, normalise_domain
from shared.runtime.acts.runtime import Runtime
from shared.runtime.base.ids import uuid7
from shared.runtime.db.postgres import Tx

CODES: Final = frozenset({
    "barred", "provider_unlicensed", "address_taken", "domain_taken", "approval_missing", "beyond_scope",
})  # fmt: skip
"""What the rule finds by itself; the profile has words for each."""


@dataclass(frozen=True, slots=True)
class Candidate:
    """A site as it would be, and whose."""

    identity: str
    operator_id: UUID
    region: str
    level: str
    names: tuple[Name, ...]
    items: tuple[str, ...]
    accesses: tuple[Access, ...]
    site_id: UUID | None = None
    """The site that this would change; none for a new one."""
    registration_id: UUID | None = None
    """What it would stand under, if that is there already: a licence has a scope."""

    @property
    def uses(self) -> set[Wanted]:
        """The addresses it would use."""
        return {use for access in self.accesses for use in access.wanted_by(self.operator_id)}


@dataclass(frozen=True, slots=True)
class Facts:
    """What the register knows of everything that some candidates name."""

    providers: Mapping[UUID, Provider]
    holders: Mapping[str, tuple[UUID, UUID]]
    """Name → the site and operator that hold it."""
    approvals: Collection[Approval]
    barred: Collection[str]
    barred_names: Mapping[str, bool]
    """Each with whether what is below it is barred too: see ``bars.barring``."""
    taken: Collection[Wanted]
    """Of the wanted addresses those that are another operator's own, or wanted alone while another is there."""
    scopes: Mapping[UUID, frozenset[str]] = field(default_factory=dict)
    """Licence → the service items that it covers."""
    hosted: Collection[tuple[UUID, UUID]] = ()
    """Sites in the register and unlicensed providers that host them: those stay."""


async def facts_of(rt: Runtime, tx: Tx, candidates: Sequence[Candidate]) -> Facts:
    """Look up what the candidates name."""
    at = rt.clock.now()
    identities = {candidate.identity for candidate in candidates}
    asked = [name for candidate in candidates for name in candidate.names]
    names = [name.ascii for name in asked]
    providers = await copies.providers(tx, {a.provider_id for candidate in candidates for a in candidate.accesses})
    # At one that closed it does not stay: it finds another host, and with that changes what it likes.
    unlicensed = [each.id for each in providers.values() if each.status in copies.HOSTING - {copies.ACTIVE}]
    return Facts(
        providers=providers,
        hosted=await accesses.hosted(tx, unlicensed, [each.site_id for each in candidates if each.site_id]),
        holders=await claims.held_by(tx, names, at),
        approvals=await copies.live_approvals(tx, {each.identity for each in candidates if _regulated(rt.rules, each)}),
        barred=await executions.barred(tx, identities, at),
        barred_names=await bars.barred_names(tx, {each for name in asked for each in name.above}, at),
        taken=await accesses.taken(
            tx, {use for candidate in candidates for use in candidate.uses}, at,
            except_site=candidates[0].site_id if len(candidates) == 1 else None,
        ),
        scopes=await licences.scopes(tx, {each.registration_id for each in candidates if each.registration_id}),
    )  # fmt: skip


def _regulated(rules: Rules, candidate: Candidate) -> bool:
    """Whether one of its items needs a consent."""
    return any(rules.service_items[item].approval_required for item in candidate.items)


def grounds(rules: Rules, facts: Facts, candidate: Candidate) -> list[GroundFound]:
    """Every ground against a candidate, with the profile's code; none: it is admitted."""
    found: list[GroundFound] = []
    if candidate.identity in facts.barred:
        found.append(GroundFound(code="barred", field="operator", message=rules.refusal_grounds["barred"].english))
    for place, access in enumerate(candidate.accesses):
        provider = facts.providers.get(access.provider_id)
        stays = (candidate.site_id, access.provider_id) in facts.hosted
        if provider is None or (provider.status != copies.ACTIVE and not stays):
            message = f"no licensed provider {access.provider_id} is known (P3.1.4, N4.1.1)"
            found.append(
                GroundFound(code="provider_unlicensed", field=f"accesses.{place}.provider_id", message=message)
            )
        taken = [ip for ip in access.ips if (ip, candidate.operator_id, access.dedicated) in facts.taken]
        if taken:
            message = f"{', '.join(taken)} cannot be used so: an address of a dedicated server serves one operator only"
            found.append(GroundFound(code="address_taken", field=f"accesses.{place}.ips", message=message))
    for place, name in enumerate(candidate.names):
        holder = facts.holders.get(name.ascii)
        if holder is not None and holder[0] != candidate.site_id:
            message = f"{name.ascii} belongs to another site; each name belongs to one site"
            found.append(GroundFound(code="domain_taken", field=f"domains.{place}", message=message))
        barred = bars.barring(facts.barred_names, name.ascii, name.above)
        if barred is not None and (holder is None or holder[0] != candidate.site_id):
            message = f"{name.ascii} is, or lies under, {barred}, which is on the barred list"
            found.append(GroundFound(code="barred", field=f"domains.{place}", message=message))
    return found + _unapproved(rules, facts, candidate) + _beyond_scope(facts, candidate)


def _unapproved(rules: Rules, facts: Facts, candidate: Candidate) -> list[GroundFound]:
    """A regulated item needs a consent in force (P3.1.4)."""
    found = []
    for place, item in enumerate(candidate.items):
        if not rules.service_items[item].approval_required:
            continue
        if covering(facts.approvals, candidate, item) is None:
            message = f"{item} needs a consent of its authority that is in force for this operator and these names"
            found.append(GroundFound(code="approval_missing", field=f"service_items.{place}", message=message))
    return found


def _beyond_scope(facts: Facts, candidate: Candidate) -> list[GroundFound]:
    """A site under a licence has what the licence covers."""
    scope = facts.scopes.get(candidate.registration_id) if candidate.registration_id else None
    return [
        GroundFound(code="beyond_scope", field=f"service_items.{place}", message=f"the licence does not cover {item}")
        for place, item in enumerate(candidate.items)
        if scope is not None and item not in scope
    ]


def covering(approvals: Iterable[Approval], candidate: Candidate, item: str) -> Approval | None:
    """A consent of this operator for a name of it or the domain above: a province's is good there, the ministry's
    everywhere."""
    names = {name.ascii for name in candidate.names} | {name.registrable for name in candidate.names}
    for approval in approvals:
        here = approval.level == Level.NATIONAL or approval.region == candidate.region
        same = (approval.identity, approval.service_item) == (candidate.identity, item)
        if here and same and approval.domain in names:
            return approval
    return None


async def require(rt: Runtime, tx: Tx, candidate: Candidate) -> None:
    """Raise NotAdmitted with every ground against a candidate."""
    raise_for(grounds(rt.rules, await facts_of(rt, tx, [candidate]), candidate))


def raise_for(found: Iterable[GroundFound]) -> None:
    """Raise NotAdmitted if there is a ground."""
    listed = list(found)
    if listed:
        codes = ", ".join(dict.fromkeys(ground.code for ground in listed))
        raise NotAdmitted(codes=codes, grounds=[ground.model_dump() for ground in listed])


def names_of(raw_names: Iterable[str], where: str = "") -> tuple[Name, ...]:
    """Host names in A-label form, each once. Raises InvalidValues naming each wrong one."""
    found: dict[str, Name] = {}
    wrong = []
    for place, raw in enumerate(raw_names):
        try:
            domain = normalise_domain(raw)
            found.setdefault(domain.ascii, Name(raw, domain.ascii, domain.registrable))
        except InvalidIdentifier as error:
            wrong.append({"field": f"{where}domains.{place}", "message": error.message})
    if wrong:
        raise InvalidValues(wrong)
    return tuple(found.values())


def in_order(rules: Rules, items: Collection[str]) -> tuple[str, ...]:
    """Service items in the order of the profile, each once."""
    return tuple(item for item in rules.service_items if item in items)


def items_of(rules: Rules, site: NewSite, where: str = "") -> tuple[str, ...]:
    """The service items, in the order of the profile. Raises InvalidValues for one it does not know."""
    for place, item in enumerate(site.service_items):
        if item not in rules.service_items:
            known = ", ".join(rules.service_items)
            raise InvalidValues.field(f"{where}service_items.{place}", f"{item} is none of: {known}")
    return in_order(rules, site.service_items)


def access_of(rules: Rules, access: NewAccess, region: str, where: str) -> Access:
    """An access as it would be; its region is its provider's, filled in from what is known. Raises InvalidValues."""
    try:
        ips = tuple(dict.fromkeys(hosting_address(raw, rules).normal for raw in access.ips))
    except InvalidIdentifier as error:
        raise InvalidValues.field(f"{where}ips", error.message) from error
    return Access(uuid7(), access.provider_id, ips, access.hosting_mode, region, "live")


async def candidate_of(
    rt: Runtime, tx: Tx, site: NewSite, *, identity: str, operator_id: UUID, region: str, level: str,
    registration_id: UUID | None = None, site_id: UUID | None = None, where: str = "",
) -> Candidate:  # fmt: skip
    """A site from the wire, checked field by field. Raises InvalidValues."""
    known = await copies.providers(tx, {access.provider_id for access in site.accesses})
    return candidate_with(
        rt.rules, known, site, identity=identity, operator_id=operator_id, region=region, level=level,
        registration_id=registration_id, site_id=site_id, where=where,
    )  # fmt: skip


def candidate_with(
    rules: Rules, known: Mapping[UUID, Provider], site: NewSite, *, identity: str, operator_id: UUID, region: str,
    level: str, registration_id: UUID | None = None, site_id: UUID | None = None, where: str = "",
) -> Candidate:  # fmt: skip
    """The same with providers that were looked up before. Raises InvalidValues."""
    hosted = tuple(
        access_of(
            rules, access, known[access.provider_id].region if access.provider_id in known else region,
            f"{where}accesses.{place}.",
        )
        for place, access in enumerate(site.accesses)
    )  # fmt: skip
    return Candidate(
        identity, operator_id, region, level, names_of(site.domains, where), items_of(rules, site, where), hosted,
        site_id, registration_id,
    )  # fmt: skip
