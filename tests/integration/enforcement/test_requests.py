"""Requests to the regulator: a case of its own, or the execution on its desk; nobody is burdened (P3.2.2-3)."""

import asyncio
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest

from shared.contracts.enforcement import DecisionReleasedV1, DecisionSuspendedV1
from shared.runtime.base.ids import uuid7
from tests.integration.enforcement.conftest import EASED, STATED, STATEMENT, Office
from tests.integration.enforcement.test_clocks import travel

UPHELD = {"outcome": "upheld", **EASED}


async def ignored_order(office: Office) -> tuple[dict[str, Any], dict[str, Any]]:
    """A case with an order to correct that was ignored."""
    case = await office.case()
    by = (office.clock.now() + timedelta(days=9)).isoformat()
    order = await office.release(await office.draft(case, "correct", correct_by=by))
    await office.opens(order, "decision_released")
    office.clock.advance(timedelta(days=10))
    order = await office.post(f"/decisions/{order['id']}/correction", await office.ignored(order), "drugs-b")
    return case, order


def wanted(order: dict[str, Any], **changes: Any) -> dict[str, Any]:
    return {
        "asks": "cut_access",
        "decision_id": order["id"],
        "documents": order["ignored_evidence"],
        **STATED,
    } | changes


async def asked(office: Office) -> tuple[dict[str, Any], dict[str, Any], dict[str, Any]]:
    case, order = await ignored_order(office)
    return case, order, await office.post(f"/cases/{case['id']}/regulator-requests", wanted(order), "drugs-a", 201)


async def test_p3_2_2_an_accepted_request_is_a_case_of_the_regulator_and_burdens_nobody(office: Office) -> None:
    case, order, request = await asked(office)
    assert (request["desk"]["id"], request["status"]) == ("industry-110000", "open")
    assert (await office.notices("regulator-a"))[-1] == "regulator_asked"
    read = await office.api.get(f"/evidence/{order['ignored_evidence'][0]}", who="regulator-a")
    assert read.status_code == 200, "the case came to it"
    told = await office.notices()
    accepted = await office.post(f"/regulator-requests/{request['id']}/acceptance", STATED, "regulator-a")
    assert (await office.notices("drugs-a"))[-1] == "request_accepted"
    opened = await office.get(f"/cases/{accepted['leads_to']}", "regulator-a")
    assert (opened["authority"]["id"], opened["status"]) == ("industry-110000", "open")
    assert opened["subject"] == case["subject"]
    assert [each["sha256"] for each in opened["evidence"]] == order["ignored_evidence"]
    assert (opened["decisions"], await office.notices()) == ([], told), "nobody is burdened by it"
    again = await office.refused(f"/regulator-requests/{request['id']}/acceptance", STATED, "regulator-b")
    assert again == (409, "action_refused")
    cut = await office.draft(opened, "cut_access", who="regulator-a")
    await office.cured(cut)
    assert await office.refused(
        f"/decisions/{cut['id']}/release", await office.signature(cut["id"], "regulator-a"), "regulator-a"
    ) == (409, "second_person_required")
    assert (await office.release(cut, who="regulator-b"))["status"] == "released"


async def test_what_was_decided_on_a_request_falls_with_the_order_that_was_ignored(office: Office) -> None:
    _, order, request = await asked(office)
    accepted = await office.post(f"/regulator-requests/{request['id']}/acceptance", STATED, "regulator-a")
    opened = await office.get(f"/cases/{accepted['leads_to']}", "regulator-a")
    cuts = await office.draft(opened, "cut_access", who="regulator-a")
    await office.cured(cuts)
    await office.release(cuts, who="regulator-b")
    filed = await office.appeal(order)
    await office.post(f"/appeals/{filed['id']}/decision", UPHELD, "review-a")
    suspended = (await office.told(DecisionSuspendedV1))[-1]
    assert (str(suspended.decision_id), suspended.because) == (cuts["id"], "basis_fell")
    body = {"effect": "cut_access", "statement": STATEMENT, "evidence_hashes": order["ignored_evidence"]}
    again = await office.refused(f"/cases/{opened['id']}/decisions", body, "regulator-a")
    assert again == (422, "effect_not_possible"), "nothing was ignored that stands"


async def test_a_regulators_case_that_is_transferred_keeps_its_ignored_order_and_falls_with_it(office: Office) -> None:
    _, order, request = await asked(office)
    accepted = await office.post(f"/regulator-requests/{request['id']}/acceptance", STATED, "regulator-a")
    path = f"/cases/{accepted['leads_to']}/transfer"
    went_on = {"id": (await office.post(path, {"to": "industry", **STATED}, "regulator-a"))["continues_as"]}
    cut = await office.draft(went_on, "cut_access", who="national-a")
    await office.cured(cut)
    await office.release(cut, who="national-b")
    filed = await office.appeal(order)
    await office.post(f"/appeals/{filed['id']}/decision", UPHELD, "review-a")
    suspended = (await office.told(DecisionSuspendedV1))[-1]
    assert (str(suspended.decision_id), suspended.because) == (cut["id"], "basis_fell")
    assert await office.status(cut) == "suspended"
    body = {"effect": "cut_access", "statement": STATEMENT, "evidence_hashes": order["ignored_evidence"]}
    again = await office.refused(f"/cases/{went_on['id']}/decisions", body, "national-a")
    assert again == (422, "effect_not_possible"), "nothing was ignored that stands"


async def test_an_order_that_falls_while_the_cut_is_released_leaves_none_in_force(office: Office) -> None:
    _, order, request = await asked(office)
    accepted = await office.post(f"/regulator-requests/{request['id']}/acceptance", STATED, "regulator-a")
    opened = await office.get(f"/cases/{accepted['leads_to']}", "regulator-a")
    cut = await office.draft(opened, "cut_access", who="regulator-a")
    await office.cured(cut)
    body, filed = await office.signature(cut["id"], "regulator-b"), await office.appeal(order)
    await asyncio.gather(
        office.api.post(f"/decisions/{cut['id']}/release", json=body, who="regulator-b"),
        office.api.post(f"/appeals/{filed['id']}/decision", json=UPHELD, who="review-a"),
    )
    assert await office.status(cut) in {"drafted", "suspended"}
    released, suspended = await office.told(DecisionReleasedV1), await office.told(DecisionSuspendedV1)
    assert [str(each.decision_id) for each in released].count(cut["id"]) == len(suspended)


async def test_a_released_decision_that_waits_is_asked_for_at_the_desk_where_its_execution_lies(office: Office) -> None:
    released = await office.released()
    body = wanted(released, asks="revoke", documents=released["evidence_hashes"])
    path = f"/cases/{released['case_id']}/regulator-requests"
    request = await office.post(path, body, "drugs-a", 201)
    accepted = await office.post(f"/regulator-requests/{request['id']}/acceptance", STATED, "regulator-a")
    assert accepted["leads_to"] is None, "its execution lies there already"
    await office.executed(released)


@pytest.mark.parametrize(("changes", "field"), [
    ({"asks": "correct"}, "asks"), ({"asks": "burn"}, "asks"), ({"asks": "penalty"}, "asks"),
    ({"asks": "bar"}, "asks"), ({"decision_id": None}, "decision_id"), ({"decision_id": str(uuid7())}, "decision_id"),
    ({"asks": "end_item", "decision_id": None}, "asks"), ({"asks": "revoke"}, "decision_id"),
    ({"documents": ["0" * 64]}, "evidence_hashes"),
])  # fmt: skip
async def test_only_what_the_regulator_may_decide_after_what_must_come_before(
    office: Office, changes: dict[str, Any], field: str
) -> None:
    case, order = await ignored_order(office)
    answer = await office.api.post(
        f"/cases/{case['id']}/regulator-requests", json=wanted(order, **changes), who="drugs-a"
    )
    assert answer.status_code == 422, answer.text
    assert [each["field"] for each in answer.json()["fields"]] == [field]


async def test_a_case_asks_once_at_a_time_and_whoever_asks_never_answers(office: Office) -> None:
    case, order, request = await asked(office)
    path, answer = f"/cases/{case['id']}/regulator-requests", f"/regulator-requests/{request['id']}"
    assert await office.refused(path, wanted(order), "drugs-b") == (409, "request_pending")
    for who in ("regulator-a", "drugs-national-a", "shanghai-drugs-a", "review-a", "applicant"):
        assert (await office.refused(path, wanted(order), who))[0] == 403, who
    for verb, body in (("acceptance", STATED), ("decline", STATED), ("forwarding", {"to": "industry", **_WHY})):
        for who in ("drugs-a", "drugs-b", "national-a", "shanghai-regulator-a", "applicant", "review-a"):
            assert (await office.refused(f"{answer}/{verb}", body, who))[0] == 403, (verb, who)
        moved = ("drugs-a", {"organisation": "industry-110000", "roles": ["industry_regulator"]})
        assert await office.refused(f"{answer}/{verb}", body, moved) == (409, "second_person_required"), verb
    assert (await office.api.get(answer, who="applicant")).status_code == 403
    declined = await office.post(f"{answer}/decline", STATED, "regulator-a")
    assert (declined["status"], declined["clock"]) == ("declined", None)
    again = await office.post(path, wanted(order), "drugs-a", 201)
    await office.post(f"/regulator-requests/{again['id']}/withdrawal", _WHY, "drugs-b")
    assert await office.refused(f"/regulator-requests/{again['id']}/decline", STATED, "regulator-a") == (
        409, "action_refused",
    )  # fmt: skip


_WHY = {"reasons": "The operator's domicile is in Shanghai."}


async def test_a_request_is_forwarded_with_reasons_and_never_back(office: Office) -> None:
    _, _, request = await asked(office)
    path = f"/regulator-requests/{request['id']}"
    for to in ("drugs-110000", "nobody", "review"):
        assert await office.refused(f"{path}/forwarding", {"to": to, **_WHY}, "regulator-a") == (422, "not_that_desk")
    due = request["clock"]["due_at"]
    forwarded = await office.post(f"{path}/forwarding", {"to": "industry-310000", **_WHY}, "regulator-a")
    assert (forwarded["desk"]["id"], forwarded["forwards"][0]["reasons"]) == ("industry-310000", _WHY["reasons"])
    assert (await office.get(path, "drugs-a"))["clock"]["due_at"] == due, "the clock goes on"
    assert (await office.refused(f"{path}/acceptance", STATED, "regulator-a"))[0] == 403
    assert (await office.get(path, "regulator-b"))["allowed_actions"] == [], "who had it still reads it"
    back = {"to": "industry-110000", **_WHY}
    assert await office.refused(f"{path}/forwarding", back, "shanghai-regulator-a") == (422, "not_that_desk")
    assert (await office.notices("drugs-a"))[-1] == "request_forwarded"
    accepted = await office.post(f"{path}/acceptance", STATED, "shanghai-regulator-b")
    opened = await office.get(f"/cases/{accepted['leads_to']}", "regulator-a")
    assert opened["authority"]["id"] == "industry-110000", "the case is of the subject's level and region all the same"


async def test_a_late_regulator_is_shown_as_late_and_the_national_one_answers(office: Office) -> None:
    _, _, request = await asked(office)
    path = f"/regulator-requests/{request['id']}"
    assert (await office.api.get(path, who="national-a")).status_code == 403
    due = office.api.rt.rules.due("regulator_request", office.clock.now()).due_at
    assert await travel(office, due - timedelta(seconds=1)) == 0
    assert await travel(office, due + timedelta(seconds=1)) == 1
    await office.rings("regulator_request", request["id"])
    late = await office.get(path, "drugs-a")
    assert (late["status"], late["clock"]["overdue"], bool(late["overdue_at"])) == ("open", True, True)
    told = [(await office.notices(who)).count("request_late") for who in ("drugs-a", "regulator-a", "national-a")]
    assert told == [1, 1, 3], "each of them once; the national one also sees what it told the others"
    declined = await office.post(f"{path}/decline", STATED, "national-b")
    assert declined["status"] == "declined"
    assert await office.fetchval("SELECT count(*) FROM decision WHERE case_id = $1", UUID(request["case_id"])) == 1
