"""Calendars of several departments as one."""

from datetime import datetime
from zoneinfo import ZoneInfo

from icalendar import Calendar, Event

from concord.sdk.calendar import merged

SHANGHAI = ZoneInfo("Asia/Shanghai")


def calendar(*uids: str, day: int = 1) -> bytes:
    made = Calendar()
    made.add("prodid", "-//Concord//deadlines//EN")
    made.add("version", "2.0")
    made.add("method", "PUBLISH")
    for uid in uids:
        event = Event()
        event.add("uid", uid)
        event.add("dtstart", datetime(2026, 12, day, 23, 59, tzinfo=SHANGHAI))
        made.add_component(event)
    made.add_missing_timezones()
    return bytes(made.to_ical())


def test_the_events_of_all_departments_are_in_one_calendar_in_their_order_and_each_once() -> None:
    one = Calendar.from_ical(merged([calendar("b", day=9), calendar("a", "c", day=2), calendar("c", day=2)]))
    assert [str(each["uid"]) for each in one.walk("VEVENT")] == ["a", "c", "b"]
    assert one["method"] == "PUBLISH"
    assert len(one.walk("VTIMEZONE")) == 1
    assert one.walk("VEVENT")[0].decoded("dtstart") == datetime(2026, 12, 2, 23, 59, tzinfo=SHANGHAI)


def test_without_a_department_that_tells_anything_there_is_an_empty_calendar() -> None:
    empty = Calendar.from_ical(merged([]))
    assert (empty.walk("VEVENT"), empty["version"]) == ([], "2.0")
