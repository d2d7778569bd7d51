"""Signs and verifies documents as compact JWS (RFC 7515) with Ed25519 keys (RFC 8037, 9864) that have an id and rotate.

Used by access-control for orders and by providers for receipts, so it imports nothing that a client would not have.
"""

import base64
import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Final

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from joserfc import jws
from joserfc.errors import JoseError
from joserfc.jwk import OKPKey

ALGORITHM: Final = "Ed25519"
NAMES: Final = frozenset({ALGORITHM, "EdDSA"})
"""What a document may call the algorithm of its Ed25519 key: RFC 9864, and RFC 8037 as libraries still do."""
MAX_LENGTH: Final = 1_048_576
"""Longest document that is looked at, in characters."""

PROOF_TYPE: Final = "concord-key+json"
"""JWS ``typ`` of the proof that somebody holds the private half of a key."""
_SMALL_ORDER: Final = frozenset(
    bytes.fromhex(y)
    for y in (
        "00" * 32, "01" + "00" * 31, "ec" + "ff" * 30 + "7f", "ed" + "ff" * 30 + "7f", "ee" + "ff" * 30 + "7f",
        "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
        "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",
    )
)  # fmt: skip
"""The y of every point whose order divides eight, however it is written: as keys they verify what nobody signed."""
_COMPACT: Final = re.compile(r"([A-Za-z0-9_-]+)\.([A-Za-z0-9_-]*)\.([A-Za-z0-9_-]{85}[AQgw])").fullmatch
"""Header, payload, 64 bytes of signature. Its last character carries two bits, so it can only be one of four: otherwise
one signature could be written in several ways, and the digest of a document would not name it."""
_KEY_BYTES: Final = 32
_LAST_BITS: Final = {2: "AQgw", 3: "AEIMQUYcgkosw048"}


class _Registry(jws.JWSRegistry):
    """Documents as long as ours may be. Header members nobody knows are passed over, as RFC 7515 section 4 demands."""

    max_header_length = 4096
    max_payload_length = MAX_LENGTH


_REGISTRY: Final = _Registry(algorithms=sorted(NAMES), strict_check_header=False)


class BadSignature(Exception):
    """A document that must not be believed.

    ``code``: malformed, wrong_algorithm, unsupported_header, wrong_type, unknown_kid, bad_signature or retired_key.
    """

    def __init__(self, code: str, reason: str) -> None:
        super().__init__(reason)
        self.code = code
        self.reason = reason


OWNER: Final = "organisation"
"""Member of a JWK that says whose key it is; published with it."""


RETIRED: Final = "retired_at"
"""Member of a published JWK: signs nothing from this time on (RFC 3339)."""
SIGNED_AT: Final[Mapping[str, str]] = {
    "concord-order+json": "issued_at",
    "concord-instruction+json": "issued_at",
    "concord-counter-receipt+json": "recorded_at",
    "concord-document+json": "issued_at",
    "concord-mark+json": "issued_at",
    "concord-preflight+json": "as_of",
}
"""In which member each kind of document says when it was signed: a retired key is believed for what says so, alone."""


@dataclass(frozen=True, slots=True)
class Verified:
    """A document whose signature holds: which key signed it, and the exact bytes that were signed."""

    kid: str
    payload: bytes
    owner: str | None = None
    """The organisation that the key belongs to, as the set of keys says (member ``organisation``)."""
    retired_at: str | None = None
    """From when on the key signs nothing, as the set of keys says."""


class Signer:
    """Signs with one private key."""

    def __init__(self, jwk: Mapping[str, Any], kid: str | None = None) -> None:
        """Take a private Ed25519 JWK. ``kid`` overrides the key's own. Raises ValueError."""
        self._key = _import(jwk, private=True)
        self.kid = kid or _kid(jwk)
        self.public = public({**jwk, "kid": self.kid})
        """The public half, as published."""

    def sign(self, payload: bytes, typ: str) -> str:
        """Sign these bytes as they are; ``typ`` says what kind of document they are."""
        header = {"alg": ALGORITHM, "kid": self.kid, "typ": typ}
        return jws.serialize_compact(header, payload, self._key, registry=_REGISTRY)

    def sign_all(self, payloads: Iterable[bytes], typ: str) -> list[str]:
        """The same for many, byte for byte what ``sign`` makes of each, in half the time."""
        head = self.sign(b"", typ).partition(".")[0].encode()
        parts = (head + b"." + _encode(payload) for payload in payloads)
        return [f"{part.decode()}.{_encode(self.raw(part)).decode()}" for part in parts]

    def raw(self, message: bytes) -> bytes:
        """The bare signature of some bytes, 64 bytes: for protocols that bring their own envelope."""
        key = self._key.get_op_key("sign")
        if not isinstance(key, Ed25519PrivateKey):
            raise TypeError("only Ed25519 keys are imported")
        return key.sign(message)


class KeyRing:
    """The public keys that are believed, by id. Keys of other kinds in the set are passed over."""

    def __init__(self, jwks: Mapping[str, Any] | Iterable[Mapping[str, Any]]) -> None:
        keys = jwks.get("keys", ()) if isinstance(jwks, Mapping) else jwks
        self._keys: dict[str, OKPKey] = {}
        self._said: dict[str, tuple[str | None, str | None]] = {}
        for key in keys:
            if key.get("kty") == "OKP" and key.get("crv") == ALGORITHM and key.get("kid") and not weak(key.get("x")):
                self._keys[key["kid"]] = _import(public(key), private=False)
                self._said[key["kid"]] = (key.get(OWNER), key.get(RETIRED))

    @property
    def kids(self) -> frozenset[str]:
        """The ids of the keys."""
        return frozenset(self._keys)

    def verify(self, document: str | bytes, typ: str) -> Verified:
        """Check a compact JWS of this type; gives the signed bytes, never a re-serialisation. Raises BadSignature.

        A retired key is believed for what says that it was signed before (``SIGNED_AT``). Whoever stole it can write
        any time, so who takes orders looks at more than that: docs/providers.md.
        """
        text = _text(document)
        header = read_header(text)
        if header.get("alg") not in NAMES:
            named = " or ".join(sorted(NAMES, reverse=True))
            raise BadSignature("wrong_algorithm", f"the algorithm must be {named}, not {header.get('alg')!r:.40}")
        if header.get("typ") != typ:
            raise BadSignature("wrong_type", f"this must be a {typ}, not a {header.get('typ')!r:.80}")
        kid = header.get("kid")
        key = self._keys.get(kid) if isinstance(kid, str) else None
        if key is None:
            raise BadSignature("unknown_kid", f"no key {kid!r:.100} is known")
        try:
            found = jws.deserialize_compact(text.encode(), key, registry=_REGISTRY)
        except (JoseError, ValueError) as wrong:
            raise BadSignature(
                "bad_signature", f"the signature of key {kid!r:.100} does not fit the document"
            ) from wrong
        owner, retired_at = self._said[str(kid)]
        if retired_at is not None:
            _signed_before(retired_at, found.payload, SIGNED_AT.get(typ), f"the key {kid!r:.100}")
        return Verified(str(kid), found.payload, owner, retired_at)


def _signed_before(retired_at: Any, payload: bytes, member: str | None, key: str) -> None:
    """Raises BadSignature unless a document says that it was signed before its key was retired."""
    if member is None:
        raise BadSignature("retired_key", f"{key} was retired, and this kind of document does not say when it was made")
    try:
        said = json.loads(payload, object_pairs_hook=unique)[member]
        late = moment(said) >= moment(retired_at)
    except (ValueError, LookupError, TypeError, RecursionError) as wrong:
        reason = f"{key} was retired, and when, or when this was signed ({member}), is unclear: {wrong!r:.200}"
        raise BadSignature("retired_key", reason) from wrong
    if late:
        raise BadSignature("retired_key", f"{key} was retired at {retired_at}, and this is of {said}")


def moment(text: Any) -> datetime:
    """A time with an offset, as RFC 3339 writes it. Raises ValueError, TypeError."""
    found = datetime.fromisoformat(text)
    if found.tzinfo is None:
        raise ValueError(f"{text!r:.60} has no offset from UTC")
    return found


Verifier = KeyRing


def read_header(document: str | bytes) -> dict[str, Any]:
    """The protected header, not yet verified: enough to choose a key. Raises BadSignature."""
    text = _text(document)
    found = _COMPACT(text)
    if found is None or not _canonical_base64(found[1]) or not _canonical_base64(found[2]):
        raise BadSignature("malformed", "this is not a compact JWS: three base64url parts, the last of 64 bytes")
    try:
        header = json.loads(_decode(found[1]), object_pairs_hook=unique)
    except (ValueError, RecursionError) as wrong:
        raise BadSignature("malformed", f"the header is not a JSON object: {wrong}") from None
    if not isinstance(header, dict):
        raise BadSignature("malformed", "the header is not a JSON object")
    if refused := header.keys() & {"crit", "b64"}:
        raise BadSignature("unsupported_header", f"the header {refused.pop()} is not supported")
    return header


def generate_key(kid: str | None = None) -> dict[str, Any]:
    """A new private key as a JWK. Without ``kid`` it is named by its thumbprint (RFC 7638)."""
    key = OKPKey.generate_key(ALGORITHM, private=True)
    return {**key.as_dict(private=True), "kid": kid or key.thumbprint(), "use": "sig", "alg": ALGORITHM}


def public(jwk: Mapping[str, Any]) -> dict[str, Any]:
    """The public half of an Ed25519 JWK, with its id. Raises ValueError if it is none.

    It names no ``alg``, which its curve says: libraries know either Ed25519 or EdDSA and refuse the other name.
    """
    _import(jwk, private=False)
    return {"kty": "OKP", "crv": ALGORITHM, "x": jwk["x"], "kid": _kid(jwk), "use": "sig"}


def weak(x: Any) -> bool:
    """Whether a public key, the ``x`` of its JWK, is a point of small order: one signature fits every document."""
    try:
        raw = bytearray(_decode(x))
    except (ValueError, TypeError):
        return False  # no key at all, which its own check says
    if len(raw) != _KEY_BYTES:
        return False
    raw[-1] &= 0x7F  # the sign of x, which says nothing about the order
    return bytes(raw) in _SMALL_ORDER


def prove(signer: Signer, provider_id: object, x: str | None = None) -> str:
    """That whoever signs for this provider holds the private half of a key; ``x``: vouches for that one instead."""
    return signer.sign(canonical({"provider_id": str(provider_id), "x": x or signer.public["x"]}), PROOF_TYPE)


def is_proven(jwk: Mapping[str, Any], provider_id: object, proof: str, x: str | None = None) -> bool:
    """Whether a proof is by just this key, and for just this provider; ``x``: and vouches for that key.

    Raises BadSignature, with the reason.
    """
    try:
        said = json.loads(KeyRing([jwk]).verify(proof, PROOF_TYPE).payload)
    except ValueError as wrong:
        raise BadSignature("malformed", f"the proof is not JSON: {wrong}") from wrong
    return bool(said == {"provider_id": str(provider_id), "x": x or jwk["x"]})


def load_signers(file: str | Path) -> list[Signer]:
    """The keys of a private JWK set: the first signs, the rest stay published so that old signatures keep verifying.

    To rotate, put a new key first. Raises ValueError if the file is no such set.
    """
    return signers_in(Path(file).read_bytes(), file)


def signers_in(content: bytes, file: str | Path) -> list[Signer]:
    """The keys of a private JWK set that was read from this file. Raises ValueError if it is no such set."""
    try:
        keys = json.loads(content)["keys"]
        signers = [Signer(key) for key in keys]
    except (KeyError, TypeError, AttributeError) as wrong:
        raise ValueError(f"{file} is not a JWK set of private Ed25519 keys") from wrong
    if not signers or len({signer.kid for signer in signers}) != len(signers):
        raise ValueError(f"{file} must have at least one key, and each with an id of its own")
    return signers


def key_set(signers: Iterable[Signer]) -> dict[str, Any]:
    """The public JWK set of these keys, as it is published."""
    return {"keys": [signer.public for signer in signers]}


def canonical(value: Any) -> bytes:
    """JSON without blanks, in UTF-8. Whoever signs stores the bytes; nobody makes them a second time."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"), allow_nan=False).encode()


def _import(jwk: Mapping[str, Any], *, private: bool) -> OKPKey:
    if jwk.get("kty") != "OKP" or jwk.get("crv") != ALGORITHM:
        raise ValueError(f"the key must be an OKP key on the curve {ALGORITHM}")
    if private and "d" not in jwk:
        raise ValueError("the key has no private half")
    if weak(jwk.get("x")):
        raise ValueError("the key is a point of small order: it verifies what nobody signed")
    fields = ("kty", "crv", "x", "d") if private else ("kty", "crv", "x")
    try:
        key = OKPKey.import_key({name: jwk[name] for name in fields})
        key.get_op_key("sign" if private else "verify")
    except (JoseError, KeyError, ValueError, TypeError) as wrong:
        raise ValueError("the key is not a valid Ed25519 key") from wrong
    return key


def _kid(jwk: Mapping[str, Any]) -> str:
    kid = jwk.get("kid")
    if not isinstance(kid, str) or not 0 < len(kid) <= 200:
        raise ValueError("the key needs an id (kid) of 1 to 200 characters")
    return kid


def _text(document: str | bytes) -> str:
    if len(document) > MAX_LENGTH:
        raise BadSignature("malformed", f"the document is longer than {MAX_LENGTH} characters")
    try:
        return document if isinstance(document, str) else document.decode("ascii")
    except UnicodeDecodeError:
        raise BadSignature("malformed", "the document is not ASCII") from None


def _canonical_base64(part: str) -> bool:
    """Whether a base64url part is written in the one way there is: unused bits are zero."""
    left = len(part) % 4
    return left == 0 or (left != 1 and part[-1] in _LAST_BITS[left])


def _encode(content: bytes) -> bytes:
    return base64.urlsafe_b64encode(content).rstrip(b"=")


def _decode(part: str) -> bytes:
    return base64.urlsafe_b64decode(part + "=" * (-len(part) % 4))


def unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """For ``json.loads``: an object whose members each have a name of their own. Raises ValueError otherwise."""
    made = dict(pairs)
    if len(made) != len(pairs):
        raise ValueError("a member is there twice")
    return made
