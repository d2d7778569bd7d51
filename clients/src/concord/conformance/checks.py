"""What a provider's client must do, each as a check that plays the desk and looks at what comes back."""

import asyncio
import json
import signal
from collections.abc import Awaitable, Callable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Final
from uuid import uuid4

import httpx

from concord.conformance import forged
from concord.conformance.bench import SILENCE_S, Bench, Ended, Failed, Skipped, also_said, fresh, still_works
from concord.conformance.desk import ISSUER, Desk
from shared.signing import Signer, generate_key

BACKDATED: Final = "of a retired key, dated back before the order before it"


async def order(bench: Bench) -> None:
    """An order is answered with `received` and `executed`, signed, with the digest of its bytes."""
    document = await bench.give(host=fresh("order"))
    await bench.answered(document)
    if "received" not in bench.desk.outcomes(document):
        raise Failed("`executed` came and `received` did not")


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


async def memory(bench: Bench) -> None:
    """With an empty memory the snapshot says what to act on: what is in force or open, and nothing else of the past."""
    undone, back, in_force, still_open = bench.past
    place = len(bench.desk.documents) + 1
    await bench.refuses(BACKDATED, bench.desk.shown[place], place)
    await bench.answered(still_open)
    await asyncio.sleep(SILENCE_S)
    for document in (undone, back):
        if said := set(bench.desk.outcomes(document)) - {"received"}:
            raise Failed(f"order {document['sequence']} was done and undone before, and was answered {said}")
    if bench.probe:
        if not (await bench.serves(undone["site"]["hosts"][0]))[0]:
            raise Failed("an order that was taken back before is carried out")
        await bench.shows(in_force["site"]["hosts"][0], served=False)


def past(desk: Desk) -> list[dict[str, Any]]:
    """What was given out before the client came: done and undone, in force, and open. Then something backdated.

    Who was told nothing yet can see that by the order before it alone.
    """
    undone = desk.document(host=fresh("undone"))
    given = [undone]
    desk.give(undone)
    for action, host, changes in (
        ("restore", undone["site"]["hosts"][0], {"undoes": undone["order_id"]}),
        ("cut_off", fresh("in-force"), {}),
        ("cut_off", fresh("open"), {}),
    ):
        given.append(desk.document(action, host=host, **changes))
        desk.give(given[-1])
    desk.past = {document["order_id"] for document in given[:-1]}
    retired, now = Signer(generate_key("conformance-retired")), datetime.now(UTC)
    desk.published.append((retired, ISSUER))
    desk.retired[retired.kid] = now - timedelta(minutes=1)
    late = desk.sign(desk.document(host=fresh("backdated"), issued_at=(now - timedelta(days=5)).isoformat()), retired)
    desk.note_forged(late, BACKDATED)
    desk.show(len(given) + 1, late)
    return given


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


async def emergency(bench: Bench) -> None:
    """A restore of what the provider suspended by itself (`emergency_id`, undoes no order) is carried out."""
    host = fresh("emergency")
    of_ours: dict[str, Any] = {"undoes": None, "emergency_id": str(uuid4())}
    await bench.answered(await bench.give("restore", host=host, **of_ours))
    if bench.probe and not (await bench.serves(host))[0]:
        raise Failed("the name is not served again")
    await bench.answered(await bench.give(host=host))
    await bench.answered(await bench.give("restore", host=host, **of_ours | {"emergency_id": str(uuid4())}))
    if bench.probe and (await bench.serves(host))[0]:
        raise Failed("the name is served, though an order is in force")


async def suspension(bench: Bench) -> None:
    """A suspension ends by itself at its time, one that comes after it is answered `executed`, not done."""
    late, ends = fresh("late"), fresh("ends")
    over = (datetime.now(UTC) - timedelta(hours=1)).isoformat()
    document = await bench.give("suspend", host=late, until=over)
    await bench.answered(document)
    until = datetime.now(UTC) + timedelta(seconds=6)
    await bench.answered(await bench.give("suspend", host=ends, until=until.isoformat()))
    if bench.probe:
        if datetime.now(UTC) < until - timedelta(seconds=1) and (await bench.serves(ends))[0]:
            raise Failed("a suspension was answered `executed`, and the name is served")
        if not (await bench.serves(late))[0]:
            raise Failed("a suspension was carried out after its end")
        if bench.client is not None:
            await bench.client.kill(signal.SIGKILL)
        await asyncio.sleep(max(0.0, (until - datetime.now(UTC)).total_seconds()))
        await bench.shows(ends, served=True)


async def duplicates(bench: Bench) -> None:
    """An order that comes again is answered once."""
    documents = [await bench.give(host=fresh("duplicate")) for _ in range(3)]
    await bench.answered(*documents)
    async with also_said(bench, *((each["sequence"], bench.desk.bytes_of[each["order_id"]]) for each in documents)):
        await bench.silence("an order came again")
    await still_works(bench)
    if any(sorted(bench.desk.outcomes(document)) != ["executed", "received"] for document in documents):
        raise Failed("a duplicate brought another receipt")


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
    if not {missing["sequence"], early["sequence"]} <= {*places}:
        raise Failed("`executed` came and `received` did not")
    if places.index(missing["sequence"]) > places.index(early["sequence"]):
        raise Failed("the later order was received first")


async def outages(bench: Bench) -> None:
    """503, and a token that ended: nothing is lost, and receipts are handed in again."""
    bench.desk.refuse = 3
    first = await bench.give(host=fresh("busy"))
    await bench.answered(first)
    bench.desk.forget_tokens = True
    await bench.answered(await bench.give(host=fresh("token")))


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


async def batches(bench: Bench) -> None:
    """300 orders at once are all carried out, and at most 1,000 receipts are handed in together."""
    documents = [await bench.give(host=fresh(f"batch-{n}")) for n in range(300)]
    await bench.answered(*documents)
    if bench.desk.most_at_once > 1000:
        raise Failed(f"{bench.desk.most_at_once} receipts were handed in at once")


async def clock_skew(bench: Bench) -> None:
    """An order whose issuer's clock is minutes ahead is carried out; receipts say when, with an offset from UTC."""
    ahead = (datetime.now(UTC) + timedelta(minutes=4)).isoformat()
    await bench.answered(await bench.give(host=fresh("ahead"), issued_at=ahead))


async def unknown_things(bench: Bench) -> None:
    """An action nobody knows is answered `impossible`; members nobody knows are passed over."""
    site = {"site_id": None, "number": None}
    strange = await bench.give("turn_around", host=fresh("action"))
    await bench.answered(strange, outcome="impossible")
    host = fresh("member")
    found = bench.desk.document(host=host)["site"] | site | {"colour": "green"}
    await bench.answered(await bench.give(host=host, site=found, later={"more": [1]}))


async def taken_back(bench: Bench) -> None:
    """What was taken back while the client was away is not carried out when it comes; the restore is answered."""
    if bench.client is None:
        raise Skipped("the kit did not start the client")
    host = fresh("taken-back")
    await bench.client.stop(signal.SIGKILL)
    first = await bench.give(host=host)
    back = await bench.give("restore", host=host, undoes=first["order_id"])
    await bench.client.start()
    await bench.answered(back)
    if said := set(bench.desk.outcomes(first)) - {"received"}:
        raise Failed(f"order {first['sequence']} was taken back before the client came, and was answered {said}")


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
    await still_works(bench)
    await bench.silence("it was killed")
    counts = [bench.desk.outcomes(document).count("executed") for document in documents]
    if set(counts) != {1}:
        raise Failed(f"`executed` receipts by order: {counts}")


Check = Callable[[Bench], Awaitable[None]]
CHECKS: Final[dict[str, Check]] = {
    run.__name__: run
    for run in (
        memory, order, page, names, restore, emergency, suspension, duplicates, forged.changed_bytes, gaps,
        forged.bad_signatures, forged.rotation, forged.retirement, forged.counter_receipts, forged.redirects, outages,
        key_not_entered, batches, clock_skew, unknown_things, taken_back, killed,
    )
}  # fmt: skip
"""In this order; the first line of the docstring is what the pass says."""
NOT_JUDGED: Final = (
    "orders by stream (server-sent events) or webhook, and receipts over Kafka",
    "a memory that is lost later than before the first order",
    "what is done when access-control gave out less than is held (`sequence_ahead`), or disagrees on what is in force",
    "an objection that was rejected, so that the order has to be carried out",
    "whether alarms reach people, and how receipts that are refused for good are set aside",
    "emergencies reported, what is hosted, and questions before a site is connected",
    "what nobody can see from outside: without a probe, whether a site is really hosted or not",
)
"""What a pass says nothing about, so that nobody reads more into it."""


async def run(bench: Bench, chosen: Sequence[str], say: Callable[[dict[str, Any]], None]) -> list[dict[str, Any]]:
    """Make the checks, one after the other; what was wrong with any receipt fails the check in which it came."""
    results, over = [], ""
    for name in chosen:
        what, faults = (CHECKS[name].__doc__ or "").split("\n")[0], len(bench.desk.faults)
        result: dict[str, Any] = {"check": name, "what": what, "result": "passed", "why": None}
        try:
            if over:
                raise Failed(over)  # noqa: TRY301 - as if the check itself had found out
            await CHECKS[name](bench)
            if wrong := bench.desk.faults[faults:]:
                result |= {"result": "failed", "why": "; ".join(wrong[:5])}
        except Skipped as skipped:
            result |= {"result": "skipped", "why": str(skipped)}
        except (Failed, TimeoutError, httpx.HTTPError, json.JSONDecodeError) as failed:
            why = str(failed) or type(failed).__name__
            seen = [fault for fault in bench.desk.faults[faults:] if fault not in why]
            result |= {"result": "failed", "why": "; ".join([why, *seen[:5]])}
            bench.desk.extra = []
            over = str(failed) if isinstance(failed, Ended) else over
        say(result)
        results.append(result)
    return results
