"""Flow A of the domain: applying for prior approval (P3.1.1)."""

import asyncio
from dataclasses import replace
from datetime import date
from typing import Any

import pytest

from shared.runtime.acts import deadlines
from tests.integration.approval.desk import APPLICATION, FINDINGS, OPERATOR, Desk
from tests.support.people import at

STRANGER = {"identity": "91110000MA0THER011", "name": "Somebody else"}


async def test_an_application_starts_a_clock_of_twenty_working_days(desk: Desk) -> None:
    answer = await desk.apply(domain="Bücher.Example")
    assert answer.status_code == 201
    filed = answer.json()
    assert answer.headers["location"] == f"/approvals/{filed['id']}"
    assert answer.headers["etag"] == '"1"'
    assert (filed["status"], filed["live"], filed["overdue"]) == ("submitted", False, False)
    assert filed["operator"] == OPERATOR
    assert (filed["domain"], filed["domain_as_given"]) == ("xn--bcher-kva.example", "Bücher.Example")
    assert filed["allowed_actions"] == ["hand_in"], "the applicant can hand in files, and wait"
    # 2 November 2026 is a Monday; twenty working days later is Monday the 30th, until midnight in Beijing.
    assert at(filed["clock"]["due_at"]) == at("2026-11-30T15:59:59")
    assert (filed["clock"]["provisional"], filed["clock"]["source"]) == (False, "P3.1.3, ALL §42")
    assert await desk.trail(filed["id"]) == [("apply", None, "submitted", "applicant")]
    assert await desk.facts(filed["id"]) == []
    assert (await desk.read(filed["id"], who="drugs-a"))["allowed_actions"] == [
        "return", "transfer", "grant", "refuse", "find_not_required",
    ]  # fmt: skip


async def test_a_due_date_beyond_the_published_calendars_says_that_it_may_move(desk: Desk) -> None:
    await desk.travel("2026-12-28T01:00")
    approval_id = await desk.applied()
    assert (await desk.read(approval_id))["clock"]["provisional"] is True
    [listed] = (await desk.api.get("/approvals", who="drugs-a")).json()["items"]
    assert listed["clock"]["provisional"] is True


async def test_a_new_calendar_moves_the_due_date_wherever_it_is_shown(desk: Desk) -> None:
    approval_id, rt = await desk.applied(), desk.api.rt
    calendar = rt.rules.calendar
    newer = replace(calendar, version="cn-newer", digest="d" * 64, holidays=calendar.holidays | {date(2026, 11, 17)})
    async with rt.db.transaction() as tx:
        await deadlines.recompute(tx, replace(rt, rules=replace(rt.rules, calendar=newer)))
    moved = at("2026-12-01T15:59:59")  # a holiday more: Tuesday, not Monday
    assert at((await desk.read(approval_id))["clock"]["due_at"]) == moved
    [listed] = (await desk.api.get("/approvals", who="applicant")).json()["items"]
    assert at(listed["clock"]["due_at"]) == moved


async def test_a_service_item_without_authority_needs_no_approval(desk: Desk) -> None:
    answer = await desk.apply(service_item="general")
    assert (answer.status_code, answer.json()["code"]) == (409, "approval_not_needed")


@pytest.mark.parametrize(
    ("changes", "code", "field"),
    [
        ({"service_item": "astrology"}, "unknown_service_item", "service_item"),
        ({"region": "990000"}, "unknown_province", "region"),
        ({"region": "110101"}, "invalid", "region"),
        ({"operator": {"identity": "culture-bj", "name": "x"}}, "invalid", "operator.identity"),
        ({"operator": {"identity": "p:12", "name": "x"}}, "invalid", "operator.identity"),
        ({"operator": {**OPERATOR, "name": ""}}, "invalid", "operator.name"),
        ({"domain": "-bad-.example"}, "invalid", "domain"),
        ({"domain": ""}, "invalid", "domain"),
        ({"level": "county"}, "invalid", "level"),
        ({"scope_of_service": None}, "invalid", "scope_of_service"),
        ({"colour": "red"}, "invalid", "colour"),
    ],
)
async def test_what_cannot_be_right_is_refused_naming_the_field(
    desk: Desk, changes: dict[str, Any], code: str, field: str
) -> None:
    answer = await desk.apply(**changes)
    assert (answer.status_code, answer.json()["code"]) == (422, code)
    assert [each["field"] for each in answer.json()["fields"]] == [field]


@pytest.mark.parametrize("changes", [{"region": None}, {"level": "national"}])
async def test_an_authority_of_a_province_has_a_region_and_the_ministry_has_none(
    desk: Desk, changes: dict[str, Any]
) -> None:
    assert (await desk.apply(**changes)).status_code == 422


async def test_what_nobody_is_competent_for_is_not_taken(desk: Desk) -> None:
    directory = desk.api.rt.directory
    directory.load([each for each in directory if each.organisation_id != "drugs-310000"])
    nowhere = await desk.apply(region="310000")
    assert (nowhere.status_code, nowhere.json()["code"]) == (409, "authority_missing")
    assert (await desk.apply(level="national", region=None)).status_code == 201


@pytest.mark.parametrize(
    "email", ["nobody", "a@b@c.example", "a b@c.example", "a@b.example\nBcc: x@y.example", "ä@b.example"]
)
async def test_an_address_that_mail_cannot_reach_is_refused(desk: Desk, email: str) -> None:
    answer = await desk.apply(email=email)
    assert (answer.status_code, answer.json()["fields"][0]["field"]) == (422, "email")


async def test_nobody_applies_for_somebody_else(desk: Desk) -> None:
    foreign = await desk.apply(operator=STRANGER)
    assert (foreign.status_code, foreign.json()["code"]) == (403, "out_of_scope")
    nobody = await desk.apply(who=("applicant", {"organisation": None}))
    assert (nobody.status_code, nobody.json()["code"]) == (403, "out_of_scope")
    official = await desk.apply(who="drugs-a")
    assert (official.status_code, official.json()["code"]) == (403, "role_missing")
    refused = [(subject, code) for subject, _, code, _ in await desk.audited("refused")]
    assert refused == [("applicant", "out_of_scope"), ("applicant", "out_of_scope"), ("drugs-a", "role_missing")]


async def test_a_person_is_an_operator_by_the_hash_of_their_number(desk: Desk) -> None:
    identity = f"p:{'0a' * 32}"
    answer = await desk.apply(
        who=("applicant", {"organisation": identity}), operator={"identity": identity, "name": "张三"}
    )
    assert answer.status_code == 201
    assert answer.json()["operator"]["identity"] == identity


async def test_the_same_question_is_not_put_twice_while_it_is_open(desk: Desk) -> None:
    first = await desk.applied(domain="twice.example")
    again = await desk.apply(domain="TWICE.example.")
    assert (again.status_code, again.json()["code"]) == (409, "approval_pending")
    assert again.json()["approval_id"] == first
    await desk.done(first, "return")
    assert (await desk.apply(domain="twice.example")).status_code == 409, "a returned one is open"
    assert (await desk.apply(domain="twice.example", service_item="education")).status_code == 201
    await desk.done(first, "resubmission")
    await desk.done(first, "refusal")
    assert (await desk.apply(domain="twice.example")).status_code == 201, "after a refusal one may ask again"


async def test_of_eight_applications_at_once_one_is_filed(desk: Desk) -> None:
    answers = await asyncio.gather(*(desk.apply(domain="race.example") for _ in range(8)))
    assert sorted(answer.status_code for answer in answers) == [201] + [409] * 7
    [filed] = [answer.json()["id"] for answer in answers if answer.status_code == 201]
    assert {answer.json()["approval_id"] for answer in answers if answer.status_code == 409} == {filed}
    assert len(await desk.trail(filed)) == 1


async def test_the_same_post_sent_twice_files_one_application(desk: Desk) -> None:
    body = {**APPLICATION, "domain": "once.example"}
    first = await desk.api.post("/approvals", json=body, who="applicant", key="k-1")
    again = await desk.api.post("/approvals", json=body, who="applicant", key="k-1")
    assert again.json() == first.json()
    assert again.headers["idempotency-replayed"] == "true"
    assert len((await desk.api.get("/approvals", who="applicant")).json()["items"]) == 1


async def test_a_return_lists_everything_at_once_and_the_clock_stands_still(desk: Desk) -> None:
    approval_id = await desk.applied()
    await desk.travel("2026-11-09T01:00")
    returned = await desk.done(approval_id, "return")
    assert (returned["status"], returned["missing"]) == ("returned", FINDINGS)
    assert at(returned["clock"]["stopped_at"]) == desk.clock.now()
    assert (await desk.read(approval_id))["allowed_actions"] == ["hand_in", "resubmit"]
    assert await desk.travel("2027-02-01T01:00") == 0, "nothing runs out while it stands still"
    resubmitted = await desk.done(approval_id, "resubmission", scope_of_service="Less")
    assert (resubmitted["status"], resubmitted["overdue"], resubmitted["scope_of_service"]) == (
        "resubmitted", False, "Less",
    )  # fmt: skip
    assert resubmitted["answer"] == "Both certificates were handed in."
    assert resubmitted["clock"]["stopped_at"] is None
    assert at(resubmitted["clock"]["due_at"]) > at("2027-02-15T00:00")


async def test_there_is_no_second_return(desk: Desk) -> None:
    approval_id = await desk.applied()
    await desk.done(approval_id, "return")
    await desk.done(approval_id, "resubmission")
    again = await desk.do(approval_id, "return")
    assert (again.status_code, again.json()["code"]) == (409, "action_refused")
    assert "return" not in (await desk.read(approval_id, who="drugs-a"))["allowed_actions"]


async def test_without_a_token_nothing_is_said(desk: Desk) -> None:
    assert (await desk.api.get("/approvals")).status_code == 401
    assert (await desk.apply(who=None)).status_code == 401


async def test_an_unknown_approval_is_not_found(desk: Desk) -> None:
    unknown = "01940000-0000-7000-8000-0000000000ff"
    answer = await desk.api.get(f"/approvals/{unknown}", who="applicant")
    assert (answer.status_code, answer.json()["code"]) == (404, "unknown_approval")
    assert (await desk.do(unknown, "grant")).status_code == 404
    assert (await desk.api.get("/approvals/seven", who="applicant")).status_code == 422
