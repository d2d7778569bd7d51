"""Providers at the access desk: their particulars, keys and conduct record."""

from datetime import datetime
from enum import StrEnum
from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import Field

from shared.contracts.base import Body, Region, Text
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


class NewProvider(Body):
    """A provider with its licence, to be entered."""

    model_config = example(
        name="Example Hosting",
        licence_number="京ICP证030173号",
        region="110000",
        kind="access_provider",
        contact="filing desk, +86 10 5550 0000, filings@hosting.example",
        supervisor=None,
    )

    name: Text
    licence_number: Annotated[Text, Field(max_length=100)]
    region: Region
    kind: ProviderKind
    contact: Contact
    supervisor: SupervisorId | None = Field(
        None, description="Of a public-interest network: the organisation that supervises it (P3.4)."
    )
    daily_capacity: DailyCapacity | None = Field(
        None, description="Orders to stop hosting that it can carry out properly within 24 hours; null: no bound."
    )


class ChangedProvider(Body):
    """What of a provider can change; its licence, kind and province cannot."""

    model_config = example(name="Example Hosting", contact="filings@hosting.example", supervisor=None)

    name: Text
    contact: Contact
    supervisor: SupervisorId | None = None
    daily_capacity: DailyCapacity | None = Field(
        None, description="As it declares; null, or left out: it stays. Nothing goes out by an oversight."
    )


class NewContact(Body):
    """Whom to ask at a provider."""

    model_config = example(contact="filing desk, +86 10 5550 0001, filings@hosting.example")

    contact: Contact


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


class KeyView(View):
    """A public key a provider signs receipts with."""

    kid: str
    jwk: dict[str, Any]
    thumbprint: str = Field(description="RFC 7638, SHA-256 in hexadecimal.")
    added_at: datetime
    revoked_at: datetime | None


class TopicsView(View):
    """The two Kafka topics of a provider."""

    orders: str = Field(description="Only this provider may read it.")
    receipts: str = Field(description="Only this provider may write it.")


class ProviderView(View):
    """A provider with its keys and topics."""

    id: UUID
    version: int
    status: str
    name: str
    licence_number: str = Field(description="In its normal form.")
    region: str
    kind: str
    contact: str
    supervisor: AuthorityRef | None = Field(description="Who passes orders on to this network (P3.4).")
    head: int = Field(description="Last sequence number given out.")
    daily_capacity: int | None = Field(description="Orders to stop hosting within any 24 hours; null: no bound.")
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
    counts: bool = Field(description="Neither closed, nor over.")
    counts_until: datetime = Field(description="Set when it was noted, by the profile's clock `conduct_counts`.")
