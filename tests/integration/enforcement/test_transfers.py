"""A case goes on at another competent authority; what was decided stays whose it is (ADR 13, point 10)."""

import asyncio
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest

from shared.contracts.access import ProviderRecordedV1
from shared.contracts.enforcement import DecisionEndedV1
from shared.contracts.registry import SiteRecordedV1
from tests.integration.enforcement.complaining import case_about, graded, stands
from tests.integration.enforcement.conftest import EASED, STATED, Office, site_recorded
from tests.integration.enforcement.test_claims import ahead, task, travel
from tests.support.people import OPERATOR_USCC

TO_INDUSTRY = {"to": "industry-110000", **STATED}


async def transferred(office: Office, case: dict[str, Any], who: Any = "drugs-a", **body: Any) -> dict[str, Any]:
    """The case as it ended; ``continues_as`` names the other."""
    return await office.post(f"/cases/{case['id']}/transfer", TO_INDUSTRY | body, who)


async def test_what_lies_in_a_case_and_is_to_be_done_goes_along_and_its_clocks_go_on(office: Office) -> None:
    case = await office.case()
    await office.post(f"/cases/{case['id']}/claim", {}, "drugs-a")
    added = await task(office, case, assignee="drugs-a")
    office.clock.advance(timedelta(days=1))
    ended = await transferred(office, case)
    assert (ended["status"], ended["outcome"], ended["authority"]["id"]) == ("ended", "transferred", "drugs-110000")
    new = await office.get(f"/cases/{ended['continues_as']}", "regulator-a")
    assert (new["status"], new["authority"]["id"], new["came_from"]) == ("open", "industry-110000", case["id"])
    assert (new["opened_at"], new["claimed_by"], new["decisions"]) == (case["opened_at"], None, [])
    assert [each["sha256"] for each in new["evidence"]] == [each["sha256"] for each in ended["evidence"]]
    handed = await office.get(f"/tasks/{added['id']}", "regulator-a")
    assert (handed["case_id"], handed["due_at"], handed["assignee"]) == (new["id"], added["due_at"], None)
    assert (await office.api.get(f"/tasks/{added['id']}", who="drugs-a")).status_code == 403
    assert await travel(office, days=2, seconds=1) == 1
    assert (await office.get(f"/tasks/{added['id']}", "regulator-a"))["overdue"]
    assert (await office.api.get(f"/cases/{case['id']}", who="regulator-a")).status_code == 403, "it has its own"
    assert await office.notices() == [], "it was told of nothing, and is not now"
    assert "case_received" in await office.notices("regulator-a")
    draft = {"effect": "correct", "correct_by": ahead(office, days=9), "who": "regulator-a"}
    assert (await office.draft(new, **draft))["status"] == "drafted", "and whoever has it decides"


async def test_a_draft_is_withdrawn_and_whom_it_was_about_is_told_whereto_the_case_went(office: Office) -> None:
    case = await office.case()
    drafted = await office.draft(case)
    await transferred(office, case)
    assert await office.status(drafted) == "withdrawn"
    assert await office.notices() == ["decision_intended", "decision_withdrawn", "case_transferred"]
    assert await office.fetchval("SELECT count(*) FROM notice WHERE kind = 'case_transferred'") == 1


async def test_what_is_in_force_stays_whose_it_is_with_its_clock_and_its_appeal(office: Office) -> None:
    case = await office.case()
    order = await office.release(await office.draft(case, "correct", correct_by=ahead(office, days=9)))
    await office.opens(order, "decision_released")
    ended = await transferred(office, case)
    appeal = await office.appeal(order)
    assert (appeal["authority"]["id"], appeal["body"]["id"]) == ("drugs-110000", "review-110000")
    assert await office.refused(f"/decisions/{order['id']}/lift", STATED, "regulator-a") == (403, "out_of_scope")
    assert await travel(office, days=9, seconds=1) == 1, "its date asks all the same"
    (asked,) = (await office.get("/tasks?status=open", "drugs-a"))["items"]
    assert (asked["decision_id"], asked["case_id"]) == (order["id"], case["id"])
    await office.post(f"/decisions/{order['id']}/lift", STATED, "drugs-b")
    (told,) = await office.told(DecisionEndedV1)
    assert (told.authority.id, str(told.case_id)) == ("drugs-110000", case["id"])
    assert (await office.get(f"/cases/{ended['continues_as']}", "regulator-a"))["status"] == "open"


async def test_what_rested_on_an_order_before_the_transfer_falls_with_it(office: Office) -> None:
    case = await office.case()
    order = await office.release(await office.draft(case, "correct", correct_by=ahead(office, days=9)))
    await office.opens(order, "decision_released")
    office.clock.advance(timedelta(days=10))
    await office.post(f"/decisions/{order['id']}/correction", await office.ignored(order), "drugs-b")
    new = {"id": (await transferred(office, case))["continues_as"]}
    cut = await office.draft(new, "cut_access", who="regulator-a")
    await office.cured(cut)
    await office.release(cut, "regulator-b")
    appeal = await office.appeal(order)
    await office.post(f"/appeals/{appeal['id']}/decision", {"outcome": "upheld", **EASED}, "review-a")
    assert (await office.status(order), await office.status(cut)) == ("overturned", "suspended")


@pytest.mark.parametrize(("body", "expected"), [
    ({"to": "nobody"}, (422, "not_competent")),
    ({"to": "review-110000"}, (422, "not_competent")),
    ({"to": "coordination-110000"}, (422, "not_competent")),
    ({"to": "culture-110000"}, (422, "not_competent")),
    ({"to": "drugs-310000"}, (422, "not_competent")),
    ({"to": "culture-110000", "service_item": "news"}, (422, "unknown_item")),
    ({"to": "drugs-110000"}, (409, "had_it_before")),
])  # fmt: skip
async def test_a_case_goes_to_a_competent_authority_alone(
    office: Office, body: dict[str, Any], expected: tuple[int, str]
) -> None:
    case = await office.case()
    path = f"/cases/{case['id']}/transfer"
    assert await office.refused(path, TO_INDUSTRY | body, "drugs-a") == expected
    assert (await office.get(f"/cases/{case['id']}", "drugs-a"))["status"] == "open"
    for who in ("regulator-a", "culture-a", "drugs-national-a", "shanghai-drugs-a", "auditor", "applicant"):
        assert (await office.refused(path, TO_INDUSTRY, who))[0] == 403, who


async def test_a_case_goes_to_whom_another_item_is_and_to_another_level(office: Office) -> None:
    case = await office.case()
    ended = await transferred(office, case, to="culture-110000", service_item="culture")
    new = await office.get(f"/cases/{ended['continues_as']}", "culture-a")
    assert new["service_item"] == "culture"
    up = await transferred(office, new, "culture-a", to="culture")
    raised = await office.get(f"/cases/{up['continues_as']}", ("culture-a", {"region": None}))
    assert (raised["authority"]["level"], raised["service_item"]) == ("national", "culture")


async def test_what_is_in_no_register_may_turn_out_to_be_another_provinces(office: Office) -> None:
    provider = ProviderRecordedV1.EXAMPLE["provider_id"]
    about: dict[str, Any] = {"about": {"kind": "found_site", "host": "found.example", "provider_id": provider}}
    case = await office.case(who="regulator-a", service_item="drugs_and_devices", **about)
    ended = await transferred(office, case, "regulator-a", to="drugs-310000")
    assert (await office.get(f"/cases/{ended['continues_as']}", "shanghai-drugs-a"))["hosts"] == ["found.example"]


async def test_a_site_that_moved_takes_its_case_to_the_province_where_it_is_now(office: Office) -> None:
    site = site_recorded()
    case = await office.case(site)
    moved = {**site.registration.model_dump(mode="json"), "region": "310000"}
    await office.hear(site.model_copy(update={"version": site.version + 1, "registration": type(
        site.registration).model_validate(moved)}))  # fmt: skip
    assert await office.refused(f"/cases/{case['id']}/transfer", TO_INDUSTRY, "drugs-a") == (422, "not_competent")
    ended = await transferred(office, case, to="drugs-310000")
    new = await office.get(f"/cases/{ended['continues_as']}", "shanghai-drugs-a")
    assert new["authority"]["region"] == "310000"
    assert (await office.draft(new, who="shanghai-drugs-a"))["status"] == "drafted"


async def test_what_was_complained_of_goes_along_and_ends_with_the_case_of_the_receiver(office: Office) -> None:
    site = site_recorded()
    matter = await graded(office, site)
    case = await office.post(f"/matters/{matter['id']}/case", case_about(site), "drugs-a", 201)
    ended = await transferred(office, case)
    assert (await stands(office, matter["receipt"]))["status"] == "in_hand", "nobody is told that it is over"
    shown = await office.get(f"/matters/{matter['id']}", "regulator-a")
    assert (shown["case_id"], shown["authority"]["id"]) == (ended["continues_as"], "industry-110000")
    await office.post(f"/cases/{ended['continues_as']}/discontinuation", STATED, "regulator-a")
    over = await stands(office, matter["receipt"])
    assert (over["status"], over["outcome"]) == ("over", "discontinued")


async def test_a_case_goes_on_so_often_as_the_profile_says_and_never_back(office: Office) -> None:
    case = await office.case()
    first = await transferred(office, case)
    second = {"id": first["continues_as"]}
    back = {"to": "drugs-110000", **STATED}
    assert await office.refused(f"/cases/{second['id']}/transfer", back, "regulator-a") == (409, "had_it_before")
    third = {"id": (await transferred(office, second, "regulator-a", to="industry"))["continues_as"]}
    for had in ("drugs-110000", "industry-110000"):
        refused = await office.refused(f"/cases/{third['id']}/transfer", {"to": had, **STATED}, "national-a")
        assert refused == (409, "had_it_before")
    refused = await office.refused(f"/cases/{third['id']}/transfer", {"to": "drugs", **STATED}, "national-a")
    assert refused == (409, "case_transferred_too_often")
    assert (await office.post(f"/cases/{third['id']}/discontinuation", STATED, "national-a"))["status"] == "ended"


async def test_a_case_is_transferred_ended_and_claimed_at_once_by_one(office: Office) -> None:
    case = await office.case()
    await office.post(f"/cases/{case['id']}/claim", {}, "drugs-a")
    drafted = await office.draft(case)
    await office.cured(drafted)
    signed = await office.signature(drafted["id"])
    asked = [
        (f"/cases/{case['id']}/transfer", TO_INDUSTRY, "drugs-a"),
        (f"/cases/{case['id']}/transfer", {"to": "industry", **STATED}, "drugs-c"),
        (f"/cases/{case['id']}/discontinuation", STATED, "drugs-a"),
        (f"/decisions/{drafted['id']}/release", signed, "drugs-b"),
        (f"/cases/{case['id']}/claim/release", {}, "drugs-a"),
    ]
    answers = await asyncio.gather(*(office.api.post(path, json=body, who=who) for path, body, who in asked))
    shown = await office.get(f"/cases/{case['id']}", "drugs-a")
    moved = [answer.status_code == 200 for answer in answers]
    assert {answer.status_code for answer in answers} <= {200, 409}
    assert sum(moved[:3]) == 1 or (moved[3] and not any(moved[:3])), [answer.text for answer in answers]
    assert await office.fetchval("SELECT count(*) FROM case_transfer") == sum(moved[:2])
    assert await office.fetchval("SELECT count(*) FROM enforcement_case") == 1 + sum(moved[:2])
    status = await office.status(drafted)
    assert status == ("released" if moved[3] else "withdrawn")
    assert shown["status"] == ("ended" if any(moved[:3]) else "open")


async def test_a_task_finished_while_its_case_is_transferred_is_finished_once(office: Office) -> None:
    case = await office.case()
    added = await task(office, case)
    done, ended = await asyncio.gather(
        office.api.post(f"/tasks/{added['id']}/completion", json={"reasons": "He sent it to us."}, who="drugs-a"),
        office.api.post(f"/cases/{case['id']}/transfer", json=TO_INDUSTRY, who="drugs-b"),
    )
    assert ended.status_code == 200
    assert done.status_code in {200, 403}
    row = await office.fetchval("SELECT status || ' ' || authority_id FROM case_task WHERE id = $1", UUID(added["id"]))
    assert row == ("done drugs-110000" if done.status_code == 200 else "open industry-110000")


async def test_parties_are_named_with_their_part(office: Office) -> None:
    released = await office.released()
    await office.appeal(released)
    shown = await office.get(f"/cases/{released['case_id']}", "drugs-a")
    parts = {(each["part"], each["identity"]) for each in shown["parties"]}
    provider = released["site"]["accesses"][0]["provider_id"]
    assert parts == {
        ("burdened", OPERATOR_USCC), ("authority", "drugs-110000"), ("host", provider),
        ("executes", "industry-110000"), ("reviews", "review-110000"),
    }  # fmt: skip


async def ordered(office: Office, site: SiteRecordedV1 | None = None) -> tuple[dict[str, Any], dict[str, Any]]:
    """A case with an order to correct that is in force."""
    case = await office.case(site)
    order = await office.release(await office.draft(case, "correct", correct_by=ahead(office, days=9)))
    await office.opens(order, "decision_released")
    return case, order


SHANGHAI_B: Any = ("shanghai-drugs-b", {"organisation": "drugs-310000", "roles": ["sector_regulator"]})
RECEIVERS: dict[str, tuple[Any, Any]] = {
    "industry-110000": ("regulator-a", "regulator-b"), "drugs-310000": ("shanghai-drugs-a", SHANGHAI_B),
    "drugs": ("drugs-national-a", ("drugs-national-b", {"organisation": "drugs", "roles": ["sector_regulator"]})),
}  # fmt: skip
"""Another authority of the place, one of another place, and one of another level; two of each."""


@pytest.fixture(params=RECEIVERS)
async def gone_on(request: pytest.FixtureRequest, office: Office) -> tuple[dict[str, Any], dict[str, Any], str]:
    """An order in force, the case as which its own went on, and to whom; the date to correct has passed."""
    site = site_recorded()
    case, order = await ordered(office, site)
    if request.param == "drugs-310000":
        moved = {**site.registration.model_dump(mode="json"), "region": "310000"}
        registration = type(site.registration).model_validate(moved)
        await office.hear(site.model_copy(update={"version": site.version + 1, "registration": registration}))
    new = {"id": (await transferred(office, case, to=request.param))["continues_as"]}
    assert await travel(office, days=9, seconds=1) == 1
    return order, new, request.param


async def test_p3_2_2_whoever_has_the_case_finds_an_order_ignored_and_goes_on_from_there(
    office: Office, gone_on: tuple[dict[str, Any], dict[str, Any], str]
) -> None:
    order, new, to = gone_on
    first, second = RECEIVERS[to]
    path = f"/decisions/{order['id']}/correction"
    seen = await office.get(f"/decisions/{order['id']}", second)
    assert {"confirm_ignored", "confirm_corrected"} <= set(seen["allowed_actions"]), "it reads what it is to judge"
    assert "lift" not in seen["allowed_actions"]
    before = {"obeyed": False, **STATED, "evidence_hashes": order["evidence_hashes"]}
    assert await office.refused(path, before, second) == (422, "nothing_since")
    withheld = await office.file(new["id"], b"Who told us.", first, "It names who told us.")
    said = {"obeyed": False, **STATED, "evidence_hashes": [withheld]}
    assert await office.refused(path, said, second) == (422, "evidence_all_withheld")
    sha256 = await office.file(new["id"], b"Still there.", first)
    said["evidence_hashes"] = [sha256]
    for who in ("culture-a", "shanghai-regulator-a", "review-a", "applicant"):
        assert (await office.refused(path, said, who))[0] == 403, who
    drafter = ("drugs-a", {"organisation": to, "roles": ["sector_regulator", "industry_regulator"]})
    assert await office.refused(path, said, drafter) == (409, "second_person_required"), "wherever they work by now"
    ignored = await office.post(path, said, second)
    assert (ignored["status"], ignored["ignored_evidence"]) == ("ignored", [sha256])
    assert (await office.get("/notices", "applicant"))["items"][0]["authority"]["id"] == to
    assert (await office.api.get(f"/evidence/{sha256}", who="applicant")).status_code == 200
    listed = (await office.get(f"/decisions/{order['id']}/evidence", "applicant"))["evidence"]
    assert sha256 in {each["sha256"] for each in listed}
    assert (await office.get("/tasks?status=open", "drugs-a"))["items"] == []
    if to == "industry-110000":
        assert (await office.draft(new, "cut_access", who=first))["status"] == "drafted"
        return
    asks = {"asks": "cut_access", "decision_id": order["id"], "documents": [sha256], **STATED}
    asked = await office.post(f"/cases/{new['id']}/regulator-requests", asks, first, 201)
    desk = {"drugs-310000": "shanghai-regulator-a", "drugs": "national-a"}[to]
    accepted = await office.post(f"/regulator-requests/{asked['id']}/acceptance", STATED, desk)
    assert (await office.draft({"id": accepted["leads_to"]}, "cut_access", who=desk))["status"] == "drafted"


async def test_p3_2_2_whose_order_it_is_finds_it_ignored_though_the_case_went_on(
    office: Office, gone_on: tuple[dict[str, Any], dict[str, Any], str]
) -> None:
    order, new, to = gone_on
    assert "add_evidence" in (await office.get(f"/cases/{order['case_id']}", "drugs-a"))["allowed_actions"]
    said = await office.ignored(order)
    elsewhere = {**said, "evidence_hashes": [await office.file(new["id"], b"Seen there.", RECEIVERS[to][0])]}
    path = f"/decisions/{order['id']}/correction"
    assert await office.refused(path, elsewhere, "drugs-b") == (422, "evidence_not_in_case"), "each what it has seen"
    assert await office.refused(path, said, "drugs-a") == (409, "second_person_required")
    assert (await office.post(path, said, "drugs-b"))["status"] == "ignored"
    filed = await office.api.post(
        f"/cases/{order['case_id']}/evidence", content=b"More.", who="drugs-a", headers={"Content-Type": "text/plain"}
    )
    assert (filed.status_code, filed.json()["code"]) == (409, "action_refused"), "nothing waits for it any more"
    if to == "industry-110000":
        assert (await office.draft(new, "cut_access", who="regulator-a"))["status"] == "drafted"


async def test_p3_2_2_whoever_has_the_case_says_that_an_order_was_obeyed(office: Office) -> None:
    case, order = await ordered(office)
    await transferred(office, case)
    ended = await office.post(f"/decisions/{order['id']}/correction", {"obeyed": True, **EASED}, "regulator-a")
    assert (ended["status"], ended["ended_because"]) == ("ended", "corrected")
    assert (await office.told(DecisionEndedV1))[-1].because == "corrected"


async def test_whoever_had_the_case_in_between_says_nothing_of_it_and_drafts_are_nobody_elses(office: Office) -> None:
    case, order = await ordered(office)
    between = {"id": (await transferred(office, case))["continues_as"]}
    await transferred(office, between, "regulator-a", to="industry")
    path = f"/decisions/{order['id']}/correction"
    assert await office.refused(path, {"obeyed": True, **EASED}, "regulator-a") == (403, "out_of_scope")
    assert (await office.api.get(f"/decisions/{order['id']}", who="regulator-b")).status_code == 403
    assert (await office.get(f"/decisions/{order['id']}", "national-a"))["id"] == order["id"]
    withdrawn = await office.draft(await office.case())
    await transferred(office, {"id": withdrawn["case_id"]})
    assert (await office.api.get(f"/decisions/{withdrawn['id']}", who="regulator-a")).status_code == 403


async def test_p3_2_2_an_order_in_a_case_that_was_executed_is_found_ignored_as_well(office: Office) -> None:
    case, order = await ordered(office)
    other = await office.draft(case, "end_item")
    await office.cured(other)
    await office.executed(await office.release(other))
    assert (await office.get(f"/cases/{case['id']}", "drugs-a"))["outcome"] == "executed"
    found = await office.post(f"/decisions/{order['id']}/correction", await office.ignored(order), "drugs-b")
    assert found["status"] == "ignored"


async def test_a_transfer_and_a_finding_at_once_are_one_after_the_other(office: Office) -> None:
    case, order = await ordered(office)
    new = {"id": (await transferred(office, case))["continues_as"]}
    await travel(office, days=9, seconds=1)
    sha256 = await office.file(new["id"], b"Still there.", "regulator-a")
    said = {"obeyed": False, **STATED, "evidence_hashes": [sha256]}
    found, went = await asyncio.gather(
        office.api.post(f"/decisions/{order['id']}/correction", json=said, who="regulator-b"),
        office.api.post(f"/cases/{new['id']}/transfer", json={"to": "industry", **STATED}, who="regulator-a"),
    )
    assert went.status_code == 200
    assert (found.status_code == 200) is (await office.status(order) == "ignored")
    assert found.status_code in {200, 403}
