"""Who works on a case, what is to be done in it until when, and what ends with it (P3.2.1, ADR 13)."""

import asyncio
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest

from enforcement.consumer import DEADLINES
from shared.contracts.registry import ExecutionCarriedOutV1
from shared.runtime.clocks.ticks import TickWorker
from tests.integration.enforcement.conftest import STATED, Office

WHY = {"reasons": "She is on leave until January."}


async def travel(office: Office, **distance: int) -> int:
    office.clock.advance(timedelta(**distance))
    return await TickWorker(office.api.rt, DEADLINES, skew_limit_s=1e12).tick()


def ahead(office: Office, **distance: int) -> str:
    return (office.clock.now() + timedelta(**distance)).isoformat()


async def task(office: Office, case: dict[str, Any], who: Any = "drugs-a", **changes: Any) -> dict[str, Any]:
    body = {"what": "Ask for the order book.", "due_at": ahead(office, days=3)} | changes
    return await office.post(f"/cases/{case['id']}/tasks", body, who, 201)


# --- claims ----------------------------------------------------------------------------------------------------------


async def test_a_case_is_claimed_taken_over_with_a_reason_and_given_back(office: Office) -> None:
    case = await office.case()
    path = f"/cases/{case['id']}/claim"
    assert (await office.post(path, {}, "drugs-a"))["claimed_by"] == "drugs-a"
    again = await office.post(path, {}, "drugs-a")
    assert again["version"] == (await office.get(f"/cases/{case['id']}", "drugs-a"))["version"], "nothing changed"
    assert await office.refused(path, {}, "drugs-b") == (409, "claimed_by_colleague")
    assert await office.refused(f"{path}/release", {}, "drugs-b") == (409, "claimed_by_nobody")
    taken = await office.post(path, WHY, "drugs-b")
    assert taken["claimed_by"] == "drugs-b"
    assert "release_claim" in taken["allowed_actions"]
    assert await office.refused(f"{path}/release", {}, "drugs-a") == (409, "claimed_by_nobody")
    assert "release_claim" not in (await office.get(f"/cases/{case['id']}", "drugs-a"))["allowed_actions"]
    assert (await office.post(f"{path}/release", {}, "drugs-b"))["claimed_by"] is None
    await office.draft(case, who="drugs-c")  # a claim takes no right from anybody
    for who in ("culture-a", "regulator-a", "shanghai-drugs-a", "drugs-national-a", "auditor", "applicant"):
        assert (await office.refused(path, WHY, who))[0] == 403, who


async def test_of_eight_officers_who_claim_at_once_one_has_it(office: Office) -> None:
    case = await office.case()
    path = f"/cases/{case['id']}/claim"
    answers = await asyncio.gather(*(
        office.api.post(path, json={}, who=(f"officer-{turn}", {"organisation": "drugs-110000", "name": "x",
                                                              "roles": ["sector_regulator"]}))
        for turn in range(8)
    ))  # fmt: skip
    assert sorted(answer.status_code for answer in answers) == [200, *[409] * 7]
    (winner,) = [answer.json() for answer in answers if answer.status_code == 200]
    assert (await office.get(f"/cases/{case['id']}", "drugs-a"))["claimed_by"] == winner["claimed_by"]
    count = "SELECT count(*) FROM history WHERE action = 'claim'"
    assert await office.fetchval(count) == 1


async def test_an_ended_case_is_nobodys_to_work_on(office: Office) -> None:
    case = await office.case()
    await office.post(f"/cases/{case['id']}/discontinuation", STATED, "drugs-a")
    for path, body in (("claim", {}), ("claim/release", {}), ("tasks", {"what": "x", "due_at": ahead(office, days=1)})):
        refused = await office.refused(f"/cases/{case['id']}/{path}", body, "drugs-a")
        assert refused == (409, "action_refused"), path


# --- tasks -----------------------------------------------------------------------------------------------------------


async def test_a_task_is_assigned_done_or_cancelled_once(office: Office) -> None:
    case = await office.case()
    done, cancelled = await task(office, case), await task(office, case, assignee="drugs-a")
    assert (done["status"], done["assignee"], done["overdue"]) == ("open", None, False)
    assert (await office.post(f"/tasks/{done['id']}/assignment", {}, "drugs-b"))["assignee"] == "drugs-b"
    assert [each["id"] for each in (await office.get("/tasks?mine=true", "drugs-b"))["items"]] == [done["id"]]
    assert (await office.post(f"/tasks/{done['id']}/completion", WHY, "drugs-b"))["status"] == "done"
    assert (await office.post(f"/tasks/{cancelled['id']}/cancellation", WHY, "drugs-c"))["status"] == "cancelled"
    for each in (done, cancelled):
        for verb, body in (("completion", WHY), ("cancellation", WHY), ("assignment", {})):
            assert await office.refused(f"/tasks/{each['id']}/{verb}", body, "drugs-a") == (409, "action_refused")
    assert await travel(office, days=9) == 0, "nothing rings for what is done"
    missing = "/tasks/018f0000-0000-7000-8000-00000000dead"
    assert (await office.api.get(missing, who="drugs-a")).json()["code"] == "unknown_case_task"


async def test_work_is_given_to_an_officer_of_the_authority_alone(office: Office) -> None:
    case, body = await office.case(), {"what": "Ask.", "due_at": ahead(office, days=3), "assignee": "drugs-b"}
    path = f"/cases/{case['id']}/tasks"
    assert await office.refused(path, body, "drugs-a") == (422, "unknown_officer")
    await office.get("/cases", "drugs-b")
    await office.get("/cases", "culture-a")
    added = await office.post(path, body, "drugs-a", 201)
    for stranger in ("culture-a", "applicant", "nobody"):
        assert await office.refused(path, body | {"assignee": stranger}, "drugs-a") == (422, "unknown_officer")
        given = await office.refused(f"/tasks/{added['id']}/assignment", {"assignee": stranger}, "drugs-a")
        assert given == (422, "unknown_officer")
    for late in (ahead(office, days=0), ahead(office, days=-1)):
        assert await office.refused(path, body | {"due_at": late}, "drugs-a") == (422, "invalid")
    for who in ("culture-a", "regulator-a", "shanghai-drugs-a", "applicant", "review-a"):
        assert (await office.api.get(f"/tasks/{added['id']}", who=who)).status_code == 403, who
        assert (await office.refused(f"/tasks/{added['id']}/completion", WHY, who))[0] == 403, who
    assert (await office.get(f"/tasks/{added['id']}", "auditor"))["allowed_actions"] == []


async def test_a_task_is_finished_by_one_of_eight_at_once(office: Office) -> None:
    added = await task(office, await office.case())
    answers = await asyncio.gather(*(
        office.api.post(f"/tasks/{added['id']}/{verb}", json=WHY, who="drugs-a")
        for verb in ("completion", "cancellation") * 4
    ))  # fmt: skip
    assert sorted(answer.status_code for answer in answers) == [200, *[409] * 7]


async def test_a_task_whose_date_has_passed_is_shown_as_overdue_and_stays_open(office: Office) -> None:
    late, other = await office.case(), await office.case()
    added = await task(office, late)
    await task(office, other, due_at=ahead(office, days=30))
    assert await travel(office, days=2) == 0
    assert (await office.get("/cases?overdue=true", "drugs-a"))["items"] == []
    assert await travel(office, days=1, seconds=1) == 1
    shown = await office.get(f"/tasks/{added['id']}", "drugs-a")
    assert (shown["status"], shown["overdue"]) == ("open", True)
    assert [each["id"] for each in (await office.get("/cases?overdue=true", "drugs-b"))["items"]] == [late["id"]]
    assert [each["id"] for each in (await office.get("/tasks?overdue=true", "drugs-b"))["items"]] == [added["id"]]
    await office.rings("case_task", added["id"])
    await office.post(f"/tasks/{added['id']}/completion", WHY, "drugs-b")
    assert (await office.get("/cases?overdue=true", "drugs-b"))["items"] == []
    count = "SELECT count(*) FROM history WHERE aggregate_id = $1 AND action = 'overdue'"
    assert await office.fetchval(count, UUID(added["id"])) == 1


async def _ordered(office: Office) -> dict[str, Any]:
    """An order to correct whose date has passed."""
    by = office.clock.now() + timedelta(days=9)
    order = await office.release(await office.draft(await office.case(), "correct", correct_by=by.isoformat()))
    await office.opens(order, "decision_released")
    assert await travel(office, days=9, seconds=1) >= 1
    return order


async def follow_up(office: Office, order: dict[str, Any]) -> dict[str, Any]:
    found = (await office.get(f"/tasks?case_id={order['case_id']}", "drugs-a"))["items"]
    (one,) = [each for each in found if each["decision_id"] == order["id"]]
    return dict(one)


@pytest.mark.parametrize(("obeyed", "outcome"), [(True, "corrected"), (False, None)])
async def test_n4_2_somebody_looks_whether_an_order_was_obeyed(office: Office, obeyed: bool, outcome: Any) -> None:
    order = await _ordered(office)
    asked = await follow_up(office, order)
    assert (asked["status"], asked["overdue"]) == ("open", False)
    await office.rings("correct_by", order["id"])
    assert (await follow_up(office, order))["id"] == asked["id"], "once for each order"
    assert await travel(office, days=8) == 1
    assert (await follow_up(office, order))["overdue"]
    said = {"obeyed": True, **STATED} if obeyed else await office.ignored(order)
    await office.post(f"/decisions/{order['id']}/correction", said, "drugs-b")
    assert (await follow_up(office, order))["status"] == "done"
    assert (await office.get(f"/cases/{order['case_id']}", "drugs-a"))["outcome"] == outcome


async def test_an_order_that_is_gone_needs_no_look(office: Office) -> None:
    lifted, overturned, stayed = [await _ordered(office) for _ in range(3)]
    await office.post(f"/decisions/{lifted['id']}/lift", STATED, "drugs-a")
    fell = await office.appeal(overturned)
    await office.post(f"/appeals/{fell['id']}/decision", {"outcome": "upheld", **STATED}, "review-a")
    rests = await office.appeal(stayed, asks_for_stay=True)
    await office.post(f"/appeals/{rests['id']}/stay", {"granted": True, **STATED}, "review-a")
    for order in (lifted, overturned, stayed):
        assert (await follow_up(office, order))["status"] == "cancelled"


# --- every way to end a case -----------------------------------------------------------------------------------------


async def _no_breach(office: Office, case: dict[str, Any]) -> None:
    await office.release(await office.draft(case, "no_breach"))


async def _corrected(office: Office, case: dict[str, Any]) -> None:
    order = await office.release(await office.draft(case, "correct", correct_by=ahead(office, days=9)))
    await office.post(f"/decisions/{order['id']}/correction", {"obeyed": True, **STATED}, "drugs-b")


async def _executed(office: Office, case: dict[str, Any]) -> None:
    drafted = await office.draft(case)
    await office.cured(drafted)
    await office.hear(office.says(ExecutionCarriedOutV1, await office.release(drafted)))


async def _transferred(office: Office, case: dict[str, Any]) -> None:
    await office.post(f"/cases/{case['id']}/transfer", {"to": "industry-110000", **STATED}, "drugs-a")


async def _discontinued(office: Office, case: dict[str, Any]) -> None:
    await office.post(f"/cases/{case['id']}/discontinuation", STATED, "drugs-a")


@pytest.mark.parametrize("end", [_no_breach, _corrected, _executed, _transferred, _discontinued])
async def test_every_way_to_end_a_case_ends_what_was_still_asked_and_to_be_done_in_it(office: Office, end: Any) -> None:
    case = await office.case()
    added = await task(office, case, due_at=ahead(office, days=90))
    question = {"of": "culture-110000", "question": "Is it yours as well?", "we_hold": "breach"}
    asked = await office.post(
        f"/cases/{case['id']}/opinions", question | {"answer_by": ahead(office, days=90)}, "drugs-a", 201
    )
    await end(office, case)
    ended = await office.get(f"/cases/{case['id']}", "drugs-a")
    outcome = end.__name__[1:]
    assert (ended["status"], ended["outcome"]) == ("ended", outcome)
    assert ended["ended_at"] is not None
    assert ended["allowed_actions"] == []
    assert (await office.get(f"/opinions/{asked['id']}", "drugs-a"))["status"] == "withdrawn"
    answer = {"position": "no_breach", **STATED}
    assert await office.refused(f"/opinions/{asked['id']}/answer", answer, "culture-a") == (409, "action_refused")
    owner = "regulator-a" if outcome == "transferred" else "drugs-a"
    expected = "open" if outcome == "transferred" else "cancelled"
    assert (await office.get(f"/tasks/{added['id']}", owner))["status"] == expected
