"""Nobody ignores an order before they had time after being told of it, whatever date it names (P3.2.2, ADR 8)."""

from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from icalendar import Calendar

from enforcement.consumer import DEADLINES
from shared.rules import Unit
from shared.runtime.acts import notices
from shared.runtime.clocks.ticks import TickWorker
from tests.integration.enforcement.conftest import STATED, Office
from tests.integration.enforcement.test_claims import ahead


async def ring(office: Office, until: datetime) -> int:
    """Time passes, and every clock rings, of notices that nobody opened too; gives how many did."""
    office.clock.advance(until - office.clock.now())
    return await TickWorker(office.api.rt, {**DEADLINES, notices.DEEMED: notices.deem}).tick()


async def ordered(office: Office, **time: int) -> dict[str, Any]:
    """An order to correct that was drafted and released within the hour."""
    drafted = await office.draft(await office.case(), "correct", correct_by=ahead(office, **time))
    office.clock.advance(timedelta(minutes=30))
    return await office.release(drafted)


def last_of(office: Office, since: datetime) -> datetime:
    """When the day after is over for whoever was told then."""
    return office.api.rt.rules.count(since, 1, Unit.DAYS).due_at


def deemed(office: Office, issued: datetime) -> datetime:
    """When a notice that nobody opened counts as delivered."""
    return office.api.rt.rules.due(notices.DEEMED, issued).due_at + timedelta(seconds=1)


async def refused(office: Office, order: dict[str, Any], body: dict[str, Any]) -> tuple[int, str, str]:
    """What somebody hears who says that an order was ignored."""
    answer = await office.api.post(f"/decisions/{order['id']}/correction", json=body, who="drugs-b")
    said = answer.json()
    return answer.status_code, said["code"], str(said.get("fields"))


@pytest.mark.parametrize("how", ["deemed", "opened"])
async def test_whoever_was_told_after_the_date_has_a_day_from_then_before_it_is_ignored(
    office: Office, how: str
) -> None:
    order = await ordered(office, hours=25)
    issued = office.clock.now()
    if how == "opened":
        await ring(office, issued + timedelta(days=3))
        await office.opens(order, "decision_released")
    else:
        await ring(office, deemed(office, issued))
    body = await office.ignored(order)
    delivered = await office.fetchval(
        "SELECT delivered_at FROM notice WHERE about_id = $1 AND kind = 'decision_released'", UUID(order["id"])
    )
    over = last_of(office, delivered)
    assert over - office.clock.now() >= timedelta(hours=24)
    status, code, said = await refused(office, order, body)
    assert (status, code) == (422, "invalid")
    assert over.isoformat() in said, "it says until when"
    for who in ("drugs-b", "applicant"):
        shown = await office.get(f"/decisions/{order['id']}", who)
        assert datetime.fromisoformat(shown["correct_by"]) == over, who
    [item] = (await office.get(f"/notices?about={order['id']}&kind=decision_released", "applicant"))["items"]
    assert datetime.fromisoformat(item["answer_by"]) == over
    raw = (await office.api.get("/inbox/deadlines.ics", who="applicant")).text
    events = {str(each["uid"]): each for each in Calendar.from_ical(raw).walk("VEVENT")}
    assert events[f"{order['id']}.answer@concord"].decoded("dtstart") == over
    await ring(office, over + timedelta(seconds=1))
    status, code, said = await refused(office, order, body)
    assert (status, code) == (422, "nothing_since"), "what was seen while there was time says nothing"
    assert over.isoformat() in said
    path = f"/decisions/{order['id']}/correction"
    assert (await office.post(path, await office.ignored(order), "drugs-b"))["status"] == "ignored"


async def test_whoever_was_told_in_time_has_until_the_date_and_no_longer(office: Office) -> None:
    order = await ordered(office, days=9)
    await office.opens(order, "decision_released")
    by = datetime.fromisoformat(order["correct_by"])
    await ring(office, by - timedelta(seconds=1))
    assert (await refused(office, order, await office.ignored(order)))[:2] == (422, "invalid")
    await ring(office, by + timedelta(seconds=1))
    path = f"/decisions/{order['id']}/correction"
    assert (await office.post(path, await office.ignored(order), "drugs-b"))["status"] == "ignored"


async def test_nobody_is_asked_whether_an_order_was_obeyed_before_its_time_is_over(office: Office) -> None:
    order = await ordered(office, hours=25)
    await ring(office, datetime.fromisoformat(order["correct_by"]) + timedelta(seconds=1))
    asked = "SELECT count(*) FROM case_task WHERE decision_id = $1"
    assert await office.fetchval(asked, UUID(order["id"])) == 0
    issued = datetime.fromisoformat(order["released_at"])
    over = last_of(office, deemed(office, issued))
    for at in (deemed(office, issued), over - timedelta(seconds=1)):
        await ring(office, at)
    assert await office.fetchval(asked, UUID(order["id"])) == 0
    assert await ring(office, over + timedelta(seconds=1)) == 1
    assert await office.fetchval(asked, UUID(order["id"])) == 1
    assert await ring(office, over + timedelta(hours=1)) == 0, "once"


async def test_an_order_that_was_obeyed_after_its_date_is_over_in_the_calendar(office: Office) -> None:
    order = await ordered(office, hours=25)
    await ring(office, datetime.fromisoformat(order["correct_by"]) + timedelta(seconds=1))
    await office.opens(order, "decision_released")
    await ring(office, office.clock.now() + timedelta(seconds=1))
    await office.post(f"/decisions/{order['id']}/correction", {"obeyed": True, **STATED}, "drugs-a")
    raw = (await office.api.get("/inbox/deadlines.ics", who="applicant")).text
    events = {str(each["uid"]): each for each in Calendar.from_ical(raw).walk("VEVENT")}
    assert str(events[f"{order['id']}.answer@concord"]["status"]) == "CANCELLED"


async def test_the_document_of_an_order_says_what_there_is_at_least(office: Office) -> None:
    order = await ordered(office, hours=25)
    found = await office.get(f"/decisions/{order['id']}/document", "applicant")
    assert "no less than 1 days from its delivery" in str(found)
