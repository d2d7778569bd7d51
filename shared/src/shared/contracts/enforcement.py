"""What sector regulators decide about a site (P3.2), and what becomes of it on appeal."""

from datetime import datetime
from typing import Any, ClassVar
from uuid import UUID

from shared.contracts import examples
from shared.contracts.base import Fact, LegalBasis, Reasons, Redress, Region, Sha256, Text, Topic
from shared.contracts.grounds import Grounds
from shared.contracts.topics import ENFORCEMENT_EVENTS

_CASE: dict[str, Any] = {
    "case_id": examples.CASE,
    "site_id": examples.SITE,
    "registration_id": examples.REGISTRATION,
    "authority": "culture-bj",
    "region": "110000",
    "level": "province",
}
_DECISION: dict[str, Any] = {**_CASE, "decision_id": examples.DECISION}


class _CaseFact(Fact):
    TOPIC: ClassVar[Topic] = ENFORCEMENT_EVENTS
    KEY: ClassVar[str] = "case_id"

    case_id: UUID
    site_id: UUID
    registration_id: UUID
    authority: Text
    region: Region
    level: Text


class CaseOpenedV1(_CaseFact):
    """A sector regulator opened a case about a site (P3.2.1)."""

    TYPE: ClassVar[str] = "case.opened.v1"
    EXAMPLE: ClassVar[dict[str, Any]] = {
        **_CASE,
        "service_item": "culture",
        "alleged_breach": "Performances offered without approval",
        "legal_basis": examples.BASIS["legal_basis"],
        "opened_at": examples.AT,
    }

    service_item: Text
    alleged_breach: Text
    legal_basis: LegalBasis
    opened_at: datetime


class DecisionReleasedV1(_CaseFact):
    """A second person released a decision; it is now an act of the authority."""

    TYPE: ClassVar[str] = "decision.released.v1"
    CONSUMERS: ClassVar[tuple[str, ...]] = ("approval",)
    EXAMPLE: ClassVar[dict[str, Any]] = {
        **_DECISION,
        "measure": "revoke_and_cut",
        **examples.MEASURE,
        "released_at": examples.AT,
    }

    decision_id: UUID
    measure: Text
    """order_correction, stop_out_of_scope, cancel_service, revoke_and_cut or no_breach."""
    legal_basis: LegalBasis
    reasons: Reasons
    evidence_hash: Sha256
    redress: Redress
    released_at: datetime
    effect: Text | None = None
    """``end_item`` ends the approval below; the other effects concern other departments."""
    approval_id: UUID | None = None
    service_item: Text | None = None
    grounds: Grounds | None = None


class RevocationRequestedV1(_CaseFact):
    """A sector regulator asks the industry regulator of its level and region to revoke and cut off (P3.2.3)."""

    TYPE: ClassVar[str] = "revocation.requested.v1"
    CONSUMERS: ClassVar[tuple[str, ...]] = ("registry",)
    EXAMPLE: ClassVar[dict[str, Any]] = {
        **_DECISION,
        "request_id": examples.REQUEST,
        **examples.MEASURE,
        "requested_at": examples.AT,
    }

    decision_id: UUID
    request_id: UUID
    legal_basis: LegalBasis
    reasons: Reasons
    evidence_hash: Sha256
    redress: Redress
    requested_at: datetime


class DecisionOverturnedV1(_CaseFact):
    """An appeal was upheld: what the decision did must be undone."""

    TYPE: ClassVar[str] = "decision.overturned.v1"
    CONSUMERS: ClassVar[tuple[str, ...]] = ("approval", "registry")
    EXAMPLE: ClassVar[dict[str, Any]] = {
        **_DECISION,
        "appeal_id": examples.APPEAL,
        **examples.BASIS,
        "overturned_at": examples.AT,
    }

    decision_id: UUID
    appeal_id: UUID
    legal_basis: LegalBasis
    reasons: Reasons
    overturned_at: datetime


class DecisionSuspendedV1(_CaseFact):
    """The authority missed the clock of an appeal: the measure is suspended until it decides (safeguard 6)."""

    TYPE: ClassVar[str] = "decision.suspended.v1"
    CONSUMERS: ClassVar[tuple[str, ...]] = ("approval", "registry")
    EXAMPLE: ClassVar[dict[str, Any]] = {
        **_DECISION,
        "appeal_id": examples.APPEAL,
        **examples.BASIS,
        "suspended_at": examples.AT,
    }

    decision_id: UUID
    appeal_id: UUID
    legal_basis: LegalBasis
    reasons: Reasons
    suspended_at: datetime
