"""What a receipt claims, judged against its provider's keys and its order; nothing here touches the database."""

import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any, Final, TypeAlias
from uuid import UUID

from pydantic import ValidationError

from access_control.lifecycle import CLAIMED, LIFECYCLE, OVER, UNSENT, Status
from access_control.store.orders import AccessOrder
from access_control.store.providers import Key
from shared.contracts.base import storable
from shared.contracts.orders import RECEIPT_TYPE, Outcome, Receipt
from shared.signing import BadSignature, KeyRing, read_header, unique

CLOCK_SKEW: Final = timedelta(minutes=5)
"""How far ahead a provider's clock may be."""
CLOCK_LAG: Final = timedelta(days=1)
"""How far behind: a slow clock or a wrong zone must not cost a provider its receipt, nonsense is no evidence."""
IN_FLIGHT: Final = timedelta(minutes=10)
"""How long a receipt may be under way. Later than this after a revocation its ``at`` is only what a thief says."""


@dataclass(frozen=True, slots=True)
class Refused:
    """A receipt that is not taken, and why."""

    code: str
    receipt_id: UUID | None = None
    order_id: UUID | None = None
    order_status: Status | None = None
    fields: tuple[tuple[str, str], ...] = ()
    allowed: tuple[Outcome, ...] = ()
    kid: str | None = None
    reason: str | None = None
    """With ``bad_signature``: what was wrong with the JWS."""


@dataclass(frozen=True, slots=True)
class Claim:
    """A receipt whose signature holds and whose members are complete."""

    receipt: Receipt
    kid: str
    jws: bytes


@dataclass(frozen=True, slots=True)
class Accepted:
    """A receipt that is taken: the order goes from one status to the next, or stays because it is over."""

    claim: Claim
    before: Status
    after: Status
    moved: bool


class KeyBook:
    """The keys of one provider, and the ids of keys that belong to others."""

    def __init__(self, provider_id: UUID, keys: Sequence[Key], foreign: Collection[str], now: datetime) -> None:
        self._provider_id = provider_id
        self._keys = {key.kid: key for key in keys}
        self._foreign = foreign
        self._now = now
        self._ring = KeyRing({"keys": [dict(key.jwk) for key in keys]})

    def read(self, jws: bytes) -> Claim | Refused:
        """Check the signature, the key and the members of one receipt."""
        kid = kid_of(jws)
        key = self._keys.get(kid) if kid is not None else None
        if kid is not None and key is None:
            return Refused("foreign_key" if kid in self._foreign else "unknown_key", kid=kid)
        try:
            payload = self._ring.verify(jws, RECEIPT_TYPE).payload
        except BadSignature as bad:
            return Refused("bad_signature", reason=bad.code, kid=kid)
        assert key is not None
        return self._complete(payload, key, jws)

    def _complete(self, payload: bytes, key: Key, jws: bytes) -> Claim | Refused:
        try:
            members = json.loads(payload, object_pairs_hook=unique)
            receipt = Receipt.model_validate_json(payload, strict=True)
        except ValidationError as error:
            return Refused("invalid", kid=key.kid, fields=tuple(_faults(error)))
        except (ValueError, RecursionError) as error:
            return Refused("invalid", kid=key.kid, fields=(("payload", str(error)),))
        ids = (receipt.receipt_id, receipt.order_id)
        if receipt.provider_id != self._provider_id:
            return Refused("foreign_provider", *ids, kid=key.kid)
        if faults := tuple(missing(receipt)) or tuple(self._untimely(receipt, members["at"])):
            return Refused("invalid", *ids, fields=faults, kid=key.kid)
        if self._revoked(key, receipt.at):
            return Refused("key_revoked", *ids, kid=key.kid)
        return Claim(receipt, key.kid, jws)

    def _untimely(self, receipt: Receipt, written: str) -> Sequence[tuple[str, str]]:
        if written[4:5] != "-":  # digits alone would be taken for seconds since 1970
            return [("at", "must be an RFC 3339 time")]
        if receipt.at.tzinfo is None:
            return [("at", "must say its offset from UTC")]
        try:
            at = receipt.at.astimezone(UTC)
        except OverflowError:
            return [("at", "is no time that UTC has")]
        if at > self._now + CLOCK_SKEW:
            return [("at", "lies in the future")]
        return []

    def _revoked(self, key: Key, at: datetime) -> bool:
        return key.revoked_at is not None and (at >= key.revoked_at or self._now > key.revoked_at + IN_FLIGHT)


def missing(receipt: Receipt) -> Sequence[tuple[str, str]]:
    """Members that this outcome demands and the receipt lacks."""
    match receipt.outcome:
        case Outcome.EXECUTED if receipt.how is None:
            return [("how", "required for executed")]
        case Outcome.PARTLY | Outcome.IMPOSSIBLE | Outcome.CONTESTED if receipt.why is None:
            return [("why", f"required for {receipt.outcome}")]
    return []


Taken: TypeAlias = Mapping[UUID, tuple[UUID, Outcome]]
"""Receipt ids in use, each with its order and outcome."""


def judge(claim: Claim, order: AccessOrder | None, *, taken: Taken, executed: bool) -> Accepted | Refused:
    """Whether the order bears the claim. ``executed``: such a receipt is on file."""
    receipt = claim.receipt
    code = _mismatch(receipt, order, taken)
    if code is not None or order is None:
        return _refusal(claim, code or "unknown_order")
    if order.issued_at is not None and receipt.at < order.issued_at - CLOCK_LAG:
        return replace(
            _refusal(claim, "invalid", order.status), fields=(("at", "lies more than a day before the order"),)
        )
    if executed and receipt.outcome == Outcome.EXECUTED:
        return _refusal(claim, "already_executed", order.status)
    if order.status in OVER:
        return Accepted(claim, order.status, order.status, moved=False)
    move = CLAIMED[receipt.outcome]
    if not LIFECYCLE.can(order.status, move):
        return _refusal(claim, "action_refused", order.status)
    return Accepted(claim, order.status, LIFECYCLE.after(order.status, move), moved=True)


def _mismatch(receipt: Receipt, order: AccessOrder | None, taken: Taken) -> str | None:
    if receipt.receipt_id in taken:
        same = taken[receipt.receipt_id] == (receipt.order_id, receipt.outcome)
        return "receipt_replayed" if same else "receipt_id_reused"
    if order is None:
        return "unknown_order"
    if order.provider_id != receipt.provider_id:
        return "foreign_order"
    return "unknown_order" if order.status in UNSENT else _other_bytes(receipt, order)


def _other_bytes(receipt: Receipt, order: AccessOrder) -> str | None:
    if order.sequence != receipt.sequence:
        return "sequence_mismatch"
    if order.digest != receipt.order_digest:
        return "digest_mismatch"
    return None


def _refusal(claim: Claim, code: str, status: Status | None = None) -> Refused:
    allowed: tuple[Outcome, ...] = ()
    if code == "action_refused" and status is not None:
        allowed = tuple(outcome for outcome, move in CLAIMED.items() if LIFECYCLE.can(status, move))
    receipt = claim.receipt
    return Refused(code, receipt.receipt_id, receipt.order_id, status, allowed=allowed, kid=claim.kid)


def _faults(error: ValidationError) -> list[tuple[str, str]]:
    details: list[Mapping[str, Any]] = [dict(detail) for detail in error.errors(include_input=False, include_url=False)]
    return [(".".join(str(part) for part in detail["loc"]) or "payload", str(detail["msg"])) for detail in details[:20]]


def kid_of(jws: bytes) -> str | None:
    """The key id a compact JWS names, unverified: only good for finding the key to verify it with."""
    try:
        kid = read_header(jws).get("kid")
        return storable(kid) if isinstance(kid, str) else None
    except (BadSignature, ValueError):
        return None
