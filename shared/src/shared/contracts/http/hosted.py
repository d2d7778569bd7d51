"""What goes over the registry's door about what providers host: their lists, and where the register differs."""

from datetime import date, datetime
from enum import StrEnum
from typing import Annotated, Any, Literal, Self
from uuid import UUID

from pydantic import Field, model_validator

from shared.contracts.base import Body, Day, Reasons, Sha256, Text
from shared.contracts.http.base import View, example
from shared.contracts.http.batches import FieldFound
from shared.contracts.http.registry import HostingMode

MOST_RECORDS = 1_000
MOST_ADDRESSES = 100


class FindingKind(StrEnum):
    """How a list and the register differ about a name."""

    UNREGISTERED = "unregistered"
    """No site in the register has the name or one above it, and nobody has asked for one."""
    NUMBER_DIFFERS = "number_differs"
    """The name belongs to a site under another number than the list says."""
    ADDRESS_DIFFERS = "address_differs"
    """The register does not have the site at this provider under every address of the list."""
    REVOKED = "revoked"
    """A decision took the site off the register."""
    BARRED = "barred"
    """The name is, or lies under, one on the barred list."""


class FindingStatus(StrEnum):
    """Where a finding about a list stands. None of these does anything to a site (docs/adr/0004)."""

    OPEN = "open"
    """The provider has until ``cure_until`` to answer, or to put it right."""
    ANSWERED = "answered"
    """Its clock stands still until a person of the regulator has said something."""
    ESCALATED = "escalated"
    """Nobody answered in time: the provider's conduct record says so."""
    DISPUTED = "disputed"
    """What the conduct record has its provider disputes: until a person of the regulator answers it does not count."""
    KEPT = "kept"
    """A person of the regulator said why it stays in the conduct record, and it counts again."""
    DISMISSED = "dismissed"
    """By a person of the regulator; it is not found again as long as it is so."""
    CURED = "cured"
    """List and register agree, or its provider closed and hosts nothing any more."""


class Hosted(Body):
    """A name that a provider hosts: nothing about customers, readers or content, for which there is no member."""

    model_config = example(host="pharmacy.example", ips=["198.18.0.10"], number="京ICP备10046444号-1")

    host: Text
    ips: Annotated[tuple[Text, ...], Field(min_length=1, max_length=MOST_ADDRESSES)]
    hosting_mode: HostingMode = HostingMode.VIRTUAL_HOST
    number: Text | None = None
    """Of its registration or site, if the provider knows one."""
    since: Day | None = None


class Closing(Body):
    """The end of a list: from here on it is what the provider hosts, and what it does not name is gone."""

    records: Annotated[int, Field(ge=0)]
    """In all batches of the list, also those that were refused."""
    hash: Sha256
    """SHA-256 over the SHA-256 (32 bytes each) of the body of every batch of the list, in order, without this one."""


class InventoryBatch(Body):
    """Up to a thousand records of a list, or its closing."""

    model_config = example(sequence=1, records=[{"host": "pharmacy.example", "ips": ["198.18.0.10"]}])

    sequence: Annotated[int, Field(ge=1, le=2**53)]
    """One more than the last, over all lists of the provider; the first is 1."""
    anew: bool = False
    """What was sent since the last closing does not count: the list begins with this batch."""
    records: Annotated[list[Any] | None, Field(min_length=1, max_length=MOST_RECORDS)] = None
    """Each as ``Hosted`` says. One that is malformed is refused by itself."""
    close: Closing | None = None

    @model_validator(mode="after")
    def _one_of_both(self) -> Self:
        if (self.records is None) == (self.close is None):
            raise ValueError("a batch has records, or closes the list")
        if self.anew and self.close is not None:
            raise ValueError("a list does not begin with its closing")
        return self


class RecordResult(View):
    """What became of one record."""

    index: int = Field(description="Place in the batch, from 0")
    status: Literal["taken", "refused"]
    code: str | None = Field(None, description="Why it was refused: invalid, or listed_twice in the same list")
    message: str | None = None
    fields: list[FieldFound] = Field([], description="Which members are wrong")


class BatchView(View):
    """What became of a batch; the same for whoever sends the same bytes again."""

    sequence: int
    taken: int
    refused: int
    results: list[RecordResult] = Field(description="One per record, in the order of the batch")
    closed: bool = Field(description="The list is complete, and holds from now on")


class SendingView(View):
    """A list that is not closed yet."""

    first_sequence: int
    since: datetime
    batches: int
    records: int
    hash: str = Field(description="What its closing says as `hash` if it comes next")


class WholeView(View):
    """The list that holds."""

    records: int = Field(description="That were taken")
    hash: str
    at: datetime


class InventoryView(View):
    """Where the lists of a provider stand."""

    provider_id: UUID
    next_sequence: int = Field(description="The number of the batch to send next")
    sending: SendingView | None
    whole: WholeView | None
    reconciled_at: datetime | None = Field(description="When all of it was last compared with the register")


class Answer(Body):
    """What a provider says to a finding."""

    model_config = example(reasons="The site is registered; its operator changes the address this week.")

    reasons: Reasons


class ListedView(View):
    """A record as it was listed."""

    host: str
    ips: list[str]
    hosting_mode: str
    number: str | None
    since: date | None


class FindingView(View):
    """A list and the register differ about a name. It is no measure: nothing happens to a site by it."""

    id: UUID
    version: int
    status: FindingStatus
    kind: FindingKind
    provider_id: UUID
    provider_name: str | None
    host: str
    listed: ListedView
    site_id: UUID | None = Field(description="The site that has, or had, the name in the register")
    number: str | None = Field(description="Its number")
    told_id: UUID = Field(description="What the notice is about that told of it")
    cure_until: datetime
    answer: str | None
    answered_at: datetime | None
    reasons: str | None = Field(description="Of whoever dismissed it, insisted, or kept it")
    escalated_at: datetime | None = Field(description="Since when the conduct record has it")
    found_at: datetime
    changed_at: datetime
    allowed_actions: list[str]
