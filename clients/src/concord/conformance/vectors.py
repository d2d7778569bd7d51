"""Bytes that no client may believe: each is an order but for one thing."""

from base64 import urlsafe_b64encode
from uuid import uuid4

from concord.conformance.desk import ISSUER, Desk
from shared.contracts.orders import ORDER_TYPE
from shared.contracts.receipts import RECEIPTS_TYPE
from shared.signing import Signer, canonical, generate_key


def vectors(desk: Desk) -> dict[str, bytes]:
    """Bytes that must not be believed, by what is wrong with them: all at the next place."""
    document = desk.document(host="bad.example")
    payload, kid = canonical(document), desk.signer.kid
    head, body, signature = desk.sign(document).decode().split(".")
    other, stranger = Signer(generate_key(kid)), Signer(generate_key("nobody"))
    somebody = next(signer for signer, owner in desk.published if owner != ISSUER)
    altered = _encoded(canonical(document | {"scope": "Everything."}))
    headers = {
        "without an algorithm": {"alg": "none", "kid": kid, "typ": ORDER_TYPE},
        "with HS256": {"alg": "HS256", "kid": kid, "typ": ORDER_TYPE},
        "with a critical header": {"alg": "Ed25519", "kid": kid, "typ": ORDER_TYPE, "crit": ["x"], "x": 1},
        "with a key in its header": {"alg": "Ed25519", "typ": ORDER_TYPE, "jwk": stranger.public},
    }
    # These are signed with the right key over the wrong header: who looks at the signature alone believes them.
    raw = {
        what: f"{part}.{body}.{_encoded(desk.signer.raw(f'{part}.{body}'.encode()))}"
        for what, part in ((what, _encoded(canonical(header))) for what, header in headers.items())
    }
    theirs = document | {"provider_id": str(uuid4())}
    return {what: text.encode() for what, text in raw.items()} | {
        "signed with another key under this id": other.sign(payload, ORDER_TYPE).encode(),
        "signed with a key nobody published": stranger.sign(payload, ORDER_TYPE).encode(),
        "signed with a key of another organisation": somebody.sign(payload, ORDER_TYPE).encode(),
        "of another type": desk.signer.sign(payload, RECEIPTS_TYPE).encode(),
        "with altered content": f"{head}.{altered}.{signature}".encode(),
        "with a signature cut short": f"{head}.{body}.{signature[:-4]}".encode(),
        "without a signature": f"{head}.{body}.".encode(),
        "for another provider": desk.sign(theirs),
        "no JWS at all": b"noise",
    }


def _encoded(content: bytes) -> str:
    return urlsafe_b64encode(content).rstrip(b"=").decode()
