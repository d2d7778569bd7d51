"""No burden by repetition: what limits one decision limits all that are taken about the same subject (docs/adr/0008).

Asked when a decision is drafted and again when it is released, both while the subject is held: of two cases about one
subject the second sees what the first did.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from enforcement.errors import AppealUndecided, NothingNew, TimeUsedUp, UrgencyLost
from enforcement.lifecycle import IN_FORCE, AppealStatus, Status
from enforcement.service.safeguards import RELEASED, URGENT_NOTICE
from enforcement.store import appeals, decisions
from enforcement.store.appeals import Appeal
from enforcement.store.cases import Case
from enforcement.store.decisions import Decision
from shared.rules import Effect
from shared.rules.effects import EffectRule
from shared.runtime.acts import notices
from shared.runtime.acts.runtime import Runtime
from shared.runtime.db.postgres import Tx

NOTICE_LATE: Final = "notice_late"
"""Why a decision is suspended whose notice was not handed over in time."""
LIFTED: Final = "lifted"
"""Why a decision has ended that its authority took back."""
_COMING: Final = frozenset({Status.RELEASED, Status.EXECUTED})
_DONE: Final = frozenset({"carried_out", "undone"})
STOPPING: Final = (Effect.SUSPEND_ACCESS, Effect.CUT_ACCESS, Effect.REVOKE)
"""What takes a site off the net: alike for whom it hits, each heavier than the one before."""

Span = tuple[datetime, datetime]
"""From when until when hosting is stopped, or an operator is barred."""


@dataclass(frozen=True, slots=True)
class Intended:
    """What a decision would do, as far as repetition can make it wrong."""

    effect: Effect
    evidence: Collection[str]
    urgent: bool
    begins: datetime
    """The earliest time at which it can have an effect."""
    until: datetime | None


async def require_none(tx: Tx, rt: Runtime, case: Case, intended: Intended) -> None:
    """Hold the subject of a held case, and see that this is no second burden in the shape of a first.

    Raises AppealUndecided, NothingNew, UrgencyLost, TimeUsedUp (409); each says what to do instead.
    """
    await decisions.hold_subject(tx, case)
    alike = STOPPING if intended.effect in STOPPING else (intended.effect,)
    found = await decisions.about_subject(tx, case, alike)
    await _require_decided(tx, found, intended)
    _require_new(found, intended, alike)
    earlier = [each for each in found if each.effect is intended.effect]
    if intended.urgent:
        await _require_urgency(tx, rt, earlier)
    if intended.until is not None:
        require_time_left(rt, earlier, intended, rt.clock.now())


async def _require_decided(tx: Tx, earlier: Sequence[Decision], intended: Intended) -> None:
    """What was suspended because its appeal was late, or stayed, waits for the appeal and is not done by another.

    Neither is it done by another effect on nothing new; and what was lifted under appeal counts as what was suspended:
    to lift it an hour before its appeal is late is no way to have it again.
    """
    known: dict[UUID, Decision] = {each.id: each for each in earlier}
    for appeal in await appeals.of_acts(tx, known):
        if appeal.status is not AppealStatus.OPEN:
            continue
        decision, late = known[appeal.act.id], appeal.stay == "granted" or appeal.overdue_at is not None
        lifted = await _was_lifted_under(tx, decision, appeal)
        gone = late and (lifted or decision.suspended_because is not None)
        nothing_new = set(decision.evidence_hashes).issuperset(intended.evidence)
        if (gone and decision.effect is intended.effect) or (nothing_new and (gone or lifted)):
            raise AppealUndecided(decision_id=str(decision.id), appeal_id=str(appeal.id))


async def _was_lifted_under(tx: Tx, decision: Decision, appeal: Appeal) -> bool:
    return decision.ended_because == LIFTED and await decisions.stands_since(tx, decision) > appeal.filed_at


def _require_new(earlier: Sequence[Decision], intended: Intended, alike: Sequence[Effect]) -> None:
    """What fell on appeal is not done again on what it rested on (ARL §28), nor what is heavier: something else must
    have been found.
    """
    no_heavier = alike[: alike.index(intended.effect) + 1]
    fallen = [each for each in earlier if each.status is Status.OVERTURNED and each.effect in no_heavier]
    judged = {sha256 for each in fallen for sha256 in each.evidence_hashes}
    if fallen and judged.issuperset(intended.evidence):
        raise NothingNew(decision_id=str(fallen[-1].id))


async def _require_urgency(tx: Tx, rt: Runtime, earlier: Sequence[Decision]) -> None:
    """Whoever told too late is not in a hurry the next time: until one was released in the ordinary way."""
    late = [nth for nth, each in enumerate(earlier) if await _was_told_late(tx, rt, each)]
    if late and all(each.urgent_ground is not None for each in earlier[late[-1] :]):
        raise UrgencyLost(decision_id=str(earlier[late[-1]].id))


async def _was_told_late(tx: Tx, rt: Runtime, decision: Decision) -> bool:
    """Whether the notice of an urgent decision came late, or the decision was over before it reached anybody.

    Its end stops the clock of the notice: an urgent measure of 23 hours, or one that is lifted then, would need none.
    """
    if decision.urgent_ground is None or decision.released_at is None:
        return False
    if decision.suspended_because == NOTICE_LATE:
        return True
    reached = await notices.reached_at(tx, decision.id, RELEASED)
    due = rt.rules.due(URGENT_NOTICE, decision.released_at).due_at
    if reached is not None:
        return reached > due
    return decision.status not in IN_FORCE or rt.clock.now() > due


# --- time that adds up ------------------------------------------------------------------------------------------------


def require_time_left(rt: Runtime, earlier: Sequence[Decision], intended: Intended, at: datetime) -> None:
    """All that was and will be stopped by decisions with this effect stays within the profile's days.

    What was suspended, overturned or lifted counts for as long as it was carried out, from its release on: whom it hit
    was off the net, rightly or not. What nobody carried out counts nothing, nor does the same time twice.
    """
    rule, until = rt.rules.effects[intended.effect], intended.until
    counted = {each.id: span for each in earlier if (span := _span(each, at)) is not None}
    taken = list(counted.values())
    if until is None or until <= intended.begins or fits(rule, taken, (intended.begins, until)):
        return
    raise TimeUsedUp(
        most=rule.max_days, within=rule.within_days, effect=str(rule.code),
        way_out=_way_out(rt, rule, taken, intended.begins), decision_ids=[str(each) for each in counted],
    )  # fmt: skip


def _span(decision: Decision, at: datetime) -> Span | None:
    """From when until when a decision that was released takes something away."""
    begins, until, execution = decision.released_at, decision.until, decision.execution
    if begins is None or until is None:
        return None
    if decision.status in _COMING:
        return begins, until
    if execution is None or execution.status not in _DONE:
        return None
    ended = execution.at if execution.status == "undone" else at
    return (begins, min(until, ended)) if ended > begins else None


def fits(rule: EffectRule, taken: Sequence[Span], new: Span) -> bool:
    """Whether no window of so many days that the new one touches holds more of them than the profile allows.

    The fullest windows begin or end with one of them: no other need be looked at.
    """
    most, width = timedelta(days=rule.max_days or 0), timedelta(days=rule.within_days or 0)
    every = _merged([*taken, new])
    windows = [(begins, begins + width) for begins, _ in every] + [(ends - width, ends) for _, ends in every]
    return all(_overlap(every, window) <= most for window in windows if _overlap([new], window))


def _merged(spans: Sequence[Span]) -> list[Span]:
    """The same time without what overlaps, in order."""
    merged: list[Span] = []
    for begins, ends in sorted(spans):
        if merged and begins <= merged[-1][1]:
            merged[-1] = (merged[-1][0], max(merged[-1][1], ends))
        else:
            merged.append((begins, ends))
    return merged


def _overlap(spans: Sequence[Span], window: Span) -> timedelta:
    shared = (min(ends, window[1]) - max(begins, window[0]) for begins, ends in spans)
    return sum((each for each in shared if each > timedelta()), timedelta())


def _way_out(rt: Runtime, rule: EffectRule, taken: Sequence[Span], begins: datetime) -> str:
    """The latest end that is possible now, or else the first day on which a day of it is."""
    day, zone = timedelta(days=1), rt.rules.time_zone
    for days in range(rule.max_days or 0, 0, -1):
        if fits(rule, taken, (begins, begins + days * day)):
            return f"let it end by {(begins + days * day).astimezone(zone).isoformat()}"
    last = max((ends for _, ends in taken), default=begins) + timedelta(days=rule.within_days or 0)
    while begins < last and not fits(rule, taken, (begins, begins + day)):
        begins += day
    return f"no day is left before {begins.astimezone(zone).isoformat()}"
