"""Which cases follow from one: as which it went on, and what the regulator was asked for in it; each is held."""

from collections.abc import Awaitable, Callable, Collection
from uuid import UUID

from enforcement.store import cases, requests, ties
from enforcement.store.cases import Case
from enforcement.store.decisions import Decision
from shared.rules import ONLY_AFTER, Effect
from shared.runtime.acts.runtime import Runtime
from shared.runtime.db.postgres import Tx


def comes_after(rt: Runtime, effect: Effect) -> Collection[Effect]:
    """Which orders must have been ignored before; also of an effect that the profile lists no more."""
    rule = rt.rules.effects.get(effect)
    if rule is not None:
        return rule.after
    return {ONLY_AFTER[effect]} if effect in ONLY_AFTER else ()


async def of_order(tx: Tx, case: Case, order: Decision) -> list[Case]:
    """The held case of an order, those that were asked for because of it, and as which any of these went on."""

    async def follow() -> set[UUID]:
        return await ties.followed(tx, [case.id, *await requests.led_to(tx, order.id)])

    return await _held(tx, case, follow)


async def of_case(tx: Tx, case: Case) -> list[Case]:
    """A held case, and all that it led to: as which it went on, what was asked for in it, and so on."""
    return await _held(tx, case, lambda: ties.followed(tx, [case.id], asked_for=True))


async def _held(tx: Tx, case: Case, follow: Callable[[], Awaitable[set[UUID]]]) -> list[Case]:
    """Held as they came to be. While one is waited for it may go on itself, so that is asked until nothing is new."""
    held = {case.id: case}
    while new := sorted(await follow() - held.keys()):
        for case_id in new:
            held[case_id] = await cases.hold(tx, case_id)
    return list(held.values())
