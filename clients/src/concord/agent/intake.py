"""Decides which orders are taken: signed with a key of their issuer, for this provider, and next in the sequence."""

import asyncio
import hashlib
import json
import time
from collections.abc import Awaitable, Callable, Sequence
from datetime import UTC, datetime
from typing import Any, Final, TypeVar
from uuid import NAMESPACE_URL, UUID, uuid5

from concord.agent.journal import CONTACT, HEAD, Journal, Taken, Written
from concord.sdk.errors import ConcordError, Unreachable
from concord.sdk.signed import backdated, verified_counter, verified_order
from shared.contracts.receipts import RECEIPTS_TYPE, CounterReceipt, Outcome
from shared.signing import BadSignature, KeyRing, Signer, Verified, canonical, moment

REFRESH_S: Final = 10.0
"""Unknown key ids and owners make the keys be fetched again, but not more often than this."""
KEPT_S: Final = 24 * 3600.0
"""So long keys are believed that cannot be fetched again: a removed one no longer than this."""
_ASK_AGAIN: Final = frozenset({"unknown_kid", "wrong_owner"})
T = TypeVar("T")
RECEIPTS: Final = uuid5(NAMESPACE_URL, "https://concord.example/receipts")
"""Namespace of receipt ids: uuid5 of ``<order id> <outcome>``, so that a receipt made twice is the same receipt.

From the second objection about an order on, of ``<order id> <outcome> <n>``: it answers a rejection of the one before.
"""
_LONGEST_HOW: Final = 500
_LONGEST_WHY: Final = 20_000
_LEAST_WHY: Final = 10

CLOCK: Final = "clock"
"""Of a receipt that waits because its time was refused."""
RECOVERY: Final = "recovery"
"""Fact of a journal: which orders up to which place were in force or open when it began; the others are history."""


class BadOrder(Exception):
    """Bytes that must not be carried out: not signed with a key of their issuer, or not for this provider."""


class Unproven(Exception):
    """What came back is no counter-receipt for what was handed in."""


class Gap(Exception):
    """Orders before this one are missing."""

    def __init__(self, have: int, got: int) -> None:
        super().__init__(f"order {got} came, but {have + 1} is next")


class Keys:
    """The keys orders are signed with: pinned to one address, and believed only as long as they are published there.

    They are remembered over restarts, fetched again when they are ``every_s`` old or an order names an unknown one,
    and for ``KEPT_S`` believed while they cannot be fetched.
    """

    def __init__(
        self,
        journal: Journal,
        fetch: Callable[[], Awaitable[dict[str, Any]]],
        every_s: float = 300.0,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._journal = journal
        self._fetch = fetch
        self._every_s = every_s
        self._clock = clock
        self._tried = float("-inf")
        self._fetched = float(journal.fact("jwks_at") or 0)
        self._ring = KeyRing(journal.fact("jwks") or {"keys": []})

    async def verify(self, jws: bytes) -> Verified:
        """An order's signed bytes, and its key. Raises BadOrder; ConcordError or Unreachable if no keys can be had."""
        try:
            return await self._believed(lambda ring: verified_order(ring, jws))
        except BadSignature as bad:
            raise BadOrder(f"{bad.code}: {bad.reason}") from bad

    async def counter(self, jws: str) -> CounterReceipt:
        """What a counter-receipt says. Raises Unproven; ConcordError or Unreachable if the keys cannot be had."""
        try:
            return await self._believed(lambda ring: verified_counter(ring, jws))
        except BadSignature as bad:
            raise Unproven(f"the counter-receipt is not to be believed ({bad.code}): {bad.reason}") from bad

    async def _believed(self, check: Callable[[KeyRing], T]) -> T:
        if not 0 <= self._clock() - self._fetched < self._every_s:
            await self._refresh()
        try:
            return check(self._ring)
        except BadSignature as bad:
            if bad.code not in _ASK_AGAIN or not await self._refresh():
                raise
        return check(self._ring)

    async def _refresh(self) -> bool:
        """Fetch the keys, unless that was tried a moment ago; gives whether it was done."""
        now = self._clock()
        if 0 <= now - self._tried < min(REFRESH_S, self._every_s):
            return False
        self._tried = now
        try:
            jwks = await self._fetch()
        except (ConcordError, Unreachable):
            if 0 <= now - self._fetched < KEPT_S:
                return False
            self._tried = float("-inf")
            raise
        self._fetched = now
        self._ring = KeyRing(jwks)
        self._journal.remember("jwks", jwks)
        self._journal.remember("jwks_at", now)
        return True


class Receipts:
    """Writes what became of an order, and signs it for handing in."""

    def __init__(self, provider_id: UUID, signer: Signer) -> None:
        self._provider_id = provider_id
        self._signer = signer

    def write(
        self, order: Taken, outcome: Outcome, *, how: str | None = None, why: str | None = None, nth: int = 1
    ) -> Written:
        """A receipt. Its id depends on order, outcome and ``nth`` alone: whenever it is handed in, it is the same one.

        What a hook says becomes a text that a receipt may hold, so that none is refused for its wording.
        """
        receipt_id = uuid5(RECEIPTS, f"{order.order_id} {outcome}" + (f" {nth}" if nth > 1 else ""))
        document = {
            "receipt_id": str(receipt_id),
            "order_id": str(order.order_id),
            "sequence": order.sequence,
            "order_digest": order.digest,
            "outcome": outcome.value,
            "at": datetime.now(UTC).isoformat(),
            "how": None if how is None else _how(how),
            "why": None if why is None else _why(why),
        }
        return Written(receipt_id, order.order_id, outcome, canonical(document).decode())

    def sign(self, receipts: Sequence[Written]) -> str:
        """One document with these receipts, signed with the key of today."""
        now = datetime.now(UTC).isoformat()  # a time that was refused was a wrong clock's
        said = [json.loads(each.document) | ({"at": now} if each.code == CLOCK else {}) for each in receipts]
        batch = {"provider_id": str(self._provider_id), "receipts": said}
        return self._signer.sign(canonical(batch), RECEIPTS_TYPE)


def _how(text: str) -> str:
    """One line, of which something can be seen."""
    said = _shown(text)[:_LONGEST_HOW].strip()
    return said if any(map(str.isalnum, said)) else "Done."


def _why(text: str) -> str:
    """Lines with enough to be seen."""
    said = "\n".join(map(_shown, text.splitlines())).strip()[: _LONGEST_WHY - 100]
    if sum(map(str.isalnum, said)) >= _LEAST_WHY:
        return said
    return f"The provider's hook reports: {said or 'no reason'}"


def _shown(line: str) -> str:
    """Without control characters and overrides of the direction."""
    return "".join(character if character.isprintable() else " " for character in line)


def _issued(payload: bytes | None) -> datetime | None:
    """When an order that was taken was issued; none if it does not say."""
    try:
        return moment(json.loads(payload)["issued_at"]) if payload is not None else None
    except (ValueError, LookupError, TypeError):
        return None


class Intake:
    """Takes orders into the journal, in sequence, each once."""

    def __init__(self, provider_id: UUID, journal: Journal, keys: Keys, receipts: Receipts) -> None:
        self._provider_id = str(provider_id)
        self._journal = journal
        self._keys = keys
        self._receipts = receipts
        self._one_at_a_time = asyncio.Lock()

    async def take(self, documents: Sequence[bytes]) -> int:
        """Take what is new, in one step; gives how many were. A duplicate is passed over.

        Raises BadOrder, and Gap if something is missing before an order; what came before the trouble is taken.
        """
        async with self._one_at_a_time:
            fresh, trouble = await self._sift(documents)
            if fresh:
                self._journal.take([(order, self._received(order)) for order in fresh])
            if trouble is not None:
                raise trouble
            return len(fresh)

    def _received(self, order: Taken) -> Written | None:
        """The receipt that says so; none for what was done and undone before this journal began."""
        recovery = self._journal.fact(RECOVERY)
        if recovery and order.sequence <= recovery["head"] and order.sequence not in recovery["act"]:
            return None
        return self._receipts.write(order, Outcome.RECEIVED)

    async def _sift(self, documents: Sequence[bytes]) -> tuple[list[Taken], BadOrder | Gap | None]:
        """The orders that come next, up to the first one that is not to be believed or has something missing before."""
        last, fresh, seen = self._journal.last_sequence, list[Taken](), set[str]()
        for jws in documents:
            digest = hashlib.sha256(jws).hexdigest()
            if digest in seen or self._journal.knows(digest):
                continue
            try:
                verified = await self._keys.verify(jws)
                order = self._read(verified.payload, digest)
            except BadOrder as bad:
                return fresh, bad
            if order.sequence <= last:
                # access-control never gives a number twice, so one of the two is not what it seems.
                return fresh, BadOrder(f"place {order.sequence} is taken by another order than {order.order_id}")
            if order.sequence > last + 1:
                return fresh, Gap(last, order.sequence)
            payload = fresh[-1].payload if fresh else self._journal.payload(last)
            if (why := self._backdated(verified, order, payload)) is not None:
                return fresh, BadOrder(f"retired_key: {why}")
            fresh.append(order)
            seen.add(digest)
            last = order.sequence
        return fresh, None

    def _backdated(self, verified: Verified, order: Taken, before: bytes | None) -> str | None:
        if verified.retired_at is None:
            return None
        told = self._journal.fact(CONTACT) if order.sequence > (self._journal.fact(HEAD) or 0) else None
        issued = moment(json.loads(order.payload)["issued_at"])  # it is one: the key was looked at
        return backdated(verified, issued, _issued(before), moment(told) if told else None)

    def _read(self, payload: bytes, digest: str) -> Taken:
        try:
            order = json.loads(payload)
            taken = Taken(
                sequence=int(order["sequence"]),
                order_id=UUID(order["order_id"]),
                digest=digest,
                action=str(order["action"]),
                site=str(order["site"]["site_id"] or order["site"]["hosts"][0]),
                undoes=str(order["undoes"]) if order.get("undoes") else None,
                payload=payload,
            )
        except (ValueError, LookupError, TypeError, AttributeError) as error:
            raise BadOrder(f"the signed document is no order: {error!r}") from error
        if order.get("provider_id") != self._provider_id:
            raise BadOrder(f"order {taken.order_id} is for another provider, {order.get('provider_id')!r}")
        return taken
