"""The inbox, the same at every department."""

from datetime import datetime
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from shared.contracts.base import Body, Sha256, Text
from shared.contracts.notices import Channel, DeliveryState, NoticeDocument


class DeliveryView(BaseModel):
    """What became of a notice on one channel besides the inbox."""

    model_config = ConfigDict(from_attributes=True)

    channel: Channel
    address: str
    verified: bool = Field(description="Only what a verified address took counts as delivered")
    state: DeliveryState
    attempts: int
    proof: str | None
    error: str | None
    changed_at: datetime


class NoticeView(BaseModel):
    """A notice and what became of it."""

    id: UUID
    notice: NoticeDocument
    digest: Sha256 = Field(description="SHA-256 of the document's bytes, which are at /notices/{id}/document")
    delivered_at: datetime | None = Field(description="From here time limits run; none: they have not begun")
    delivered_by: str | None = Field(description="inbox, email, webhook, post, or deemed")
    opened_at: datetime | None
    deliveries: list[DeliveryView]


class PostalProof(Body):
    """A letter was delivered: to which address, and what proves it."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"address": "1 Example Road, Beijing", "proof": "Registered letter XA 1 CN"}]},
    )

    address: Text
    proof: Text
