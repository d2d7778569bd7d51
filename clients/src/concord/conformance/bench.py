"""What checks work with: the desk, the way of orders, the client, and waiting."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, Final, Protocol
from uuid import uuid4

import httpx

from concord.conformance.desk import Desk
from shared.signing import Signer

SILENCE_S: Final = 2.5
"""So long nothing may be said about what must not be believed."""
SETTLE_S: Final = 1.5
"""So long a client has for what it fetched; less if it asks for the same place again, so it did not take it."""


class Failed(Exception):
    """A check that the client did not pass, and why."""


class Ended(Failed):
    """The client is not there any more, so nothing else can be checked."""


class Skipped(Exception):
    """A check that could not be made here, and why."""


class Wire(Protocol):
    """How orders reach the client."""

    kafka: bool

    async def send(self, jws: bytes) -> None:
        """Write a record to the orders topic, if there is one."""
        ...


class Client(Protocol):
    """The client, if the kit may start and kill it."""

    async def kill(self, number: int) -> None:
        """End it with this signal, and start it again."""
        ...

    async def stop(self, number: int) -> None:
        """End it with this signal."""
        ...

    async def start(self) -> None:
        """Begin again."""
        ...

    def ended(self) -> int | None:
        """What it exited with, if it ended by itself."""
        ...


@dataclass
class Bench:
    """What checks work with."""

    desk: Desk
    wire: Wire
    patience_s: float
    probe: str | None = None
    client: Client | None = None
    past: list[dict[str, Any]] = field(default_factory=list)
    """What was given out before the client began."""

    async def give(
        self, action: str = "cut_off", *, host: str, signer: Signer | None = None, **changes: Any
    ) -> dict[str, Any]:
        """Give an order out, on the feed and on the topic."""
        document = self.desk.document(action, host=host, **changes)
        await self.wire.send(self.desk.give(document, signer=signer))
        return document

    async def until(self, holds: Callable[[], bool], why: str) -> None:
        """Wait until something is so. Raises Failed."""
        try:
            async with asyncio.timeout(self.patience_s):
                while not holds():
                    if self.client is not None and (code := self.client.ended()) is not None:
                        raise Ended(f"your client ended with exit code {code}")
                    await asyncio.sleep(0.02)
        except TimeoutError:
            raise Failed(f"not within {self.patience_s:g} s: {why}") from None

    async def answered(self, *documents: dict[str, Any], outcome: str = "executed") -> None:
        """Wait for the receipts of these orders."""
        places = [document["sequence"] for document in documents]

        def all_there() -> bool:
            return all(outcome in self.desk.outcomes(document) for document in documents)

        await self.until(all_there, f"receipts {outcome!r} for orders {places[0]} to {places[-1]}")

    async def silence(self, why: str, *documents: dict[str, Any]) -> None:
        """Nothing may be said about these orders, nor anything that is refused. Raises Failed."""
        before = len(self.desk.faults)
        await asyncio.sleep(SILENCE_S)
        if len(self.desk.faults) > before or any(self.desk.outcomes(document) for document in documents):
            raise Failed(f"{why}, and it was answered: {'; '.join(self.desk.faults[before:]) or 'a receipt came'}")

    async def refuses(self, what: str, jws: bytes, place: int) -> None:
        """What must not be believed stands in the feed until the client has fetched it, and had time to act on it.

        Raises Failed: also if it was never fetched, since nothing is known then.
        """
        self.desk.note_forged(jws, what)
        given, before = self.desk.fetched[jws], len(self.desk.faults)
        self.desk.show(place, jws)
        try:
            await self.until(
                lambda: self.desk.fetched[jws] > given, f"an order {what} was not fetched, so nothing is known of it"
            )
            for _ in range(int(SETTLE_S / 0.1)):
                if len(self.desk.faults) > before or self.desk.fetched[jws] > given + 1:
                    break
                await asyncio.sleep(0.1)
            await asyncio.sleep(0.1)
        finally:
            self.desk.show(place, None)
        if wrong := self.desk.faults[before:]:
            raise Failed(f"an order {what} was not to be believed, and it was answered: {'; '.join(wrong)}")

    async def serves(self, host: str) -> tuple[bool, httpx.Response]:
        """Whether the client serves a host name. Raises Skipped without a probe."""
        if self.probe is None:
            raise Skipped("no --probe was given")
        headers = {} if "{host}" in self.probe else {"Host": host}
        async with httpx.AsyncClient(trust_env=False, timeout=10) as http:
            answer = await http.get(self.probe.replace("{host}", host), headers=headers)
        return answer.status_code != httpx.codes.UNAVAILABLE_FOR_LEGAL_REASONS, answer

    async def shows(self, host: str, *, served: bool) -> httpx.Response:
        """Wait until a host name is served, or is not."""
        async with asyncio.timeout(self.patience_s):
            while True:
                is_served, answer = await self.serves(host)
                if is_served == served:
                    return answer
                await asyncio.sleep(0.1)


def fresh(name: str) -> str:
    """A host name of this run."""
    return f"{name}-{uuid4().hex[:8]}.example"


@asynccontextmanager
async def also_said(bench: Bench, *said: tuple[int, bytes]) -> AsyncIterator[None]:
    """The feed says these beside what it has, until they were fetched, and the topic has them as well."""
    for _, jws in said:
        await bench.wire.send(jws)
    before = {jws: bench.desk.fetched[jws] for _, jws in said}
    bench.desk.say_beside(said)
    try:
        await bench.until(
            lambda: all(bench.desk.fetched[jws] > count for jws, count in before.items()),
            "what stood in the feed was not fetched, so nothing is known of it",
        )
        yield
    finally:
        bench.desk.extra = []


async def still_works(bench: Bench) -> None:
    """The next good order is carried out."""
    await bench.answered(await bench.give(host=fresh("next")))
