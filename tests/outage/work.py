"""People at work while everything breaks: they decide, sign, take back, and remember what they were told is done."""

import asyncio
import random
import time
from collections.abc import Awaitable, Callable, Collection
from datetime import UTC, datetime
from typing import Final
from uuid import UUID

import httpx

from concord.sdk.errors import ConcordError
from shared.contracts.http.access import OrderStatus, WithReasons
from shared.contracts.http.enforcement import Stated
from shared.contracts.http.registry import ExecutionView, Signing
from tests.faults.checker import Decided, Said
from tests.support.office import SAYS, STATED, Case, Office, signature_of

WHY: Final = "The grounds of the authority hold."
WRONG: Final = WithReasons(reasons="The order names what it should not.")
SUSPENDS: Final = 0.3
CONTESTED: Final = 0.6
DECLINES: Final = 0.06
WITHDRAWS: Final = 0.12
SOONEST_S, LATEST_S = 20.0, 90.0
"""When suspensions end, counted from their draft."""
NEAR_S: Final = 8.0
"""Nobody takes back what ends by itself that soon."""
SOON: Final = 0.25
"""How often a measure is taken back before anybody had the time to carry it out."""
TRIES: Final = 5
AT_ONCE: Final = 8
AUTHORITIES: Final = 3


class Work:
    """Everybody's loops. ``said`` is what they were answered, and nothing else."""

    def __init__(self, office: Office, chance: random.Random, domains: Collection[str], signs_s: float) -> None:
        """``signs_s``: how long the regulator looks at what it signs, at most."""
        self.said = Said()
        self.hurry = False
        """Whether the regulator signs at once what lies before it; else it takes its time."""
        self._office, self._chance, self._signs_s = office, chance, signs_s
        self._free = list(domains)
        self._contested: list[tuple[Case, float | None, float]] = []
        self._drafts = 0
        self._looked: set[UUID] = set()
        self._signs: dict[UUID, float] = {}

    async def run(self, over: asyncio.Event, pause_s: float) -> None:
        """Until it is over; decisions are drafted and taken back so many seconds apart, at most."""
        async with asyncio.TaskGroup() as loops:
            for _ in range(AUTHORITIES):
                loops.create_task(self._again(self.decide, over, pause_s))
            for _ in range(AUTHORITIES):
                loops.create_task(self._again(self.take_back, over, pause_s * 2))

    async def offices(self, over: asyncio.Event) -> None:
        """The regulator's two people and the desk, who have to do with what others decided."""
        async with asyncio.TaskGroup() as loops:
            loops.create_task(self._again(self.sign, over, 1.0))
            loops.create_task(self._again(self.look, over, 1.0))

    async def _again(self, act: Callable[[], Awaitable[None]], over: asyncio.Event, pause_s: float) -> None:
        while not over.is_set():
            await act()
            await asyncio.sleep(self._chance.uniform(0, pause_s))

    # --- the authority, and whoever hears appeals --------------------------------------------------------------------

    async def decide(self) -> None:
        """Two people decide about a site on which nothing lies: to revoke, or to suspend for a while."""
        if not self._free:
            return
        domain = self._free.pop(self._chance.randrange(len(self._free)))
        self._drafts += 1
        case, until = await self._office.case(domain), None
        if suspends := self._chance.random() < SUSPENDS:
            until = time.time() + self._chance.uniform(SOONEST_S, LATEST_S)
        try:
            await self._office.draft(
                case, "suspend_access" if suspends else "revoke", seen=f"Seen on {domain}, no. {self._drafts}",
                until=None if until is None else datetime.fromtimestamp(until, UTC),
            )  # fmt: skip
            await self._office.tell(case)
            await self._release(case)
        except ConcordError as refusal:
            if until is None or refusal.code != "effect_not_possible":
                raise
            return  # its end came while nobody answered
        self.said.released[str(case.decision_id)] = Decided(domain, str(case.site_id), until)
        if self._chance.random() < CONTESTED:
            soon = self._chance.random() < SOON
            self._contested.append((case, until, time.time() + (0 if soon else self._signs_s)))

    async def _release(self, case: Case) -> None:
        """Whoever signs what has changed meanwhile looks again."""
        for _ in range(TRIES):
            try:
                await self._office.release(case)
            except ConcordError as refusal:
                if refusal.code not in {"changed_since_draft", "signed_something_else"}:
                    raise
                case.decision = await self._office.people["drugs-b"].enforcement.get_decision(case.decision_id)
            else:
                return
        raise AssertionError(f"whom the decision {case.decision_id} touches changes all the time")

    async def take_back(self) -> None:
        """An appeal is upheld, or the authority lifts its own decision."""
        ripe = [each for each in self._contested if each[2] <= time.time()]
        if not ripe:
            return
        chosen = self._chance.choice(ripe)
        self._contested.remove(chosen)
        case, until, _ = chosen
        if until is not None and until < time.time() + NEAR_S:
            return
        try:
            if self._chance.random() < 0.7:
                await self._office.uphold(case)
            else:
                await self._office.people["drugs-a"].enforcement.lift(case.decision_id, Stated(statement=SAYS))
        except ConcordError as refusal:
            if until is None or until > time.time() or refusal.code != "action_refused":
                raise
            return
        self.said.undone[str(case.decision_id)] = time.time()
        self._free.append(case.domain)

    # --- the regulator and its desk ----------------------------------------------------------------------------------

    async def sign(self) -> None:
        """What lies on the regulator's desk is carried out by two people, or declined by one."""
        desk = self._office.people["regulator-a"].registry
        lying = [each async for each in desk.executions(status="accepted")]
        lying += [each async for each in desk.executions(status="received")]
        now = time.time()
        for each in lying:
            self._signs.setdefault(each.id, now + self._chance.uniform(0, self._signs_s))
        due = [each for each in lying if self.hurry or self._signs[each.id] <= now]
        await asyncio.gather(*(self._sign(each) for each in due[-AT_ONCE:]))

    async def _sign(self, lying: ExecutionView) -> None:
        first, second = (self._office.people[name].registry for name in ("regulator-a", "regulator-b"))
        try:
            if lying.status == "received" and self._chance.random() < DECLINES:
                await first.decline(lying.id, STATED)
                self.said.declined.add(str(lying.decision_id))
                return
            if lying.status == "received":
                await first.accept(lying.id, _signing(await first.get_execution(lying.id)))
            await second.confirm(lying.id, _signing(await second.get_execution(lying.id)))
        except ConcordError as refusal:  # it fell meanwhile, or something else did: whoever signs looks again
            if refusal.status != httpx.codes.CONFLICT:
                raise

    async def look(self) -> None:
        """The desk takes some orders back in their window."""
        desk = self._office.people["desk-a"].access
        for order in [each async for each in desk.orders(status=OrderStatus.DRAFTED)]:
            if order.id in self._looked:
                continue
            self._looked.add(order.id)
            if self._chance.random() < WITHDRAWS:
                try:
                    await desk.withdraw(order.id, WRONG)
                except ConcordError as refusal:  # its window closed
                    if refusal.code != "action_refused":
                        raise
                else:
                    self.said.withdrawn.add(str(order.id))


def _signing(seen: ExecutionView) -> Signing:
    return Signing(reasons=WHY, signature=signature_of(seen))
