"""Where receipts are handed in over HTTP, what the answers mean, and the proof that is kept."""

import hashlib
from typing import Any, Final, Protocol, TypeAlias

from concord.agent.door import Door
from concord.agent.intake import CLOCK, Keys, Receipts, Unproven
from concord.agent.journal import Journal, Written
from concord.sdk.errors import ConcordError

ACCEPTED: Final = frozenset({"already_executed"})
"""Refusals that say that access-control has it already."""
NOT_YET: Final = {
    "unknown_key": "access-control does not know the key that signs here: register its public half",
    "key_revoked": "the key that signs here was revoked: put a new one into key_file and register its public half",
    CLOCK: "this machine's clock is wrong: put it right, and the receipts are written anew with its time",
    "bad_signature": "access-control knows another key by this key's id: register this one under an id of its own",
    "foreign_key": "access-control knows this key's id as another provider's alone: register the public half of yours",
}
"""Refusals that pass once the provider's key, or clock, is as it should be, and what a person has to do."""
_NEVER: Final = frozenset({400, 413, 422})
Settled: TypeAlias = tuple[Written, str, str | None]
"""A receipt, its state (``accepted``, ``refused``, or still ``queued``), and the code that was said to it."""


class Outbox(Protocol):
    """Where receipts are handed in."""

    async def send(self, receipts: list[Written]) -> list[Settled]:
        """Hand in; gives what was said to each that was answered. The others are noted as sent."""
        ...

    async def follow_up(self) -> list[Settled]:
        """Ask after what was sent and not answered; gives what is answered now, or has to go another way."""
        ...


class HttpOutbox:
    """Hands receipts in over HTTP, and keeps the counter-receipts that prove it."""

    def __init__(self, door: Door, journal: Journal, keys: Keys, receipts: Receipts) -> None:
        self._door = door
        self._journal = journal
        self._keys = keys
        self._receipts = receipts

    async def follow_up(self) -> list[Settled]:
        """Nothing: over HTTP there is an answer at once."""
        return []

    async def send(self, receipts: list[Written]) -> list[Settled]:
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
        try:
            await self._prove(batch, answer)
            results = list(zip(receipts, answer["results"], strict=True))
        except (LookupError, TypeError, ValueError) as error:
            raise Unproven(f"what came back does not answer what was handed in: {error!r}") from error
        settled = list[Settled]()
        for receipt, result in results:
            code = result.get("code")
            taken = result["status"] == "recorded" or code in ACCEPTED
            if code == "invalid" and [field["field"] for field in result.get("fields", ())] == ["at"]:
                settled.append((receipt, "queued", CLOCK))
            else:
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
