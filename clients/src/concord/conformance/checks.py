"""What a provider's client must do, each as a check that plays the desk and looks at what comes back."""

import asyncio
import json
import signal
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final, Protocol
from uuid import uuid4

import httpx

from concord.conformance.desk import ISSUER, Desk
from concord.conformance.vectors import vectors
from shared.signing import RETIRED, Signer, generate_key

SILENCE_S: Final = 2.5
"""So long nothing may be said about what must not be believed."""


class Failed(Exception):
    """A check that the client did not pass, and why."""


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


@dataclass
class Bench:
    """What checks work with."""

    desk: Desk
    wire: Wire
    patience_s: float
    probe: str | None = None
    client: Client | None = None

    async def give(self, action: str = "cut_off", *, host: str, **changes: Any) -> dict[str, Any]:
        """Give an order out, on the feed and on the topic."""
        document = self.desk.document(action, host=host, **changes)
        await self.wire.send(self.desk.give(document))
        return document

    async def until(self, holds: Callable[[], bool], why: str) -> None:
        """Wait until something is so. Raises Failed."""
        try:
            async with asyncio.timeout(self.patience_s):
                while not holds():  # noqa: ASYNC110 - another process works
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


Check = Callable[[Bench], Awaitable[None]]
CHECKS: Final[dict[str, Check]] = {}


def check(run: Check) -> Check:
    """Enter a check under its name; the first line of its docstring is what the pass says."""
    CHECKS[run.__name__] = run
    return run


def fresh(name: str) -> str:
    """A host name of this run."""
    return f"{name}-{uuid4().hex[:8]}.example"


@check
async def order(bench: Bench) -> None:
    """An order is answered with `received` and `executed`, signed, with the digest of its bytes."""
    document = await bench.give(host=fresh("order"))
    await bench.answered(document)
    if "received" not in bench.desk.outcomes(document):
        raise Failed("`executed` came and `received` did not")


@check
async def page(bench: Bench) -> None:
    """A suspended name answers 451 with the links and with reasons and redress (RFC 7725)."""
    host = fresh("page")
    await bench.serves(host)
    document = await bench.give(host=host)
    await bench.answered(document)
    answer = await bench.shows(host, served=False)
    link = answer.headers.get("Link", "")
    for needed in ('rel="blocked-by"', document["register_entry"]):
        if needed not in link:
            raise Failed(f"the header Link lacks {needed}")
    redress = document["grounds"]["redress"]
    for needed in ([document["grounds"]["public_reasons"]], [redress["how"], redress["how_zh"]]):
        if not any(each in answer.text for each in needed):
            raise Failed(f"the page lacks {' and '.join(map(repr, needed))}")


@check
async def names(bench: Bench) -> None:
    """Names below are meant where the order says so; spared ones, and names that end alike, are served."""
    host = fresh("names")
    await bench.serves(host)
    spared = f"advice.{host}"
    site = bench.desk.document(host=host)["site"] | {"spared": [spared], "names_below": True}
    alone = bench.desk.document(host=f"alone-{host}")["site"] | {"names_below": False}
    await bench.answered(await bench.give(host=host, site=site), await bench.give(host=host, site=alone))
    for name, served in (
        (host, False), (f"www.{host}", False), (spared, True), (f"www.{spared}", True), (f"my{host}", True),
        (f"alone-{host}", False), (f"www.alone-{host}", True),
    ):  # fmt: skip
        if (await bench.serves(name))[0] is not served:
            raise Failed(f"{name} is {'not ' if served else ''}served, and must {'' if served else 'not '}be")


@check
async def restore(bench: Bench) -> None:
    """A restore takes back the order it names, and that alone."""
    host = fresh("restore")
    first, second = await bench.give(host=host), await bench.give(host=host)
    await bench.answered(first, second)
    await bench.answered(await bench.give("restore", host=host, undoes=first["order_id"]))
    if bench.probe and (await bench.serves(host))[0]:
        raise Failed("the name is served, though a second order is in force")
    await bench.answered(await bench.give("restore", host=host, undoes=second["order_id"]))
    if bench.probe and not (await bench.serves(host))[0]:
        raise Failed("the name is not served again")


@check
async def suspension(bench: Bench) -> None:
    """A suspension ends by itself at its time, and one that comes after its end is answered `executed`, not done."""
    late, ends = fresh("late"), fresh("ends")
    over = (datetime.now(UTC) - timedelta(hours=1)).isoformat()
    document = await bench.give("suspend", host=late, until=over)
    await bench.answered(document)
    until = datetime.now(UTC) + timedelta(seconds=4)
    await bench.answered(await bench.give("suspend", host=ends, until=until.isoformat()))
    if bench.probe:
        if not (await bench.serves(late))[0]:
            raise Failed("a suspension was carried out after its end")
        await asyncio.sleep(max(0.0, (until - datetime.now(UTC)).total_seconds()))
        await bench.shows(ends, served=True)


@check
async def duplicates(bench: Bench) -> None:
    """An order that comes again is answered once."""
    documents = [await bench.give(host=fresh("duplicate")) for _ in range(3)]
    await bench.answered(*documents)
    async with also_said(bench, *((each["sequence"], bench.desk.bytes_of[each["order_id"]]) for each in documents)):
        await bench.silence("an order came again")
    await still_works(bench)
    if any(sorted(bench.desk.outcomes(document)) != ["executed", "received"] for document in documents):
        raise Failed("a duplicate brought another receipt")


@check
async def changed_bytes(bench: Bench) -> None:
    """Another order at a place that is taken is not believed, though its signature holds."""
    document = await bench.give(host=fresh("held"))
    await bench.answered(document)
    other = bench.desk.document(host=fresh("other"), sequence=document["sequence"])
    async with also_said(bench, (document["sequence"], bench.desk.sign(other))):
        await bench.silence("a place that was taken was given to another order")
    await still_works(bench)


@check
async def gaps(bench: Bench) -> None:
    """An order that comes before its predecessor waits, and both are carried out when the gap is closed."""
    missing, early = (bench.desk.document(host=fresh("gap")) for _ in range(2))
    bench.desk.give(missing, show=False)
    early["sequence"] += 1
    await bench.wire.send(bench.desk.give(early))
    await bench.silence("an order is missing before this one", missing, early)
    bench.desk.show(missing["sequence"], bench.desk.bytes_of[missing["order_id"]])
    await bench.answered(missing, early)
    places = [told.receipt.sequence for told in bench.desk.told if told.receipt.outcome == "received"]
    if places.index(missing["sequence"]) > places.index(early["sequence"]):
        raise Failed("the later order was received first")


@check
async def bad_signatures(bench: Bench) -> None:
    """Bytes that are not a signed order of its issuer for this provider are not believed, and hold up nothing."""
    bench.desk.published.append((Signer(generate_key("somebody-else")), "industry-310000"))
    bad = vectors(bench.desk)
    before = len(bench.desk.told)
    if bench.wire.kafka:
        for jws in bad.values():
            await bench.wire.send(jws)
        await bench.silence("bytes that must not be believed were written to the topic")
    place = len(bench.desk.documents) + 1
    for what, jws in bad.items():
        bench.desk.show(place, jws)
        await asyncio.sleep(0.3)
        if len(bench.desk.told) > before or any("unknown_order" in fault for fault in bench.desk.faults):
            raise Failed(f"an order {what} was answered")
    await bench.silence("bytes that must not be believed were in the feed")
    bench.desk.show(place, None)
    await still_works(bench)


@check
async def rotation(bench: Bench) -> None:
    """A new key is fetched when an order names it; a key that was taken out is not believed any more."""
    old, bench.desk.signer = bench.desk.signer, Signer(generate_key(f"conformance-{uuid4().hex[:4]}"))
    bench.desk.published.insert(0, (bench.desk.signer, ISSUER))
    await bench.answered(await bench.give(host=fresh("rotated")))
    bench.desk.published[:] = [each for each in bench.desk.published if each[0] is not old]
    await asyncio.sleep(SILENCE_S)
    await bench.answered(await bench.give(host=fresh("afterwards")))
    stale = bench.desk.sign(bench.desk.document(host=fresh("stale")), old)
    await bench.wire.send(stale)
    bench.desk.show(len(bench.desk.documents) + 1, stale)
    await bench.silence("a key was taken out of the set, and an order came that it signed")
    bench.desk.show(len(bench.desk.documents) + 1, None)
    await still_works(bench)


@check
async def retirement(bench: Bench) -> None:
    """A retired key is believed for what was on its way, not for what is dated later, nor for what is dated back."""
    desk, now = bench.desk, datetime.now(UTC)
    await bench.answered(await bench.give(host=fresh("long-ago"), issued_at=(now - timedelta(days=3)).isoformat()))
    old, desk.signer = desk.signer, Signer(generate_key(f"conformance-{uuid4().hex[:4]}"))
    desk.published.insert(0, (desk.signer, ISSUER))
    desk.retired[old.kid] = {RETIRED: (now - timedelta(minutes=1)).isoformat()}
    await asyncio.sleep(SILENCE_S)
    for what, issued in (
        ("dated after it was retired", now),
        ("dated back before a head was told without it", now - timedelta(hours=2)),
        ("dated back before the order before it", now - timedelta(days=5)),
    ):
        late = desk.sign(desk.document(host=fresh("retired"), issued_at=issued.isoformat()), old)
        await bench.wire.send(late)
        desk.show(len(desk.documents) + 1, late)
        await bench.silence(f"a retired key signed an order {what}")
        desk.show(len(desk.documents) + 1, None)
    on_its_way = desk.document(host=fresh("on-its-way"), issued_at=(now - timedelta(minutes=2)).isoformat())
    await bench.wire.send(desk.give(on_its_way, signer=old))
    await bench.answered(on_its_way)
    await still_works(bench)


@check
async def outages(bench: Bench) -> None:
    """503, and a token that ended: nothing is lost, and receipts are handed in again."""
    bench.desk.refuse = 3
    first = await bench.give(host=fresh("busy"))
    await bench.answered(first)
    bench.desk.forget_tokens = True
    await bench.answered(await bench.give(host=fresh("token")))


@check
async def key_not_entered(bench: Bench) -> None:
    """Receipts that are refused with `unknown_key` wait and are sent again."""
    kept, bench.desk.keys = bench.desk.keys, []
    document = await bench.give(host=fresh("key"))
    await asyncio.sleep(SILENCE_S)
    bench.desk.keys = kept
    patience, bench.patience_s = bench.patience_s, 3 * bench.patience_s  # once a minute is often enough
    try:
        await bench.answered(document)
    finally:
        bench.patience_s = patience


@check
async def batches(bench: Bench) -> None:
    """300 orders at once are all carried out, and at most 1,000 receipts are handed in together."""
    documents = [await bench.give(host=fresh(f"batch-{n}")) for n in range(300)]
    await bench.answered(*documents)
    if bench.desk.most_at_once > 1000:
        raise Failed(f"{bench.desk.most_at_once} receipts were handed in at once")


@check
async def clock_skew(bench: Bench) -> None:
    """An order whose issuer's clock is minutes ahead is carried out; receipts say when, with an offset from UTC."""
    ahead = (datetime.now(UTC) + timedelta(minutes=4)).isoformat()
    await bench.answered(await bench.give(host=fresh("ahead"), issued_at=ahead))


@check
async def unknown_things(bench: Bench) -> None:
    """An action nobody knows is answered `impossible`; members nobody knows are passed over."""
    site = {"site_id": None, "number": None}
    strange = await bench.give("turn_around", host=fresh("action"))
    await bench.answered(strange, outcome="impossible")
    host = fresh("member")
    found = bench.desk.document(host=host)["site"] | site | {"colour": "green"}
    await bench.answered(await bench.give(host=host, site=found, later={"more": [1]}))


@check
async def killed(bench: Bench) -> None:
    """Killed (-9) again and again, every order is carried out and has one `executed`."""
    if bench.client is None:
        raise Skipped("the kit did not start the client")
    documents = []
    for _ in range(3):
        documents += [await bench.give(host=fresh("killed")) for _ in range(5)]
        await asyncio.sleep(0.3)
        await bench.client.kill(signal.SIGKILL)
    await bench.answered(*documents)
    counts = [bench.desk.outcomes(document).count("executed") for document in documents]
    if set(counts) != {1}:
        raise Failed(f"`executed` receipts by order: {counts}")


@asynccontextmanager
async def also_said(bench: Bench, *said: tuple[int, bytes]) -> AsyncIterator[None]:
    """The feed says these beside what it has, and the topic has them as well."""
    for _, jws in said:
        await bench.wire.send(jws)
    bench.desk.extra = list(said)
    try:
        yield
    finally:
        bench.desk.extra = []


async def still_works(bench: Bench) -> None:
    """The next good order is carried out."""
    await bench.answered(await bench.give(host=fresh("next")))


async def run(bench: Bench, chosen: Sequence[str], say: Callable[[dict[str, Any]], None]) -> list[dict[str, Any]]:
    """Make the checks, one after the other; what was wrong with any receipt fails the check in which it came."""
    results = []
    for name in chosen:
        what, faults = (CHECKS[name].__doc__ or "").split("\n")[0], len(bench.desk.faults)
        result: dict[str, Any] = {"check": name, "what": what, "result": "passed", "why": None}
        try:
            await CHECKS[name](bench)
            if wrong := bench.desk.faults[faults:]:
                result |= {"result": "failed", "why": "; ".join(wrong[:5])}
        except Skipped as skipped:
            result |= {"result": "skipped", "why": str(skipped)}
        except (Failed, TimeoutError, httpx.HTTPError, json.JSONDecodeError) as failed:
            result |= {"result": "failed", "why": str(failed) or type(failed).__name__}
            bench.desk.extra = []
        say(result)
        results.append(result)
    return results
