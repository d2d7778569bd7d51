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
"""With several providers the site as a whole is in the first of these states that one of them is in."""


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

    @property
    def step(self) -> str:
        """The furthest step it took; one that was taken back went nowhere."""
        return "withdrawn" if "withdrawn" in self.steps else max(self.steps, key=RANK.__getitem__)


class Hosting(msgspec.Struct, frozen=True, omit_defaults=True):
    """Whether a provider serves a site. ``order_status`` is given while an order is not carried out yet."""

    state: str = msgspec.field()
    since: datetime | None = msgspec.field()
    order_id: UUID | None = msgspec.field()
    order_status: str | None = None


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
    )
    return sorted(by_id.values(), key=_place)


def _answer(known: Order, fact: OrderFact) -> str | None:
    """The latest answer to an objection; of two at the same moment always the same one."""
    if fact.answer is None or known.answer is None:
        return known.answer or fact.answer
    return max((known.steps["answered"], known.answer), (fact.at, fact.answer))[1]


def at_provider(status: str, orders: Sequence[Order]) -> Hosting:
    """Whether one provider serves the site: its newest order that went out says so.

    ``status`` of the access (live, stopped, ended) speaks where no order does.
    """
    if status == "ended" or not orders:
        return _SAID.get(status, IDLE)
    out = [order for order in orders if order.action in DOWN | UP and order.sequence is not None]
    out = [order for order in out if "withdrawn" not in order.steps]
    if not out:
        return _SAID.get(status, IDLE)
    last = max(out, key=_place)
    if "executed" in last.steps:
        since = last.executed_at or last.steps["executed"]
        return Hosting(SUSPENDED if last.action in DOWN else SERVING, since, last.order_id)
    since = last.steps.get("released") or min(last.steps.values())
    return Hosting(CUT_OFF_ORDERED if last.action in DOWN else RESTORE_ORDERED, since, last.order_id, last.step)


def overall(at_providers: Iterable[Hosting]) -> Hosting:
    """Whether the site is served: of several providers the one that is furthest from done, newest first."""
    found = list(at_providers)
    if len(found) == 1:
        return found[0]
    for state in PRECEDENCE:
        here = [hosting for hosting in found if hosting.state == state]
        if here:
            return max(here, key=lambda hosting: hosting.since or LONG_AGO)
    return IDLE


def _place(order: Order) -> tuple[int, int, int]:
    return (-1 if order.sequence is None else order.sequence, order.order_id.int, order.attempt)
