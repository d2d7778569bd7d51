"""Receipts that providers sign, and what became of each."""

from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

from pydantic import Field

from shared.contracts import examples
from shared.contracts.base import Body
from shared.contracts.http.base import View, example
from shared.contracts.orders import Outcome

MOST_RECEIPTS = 1_000


class ReceiptBatch(Body):
    """Receipts as the provider signed them."""

    receipts: Annotated[list[str], Field(min_length=1, max_length=MOST_RECEIPTS)]
    """Each a compact JWS. One that is empty or far too long is refused by itself, like any other nonsense."""


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
    receipt_id: UUID | None = Field(None, description="None if the payload could not be trusted.")
    status: Literal["recorded", "refused"]
    code: str | None = Field(None, description="Why it was refused; stable.")
    order_id: UUID | None = None
    order_status: str | None = Field(None, description="Where the order stands now.")
    fields: list[FieldError] = Field(default=[], description="With code invalid: which members.")
    allowed_outcomes: list[str] = Field(default=[], description="With code action_refused: what can still be said.")


class ReceiptResults(View):
    """One result per receipt, in the order of the batch."""

    results: list[ReceiptResult]


class ReceiptView(View):
    """A receipt that was taken."""

    receipt_id: UUID
    outcome: Outcome
    at: datetime
    how: str | None
    why: str | None
    kid: str
    jws: str
    door: str
    moved: bool = Field(description="False: the order was taken back or has lapsed, so the receipt changed nothing.")
    recorded_at: datetime
