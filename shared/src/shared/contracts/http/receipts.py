"""Receipts that providers sign, and what became of each."""

from datetime import datetime
from typing import Literal
from uuid import UUID

from pydantic import Field

from shared.contracts import examples
from shared.contracts.base import Body
from shared.contracts.http.base import View, example
from shared.contracts.receipts import Outcome


class SignedReceipts(Body):
    """A batch of receipts as the provider signed it."""

    jws: str = Field(description="A compact JWS of type concord-receipts+json.")


class FieldError(View):
    """A member that is missing or wrong."""

    field: str
    message: str


class ReceiptResult(View):
    """What became of one receipt of a batch."""

    model_config = example(
        index=0, receipt_id=examples.RECEIPT, status="recorded", order_id=examples.ORDER, order_status="executed"
    )

    index: int = Field(description="Place in the batch, from 0.")
    receipt_id: UUID | None = Field(None, description="None if the receipt could not be read.")
    status: Literal["recorded", "refused"]
    code: str | None = Field(None, description="Why it was refused; receipt_replayed: it was on file already.")
    order_id: UUID | None = None
    order_status: str | None = Field(None, description="Where the order stands now.")
    fields: list[FieldError] = Field(default=[], description="With code invalid: which members.")
    allowed_outcomes: list[str] = Field(default=[], description="With code action_refused: what can still be said.")


class ReceiptAnswer(View):
    """One result per receipt, in the order of the batch, and the proof of it."""

    results: list[ReceiptResult]
    digest: str = Field(description="SHA-256 of the batch: what it is found under.")
    counter_receipt: str = Field(description="A compact JWS: keep it, it proves that the batch was taken.")


class ReceiptBatchView(View):
    """A batch that was taken, as the provider signed it, and its counter-receipt."""

    digest: str
    kid: str
    door: str
    recorded_at: datetime
    jws: str
    counter_receipt: str


class ReceiptView(View):
    """A receipt that was taken."""

    receipt_id: UUID
    outcome: Outcome
    at: datetime
    how: str | None
    why: str | None
    kid: str
    batch: str | None = Field(description="Digest of the document it was signed in; null for older ones.")
    door: str
    moved: bool = Field(description="False: the order was taken back or has lapsed, so the receipt changed nothing.")
    recorded_at: datetime
