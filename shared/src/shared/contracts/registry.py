"""What the register says: the record of each site, and what happened to registrations (P3.1.4-6, P3.2.3)."""

from datetime import datetime
from typing import Any, ClassVar
from uuid import UUID

from pydantic import model_validator

from shared.contracts import examples
from shared.contracts.base import Document, Fact, LegalBasis, Reasons, Redress, Region, Sha256, Text, Topic
from shared.contracts.topics import REGISTRY_EVENTS, REGISTRY_SITES


class AccessRecord(Document):
    """A site at a provider."""

    access_id: UUID
    provider_id: UUID
    ips: tuple[Text, ...]
    hosting_mode: Text
    region: Region


class OperatorRecord(Document):
    """Who is responsible for a site. ``kind``: company, institution or person."""

    operator_id: UUID
    name: Text
    uscc: Text
    kind: Text
    region: Region


class SiteRecord(Document):
    """A site with its domains (A-label form) and where it is hosted. ``status``: active or revoked."""

    site_id: UUID
    version: int
    number: Text
    name: Text
    domains: tuple[Text, ...]
    service_items: tuple[Text, ...]
    status: Text
    accesses: tuple[AccessRecord, ...]


class Measure(Document):
    """Why a burden was laid on somebody, and how it can be challenged."""

    legal_basis: LegalBasis
    reasons: Reasons
    public_reasons: Reasons | None = None
    """What of the reasons everybody may read: all, unless the authority left something out."""
    evidence_hash: Sha256
    redress: Redress
    authority: Text
    decision_id: UUID | None = None
    case_id: UUID | None = None

    @model_validator(mode="before")
    @classmethod
    def _public_by_default(cls, given: Any) -> Any:
        if isinstance(given, dict) and given.get("public_reasons") is None and "reasons" in given:
            return {**given, "public_reasons": given["reasons"]}
        return given


_MEASURE: dict[str, Any] = {
    **examples.MEASURE,
    "authority": "culture-bj",
    "decision_id": examples.DECISION,
    "case_id": examples.CASE,
}


class SiteRecordedV1(Fact):
    """The whole current record of a site. The highest ``version`` of a site wins; replays do no harm."""

    TYPE: ClassVar[str] = "site.recorded.v1"
    TOPIC: ClassVar[Topic] = REGISTRY_SITES
    KEY: ClassVar[str] = "site_id"
    CONSUMERS: ClassVar[tuple[str, ...]] = ("enforcement", "query")
    EXAMPLE: ClassVar[dict[str, Any]] = {
        "site_id": examples.SITE,
        "version": 3,
        "site": examples.SITE_RECORD,
        "operator": examples.OPERATOR_RECORD,
        "registration_id": examples.REGISTRATION,
        "registration_number": "京ICP备10046444号",
        "registration_kind": "filing",
        "registration_status": "active",
        "region": "110000",
        "level": "province",
        "measure": None,
        "changed_at": examples.AT,
    }

    site_id: UUID
    version: int
    site: SiteRecord
    operator: OperatorRecord
    registration_id: UUID
    registration_number: Text
    registration_kind: Text
    registration_status: Text
    region: Region
    level: Text
    measure: Measure | None = None
    """The measure in force against the registration, if it is revoked."""
    changed_at: datetime


class _RegistrationFact(Fact):
    TOPIC: ClassVar[Topic] = REGISTRY_EVENTS
    KEY: ClassVar[str] = "registration_id"

    registration_id: UUID
    region: Region
    level: Text


class RegistrationGrantedV1(_RegistrationFact):
    """A filing or licence was entered in the register and got its number (P3.1.5)."""

    TYPE: ClassVar[str] = "registration.granted.v1"
    EXAMPLE: ClassVar[dict[str, Any]] = {
        **examples.REGISTRATION_FIELDS,
        "operator": examples.OPERATOR_RECORD,
        "sites": [examples.SITE_RECORD],
    }

    number: Text
    kind: Text
    operator: OperatorRecord
    sites: tuple[SiteRecord, ...]


class RegistrationRefusedV1(_RegistrationFact):
    """The regulator refused a registration, with written reasons and redress (O33 section 12)."""

    TYPE: ClassVar[str] = "registration.refused.v1"
    EXAMPLE: ClassVar[dict[str, Any]] = {
        "registration_id": examples.REGISTRATION,
        "region": "110000",
        "level": "province",
        **examples.BASIS,
        "redress": examples.REDRESS,
    }

    legal_basis: LegalBasis
    reasons: Reasons
    redress: Redress


class RegistrationAmendedV1(_RegistrationFact):
    """A site of a registration changed: name, domains, service items or accesses (P3.1, last paragraph)."""

    TYPE: ClassVar[str] = "registration.amended.v1"
    EXAMPLE: ClassVar[dict[str, Any]] = {
        **examples.REGISTRATION_FIELDS,
        "site": examples.SITE_RECORD,
        "reasons": "The operator moved the site to another address.",
    }

    number: Text
    site: SiteRecord
    reasons: Reasons


class RegistrationRevokedV1(_RegistrationFact):
    """A registration lost its validity (P3.2.3). Providers must stop hosting its sites within the statutory delay."""

    TYPE: ClassVar[str] = "registration.revoked.v1"
    CONSUMERS: ClassVar[tuple[str, ...]] = ("access-control", "enforcement")
    EXAMPLE: ClassVar[dict[str, Any]] = {
        **examples.REGISTRATION_FIELDS,
        "revocation_id": examples.REVOCATION,
        "request_id": examples.REQUEST,
        "measure": _MEASURE,
        "sites": [examples.SITE_RECORD],
        "revoked_at": examples.AT,
    }

    number: Text
    kind: Text
    revocation_id: UUID
    request_id: UUID | None = None
    measure: Measure
    sites: tuple[SiteRecord, ...]
    revoked_at: datetime


class RegistrationReinstatedV1(_RegistrationFact):
    """A revoked registration is valid again, exactly as it was, number kept. Providers may resume hosting."""

    TYPE: ClassVar[str] = "registration.reinstated.v1"
    CONSUMERS: ClassVar[tuple[str, ...]] = ("access-control", "enforcement")
    EXAMPLE: ClassVar[dict[str, Any]] = {
        **examples.REGISTRATION_FIELDS,
        "revocation_id": examples.REVOCATION,
        "decision_id": examples.DECISION,
        **examples.BASIS,
        "sites": [examples.SITE_RECORD],
        "reinstated_at": examples.AT,
    }

    number: Text
    kind: Text
    revocation_id: UUID
    decision_id: UUID | None = None
    legal_basis: LegalBasis
    reasons: Reasons
    sites: tuple[SiteRecord, ...]
    reinstated_at: datetime


class _RequestFact(Fact):
    TOPIC: ClassVar[Topic] = REGISTRY_EVENTS
    KEY: ClassVar[str] = "registration_id"
    CONSUMERS: ClassVar[tuple[str, ...]] = ("enforcement",)

    registration_id: UUID
    request_id: UUID
    decision_id: UUID
    case_id: UUID


class RevocationRequestReceivedV1(_RequestFact):
    """The industry regulator has a sector regulator's request on its desk (P3.2.3)."""

    TYPE: ClassVar[str] = "revocation_request.received.v1"
    EXAMPLE: ClassVar[dict[str, Any]] = {
        "registration_id": examples.REGISTRATION,
        "request_id": examples.REQUEST,
        "decision_id": examples.DECISION,
        "case_id": examples.CASE,
    }


class RevocationRequestDeclinedV1(_RequestFact):
    """The industry regulator declined a request, with reasons."""

    TYPE: ClassVar[str] = "revocation_request.declined.v1"
    EXAMPLE: ClassVar[dict[str, Any]] = {**RevocationRequestReceivedV1.EXAMPLE, **examples.BASIS}

    legal_basis: LegalBasis
    reasons: Reasons
