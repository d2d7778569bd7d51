"""An order, what its provider signed about it, and the counter-receipt: what the three prove together, offline."""

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from pydantic import ValidationError

from concord.sdk.signed import verified_counter, verified_order
from shared.contracts.orders import Order
from shared.contracts.receipts import RECEIPTS_TYPE, CounterReceipt, CounterResult, Receipt, ReceiptBatch
from shared.signing import BadSignature, KeyRing, Verified, unique


@dataclass(frozen=True, slots=True)
class Papers:
    """Compact JWS as they were received; without a counter-receipt nothing proves that the receipts were taken."""

    order: str
    receipts: str
    counter: str | None = None


def proven(papers: Papers, keys: Mapping[str, Any], provider_keys: Mapping[str, Any]) -> dict[str, Any]:
    """What is proven by whom: ``problems`` is empty where everything that was given holds and belongs together.

    ``keys`` is the set that access-control publishes, ``provider_keys`` that of ``/providers/{id}/jwks.json``.
    Raises BadSignature for a document that is not to be believed at all.
    """
    signed = verified_order(KeyRing(keys), papers.order)
    order = Order.model_validate_json(signed.payload)
    kid, batch = _batch(papers.receipts, provider_keys)
    revoked = _revoked(kid, provider_keys)
    counter = verified_counter(KeyRing(keys), papers.counter) if papers.counter is not None else None
    about = [(n, each) for n, each in enumerate(batch.receipts) if each.order_id == order.order_id]
    return {
        "order": {
            "order_id": str(order.order_id), "action": order.action, "site": order.site.name, "hosts": order.site.hosts,
            "issuer": order.issuer.id, "authority": order.authority.id, "issued_at": order.issued_at.isoformat(),
        },
        "receipts": [_said(place, receipt, counter) for place, receipt in about],
        "recorded": {"by": counter.recorded_by.id, "at": counter.recorded_at.isoformat()} if counter else None,
        "problems": [
            *_faults(papers, order, batch, [(receipt, _result(place, counter)) for place, receipt in about]),
            *(_unproven(papers, batch, counter, revoked) if counter else _undated(revoked, signed)),
        ],
    }  # fmt: skip


def _batch(jws: str, provider_keys: Mapping[str, Any]) -> tuple[str, ReceiptBatch]:
    verified = KeyRing(provider_keys).verify(jws, RECEIPTS_TYPE)
    try:
        json.loads(verified.payload, object_pairs_hook=unique)
        batch = ReceiptBatch.model_validate_json(verified.payload, strict=True)
    except (ValidationError, ValueError, RecursionError) as wrong:
        raise BadSignature("no_receipts", f"the signed document is no batch of receipts: {wrong}") from wrong
    if verified.owner not in {None, str(batch.provider_id)}:
        raise BadSignature("wrong_owner", f"the key {verified.kid!r:.100} is of {verified.owner!r:.100}")
    return verified.kid, batch


def _revoked(kid: str, provider_keys: Mapping[str, Any]) -> datetime | None:
    found = next(key for key in provider_keys["keys"] if key.get("kid") == kid)
    return datetime.fromisoformat(found["revoked_at"]) if "revoked_at" in found else None


def _said(place: int, receipt: Receipt, counter: CounterReceipt | None) -> dict[str, Any]:
    result = _result(place, counter)
    return {
        **receipt.model_dump(mode="json", include={"receipt_id", "outcome", "at", "how", "why"}),
        "status": result.status if result else None, "code": result.code if result else None,
    }  # fmt: skip


def _result(place: int, counter: CounterReceipt | None) -> CounterResult | None:
    return counter.results[place] if counter and place < len(counter.results) else None


def _faults(
    papers: Papers, order: Order, batch: ReceiptBatch, about: list[tuple[Receipt, CounterResult | None]]
) -> Iterator[str]:
    """Whether the receipts are this provider's, about just these bytes. What was refused proves nothing."""
    if batch.provider_id != order.provider_id:
        yield f"the receipts are of provider {batch.provider_id}, the order is for {order.provider_id}"
    if not about:
        yield "none of the receipts is about this order"
    taken = [receipt for receipt, result in about if result is None or result.status != "refused"]
    if about and not taken:
        codes = sorted({str(result and result.code) for _, result in about})
        yield f"what is about this order was refused: {', '.join(codes)}"
    digest = hashlib.sha256(papers.order.encode()).hexdigest()
    for receipt in taken:
        if (receipt.sequence, receipt.order_digest) != (order.sequence, digest):
            yield f"the receipt {receipt.receipt_id} is about other bytes than this order's"


def _unproven(papers: Papers, batch: ReceiptBatch, counter: CounterReceipt, revoked: datetime | None) -> Iterator[str]:
    """Whether the counter-receipt is for just these receipts."""
    if counter.batch != hashlib.sha256(papers.receipts.encode()).hexdigest():
        yield "the counter-receipt is for another document than these receipts"
    if counter.provider_id != batch.provider_id:
        yield f"the counter-receipt is for provider {counter.provider_id}"
    if len(counter.results) != len(batch.receipts):
        yield f"the counter-receipt has {len(counter.results)} results for {len(batch.receipts)} receipts"
    if revoked is not None and revoked <= counter.recorded_at:
        yield f"the provider's key was revoked at {revoked.isoformat()}, before it was recorded"


def _undated(revoked: datetime | None, order: Verified) -> Iterator[str]:
    """Without a counter-receipt nobody says when: whoever took a key signs today, and names any time."""
    if revoked is not None:
        yield f"the provider's key was revoked at {revoked.isoformat()}, and no counter-receipt says it signed before"
    if order.retired_at is not None:
        yield f"the issuer's key was retired at {order.retired_at}, and no counter-receipt says that this is its order"
