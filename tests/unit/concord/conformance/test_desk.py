"""The desk that the kit plays: what it says of forgeries, and of what comes back about them."""

import hashlib
import json
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import pytest

from concord.conformance.desk import ELSEWHERE, Desk
from concord.conformance.vectors import counters, vectors
from concord.sdk.signed import verified_counter, verified_order
from shared.contracts.receipts import RECEIPTS_TYPE
from shared.signing import BadSignature, KeyRing, Signer, canonical, generate_key

MINE = Signer(generate_key("mine"))


def made() -> Desk:
    return Desk(uuid4(), [MINE.public])


def ask(desk: Desk, what: str, body: bytes = b"", method: str = "GET") -> tuple[int, dict[str, Any]]:
    token = desk.answer("POST", "/issuer/token", "", b"")[1]["access_token"]
    return desk.answer(method, f"/providers/{desk.provider_id}/{what}", f"Bearer {token}", body)


def hand_in(desk: Desk, document: dict[str, Any], jws: bytes) -> tuple[str, dict[str, Any]]:
    receipt = {
        "receipt_id": str(uuid4()), "order_id": document["order_id"], "sequence": document["sequence"],
        "order_digest": hashlib.sha256(jws).hexdigest(), "outcome": "executed", "how": "Done.",
        "at": datetime.now(UTC).isoformat(),
    }  # fmt: skip
    batch = MINE.sign(canonical({"provider_id": str(desk.provider_id), "receipts": [receipt]}), RECEIPTS_TYPE)
    return batch, ask(desk, "receipts", json.dumps({"jws": batch}).encode(), "POST")[1]


def ring(desk: Desk) -> KeyRing:
    return KeyRing(desk.answer("GET", "/.well-known/jwks.json", "", b"")[1])


def test_what_is_forged_stands_in_the_feed_and_is_no_part_of_the_snapshot() -> None:
    desk = made()
    desk.give(desk.document(host="one.example"))
    desk.show(2, b"forged")
    assert [ask(desk, what)[1]["head"] for what in ("orders?after=0", "state", "snapshot")] == [2, 1, 1]
    assert [each["jws"] for each in ask(desk, "orders?after=1")[1]["orders"]] == ["forged"]
    assert desk.fetched[b"forged"] == 2


def test_a_receipt_for_a_forgery_names_it_by_the_digest_of_its_bytes() -> None:
    desk = made()
    document = desk.document(host="forged.example")
    for what, jws in vectors(desk, document).items():
        desk.note_forged(jws, what)
        assert hand_in(desk, document, jws)[1]["results"][0]["code"] == "unknown_order"
        assert desk.faults.pop() == f"unknown_order: executed for an order {what}"


def test_no_forged_order_is_one_but_for_its_provider() -> None:
    desk = made()
    for what, jws in vectors(desk, desk.document(host="forged.example")).items():
        if what == "for another provider":
            assert verified_order(ring(desk), jws)
        else:
            with pytest.raises(BadSignature):
                verified_order(ring(desk), jws)


def test_with_a_forged_counter_receipt_nothing_is_recorded_and_the_next_one_is_good() -> None:
    desk = made()
    document = desk.document(host="counter.example")
    jws = desk.give(document)
    for what, forge in counters(desk).items():
        desk.forge = forge
        batch, answer = hand_in(desk, document, jws)
        assert (answer["results"][0]["status"], desk.outcomes(document)) == ("recorded", [])
        try:
            said = verified_counter(ring(desk), answer["counter_receipt"])
        except BadSignature:
            continue
        assert said.batch != hashlib.sha256(batch.encode()).hexdigest(), what
    batch, answer = hand_in(desk, document, jws)
    assert desk.outcomes(document) == ["executed"]
    counter = verified_counter(ring(desk), answer["counter_receipt"])
    assert counter.batch == hashlib.sha256(batch.encode()).hexdigest()


def test_whoever_follows_a_redirect_is_found_out() -> None:
    desk = made()
    desk.redirects = {"state": [307]}
    status, said = ask(desk, "state")
    assert (status, said["location"].startswith(ELSEWHERE)) == (307, True)
    assert ask(desk, "state")[0] == 200
    desk.answer("GET", said["location"], "", b"")
    assert desk.faults == [f"a redirect was followed: GET {ELSEWHERE}/providers/{desk.provider_id}/state"]
