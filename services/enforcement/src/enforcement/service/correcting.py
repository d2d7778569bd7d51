"""Whether an order to correct was obeyed: asked when its date has come, and said by people (P3.2.2)."""

from typing import Final
from uuid import UUID

from enforcement import told
from enforcement.errors import NoticeNotDelivered
from enforcement.lifecycle import DECISION, Action, Status
from enforcement.policy import POLICY, Act
from enforcement.service import decisions, tasks
from enforcement.service.safeguards import RELEASED, correction_over, cured, require_seen_since
from enforcement.service.shown import Shown, shown
from enforcement.store import cases, ties
from enforcement.store import decisions as store
from enforcement.store.cases import Case
from shared.contracts.grounds import Names
from shared.contracts.http.enforcement import Correction
from shared.rules import Effect
from shared.runtime.acts import deadlines, notices, outbox, postal
from shared.runtime.acts.runtime import Runtime
from shared.runtime.base.context import Caller
from shared.runtime.base.problems import Invalid
from shared.runtime.db.postgres import Tx

_IGNORED: Final = Names(zh="逾期未改正认定书", en="An order to correct was found ignored")


async def confirm_correction(tx: Tx, rt: Runtime, who: Caller, decision_id: UUID, body: Correction) -> Shown:
    """Say whether an order to correct was obeyed. That it was ignored a second person confirms, when the time is
    over that whoever has to correct had, and who proved no letter about it.

    It is for the authority whose order it is, and, where its case went on, for who has it now. Raises UnknownDecision
    (404); Forbidden (403); ActionRefused, SecondPersonRequired, NoticeNotDelivered (409);
    EvidenceNotInCase, NothingSince, EvidenceAllWithheld, Invalid (422).
    """
    at = rt.clock.now()
    case, decision = await store.hold(tx, decision_id)
    desk = await _desk(tx, who, case)
    POLICY.require(who, Act.CONFIRM_CORRECTION, desk)
    if decision.effect is not Effect.CORRECT:
        DECISION.refuse(decision.status, Action.CONFIRM_CORRECTED)
    if body.obeyed:
        ended = await decisions.end(tx, rt, who, case, decision, Action.CONFIRM_CORRECTED, "corrected", body.statement)
        await decisions.end_case(tx, rt, case, "corrected")
        return await shown(tx, rt, await cases.get(tx, case.id), ended)
    proved_by = await postal.hold(tx, decision_id)
    POLICY.require(who, Act.CONFIRM_IGNORED, desk, drafted_by={decision.drafted_by, *proved_by})
    over = await correction_over(tx, rt, case, decision)
    if (until := over or decision.correct_by) is not None and at < until:
        raise Invalid.field("obeyed", f"the operator has until {until.isoformat()}")
    DECISION.after(decision.status, Action.CONFIRM_IGNORED)
    if over is None:
        raise NoticeNotDelivered  # nobody ignores what nobody told them
    seen = await require_seen_since(tx, desk, over, body.evidence_hashes)
    if desk.id != case.id:  # it is put beside the order, where whom it burdens reads it
        for piece in seen:
            await cases.attach(tx, case.id, piece)
        await require_seen_since(tx, case, over, body.evidence_hashes)
    ignored = await store.MOVES.move(
        tx, decision, Action.CONFIRM_IGNORED, who=who, why=body.statement.reasons, at=at,
        ignored_evidence=sorted(set(body.evidence_hashes)),
    )  # fmt: skip
    await deadlines.met(tx, decisions.CORRECT_BY, decision_id, at)
    await tasks.followed_up(tx, rt, decision_id, who=who, why=body.statement.reasons)
    outbox.add(tx, told.ignored(case, ignored, at), at=at)
    await decisions.tell(tx, rt, case, ignored, "decision_ignored", _IGNORED, body.statement, by=desk.authority)
    return await shown(tx, rt, case, ignored)


async def _desk(tx: Tx, who: Caller, case: Case) -> Case:
    """The held case of the order, or as which it went on, if that is the caller's: held as they came to be."""
    went = await ties.went(tx, case.id) if who.organisation != case.organisation else []
    return await cases.hold(tx, went[-1].to_case) if went else case


async def ask_about_correction(rt: Runtime, tx: Tx, decision_id: UUID) -> None:
    """The time to correct is over: its history says so, and somebody has to look by a date of its own. At the date of
    an order whose notice came late, or not yet, that is asked later.
    """
    case, decision = await store.hold(tx, decision_id)
    if decision.status is not Status.RELEASED:
        return
    at, why = rt.clock.now(), "The time to correct is over: was it obeyed?"
    rung, _ = (await deadlines.running(tx, decisions.CORRECT_BY, [decision_id])).get(decision_id, (at, False))
    over = await correction_over(tx, rt, case, decision)
    if over is None:  # at the latest it is deemed delivered
        told = await notices.about(tx, decision_id, RELEASED)
        issued = max((each.issued_at for each in told), default=at)
        over = cured(rt, decision.effect, rt.rules.due(notices.DEEMED, issued).due_at)
    if max(at, rung) < over:  # this process's own clock may be behind
        await deadlines.put_off(tx, decisions.CORRECT_BY, decision_id, over)
        return
    await store.MOVES.change(tx, decision, "ask_about_correction", who=decisions.SYSTEM, why=why, at=at)
    await tasks.follow_up(tx, rt, case, decision_id)
