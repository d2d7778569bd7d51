"""What the orders sent to a provider mean for a site: one table of steps, and a merge that replays cannot disturb."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from types import MappingProxyType
from typing import Annotated, Final
from uuid import UUID

import msgspec

STEPS: Final[Mapping[str, str]] = MappingProxyType({
    "order.withdrawn.v1": "withdrawn",
    "order.released.v1": "released",
    "order.received.v1": "received",
    "order.overdue.v1": "overdue",
    "order.partly_executed.v1": "partly_executed",
    "order.impossible.v1": "impossible",
    "order.contested.v1": "contested",
    "order.answered.v1": "answered",
    "order.executed.v1": "executed",
})  # fmt: skip
"""Fact type → the step an order took."""
RANK: Final[Mapping[str, int]] = MappingProxyType({step: rank for rank, step in enumerate(STEPS.values())})
"""Later steps win over earlier ones, in whatever order they arrive."""

DOWN: Final = frozenset({"cut_off", "suspend"})
UP: Final = frozenset({"restore"})

SERVING: Final = "serving"
CUT_OFF_ORDERED: Final = "cut_off_ordered"
SUSPENDED: Final = "suspended"
RESTORE_ORDERED: Final = "restore_ordered"
ENDED: Final = "ended"
PRECEDENCE: Final = (CUT_OFF_ORDERED, RESTORE_ORDERED, SUSPENDED, SERVING, ENDED)
"""Of several orders, and of several providers, the first of these states that one of them is in."""


class OrderFact(msgspec.Struct, frozen=True):
    """The part of any order fact that matters here. ``step`` is filled in from the fact's type."""

    order_id: UUID
    execution_id: UUID
    provider_id: UUID
    hosts: tuple[str, ...]
    action: str
    at: Annotated[datetime, msgspec.Meta(tz=True)]
    site_id: UUID | None = None
    """None: a site that is in no register, known by its hosts."""
    attempt: int = 1
    sequence: int | None = None
    executed_at: Annotated[datetime, msgspec.Meta(tz=True)] | None = None
    answer: str | None = None
    undoes: UUID | None = None
    """Of a restore that went out: the order that it takes back. Its later facts do not say so again."""
    step: str = ""


class Order(msgspec.Struct, frozen=True, omit_defaults=True):
    """One order as far as it is known: its place in the provider's sequence and when which step was recorded."""

    order_id: UUID
    action: str
    execution_id: UUID
    attempt: int = 1
    sequence: int | None = None
    steps: dict[str, datetime] = {}
    executed_at: datetime | None = None
    """When it was carried out, as the provider says it; its clock is its own."""
    answer: str | None = None
    undoes: UUID | None = None

    @property
    def step(self) -> str:
        """The furthest step it took; one that was taken back went nowhere."""
        return "withdrawn" if "withdrawn" in self.steps else max(self.steps, key=RANK.__getitem__)

    @property
    def done_at(self) -> datetime | None:
        """When it was carried out, by the provider's word or else by the record; none while it is not."""
        return (self.executed_at or self.steps["executed"]) if "executed" in self.steps else None


class Hosting(msgspec.Struct, frozen=True, omit_defaults=True):
    """Whether a provider serves a site. ``order_status`` is given while an order is not carried out yet.

    ``restore_late``: an order to host it again was not done in its time, and is not done yet, whatever else there is.
    """

    state: str = msgspec.field()
    since: datetime | None = msgspec.field()
    order_id: UUID | None = msgspec.field()
    order_status: str | None = None
    restore_late: bool = False


LONG_AGO: Final = datetime.min.replace(tzinfo=UTC)
IDLE: Final = Hosting(state=SERVING, since=None, order_id=None)
STOPPED: Final = Hosting(state=CUT_OFF_ORDERED, since=None, order_id=None)
"""The register says so, and no order went out yet."""
GONE: Final = Hosting(state=ENDED, since=None, order_id=None)
_SAID: Final[Mapping[str, Hosting]] = {"stopped": STOPPED, "ended": GONE}
_dump = msgspec.json.Encoder().encode
_load = msgspec.json.Decoder(list[Order]).decode


def load(value: bytes | memoryview | None) -> list[Order]:
    """Orders as they are kept."""
    return _load(value) if value is not None else []


def dump(orders: Iterable[Order]) -> bytes:
    """Orders as they are kept; the same orders give the same bytes."""
    return _dump(list(orders))


def merge(orders: list[Order], fact: OrderFact) -> list[Order]:
    """The orders with one more fact taken in. The result does not depend on the order of facts, nor on repeats."""
    by_id = {(order.order_id, order.attempt): order for order in orders}
    key = (fact.order_id, fact.attempt)
    known = by_id.get(key) or Order(fact.order_id, fact.action, fact.execution_id, fact.attempt)
    steps = {**known.steps, fact.step: max(fact.at, known.steps.get(fact.step, fact.at))}
    executed = [at for at in (known.executed_at, fact.executed_at) if at is not None]
    by_id[key] = Order(
        fact.order_id,
        known.action,
        known.execution_id,
        fact.attempt,
        known.sequence if known.sequence is not None else fact.sequence,
        {step: steps[step] for step in sorted(steps)},
        max(executed, default=None),
        _answer(known, fact),
        known.undoes or fact.undoes,
    )
    return sorted(by_id.values(), key=_place)


def _answer(known: Order, fact: OrderFact) -> str | None:
    """The latest answer to an objection; of two at the same moment always the same one."""
    if fact.answer is None or known.answer is None:
        return known.answer or fact.answer
    return max((known.steps["answered"], known.answer), (fact.at, fact.answer))[1]


def at_provider(status: str, orders: Sequence[Order]) -> Hosting:
    """Whether one provider serves the site: every order that is in force there says so, not the newest alone.

    A restore takes back one order, and no other that stands. Of what they say the first in PRECEDENCE counts.
    ``status`` of the access (live, stopped, ended) speaks where no order does.
    """
    by_execution: dict[UUID, list[Order]] = {}
    for order in sorted(orders, key=_place) if status != "ended" else ():
        if order.action in DOWN | UP and order.sequence is not None:
            by_execution.setdefault(order.execution_id, []).append(order)
    said = [each for of_one in by_execution.values() for each in _in_force(of_one)]
    if not said:
        return _SAID.get(status, IDLE)
    state = min((each.state for each in said), key=PRECEDENCE.index)
    here = [each for each in said if each.state == state]
    return _late(max(here, key=_since) if state == SERVING else min(here, key=_since), said)


def _in_force(orders: Sequence[Order]) -> list[Hosting]:
    """What those orders of one execution say that are in force; ``orders`` by their places.

    One that is replaced is taken back when the other is out (docs/adr/0026): while any stands, the restore of another
    frees names that are not meant any more. It orders nobody to host this site again, and is not late for it.
    """
    sent = [each for each in orders if "withdrawn" not in each.steps]
    restores = [each for each in sent if each.action in UP]
    given_back = [(each, by) for each in orders if each.action in DOWN for by in restores if _takes_back(by, each)]
    over = {each.order_id for each, _ in given_back}
    stand = [each for each in sent if each.action in DOWN and each.order_id not in over]
    return [_since_the_first(each, given_back) for each in stand] or [_says(each) for each in restores]


def _takes_back(restore: Order, order: Order) -> bool:
    """The one that it names; one that names none takes back what was sent before it."""
    if restore.undoes is not None:
        return restore.undoes == order.order_id
    return _place(order) < _place(restore)


def _since_the_first(order: Order, given_back: Sequence[tuple[Order, Order]]) -> Hosting:
    """What it says; stopped since the first that was replaced, if no restore was done before the next was."""
    said, since = _says(order), order.done_at
    if since is None:
        return said
    for before, restore in reversed(given_back):
        if before.done_at is not None and _place(before) < _place(order) and (restore.done_at or since) >= since:
            since = min(since, before.done_at)
    return msgspec.structs.replace(said, since=since)


def _says(order: Order) -> Hosting:
    """What one order means by itself, and since when."""
    down = order.action in DOWN
    if order.done_at is not None:
        return Hosting(SUSPENDED if down else SERVING, order.done_at, order.order_id)
    since = order.steps.get("released") or min(order.steps.values())
    late = not down and "overdue" in order.steps
    return Hosting(CUT_OFF_ORDERED if down else RESTORE_ORDERED, since, order.order_id, order.step, late)


def overall(at_providers: Iterable[Hosting]) -> Hosting:
    """Whether the site is served: of several providers the one that is furthest from done, newest first."""
    found = list(at_providers)
    if len(found) == 1:
        return found[0]
    for state in PRECEDENCE:
        here = [hosting for hosting in found if hosting.state == state]
        if here:
            return _late(max(here, key=_since), found)
    return IDLE


def _since(hosting: Hosting) -> datetime:
    return hosting.since or LONG_AGO


def _late(hosting: Hosting, among: Iterable[Hosting]) -> Hosting:
    """The same, and whether a restore is late among these."""
    late = any(each.restore_late for each in among)
    return hosting if late == hosting.restore_late else msgspec.structs.replace(hosting, restore_late=late)


def _place(order: Order) -> tuple[int, int, int]:
    return (-1 if order.sequence is None else order.sequence, order.order_id.int, order.attempt)
