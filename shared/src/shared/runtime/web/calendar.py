"""Time limits as a calendar file (RFC 5545): for whoever asks with a token, and at a private address for programs."""

from collections.abc import Collection
from datetime import timedelta
from typing import Annotated, Final

from fastapi import APIRouter, Path, Response
from icalendar import Alarm, Calendar, Event

from shared.contracts.http.notices import CalendarAddress
from shared.runtime.acts import terms
from shared.runtime.acts.runtime import Runtime
from shared.runtime.acts.terms import Term, TermKind
from shared.runtime.base.problems import NotFound
from shared.runtime.web.door import PUBLIC, Rt, Who, router
from shared.runtime.web.inbox import POLICY, Act

ROUTER: Final[APIRouter] = router(prefix="/inbox", tags=["notices"])
REMIND: Final = timedelta(days=-1)
# Nothing of what it is about: calendars are shared, shown on telephones and kept by others.
_SUMMARY: Final = {
    TermKind.ANSWER: "通知答复期限 / Time to answer a notice",
    TermKind.CHALLENGE: "申请复议期限 / Last day to challenge an act",
}
_FILE: Final = {"content": {"text/calendar": {"schema": {"type": "string"}}}}


class UnknownCalendar(NotFound):
    """There is no calendar at this address, or no more: ask for a new address."""


@ROUTER.get("/deadlines.ics", response_class=Response, responses={200: _FILE})
async def read_deadlines(rt: Rt, who: Who) -> Response:
    """Until when what you were told must be answered, and can be challenged, as a calendar file. It opens no notice."""
    POLICY.reach(who, Act.READ_NOTICE)
    return await _file(rt, who.organisation, who.taken_over)


@ROUTER.put("/calendar-address")
async def make_calendar_address(rt: Rt, who: Who) -> CalendarAddress:
    """A private address of your calendar, for programs that cannot log in. It is told this once; the one before ends.

    It shows that something is due and when, never what. End it when you leave your organisation.
    """
    POLICY.reach(who, Act.READ_NOTICE)
    at = rt.clock.now()
    ends_at = at + timedelta(days=rt.settings.calendar_address_days)
    async with rt.db.transaction() as tx:
        token = await terms.make_address(tx, who, at, ends_at)
    return CalendarAddress(url=f"{rt.settings.door}/inbox/calendars/{token}", ends_at=ends_at)


@ROUTER.delete("/calendar-address", status_code=204)
async def revoke_calendar_address(rt: Rt, who: Who) -> None:
    """End the private address of your calendar, if you have one."""
    POLICY.reach(who, Act.READ_NOTICE)
    async with rt.db.transaction() as tx:
        await terms.revoke_address(tx, who)


@ROUTER.get("/calendars/{calendar_token}", openapi_extra=PUBLIC, response_class=Response, responses={200: _FILE})
async def read_calendar(rt: Rt, calendar_token: Annotated[str, Path(max_length=100)]) -> Response:
    """The calendar at a private address."""
    async with rt.db.connection() as tx:
        identity = await terms.whose(tx, calendar_token, rt.clock.now())
    if identity is None:
        raise UnknownCalendar
    return await _file(rt, identity, rt.directory.taken_over_by(identity))


async def _file(rt: Runtime, identity: str, taken_over: Collection[str]) -> Response:
    async with rt.db.connection() as tx:
        found = await terms.of(tx, rt, identity, taken_over)
    return Response(
        calendar(rt, found),
        media_type="text/calendar; charset=utf-8",
        headers={"Cache-Control": "private, no-store", "Content-Disposition": 'inline; filename="deadlines.ics"'},
    )


def calendar(rt: Runtime, found: list[Term]) -> bytes:
    """The terms as a calendar, in the time of the profile; what is over is cancelled under the id it had."""
    made = Calendar()
    made.add("prodid", "-//Concord//deadlines//EN")
    made.add("version", "2.0")
    made.add("method", "PUBLISH")
    made.add("x-wr-calname", "期限 / Time limits")
    made.add("refresh-interval", timedelta(hours=1), parameters={"VALUE": "DURATION"})
    for term in found:
        made.add_component(_event(rt, term))
    made.add_missing_timezones()
    return bytes(made.to_ical())


def _event(rt: Runtime, term: Term) -> Event:
    event = Event()
    event.add("uid", f"{term.act_id}.{term.kind}@concord")
    event.add("sequence", term.revision)
    event.add("dtstamp", term.changed_at)
    event.add("last-modified", term.changed_at)
    event.add("dtstart", term.until.astimezone(rt.rules.time_zone))
    event.add("summary", _SUMMARY[term.kind])
    event.add("description", "请在收件箱中打开通知 / Open the notice in your inbox."
              + (" 日期可能调整 / The date may still move." if term.provisional else ""))  # fmt: skip
    event.add("url", f"{rt.settings.door}/notices/{term.notice_id}")
    event.add("status", "CANCELLED" if term.over else "CONFIRMED")
    event.add("transp", "TRANSPARENT")
    event.add("class", "PRIVATE")
    if not term.over:
        alarm = Alarm()
        alarm.add("action", "DISPLAY")
        alarm.add("description", _SUMMARY[term.kind])
        alarm.add("trigger", REMIND)
        event.add_component(alarm)
    return event
