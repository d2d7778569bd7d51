"""What a batch claims, judged against its provider's keys and each order; nothing here touches the database."""

import hashlib
import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any, Final, TypeAlias
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from access_control.lifecycle import CLAIMED, LIFECYCLE, OVER, RUNNING, UNSENT, Status
from access_control.store.orders import AccessOrder
from access_control.store.providers import Key
from shared.contracts.base import storable
from shared.contracts.receipts import MOST_RECEIPTS, RECEIPTS_TYPE, Outcome, Receipt
from shared.signing import MAX_LENGTH, BadSignature, KeyRing, read_header, unique

CLOCK_SKEW: Final = timedelta(minutes=5)
"""How far ahead a provider's clock may be."""
CLOCK_LAG: Final = timedelta(days=1)
"""How far behind: a slow clock or a wrong zone must not cost a provider its receipt, nonsense is no evidence."""


@dataclass(frozen=True, slots=True)
class Refused:
    """A receipt, or a whole batch, that is not taken, and why."""

    code: str
    receipt_id: UUID | None = None
    order_id: UUID | None = None
    order_status: Status | None = None
    fields: tuple[tuple[str, str], ...] = ()
    allowed: tuple[Outcome, ...] = ()
    reason: str | None = None
    """Of a batch: in words."""


@dataclass(frozen=True, slots=True)
class Claim:
    """A receipt whose members are complete, in a batch whose signature holds."""

    receipt: Receipt


@dataclass(frozen=True, slots=True)
class Accepted:
    """A receipt that is taken: the order goes from one status to the next, or stays because it is over."""

    claim: Claim
    before: Status
    after: Status
    moved: bool


@dataclass(frozen=True, slots=True)
class Known:
    """A receipt that is on file already, for the same order and outcome: nothing is written a second time."""

    claim: Claim
    status: Status | None


@dataclass(frozen=True, slots=True)
class Signed:
    """A batch that its provider signed: each receipt is a claim, or says why it is none."""

    kid: str
    digest: str
    receipts: tuple[Claim | Refused, ...]


class _Batch(BaseModel):
    """A batch before its receipts are read: each is judged by itself."""

    model_config = ConfigDict(extra="ignore", strict=True)

    provider_id: UUID
    receipts: Annotated[list[Any], Field(min_length=1, max_length=MOST_RECEIPTS)]


class KeyBook:
    """The keys of one provider, and the ids of keys that belong to others."""

    def __init__(self, provider_id: UUID, keys: Sequence[Key], foreign: Collection[str], now: datetime) -> None:
        self._provider_id = provider_id
        self._keys = {key.kid: key for key in keys}
        self._foreign = foreign
        self._now = now
        self._ring = KeyRing({"keys": [dict(key.jwk) for key in keys]})

    def read(self, jws: bytes) -> Signed | Refused:
        """Check the signature and the key of a batch, and the members of every receipt in it."""
        if len(jws) > MAX_LENGTH:
            fault = f"is longer than {MAX_LENGTH} characters: sign fewer receipts at once"
            return Refused("invalid", fields=(("jws", fault),), reason=f"it {fault}")
        kid = kid_of(jws)
        key = self._keys.get(kid) if kid is not None else None
        if kid is not None and key is None:
            if kid in self._foreign:
                return Refused("foreign_key", reason=f"the key {kid!r:.100} is another provider's")
            return Refused("unknown_key", reason=f"no key {kid!r:.100} is entered for this provider")
        try:
            payload = self._ring.verify(jws, RECEIPTS_TYPE).payload
        except BadSignature as bad:
            return Refused("bad_signature", reason=bad.reason)
        assert key is not None
        if key.revoked_at is not None:  # whatever its receipts say: a thief can write any time
            since = key.revoked_at.isoformat(timespec="seconds")
            return Refused("key_revoked", reason=f"the key {key.kid!r:.100} was revoked at {since}")
        return self._opened(payload, key.kid, jws)

    def _opened(self, payload: bytes, kid: str, jws: bytes) -> Signed | Refused:
        try:
            members = json.loads(payload, object_pairs_hook=unique)
            batch = _Batch.model_validate_json(payload)
        except ValidationError as error:
            return Refused("invalid", fields=tuple(_faults(error)), reason="it is no batch of receipts")
        except (ValueError, RecursionError) as error:
            return Refused("invalid", fields=(("payload", str(error)),), reason=f"its payload is not JSON: {error}")
        if batch.provider_id != self._provider_id:
            return Refused("foreign_provider", reason=f"it is of provider {batch.provider_id}")
        digest = hashlib.sha256(jws).hexdigest()
        return Signed(kid, digest, tuple(self._complete(written) for written in members["receipts"]))

    def _complete(self, written: Any) -> Claim | Refused:
        try:
            receipt = Receipt.model_validate_json(json.dumps(written), strict=True)
        except ValidationError as error:
            return Refused("invalid", fields=tuple(_faults(error)))
        ids = (receipt.receipt_id, receipt.order_id)
        if faults := tuple(missing(receipt)) or tuple(self._untimely(receipt, written["at"])):
            return Refused("invalid", *ids, fields=faults)
        return Claim(receipt)

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
            return [("at", f"lies in the future: here it is {self._now.isoformat(timespec='seconds')}")]
        return []


def missing(receipt: Receipt) -> Sequence[tuple[str, str]]:
    """Members that this outcome demands and the receipt lacks."""
    match receipt.outcome:
        case Outcome.EXECUTED if receipt.how is None:
            return [("how", "required for executed")]
        case Outcome.PARTLY | Outcome.IMPOSSIBLE | Outcome.CONTESTED if receipt.why is None:
            return [("why", f"required for {receipt.outcome}")]
    return []


Taken: TypeAlias = Mapping[UUID, tuple[UUID, Outcome, datetime]]
"""Receipt ids in use, each with its order and outcome, and when that was."""
OBJECTIONS: Final = frozenset({Outcome.IMPOSSIBLE, Outcome.CONTESTED})


def judge(
    claim: Claim, order: AccessOrder | None, *, provider_id: UUID, taken: Taken, executed: bool
) -> Accepted | Known | Refused:
    """Whether the order bears the claim. ``executed``: such a receipt is on file."""
    receipt = claim.receipt
    if (used := taken.get(receipt.receipt_id)) is not None:
        same = used[:2] == (receipt.order_id, receipt.outcome) and not _objects_anew(receipt, order, used[2])
        return Known(claim, order.status if order else None) if same else _refusal(claim, "receipt_id_reused")
    code = _mismatch(receipt, order, provider_id)
    if code is not None or order is None:
        return _refusal(claim, code or "unknown_order")
    return _moved(claim, order, executed=executed)


def _objects_anew(receipt: Receipt, order: AccessOrder | None, before: datetime) -> bool:
    """Whether it says again, under its old id, what was answered with no: that must not be passed over.

    By another time than the first one's, whatever our clock says: the provider's may be slow.
    """
    if order is None or order.answer is None or order.status not in RUNNING or receipt.outcome not in OBJECTIONS:
        return False
    return receipt.at != before


def _moved(claim: Claim, order: AccessOrder, *, executed: bool) -> Accepted | Refused:
    """What the life of the order makes of a claim that fits it."""
    receipt = claim.receipt
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


def _mismatch(receipt: Receipt, order: AccessOrder | None, provider_id: UUID) -> str | None:
    if order is None:
        return "unknown_order"
    if order.provider_id != provider_id:
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
    return Refused(code, receipt.receipt_id, receipt.order_id, status, allowed=allowed)


def _faults(error: ValidationError) -> list[tuple[str, str]]:
    details: list[Mapping[str, Any]] = [dict(detail) for detail in error.errors(include_input=False, include_url=False)]
    """Which members are wrong; what a provider wrote may stand in them, and is kept in the answer."""
    return [
        (".".join(str(part) for part in detail["loc"]) or "payload", str(detail["msg"]).replace("\0", "\ufffd"))
        for detail in details[:20]
    ]


def kid_of(jws: bytes) -> str | None:
    """The key id a compact JWS names, unverified: only good for finding the key to verify it with."""
    try:
        kid = read_header(jws).get("kid")
        return storable(kid) if isinstance(kid, str) else None
    except (BadSignature, ValueError):
        return None
