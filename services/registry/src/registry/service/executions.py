"""Executions: a decision of enforcement is carried out on the register by two people of the regulator, and undone.

Nothing here decides about anybody: it does what a released decision says, to the site as it was decided about and as it
is now, or declines with reasons. Nobody who signed the decision signs here (safeguard 2, docs/adr/0008).
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import UUID

from registry import told
from registry.errors import (
    DecisionMisfit,
    NotSigned,
    RegisteredMeanwhile,
    SubjectGone,
    TimeOver,
)
from registry.lifecycle import ExecutionAction, ExecutionStatus, SiteStatus
from registry.policy import POLICY, Act
from registry.service import (
    bars,
    effective,
    hosting,
    identities,
    looks,
    measures,
    opinions,
    overlaps,
    previews,
    registrar,
)
from registry.service.desk import SYSTEM, clock_of
from registry.store import claims, executions, operators, sites
from registry.store.executions import Execution
from registry.store.sites import OwnedSite
from shared.contracts.enforcement import (
    LAPSED,
    AppealDecidedV1,
    AppealOverdueV1,
    DecisionEndedV1,
    DecisionOverturnedV1,
    DecisionReleasedV1,
    DecisionSuspendedV1,
)
from shared.contracts.grounds import ActRef, AuthorityRef, Names, Service, Statement
from shared.contracts.http.registry import ClockView, Signing, Stated
from shared.contracts.subjects import FoundSite, FrozenSite, OperatorSubject, Preview, SiteSubject
from shared.rules import Effect
from shared.rules.identifiers import normalise_domain
from shared.runtime.acts import deadlines, history, notices, outbox
from shared.runtime.acts.runtime import Runtime
from shared.runtime.base.context import Caller
from shared.runtime.base.ids import uuid7
from shared.runtime.db.postgres import Tx

EXECUTE: Final = "execution"
"""Kind of deadline: the regulator answers a decision."""
END: Final = "execution_end"
"""Kind of deadline: the measure ends by itself."""
ANSWER_CLOCK: Final = "execute_decision"
"""The clock of the profile for that, where an effect has none of its own."""
_UNREGISTERED: Final = frozenset({SiteStatus.PROPOSED, SiteStatus.LAPSED})
"""What has the name of a site that was found keeps no measure from it."""
EXECUTED: Final = frozenset({Effect.END_ITEM, Effect.SUSPEND_ACCESS, Effect.CUT_ACCESS, Effect.REVOKE, Effect.BAR})
"""Effects that the register carries out."""
ENDING: Final = frozenset({Effect.SUSPEND_ACCESS, Effect.BAR})
"""Effects that always have an end."""
_TITLE: Final = Names(zh="处理决定执行通知书", en="A decision about you was carried out")
_UNDONE: Final = Names(zh="处理决定撤销执行通知书", en="A measure against you was undone")


@dataclass(frozen=True, slots=True)
class Seen:
    """An execution as whoever signs it sees it: what would be hit now, and whom that touches besides."""

    execution: Execution
    hits: FrozenSite | None
    preview: Preview | None
    clock: ClockView | None
    orders: list[executions.OrderOutcome]


async def receive(tx: Tx, rt: Runtime, decision: DecisionReleasedV1) -> None:
    """A decision was released: it lies on the desk of the regulator of its level and region, whose clock starts.

    Raises UnknownSite, UnknownOperator, DecisionMisfit for one that cannot be what a case decided.
    """
    if decision.effect not in EXECUTED:
        return
    _check(rt, decision)
    at, subject = rt.clock.now(), decision.subject
    regulator = rt.directory.regulator_of(decision.grounds.authority)
    site_id = subject.site_id if isinstance(subject, SiteSubject) else None
    operator_id = None
    if site_id is not None:
        held = await sites.hold(tx, site_id)
        if not held.number:
            raise DecisionMisfit(decision.decision_id, "its site was never entered in the register")
        operator_id = held.operator.id
    elif isinstance(subject, OperatorSubject):
        operator_id = (await identities.hold(tx, subject.operator_id)).id
    received = await executions.add(tx, uuid7(), decision, regulator, site_id=site_id, operator_id=operator_id, at=at)
    if received is None:
        await of_decision(tx, decision)
        return
    executions.MOVES.began(tx, received, "receive", who=SYSTEM, why="A decision was released.", at=at)
    clock = rt.rules.effects[Effect(decision.effect)].clock or ANSWER_CLOCK
    due = await deadlines.start(tx, kind=EXECUTE, aggregate_id=received.id, clock_name=clock, rt=rt, at=at)
    outbox.add(tx, told.received(received, due), at=at)


def _check(rt: Runtime, decision: DecisionReleasedV1) -> None:
    """A decision says all that its effect needs. Raises DecisionMisfit."""
    effect, subject = Effect(decision.effect), decision.subject
    about = decision.site.site_id if decision.site is not None else None
    if subject.kind not in rt.rules.effects[effect].subjects:
        raise DecisionMisfit(decision.decision_id, f"{effect} is not for {subject.kind}")
    if isinstance(subject, SiteSubject) and about not in {None, subject.site_id}:
        raise DecisionMisfit(decision.decision_id, "it was decided about another site than its subject")
    if effect in ENDING and decision.until is None:
        raise DecisionMisfit(decision.decision_id, f"{effect} has no end")
    if effect is Effect.END_ITEM and decision.service_item not in rt.rules.service_items:
        raise DecisionMisfit(decision.decision_id, "it names no service item")


async def of_decision(
    tx: Tx, fact: DecisionReleasedV1 | DecisionSuspendedV1 | DecisionOverturnedV1 | DecisionEndedV1
) -> UUID | None:
    """The execution of the decision that a fact names. Raises DecisionMisfit if it says something else about it."""
    execution_id = await executions.of_decision(tx, fact.decision_id)
    if execution_id is None:
        return None
    decision = (await executions.get(tx, execution_id)).decision
    if (fact.case_id, fact.effect, fact.subject) != (decision.case_id, decision.effect, decision.subject):
        raise DecisionMisfit(fact.decision_id, "another case, effect or subject than it was released with")
    return execution_id


async def get(tx: Tx, rt: Runtime, who: Caller, execution_id: UUID) -> Seen:
    """One execution with its preview as of now. An official's look leaves an audit row.

    Raises UnknownExecution (404), Forbidden (403).
    """
    execution = await executions.get(tx, execution_id)
    POLICY.require(who, Act.READ_EXECUTION, execution)
    await looks.at_one(tx, rt, who, Act.READ_EXECUTION, f"/executions/{execution_id}", None)
    return await _seen(tx, rt, execution)


async def page(
    tx: Tx, rt: Runtime, who: Caller, *, status: ExecutionStatus | None, decision_id: UUID | None, after: UUID | None,
    limit: int,
) -> list[Seen]:  # fmt: skip
    """Executions the caller reaches, newest first; without previews. A look leaves an audit row."""
    found = await executions.page(
        tx, POLICY.reach(who, Act.READ_EXECUTION), status=status, decision_id=decision_id, after=after, limit=limit
    )
    await looks.at_list(tx, rt, who, Act.READ_EXECUTION, "/executions", {each.id: None for each in found})
    orders = await executions.outcomes(tx, [each.id for each in found])
    clocks = await deadlines.clocks_of(tx, EXECUTE, {each.id: each.overdue_at for each in found})
    return [
        Seen(each, None, None, clocks.get(each.id), [order for order in orders if order.execution_id == each.id])
        for each in found
    ]


async def accept(tx: Tx, rt: Runtime, who: Caller, execution_id: UUID, body: Signing) -> Seen:
    """The first of the regulator's two people signs what would happen now.

    Raises UnknownExecution (404); Forbidden (403); SecondPersonRequired, ActionRefused, NotSigned, SubjectGone,
    TimeOver, RegisteredMeanwhile (409).
    """
    at = rt.clock.now()
    execution, site = await _held(tx, execution_id)
    POLICY.require(who, Act.ACCEPT, execution, drafted_by=execution.took_part)
    executions.MOVES.lifecycle.after(execution.status, ExecutionAction.ACCEPT)
    await _require_signed(tx, rt, execution, site, body)
    accepted = await executions.MOVES.move(
        tx, execution, ExecutionAction.ACCEPT, who=who, why=body.reasons, at=at, accepted_by=who.person
    )
    if (clock := await _clock(tx, execution)) is not None:
        outbox.add(tx, told.received(accepted, clock, await _hands(tx, execution_id)), at=at)
    return await _seen(tx, rt, accepted)


async def release(tx: Tx, rt: Runtime, who: Caller, execution_id: UUID, *, reasons: str) -> Seen:
    """Take an acceptance back before it is confirmed. Raises ActionRefused (409)."""
    execution, _ = await _held(tx, execution_id)
    POLICY.require(who, Act.DECLINE, execution)
    released = await executions.MOVES.move(
        tx, execution, ExecutionAction.RELEASE, who=who, why=reasons, at=rt.clock.now(), accepted_by=None
    )
    return await _seen(tx, rt, released)


async def decline(tx: Tx, rt: Runtime, who: Caller, execution_id: UUID, body: Stated) -> Seen:
    """Decline, with reasons: nothing is done, and the authority hears it (P3.2.3). Raises ActionRefused (409)."""
    at = rt.clock.now()
    execution, site = await _held(tx, execution_id)
    POLICY.require(who, Act.DECLINE, execution)
    declined = await executions.MOVES.move(
        tx, execution, ExecutionAction.DECLINE, who=who, why=body.statement.reasons, at=at,
        answer=body.statement.model_dump(mode="json"), accepted_by=None,
    )  # fmt: skip
    await deadlines.met(tx, EXECUTE, execution_id, at)
    outbox.add(tx, told.declined(declined, body.statement, at, await _hands(tx, execution_id)), at=at)
    await _go_on(tx, rt, site)
    return await _seen(tx, rt, declined)


async def confirm(tx: Tx, rt: Runtime, who: Caller, execution_id: UUID, body: Signing) -> Seen:
    """The second person signs what would happen now, and it happens: on the register, and by it at every host.

    Raises as accept does, and ItemStillApproved (409).
    """
    at = rt.clock.now()
    execution, site = await _held(tx, execution_id)
    POLICY.require(who, Act.CONFIRM, execution, drafted_by=execution.took_part)
    executions.MOVES.lifecycle.after(execution.status, ExecutionAction.CONFIRM)
    await overlaps.hitting(tx, execution, site)
    hits = await _require_signed(tx, rt, execution, site, body)
    clock = await _clock(tx, execution)
    hands = {*await _hands(tx, execution_id), who.person}
    fact = told.carried_out(execution, hits, site, at, clock.due_at if clock is not None else None, hands)
    done = await executions.MOVES.move(
        tx, execution, ExecutionAction.CONFIRM, who=who, why=body.reasons, at=at, confirmed_by=who.person,
        carried_out=fact.model_dump(mode="json"), bar_from=_bar_from(rt, execution, at),
        items_before=list(site.site.service_items) if site and execution.effect == Effect.END_ITEM else None,
    )  # fmt: skip
    await deadlines.met(tx, EXECUTE, execution_id, at)
    if execution.until is not None:
        await deadlines.start_until(tx, kind=END, aggregate_id=execution_id, until=execution.until, rt=rt, at=at)
    if site is not None:
        await measures.lay_on(tx, rt, who, done, site)
        await bars.site_changed(tx, rt, site.site.id)
        await _go_on(tx, rt, site)  # an item that was struck lies on it no more
    if done.bar_from is not None:
        await bars.begin(tx, rt, done, done.bar_from, at)
    outbox.add(tx, fact, at=at)
    await overlaps.carried_out(tx, rt, done)
    await _notify(tx, rt, done, "executed", _TITLE, done.decision.grounds, done.regulator)
    return await _seen(tx, rt, done)


async def undo(
    tx: Tx, rt: Runtime, execution_id: UUID, *, because: str, authority: AuthorityRef, statement: Statement,
    appeal: ActRef | None = None,
) -> None:  # fmt: skip
    """The decision fell, was suspended, or its time is up: take back exactly what its execution did (safeguard 7)."""
    at = rt.clock.now()
    execution, site = await _held(tx, execution_id)
    answer = statement.model_dump(mode="json")
    if executions.MOVES.lifecycle.can(execution.status, ExecutionAction.CLOSE):
        await executions.MOVES.move(
            tx, execution, ExecutionAction.CLOSE, who=SYSTEM, why=statement.reasons, at=at, answer=answer
        )
        await deadlines.met(tx, EXECUTE, execution_id, at)
        await _go_on(tx, rt, site)
        return
    if not executions.MOVES.lifecycle.can(execution.status, ExecutionAction.UNDO):
        if because != LAPSED:  # declined, or over before: nothing to take back, and no ground for an opinion any more
            await executions.fell(tx, execution_id, at)
            await opinions.decision_fell(tx, rt, execution.decision.decision_id, because, statement)
        return
    undone = await executions.MOVES.move(
        tx, execution, ExecutionAction.UNDO, who=SYSTEM, why=statement.reasons, at=at, answer=answer,
        undone_because=because,
    )  # fmt: skip
    await deadlines.met(tx, END, execution_id, at)
    if undone.bar_from is not None:
        await deadlines.met(tx, bars.BEGINS, execution_id, at)
        await bars.settle(tx, rt, undone)
    if site is not None and site.site.status is not SiteStatus.ENDED:
        await measures.take_off(tx, rt, undone, site, because)
        await bars.site_changed(tx, rt, site.site.id)
        await hosting.watch(tx, rt, await sites.get(tx, site.site.id))
        await _go_on(tx, rt, site)
    await registrar.take_back(tx, rt, ("execution", execution_id), statement.reasons)
    outbox.add(tx, told.undone(undone, because, authority, statement, appeal, at), at=at)
    await _notify(tx, rt, undone, "undone", _UNDONE, statement, authority)
    if because != LAPSED:
        await opinions.decision_fell(tx, rt, undone.decision.decision_id, because, statement)


async def end(rt: Runtime, tx: Tx, execution_id: UUID) -> None:
    """The end that the decision set has come: the measure lapses by itself."""
    grounds, why = (await executions.get(tx, execution_id)).decision.grounds, "The time that the decision set is over."
    statement = Statement(legal_basis=grounds.legal_basis, reasons=why, public_reasons=why)
    await undo(tx, rt, execution_id, because=LAPSED, authority=grounds.authority, statement=statement)


async def fall(tx: Tx, rt: Runtime, execution_id: UUID, fact: AppealDecidedV1 | AppealOverdueV1) -> None:
    """An appeal against the execution itself was upheld, or not decided in time (safeguard 6)."""
    execution = await executions.get(tx, execution_id)
    appeal = ActRef(service=Service.ENFORCEMENT, kind="appeal", id=fact.appeal_id)
    if isinstance(fact, AppealDecidedV1):
        because, statement = "overturned", fact.statement
    else:
        why = "The appeal against it was not decided in time."
        because = "suspended"
        statement = Statement(legal_basis=execution.decision.grounds.legal_basis, reasons=why, public_reasons=why)
    await undo(tx, rt, execution_id, because=because, authority=fact.body, statement=statement, appeal=appeal)


async def mark_overdue(rt: Runtime, tx: Tx, execution_id: UUID) -> None:
    """The regulator's clock ran out; the execution shows it until it is answered."""
    await executions.mark_overdue(tx, execution_id, rt.clock.now())


async def _go_on(tx: Tx, rt: Runtime, site: OwnedSite | None) -> None:
    """What this execution held back, it holds back no more."""
    if site is not None:
        await effective.go_on(tx, rt, site.site.id)


async def _hands(tx: Tx, execution_id: UUID) -> tuple[str, ...]:
    """Whoever of the regulator had to do with it: an appeal against the decision is decided by none of them."""
    return (await history.took_part(tx, [execution_id]))[execution_id]


async def _held(tx: Tx, execution_id: UUID) -> tuple[Execution, OwnedSite | None]:
    """An execution and its site, or its operator, held: these first, like everybody who changes one."""
    found = await executions.get(tx, execution_id)
    site = await sites.hold(tx, found.site_id) if found.site_id is not None else None
    if found.site_id is None and found.operator_id is not None:
        await operators.hold(tx, found.operator_id)
    return await executions.hold(tx, execution_id), site


async def _seen(tx: Tx, rt: Runtime, execution: Execution) -> Seen:
    site = await sites.get(tx, execution.site_id) if execution.site_id is not None else None
    hits, preview = await previews.of(tx, rt, execution, site)
    return Seen(execution, hits, preview, await _clock(tx, execution), await executions.outcomes(tx, [execution.id]))


async def _clock(tx: Tx, execution: Execution) -> ClockView | None:
    return await clock_of(tx, execution.id, EXECUTE, execution.overdue_at)


async def _require_signed(
    tx: Tx, rt: Runtime, execution: Execution, site: OwnedSite | None, body: Signing
) -> FrozenSite | None:
    """What is hit, if it is what the person signed.

    Raises NotSigned with what it is now; SubjectGone, TimeOver, RegisteredMeanwhile where nothing may be hit any more.
    """
    if site is not None and site.site.status in {SiteStatus.ENDED, SiteStatus.LAPSED, SiteStatus.PROPOSED}:
        raise SubjectGone(status=site.site.status)
    if execution.until is not None and execution.until <= rt.clock.now():
        raise TimeOver(until=execution.until.astimezone(rt.rules.time_zone).isoformat())
    await _require_unregistered(tx, execution)
    decided = execution.decision.operator
    if site is not None and decided is not None and not await identities.is_same(tx, decided.identity, site.operator):
        raise SubjectGone(status="another operator's by now, whom nobody told anything,")
    hits, preview = await previews.of(tx, rt, execution, site)
    if preview is not None and not body.signature.covers(preview):
        raise NotSigned(preview_digest=preview.digest, collateral=[str(each) for each in sorted(preview.collateral)])
    return hits


async def _require_unregistered(tx: Tx, execution: Execution) -> None:
    """A site that was found unregistered may have put that right: then no measure meant for others hits it."""
    if not isinstance(execution.decision.subject, FoundSite):
        return
    name = normalise_domain(execution.decision.subject.host)
    site_id = await claims.by_domain(tx, [name.ascii, *name.above])
    if site_id is not None and (await sites.get(tx, site_id)).site.status not in _UNREGISTERED:
        raise RegisteredMeanwhile(host=name.ascii, site_id=str(site_id))


def _bar_from(rt: Runtime, execution: Execution, at: datetime) -> datetime | None:
    """A bar begins when the time to appeal has passed, however late its notice counts as delivered."""
    if execution.effect != Effect.BAR:
        return None
    delivered = rt.rules.due(notices.DEEMED, at).due_at
    return rt.rules.appeal_until(delivered, execution.decision.grounds.redress.within_days).due_at


async def _notify(
    tx: Tx, rt: Runtime, execution: Execution, kind: str, title: Names, says: Statement, authority: AuthorityRef
) -> None:
    """Tell the operator; a found site's operator is not known, and its provider gets the order with the reasons."""
    if execution.operator_id is None:
        return
    operator = await operators.get(tx, execution.operator_id)
    await notices.issue(
        tx, rt, about=ActRef(service=Service.REGISTRY, kind="execution", id=execution.id), kind=kind,
        to=operator.ref, address=operator.address, title=title, says=says, authority=authority,
    )  # fmt: skip
