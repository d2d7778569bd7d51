"""What other authorities hold of a case, side by side; what differs is settled by advice in writing (ADR 13)."""

import asyncio
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest

from tests.integration.enforcement.conftest import STATED, Office
from tests.integration.enforcement.test_claims import ahead, travel
from tests.support.crash import everything

HOLDS: dict[str, Any] = {"position": "no_breach", **STATED}
ADVICE: dict[str, Any] = {"position": "no_breach", **STATED}
WHY = {"reasons": "The operator withdrew the page."}


async def asked(office: Office, case: dict[str, Any], **changes: Any) -> dict[str, Any]:
    body = {
        "of": "culture-110000", "question": "Does your consent cover these sales?", "we_hold": "breach",
        "answer_by": ahead(office, days=5),
    } | changes  # fmt: skip
    return await office.post(f"/cases/{case['id']}/opinions", body, "drugs-a", 201)


async def test_an_authority_is_asked_with_a_date_and_answers_with_a_statement(office: Office) -> None:
    case = await office.case()
    opinion = await asked(office, case)
    assert (opinion["status"], opinion["asked"]["id"], opinion["position"]) == ("asked", "culture-110000", None)
    seen = await office.get(f"/opinions/{opinion['id']}", "culture-b")
    assert (seen["allowed_actions"], seen["hosts"]) == (["answer"], case["hosts"])
    for path in (f"/cases/{case['id']}", f"/cases/{case['id']}/timeline", f"/cases/{case['id']}/related"):
        assert (await office.api.get(path, who="culture-a")).status_code == 403, "the question, and nothing else"
    assert "opinion_asked" in await office.notices("culture-a")
    answered = await office.post(f"/opinions/{opinion['id']}/answer", HOLDS | {"position": "breach"}, "culture-a")
    assert (answered["status"], answered["position"], answered["conflicts"]) == ("answered", "breach", False)
    assert await office.refused(f"/opinions/{opinion['id']}/answer", HOLDS, "culture-b") == (409, "action_refused")
    withdrawal = await office.refused(f"/opinions/{opinion['id']}/withdrawal", WHY, "drugs-a")
    assert withdrawal == (409, "action_refused")
    assert "opinion_answered" in await office.notices("drugs-a")
    assert await office.notices() == [], "whom it burdens hears nothing of it"
    assert await travel(office, days=6) == 0
    parts = {each["part"] for each in (await office.get(f"/cases/{case['id']}", "drugs-a"))["parties"]}
    assert "asked" in parts


@pytest.mark.parametrize(("changes", "expected"), [
    ({"of": "drugs-110000"}, (422, "not_competent")),
    ({"of": "drugs-310000"}, (422, "not_competent")),
    ({"of": "review-110000"}, (422, "not_competent")),
    ({"of": "nobody"}, (422, "not_competent")),
    ({"answer_by": "2026-11-25T00:00:00Z"}, (422, "invalid")),
    ({"we_hold": "not_ours"}, (422, "invalid")),
])  # fmt: skip
async def test_only_an_authority_of_another_competence_is_asked(
    office: Office, changes: dict[str, Any], expected: tuple[int, str]
) -> None:
    case = await office.case()
    body = {
        "of": "culture-110000", "question": "Does your consent cover these sales?", "we_hold": "breach",
        "answer_by": ahead(office, days=5),
    }  # fmt: skip
    path = f"/cases/{case['id']}/opinions"
    assert await office.refused(path, body | changes, "drugs-a") == expected
    for who in ("culture-a", "regulator-a", "auditor", "applicant", "coordination-a"):
        assert (await office.refused(path, body, who))[0] == 403, who


async def test_nobody_is_asked_twice_at_once_and_one_of_eight_answers(office: Office) -> None:
    case = await office.case()
    body = {
        "of": "culture-110000", "question": "Does your consent cover these sales?", "we_hold": "breach",
        "answer_by": ahead(office, days=5),
    }  # fmt: skip
    path = f"/cases/{case['id']}/opinions"
    asking = await asyncio.gather(*(office.api.post(path, json=body, who="drugs-a") for _ in range(8)))
    assert sorted(each.status_code for each in asking) == [201, *[409] * 7]
    assert {each.json()["code"] for each in asking if each.status_code == 409} == {"opinion_pending"}
    (opinion,) = [each.json() for each in asking if each.status_code == 201]
    answers = await asyncio.gather(*(
        office.api.post(f"/opinions/{opinion['id']}/answer", json={**HOLDS, "position": position}, who="culture-a")
        for position in ("breach", "no_breach") * 4
    ))  # fmt: skip
    assert sorted(each.status_code for each in answers) == [200, *[409] * 7]
    assert (await asked(office, case))["status"] == "asked", "answered, it may be asked once more"


async def test_a_late_answer_is_shown_as_late_and_taken(office: Office) -> None:
    opinion = await asked(office, await office.case())
    assert await travel(office, days=5, seconds=1) == 1
    assert (await office.get(f"/opinions/{opinion['id']}", "drugs-a"))["overdue"]
    await office.rings("case_opinion", opinion["id"])
    count = "SELECT count(*) FROM history WHERE aggregate_id = $1 AND action = 'overdue'"
    assert await office.fetchval(count, UUID(opinion["id"])) == 1
    assert (await office.post(f"/opinions/{opinion['id']}/answer", HOLDS, "culture-a"))["status"] == "answered"


async def _conflict(office: Office) -> tuple[dict[str, Any], dict[str, Any]]:
    case = await office.case()
    opinion = await asked(office, case)
    other = await asked(office, case, of="healthcare-110000")
    await office.post(f"/opinions/{opinion['id']}/answer", HOLDS, "culture-a")
    healthcare = ("healthcare", {"organisation": "healthcare-110000", "roles": ["sector_regulator"]})
    await office.post(f"/opinions/{other['id']}/answer", HOLDS | {"position": "not_ours"}, healthcare)
    return case, opinion


async def test_what_differs_is_shown_side_by_side_and_settled_by_the_coordination_office(office: Office) -> None:
    case, opinion = await _conflict(office)
    path = f"/cases/{case['id']}/opinions"
    shown = await office.get(path, "drugs-b")
    assert [(each["we_hold"], each["position"]) for each in shown["opinions"]] == [
        ("breach", "no_breach"), ("breach", "not_ours"),
    ]  # fmt: skip
    assert (shown["conflict"], shown["settlements"]) == (True, [])
    assert shown["rule_zh"] == office.api.rt.rules.cases.conflict_chinese
    assert await office.get(path, "coordination-a") == {
        **shown, "opinions": [{**each, "allowed_actions": []} for each in shown["opinions"]],
    }  # fmt: skip
    assert [each["id"] for each in (await office.get(path, "culture-a"))["opinions"]] == [opinion["id"]]
    conflicts = (await office.get("/opinions?conflicting=true", "coordination-a"))["items"]
    assert {each["case_id"] for each in conflicts} == {case["id"]}
    assert "opinions_differ" in await office.notices("coordination-a")
    before = await everything(office.api.rt)
    settled = await office.post(f"/cases/{case['id']}/settlement", ADVICE, "coordination-a", 201)
    assert [each["position"] for each in settled["settlements"]] == ["no_breach"]
    after = await everything(office.api.rt)
    changed = {table for table in before if before[table] != after[table]}
    assert changed <= {"case_settlement", "notice", "delivery", "deadline", "history", "audit", "idempotency"}, (
        "it is advice, and moves nothing"
    )
    again = await office.refused(f"/cases/{case['id']}/settlement", ADVICE, "coordination-a")
    assert again == (409, "nothing_to_settle")
    for who in ("drugs-a", "culture-a"):
        assert "opinions_settled" in await office.notices(who)
        assert (await office.get(path, who))["settlements"] == settled["settlements"]
    assert await office.notices() == []
    assert (await office.draft(case))["status"] == "drafted", "whoever decides is free to decide otherwise"


async def test_an_office_of_two_roles_that_was_asked_reads_what_it_said_and_not_what_others_did(office: Office) -> None:
    case, opinion = await _conflict(office)
    known = office.api.rt.directory.get("culture-110000")
    assert known is not None
    both = type(known).model_validate({**known.model_dump(), "kinds": ["sector_regulator", "coordination_office"]})
    office.api.rt.directory.load([both if each == known else each for each in office.api.rt.directory])
    shown = await office.get(
        f"/cases/{case['id']}/opinions", ("culture-a", {"roles": ["sector_regulator", "coordination_office"]})
    )
    assert [each["id"] for each in shown["opinions"]] == [opinion["id"]]


async def test_a_later_answer_that_differs_is_settled_anew(office: Office) -> None:
    case, _ = await _conflict(office)
    await office.post(f"/cases/{case['id']}/settlement", ADVICE, "coordination-a", 201)
    office.clock.advance(timedelta(days=1))
    again = await asked(office, case)
    await office.post(f"/opinions/{again['id']}/answer", HOLDS, "culture-b")
    settled = await office.post(
        f"/cases/{case['id']}/settlement", ADVICE | {"position": "breach"}, "coordination-a", 201
    )
    assert [each["position"] for each in settled["settlements"]] == ["no_breach", "breach"]


async def test_nobody_settles_what_they_had_a_hand_in_nor_another_office_nor_what_agrees(office: Office) -> None:
    case, _ = await _conflict(office)
    agreed = await office.case()
    same = await asked(office, agreed)
    await office.post(f"/opinions/{same['id']}/answer", HOLDS | {"position": "breach"}, "culture-a")
    path = f"/cases/{case['id']}/settlement"
    hand = ("coordination-a", {"person": "culture-a", "sub": "culture-a"})
    assert await office.refused(path, ADVICE, hand) == (409, "second_person_required")
    for elsewhere in (("coordination-a", {"region": "310000"}), "coordination-national-a"):
        assert await office.refused(path, ADVICE, elsewhere) == (404, "unknown_case")
        assert (await office.api.get(f"/cases/{case['id']}/opinions", who=elsewhere)).status_code == 404
    for who in ("drugs-a", "culture-a", "regulator-a", "auditor", "review-a", "applicant"):
        assert await office.refused(path, ADVICE, who) == (403, "role_missing")
    nothing = await office.refused(f"/cases/{agreed['id']}/settlement", ADVICE, "coordination-a")
    assert nothing == (404, "unknown_case"), "what agrees is no business of the office"
    for who in ("coordination-a", "regulator-a", "shanghai-drugs-a"):
        assert (await office.api.get(f"/cases/{agreed['id']}/opinions", who=who)).status_code == 404, who
    assert (await office.api.get(f"/cases/{agreed['id']}/opinions", who="applicant")).status_code == 403


async def test_two_officers_who_settle_at_once_settle_once(office: Office) -> None:
    case, _ = await _conflict(office)
    answers = await asyncio.gather(*(
        office.api.post(f"/cases/{case['id']}/settlement", json=ADVICE, who="coordination-a") for _ in range(8)
    ))  # fmt: skip
    assert sorted(each.status_code for each in answers) == [201, *[409] * 7]


async def test_a_question_is_withdrawn_by_whoever_asked(office: Office) -> None:
    opinion = await asked(office, await office.case())
    path = f"/opinions/{opinion['id']}/withdrawal"
    assert (await office.refused(path, WHY, "culture-a")) == (403, "out_of_scope")
    assert (await office.post(path, WHY, "drugs-b"))["status"] == "withdrawn"
    assert await office.refused(path, WHY, "drugs-b") == (409, "action_refused")
    assert await travel(office, days=9) == 0
    missing = "/opinions/018f0000-0000-7000-8000-00000000dead"
    assert (await office.api.get(missing, who="drugs-a")).json()["code"] == "unknown_opinion"
