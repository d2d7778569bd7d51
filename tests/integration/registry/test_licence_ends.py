"""A licence of a provider ends: it is told, no site is, and no site changes for that (ADR 24)."""

from shared.contracts.access import LicenceEndingV1
from shared.runtime.base.ids import uuid7
from tests.integration.registry.conftest import (
    GRANT,
    OTHER_PROVIDER,
    PROVIDER,
    Register,
    a_site,
    access,
    domain,
    provider_recorded,
    uscc,
)
from tests.integration.registry.listing import provider
from tests.integration.registry.test_preflights import asked
from tests.support.crash import everything

CODE = uscc(824_000_001)
RUNS = "SELECT count(*) FROM deadline WHERE kind = 'shell_provider' AND met_at IS NULL"


def ending(**change: object) -> LicenceEndingV1:
    return LicenceEndingV1.model_validate(
        {**LicenceEndingV1.EXAMPLE, "provider_id": PROVIDER, "licence_id": uuid7(), **change}
    )


async def unlicensed(register: Register, status: str = "unlicensed", version: int = 9) -> None:
    await register.hear(provider_recorded().model_copy(update={"version": version, "status": status}))


async def test_its_provider_is_told_before_and_then_and_nobody_else(register: Register) -> None:
    await register.live(CODE)
    for fact, says in [
        (ending(), "ends with 2030-12-31. Have its renewal entered"),
        (ending(over=True), "ended with 2030-12-31. Another licence of yours is in force."),
        (ending(over=True, licensed=False), "The sites that you host stay"),
    ]:
        before = await everything(register.api.rt)
        await register.hear(fact)
        after = await everything(register.api.rt)
        assert {table for table in after if after[table] != before[table]} <= {"notice", "deadline", "delivery"}
        assert await register.notices(fact.licence_id) == [("licence_ending", str(PROVIDER))]
        (found,) = (await register.get(f"/notices?about={fact.licence_id}", provider()))["items"]
        assert says in (await register.get(f"/notices/{found['id']}", provider()))["notice"]["statement"]["reasons"]


async def test_what_an_unlicensed_provider_hosts_stays_and_nobody_new_is_registered_there(register: Register) -> None:
    site = await register.live(CODE)
    before = await everything(register.api.rt)
    await unlicensed(register)
    after = await everything(register.api.rt)
    changed = {table for table in after if after[table] != before[table]}
    assert changed == {"provider"}, "no clock runs and nobody is told anything"
    assert (await register.get(f"/sites/{site['id']}", "regulator-a"))["status"] == "live"
    body = {"operator_id": await register.operator(), "site": a_site(domain())}
    assert "provider_unlicensed" in (await register.refused("/registrations", body, "regulator-a"))["detail"]
    await unlicensed(register, "active", 10)
    await register.submitted(a_site(domain()))


async def test_a_site_there_changes_its_names_and_finds_a_second_host_all_the_same(register: Register) -> None:
    site, host = await register.live(CODE), domain()
    await unlicensed(register)
    beside = [access(), access("198.18.0.77", provider=OTHER_PROVIDER)]
    proposed = await register.propose(site, a_site(host, accesses=beside))
    granted = await register.post(f"/amendments/{proposed['id']}/grant", GRANT, "regulator-a")
    assert granted["status"] == "granted"
    found = await register.get(f"/sites/{site['id']}", "regulator-a")
    assert (found["domains"], len(found["accesses"])) == ([host], 2)


async def test_but_no_site_comes_to_it_from_elsewhere(register: Register) -> None:
    site = await register.live(CODE, accesses=[access("198.18.0.77", provider=OTHER_PROVIDER)])
    await unlicensed(register)
    body = a_site(site["domains"][0], accesses=[access()])
    answer = await register.propose(site, body, status=409)
    assert "provider_unlicensed" in str(answer)


async def test_asked_before_it_connects_it_reads_yes_for_what_stands_and_no_for_what_is_new(
    register: Register,
) -> None:
    site = await register.live(CODE)
    await unlicensed(register)
    stands = await asked(register, site["domains"][0])
    assert (stands["answer"], stands["reasons"]) == ("yes", [])
    new = await asked(register, domain())
    assert new["answer"] == "no"
    assert "provider_unlicensed" in [each["code"] for each in new["reasons"]]


async def test_where_a_province_has_no_regulator_the_ministry_tells_it(register: Register) -> None:
    known = list(register.api.rt.directory)
    register.api.rt.directory.load([each for each in known if each.organisation_id != "industry-110000"])
    try:
        await register.hear(fact := ending())
        assert await register.notices(fact.licence_id) == [("licence_ending", str(PROVIDER))]
    finally:
        register.api.rt.directory.load(known)


async def test_one_that_closes_after_it_lost_its_licence_has_closed(register: Register) -> None:
    await register.live(CODE)
    await unlicensed(register)
    await unlicensed(register, "closed", 10)
    assert await register.fetchval(RUNS) == 1
    await unlicensed(register, "unlicensed", 11)
    assert await register.fetchval(RUNS) == 0, "it hosts what it hosts again"
