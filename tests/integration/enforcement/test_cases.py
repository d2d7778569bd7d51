"""Cases and the evidence in them: who reads them, what filing tells, and how they end (P3.2.1, model §4)."""

import asyncio
from datetime import timedelta
from typing import Any

import pytest

from shared.contracts.registry import ExecutionCarriedOutV1
from tests.integration.enforcement.conftest import STATED, STATEMENT, Office, site_recorded
from tests.support.people import OPERATOR_USCC


def in_place(region: str, level: str = "province") -> dict[str, Any]:
    registration = site_recorded().registration.model_dump(mode="json")
    return {"registration": {**registration, "region": region, "level": level}}


async def test_who_looked_at_whom_is_kept(office: Office) -> None:
    case = await office.case()
    await office.get("/cases", "drugs-c")
    detail = await office.fetchval("SELECT detail FROM audit WHERE subject = 'drugs-c' AND act = 'read_case'")
    assert detail == {"operators": [OPERATOR_USCC], "ids": [case["id"]]}


@pytest.mark.parametrize(("who", "changes", "expected"), [
    ("drugs-a", {"ground": "opinion"}, (422, "unknown_ground")),
    ("drugs-a", {"service_item": "news"}, (422, "unknown_item")),
    ("drugs-a", {"about": {"kind": "site", "domain": "nobody.example"}}, (404, "unknown_name")),
    ("drugs-a", {"about": {"kind": "site", "domain": "-"}}, (422, "invalid")),
    ("drugs-a", {"about": {"kind": "provider", "provider_id": "018f0000-0000-7000-8000-00000000dead"}},
     (404, "unknown_subject")),
    ("drugs-a", {"legal_basis": []}, (422, "invalid")),
    ("drugs-a", {"service_item": "culture"}, (403, "out_of_scope")),
    ("drugs-a", {"service_item": None}, (403, "out_of_scope")),
    ("shanghai-drugs-a", {}, (403, "out_of_scope")),
    ("drugs-national-a", {}, (403, "out_of_scope")),
    ("applicant", {}, (403, "role_missing")),
    ("review-a", {}, (403, "role_missing")),
])  # fmt: skip
async def test_what_is_no_suspicion_of_this_desk_opens_no_case(
    office: Office, who: str, changes: dict[str, Any], expected: tuple[int, str]
) -> None:
    site = site_recorded("pharmacy.example")
    await office.hear(site)
    body = {
        "about": {"kind": "site", "domain": "www.pharmacy.example"}, "service_item": "drugs_and_devices",
        "ground": "unlicensed_service", "alleged_breach": "Sells without consent.", "legal_basis": ["P3.2.1"],
    }  # fmt: skip
    assert await office.refused("/cases", body | changes, who) == expected
    opened = await office.post("/cases", body, "drugs-a", 201)
    assert opened["hosts"] == ["pharmacy.example"], "a name below finds the site"


async def test_filing_evidence_tells_nothing_of_other_cases(office: Office) -> None:
    mine, theirs = await office.case(), await office.case(site_recorded(**in_place("310000")), who="shanghai-drugs-a")
    path = "/cases/{}/evidence"
    first = await office.api.post(
        path.format(mine["id"]), content="处方".encode("gbk"), who="drugs-a",
        headers={"Content-Type": 'text/html; charset="gbk"'},
    )  # fmt: skip
    office.clock.advance(timedelta(hours=1))
    second = await office.api.post(
        path.format(theirs["id"]), content="处方".encode("gbk"), who="shanghai-drugs-a",
        headers={"Content-Type": "text/plain"},
    )  # fmt: skip
    assert first.status_code == second.status_code == 201
    assert (second.json()["media_type"], second.json()["sha256"]) == ("text/plain", first.json()["sha256"])
    assert second.json()["added_at"] != first.json()["added_at"]
    read = await office.api.get(f"/evidence/{first.json()['sha256']}", who="drugs-b")
    assert (read.headers["content-type"], read.content.decode("gbk")) == ('text/html; charset="gbk"', "处方")
    assert read.headers["content-security-policy"] == "sandbox"
    for who in ("applicant", "regulator-a", "review-a", "culture-a"):
        assert (await office.api.get(f"/evidence/{first.json()['sha256']}", who=who)).status_code in {403, 404}, who


@pytest.mark.parametrize("kind", ["", "text", "text/html; charset=a b", "text/html\t; boundary=x", "a" * 300 + "/b"])
async def test_evidence_says_what_it_is(office: Office, kind: str) -> None:
    case = await office.case()
    answer = await office.api.post(
        f"/cases/{case['id']}/evidence", content=b"x", who="drugs-a", headers={"Content-Type": kind}
    )
    assert answer.status_code == 415


async def test_the_same_evidence_filed_by_eight_at_once_lies_there_once(office: Office) -> None:
    case = await office.case()
    hashes = await asyncio.gather(*(office.file(case["id"], b"the same bytes") for _ in range(8)))
    assert len(set(hashes)) == 1
    shown = await office.get(f"/cases/{case['id']}", "drugs-a")
    assert [each["sha256"] for each in shown["evidence"]].count(hashes[0]) == 1


async def test_a_decision_rests_on_evidence_of_its_own_case(office: Office) -> None:
    case, other = await office.case(), await office.case()
    foreign = await office.file(other["id"], b"of the other case")
    body = {"effect": "revoke", "statement": STATEMENT, "evidence_hashes": [foreign]}
    assert await office.refused(f"/cases/{case['id']}/decisions", body, "drugs-a") == (422, "evidence_not_in_case")


async def test_a_case_with_a_decision_in_force_is_not_discontinued(office: Office) -> None:
    released = await office.released()
    path = f"/cases/{released['case_id']}/discontinuation"
    assert await office.refused(path, STATED, "drugs-a") == (409, "decision_in_force")
    await office.post(f"/decisions/{released['id']}/lift", STATED, "drugs-a")
    ended = await office.post(path, STATED, "drugs-a")
    assert (ended["status"], ended["outcome"]) == ("ended", "discontinued")
    assert [each["status"] for each in ended["decisions"]] == ["ended"]


async def test_discontinuing_withdraws_the_draft_and_tells_whom_it_was_about(office: Office) -> None:
    case = await office.case()
    drafted = await office.draft(case)
    ended = await office.post(f"/cases/{case['id']}/discontinuation", STATED, "drugs-c")
    assert [each["status"] for each in ended["decisions"]] == ["withdrawn"]
    assert await office.notices() == ["decision_intended", "decision_withdrawn"]
    assert (await office.refused(f"/cases/{case['id']}/discontinuation", STATED, "drugs-c"))[0] == 409
    for path, body in ((f"/decisions/{drafted['id']}/release", {"signature": {"preview_digest": "0" * 64}}),
                       (f"/cases/{case['id']}/decisions", {"effect": "revoke", "statement": STATEMENT,
                                                           "evidence_hashes": ["0" * 64]})):  # fmt: skip
        assert await office.refused(path, body, "drugs-b") == (409, "action_refused"), path


async def test_what_is_still_drafted_when_a_case_ends_can_never_be_released(office: Office) -> None:
    released = await office.released()
    drafted = await office.draft({"id": released["case_id"]}, "end_item")
    await office.cured(drafted)
    signed = await office.signature(drafted["id"])
    await office.hear(office.says(ExecutionCarriedOutV1, released))
    assert await office.status(drafted) == "withdrawn"
    assert await office.refused(f"/decisions/{drafted['id']}/release", signed, "drugs-b") == (409, "action_refused")


async def test_a_finding_of_no_breach_ends_the_case_and_is_told(office: Office) -> None:
    case = await office.case()
    released = await office.release(await office.draft(case, "no_breach"))
    assert (await office.get(f"/cases/{case['id']}", "drugs-a"))["outcome"] == "no_breach"
    assert await office.notices() == ["decision_released"]
    act = {"service": "enforcement", "kind": "decision", "id": released["id"]}
    assert await office.refused("/appeals", {"act": act, "grounds": "There is nothing."}, "applicant") == (
        409, "nothing_to_appeal",
    )  # fmt: skip
    assert (await office.get(f"/decisions/{released['id']}", "applicant"))["allowed_actions"] == []
