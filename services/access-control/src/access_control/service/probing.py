"""Looks at names whose provider signed that it carried an order out, and puts what is seen beside it (docs/adr/0022).

It finds and tells. It orders nothing, moves no order, and enters no record.
"""

import asyncio
import time
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final, NoReturn
from uuid import UUID

import structlog
from opentelemetry import metrics

from access_control import told
from access_control.errors import UnknownOrder
from access_control.policy import POLICY, Act
from access_control.service.asking import Asker, NotAsked, Seen
from access_control.service.comparing import Expected, differences, expected, says_something
from access_control.service.sending import held, tell
from access_control.store import executions, orders
from access_control.store import observations as store
from access_control.store.observations import Difference, Observation, Probed
from access_control.store.orders import AccessOrder
from shared.contracts.http.observed import Kind
from shared.rules.rows import Observations
from shared.runtime.acts import audit, deadlines
from shared.runtime.acts.runtime import Runtime
from shared.runtime.base.context import Caller
from shared.runtime.db import forgetting
from shared.runtime.db.postgres import Tx, is_transient

AFTER: Final = tuple(
    timedelta(minutes=each) for each in (15, 60, 6 * 60, 24 * 60, 2 * 24 * 60, 4 * 24 * 60, 8 * 24 * 60)
)
"""How long until an order is looked at again, after the first look, the second, …; the last for all that follow."""
DIFFERING: Final = timedelta(hours=6)
"""The longest, while it differs: what is put right is to be seen soon."""
MOST_NAMES, MOST_ADDRESSES = 4, 2
"""Of one order that are asked; of those that have more, the first."""
LATE: Final = timedelta(hours=1)
"""So far before the last time what was signed is looked for: transactions end late."""
IDLE_S: Final = 5.0
METRICS: Final = {
    "probing_looks_total": "Looks of the prober at an order that were begun, by outcome: agrees, differs, "
    "tells_nothing (no answer, or redirects alone), not_asked (nobody claims anything any more, or no name and address "
    "may be asked), overtaken (what was signed changed meanwhile), broken_off.",
    "probing_answers_total": "What names were answered with at one address and port, by outcome, as in "
    "`GET /orders/{id}/observed`.",
    "probing_oldest_due_seconds": "How long the order has waited that is due to be looked at first; 0: none is due.",
    "probing_finished_seconds": "When the prober last came to the end of a round, in seconds since 1970.",
    "observed_differences_open": "Differences that were seen twice and told, and are seen still, by kind.",
    "observed_difference_oldest_seconds": "Since how long the oldest of them is seen, by kind; 0: there is none.",
}
_meter = metrics.get_meter("concord.access-control")
_looks = _meter.create_counter("probing_looks", description=METRICS["probing_looks_total"])
_answers = _meter.create_counter("probing_answers", description=METRICS["probing_answers_total"])
_oldest_due = _meter.create_gauge("probing_oldest_due_seconds", description=METRICS["probing_oldest_due_seconds"])
_finished = _meter.create_gauge("probing_finished_seconds", description=METRICS["probing_finished_seconds"])
_open = _meter.create_gauge("observed_differences_open", description=METRICS["observed_differences_open"])
_oldest = _meter.create_gauge(
    "observed_difference_oldest_seconds", description=METRICS["observed_difference_oldest_seconds"]
)
_log = structlog.get_logger(__name__)


class Came(StrEnum):
    """What came of a look."""

    AGREES = "agrees"
    DIFFERS = "differs"
    TELLS_NOTHING = "tells_nothing"
    NOT_ASKED = "not_asked"
    OVERTAKEN = "overtaken"
    BROKEN_OFF = "broken_off"


@dataclass(frozen=True, slots=True)
class Watched:
    """Whose an order is, in the policy's words."""

    regions: tuple[str, ...]
    organisation: str
    supervisor_id: str | None
    out: str
    operator: str | None


@dataclass(frozen=True, slots=True)
class Beside:
    """An order, and what was seen of it."""

    order: AccessOrder
    executed_at: datetime | None
    differences: list[Difference]
    observations: list[Observation]


async def get(tx: Tx, rt: Runtime, who: Caller, order_id: UUID) -> Beside:
    """What was seen of an order, for whoever reads it and for the operator whose site it is.

    Raises UnknownOrder (404), also for a provider that was not sent it; Forbidden (403).
    """
    order = await orders.get(tx, order_id)
    own = who.organisation == order.organisation
    if (order.sequence is None and own) or (order.trial and not own):
        raise UnknownOrder(order=order_id)
    cause = (await executions.get_many(tx, [order.execution_id]))[order.execution_id].carried_out
    watched = Watched(
        order.regions, order.organisation, order.supervisor_id, order.out, cause.operator if cause else None
    )
    POLICY.require(who, Act.SEE_OBSERVED, watched)
    if who.authority is not None:
        await audit.record(
            tx, who=who, act=Act.SEE_OBSERVED, resource=f"/orders/{order_id}/observed", outcome="granted",
            at=rt.clock.now(),
        )  # fmt: skip
    probed = await store.probed(tx, order_id)
    return Beside(
        order, probed.executed_at if probed is not None else None, await store.differences(tx, order_id),
        (await store.of_order(tx, order_id))[::-1],
    )  # fmt: skip


async def run(rt: Runtime, asker: Asker) -> NoReturn:
    """Look at whatever is due, one order after the other, for as long as the process lives."""
    last: datetime | None = None
    while True:
        looked = False
        try:
            last = await enlist(rt, last)
            looked = await look(rt, asker)
            await measure(rt)
            _finished.set(time.time())
        except Exception as error:
            if not is_transient(error):
                raise
            _log.warning("prober.interrupted", error=repr(error))
        if not looked:
            await asyncio.sleep(IDLE_S)


async def enlist(rt: Runtime, last: datetime | None = None) -> datetime:
    """Take up what was signed since the last time, or within all the time that orders are looked at; gives when."""
    at = await deadlines.time_of(rt)  # what was signed is dated by others' clocks
    oldest = at - timedelta(days=_rules(rt).days)
    async with rt.db.transaction() as tx:
        await store.enlist(tx, oldest if last is None else max(oldest, last - LATE), at, oldest)
    return at


async def look(rt: Runtime, asker: Asker) -> bool:
    """Look at the order that is due first, if one is. No transaction is open while others are asked."""
    at = await deadlines.time_of(rt)
    async with rt.db.transaction() as tx:
        order_id = await store.due(tx, at)
        if order_id is None:
            return False
        order = await store.probed(tx, order_id)
        assert order is not None, "what is looked at exists"
        names = await _names(tx, rt, order, at)
    came = Came.BROKEN_OFF
    try:
        came = await _compared(rt, asker, order, names, at)
    except Exception:
        _log.warning("prober.broken_off", order_id=str(order.id))  # it is due first the next time, too
        raise
    finally:
        _looks.add(1, {"outcome": came.value})
    return True


async def _compared(rt: Runtime, asker: Asker, order: Probed, names: tuple[str, ...], at: datetime) -> Came:
    seen: list[Observation] = []
    for name in names:
        for address in order.ips[:MOST_ADDRESSES]:
            seen += [
                Observation(order.id, at, name, address, each.port, each.outcome, each.status, each.ours)
                for each in await _ask(asker, name, address, order)
            ]
    for each in seen:
        _answers.add(1, {"outcome": each.outcome.value})
    async with rt.db.transaction() as tx:
        now = await held(tx, order.id)
        if await store.probed(tx, order.id) != order:
            return Came.OVERTAKEN  # it is about something that was so before
        found = await _keep(tx, rt, now, order, names, seen, at)
    return _came(found, seen)


def _came(found: Collection[Difference], seen: Collection[Observation]) -> Came:
    if found:
        return Came.DIFFERS
    if not seen:
        return Came.NOT_ASKED
    return Came.AGREES if any(says_something(each) for each in seen) else Came.TELLS_NOTHING


async def _names(tx: Tx, rt: Runtime, order: Probed, at: datetime) -> tuple[str, ...]:
    """Which names to ask for now: none where nobody claims anything any more, or another order stops the name."""
    over = order.begins_at is None or at >= order.begins_at + timedelta(days=_rules(rt).days)
    if over or order.undone_by is not None or not order.ips:
        return ()
    rightly = set() if expected(order, at) is Expected.CUT else await store.stopped(tx, order)
    return tuple(name for name in order.hosts[:MOST_NAMES] if name not in rightly)


async def _ask(asker: Asker, name: str, address: str, order: Probed) -> list[Seen]:
    try:
        return await asker.ask(name, address, order.register_entry)
    except NotAsked as why:
        _log.warning("prober.not_asked", order_id=str(order.id), why=str(why))
        return []


async def _keep(
    tx: Tx, rt: Runtime, held_order: AccessOrder, order: Probed, names: tuple[str, ...], seen: list[Observation],
    at: datetime,
) -> list[Difference]:  # fmt: skip
    """What differs now."""
    rules = _rules(rt)
    if seen:
        await store.add(tx, order.id, at, seen)
    found = differences(
        order, await store.of_order(tx, order.id), await store.of_order(tx, order.undoes), names
    )  # fmt: skip
    for each in found:
        counts = each.again >= timedelta(minutes=rules.apart_minutes)
        if await store.differs(tx, each) is None and counts:
            await store.told(tx, each, at)
            tell(tx, held_order, told.observed_otherwise(held_order, order.issuer, each, at), at)
    await store.close(tx, order.id, {each.kind for each in found}, at)
    await store.look_again(tx, order.id, next_look(order, found, at, rules) if seen else None)
    return found


async def measure(rt: Runtime) -> None:
    """Say how far behind it is, and what differs."""
    at = await deadlines.time_of(rt)
    async with rt.db.connection() as tx:
        due, standing = await store.oldest_due(tx, at), await store.standing(tx)
    _oldest_due.set((at - due).total_seconds() if due is not None else 0)
    for kind in Kind:
        each = standing.get(kind)
        _open.set(each.count if each is not None else 0, {"kind": kind.value})
        _oldest.set((at - each.oldest).total_seconds() if each is not None else 0, {"kind": kind.value})


def next_look(order: Probed, found: list[Difference], at: datetime, rules: Observations) -> datetime | None:
    """Sooner while it differs; none when the profile's days are over."""
    assert order.begins_at is not None, "it is looked at"
    assert order.looks is not None, "it is looked at"
    wait = AFTER[min(order.looks, len(AFTER) - 1)]
    apart = timedelta(minutes=rules.apart_minutes)
    for each in found:
        fresh = each.again < apart and at - each.since < 6 * apart
        wait = min(wait, apart if fresh else DIFFERING)
    if order.until is not None and order.until > at:
        wait = min(wait, order.until + apart - at)
    return at + wait if at + wait < order.begins_at + timedelta(days=rules.days) else None


async def forget(rt: Runtime) -> int:
    """Delete what was seen before the profile's days."""
    if rt.rules.observations is None:
        return 0
    oldest = await deadlines.time_of(rt) - timedelta(days=rt.rules.observations.days)
    return sum([await forgetting.in_batches(rt.db, sql, oldest) for sql in store.FORGET])


def _rules(rt: Runtime) -> Observations:
    assert rt.rules.observations is not None, "the command does not start without them"
    return rt.rules.observations
