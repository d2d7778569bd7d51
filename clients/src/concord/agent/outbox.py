"""Where receipts are handed in over HTTP, and what the answers mean."""

from typing import Final, Protocol

from concord.agent.door import Door
from concord.agent.journal import Written
from concord.sdk.errors import ConcordError

ACCEPTED: Final = frozenset({"receipt_replayed", "already_executed"})
"""Refusals that say that access-control has it already."""
NOT_YET: Final = {
    "unknown_key": "access-control does not know the key that signs here: register its public half",
    "key_revoked": "the key that signs here was revoked: put a new one into key_file and register its public half",
    "bad_signature": "access-control knows another key by this key's id: register this one under an id of its own",
}
"""Refusals that pass once the provider's key is as it should be, and what a person has to do; the receipts wait."""
_NEVER: Final = frozenset({400, 413, 422})


class Outbox(Protocol):
    """Where receipts are handed in."""

    async def send(self, receipts: list[Written]) -> list[tuple[Written, str, str | None]]:
        """Hand in; gives (receipt, state, code) for each that was answered: accepted, refused, or still queued."""
        ...


class HttpOutbox:
    """Hands receipts in over HTTP, where each gets an answer."""

    def __init__(self, door: Door) -> None:
        self._door = door

    async def send(self, receipts: list[Written]) -> list[tuple[Written, str, str | None]]:
        """Hand in; what is refused for now stays queued, with the code. Raises ConcordError, Unreachable."""
        try:
            results = await self._door.hand_in([receipt.jws for receipt in receipts])
        except ConcordError as error:
            if error.status not in _NEVER:
                raise
            # One of them cannot be read at all: find it, so that it does not hold up the others.
            if len(receipts) == 1:
                return [(receipts[0], "refused", error.code)]
            half = len(receipts) // 2
            return await self.send(receipts[:half]) + await self.send(receipts[half:])
        settled = []
        for result in results:
            code = result.get("code")
            taken = result["status"] == "recorded" or code in ACCEPTED
            state = "accepted" if taken else "queued" if code in NOT_YET else "refused"
            settled.append((receipts[result["index"]], state, code))
        return settled
