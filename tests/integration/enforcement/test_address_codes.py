"""Nobody is told of acts about a name because somebody else typed his address: a code is mailed there first."""

import asyncio
from datetime import timedelta
from typing import Any

import pytest

from enforcement.service.addresses import LIVES, MOST_THEIRS, MOST_THERE, MOST_WRONG
from tests.integration.enforcement.conftest import Office, site_recorded
from tests.integration.enforcement.test_subscriptions import OWNER, Desk

OTHER = "applicant"
"""Somebody else who may ask."""
SENT = "SELECT count(*) FROM notice WHERE kind = 'subscription_code'"


@pytest.fixture
def desk(office: Office) -> Desk:
    return Desk(office)


async def shown(desk: Desk, host: str, who: Any = OWNER, **changes: Any) -> dict[str, Any]:
    """A subscription whose name was shown."""
    view = await desk.subscribe(host, who, **changes)
    desk.names.show(view)
    await desk.look()
    return view


def wrong(code: str) -> str:
    return f"{(int(code) + 1) % 10**8:08}"


async def entered(desk: Desk, view: dict[str, Any], code: str, who: Any = OWNER) -> tuple[int, str]:
    answer = await desk.office.api.post(f"/name-subscriptions/{view['id']}/confirmation", json={"code": code}, who=who)
    return answer.status_code, answer.json().get("code", "")


async def again(desk: Desk, view: dict[str, Any], who: Any = OWNER) -> tuple[int, str]:
    answer = await desk.office.api.post(f"/name-subscriptions/{view['id']}/code", who=who)
    return answer.status_code, answer.json().get("code", "")


async def test_nothing_is_told_before_the_code_was_entered(desk: Desk, office: Office) -> None:
    unproven = await desk.subscribe("unproven.example")
    assert await office.fetchval(SENT) == 0, "whoever shows no name has nobody mailed"
    assert await again(desk, unproven) == (409, "action_refused")
    view = await shown(desk, "coded.example")
    seen = await desk.read(view)
    assert (seen["status"], seen["allowed_actions"]) == ("confirming", ["send_code", "confirm", "end"])
    await office.draft(await office.case(site_recorded("coded.example")))
    assert await desk.kinds() == []
    code = await desk.code(view)
    assert await entered(desk, view, wrong(code)) == (422, "code_wrong")
    assert (await entered(desk, view, code, OTHER))[0] == 403
    assert await entered(desk, view, code) == (200, "")
    assert (await desk.read(view))["status"] == "active"
    await office.draft(await office.case(site_recorded("coded.example")))
    assert await desk.kinds() == ["subscription_confirmed", "decision_intended"]
    assert await entered(desk, view, code) == (409, "action_refused")


async def test_who_guesses_has_five_tries_however_many_at_once_and_the_right_one_comes_too_late(desk: Desk) -> None:
    view = await shown(desk, "guessed.example")
    code = await desk.code(view)
    tries = await asyncio.gather(*(entered(desk, view, wrong(code)) for _ in range(MOST_WRONG + 4)))
    assert sorted(tries) == [(409, "code_over")] * 4 + [(422, "code_wrong")] * MOST_WRONG
    assert await entered(desk, view, code) == (409, "code_over")
    desk.office.clock.advance(timedelta(minutes=1))
    assert (await again(desk, view))[0] == 200
    assert await entered(desk, view, code) == (422, "code_wrong"), "the one before counts no more"
    assert (await entered(desk, view, await desk.code(view)))[0] == 200


async def test_a_code_is_over_after_an_hour(desk: Desk, office: Office) -> None:
    view = await shown(desk, "slow.example")
    code = await desk.code(view)
    office.clock.advance(LIVES)
    assert await entered(desk, view, code) == (409, "code_over")


async def test_a_mailbox_gets_three_codes_a_day_whoever_asks_and_however_it_is_written(
    desk: Desk, office: Office
) -> None:
    first = await shown(desk, "first.example", email="victim@mail.example")
    second = await shown(desk, "second.example", OTHER, email="Victim+shop@MAIL.example")
    assert (await again(desk, first))[0] == 200
    assert await office.fetchval(SENT) == MOST_THERE
    assert await again(desk, first) == (409, "codes_sent")
    assert await again(desk, second, OTHER) == (409, "codes_sent")
    third = await shown(desk, "third.example", email="v.ictim@mail.example")
    assert (await desk.read(third))["status"] == "confirming"
    fourth = await shown(desk, "fourth.example", email="victim+x@mail.example")
    assert (await desk.read(fourth))["status"] == "confirming", "the name was shown; a code can be sent tomorrow"
    assert await office.fetchval(SENT) == MOST_THERE + 1
    office.clock.advance(timedelta(days=1))
    assert (await again(desk, fourth))[0] == 200


async def test_there_is_an_end_to_how_many_an_owner_has_mailed_in_a_day(desk: Desk, office: Office) -> None:
    for n in range(MOST_THEIRS - 1):
        view = await shown(desk, f"many{n}.example", email=f"victim{n}@mail.example")
        await office.post(f"/name-subscriptions/{view['id']}/end", None, OWNER)
    last = await shown(desk, "last.example", email="victim-x@mail.example")
    assert await again(desk, last) == (409, "codes_sent")
    assert await office.fetchval(SENT) == MOST_THEIRS


async def test_an_address_is_confirmed_for_all_names_of_its_owner_and_for_nobody_else(
    desk: Desk, office: Office
) -> None:
    views = [await shown(desk, f"mine{n}.example") for n in range(2)]
    of_another = await shown(desk, "theirs.example", OTHER)
    await desk.confirm(views[0])
    assert [(await desk.read(each))["status"] for each in views] == ["active", "active"]
    assert (await desk.read(of_another, OTHER))["status"] == "confirming"
    once_more = await shown(desk, "once-more.example", OTHER)
    assert (await desk.read(once_more, OTHER))["status"] == "confirming"
    later = await shown(desk, "later.example")
    assert (await desk.read(later))["status"] == "active", "without a further code"
    elsewhere = await shown(desk, "elsewhere.example", email="else@owner.example")
    assert (await desk.read(elsewhere))["status"] == "confirming"


async def test_one_whose_code_nobody_enters_expires_with_the_time_to_show_the_name(desk: Desk) -> None:
    view = await shown(desk, "forgotten.example")
    await desk.after(days=9)
    ended = await desk.read(view)
    assert (ended["status"], ended["ended_because"], ended["allowed_actions"]) == ("ended", "not_confirmed", [])
    assert await desk.kinds() == []


async def test_a_webhook_needs_no_code(desk: Desk) -> None:
    view = await shown(desk, "hooked.example", email=None, webhook="https://owner.example/hook")
    assert (await desk.read(view))["status"] == "active"
