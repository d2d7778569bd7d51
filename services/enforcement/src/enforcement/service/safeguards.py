"""What must hold before a burden is drafted, or released, whatever a profile or a draft says (docs/adr/0004, 2, 3)."""

from collections.abc import Collection
from datetime import datetime, timedelta
from typing import Final

from enforcement.errors import (
    CureNotOver,
    EffectNotPossible,
    EvidenceAllWithheld,
    EvidenceNotInCase,
    NothingSince,
    NoticeNotDelivered,
    SubjectChanged,
)
from enforcement.lifecycle import Status
from enforcement.store import cases, custody, decisions, requests, sites, ties
from enforcement.store.cases import Case
from enforcement.store.decisions import Decision
from shared.contracts.http.enforcement import NewDecision
from shared.contracts.notices import Channel, NoticeDocument
from shared.contracts.subjects import FoundSite
from shared.rules import BURDENS, ENDING, Effect, Unit
from shared.rules.effects import EffectRule
from shared.rules.identifiers import normalise_domain
from shared.runtime.acts import deadlines, notices, returned, terms
from shared.runtime.acts.notices import Notice
from shared.runtime.acts.runtime import Runtime
from shared.runtime.base.context import Caller
from shared.runtime.db.postgres import Tx

INTENDED: Final = "decision_intended"
"""Kind of the notice that a draft of a burden is."""
RELEASED: Final = "decision_released"
"""Kind of the notice of a release."""
LONGEST_DRAFT: Final = timedelta(days=365)
"""Whoever was told longer ago has been told nothing: no draft of a burden hangs over anybody for years."""
OFF_THE_REGISTER: Final = frozenset({"ended", "lapsed"})
"""Of a site whose record is this, what is served under its name is a found site again."""
URGENT_NOTICE: Final = notices.URGENT
"""Kind and clock: what was released on an urgent ground is told within so many hours, or suspended."""


async def require_possible(tx: Tx, rt: Runtime, who: Caller, case: Case, body: NewDecision) -> Effect:
    """Whether the profile lets this authority decide this about this subject, now. Raises EffectNotPossible."""
    rule = next((rule for effect, rule in rt.rules.effects.items() if effect == body.effect), None)
    if rule is None:
        raise EffectNotPossible.field("effect", f"must be one of {', '.join(rt.rules.effects)}")
    effect, at = rule.code, rt.clock.now()
    wrong: list[tuple[str, str]] = []
    if not rule.roles & who.roles:
        wrong.append(("effect", f"{effect} is for {' or '.join(sorted(rule.roles))} to decide, not for you"))
    if case.subject.kind not in rule.subjects:
        wrong.append(("effect", f"{effect} cannot be decided about a {case.subject.kind}"))
    if effect is Effect.END_ITEM and case.service_item is None:
        wrong.append(("effect", "the case is about no service item"))
    if rule.after and not await was_ignored(tx, case, rule.after):
        wrong.append(("effect", f"{effect} comes only after {' or '.join(sorted(rule.after))} was ordered and ignored"))
    if (effect in ENDING) != (body.until is not None):
        wrong.append(("until", "a suspension or a bar has an end, and nothing else has one"))
    if body.until is not None and rule.max_days and not at < body.until <= at + timedelta(days=rule.max_days):
        wrong.append(("until", f"must be still to come, and at most {rule.max_days} days away"))
    if (effect is Effect.CORRECT) != (body.correct_by is not None):
        wrong.append(("correct_by", "an order to correct has a date, and nothing else has one"))
    if body.correct_by is not None and body.correct_by < earliest_correction(rule, at):
        wrong.append(("correct_by", f"must leave time until {earliest_correction(rule, at).isoformat()}"))
    if body.urgent_ground is not None and (not rule.urgent or body.urgent_ground not in rt.rules.urgent_grounds):
        wrong.append(
            ("urgent_ground", f"must be one of {', '.join(rt.rules.urgent_grounds)}, where the effect allows it")
        )
    if wrong:
        raise EffectNotPossible([{"field": field, "message": message} for field, message in wrong])
    return effect


async def was_ignored(tx: Tx, case: Case, effects: frozenset[Effect]) -> bool:
    """Whether one of these was ordered, and found ignored, and stands: in the case, before it was transferred, or in
    one that asked for either."""
    chain = [case.id, *(each.from_case for each in await ties.came(tx, case.id))]
    earlier = await decisions.of_cases(tx, chain)
    earlier += [(await decisions.get(tx, order))[1] for order in await requests.rests_on(tx, chain)]
    return any(each.status is Status.IGNORED and each.effect in effects for each in earlier)


async def require_evidence(tx: Tx, case: Case, effect: Effect, body: NewDecision) -> None:
    """A decision rests on what lies in its case, and a burden not on what is kept from whom it burdens alone.

    Raises EvidenceNotInCase, EvidenceAllWithheld.
    """
    cited = await require_cited(tx, case, body.evidence_hashes)
    if effect is not Effect.NO_BREACH and all(each.confidential for each in cited):
        raise EvidenceAllWithheld.field("evidence_hashes", "cite a piece that is not confidential as well")


async def require_cited(tx: Tx, case: Case, hashes: Collection[str]) -> list[cases.Evidence]:
    """The pieces of these names, which lie in the case. Raises EvidenceNotInCase."""
    lying = {each.sha256: each for each in await cases.evidence_of(tx, case.id) if each.deleted_at is None}
    if foreign := [sha256 for sha256 in hashes if sha256 not in lying]:
        raise EvidenceNotInCase.field("evidence_hashes", f"{foreign[0]} does not lie in this case")
    await require_readable(tx, hashes)
    return [lying[sha256] for sha256 in hashes]


async def require_readable(tx: Tx, hashes: Collection[str]) -> None:
    """Nothing rests on bytes that nobody can read any more, whom it burdens least. Raises EvidenceNotInCase."""
    if lost := await custody.unreadable(tx, hashes):
        raise EvidenceNotInCase.field(
            "evidence_hashes", f"the bytes of {lost[0]} are damaged or deleted: file it again"
        )


async def require_seen_since(tx: Tx, case: Case, over: datetime, hashes: Collection[str]) -> list[cases.Evidence]:
    """That an order was ignored somebody saw when its time was over, and whom it burdens may read of it (P3.2.2).

    ``case``: where what they saw lies. Raises EvidenceNotInCase, NothingSince, EvidenceAllWithheld.
    """
    cited = await require_cited(tx, case, hashes)
    if not any(each.added_at > over for each in cited):
        raise NothingSince.field("evidence_hashes", f"cite a piece filed after {over.isoformat()}")
    if all(each.confidential for each in cited):
        raise EvidenceAllWithheld.field("evidence_hashes", "cite a piece that is not confidential as well")
    return cited


async def require_cure(tx: Tx, rt: Runtime, case: Case, decision: Decision, at: datetime) -> None:
    """The notice was delivered to whom it burdens, and the time to put things right is over: the profile's, and what
    the notice said.

    Raises NoticeNotDelivered, CureNotOver.
    """
    delivered = await notices.delivered_at(tx, decision.id, INTENDED, case.identity)
    if delivered is None:
        raise NoticeNotDelivered
    over = cure_over(rt, decision, delivered, await notices.about(tx, decision.id, INTENDED))
    if at <= over:
        raise CureNotOver(release_from=over.astimezone(rt.rules.time_zone).isoformat())


def cure_over(rt: Runtime, decision: Decision, delivered: datetime, told: Collection[Notice]) -> datetime:
    """When the time to put things right is over: the profile's, and what the notices said."""
    said = [
        terms.answer_until(rt, NoticeDocument.model_validate_json(each.document), each.delivered_at) for each in told
    ]
    return max(cured(rt, decision.effect, delivered), *(each for each in said if each is not None))


async def correction_over(tx: Tx, rt: Runtime, case: Case, order: Decision) -> datetime | None:
    """When the time to correct is over: at the order's date, and never before whoever has to correct had, from the
    delivery of its notice to them, the least time of any burden, and what the notice said. None while undelivered.
    """
    told = [each for each in await notices.about(tx, order.id, RELEASED) if each.identity == case.identity]
    delivered = min((each.delivered_at for each in told if each.delivered_at is not None), default=None)
    if order.correct_by is None or delivered is None:
        return None
    days = {NoticeDocument.model_validate_json(each.document).answer_within_days or 0 for each in told}
    return max(order.correct_by, cured(rt, order.effect, delivered), *(
        rt.rules.count(delivered, each, Unit.DAYS).due_at for each in days if each
    ))  # fmt: skip


async def watch_delivery(tx: Tx, rt: Runtime, decision: Decision, at: datetime) -> None:
    """A decision is released: from now on somebody looks whether its notice reached whom it burdens."""
    if decision.urgent_ground is not None:
        await deadlines.start(tx, kind=URGENT_NOTICE, aggregate_id=decision.id, clock_name=URGENT_NOTICE, rt=rt, at=at)
        return
    found = await notices.about(tx, decision.id, INTENDED) if decision.effect in BURDENS else []
    mailed = [each.delivered_at for each in found if each.delivered_at and each.delivered_by == Channel.EMAIL]
    until = max((each + returned.WITHIN for each in mailed), default=at)
    if until > at:  # it can still come back, and then that is looked at: at the latest when it cannot any more
        await deadlines.start_until(tx, kind=URGENT_NOTICE, aggregate_id=decision.id, until=until, rt=rt, at=at)


def cured(rt: Runtime, effect: Effect, since: datetime) -> datetime:
    """When the time to put things right is over: with the last of its days, and it has one whatever a profile says.

    Only a profile that says of itself that it is a demonstration counts seconds (``EffectRule.min_cure``).
    """
    if rt.rules.is_demonstration:
        return since + rt.rules.effects[effect].min_cure
    return rt.rules.count(since, cure_days(rt, effect), Unit.DAYS).due_at


def cure_days(rt: Runtime, effect: Effect) -> int:
    """How many days there are at least to put things right."""
    return max(rt.rules.effects[effect].min_cure_days, 0 if effect is Effect.NO_BREACH else 1)


def days_told(rt: Runtime, effect: Effect) -> int | None:
    """The same, as a notice says them, which run from its delivery; a demonstration counts no days."""
    return None if rt.rules.is_demonstration else cure_days(rt, effect)


def is_urgent(rt: Runtime, decision: Decision) -> bool:
    """Whether it was drafted on an urgent ground that the profile still lists, for an effect that still allows one."""
    return decision.urgent_ground in rt.rules.urgent_grounds and rt.rules.effects[decision.effect].urgent


def require_theirs(rt: Runtime, who: Caller, case: Case, effect: Effect) -> None:
    """Whoever releases may decide that as well, by the profile as it is now. Raises EffectNotPossible."""
    rule = rt.rules.effects[effect]
    if not rule.roles & who.roles:
        raise EffectNotPossible.field("effect", f"{effect} is not yours to decide")
    if case.subject.kind not in rule.subjects:
        raise EffectNotPossible.field("effect", f"{effect} cannot be decided about a {case.subject.kind} any more")


def require_time(rt: Runtime, decision: Decision, at: datetime) -> None:
    """A draft may have lain long: too long, or until a date that it set is too near. Raises EffectNotPossible."""
    if decision.until is not None and decision.until <= at:
        raise EffectNotPossible.field("until", "the end that the draft set has passed: draft it anew")
    if decision.effect in BURDENS and at > decision.drafted_at + LONGEST_DRAFT:
        raise EffectNotPossible.field(
            "effect", f"it was drafted more than {LONGEST_DRAFT.days} days ago: draft it anew"
        )
    rule = rt.rules.effects[decision.effect]
    if decision.correct_by is not None and decision.correct_by < earliest_correction(rule, at):
        raise EffectNotPossible.field("correct_by", "the draft leaves too little time by now: draft it anew")


async def require_same(tx: Tx, case: Case, decision: Decision) -> None:
    """Whom it burdens is who was told. Raises SubjectChanged: the site went to somebody else, or off the register."""
    if decision.effect is Effect.NO_BREACH:
        return
    if isinstance(case.subject, FoundSite):
        name = normalise_domain(case.subject.host)
        if (known := await sites.find(tx, (name.ascii, *name.above))) is not None and (
            known.status not in OFF_THE_REGISTER
        ):
            raise SubjectChanged(why=f"{case.subject.host} is in the register by now, as {known.number}")
    if case.site_id is not None:
        site = await sites.get(tx, case.site_id)
        if site is None or site.status in OFF_THE_REGISTER:
            raise SubjectChanged(why="the site has left the register")
        if site.operator.identity != case.identity:
            raise SubjectChanged(why="the site is another operator's by now, who was told nothing")


def earliest_correction(rule: EffectRule, at: datetime) -> datetime:
    """An order to correct leaves the profile's days, and one in any case."""
    return at + timedelta(days=max(rule.min_cure_days, 1))
