"""Orders and counter-receipts as they are believed: signed with a published key of whoever they say signed them."""

import json
from collections.abc import Sequence
from datetime import datetime

from pydantic import ValidationError

from shared.contracts.orders import ORDER_TYPE
from shared.contracts.receipts import COUNTER_TYPE, CounterReceipt
from shared.signing import BadSignature, KeyRing, Verified


def verified_order(keys: KeyRing, jws: str | bytes) -> Verified:
    """The signed bytes of an order, and whose key signed them; ``keys`` are those that access-control publishes.

    Every issuer has keys of its own, and all of them are in one set: a key of another organisation than the order's
    ``issuer.id`` proves nothing, nor does one that was retired before the order was issued. Raises BadSignature: what
    verifying raises, ``no_order``, ``wrong_owner`` and ``retired_key``.
    """
    verified = _owned(keys.verify(jws, ORDER_TYPE), ("issuer", "id"), "order")
    if verified.retired_at is not None:
        try:
            issued_at = datetime.fromisoformat(json.loads(verified.payload)["issued_at"])
            late = issued_at > datetime.fromisoformat(verified.retired_at)
        except (ValueError, LookupError, TypeError) as error:
            raise BadSignature("no_order", f"when it was issued, or its key retired, is unclear: {error!r}") from error
        if late:
            raise BadSignature("retired_key", f"the key {verified.kid!r:.100} was retired at {verified.retired_at}")
    return verified


def verified_counter(keys: KeyRing, jws: str | bytes) -> CounterReceipt:
    """A counter-receipt, signed by whoever it says recorded it. Raises BadSignature, also ``no_counter_receipt``."""
    verified = _owned(keys.verify(jws, COUNTER_TYPE), ("recorded_by", "id"), "counter_receipt")
    try:
        return CounterReceipt.model_validate_json(verified.payload)
    except ValidationError as error:
        raise BadSignature("no_counter_receipt", f"the signed document is no counter-receipt: {error}") from error


def _owned(verified: Verified, path: Sequence[str], what: str) -> Verified:
    """The document, if its key belongs to the organisation that it names at this path."""
    try:
        named = json.loads(verified.payload)
        for part in path:
            named = named[part]
    except (ValueError, LookupError, TypeError) as error:
        raise BadSignature(f"no_{what}", f"the signed document is no {what.replace('_', '-')}: {error!r}") from error
    if verified.owner is None or verified.owner != named:
        owner = verified.owner or "nobody"
        raise BadSignature(
            "wrong_owner",
            f"the key {verified.kid!r:.100} belongs to {owner!r:.100}, and the {what.replace('_', '-')} is of"
            f" {named!r:.100}",
        )
    return verified
