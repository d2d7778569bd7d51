"""However many differ: bounded steps, a most of findings, and operators that are told seldom."""

from datetime import timedelta
from uuid import UUID

import pytest

from registry.consumer import DEADLINES
from registry.service import reconciling
from tests.integration.registry.conftest import PROVIDER, Register, domain, provider_recorded, uscc
from tests.integration.registry.listing import Sender, record

OPERATORS = "SELECT count(*) FROM notice WHERE kind = 'hosted_otherwise' AND identity = $1"


async def step(register: Register) -> None:
    async with register.api.rt.db.transaction() as tx:
        await DEADLINES[reconciling.RECONCILE](register.api.rt, tx, PROVIDER)


async def test_a_step_goes_no_further_than_so_many_findings_however_few_names_are_listed(
    register: Register, monkeypatch: pytest.MonkeyPatch
) -> None:
    sender, hosts = Sender(register), sorted(domain() for _ in range(5))
    await sender.hosts(*(record(each) for each in hosts))
    monkeypatch.setattr(reconciling, "AT_ONCE", 2)
    await sender.batch(record(domain()))
    await sender.close()
    left = []
    for _ in range(3):
        await step(register)
        left.append(len(await sender.found() & {(each, "unregistered") for each in hosts}))
    assert left == [3, 1, 0]
    await sender.looked()
    assert [kind for _, kind in await sender.found()] == ["unregistered"], "and of the list nothing is missed"


async def test_a_step_that_is_bounded_by_findings_looks_at_all_kinds_of_their_last_name(
    register: Register, monkeypatch: pytest.MonkeyPatch
) -> None:
    sender, sites = Sender(register), [await register.live() for _ in range(3)]
    both = [record(each["domains"][0], "198.18.0.99", number="京ICP备99999999号") for each in sites]
    await sender.hosts(*both)
    assert len(await sender.found()) == 6
    monkeypatch.setattr(reconciling, "AT_ONCE", 1)
    await sender.hosts(*(record(each["domains"][0]) for each in sites))
    assert await sender.found() == set()


async def test_a_provider_has_so_many_findings_at_most_and_is_told_that_more_may_differ(
    register: Register, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reconciling, "MOST", 3)
    sender, hosts = Sender(register), sorted(domain() for _ in range(5))
    await sender.hosts(*(record(each) for each in hosts))
    found = await sender.findings()
    assert sorted(each["host"] for each in found) == hosts[:3]
    text = "SELECT convert_from(document, 'UTF8') FROM notice WHERE about_id = $1"
    assert "the most there are" in await register.fetchval(text, UUID(found[0]["told_id"]))
    await sender.looked()
    assert len(await sender.findings()) == 3
    await sender.hosts(*(record(each) for each in hosts[2:]))
    await sender.looked()
    assert await sender.found() == {(each, "unregistered") for each in hosts[2:]}


async def test_an_operator_hears_of_what_stood_for_a_day_once_and_of_one_provider_seldom(register: Register) -> None:
    sender, code = Sender(register), uscc(720_000_001)
    site = await register.live(code)
    wrong, right = record(site["domains"][0], "198.18.0.99"), record(site["domains"][0])
    await sender.hosts(wrong)
    register.clock.advance(timedelta(hours=20))
    await sender.hosts(wrong)
    await sender.looked()
    assert await register.fetchval(OPERATORS, code) == 1, "it stood for a day"
    (finding,) = await sender.findings()
    assert await register.notices(finding["id"]) == [("hosted_otherwise", code)]
    for _ in range(8):  # found anew, and standing for a day, each time
        await sender.hosts(right)
        await sender.hosts(wrong)
        await sender.looked()
        register.clock.advance(timedelta(days=1))
        await sender.looked()
    assert await register.fetchval(OPERATORS, code) == 1
    register.clock.advance(timedelta(days=30))
    await sender.hosts(wrong)
    await sender.looked()
    assert await register.fetchval(OPERATORS, code) == 2, "it is so still"


async def test_no_operator_hears_of_what_a_provider_listed_for_less_than_a_day(register: Register) -> None:
    sender, code = Sender(register), uscc(720_000_002)
    site = await register.live(code)
    for _ in range(3):
        await sender.hosts(record(site["domains"][0], "198.18.0.99"))
        register.clock.advance(timedelta(hours=23))
        await sender.hosts(record(site["domains"][0], "198.18.0.99"))
        await sender.hosts(record(site["domains"][0]))
        register.clock.advance(timedelta(days=1))
    assert await register.fetchval(OPERATORS, code) == 0


async def test_an_operator_hears_of_several_names_of_a_site_in_one_notice(register: Register) -> None:
    sender, code = Sender(register), uscc(720_000_003)
    site = await register.live(code)
    host = site["domains"][0]
    await sender.hosts(record(host, "198.18.0.99", number="京ICP备99999999号"), record(f"www.{host}", "198.18.0.98"))
    await sender.looked()
    assert len(await sender.found()) == 3
    assert await register.fetchval(OPERATORS, code) == 1


async def test_a_provider_that_is_unlicensed_is_looked_at_as_before(register: Register) -> None:
    sender, host = Sender(register), domain()
    await register.hear(provider_recorded().model_copy(update={"status": "unlicensed", "version": 9}))
    await sender.hosts(record(host))
    assert await sender.found() == {(host, "unregistered")}
