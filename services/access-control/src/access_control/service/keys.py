"""The keys providers sign receipts with: add one, revoke one; none is ever forgotten.

Whoever revokes a provider's key takes its voice, and whoever enters one can speak for it: where the desk does so it
says why, and the provider is told (docs/adr/0027); there it is a person who does, and no program.
"""

import base64
import binascii
import hashlib
import re
from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final
from uuid import UUID

import orjson
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from access_control import told
from access_control.errors import BadJwk, KeyAlreadyRevoked, KeyTaken, KidTaken, ReasonsMissing, UnknownKey
from access_control.lifecycle import KeyAction
from access_control.policy import POLICY, Act
from access_control.store import providers as store
from access_control.store.providers import Key, Provider
from shared.contracts.grounds import AuthorityRef
from shared.contracts.http.providers import NewKey
from shared.rules import Level
from shared.runtime.acts import outbox
from shared.runtime.acts.runtime import Runtime
from shared.runtime.base.context import Caller
from shared.runtime.base.ids import uuid7
from shared.runtime.db.postgres import Tx
from shared.signing import OWNER, BadSignature, is_proven, public, read_header, weak

KID: Final = re.compile(r"[A-Za-z0-9._~:@-]{1,100}")
FIRST: Final = "The first key of this provider."
PRIVATE: Final = frozenset({"d", "p", "q", "dp", "dq", "qi", "k"})


async def add(tx: Tx, rt: Runtime, who: Caller, provider_id: UUID, body: NewKey) -> Key:
    """Enter a public key; a provider's own people do so with a key in use that vouches for it.

    Whoever has but its password, and none of its keys, so signs nothing in its name. The desk says why, but for the
    first one. Raises UnknownProvider (404); Forbidden, PersonRequired (403); BadJwk, ReasonsMissing (422); KidTaken,
    KeyTaken (409).
    """
    provider = await store.get(tx, provider_id)
    POLICY.require(who, Act.ADD_KEY, provider)
    jwk, at = public_ed25519(body.jwk), rt.clock.now()
    _require_held(jwk, provider_id, body.proof)
    reasons, itself = body.reasons, who.organisation == str(provider_id)
    if itself:
        await _require_vouched(tx, jwk, provider_id, body.vouched_by)
    elif reasons is None:
        if (await store.keys(tx, provider_id))[provider_id]:
            raise ReasonsMissing.field("reasons", "say why: the provider had a key before, and is told")
        reasons = FIRST
    key = await store.add_key(
        tx, uuid7(), provider_id, jwk, thumbprint(jwk), by=who.person, at=at, reasons=reasons
    )  # fmt: skip
    if key is None:
        if await store.hold_key(tx, provider_id, jwk["kid"]):
            raise KidTaken(provider_id=provider_id, kid=jwk["kid"])
        raise KeyTaken
    store.KEY_MOVES.began(tx, key, "add", who=who, why=_which(key, reasons), at=at)
    if not itself:
        await _tell(tx, rt, provider, key, who, at)
    return key


def _require_held(jwk: Mapping[str, Any], provider_id: UUID, proof: str) -> None:
    """Nobody enters a key for a provider that does not hold its private half. Raises BadJwk."""
    try:
        held, why = is_proven(jwk, provider_id, proof), "is for another provider or key"
    except BadSignature as bad:
        held, why = False, bad.reason
    if not held:
        raise BadJwk.field("proof", why)


async def _require_vouched(tx: Tx, jwk: Mapping[str, Any], provider_id: UUID, vouched_by: str | None) -> None:
    """By a key of the provider's that is in use, and stays so until this is done. Raises BadJwk."""
    if vouched_by is None:
        raise BadJwk.field("vouched_by", "a key in use must vouch for it; without one the access desk enters it")
    try:
        kid = str(read_header(vouched_by).get("kid"))
        by = await store.hold_key(tx, provider_id, kid)
        if by is None or by.revoked_at is not None:
            raise BadJwk.field("vouched_by", "is by no key of this provider that is in use")
        vouched, why = is_proven(by.jwk, provider_id, vouched_by, jwk["x"]), "is for another provider or key"
    except BadSignature as bad:
        vouched, why = False, bad.reason
    if not vouched:
        raise BadJwk.field("vouched_by", why)


async def revoke(tx: Tx, rt: Runtime, who: Caller, provider_id: UUID, kid: str, *, reasons: str) -> Key:
    """Trust nothing this key signs from now on; where the desk does so, its provider is told why.

    Raises UnknownProvider, UnknownKey (404); Forbidden, PersonRequired (403); KeyAlreadyRevoked (409).
    """
    provider = await store.get(tx, provider_id)
    POLICY.require(who, Act.REVOKE_KEY, provider)
    at, key = rt.clock.now(), await store.hold_key(tx, provider_id, kid)
    if key is None:
        raise UnknownKey(provider_id=provider_id, kid=kid)
    if key.revoked_at is not None:
        raise KeyAlreadyRevoked(kid=kid, revoked_at=key.revoked_at.isoformat())
    itself = who.organisation == str(provider_id)
    revoked = await store.KEY_MOVES.move(
        tx, key, KeyAction.REVOKE, who=who, why=_which(key, reasons), at=at, revoked_at=at, revoked_by=who.person,
        revoked_reasons=reasons,
        revoked_by_authority=None if itself else _desk(rt, provider, who).model_dump(mode="json"),
    )  # fmt: skip
    if not itself:
        await _tell(tx, rt, provider, revoked, who, at)
    return revoked


async def _tell(tx: Tx, rt: Runtime, provider: Provider, key: Key, who: Caller, at: datetime) -> None:
    """Let the provider be told what the desk did with a key of its; of a sandbox nobody hears."""
    if provider.sandbox:
        return
    left = sum(each.revoked_at is None for each in (await store.keys(tx, provider.id))[provider.id])
    outbox.add(tx, told.key_changed(provider, key, _desk(rt, provider, who), at, left=left), at=at)


def _desk(rt: Runtime, provider: Provider, who: Caller) -> AuthorityRef:
    return who.authority or rt.directory.regulator(Level.PROVINCE, provider.region)


async def published(tx: Tx, provider_id: UUID) -> list[dict[str, Any]]:
    """Every key of a provider, as anybody may know it. Raises UnknownProvider (404)."""
    await store.get(tx, provider_id)
    known = (await store.keys(tx, provider_id))[provider_id]
    return [
        {
            **public(key.jwk),
            OWNER: str(provider_id),
            **({"revoked_at": key.revoked_at.isoformat()} if key.revoked_at else {}),
        }
        for key in known
    ]


def _which(key: Key, reasons: str | None) -> str:
    which = f"Key {key.kid} of provider {key.provider_id}, thumbprint {key.thumbprint}"
    return which if reasons is None else f"{which}. {reasons}"


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
    elif weak(jwk["x"]):
        faults.append(("x", "is a point of small order, and verifies what nobody signed: make a new pair"))
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
