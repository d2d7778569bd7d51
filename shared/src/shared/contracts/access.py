"""What access-control says of providers and of the orders sent to them.

Order facts are keyed by site, so that the story of a site reaches every reader in order.
"""

from datetime import datetime
from typing import Any, ClassVar
from uuid import UUID

from shared.contracts import examples
from shared.contracts.base import Fact, Reasons, Region, Text, Topic
from shared.contracts.topics import ACCESS_EVENTS

_ORDER: dict[str, Any] = {
    "order_id": examples.ORDER,
    "site_id": examples.SITE,
    "registration_id": examples.REGISTRATION,
    "provider_id": examples.PROVIDER,
    "action": "cut_off",
    "sequence": 1,
    "decision_id": examples.DECISION,
    "at": examples.AT,
}


class ProviderRegisteredV1(Fact):
    """A provider can now host registered sites and receive orders."""

    TYPE: ClassVar[str] = "provider.registered.v1"
    TOPIC: ClassVar[Topic] = ACCESS_EVENTS
    KEY: ClassVar[str] = "provider_id"
    CONSUMERS: ClassVar[tuple[str, ...]] = ("registry",)
    EXAMPLE: ClassVar[dict[str, Any]] = {
        "provider_id": examples.PROVIDER,
        "name": "Example Hosting",
        "licence_number": "京ICP证030173号",
        "kind": "access_provider",
        "region": "110000",
    }

    provider_id: UUID
    name: Text
    licence_number: Text
    kind: Text
    region: Region


class _OrderFact(Fact):
    TOPIC: ClassVar[Topic] = ACCESS_EVENTS
    KEY: ClassVar[str] = "site_id"
    CONSUMERS: ClassVar[tuple[str, ...]] = ("query",)

    order_id: UUID
    site_id: UUID
    registration_id: UUID
    provider_id: UUID
    action: Text
    """cut_off, suspend, restore, stop_billing or resume_billing."""
    sequence: int | None = None
    """Place in the provider's sequence; none if the order never went out."""
    decision_id: UUID | None = None
    at: datetime


class OrderReleasedV1(_OrderFact):
    """An order was signed, numbered and put where its provider reads."""

    TYPE: ClassVar[str] = "order.released.v1"
    EXAMPLE: ClassVar[dict[str, Any]] = {**_ORDER, "execute_by": "2026-11-23T04:00:00Z"}

    execute_by: datetime


class OrderReceivedV1(_OrderFact):
    """The provider confirmed with its signature that it holds the order."""

    TYPE: ClassVar[str] = "order.received.v1"
    EXAMPLE: ClassVar[dict[str, Any]] = _ORDER


class OrderExecutedV1(_OrderFact):
    """The provider confirmed with its signature that the order is carried out."""

    TYPE: ClassVar[str] = "order.executed.v1"
    CONSUMERS: ClassVar[tuple[str, ...]] = ("enforcement", "query")
    EXAMPLE: ClassVar[dict[str, Any]] = {**_ORDER, "how": "HTTP 451 on every host name", "executed_at": examples.AT}

    how: Text
    executed_at: datetime


class OrderPartlyExecutedV1(_OrderFact):
    """The provider carried out a part of the order, and says which part is open."""

    TYPE: ClassVar[str] = "order.partly_executed.v1"
    EXAMPLE: ClassVar[dict[str, Any]] = {**_ORDER, "reasons": "One of two host names is served elsewhere."}

    reasons: Reasons


class OrderImpossibleV1(_OrderFact):
    """The provider cannot carry the order out, and says why; the clock stands still."""

    TYPE: ClassVar[str] = "order.impossible.v1"
    EXAMPLE: ClassVar[dict[str, Any]] = {**_ORDER, "reasons": "The site left this provider last week."}

    reasons: Reasons


class OrderContestedV1(_OrderFact):
    """The provider points at a manifest error in the order; the clock stands still."""

    TYPE: ClassVar[str] = "order.contested.v1"
    EXAMPLE: ClassVar[dict[str, Any]] = {**_ORDER, "reasons": "The address belongs to another operator."}

    reasons: Reasons


class OrderOverdueV1(_OrderFact):
    """The delay for carrying out an order passed without a receipt that says so."""

    TYPE: ClassVar[str] = "order.overdue.v1"
    EXAMPLE: ClassVar[dict[str, Any]] = {**_ORDER, "execute_by": examples.AT}

    execute_by: datetime


class OrderWithdrawnV1(_OrderFact):
    """An order was taken back in its withdraw window; the provider never saw it."""

    TYPE: ClassVar[str] = "order.withdrawn.v1"
    EXAMPLE: ClassVar[dict[str, Any]] = {**_ORDER, "sequence": None, "reasons": "The registration was reinstated."}

    reasons: Reasons
