"""A decision in a case ends an approval (P3.2.4); an appeal brings it back as it stood (docs/adr/0004)."""

import asyncio
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest

from approval.lifecycle import LIVE, Status
from shared.contracts import examples
from shared.runtime.base.ids import uuid7
from tests.integration.approval.desk import Desk
from tests.support.crash import survives
from tests.support.people import at


async def test_a_decision_in_a_case_ends_an_approval_with_its_grounds(desk: Desk) -> None:
    approval_id, decision_id = await desk.at(Status.GRANTED), uuid7()
    await desk.hear(desk.ending(approval_id, decision_id))
    ended = await desk.read(approval_id)
    assert (ended["status"], ended["live"]) == ("ended", False)
    decision = ended["decisions"][-1]
    assert decision["challenge"] == {"service": "enforcement", "kind": "decision", "id": str(decision_id)}
    assert decision["grounds"]["reasons"] == examples.GROUNDS["reasons"]
    fact, data = (await desk.facts(approval_id))[-1]
    assert (fact, data["approval"]["live"]) == ("approval.ended.v1", False)
    assert data["grounds"]["decision_id"] == str(decision_id)
    assert await desk.travel("2030-01-01T00:00") == 0, "what is ended does not lapse"


@pytest.mark.parametrize("undone", ["overturned", "suspended", "lifted"])
async def test_what_an_overturned_or_suspended_decision_ended_stands_again(desk: Desk, undone: str) -> None:
    approval_id, decision_id = await desk.at(Status.GRANTED), uuid7()
    before = await desk.read(approval_id)
    await desk.hear(desk.ending(approval_id, decision_id))
    await desk.hear(getattr(desk, undone)(decision_id))
    after = await desk.read(approval_id)
    changed = {name for name in before if before[name] != after[name]}
    assert changed == {"version", "decisions"}, "exactly as it stood"
    assert at(after["decisions"][-1]["undone_at"]) == desk.clock.now()
    assert after["decisions"][-1]["undone_why"], "the reasons stay readable"
    fact, data = (await desk.facts(approval_id))[-1]
    assert (fact, data["approval"]["live"]) == ("approval.reinstated.v1", True)
    assert await desk.travel("2029-10-23T16:00") == 1, "its last day is watched again"


async def test_a_renewal_that_was_on_the_desk_is_there_again_with_the_time_that_was_left(desk: Desk) -> None:
    approval_id, decision_id = await desk.at(Status.RENEWING), uuid7()
    before = await desk.read(approval_id)
    await desk.hear(desk.ending(approval_id, decision_id))
    assert (await desk.read(approval_id))["clock"]["stopped_at"] is not None
    assert await desk.travel("2026-12-14T01:00") == 0, "nobody is late with what nobody may decide"
    await desk.hear(desk.overturned(decision_id))
    after = await desk.read(approval_id)
    assert (after["status"], after["renewal_until"], after["overdue"]) == ("renewing", "2031-10-22", False)
    assert at(after["clock"]["due_at"]) > at(before["clock"]["due_at"])
    assert (await desk.done(approval_id, "renewal"))["status"] == "granted"


async def test_an_approval_whose_last_day_passed_while_it_was_ended_comes_back_and_lapses(desk: Desk) -> None:
    approval_id, decision_id = await desk.at(Status.GRANTED), uuid7()
    await desk.hear(desk.ending(approval_id, decision_id))
    await desk.travel("2030-01-01T00:00")
    await desk.hear(desk.overturned(decision_id))
    assert (await desk.read(approval_id))["status"] == "lapsed"
    assert [fact for fact, _ in await desk.facts(approval_id)][-2:] == [
        "approval.reinstated.v1", "approval.lapsed.v1",
    ]  # fmt: skip


async def test_of_two_decisions_the_one_that_still_stands_keeps_it_ended(desk: Desk) -> None:
    approval_id, first, second = await desk.at(Status.GRANTED), uuid7(), uuid7()
    await desk.hear(desk.ending(approval_id, first))
    await desk.hear(desk.ending(approval_id, second))
    told = await desk.facts(approval_id)
    await desk.hear(desk.overturned(first))
    assert (await desk.read(approval_id))["status"] == "ended"
    assert await desk.facts(approval_id) == told
    await desk.hear(desk.overturned(second))
    assert (await desk.read(approval_id))["status"] == "granted"


async def test_a_decision_that_is_heard_twice_acts_once_and_never_after_its_end(desk: Desk) -> None:
    approval_id, decision_id = await desk.at(Status.GRANTED), uuid7()
    ending, overturned = desk.ending(approval_id, decision_id), desk.overturned(decision_id)
    await desk.hear(ending)
    await desk.hear(ending)
    await desk.hear(desk.suspended(decision_id))
    back = await desk.read(approval_id)
    await desk.hear(overturned)
    await desk.hear(ending)
    assert await desk.read(approval_id) == back
    assert back["status"] == "granted"
    assert [move[0] for move in await desk.trail(approval_id)] == ["apply", "grant", "end", "reinstate"]


@pytest.mark.parametrize("status", [each for each in Status if each not in LIVE - {Status.NOT_REQUIRED}])
async def test_what_is_not_an_approval_in_force_is_not_ended(desk: Desk, status: Status) -> None:
    if status in {Status.ENDED, Status.LAPSED}:  # which keep the decision: test_guards.py
        return
    approval_id = await desk.at(status)
    before, decision_id = await desk.read(approval_id), uuid7()
    await desk.hear(desk.ending(approval_id, decision_id))
    assert await desk.read(approval_id) == before
    await desk.hear(desk.overturned(decision_id))
    assert await desk.read(approval_id) == before


SOMEBODY_ELSE = {"identity": "91310000MA1FL0ABC1", "name": "Another Pharmacy Ltd"}


@pytest.mark.parametrize(
    "changes",
    [
        {"service_item": "healthcare"},
        {"service_item": None},
        {"operator": SOMEBODY_ELSE},
        {"operator": None},
        {"site": None},
        {"site": {**examples.FROZEN_SITE, "hosts": ["other.example"]}},
        {"grounds": {**examples.GROUNDS, "authority": {**examples.AUTHORITY, "region": "310000"}}},
        {"grounds": {**examples.GROUNDS, "authority": {**examples.AUTHORITY, "level": "national", "region": None}}},
        {"effect": "suspend_access"},
    ],
)
async def test_a_decision_about_something_else_ends_nothing(desk: Desk, changes: dict[str, Any]) -> None:
    approval_id = await desk.at(Status.GRANTED)
    await desk.hear(desk.ending(approval_id, **changes))
    assert (await desk.read(approval_id))["status"] == "granted"


async def test_a_decision_about_names_below_the_approved_one_ends_it_and_one_about_the_name_above_does_not(
    desk: Desk,
) -> None:
    above = await desk.at(Status.GRANTED, domain="shop.example")
    below = await desk.at(Status.GRANTED, domain="www.shop.example")
    await desk.hear(desk.ending(above))
    assert [(await desk.read(each))["status"] for each in (above, below)] == ["ended", "granted"]
    await desk.hear(desk.ending(below, decision := uuid7()))
    assert (await desk.read(below))["status"] == "ended"
    assert str(decision) == (await desk.read(above))["decisions"][-1]["challenge"]["id"], "kept beside the first"


async def test_one_decision_ends_every_approval_of_the_site_and_its_end_brings_all_back(desk: Desk) -> None:
    both = [await desk.at(Status.GRANTED, domain=name) for name in ("a.shop.example", "b.shop.example")]
    site = {**examples.FROZEN_SITE, "hosts": ["a.shop.example", "x.b.shop.example"]}
    await desk.hear(desk.ending(both[0], decision_id := uuid7(), site=site))
    assert [(await desk.read(each))["status"] for each in both] == ["ended", "ended"]
    await desk.hear(desk.lifted(decision_id))
    assert [(await desk.read(each))["status"] for each in both] == ["granted", "granted"]


async def test_what_was_consented_to_after_the_decision_is_not_ended_by_it(desk: Desk) -> None:
    approval_id = await desk.at(Status.GRANTED)
    before = desk.clock.now() - timedelta(seconds=1)
    await desk.hear(desk.ending(approval_id, released_at=before))
    assert (await desk.read(approval_id))["status"] == "granted"


async def test_the_end_of_a_decision_that_nobody_here_heard_of_changes_nothing(desk: Desk) -> None:
    approval_id = await desk.at(Status.GRANTED)
    await desk.hear(desk.overturned(uuid7()))
    own = (await desk.read(approval_id))["decisions"][0]
    async with desk.api.rt.db.connection() as tx:
        grant = await tx.fetchval("SELECT id FROM decision WHERE approval_id = $1", UUID(approval_id))
    await desk.hear(desk.overturned(grant))
    assert (await desk.read(approval_id))["decisions"][0] == own, "a decision of our own is not theirs to undo"


async def test_eight_decisions_at_once_end_it_once(desk: Desk) -> None:
    approval_id = await desk.at(Status.GRANTED)
    await asyncio.gather(*(desk.hear(desk.ending(approval_id)) for _ in range(8)))
    assert [fact for fact, _ in await desk.facts(approval_id)] == ["approval.granted.v1", "approval.ended.v1"]
    assert len((await desk.read(approval_id))["decisions"]) == 9


@pytest.mark.parametrize("status", [Status.GRANTED, Status.RENEWING])
async def test_ending_and_reinstating_killed_between_any_two_statements_did_nothing(desk: Desk, status: Status) -> None:
    approval_id, decision_id, rt = await desk.at(status), uuid7(), desk.api.rt
    await survives(rt, desk.hearing(desk.ending(approval_id, decision_id)))
    await survives(rt, desk.hearing(desk.overturned(decision_id)))
    assert (await desk.read(approval_id))["status"] == status
