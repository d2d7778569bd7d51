"""What access-control says of providers and of the orders sent to them.

Order facts are keyed by the cause of the order (an execution), so that the story of one measure reaches every reader
in order.
"""

from datetime import date, datetime
from typing import Any, ClassVar
from uuid import UUID

from shared.contracts import examples
from shared.contracts.base import Fact, Reasons, Region, Sha256, Text, Topic
from shared.contracts.grounds import AuthorityRef
from shared.contracts.topics import ACCESS_EVENTS

_ORDER: dict[str, Any] = {
    "order_id": examples.ORDER,
    "execution_id": examples.EXECUTION,
    "decision_id": examples.DECISION,
    "site_id": examples.SITE,
    "hosts": ["pharmacy.example", "xn--fsqu00a.test"],
    "provider_id": examples.PROVIDER,
    "action": "cut_off",
    "attempt": 1,
    "sequence": 1,
    "at": examples.AT,
}


class ProviderRecordedV1(Fact):
    """The current record of a provider. The highest version wins."""

    TYPE: ClassVar[str] = "provider.recorded.v1"
    TOPIC: ClassVar[Topic] = ACCESS_EVENTS
    KEY: ClassVar[str] = "provider_id"
    CONSUMERS: ClassVar[tuple[str, ...]] = ("registry", "enforcement")
    EXAMPLE: ClassVar[dict[str, Any]] = {
        "provider_id": examples.PROVIDER,
        "version": 1,
        "name": "Example Hosting",
        "licence_number": "京ICP证030173号",
        "kind": "access_provider",
        "region": "110000",
        "supervisor": None,
        "status": "active",
    }

    provider_id: UUID
    version: int
    name: Text
    licence_number: Text
    kind: Text
    region: Region
    supervisor: AuthorityRef | None = None
    """For a public-interest network: who supervises it, and passes orders on (P3.4)."""
    status: Text = "active"
    """active, unlicensed or closed."""


class LicenceEndingV1(Fact):
    """A licence of a provider ends soon, or is over: somebody tells it (docs/adr/0024)."""

    TYPE: ClassVar[str] = "licence.ending.v1"
    TOPIC: ClassVar[Topic] = ACCESS_EVENTS
    KEY: ClassVar[str] = "provider_id"
    CONSUMERS: ClassVar[tuple[str, ...]] = ("registry",)
    EXAMPLE: ClassVar[dict[str, Any]] = {
        "provider_id": examples.PROVIDER,
        "licence_id": examples.ORDER,
        "name": "Example Hosting",
        "region": "110000",
        "kind": "idc",
        "number": "京ICP证030173号",
        "last_day": "2030-12-31",
        "over": False,
        "licensed": True,
        "at": examples.AT,
    }

    provider_id: UUID
    licence_id: UUID
    name: Text
    region: Region
    kind: Text
    number: Text
    last_day: date
    over: bool
    licensed: bool
    """Whether another licence of its, or this one, is in force."""
    at: datetime


class ProviderKeyChangedV1(Fact):
    """The access desk entered or revoked a key of a provider: somebody tells it (docs/adr/0027)."""

    TYPE: ClassVar[str] = "provider_key.changed.v1"
    TOPIC: ClassVar[Topic] = ACCESS_EVENTS
    KEY: ClassVar[str] = "provider_id"
    CONSUMERS: ClassVar[tuple[str, ...]] = ("registry",)
    EXAMPLE: ClassVar[dict[str, Any]] = {
        "provider_id": examples.PROVIDER,
        "key_id": examples.ORDER,
        "name": "Example Hosting",
        "region": "110000",
        "kid": "provider-2026",
        "thumbprint": "90facafea9b1556698540f70c0117a22ea37bd5cf3ed3c47093c1707282b4b89",
        "revoked": True,
        "reasons": "The machine that held it was stolen, as the provider reported by telephone.",
        "authority": examples.REGULATOR,
        "left": 0,
        "at": examples.AT,
    }

    provider_id: UUID
    key_id: UUID
    name: Text
    region: Region
    kid: Text
    thumbprint: Text
    revoked: bool
    """False: it was entered."""
    reasons: Reasons
    authority: AuthorityRef
    """Whose desk did so."""
    left: int
    """How many keys of the provider's are in use now."""
    at: datetime


class OrderFact(Fact):
    """What every fact about an order says."""

    TOPIC: ClassVar[Topic] = ACCESS_EVENTS
    KEY: ClassVar[str] = "execution_id"
    CONSUMERS: ClassVar[tuple[str, ...]] = ("registry", "enforcement", "query")

    order_id: UUID
    execution_id: UUID
    """The cause: the execution that this order carries to a host, or takes back."""
    decision_id: UUID
    site_id: UUID | None = None
    """None for a found site."""
    hosts: tuple[Text, ...]
    provider_id: UUID
    action: Text
    """cut_off, suspend or restore."""
    attempt: int = 1
    """1, and one more each time the issuer sends the same again after a withdrawal."""
    sequence: int | None = None
    """Place in the provider's sequence; none if the order never went out."""
    at: datetime


class OrderQueuedV1(OrderFact):
    """Its provider was sent as many as it can carry out in a day: it waits, and its provider's clock does not run."""

    TYPE: ClassVar[str] = "order.queued.v1"
    CONSUMERS: ClassVar[tuple[str, ...]] = ("registry", "enforcement")
    EXAMPLE: ClassVar[dict[str, Any]] = {
        **_ORDER,
        "sequence": None,
        "position": 3,
        "reasons": "Its provider carries out at most 20 in 24 hours; it waits at place 3.",
    }

    position: int
    """Its place when it came; 1 goes next."""
    reasons: Reasons


class OrderReleasedV1(OrderFact):
    """An order was signed, numbered and put where its provider reads."""

    TYPE: ClassVar[str] = "order.released.v1"
    EXAMPLE: ClassVar[dict[str, Any]] = {
        **_ORDER,
        "digest": examples.DIGEST,
        "issuer": examples.REGULATOR,
        "authority": examples.AUTHORITY,
        "public_reasons": examples.STATEMENT["reasons"],
        "undoes": None,
        "until": None,
        "execute_by": "2026-11-23T04:00:00Z",
    }

    digest: Sha256
    """SHA-256 of the signed bytes."""
    issuer: AuthorityRef
    authority: AuthorityRef
    public_reasons: Reasons
    undoes: UUID | None = None
    until: datetime | None = None
    execute_by: datetime


class OrderReceivedV1(OrderFact):
    """The provider confirmed with its signature that it holds the order."""

    TYPE: ClassVar[str] = "order.received.v1"
    EXAMPLE: ClassVar[dict[str, Any]] = _ORDER


class OrderExecutedV1(OrderFact):
    """The provider confirmed with its signature that the order is carried out."""

    TYPE: ClassVar[str] = "order.executed.v1"
    EXAMPLE: ClassVar[dict[str, Any]] = {**_ORDER, "how": "HTTP 451 on every host name", "executed_at": examples.AT}

    how: Text
    executed_at: datetime
    """What the provider says; ``at`` is when it was recorded."""


class OrderPartlyExecutedV1(OrderFact):
    """The provider carried out a part of the order, and says which part is open."""

    TYPE: ClassVar[str] = "order.partly_executed.v1"
    EXAMPLE: ClassVar[dict[str, Any]] = {**_ORDER, "reasons": "One of two host names is served elsewhere."}

    reasons: Reasons


class OrderImpossibleV1(OrderFact):
    """The provider cannot carry the order out, and says why; a burden's clock stands still until the issuer answers."""

    TYPE: ClassVar[str] = "order.impossible.v1"
    EXAMPLE: ClassVar[dict[str, Any]] = {**_ORDER, "reasons": "The site left this provider last week."}

    reasons: Reasons


class OrderContestedV1(OrderFact):
    """The provider points at a manifest error in the order; a burden's clock stands still until the issuer answers."""

    TYPE: ClassVar[str] = "order.contested.v1"
    EXAMPLE: ClassVar[dict[str, Any]] = {**_ORDER, "reasons": "The address belongs to another operator."}

    reasons: Reasons


class OrderAnsweredV1(OrderFact):
    """The issuer answered an objection: upheld (the order is taken back), rejected or accepted as impossible."""

    TYPE: ClassVar[str] = "order.answered.v1"
    EXAMPLE: ClassVar[dict[str, Any]] = {**_ORDER, "answer": "rejected", "reasons": "The register shows the address."}

    answer: Text
    """upheld, rejected or accepted."""
    reasons: Reasons
    execute_by: datetime | None = None
    """Rejected: until when it is to be carried out, later by what the clock stood still."""


class OrderOverdueV1(OrderFact):
    """The delay for carrying out an order passed without a receipt that says so; ``escalated``: a second time."""

    TYPE: ClassVar[str] = "order.overdue.v1"
    EXAMPLE: ClassVar[dict[str, Any]] = {**_ORDER, "execute_by": examples.AT, "escalated": False}

    execute_by: datetime
    escalated: bool = False


class OrderWithdrawnV1(OrderFact):
    """An order was taken back: in its window, so that the provider never saw it, or superseded by a later one."""

    TYPE: ClassVar[str] = "order.withdrawn.v1"
    EXAMPLE: ClassVar[dict[str, Any]] = {**_ORDER, "sequence": None, "reasons": "The decision was overturned."}

    reasons: Reasons
    by: AuthorityRef | None = None
    """Whose people took it back in its window; none where something else brought it about."""


class OrderObservedOtherwiseV1(OrderFact):
    """Twice it was seen that a site is not as the provider signed; no measure, and nothing follows (docs/adr/0022)."""

    TYPE: ClassVar[str] = "order.observed_otherwise.v1"
    CONSUMERS: ClassVar[tuple[str, ...]] = ("registry",)
    EXAMPLE: ClassVar[dict[str, Any]] = {
        **_ORDER,
        "action": "restore",
        "issuer": examples.REGULATOR,
        "difference": "restored_but_cut",
        "names": ["pharmacy.example"],
        "since": examples.AT,
    }

    issuer: AuthorityRef
    difference: Text
    """restored_but_cut, cut_but_served, cut_without_reason or cut_without_order."""
    names: tuple[Text, ...]
    """Of the hosts, those of which it was seen."""
    since: datetime


ORDER_FACTS: tuple[type[OrderFact], ...] = (
    OrderReleasedV1,
    OrderReceivedV1,
    OrderExecutedV1,
    OrderPartlyExecutedV1,
    OrderImpossibleV1,
    OrderContestedV1,
    OrderAnsweredV1,
    OrderOverdueV1,
    OrderWithdrawnV1,
)
