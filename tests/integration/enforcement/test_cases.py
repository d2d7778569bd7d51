"""Flow D, step 1: cases and their evidence."""

import hashlib
from pathlib import Path
from typing import Any

import pytest

from enforcement.store.files import LIMIT
from shared.runtime.base.ids import uuid7
from tests.integration.enforcement.office import Office, site
from tests.support.service import Who


def files(office: Office) -> list[Path]:
    folder: Path = office.api.rt.settings.evidence_path
    return [path for path in folder.rglob("*") if path.is_file()]


async def test_a_case_is_bound_to_the_site_of_the_register(office: Office) -> None:
    record = site("stage.example", "play.example")
    await office.know(record)
    answer = await office.open_case("WWW.Stage.Example")
    assert answer.status_code == 201
    case = answer.json()
    assert answer.headers["location"] == f"/cases/{case['id']}"
    assert (case["site_id"], case["registration_id"]) == (str(record.site_id), str(record.registration_id))
    assert (case["domain"], case["site_number"]) == ("www.stage.example", "京ICP备10046444号-1")
    assert (case["authority"], case["region"], case["level"]) == ("culture-110000", "110000", "province")
    assert (case["status"], case["evidence"], case["decisions"]) == ("open", [], [])
    ((fact, data),) = await office.facts(case["id"])
    assert fact == "case.opened.v1"
    assert (data["site_id"], data["service_item"], data["level"]) == (str(record.site_id), "culture", "province")
    assert await office.trail(case["id"]) == [("open", None, "open", "culture-a")]


async def test_a_case_of_the_ministry_has_its_level_and_the_site_s_region(office: Office) -> None:
    await office.know(site("far.example", region="310000"))
    ministry: Who = ("culture-a", {"organisation": "culture"})
    case = (await office.open_case("far.example", who=ministry)).json()
    assert (case["level"], case["region"], case["authority"]) == ("national", "310000", "culture")


async def test_an_unregistered_domain_has_no_case(office: Office) -> None:
    await office.know(site("stage.example"))
    for domain in ("unknown.example", "example", "xstage.example", "e.example"):
        answer = await office.open_case(domain)
        assert answer.status_code in (404, 422), domain
    assert (await office.open_case("unknown.example")).json()["code"] == "unknown_site"


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"domain": "no domain"}, "domain"),
        ({"service_item": "astrology"}, "service_item"),
        ({"legal_basis": []}, "legal_basis"),
        ({"alleged_breach": " "}, "alleged_breach"),
        ({"colour": "red"}, "colour"),
    ],
)
async def test_a_malformed_suspicion_names_the_field(office: Office, changes: dict[str, Any], field: str) -> None:
    await office.know(site("stage.example"))
    answer = await office.open_case(**{"domain": "stage.example", **changes})
    assert answer.status_code == 422
    assert [each["field"] for each in answer.json()["fields"]] == [field]


@pytest.mark.parametrize(
    ("who", "code"),
    [
        ("applicant", "role_missing"),
        ("regulator-a", "role_missing"),
        ("auditor", "role_missing"),
        (("culture-a", {"organisation": "education-110000"}), "out_of_scope"),
        (("culture-a", {"region": "310000"}), "out_of_scope"),
    ],
)
async def test_only_the_competent_authority_opens_files_and_drafts(office: Office, who: Who, code: str) -> None:
    case_id = await office.opened()
    for answer in (
        await office.open_case("stage.example", who=who),
        await office.file_evidence(case_id, who=who),
        await office.draft(case_id, who=who, evidence_hashes=["a" * 64]),
    ):
        assert (answer.status_code, answer.json()["code"]) == (403, code)
    assert [each[1] for each in await office.audited()] == [code] * 3


async def test_reading_and_listing_follow_the_desk(office: Office) -> None:
    here = await office.opened("stage.example")
    there = await office.opened("news.example")
    readers: tuple[Who, ...] = ("culture-b", "regulator-a", "national-a", "review-a", "auditor")
    for who in readers:
        answer = await office.api.get(f"/cases/{here}", who=who)
        assert (answer.status_code, answer.headers["etag"]) == (200, '"1"')
        listed = await office.api.get("/cases", who=who)
        assert [case["id"] for case in listed.json()["items"]] == [there, here]
    strangers: tuple[Who, ...] = (
        ("regulator-a", {"region": "310000"}),
        ("review-a", {"region": "310000"}),
        ("culture-a", {"organisation": "education-110000"}),
    )
    for who in strangers:
        assert (await office.api.get(f"/cases/{here}", who=who)).status_code == 403
        assert (await office.api.get("/cases", who=who)).json()["items"] == []
    for who in ("applicant", "desk-a"):
        assert (await office.api.get(f"/cases/{here}", who=who)).status_code == 403
        assert (await office.api.get("/cases", who=who)).status_code == 403
    only = (await office.api.get("/cases?domain=stage.example&status=open", who="culture-a")).json()
    assert [case["id"] for case in only["items"]] == [here]
    assert (await office.api.get("/cases?status=closed", who="culture-a")).json()["items"] == []
    page = (await office.api.get("/cases?limit=1", who="culture-a")).json()
    assert page["next"] == there


async def test_unknown_ids_are_not_found(office: Office) -> None:
    unknown = uuid7()
    for path in (f"/cases/{unknown}", f"/decisions/{unknown}", f"/appeals/{unknown}", f"/evidence/{'0' * 64}"):
        answer = await office.api.get(path, who="culture-a")
        assert (answer.status_code, answer.json()["code"]) == (404, f"unknown_{path.split('/')[1].removesuffix('s')}")
    assert (await office.draft(str(unknown), evidence_hashes=["a" * 64])).status_code == 404
    assert (await office.file_evidence(str(unknown))).status_code == 404
    assert (await office.release({"id": unknown, "impact": {"hash": "0" * 64}})).status_code == 404
    assert (await office.withdraw(str(unknown))).status_code == 404
    assert (await office.appeal(str(unknown))).status_code == 404
    assert (await office.decide(str(unknown))).status_code == 404
    assert (await office.api.get("/cases/seven", who="culture-a")).status_code == 422
    assert (await office.api.get("/evidence/ABC", who="culture-a")).status_code == 422


async def test_evidence_is_kept_by_its_hash_and_given_back_unchanged(office: Office) -> None:
    case_id, page = await office.opened(), bytes(range(256)) * 1000
    answer = await office.file_evidence(case_id, page, kind="Text/HTML; charset=utf-8")
    sha256 = hashlib.sha256(page).hexdigest()
    assert answer.status_code == 201
    assert answer.json() | {"stored_at": None} == {
        "sha256": sha256, "size": len(page), "media_type": "text/html", "stored_at": None
    }  # fmt: skip
    back = await office.api.get(f"/evidence/{sha256}", who="regulator-a")
    assert back.content == page
    assert back.headers["content-type"].startswith("text/html")
    assert back.headers["content-disposition"].startswith("attachment")
    assert back.headers["x-content-type-options"] == "nosniff"
    assert back.headers["content-security-policy"] == "sandbox"
    case = (await office.api.get(f"/cases/{case_id}", who="culture-a")).json()
    assert [(each["sha256"], each["added_by"]) for each in case["evidence"]] == [(sha256, "culture-a")]
    assert await office.audited("granted") == [("regulator-a", "read_evidence")]


async def test_the_same_evidence_filed_twice_is_one(office: Office) -> None:
    first, other = await office.opened("one.example"), await office.opened("two.example")
    answers = [await office.file_evidence(case_id, who=who) for case_id, who in
               ((first, "culture-a"), (first, "culture-b"), (other, "culture-a"))]  # fmt: skip
    assert [answer.status_code for answer in answers] == [201] * 3
    assert answers[0].json() == answers[1].json() == answers[2].json()
    case = (await office.api.get(f"/cases/{first}", who="culture-a")).json()
    assert [each["added_by"] for each in case["evidence"]] == ["culture-a"]
    assert [move[0] for move in await office.trail(first)] == ["open", "add_evidence"]
    assert len(files(office)) == 1


async def test_evidence_has_a_type_a_size_and_bytes(office: Office) -> None:
    case_id = await office.opened()
    for kind in (None, "", "text", "text/", "a b/c"):
        answer = await office.file_evidence(case_id, kind=kind)
        assert (answer.status_code, answer.json()["code"]) == (415, "media_type_missing")
    empty = await office.file_evidence(case_id, b"")
    assert (empty.status_code, empty.json()["code"]) == (422, "evidence_empty")
    full = await office.file_evidence(case_id, b"x" * LIMIT)
    assert (full.status_code, full.json()["size"]) == (201, LIMIT)
    over = await office.file_evidence(case_id, b"x" * (LIMIT + 1))
    assert (over.status_code, over.json()["code"], over.json()["limit"]) == (413, "evidence_too_large", LIMIT)
    far_over = await office.file_evidence(case_id, b"x" * (3 * LIMIT))
    assert (far_over.status_code, far_over.json()["code"]) == (413, "evidence_too_large")
    assert len(files(office)) == 1


async def test_evidence_is_not_for_strangers_and_not_given_out_damaged(office: Office) -> None:
    case_id = await office.opened()
    sha256 = (await office.file_evidence(case_id)).json()["sha256"]
    strangers: tuple[Who, ...] = ("applicant", "desk-a", ("culture-a", {"organisation": "education-110000"}))
    for who in strangers:
        assert (await office.api.get(f"/evidence/{sha256}", who=who)).status_code == 403
    for path in files(office):
        path.write_bytes(b"forged")
    answer = await office.api.get(f"/evidence/{sha256}", who="culture-a")
    assert (answer.status_code, answer.json()["code"]) == (500, "evidence_damaged")
    assert await office.audited("granted") == []
