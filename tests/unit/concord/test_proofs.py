"""`concord verify ORDER RECEIPTS COUNTER`: what three documents prove together, and each way in which they do not."""

import hashlib
import json
from pathlib import Path
from typing import Any

import pytest

from concord.exits import Exit
from shared.contracts import examples
from shared.contracts.orders import ORDER_TYPE, Order
from shared.contracts.receipts import COUNTER_TYPE, RECEIPTS_TYPE, CounterReceipt, Receipt
from shared.signing import OWNER, RETIRED, Signer, canonical, generate_key

DESK, HOST, STRANGER = (Signer(generate_key(kid)) for kid in ("industry-1", "host-1", "stranger-1"))
ISSUER: str = examples.REGULATOR["id"]


class Papers:
    """The three documents, which a test can spoil before they are signed."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.receipt: dict[str, Any] = {**Receipt.EXAMPLE, "order_digest": None}
        self.also: list[dict[str, Any]] = []
        """Further receipts of the batch."""
        self.batch: dict[str, Any] = {"provider_id": examples.PROVIDER}
        self.counter: dict[str, Any] = {**CounterReceipt.EXAMPLE, "batch": None}
        self.signers = {"order": DESK, "receipts": HOST, "counter": DESK}
        self.keys: list[dict[str, Any]] = [DESK.public | {OWNER: ISSUER}, STRANGER.public | {OWNER: "nobody-1"}]
        self.host_keys: list[dict[str, Any]] = [HOST.public | {OWNER: examples.PROVIDER}]

    def write(self) -> list[str]:
        order = self.signers["order"].sign(canonical(Order.EXAMPLE), ORDER_TYPE)
        said = {**self.receipt, "order_digest": self.receipt["order_digest"] or _digest(order)}
        batch = self.signers["receipts"].sign(canonical({**self.batch, "receipts": [said, *self.also]}), RECEIPTS_TYPE)
        answered = {**self.counter, "batch": self.counter["batch"] or _digest(batch)}
        counter = self.signers["counter"].sign(canonical(answered), COUNTER_TYPE)
        for name, text in {
            "order.jws": order, "receipts.jws": batch, "counter.jws": counter,
            "batch.json": json.dumps({"jws": batch, "counter_receipt": counter}),
            "jwks.json": json.dumps({"keys": self.keys}), "provider.json": json.dumps({"keys": self.host_keys}),
        }.items():  # fmt: skip
            (self.folder / name).write_text(text)
        return [str(self.folder / name) for name in ("order.jws", "receipts.jws", "counter.jws")]

    def options(self) -> tuple[str, ...]:
        return ("--keys", str(self.folder / "jwks.json"), "--provider-keys", str(self.folder / "provider.json"))


def _digest(jws: str) -> str:
    return hashlib.sha256(jws.encode()).hexdigest()


@pytest.fixture
def papers(tmp_path: Path) -> Papers:
    return Papers(tmp_path)


def test_three_documents_that_belong_together_are_proven(run: Any, papers: Papers) -> None:
    done = run(None, "verify", *papers.write(), *papers.options(), "--json")
    assert done.exit_code == Exit.DONE, done.stderr
    said = json.loads(done.stdout)
    assert (said["valid"], said["problems"], said["order"]["issuer"]) == (True, [], ISSUER)
    assert said["recorded"] == {"by": ISSUER, "at": "2026-11-22T04:00:00+00:00"}
    (receipt,) = said["receipts"]
    assert (receipt["outcome"], receipt["status"]) == ("executed", "recorded")


def test_the_json_of_a_batch_has_its_counter_receipt(run: Any, papers: Papers) -> None:
    order, _, _ = papers.write()
    done = run(None, "verify", order, str(papers.folder / "batch.json"), *papers.options(), "--json")
    assert (done.exit_code, json.loads(done.stdout)["recorded"]["by"]) == (Exit.DONE, ISSUER)


def test_without_a_counter_receipt_nothing_is_said_of_when_it_was_taken(run: Any, papers: Papers) -> None:
    order, receipts, _ = papers.write()
    done = run(None, "verify", order, receipts, *papers.options(), "--json")
    said = json.loads(done.stdout)
    assert (done.exit_code, said["recorded"], said["receipts"][0]["status"]) == (Exit.DONE, None, None)


def test_an_order_of_a_retired_key_is_proven_with_a_counter_receipt_alone(run: Any, papers: Papers) -> None:
    papers.keys[0][RETIRED] = "2026-11-22T04:00:01+00:00"  # whoever stole it can write any time into an order
    order, receipts, counter = papers.write()
    assert run(None, "verify", order, receipts, counter, *papers.options(), "--json").exit_code == Exit.DONE
    done = run(None, "verify", order, receipts, *papers.options(), "--json")
    (problem,) = json.loads(done.stdout)["problems"]
    assert (done.exit_code, "the issuer's key was retired" in problem) == (Exit.FAILED, True)
    papers.counter["recorded_at"] = "2026-11-22T04:00:02Z"
    done = run(None, "verify", *papers.write(), *papers.options(), "--json")
    assert (done.exit_code, "retired_key" in done.stdout) == (Exit.FAILED, True)


def test_what_a_revoked_key_signed_proves_nothing_without_a_counter_receipt_of_before(run: Any, papers: Papers) -> None:
    papers.host_keys[0]["revoked_at"] = "2026-11-22T04:00:01+00:00"
    order, receipts, counter = papers.write()
    done = run(None, "verify", order, receipts, counter, *papers.options(), "--json")
    assert done.exit_code == Exit.DONE, done.stdout
    done = run(None, "verify", order, receipts, *papers.options(), "--json")
    (problem,) = json.loads(done.stdout)["problems"]
    assert done.exit_code == Exit.FAILED
    assert "revoked at 2026-11-22T04:00:01+00:00, and no counter-receipt" in problem


def test_a_receipt_that_was_refused_takes_nothing_from_the_one_beside_it(run: Any, papers: Papers) -> None:
    (result,) = papers.counter["results"]
    papers.also = [{**Receipt.EXAMPLE, "receipt_id": examples.SITE, "order_digest": "0" * 64}]
    papers.counter["results"] = [result, {**result, "status": "refused", "code": "digest_mismatch"}]
    done = run(None, "verify", *papers.write(), *papers.options(), "--json")
    assert done.exit_code == Exit.DONE, done.stdout
    assert [each["status"] for each in json.loads(done.stdout)["receipts"]] == ["recorded", "refused"]
    papers.counter["results"] = [result, {**result, "status": "recorded"}]
    done = run(None, "verify", *papers.write(), *papers.options(), "--json")
    assert (done.exit_code, "about other bytes" in done.stdout) == (Exit.FAILED, True)


def spoil(papers: Papers, how: str) -> None:
    match how.split(": "):
        case ["forged", name]:
            papers.signers[name] = Signer(generate_key("host-1" if name == "receipts" else "industry-1"))
        case ["stranger", name]:
            papers.signers[name] = STRANGER
        case ["provider"]:
            papers.batch["provider_id"] = papers.host_keys[0][OWNER] = examples.SITE
        case ["provider's key"]:
            papers.host_keys[0][OWNER] = examples.SITE
        case ["receipt", name]:
            papers.receipt[name] = examples.SITE if name == "order_id" else "0" * 64
        case ["refused"]:
            papers.counter["results"] = [{**papers.counter["results"][0], "status": "refused", "code": "receipt_late"}]
        case ["counter", "results"]:
            papers.counter["results"] = []
        case ["counter", name]:
            papers.counter[name] = examples.SITE if name == "provider_id" else "0" * 64
        case ["revoked"]:
            papers.host_keys[0]["revoked_at"] = "2026-11-22T03:59:59+00:00"


@pytest.mark.parametrize(
    ("how", "said"),
    [
        ("forged: order", "bad_signature"), ("forged: receipts", "bad_signature"), ("forged: counter", "bad_signature"),
        ("stranger: order", "wrong_owner"), ("stranger: counter", "wrong_owner"), ("stranger: receipts", "unknown_kid"),
        ("provider's key", "wrong_owner"), ("provider", "the order is for"),
        ("receipt: order_id", "none of the receipts is about this order"),
        ("receipt: order_digest", "is about other bytes"), ("counter: batch", "is for another document"),
        ("counter: provider_id", "is for provider"), ("counter: results", "has 0 results for 1 receipts"),
        ("refused", "was refused: receipt_late"), ("revoked", "was revoked at 2026-11-22T03:59:59"),
    ],
)  # fmt: skip
def test_what_does_not_belong_together_proves_nothing(run: Any, papers: Papers, how: str, said: str) -> None:
    spoil(papers, how)
    done = run(None, "verify", *papers.write(), *papers.options(), "--json")
    assert done.exit_code == Exit.FAILED, done.stdout
    answer = json.loads(done.stdout)
    assert answer["valid"] is False
    assert any(said in problem for problem in answer["problems"]), answer


@pytest.mark.parametrize("number", [0, 1, 2])
def test_a_changed_byte_is_refused(run: Any, papers: Papers, number: int) -> None:
    files = papers.write()
    text = Path(files[number]).read_text()
    head, body, signature = text.split(".")
    body = body[:40] + ("A" if body[40] != "A" else "B") + body[41:]
    Path(files[number]).write_text(".".join([head, body, signature]))
    assert run(None, "verify", *files, *papers.options()).exit_code == Exit.FAILED


def test_the_keys_of_the_provider_are_asked_for(run: Any, papers: Papers) -> None:
    done = run(None, "verify", *papers.write(), "--keys", str(papers.folder / "jwks.json"))
    assert (done.exit_code, "--provider-keys" in done.stderr) == (Exit.USAGE, True)
