"""A measure hits names that are another site's by now: told first, or not meant any more (docs/adr/0026).

Nothing here burdens anybody: an order that is not out is held back or spares more names; one that is out is replaced
by the same one that spares them, so that whom it was decided about notices nothing and nobody else stays dark. Where
its issuer cannot sign that, or has not answered an objection, it is tried again by a clock of its own, and no fact
waits with it (docs/adr/0027).
"""

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from access_control.errors import NotReplacedYet, NotToldYet
from access_control.lifecycle import HELD_BACK, OVER, STOPPED, Status
from access_control.service.executions import give_back
from access_control.service.sending import LAPSE, SYSTEM, send_at_once, settle_emergencies, take_back
from access_control.store import emergencies, executions, orders, overlaps, receipts
from access_control.store.orders import AccessOrder, Content, Draft
from shared.contracts.grounds import Statement
from shared.contracts.ordering import means, nearest
from shared.contracts.receipts import Outcome
from shared.contracts.registry import MeasureOverlappedV1
from shared.runtime.acts import deadlines
from shared.runtime.acts.documents import IssuerHasNoKey
from shared.runtime.acts.runtime import Runtime
from shared.runtime.base.ids import uuid7
from shared.runtime.db.at_commit import part
from shared.runtime.db.postgres import Tx

TOLD_FIRST: Final = "The name is a registered site's by now: its operator is told first."
SPARED: Final = "It is replaced by an order that spares names of another site (docs/adr/0026)."
NOTHING_LEFT: Final = "All its names are another site's, and not meant (docs/adr/0026)."
SPARE: Final = "spare"
"""Kind of deadline, of an order that is out and is to spare more names: as soon as its issuer can sign what replaces
it, what its provider objects is answered, or what else is registered meanwhile can be spared with it."""
SPARE_S: Final = 1
UNANSWERED: Final = timedelta(days=1)
"""So long an objection holds a replacement up before somebody is woken."""
UNANSWERED_DARK: Final = timedelta(hours=1)
"""The same where whoever is not meant may be dark: part of the order is carried out, or its provider had suspended
something by itself before."""
TOGETHER: Final = timedelta(minutes=5)
"""An order that replaced another is itself replaced after so long at the earliest: a list of names that is entered at
once makes two orders at each host, and not one for each name."""


async def heard(tx: Tx, rt: Runtime, fact: MeasureOverlappedV1) -> None:
    """Hold back what is not out, or spare the names in it; replace what is out and hits them. Heard twice it is once:
    what is held back or spared is so already."""
    at = rt.clock.now()
    new = await overlaps.note(tx, fact, at)
    first = new and await overlaps.is_first(tx, fact)
    await executions.hold(tx, fact.execution_id)  # before they are read: one may be sent again at this very moment
    burdens = await orders.hold_burdens(tx, fact.execution_id)
    for burden in sorted(burdens, key=lambda order: (order.provider_id, order.attempt)):
        if fact.not_before is None:
            await _spare_or_wait(tx, rt, burden, _next_attempt(burdens))
        elif burden.status in HELD_BACK and (fact.not_before > at or first):  # heard late: nobody who sends it knew
            await take_back(tx, rt, burden, who=SYSTEM, why=TOLD_FIRST)
        elif new:
            await _ask_anew(tx, burden, at)


async def _ask_anew(tx: Tx, burden: AccessOrder, at: datetime) -> None:
    """Whoever asked to send it again did not know of that operator: two persons who do send it, or nobody."""
    if burden.reissue_asked_by is not None and burden.reissued_as is None:
        await orders.MOVES.change(
            tx, burden, "drop_request", who=SYSTEM, why=TOLD_FIRST, at=at, reissue_asked_by=None,
            reissue_asked_at=None, reissue_reasons=None,
        )  # fmt: skip


async def require_told(tx: Tx, order: AccessOrder, at: datetime) -> None:
    """Whose name it is by now was told, and had time. Raises NotToldYet. Its execution is held."""
    times = [each.not_before for each in await overlaps.of_execution(tx, order.execution_id) if each.not_before]
    if times and max(times) > at:
        raise NotToldYet(until=max(times).isoformat())


async def sparing(tx: Tx, order: AccessOrder, content: Content) -> Content | None:
    """What an order says when it is sent again: all names are spared that are others' by now; none if none is left."""
    return _without(content, await _not_meant(tx, order.execution_id))


async def spare_due(rt: Runtime, tx: Tx, order_id: UUID) -> None:
    """What had to wait is tried again, as things are now: what was taken back meanwhile stays so, and whatever was told
    meanwhile is spared with the rest. Raises IssuerHasNoKey, NotReplacedYet: then it is tried again later."""
    execution_id = await executions.hold_of_order(tx, order_id)
    assert execution_id is not None, "orders stay"
    burdens = await orders.hold_burdens(tx, execution_id)
    try:
        await _spare(tx, rt, next(each for each in burdens if each.id == order_id), _next_attempt(burdens))
    except NotReplacedYet as not_yet:
        at = rt.clock.now()
        if not_yet.until <= at:  # its clock fails from now on, which wakes somebody, until it is answered
            raise
        await deadlines.met(tx, SPARE, order_id, at)
        await deadlines.start_in(tx, SPARE, order_id, (not_yet.until - at).total_seconds(), at=at)


async def answered(tx: Tx, order_id: UUID, at: datetime) -> None:
    """An objection was answered, or its provider gave way: what waited for that goes on. The order is held."""
    if await deadlines.met(tx, SPARE, order_id, at):
        await deadlines.start_in(tx, SPARE, order_id, SPARE_S, at=at)


async def _not_meant(tx: Tx, execution_id: UUID) -> list[str]:
    told = await overlaps.of_execution(tx, execution_id)
    return [name for each in told if each.not_before is None for name in each.names]


def _next_attempt(burdens: Iterable[AccessOrder]) -> int:
    return 1 + max(each.attempt for each in burdens)


def _without(content: Content, names: Iterable[str]) -> Content | None:
    site = content.site
    meant = [name for name in names if means(site, name)]
    hosts = tuple(host for host in site.hosts if host not in meant)
    if not hosts:
        return None
    spared = tuple(sorted({*site.spared, *(name for name in meant if nearest(name, hosts, ()) is not None)}))
    return content.model_copy(update={"site": site.model_copy(update={"hosts": hosts, "spared": spared})})


async def _spare_or_wait(tx: Tx, rt: Runtime, burden: AccessOrder, attempt: int) -> None:
    """A fact waits for no key and for nobody's answer: behind it stand the others of this execution, and what undoes
    it. A clock that runs already, or fails, is left."""
    at = rt.clock.now()
    try:
        async with part(tx):
            await _spare(tx, rt, burden, attempt)
    except IssuerHasNoKey:
        await deadlines.start_in(tx, SPARE, burden.id, SPARE_S, at=at)
    except NotReplacedYet as not_yet:
        await deadlines.start_in(tx, SPARE, burden.id, max((not_yet.until - at).total_seconds(), 0), at=at)


async def _spare(tx: Tx, rt: Runtime, burden: AccessOrder, attempt: int) -> None:
    """Spare all that is not meant by now, also what another fact told of before.

    Raises IssuerHasNoKey, NotReplacedYet.
    """
    content = await orders.content(tx, burden.id)
    left = _without(content, await _not_meant(tx, burden.execution_id))
    if left == content:
        # Earlier code let an order carry on what it spares.
        await settle_emergencies(tx, rt, burden.decision_id, burden.provider_id)
        return
    if burden.status in HELD_BACK:
        if left is None:
            await take_back(tx, rt, burden, who=SYSTEM, why=NOTHING_LEFT)
            return
        await orders.MOVES.change(
            tx, burden, "spare", who=SYSTEM, why=SPARED, at=rt.clock.now(), hosts=list(left.site.hosts),
            content=left.model_dump(mode="json"),
        )  # fmt: skip
        await settle_emergencies(tx, rt, burden.decision_id, burden.provider_id)
    elif _in_force(burden, rt.clock.now()):
        if left is not None:
            await _require_replaceable(tx, burden, rt.clock.now())
            await _lay_on_again(tx, rt, burden, left, attempt)
        why = SPARED if left is not None else NOTHING_LEFT
        assert content.grounds is not None, "only burdens hit names"
        says = Statement(legal_basis=content.grounds.legal_basis, reasons=why, public_reasons=why)
        await give_back(tx, rt, burden, content.regulator, says)


async def _require_replaceable(tx: Tx, burden: AccessOrder, at: datetime) -> None:
    """An objection keeps its answer: replaced, the order could be neither upheld nor rejected, and what its provider
    will not carry out would be ordered anew, with a new clock. Nor is it replaced for each name that is entered at
    once. Raises NotReplacedYet, until when at the latest.
    """
    if burden.status in STOPPED:
        clocks = [each.started_at for each in await deadlines.of(tx, burden.id) if each.kind == SPARE]
        dark = burden.provider_id in await emergencies.providers_of_decision(tx, burden.decision_id) or any(
            each.outcome is Outcome.PARTLY for each in await receipts.of_order(tx, burden.id)
        )
        patience = UNANSWERED_DARK if dark else UNANSWERED
        raise NotReplacedYet("its issuer has not answered what its provider objects", min([*clocks, at]) + patience)
    replaces = burden.attempt > 1 and burden.reissues is None
    if replaces and burden.issued_at is not None and at < burden.issued_at + TOGETHER:
        raise NotReplacedYet("it replaced another just now", burden.issued_at + TOGETHER)


def _in_force(order: AccessOrder, at: datetime) -> bool:
    """Whether it stops anything, or still may: also what was accepted as impossible, or in part, can be carried out."""
    over = order.until is not None and order.until <= at
    return order.sequence is not None and order.undone_by is None and order.status not in OVER and not over


async def _lay_on_again(tx: Tx, rt: Runtime, burden: AccessOrder, left: Content, attempt: int) -> None:
    """The same order, which spares more: before the first is taken back, so that nothing else changes in between.

    It needs no window, no turn and no supervisor: it burdens nobody whom the first did not burden. Its issuer signs it
    and nobody else does. Raises IssuerHasNoKey.
    """
    at = rt.clock.now()
    again = await orders.draft(tx, Draft(
        id=uuid7(), status=Status.DRAFTED, execution_id=burden.execution_id, decision_id=burden.decision_id,
        provider_id=burden.provider_id, action=burden.action, attempt=attempt, content=left, regions=burden.regions,
        drafted_at=at, supervisor_id=burden.supervisor_id, release_at=at, until=burden.until, turn=burden.turn,
        trial=burden.trial,
    ))  # fmt: skip
    assert again is not None, "its attempt is the next one: all of its execution are held"
    orders.MOVES.began(tx, again, "draft", who=SYSTEM, why=SPARED, at=at)
    if again.until is not None:
        await deadlines.start_until(tx, kind=LAPSE, aggregate_id=again.id, until=again.until, rt=rt, at=at)
    await send_at_once(tx, rt, again, left, why=SPARED)
