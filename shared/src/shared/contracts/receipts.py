"""What a provider signs about its orders, many at a time, and what it gets in return (docs/adr/0016)."""

from datetime import datetime
from enum import StrEnum
from typing import Annotated, Any, ClassVar, Final, Literal
from uuid import UUID

from pydantic import Field

from shared.contracts import examples
from shared.contracts.base import Document, Reasons, Sha256, Text
from shared.contracts.grounds import AuthorityRef

RECEIPTS_TYPE: Final = "concord-receipts+json"
"""JWS ``typ`` of a batch of receipts (RFC 7515 section 4.1.9)."""
COUNTER_TYPE: Final = "concord-counter-receipt+json"
"""JWS ``typ`` of a counter-receipt."""
MOST_RECEIPTS: Final = 1_000
"""In one document."""


class Outcome(StrEnum):
    """What a provider says became of an order."""

    RECEIVED = "received"
    EXECUTED = "executed"
    PARTLY = "partly"
    IMPOSSIBLE = "impossible"
    CONTESTED = "contested"


class Receipt(Document):
    """What a provider says became of one order."""

    EXAMPLE: ClassVar[dict[str, Any]] = {
        "receipt_id": examples.RECEIPT,
        "order_id": examples.ORDER,
        "sequence": 1,
        "order_digest": examples.DIGEST,
        "outcome": "executed",
        "at": examples.AT,
        "how": "HTTP 451 on every host name",
        "why": None,
    }

    receipt_id: UUID
    order_id: UUID
    sequence: Annotated[int, Field(ge=1)]
    order_digest: Sha256
    """SHA-256 of the order's JWS as received, byte for byte."""
    outcome: Outcome
    at: datetime
    how: Text | None = None
    """Required for ``executed``."""
    why: Reasons | None = None
    """Required for ``partly``, ``impossible`` and ``contested``."""


class ReceiptBatch(Document):
    """Receipts of one provider, signed together with the provider's own key."""

    EXAMPLE: ClassVar[dict[str, Any]] = {"provider_id": examples.PROVIDER, "receipts": [Receipt.EXAMPLE]}

    provider_id: UUID
    receipts: Annotated[tuple[Receipt, ...], Field(min_length=1, max_length=MOST_RECEIPTS)]


class CounterResult(Document):
    """What became of one receipt."""

    receipt_id: UUID | None = None
    """None where the receipt could not be read."""
    order_id: UUID | None = None
    status: Literal["recorded", "refused"]
    code: str | None = None
    """Why it was refused; ``receipt_replayed`` where it was on file already."""
    order_status: str | None = None
    """Where the order stood then."""


class CounterReceipt(Document):
    """That a batch was taken, and what became of each receipt in it: the provider's proof."""

    EXAMPLE: ClassVar[dict[str, Any]] = {
        "provider_id": examples.PROVIDER,
        "batch": examples.DIGEST,
        "recorded_by": examples.REGULATOR,
        "recorded_at": examples.AT,
        "results": [
            {
                "receipt_id": examples.RECEIPT,
                "order_id": examples.ORDER,
                "status": "recorded",
                "code": None,
                "order_status": "executed",
            }
        ],
    }

    provider_id: UUID
    batch: Sha256
    """SHA-256 of the provider's document, byte for byte."""
    recorded_by: AuthorityRef
    """Whose key signs this: the regulator of the provider's province."""
    recorded_at: datetime
    results: tuple[CounterResult, ...]
    """One for each receipt, in the order of the batch."""
