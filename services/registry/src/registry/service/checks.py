"""What must hold before a site enters the register or changes in it (P3.1.1, P3.1.4, N4.1.1)."""

from collections.abc import Iterable, Sequence
from uuid import UUID

import asyncpg

from registry.bodies import NewAccess, NewSite
from registry.errors import AddressTaken, ApprovalMissing, DomainTaken, InvalidValues, UnknownProvider
from registry.store import register as store
from registry.store.register import Access, NewDomain, Operator
from shared.rules.identifiers import InvalidIdentifier, normalise_domain, normalise_ip
from shared.runtime.acts.runtime import Runtime
from shared.runtime.base.ids import uuid7
from shared.runtime.db.postgres import Tx

GENERAL = "general"
"""What remains of a site whose last regulated item is struck off; it needs no approval."""


def domains_of(site: NewSite, where: str) -> tuple[NewDomain, ...]:
    """The domains in A-label form. Raises InvalidValues naming each wrong one."""
    found: dict[str, NewDomain] = {}
    wrong = []
    for place, raw in enumerate(site.domains):
        try:
            ascii_form = normalise_domain(raw).ascii
            found.setdefault(ascii_form, NewDomain(raw, ascii_form))
        except InvalidIdentifier as error:
            wrong.append({"field": f"{where}domains.{place}", "message": error.message})
    if wrong:
        raise InvalidValues(wrong)
    return tuple(found.values())


def _ips_of(access: NewAccess, where: str) -> tuple[str, ...]:
    try:
        return tuple(dict.fromkeys(normalise_ip(raw) for raw in access.ips))
    except InvalidIdentifier as error:
        raise InvalidValues.field(f"{where}ips", error.message) from error


def service_items_of(rt: Runtime, site: NewSite, where: str) -> tuple[str, ...]:
    """The service items. Raises InvalidValues for one the profile does not know."""
    for place, item in enumerate(site.service_items):
        if item not in rt.rules.service_items:
            known = ", ".join(rt.rules.service_items)
            raise InvalidValues.field(f"{where}service_items.{place}", f"{item} is none of: {known}")
    return tuple(dict.fromkeys(site.service_items))


async def accesses_of(tx: Tx, operator: Operator, site: NewSite, where: str) -> tuple[Access, ...]:
    """The accesses with their providers' regions. Raises UnknownProvider, AddressTaken, InvalidValues."""
    rows = await tx.fetch(store.PROVIDERS, [access.provider_id for access in site.accesses])
    regions = {row["id"]: row["region"] for row in rows}
    accesses = []
    for place, access in enumerate(site.accesses):
        if access.provider_id not in regions:
            raise UnknownProvider(provider_id=str(access.provider_id))
        ips = _ips_of(access, f"{where}accesses.{place}.")
        taken = await tx.fetchval(store.TAKEN_ADDRESS, list(ips), operator.id)
        if taken is not None:
            raise AddressTaken(ip=taken)
        accesses.append(Access(uuid7(), access.provider_id, ips, access.hosting_mode, regions[access.provider_id]))
    return tuple(accesses)


async def require_approvals(
    rt: Runtime, tx: Tx, operator: Operator, items: Iterable[str], domains: Sequence[str]
) -> None:
    """Every regulated item needs an approval in force of this operator for one of the domains (P3.1.1, P3.1.4)."""
    regulated = [item for item in items if rt.rules.service_items[item].approval_required]
    if not regulated:
        return
    rows = await tx.fetch(store.LIVE_APPROVALS, operator.uscc, operator.region)  # of its province, or national
    approved = {row["service_item"] for row in rows if row["domain"] in domains}
    for item in regulated:
        if item not in approved:
            raise ApprovalMissing(service_item=item, domain=domains[0])


async def write_parts(
    tx: Tx, operator: Operator, site_id: UUID, domains: Sequence[NewDomain], accesses: Sequence[Access]
) -> None:
    """Write domains and accesses of a site; a domain of another site raises DomainTaken."""
    try:
        async with tx.transaction():
            await store.write_site_parts(tx, site_id, operator.id, domains, accesses)
    except asyncpg.UniqueViolationError as error:
        taken = await tx.fetchval(store.TAKEN_DOMAIN, [d.ascii for d in domains])
        raise DomainTaken(domain=taken or domains[0].ascii) from error
