"""The annual review as a cycle: announced, opened, closed by its dates; whose opinion is asked, until when (P3.3)."""

from dataclasses import dataclass
from datetime import datetime, time, timedelta
from typing import Final
from uuid import UUID

from registry.errors import (
    AlreadyFinished,
    InvalidValues,
    NoOpinionAsked,
    NoReviews,
    ReviewExists,
    ReviewYear,
    WindowsOpen,
)
from registry.lifecycle import ReviewAction, ReviewStatus, SubjectAction, SubjectStatus
from registry.policy import POLICY, Act
from registry.service import opinions
from registry.service.desk import SYSTEM
from registry.store import reviewed, reviews
from registry.store.reviews import Asked, Figures, Review
from shared.contracts.directory import Organisation
from shared.contracts.grounds import ActRef, AddressForService, Department, Names, Service, Statement
from shared.contracts.http.registry import WithReasons
from shared.contracts.http.reviews import NewReview, NewWindow
from shared.contracts.quoting import quoting
from shared.rules import Role
from shared.runtime.acts import audit, deadlines, notices
from shared.runtime.acts.runtime import Runtime
from shared.runtime.base.context import Caller
from shared.runtime.base.ids import uuid7
from shared.runtime.db.postgres import Tx

_TITLES: Final = {
    "review_opened": Names(zh="年度审核意见征询函", en="Your opinions in the annual review are asked for"),
    "review_reminder": Names(zh="年度审核意见催告函", en="Your opinions in the annual review are still asked for"),
    "review_closed": Names(zh="年度审核结果通报", en="Results of the annual review"),
}
OPENS: Final = "review_opens"
CLOSES: Final = "review_closes"
RESULTS: Final = "review_results"
WINDOW: Final = "review_window"
"""Kinds of deadlines: of a review the first three; of an authority's window the last, at its reminders and its end."""
_RESTS: Final = {
    SubjectStatus.PASSED: (SubjectAction.PASS, "The review is closed, and no failing opinion stands."),
    SubjectStatus.GONE: (SubjectAction.LEAVE, "It ended before the review did."),
}
"""What becomes of whoever has no failing opinion when a review is closed."""
ASKED: Final = frozenset({Role.SECTOR_REGULATOR, Role.SECURITY_AUTHORITY})


@dataclass(frozen=True, slots=True)
class Desk:
    """Where a review would be: the policy's words, before there is one."""

    level: str
    region: str | None


@dataclass(frozen=True, slots=True)
class Progress:
    """A review with how far it is."""

    review: Review
    subjects: dict[str, dict[str, int]]
    asked: list[Asked]
    figures: list[Figures]
    at: datetime


async def announce(tx: Tx, rt: Runtime, who: Caller, body: NewReview) -> Progress:
    """Announce the review of a year, at the profile's dates; one whose opening day has come is open at once (P3.3.1).

    Raises Forbidden (403); NoReviews, ReviewExists (409); ReviewYear (422).
    """
    at, rules = rt.clock.now(), rt.rules.reviews
    POLICY.require(who, Act.ANNOUNCE_REVIEW, Desk(who.level or "", who.region))
    if rules is None:
        raise NoReviews(profile=rt.rules.ref)
    this_year = at.astimezone(rt.rules.time_zone).year
    opens, until, closes = rules.dates(body.year)
    opens_at = datetime.combine(opens, time(), rt.rules.time_zone)
    if body.year not in {this_year, this_year + 1}:
        raise ReviewYear.field("year", f"must be {this_year} or {this_year + 1}")
    if at >= rt.rules.end_of(until):
        raise ReviewYear.field("year", f"opinions of {body.year} were due by {until}: announce {body.year + 1}")
    regulator = rt.directory.authority_ref(who.organisation)
    added = await reviews.add(
        tx, uuid7(), body.year, regulator, opens_at=opens_at, opinions_until=rt.rules.end_of(until),
        closes_at=rt.rules.end_of(closes), by=who.person, at=at,
    )  # fmt: skip
    if added is None:
        raise ReviewExists(year=body.year, review_id=str(await reviews.find(tx, body.year, regulator)))
    reviews.MOVES.began(tx, added, "announce", who=who, why="Announced at the profile's dates.", at=at)
    if opens_at <= at:
        added = await _open(tx, rt, who, added)
    else:
        await deadlines.start_until(tx, kind=OPENS, aggregate_id=added.id, until=opens_at, rt=rt, at=at)
    return await progress(tx, rt, added)


async def open_by_date(rt: Runtime, tx: Tx, review_id: UUID) -> None:
    """The opening day has come."""
    review = await reviews.hold(tx, review_id)
    if review.status is ReviewStatus.ANNOUNCED:
        await _open(tx, rt, SYSTEM, review)


async def _open(tx: Tx, rt: Runtime, who: Caller, review: Review) -> Review:
    """Whoever is in the register by now is under review, so many at a time, and the authorities of the level are
    asked."""
    at = rt.clock.now()
    last = await reviewed.enter_sites(tx, review, review.entered_to or UUID(int=0), at)
    if last is not None:
        await deadlines.met(tx, OPENS, review.id, at)
        await deadlines.start_in(tx, OPENS, review.id, 0, at=at)
        why = "More sites are under review; there are others."
        return await reviews.MOVES.change(tx, review, "enter", who=who, why=why, at=at, entered_to=last)
    here = [known for known in rt.directory if _is_here(review, known)]
    registrars = {known.organisation_id: known.names.zh for known in here if Role.DOMAIN_REGISTRAR in known.kinds}
    await reviewed.enter_others(tx, review, registrars, at)
    for known in here:
        if _is_asked(review, known):
            asked = await reviews.ask(tx, uuid7(), review.id, known.ref, at, review.opinions_until)
            await _watch(tx, rt, asked, at)
            await _tell(tx, rt, review, asked, "review_opened", f"Until {asked.until.isoformat()} (P3.3.2).")
    await deadlines.start_until(tx, kind=CLOSES, aggregate_id=review.id, until=review.closes_at, rt=rt, at=at)
    return await reviews.MOVES.move(tx, review, ReviewAction.OPEN, who=who, why="Its opening day has come.", at=at)


async def _tell(tx: Tx, rt: Runtime, review: Review, asked: Asked, kind: str, why: str) -> None:
    """A notice to an authority: in its inbox here, and at the address of its office if the directory has one."""
    known = rt.directory.get(asked.authority_id)
    address = AddressForService(email=known.office.email if known is not None and known.office is not None else None)
    rules = rt.rules.reviews
    said = quoting(f"Annual review {review.year}. ", why)
    says = Statement(legal_basis=(rules.source if rules is not None else "P3.3",), reasons=said, public_reasons=said)
    await notices.issue(
        tx, rt, about=ActRef(service=Service.REGISTRY, kind="review", id=review.id), kind=kind, address=address,
        to=Department(identity=asked.authority_id, name=asked.authority.names.zh), authority=review.regulator,
        title=_TITLES[kind], says=says, answer_by=asked.until if kind != "review_closed" else None,
    )  # fmt: skip


async def _watch(tx: Tx, rt: Runtime, asked: Asked, at: datetime) -> None:
    """Let the clock of a window ring at its next reminder, or at its end."""
    days = rt.rules.reviews.remind_days if rt.rules.reviews else ()
    rings = [ring for ring in (asked.until - timedelta(days=each) for each in days) if ring > at]
    ring = min(rings, default=asked.until)
    await deadlines.met(tx, WINDOW, asked.id, at)
    if ring > at:
        await deadlines.start_in(tx, WINDOW, asked.id, (ring - at).total_seconds(), at=at)


async def ring(rt: Runtime, tx: Tx, asked_id: UUID) -> None:
    """An authority that has not finished is reminded; at the end of its window it shows as late by itself."""
    asked, at = await reviews.hold_window(tx, asked_id), rt.clock.now()
    if asked is None or asked.done_at is not None or at >= asked.until:
        return
    await reviews.reminded(tx, asked_id, at)
    why = f"You have not said that you are done, and have until {asked.until.isoformat()}."
    await _tell(tx, rt, await reviews.get(tx, asked.review_id), asked, "review_reminder", why)
    await _watch(tx, rt, asked, at)


async def get(tx: Tx, rt: Runtime, who: Caller, review_id: UUID) -> Progress:
    """One review with how far each authority is. Raises UnknownReview (404), Forbidden (403)."""
    review = await reviews.get(tx, review_id)
    POLICY.require(who, Act.READ_REVIEW, review)
    return await progress(tx, rt, review)


async def progress(tx: Tx, rt: Runtime, review: Review) -> Progress:
    """A review with its figures."""
    return Progress(
        review, await reviewed.count(tx, review.id), await reviews.asked_of(tx, review.id),
        list(await reviews.figures(tx, review.id)), rt.clock.now(),
    )  # fmt: skip


async def page(tx: Tx, who: Caller, *, year: int | None, after: UUID | None, limit: int) -> list[Review]:
    """Reviews the caller reaches, newest first."""
    return await reviews.page(tx, POLICY.reach(who, Act.READ_REVIEW), year=year, after=after, limit=limit)


async def extend(tx: Tx, rt: Runtime, who: Caller, review_id: UUID, body: NewWindow) -> Progress:
    """Ask one more authority of the level, or give one more time; never less than it has.

    Raises UnknownReview (404); Forbidden (403); ActionRefused, NoOpinionAsked (409); InvalidValues (422).
    """
    review, at = await reviews.hold(tx, review_id), rt.clock.now()
    POLICY.require(who, Act.CLOSE_REVIEW, review)
    reviews.MOVES.lifecycle.after(review.status, ReviewAction.CLOSE)
    known = rt.directory.get(body.authority_id)
    if known is None or not _is_asked(review, known):
        raise InvalidValues.field("authority_id", f"{body.authority_id} is no authority of this level and place")
    before = await reviews.hold_asked(tx, review_id, body.authority_id)
    least = max(at, before.until) if before is not None else at
    if not least <= body.until <= review.closes_at:
        raise InvalidValues.field("until", f"lies between {least.isoformat()} and {review.closes_at.isoformat()}")
    asked = await reviews.ask(tx, uuid7(), review_id, known.ref, at, body.until)
    await _watch(tx, rt, asked, at)
    await _tell(tx, rt, review, asked, "review_opened", f"Until {asked.until.isoformat()}: {body.reasons}")
    why = f"{known.organisation_id} until {body.until.isoformat()}: {body.reasons}"
    return await progress(tx, rt, await reviews.MOVES.change(tx, review, "extend_window", who=who, why=why, at=at))


def _is_here(review: Review, known: Organisation) -> bool:
    return known.active and (known.level, known.region) == (review.level, review.region)


def _is_asked(review: Review, known: Organisation) -> bool:
    return _is_here(review, known) and bool(ASKED & set(known.kinds))


async def finish(tx: Tx, rt: Runtime, who: Caller, review_id: UUID, body: WithReasons) -> Progress:
    """An authority has given all its opinions; of whom it said nothing it has nothing to say.

    Raises UnknownReview (404); Forbidden (403); ActionRefused, NoOpinionAsked, AlreadyFinished (409).
    """
    review, at = await reviews.share(tx, review_id), rt.clock.now()
    POLICY.require(who, Act.GIVE_OPINION, review)
    reviews.MOVES.lifecycle.after(review.status, ReviewAction.CLOSE)
    asked = await reviews.hold_asked(tx, review_id, who.organisation)
    if asked is None:
        raise NoOpinionAsked
    if asked.done_at is not None:
        raise AlreadyFinished
    await reviews.finished(tx, asked.id, at, who.person, body.reasons)
    await deadlines.met(tx, WINDOW, asked.id, at)
    await audit.record(tx, who=who, act=Act.GIVE_OPINION, resource=f"/reviews/{review_id}", outcome="granted", at=at)
    return await progress(tx, rt, review)


async def close(tx: Tx, rt: Runtime, who: Caller, review_id: UUID, body: WithReasons) -> Progress:
    """Close a review before its date, once no window is open any more.

    Raises UnknownReview (404); Forbidden (403); ActionRefused, WindowsOpen (409).
    """
    review, at = await reviews.hold(tx, review_id), rt.clock.now()
    POLICY.require(who, Act.CLOSE_REVIEW, review)
    reviews.MOVES.lifecycle.after(review.status, ReviewAction.CLOSE)
    waiting = [each for each in await reviews.asked_of(tx, review_id) if each.done_at is None and at <= each.until]
    if waiting:
        raise WindowsOpen(until=max(each.until for each in waiting).isoformat(), count=len(waiting))
    closed = await _close(tx, rt, who, review, body.reasons)
    return await progress(tx, rt, closed)


async def close_by_date(rt: Runtime, tx: Tx, review_id: UUID) -> None:
    """The closing day is over; who has not finished by now is shown as late for ever."""
    review = await reviews.hold(tx, review_id)
    if review.status is ReviewStatus.OPEN:
        await _close(tx, rt, SYSTEM, review, "Its closing day is over.")


async def _close(tx: Tx, rt: Runtime, who: Caller, review: Review, why: str) -> Review:
    """Everybody without a standing failing opinion has passed at once; each of the others is taken up singly."""
    at = rt.clock.now()
    closed = await reviews.MOVES.move(tx, review, ReviewAction.CLOSE, who=who, why=why, at=at, closed_at=at)
    await deadlines.met(tx, CLOSES, review.id, at)
    for asked in await reviews.asked_of(tx, review.id):
        await deadlines.met(tx, WINDOW, asked.id, at)
    await _give_results(tx, rt, closed)
    return closed


async def give_results(rt: Runtime, tx: Tx, review_id: UUID) -> None:
    """The next turn of a closed review's results."""
    await _give_results(tx, rt, await reviews.hold(tx, review_id))


async def _give_results(tx: Tx, rt: Runtime, review: Review) -> None:
    """So many have passed at a time; then those who are left are taken up singly, and the authorities hear of it."""
    at = rt.clock.now()
    moved = await reviewed.pass_some(tx, review.id, at)
    for status, ids in moved.items():
        action, why = _RESTS[status]
        reviewed.MOVES.moved_all(tx, ids, action, before=SubjectStatus.UNDER_REVIEW, who=SYSTEM, why=why, at=at)
    if sum(map(len, moved.values())) == reviewed.AT_ONCE:
        await deadlines.met(tx, RESULTS, review.id, at)
        await deadlines.start_in(tx, RESULTS, review.id, 0, at=at)
        return
    left = await reviewed.left(tx, review.id)
    for subject_id in left:
        await deadlines.start_in(tx, opinions.RESULT, subject_id, 0, at=at)
    for asked in await reviews.asked_of(tx, review.id):
        late = " Your opinions did not come in time, which counts as neither pass nor fail." if asked.late(at) else ""
        await _tell(tx, rt, review, asked, "review_closed", f"{len(left)} subjects have a failing opinion.{late}")
