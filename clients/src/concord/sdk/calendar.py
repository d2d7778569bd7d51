"""Calendar files of several departments as one."""

from collections.abc import Sequence


def merged(files: Sequence[bytes]) -> bytes:
    """The events of all of them in one calendar; each keeps its id, so that a later file takes this one's place."""
    from icalendar import Calendar  # noqa: PLC0415 - no other call needs it, and it takes a while to load

    found = [Calendar.from_ical(each) for each in files]
    made = Calendar()
    for name, word in (("prodid", "-//Concord//deadlines//EN"), ("version", "2.0"), ("method", "PUBLISH")):
        made.add(name, word)
    for name in ("x-wr-calname", "refresh-interval"):
        value = next((each[name] for each in found if name in each), None)
        if value is not None:
            made[name] = value
    events = {str(event["uid"]): event for each in found for event in each.walk("VEVENT")}
    for event in sorted(events.values(), key=lambda event: (event.decoded("dtstart"), str(event["uid"]))):
        made.add_component(event)
    made.add_missing_timezones()
    return bytes(made.to_ical())
