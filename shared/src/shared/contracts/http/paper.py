"""What authorities send about approvals that exist on paper, and what they read there."""

from datetime import date, datetime
from enum import StrEnum
from typing import Annotated
from uuid import UUID

from pydantic import Field, StringConstraints

from shared.contracts import examples
from shared.contracts.base import Body, Day, Reasons, Sha256, Text
from shared.contracts.grounds import OperatorRef
from shared.contracts.http.approval import Decided
from shared.contracts.http.base import View, example


class PaperStatus(StrEnum):
    """Where an entry of a paper approval stands."""

    ENTERED = "entered"
    """One officer entered it; it counts for nothing yet."""
    CONFIRMED = "confirmed"
    """A second officer compared it with the paper: the approval is granted here."""
    WITHDRAWN = "withdrawn"
    """It was entered wrongly, and counts for nothing."""


class PaperAction(StrEnum):
    """What can be done with an entry."""

    CONFIRM = "confirm"
    WITHDRAW = "withdraw"


class PaperEntry(Decided):
    """An approval as it is printed, entered by an officer of the authority that gave it."""

    model_config = example(
        paper_number="京药网械审字（2025）第 12 号", operator=examples.OPERATOR_REF, service_item="drugs_and_devices",
        domain="pharmacy.example", scope="Sale of over-the-counter medicines", valid_from="2025-03-01",
        valid_until="2028-02-29", scan_sha256=examples.DIGEST, **examples.CONSENT,
    )  # fmt: skip

    paper_number: Text = Field(description="As printed.")
    operator: OperatorRef
    service_item: Text
    domain: Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=253)]
    scope: Text
    valid_from: Day
    valid_until: Day
    scan_sha256: Sha256 = Field(description="Of the scan that the authority keeps.")


class PaperConfirmation(Body):
    """A second officer looked at the same scan: the body repeats its hash and the number."""

    model_config = example(paper_number="京药网械审字（2025）第 12 号", scan_sha256=examples.DIGEST)

    paper_number: Text
    scan_sha256: Sha256


class PaperWithdrawal(Body):
    """Why an entry is withdrawn."""

    model_config = example(reasons="It was entered for the wrong operator.")

    reasons: Reasons


class PaperView(View):
    """An entry, and what the reader may do with it."""

    id: UUID
    version: int
    status: PaperStatus
    paper_number: str
    operator: OperatorRef
    service_item: str
    domain: str
    domain_as_given: str
    scope: str
    level: str
    region: str | None
    valid_from: date
    valid_until: date
    scan_sha256: str
    entered_at: datetime
    approval_id: UUID | None = Field(description="The approval that it became.")
    allowed_actions: list[PaperAction]
