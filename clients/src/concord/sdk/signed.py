"""Orders and counter-receipts as they are believed: signed with a published key of whoever they say signed them."""

import json
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final

from pydantic import ValidationError

from shared.contracts.orders import ORDER_TYPE
from shared.contracts.receipts import COUNTER_TYPE, CounterReceipt
from shared.signing import BadSignature, KeyRing, Verified

TOLD: Final = timedelta(hours=1)
"""So far the clocks of an issuer and a provider may lie apart."""
BEFORE: Final = timedelta(days=1)
"""So much earlier than the order before it one may have been issued: once the clock of an issuer was put right."""


def verified_order(keys: KeyRing, jws: str | bytes) -> Verified:
    """The signed bytes of an order, and whose key signed them; ``keys`` are those that access-control publishes.

    Every issuer has keys of its own, and all of them are in one set: a key of another organisation than the order's
    ``issuer.id`` proves nothing. Raises BadSignature: what verifying raises, ``no_order`` and ``wrong_owner``.
    """
    return _owned(keys.verify(jws, ORDER_TYPE), ("issuer", "id"), "order")


def backdated(order: Verified, issued: datetime, before: datetime | None, told: datetime | None) -> str | None:
    """Why an order that is new here is not believed, though it says that its retired key signed it in time; else None.

    Whoever stole the key writes any time into what it signs. ``before``: when the order at the place before it was
    issued; ``told``: when a ``head`` below its place was told, so it was not there then. None: not known.
    """
    if order.retired_at is None:
        return None
    since = max((at for at in (before and before - BEFORE, told and told - TOLD) if at), default=issued)
    if issued >= since:
        return None
    return f"the key {order.kid!r:.100} was retired, and this is of {issued.isoformat()}, though not there until later"


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
