"""What a provider suspended by itself in an emergency: its signed statement, and what becomes of it (N4.2.5)."""

from datetime import datetime
from typing import Any, ClassVar, Final
from uuid import UUID

from shared.contracts import examples
from shared.contracts.base import Document, Fact, Reasons, Region, Text, Topic
from shared.contracts.grounds import AuthorityRef, Statement
from shared.contracts.topics import ACCESS_EVENTS, ENFORCEMENT_EVENTS

EMERGENCY_TYPE: Final = "concord-emergency+json"
"""JWS ``typ`` of a provider's statement."""
NOT_CONFIRMED: Final = "not_confirmed"
FELL: Final = "decision_fell"
NOT_SENT: Final = "order_not_sent"
NOT_MEANT: Final = "not_meant"
NOT_HOSTED: Final = "not_hosted_there"
AGAIN: Final = "again"


class EmergencyStatement(Document):
    """What a provider says that it suspended by itself, why and since when, signed with the provider's own key."""

    EXAMPLE: ClassVar[dict[str, Any]] = {
        "emergency_id": examples.EMERGENCY,
        "provider_id": examples.PROVIDER,
        "host": "pharmacy.example",
        "ground": "unlawful_medicines",
        "reasons": "Sells morphine without prescription, to children too.",
        "since": examples.AT,
    }

    emergency_id: UUID
    """Chosen by the provider; it stands for this statement alone."""
    provider_id: UUID
    host: Text
    """The one host name that is suspended; names below it are not meant."""
    ground: Text
    """Of the profile's catalogue."""
    reasons: Reasons
    since: datetime
    """From here the 72 hours run."""


class EmergencyReportedV1(Fact):
    """A provider suspended a site by itself, and its signature holds. Who the operator is the register says."""

    TYPE: ClassVar[str] = "emergency.reported.v1"
    TOPIC: ClassVar[Topic] = ACCESS_EVENTS
    KEY: ClassVar[str] = "emergency_id"
    CONSUMERS: ClassVar[tuple[str, ...]] = ("enforcement",)
    EXAMPLE: ClassVar[dict[str, Any]] = {
        **EmergencyStatement.EXAMPLE,
        "provider_name": "Example Hosting",
        "region": "110000",
        "reported_at": examples.AT,
        "confirm_by": "2026-11-25T04:00:00Z",
    }

    emergency_id: UUID
    provider_id: UUID
    provider_name: Text
    region: Region
    """The provider's province."""
    host: Text
    ground: Text
    reasons: Reasons
    since: datetime
    reported_at: datetime
    confirm_by: datetime
    """When it lapses, unless an authority confirms it by a released decision."""


class EmergencyConfirmedV1(Fact):
    """An authority decided so itself, in a case: until that decision is carried out the suspension stands."""

    TYPE: ClassVar[str] = "emergency.confirmed.v1"
    TOPIC: ClassVar[Topic] = ENFORCEMENT_EVENTS
    KEY: ClassVar[str] = "emergency_id"
    CONSUMERS: ClassVar[tuple[str, ...]] = ("access-control",)
    EXAMPLE: ClassVar[dict[str, Any]] = {
        "emergency_id": examples.EMERGENCY,
        "provider_id": examples.PROVIDER,
        "decision_id": examples.DECISION,
        "case_id": examples.CASE,
        "authority": examples.AUTHORITY,
        "confirmed_at": examples.AT,
    }

    emergency_id: UUID
    provider_id: UUID
    decision_id: UUID
    case_id: UUID
    authority: AuthorityRef
    confirmed_at: datetime


class EmergencyLapsedV1(Fact):
    """Nobody confirmed it in time, or what confirmed it fell: the provider hosts the site again, and is ordered to."""

    TYPE: ClassVar[str] = "emergency.lapsed.v1"
    TOPIC: ClassVar[Topic] = ENFORCEMENT_EVENTS
    KEY: ClassVar[str] = "emergency_id"
    CONSUMERS: ClassVar[tuple[str, ...]] = ("access-control",)
    EXAMPLE: ClassVar[dict[str, Any]] = {
        "emergency_id": examples.EMERGENCY,
        "provider_id": examples.PROVIDER,
        "because": NOT_CONFIRMED,
        "site_id": examples.SITE,
        "statement": examples.STATEMENT,
        "lapsed_at": examples.AT,
    }

    emergency_id: UUID
    provider_id: UUID
    because: Text
    """not_confirmed; decision_fell (it was declined, suspended, lifted, overturned or undone); order_not_sent (the
    provider's order was taken back, mostly before it went out, or none came to it); not_meant (no order of its decision
    means the name, which is another site's by now); not_hosted_there (by the register the site is another provider's:
    where that is right there is nothing to do); or again (it suspended the site not long ago)."""
    site_id: UUID | None = None
    """None for a found site."""
    statement: Statement
    lapsed_at: datetime
