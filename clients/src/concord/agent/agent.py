"""The agent: reads orders, has the hook carry them out, and hands in receipts, each in a loop of its own."""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from typing import Final, TypeAlias

from pydantic import ValidationError

from concord.agent.config import Config
from concord.agent.door import Door
from concord.agent.hooks import Hook, Impossible, Later
from concord.agent.intake import RECOVERY, BadOrder, Gap, Intake, Receipts, Unproven
from concord.agent.journal import Journal, Taken, Written
from concord.agent.outbox import NOT_YET, Outbox
from concord.agent.patience import LONGEST_HOOK_S, LONGEST_S, Patience, pause_s
from concord.agent.report import CONTACT, HEAD
from concord.sdk.errors import ConcordError, Unreachable
from shared.contracts.orders import Action, Order
from shared.contracts.receipts import Outcome

POLL_S: Final = 25.0
NOTE_S: Final = 10.0
"""So often it is written down that access-control answered."""
SKEW_S: Final = 60.0
"""A clock that is further off is told: receipts more than five minutes ahead are refused."""
SENT_AT_ONCE: Final = 500
AT_ONCE: Final = 16
"""So many orders are carried out side by side, unless the hook has an ``at_once`` of its own."""
MOST_CHARACTERS: Final = 500_000
"""Of receipts in one document, so that it stays well below what access-control reads."""
Topic: TypeAlias = Callable[[Callable[[list[bytes]], Awaitable[None]]], Awaitable[None]]
"""Reads for ever, and hands each batch of orders to the function it is given."""

_log = logging.getLogger(__name__)


class Agent:
    """One provider's agent. ``run`` ends only when it is cancelled."""

    def __init__(self, config: Config, journal: Journal, intake: Intake, receipts: Receipts, door: Door) -> None:
        self._config = config
        self._journal = journal
        self._alarms = journal.alarms
        self._intake = intake
        self._receipts = receipts
        self._door = door
        self._next_comparison = 0.0
        self._next_note = 0.0
        self._caught_up = asyncio.Event()
        self._to_do = asyncio.Event()
        self._to_send = asyncio.Event()

    async def run(
        self,
        hook: Hook,
        outbox: Outbox,
        topic: Topic | None = None,
    ) -> None:
        """Work until cancelled. ``topic`` reads Kafka and hands each batch over; without it the feed is polled."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(_for_ever("carrying out orders", self._carry_out_forever(hook)))
            tasks.create_task(_for_ever("handing in receipts", self._hand_in_forever(outbox)))
            tasks.create_task(_for_ever("reading orders", self._read_forever(topic)))

    async def once(self, hook: Hook, outbox: Outbox) -> bool:
        """Take what is there, carry out what is due, hand in what waits; gives whether nothing is left to do.

        Raises ConcordError, Unreachable, BadOrder, Gap.
        """
        await self._begin()
        while await self._carry_out_due(hook):
            pass
        while waiting := self._journal.queued(SENT_AT_ONCE):
            settled = await outbox.send(waiting)
            self._settle(settled)
            if all(state == "queued" for _, state, _ in settled):
                break
        await self._compare()
        return not self._journal.pending() and not self._journal.queued(1)

    # --- orders in ---------------------------------------------------------------------------------------------------

    async def _read_forever(self, topic: Topic | None) -> None:
        patience = Patience()
        while not self._caught_up.is_set():
            try:
                await self._begin()
            except (ConcordError, Unreachable, BadOrder, Gap) as error:
                await self._wait(patience, error)
        if topic is None:
            await self._follow_feed()
            return
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(_for_ever("reading the topic", topic(self.accept)))
            tasks.create_task(_for_ever("comparing with access-control", self._watch_head()))

    async def _begin(self) -> None:
        """Read up to the head before anything is carried out: a later order may undo an earlier one.

        With an empty journal only what is in force or still open is acted on; the rest is history, done and undone.
        """
        if self._journal.last_sequence == 0 and self._journal.fact(RECOVERY) is None:
            snapshot = await self._door.snapshot()
            act = sorted({entry["sequence"] for name in ("orders", "open") for entry in snapshot[name]})
            self._journal.remember(RECOVERY, {"head": snapshot["head"], "act": act})
            if snapshot["head"]:
                _log.warning("an empty journal: %d of %d orders are to be acted on", len(act), snapshot["head"])
        await self.catch_up()

    async def accept(self, documents: list[bytes]) -> None:
        """Take orders from a topic. What is missing before them comes from the feed; a bad one is not believed."""
        patience = Patience()
        while True:
            try:
                await self._take(documents)
            except Gap as gap:
                _log.warning("gap: %s; reading the missing orders from the feed", gap)
            except BadOrder as bad:
                self._alarms.ring("topic", f"an order on the topic is not believed: {bad}")
            except (ConcordError, Unreachable) as error:
                await patience.wait("the keys of orders", error)
                continue
            else:
                return
            try:
                await self.catch_up()  # the feed has everything the topic should have
            except BadOrder as bad:
                self._alarms.ring("feed", f"an order of the feed is not believed: {bad}")
            except (ConcordError, Unreachable) as error:
                await patience.wait("the feed", error)
                continue
            return

    async def catch_up(self) -> None:
        """Read the feed to its end. Raises BadOrder, ConcordError, Unreachable."""
        while True:
            page = await self._door.orders(self._journal.last_sequence)
            documents = [entry["jws"].encode() for entry in page["orders"]]
            if documents:
                await self._take(documents)
            else:
                self._heard(page["head"])
                return

    def _heard(self, head: int) -> None:
        """Access-control answered, and everything it has given out is here, unless ``head`` says otherwise."""
        if self._journal.last_sequence >= head and not self._caught_up.is_set():
            self._caught_up.set()
            self._to_do.set()
        now = time.monotonic()
        if now >= self._next_note or head != self._journal.fact(HEAD):
            self._next_note = now + NOTE_S
            self._journal.remember(HEAD, head)
            self._journal.remember(CONTACT, datetime.now(UTC).isoformat())
        self._alarms.calm("feed", "sequence")
        if abs(self._door.skew_s) <= SKEW_S:
            self._alarms.calm("clock")
        else:
            ahead = f"this machine's clock is {self._door.skew_s:+.0f} s off access-control's: put it right"
            self._alarms.ring("clock", ahead)

    async def _wait(self, patience: Patience, error: Exception) -> None:
        """What is wrong with the feed, told to people where they must act; then wait."""
        if isinstance(error, BadOrder):
            self._alarms.ring("feed", f"an order of the feed is not believed, and those after it wait: {error}")
        elif isinstance(error, ConcordError) and error.code == "sequence_ahead":
            self._alarms.ring(
                "sequence", "access-control gave out fewer orders than are held here; nothing is carried out"
            )
            self._caught_up.clear()
        await patience.wait("the feed", error)

    async def _take(self, documents: list[bytes]) -> None:
        try:
            taken = await self._intake.take(documents)
        finally:
            self._to_do.set()
            self._to_send.set()
        if taken:
            _log.info("took %d order(s), up to %d", taken, self._journal.last_sequence)

    async def _follow_feed(self) -> None:
        """Long polls, one after the other; the first one looks at once."""
        patience = Patience()
        wait = 0.0
        while True:
            try:
                page = await self._door.orders(self._journal.last_sequence, wait=wait)
                await self._take([entry["jws"].encode() for entry in page["orders"]])
                self._heard(page["head"])
                wait = POLL_S
                patience.reset()
                await self._compare()
            except (ConcordError, Unreachable, BadOrder, Gap) as error:
                await self._wait(patience, error)

    async def _watch_head(self) -> None:
        """Whatever the topic does (a broker that is away, or lost its data), the sequence tells what is missing."""
        patience = Patience()
        while True:
            try:
                await self.catch_up()
                patience.reset()
                await self._compare()
                await asyncio.sleep(self._config.check_every_s)
            except (ConcordError, Unreachable, BadOrder, Gap) as error:
                await self._wait(patience, error)

    async def _compare(self) -> None:
        """Whether both sides agree on what is in force; a difference is for a person to look at."""
        now = time.monotonic()
        if now < self._next_comparison:
            return
        self._next_comparison = now + self._config.check_every_s
        state = await self._door.state()
        if state["head"] != self._journal.last_sequence:
            return  # on its way
        mine = self._journal.in_force()
        if mine == (state["in_force"], state["hash"]):
            self._alarms.calm("drift")
        else:
            self._alarms.ring("drift", f"{mine[0]} orders are in force here, {state['in_force']} at access-control")

    # --- orders carried out ------------------------------------------------------------------------------------------

    async def _carry_out_forever(self, hook: Hook) -> None:
        while True:
            self._to_do.clear()
            if not await self._carry_out_due(hook):
                due = [self._journal.next_end(), self._journal.next_retry() if self._caught_up.is_set() else None]
                await _event_or(self._to_do, min((at for at in due if at is not None), default=None))

    async def _carry_out_due(self, hook: Hook) -> bool:
        """One order of each site at most, so they can be carried out side by side; gives whether there was any."""
        now, most = datetime.now(UTC), getattr(hook, "at_once", AT_ONCE)
        ready = self._journal.ready(now, most) if self._caught_up.is_set() else []
        busy = {order.site for order in ready}
        ended = {order.site: order for order in self._journal.ended(now, most)}
        ending = [order for site, order in ended.items() if site not in busy]
        await asyncio.gather(
            *(self.carry_out(hook, order) for order in ready), *(self.resume(hook, order) for order in ending)
        )
        return bool(ready or ending)

    async def carry_out(self, hook: Hook, order: Taken) -> None:
        """Have the hook do it, and write the receipt. After a crash in between the hook is asked again."""
        if (later := self._journal.undone_by(order)) is not None:
            self._journal.pass_over(order, f"not carried out: order {later} takes it back")
            _log.info("order %d (%s) is passed over: order %d takes it back", order.sequence, order.action, later)
            return
        try:
            note = await _ask(hook, order)
            receipt = self._receipts.write(order, Outcome.EXECUTED, how=note)
        except Impossible as refusal:
            note = str(refusal)
            receipt = self._receipts.write(order, Outcome.IMPOSSIBLE, why=_reason(note))
        except Exception as error:  # whatever a hook raises, the order stays and is tried again
            if order.attempts + 1 < self._config.tries:
                self._postpone(order, error)
                return
            note = f"Given up after {order.attempts + 1} attempts: {error or type(error).__name__}"
            receipt = self._receipts.write(order, Outcome.IMPOSSIBLE, why=_reason(note))
        self._journal.close_order(order, receipt, note)
        self._alarms.calm(f"hook {order.sequence}")
        self._to_send.set()
        _log.info("order %d (%s): %s, %s", order.sequence, order.action, receipt.outcome, note)

    async def resume(self, hook: Hook, order: Taken) -> None:
        """A suspension has ended: have the hook host the site again. Asked until it is done, also after a restart."""
        try:
            note = await hook.resume(Order.model_validate_json(order.payload))
        except Exception as error:  # whatever a hook raises, the site is owed its hosting
            pause = pause_s(order.attempts, LONGEST_S)
            note = f"{error or type(error).__name__}"
            self._alarms.ring(f"ending {order.sequence}", f"a suspension is over and still carried out: {note}")
            self._journal.postpone_ending(order, datetime.now(UTC) + timedelta(seconds=pause), note)
            _log.error("order %d has ended and is still carried out (%s); again in %.1f s", order.sequence, note, pause)
            return
        self._journal.close_ending(order, note)
        self._alarms.calm(f"ending {order.sequence}")
        _log.info("order %d (%s) has ended: %s", order.sequence, order.action, note)

    def _postpone(self, order: Taken, error: Exception) -> None:
        asked = error.after_s if isinstance(error, Later) else None
        pause = max(pause_s(order.attempts, LONGEST_HOOK_S), min(asked or 0.0, LONGEST_HOOK_S))
        note = f"{error or type(error).__name__}"
        self._alarms.ring(f"hook {order.sequence}", f"order {order.sequence} was not carried out: {note}")
        self._journal.postpone(order, datetime.now(UTC) + timedelta(seconds=pause), note)
        _log.warning("order %d was not carried out (%s); again in %.1f s", order.sequence, note, pause)

    # --- receipts out ------------------------------------------------------------------------------------------------

    async def _hand_in_forever(self, outbox: Outbox) -> None:
        patience = Patience()
        while True:
            self._to_send.clear()
            waiting = _that_fit(self._journal.queued(SENT_AT_ONCE))
            if not waiting:
                await self._to_send.wait()
                continue
            try:
                settled = await outbox.send(waiting)
            except (ConcordError, Unreachable, Unproven) as error:
                await patience.wait("handing in receipts", error)
                continue
            why = self._settle(settled)
            if why:
                await patience.wait("handing in receipts", RuntimeError(why))
            else:
                patience.reset()

    def _settle(self, settled: list[tuple[Written, str, str | None]]) -> str:
        """Note what was said to receipts; gives what a person has to do before those that wait can be taken."""
        self._journal.settle(settled)
        for receipt, state, code in settled:
            # A receipt `received` that comes after the order has moved on is late, and does no harm.
            if state == "refused" and not (code == "action_refused" and receipt.outcome == Outcome.RECEIVED):
                said = f"the receipt {receipt.outcome} of order {receipt.order_id} was refused: {code}"
                self._alarms.ring("receipt", said)
        why = "; ".join(sorted({NOT_YET[code] for _, state, code in settled if state == "queued" and code in NOT_YET}))
        if why:
            self._alarms.ring("key", why)
        else:
            self._alarms.calm("key")
        return why


async def _ask(hook: Hook, taken: Taken) -> str:
    try:
        order = Order.model_validate_json(taken.payload)
    except ValidationError as error:
        fields = ", ".join(".".join(map(str, fault["loc"])) for fault in error.errors()[:5])
        raise Impossible(f"This agent cannot read the order (members {fields}); it may be too old for it.") from error
    if order.until is not None and order.until <= datetime.now(UTC):
        return f"Nothing was done: the measure had ended by itself at {order.until.isoformat()}."
    match order.action:
        case Action.CUT_OFF | Action.SUSPEND:
            return await hook.suspend(order)
        case Action.RESTORE:
            return await hook.restore(order)
    raise Impossible(f"This provider's agent has no way to carry out {order.action}.")


def _that_fit(waiting: list[Written]) -> list[Written]:
    """The first of them, as many as one document holds."""
    size = 0
    for count, receipt in enumerate(waiting):
        size += len(receipt.document)
        if size > MOST_CHARACTERS and count:
            return waiting[:count]
    return waiting


def _reason(text: str) -> str:
    """At least ten characters, as a receipt wants it."""
    return text if len(text.strip()) >= 10 else f"The provider's hook reports: {text.strip() or 'no reason'}"


async def _event_or(event: asyncio.Event, at: datetime | None) -> None:
    """Wait for the event, or until a time."""
    seconds = None if at is None else max(0.0, (at - datetime.now(UTC)).total_seconds())
    try:
        async with asyncio.timeout(seconds):
            await event.wait()
    except TimeoutError:
        return


async def _for_ever(what: str, loop: Awaitable[None]) -> None:
    """A loop that ends is a fault: end the agent, so that whoever supervises it starts it again."""
    await loop
    raise RuntimeError(f"{what} ended")
