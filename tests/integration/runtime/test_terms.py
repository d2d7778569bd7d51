"""Terms in the inbox as a calendar: what calendar programs read, and what they must never learn."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from fastapi import FastAPI
from icalendar import Calendar

from shared.contracts.grounds import ActRef, AddressForService, AuthorityRef, Grounds, Names, OperatorRef, Statement
from shared.rules import Unit
from shared.runtime.acts import deadlines, notices, terms
from shared.runtime.base.clock import FixedClock
from shared.runtime.base.ids import uuid7
from shared.runtime.process.service import Service
from tests.support.fixtures import MakeDatabase
from tests.support.people import OPERATOR_USCC, at
from tests.support.service import Api, running_service

SAYS = Statement.model_validate({**Statement.EXAMPLE, "reasons": "Sells medicines without consent."})
CURE = at("2026-12-03T15:59")


@pytest.fixture
def clock() -> FixedClock:
    return FixedClock(at("2026-11-26T04:00"))


@pytest.fixture
async def api(make_database: MakeDatabase, clock: FixedClock, tmp_path: Any) -> AsyncIterator[Api]:
    """A service that has an inbox and nothing else."""
    service = Service(name="registry", notifies=True)
    settings = {"signing_keys_file": tmp_path / "keys.json", "signing_keys_generate": True}
    async with running_service(service, await make_database("runtime"), clock=clock, **settings) as found:
        assert isinstance(found.app, FastAPI)
        yield found


async def told(api: Api, act: UUID, kind: str = "decision_intended", **changes: Any) -> UUID:
    async with api.rt.db.transaction() as tx:
        given: dict[str, Any] = {
            "about": ActRef.model_validate({**ActRef.EXAMPLE, "id": act}), "kind": kind, "says": SAYS,
            "to": OperatorRef(identity=OPERATOR_USCC, name="Example Pharmacy Ltd"), "address": AddressForService(),
            "authority": AuthorityRef.model_validate(AuthorityRef.EXAMPLE),
            "title": Names(zh="拟作出处理决定告知书", en="Notice of an intended decision"),
        }  # fmt: skip
        return await notices.issue(tx, api.rt, **given | changes)


async def events(api: Api, path: str = "/inbox/deadlines.ics", who: Any = "applicant") -> dict[str, Any]:
    answer = await api.get(path, who=who)
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"] == "text/calendar; charset=utf-8"
    assert "no-store" in answer.headers["cache-control"]
    return {str(each["uid"]): each for each in Calendar.from_ical(answer.text).walk("VEVENT")}


async def test_an_answer_that_is_asked_for_is_an_event_in_the_time_of_the_profile(api: Api, clock: FixedClock) -> None:
    act = uuid7()
    notice_id = await told(api, act, answer_by=CURE)
    event = (await events(api))[f"{act}.answer@concord"]
    assert event.decoded("dtstart") == CURE
    assert event["dtstart"].params["TZID"] == "Asia/Shanghai"
    assert str(event["dtstart"].dt.time()) == "23:59:00"
    assert event["status"] == "CONFIRMED"
    assert str(event["url"]).endswith(f"/notices/{notice_id}")
    raw = (await api.get("/inbox/deadlines.ics", who="applicant")).text
    assert "BEGIN:VTIMEZONE" in raw
    assert raw.count("\r\n") == raw.count("\n"), "RFC 5545 §3.1"
    async with api.rt.db.connection() as tx:
        assert (await notices.get(tx, notice_id)).opened_at is None, "a calendar opens nothing"


async def test_a_calendar_says_nothing_of_what_it_is_about(api: Api) -> None:
    await told(api, uuid7(), answer_by=CURE, says=Grounds.model_validate(Grounds.EXAMPLE))
    raw = (await api.get("/inbox/deadlines.ics", who="applicant")).text.replace("\r\n ", "")
    for word in ("Pharmacy", "medicines", "intended", "拟作出", OPERATOR_USCC, "decision_intended", "Authority"):
        assert word not in raw, word
    assert "CLASS:PRIVATE" in raw


async def test_what_a_later_notice_says_takes_its_place_under_the_same_id(api: Api, clock: FixedClock) -> None:
    act = uuid7()
    await told(api, act, answer_by=CURE)
    [(uid, first)] = (await events(api)).items()
    clock.advance(timedelta(days=1))
    await told(api, act, "reminder", answer_by=CURE + timedelta(days=5))
    [(same, second)] = (await events(api)).items()
    assert same == uid
    assert second.decoded("dtstart") == CURE + timedelta(days=5)
    assert second["sequence"] > first["sequence"]
    assert second.decoded("dtstamp") > first.decoded("dtstamp")
    clock.advance(timedelta(days=1))
    await told(api, act, "decision_withdrawn")
    [(gone, third)] = (await events(api)).items()
    assert (gone, third["status"]) == (uid, "CANCELLED")
    assert third["sequence"] > second["sequence"]
    assert not third.walk("VALARM"), "nobody is woken for what is over"


async def test_days_that_run_from_delivery_move_the_event_when_it_is_opened_late(api: Api, clock: FixedClock) -> None:
    act, by = uuid7(), clock.now() + timedelta(days=3)
    notice_id = await told(api, act, answer_by=by, answer_within_days=7)
    [(uid, first)] = (await events(api)).items()
    assert first.decoded("dtstart") == by, "not delivered yet: what it says"
    clock.advance(timedelta(days=5))
    [item] = (await api.get("/notices", who="applicant")).json()["items"]
    assert datetime.fromisoformat(item["answer_by"]) == by
    await api.get(f"/notices/{notice_id}", who="applicant")
    [(same, second)] = (await events(api)).items()
    due = api.rt.rules.count(clock.now(), 7, Unit.DAYS).due_at
    assert (same, second.decoded("dtstart"), due > by) == (uid, due, True)
    assert (second["sequence"] > first["sequence"], second.decoded("dtstamp") > first.decoded("dtstamp")) == (
        True,
        True,
    )
    [item] = (await api.get("/notices", who="applicant")).json()["items"]
    assert datetime.fromisoformat(item["answer_by"]) == due
    await told(api, act, "decision_withdrawn")
    [third] = (await events(api)).values()
    assert (third["status"], third["sequence"] > second["sequence"]) == ("CANCELLED", True)


async def test_what_is_opened_in_time_keeps_the_day_it_says(api: Api, clock: FixedClock) -> None:
    by = clock.now() + timedelta(days=30)
    notice_id = await told(api, uuid7(), answer_by=by, answer_within_days=7)
    await api.get(f"/notices/{notice_id}", who="applicant")
    assert [each.decoded("dtstart") for each in (await events(api)).values()] == [by.replace(microsecond=0)]


async def test_with_a_clock_it_is_over_when_that_is_met_and_not_before(api: Api, clock: FixedClock) -> None:
    act = uuid7()
    await told(api, act, answer_by=CURE)
    async with api.rt.db.transaction() as tx:
        await deadlines.start_until(tx, kind="correct_by", aggregate_id=act, until=CURE, rt=api.rt, at=clock.now())
    clock.advance(timedelta(hours=1))
    await told(api, act, "news")
    [event] = (await events(api)).values()
    assert event["status"] == "CONFIRMED", "news that ends nothing frees nobody"
    async with api.rt.db.transaction() as tx:
        await deadlines.met(tx, "correct_by", act, clock.now())
    [event] = (await events(api)).values()
    assert event["status"] == "CANCELLED"


async def test_the_time_to_challenge_runs_from_delivery_and_is_over_when_somebody_does(
    api: Api, clock: FixedClock
) -> None:
    act = uuid7()
    notice_id = await told(api, act, says=Grounds.model_validate(Grounds.EXAMPLE))
    assert await events(api) == {}, "not delivered: no time runs"
    assert (await api.get(f"/notices/{notice_id}", who="applicant")).status_code == 200
    event = (await events(api))[f"{act}.challenge@concord"]
    within = Grounds.EXAMPLE["redress"]["within_days"]
    assert event.decoded("dtstart") == api.rt.rules.appeal_until(clock.now(), within).due_at
    async with api.rt.db.transaction() as tx:
        await terms.challenged(tx, act, clock.now())
    assert (await events(api))[f"{act}.challenge@concord"]["status"] == "CANCELLED"


async def test_each_sees_its_own_time_limits_and_what_is_long_past_is_left_out(api: Api, clock: FixedClock) -> None:
    await told(api, uuid7(), answer_by=CURE)
    assert await events(api, who="regulator-a") == {}
    assert (await api.get("/inbox/deadlines.ics")).status_code == 401
    clock.advance(CURE + terms.SHOWN - clock.now())
    assert await events(api) == {}


async def test_a_private_address_shows_the_calendar_until_it_is_made_anew_ended_or_a_year_old(
    api: Api, clock: FixedClock
) -> None:
    await told(api, uuid7(), answer_by=clock.now() + timedelta(days=360))
    first = (await api.put("/inbox/calendar-address", who="applicant")).json()
    assert datetime.fromisoformat(first["ends_at"]) == clock.now() + timedelta(days=365)
    path = first["url"].removeprefix(api.rt.settings.door)
    assert len(await events(api, path, who=None)) == 1
    async with api.rt.db.connection() as tx:
        kept = str(await tx.fetch("SELECT * FROM calendar_address"))
    assert path.rpartition("/")[2] not in kept, "only the hash is kept"

    second = (
        (await api.put("/inbox/calendar-address", who="applicant")).json()["url"].removeprefix(api.rt.settings.door)
    )
    assert (await api.get(path)).json()["code"] == "unknown_calendar"
    assert len(await events(api, second, who=None)) == 1
    clock.advance(timedelta(days=364))
    assert len(await events(api, second, who=None)) == 1
    clock.advance(timedelta(days=1))
    assert (await api.get(second)).status_code == 404

    third = (await api.put("/inbox/calendar-address", who="applicant")).json()["url"].removeprefix(api.rt.settings.door)
    assert (await api.get(third)).status_code == 200
    assert (await api.delete("/inbox/calendar-address", who="applicant")).status_code == 204
    assert (await api.get(third)).status_code == 404
    assert (await api.delete("/inbox/calendar-address", who="applicant")).status_code == 204, "twice is once"


async def test_filters_counts_and_receipts(api: Api, clock: FixedClock) -> None:
    act = uuid7()
    one, two = await told(api, act, answer_by=CURE), await told(api, uuid7(), "news")

    async def ids(query: str, who: Any = "applicant") -> list[str]:
        return [each["id"] for each in (await api.get(f"/notices?{query}", who=who)).json()["items"]]

    assert await ids("") == [str(two), str(one)]
    assert await ids("kind=news") == [str(two)]
    assert await ids(f"about={act}") == [str(one)]
    assert (await api.get("/notices/counts", who="applicant")).json()["unread"] == 2
    clock.advance(timedelta(hours=1))
    await api.get(f"/notices/{two}", who="applicant")
    clock.advance(timedelta(hours=1))
    await api.get(f"/notices/{two}", who=("applicant", {"sub": "colleague", "name": "A colleague"}))
    assert await ids("unread=true") == [str(one)]
    counts = (await api.get("/notices/counts", who="applicant")).json()
    assert counts == {
        "total": 2, "unread": 1,
        "kinds": [{"kind": "decision_intended", "total": 1, "unread": 1}, {"kind": "news", "total": 1, "unread": 0}],
    }  # fmt: skip
    authority = ("drugs-a", {"organisation": AuthorityRef.EXAMPLE["id"]})
    seen = (await api.get(f"/notices/{two}", who=authority)).json()
    first, second = seen["openings"]
    assert datetime.fromisoformat(first["opened_at"]) == datetime(2026, 11, 26, 5, tzinfo=UTC)
    assert second["name"] == "A colleague"
    inbox = seen["deliveries"][0]
    assert (inbox["channel"], inbox["state"]) == ("inbox", "opened")
    assert (await api.get("/notices/counts", who=authority)).json()["total"] == 2, "what its authority told others"
    assert (await api.get("/notices/counts", who="regulator-b")).json()["total"] == 0
