"""The two signed documents between access-control and a provider: the order and the receipt."""

from datetime import datetime
from enum import StrEnum
from typing import Annotated, Any, ClassVar, Final
from uuid import UUID

from pydantic import Field

from shared.contracts import examples
from shared.contracts.base import Document, LegalBasis, Reasons, Redress, Region, Sha256, Text

ORDER_TYPE: Final = "concord-order+json"
"""JWS ``typ`` of an order (RFC 7515 section 4.1.9)."""
RECEIPT_TYPE: Final = "concord-receipt+json"
"""JWS ``typ`` of a receipt."""


class Action(StrEnum):
    """What a provider is told to do with a site."""

    CUT_OFF = "cut_off"
    SUSPEND = "suspend"
    RESTORE = "restore"
    STOP_BILLING = "stop_billing"
    RESUME_BILLING = "resume_billing"


class Outcome(StrEnum):
    """What a provider says became of an order."""

    RECEIVED = "received"
    EXECUTED = "executed"
    PARTLY = "partly"
    IMPOSSIBLE = "impossible"
    CONTESTED = "contested"


class OrderedSite(Document):
    """The site as this provider knows it: its number, its host names (A-label form) and its addresses there."""

    site_id: UUID
    number: Text
    name: Text
    domains: tuple[Text, ...]
    ips: tuple[Text, ...]
    hosting_mode: Text


class Order(Document):
    """What a provider must do, who decided, on what basis, by when, and how it can be challenged."""

    EXAMPLE: ClassVar[dict[str, Any]] = {
        "order_id": examples.ORDER,
        "sequence": 1,
        "provider_id": examples.PROVIDER,
        "action": "cut_off",
        "site": {
            "site_id": examples.SITE,
            "number": "京ICP备10046444号-1",
            "name": "Example Stage",
            "domains": ["stage.example", "xn--fsqu00a.test"],
            "ips": ["198.18.0.10"],
            "hosting_mode": "virtual_host",
        },
        "issuer": "access-control",
        "region": "110000",
        "authority": "culture-bj",
        "registration_id": examples.REGISTRATION,
        "registration_number": "京ICP备10046444号",
        "decision_id": examples.DECISION,
        **examples.MEASURE,
        "scope": "Hosting of this site by this provider; nothing else.",
        "issued_at": examples.AT,
        "execute_by": "2026-11-23T04:00:00Z",
        "until": None,
        "undoes": None,
        "register_entry": "https://register.example/public/register/%E4%BA%ACICP%E5%A4%8710046444%E5%8F%B7",
    }

    order_id: UUID
    sequence: Annotated[int, Field(ge=1)]
    """Place in this provider's sequence, from 1, without gaps."""
    provider_id: UUID
    action: Action
    site: OrderedSite
    issuer: Text
    region: Region
    """Province of the regulator that issues the order."""
    authority: Text
    """Who decided."""
    registration_id: UUID
    registration_number: Text
    decision_id: UUID | None = None
    legal_basis: LegalBasis
    reasons: Reasons
    evidence_hash: Sha256 | None = None
    """SHA-256 of the evidence the decision rests on; none for a restore."""
    redress: Redress | None = None
    """How to challenge the measure; none for a restore."""
    scope: Text
    issued_at: datetime
    execute_by: datetime
    until: datetime | None = None
    """When the measure ends by itself; always set for ``suspend``."""
    undoes: UUID | None = None
    """The order that a restore takes back."""
    register_entry: Text
    """Public page with the reasons, to be linked from the HTTP 451 answer (RFC 7725)."""


class Receipt(Document):
    """What a provider says became of one order, signed with the provider's own key."""

    EXAMPLE: ClassVar[dict[str, Any]] = {
        "receipt_id": examples.RECEIPT,
        "order_id": examples.ORDER,
        "sequence": 1,
        "provider_id": examples.PROVIDER,
        "order_digest": examples.DIGEST,
        "outcome": "executed",
        "at": examples.AT,
        "how": "HTTP 451 on every host name",
        "why": None,
    }

    receipt_id: UUID
    order_id: UUID
    sequence: Annotated[int, Field(ge=1)]
    provider_id: UUID
    order_digest: Sha256
    """SHA-256 of the order's JWS as received, byte for byte."""
    outcome: Outcome
    at: datetime
    how: Text | None = None
    """Required for ``executed``."""
    why: Reasons | None = None
    """Required for ``partly``, ``impossible`` and ``contested``."""
