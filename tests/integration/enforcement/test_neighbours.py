"""Who shares an address, from the narrow table that a trigger keeps: the same as looking at every site."""

import random
from typing import Any
from uuid import UUID

from enforcement.store import sites
from shared.contracts.registry import SiteRecordedV1
from shared.runtime.base.ids import uuid7
from tests.integration.enforcement.conftest import Office, site_recorded

ADDRESSES = ("198.18.0.1", "198.18.0.2", "198.18.0.3")
SUFFIXES = ("hospital.example", "gov.cn")
NAMES = (
    "hospital.example",
    "a.hospital.example",
    "nohospital.example",
    "x.gov.cn",
    "y.x.gov.cn",
    "xgov.cn",
    "b.example",
)


def anew(site: SiteRecordedV1, dice: random.Random, version: int) -> SiteRecordedV1:
    """The same site, as it may be some time later."""
    ips = dice.sample(ADDRESSES, dice.randint(0, 3))
    access = {**SiteRecordedV1.EXAMPLE["accesses"][0], "access_id": uuid7(), "ips": ips}
    return SiteRecordedV1.model_validate({
        **site.model_dump(mode="json"), "version": version, "status": dice.choice(["live", "stopped", "ended"]),
        "domains": dice.sample(NAMES, dice.randint(1, 3)), "accesses": [access],
    })  # fmt: skip


async def looked_at(office: Office, known: dict[UUID, SiteRecordedV1], ips: list[str], me: UUID | None) -> None:
    """What the store says is what looking at every site says."""
    near = {
        site_id: site
        for site_id, site in known.items()
        if site_id != me and site.status != "ended" and {ip for each in site.accesses for ip in each.ips} & set(ips)
    }
    names = {name for site in near.values() for name in site.domains}
    protected = {name for name in names for suffix in SUFFIXES if f".{name}".endswith(f".{suffix}")}
    async with office.api.rt.db.transaction() as tx:
        found = await sites.neighbours(tx, ips, me, 4, SUFFIXES)
    assert (found.total, found.protected) == (len(near), tuple(sorted(protected)))
    assert [each.site_id for each in found.listed] == sorted(near)[:4]
    for each in found.listed:
        site = near[each.site_id]
        shared = {ip for access in site.accesses for ip in access.ips} & set(ips)
        assert (each.number, each.hosts, each.shares) == (site.number, site.domains, tuple(sorted(shared)))


async def test_it_says_what_looking_at_every_site_says_whatever_happens_to_them(office: Office) -> None:
    dice, known = random.Random(7), dict[UUID, Any]()
    for site in [site_recorded(version=1) for _ in range(12)]:
        known[site.site_id] = site
    for version in range(2, 14):
        for site_id in dice.sample(sorted(known), 5):
            known[site_id] = anew(known[site_id], dice, version)
        stale = anew(known[min(known)], dice, 0)
        async with office.api.rt.db.transaction() as tx:
            await sites.put(tx, [*known.values(), stale])
        for ips in ([ADDRESSES[0]], list(ADDRESSES[1:]), list(ADDRESSES), ["203.0.113.9"]):
            for me in (None, min(known), uuid7()):
                await looked_at(office, known, ips, me)
