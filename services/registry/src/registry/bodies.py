"""What callers send to the register; checked here, before any verb runs."""

from enum import StrEnum
from typing import Annotated
from uuid import UUID

from pydantic import ConfigDict, Field, StringConstraints

from shared.contracts.base import Body, LegalBasis, Reasons, Redress, Region, Sha256, Text
from shared.contracts.examples import BASIS, MEASURE, OPERATOR, PROVIDER, REDRESS
from shared.rules import Level

DomainText = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=253)]
Domains = Annotated[tuple[DomainText, ...], Field(min_length=1, max_length=100)]
Addresses = Annotated[tuple[Annotated[str, StringConstraints(max_length=45)], ...], Field(min_length=1, max_length=100)]
ServiceItems = Annotated[tuple[Text, ...], Field(min_length=1, max_length=20)]


class OperatorKind(StrEnum):
    """What an operator is."""

    COMPANY = "company"
    INSTITUTION = "institution"
    PERSON = "person"


class RegistrationKind(StrEnum):
    """Non-commercial sites file, commercial ones are licensed."""

    FILING = "filing"
    LICENCE = "licence"


class HostingMode(StrEnum):
    """How a provider hosts a site. An address of a dedicated server serves one operator only."""

    VIRTUAL_HOST = "virtual_host"
    DEDICATED = "dedicated"
    COLOCATION = "colocation"
    CLOUD = "cloud"


class NewOperator(Body):
    """An organisation or person that will be responsible for sites."""

    model_config = ConfigDict(json_schema_extra={"examples": [
        {"name": "Example Culture Ltd", "uscc": "91110000MA0000000H", "kind": "company", "region": "110000"}
    ]})  # fmt: skip

    name: Text
    uscc: Text
    kind: OperatorKind
    region: Region


class NewAccess(Body):
    """Where a site is hosted."""

    provider_id: UUID
    ips: Addresses
    hosting_mode: HostingMode = HostingMode.VIRTUAL_HOST


class NewSite(Body):
    """A site to be registered. Every regulated service item needs an approval for one of the domains."""

    name: Text
    domains: Domains
    service_items: ServiceItems = ("general",)
    accesses: Annotated[tuple[NewAccess, ...], Field(min_length=1, max_length=50)]


class NewRegistration(Body):
    """A filing or licence for one or more sites of an operator."""

    model_config = ConfigDict(json_schema_extra={"examples": [{
        "operator_id": OPERATOR, "kind": "filing", "sites": [{
            "name": "Example Stage", "domains": ["stage.example"], "service_items": ["general"],
            "accesses": [{"provider_id": PROVIDER, "ips": ["198.18.0.10"], "hosting_mode": "virtual_host"}],
        }],
    }]})  # fmt: skip

    operator_id: UUID
    kind: RegistrationKind
    level: Level = Level.PROVINCE
    sites: Annotated[tuple[NewSite, ...], Field(min_length=1, max_length=100)]


class Grant(Body):
    """Why a registration is granted."""

    model_config = ConfigDict(json_schema_extra={"examples": [BASIS]})

    legal_basis: LegalBasis
    reasons: Reasons


class Refusal(Grant):
    """Why a registration is refused, and how to challenge that."""

    model_config = ConfigDict(json_schema_extra={"examples": [{**BASIS, "redress": REDRESS}]})

    redress: Redress


class Amendment(NewSite):
    """The site as it shall be from now on, and why."""

    reasons: Reasons


class Revocation(Body):
    """Why a registration shall be revoked. A second person must confirm it."""

    model_config = ConfigDict(json_schema_extra={"examples": [MEASURE]})

    legal_basis: LegalBasis
    reasons: Reasons
    evidence_hash: Sha256
    redress: Redress
    case_id: UUID | None = None
    decision_id: UUID | None = None


class WithReasons(Body):
    """An act that needs reasons."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"reasons": BASIS["reasons"]}]})

    reasons: Reasons


class Reinstatement(Grant):
    """Why a revoked registration is valid again."""
