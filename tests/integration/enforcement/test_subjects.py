"""Found sites, operators and providers, from suspicion to end; and subjects that change meanwhile (model §4)."""

from datetime import timedelta
from typing import Any

import pytest

from shared.contracts.access import ProviderRecordedV1
from shared.contracts.enforcement import DecisionEndedV1, DecisionReleasedV1
from shared.contracts.registry import ExecutionCarriedOutV1
from shared.contracts.subjects import FoundSite, OperatorSubject, ProviderSubject
from tests.integration.enforcement.conftest import EASED, STATED, Office, site_recorded
from tests.support.people import OPERATOR_USCC

PROVIDER = ProviderRecordedV1.EXAMPLE["provider_id"]
HOST = ("host", {"organisation": PROVIDER, "roles": ["access_provider"]})
OTHER_HOST = ("host", {"organisation": "018f0000-0000-7000-8000-00000000dead", "roles": ["access_provider"]})
HOST_NAME = "wild.example"
FOUND: dict[str, Any] = {"about": {"kind": "found_site", "host": HOST_NAME, "provider_id": PROVIDER}}
ABOUT_PROVIDER: dict[str, Any] = {"about": {"kind": "provider", "provider_id": PROVIDER}, "service_item": None}


async def released(office: Office, about: dict[str, Any], effect: str, **changes: Any) -> dict[str, Any]:
    """Drafted by one, told, cured, released by another person of the industry regulator."""
    case = await office.case(who="regulator-a", **about)
    drafted = await office.draft(case, effect, who="regulator-a", **changes)
    body = await office.signature(drafted["id"], "regulator-b")
    path = f"/decisions/{drafted['id']}/release"
    assert await office.refused(path, body, "regulator-b") == (409, "notice_not_delivered")
    await office.cured(drafted)
    return await office.post(path, body, "regulator-b")


def until(office: Office, **distance: int) -> str:
    return (office.clock.now() + timedelta(**distance)).isoformat()


async def test_a_found_sites_host_is_told_first_and_reads_and_challenges_what_was_decided(office: Office) -> None:
    decided = await _found(office)
    assert await office.notices(HOST) == ["decision_intended", "decision_released"]
    fact = (await office.told(DecisionReleasedV1))[-1]
    assert (fact.subject, fact.operator, fact.site) == (
        FoundSite(host="wild.example", provider_id=PROVIDER), None, None,
    )  # fmt: skip
    assert fact.preview is not None
    assert fact.preview.hosts == ("wild.example",)
    assert (await office.get(f"/decisions/{decided['id']}", HOST))["effect"] == "suspend_access"
    assert (await office.api.get(f"/decisions/{decided['id']}", who=OTHER_HOST)).status_code == 403
    appealed = await office.appeal(decided, who=HOST)
    await office.post(f"/appeals/{appealed['id']}/decision", {"outcome": "upheld", **EASED}, "review-a")
    assert await office.status(decided) == "overturned"
    assert (await office.notices(HOST))[-1] == "appeal_decided"


async def _found(office: Office, host: str = HOST_NAME) -> dict[str, Any]:
    """A found site's access, suspended."""
    case = await office.case(who="regulator-a", about={**FOUND["about"], "host": host})
    drafted = await office.draft(case, "suspend_access", who="regulator-a", until=until(office, days=29))
    await office.opens(drafted, "decision_intended")
    office.clock.advance(timedelta(days=5))
    return await office.release(drafted, who="regulator-b")


async def test_a_found_site_is_cut_off_only_after_an_order_to_correct_that_its_host_was_told_of(office: Office) -> None:
    case = await office.case(who="regulator-a", **FOUND)
    order = await office.draft(case, "correct", who="regulator-a", correct_by=until(office, days=40))
    order = await office.release(order, who="regulator-b")
    await office.opens(order, "decision_released")
    office.clock.advance(timedelta(days=41))
    body = await office.ignored(order, "regulator-a")
    await office.post(f"/decisions/{order['id']}/correction", body, "regulator-b")
    cut = await office.draft(case, "cut_access", who="regulator-a")
    body = await office.signature(cut["id"], "regulator-b")
    assert await office.refused(f"/decisions/{cut['id']}/release", body, "regulator-b") == (409, "notice_not_delivered")
    await office.cured(cut)
    cut = await office.release(cut, who="regulator-b")
    await office.hear(office.says(ExecutionCarriedOutV1, cut, site=None))
    assert await office.status(cut) == "executed"


async def test_a_found_site_that_is_registered_by_then_is_not_treated_as_found(office: Office) -> None:
    case = await office.case(who="regulator-a", **FOUND)
    drafted = await office.draft(case, "suspend_access", who="regulator-a", until=until(office, days=29))
    body = await office.signature(drafted["id"], "regulator-b")
    await office.opens(drafted, "decision_intended")
    office.clock.advance(timedelta(days=5))
    await office.hear(site_recorded("wild.example"))
    assert await office.refused(f"/decisions/{drafted['id']}/release", body, "regulator-b") == (409, "subject_changed")
    again = {
        "service_item": None, "ground": "unlicensed_service", "alleged_breach": "Sells without consent.",
        "legal_basis": ["P3.2.1"], **FOUND,
    }  # fmt: skip
    assert await office.refused("/cases", again, "regulator-a") == (422, "invalid"), "it is in the register"


async def test_a_bar_is_about_an_operator_has_an_end_and_is_the_regulators(office: Office) -> None:
    site = site_recorded()
    await office.hear(site)
    about = {"about": {"kind": "operator", "domain": site.domains[0]}, "service_item": None}
    barred = await released(office, about, "bar", until=until(office, days=300))
    fact = (await office.told(DecisionReleasedV1))[-1]
    assert (fact.subject, fact.operator.identity) == (
        OperatorSubject(operator_id=site.operator.operator_id), OPERATOR_USCC,
    )  # fmt: skip
    assert (fact.until is not None, fact.site) == (True, None)
    await office.appeal(barred)


async def test_a_penalty_is_about_a_provider_who_is_told_and_can_challenge_it(office: Office) -> None:
    penalty = await released(office, ABOUT_PROVIDER, "penalty")
    fact = (await office.told(DecisionReleasedV1))[-1]
    assert (fact.subject, fact.operator) == (ProviderSubject(provider_id=PROVIDER), None)
    assert await office.notices(HOST) == ["decision_intended", "decision_released"]
    act = {"service": "enforcement", "kind": "decision", "id": penalty["id"]}
    body = {"act": act, "grounds": "It was done within its time."}
    assert await office.refused("/appeals", body, OTHER_HOST) == (404, "unknown_act")
    assert (await office.appeal(penalty, who=HOST))["appellant"]["identity"] == PROVIDER


@pytest.mark.parametrize(("about", "effects"), [
    (FOUND, {"correct", "suspend_access", "no_breach"}),
    (ABOUT_PROVIDER, {"correct", "penalty", "no_breach"}),
])  # fmt: skip
async def test_each_kind_of_subject_has_its_effects_and_no_others(
    office: Office, about: dict[str, Any], effects: set[str]
) -> None:
    case = await office.case(who="regulator-a", **about)
    sha256 = await office.file(case["id"], b"x", "regulator-a")
    for effect in office.api.rt.rules.effects:
        dates = {"until": until(office, days=20)} if effect in {"suspend_access", "bar"} else {}
        dates |= {"correct_by": until(office, days=20)} if effect == "correct" else {}
        body = {"effect": effect, "statement": STATED["statement"], "evidence_hashes": [sha256], **dates}
        answer = await office.api.post(f"/cases/{case['id']}/decisions", json=body, who="regulator-a")
        assert (answer.status_code == 201) is (effect in effects), (effect, answer.text)
        if answer.status_code == 201:
            withdrawal = {"reasons": "Only to see whether it can be."}
            await office.post(f"/decisions/{answer.json()['id']}/withdrawal", withdrawal, "regulator-a")


@pytest.mark.parametrize("change", ["ended", "lapsed", "sold"])
async def test_a_site_that_left_the_register_or_went_to_somebody_else_is_not_hit(office: Office, change: str) -> None:
    site = site_recorded()
    drafted = await office.draft(await office.case(site))
    await office.cured(drafted)
    body = await office.signature(drafted["id"])
    now: dict[str, Any] = site.model_dump(mode="json") | {"version": site.version + 1}
    now |= (
        {"status": change}
        if change != "sold"
        else {"operator": {**now["operator"], "identity": "91310000MA1FL0ABC1", "name": "Somebody Else"}}
    )
    await office.hear(type(site).model_validate(now))
    assert await office.refused(f"/decisions/{drafted['id']}/release", body, "drugs-b") == (409, "subject_changed")
    assert await office.told(DecisionReleasedV1) == []


async def test_what_was_decided_about_is_frozen_and_older_records_of_a_site_change_nothing(office: Office) -> None:
    site = site_recorded(version=5)
    decided = await office.released(site=site)
    moved = site.model_dump(mode="json") | {"domains": ["elsewhere.example"], "version": 6}
    await office.hear(type(site).model_validate(moved))
    await office.hear(site)
    await office.hear(type(site).model_validate(moved | {"version": 4, "domains": ["decoy.example"]}))
    assert (await office.get(f"/decisions/{decided['id']}", "drugs-a"))["site"]["hosts"] == list(site.domains)
    path = f"/cases/{decided['case_id']}"
    drafted = await office.draft(await office.get(path, "drugs-a"), "end_item")
    assert drafted["site"]["hosts"] == ["elsewhere.example"], "the newest version counts, whatever came last"


async def test_an_end_that_comes_before_anybody_carried_it_out_is_an_end(office: Office) -> None:
    decided = await _found(office)
    office.clock.advance(timedelta(days=30))
    await office.rings("decision_until", decided["id"])
    assert await office.status(decided) == "ended"
    assert (await office.told(DecisionEndedV1))[-1].because == "lapsed"
    await office.hear(office.says(ExecutionCarriedOutV1, decided, site=None))
    assert await office.status(decided) == "ended", "the register's word came too late, and it will undo"
    executed = await _found(office, "another.example")
    await office.executed(executed)
    await office.rings("decision_until", executed["id"])
    assert await office.status(executed) == "executed", "the register ends what it carried out"


async def test_whom_it_burdens_sees_no_neighbours_and_no_accounts(office: Office) -> None:
    site = site_recorded(ip="198.18.7.7")
    await office.hear(site_recorded("neighbour.example", ip="198.18.7.7"))
    decided = await office.released(site=site)
    assert "neighbour.example" in (await office.api.get(f"/decisions/{decided['id']}", who="drugs-a")).text
    text = (await office.api.get(f"/decisions/{decided['id']}", who="applicant")).text
    assert "neighbour.example" not in text
    case = (await office.api.get(f"/cases/{decided['case_id']}", who="drugs-c")).text
    for shown in (text, case):
        for account in ("drugs-a", "drugs-b", "Drugs A"):
            assert f'"{account}"' not in shown


async def test_nobody_reads_a_draft_whom_it_would_burden(office: Office) -> None:
    drafted = await office.draft(await office.case())
    assert (await office.api.get(f"/decisions/{drafted['id']}", who="applicant")).status_code == 403
    assert (await office.api.get(f"/decisions/{drafted['id']}", who="regulator-a")).status_code == 403


@pytest.mark.parametrize(("status", "answer"), [("live", 422), ("revoked", 422), ("lapsed", 201), ("ended", 201)])
async def test_what_is_served_under_a_name_that_left_the_register_is_a_found_site(
    office: Office, status: str, answer: int
) -> None:
    site = site_recorded(status=status)
    await office.hear(site)
    body = {
        "about": {**FOUND["about"], "host": site.domains[0]}, "service_item": "drugs_and_devices",
        "ground": "unlicensed_service", "alleged_breach": "Sells prescription medicines without consent.",
        "legal_basis": ["P3.2.1"],
    }  # fmt: skip
    await office.post("/cases", body, "regulator-a", answer)
