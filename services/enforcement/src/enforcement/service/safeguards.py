"""What must hold before a burden is released, whatever a profile or a draft says (docs/adr/0004, 2 and 3)."""

from datetime import datetime, timedelta
from typing import Final

from enforcement.errors import CureNotOver, EffectNotPossible, NoticeNotDelivered, SubjectChanged
from enforcement.store import sites
from enforcement.store.cases import Case
from enforcement.store.decisions import Decision
from shared.contracts.subjects import FoundSite
from shared.rules import BURDENS, Effect, Unit
from shared.rules.effects import EffectRule
from shared.rules.identifiers import normalise_domain
from shared.runtime.acts import notices
from shared.runtime.acts.runtime import Runtime
from shared.runtime.db.postgres import Tx

INTENDED: Final = "decision_intended"
"""Kind of the notice that a draft of a burden is."""


async def require_cure(tx: Tx, rt: Runtime, decision: Decision, at: datetime) -> None:
    """The notice was delivered, and the time to put things right is over. Raises NoticeNotDelivered, CureNotOver."""
    delivered = await notices.delivered_at(tx, decision.id, INTENDED)
    if delivered is None:
        raise NoticeNotDelivered
    over = cured(rt, decision.effect, delivered)
    if at <= over:
        raise CureNotOver(release_from=over.astimezone(rt.rules.time_zone).isoformat())


def cured(rt: Runtime, effect: Effect, since: datetime) -> datetime:
    """When the time to put things right is over: with the last of its days, and it has one whatever a profile says.

    Only a profile that says of itself that it is a demonstration counts seconds (``EffectRule.min_cure``).
    """
    if rt.rules.is_demonstration:
        return since + rt.rules.effects[effect].min_cure
    days = max(rt.rules.effects[effect].min_cure_days, 1 if effect in BURDENS else 0)
    return rt.rules.count(since, days, Unit.DAYS).due_at


def is_urgent(rt: Runtime, decision: Decision) -> bool:
    """Whether it was drafted on an urgent ground that the profile still lists, for an effect that still allows one."""
    return decision.urgent_ground in rt.rules.urgent_grounds and rt.rules.effects[decision.effect].urgent


def require_time(rt: Runtime, decision: Decision, at: datetime) -> None:
    """A draft may have lain long. Raises EffectNotPossible for a date that it set and that is too near by now."""
    if decision.until is not None and decision.until <= at:
        raise EffectNotPossible.field("until", "the end that the draft set has passed: draft it anew")
    rule = rt.rules.effects[decision.effect]
    if decision.correct_by is not None and decision.correct_by < earliest_correction(rule, at):
        raise EffectNotPossible.field("correct_by", "the draft leaves too little time by now: draft it anew")


async def require_same(tx: Tx, case: Case, decision: Decision) -> None:
    """Whom it burdens is who was told. Raises SubjectChanged: the site went to somebody else, or off the register."""
    if decision.effect is Effect.NO_BREACH:
        return
    if isinstance(case.subject, FoundSite):
        name = normalise_domain(case.subject.host)
        if (known := await sites.find(tx, (name.ascii, *name.above))) is not None and known.status != "ended":
            raise SubjectChanged(why=f"{case.subject.host} is in the register by now, as {known.number}")
    if case.site_id is not None:
        site = await sites.get(tx, case.site_id)
        if site is None or site.status == "ended":
            raise SubjectChanged(why="the site has left the register")
        if site.operator.identity != case.identity:
            raise SubjectChanged(why="the site is another operator's by now, who was told nothing")


def earliest_correction(rule: EffectRule, at: datetime) -> datetime:
    """An order to correct leaves the profile's days, and one in any case."""
    return at + timedelta(days=max(rule.min_cure_days, 1))
