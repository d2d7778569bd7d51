"""What the prior-approval authorities say (P3.1.1-3, P3.2.4)."""

from datetime import date
from typing import Any, ClassVar
from uuid import UUID

from shared.contracts import examples
from shared.contracts.base import Fact, LegalBasis, Reasons, Redress, Region, Sha256, Text, Topic
from shared.contracts.topics import APPROVAL_EVENTS

_APPLICATION: dict[str, Any] = {
    "application_id": examples.APPLICATION,
    "authority": "culture-bj",
    "operator_uscc": "91110000MA0000000H",
    "service_item": "culture",
    "domain": "stage.example",
    "region": "110000",
    "level": "province",
}


class _ApprovalFact(Fact):
    TOPIC: ClassVar[Topic] = APPROVAL_EVENTS
    KEY: ClassVar[str] = "application_id"
    CONSUMERS: ClassVar[tuple[str, ...]] = ("registry",)

    application_id: UUID
    authority: Text
    operator_uscc: Text
    service_item: Text
    domain: Text
    region: Region
    level: Text


class ApprovalGrantedV1(_ApprovalFact):
    """An authority consented to a service item; the operator may now register the site."""

    TYPE: ClassVar[str] = "approval.granted.v1"
    EXAMPLE: ClassVar[dict[str, Any]] = {
        **_APPLICATION,
        "number": "culture-bj-2026-000001",
        "scope_of_service": "Online performances",
        "valid_until": "2029-11-22",
    }

    number: Text
    scope_of_service: Text
    valid_until: date


class ApprovalRefusedV1(_ApprovalFact):
    """An authority refused consent, with reasons and redress."""

    TYPE: ClassVar[str] = "approval.refused.v1"
    EXAMPLE: ClassVar[dict[str, Any]] = {**_APPLICATION, **examples.BASIS, "redress": examples.REDRESS}

    legal_basis: LegalBasis
    reasons: Reasons
    redress: Redress


class ApprovalNotRequiredV1(_ApprovalFact):
    """An authority found that the service needs no prior approval; the operator may register without one."""

    TYPE: ClassVar[str] = "approval.not_required.v1"
    EXAMPLE: ClassVar[dict[str, Any]] = {**_APPLICATION, **examples.BASIS}

    legal_basis: LegalBasis
    reasons: Reasons


class ApprovalCancelledV1(_ApprovalFact):
    """An authority withdrew an approval (P3.2.4); the regulator amends the registration."""

    TYPE: ClassVar[str] = "approval.cancelled.v1"
    EXAMPLE: ClassVar[dict[str, Any]] = {**_APPLICATION, "number": "culture-bj-2026-000001", **examples.MEASURE}

    number: Text
    legal_basis: LegalBasis
    reasons: Reasons
    evidence_hash: Sha256
    redress: Redress
