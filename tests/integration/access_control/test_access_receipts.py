"""Receipts: what a provider signs is recorded once, and everything else is refused and audited."""

import base64
import hashlib
import json
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from access_control.service import receipts as verb
from access_control.service.state import REFUSED_PER_HOUR
from concord.sdk.signed import verified_counter
from shared import signing
from shared.contracts.receipts import RECEIPTS_TYPE
from shared.contracts.topics import receipts_topic
from shared.runtime.base.context import EventMeta
from shared.runtime.base.ids import uuid7
from shared.runtime.base.keys import NoSigningKey
from shared.runtime.events.dispatch import Raw
from tests.integration.access_control.desk import NOON, WHY, Desk, Host, carried_out, opened, undone


async def ordered(desk: Desk, sites: int = 1) -> tuple[Host, list[dict[str, Any]]]:
    """A provider and the orders in its feed."""
    host = await desk.host()
    await desk.cut_off(host, sites=sites)
    return host, (await desk.feed(host, limit=500))["orders"]


async def test_where_nobody_can_countersign_nothing_is_recorded_and_it_is_taken_later(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    host, (order,) = await ordered(desk)
    document = host.batch(host.receipt(order))

    def nobodys(owner: str) -> signing.Signer:
        raise NoSigningKey(owner)

    with monkeypatch.context() as without:
        without.setattr(desk.rt.state.keys, "signer", nobodys)
        answer = await desk.hand_in(host, document)
        assert (answer.status_code, answer.json()["code"]) == (503, "issuer_has_no_key")
    assert await desk.rows("SELECT FROM receipt") == []
    (result,) = (await desk.hand_in(host, document)).json()["results"]
    assert (result["status"], result["order_status"]) == ("recorded", "executed")


async def test_a_receipt_moves_the_order_and_tells_the_others(desk: Desk) -> None:
    host, (order,) = await ordered(desk)
    jws = host.batch(host.receipt(order))
    answer = await desk.hand_in(host, jws)
    (result,) = answer.json()["results"]
    assert (result["status"], result["code"], result["order_status"]) == ("recorded", None, "executed")
    (row,) = await desk.rows("SELECT * FROM receipt")
    assert (row["batch"], row["door"], row["moved"]) == (hashlib.sha256(jws.encode()).hexdigest(), "http", True)
    (fact,) = await desk.facts("order.executed.v1")
    assert (fact["data"]["how"], fact["data"]["sequence"]) == ("HTTP 451 on every host name", 1)
    (seen,) = (await desk.order(result["order_id"]))["receipts"]
    assert (seen["batch"], seen["receipt_id"]) == (answer.json()["digest"], result["receipt_id"])
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
    results = await desk.post(host, *(host.receipt(order, outcome) for outcome in ("received", "partly", "executed")))
    assert [result["order_status"] for result in results] == ["received", "partly", "executed"]
    assert (await desk.order(results[0]["order_id"]))["status"] == "executed"
    assert [fact["type"] for fact in await desk.facts()][-3:] == [
        "order.received.v1", "order.partly_executed.v1", "order.executed.v1",
    ]  # fmt: skip


async def test_a_receipt_is_judged_by_what_those_before_it_in_the_batch_did(desk: Desk) -> None:
    host, (order,) = await ordered(desk)
    results = await desk.post(host, host.receipt(order), host.receipt(order, "contested", why="It is not ours."))
    assert [result["code"] for result in results] == [None, "action_refused"]
    assert results[1]["order_status"] == "executed"


async def test_one_bad_receipt_stops_no_other(desk: Desk) -> None:
    host, orders = await ordered(desk, sites=3)
    good = [host.receipt(order) for order in orders]
    results = await desk.post(host, good[0], "not a receipt", good[1], good[1], good[2])
    assert [result["status"] for result in results] == ["recorded", "refused", "recorded", "recorded", "recorded"]
    assert [result["index"] for result in results] == [0, 1, 2, 3, 4]
    assert [result["code"] for result in results] == [None, "invalid", None, "receipt_replayed", None]


async def refused(desk: Desk, host: Host, receipt: Any, code: str) -> dict[str, Any]:
    """Hand in a receipt that must be refused: nothing moves, and the refusal is audited."""
    before = await desk.rows("SELECT id, version, status FROM access_order ORDER BY id")
    jws = host.batch(receipt)
    answer = await desk.hand_in(host, jws)
    (result,) = answer.json()["results"]
    assert (result["status"], result["code"]) == ("refused", code)
    assert opened(answer.json()["counter_receipt"])["results"][0]["code"] == code
    assert await desk.rows("SELECT id, version, status FROM access_order ORDER BY id") == before
    assert (await desk.refusals())[-1] == ("receipt by http", code)
    (trace,) = await desk.rows("SELECT detail, subject FROM audit ORDER BY id DESC LIMIT 1")
    assert trace["detail"]["sha256"] == answer.json()["digest"]
    assert trace["subject"] == f"provider-{host.id}"
    return dict(result)


async def not_taken(desk: Desk, host: Host, jws: str, why: str) -> dict[str, Any]:
    """Hand in a document that is no batch of this provider: nothing is kept, and the refusal is audited."""
    before = await desk.rows("SELECT id, version, status FROM access_order ORDER BY id")
    batches = await desk.rows("SELECT 1 FROM receipt_batch")
    answer = await desk.hand_in(host, jws)
    assert (answer.status_code, answer.json()["code"], answer.json()["why"]) == (422, "batch_refused", why)
    assert answer.json()["reason"] in answer.json()["detail"]
    assert await desk.rows("SELECT 1 FROM receipt_batch") == batches
    assert await desk.rows("SELECT id, version, status FROM access_order ORDER BY id") == before
    assert "batch_refused" in {code for _, code in await desk.refusals()}
    return dict(answer.json())


@pytest.mark.parametrize(
    ("change", "code", "field"),
    [
        ({"order_digest": "0" * 64}, "digest_mismatch", None),
        ({"order_digest": "0" * 63}, "invalid", "order_digest"),
        ({"sequence": 2}, "sequence_mismatch", None),
        ({"sequence": 0}, "invalid", "sequence"),
        ({"order_id": str(uuid4())}, "unknown_order", None),
        ({"order_id": "x"}, "invalid", "order_id"),
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
    result = await refused(desk, host, host.receipt(order, **change), code)
    assert [fault["field"] for fault in result["fields"]] == ([field] if field else [])


async def test_signatures_that_do_not_hold_are_refused_and_say_why(desk: Desk) -> None:
    host, (order,) = await ordered(desk)
    receipt = host.receipt(order)
    good = host.batch(receipt)
    forged = signing.generate_key(kid=host.key["kid"])
    await not_taken(desk, host, good[:-10] + "AAAAAAAAAA", "bad_signature")
    await not_taken(desk, host, host.batch(receipt, key=forged), "bad_signature")
    typed = await not_taken(desk, host, host.batch(receipt, typ="concord-Receipts+json"), "bad_signature")
    assert "must be a concord-receipts+json, not a 'concord-Receipts+json'" in typed["detail"]
    await not_taken(desk, host, host.batch(receipt, key=signing.generate_key(kid="nobody")), "unknown_key")
    await not_taken(desk, host, order["jws"], "unknown_key")
    for nonsense in ("", "é.ü.ö", "\ud7ff", "x" * 1_000_000):
        await not_taken(desk, host, nonsense, "bad_signature")
    long = await not_taken(desk, host, good + "x" * 1_048_576, "invalid")
    assert "sign fewer receipts at once" in long["fields"][0]["message"]
    assert (await desk.post(host, receipt))[0]["status"] == "recorded"


async def test_a_library_that_calls_the_algorithm_by_its_older_name_is_understood(desk: Desk) -> None:
    host, (order,) = await ordered(desk)
    header = {"alg": "EdDSA", "kid": host.key["kid"], "typ": RECEIPTS_TYPE}
    payload = json.dumps({"provider_id": host.id, "receipts": [host.receipt(order)]}).encode()
    parts = [base64.urlsafe_b64encode(each).decode().rstrip("=") for each in (json.dumps(header).encode(), payload)]
    private = base64.urlsafe_b64decode(host.key["d"] + "==")
    signature = Ed25519PrivateKey.from_private_bytes(private).sign(".".join(parts).encode())
    jws = ".".join([*parts, base64.urlsafe_b64encode(signature).decode().rstrip("=")])
    assert (await desk.hand_in(host, jws)).json()["results"][0]["status"] == "recorded"


@pytest.mark.parametrize(
    ("payload", "field"),
    [
        (b"", "payload"), (b"[]", "payload"), (b"null", "payload"), (b'{"provider_id": 1', "payload"),
        (b"\xff\xfe", "payload"), (b"{}", "provider_id"), (b'{"provider_id":"ID","receipts":[]}', "receipts"),
        (b'{"provider_id":"ID","receipts":{}}', "receipts"),
        (b'{"provider_id":"ID","receipts":[' + b"{}," * 1000 + b"{}]}", "receipts"),
        (b'{"provider_id":"ID","provider_id":"ID","receipts":[{}]}', "payload"),
        (b'{"provider_id":"ID","receipts":[{"outcome":"executed","outcome":"contested"}]}', "payload"),
        (b'{"provider_id":"ID","receipts":' + b"[" * 100_000, "payload"),
    ],
)  # fmt: skip
async def test_a_payload_that_is_no_batch_is_refused(desk: Desk, payload: bytes, field: str) -> None:
    host, _ = await ordered(desk)
    jws = signing.Signer(host.key).sign(payload.replace(b"ID", host.id.encode()), RECEIPTS_TYPE)
    said = await not_taken(desk, host, jws, "invalid")
    assert said["fields"][0]["field"] == field


async def test_another_providers_key_signs_nothing_here(desk: Desk) -> None:
    host, (order,) = await ordered(desk)
    other = await desk.host()
    await not_taken(desk, host, host.batch(host.receipt(order), key=other.key), "foreign_key")
    await not_taken(desk, other, host.batch(host.receipt(order), key=other.key), "foreign_provider")
    await refused(desk, other, host.receipt(order), "foreign_order")


async def test_a_provider_posts_to_its_own_address_only(desk: Desk) -> None:
    host, (order,) = await ordered(desk)
    other = await desk.host()
    for who in (other.who, "desk-a", "auditor"):
        assert (await desk.hand_in(host, host.batch(host.receipt(order)), who)).status_code == 403
    assert len(await desk.refusals()) == 3
    assert await desk.rows("SELECT 1 FROM receipt") == []


async def test_the_answer_is_countersigned_and_stays_the_same(desk: Desk) -> None:
    host, orders = await ordered(desk, sites=2)
    jws = host.batch(host.receipt(orders[0]), host.receipt(orders[1], order_digest="0" * 64))
    first = (await desk.hand_in(host, jws)).json()
    desk.clock.advance(timedelta(days=3))
    again = (await desk.hand_in(host, jws)).json()
    assert again == first
    keys = (await desk.api.get("/.well-known/jwks.json", who=None)).json()
    counter = verified_counter(signing.KeyRing(keys), first["counter_receipt"])
    assert (counter.batch, counter.recorded_by.id) == (hashlib.sha256(jws.encode()).hexdigest(), "industry-110000")
    assert [(each.status, each.code) for each in counter.results] == [
        ("recorded", None),
        ("refused", "digest_mismatch"),
    ]
    assert len(await desk.facts("order.executed.v1")) == 1
    assert len(await desk.refusals()) == 1


async def test_a_batch_is_read_by_its_provider_and_the_regulators_of_its_province(desk: Desk) -> None:
    host, (order,) = await ordered(desk)
    jws = host.batch(host.receipt(order))
    answer = (await desk.hand_in(host, jws)).json()
    path = f"/providers/{host.id}/receipts/{answer['digest']}"
    for who, status in ((host.who, 200), ("desk-a", 200), ("regulator-a", 200), ("auditor", 200),
                        ("shanghai-regulator-a", 403), ("drugs-a", 403), ((await desk.host()).who, 403)):  # fmt: skip
        found = await desk.api.get(path, who=who)
        assert found.status_code == status, who
        if status == 200:
            assert (found.json()["jws"], found.json()["counter_receipt"]) == (jws, answer["counter_receipt"])
    missing = await desk.api.get(f"/providers/{host.id}/receipts/{'0' * 64}", who=host.who)
    assert (missing.status_code, missing.json()["code"]) == (404, "unknown_batch")


async def counted(desk: Desk) -> float:
    """How many refused documents the metric knows of."""
    lines = (await desk.api.get("/metrics", who=None)).text.splitlines()
    return sum(float(line.rsplit(" ", 1)[1]) for line in lines if line.startswith("receipts_refused_total{"))


async def test_a_flood_of_refused_batches_closes_the_door_of_its_provider_and_of_no_other(desk: Desk) -> None:
    host, (order,) = await ordered(desk)
    before = await counted(desk)
    other, (theirs,) = await ordered(desk)
    for number in range(REFUSED_PER_HOUR - 1):
        assert (await desk.hand_in(host, f"nonsense {number}")).status_code == 422
    assert (await desk.post(host, host.receipt(order, order_digest="0" * 64)))[0]["status"] == "refused"
    closed = await desk.hand_in(host, host.batch(host.receipt(order)))
    assert (closed.status_code, closed.json()["code"]) == (429, "too_many_refused")
    assert 0 < int(closed.headers["Retry-After"]) <= 30
    assert (await desk.post(other, other.receipt(theirs)))[0]["status"] == "recorded"
    # Its topic is still read, and what is nonsense there is not written down line by line any more.
    meta = EventMeta(uuid7(), "k", receipts_topic(host.id).name, 0, 0, desk.clock.now())
    values = [b"nonsense", host.batch(host.receipt(order)).encode()]
    async with desk.rt.db.transaction() as tx:
        await verb.record_heard(desk.rt, tx, [Raw(value, meta) for value in values])
    assert "receipt by kafka" not in {act for act, _ in await desk.refusals()}
    assert await counted(desk) == before + REFUSED_PER_HOUR + 1, "what is not audited is counted"
    assert {each["status"] for each in await desk.orders()} == {"executed"}


async def test_a_receipt_id_is_used_once(desk: Desk) -> None:
    host, orders = await ordered(desk, sites=2)
    said = host.receipt(orders[0])
    assert (await desk.post(host, said))[0]["code"] is None
    (again, other) = await desk.post(host, said, host.receipt(orders[0], "received"))
    assert (again["status"], again["code"], again["order_status"]) == ("recorded", "receipt_replayed", "executed")
    assert other["code"] == "action_refused"
    assert len(await desk.facts("order.executed.v1")) == 1
    used = str(verb_id(await desk.rows("SELECT receipt_id FROM receipt")))
    await refused(desk, host, host.receipt(orders[1], receipt_id=used), "receipt_id_reused")
    await refused(
        desk, host, host.receipt(orders[0], "contested", receipt_id=used, why="No site of ours."), "receipt_id_reused"
    )
    first = host.receipt(orders[1], "received")
    (one, two) = await desk.post(host, first, host.receipt(orders[1], receipt_id=first["receipt_id"]))
    assert (one["status"], two["code"]) == ("recorded", "receipt_id_reused")


def verb_id(rows: list[Any]) -> UUID:
    (row,) = rows
    found: UUID = row["receipt_id"]
    return found


async def test_what_is_on_file_already_is_said_and_not_counted_against_its_provider(desk: Desk) -> None:
    host, (order,) = await ordered(desk)
    await desk.answer(host)
    for _ in range(REFUSED_PER_HOUR + 1):
        assert (await desk.post(host, host.receipt(order)))[0]["code"] == "already_executed"


async def test_two_providers_may_use_the_same_receipt_id(desk: Desk) -> None:
    host, (order,) = await ordered(desk)
    other, (same,) = await ordered(desk)
    number = str(uuid7())
    assert (await desk.post(host, host.receipt(order, receipt_id=number)))[0]["status"] == "recorded"
    assert (await desk.post(other, other.receipt(same, receipt_id=number)))[0]["status"] == "recorded"


async def test_only_one_executed_receipt_is_ever_recorded(desk: Desk) -> None:
    host, (order,) = await ordered(desk)
    results = await desk.post(host, host.receipt(order), host.receipt(order))
    assert [result["code"] for result in results] == [None, "already_executed"]
    await refused(desk, host, host.receipt(order), "already_executed")
    assert len(await desk.facts("order.executed.v1")) == 1


async def test_a_move_the_order_does_not_allow_says_what_it_allows(desk: Desk) -> None:
    host, (order,) = await ordered(desk)
    await desk.answer(host, "contested")
    result = await refused(desk, host, host.receipt(order, "received"), "action_refused")
    assert (result["order_status"], result["allowed_outcomes"]) == ("contested", ["executed"])


async def test_a_receipt_for_an_order_that_never_went_out_is_unknown(slow_desk: Desk) -> None:
    host = await slow_desk.host()
    await slow_desk.cut_off(host)
    (order,) = await slow_desk.orders()
    made = {
        "receipt_id": str(uuid7()), "order_id": order["id"], "sequence": 1, "order_digest": "0" * 64,
        "outcome": "received", "at": NOON.isoformat(),
    }  # fmt: skip
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


async def test_a_revoked_key_signs_nothing_that_arrives_afterwards(desk: Desk) -> None:
    """Defect 57: whatever time a thief writes into a receipt, what counts is when it comes."""
    host, orders = await ordered(desk, sites=2)
    taken = host.batch(host.receipt(orders[0]))
    first = (await desk.hand_in(host, taken)).json()
    under_way = host.batch(host.receipt(orders[1]))
    desk.clock.advance(timedelta(seconds=1))
    await desk.api.post(f"/providers/{host.id}/keys/{host.key['kid']}/revocation", json=WHY, who="desk-a")
    said = await not_taken(desk, host, under_way, "key_revoked")
    assert "was revoked at 2026-11-20T04:00:01+00:00" in said["detail"]
    # What was taken before stays proven, and its answer can be had again.
    assert (await desk.api.get(f"/providers/{host.id}/receipts/{first['digest']}", who=host.who)).status_code == 200
    fresh = signing.generate_key(kid="fresh")
    await desk.add_key(host, fresh)
    signed_anew = await desk.hand_in(host, host.batch(host.receipt(orders[1]), key=fresh))
    assert signed_anew.json()["results"][0]["status"] == "recorded"


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "jws"),
        ({"jws": 7}, "jws"),
        ({"jws": ["x"]}, "jws"),
        ({"jws": "x", "more": 1}, "more"),
        ({"receipts": ["x"]}, "jws"),
    ],
)
async def test_a_malformed_body_names_the_field(desk: Desk, body: dict[str, Any], field: str) -> None:
    host = await desk.host()
    answer = await desk.api.post(f"/providers/{host.id}/receipts", json=body, who=host.who)
    assert (answer.status_code, answer.json()["fields"][0]["field"]) == (422, field)


async def test_a_document_of_51_megabytes_is_too_large(desk: Desk) -> None:
    host = await desk.host()
    answer = await desk.hand_in(host, "x" * 51_000_000)
    assert (answer.status_code, answer.json()["code"]) == (413, "too_large")


async def test_the_longest_receipt_is_taken_however_its_json_is_written(desk: Desk) -> None:
    host, (order,) = await ordered(desk)
    long = host.receipt(order, "contested", why="\U0001f600" * 20_000)
    batch = json.dumps({"provider_id": host.id, "receipts": [long]}, ensure_ascii=True).encode()
    answer = await desk.hand_in(host, signing.Signer(host.key).sign(batch, RECEIPTS_TYPE))
    assert [result["status"] for result in answer.json()["results"]] == ["recorded"]


@pytest.mark.parametrize(
    ("written", "instead"),
    [
        ('"sequence":1', '"sequence":"1"'),
        ('"sequence":1', '"sequence":1.0'),
        ('"sequence":1', '"sequence":true'),
        ('"at":"2026-11-20T04:00:00+00:00"', '"at":1795147200'),
        ('"at":"2026-11-20T04:00:00+00:00"', '"at":"1795147200"'),
    ],
)
async def test_evidence_is_read_strictly(desk: Desk, written: str, instead: str) -> None:
    host, (order,) = await ordered(desk)
    payload = signing.canonical({"provider_id": host.id, "receipts": [host.receipt(order)] * 2}).decode()
    assert payload.count(written) == 2
    jws = signing.Signer(host.key).sign(payload.replace(written, instead, 1).encode(), RECEIPTS_TYPE)
    results = (await desk.hand_in(host, jws)).json()["results"]
    assert [result["code"] for result in results] == ["invalid", None]


async def test_receipts_that_come_over_kafka_together_are_taken_together(desk: Desk) -> None:
    host, orders = await ordered(desk, sites=3)
    topic = receipts_topic(host.id).name
    said = [host.receipt(order, outcome) for outcome in ("received", "executed") for order in orders]
    values = [host.batch(*said[:2]).encode(), b"nonsense", host.batch(*said[2:]).encode()]
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
    jws = host.batch(host.receipt(orders[0]))
    for value in (jws.encode(), jws.encode(), b"\xff\x00", b""):
        async with desk.rt.db.transaction() as tx:
            await verb.record_heard(desk.rt, tx, [Raw(value, meta)])
    (row,) = await desk.rows("SELECT door, jws FROM receipt_batch")
    assert tuple(row) == ("kafka", jws.encode())
    assert await desk.refusals() == [("receipt by kafka", "bad_signature")] * 2
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
    together = [host.receipt(first, **change), host.receipt(second)]
    if door == "http":
        await desk.post(host, *together)
    else:
        meta = EventMeta(uuid7(), "k", receipts_topic(host.id).name, 0, 0, desk.clock.now())
        async with desk.rt.db.transaction() as tx:
            await verb.record_heard(desk.rt, tx, [Raw(host.batch(*together).encode(), meta)])
    assert [order["status"] for order in await desk.orders()].count("executed") == 1
    assert [code for _, code in await desk.refusals()] == ["invalid"]


@pytest.mark.parametrize("kid", ["\ud800", "\0", "k" * 10_000, 7, None, ["k"], {}])
async def test_an_odd_key_id_is_refused_and_stops_nothing(desk: Desk, kid: Any) -> None:
    host, (order,) = await ordered(desk, sites=1)
    header = base64.urlsafe_b64encode(json.dumps({"alg": "Ed25519", "kid": kid, "typ": RECEIPTS_TYPE}).encode())
    good = host.batch(host.receipt(order))
    odd = ".".join([header.decode().rstrip("="), *good.split(".")[1:]])
    assert (await desk.hand_in(host, odd)).status_code == 422
    assert (await desk.hand_in(host, good)).status_code == 200
    assert [code for _, code in await desk.refusals()] == ["batch_refused"]
    assert [order["status"] for order in await desk.orders()] == ["executed"]


async def test_a_full_batch_is_taken(desk: Desk) -> None:
    host, orders = await ordered(desk, sites=500)
    said = [host.receipt(order, outcome) for order in orders for outcome in ("received", "executed")]
    results = await desk.post(host, *said)
    assert {result["status"] for result in results} == {"recorded"}
    assert len(await desk.facts("order.executed.v1")) == 500
    assert (await desk.state(host))["in_force"] == 500
