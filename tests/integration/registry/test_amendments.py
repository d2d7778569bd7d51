"""What an operator changes: proposed, decided by the regulator, told with a new version (P3.1, last paragraph)."""

import asyncio
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest

from registry.service import amendments, sites
from shared.contracts.http.registry import Stated
from shared.contracts.registry import SiteRecordedV1
from tests.integration.registry.conftest import (
    GRANT,
    OTHER_PROVIDER,
    Register,
    a_site,
    access,
    domain,
    owner,
    uscc,
)
from tests.integration.runtime.world import until
from tests.support.crash import survives
from tests.support.people import OPERATOR_USCC, PEOPLE, person

REFUSAL: dict[str, Any] = {"statement": {"legal_basis": ["P3.1"], "reasons": "The new name misleads customers."}}
WHY = {"reasons": "We close this shop for good."}


async def _moved(register: Register, site: dict[str, Any], to: dict[str, Any]) -> dict[str, Any]:
    proposed = await register.propose(site, to)
    return await register.post(f"/amendments/{proposed['id']}/grant", GRANT, "regulator-a")


async def test_a_granted_change_holds_and_what_stays_is_the_same_access_as_before(register: Register) -> None:
    old, new = domain(), domain()
    granted = await register.active(a_site(old, accesses=[access("198.18.5.1")]), OPERATOR_USCC)
    site = granted["sites"][0]
    to = a_site(new, domains=[new, old], name="Better Pharmacy",
                accesses=[access("198.18.5.2", provider=OTHER_PROVIDER), access("198.18.5.1")])  # fmt: skip
    proposed = await register.propose(site, to, owner())
    assert proposed["holds"]["domains"] == [old]
    assert (await register.told(SiteRecordedV1))[-1].domains == (old,), "nothing holds before it is granted"
    await register.post(f"/amendments/{proposed['id']}/grant", GRANT, "regulator-a")
    told = (await register.told(SiteRecordedV1))[-1]
    assert (told.domains, told.name, told.version) == ((new, old), "Better Pharmacy", 3)
    assert told.accesses[1].access_id == UUID(site["accesses"][0]["id"])
    assert await register.notices(proposed["id"]) == [("amendment_granted", OPERATOR_USCC)]


async def test_the_past_stays_readable_and_shows_nobodys_address(register: Register) -> None:
    site = await register.live(OPERATOR_USCC)
    await register.post(f"/operators/{site['operator_id']}/address-for-service", {"email": "a@b.example"}, owner())
    register.clock.advance(timedelta(days=1))
    then = register.clock.now()
    register.clock.advance(timedelta(days=1))
    await _moved(register, site, a_site(domain()))
    path = f"/sites/{site['id']}/record?at="
    past = await register.get(path + then.strftime("%Y-%m-%dT%H:%M:%SZ"), "officer")
    assert past["record"]["domains"] == site["domains"]
    assert past["record"]["operator"]["address_for_service"]["email"] is None
    now = await register.get(path + register.clock.now().strftime("%Y-%m-%dT%H:%M:%SZ"), "officer")
    assert (now["record"]["version"], now["cause"]["kind"]) == (past["record"]["version"] + 1, "amendment")
    before = await register.api.get(path + "2020-01-01T00:00:00Z", who="officer")
    assert before.status_code == 404


async def test_a_change_of_something_that_changed_meanwhile_is_refused(register: Register) -> None:
    site = await register.live(OPERATOR_USCC, accesses=[access("198.18.5.1"), access("198.18.5.2")])
    body = {**a_site(domain()), "reasons": "The shop moves."}
    path = f"/sites/{site['id']}/amendments"
    await register.refused(path, body, owner(), 412, headers={"If-Match": '"1"'})
    proposed = await register.propose(site, a_site(domain()), owner())
    await register.post(f"/sites/{site['id']}/accesses/{site['accesses'][0]['id']}/end", WHY, owner())
    await register.refused(f"/amendments/{proposed['id']}/grant", GRANT, "regulator-a", 412)
    await register.post(f"/amendments/{proposed['id']}/refusal", REFUSAL, "regulator-a")


async def test_one_change_of_a_site_at_a_time_however_many_propose_at_once(register: Register) -> None:
    site = await register.live(OPERATOR_USCC)
    answers = await asyncio.gather(*(
        register.api.post(
            f"/sites/{site['id']}/amendments", json={**a_site(domain()), "reasons": "The shop moves."}, who=owner(),
            headers={"If-Match": f'"{site["version"]}"'},
        ) for _ in range(8)
    ))  # fmt: skip
    assert sorted(answer.status_code for answer in answers) == [201] + [409] * 7
    assert {answer.json()["code"] for answer in answers if answer.status_code == 409} == {"amendment_pending"}
    same = {name: site[name] for name in ("name", "domains", "service_items")}
    other = await register.live(uscc(1))
    same = {name: other[name] for name in ("name", "domains", "service_items")} | {"accesses": [access()]}
    assert (await register.propose(other, same, "regulator-a", 409))["code"] == "nothing_changes"


@pytest.mark.parametrize("how", ["refusal", "withdrawal"])
async def test_what_is_not_granted_leaves_nothing_behind(register: Register, how: str) -> None:
    site = await register.live(OPERATOR_USCC)
    new = domain()
    proposed = await register.propose(site, a_site(new), owner())
    body = {"operator_id": await register.operator(uscc(1)), "site": a_site(new)}
    await register.refused("/registrations", body, "regulator-a")
    who: Any = "regulator-a" if how == "refusal" else owner()
    await register.post(f"/amendments/{proposed['id']}/{how}", REFUSAL if how == "refusal" else WHY, who)
    await register.post("/registrations", body, "regulator-a", 201)
    assert (await register.get(f"/sites/{site['id']}", owner()))["version"] == site["version"]


async def test_a_refused_change_says_every_ground_that_the_rules_find(register: Register) -> None:
    site, new = await register.live(OPERATOR_USCC), domain()
    proposed = await register.propose(site, a_site(new), owner())
    register.clock.advance(timedelta(days=90))
    await register.active(a_site(new), uscc(1))
    refused = await register.post(f"/amendments/{proposed['id']}/refusal", REFUSAL, "regulator-a")
    assert refused["refusal"]["codes"] == ["domain_taken"]
    assert await register.notices(proposed["id"]) == [("amendment_refused", OPERATOR_USCC)]


async def test_a_change_whose_name_was_given_away_gets_it_back_when_it_is_free_again(register: Register) -> None:
    site, new = await register.live(OPERATOR_USCC), domain()
    proposed = await register.propose(site, a_site(new), owner())
    register.clock.advance(timedelta(days=90))
    other = (await register.active(a_site(new), uscc(1)))["sites"][0]
    await register.refused(f"/amendments/{proposed['id']}/grant", GRANT, "regulator-a")
    await register.post(f"/sites/{other['id']}/deregistration", WHY, owner(uscc(1)))
    await register.post(f"/amendments/{proposed['id']}/grant", GRANT, "regulator-a")
    assert (await register.get(f"/sites/{site['id']}", owner()))["domains"] == [new]


async def test_a_further_site_gets_the_next_ordinal_and_a_refused_one_ends(register: Register) -> None:
    first = await register.active(a_site(domain()), OPERATOR_USCC)
    path = f"/registrations/{first['id']}/sites"
    refused = await register.post(path, a_site(domain()), owner(), 201)
    await register.post(f"/amendments/{refused['id']}/refusal", REFUSAL, "regulator-a")
    added = await register.post(path, a_site(domain()), owner(), 201)
    await register.post(f"/amendments/{added['id']}/grant", GRANT, "regulator-a")
    numbers = [(site["number"], site["status"]) for site in
               (await register.get(f"/registrations/{first['id']}", owner()))["sites"]]  # fmt: skip
    assert numbers == [(f"京ICP备00000001号-{n}", status) for n, status in ((1, "live"), (2, "ended"), (3, "live"))]


async def test_a_number_without_a_site_ends_also_when_the_last_proposal_is_dropped(register: Register) -> None:
    first = await register.active(a_site(domain()), OPERATOR_USCC)
    added = await register.post(f"/registrations/{first['id']}/sites", a_site(domain()), owner(), 201)
    await register.post(f"/sites/{first['sites'][0]['id']}/deregistration", WHY, owner())
    assert (await register.get(f"/registrations/{first['id']}", owner()))["status"] == "active"
    await register.post(f"/amendments/{added['id']}/withdrawal", WHY, owner())
    assert (await register.get(f"/registrations/{first['id']}", owner()))["status"] == "ended"
    again = await register.active(a_site(domain()), OPERATOR_USCC)
    assert again["number"] == "京ICP备00000002号", "a number is never used again"


async def _transfer(register: Register, **changes: Any) -> tuple[dict[str, Any], dict[str, Any], dict[str, Any]]:
    site = await register.live(uscc(1), **changes)
    receiving = await register.active(a_site(domain()), uscc(2))
    proposed = await register.post(
        f"/sites/{site['id']}/transfer", {"registration_id": receiving["id"], "reasons": "The shop was sold."},
        owner(uscc(1)), 201, headers={"If-Match": f'"{site["version"]}"'},
    )  # fmt: skip
    return site, receiving, proposed


async def test_a_site_goes_to_another_operator_only_with_its_consent(register: Register) -> None:
    site, receiving, proposed = await _transfer(register, accesses=[access("198.18.6.1", "dedicated")])
    path = f"/amendments/{proposed['id']}"
    assert (await register.refused(f"{path}/grant", GRANT, "regulator-a"))["code"] == "consent_missing"
    for who in (owner(uscc(1)), owner(uscc(3)), "regulator-a", "national-a"):
        await register.refused(f"{path}/consent", {}, who, 403)
    assert [each["id"] for each in (await register.get("/amendments", owner(uscc(2))))["items"]] == [proposed["id"]]
    await register.post(f"{path}/consent", {}, owner(uscc(2)))
    assert (await register.refused(f"{path}/consent", {}, owner(uscc(2))))["code"] == "nothing_changes"
    await register.post(f"{path}/grant", GRANT, "regulator-a")
    told = (await register.told(SiteRecordedV1))[-1]
    assert (told.site_id, told.number) == (UUID(site["id"]), f"{receiving['number']}-2")
    assert told.operator.identity == uscc(2)
    assert told.former_numbers == (site["number"],)
    assert (await register.get(f"/registrations/{site['registration_id']}", owner(uscc(1))))["status"] == "ended"
    denied = await register.api.get(f"/sites/{site['id']}", who=owner(uscc(1)))
    assert denied.status_code == 403
    body = {"operator_id": await register.operator(uscc(1)),
            "site": a_site(domain(), accesses=[access("198.18.6.1")])}  # fmt: skip
    assert "address_taken" in (await register.refused("/registrations", body, "regulator-a"))["detail"]


async def test_a_dedicated_address_that_the_giver_still_uses_does_not_change_hands(register: Register) -> None:
    site, _, proposed = await _transfer(register, accesses=[access("198.18.6.2", "dedicated")])
    sibling = await register.post(
        f"/registrations/{site['registration_id']}/sites", a_site(domain(), accesses=[access("198.18.6.2")]),
        owner(uscc(1)), 201,
    )  # fmt: skip
    await register.post(f"/amendments/{sibling['id']}/grant", GRANT, "regulator-a")
    await register.post(f"/amendments/{proposed['id']}/consent", {}, owner(uscc(2)))
    refused = await register.refused(f"/amendments/{proposed['id']}/grant", GRANT, "regulator-a")
    assert [each["code"] for each in refused["grounds"]] == ["address_taken"]


async def test_a_site_stays_on_its_desk(register: Register) -> None:
    site = await register.live(uscc(1))
    shanghai = await register.operator(uscc(2), ("shanghai-regulator-a", {}), region="310000")
    submitted = await register.post(
        "/registrations", {"operator_id": shanghai, "site": a_site(domain())}, "shanghai-regulator-a", 201
    )
    await register.post(f"/registrations/{submitted['id']}/grant", GRANT, "shanghai-regulator-b")
    for registration, code in ((submitted["id"], "other_desk"), (site["registration_id"], "same_registration")):
        refused = await register.refused(
            f"/sites/{site['id']}/transfer", {"registration_id": registration, "reasons": "The shop was sold."},
            owner(uscc(1)), headers={"If-Match": f'"{site["version"]}"'},
        )  # fmt: skip
        assert refused["code"] == code


async def test_two_transfers_the_other_way_round_at_once_both_end(register: Register) -> None:
    shops, ids = [await register.active(a_site(domain()), uscc(n)) for n in (1, 2)], []
    for number, shop in enumerate(shops, 1):  # a site that stays, so that neither number ends
        added = await register.post(f"/registrations/{shop['id']}/sites", a_site(domain()), owner(uscc(number)), 201)
        await register.post(f"/amendments/{added['id']}/grant", GRANT, "regulator-a")
    for giver, receiver in ((0, 1), (1, 0)):
        site = shops[giver]["sites"][0]
        proposed = await register.post(
            f"/sites/{site['id']}/transfer",
            {"registration_id": shops[receiver]["id"], "reasons": "The shop was sold."},
            owner(uscc(giver + 1)), 201, headers={"If-Match": f'"{site["version"]}"'},
        )  # fmt: skip
        await register.post(f"/amendments/{proposed['id']}/consent", {}, owner(uscc(receiver + 1)))
        ids.append(proposed["id"])
    async with register.api.rt.db.transaction() as tx:  # meanwhile each gets as far as it can without its proposal
        await tx.execute("SELECT FROM amendment FOR UPDATE")
        grants = [
            asyncio.create_task(register.api.post(f"/amendments/{each}/grant", json=GRANT, who="regulator-a"))
            for each in ids
        ]

        async def both_wait() -> bool:
            waiting = await tx.fetchval("SELECT count(DISTINCT pid) FROM pg_locks WHERE NOT granted")
            return bool(waiting == len(grants))

        await until(both_wait, what="both grants to wait")
    answers = await asyncio.gather(*grants)
    assert [answer.status_code for answer in answers] == [200, 200], "nobody waited for the other for ever"


async def test_a_kill_after_any_statement_of_a_grant_leaves_nothing(register: Register) -> None:
    _, _, moving = await _transfer(register, accesses=[access("198.18.6.3", "dedicated")])
    await register.post(f"/amendments/{moving['id']}/consent", {}, owner(uscc(2)))
    other = await register.live(uscc(5), accesses=[access("198.18.6.4"), access("198.18.6.5")])
    changing = await register.propose(other, a_site(domain(), accesses=[access("198.18.6.5"), access("198.18.6.6")]))
    rt, who = register.api.rt, person("regulator-a")
    for amendment in (moving, changing):

        async def grant(amendment_id: str = amendment["id"]) -> None:
            async with rt.db.transaction() as tx:
                await amendments.grant(tx, rt, who, UUID(amendment_id), Stated.model_validate(GRANT))

        await survives(rt, grant)

    async def deregister() -> None:
        async with rt.db.transaction() as tx:
            await sites.deregister(
                tx, rt, person("applicant", organisation=uscc(5)), UUID(other["id"]), reasons="Closed."
            )

    await survives(rt, deregister)


async def test_a_site_is_given_up_by_its_operator_and_its_names_and_addresses_are_free(register: Register) -> None:
    site = await register.live(OPERATOR_USCC, accesses=[access("198.18.6.7", "dedicated")])
    proposed = await register.propose(site, a_site(domain()), owner())
    path = f"/sites/{site['id']}/deregistration"
    for who in set(PEOPLE) - {"applicant"}:
        await register.refused(path, WHY, who, 403)
    assert (await register.refused(path, WHY, owner()))["code"] == "amendment_pending"
    await register.post(f"/amendments/{proposed['id']}/withdrawal", WHY, owner())
    await register.post(path, WHY, owner())
    told = (await register.told(SiteRecordedV1))[-1]
    assert (told.status, told.domains) == ("ended", tuple(site["domains"]))
    await register.active(a_site(site["domains"][0], accesses=[access("198.18.6.7", "dedicated")]), uscc(1))
    assert (await register.refused(path, WHY, owner()))["code"] == "action_refused"


async def test_a_site_leaves_its_providers_one_by_one(register: Register) -> None:
    site = await register.live(OPERATOR_USCC, accesses=[access("198.18.6.8"), access("198.18.6.9")])
    first, second = (f"/sites/{site['id']}/accesses/{each['id']}/end" for each in site["accesses"])
    await register.post(first, WHY, owner())
    told = (await register.told(SiteRecordedV1))[-1]
    assert [list(each.ips) for each in told.accesses] == [["198.18.6.9"]]
    await register.refused(first, WHY, owner(), 404)
    assert (await register.post(second, WHY, owner()))["accesses"] == [], "its clock runs: test_shells"
    assert (await register.get(f"/sites/{site['id']}", "regulator-a"))["status"] == "live"


async def test_while_a_decision_is_open_or_a_measure_lies_on_it_nobody_edits_a_site(register: Register) -> None:
    site = await register.live(OPERATOR_USCC, accesses=[access("198.18.6.8"), access("198.18.6.9")])
    proposed = await register.propose(site, a_site(domain()), owner())
    decision = await register.decided(site, "suspend_access", until="2027-01-01T00:00:00Z")
    tries = [
        (f"/amendments/{proposed['id']}/grant", GRANT, "regulator-a"),
        (f"/sites/{site['id']}/deregistration", WHY, owner()),
        (f"/sites/{site['id']}/accesses/{site['accesses'][0]['id']}/end", WHY, owner()),
    ]
    for path, body, who in tries:
        assert (await register.refused(path, body, who))["code"] == "under_measure", path
    await register.carried_out(decision)
    for path, body, who in tries:
        assert (await register.refused(path, body, who))["code"] in {"not_live", "action_refused"}, path


async def test_once_an_item_is_struck_the_site_can_be_amended_and_undoing_gives_it_back(register: Register) -> None:
    code, name = uscc(8), domain()
    for item in ("drugs_and_devices", "healthcare"):
        await register.approve(code, item, name)
    granted = await register.active(a_site(name, service_items=["drugs_and_devices", "healthcare"]), code)
    site = granted["sites"][0]
    async with register.api.rt.db.transaction() as tx:
        await tx.execute("UPDATE approval SET live = false")
    strikes = [await register.decided(site, "end_item", service_item=item) for item in site["service_items"]]
    for decision in strikes:
        await register.carried_out(decision)
    assert (await register.told(SiteRecordedV1))[-1].service_items == ("general",)
    await _moved(register, site, a_site(name, name="Advice about medicines"))
    for decision, items in zip(strikes, (["healthcare"], ["healthcare", "drugs_and_devices"]), strict=True):
        await register.overturned(decision)
        told = (await register.told(SiteRecordedV1))[-1]
        assert set(told.service_items) == set(items), "each gives back its own item, in any order"
    assert told.name == "Advice about medicines"


async def test_an_item_that_was_struck_from_one_operator_is_not_given_to_the_next(register: Register) -> None:
    name = domain()
    await register.approve(uscc(1), "drugs_and_devices", name)
    granted = await register.active(a_site(name, service_items=["general", "drugs_and_devices"]), uscc(1))
    site = granted["sites"][0]
    async with register.api.rt.db.transaction() as tx:
        await tx.execute("UPDATE approval SET live = false")
    struck = await register.decided(site, "end_item", service_item="drugs_and_devices")
    await register.carried_out(struck)
    receiving = await register.active(a_site(domain()), uscc(2))
    version = (await register.get(f"/sites/{site['id']}", "regulator-a"))["version"]
    moving = await register.post(
        f"/sites/{site['id']}/transfer", {"registration_id": receiving["id"], "reasons": "The shop was sold."},
        owner(uscc(1)), 201, headers={"If-Match": f'"{version}"'},
    )  # fmt: skip
    await register.post(f"/amendments/{moving['id']}/consent", {}, owner(uscc(2)))
    await register.post(f"/amendments/{moving['id']}/grant", GRANT, "regulator-a")
    await register.overturned(struck)
    told = (await register.told(SiteRecordedV1))[-1]
    assert (told.operator.identity, told.service_items) == (uscc(2), ("general",)), "it never had a consent of its own"
