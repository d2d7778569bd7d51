"""Clocks: an authority that is late, warnings, the end of the last day, renewals."""

from uuid import UUID

import pytest

from approval.lifecycle import Status
from approval.service import validity
from tests.integration.approval.desk import Desk
from tests.support.crash import survives
from tests.support.people import at

# Valid until 22 November 2029: the day is over at 16:00 UTC, midnight in Beijing.
RINGS = ("2029-10-23T16:00", "2029-11-15T16:00", "2029-11-21T16:00")
OVER = "2029-11-22T16:00"


async def warnings(desk: Desk, approval_id: str) -> int:
    return [action for action, *_ in await desk.trail(approval_id)].count("warn")


async def test_a_missed_clock_is_marked_once_and_the_application_can_still_be_decided(desk: Desk) -> None:
    late, decided = await desk.applied(), await desk.applied()
    await desk.done(decided, "not-required")
    assert await desk.travel("2026-11-30T15:59:58") == 0
    assert await desk.travel("2026-11-30T16:00") == 1
    assert await desk.travel("2027-01-01T00:00") == 0
    assert (await desk.read(decided))["overdue"] is False
    assert [move[0] for move in await desk.trail(late)] == ["apply", "mark_overdue"]
    granted = await desk.done(late, "grant")
    assert (granted["status"], granted["overdue"]) == ("granted", True)


async def test_a_clock_that_rings_after_the_decision_marks_nothing(desk: Desk) -> None:
    approval_id, rt = await desk.at(Status.GRANTED), desk.api.rt
    async with rt.db.transaction() as tx:
        await validity.mark_overdue(rt, tx, UUID(approval_id))
    assert (await desk.read(approval_id))["overdue"] is False


async def test_the_operator_is_warned_three_times_and_then_the_approval_lapses(desk: Desk) -> None:
    approval_id = await desk.at(Status.GRANTED)
    for nth, ring in enumerate(RINGS, 1):
        assert await desk.travel(ring) == 1
        warned = await desk.read(approval_id)
        assert (warned["status"], at(warned["warned_at"])) == ("granted", at(ring))
        assert await warnings(desk, approval_id) == nth
        assert await desk.travel(ring) == 0
    assert await desk.travel("2029-11-22T15:59:59") == 0, "the last day belongs to the operator"
    assert await desk.travel(OVER) == 1
    lapsed = await desk.read(approval_id)
    assert (lapsed["status"], lapsed["live"]) == ("lapsed", False)
    fact, data = (await desk.facts(approval_id))[-1]
    assert (fact, data["approval"]["version"]) == ("approval.lapsed.v1", lapsed["version"])
    assert data["approval"]["live"] is False
    assert (await desk.trail(approval_id))[-1] == ("lapse", "granted", "lapsed", "system:approval")
    assert await desk.travel("2031-01-01T00:00") == 0


async def test_a_clock_that_slept_through_the_warnings_lapses_at_once(desk: Desk) -> None:
    approval_id = await desk.at(Status.GRANTED)
    assert await desk.travel("2030-01-01T00:00") == 1
    assert (await desk.read(approval_id))["status"] == "lapsed"
    assert await warnings(desk, approval_id) == 0


async def test_an_approval_of_a_few_days_is_warned_of_what_is_still_to_come(desk: Desk) -> None:
    approval_id = await desk.applied()
    await desk.done(approval_id, "grant", valid_until="2026-11-05")
    assert await desk.travel("2026-11-04T16:00") == 1
    assert await warnings(desk, approval_id) == 1
    assert await desk.travel("2026-11-05T16:00") == 1
    assert (await desk.read(approval_id))["status"] == "lapsed"


async def test_a_renewal_keeps_id_number_and_scope_and_moves_the_last_day(desk: Desk) -> None:
    approval_id = await desk.at(Status.GRANTED)
    before = await desk.read(approval_id)
    asked = await desk.done(approval_id, "renewal-request")
    assert (asked["status"], asked["live"], asked["renewal_until"]) == ("renewing", True, "2031-10-22")
    assert asked["valid_until"] == before["valid_until"], "the earlier one stands until it is decided"
    assert at(asked["clock"]["due_at"]) == at("2026-11-30T15:59:59")
    renewed = await desk.done(approval_id, "renewal")
    assert (renewed["status"], renewed["valid_until"], renewed["renewal_until"]) == ("granted", "2031-10-22", None)
    for name in ("id", "number", "scope", "valid_from"):
        assert renewed[name] == before[name]
    assert [decision["action"] for decision in renewed["decisions"]] == ["grant", "renew"]
    fact, data = (await desk.facts(approval_id))[-1]
    assert (fact, data["approval"]["valid_until"]) == ("approval.renewed.v1", "2031-10-22")
    assert await desk.travel("2029-12-01T00:00") == 0, "the old end rings no more"
    assert await desk.travel("2031-09-22T16:00") == 1
    assert await warnings(desk, approval_id) == 1


async def test_a_renewal_begins_a_new_clock_whatever_became_of_the_first(desk: Desk) -> None:
    approval_id = await desk.applied()
    await desk.travel("2026-12-01T00:00")
    assert (await desk.done(approval_id, "grant"))["overdue"] is True
    asked = await desk.done(approval_id, "renewal-request")
    assert (asked["overdue"], asked["clock"]["met_at"]) == (False, None)
    await desk.travel("2027-02-01T00:00")
    assert (await desk.read(approval_id))["overdue"] is True


async def test_an_approval_whose_renewal_is_on_the_desk_stays_in_force_past_its_last_day(desk: Desk) -> None:
    approval_id = await desk.at(Status.GRANTED)
    await desk.travel("2029-11-20T00:00")
    await desk.done(approval_id, "renewal-request")
    await desk.travel("2029-12-25T00:00")
    waiting = await desk.read(approval_id)
    assert (waiting["status"], waiting["live"], waiting["overdue"]) == ("renewing", True, True)
    renewed = await desk.done(approval_id, "renewal")
    assert (renewed["status"], renewed["valid_until"]) == ("granted", "2031-10-22")


async def test_a_renewal_refused_in_time_leaves_the_last_day_as_it_was(desk: Desk) -> None:
    approval_id = await desk.at(Status.RENEWING)
    refused = await desk.done(approval_id, "renewal-refusal")
    assert (refused["status"], refused["live"], refused["renewal_until"]) == ("granted", True, None)
    decision = refused["decisions"][-1]
    assert decision["challenge"]["kind"] == "renewal_refusal"
    await desk.done(approval_id, "renewal-request"), "one may ask again"
    await desk.done(approval_id, "renewal-refusal")
    challenges = {each["challenge"]["id"] for each in (await desk.read(approval_id))["decisions"][1:]}
    assert len(challenges) == 2, "each refusal can be challenged"
    assert await desk.travel(RINGS[0]) == 1
    assert await desk.travel(OVER) == 1
    assert (await desk.read(approval_id))["status"] == "lapsed"


async def test_a_renewal_refused_after_the_last_day_lapses_there_and_then(desk: Desk) -> None:
    approval_id = await desk.at(Status.RENEWING)
    await desk.travel("2029-12-25T00:00")
    refused = await desk.done(approval_id, "renewal-refusal")
    assert (refused["status"], refused["live"]) == ("lapsed", False)
    assert [move[0] for move in await desk.trail(approval_id)][-2:] == ["refuse_renewal", "lapse"]
    assert [fact for fact, _ in await desk.facts(approval_id)][-1] == "approval.lapsed.v1"


async def test_no_renewal_is_asked_for_when_the_last_day_is_over(desk: Desk) -> None:
    approval_id = await desk.at(Status.GRANTED)
    desk.clock.advance(at(OVER) - desk.clock.now())  # and the tick has not come round yet
    answer = await desk.do(approval_id, "renewal-request")
    assert (answer.status_code, answer.json()["code"]) == (409, "validity_over")


@pytest.mark.parametrize(("step", "status"), [("renewal-request", Status.GRANTED), ("renewal", Status.RENEWING)])
async def test_a_renewal_ends_later_than_before(desk: Desk, step: str, status: Status) -> None:
    answer = await desk.do(await desk.at(status), step, valid_until="2029-11-22")
    assert (answer.status_code, answer.json()["code"]) == (422, "validity_too_short")


@pytest.mark.parametrize(("step", "status"), [("grant", Status.SUBMITTED), ("renewal", Status.RENEWING)])
async def test_no_approval_is_granted_or_renewed_for_longer_than_the_profile_lets_it_be_valid(
    desk: Desk, step: str, status: Status
) -> None:
    approval_id = await desk.at(status)  # on 2 November 2026; the profile allows five years
    answer = await desk.do(approval_id, step, valid_until="2031-11-03")
    assert (answer.status_code, answer.json()["code"]) == (422, "validity_too_long")
    assert answer.json()["fields"] == [{"field": "valid_until", "message": "must be 2031-11-02 at the latest"}]
    assert (await desk.read(approval_id))["status"] == status, "and nothing was done"
    assert (await desk.done(approval_id, step, valid_until="2031-11-02"))["valid_until"] == "2031-11-02"


async def test_renewals_in_advance_do_not_add_up(desk: Desk) -> None:
    approval_id = await desk.at(Status.RENEWING)
    await desk.done(approval_id, "renewal", valid_until="2031-11-02")
    await desk.done(approval_id, "renewal-request", valid_until="2036-11-02")
    answer = await desk.do(approval_id, "renewal", valid_until="2031-11-03")
    assert (answer.status_code, answer.json()["code"]) == (422, "validity_too_long")


async def test_a_lapse_killed_between_any_two_statements_was_none(desk: Desk) -> None:
    approval_id, rt = await desk.at(Status.GRANTED), desk.api.rt
    desk.clock.advance(at(OVER) - desk.clock.now())

    async def lapse() -> None:
        async with rt.db.transaction() as tx:
            await validity.ring(rt, tx, UUID(approval_id))

    await survives(rt, lapse)
    assert (await desk.read(approval_id))["status"] == "lapsed"
