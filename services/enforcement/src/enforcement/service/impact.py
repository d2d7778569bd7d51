"""What a decision would do to others: the preview that is shown to whoever drafts and whoever releases it."""

import hashlib
from collections.abc import Sequence
from uuid import UUID

from pydantic import BaseModel, Field

from enforcement.errors import UnknownSite
from enforcement.measures import CUTS_OFF, Measure
from enforcement.store import sites
from enforcement.store.cases import Case
from enforcement.store.sites import Neighbour, Neighbours, Site
from shared.runtime.db.postgres import Tx


class OtherSite(BaseModel):
    """A site the case is not about."""

    site_id: UUID
    number: str
    name: str
    domains: list[str]


class Impact(BaseModel):
    """Who else would be hit (safeguard 3). Lists name at most 100 sites together; number and hash cover all."""

    same_ip_sites: list[OtherSite] = Field(description="Other served sites on the same addresses")
    same_registration_sites: list[OtherSite] = Field(description="Other served sites of the registration")
    other_domains: list[str] = Field(description="Domains of the site that the case does not name")
    providers: list[UUID] = Field(description="Providers that host the site")
    collateral: int = Field(description="Other sites and domains that the measure would hit; 0 if it cuts nothing off")
    hash: str = Field(description="Compare it, do not compute it: changes whenever anything above does")


async def preview(tx: Tx, case: Case, measure: Measure) -> Impact:
    """What ``measure`` would do now, by the register as enforcement knows it."""
    found = await sites.get_with_neighbours(tx, case.site_id)
    if found is None:
        raise UnknownSite(domain=case.domain)
    return impact_of(case.domain, measure, *found)


def impact_of(domain: str, measure: Measure, site: Site, neighbours: Neighbours) -> Impact:
    """Put a preview together. ``domain`` is the name the case is about, which may lie below a registered one."""
    others = sorted(name for name in site.domains if domain != name and not domain.endswith(f".{name}"))
    providers = sorted(site.providers)
    collateral = neighbours.number + len(others) if measure in CUTS_OFF else 0
    same_ip = [other for other in neighbours.shown if other.same_ip]
    same_registration = [other for other in neighbours.shown if other.same_registration]
    parts = [measure, str(collateral), neighbours.digest, *others, *map(str, providers)]
    return Impact(
        same_ip_sites=_named(same_ip),
        same_registration_sites=_named(same_registration),
        other_domains=others,
        providers=providers,
        collateral=collateral,
        hash=hashlib.sha256("\n".join(parts).encode()).hexdigest(),
    )


def _named(neighbours: Sequence[Neighbour]) -> list[OtherSite]:
    return [OtherSite.model_validate(other, from_attributes=True) for other in neighbours]
