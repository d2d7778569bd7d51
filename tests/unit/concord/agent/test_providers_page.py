"""docs/providers.md: every byte shown there is what the code makes, and verifies with an independent library.

After a deliberate change: ``python -m tests.unit.concord.agent.test_providers_page`` writes the examples anew.
"""

import base64
import hashlib
import json
import re
from pathlib import Path
from uuid import UUID, uuid5

import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from concord.agent.config import Config
from concord.agent.intake import RECEIPTS
from concord.agent.outbox import ACCEPTED
from shared.contracts.orders import ORDER_TYPE, Order
from shared.contracts.receipts import COUNTER_TYPE, RECEIPTS_TYPE, CounterReceipt, Outcome, Receipt, ReceiptBatch
from shared.signing import Signer, canonical, public

PAGE = Path(__file__).parents[4] / "docs" / "providers.md"
BLOCK = re.compile(r"<!-- example: (\S+) -->\n```\w*\n(.*?)\n```", re.DOTALL)

# The test keys of RFC 8032, section 7.1: published, and good for nothing else.
ORDER_KEY = {
    "kty": "OKP",
    "crv": "Ed25519",
    "d": "nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A",
    "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo",
    "kid": "orders-2026",
}
PROVIDER_KEY = {
    "kty": "OKP",
    "crv": "Ed25519",
    "d": "TM0Imyj_ltqdtsNG7BFOD1uKMZ81q6Yk2oz27U-4pvs",
    "x": "PUAXw-hDiVqStwqnTRt-vJyYLM8uxJaMwM1V8Sr0Zgw",
    "kid": "provider-2026",
}


def made() -> dict[str, str]:
    """Every example of the page, made by the code."""
    order_payload = Order.model_validate(Order.EXAMPLE).model_dump_json()
    order = Signer(ORDER_KEY).sign(order_payload.encode(), ORDER_TYPE)
    digest = hashlib.sha256(order.encode()).hexdigest()
    receipt_id = uuid5(RECEIPTS, f"{Order.EXAMPLE['order_id']} executed")
    said = Receipt.EXAMPLE | {"receipt_id": str(receipt_id), "order_digest": digest}
    batch_payload = canonical({"provider_id": Order.EXAMPLE["provider_id"], "receipts": [said]})
    batch = Signer(PROVIDER_KEY).sign(batch_payload, RECEIPTS_TYPE)
    batch_digest = hashlib.sha256(batch.encode()).hexdigest()
    result = CounterReceipt.EXAMPLE["results"][0] | {"receipt_id": str(receipt_id)}
    counter_payload = canonical(CounterReceipt.EXAMPLE | {"batch": batch_digest, "results": [result]})
    line = f"{Order.EXAMPLE['order_id']} {Order.EXAMPLE['sequence']}\n"
    return {
        "jwks": json.dumps({"keys": [public(ORDER_KEY) | {"organisation": Order.EXAMPLE["issuer"]["id"]}]}, indent=2),
        "provider-key": json.dumps(public(PROVIDER_KEY), indent=2),
        "order-header": base64.urlsafe_b64decode(_padded(order.split(".")[0])).decode(),
        "order-payload": order_payload,
        "order-jws": order,
        "order-digest": digest,
        "receipts-payload": batch_payload.decode(),
        "receipts-jws": batch,
        "receipts-digest": batch_digest,
        "counter-payload": counter_payload.decode(),
        "counter-jws": Signer(ORDER_KEY).sign(counter_payload, COUNTER_TYPE),
        "feed": json.dumps(
            {"orders": [{"sequence": 1, "jws": order}], "next_after": 1, "head": 1, "ask_again_s": 0}, indent=1
        ),
        "state-lines": line.rstrip("\n"),
        "state-hash": hashlib.sha256(line.encode()).hexdigest(),
        "empty-hash": hashlib.sha256(b"").hexdigest(),
    }


def _padded(part: str) -> str:
    return part + "=" * (-len(part) % 4)


def shown() -> dict[str, str]:
    return dict(BLOCK.findall(PAGE.read_text(encoding="utf-8")))


@pytest.mark.parametrize("name", sorted(made()))
def test_every_example_is_what_the_code_makes(name: str) -> None:
    assert shown()[name] == made()[name]


def test_no_example_is_unchecked() -> None:
    assert shown().keys() == made().keys()


@pytest.mark.parametrize(
    ("document", "key", "payload", "typ"),
    [
        ("order-jws", "jwks", "order-payload", "concord-order+json"),
        ("receipts-jws", "provider-key", "receipts-payload", "concord-receipts+json"),
        ("counter-jws", "jwks", "counter-payload", "concord-counter-receipt+json"),
    ],
)
def test_the_signatures_shown_hold_without_our_code(document: str, key: str, payload: str, typ: str) -> None:
    page = shown()
    head, body, signature = page[document].split(".")
    jwk = json.loads(page[key])
    jwk = jwk["keys"][0] if "keys" in jwk else jwk
    verifier = Ed25519PublicKey.from_public_bytes(base64.urlsafe_b64decode(_padded(jwk["x"])))
    verifier.verify(base64.urlsafe_b64decode(_padded(signature)), f"{head}.{body}".encode())
    with pytest.raises(InvalidSignature):
        verifier.verify(base64.urlsafe_b64decode(_padded(signature)), f"{head}.{body}x".encode())
    assert json.loads(base64.urlsafe_b64decode(_padded(head))) == {"alg": "Ed25519", "kid": jwk["kid"], "typ": typ}
    assert base64.urlsafe_b64decode(_padded(body)).decode() == page[payload]


def test_the_receipt_names_the_order_by_its_bytes() -> None:
    page = shown()
    (receipt,) = ReceiptBatch.model_validate_json(page["receipts-payload"]).model_dump(mode="json")["receipts"]
    assert receipt["order_digest"] == page["order-digest"] == hashlib.sha256(page["order-jws"].encode()).hexdigest()
    assert Receipt.model_validate(receipt).outcome is Outcome.EXECUTED
    assert str(RECEIPTS) in PAGE.read_text(encoding="utf-8")
    assert page["receipts-digest"] == hashlib.sha256(page["receipts-jws"].encode()).hexdigest()
    assert CounterReceipt.model_validate_json(page["counter-payload"]).batch == page["receipts-digest"]
    assert UUID(receipt["receipt_id"]) == uuid5(RECEIPTS, f"{receipt['order_id']} executed")


def test_the_page_names_every_member_outcome_and_setting() -> None:
    text = PAGE.read_text(encoding="utf-8")
    names = {*Order.model_fields, *Config.model_fields, *Outcome, *ACCEPTED}
    names |= {*Receipt.model_fields, *ReceiptBatch.model_fields, *CounterReceipt.model_fields}
    assert {name for name in names if f"`{name}`" not in text} == set()


def write() -> None:
    """Put the examples into the page."""
    examples = made()
    text = re.sub(
        r"(<!-- example: (\S+) -->\n```\w*\n).*?```",
        lambda found: f"{found[1]}{examples[found[2]]}\n```",
        PAGE.read_text(encoding="utf-8"),
        flags=re.DOTALL,
    )
    PAGE.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    write()
