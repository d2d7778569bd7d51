"""What goes over the registry's door: bodies and views. An operator's own personal numbers are never in a view."""

from datetime import date, datetime
from enum import StrEnum
from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from shared.contracts import examples
from shared.contracts.base import Body, Day, Reasons, Region, Text
from shared.contracts.grounds import AddressForService, AuthorityRef, Grounds, Statement
from shared.contracts.http.amendments import FieldChange, FromDay, Numbered, Returned
from shared.contracts.http.home import ForwardedView, OrderOutcomeView
from shared.contracts.registry import Burden, SiteRecordedV1
from shared.contracts.subjects import FrozenSite, Preview, Signature, Subject

DomainText = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=253)]
Domains = Annotated[tuple[DomainText, ...], Field(min_length=1, max_length=50)]
Addresses = Annotated[tuple[Annotated[str, StringConstraints(max_length=60)], ...], Field(min_length=1, max_length=50)]
ServiceItems = Annotated[tuple[Text, ...], Field(min_length=1, max_length=20)]
MOST_SITES = 1_000
"""Sites under one number: whatever is told about a number fits into one message many times over."""


class OperatorKind(StrEnum):
    """What an operator is."""

    COMPANY = "company"
    INSTITUTION = "institution"
    PERSON = "person"


class RegistrationKind(StrEnum):
    """Non-commercial sites file, commercial ones are licensed."""

    FILING = "filing"
    LICENCE = "licence"


class HostingMode(StrEnum):
    """How a provider hosts a site. An address of a dedicated server serves one operator only."""

    VIRTUAL_HOST = "virtual_host"
    DEDICATED = "dedicated"
    COLOCATION = "colocation"
    CLOUD = "cloud"


class DocumentKind(StrEnum):
    """What an operator proves its identity with."""

    CREDIT_CODE = "credit_code"
    RESIDENT_ID = "resident_id"


class IdentityDocument(Body):
    """A document of identity. A person's number is turned into a keyed hash at the door and kept nowhere."""

    kind: DocumentKind = DocumentKind.CREDIT_CODE
    number: Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=60)]


class Particulars(Body):
    """What is known of an operator (P3.1, last paragraph)."""

    name: Text
    domicile: Text | None = None
    representative: Text | None = None
    person_in_charge: Text | None = None


class NewAddress(Body):
    """Where notices reach an operator besides its inbox; verified anew when it changes."""

    email: Annotated[str, StringConstraints(pattern=r"^[^@\s<>\"',;:]{1,64}@[^@\s<>\"',;:]{1,255}$")] | None = None
    webhook: Annotated[str, StringConstraints(pattern=r"^https?://[^\s]{1,500}$")] | None = None
    post: Text | None = None


class NewOperator(Body):
    """An organisation or person that will be responsible for sites."""

    model_config = ConfigDict(json_schema_extra={"examples": [{
        "kind": "company", "region": "110000", "document": {"number": "91110000MA01CNCRD6"},
        "particulars": {"name": "Example Pharmacy Ltd"}, "address_for_service": {"email": "legal@pharmacy.example"},
    }]})  # fmt: skip

    kind: OperatorKind
    region: Region
    document: IdentityDocument
    particulars: Particulars
    address_for_service: NewAddress = NewAddress()


class VerificationCode(Body):
    """The code that was sent to the e-mail address."""

    code: Annotated[str, StringConstraints(pattern=r"^[0-9]{8}$")]


class NewAccess(Body):
    """Where a site is hosted."""

    provider_id: UUID
    ips: Addresses
    hosting_mode: HostingMode = HostingMode.VIRTUAL_HOST


class NewSite(Body):
    """A site to be registered. Every regulated service item needs an approval for one of the domains."""

    model_config = ConfigDict(json_schema_extra={"examples": [{
        "name": "Example Pharmacy", "domains": ["pharmacy.example"], "service_items": ["drugs_and_devices"],
        "accesses": [{"provider_id": examples.PROVIDER, "ips": ["198.18.0.10"]}],
    }]})  # fmt: skip

    name: Text
    domains: Domains
    service_items: ServiceItems = ("general",)
    accesses: Annotated[tuple[NewAccess, ...], Field(min_length=1, max_length=20)]


class NewRegistration(Body):
    """A filing or licence of an operator, with its first site. Further sites are added to it one by one."""

    model_config = ConfigDict(json_schema_extra={"examples": [{
        "operator_id": examples.OPERATOR, "kind": "filing", "site": {
            "name": "Example Pharmacy", "domains": ["pharmacy.example"],
            "accesses": [{"provider_id": examples.PROVIDER, "ips": ["198.18.0.10"]}],
        },
    }]})  # fmt: skip

    operator_id: UUID
    kind: RegistrationKind = RegistrationKind.FILING
    level: Literal["province", "national"] = "province"
    site: NewSite


class Stated(Body):
    """An act with its legal basis and reasons."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"statement": examples.STATEMENT}]})

    statement: Statement


class WithReasons(Body):
    """An act that needs reasons."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"reasons": examples.STATEMENT["reasons"]}]})

    reasons: Reasons


class Granting(Stated):
    """Why something is granted; a licence also says from when until when."""

    valid_from: Day | None = None
    valid_until: Day | None = None
    scope: ServiceItems | None = None
    """Service items that a licence covers; where nothing is said, those of the sites it is granted for."""


class Refusing(Stated):
    """Why something is refused. Grounds that the rules find are added, so that all are told at once."""

    codes: Annotated[tuple[Text, ...], Field(max_length=20)] = ()
    """Codes of the profile's refusal grounds that the officer finds, besides those the rules find."""


class FurtherSite(NewSite, FromDay):
    """A further site under a number."""


class ProposedSite(NewSite, FromDay):
    """The site as it shall be, and why."""

    reasons: Reasons


class ProposedOperator(FromDay):
    """The operator's particulars as they shall be, and why."""

    particulars: Particulars
    reasons: Reasons


class ProposedTransfer(FromDay):
    """The registration of another operator that a site shall go under, and why. That operator must consent."""

    registration_id: UUID
    reasons: Reasons


class Signing(Body):
    """What the person signs: the preview's digest, and every site it names."""

    model_config = ConfigDict(json_schema_extra={"examples": [{
        "reasons": examples.STATEMENT["reasons"],
        "signature": {"preview_digest": examples.DIGEST, "collateral": [examples.NEIGHBOUR]},
    }]})  # fmt: skip

    reasons: Reasons
    signature: Signature


class GroundFound(BaseModel):
    """One ground against an application, with its own code."""

    model_config = ConfigDict(from_attributes=True)

    code: str
    field: str
    message: str


class Refusal(BaseModel):
    """Why an application was refused: every ground at once, and how to challenge it."""

    codes: tuple[str, ...]
    found: tuple[GroundFound, ...]
    grounds: Grounds


class ClockView(BaseModel):
    """Until when somebody must act."""

    due_at: datetime
    provisional: bool = Field(description="Counted through a year whose working days are not published yet")
    overdue: bool


class OperatorView(BaseModel):
    """An operator. ``identity`` is its credit code, or for a person a keyed hash."""

    id: UUID
    version: int
    identity: str
    kind: OperatorKind
    region: str
    particulars: Particulars
    address_for_service: AddressForService | None = Field(description="Its own people and the regulator see it")
    changed_at: datetime


class AccessView(BaseModel):
    """A site at a provider."""

    model_config = ConfigDict(from_attributes=True)

    id: UUID
    provider_id: UUID
    ips: list[str]
    hosting_mode: HostingMode
    region: str
    status: str


class SiteView(BaseModel):
    """A site with its names and accesses, and what lies on it."""

    id: UUID
    version: int
    registration_id: UUID
    operator_id: UUID
    number: str | None
    name: str
    domains: list[str] = Field(description="A-label form, in the order given")
    service_items: list[str]
    status: str
    accesses: list[AccessView]
    burdens: list[Burden]
    changed_at: datetime
    allowed_actions: list[str]


class RegistrationSummary(BaseModel):
    """A filing or licence in a list."""

    id: UUID
    version: int
    operator_id: UUID
    operator_name: str
    kind: RegistrationKind
    level: str
    region: str
    status: str
    number: str | None
    valid_from: date | None
    valid_until: date | None
    submitted_at: datetime
    changed_at: datetime


class LicenceView(BaseModel):
    """What only a licence has: what it covers, and how its end comes near."""

    model_config = ConfigDict(from_attributes=True)

    scope: list[str]
    warned_at: datetime | None = Field(description="When its operator was last told that the end is near")
    lapsed_at: datetime | None = Field(description="Since when it is not in force; no sanction, and it bars nobody")
    renewal_id: UUID | None = Field(description="The renewal on the regulator's desk")


class RegistrationView(RegistrationSummary):
    """A filing or licence with its sites."""

    clock: ClockView | None
    licence: LicenceView | None = None
    refusal: Refusal | None
    succeeded_by: Numbered | None = None
    succeeds: list[Numbered] = []
    forwarded: list[ForwardedView] = Field([], description="To which desks it went before this one, and why")
    sites: list[SiteView]
    allowed_actions: list[str]


class AmendmentView(BaseModel):
    """A proposed change: what holds, what is proposed, and what became of it."""

    id: UUID
    version: int
    status: str
    kind: str
    operator_id: UUID
    registration_id: UUID | None
    site_id: UUID | None
    holds: dict[str, Any] = Field(description="What the proposal would change, as it is; once decided, as it was then")
    proposal: dict[str, Any]
    changes: list[FieldChange] = Field(
        default=[], description="Field by field, what changes; once decided, what changed then"
    )
    effective_from: date | None = Field(
        default=None, description="The day from which it shall hold; none: from its grant on"
    )
    held_at: datetime | None = Field(default=None, description="Since when a measure holds it back whose day has come")
    returned: Returned | None = Field(
        default=None, description="Why it is on the desk again although it was granted once"
    )
    consented: bool = Field(description="For a transfer: whether the receiving operator agreed")
    by_operator: bool = Field(default=True, description="Its operator proposed it; if not, it was proposed in its name")
    waits_for_operator: bool = Field(
        default=False,
        description="It takes something from its operator, who neither proposed it nor agreed: nobody grants it before",
    )
    clock: ClockView | None
    refusal: Refusal | None
    proposed_at: datetime
    changed_at: datetime
    allowed_actions: list[str]


class ExecutionView(BaseModel):
    """A decision on the regulator's desk: what it asks, whom it touches now, who signed, and what became of it."""

    id: UUID
    version: int
    status: str
    decision_id: UUID
    case_id: UUID
    effect: str
    subject: Subject
    service_item: str | None
    authority: AuthorityRef
    regulator: AuthorityRef
    grounds: Grounds
    until: datetime | None
    bar_from: datetime | None = Field(description="From when a bar is on the list, unless it is under appeal")
    urgent_ground: str | None
    decided_about: FrozenSite | None = Field(description="The site as it was when it was decided")
    hits: FrozenSite | None = Field(description="What would be hit now: the union of then and now")
    preview: Preview | None = Field(description="Whom it touches besides, computed now; its digest is what is signed")
    preview_digest: str | None
    clock: ClockView | None
    answer: Statement | None
    orders: list[OrderOutcomeView]
    received_at: datetime
    changed_at: datetime
    allowed_actions: list[str]


class SiteVersionView(BaseModel):
    """The record of a site as it was, and why it became so."""

    record: SiteRecordedV1
    cause: dict[str, Any]
    at: datetime
