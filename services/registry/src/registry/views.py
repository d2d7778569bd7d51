"""What the register answers: the rows, shaped for the wire."""

from datetime import datetime
from uuid import UUID

from pydantic import BaseModel, Field

from registry.lifecycle import REGISTRATION, REQUEST, REVOCATION, RequestStatus, RevocationStatus, Status
from registry.records import access_record, operator_record
from registry.service.imports import Import
from registry.store.measures import Request, Revocation
from registry.store.register import Operator, Registration, Site
from shared.contracts.registry import AccessRecord, Measure, OperatorRecord


class OperatorView(OperatorRecord):
    """An operator."""

    @classmethod
    def of(cls, operator: Operator) -> "OperatorView":
        """Shape a row."""
        return cls.model_validate(operator_record(operator), from_attributes=True)


class SiteView(BaseModel):
    """A site; ``number`` is that of its registration with its own place behind it."""

    site_id: UUID
    registration_id: UUID
    number: str | None
    name: str
    domains: list[str]
    service_items: list[str]
    accesses: list[AccessRecord]
    version: int
    changed_at: datetime

    @classmethod
    def of(cls, registration: Registration, site: Site) -> "SiteView":
        """Shape a row."""
        return cls(
            site_id=site.id,
            registration_id=registration.id,
            number=f"{registration.number}-{site.ordinal}" if registration.number else None,
            name=site.name,
            domains=list(site.domains),
            service_items=list(site.service_items),
            accesses=[access_record(access) for access in site.accesses],
            version=site.version,
            changed_at=site.changed_at,
        )


class RegistrationSummary(BaseModel):
    """A registration without its sites."""

    id: UUID
    operator: OperatorRecord
    kind: str
    level: str
    region: str
    status: Status
    number: str | None
    version: int
    overdue: bool = Field(description="The regulator's clock ran out before it decided.")
    submitted_at: datetime
    changed_at: datetime
    measure: Measure | None = Field(description="Why it is revoked, and how to challenge that.")
    allowed_actions: list[str]

    @classmethod
    def of(cls, registration: Registration) -> "RegistrationSummary":
        """Shape a row."""
        return cls.model_validate(_fields(registration))


class RegistrationView(RegistrationSummary):
    """A registration with its sites."""

    sites: list[SiteView]

    @classmethod
    def full(cls, found: tuple[Registration, list[Site]]) -> "RegistrationView":
        """Shape a row and its sites."""
        registration, sites = found
        return cls.model_validate(
            {**_fields(registration), "sites": [SiteView.of(registration, site) for site in sites]}
        )


def _fields(registration: Registration) -> dict[str, object]:
    return {
        "id": registration.id,
        "operator": operator_record(registration.operator),
        "kind": registration.kind,
        "level": registration.level,
        "region": registration.region,
        "status": registration.status,
        "number": registration.number,
        "version": registration.version,
        "overdue": registration.overdue_at is not None,
        "submitted_at": registration.submitted_at,
        "changed_at": registration.changed_at,
        "measure": registration.measure,
        "allowed_actions": REGISTRATION.allowed(registration.status),
    }


class RevocationView(BaseModel):
    """A revocation: drafted by one person, confirmed by another."""

    id: UUID
    registration_id: UUID
    request_id: UUID | None
    decision_id: UUID | None
    measure: Measure
    status: RevocationStatus
    drafted_by: str
    drafted_at: datetime
    confirmed_by: str | None
    changed_at: datetime
    allowed_actions: list[str]

    @classmethod
    def of(cls, revocation: Revocation) -> "RevocationView":
        """Shape a row."""
        fields = {name: getattr(revocation, name) for name in cls.model_fields if name != "allowed_actions"}
        return cls.model_validate({**fields, "allowed_actions": REVOCATION.allowed(revocation.status)})


class RequestView(BaseModel):
    """A sector regulator's request for revocation; ``answer`` holds the regulator's reasons."""

    id: UUID
    registration_id: UUID
    decision_id: UUID
    case_id: UUID
    measure: Measure
    status: RequestStatus
    answer: str | None
    received_at: datetime
    changed_at: datetime
    allowed_actions: list[str]

    @classmethod
    def of(cls, request: Request) -> "RequestView":
        """Shape a row."""
        fields = {name: getattr(request, name) for name in cls.model_fields if name != "allowed_actions"}
        return cls.model_validate({**fields, "allowed_actions": REQUEST.allowed(request.status)})


class ImportView(BaseModel):
    """How an import stands. ``records`` = accepted + unchanged + rejected so far."""

    id: UUID
    filename: str | None
    status: str
    records: int
    accepted: int
    unchanged: int
    rejected: int
    started_at: datetime
    seconds: float
    results_url: str

    @classmethod
    def of(cls, found: Import) -> "ImportView":
        """Shape a row."""
        return cls(
            id=found.id,
            filename=found.filename,
            status=found.status,
            records=found.records,
            accepted=found.accepted,
            unchanged=found.unchanged,
            rejected=found.rejected,
            started_at=found.started_at,
            seconds=round((found.changed_at - found.started_at).total_seconds(), 3),
            results_url=f"/imports/{found.id}/results",
        )
