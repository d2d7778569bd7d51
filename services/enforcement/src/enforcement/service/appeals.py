"""Appeals against any act of any department: filed by the operator, decided by an independent body (safeguard 6)."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import UUID

from enforcement import told
from enforcement.errors import (
    AppealPending,
    AppealTooLate,
    ConsentNeeded,
    NothingToAppeal,
    NothingToStay,
    UnknownAct,
    UnknownDecision,
)
from enforcement.lifecycle import APPEAL, DECISION, Action, AppealAction, AppealStatus
from enforcement.policy import POLICY, Act
from enforcement.service import decisions as deciding
from enforcement.service import emergency_ends, hearings, independence, papers, reviewing, tasks
from enforcement.service.reviewing import CLOCK
from enforcement.service.safeguards import RELEASED
from enforcement.store import appeals, cases, decisions
from enforcement.store.appeals import Appeal
from shared.contracts.grounds import ActRef, AuthorityRef, Grounds, Names, Party, Service, Statement
from shared.contracts.http.enforcement import NewAppeal, Outcome, Stay
from shared.contracts.http.registry import ClockView
from shared.rules import Effect
from shared.runtime.acts import audit, deadlines, notices, outbox
from shared.runtime.acts.directory import NoIndependentBody
from shared.runtime.acts.runtime import Runtime
from shared.runtime.base.context import Caller
from shared.runtime.base.ids import uuid7
from shared.runtime.db.postgres import Tx

EXECUTION: Final = "execution"
"""What an act of the register is called that carries a decision out."""
_ENTERED: Final = Names(zh="代为提出复议申请告知书", en="An appeal was entered for you")
_DECIDED: Final = Names(zh="复议决定书", en="Decision on your appeal")
_STAY: Final = Names(zh="停止执行决定书", en="Decision on a stay")
_REFUSED: Final = Names(zh="不予受理复议申请决定书", en="Your appeal came when its time was over")
_WITHDRAWN: Final = Names(zh="复议终止决定书", en="The appeal was withdrawn")


@dataclass(frozen=True, slots=True)
class Appealable:
    """An act as an appeal needs to know it."""

    act: ActRef
    operator: Party
    grounds: Grounds
    body: AuthorityRef
    delivered_at: datetime | None
    issued_at: datetime | None
    """When it was done, or done again: a refusal that fell on appeal may be repeated."""

    @property
    def identity(self) -> str:
        """Whom it burdens."""
        return self.operator.identity

    @property
    def inherited(self) -> str | None:
        """Whoever took that one over may challenge it, too."""
        return self.identity if self.act.passed_on else None

    @property
    def body_id(self) -> str:
        """Who would review it."""
        return self.body.id


async def file(tx: Tx, rt: Runtime, who: Caller, body: NewAppeal) -> Appeal:
    """Challenge an act, and start the review body's clock. Entered for an operator only by that body, with consent.

    One that comes when its time is over is put on record, refused, and whoever filed it is told why. Raises UnknownAct
    (404); Forbidden (403); NothingToAppeal, AppealPending, AppealTooLate, ActionRefused (409); ConsentNeeded (422).
    """
    at, act = rt.clock.now(), await _appealable(tx, rt, who, body.act)
    over = None
    if body.consent is not None:
        POLICY.require(who, Act.ENTER_APPEAL, act)
    else:
        if not POLICY.allows(who, Act.FILE_APPEAL, act):
            raise ConsentNeeded.field("consent", "say how the operator agreed; only the review body may enter it")
        over = _over(rt, act, at)
    every = await appeals.of_acts(tx, [act.act.id])
    earlier = [each for each in every if each.status is not AppealStatus.REFUSED]
    if earlier and not _challenged_anew(rt, who, earlier[-1], act, body):
        raise AppealPending(appeal_id=str(earlier[-1].id))
    if over is not None:
        return await _refuse(tx, rt, who, act, body, over, [each for each in every if each not in earlier])
    if earlier and earlier[-1].consent is not None and earlier[-1].status is AppealStatus.OPEN and body.consent is None:
        return await _take_over(tx, who, earlier[-1], body, at)
    new = await appeals.add(
        tx, uuid7(), act.act, appellant=act.operator, authority=act.grounds.authority, body=act.body,
        grounds=body.grounds, consent=body.consent, stay="asked" if body.asks_for_stay else "none", by=who.person,
        at=at, filed_as=who.organisation if body.consent is None else None,
    )  # fmt: skip
    if new is None:
        raise AppealPending(appeal_id=str((await appeals.of_acts(tx, [act.act.id]))[-1].id))
    appeals.MOVES.began(tx, new, "file", who=who, why=body.grounds, at=at)
    await reviewing.began(tx, rt, new, at)
    if new.consent is not None:  # nobody appeals for somebody else without their hearing of it
        says = Statement(legal_basis=(rt.rules.redress.source,), reasons=body.grounds, public_reasons=body.grounds)
        await reviewing.tell(tx, rt, new, "appeal_entered", _ENTERED, says)
    return new


async def _refuse(
    tx: Tx, rt: Runtime, who: Caller, act: Appealable, body: NewAppeal, over: datetime, refused: Sequence[Appeal]
) -> Appeal:
    """On record, with the reasons, once for each time that the act was done. Raises AppealTooLate."""
    at, until = rt.clock.now(), over.astimezone(rt.rules.time_zone).isoformat()
    for known in refused:
        if act.issued_at is None or known.filed_at >= act.issued_at:
            raise AppealTooLate(until=until, appeal_id=str(known.id))
    why = f"The time to appeal ended on {until}. The review body may admit a late appeal, with reasons."
    says = Statement(legal_basis=(rt.rules.redress.source,), reasons=why, public_reasons=why)
    new = await appeals.add(
        tx, uuid7(), act.act, appellant=act.operator, authority=act.grounds.authority, body=act.body,
        grounds=body.grounds, consent=None, stay="none", by=who.person, at=at,
        filed_as=who.organisation, refused=says,
    )  # fmt: skip
    if new is None:
        raise TypeError("only open appeals stand in each other's way")
    appeals.MOVES.began(tx, new, "file_late", who=who, why=why, at=at)
    await reviewing.tell(tx, rt, new, "appeal_refused", _REFUSED, says)
    return new


def _challenged_anew(rt: Runtime, who: Caller, last: Appeal, act: Appealable, body: NewAppeal) -> bool:
    """Whether an earlier appeal does not stand in the way: it was withdrawn, the act was done again
    since, or the operator itself comes.

    What a review body entered for an operator takes nothing from it: that it agreed is the body's word alone. Neither
    does what somebody lost in its name who had taken it over, and proved to be a stranger since.
    """
    if last.status is AppealStatus.REJECTED and last.filed_as not in {None, act.identity}:
        theirs = rt.directory.taken_over_by(last.filed_as or "")
        if who.organisation == act.identity and act.identity not in theirs:
            return True
    if last.status is AppealStatus.WITHDRAWN or (act.issued_at is not None and act.issued_at > last.filed_at):
        return True
    return last.consent is not None and body.consent is None and last.status is not AppealStatus.UPHELD


async def _take_over(tx: Tx, who: Caller, entered: Appeal, body: NewAppeal, at: datetime) -> Appeal:
    """The operator makes what was entered for it its own, in its own words; the clock runs on."""
    return await appeals.MOVES.change(
        tx, entered, "take_over", who=who, why=body.grounds, at=at, grounds=body.grounds, consent=None,
        filed_by=who.person, stay="asked" if body.asks_for_stay and entered.stay == "none" else entered.stay,
    )  # fmt: skip


async def _appealable(tx: Tx, rt: Runtime, who: Caller, ref: ActRef) -> Appealable:
    """The act, held if it is our own. Somebody else's act is unknown to whoever asks, like one that does not exist."""
    if ref.service is Service.ENFORCEMENT:
        return await _own(tx, rt, who, ref)
    known = await appeals.foreign_act(tx, ref.id)
    if known is None or (known.act.service, known.act.kind) != (ref.service, ref.kind):
        raise UnknownAct(act_id=ref.id)
    if known.act.kind == EXECUTION and known.grounds.decision_id is not None:
        # It only carries out what was decided here: that is what can fall. Whatever else cites a decision, as the
        # result of a review does, is an act of its own, with a time to appeal of its own.
        decided = ActRef(service=Service.ENFORCEMENT, kind="decision", id=known.grounds.decision_id)
        return await _own(tx, rt, who, decided)
    body = await _reviewer(tx, rt, known.grounds, await independence.case_cited(tx, known.grounds))
    found = Appealable(known.act, known.operator, known.grounds, body, known.delivered_at, known.issued_at)
    _require_party(who, found)
    return found


async def _own(tx: Tx, rt: Runtime, who: Caller, ref: ActRef) -> Appealable:
    try:
        case, decision = await decisions.get(tx, ref.id)
    except UnknownDecision:
        raise UnknownAct(act_id=ref.id) from None
    ref = ActRef(service=ref.service, kind="decision", id=ref.id)
    delivered = await notices.delivered_at(tx, decision.id, RELEASED, case.identity)
    body = await _reviewer(tx, rt, decision.grounds, case.id)
    found = Appealable(ref, case.operator, decision.grounds, body, delivered, decision.released_at)
    _require_party(who, found)  # before anything is locked, or said
    _, decision = await decisions.hold(tx, ref.id)
    if decision.released_at is None or decision.effect is Effect.NO_BREACH:
        raise NothingToAppeal
    DECISION.after(decision.status, Action.APPEAL)
    await cases.take_part(tx, case.id, body.id)
    return found


async def _reviewer(tx: Tx, rt: Runtime, grounds: Grounds, case_id: UUID | None) -> AuthorityRef:
    """Who reviews: whom the act named, if it is still independent of everybody who took part; else who is now."""
    found = await independence.require_body(tx, rt, grounds.authority, case_id)
    return next((body for body in found if body.id == grounds.redress.body.id), found[0])


def _require_party(who: Caller, act: Appealable) -> None:
    concerned = who.organisation in {act.identity, act.body_id, act.grounds.authority.id}
    if not concerned and act.inherited not in who.taken_over:
        raise UnknownAct(act_id=act.act.id)


def _over(rt: Runtime, act: Appealable, at: datetime) -> datetime | None:
    """When the time to appeal ended, if it has: it runs from delivery and ends with its last day."""
    if act.delivered_at is None:
        return None
    until = rt.rules.appeal_until(act.delivered_at, act.grounds.redress.within_days).due_at
    return until if rt.rules.day_of(at) > rt.rules.day_of(until) else None


async def get(tx: Tx, rt: Runtime, who: Caller, appeal_id: UUID) -> Appeal:
    """One appeal. Raises UnknownAppeal (404), Forbidden (403)."""
    appeal = await appeals.get(tx, appeal_id)
    POLICY.require(who, Act.READ_APPEAL, appeal)
    await _looked_at(tx, rt, who, [appeal])
    return appeal


async def page(
    tx: Tx, rt: Runtime, who: Caller, *, status: AppealStatus | None, after: UUID | None, limit: int
) -> list[Appeal]:
    """Appeals the caller reaches, newest first."""
    found = await appeals.page(tx, POLICY.reach(who, Act.READ_APPEAL), status=status, after=after, limit=limit)
    await _looked_at(tx, rt, who, found)
    return found


async def _looked_at(tx: Tx, rt: Runtime, who: Caller, found: Sequence[Appeal]) -> None:
    """Who looked at whose appeal is kept, so that each can be told."""
    of_others = [appeal for appeal in found if appeal.identity != who.organisation]
    if of_others:
        await audit.record(
            tx, who=who, act=Act.READ_APPEAL, resource="/appeals", outcome="granted", at=rt.clock.now(),
            detail={
                "operators": sorted({appeal.identity for appeal in of_others}),
                "ids": [str(appeal.id) for appeal in of_others],
            },
        )  # fmt: skip


async def clocks(tx: Tx, found: Sequence[Appeal]) -> dict[UUID, ClockView]:
    """Until when each must be decided."""
    return await deadlines.clocks_of(tx, CLOCK, {each.id: each.overdue_at for each in found})


async def decide_stay(tx: Tx, rt: Runtime, who: Caller, appeal_id: UUID, body: Stay) -> Appeal:
    """Let the act have no effect while its appeal is decided, or refuse that.

    Raises as ``reviewing.taken``; NothingToStay, NoIndependentBody (409).
    """
    appeal = await reviewing.taken(tx, rt, who, appeal_id)
    if not body.granted:
        await _require_independent(tx, rt, appeal)
    if appeal.act.service is not Service.ENFORCEMENT:
        raise NothingToStay(why="A refusal gives nobody anything to do: there is nothing to stay.")
    if appeal.stay == "granted":
        raise NothingToStay(why="The stay was granted already, and what it undid is not done again.")
    decided = await appeals.MOVES.move(
        tx, appeal, AppealAction.DECIDE_STAY, who=who, why=body.statement.reasons, at=rt.clock.now(),
        stay="granted" if body.granted else "refused",
    )  # fmt: skip
    if body.granted:
        await _suspend(tx, rt, decided, "stay", decided.body, body.statement, who)
    await reviewing.tell(tx, rt, decided, "stay_decided", _STAY, body.statement)
    return decided


async def decide(tx: Tx, rt: Runtime, who: Caller, appeal_id: UUID, body: Outcome) -> Appeal:
    """Uphold or reject. Upheld: the service whose act it is undoes exactly that act, without anybody's consent.

    Nobody is turned down who is invited to a hearing and was not heard, or whose papers nobody can read. Raises as
    ``reviewing.taken``; HearingPending, PapersDamaged, NoIndependentBody (409).
    """
    at = rt.clock.now()
    action = AppealAction.UPHOLD if body.outcome == "upheld" else AppealAction.REJECT
    appeal = await reviewing.taken(tx, rt, who, appeal_id)
    APPEAL.after(appeal.status, action)
    if action is AppealAction.REJECT:
        await _require_independent(tx, rt, appeal)
        await hearings.require_none(tx, appeal)
        await papers.require_readable(tx, appeal_id)
    decided = await appeals.MOVES.move(
        tx, appeal, action, who=who, why=body.statement.reasons, at=at, decided_by=who.person, decided_at=at,
        statement=body.statement.model_dump(mode="json"),
    )  # fmt: skip
    await deadlines.met(tx, CLOCK, appeal_id, at)
    outbox.add(tx, told.appeal_decided(decided, body.outcome, body.statement, at), at=at)
    if action is AppealAction.UPHOLD and appeal.act.service is Service.ENFORCEMENT:
        case, decision = await decisions.get(tx, appeal.act.id)
        overturned = await decisions.MOVES.move(
            tx, decision, Action.OVERTURN, who=who, why=body.statement.reasons, at=at
        )
        await tasks.followed_up(tx, rt, decision.id, who=who, why=body.statement.reasons, moot=True)
        outbox.add(tx, told.overturned(case, overturned, decided, body.statement, at), at=at)
        await emergency_ends.fell(tx, rt, overturned, body.statement)
        await deciding.suspend_resting(
            tx, rt, case, overturned, decided.body, body.statement, who=who, appeal_id=decided.id
        )
    await hearings.cancel_invited(tx, rt, who, decided, "The appeal was decided without it.")
    await reviewing.tell(tx, rt, decided, "appeal_decided", _DECIDED, body.statement)
    return decided


async def withdraw(tx: Tx, rt: Runtime, who: Caller, appeal_id: UUID, *, reasons: str) -> Appeal:
    """Whoever appealed lets it be, and nobody does it for them: the act stands as it is, and the clock ends.

    In its time the act can be challenged again. Raises UnknownAppeal (404), Forbidden (403), ActionRefused (409).
    """
    at = rt.clock.now()
    appeal, _ = await reviewing.held(tx, appeal_id)
    POLICY.require(who, Act.WITHDRAW_APPEAL, appeal)
    says = Statement(
        legal_basis=(rt.rules.redress.source,), reasons=reasons, public_reasons="Withdrawn by whoever appealed.",
        redacted=("why it was withdrawn",),
    )  # fmt: skip
    withdrawn = await appeals.MOVES.move(
        tx, appeal, AppealAction.WITHDRAW, who=who, why=reasons, at=at, decided_at=at,
        statement=says.model_dump(mode="json"),
    )  # fmt: skip
    await deadlines.met(tx, CLOCK, appeal_id, at)
    outbox.add(tx, told.appeal_decided(withdrawn, "withdrawn", says.public(), at), at=at)
    await hearings.cancel_invited(tx, rt, who, withdrawn, "The appeal was withdrawn.")
    await reviewing.tell(tx, rt, withdrawn, "appeal_withdrawn", _WITHDRAWN, says, both=True)
    return withdrawn


async def _require_independent(tx: Tx, rt: Runtime, appeal: Appeal) -> None:
    """Whom the directory has put below one of the parties since, or who got the case, neither rejects nor refuses a
    stay; late, it suspends. Raises NoIndependentBody.
    """
    hands, _ = await independence.of_appeal(tx, rt, appeal)
    if appeal.body.id not in {body.id for body in hands.bodies(rt)}:
        raise NoIndependentBody


async def suspend_overdue(rt: Runtime, tx: Tx, appeal_id: UUID) -> None:
    """The review body's clock ran out: the act is suspended. The appeal stays open and can be decided."""
    at = rt.clock.now()
    appeal, _ = await reviewing.held(tx, appeal_id)
    if appeal.status is not AppealStatus.OPEN or appeal.overdue_at is not None:
        return
    due = (await clocks(tx, [appeal])).get(appeal.id)
    why = "The appeal was not decided in time, so the measure is suspended."
    appeal = await appeals.MOVES.change(tx, appeal, "mark_overdue", who=deciding.SYSTEM, why=why, at=at, overdue_at=at)
    outbox.add(tx, told.appeal_overdue(appeal, due.due_at if due else at), at=at)
    says = Statement(legal_basis=(rt.rules.clocks[CLOCK].source,), reasons=why, public_reasons=why)
    await _suspend(tx, rt, appeal, "appeal_late", appeal.body, says, deciding.SYSTEM)


async def _suspend(
    tx: Tx, rt: Runtime, appeal: Appeal, because: str, authority: AuthorityRef, says: Statement, who: Caller
) -> None:
    """Our own act is suspended here; another department hears of it and suspends its own."""
    if appeal.act.service is Service.ENFORCEMENT:
        case, decision = await decisions.get(tx, appeal.act.id)
        await deciding.suspend(tx, rt, case, decision, because, authority, says, appeal_id=appeal.id, who=who)
