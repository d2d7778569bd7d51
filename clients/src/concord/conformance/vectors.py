"""Bytes that no client may believe: each is an order, or a counter-receipt, but for one thing."""

import hashlib
from base64 import urlsafe_b64encode
from collections.abc import Callable
from typing import Any, Final
from uuid import uuid4

from concord.conformance.desk import ISSUER, Desk
from shared.contracts.orders import ORDER_TYPE
from shared.contracts.receipts import COUNTER_TYPE, RECEIPTS_TYPE
from shared.signing import Signer, canonical, generate_key

DIGITS: Final = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
"""Of base64url, by value."""


def vectors(desk: Desk, document: dict[str, Any]) -> dict[str, bytes]:
    """This order as it must not be believed, by what is wrong with it."""
    payload, kid = canonical(document), desk.signer.kid
    head, body, signature = desk.sign(document).decode().split(".")
    other, stranger = Signer(generate_key(kid)), Signer(generate_key("nobody"))
    altered = _encoded(canonical(document | {"scope": "Everything."}))
    right = {"alg": "Ed25519", "kid": kid, "typ": ORDER_TYPE}
    headers = {
        "without an algorithm": right | {"alg": "none"},
        "with HS256": right | {"alg": "HS256"},
        "with a critical header": right | {"crit": ["x"], "x": 1},
        "with an unencoded payload in its header": right | {"b64": True},
        "with a key in its header": {"alg": "Ed25519", "typ": ORDER_TYPE, "jwk": stranger.public},
    }
    # These are signed with the right key over the wrong header: who looks at the signature alone believes them.
    raw = {
        what: f"{part}.{body}.{_encoded(desk.signer.raw(f'{part}.{body}'.encode()))}"
        for what, part in ((what, _encoded(canonical(header))) for what, header in headers.items())
    }
    unused = DIGITS[DIGITS.index(signature[-1]) + 1]  # 64 bytes leave four bits of the last digit, all zero
    theirs = document | {"provider_id": str(uuid4())}
    return {what: text.encode() for what, text in raw.items()} | {
        "signed with another key under this id": other.sign(payload, ORDER_TYPE).encode(),
        "signed with a key nobody published": stranger.sign(payload, ORDER_TYPE).encode(),
        "signed with a key of another organisation": somebody(desk).sign(payload, ORDER_TYPE).encode(),
        "of another type": desk.signer.sign(payload, RECEIPTS_TYPE).encode(),
        "with altered content": f"{head}.{altered}.{signature}".encode(),
        "with a signature cut short": f"{head}.{body}.{signature[:-4]}".encode(),
        "without a signature": f"{head}.{body}.".encode(),
        "with padding": f"{head}.{body}.{signature}==".encode(),
        "with a newline in its base64url": f"{head}.{body}.{signature[:40]}\n{signature[40:]}".encode(),
        "with unused bits that are not zero": f"{head}.{body}.{signature[:-1]}{unused}".encode(),
        "for another provider": desk.sign(theirs),
        "no JWS at all": b"noise",
    }


def counters(desk: Desk) -> dict[str, Callable[[dict[str, Any]], str]]:
    """What makes a counter-receipt that must not be believed, by what is wrong with it."""
    other = Signer(generate_key(desk.signer.kid))
    elsewhere = {"batch": hashlib.sha256(b"another document").hexdigest()}
    return {
        "signed with another key under this id": lambda said: other.sign(canonical(said), COUNTER_TYPE),
        "signed with a key of another organisation": lambda said: somebody(desk).sign(canonical(said), COUNTER_TYPE),
        "of another type": lambda said: desk.signer.sign(canonical(said), ORDER_TYPE),
        "of another document": lambda said: desk.signer.sign(canonical(said | elsewhere), COUNTER_TYPE),
        "of another provider's document": lambda said: desk.signer.sign(
            canonical(said | elsewhere | {"provider_id": str(uuid4())}), COUNTER_TYPE
        ),
    }


def somebody(desk: Desk) -> Signer:
    """A published key that is another organisation's than the issuer of orders."""
    for signer, owner in desk.published:
        if owner != ISSUER:
            return signer
    made = Signer(generate_key("somebody-else"))
    desk.published.append((made, "industry-310000"))
    return made


def _encoded(content: bytes) -> str:
    return urlsafe_b64encode(content).rstrip(b"=").decode()
