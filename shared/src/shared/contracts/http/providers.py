"""Providers at the access desk: their particulars, keys and conduct record."""

from datetime import date, datetime
from enum import StrEnum
from typing import Annotated, Any, Literal, Self
from uuid import UUID

from pydantic import Field, model_validator

from shared.contracts.base import Body, Day, Reasons, Region, Text
from shared.contracts.grounds import AuthorityRef, Grounds, Statement
from shared.contracts.http.base import View, example


class ConductStatus(StrEnum):
    """Where an entry of a conduct record stands."""

    STANDING = "standing"
    DISPUTED = "disputed"
    """Its provider says that it is wrong, and whoever decided has not answered: it does not count."""
    KEPT = "kept"
    UNDONE = "undone"


ProviderKind = Literal["access_provider", "carrier", "public_network"]
SupervisorId = Annotated[
    str, Field(pattern=r"^[a-z][a-z0-9]*(-[a-z0-9]+)*$", max_length=60, description="Its id in the directory.")
]
Contact = Annotated[Text, Field(description="Who does the filing work there and how to reach them (N4.1.1).")]


DailyCapacity = Annotated[int, Field(ge=1, le=1_000_000)]
_LICENCE: dict[str, Any] = {
    "kind": "idc", "number": "京ICP证030173号", "provinces": [], "valid_from": "2026-01-01",
    "valid_until": "2030-12-31",
}  # fmt: skip


class NewLicence(Body):
    """A licence under which a provider hosts, as the document says."""

    model_config = example(**_LICENCE)

    kind: Annotated[Text, Field(max_length=100, description="One of the profile's provider_licences, e.g. idc.")]
    number: Annotated[Text, Field(max_length=100)]
    provinces: tuple[Region, ...] = Field((), max_length=100, description="Where it holds; none: the whole country.")
    valid_from: Day = Field(description="Its first day; not in the future.")
    valid_until: Day | None = Field(None, description="Its last day; null: it names none.")

    @model_validator(mode="after")
    def _ends_after_it_began(self) -> Self:
        if self.valid_until is not None and self.valid_until < self.valid_from:
            raise ValueError("valid_until is before valid_from")
        return self


class RenewedLicence(Body):
    """A licence goes on."""

    model_config = example(valid_until="2035-12-31")

    valid_until: Day = Field(description="Its new last day: later than the present one.")


class Branch(Body):
    """Whom to ask at a provider in another province."""

    model_config = example(region="310000", contact="Shanghai branch, filings-sh@hosting.example")

    region: Region
    contact: Contact


class NewProvider(Body):
    """A provider with its licence, to be entered."""

    model_config = example(
        name="Example Hosting",
        licence=_LICENCE,
        region="110000",
        kind="access_provider",
        contact="filing desk, +86 10 5550 0000, filings@hosting.example",
        supervisor=None,
    )

    name: Text
    licence: NewLicence | None = Field(None, description="Of every provider but a sandbox.")
    region: Region
    kind: ProviderKind
    contact: Contact
    supervisor: SupervisorId | None = Field(
        None, description="Of a public-interest network, which has one: the organisation that supervises it (P3.4)."
    )
    daily_capacity: DailyCapacity | None = Field(
        None, description="Orders to stop hosting that it can carry out properly within 24 hours; null: no bound."
    )
    sandbox: bool = Field(
        False, description="Only to try a client with: no other department hears of it. Never changed later."
    )

    @model_validator(mode="after")
    def _licensed_or_a_sandbox(self) -> Self:
        if self.sandbox == (self.licence is not None):
            raise ValueError("a provider has a licence, and a sandbox has none")
        if self.sandbox and self.kind != "access_provider":
            raise ValueError("a sandbox is an access_provider")
        return self


class ChangedProvider(Body):
    """What of a provider can change; its licence, kind and province cannot."""

    model_config = example(name="Example Hosting", contact="filings@hosting.example", supervisor=None)

    name: Text
    contact: Contact
    supervisor: SupervisorId | None = Field(None, description="Of a public network; null, or left out: it stays.")
    daily_capacity: DailyCapacity | None = Field(
        None, description="As it declares; null, or left out: it stays. Nothing goes out by an oversight."
    )


class NewContact(Body):
    """Whom to ask at a provider, and in other provinces."""

    model_config = example(
        contact="filing desk, +86 10 5550 0001, filings@hosting.example",
        branches=[{"region": "310000", "contact": "Shanghai branch, filings-sh@hosting.example"}],
    )

    contact: Contact
    branches: tuple[Branch, ...] | None = Field(
        None, max_length=100, description="For other provinces, one each, all of them; null, or left out: they stay."
    )

    @model_validator(mode="after")
    def _one_for_each_province(self) -> Self:
        regions = [branch.region for branch in self.branches or ()]
        if len(set(regions)) < len(regions):
            raise ValueError("branches name a province twice")
        return self


class NewKey(Body):
    """A public key the provider will sign receipts with."""

    model_config = example(
        jwk={"kty": "OKP", "crv": "Ed25519", "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo", "kid": "2026-11"},
        proof="eyJhbGciOiJFZDI1NTE5Iiwia2lkIjoiMjAyNi0xMSIsInR5cCI6ImNvbmNvcmQta2V5K2pzb24ifQ.e30.AA",
    )

    jwk: dict[str, Any] = Field(
        description="Public Ed25519 JWK (RFC 8037): kty OKP, crv Ed25519, x, and a kid unique for this provider."
    )
    proof: str = Field(
        description="A compact JWS of type concord-key+json by the key itself, over"
        ' {"provider_id": …, "x": …}: that the provider holds its private half.'
    )
    vouched_by: str | None = Field(
        None,
        max_length=10_000,
        description="Where the provider enters it by itself: the same over the same, by a key of its that is in use.",
    )
    reasons: Reasons | None = Field(
        None,
        description="Where the access desk enters it and it is not the provider's first: why. The provider is told.",
    )


class KeyView(View):
    """A public key a provider signs receipts with."""

    kid: str
    jwk: dict[str, Any]
    thumbprint: str = Field(description="RFC 7638, SHA-256 in hexadecimal.")
    added_at: datetime
    added_reasons: str | None = Field(None, description="Why the access desk entered it.")
    revoked_at: datetime | None
    revoked_reasons: str | None = None
    revoked_by_authority: AuthorityRef | None = Field(
        None, description="Whose desk revoked it; null: the provider did."
    )


class TopicsView(View):
    """The two Kafka topics of a provider."""

    orders: str = Field(description="Only this provider may read it.")
    receipts: str = Field(description="Only this provider may write it.")


class LicenceStatus(StrEnum):
    """Whether its provider still has it; whether it is over says its last day."""

    HELD = "held"
    GIVEN_UP = "given_up"


class LicenceView(View):
    """A licence under which a provider hosts."""

    id: UUID
    status: LicenceStatus
    kind: str
    number: str = Field(description="In its normal form.")
    level: Literal["national", "province"] = Field(description="national: it holds in the whole country.")
    provinces: list[str]
    valid_from: date
    valid_until: date | None
    in_force: bool = Field(description="Held, begun and not over.")
    entered_at: datetime
    changed_at: datetime


class ProviderView(View):
    """A provider with its licences, keys and topics."""

    id: UUID
    version: int
    status: str = Field(
        description="active; unlicensed: no licence of its is in force, so no new site is registered at it; closed."
    )
    name: str
    licence_number: str = Field(description="Of the licence it was entered with, in its normal form.")
    licences: list[LicenceView]
    region: str
    kind: str
    contact: str
    branches: list[Branch] = Field(description="Whom to ask in other provinces, as it says itself.")
    supervisor: AuthorityRef | None = Field(description="Who passes orders on to this network (P3.4).")
    head: int = Field(description="Last sequence number given out.")
    daily_capacity: int | None = Field(description="Orders to stop hosting within any 24 hours; null: no bound.")
    sandbox: bool = Field(description="Only to try a client with; nothing that it is sent is real.")
    topics: TopicsView
    keys: list[KeyView]
    registered_at: datetime
    changed_at: datetime


class ConductEntryView(View):
    """A penalty in the conduct record of a provider, with its reasons; it stays readable when it is undone."""

    id: UUID
    provider_id: UUID
    decision_id: UUID
    status: ConductStatus
    grounds: Grounds
    entered_at: datetime
    undone_because: str | None
    undone_by: AuthorityRef | None = Field(description="Who decided so.")
    undone_statement: Statement | None
    counts: bool = Field(description="Neither disputed without an answer, nor undone, nor over.")
    counts_until: datetime = Field(description="Set when it was entered, by the profile's clock `conduct_counts`.")
    dispute: str | None = Field(description="What its provider says to it, in its own words.")
    disputed_at: datetime | None
    answer: str | None = Field(description="Why whoever decided stands by it.")
    answered_at: datetime | None
    changed_at: datetime


class NotedFindingView(View):
    """A finding about what a provider hosts, which it left unanswered; it stays readable when it is over."""

    finding_id: UUID
    provider_id: UUID
    kind: str = Field(description="unregistered, number_differs, address_differs, revoked or barred.")
    host: str
    authority: AuthorityRef
    statement: Statement
    found_at: datetime
    escalated_at: datetime
    because: str | None = Field(description="cured or dismissed; null while it stands.")
    closing: Statement | None
    closed_at: datetime | None
    counts: bool = Field(description="Neither disputed without an answer, nor closed, nor over.")
    counts_until: datetime = Field(description="Set when it was noted, by the profile's clock `conduct_counts`.")
    dispute: str | None = Field(description="What its provider says to it, in its own words.")
    disputed_at: datetime | None
    answer: str | None = Field(description="Why a person of the regulator stands by it.")
    answered_at: datetime | None
