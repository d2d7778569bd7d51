"""Decisions: the only birthplace of a burden (model §4, docs/adr/0008). Drafted with a notice to whom they burden,
released by a second person who signs whom they touch, lifted by one.
"""

import hashlib
from collections.abc import Collection
from datetime import datetime
from typing import Final
from uuid import UUID

from enforcement import told
from enforcement.errors import (
    DecisionPending,
    EffectNotPossible,
    SignedSomethingElse,
)
from enforcement.lifecycle import CASE, DECISION, Action, CaseAction, Status
from enforcement.policy import POLICY, Act
from enforcement.service import (
    closing,
    documents,
    emergency_ends,
    following,
    independence,
    repeats,
    settling,
    subscriptions,
    surroundings,
    tasks,
    telling,
    texts,
)
from enforcement.service import preview as previews
from enforcement.service.repeats import Intended
from enforcement.service.safeguards import (
    INTENDED,
    RELEASED,
    URGENT_NOTICE,
    cured,
    days_told,
    is_urgent,
    require_cure,
    require_evidence,
    require_possible,
    require_readable,
    require_same,
    require_theirs,
    require_time,
    was_ignored,
    watch_delivery,
)
from enforcement.service.shown import Shown, shown
from enforcement.store import cases, decisions, sites, ties
from enforcement.store.cases import Case
from enforcement.store.decisions import Decision
from shared.contracts.access import OrderWithdrawnV1
from shared.contracts.enforcement import LAPSED
from shared.contracts.grounds import (
    ActRef,
    AddressForService,
    AuthorityRef,
    Grounds,
    Names,
    Service,
    Statement,
)
from shared.contracts.http.enforcement import NewDecision, Release, Stated
from shared.rules import BURDENS, Effect
from shared.runtime.acts import audit, deadlines, notices, outbox, postal
from shared.runtime.acts.runtime import Runtime
from shared.runtime.base.context import Caller
from shared.runtime.base.ids import uuid7
from shared.runtime.db.postgres import Tx

SYSTEM: Final = Caller.system("enforcement")
CORRECT_BY: Final = "correct_by"
"""Kind of deadline: the date of an order to correct."""
UNTIL: Final = "decision_until"
"""Kind of deadline: the end that a decision sets. What was carried out by then, the register ends."""
BASIS_FELL: Final = "basis_fell"
"""Why a decision is suspended that could be taken only after an order that does not stand any more."""
EXECUTED: Final = BURDENS - {Effect.PENALTY}
"""Effects that the regulator of the same level carries out, which therefore reads the case."""
_INTENDED: Final = Names(zh="拟作出处理决定告知书", en="Notice of an intended decision")
_RELEASED: Final = Names(zh="处理决定书", en="Decision")
_NO_BREACH: Final = Names(zh="不予处理决定书", en="No breach was found")
_WITHDRAWN: Final = Names(zh="撤回拟作出处理决定通知书", en="An intended decision was withdrawn")
_SUSPENDED: Final = Names(zh="处理决定中止通知书", en="A decision about you is suspended")
_UNSENT: Final = Names(zh="停止接入指令未发出告知书", en="An order to your provider was taken back before it went out")
_LIFTED: Final = Names(zh="处理决定终止通知书", en="A decision about you has ended")


async def draft(tx: Tx, rt: Runtime, who: Caller, case_id: UUID, body: NewDecision) -> Shown:
    """Draft a decision. Whom it burdens is told at once what is intended, and until when it can put things right.

    Raises UnknownCase (404); Forbidden (403); ActionRefused, DecisionPending, AppealUndecided, NothingNew, UrgencyLost,
    TimeUsedUp (409); EffectNotPossible, EvidenceNotInCase, EvidenceAllWithheld, TextMisfit (422).
    """
    at, case = rt.clock.now(), await cases.hold(tx, case_id)
    POLICY.require(who, Act.DRAFT_DECISION, case)
    CASE.after(case.status, CaseAction.DRAFT)
    effect = await require_possible(tx, rt, who, case, body)
    await require_evidence(tx, case, effect, body)
    urgent, decision_id = body.urgent_ground is not None, uuid7()
    begins = at if urgent else cured(rt, effect, at)
    await repeats.require_none(tx, rt, case, Intended(effect, body.evidence_hashes, urgent, begins, body.until))
    said, text = texts.statement(rt, case, effect, body)
    grounds = await _grounds(tx, rt, case, decision_id, said, body.evidence_hashes, at)
    drafted = await decisions.add(
        tx, decision_id, case_id, effect=effect, grounds=grounds, evidence_hashes=sorted(set(body.evidence_hashes)),
        until=body.until, correct_by=body.correct_by, urgent_ground=body.urgent_ground, text=text, by=who.person, at=at,
    )  # fmt: skip
    if drafted is None:
        raise DecisionPending(decision_id=str(await decisions.drafted(tx, case_id)))
    site, preview = await previews.of(tx, rt, case, effect)
    drafted = await decisions.keep_surroundings(
        tx, drafted, await surroundings.of(tx, rt, case, drafted, site, preview)
    )
    decisions.MOVES.began(tx, drafted, "draft", who=who, why=grounds.reasons, at=at)
    if effect in BURDENS or effect is Effect.CORRECT:
        answer_by = body.correct_by or cured(rt, effect, at)
        days = days_told(rt, effect) if effect in BURDENS and not urgent else None
        await tell(tx, rt, case, drafted, INTENDED, _INTENDED, grounds, answer_by=answer_by, answer_within_days=days)
    return await shown(tx, rt, case, drafted)


async def _grounds(
    tx: Tx, rt: Runtime, case: Case, decision_id: UUID, said: Statement, evidence: Collection[str], at: datetime
) -> Grounds:
    """What the person states, with what is computed: who, how to challenge it, and the evidence's hash."""
    authority = rt.directory.authority_ref(case.authority.id)
    body, *_ = await independence.require_body(tx, rt, authority, case.id)
    joined = "\n".join(sorted(set(evidence)))
    return Grounds(
        **dict(said),
        authority=authority,
        evidence_hash=hashlib.sha256(joined.encode()).hexdigest(),
        redress=rt.redress(body),
        case_id=case.id,
        decision_id=decision_id,
        profile=rt.rules.ref,
        made_at=at,
    )


async def get(tx: Tx, rt: Runtime, who: Caller, decision_id: UUID) -> Shown:
    """One decision; whom it is about reads it from its release on, and so does whoever has its case since.

    Raises UnknownDecision (404), Forbidden (403).
    """
    case, decision = await decisions.get(tx, decision_id)
    if decision.released_at is None:
        POLICY.require(who, Act.READ_CASE, case)
    went = await ties.went(tx, case.id)
    if not (went and POLICY.allows(who, Act.READ_CASE, await cases.get(tx, went[-1].to_case))):
        POLICY.require(who, Act.READ_DECISION, case)
    await audit.record(
        tx, who=who, act=Act.READ_DECISION, resource=f"/decisions/{decision_id}", outcome="granted", at=rt.clock.now()
    )
    return await shown(tx, rt, case, decision)


async def release(tx: Tx, rt: Runtime, who: Caller, decision_id: UUID, body: Release) -> Shown:
    """A second person makes it an act of the authority, signing whom it touches (safeguards 2, 3 and 5): not one of
    those on whose word a letter about it was delivered.

    Raises UnknownDecision (404); Forbidden (403); SecondPersonRequired, ActionRefused, NoticeNotDelivered, CureNotOver,
    SubjectChanged, AppealUndecided, NothingNew, UrgencyLost, TimeUsedUp, CopyTooOld, SignedSomethingElse,
    ChangedSinceDraft (409); EffectNotPossible, EvidenceNotInCase (422); IssuerHasNoKey (503).
    """
    at = rt.clock.now()
    case, decision = await decisions.hold(tx, decision_id)
    proved_by = await postal.hold(tx, decision_id)
    POLICY.require(who, Act.RELEASE_DECISION, case, drafted_by={decision.drafted_by, *proved_by})
    DECISION.after(decision.status, Action.RELEASE)
    CASE.after(case.status, CaseAction.DRAFT)
    require_theirs(rt, who, case, decision.effect)
    require_time(rt, decision, at)
    if decision.effect in BURDENS and not is_urgent(rt, decision):
        await require_cure(tx, rt, case, decision, at)
    await require_same(tx, case, decision)
    await require_readable(tx, decision.evidence_hashes)
    urgent = decision.urgent_ground is not None
    await repeats.require_none(
        tx, rt, case, Intended(decision.effect, decision.evidence_hashes, urgent, at, decision.until)
    )
    await surroundings.require_fresh(tx, rt, decision)
    site, preview = await previews.of(tx, rt, case, decision.effect)
    if not body.signature.covers(preview):
        raise SignedSomethingElse(
            preview_digest=preview.digest, collateral=[str(each) for each in sorted(preview.collateral)]
        )
    changes = await surroundings.require_signed(tx, rt, case, decision, body, site, preview)
    after = rt.rules.effects[decision.effect].after
    if after and not await was_ignored(tx, case, after):
        raise EffectNotPossible.field("effect", "the order that was ignored has fallen since the draft")
    released = await decisions.MOVES.move(
        tx, decision, Action.RELEASE, who=who, why="Released by a second person.", at=at, released_by=who.person,
        released_at=at, site=site and site.model_dump(mode="json"), preview=preview.model_dump(mode="json"),
        since_draft=changes and changes.model_dump(mode="json"),
    )  # fmt: skip
    await _set_clocks(tx, rt, released, at)
    title = _NO_BREACH if decision.effect is Effect.NO_BREACH else _RELEASED
    await documents.issue(tx, rt, case, released, title, at)
    await tell_released(tx, rt, case, released, title)
    if decision.effect is Effect.NO_BREACH:
        await end_case(tx, rt, case, "no_breach")
    if decision.effect in EXECUTED:
        await cases.take_part(tx, case.id, rt.directory.regulator_of(released.grounds.authority).id)
    await telling.of_subject(tx, rt, case)
    outbox.add(tx, told.released(case, released), at=at)
    return await shown(tx, rt, await cases.get(tx, case.id), released)


async def _set_clocks(tx: Tx, rt: Runtime, decision: Decision, at: datetime) -> None:
    if decision.correct_by is not None:
        await deadlines.start_until(
            tx, kind=CORRECT_BY, aggregate_id=decision.id, until=decision.correct_by, rt=rt, at=at
        )
    if decision.until is not None:
        await deadlines.start_until(tx, kind=UNTIL, aggregate_id=decision.id, until=decision.until, rt=rt, at=at)
    await watch_delivery(tx, rt, decision, at)


async def withdraw(tx: Tx, rt: Runtime, who: Caller, decision_id: UUID, *, reasons: str) -> Shown:
    """Take a draft back. Raises ActionRefused (409)."""
    case, decision = await decisions.hold(tx, decision_id)
    POLICY.require(who, Act.WITHDRAW_DECISION, case)
    withdrawn = await _withdraw(tx, rt, who, case, decision, reasons)
    return await shown(tx, rt, case, withdrawn)


async def withdraw_draft(tx: Tx, rt: Runtime, who: Caller, case: Case, *, reasons: str) -> None:
    """Take back whatever is drafted in a held case: nothing in a case that has ended can be released."""
    drafted = await decisions.drafted(tx, case.id)
    if drafted is not None:
        await _withdraw(tx, rt, who, case, (await decisions.get(tx, drafted))[1], reasons)


async def _withdraw(tx: Tx, rt: Runtime, who: Caller, case: Case, decision: Decision, reasons: str) -> Decision:
    withdrawn = await decisions.MOVES.move(
        tx, decision, Action.WITHDRAW, who=who, why=reasons, at=rt.clock.now(), returned_by=None
    )
    says = Statement(legal_basis=decision.grounds.legal_basis, reasons=reasons, public_reasons=reasons)
    await tell(tx, rt, case, withdrawn, "decision_withdrawn", _WITHDRAWN, says)
    return withdrawn


async def lift(tx: Tx, rt: Runtime, who: Caller, decision_id: UUID, body: Stated) -> Shown:
    """The authority ends its own decision; what it did is undone. Easing a burden needs nobody's consent."""
    case, decision = await decisions.hold(tx, decision_id)
    POLICY.require(who, Act.LIFT_DECISION, case)
    ended = await end(tx, rt, who, case, decision, Action.LIFT, repeats.LIFTED, body.statement)
    return await shown(tx, rt, case, ended)


async def end_for(tx: Tx, rt: Runtime, case: Case, decision: Decision, says: Statement) -> None:
    """What a held decision rested on fell: it ends by itself, and what it did is undone."""
    await end(tx, rt, SYSTEM, case, decision, Action.LIFT, repeats.LIFTED, says)


async def end(
    tx: Tx, rt: Runtime, who: Caller, case: Case, decision: Decision, action: Action, because: str, says: Statement
) -> Decision:
    """A held decision has an end; what it did is undone, and what could be decided only after it has no effect."""
    at = rt.clock.now()
    ended = await decisions.MOVES.move(tx, decision, action, who=who, why=says.reasons, at=at, ended_because=because)
    for kind in (CORRECT_BY, URGENT_NOTICE, UNTIL):
        await deadlines.met(tx, kind, decision.id, at)
    await tasks.followed_up(tx, rt, decision.id, who=who, why=says.reasons, moot=action is not Action.CONFIRM_CORRECTED)
    outbox.add(tx, told.ended(case, ended, because, says, at), at=at)
    await tell(tx, rt, case, ended, f"decision_{because}", _LIFTED, says)
    await emergency_ends.fell(tx, rt, ended, says)
    if decision.status is Status.IGNORED:
        await suspend_resting(tx, rt, case, ended, case.authority, says, who=who)
    return ended


async def suspend_resting(
    tx: Tx, rt: Runtime, case: Case, fallen: Decision, authority: AuthorityRef, says: Statement, *, who: Caller,
    appeal_id: UUID | None = None,
) -> None:  # fmt: skip
    """What could be decided only because an order was ignored that does not stand any more has nothing to rest on.

    In whichever case, each of which is held: whoever releases there waits, or sees that the order fell.
    """
    for resting_in in await following.of_order(tx, case, fallen):
        for other in await decisions.of_cases(tx, [resting_in.id]):
            if fallen.effect in following.comes_after(rt, other.effect):
                await suspend(tx, rt, resting_in, other, BASIS_FELL, authority, says, appeal_id=appeal_id, who=who)


async def end_case(tx: Tx, rt: Runtime, case: Case, outcome: str) -> None:
    """A held case has done its work; what is still drafted in it is withdrawn. One that ended before stays so."""
    if not CASE.can(case.status, CaseAction.END):
        return
    why = f"The case ended: {outcome}."
    await withdraw_draft(tx, rt, SYSTEM, case, reasons=why)
    await closing.close(tx, rt, SYSTEM, case, why=why)
    at = rt.clock.now()
    await cases.MOVES.move(tx, case, CaseAction.END, who=SYSTEM, why=why, at=at, outcome=outcome, ended_at=at)
    await settling.of_case(tx, rt, case.id, outcome, case.legal_basis)


async def suspend(
    tx: Tx, rt: Runtime, case: Case, decision: Decision, because: str, authority: AuthorityRef, says: Statement, *,
    appeal_id: UUID | None = None, who: Caller = SYSTEM,
) -> None:  # fmt: skip
    """Without effect for the time being: what it did is undone, exactly; nothing revives it but a new decision."""
    if not DECISION.can(decision.status, Action.SUSPEND):
        return
    at = rt.clock.now()
    suspended = await decisions.MOVES.move(
        tx, decision, Action.SUSPEND, who=who, why=says.reasons, at=at, suspended_because=because
    )
    await tasks.followed_up(tx, rt, decision.id, who=who, why=says.reasons, moot=True)
    await deadlines.met(tx, CORRECT_BY, decision.id, at)  # nobody has to obey it any more, and nothing revives it
    outbox.add(tx, told.suspended(case, suspended, because, authority, says, appeal_id, at), at=at)
    await tell(tx, rt, case, suspended, "decision_suspended", _SUSPENDED, says)
    await emergency_ends.fell(tx, rt, suspended, says)
    if decision.status is Status.IGNORED:
        await suspend_resting(tx, rt, case, suspended, authority, says, who=who, appeal_id=appeal_id)


async def lapse(rt: Runtime, tx: Tx, decision_id: UUID) -> None:
    """The end that it set came before anybody carried it out: nothing is left to do. Else the register ends it."""
    case, decision = await decisions.hold(tx, decision_id)
    if decision.status is Status.RELEASED:
        why = "The time that the decision set is over, and nobody carried it out."
        says = Statement(legal_basis=decision.grounds.legal_basis, reasons=why, public_reasons=why)
        await end(tx, rt, SYSTEM, case, decision, Action.LAPSE, LAPSED, says)


async def tell(
    tx: Tx, rt: Runtime, case: Case, decision: Decision, kind: str, title: Names, says: Statement, *,
    answer_by: datetime | None = None, answer_within_days: int | None = None, by: AuthorityRef | None = None,
) -> None:  # fmt: skip
    """A notice to whom it burdens, and a copy to whoever shows that they hold the name; ``by``: by whom, if not by
    the authority whose decision it is.
    """
    authority = by or case.authority
    about = ActRef(service=Service.ENFORCEMENT, kind="decision", id=decision.id)
    await notices.issue(
        tx, rt, about=about, kind=kind, to=case.operator, address=await address_of(tx, case.identity),
        authority=authority, title=title, says=says, answer_by=answer_by, answer_within_days=answer_within_days,
    )  # fmt: skip
    names = await subscriptions.names_of(tx, case, decision)
    await subscriptions.copy(
        tx, rt, names, about=about, kind=kind, title=title, says=says, authority=authority, answer_by=answer_by
    )


async def tell_released(tx: Tx, rt: Runtime, case: Case, decision: Decision, title: Names) -> None:
    """That it is an act of the authority: of an order until when it is to be obeyed, and no less than so many days."""
    by = decision.correct_by
    days = None if by is None else days_told(rt, decision.effect)
    await tell(tx, rt, case, decision, RELEASED, title, decision.grounds, answer_by=by, answer_within_days=days)


async def tell_unsent(tx: Tx, rt: Runtime, fact: OrderWithdrawnV1) -> None:
    """An order that followed from a decision was taken back before it went out: nothing happened at that host."""
    if not await decisions.known(tx, fact.decision_id):
        return
    case, decision = await decisions.hold(tx, fact.decision_id)
    says = Statement(legal_basis=decision.grounds.legal_basis, reasons=fact.reasons, public_reasons=fact.reasons)
    await tell(tx, rt, case, decision, "order_not_sent", _UNSENT, says, by=fact.by)
    await emergency_ends.not_sent(tx, rt, decision, fact.provider_id, says)


async def address_of(tx: Tx, identity: str, *, itself: bool = False) -> AddressForService:
    """Where an operator is reached, or whoever took it over, as the register says now; ``itself``: no other."""
    known = await sites.of_operator(tx, identity, itself=itself)
    return known.operator.address_for_service if known is not None else AddressForService()
