"""Verbs of the keys providers sign receipts with: add one, revoke one; none is ever forgotten."""

import base64
import binascii
import hashlib
import re
from collections.abc import Mapping
from typing import Any, Final
from uuid import UUID

import orjson
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from access_control.bodies import NewKey
from access_control.errors import BadJwk, KeyAlreadyRevoked, KeyTaken, KidTaken, UnknownKey
from access_control.policy import POLICY, Act
from access_control.service.providers import known
from access_control.store import providers as store
from access_control.store.providers import Key
from shared.runtime.acts import history
from shared.runtime.acts.runtime import Runtime
from shared.runtime.base.context import Caller
from shared.runtime.db.postgres import Tx
from shared.signing import public

KID: Final = re.compile(r"[A-Za-z0-9._~:@-]{1,100}")
PRIVATE: Final = frozenset({"d", "p", "q", "dp", "dq", "qi", "k"})


async def add(rt: Runtime, who: Caller, provider_id: UUID, body: NewKey) -> Key:
    """Enter a public key. 404 provider; 403; 422 bad_jwk; 409 kid_taken, key_taken."""
    async with rt.db.transaction() as tx:
        POLICY.require(who, Act.ADD_KEY, await known(tx, provider_id))
        jwk = public_ed25519(body.jwk)
        now = rt.clock.now()
        new = Key(provider_id, jwk["kid"], jwk, thumbprint(jwk), now, None)
        key = await store.add_key(tx, new, by=who.subject)
        if key is None:
            if await store.key(tx, provider_id, new.kid):
                raise KidTaken(provider_id=provider_id, kid=new.kid)
            raise KeyTaken
        await _remember(tx, rt, who, key, action="add_key", before=None, after="in_use")
    return key


async def revoke(rt: Runtime, who: Caller, provider_id: UUID, kid: str) -> Key:
    """Trust nothing this key signs from now on. 404 unknown_provider, unknown_key; 403; 409 key_already_revoked."""
    async with rt.db.transaction() as tx:
        POLICY.require(who, Act.REVOKE_KEY, await known(tx, provider_id))
        key = await store.revoke_key(tx, provider_id, kid, at=rt.clock.now(), by=who.subject)
        if key is None:
            earlier = await store.key(tx, provider_id, kid)
            if earlier is None or earlier.revoked_at is None:
                raise UnknownKey(provider_id=provider_id, kid=kid)
            raise KeyAlreadyRevoked(kid=kid, revoked_at=earlier.revoked_at.isoformat())
        await _remember(tx, rt, who, key, action="revoke_key", before="in_use", after="revoked")
    return key


async def _remember(tx: Tx, rt: Runtime, who: Caller, key: Key, *, action: str, before: str | None, after: str) -> None:
    history.add(
        tx,
        aggregate="provider_key",
        aggregate_id=key.provider_id,
        action=action,
        from_status=before,
        to_status=after,
        who=who,
        why=f"Key {key.kid}, thumbprint {key.thumbprint}",
        at=rt.clock.now(),
    )


def public_ed25519(jwk: Mapping[str, Any]) -> dict[str, Any]:
    """The key reduced to what is needed to verify with it. Raises BadJwk naming the member at fault."""
    faults = [{"field": f"jwk.{member}", "message": message} for member, message in _faults(jwk)]
    if faults:
        raise BadJwk(faults)
    return public(jwk)


def _faults(jwk: Mapping[str, Any]) -> list[tuple[str, str]]:
    faults = [
        (member, "a private key was sent: it is burnt, make a new pair") for member in sorted(PRIVATE & jwk.keys())
    ]
    if jwk.get("kty") != "OKP":
        faults.append(("kty", "must be OKP"))
    if jwk.get("crv") != "Ed25519":
        faults.append(("crv", "must be Ed25519"))
    kid = jwk.get("kid")
    if not isinstance(kid, str) or not KID.fullmatch(kid):
        faults.append(("kid", "must be 1 to 100 letters, digits or . _ ~ : @ - (it is part of an address)"))
    if not _is_point(jwk.get("x")):
        faults.append(("x", "must be 32 bytes in base64url without padding"))
    return faults


def _is_point(x: object) -> bool:
    if not isinstance(x, str) or not x.isascii():
        return False
    try:
        raw = base64.b64decode(x + "=" * (-len(x) % 4), altchars=b"-_", validate=True)
        Ed25519PublicKey.from_public_bytes(raw)
    except (binascii.Error, ValueError, UnsupportedAlgorithm):
        return False
    # One key, one spelling: other trailing bits would give the same key another thumbprint.
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode() == x


def thumbprint(jwk: Mapping[str, str]) -> str:
    """RFC 7638: the same for the same key, whatever id it is given."""
    members = {"crv": jwk["crv"], "kty": jwk["kty"], "x": jwk["x"]}
    return hashlib.sha256(orjson.dumps(members, option=orjson.OPT_SORT_KEYS)).hexdigest()
