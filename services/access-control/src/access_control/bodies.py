"""What callers send, and what receipts get for an answer: shapes shared by the doors and the verbs."""

from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from shared.contracts import examples
from shared.contracts.base import Body, Reasons, Region, Text

MOST_RECEIPTS = 1_000


class NewProvider(Body):
    """A provider with its licence, to be entered."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "name": "Example Hosting",
                    "licence_number": "京ICP证030173号",
                    "region": "110000",
                    "kind": "access_provider",
                    "contact": "filing desk, +86 10 5550 0000, filings@hosting.example",
                }
            ]
        }
    )

    name: Text
    licence_number: Text
    region: Region
    kind: Literal["access_provider", "carrier", "public_network"]
    contact: Text = Field(description="Who does the filing work there and how to reach them (N4.1.1).")


class NewKey(Body):
    """A public key the provider will sign receipts with."""

    jwk: dict[str, Any] = Field(
        description="Public Ed25519 JWK (RFC 8037): kty OKP, crv Ed25519, x, and a kid unique for this provider.",
        examples=[
            {
                "kty": "OKP",
                "crv": "Ed25519",
                "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo",
                "kid": "2026-11",
            }
        ],
    )


class Withdrawal(Body):
    """Why an order is taken back."""

    reasons: Reasons = Field(examples=["The decision was issued against the wrong site."])


class ReceiptBatch(Body):
    """Receipts as the provider signed them."""

    receipts: Annotated[list[str], Field(min_length=1, max_length=MOST_RECEIPTS)]
    """Each a compact JWS. One that is empty or far too long is refused by itself, like any other nonsense."""


class FieldError(BaseModel):
    """A member that is missing or wrong."""

    field: str
    message: str


class ReceiptResult(BaseModel):
    """What became of one receipt of a batch."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "index": 0,
                    "receipt_id": examples.RECEIPT,
                    "status": "recorded",
                    "code": None,
                    "order_id": examples.ORDER,
                    "order_status": "executed",
                    "fields": [],
                    "allowed_outcomes": [],
                }
            ]
        }
    )

    index: int = Field(description="Place in the batch, from 0.")
    receipt_id: UUID | None = Field(None, description="None if the payload could not be trusted.")
    status: Literal["recorded", "refused"]
    code: str | None = Field(None, description="Why it was refused; stable.")
    order_id: UUID | None = None
    order_status: str | None = Field(None, description="Where the order stands now.")
    fields: list[FieldError] = Field(default=[], description="With code invalid: which members.")
    allowed_outcomes: list[str] = Field(default=[], description="With code action_refused: what can still be said.")


class ReceiptResults(BaseModel):
    """One result per receipt, in the order of the batch."""

    results: list[ReceiptResult]
