"""Orders as they are believed: signed with a published key of whoever they say issued them."""

import json

from shared.contracts.orders import ORDER_TYPE
from shared.signing import BadSignature, KeyRing, Verified


def verified_order(keys: KeyRing, jws: str | bytes) -> Verified:
    """The signed bytes of an order, and whose key signed them; ``keys`` are those that access-control publishes.

    Every issuer has keys of its own, and all of them are in one set: a key of another organisation than the order's
    ``issuer.id`` proves nothing. Raises BadSignature: what verifying raises, ``no_order`` and ``wrong_owner``.
    """
    verified = keys.verify(jws, ORDER_TYPE)
    try:
        issuer = json.loads(verified.payload)["issuer"]["id"]
    except (ValueError, LookupError, TypeError) as error:
        raise BadSignature("no_order", f"the signed document is no order: {error!r}") from error
    if verified.owner is None or verified.owner != issuer:
        owner = verified.owner or "nobody"
        raise BadSignature(
            "wrong_owner",
            f"the key {verified.kid!r:.100} belongs to {owner!r:.100}, and the order is of {issuer!r:.100}",
        )
    return verified
