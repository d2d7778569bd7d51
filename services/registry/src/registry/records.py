"""The register's rows as facts: what other departments are told of a site."""

from datetime import datetime

from registry.lifecycle import Status
from registry.store.register import Access, Operator, Registration, Site
from shared.contracts.registry import AccessRecord, Measure, OperatorRecord, SiteRecord, SiteRecordedV1


def operator_record(operator: Operator) -> OperatorRecord:
    """Who is responsible."""
    return OperatorRecord(
        operator_id=operator.id, name=operator.name, uscc=operator.uscc, kind=operator.kind, region=operator.region
    )


def access_record(access: Access) -> AccessRecord:
    """A site at a provider."""
    return AccessRecord(
        access_id=access.id,
        provider_id=access.provider_id,
        ips=access.ips,
        hosting_mode=access.hosting_mode,
        region=access.region,
    )


def site_record(number: str, status: Status, site: Site) -> SiteRecord:
    """A site under the number of its registration, e.g. ``京ICP备10046444号-1``."""
    return SiteRecord(
        site_id=site.id,
        version=site.version,
        number=f"{number}-{site.ordinal}",
        name=site.name,
        domains=site.domains,
        service_items=site.service_items,
        status=status,
        accesses=tuple(access_record(access) for access in site.accesses),
    )


def site_recorded(registration: Registration, site: Site, *, changed_at: datetime) -> SiteRecordedV1:
    """The whole current record of one site; ``registration`` must carry its number."""
    number = registration.number or ""
    return SiteRecordedV1(
        site_id=site.id,
        version=site.version,
        site=site_record(number, registration.status, site),
        operator=operator_record(registration.operator),
        registration_id=registration.id,
        registration_number=number,
        registration_kind=registration.kind,
        registration_status=registration.status,
        region=registration.region,
        level=registration.level,
        measure=Measure.model_validate(registration.measure) if registration.measure else None,
        changed_at=changed_at,
    )
