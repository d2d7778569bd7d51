"""Flow A of the domain: applying for prior approval."""

import asyncio
from dataclasses import replace
from datetime import date, timedelta
from typing import Any, Final
from uuid import UUID

import pytest

from approval import service
from shared.contracts.catalogue import FACTS
from shared.rules.identifiers import uscc_with_check_digit
from shared.runtime.acts import deadlines
from tests.integration.approval.desk import APPLICATION, Desk
from tests.support.people import at
from tests.support.service import Who

SOMEBODY_ELSE: Final = uscc_with_check_digit("91110000MA0THER01")


async def test_an_application_starts_a_clock_of_twenty_working_days(desk: Desk) -> None:
    answer = await desk.apply(domain="Bücher.Example")
    assert answer.status_code == 201
    application = answer.json()
    assert answer.headers["location"] == f"/applications/{application['id']}"
    assert answer.headers["etag"] == '"1"'
    assert application["status"] == "submitted"
    assert application["domain"] == "xn--bcher-kva.example"
    assert application["domain_as_given"] == "Bücher.Example"
    assert application["overdue"] is False
    assert application["allowed_actions"] == ["grant", "refuse", "find_not_required"]
    # 2 November 2026 is a Monday; twenty working days later is Monday the 30th, until midnight in Beijing.
    assert at(application["due_at"]) == at("2026-11-30T15:59:59")
    assert await desk.trail(application["id"]) == [("apply", None, "submitted", "applicant")]
    assert await desk.facts(application["id"]) == []


async def test_a_new_calendar_moves_the_due_date_wherever_it_is_shown(desk: Desk) -> None:
    application_id, rt = await desk.applied(), desk.api.rt
    async with asyncio.timeout(10):
        while not (await desk.api.get("/readyz")).json()["checks"]["ticks"]["last_tick"]:  # noqa: ASYNC110 -- it loads its calendar
            await asyncio.sleep(0.05)
    calendar = rt.rules.calendar
    newer = replace(calendar, version="cn-newer", digest="d" * 64, holidays=calendar.holidays | {date(2026, 11, 17)})
    desk.clock.advance(timedelta(minutes=1))
    async with rt.db.transaction() as tx:
        await deadlines.recompute(tx, replace(rt, rules=replace(rt.rules, calendar=newer)))
    moved = at("2026-12-01T15:59:59")  # a holiday more: Tuesday, not Monday
    assert at((await desk.read(application_id))["due_at"]) == moved
    [listed] = (await desk.api.get("/applications", who="applicant")).json()["items"]
    assert at(listed["due_at"]) == moved
    async with rt.db.transaction() as tx:
        await service.mark_overdue(rt, tx, UUID(application_id))
    async with rt.db.connection() as tx:
        why = await tx.fetchval("SELECT why FROM history WHERE aggregate_id = $1 ORDER BY id DESC", application_id)
    assert why.startswith("The authority had until 2026-12-01T15:59:59")


async def test_a_service_item_without_authority_needs_no_approval(desk: Desk) -> None:
    answer = await desk.apply(service_item="general")
    assert (answer.status_code, answer.json()["code"]) == (409, "approval_not_needed")


async def test_an_unknown_service_item_is_refused_by_name(desk: Desk) -> None:
    answer = await desk.apply(service_item="astrology")
    assert (answer.status_code, answer.json()["code"]) == (422, "unknown_service_item")
    assert answer.json()["fields"][0]["field"] == "service_item"


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"operator_uscc": "91110000MA01CNCRD7"}, "operator_uscc"),
        ({"domain": "-bad-.example"}, "domain"),
        ({"domain": ""}, "domain"),
        ({"region": "110101"}, "region"),
        ({"level": "county"}, "level"),
        ({"scope_of_service": None}, "scope_of_service"),
        ({"colour": "red"}, "colour"),
    ],
)
async def test_a_malformed_application_is_refused_naming_the_field(
    desk: Desk, changes: dict[str, Any], field: str
) -> None:
    answer = await desk.apply(**changes)
    assert (answer.status_code, answer.json()["code"]) == (422, "invalid")
    assert [each["field"] for each in answer.json()["fields"]] == [field]


async def test_the_same_question_is_not_put_twice_while_it_is_open(desk: Desk) -> None:
    first = await desk.applied(domain="twice.example")
    again = await desk.apply(domain="TWICE.example.")
    assert (again.status_code, again.json()["code"]) == (409, "application_pending")
    assert again.json()["application_id"] == first
    assert (await desk.apply(domain="twice.example", service_item="education")).status_code == 201
    assert (await desk.act(first, "refusal")).status_code == 200
    assert (await desk.apply(domain="twice.example")).status_code == 201, "after a refusal one may ask again"


async def test_nobody_applies_for_somebody_else(desk: Desk) -> None:
    foreign = await desk.apply(operator_uscc=SOMEBODY_ELSE)
    assert (foreign.status_code, foreign.json()["code"]) == (403, "out_of_scope")
    nobody = await desk.apply(who=("applicant", {"organisation": None}))
    assert (nobody.status_code, nobody.json()["code"]) == (403, "out_of_scope")
    official = await desk.apply(who="culture-a")
    assert (official.status_code, official.json()["code"]) == (403, "role_missing")
    assert await desk.refusals() == [
        ("applicant", "out_of_scope"),
        ("applicant", "out_of_scope"),
        ("culture-a", "role_missing"),
    ]


async def test_the_same_post_sent_twice_files_one_application(desk: Desk) -> None:
    body = {**APPLICATION, "domain": "once.example"}
    first = await desk.api.post("/applications", json=body, who="applicant", key="k-1")
    again = await desk.api.post("/applications", json=body, who="applicant", key="k-1")
    assert again.json() == first.json()
    assert again.headers["idempotency-replayed"] == "true"
    assert len((await desk.api.get("/applications", who="applicant")).json()["items"]) == 1


async def test_without_a_token_nothing_is_said(desk: Desk) -> None:
    assert (await desk.api.get("/applications")).status_code == 401
    assert (await desk.apply(who=None)).status_code == 401


async def test_reading_is_for_the_operator_and_its_authority(desk: Desk) -> None:
    application_id = await desk.applied()
    for who in ("applicant", "culture-a"):
        answer = await desk.api.get(f"/applications/{application_id}", who=who)
        assert (answer.status_code, answer.headers["etag"]) == (200, '"1"')
    strangers: tuple[tuple[Who, str], ...] = (
        (("applicant", {"organisation": "91110000MA0000000H"}), "out_of_scope"),
        (("culture-a", {"organisation": "education-110000"}), "out_of_scope"),
        (("culture-a", {"region": "310000"}), "out_of_scope"),
        ("desk-a", "role_missing"),
    )
    for stranger, code in strangers:
        answer = await desk.api.get(f"/applications/{application_id}", who=stranger)
        assert (answer.status_code, answer.json()["code"]) == (403, code)


async def test_an_unknown_application_is_not_found(desk: Desk) -> None:
    unknown = "01940000-0000-7000-8000-0000000000ff"
    answer = await desk.api.get(f"/applications/{unknown}", who="applicant")
    assert (answer.status_code, answer.json()["code"]) == (404, "unknown_application")
    for act in ("grant", "refusal", "not-required", "cancellation"):
        assert (await desk.act(unknown, act)).status_code == 404
    assert (await desk.api.get("/applications/seven", who="applicant")).status_code == 422


async def test_a_list_shows_each_desk_its_own(desk: Desk) -> None:
    culture = [await desk.applied() for _ in range(3)]
    education = await desk.applied(service_item="education")
    ministry = await desk.applied(level="national")
    await desk.act(culture[0], "refusal")

    async def seen(who: Who, query: str = "") -> list[str]:
        answer = await desk.api.get(f"/applications{query}", who=who)
        assert answer.status_code == 200, answer.text
        return [each["id"] for each in answer.json()["items"]]

    assert await seen("applicant") == [ministry, education, *reversed(culture)]
    assert await seen("culture-a") == [culture[2], culture[1], culture[0]]
    assert await seen("culture-a", "?status=submitted") == [culture[2], culture[1]]
    assert await seen(("culture-a", {"organisation": "education-110000"})) == [education]
    assert await seen(("culture-a", {"region": None})) == [ministry, *reversed(culture)]
    assert await seen(("culture-a", {"region": "310000"})) == []
    assert await seen(("applicant", {"organisation": "91110000MA0000000H"})) == []
    assert (await desk.api.get("/applications", who="desk-a")).status_code == 403
    assert (await desk.api.get("/applications?limit=0", who="applicant")).status_code == 422


async def test_a_list_is_read_page_by_page(desk: Desk) -> None:
    filed = [await desk.applied() for _ in range(5)]
    seen, after = [], ""
    while True:
        page = (await desk.api.get(f"/applications?limit=2{after}", who="applicant")).json()
        seen += [each["id"] for each in page["items"]]
        if page["next"] is None:
            break
        after = f"&after={page['next']}"
    assert seen == filed[::-1]


def test_every_fact_of_this_service_has_a_verb_that_tells_it() -> None:
    told = {name for name in vars(service) if name.startswith("Approval") and name.endswith("V1")}
    assert told == {fact.__name__ for fact in FACTS.values() if fact.TOPIC.producer == "approval"}
