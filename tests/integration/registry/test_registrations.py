"""Filings and licences: asked for, granted under the next number, refused with every ground at once (P3.1.4-5)."""

import asyncio
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest

from registry.service import registrations
from shared.contracts.access import ProviderRecordedV1
from shared.contracts.http.registry import Granting, NewRegistration, Refusing
from shared.contracts.registry import SiteRecordedV1
from tests.integration.registry.conftest import (
    GRANT,
    OTHER_PROVIDER,
    PROVIDER,
    STATEMENT,
    Register,
    a_site,
    access,
    domain,
    owner,
    uscc,
)
from tests.support.crash import survives
from tests.support.people import OPERATOR_USCC, PEOPLE, person

REFUSAL: dict[str, Any] = {
    "statement": {"legal_basis": ["O33 section 12"], "reasons": "The papers do not show who runs the shop."},
    "codes": ["incomplete"],
}


async def test_p3_1_5_a_filing_is_submitted_granted_and_told(register: Register) -> None:
    submitted = await register.submitted(a_site("药店.example", service_items=["general"]))
    assert (submitted["status"], submitted["number"], submitted["sites"][0]["status"]) == (
        "submitted",
        None,
        "proposed",
    )
    assert submitted["clock"]["overdue"] is False
    granted = await register.post(f"/registrations/{submitted['id']}/grant", GRANT, "regulator-a")
    assert (granted["status"], granted["number"], granted["clock"]) == ("active", "京ICP备00000001号", None)
    (told,) = await register.told(SiteRecordedV1)
    assert (told.number, told.status, told.domains) == (
        "京ICP备00000001号-1",
        "live",
        tuple(granted["sites"][0]["domains"]),
    )
    assert await register.notices(granted["id"]) == [("granted", OPERATOR_USCC)]
    again = await register.refused(f"/registrations/{submitted['id']}/grant", GRANT, "regulator-a")
    assert again["code"] == "action_refused"


async def test_every_ground_is_told_at_once_with_its_code(register: Register) -> None:
    name = domain()
    await register.active(a_site(name, accesses=[access("198.18.3.3", "dedicated")]), uscc(1))
    site = a_site(
        name, domains=[domain(), name], service_items=["general", "drugs_and_devices", "healthcare"],
        accesses=[access("198.18.3.3"), access("198.18.3.4", provider=uuid4())],
    )  # fmt: skip
    body = {"operator_id": await register.operator(uscc(2)), "site": site}
    refused = await register.refused("/registrations", body, "regulator-a")
    assert [(each["code"], each["field"]) for each in refused["grounds"]] == [
        ("address_taken", "accesses.0.ips"), ("provider_unlicensed", "accesses.1.provider_id"),
        ("domain_taken", "domains.1"), ("approval_missing", "service_items.0"), ("approval_missing", "service_items.1"),
    ]  # fmt: skip
    assert await register.fetchval("SELECT count(*) FROM claim") == 1, "nothing was claimed"


@pytest.mark.parametrize(
    ("site", "field"),
    [
        (a_site("no name"), "site.domains.0"), (a_site("x.example", service_items=["news"]), "site.service_items.0"),
        (a_site("x.example", accesses=[access("127.0.0.1")]), "site.accesses.0.ips"),
    ],
)  # fmt: skip
async def test_what_cannot_be_is_named(register: Register, site: dict[str, Any], field: str) -> None:
    body = {"operator_id": await register.operator(), "site": site}
    refused = await register.refused("/registrations", body, "regulator-a", 422)
    assert [each["field"] for each in refused["fields"]] == [field]


async def test_a_consent_counts_for_its_operator_names_item_and_province(register: Register) -> None:
    code, name = uscc(3), domain()
    site = a_site(f"www.{name}", service_items=["drugs_and_devices"])
    body = {"operator_id": await register.operator(code), "site": site}

    async def missing() -> bool:
        answer = await register.api.post("/registrations", json=body, who="regulator-a")
        return bool(answer.status_code == 409)

    await register.approve(uscc(4), "drugs_and_devices", name)
    await register.approve(code, "healthcare", name)
    await register.approve(code, "drugs_and_devices", domain())
    await register.approve(code, "drugs_and_devices", name, region="310000")
    await register.approve(code, "drugs_and_devices", name, live=False)
    assert await missing()
    await register.approve(code, "drugs_and_devices", name)
    assert not await missing(), "the consent is for the domain above"


async def test_a_consent_of_the_ministry_counts_in_every_province(register: Register) -> None:
    code, name = uscc(3), domain()
    await register.approve(code, "drugs_and_devices", name, region=None, level="national")
    await register.submitted(a_site(name, service_items=["drugs_and_devices"]), code)


async def test_an_older_fact_about_an_approval_changes_nothing(register: Register) -> None:
    code, name = uscc(3), domain()
    record = await register.approve(code, "drugs_and_devices", name, version=5)
    await register.approve(code, "drugs_and_devices", name, version=4, approval_id=record.approval_id, live=False)
    assert await register.fetchval("SELECT live FROM approval WHERE approval_id = $1", record.approval_id)


async def test_a_provider_that_lost_its_licence_hosts_nobody_new(register: Register) -> None:
    await register.hear(ProviderRecordedV1.model_validate(
        {**ProviderRecordedV1.EXAMPLE, "provider_id": PROVIDER, "version": 9, "status": "unlicensed"}
    ))  # fmt: skip
    body = {"operator_id": await register.operator(), "site": a_site(domain())}
    assert "provider_unlicensed" in (await register.refused("/registrations", body, "regulator-a"))["detail"]


async def test_a_refusal_says_every_ground_and_the_way_to_challenge_it(register: Register) -> None:
    submitted = await register.submitted(a_site(domain()))
    await register.hear(ProviderRecordedV1.model_validate(
        {**ProviderRecordedV1.EXAMPLE, "provider_id": PROVIDER, "version": 9, "status": "unlicensed"}
    ))  # fmt: skip
    path = f"/registrations/{submitted['id']}/refusal"
    unknown = await register.refused(path, REFUSAL | {"codes": ["opinion"]}, "regulator-a", 422)
    assert unknown["fields"][0]["field"] == "codes"
    refused = await register.post(path, REFUSAL, "regulator-a")
    assert refused["refusal"]["codes"] == ["incomplete", "provider_unlicensed"]
    assert refused["refusal"]["grounds"]["redress"]["body"]["id"] == "review-110000"
    assert refused["refusal"]["grounds"]["authority"]["id"] == "industry-110000"
    assert (await register.get(f"/registrations/{submitted['id']}", owner()))["refusal"] == refused["refusal"]
    assert await register.notices(submitted["id"]) == [("refused", OPERATOR_USCC)]
    assert await register.told(SiteRecordedV1) == [], "it was never in the register"


async def test_what_a_refused_application_claimed_is_free_again(register: Register) -> None:
    site = a_site(domain(), accesses=[access("198.18.3.9", "dedicated")])
    submitted = await register.submitted(site, uscc(1))
    body = {"operator_id": await register.operator(uscc(2)), "site": site}
    assert "domain_taken" in (await register.refused("/registrations", body, "regulator-a"))["detail"]
    await register.post(f"/registrations/{submitted['id']}/refusal", REFUSAL, "regulator-a")
    await register.post("/registrations", body, "regulator-a", 201)


async def test_an_operator_has_one_filing_in_its_province_and_licences_beside_it(register: Register) -> None:
    first = await register.submitted(a_site(domain()))
    body = {"operator_id": await register.operator(), "site": a_site(domain())}
    refused = await register.refused("/registrations", body, "regulator-a")
    assert (refused["code"], refused["registration_id"]) == ("filing_exists", first["id"])
    await register.submitted(a_site(domain()), kind="licence")


@pytest.mark.parametrize(
    ("first", "last", "fits"),
    [
        ("2026-12-01", "2031-12-01", True), (None, "2031-12-01", False), ("2026-12-01", None, False),
        ("2026-12-01", "2026-12-01", False), ("2020-01-01", "2026-11-26", False), (None, None, False),
    ],
)  # fmt: skip
async def test_a_licence_says_from_when_until_when(
    register: Register, first: str | None, last: str | None, fits: bool
) -> None:
    submitted = await register.submitted(a_site(domain()), kind="licence")
    body = GRANT | {"valid_from": first, "valid_until": last}
    granted = await register.post(f"/registrations/{submitted['id']}/grant", body, "regulator-a", 200 if fits else 422)
    if fits:
        assert (granted["number"], granted["valid_until"]) == ("京ICP证000001号", last)
        told = (await register.told(SiteRecordedV1))[-1]
        assert str(told.registration.valid_until) == last


async def test_a_filing_has_no_end(register: Register) -> None:
    submitted = await register.submitted(a_site(domain()))
    body = GRANT | {"valid_from": "2026-12-01", "valid_until": "2031-12-01"}
    await register.refused(f"/registrations/{submitted['id']}/grant", body, "regulator-a", 422)


async def test_what_is_put_to_the_ministry_the_ministry_decides_and_what_to_a_province_that_province(
    register: Register,
) -> None:
    national = await register.submitted(a_site(domain()), kind="licence", level="national")
    body = GRANT | {"valid_from": "2026-12-01", "valid_until": "2031-12-01"}
    for who in ("regulator-a", "shanghai-regulator-a"):
        await register.refused(f"/registrations/{national['id']}/grant", body, who, 403)
    await register.post(f"/registrations/{national['id']}/grant", body, "national-a")
    provincial = await register.submitted(a_site(domain()))
    for who in (name for name in PEOPLE if not name.startswith("regulator-")):
        await register.refused(f"/registrations/{provincial['id']}/grant", GRANT, who, 403)
        await register.refused(f"/registrations/{provincial['id']}/refusal", REFUSAL, who, 403)


async def test_fifty_grants_at_once_draw_fifty_numbers_without_a_gap(register: Register) -> None:
    waiting = [(await register.submitted(a_site(domain()), uscc(1000 + n)))["id"] for n in range(50)]
    answers = await asyncio.gather(
        *(register.api.post(f"/registrations/{each}/grant", json=GRANT, who="regulator-a") for each in waiting)
    )
    granted = [answer.json()["number"] for answer in answers if answer.status_code == 200]
    late = [each for each, answer in zip(waiting, answers, strict=True) if answer.status_code != 200]
    assert all(answer.status_code in {200, 503} for answer in answers), "503: the pool was busy, ask again"
    granted += [(await register.post(f"/registrations/{each}/grant", GRANT, "regulator-a"))["number"] for each in late]
    assert sorted(granted) == [f"京ICP备{n:08d}号" for n in range(1, 51)]


async def test_a_kill_after_any_statement_leaves_nothing_and_no_gap(register: Register) -> None:
    rt, who, desk = register.api.rt, person("regulator-a"), person("regulator-b")
    operator_id = UUID(await register.operator(uscc(1)))
    site = a_site(domain(), accesses=[access("198.18.3.3", "dedicated"), access("198.18.3.4", provider=OTHER_PROVIDER)])

    async def submit() -> None:
        async with rt.db.transaction() as tx:
            body = NewRegistration.model_validate({"operator_id": operator_id, "site": site})
            await registrations.submit(tx, rt, who, body)

    await survives(rt, submit)
    first: UUID = await register.fetchval("SELECT id FROM registration")

    async def grant() -> None:
        async with rt.db.transaction() as tx:
            await registrations.grant(tx, rt, desk, first, Granting.model_validate(GRANT))

    await survives(rt, grant)
    second = UUID((await register.submitted(a_site(domain()), uscc(2)))["id"])

    async def refuse() -> None:
        async with rt.db.transaction() as tx:
            await registrations.refuse(tx, rt, who, second, Refusing.model_validate(REFUSAL))

    await survives(rt, refuse)
    assert (await register.active(a_site(domain()), uscc(3)))["number"] == "京ICP备00000002号"


async def test_a_late_application_shows_it_and_can_still_be_decided(register: Register) -> None:
    submitted = await register.submitted(a_site(domain()))
    await register.ring("registration_decision", submitted["id"])
    shown = await register.get(f"/registrations/{submitted['id']}", "regulator-a")
    assert shown["status"] == "submitted"
    assert await register.fetchval("SELECT overdue_at FROM registration") is not None
    await register.post(f"/registrations/{submitted['id']}/grant", GRANT, "regulator-a")


async def test_of_two_who_want_one_name_at_once_one_gets_it(register: Register) -> None:
    operators = [await register.operator(uscc(1 + n)) for n in range(12)]
    name = domain()
    answers = await asyncio.gather(*(
        register.api.post("/registrations", json={"operator_id": each, "site": a_site(name)}, who="regulator-a")
        for each in operators
    ))  # fmt: skip
    assert sorted(answer.status_code for answer in answers) == [201] + [409] * 11
    assert {answer.json().get("code") for answer in answers} == {None, "not_admitted"}


async def test_a_name_claimed_for_too_long_is_given_to_whoever_asks_and_the_first_is_told(register: Register) -> None:
    lost, kept = domain(), domain()
    first = await register.submitted(a_site(lost, domains=[lost, kept]), uscc(1))
    register.clock.advance(timedelta(days=90))
    second = await register.active(a_site(lost), uscc(2))
    assert second["sites"][0]["domains"] == [lost]
    path = f"/registrations/{first['id']}/grant"
    refused = await register.refused(path, GRANT, "regulator-a")
    assert [(each["code"], each["field"]) for each in refused["grounds"]] == [("domain_taken", "domains.0")]
    await register.post(
        f"/sites/{second['sites'][0]['id']}/deregistration", {"reasons": "We close this shop."}, owner(uscc(2))
    )
    granted = await register.post(path, GRANT, "regulator-a")
    assert granted["sites"][0]["domains"] == [lost, kept], "it is free again: the site gets all that was asked for"


async def test_an_address_claimed_for_too_long_is_given_to_whoever_asks(register: Register) -> None:
    site = {"accesses": [access("198.18.3.3", "dedicated")]}
    first = await register.submitted(a_site(domain(), **site), uscc(1))
    body = {"operator_id": await register.operator(uscc(2)), "site": a_site(domain(), **site)}
    await register.refused("/registrations", body, "regulator-a")
    register.clock.advance(timedelta(days=90))
    second = await register.post("/registrations", body, "regulator-a", 201)
    await register.post(f"/registrations/{second['id']}/grant", GRANT, "regulator-b")
    refused = await register.refused(f"/registrations/{first['id']}/grant", GRANT, "regulator-a")
    assert [each["code"] for each in refused["grounds"]] == ["address_taken"]


async def test_a_dedicated_address_raced_by_two_operators_goes_to_one_of_them(register: Register) -> None:
    for attempt in range(12):
        codes = [uscc(100 + 2 * attempt), uscc(101 + 2 * attempt)]
        ip = f"198.18.4.{attempt + 1}"
        bodies = [
            {"operator_id": await register.operator(code),
             "site": a_site(domain(), accesses=[access(ip, mode)])}
            for code, mode in zip(codes, ("dedicated", ("dedicated", "virtual_host")[attempt % 2]), strict=True)
        ]  # fmt: skip
        answers = await asyncio.gather(
            *(register.api.post("/registrations", json=body, who="regulator-a") for body in bodies)
        )
        assert sorted(answer.status_code for answer in answers) == [201, 409], attempt


async def test_statements_of_a_grant_are_its_own(register: Register) -> None:
    granted = await register.active(a_site(domain()))
    assert (await register.history(granted["id"])) == ["submit", "grant"]
    assert STATEMENT["reasons"] == await register.fetchval(
        "SELECT why FROM history WHERE aggregate_id = $1 AND action = 'grant'", UUID(granted["id"])
    )
