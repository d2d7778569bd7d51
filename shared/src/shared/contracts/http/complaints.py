"""What goes over enforcement's door about complaints, the matters they are merged into, and warnings."""

from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

from pydantic import Field, StringConstraints

from shared.contracts import examples
from shared.contracts.base import Body, Moment, Reasons, Text
from shared.contracts.directory import OrganisationId
from shared.contracts.grounds import AuthorityRef, Party, Statement
from shared.contracts.http.base import View, example
from shared.contracts.http.enforcement import Host, NewCase
from shared.contracts.http.registry import ClockView

LONGEST_TEXT = 4_000
Said = Annotated[Reasons, StringConstraints(max_length=LONGEST_TEXT)]


class NewComplaint(Body):
    """What somebody says about one host name, on one ground of the profile's catalogue; no other kind exists."""

    model_config = example(
        host="pharmacy.example", ground="unlawful_medicines", text="Sold me antibiotics without a prescription.",
        email="reader@mail.example",
    )  # fmt: skip

    host: Host
    ground: Text
    text: Said
    email: Annotated[str, StringConstraints(strip_whitespace=True, max_length=254)] | None = None
    """Where the answer goes, if somewhere; forgotten when the complaint is over."""


class ComplaintReceipt(View):
    """That a complaint was taken in. The secret is shown this once, and only its hash is kept."""

    reference: str = Field(description="To be named in letters; it opens nothing")
    secret: str = Field(description="Whoever has it reads the status, and can add files")
    status_at: str = Field(description="Address of the status; keep it, nobody can tell it again")


class MatterTransfer(View):
    """That what was said of a name in no register went on to the desk of another province, and why."""

    by: AuthorityRef
    to: AuthorityRef
    statement: Statement
    at: datetime


class ComplaintStatusView(View):
    """How a complaint stands, for whoever holds its secret. What others said of the same is not in it."""

    reference: str
    host: str
    ground: str
    status: Literal["received", "in_hand", "over"]
    files: int = Field(description="So many were added")
    outcome: str | None = Field(
        description="dismissed, warned, or what the case came to: no_breach, corrected, executed, discontinued …"
    )
    reasons: str | None = Field(description="In the authority's public words")
    authority: AuthorityRef | None
    transfers: list[MatterTransfer] = Field(description="Whereto it went on, oldest first, in public words")
    came_at: datetime
    over_at: datetime | None


class ComplaintFileView(View):
    """A file that came with a complaint."""

    sha256: str
    size: int = Field(description="Bytes")
    media_type: str = Field(description="As whoever added it says; nothing here looks into it")
    added_at: datetime


class ComplaintView(View):
    """One complaint as the desk reads it: what was said, not who said it."""

    id: UUID
    reference: str
    source: str = Field(description="public, access_provider or industry_body")
    host: str = Field(description="As A-labels")
    text: str
    files: list[ComplaintFileView]
    came_at: datetime


class MatterView(View):
    """Everything that was said about one site on one ground, while it is open."""

    id: UUID
    version: int
    status: Literal["open", "triaged", "in_case", "ended"]
    host: str = Field(description="The name that was complained of first")
    site_id: UUID | None = Field(description="None: no site of the register bears the name")
    ground: str
    region: str | None = Field(description="None for a name in no register: any industry regulator may take it up")
    level: str
    service_items: list[str]
    complaints: int
    grade: str | None
    authority: AuthorityRef | None = Field(description="Whose matter it is: who graded it, or to whom it was handed")
    transfers: list[MatterTransfer] = Field(description="Whereto it went on, oldest first")
    clock: ClockView | None
    overdue: bool = Field(description="Nobody graded it in time")
    case_id: UUID | None
    outcome: str | None
    statement: Statement | None
    came_at: datetime
    ended_at: datetime | None
    allowed_actions: list[str]


class Triage(Body):
    """How a person grades a matter, with the written ground for it."""

    model_config = example(grade="suspected", reasons="Three people describe the same order form.")

    grade: Text
    """Of the profile: manifest, suspected, minor."""
    reasons: Reasons


class Dismissal(Body):
    """Nothing follows, and why; every complainant reads the public part."""

    model_config = example(statement=examples.STATEMENT)

    statement: Statement


class NewMatterTransfer(Body):
    """To which industry regulator what was said of a name in no register goes on, and why; never back."""

    model_config = example(to="industry-310000", statement=examples.STATEMENT)

    to: OrganisationId
    statement: Statement


class CaseFromMatter(NewCase):
    """The case that a matter becomes; it is about the same site. The complaints go in, confidential."""


class NewWarning(Body):
    """A letter under the industry code. It has no effect and is entered nowhere."""

    model_config = example(statement=examples.STATEMENT, answer_by="2026-12-10T00:00:00Z")

    statement: Statement
    answer_by: Moment | None = None
    """Until when an answer is hoped for; nothing follows from none."""
    provider_id: UUID | None = None
    """For a name in no register: who hosts it, and passes the letter on."""


class WarningAnswer(Body):
    """What whoever was warned says to it."""

    text: Said


class WarningView(View):
    """A warning: a letter, read, kept and answered. Who complained is not in it."""

    id: UUID
    version: int
    status: Literal["sent", "answered"]
    host: str
    to: Party
    authority: AuthorityRef
    statement: Statement
    answer_by: datetime | None
    sent_at: datetime
    answer: str | None
    answered_at: datetime | None
    allowed_actions: list[str]
