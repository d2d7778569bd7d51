"""The agent: reads orders, has the hook carry them out, and hands in receipts, each in a loop of its own."""

import asyncio
import logging
import sqlite3
import time
from collections.abc import Awaitable, Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Final, TypeAlias

from concord.agent.config import Config
from concord.agent.door import Door
from concord.agent.due import Lane
from concord.agent.handing import Handing
from concord.agent.hooks import Hook, Impossible, Later, ask
from concord.agent.intake import RECOVERY, BadOrder, Gap, Intake, Receipts
from concord.agent.journal import CONTACT, HEAD, Journal, Taken
from concord.agent.outbox import Outbox
from concord.agent.patience import LONGEST_HOOK_S, LONGEST_S, Patience, pause_s
from concord.sdk.errors import ConcordError, Unreachable
from shared.contracts.orders import Action, Order
from shared.contracts.receipts import Outcome

POLL_S: Final = 25.0
NOTE_AGAIN_S: Final = 60.0
"""So long at most is waited where it could not be noted what came of an order."""
NOTE_S: Final = 10.0
"""So often it is written down that access-control answered."""
SKEW_S: Final = 60.0
"""A clock that is further off is told: receipts more than five minutes ahead are refused."""
LOOK_S: Final = 60.0
"""So often at least it is looked what is due, whatever the clock said before."""
AT_ONCE: Final = 16
"""So many orders of a lane are carried out side by side, unless the hook has an ``at_once`` of its own; half as many
that failed before."""
AWAY: Final = (ConcordError, Unreachable, sqlite3.OperationalError)
"""What is waited for: to end here for want of room on a disk would end the hooks at work, and what they give back."""
LANES: Final = [Lane(back, again) for back in (True, False) for again in (False, True)]
Way: TypeAlias = Callable[[Hook, Taken], Awaitable[None]]
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
        self._at_work = dict[str, Lane | None]()
        """The sites of which an order is being carried out; without a lane, of which it waits until it can be noted."""
        self._handing = Handing(journal)
        self._told: set[int] = set()
        """Orders of which people were told since the start that they were not carried out."""

    async def run(
        self,
        hook: Hook,
        outbox: Outbox,
        topic: Topic | None = None,
    ) -> None:
        """Work until cancelled. ``topic`` reads Kafka and hands each batch over; without it the feed is polled."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(_for_ever("carrying out orders", self._carry_out(hook)))
            tasks.create_task(_for_ever("handing in receipts", self._handing.forever(outbox)))
            tasks.create_task(_for_ever("asking for counter-receipts", self._handing.follow_up_forever(outbox)))
            tasks.create_task(_for_ever("reading orders", self._read_forever(topic)))

    async def once(self, hook: Hook, outbox: Outbox) -> bool:
        """Take what is there, carry out what is due, hand in what waits; gives whether nothing is left to do.

        Raises ConcordError, Unreachable, BadOrder, Gap, Unproven.
        """
        await self._begin()
        await self._carry_out(hook, once=True)
        all_in = await self._handing.once(outbox)
        await self._compare()
        return all_in and not self._journal.pending()

    # --- orders in ---------------------------------------------------------------------------------------------------

    async def _read_forever(self, topic: Topic | None) -> None:
        patience = Patience()
        while not self._caught_up.is_set():
            try:
                await self._begin()
            except (*AWAY, BadOrder, Gap) as error:
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
            except AWAY as error:
                await patience.wait("the keys of orders", error)
                continue
            else:
                return
            try:
                await self.catch_up()  # the feed has everything the topic should have
            except BadOrder as bad:
                self._alarms.ring("feed", f"an order of the feed is not believed: {bad}")
            except AWAY as error:
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
        if self._journal.last_sequence >= head:
            self._caught_up.set()
        self._wake()  # a person may have written into the journal meanwhile, to have something tried again
        try:
            self._note(head)
        except sqlite3.Error as error:  # a full disk: what is held here is to be tried all the same
            _log.error("it cannot be noted that access-control answered: %s", error)

    def _note(self, head: int) -> None:
        """For people: what access-control said last, and when, and whether its clock is another."""
        now = time.monotonic()
        if now >= self._next_note or head != self._journal.fact(HEAD):
            self._journal.remember(HEAD, head)
            self._journal.remember(CONTACT, datetime.now(UTC).isoformat())
            self._next_note = now + NOTE_S
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
            self._wake()
        if taken:
            _log.info("took %d order(s), up to %d", taken, self._journal.last_sequence)

    def _wake(self) -> None:
        self._to_do.set()
        self._handing.wake.set()

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
            except (*AWAY, BadOrder, Gap) as error:
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
            except (*AWAY, BadOrder, Gap) as error:
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

    async def _carry_out(self, hook: Hook, *, once: bool = False) -> None:
        """Begin what is due whenever something ends, one order of a site at a time; ``once``: until nothing is due."""
        most = getattr(hook, "at_once", AT_ONCE)
        async with asyncio.TaskGroup() as tasks:
            while True:
                self._to_do.clear()
                now = datetime.now(UTC)  # one for all: what falls due meanwhile is still ahead
                for way, order in self._due(most, now):
                    tasks.create_task(self._work(way, hook, order, once=once))
                if once and not self._at_work:
                    return
                retry = self._journal.next_retry(now, self._config.tries) if self._caught_up.is_set() else None
                due = [self._journal.next_end(now), retry]
                await _event_or(self._to_do, min((at for at in due if at is not None), default=None))

    def _due(self, most: int, now: datetime) -> Iterator[tuple[Way, Taken]]:
        """What is to begin now, and is at work from here on."""
        orders = self._caught_up.is_set()
        for order in self._journal.taken_back() if orders else ():
            if order.site not in self._at_work:
                try:
                    self._passed_over(order)
                except sqlite3.OperationalError as error:
                    _log.error("it cannot be noted that order %d was taken back: %s", order.sequence, error)
                    break  # nor of another one; none of them is begun, or waited for
        for lane in LANES:
            room = (max(1, most // 2) if lane.again else most) - [*self._at_work.values()].count(lane)
            if room <= 0:
                continue
            given = (lane, [*self._at_work])
            found = [(self.carry_out, each) for each in self._journal.ready(now, room, self._config.tries, *given)]
            ended = self._journal.ended(now, room, *given) if lane.back else []
            found = [*(found if orders else ()), *((self.resume, each) for each in ended)]
            for way, order in sorted(found, key=lambda each: each[1].attempts):
                if room and order.site not in self._at_work:
                    self._at_work[order.site], room = lane, room - 1
                    yield way, order

    async def _work(self, way: Way, hook: Hook, order: Taken, *, once: bool) -> None:
        """Until it can be noted what came of it, it is done again now and then, and takes no place of other sites."""
        try:
            await way(hook, order)
        except sqlite3.OperationalError as error:
            if once:
                raise
            _log.error("what came of order %d cannot be noted: %s", order.sequence, error)
            self._at_work[order.site] = None
            self._to_do.set()
            await asyncio.sleep(pause_s(0, NOTE_AGAIN_S, NOTE_AGAIN_S))
        finally:
            del self._at_work[order.site]
            self._to_do.set()

    async def carry_out(self, hook: Hook, order: Taken) -> None:
        """Have the hook do it, and write the receipt. After a crash in between the hook is asked again."""
        if self._passed_over(order):
            return
        restore = order.action == Action.RESTORE
        again = order.attempts + 1 < self._config.tries
        try:
            note = await ask(hook, order.payload)
        except Impossible as refusal:
            if restore and again:
                self._postpone(order, refusal)
            else:
                self._cannot(order, str(refusal))
        except Exception as error:  # whatever a hook raises, the order stays and is tried again
            if restore or again:  # a site is owed its hosting, however often that failed
                self._postpone(order, error)
            else:
                self._cannot(order, f"Given up after {order.attempts + 1} attempts: {error or type(error).__name__}")
        else:
            self._journal.close_order(order, self._receipts.write(order, Outcome.EXECUTED, how=note), note)
            self._alarms.calm(*(f"{kind} {order.sequence}" for kind in ("hook", "restore", "impossible")))
            self._handing.wake.set()
            _log.info("order %d (%s): executed, %s", order.sequence, order.action, note)

    def _passed_over(self, order: Taken) -> bool:
        """Whether a later order takes this one back: then it is over, also while it waited for its next try."""
        later = self._journal.undone_by(order)
        if later is None:
            return False
        self._journal.pass_over(order, f"not carried out: order {later} takes it back")
        self._alarms.calm(f"hook {order.sequence}")
        _log.info("order %d (%s) is passed over: order %d takes it back", order.sequence, order.action, later)
        return True

    def _cannot(self, order: Taken, why: str) -> None:
        """An order is impossible: say so to its issuer, and to people here until one has seen it.

        A restore is tried on all the same, beside whatever else its site is ordered.
        """
        said = why
        if order.action == Action.RESTORE:
            said = f"The site is not hosted again: {why}\nThe agent goes on trying."
        nth = self._journal.objections(order) + 1
        self._journal.close_order(order, self._receipts.write(order, Outcome.IMPOSSIBLE, why=said, nth=nth), why)
        self._handing.wake.set()
        if order.action == Action.RESTORE:
            self._postpone(order, Impossible(why))
        else:
            self._alarms.ring(f"impossible {order.sequence}", f"order {order.sequence} was called impossible: {why}")
            self._alarms.calm(f"hook {order.sequence}")
        _log.warning("order %d (%s): impossible, %s", order.sequence, order.action, why)

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
        note = f"{error or type(error).__name__}"
        longest, kind, said = LONGEST_HOOK_S, "hook", f"order {order.sequence} was not carried out: {note}"
        if order.action == Action.RESTORE:
            longest = LONGEST_S if order.state == "pending" else LONGEST_HOOK_S
            kind, said = "restore", f"a site is not hosted again as order {order.sequence} wants: {note}"
        pause = max(pause_s(order.attempts, longest), min(asked or 0.0, LONGEST_HOOK_S))
        if order.state == "pending" or order.sequence not in self._told:  # else a person may have seen it
            self._alarms.ring(f"{kind} {order.sequence}", said)
            self._told.add(order.sequence)
        self._journal.postpone(order, datetime.now(UTC) + timedelta(seconds=pause), note)
        _log.warning("order %d was not carried out (%s); again in %.1f s", order.sequence, note, pause)


async def _event_or(event: asyncio.Event, at: datetime | None) -> None:
    """Wait for the event, or until a time; look at the clock now and then, since it may be set, or have slept."""
    seconds = LOOK_S if at is None else min(LOOK_S, max(0.0, (at - datetime.now(UTC)).total_seconds()))
    try:
        async with asyncio.timeout(seconds):
            await event.wait()
    except TimeoutError:
        return


async def _for_ever(what: str, loop: Awaitable[None]) -> None:
    """A loop that ends is a fault: end the agent, so that whoever supervises it starts it again."""
    await loop
    raise RuntimeError(f"{what} ended")
