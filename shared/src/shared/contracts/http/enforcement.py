"""What goes over enforcement's door: bodies and views."""

from datetime import datetime
from typing import Annotated, Literal, Self
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, model_validator

from shared.contracts import examples
from shared.contracts.base import Body, LegalBasis, Moment, Reasons, Sha256, Text
from shared.contracts.grounds import ActRef, AuthorityRef, Grounds, Party, Statement
from shared.contracts.http.decisions import Release, RemarkView, SinceDraftView, TextRef, TextUse
from shared.contracts.http.registry import ClockView, Stated, WithReasons
from shared.contracts.subjects import FrozenSite, Preview, Subject

__all__ = ["Release", "Stated", "WithReasons"]
Host = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=253)]


class AboutSite(Body):
    """A registered site, by a name of it."""

    kind: Literal["site"] = "site"
    domain: Host


class AboutFoundSite(Body):
    """A site that is in no register, where it was found."""

    kind: Literal["found_site"]
    host: Host
    provider_id: UUID


class AboutOperator(Body):
    """An operator, by a site of it."""

    kind: Literal["operator"]
    domain: Host


class AboutProvider(Body):
    """A provider."""

    kind: Literal["provider"]
    provider_id: UUID


About = Annotated[AboutSite | AboutFoundSite | AboutOperator | AboutProvider, Field(discriminator="kind")]


class NewCase(Body):
    """A suspicion: against whom, on which ground of the profile's catalogue, and what is alleged (P3.2.1)."""

    model_config = ConfigDict(json_schema_extra={"examples": [{
        "about": {"kind": "site", "domain": "pharmacy.example"}, "service_item": "drugs_and_devices",
        "ground": "unlicensed_service", "alleged_breach": "Sells prescription medicines without consent.",
        "legal_basis": examples.STATEMENT["legal_basis"],
    }]})  # fmt: skip

    about: About
    service_item: Text | None = None
    ground: Text
    alleged_breach: Reasons
    legal_basis: LegalBasis


class NewDecision(Body):
    """What shall be decided. Redress is computed; whoever it burdens is told at once, and has time to put it right."""

    model_config = ConfigDict(json_schema_extra={"examples": [{
        "effect": "revoke", "statement": examples.STATEMENT, "evidence_hashes": [examples.DIGEST],
    }]})  # fmt: skip

    effect: Text
    statement: Statement | None = None
    """In one's own words; or else a standard text."""
    text: TextUse | None = None
    """A standard text of the profile with its fields: the statement is what it makes of them, in both languages."""
    evidence_hashes: Annotated[tuple[Sha256, ...], Field(min_length=1, max_length=100)]
    until: Moment | None = None
    """When a suspension or bar ends by itself."""
    correct_by: Moment | None = None
    """For an order to correct."""
    urgent_ground: Text | None = None
    """Code of the profile's list: then the release does not wait for the notice, and the notice has a clock instead."""

    @model_validator(mode="after")
    def _says_why_once(self) -> Self:
        if (self.statement is None) == (self.text is None):
            raise ValueError("give a statement, or a standard text with its fields, and not both")
        return self


class Correction(Body):
    """Whether an order to correct was obeyed."""

    obeyed: bool
    statement: Statement
    evidence_hashes: Annotated[tuple[Sha256, ...], Field(max_length=100)] = ()
    """On what it rests that it was ignored: pieces of the case, one of them filed after the date of the order."""


class NewAppeal(Body):
    """A challenge of an act of any department."""

    model_config = ConfigDict(json_schema_extra={"examples": [{
        "act": {"service": "enforcement", "kind": "decision", "id": examples.DECISION},
        "grounds": "The consent of the authority covers these medicines; see the annex.", "asks_for_stay": True,
    }]})  # fmt: skip

    act: ActRef
    grounds: Reasons
    asks_for_stay: bool = False
    consent: Reasons | None = None
    """When the review body enters it for the operator: how the operator agreed. Nobody else may."""


class Stay(Body):
    """Whether the act has effect while its appeal is decided."""

    granted: bool
    statement: Statement


class Outcome(Body):
    """How an appeal ends."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"outcome": "upheld", "statement": examples.STATEMENT}]})

    outcome: Literal["upheld", "rejected"]
    statement: Statement


class EvidenceView(BaseModel):
    """A piece of evidence; its bytes are at /evidence/{sha256}."""

    model_config = ConfigDict(from_attributes=True)

    sha256: str
    size: int = Field(description="Bytes")
    media_type: str
    confidential: str | None = Field(
        None, description="Why whom a decision burdens that cites it may not read it; none where it may"
    )
    added_at: datetime
    deleted_at: datetime | None = Field(None, description="Since when hash and size are all that is left")


class CitedEvidence(BaseModel):
    """What a decision rests on."""

    decision_id: UUID
    evidence: list[EvidenceView]


class AppealView(BaseModel):
    """An appeal, its clock and its outcome."""

    id: UUID
    version: int
    status: str
    act: ActRef
    appellant: Party
    authority: AuthorityRef = Field(description="Whose act it is")
    body: AuthorityRef = Field(description="Who decides: another organisation than any that took part")
    grounds: str
    on_behalf: bool
    stay: str = Field(description="none, asked, granted or refused")
    clock: ClockView | None
    statement: Statement | None
    filed_at: datetime
    decided_at: datetime | None
    assigned_at: datetime | None = Field(None, description="Since when one person of the review body has it")
    assigned_to: str | None = Field(None, description="That person; shown to the review body alone")
    allowed_actions: list[str]


class OrderOutcomeView(BaseModel):
    """What a provider made of an order."""

    model_config = ConfigDict(from_attributes=True)

    order_id: UUID
    provider_id: UUID
    action: str
    outcome: str
    detail: str | None
    at: datetime


class ExecutionState(BaseModel):
    """What the regulator did about a decision, as far as it said."""

    execution_id: UUID
    status: str
    due_at: datetime | None
    answer: Statement | None
    at: datetime


class NoticeState(BaseModel):
    """Whether whom it burdens was told, and until when it may put things right."""

    notice_id: UUID
    issued_at: datetime
    delivered_at: datetime | None
    release_from: datetime | None = Field(description="When the cure is over; none while the notice is not delivered")


class DecisionView(BaseModel):
    """A decision: what it does and why, who is touched, and what became of it."""

    id: UUID
    version: int
    status: str
    case_id: UUID
    subject: Subject
    effect: str
    service_item: str | None
    grounds: Grounds
    text: TextRef | None = Field(None, description="The standard text that the grounds were made from")
    evidence_hashes: list[str]
    ignored_evidence: list[str] = Field([], description="On what it rests that an order to correct was ignored")
    until: datetime | None
    correct_by: datetime | None = Field(
        description="Until when an order is to be obeyed: its date, or later if its notice came late"
    )
    urgent_ground: str | None
    site: FrozenSite | None = Field(description="The site as it is, or as it was at release")
    preview: Preview | None = Field(
        description="Whom it touches besides: now, or as it was at release; whom it burdens sees its own hosts"
    )
    preview_digest: str | None
    since_draft: SinceDraftView | None = Field(
        None, description="What changed since the draft, now or as it was signed; not shown to whom it burdens"
    )
    remarks: list[RemarkView] = Field([], description="What colleagues said of the draft; not to whom it burdens")
    notice: NoticeState | None
    execution: ExecutionState | None
    orders: list[OrderOutcomeView]
    appeals: list[AppealView]
    drafted_at: datetime
    released_at: datetime | None
    ended_because: str | None
    allowed_actions: list[str]


class CaseSummary(BaseModel):
    """A case in a list."""

    id: UUID
    version: int
    status: str
    outcome: str | None
    subject: Subject
    operator: Party = Field(description="Whom it burdens; for a found site its provider, who passes it on")
    hosts: list[str]
    service_item: str | None
    ground: str
    alleged_breach: str
    legal_basis: list[str]
    authority: AuthorityRef
    opened_at: datetime
    claimed_by: str | None = Field(None, description="Who works on it")
    claimed_at: datetime | None = None
    ended_at: datetime | None = None
    changed_at: datetime


class TookPart(BaseModel):
    """Somebody with a part in a case."""

    part: Literal["burdened", "host", "authority", "executes", "reviews", "asked"]
    identity: str = Field(description="An operator's key, a provider's id, or an organisation's id in the directory")
    name: str


class CaseView(CaseSummary):
    """A case with its evidence and its decisions."""

    parties: list[TookPart] = []
    came_from: UUID | None = Field(None, description="The case that was transferred here")
    continues_as: UUID | None = Field(None, description="The case as which it goes on at whom it was transferred to")
    held_because: str | None = Field(None, description="Why its evidence is kept whatever the retention says")
    evidence: list[EvidenceView]
    decisions: list[DecisionView]
    allowed_actions: list[str]
