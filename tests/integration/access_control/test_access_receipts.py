"""Receipts: what a provider signs is recorded once, and everything else is refused and audited."""

import base64
import hashlib
import json
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest

from access_control.service import receipts as verb
from shared import signing
from shared.contracts.orders import RECEIPT_TYPE
from shared.contracts.topics import receipts_topic
from shared.runtime.base.context import EventMeta
from shared.runtime.base.ids import uuid7
from shared.runtime.events.dispatch import Raw
from tests.integration.access_control.desk import NOON, Desk, Host, carried_out, opened, undone


async def ordered(desk: Desk, sites: int = 1) -> tuple[Host, list[dict[str, Any]]]:
    """A provider and the orders in its feed."""
    host = await desk.host()
    await desk.cut_off(host, sites=sites)
    return host, (await desk.feed(host, limit=500))["orders"]


async def test_a_receipt_moves_the_order_and_tells_the_others(desk: Desk) -> None:
    host, (order,) = await ordered(desk)
    jws = host.signed(order)
    (result,) = await desk.post(host, jws)
    assert (result["status"], result["code"], result["order_status"]) == ("recorded", None, "executed")
    (row,) = await desk.rows("SELECT * FROM receipt")
    assert (row["jws"], row["door"], row["moved"]) == (jws.encode(), "http", True)
    (fact,) = await desk.facts("order.executed.v1")
    assert (fact["data"]["how"], fact["data"]["sequence"]) == ("HTTP 451 on every host name", 1)
    (seen,) = (await desk.order(result["order_id"]))["receipts"]
    assert (seen["jws"], seen["receipt_id"]) == (jws, result["receipt_id"])
    history = await desk.rows("SELECT to_status, organisation FROM history WHERE action = 'execute'")
    assert [tuple(each) for each in history] == [("executed", host.id)]


@pytest.mark.parametrize(
    ("outcome", "fact"),
    [
        ("received", "order.received.v1"),
        ("executed", "order.executed.v1"),
        ("partly", "order.partly_executed.v1"),
        ("impossible", "order.impossible.v1"),
        ("contested", "order.contested.v1"),
    ],
)
async def test_every_outcome_is_told(desk: Desk, outcome: str, fact: str) -> None:
    host, _ = await ordered(desk)
    assert (await desk.answer(host, outcome))["order_status"] == outcome
    assert len(await desk.facts(fact)) == 1


async def test_a_story_in_one_batch_is_taken_in_order(desk: Desk) -> None:
    host, (order,) = await ordered(desk)
    results = await desk.post(host, *(host.signed(order, outcome) for outcome in ("received", "partly", "executed")))
    assert [result["order_status"] for result in results] == ["received", "partly", "executed"]
    assert (await desk.order(results[0]["order_id"]))["status"] == "executed"
    assert [fact["type"] for fact in await desk.facts()][-3:] == [
        "order.received.v1", "order.partly_executed.v1", "order.executed.v1",
    ]  # fmt: skip


async def test_a_receipt_is_judged_by_what_those_before_it_in_the_batch_did(desk: Desk) -> None:
    host, (order,) = await ordered(desk)
    results = await desk.post(host, host.signed(order), host.signed(order, "contested", why="It is not ours."))
    assert [result["code"] for result in results] == [None, "action_refused"]
    assert results[1]["order_status"] == "executed"


async def test_one_bad_receipt_stops_no_other(desk: Desk) -> None:
    host, orders = await ordered(desk, sites=3)
    good = [host.signed(order) for order in orders]
    results = await desk.post(host, good[0], "not a receipt", good[1], good[1], good[2])
    assert [result["status"] for result in results] == ["recorded", "refused", "recorded", "refused", "recorded"]
    assert [result["index"] for result in results] == [0, 1, 2, 3, 4]
    assert [result["code"] for result in results] == [None, "bad_signature", None, "receipt_replayed", None]


async def refused(desk: Desk, host: Host, jws: str, code: str) -> dict[str, Any]:
    """Hand in a receipt that must be refused: nothing moves, and the refusal is audited."""
    before = await desk.rows("SELECT id, version, status FROM access_order ORDER BY id")
    (result,) = await desk.post(host, jws)
    assert (result["status"], result["code"]) == ("refused", code)
    assert await desk.rows("SELECT id, version, status FROM access_order ORDER BY id") == before
    assert (await desk.refusals())[-1] == ("receipt by http", code)
    (trace,) = await desk.rows("SELECT detail, subject FROM audit ORDER BY id DESC LIMIT 1")
    assert trace["detail"]["sha256"] == hashlib.sha256(jws.encode()).hexdigest()
    assert trace["subject"] == f"provider-{host.id}"
    return result


@pytest.mark.parametrize(
    ("change", "code", "field"),
    [
        ({"order_digest": "0" * 64}, "digest_mismatch", None),
        ({"order_digest": "0" * 63}, "invalid", "order_digest"),
        ({"sequence": 2}, "sequence_mismatch", None),
        ({"sequence": 0}, "invalid", "sequence"),
        ({"order_id": str(uuid4())}, "unknown_order", None),
        ({"order_id": "x"}, "invalid", "order_id"),
        ({"provider_id": str(uuid4())}, "foreign_provider", None),
        ({"how": None}, "invalid", "how"),
        ({"outcome": "partly", "why": None}, "invalid", "why"),
        ({"outcome": "impossible", "why": None}, "invalid", "why"),
        ({"outcome": "contested", "why": "short"}, "invalid", "why"),
        ({"outcome": "done"}, "invalid", "outcome"),
        ({"at": "yesterday"}, "invalid", "at"),
        ({"at": "2026-11-20T04:00:00"}, "invalid", "at"),
        ({"at": "2026-11-20T04:05:01Z"}, "invalid", "at"),
        ({"receipt_id": None}, "invalid", "receipt_id"),
    ],
)
async def test_a_receipt_that_does_not_fit_is_refused(
    desk: Desk, change: dict[str, Any], code: str, field: str | None
) -> None:
    host, (order,) = await ordered(desk)
    result = await refused(desk, host, host.signed(order, **change), code)
    assert [fault["field"] for fault in result["fields"]] == ([field] if field else [])


async def test_signatures_that_do_not_hold_are_refused(desk: Desk) -> None:
    host, (order,) = await ordered(desk)
    receipt = host.receipt(order)
    good = host.sign(receipt)
    forged = signing.generate_key(kid=host.key["kid"])
    await refused(desk, host, good[:-10] + "AAAAAAAAAA", "bad_signature")
    await refused(desk, host, host.sign(receipt, key=forged), "bad_signature")
    await refused(desk, host, host.sign(receipt, typ="concord-order+json"), "bad_signature")
    await refused(desk, host, host.sign(receipt, key=signing.generate_key(kid="nobody")), "unknown_key")
    await refused(desk, host, order["jws"], "unknown_key")
    await refused(desk, host, "é.ü.ö", "bad_signature")
    assert (await desk.post(host, good))[0]["status"] == "recorded"


async def test_a_payload_that_is_no_receipt_is_refused(desk: Desk) -> None:
    host, _ = await ordered(desk)
    for payload in (b"", b"[]", b"null", b'{"receipt_id": 1', b"\xff\xfe"):
        jws = signing.Signer(host.key).sign(payload, "concord-receipt+json")
        (result,) = await desk.post(host, jws)
        assert (result["status"], result["code"]) == ("refused", "invalid")


async def test_another_providers_key_signs_nothing_here(desk: Desk) -> None:
    host, (order,) = await ordered(desk)
    other = await desk.host()
    await refused(desk, host, host.sign(host.receipt(order), key=other.key), "foreign_key")
    await refused(desk, other, other.sign(host.receipt(order)), "foreign_provider")
    await refused(desk, other, other.sign({**host.receipt(order), "provider_id": other.id}), "foreign_order")


async def test_a_provider_posts_to_its_own_address_only(desk: Desk) -> None:
    host, (order,) = await ordered(desk)
    other = await desk.host()
    for who in (other.who, "desk-a", "auditor"):
        answer = await desk.api.post(f"/providers/{host.id}/receipts", json={"receipts": [host.signed(order)]}, who=who)
        assert answer.status_code == 403
    assert len(await desk.refusals()) == 3
    assert await desk.rows("SELECT 1 FROM receipt") == []


async def test_a_receipt_id_is_used_once(desk: Desk) -> None:
    host, orders = await ordered(desk, sites=2)
    jws = host.signed(orders[0])
    assert (await desk.post(host, jws))[0]["status"] == "recorded"
    await refused(desk, host, jws, "receipt_replayed")
    used = str(verb_id(await desk.rows("SELECT receipt_id FROM receipt")))
    await refused(desk, host, host.signed(orders[1], receipt_id=used), "receipt_id_reused")
    await refused(
        desk, host, host.signed(orders[0], "contested", receipt_id=used, why="No site of ours."), "receipt_id_reused"
    )
    both = [host.signed(orders[1], outcome, receipt_id=str(uuid7())) for outcome in ("received", "executed")]
    same = opened(both[0])["receipt_id"]
    (first, second) = await desk.post(host, both[0], host.signed(orders[1], receipt_id=same))
    assert (first["status"], second["code"]) == ("recorded", "receipt_id_reused")


def verb_id(rows: list[Any]) -> UUID:
    (row,) = rows
    found: UUID = row["receipt_id"]
    return found


async def test_two_providers_may_use_the_same_receipt_id(desk: Desk) -> None:
    host, (order,) = await ordered(desk)
    other, (same,) = await ordered(desk)
    number = str(uuid7())
    assert (await desk.post(host, host.signed(order, receipt_id=number)))[0]["status"] == "recorded"
    assert (await desk.post(other, other.signed(same, receipt_id=number)))[0]["status"] == "recorded"


async def test_only_one_executed_receipt_is_ever_recorded(desk: Desk) -> None:
    host, (order,) = await ordered(desk)
    results = await desk.post(host, host.signed(order), host.signed(order))
    assert [result["code"] for result in results] == [None, "already_executed"]
    await refused(desk, host, host.signed(order), "already_executed")
    assert len(await desk.facts("order.executed.v1")) == 1


async def test_a_move_the_order_does_not_allow_says_what_it_allows(desk: Desk) -> None:
    host, (order,) = await ordered(desk)
    await desk.answer(host, "contested")
    result = await refused(desk, host, host.signed(order, "received"), "action_refused")
    assert (result["order_status"], result["allowed_outcomes"]) == ("contested", ["executed"])


async def test_a_receipt_for_an_order_that_never_went_out_is_unknown(slow_desk: Desk) -> None:
    host = await slow_desk.host()
    await slow_desk.cut_off(host)
    (order,) = await slow_desk.orders()
    made = host.sign(
        {
            "receipt_id": str(uuid7()),
            "order_id": order["id"],
            "sequence": 1,
            "provider_id": host.id,
            "order_digest": "0" * 64,
            "outcome": "received",
            "at": NOON.isoformat(),
        }
    )
    await refused(slow_desk, host, made, "unknown_order")


async def test_what_a_superseded_order_is_told_is_kept_and_moves_nothing(desk: Desk) -> None:
    host = await desk.host()
    fact = carried_out(host)
    await desk.deliver(fact)
    await desk.deliver(undone(fact))
    for outcome in ("received", "executed"):
        result = await desk.answer(host, outcome, sequence=1)
        assert (result["status"], result["order_status"]) == ("recorded", "superseded")
    assert (await desk.answer(host, sequence=1))["code"] == "already_executed"
    rows = await desk.rows("SELECT outcome, moved FROM receipt ORDER BY recorded_at, receipt_id")
    assert [tuple(row) for row in rows] == [("received", False), ("executed", False)]
    assert await desk.facts("order.executed.v1") == []


async def test_a_revoked_key_signs_nothing_from_then_on(desk: Desk) -> None:
    host, orders = await ordered(desk, sites=3)
    before = host.signed(orders[0])
    desk.clock.advance(timedelta(minutes=1))
    await desk.api.delete(f"/providers/{host.id}/keys/{host.key['kid']}", who="desk-a")
    # Signed before the revocation and still under way: taken.
    assert (await desk.post(host, before))[0]["status"] == "recorded"
    desk.clock.advance(timedelta(minutes=1))
    await refused(desk, host, host.signed(orders[1], at=desk.clock.now().isoformat()), "key_revoked")
    await refused(desk, host, host.signed(orders[1], at=(NOON + timedelta(minutes=1)).isoformat()), "key_revoked")
    # A stolen key can write any date; ten minutes later nobody believes it.
    desk.clock.advance(timedelta(minutes=10))
    await refused(desk, host, host.signed(orders[2]), "key_revoked")
    fresh = signing.generate_key(kid="fresh")
    await desk.add_key(host, fresh)
    assert (await desk.post(host, host.sign(host.receipt(orders[2]), key=fresh)))[0]["status"] == "recorded"


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "receipts"),
        ({"receipts": []}, "receipts"),
        ({"receipts": "x"}, "receipts"),
        ({"receipts": ["x", 7]}, "receipts.1"),
        ({"receipts": ["x"] * 1001}, "receipts"),
        ({"receipts": ["x"], "more": 1}, "more"),
    ],
)
async def test_a_malformed_batch_names_the_field(desk: Desk, body: dict[str, Any], field: str) -> None:
    host = await desk.host()
    answer = await desk.api.post(f"/providers/{host.id}/receipts", json=body, who=host.who)
    assert (answer.status_code, answer.json()["fields"][0]["field"]) == (422, field)


async def test_what_is_no_jws_at_all_stops_no_other(desk: Desk) -> None:
    host, (order,) = await ordered(desk)
    results = await desk.post(host, "", "x" * 1_100_000, "\ud7ff", host.signed(order))
    assert [result["code"] for result in results] == ["bad_signature"] * 3 + [None]


async def test_the_longest_receipt_is_taken_however_its_json_is_written(desk: Desk) -> None:
    host, (order,) = await ordered(desk)
    long = host.receipt(order, "contested", why="\U0001f600" * 20_000)
    signed = signing.Signer(host.key).sign(json.dumps(long, ensure_ascii=True).encode(), RECEIPT_TYPE)
    assert [result["status"] for result in await desk.post(host, signed)] == ["recorded"]


@pytest.mark.parametrize(
    ("written", "instead"),
    [
        ('"sequence":1', '"sequence":"1"'),
        ('"sequence":1', '"sequence":1.0'),
        ('"sequence":1', '"sequence":true'),
        ('"outcome":"executed"', '"outcome":"contested","outcome":"executed"'),
        ('"at":"2026-11-20T04:00:00+00:00"', '"at":1795147200'),
        ('"at":"2026-11-20T04:00:00+00:00"', '"at":"1795147200"'),
        ('{"', "{" * 100_000 + '"'),
    ],
)
async def test_evidence_is_read_strictly(desk: Desk, written: str, instead: str) -> None:
    host, (order,) = await ordered(desk)
    payload = signing.canonical(host.receipt(order)).decode()
    assert written in payload
    signer = signing.Signer(host.key)
    spoilt = signer.sign(payload.replace(written, instead, 1).encode(), RECEIPT_TYPE)
    results = await desk.post(host, spoilt, signer.sign(payload.encode(), RECEIPT_TYPE))
    assert [result["code"] for result in results] == ["invalid", None]


async def test_receipts_that_come_over_kafka_together_are_taken_together(desk: Desk) -> None:
    host, orders = await ordered(desk, sites=3)
    topic = receipts_topic(host.id).name
    values = [host.signed(order, outcome).encode() for outcome in ("received", "executed") for order in orders]
    values.insert(2, b"nonsense")
    heard = [Raw(value, EventMeta(uuid7(), "k", topic, 0, n, desk.clock.now())) for n, value in enumerate(values)]
    async with desk.rt.db.transaction() as tx:
        await verb.record_heard(desk.rt, tx, heard)
    assert {order["status"] for order in await desk.orders()} == {"executed"}
    assert len(await desk.facts("order.executed.v1")) == 3
    assert await desk.rows("SELECT 1 FROM deadline WHERE kind = 'execute' AND met_at IS NULL") == []
    assert await desk.refusals() == [("receipt by kafka", "bad_signature")]


async def test_what_comes_over_kafka_is_the_same_verb(desk: Desk) -> None:
    host, orders = await ordered(desk, sites=2)
    meta = EventMeta(uuid7(), "k", receipts_topic(host.id).name, 0, 0, desk.clock.now())
    jws = host.signed(orders[0])
    for value in (jws.encode(), jws.encode(), b"\xff\x00", b""):
        async with desk.rt.db.transaction() as tx:
            await verb.record_heard(desk.rt, tx, [Raw(value, meta)])
    (row,) = await desk.rows("SELECT door, jws FROM receipt")
    assert tuple(row) == ("kafka", jws.encode())
    assert await desk.refusals() == [
        ("receipt by kafka", "receipt_replayed"),
        ("receipt by kafka", "bad_signature"),
        ("receipt by kafka", "bad_signature"),
    ]
    (who,) = await desk.rows("SELECT DISTINCT subject, organisation FROM audit")
    assert tuple(who) == (f"provider:{host.id}", host.id)


@pytest.mark.parametrize(
    "change",
    [
        {"how": "a\0b"}, {"why": "a long reason with \0 inside"}, {"how": "x" * 501},
        {"sequence": -1}, {"at": "0001-01-01T00:00:00+14:00"}, {"at": "9999-12-31T23:59:59-14:00"},
        {"at": "0001-01-01T00:00:00Z"}, {"at": 1e300}, {"at": "2006-12-01T00:00:00Z"},
        {"receipt_id": "\0"}, {"order_digest": "\0" * 64},
    ],
    ids=str,
)  # fmt: skip
@pytest.mark.parametrize("door", ["http", "kafka"])
async def test_what_is_signed_but_makes_no_sense_is_refused_and_stops_nothing(
    desk: Desk, door: str, change: dict[str, Any]
) -> None:
    host, (first, second) = await ordered(desk, sites=2)
    together = [host.signed(first, **change), host.signed(second)]
    if door == "http":
        await desk.post(host, *together)
    else:
        topic = receipts_topic(host.id).name
        meta = [EventMeta(uuid7(), "k", topic, 0, place, desk.clock.now()) for place in (0, 1)]
        async with desk.rt.db.transaction() as tx:
            await verb.record_heard(
                desk.rt, tx, [Raw(*each) for each in zip(map(str.encode, together), meta, strict=True)]
            )
    assert [order["status"] for order in await desk.orders()].count("executed") == 1
    assert [code for _, code in await desk.refusals()] == ["invalid"]


@pytest.mark.parametrize("kid", ["\ud800", "\0", "k" * 10_000, 7, None, ["k"], {}])
async def test_an_odd_key_id_is_refused_and_stops_nothing(desk: Desk, kid: Any) -> None:
    host, (order,) = await ordered(desk, sites=1)
    header = base64.urlsafe_b64encode(json.dumps({"alg": "Ed25519", "kid": kid, "typ": RECEIPT_TYPE}).encode())
    good = host.signed(order)
    odd = ".".join([header.decode().rstrip("="), *good.split(".")[1:]])
    await desk.post(host, odd, good)
    assert [code for _, code in await desk.refusals()] in (["bad_signature"], ["unknown_key"])
    assert [order["status"] for order in await desk.orders()] == ["executed"]


async def test_a_full_batch_is_taken(desk: Desk) -> None:
    host, orders = await ordered(desk, sites=500)
    jws = [host.signed(order, outcome) for order in orders for outcome in ("received", "executed")]
    results = await desk.post(host, *jws)
    assert {result["status"] for result in results} == {"recorded"}
    assert len(await desk.facts("order.executed.v1")) == 500
    assert (await desk.state(host))["in_force"] == 500
