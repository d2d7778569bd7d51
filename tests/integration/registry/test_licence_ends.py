"""A licence of a provider ends: it is told, no site is, and no site changes for that (ADR 24)."""

from shared.contracts.access import LicenceEndingV1
from shared.runtime.base.ids import uuid7
from tests.integration.registry.conftest import PROVIDER, Register, a_site, domain, provider_recorded, uscc
from tests.integration.registry.listing import provider
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


async def test_one_that_closes_after_it_lost_its_licence_has_closed(register: Register) -> None:
    await register.live(CODE)
    await unlicensed(register)
    await unlicensed(register, "closed", 10)
    assert await register.fetchval(RUNS) == 1
    await unlicensed(register, "unlicensed", 11)
    assert await register.fetchval(RUNS) == 0, "it hosts what it hosts again"
