"""An application that came to the wrong authority goes on to the competent one, and costs its applicant nothing."""

import asyncio
from typing import Any, Final

import pytest

from approval.lifecycle import Status
from tests.integration.approval.desk import Desk

SHANGHAI: Final = {"level": "province", "region": "310000"}
MINISTRY: Final = ("drugs-a", {"organisation": "drugs", "region": None, "level": "national"})
OF_SHANGHAI: Final = ("drugs-a", {"organisation": "drugs-310000"})


async def refused(desk: Desk, approval_id: str, **options: Any) -> tuple[int, str]:
    answer = await desk.do(approval_id, "transfer", **options)
    return answer.status_code, answer.json()["code"]


@pytest.mark.parametrize("status", [Status.SUBMITTED, Status.RESUBMITTED])
async def test_p3_1_1_the_competent_authority_has_it_and_decides_within_the_same_clock(
    desk: Desk, status: Status
) -> None:
    approval_id = await desk.at(status)
    before = await desk.read(approval_id)
    await desk.travel("2026-11-04T01:00")
    after = await desk.done(approval_id, "transfer")
    assert (after["level"], after["region"], after["status"]) == ("national", None, status)
    assert after["clock"] == before["clock"], "the applicant lost no day (ALL §32)"
    (went,) = after["transfers"]
    assert (went["by"]["id"], went["to"]["id"]) == ("drugs-110000", "drugs")
    assert (await desk.do(approval_id, "grant")).status_code == 403, "it is on another desk now"
    assert (await desk.api.get(f"/approvals/{approval_id}", who="drugs-a")).status_code == 403
    granted = await desk.done(approval_id, "grant", who=MINISTRY)
    assert (granted["authority"]["id"], granted["number"]) == ("drugs", "药网械审〔2026〕1号")


async def test_its_operator_is_told_by_whom_and_why_and_the_history_keeps_it(desk: Desk) -> None:
    approval_id = await desk.applied()
    await desk.done(approval_id, "transfer")
    (notice,) = await desk.notices()
    assert (notice["kind"], notice["title"]["zh"], notice["authority"]["id"]) == (
        "transferred", "移送通知书", "drugs-110000",
    )  # fmt: skip
    assert [step[0] for step in await desk.trail(approval_id)] == ["apply", "transfer"]
    assert await desk.facts(approval_id) == []


async def test_it_comes_to_nobody_twice_and_goes_on_twice_at_most(desk: Desk) -> None:
    approval_id = await desk.applied()
    here = {"level": "province", "region": "110000"}
    assert await refused(desk, approval_id, **here) == (409, "transferred_before")
    await desk.done(approval_id, "transfer", **SHANGHAI)
    assert await refused(desk, approval_id, who=OF_SHANGHAI, **here) == (409, "transferred_before")
    await desk.done(approval_id, "transfer", who=OF_SHANGHAI)
    tianjin = {"level": "province", "region": "120000"}
    assert await refused(desk, approval_id, who=MINISTRY, **SHANGHAI) == (409, "transferred_before")
    assert await refused(desk, approval_id, who=MINISTRY, **tianjin) == (409, "transferred_too_often")
    assert [(each["by"]["id"], each["to"]["id"]) for each in (await desk.read(approval_id))["transfers"]] == [
        ("drugs-110000", "drugs-310000"), ("drugs-310000", "drugs"),
    ]  # fmt: skip
    assert (await desk.done(approval_id, "refusal", who=MINISTRY))["status"] == "refused"


async def test_a_late_authority_cannot_forward_its_lateness_away(desk: Desk) -> None:
    approval_id = await desk.applied()
    await desk.travel("2026-12-20T01:00")
    assert (await desk.read(approval_id))["overdue"] is True
    assert (await desk.done(approval_id, "transfer"))["overdue"] is True


async def test_where_nobody_is_competent_it_does_not_go(desk: Desk) -> None:
    approval_id = await desk.applied()
    assert await refused(desk, approval_id, level="province", region="990000") == (422, "unknown_province")
    assert await refused(desk, approval_id, level="province", region=None) == (422, "invalid")
    directory = desk.api.rt.directory
    directory.load([each for each in directory if each.organisation_id != "drugs-310000"])
    assert await refused(desk, approval_id, **SHANGHAI) == (409, "authority_missing")
    assert (await desk.read(approval_id))["transfers"] == []


@pytest.mark.parametrize(
    "who", ["applicant", "regulator-a", OF_SHANGHAI, ("drugs-a", {"organisation": "culture-110000"})]
)
async def test_nobody_forwards_what_is_not_on_their_desk(desk: Desk, who: Any) -> None:
    assert (await desk.do(await desk.applied(), "transfer", who=who)).status_code == 403


@pytest.mark.parametrize("status", [Status.RETURNED, Status.GRANTED, Status.REFUSED, Status.RENEWING])
async def test_only_what_waits_for_a_first_decision_is_forwarded(desk: Desk, status: Status) -> None:
    assert await refused(desk, await desk.at(status)) == (409, "action_refused")


async def test_of_a_transfer_and_a_grant_at_once_one_happens(desk: Desk) -> None:
    approval_id = await desk.applied()
    answers = await asyncio.gather(desk.do(approval_id, "transfer"), desk.do(approval_id, "grant"))
    codes = sorted(answer.status_code for answer in answers)
    assert codes in ([200, 403], [200, 409])
    now = await desk.read(approval_id)
    assert (now["status"] == "granted") is (now["transfers"] == [])
