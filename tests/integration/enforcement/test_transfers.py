"""A case goes on at another competent authority; what was decided stays whose it is (ADR 13, point 10)."""

import asyncio
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest

from shared.contracts.access import ProviderRecordedV1
from shared.contracts.enforcement import DecisionEndedV1
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
