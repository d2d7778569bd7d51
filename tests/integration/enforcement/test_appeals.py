"""Safeguard 6: every decision can be appealed, with a clock, and a missed clock suspends the measure."""

import asyncio
from datetime import timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from tests.integration.enforcement.office import Office
from tests.support.people import at
from tests.support.service import Who

PAST_THE_CLOCK = timedelta(days=61)
SHANGHAI = ZoneInfo("Asia/Shanghai")


async def test_the_operator_appeals_and_a_clock_of_sixty_days_starts(office: Office) -> None:
    released = await office.released()
    answer = await office.appeal(released["id"])
    assert answer.status_code == 201
    appeal = answer.json()
    assert answer.headers["location"] == f"/appeals/{appeal['id']}"
    assert (appeal["status"], appeal["on_behalf"], appeal["overdue"]) == ("open", False, False)
    last = (office.clock.now().astimezone(SHANGHAI) + timedelta(days=60)).replace(hour=23, minute=59, second=59)
    assert at(appeal["due_at"]) == last, "it ends with its last day"
    assert appeal["allowed_actions"] == ["uphold", "reject"]
    readers: tuple[Who, ...] = ("applicant", "culture-a", "regulator-a", "auditor")
    for who in readers:
        assert (await office.api.get(f"/appeals/{appeal['id']}", who=who)).status_code == 200
    assert (await office.api.get(f"/appeals/{appeal['id']}", who="desk-a")).status_code == 403
    decision = await office.decision(released["id"])
    assert decision["status"] == "released", "an appeal alone changes nothing"
    assert [each["id"] for each in decision["appeals"]] == [appeal["id"]]


@pytest.mark.parametrize("who", ["culture-c", "review-a"])
async def test_an_officer_or_the_review_body_enters_an_appeal_for_the_operator(office: Office, who: str) -> None:
    released = await office.released()
    answer = await office.appeal(released["id"], who=who)
    assert (answer.status_code, answer.json()["on_behalf"]) == (201, True)


@pytest.mark.parametrize(
    ("who", "code"),
    [
        (("applicant", {"organisation": "91110000MA00000007"}), "out_of_scope"),
        (("culture-c", {"organisation": "education-110000"}), "out_of_scope"),
        (("review-a", {"region": "310000"}), "out_of_scope"),
        ("regulator-a", "role_missing"),
    ],
)
async def test_others_do_not_appeal(office: Office, who: Who, code: str) -> None:
    answer = await office.appeal((await office.released())["id"], who=who)
    assert (answer.status_code, answer.json()["code"]) == (403, code)


async def test_a_draft_has_nothing_to_appeal_yet(office: Office) -> None:
    answer = await office.appeal((await office.drafted())["id"])
    assert (answer.status_code, answer.json()["code"]) == (409, "action_refused")
    assert answer.json()["allowed_actions"] == ["release", "withdraw"]


async def test_one_appeal_at_a_time(office: Office) -> None:
    released = await office.released()
    answers = await asyncio.gather(*(office.appeal(released["id"], who=who) for who in ("applicant", "culture-c") * 2))
    assert sorted(answer.status_code for answer in answers) == [201, 409, 409, 409]
    first = next(answer.json()["id"] for answer in answers if answer.status_code == 201)
    assert {answer.json()["appeal_id"] for answer in answers if answer.status_code == 409} == {first}
    assert (await office.decide(first, "rejected")).status_code == 200
    assert (await office.appeal(released["id"])).status_code == 201


async def test_after_the_time_to_appeal_the_operator_needs_somebody_who_admits_it(office: Office) -> None:
    released = await office.released()
    office.clock.advance(timedelta(days=60, seconds=1))
    late = await office.appeal(released["id"])
    assert (late.status_code, late.json()["code"]) == (409, "appeal_too_late")
    assert (await office.appeal(released["id"], who="review-a")).status_code == 201


@pytest.mark.parametrize(("changes", "field"), [({"grounds": "no"}, "grounds"), ({"appellant": None}, "appellant")])
async def test_an_appeal_names_grounds_and_appellant(office: Office, changes: dict[str, Any], field: str) -> None:
    answer = await office.appeal((await office.released())["id"], **changes)
    assert answer.status_code == 422
    assert [each["field"] for each in answer.json()["fields"]] == [field]


async def test_an_upheld_appeal_overturns_the_decision_and_tells_the_registry(office: Office) -> None:
    released = await office.released()
    appeal_id = await office.appealed(released["id"])
    answer = await office.decide(appeal_id)
    assert (answer.status_code, answer.json()["status"], answer.json()["decided_by"]) == (200, "upheld", "review-a")
    assert (await office.decision(released["id"]))["status"] == "overturned"
    fact, data = (await office.facts(released["case_id"]))[-1]
    assert fact == "decision.overturned.v1"
    assert (data["decision_id"], data["appeal_id"]) == (released["id"], appeal_id)
    assert await office.trail(appeal_id) == [
        ("file", None, "open", "applicant"),
        ("uphold", "open", "upheld", "review-a"),
    ]


async def test_a_rejected_appeal_leaves_the_decision_and_tells_nobody(office: Office) -> None:
    released = await office.released()
    appeal_id = await office.appealed(released["id"])
    before = await office.told(released["case_id"])
    assert (await office.decide(appeal_id, "rejected")).json()["status"] == "rejected"
    assert (await office.decision(released["id"]))["status"] == "released"
    assert await office.told(released["case_id"]) == before


@pytest.mark.parametrize("who", ["culture-a", "culture-b"])
async def test_neither_drafter_nor_releaser_decides_even_after_a_move_to_the_review_body(
    office: Office, who: str
) -> None:
    appeal_id = await office.appealed((await office.released())["id"])
    moved = (who, {"organisation": "review-110000", "roles": ["review_body"]})
    answer = await office.decide(appeal_id, who=moved)
    assert (answer.status_code, answer.json()["code"]) == (409, "second_person_required")
    assert (who, "second_person_required") in await office.audited()


@pytest.mark.parametrize(
    ("who", "code"),
    [
        ("applicant", "role_missing"),
        ("regulator-a", "role_missing"),
        ("culture-c", "role_missing"),
        (("review-a", {"organisation": "culture-110000"}), "role_missing"),
        (("review-a", {"region": "310000"}), "out_of_scope"),
    ],
)
async def test_only_a_review_body_of_another_organisation_decides(office: Office, who: Who, code: str) -> None:
    appeal_id = await office.appealed((await office.released())["id"])
    answer = await office.decide(appeal_id, who=who)
    assert (answer.status_code, answer.json()["code"]) == (403, code)


@pytest.mark.parametrize("outcome", ["upheld", "rejected"])
async def test_an_appeal_is_decided_once(office: Office, outcome: str) -> None:
    released = await office.released()
    appeal_id = await office.appealed(released["id"])
    ministry: Who = ("ministry", {"organisation": "review", "roles": ["review_body"]})
    answers = await asyncio.gather(*(office.decide(appeal_id, outcome, who=who) for who in ("review-a", ministry)))
    assert sorted(answer.status_code for answer in answers) == [200, 409]
    again = await office.decide(appeal_id, "upheld")
    assert (again.status_code, again.json()["code"], again.json()["allowed_actions"]) == (409, "action_refused", [])
    assert (await office.told(released["case_id"])).count("decision.overturned.v1") == (outcome == "upheld")


@pytest.mark.parametrize("changes", [{"outcome": "perhaps"}, {"legal_basis": []}, {"reasons": ""}])
async def test_an_outcome_has_basis_and_reasons(office: Office, changes: dict[str, Any]) -> None:
    appeal_id = await office.appealed((await office.released())["id"])
    body = {"outcome": "upheld", **changes}
    answer = await office.decide(appeal_id, **body)
    assert answer.status_code == 422
    assert [each["field"] for each in answer.json()["fields"]] == list(changes)


async def test_a_missed_clock_suspends_the_measure_once_and_the_appeal_stays_open(office: Office) -> None:
    released = await office.released()
    appeal_id = await office.appealed(released["id"])
    office.clock.advance(PAST_THE_CLOCK)
    suspended = await office.reach(released["id"], "suspended")
    assert [(each["status"], each["overdue"]) for each in suspended["appeals"]] == [("open", True)]
    await asyncio.sleep(1.3)  # the tick comes round again
    facts = await office.facts(released["case_id"])
    assert [fact for fact, _ in facts].count("decision.suspended.v1") == 1
    assert facts[-1][1]["appeal_id"] == appeal_id
    assert facts[-1][1]["legal_basis"], "the clock's source is the legal basis"
    trail = await office.trail(released["id"])
    assert trail[-1] == ("suspend", "released", "suspended", "system:enforcement")
    assert (await office.decide(appeal_id)).status_code == 200
    assert (await office.decision(released["id"]))["status"] == "overturned"
    assert (await office.told(released["case_id"]))[-1] == "decision.overturned.v1"


async def test_an_appeal_rejected_after_suspension_does_not_revive_the_measure(office: Office) -> None:
    released = await office.released()
    appeal_id = await office.appealed(released["id"])
    office.clock.advance(PAST_THE_CLOCK)
    await office.reach(released["id"], "suspended")
    assert (await office.decide(appeal_id, "rejected")).status_code == 200
    assert (await office.decision(released["id"]))["status"] == "suspended"


async def test_a_decided_appeal_stops_its_clock(office: Office) -> None:
    released = await office.released()
    await office.decide(await office.appealed(released["id"]), "rejected")
    office.clock.advance(PAST_THE_CLOCK)
    await asyncio.sleep(1.3)
    assert (await office.decision(released["id"]))["status"] == "released"
    assert (await office.decision(released["id"]))["appeals"][0]["overdue"] is False
