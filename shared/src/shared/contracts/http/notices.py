"""The inbox, the same at every department."""

from datetime import date, datetime
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from shared.contracts.base import Body, Day, Sha256, Text
from shared.contracts.grounds import ActRef, AuthorityRef, Department, Names, Party
from shared.contracts.notices import Channel, DeliveryState, NoticeDocument


class DeliveryView(BaseModel):
    """What became of a notice on one channel."""

    model_config = ConfigDict(from_attributes=True)

    channel: Channel
    address: str = Field(description="Where it was sent; empty for the inbox")
    verified: bool = Field(description="Only what a verified address took counts as delivered")
    state: DeliveryState
    attempts: int
    proof: str | None = Field(description="What the server answered that took it, or the number of the letter")
    error: str | None = Field(description="Why it failed, or came back, in the words of the server that says so")
    retry_at: datetime | None = Field(description="When it is tried next; none: it was taken, or is given up")
    changed_at: datetime


class OpeningView(BaseModel):
    """A read receipt: who opened a notice for its recipient, and when first."""

    model_config = ConfigDict(from_attributes=True)

    name: str
    opened_at: datetime


class NoticeCount(BaseModel):
    """How many notices of one kind there are, and how many of them nobody opened."""

    model_config = ConfigDict(from_attributes=True)

    kind: Text
    total: int
    unread: int


class NoticeCounts(BaseModel):
    """How many notices are in the inbox, of every kind."""

    total: int
    unread: int
    kinds: list[NoticeCount]


class CalendarAddress(BaseModel):
    """The private address at which a calendar program reads your time limits. It is shown this once."""

    url: str = Field(description="Whoever has it reads when something is due, and nothing of what it is about")
    ends_at: datetime = Field(description="Until when it answers; then ask for another one")


class PostalProof(Body):
    """A letter was delivered: where, by which number it can be traced, and on what day."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [{"address": "1 Example Road, Beijing", "tracking": "XA 1 CN", "delivered_on": "2026-11-25"}]
        },
    )

    address: Text
    tracking: Text = Field(description="Number of the registered letter, or of the receipt that was signed")
    delivered_on: Day


class PostalProofView(BaseModel):
    """What an authority says about a letter. Until a second person has confirmed it, it counts for nothing."""

    model_config = ConfigDict(from_attributes=True)

    address: str
    tracking: str
    delivered_on: date = Field(description="What the proof says; time limits run from `confirmed_at`")
    entered_for: AuthorityRef = Field(description="Office of the person who entered it")
    entered_at: datetime
    confirmed_for: AuthorityRef | None = Field(description="Office of the second person; none: nobody confirmed it")
    confirmed_at: datetime | None


class NoticeItem(BaseModel):
    """A notice in a list: that there is one, whose and since when. What it says is read one by one, which opens it."""

    id: UUID
    kind: Text
    title: Names
    about: ActRef
    to: Party | Department
    authority: AuthorityRef
    issued_at: datetime
    answer_by: datetime | None = Field(description="Until when it asks for something, as its delivery has it by now")
    delivered_at: datetime | None = Field(description="From here time limits run; none: they have not begun")
    delivered_by: str | None = Field(description="inbox, email, webhook, post, or deemed")
    opened_at: datetime | None
    postal_proof: PostalProofView | None


class NoticeView(BaseModel):
    """A notice and what became of it."""

    id: UUID
    notice: NoticeDocument
    digest: Sha256 = Field(description="SHA-256 of the document's bytes, which are at /notices/{id}/document")
    delivered_at: datetime | None = Field(description="From here time limits run; none: they have not begun")
    delivered_by: str | None = Field(description="inbox, email, webhook, post, or deemed")
    opened_at: datetime | None
    openings: list[OpeningView] = Field(description="Read receipts: recipient and authority both see them")
    deliveries: list[DeliveryView]
    postal_proof: PostalProofView | None
