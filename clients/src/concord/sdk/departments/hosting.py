"""The register: what a provider hosts, where that and the register differ, and what it asks before it connects."""

import json
from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Sequence
from hashlib import sha256
from itertools import islice
from typing import Any, Final, Literal

from concord.sdk.answers import at, model_of
from concord.sdk.departments.base import Department, Id
from shared.contracts.http.hosted import MOST_RECORDS, Answer, BatchView, FindingView, InventoryView
from shared.contracts.http.preflights import PreflightDetail, PreflightResults, Question, QuestionBatch
from shared.contracts.http.registry import WithReasons

HostedStatus = Literal["open", "answered", "escalated", "disputed", "kept", "dismissed", "cured"]
HostedKind = Literal["unregistered", "number_differs", "address_differs", "revoked", "barred"]
BATCH_S: Final = 300.0
_JSON: Final = {"Content-Type": "application/json"}


class Hosting(Department):
    """What providers say, and ask. A finding is no measure: nothing happens to a site by it."""

    # --- lists -------------------------------------------------------------------------------------------------------

    async def inventory(self, provider_id: Id) -> InventoryView:
        """Where the lists of a provider stand, and which batch comes next."""
        return await self._get(InventoryView, at("inventories", provider_id))

    async def send_batch(self, provider_id: Id, content: bytes) -> BatchView:
        """Send a batch, or a closing, as these bytes; the same bytes again are answered the same."""
        path = at("inventories", provider_id, "batches")
        answer = await self._concord.call(
            self.service, "POST", path, content=content, headers=_JSON, timeout_s=BATCH_S
        )  # fmt: skip
        return model_of(answer, BatchView)

    async def send_inventory(
        self, provider_id: Id, records: Callable[[], Iterable[Any]], told: Callable[[BatchView], None] = lambda _: None
    ) -> BatchView:
        """Send all that a provider hosts, as ``Hosted`` says, and close the list; gives what answered the closing.

        ``records`` gives the records, from the first on, each time it is called. What was broken off goes on where it
        was if the records are the same, and begins anew if not. ``told`` hears of every batch.
        """
        state = await self.inventory(provider_id)
        sending = state.sending
        first, done = state.next_sequence, 0
        if sending is not None and _hash(islice(_batches(records(), sending.first_sequence), sending.batches)) == (
            sending.batches, sending.hash
        ):  # fmt: skip
            first, done = sending.first_sequence, sending.batches
        over, count, sequence = sha256(), 0, first
        for place, (content, size) in enumerate(_batches(records(), first)):
            over.update(sha256(content).digest())
            count, sequence = count + size, first + place + 1
            if place >= done:
                told(await self.send_batch(provider_id, content))
        closing = {"records": count, "hash": over.hexdigest()}
        return await self.send_batch(provider_id, _bytes({"sequence": sequence, "close": closing}))

    # --- findings ----------------------------------------------------------------------------------------------------

    def hosted_findings(
        self, *, status: HostedStatus | None = None, kind: HostedKind | None = None, provider_id: Id | None = None,
        told_id: Id | None = None,
    ) -> AsyncIterator[FindingView]:  # fmt: skip
        """Where lists and the register differ, newest first. ``told_id``: those that one notice told of."""
        filters = {"status": status, "kind": kind, "provider_id": provider_id, "told_id": told_id}
        return self._pages(FindingView, "/hosted-findings", **filters)

    async def hosted_finding(self, finding_id: Id) -> FindingView:
        """One of them, as it is now."""
        return await self._get(FindingView, at("hosted-findings", finding_id))

    async def answer_hosted(self, finding_id: Id, body: Answer) -> FindingView:
        """Answer it; the clock stands still until a person of the regulator has said something. What the conduct record
        has already is disputed so, once."""
        return await self._post(FindingView, at("hosted-findings", finding_id, "answer"), body)

    async def insist_on_hosted(self, finding_id: Id, body: WithReasons) -> FindingView:
        """Say why the answer does not settle it; the whole time runs anew."""
        return await self._post(FindingView, at("hosted-findings", finding_id, "insistence"), body)

    async def keep_hosted(self, finding_id: Id, body: WithReasons) -> FindingView:
        """Say why what its provider disputes stays in the conduct record."""
        return await self._post(FindingView, at("hosted-findings", finding_id, "dispute-answer"), body)

    async def dismiss_hosted(self, finding_id: Id, body: WithReasons) -> FindingView:
        """Let it be, with reasons."""
        return await self._post(FindingView, at("hosted-findings", finding_id, "dismissal"), body)

    # --- before a site is connected ----------------------------------------------------------------------------------

    async def preflight(self, body: Question) -> PreflightDetail:
        """Whether the register has a site as asked; signed, for a while."""
        return await self._post(PreflightDetail, "/preflight", body)

    async def preflight_many(self, questions: Sequence[Any]) -> PreflightResults:
        """Up to 1,000 questions, each answered as it would be alone."""
        return await self._post(PreflightResults, "/preflight/batch", QuestionBatch(questions=list(questions)))


def _batches(records: Iterable[Any], first: int) -> Iterator[tuple[bytes, int]]:
    """The batches of a list, as bytes, each with how many records it has; the same records make the same bytes."""
    rest, sequence = iter(records), first
    while some := list(islice(rest, MOST_RECORDS)):
        yield _bytes({"sequence": sequence, "anew": sequence == first, "records": some}), len(some)
        sequence += 1


def _hash(batches: Iterable[tuple[bytes, int]]) -> tuple[int, str]:
    """How many batches these are, and what closes them."""
    over, count = sha256(), 0
    for content, _ in batches:
        over.update(sha256(content).digest())
        count += 1
    return count, over.hexdigest()


def _bytes(value: Any) -> bytes:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()
