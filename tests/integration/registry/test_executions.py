"""A decision is executed on the register by two people who had no part in it, and undone exactly (P3.2.3, §4)."""

import asyncio
from typing import Any

import pytest

from registry.service import previews
from shared.contracts.registry import (
    ExecutionCarriedOutV1,
    ExecutionDeclinedV1,
    ExecutionReceivedV1,
    ExecutionUndoneV1,
    SiteRecordedV1,
)
from tests.integration.registry.conftest import GRANT, OTHER_PROVIDER, STATEMENT, Register, a_site, access, domain, uscc


async def test_p3_2_3_a_decision_is_carried_out_by_two_people_and_every_host_is_told(register: Register) -> None:
    site = await register.live()
    decision = await register.decided(site)
    received = (await register.told(ExecutionReceivedV1))[-1]
    assert received.decision_id == decision.decision_id
    assert received.regulator.id == "industry-110000"
    done = await register.carried_out(decision)
    assert done["status"] == "carried_out"
    fact = (await register.told(ExecutionCarriedOutV1))[-1]
    assert fact.site.hosts == tuple(site["domains"])
    assert fact.grounds == decision.grounds, "the same grounds, never copied field by field"
    recorded = (await register.told(SiteRecordedV1))[-1]
    assert (recorded.status, [access.status for access in recorded.accesses]) == ("revoked", ["stopped"])
    assert [burden.decision_id for burden in recorded.burdens] == [decision.decision_id]
    assert await register.history(done["id"]) == ["receive", "accept", "confirm"]


async def test_what_was_done_to_a_persons_site_names_the_person_so_that_others_leave_it_out(register: Register) -> None:
    document = {"kind": "resident_id", "number": "11010519491231002X"}
    body = {"kind": "person", "region": "110000", "document": document, "particulars": {"name": "王小明"}}
    operator = await register.post("/operators", body, "regulator-a", 201)
    asked = {"operator_id": operator["id"], "kind": "filing", "site": a_site(domain())}
    filing = await register.post("/registrations", asked, "regulator-a", 201)
    await register.post(f"/registrations/{filing['id']}/grant", GRANT, "regulator-b")
    site_id = (await register.told(SiteRecordedV1))[-1].site_id
    await register.carried_out(await register.decided(await register.get(f"/sites/{site_id}", "regulator-a")))
    assert (await register.told(ExecutionCarriedOutV1))[-1].person == "王小明"
    await register.carried_out(await register.decided(await register.live()))
    assert (await register.told(ExecutionCarriedOutV1))[-1].person is None


async def test_safeguard_7_an_overturned_decision_restores_exactly_number_and_all(register: Register) -> None:
    site = await register.live(
        accesses=[access("198.18.7.1", "dedicated"), access("198.18.7.2", provider=OTHER_PROVIDER)]
    )
    before = (await register.told(SiteRecordedV1))[-1]
    decision = await register.decided(site)
    await register.carried_out(decision)
    await register.overturned(decision)
    after = (await register.told(SiteRecordedV1))[-1]
    same = {"version", "changed_at"}
    assert after.model_dump(exclude=same) == before.model_dump(exclude=same)
    undone = (await register.told(ExecutionUndoneV1))[-1]
    assert (undone.because, undone.authority.id) == ("overturned", "review-110000")
    await register.overturned(decision)
    assert len(await register.told(ExecutionUndoneV1)) == 1, "told twice, undone once"


async def test_safeguard_2_nobody_signs_twice_and_nobody_on_both_sides(register: Register) -> None:
    site = await register.live()
    decision = await register.decided(site, signed_by=["regulator-a", "drugs-b"])
    execution = await register.execution(decision)
    body, path = await register.signed(execution), f"/executions/{execution['id']}"
    refused = await register.api.post(f"{path}/acceptance", json=body, who="regulator-a")
    assert (refused.status_code, refused.json()["code"]) == (409, "second_person_required")
    await register.post(f"{path}/acceptance", body, "regulator-b")
    for who in ("regulator-a", "regulator-b"):
        refused = await register.api.post(f"{path}/confirmation", json=body, who=who)
        assert (refused.status_code, refused.json()["code"]) == (409, "second_person_required"), who
    for who in ("drugs-a", "national-a", "shanghai-regulator-a", "applicant", "desk-a"):
        refused = await register.api.post(f"{path}/confirmation", json=body, who=who)
        assert refused.status_code == 403, who


async def test_an_operator_that_moves_between_decision_and_confirmation_is_hit_all_the_same(register: Register) -> None:
    site = await register.live()
    decision = await register.decided(site)
    refused = await register.api.post(
        f"/sites/{site['id']}/amendments", who="regulator-a", headers={"If-Match": f'"{site["version"]}"'},
        json={**a_site(domain()), "reasons": "The site moves to another name."},
    )  # fmt: skip
    assert (refused.status_code, refused.json()["code"]) == (409, "under_measure")
    refused = await register.api.post(
        f"/sites/{site['id']}/deregistration", json={"reasons": "We close this shop."}, who="applicant"
    )
    assert refused.status_code in {403, 409}
    await register.carried_out(decision)
    assert (await register.told(ExecutionCarriedOutV1))[-1].site.hosts == tuple(site["domains"])


async def test_safeguard_3_whoever_shares_the_address_is_named_by_whoever_signs(register: Register) -> None:
    neighbour = await register.live(accesses=[access("198.18.9.9")])
    site = await register.live(accesses=[access("198.18.9.9")])
    decision = await register.decided(site)
    execution = await register.execution(decision)
    assert [each["site_id"] for each in execution["preview"]["neighbours"]] == [neighbour["id"]]
    body: dict[str, Any] = await register.signed(execution)
    unnamed = {**body, "signature": {**body["signature"], "collateral": []}}
    refused = await register.api.post(f"/executions/{execution['id']}/acceptance", json=unnamed, who="regulator-a")
    assert (refused.status_code, refused.json()["code"]) == (409, "not_signed")
    await register.post(f"/executions/{execution['id']}/acceptance", body, "regulator-a")
    another = await register.live(accesses=[access("198.18.9.9")])
    refused = await register.api.post(f"/executions/{execution['id']}/confirmation", json=body, who="regulator-b")
    assert (refused.status_code, refused.json()["code"]) == (409, "not_signed"), "somebody moved in meanwhile"
    assert another["id"] in refused.json()["collateral"]


async def test_safeguard_3_what_a_preview_does_not_list_it_counts_and_whoever_signs_signs_the_number(
    register: Register, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(previews, "MOST_NEIGHBOURS", 1)
    site, _ = [await register.live(accesses=[access("198.18.9.8")]) for _ in range(2)]
    protected = f"a.{register.api.rt.rules.protected_suffixes[0]}"
    await register.active(a_site(protected, accesses=[access("198.18.9.8")]), uscc(777_777))
    decision = await register.decided(site)
    execution = await register.execution(decision)
    shown = execution["preview"]
    assert (len(shown["neighbours"]), shown["neighbours_total"], shown["protected"]) == (1, 2, [protected])
    body = await register.signed(execution)
    await register.live(accesses=[access("198.18.9.8")])
    refused = await register.api.post(f"/executions/{execution['id']}/acceptance", json=body, who="regulator-a")
    assert (refused.status_code, refused.json()["code"]) == (409, "not_signed"), "one more, not listed either"


async def test_p3_2_3_a_declined_decision_does_nothing_and_says_why(register: Register) -> None:
    site = await register.live()
    decision = await register.decided(site)
    execution = await register.execution(decision)
    declined = await register.post(f"/executions/{execution['id']}/decline", {"statement": STATEMENT}, "regulator-a")
    assert declined["status"] == "declined"
    told = (await register.told(ExecutionDeclinedV1))[-1]
    assert told.statement.reasons == STATEMENT["reasons"]
    assert (await register.get(f"/sites/{site['id']}", "regulator-a"))["status"] == "live"


async def test_of_eight_who_confirm_at_once_one_does(register: Register) -> None:
    site = await register.live()
    decision = await register.decided(site)
    execution = await register.execution(decision)
    body, path = await register.signed(execution), f"/executions/{execution['id']}"
    await register.post(f"{path}/acceptance", body, "regulator-a")
    answers = await asyncio.gather(
        *(register.api.post(f"{path}/confirmation", json=body, who="regulator-b") for _ in range(8))
    )
    assert sorted(answer.status_code for answer in answers) == [200] + [409] * 7
    assert len(await register.told(ExecutionCarriedOutV1)) == 1


async def test_p3_2_4_an_item_is_struck_only_when_no_live_consent_covers_it(register: Register) -> None:
    code, name = uscc(777), domain()
    await register.approve(code, "drugs_and_devices", name)
    granted = await register.active(a_site(name, service_items=["general", "drugs_and_devices"]), code)
    site = granted["sites"][0]
    decision = await register.decided(site, "end_item", service_item="drugs_and_devices")
    execution = await register.execution(decision)
    body, path = await register.signed(execution), f"/executions/{execution['id']}"
    await register.post(f"{path}/acceptance", body, "regulator-a")
    refused = await register.api.post(f"{path}/confirmation", json=body, who="regulator-b")
    assert (refused.status_code, refused.json()["code"]) == (409, "item_still_approved")
    async with register.api.rt.db.transaction() as tx:
        await tx.execute("UPDATE approval SET live = false WHERE identity = $1", code)
    await register.post(f"{path}/confirmation", body, "regulator-b")
    assert (await register.told(SiteRecordedV1))[-1].service_items == ("general",)
    await register.overturned(decision)
    assert (await register.told(SiteRecordedV1))[-1].service_items == ("drugs_and_devices", "general")


@pytest.mark.parametrize("first", ["cut_access", "revoke"])
async def test_of_two_measures_on_a_site_the_other_one_stays(register: Register, first: str) -> None:
    site = await register.live()
    one, other = await register.decided(site, first), await register.decided(site, "cut_access")
    await register.carried_out(one)
    await register.carried_out(other)
    await register.overturned(one)
    assert (await register.told(SiteRecordedV1))[-1].status == "stopped"
    await register.overturned(other)
    recorded = (await register.told(SiteRecordedV1))[-1]
    assert (recorded.status, recorded.accesses[0].status) == ("live", "live")
