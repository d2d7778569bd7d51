"""What every move of an order leaves behind: a history row."""

from collections.abc import Sequence
from dataclasses import dataclass

from access_control.lifecycle import Move, Status
from access_control.store.orders import AccessOrder
from shared.runtime.acts import history
from shared.runtime.acts.runtime import Runtime
from shared.runtime.base.context import Caller
from shared.runtime.db.postgres import Tx

AGGREGATE = "order"


@dataclass(frozen=True, slots=True)
class Moved:
    """A move to be remembered: the order as it stands after it, what was done, from where, and why."""

    order: AccessOrder
    move: Move
    before: Status
    why: str


def moved(
    rt: Runtime, tx: Tx, order: AccessOrder, move: Move | str, *, before: Status | None, who: Caller, why: str
) -> None:
    """Record that an order moved to where it stands now."""
    history.add(
        tx,
        aggregate=AGGREGATE,
        aggregate_id=order.id,
        action=str(move),
        from_status=before,
        to_status=order.status,
        who=who,
        why=why,
        at=rt.clock.now(),
    )


def moved_many(rt: Runtime, tx: Tx, moves: Sequence[Moved], *, who: Caller) -> None:
    """Record many moves, in this order."""
    for each in moves:
        moved(rt, tx, each.order, each.move, before=each.before, who=who, why=each.why)
