"""Orders on the issuer's desk: read, taken back, sent again, answered, escalated; overdue and lapsed by the clock."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

from access_control import told
from access_control.errors import (
    AskedAlready,
    NobodyLeft,
    NotAsked,
    NotOverdue,
    ReissuedAlready,
    RestoreStands,
    Undone,
    UnknownOrder,
)
from access_control.lifecycle import LIFECYCLE, UNSENT, Move, Status, clock_runs
from access_control.policy import POLICY, Act
from access_control.service import hindered, overlaps
from access_control.service.executions import draft_restore, give_back
from access_control.service.sending import (
    EXECUTION,
    LAPSE,
    SYSTEM,
    draft,
    held,
    send_restore,
    settle_emergencies,
    take_back,
    tell,
)
from access_control.store import executions, providers, receipts
from access_control.store import orders as store
from access_control.store.executions import Execution
from access_control.store.orders import AccessOrder, Answer, Content
from access_control.store.receipts import RecordedReceipt
from shared.contracts.grounds import Statement
from shared.contracts.http.access import OrderAnswer
from shared.contracts.ordering import execution_clock
from shared.contracts.orders import Action
from shared.rules import Due
from shared.runtime.acts import audit, deadlines
from shared.runtime.acts.deadlines import Deadline
from shared.runtime.acts.issuers import issuer_for
from shared.runtime.acts.runtime import Runtime
from shared.runtime.base.context import Caller
from shared.runtime.db.postgres import Tx
from shared.runtime.web.paging import PageQuery

ANSWERS: Final = {"upheld": Move.UPHOLD, "rejected": Move.REJECT, "accepted": Move.ACCEPT}
OVER: Final = "The time that the decision set is over."
READING_S: Final = 15.0
SHUT_S: Final = 120.0
HINDERED_S: Final = 3600.0
IN_STEP: Final = timedelta(minutes=1)
"""Who has read receipts up to so long ago is at work."""
PATIENCE: Final = timedelta(minutes=15)
"""From the first look on: a broker that stays away stops no clock."""
MUTED: Final = "The access desk had revoked its provider's last key: the time in which it could sign nothing is added."
LATE: Final = "The delay for carrying it out passed."


@dataclass(frozen=True, slots=True)
class Seen:
    """An order with what it says, what it follows from and, where one is read, what its provider signed about it."""

    order: AccessOrder
    content: Content
    receipts: list[RecordedReceipt]
    execution: Execution
    position: int | None
    """Its place in the queue of its provider, while it waits."""


async def get(tx: Tx, rt: Runtime, who: Caller, order_id: UUID) -> Seen:
    """One order. An official's look leaves an audit row.

    Raises UnknownOrder (404), also for a provider that asks for an order it has not been sent, and for whoever asks
    for a trial of another's; Forbidden (403).
    """
    order = await store.get(tx, order_id)
    own = who.organisation == order.organisation
    if (order.sequence is None and own) or (order.trial and not own):
        raise UnknownOrder(order=order_id)
    POLICY.require(who, Act.SEE_ORDER, order)
    await _looked(tx, rt, who, f"/orders/{order_id}")
    return await seen(tx, order, await receipts.of_order(tx, order_id))


async def page(
    tx: Tx, rt: Runtime, who: Caller, query: PageQuery, *, status: Status | None, provider_id: UUID | None,
    site_id: UUID | None, execution_id: UUID | None,
) -> list[Seen]:  # fmt: skip
    """Orders the caller reaches, newest first, without receipts. An official's look leaves an audit row."""
    found = await store.page(
        tx, POLICY.reach(who, Act.SEE_ORDER), query, status=status, provider_id=provider_id, site_id=site_id,
        execution_id=execution_id, reader=who.organisation,
    )  # fmt: skip
    await _looked(tx, rt, who, "/orders")
    contents = await store.contents(tx, [order.id for order in found])
    causes = await executions.get_many(tx, {order.execution_id for order in found})
    places = await store.positions(tx, found)
    return [Seen(order, contents[order.id], [], causes[order.execution_id], places.get(order.id)) for order in found]


async def _looked(tx: Tx, rt: Runtime, who: Caller, resource: str) -> None:
    if who.authority is not None:  # providers look at their own orders all day
        await audit.record(tx, who=who, act=Act.SEE_ORDER, resource=resource, outcome="granted", at=rt.clock.now())


async def withdraw(tx: Tx, rt: Runtime, who: Caller, order_id: UUID, *, reasons: str) -> Seen:
    """Take an order back before its provider has seen it (safeguard 4); home and whoever decided hear why.

    A host province does so once: what home's two people send again is home's last word (docs/adr/0012).
    Nobody takes back a restore, also while it waits for a key. Raises UnknownOrder (404), Forbidden (403);
    ActionRefused, RestoreStands (409).
    """
    order = await held(tx, order_id)
    POLICY.require(who, Act.WITHDRAW, order)
    if order.action is Action.RESTORE:
        raise RestoreStands
    return await seen(tx, await take_back(tx, rt, order, who=who, why=reasons))


async def ask_reissue(tx: Tx, rt: Runtime, who: Caller, order_id: UUID, *, reasons: str) -> Seen:
    """Ask that a withdrawn order be sent again: the first of two people, neither of whom took it back.

    Raises UnknownOrder (404), Forbidden (403); SecondPersonRequired, ActionRefused, AskedAlready, ReissuedAlready,
    Undone, NotToldYet (409).
    """
    at, order = rt.clock.now(), await held(tx, order_id)
    POLICY.require(who, Act.ASK_REISSUE, order, drafted_by=order.withdrawn_by or "")
    LIFECYCLE.after(order.status, Move.ASK_REISSUE)
    await _still_wanted(tx, order, at)
    if order.reissue_asked_by is not None:
        raise AskedAlready
    asked = await store.MOVES.move(
        tx, order, Move.ASK_REISSUE, who=who, why=reasons, at=at, reissue_asked_by=who.person, reissue_asked_at=at,
        reissue_reasons=reasons,
    )  # fmt: skip
    return await seen(tx, asked)


async def _still_wanted(tx: Tx, order: AccessOrder, at: datetime) -> None:
    if order.reissued_as is not None:
        raise ReissuedAlready(order_id=str(order.reissued_as))
    execution = await executions.hold(tx, order.execution_id)
    if execution.undone is not None or (order.until is not None and order.until <= at):
        raise Undone
    await overlaps.require_told(tx, order, at)


async def reissue(tx: Tx, rt: Runtime, who: Caller, order_id: UUID, *, reasons: str) -> Seen:
    """Send a withdrawn order again: the second of two people, neither of whom took it back; gives the new order.

    Raises UnknownOrder (404), Forbidden (403); SecondPersonRequired, ActionRefused, NotAsked, ReissuedAlready,
    Undone, NotToldYet, NobodyLeft (409).
    """
    at, order = rt.clock.now(), await held(tx, order_id)
    POLICY.require(who, Act.REISSUE, order, drafted_by=order.against_reissue)
    LIFECYCLE.after(order.status, Move.REISSUE)
    await _still_wanted(tx, order, at)
    if order.reissue_asked_by is None:
        raise NotAsked
    provider = await providers.get(tx, order.provider_id)
    earlier = await overlaps.sparing(tx, order, await store.content(tx, order_id))
    if earlier is None:
        raise NobodyLeft
    content = earlier.model_copy(update={"issuer": issuer_for(rt, provider, earlier.regulator)})
    new = await draft(
        tx, rt, provider, content, decision_id=order.decision_id, action=order.action, until=order.until,
        turn=order.turn, who=who, why=reasons, earlier=order,
    )  # fmt: skip
    assert new is not None, "an order is sent again once: its row is held"
    await store.MOVES.move(tx, order, Move.REISSUE, who=who, why=reasons, at=at, reissued_as=new.id)
    return await seen(tx, new)


async def answer(tx: Tx, rt: Runtime, who: Caller, order_id: UUID, body: OrderAnswer) -> Seen:
    """Answer what a provider objects or cannot do; registry and enforcement hear it.

    Upheld: the order is taken back by a restore, and the measure goes back to its case. Rejected: the clock goes on.
    Accepted: nothing more is expected; of a restore nobody says so. Raises UnknownOrder (404), Forbidden (403);
    ActionRefused, RestoreStands (409).
    """
    at, order, move = rt.clock.now(), await held(tx, order_id), ANSWERS[body.answer]
    POLICY.require(who, Act.ANSWER, order)
    LIFECYCLE.after(order.status, move)
    if move is not Move.REJECT and order.action is Action.RESTORE:
        raise RestoreStands
    said = Answer(answer=body.answer, reasons=body.reasons, at=at).model_dump(mode="json")
    restore = None
    if move is Move.REJECT:
        due = await _goes_on(tx, rt, order, at)
        changes: dict[str, Any] = {"execute_by": due.due_at if due is not None else order.execute_by}
    else:
        await deadlines.met(tx, EXECUTION, order_id, at)
        changes = {}
        if move is Move.UPHOLD:
            await deadlines.met(tx, LAPSE, order_id, at)
            restore = await _restore(tx, rt, who, order, body.reasons)
            changes = {"undone_by": restore.id}
    answered = await store.MOVES.move(tx, order, move, who=who, why=body.reasons, at=at, answer=said, **changes)
    await overlaps.answered(tx, order_id, at)
    due_at = answered.execute_by if move is Move.REJECT else None
    tell(tx, answered, told.answered(answered, body.answer, body.reasons, at, due_at), at)
    if restore is not None:
        await send_restore(tx, rt, restore, why=body.reasons)
        await settle_emergencies(tx, rt, order.decision_id, order.provider_id)
    return await seen(tx, answered)


async def _goes_on(tx: Tx, rt: Runtime, order: AccessOrder, at: datetime) -> Due | None:
    """The clock that stood still for an objection goes on; none where none stood still.

    Where it was a wait for unread receipts that stood still (``_unread``), the time itself begins anew: of what was
    left of it an outage of ours took the rest.
    """
    clocks = await deadlines.of(tx, order.id)
    if any(clock.kind == EXECUTION and clock.clock_name is None and _stands_still(clock) for clock in clocks):
        await deadlines.met(tx, EXECUTION, order.id, at)
        clock_name = execution_clock(order.action)
        return await deadlines.start(tx, kind=EXECUTION, aggregate_id=order.id, clock_name=clock_name, rt=rt, at=at)
    return await deadlines.resume(tx, EXECUTION, order.id, at, rt=rt)


def _stands_still(clock: Deadline) -> bool:
    return clock.suspended_at is not None and clock.met_at is None


async def _restore(tx: Tx, rt: Runtime, who: Caller, order: AccessOrder, reasons: str) -> AccessOrder:
    content = await store.content(tx, order.id)
    assert content.grounds is not None, "only burdens are undone"
    statement = Statement(legal_basis=content.grounds.legal_basis, reasons=reasons, public_reasons=reasons)
    return await draft_restore(tx, rt, order, who.authority or content.issuer, statement)


async def escalate(tx: Tx, rt: Runtime, who: Caller, order_id: UUID, *, reasons: str) -> Seen:
    """Say a second time that an overdue order is not carried out. Raises ActionRefused, NotOverdue (409)."""
    at, order = rt.clock.now(), await held(tx, order_id)
    POLICY.require(who, Act.ESCALATE, order)
    LIFECYCLE.after(order.status, Move.ESCALATE)
    runs = clock_runs(order.status, order.action)
    if not runs or not order.overdue or order.escalated_at is not None or order.execute_by is None:
        raise NotOverdue
    escalated = await store.MOVES.move(tx, order, Move.ESCALATE, who=who, why=reasons, at=at, escalated_at=at)
    tell(tx, escalated, told.overdue(escalated, order.execute_by, at, escalated=True), at)
    return await seen(tx, escalated)


async def mark_overdue(rt: Runtime, tx: Tx, order_id: UUID) -> None:
    """The delay passed without a receipt that says executed. The order stands as it stood: nothing is ordered twice."""
    at, order = rt.clock.now(), await held(tx, order_id)
    if not clock_runs(order.status, order.action) or order.overdue or order.execute_by is None:
        return
    if order.action is not Action.RESTORE and await _hindered(tx, rt, order, at):
        return
    if wait_s := await _unread(tx, order, at):
        await _wait(tx, order_id, wait_s, at)
        return
    late = await store.MOVES.change(tx, order, "overdue", who=SYSTEM, why=LATE, at=at, overdue=True)
    tell(tx, late, told.overdue(late, order.execute_by, at), at)


async def _wait(tx: Tx, order_id: UUID, seconds: float, at: datetime) -> None:
    await deadlines.met(tx, EXECUTION, order_id, at)
    await deadlines.start_in(tx, EXECUTION, order_id, seconds, at=at)


async def _hindered(tx: Tx, rt: Runtime, order: AccessOrder, at: datetime) -> bool:
    """Whether its provider cannot answer by no doing of its own, or could not for a while: then it has more time."""
    statutory = [clock for clock in await deadlines.of(tx, order.id) if clock.kind == EXECUTION and clock.clock_name]
    hindrance = await hindered.of(tx, rt, order.provider_id, statutory[-1].started_at, at)
    if hindrance.now:
        await _wait(tx, order.id, HINDERED_S, at)
        return True
    by = statutory[-1].due_at + hindrance.lost
    if not hindrance.lost or by <= at:
        return False
    await _wait(tx, order.id, (by - at).total_seconds(), at)
    await store.MOVES.change(tx, order, "put_off", who=SYSTEM, why=MUTED, at=at, execute_by=by)
    return True


async def _unread(tx: Tx, order: AccessOrder, at: datetime) -> float:
    """Seconds to wait before it is called overdue: its receipt may lie unread on the topic since before it was due.

    After an outage of ours longer, so that what the shut door refused comes again; never for more than PATIENCE.
    """
    read, due = await receipts.read_until(tx), order.execute_by
    assert due is not None, "it is out"
    if read is not None and read >= due:
        return 0
    looked = [clock.started_at for clock in await deadlines.of(tx, order.id)
              if clock.kind == EXECUTION and clock.clock_name is None and clock.started_at >= due]  # fmt: skip
    if looked and at >= min(looked) + PATIENCE:
        return 0
    return READING_S if read is not None and at - read < IN_STEP else SHUT_S


async def lapse(rt: Runtime, tx: Tx, order_id: UUID) -> None:
    """The end of a suspension has come. What was not sent is not sent; what was not carried out needs not be any more.

    What a provider was sent stays in force there until the restore, which the register brings about by itself.
    """
    at, order = rt.clock.now(), await held(tx, order_id)
    if order.status in UNSENT:
        if LIFECYCLE.can(order.status, Move.WITHDRAW):
            await take_back(tx, rt, order, who=SYSTEM, why=OVER)
        return
    if LIFECYCLE.can(order.status, Move.LAPSE):
        lapsed = await store.MOVES.move(tx, order, Move.LAPSE, who=SYSTEM, why=OVER, at=at)
        await deadlines.met(tx, EXECUTION, order_id, at)
        tell(tx, lapsed, told.withdrawn(lapsed, OVER), at)
        order = lapsed
    if order.trial and order.undone_by is None:  # of others the register says so
        content = await store.content(tx, order_id)
        assert content.grounds is not None, "only burdens are undone"
        over = Statement(legal_basis=content.grounds.legal_basis, reasons=OVER, public_reasons=OVER)
        await give_back(tx, rt, order, content.authority, over)


async def seen(tx: Tx, order: AccessOrder, signed: Sequence[RecordedReceipt] = ()) -> Seen:
    """An order with what belongs to it."""
    causes = await executions.get_many(tx, [order.execution_id])
    place = (await store.positions(tx, [order])).get(order.id)
    return Seen(order, await store.content(tx, order.id), list(signed), causes[order.execution_id], place)
