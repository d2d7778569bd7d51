"""Receipts out: handed in until they are answered, and what was said to them noted."""

import asyncio
import sqlite3
import time
from collections.abc import Sequence
from typing import Final

from concord.agent.intake import Unproven
from concord.agent.journal import Journal, Written
from concord.agent.outbox import NOT_YET, Outbox, Settled
from concord.agent.patience import Patience, pause_s
from concord.sdk.errors import ConcordError, Unreachable
from shared.contracts.receipts import Outcome

SENT_AT_ONCE: Final = 500
MOST_CHARACTERS: Final = 500_000
"""Of receipts in one document, so that it stays well below what access-control reads."""
ASKED_EVERY_S: Final = 30.0
"""So rarely at most it is asked what became of a document that went out without an answer."""
NOT_NOW: Final = (ConcordError, Unreachable, Unproven, sqlite3.OperationalError)
"""What may pass, a full disk too: what was handed in and could not be noted is handed in again, and counts once. To end
here would end the hooks that are at work as well, and with them what is being given back."""
ONCE_S: Final = 30.0
"""So long ``run --once`` waits for answers to what went out without one."""


class Handing:
    """Hands in what the journal queues. ``wake`` says that something new is in it."""

    def __init__(self, journal: Journal) -> None:
        self._journal = journal
        self._alarms = journal.alarms
        self._sent = asyncio.Event()
        self.wake = asyncio.Event()

    async def forever(self, outbox: Outbox) -> None:
        """Hand in whatever is queued, and wait for more."""
        patience = Patience()
        while True:
            self.wake.clear()
            waiting = that_fit(self._journal.queued(SENT_AT_ONCE))
            if not waiting:
                await self.wake.wait()
                continue
            try:
                why = self.settle(await outbox.send(waiting))
            except NOT_NOW as error:
                await patience.wait("handing in receipts", error)
                continue
            finally:
                self._sent.set()
            if why:
                await patience.wait("handing in receipts", RuntimeError(why))
            else:
                patience.reset()

    async def follow_up_forever(self, outbox: Outbox) -> None:
        """Ask after what went out without an answer, until it has its counter-receipt or goes another way."""
        patience, quiet = Patience(), 0
        while True:
            self._sent.clear()
            if not self._journal.unanswered():
                quiet = 0
                await self._sent.wait()
                continue
            try:
                settled = await outbox.follow_up()
                self.settle(settled)
            except NOT_NOW as error:
                await patience.wait("asking for counter-receipts", error)
                continue
            patience.reset()
            self.wake.set()
            quiet = 0 if settled else quiet + 1
            await asyncio.sleep(pause_s(quiet, ASKED_EVERY_S, 0.2))

    async def once(self, outbox: Outbox) -> bool:
        """Hand in what is queued, and wait a while for answers; gives whether nothing is left.

        Raises ConcordError, Unreachable, Unproven.
        """
        end = time.monotonic() + ONCE_S
        while True:
            while waiting := that_fit(self._journal.queued(SENT_AT_ONCE)):
                settled = await outbox.send(waiting)
                self.settle(settled)
                if settled and all(state == "queued" for _, state, _ in settled):
                    return False
            if not self._journal.unanswered():
                return True
            if time.monotonic() >= end:
                return False
            await asyncio.sleep(0.2)
            self.settle(await outbox.follow_up())

    def settle(self, settled: Sequence[Settled]) -> str:
        """Note what was said to receipts; gives what a person has to do before those that wait can be taken.

        People are told first: what is noted is not said again.
        """
        for receipt, state, code in settled:
            # A receipt `received` that comes after the order has moved on is late, and does no harm.
            if state == "refused" and not (code == "action_refused" and receipt.outcome == Outcome.RECEIVED):
                said = f"the receipt {receipt.outcome} of order {receipt.order_id} was refused: {code}"
                self._alarms.ring("receipt", said)
        self._journal.settle(settled)
        why = "; ".join(sorted({NOT_YET[code] for _, state, code in settled if state == "queued" and code in NOT_YET}))
        if why:
            self._alarms.ring("key", why)
        elif any(state != "queued" for _, state, _ in settled):
            self._alarms.calm("key")
        return why


def that_fit(waiting: list[Written]) -> list[Written]:
    """The first of them, as many as one document holds."""
    size = 0
    for count, receipt in enumerate(waiting):
        size += len(receipt.document)
        if size > MOST_CHARACTERS and count:
            return waiting[:count]
    return waiting
