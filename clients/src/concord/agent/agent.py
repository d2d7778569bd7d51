"""The agent: reads orders, has the hook carry them out, and hands in receipts, each in a loop of its own."""

import asyncio
import hashlib
import logging
import time
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from typing import Any, Final, Protocol, TypeAlias

from pydantic import ValidationError

from concord.agent.config import Config
from concord.agent.door import Door
from concord.agent.hooks import Hook, Impossible
from concord.agent.intake import BadOrder, Gap, Intake, Keys, Receipts, Unproven
from concord.agent.journal import Journal, Taken, Written
from concord.sdk.errors import ConcordError, Unreachable
from shared.contracts.orders import Action, Order
from shared.contracts.receipts import Outcome

POLL_S: Final = 25.0
LONGEST_PAUSE_S: Final = 60.0
SENT_AT_ONCE: Final = 500
AT_ONCE: Final = 16
MOST_CHARACTERS: Final = 500_000
"""Of receipts in one document, so that it stays well below what access-control reads."""
ACCEPTED: Final = frozenset({"already_executed"})
"""Refusals that say that access-control has it already."""
NOT_YET: Final = {
    "unknown_key": "access-control does not know the key that signs here: register its public half",
    "key_revoked": "the key that signs here was revoked: put a new one into key_file and register its public half",
    "bad_signature": "access-control knows another key by this key's id: register this one under an id of its own",
}
"""Refusals that pass once the provider's key is as it should be, and what a person has to do; the receipts wait."""
_NEVER: Final = frozenset({400, 413, 422})

Topic: TypeAlias = Callable[[Callable[[list[bytes]], Awaitable[None]]], Awaitable[None]]
"""Reads for ever, and hands each batch of orders to the function it is given."""

_log = logging.getLogger(__name__)


class Outbox(Protocol):
    """Where receipts are handed in."""

    async def send(self, receipts: list[Written]) -> list[tuple[Written, str, str | None]]:
        """Hand in; gives (receipt, state, code) for each that was answered: accepted, refused, or still queued."""
        ...


class Agent:
    """One provider's agent. ``run`` ends only when it is cancelled."""

    def __init__(self, config: Config, journal: Journal, intake: Intake, receipts: Receipts, door: Door) -> None:
        self._config = config
        self._journal = journal
        self._intake = intake
        self._receipts = receipts
        self._door = door
        self._next_comparison = 0.0
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
            if topic is None:
                tasks.create_task(_for_ever("reading the feed", self._follow_feed()))
            else:
                tasks.create_task(_for_ever("reading the topic", topic(self.accept)))
                tasks.create_task(_for_ever("comparing with access-control", self._watch_head()))

    # --- orders in ---------------------------------------------------------------------------------------------------

    async def accept(self, documents: list[bytes]) -> None:
        """Take orders from a topic. What is missing before them comes from the feed; a bad one is not believed."""
        patience = Patience()
        while True:
            try:
                await self._take(documents)
            except Gap as gap:
                _log.warning("gap: %s; reading the missing orders from the feed", gap)
            except BadOrder as bad:
                _log.error("an order on the topic is not believed: %s", bad)
            except (ConcordError, Unreachable) as error:
                await patience.wait("the keys of orders", error)
                continue
            else:
                return
            try:
                await self.catch_up()  # the feed has everything the topic should have
            except BadOrder as bad:
                _log.error("an order of the feed is not believed: %s", bad)
            except (ConcordError, Unreachable) as error:
                await patience.wait("the feed", error)
                continue
            return

    async def catch_up(self) -> None:
        """Read the feed to its end. Raises BadOrder, ConcordError, Unreachable."""
        while True:
            page = await self._door.orders(self._journal.last_sequence)
            documents = [entry["jws"].encode() for entry in page["orders"]]
            if not documents:
                return
            await self._take(documents)

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
                wait = POLL_S
                patience.reset()
                await self._compare()
            except (ConcordError, Unreachable, BadOrder, Gap) as error:
                await patience.wait("the feed", error)

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
                await patience.wait("the feed", error)

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
        if mine != (state["in_force"], state["hash"]):
            _log.error("drift: %d orders in force here, %d at access-control", mine[0], state["in_force"])

    # --- orders carried out ------------------------------------------------------------------------------------------

    async def _carry_out_forever(self, hook: Hook) -> None:
        while True:
            self._to_do.clear()
            # One order of each site at most, so they can be carried out side by side.
            ready = self._journal.ready(datetime.now(UTC), AT_ONCE)
            busy = {order.site for order in ready}
            ended = {order.site: order for order in self._journal.ended(datetime.now(UTC), AT_ONCE)}
            ending = [order for site, order in ended.items() if site not in busy]
            await asyncio.gather(
                *(self.carry_out(hook, order) for order in ready), *(self.resume(hook, order) for order in ending)
            )
            if not ready and not ending:
                due = [at for at in (self._journal.next_retry(), self._journal.next_end()) if at is not None]
                await _event_or(self._to_do, min(due, default=None))

    async def carry_out(self, hook: Hook, order: Taken) -> None:
        """Have the hook do it, and write the receipt. After a crash in between the hook is asked again."""
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
        self._to_send.set()
        _log.info("order %d (%s): %s, %s", order.sequence, order.action, receipt.outcome, note)

    async def resume(self, hook: Hook, order: Taken) -> None:
        """A suspension has ended: have the hook host the site again. Asked until it is done, also after a restart."""
        try:
            note = await hook.resume(Order.model_validate_json(order.payload))
        except Exception as error:  # whatever a hook raises, the site is owed its hosting
            pause = min(2.0**order.attempts, LONGEST_PAUSE_S)
            note = f"{error or type(error).__name__}"
            self._journal.postpone_ending(order, datetime.now(UTC) + timedelta(seconds=pause), note)
            _log.error("order %d has ended and is still carried out (%s); again in %g s", order.sequence, note, pause)
            return
        self._journal.close_ending(order, note)
        _log.info("order %d (%s) has ended: %s", order.sequence, order.action, note)

    def _postpone(self, order: Taken, error: Exception) -> None:
        pause = min(2.0**order.attempts, LONGEST_PAUSE_S)
        note = f"{error or type(error).__name__}"
        self._journal.postpone(order, datetime.now(UTC) + timedelta(seconds=pause), note)
        _log.warning("order %d was not carried out (%s); again in %g s", order.sequence, note, pause)

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
            self._journal.settle(settled)
            why = {NOT_YET[code] for _, state, code in settled if state == "queued" and code in NOT_YET}
            for receipt, state, code in settled:
                if state == "refused":
                    # A receipt `received` that comes after the order has moved on is late, and does no harm.
                    late = code == "action_refused" and receipt.outcome == Outcome.RECEIVED
                    level = logging.INFO if late else logging.ERROR
                    said = (receipt.outcome, receipt.order_id, code)
                    _log.log(level, "the receipt %s of order %s was refused: %s", *said)
            if why:
                await patience.wait("handing in receipts", RuntimeError("; ".join(sorted(why))))
            else:
                patience.reset()


class HttpOutbox:
    """Hands receipts in over HTTP, and keeps the counter-receipts that prove it."""

    def __init__(self, door: Door, journal: Journal, keys: Keys, receipts: Receipts) -> None:
        self._door = door
        self._journal = journal
        self._keys = keys
        self._receipts = receipts

    async def send(self, receipts: list[Written]) -> list[tuple[Written, str, str | None]]:
        """Hand in; what is refused for now stays queued, with the code. Raises ConcordError, Unreachable, Unproven."""
        batch = self._receipts.sign(receipts)
        try:
            answer = await self._door.hand_in(batch)
        except ConcordError as error:
            if error.status not in _NEVER:
                raise
            if (why := error.problem.get("why")) in NOT_YET:
                return [(receipt, "queued", why) for receipt in receipts]
            # One of them makes the document unreadable: find it, so that it does not hold up the others.
            if len(receipts) == 1:
                return [(receipts[0], "refused", why or error.code)]
            half = len(receipts) // 2
            return await self.send(receipts[:half]) + await self.send(receipts[half:])
        await self._prove(batch, answer)
        settled = []
        for receipt, result in zip(receipts, answer["results"], strict=True):
            code = result.get("code")
            taken = result["status"] == "recorded" or code in ACCEPTED
            settled.append((receipt, "accepted" if taken else "refused", code))
        return settled

    async def _prove(self, batch: str, answer: dict[str, Any]) -> None:
        """Keep the counter-receipt, if it is one for just this batch and says what the answer says."""
        digest = hashlib.sha256(batch.encode()).hexdigest()
        counter = await self._keys.counter(answer["counter_receipt"])
        said = [(str(each.receipt_id), each.status) for each in counter.results]
        if counter.batch != digest or said != [(each["receipt_id"], each["status"]) for each in answer["results"]]:
            raise Unproven("the counter-receipt is for something else than what was handed in")
        self._journal.prove(digest, batch, answer["counter_receipt"])


class Patience:
    """Waits longer after each failure in a row, and says so."""

    def __init__(self) -> None:
        self._pause = 0.5

    def reset(self) -> None:
        """Something worked."""
        self._pause = 0.5

    async def wait(self, what: str, error: Exception) -> None:
        """Say what failed and wait."""
        _log.warning("%s: %s; again in %g s", what, error, self._pause)
        await asyncio.sleep(self._pause)
        self._pause = min(self._pause * 2, LONGEST_PAUSE_S)


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
