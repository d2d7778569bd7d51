"""The public register by category, over HTTP: its lists, its counts, and the lines of a download."""

from datetime import date, datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import ConfigDict, Field

from shared.contracts import examples
from shared.contracts.http.query import Fresh, NamesView, View

ListedKind = Literal["filing", "licence"]
ListedStatus = Literal["live", "stopped", "revoked", "lapsed", "ended"]

_LINE: dict[str, Any] = {
    "cursor": "AZQAAAAAcACAAAAAAAAAATExMDAwMC9maWxpbmcvbGl2ZS9kcnVnc19hbmRfZGV2aWNlcw",
    "site_id": examples.SITE,
    "site_number": "京ICP备10046444号-1",
    "name": "Example Pharmacy",
    "domains": ["pharmacy.example"],
    "service_items": ["drugs_and_devices"],
    "status": "live",
    "registration_number": "京ICP备10046444号",
    "kind": "filing",
    "region": "110000",
    "valid_until": None,
    "operator": "Example Pharmacy Ltd",
    "operator_kind": "company",
    "changed_at": examples.AT,
}


class ListedSite(View):
    """A site in a list or a download. Nothing of a person: an operator who is one is `个人 / individual`."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [_LINE]})

    cursor: Annotated[str, Field(description="Brought back as `after`, the list goes on behind this site")]
    site_id: UUID
    site_number: str
    name: str
    domains: Annotated[list[str], Field(description="None of a person's site: those are found one by one only")]
    service_items: list[str]
    status: Annotated[str, Field(description="live, stopped, revoked, lapsed (also where its licence has) or ended")]
    registration_number: str
    kind: str
    region: str
    valid_until: date | None
    operator: str
    operator_kind: str
    changed_at: datetime


class RegisterPage(Fresh):
    """A page of the public register."""

    items: list[ListedSite]
    next: Annotated[str | None, Field(description="Pass as `after` to read on; null on the last page")]


class RegionCount(View):
    """How many sites stand in a province."""

    region: str
    names: NamesView
    total: int


class CategoryCount(View):
    """How many sites a service item has, and in which provinces; a site with several items counts in each."""

    item: str
    names: NamesView
    approval_required: Annotated[bool, Field(description="Whether an authority's consent comes before registration")]
    total: int
    regions: list[RegionCount]


class RegisterCounts(Fresh):
    """How many sites the register has of what was asked for, exactly."""

    total: int
    categories: list[CategoryCount]
    regions: list[RegionCount]
    statuses: Annotated[dict[str, int], Field(description="By status; ended sites are in it only if asked for")]
    kinds: dict[str, int]
