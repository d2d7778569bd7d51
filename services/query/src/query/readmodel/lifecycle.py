"""What the orders sent to a provider mean for a site: one table of steps, and a merge that replays cannot disturb."""

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from types import MappingProxyType
from typing import Final
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
    "order.executed.v1": "executed",
})  # fmt: skip
"""Fact type → the step an order took."""
RANK: Final[Mapping[str, int]] = MappingProxyType({step: rank for rank, step in enumerate(STEPS.values())})
"""Later steps win over earlier ones, in whatever order they arrive."""

DOWN: Final = frozenset({"cut_off", "suspend"})
UP: Final = frozenset({"restore"})
KEPT: Final = 32
"""Orders remembered per site and provider; the newest by sequence."""

SERVING: Final = "serving"
CUT_OFF_ORDERED: Final = "cut_off_ordered"
SUSPENDED: Final = "suspended"
RESTORE_ORDERED: Final = "restore_ordered"
PRECEDENCE: Final = (CUT_OFF_ORDERED, RESTORE_ORDERED, SUSPENDED, SERVING)
"""With several providers the site as a whole is in the first of these states that one of them is in."""


class OrderFact(msgspec.Struct, frozen=True):
    """The part of any order fact that matters here. ``step`` is filled in from the fact's type."""

    order_id: UUID
    site_id: UUID
    provider_id: UUID
    action: str
    at: datetime
    sequence: int | None = None
    decision_id: UUID | None = None
    executed_at: datetime | None = None
    step: str = ""


class Order(msgspec.Struct, frozen=True, omit_defaults=True):
    """One order as far as it is known: its place in the provider's sequence and when it took which step."""

    order_id: UUID
    action: str
    sequence: int | None = None
    decision_id: UUID | None = None
    steps: dict[str, datetime] = {}

    @property
    def step(self) -> str:
        """The furthest step it took."""
        return max(self.steps, key=RANK.__getitem__)

    @property
    def lived(self) -> dict[str, datetime]:
        """The steps as the provider lived them. Its word that it received an order is written down when that word
        arrives, which may be after the time at which, by its own word, it was carried out.
        """
        executed = self.steps.get("executed")
        if executed is None or "received" not in self.steps:
            return self.steps
        return {**self.steps, "received": min(self.steps["received"], executed)}


class Hosting(msgspec.Struct, frozen=True, omit_defaults=True):
    """Whether a provider serves a site. ``order_status`` is given while an order is not carried out yet."""

    state: str = msgspec.field()
    since: datetime | None = msgspec.field()
    order_id: UUID | None = msgspec.field()
    order_status: str | None = None


LONG_AGO: Final = datetime.min.replace(tzinfo=UTC)
IDLE: Final = Hosting(state=SERVING, since=None, order_id=None)
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
    by_id = {order.order_id: order for order in orders}
    known = by_id.get(fact.order_id) or Order(fact.order_id, fact.action)
    at = fact.executed_at or fact.at
    steps = {**known.steps, fact.step: max(at, known.steps.get(fact.step, at))}
    by_id[fact.order_id] = Order(
        fact.order_id,
        known.action,
        known.sequence if known.sequence is not None else fact.sequence,
        known.decision_id or fact.decision_id,
        {step: steps[step] for step in sorted(steps)},
    )
    return sorted(by_id.values(), key=_place)[-KEPT:]


def at_provider(orders: Iterable[Order]) -> Hosting:
    """Whether one provider serves the site: its newest order that went out says so."""
    out = [order for order in orders if order.action in DOWN | UP and order.sequence is not None]
    out = [order for order in out if "withdrawn" not in order.steps]
    if not out:
        return IDLE
    last = max(out, key=_place)
    if "executed" in last.steps:
        return Hosting(SUSPENDED if last.action in DOWN else SERVING, last.steps["executed"], last.order_id)
    since = last.steps.get("released") or min(last.steps.values())
    return Hosting(CUT_OFF_ORDERED if last.action in DOWN else RESTORE_ORDERED, since, last.order_id, last.step)


def overall(at_providers: Iterable[Hosting]) -> Hosting:
    """Whether the site is served: of several providers the one that is furthest from done, newest first."""
    found = list(at_providers)
    for state in PRECEDENCE:
        here = [hosting for hosting in found if hosting.state == state]
        if here:
            return max(here, key=lambda hosting: hosting.since or LONG_AGO)
    return IDLE


def _place(order: Order) -> tuple[int, int]:
    return (-1 if order.sequence is None else order.sequence, order.order_id.int)
