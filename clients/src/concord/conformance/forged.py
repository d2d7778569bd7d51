"""Checks with what must not be believed: each thing stands until the client has fetched it and had time to act."""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

from concord.conformance.bench import SILENCE_S, Bench, Failed, also_said, fresh, still_works
from concord.conformance.desk import ISSUER
from concord.conformance.vectors import counters, somebody, vectors
from shared.signing import Signer, generate_key


async def changed_bytes(bench: Bench) -> None:
    """Another order at a place that is taken is not believed, though its signature holds."""
    document = await bench.give(host=fresh("held"))
    await bench.answered(document)
    other = bench.desk.sign(bench.desk.document(host=fresh("other"), sequence=document["sequence"]))
    bench.desk.note_forged(other, "at a place that was taken")
    async with also_said(bench, (document["sequence"], other)):
        await bench.silence("a place that was taken was given to another order")
    await still_works(bench)


async def bad_signatures(bench: Bench) -> None:
    """Bytes that are not a signed order of its issuer for this provider are not believed, and hold up nothing."""
    somebody(bench.desk)
    hosts = []
    if bench.wire.kafka:
        hosts.append(await _on_the_topic(bench))
    for what in vectors(bench.desk, bench.desk.document(host=fresh("forged"))):
        place = len(bench.desk.documents) + 1
        document = bench.desk.document(host=fresh("forged"))
        hosts.append(document["site"]["hosts"][0])
        after = await _hasten(bench, place + 1)
        await bench.refuses(what, vectors(bench.desk, document)[what], place)
        # A good order in between: what comes later is asked for at once again, and not after minutes.
        good = [bench.desk.document(host=fresh("good"), sequence=place), *after]
        for each in good:
            await bench.wire.send(bench.desk.give(each))
        await bench.answered(*good)
    before = len(bench.desk.faults)
    await asyncio.sleep(SILENCE_S)
    if wrong := bench.desk.faults[before:]:
        raise Failed("; ".join(wrong))
    await _hosted(bench, *hosts)


async def _on_the_topic(bench: Bench) -> str:
    """All of them at once; that the order after them was read there and nowhere else proves that they were, too."""
    host = fresh("forged")
    for what, jws in vectors(bench.desk, bench.desk.document(host=host)).items():
        bench.desk.note_forged(jws, f"{what}, on the topic,")
        await bench.wire.send(jws)
    document = bench.desk.document(host=fresh("topic"))
    jws = bench.desk.give(document, show=False)
    await bench.wire.send(jws)
    await bench.answered(document, outcome="received")
    bench.desk.show(document["sequence"], jws)
    await bench.answered(document)
    if wrong := [fault for fault in bench.desk.faults if "on the topic" in fault]:
        raise Failed("; ".join(wrong))
    return host


async def _hasten(bench: Bench, place: int) -> list[dict[str, Any]]:
    """Whoever reads a topic looks into the feed at once when something is missing before an order."""
    if not bench.wire.kafka:
        return []
    document = bench.desk.document(host=fresh("early"), sequence=place)
    await bench.wire.send(bench.desk.sign(document))
    return [document]


async def _hosted(bench: Bench, *hosts: str) -> None:
    """Nothing was acted on silently, as far as can be seen from here."""
    if bench.probe:
        for host in hosts:
            if not (await bench.serves(host))[0]:
                raise Failed(f"{host} is not served, and only an order that was not to be believed names it")


async def rotation(bench: Bench) -> None:
    """A new key is fetched when an order names it; a key that was taken out is not believed any more."""
    old, bench.desk.signer = bench.desk.signer, Signer(generate_key(f"conformance-{uuid4().hex[:4]}"))
    bench.desk.published.insert(0, (bench.desk.signer, ISSUER))
    await bench.answered(await bench.give(host=fresh("rotated")))
    bench.desk.published[:] = [each for each in bench.desk.published if each[0] is not old]
    await asyncio.sleep(SILENCE_S)
    await bench.answered(await bench.give(host=fresh("afterwards")))
    host = fresh("stale")
    stale = bench.desk.sign(bench.desk.document(host=host), old)
    await bench.wire.send(stale)
    await bench.refuses("signed with a key that was taken out of the set", stale, len(bench.desk.documents) + 1)
    await bench.silence("a key was taken out of the set, and an order came that it signed")
    await _hosted(bench, host)
    await still_works(bench)


async def retirement(bench: Bench) -> None:
    """A retired key is believed for what was on its way, not for what is dated later, nor for what is dated back."""
    desk, now = bench.desk, datetime.now(UTC)
    old, desk.signer = desk.signer, Signer(generate_key(f"conformance-{uuid4().hex[:4]}"))
    desk.published.insert(0, (desk.signer, ISSUER))
    desk.retired[old.kid] = now - timedelta(minutes=1)
    await asyncio.sleep(SILENCE_S)
    hosts = []
    for what, issued in (
        ("dated after its key was retired", now),
        ("of a retired key, dated back before a head was told without it", now - timedelta(hours=2)),
        ("of a retired key, dated back before the order before it", now - timedelta(days=5)),
    ):
        hosts.append(fresh("retired"))
        place = len(desk.documents) + 1
        late = desk.sign(desk.document(host=hosts[-1], issued_at=issued.isoformat()), old)
        await bench.wire.send(late)
        await bench.refuses(what, late, place)
        await still_works(bench)
    await bench.silence("orders of a retired key came")
    await _hosted(bench, *hosts)
    on_its_way = (now - timedelta(minutes=2)).isoformat()
    await bench.answered(await bench.give(host=fresh("on-its-way"), signer=old, issued_at=on_its_way))
    await still_works(bench)


async def counter_receipts(bench: Bench) -> None:
    """Receipts whose counter-receipt is not to be believed are handed in again: nobody has recorded them."""
    for what, forge in counters(bench.desk).items():
        bench.desk.forge = forge
        document = await bench.give(host=fresh("counter"))
        await bench.until(lambda: bench.desk.forge is None, "a document with receipts")
        try:
            await bench.answered(document, outcome="received")  # whichever document the forgery answered
            await bench.answered(document)
        except Failed as failed:
            raise Failed(f"a counter-receipt {what} was believed, and the receipts are lost: {failed}") from None


async def redirects(bench: Bench) -> None:
    """A redirect is never followed: the feed, the keys and receipts are asked for again where they are."""
    bench.desk.redirects = {"orders": [302, 307], "receipts": [302, 307], "jwks": [302]}
    try:
        documents = [await bench.give(host=fresh("redirected"))]
        for _ in range(2):  # not everybody asks for keys or hands in again before there is something new
            await bench.answered(documents[-1])
            documents.append(await bench.give(host=fresh("redirected")))
        await bench.answered(*documents)
        await bench.until(lambda: not any(bench.desk.redirects.values()), f"left: {bench.desk.redirects}")
    finally:
        bench.desk.redirects = {}
