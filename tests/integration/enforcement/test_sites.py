"""The register as enforcement knows it."""

import random
import time
from uuid import UUID

from enforcement.store import sites
from shared.contracts.registry import SiteRecordedV1
from shared.runtime.base.ids import uuid7
from tests.integration.enforcement.office import Office, site


async def find(office: Office, *domains: str) -> sites.Site | None:
    async with office.api.rt.db.connection() as tx:
        return await sites.find(tx, domains)


async def neighbours(office: Office, site_id: UUID) -> sites.Neighbours:
    async with office.api.rt.db.connection() as tx:
        known = await sites.get_with_neighbours(tx, site_id)
        assert known is not None
        return known[1]


async def test_the_highest_version_wins_whatever_order_they_come_in(office: Office) -> None:
    first = site("old.example", version=1)
    second, third = (
        site(name, version=n, site_id=first.site_id) for n, name in ((2, "mid.example"), (3, "new.example"))
    )
    await office.know(second, third, first)
    await office.know(first, second)
    await office.know(first)
    found = await find(office, "new.example")
    assert found is not None
    assert found.site_id == first.site_id
    assert await find(office, "mid.example") is None
    assert await find(office, "old.example") is None


async def test_a_served_site_is_preferred_to_a_revoked_one_and_an_exact_name_to_its_parent(office: Office) -> None:
    revoked, served = site("stage.example", status="revoked"), site("stage.example", "www.other.example")
    below = site("a.stage.example", status="revoked")
    await office.know(served, revoked, below)
    found = await find(office, "stage.example")
    assert found is not None
    assert found.site_id == served.site_id
    found = await find(office, "a.stage.example", "stage.example")
    assert found is not None
    assert found.site_id == below.site_id


async def test_neighbours_share_an_address_or_the_registration_and_are_served(office: Office) -> None:
    registration = uuid7()
    one = site("one.example", ips=("198.18.0.1", "2001:db8::1"), registration_id=registration)
    same_ip = site("two.example", ips=("198.18.0.9", "2001:db8:0::1"))
    sibling = site("three.example", ips=("198.18.0.3",), registration_id=registration)
    both = site("four.example", ips=("198.18.0.1",), registration_id=registration)
    gone = site("five.example", ips=("198.18.0.1",), status="revoked")
    far = site("six.example", ips=("198.18.0.6",))
    await office.know(one, same_ip, sibling, both, gone, far)
    seen = await neighbours(office, one.site_id)
    assert seen.number == 3
    flags = {each.site_id: (each.same_ip, each.same_registration) for each in seen.shown}
    assert flags == {same_ip.site_id: (True, False), sibling.site_id: (False, True), both.site_id: (True, True)}


async def test_more_neighbours_than_are_named_are_counted_and_hashed(office: Office) -> None:
    one, *others = (site(f"n{n}.example") for n in range(sites.SHOWN + 20))
    await office.know(one, *others)
    before = await neighbours(office, one.site_id)
    assert (before.number, len(before.shown)) == (sites.SHOWN + 19, sites.SHOWN)
    await office.know(site("zz.example", site_id=UUID(int=(1 << 128) - 1)))
    after = await neighbours(office, one.site_id)
    assert after.shown == before.shown
    assert after.digest != before.digest


async def test_a_site_without_address_has_no_neighbours(office: Office) -> None:
    alone = site("alone.example", ips=())
    await office.know(alone, site("none.example", ips=()))
    assert (await neighbours(office, alone.site_id)).number == 0


async def test_the_register_of_95_769_sites_is_taken_over_in_seconds(office: Office) -> None:
    """95,769 sites in batches of 1,000, then all of them again in a newer version: what an import makes us read."""
    total, draw, pattern = 95_769, random.Random(7), site("pattern.example")
    known = [uuid7() for _ in range(total)]

    def record(n: int, version: int) -> SiteRecordedV1:
        ip = f"198.18.{draw.randrange(256)}.{draw.randrange(256)}"
        access = pattern.site.accesses[0].model_copy(update={"ips": (ip,)})
        recorded = pattern.site.model_copy(update={"domains": (f"s{n}.example",), "accesses": (access,)})
        own = {"site_id": known[n], "registration_id": known[n], "version": version, "site": recorded}
        return pattern.model_copy(update=own)

    spent = {}
    for version in (1, 2):
        spent[version] = 0.0
        for start in range(0, total, 1_000):
            batch = [record(n, version) for n in range(start, min(start + 1_000, total))]
            began = time.perf_counter()
            await office.know(*batch)
            spent[version] += time.perf_counter() - began
    print({version: f"{total / seconds:,.0f} sites/s" for version, seconds in spent.items()})
    began = time.perf_counter()
    assert await find(office, "s77777.example") is not None
    seen = await neighbours(office, known[77_777])
    assert time.perf_counter() - began < 0.5
    assert seen.number < 20
    assert max(spent.values()) < 60, spent  # seconds on an idle machine; others may be at work on this one
