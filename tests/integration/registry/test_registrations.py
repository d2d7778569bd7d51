"""Filings and licences: submitted, granted with a number, refused, amended."""

import asyncio
from typing import Any, TypeVar

import pytest

from registry.service import projections
from shared.contracts.approval import (
    ApprovalEndedV1,
    ApprovalFact,
    ApprovalGrantedV1,
    ApprovalLapsedV1,
    ApprovalReinstatedV1,
)
from shared.contracts.registry import RegistrationAmendedV1, RegistrationGrantedV1, SiteRecordedV1
from tests.integration.registry.conftest import BASIS, MEASURE, PROVIDER, Register, a_site, new_id
from tests.support.people import OPERATOR_USCC

F = TypeVar("F", bound=ApprovalFact)


def _serial(registration: dict[str, Any]) -> int:
    return int(registration["number"].removeprefix("京ICP备").removesuffix("号"))


async def test_a_filing_gets_the_next_number_of_its_province_without_gaps(register: Register) -> None:
    numbers = [(await register.active(a_site(f"n{n}.example")))["number"] for n in range(3)]
    serials = [_serial({"number": number}) for number in numbers]
    assert serials == [serials[0], serials[0] + 1, serials[0] + 2]


async def test_numbers_issued_at_once_are_all_different_and_have_no_gaps(register: Register) -> None:
    submitted = [await register.submitted(a_site(f"c{n}.example")) for n in range(8)]
    answers = await asyncio.gather(
        *(register.api.post(f"/registrations/{s['id']}/grant", json=BASIS, who="regulator-a") for s in submitted)
    )
    serials = sorted(_serial(answer.json()) for answer in answers)
    assert serials == list(range(serials[0], serials[0] + 8))


async def test_a_refused_grant_leaves_no_gap(register: Register) -> None:
    first = await register.active(a_site("one.example"))
    again = await register.api.post(f"/registrations/{first['id']}/grant", json=BASIS, who="regulator-a")
    assert again.status_code == 409
    assert again.json()["code"] == "action_refused"
    assert again.json()["allowed_actions"] == ["amend", "revoke"]
    second = await register.active(a_site("two.example"))
    assert _serial(second) == _serial(first) + 1


async def test_granting_tells_the_fact_and_the_record_of_every_site(register: Register) -> None:
    active = await register.active(a_site("a.example"), a_site("例子.test"))
    (granted,) = await register.told(RegistrationGrantedV1)
    records = await register.told(SiteRecordedV1)
    assert [site.number for site in granted.sites] == [f"{active['number']}-1", f"{active['number']}-2"]
    assert [record.site.domains for record in records] == [("a.example",), ("xn--fsqu00a.test",)]
    assert {record.registration_status for record in records} == {"active"}


async def test_a_regulated_item_needs_a_live_approval_for_operators_of_its_province(register: Register) -> None:
    site = a_site("pharmacy.example", service_items=["drugs_and_devices"])
    body = {"operator_id": await register.operator(), "kind": "filing", "sites": [site]}
    refused = await register.api.post("/registrations", json=body, who="applicant")
    assert (refused.status_code, refused.json()["code"]) == (409, "approval_missing")
    assert refused.json()["service_item"] == "drugs_and_devices"
    await register.hear(projections.keep_approval, _approval(ApprovalLapsedV1))
    await register.hear(projections.keep_approval, _approval(ApprovalGrantedV1, region="310000"))
    await register.hear(projections.keep_approval, _approval(ApprovalGrantedV1, domain="other.example"))
    assert (await register.api.post("/registrations", json=body, who="applicant")).status_code == 409
    await register.hear(projections.keep_approval, _approval(ApprovalGrantedV1))
    assert (await register.api.post("/registrations", json=body, who="applicant")).status_code == 201


async def test_a_national_approval_is_good_in_every_province(register: Register) -> None:
    await register.hear(projections.keep_approval, _approval(ApprovalGrantedV1, level="national", region=None))
    await register.submitted(a_site("pharmacy.example", service_items=["drugs_and_devices"]))


def _approval(fact: type[F], approval_id: str | None = None, **changes: Any) -> F:
    approval_id = approval_id or new_id()
    operator = {"identity": OPERATOR_USCC, "name": "Example Pharmacy Ltd"}
    record = {**fact.EXAMPLE["approval"], "approval_id": approval_id, "operator": operator, **changes}
    return fact.model_validate({**fact.EXAMPLE, "approval_id": approval_id, "approval": record})


async def test_an_ended_approval_strikes_the_item_off_the_site_and_an_older_fact_changes_nothing(
    register: Register,
) -> None:
    granted = _approval(ApprovalGrantedV1)
    await register.hear(projections.keep_approval, granted)
    active = await register.active(a_site("pharmacy.example", service_items=["drugs_and_devices", "general"]))
    ended = _approval(ApprovalEndedV1, str(granted.approval_id))
    await register.hear(projections.end_approval, ended)
    site = (await register.api.get(f"/sites/{active['sites'][0]['site_id']}", who="regulator-a")).json()
    assert site["service_items"] == ["general"]
    assert (await register.told(RegistrationAmendedV1))[-1].reasons == ended.grounds.reasons
    await register.hear(projections.keep_approval, granted)  # a replay must not bring it back
    assert await register.fetchval("SELECT live FROM approval") is False
    await register.hear(projections.keep_approval, _approval(ApprovalReinstatedV1, str(granted.approval_id)))
    assert await register.fetchval("SELECT live FROM approval") is True


async def test_ending_an_old_approval_strikes_nothing_that_a_newer_one_covers(register: Register) -> None:
    older, newer = _approval(ApprovalGrantedV1), _approval(ApprovalGrantedV1)
    for each in (older, newer):
        await register.hear(projections.keep_approval, each)
    active = await register.active(a_site("pharmacy.example", service_items=["drugs_and_devices"]))
    await register.hear(projections.end_approval, _approval(ApprovalEndedV1, str(older.approval_id)))
    assert await register.told(RegistrationAmendedV1) == []
    await register.hear(projections.end_approval, _approval(ApprovalEndedV1, str(newer.approval_id)))
    site = (await register.api.get(f"/sites/{active['sites'][0]['site_id']}", who="regulator-a")).json()
    assert site["service_items"] == ["general"]


async def test_what_is_late_and_older_than_what_is_known_strikes_nothing(register: Register) -> None:
    granted = _approval(ApprovalReinstatedV1, version=7)
    await register.hear(projections.keep_approval, granted)
    await register.active(a_site("pharmacy.example", service_items=["drugs_and_devices"]))
    await register.hear(projections.end_approval, _approval(ApprovalEndedV1, str(granted.approval_id), version=6))
    assert await register.told(RegistrationAmendedV1) == []


@pytest.mark.parametrize(
    ("change", "status", "code"),
    [
        ({"domains": ["not a domain"]}, 422, "invalid"),
        ({"service_items": ["gambling"]}, 422, "invalid"),
        ({"accesses": [{"provider_id": str(PROVIDER), "ips": ["198.18.0.999"]}]}, 422, "invalid"),
        (
            {"accesses": [{"provider_id": "01940000-0000-7000-8000-0000000000ff", "ips": ["198.18.0.1"]}]},
            409,
            "unknown_provider",
        ),
        ({"domains": []}, 422, "invalid"),
        ({"unknown_field": 1}, 422, "invalid"),
    ],
)
async def test_what_cannot_be_right_is_refused_and_named(
    register: Register, change: dict[str, Any], status: int, code: str
) -> None:
    body = {"operator_id": await register.operator(), "kind": "filing", "sites": [a_site("x.example", **change)]}
    answer = await register.api.post("/registrations", json=body, who="applicant")
    assert (answer.status_code, answer.json()["code"]) == (status, code)
    if status == 422:
        assert answer.json()["fields"][0]["field"].startswith(("sites.0", "body.sites.0"))
    assert await register.fetchval("SELECT count(*) FROM registration") == 0
    assert await register.fetchval("SELECT count(*) FROM site_domain") == 0


async def test_a_domain_belongs_to_one_site_until_its_registration_is_refused(register: Register) -> None:
    first = await register.submitted(a_site("taken.example"))
    body = {"operator_id": await register.operator(), "kind": "filing", "sites": [a_site("TAKEN.example.")]}
    second = await register.api.post("/registrations", json=body, who="applicant")
    assert (second.status_code, second.json()["code"], second.json()["domain"]) == (
        409,
        "domain_taken",
        "taken.example",
    )
    refusal = {**BASIS, "redress": MEASURE["redress"]}
    refused = await register.api.post(f"/registrations/{first['id']}/refusal", json=refusal, who="regulator-a")
    assert refused.json()["status"] == "refused"
    assert (await register.api.post("/registrations", json=body, who="applicant")).status_code == 201


async def test_an_address_of_a_dedicated_server_serves_one_operator(register: Register) -> None:
    dedicated = [{"provider_id": str(PROVIDER), "ips": ["198.18.9.9"], "hosting_mode": "dedicated"}]
    await register.active(a_site("own.example", accesses=dedicated))
    code = "91110000MA0000000H"
    other = {"name": "Other Ltd", "uscc": code, "kind": "company", "region": "110000"}
    somebody = ("applicant", {"organisation": code, "sub": "other"})
    operator = (await register.api.post("/operators", json=other, who=somebody)).json()["operator_id"]
    shared_host = [{"provider_id": str(PROVIDER), "ips": ["198.18.9.9"]}]
    body = {"operator_id": operator, "kind": "filing", "sites": [a_site("other.example", accesses=shared_host)]}
    answer = await register.api.post("/registrations", json=body, who=somebody)
    assert (answer.status_code, answer.json()["code"]) == (409, "address_taken")


async def test_amending_needs_the_version_that_was_read_and_keeps_the_number(register: Register) -> None:
    active = await register.active(a_site("old.example"))
    url = f"/sites/{active['sites'][0]['site_id']}"
    body = {**a_site("new.example", name="New"), "reasons": "The operator renamed the site."}
    assert (await register.api.put(url, json=body, who="regulator-a")).status_code == 428
    assert (await register.api.put(url, json=body, who="regulator-a", version=7)).status_code == 412
    amended = await register.api.put(url, json=body, who="applicant", version=1)
    assert (amended.status_code, amended.headers["ETag"]) == (200, '"2"')
    assert amended.json()["number"] == active["sites"][0]["number"]
    assert (await register.api.get("/sites?domain=old.example", who="regulator-a")).json() == []
    assert (await register.told(SiteRecordedV1))[-1].site.domains == ("new.example",)


@pytest.mark.parametrize(
    ("who", "code"),
    [
        ("culture-a", "role_missing"),
        ("applicant", "role_missing"),
        (("regulator-a", {"region": "310000"}), "out_of_scope"),
    ],
)
async def test_the_wrong_person_is_refused_and_the_refusal_is_audited(register: Register, who: Any, code: str) -> None:
    submitted = await register.submitted(a_site("x.example"))
    answer = await register.api.post(f"/registrations/{submitted['id']}/grant", json=BASIS, who=who)
    assert (answer.status_code, answer.json()["code"]) == (403, code)
    assert await register.fetchval("SELECT count(*) FROM audit WHERE outcome = 'refused' AND code = $1", code) == 1
    assert await register.fetchval("SELECT status FROM registration") == "submitted"


async def test_an_operator_sees_its_own_registrations_only(register: Register) -> None:
    submitted = await register.submitted(a_site("x.example"))
    stranger = ("applicant", {"organisation": "91110000MA0000000H", "sub": "stranger"})
    assert (await register.api.get(f"/registrations/{submitted['id']}", who=stranger)).status_code == 403
    assert (await register.api.get("/registrations", who=stranger)).json()["items"] == []
    assert len((await register.api.get("/registrations", who="applicant")).json()["items"]) == 1
    assert (await register.api.get(f"/registrations/{new_id()}", who="applicant")).json()[
        "code"
    ] == "unknown_registration"


async def test_an_operator_code_is_checked_and_unique(register: Register) -> None:
    body = {"name": "Example Ltd", "uscc": "91110000MA00000009", "kind": "company", "region": "110000"}
    wrong = await register.api.post("/operators", json=body, who="regulator-a")
    assert (wrong.status_code, wrong.json()["fields"][0]["field"]) == (422, "uscc")
    await register.operator()
    again = {**body, "uscc": OPERATOR_USCC}
    assert (await register.api.post("/operators", json=again, who="applicant")).json()["code"] == "operator_exists"
