"""What the answers of query look like, for the API documentation; the answers themselves are made of bytes."""

from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from shared.contracts import examples

_SITE: dict[str, Any] = {
    "site_id": examples.SITE,
    "site_number": "京ICP备10046444号-1",
    "name": "Example Stage",
    "domains": ["stage.example"],
    "service_items": ["culture"],
    "status": "active",
    "region": "110000",
}
_HOSTING: dict[str, Any] = {"state": "suspended", "since": examples.AT, "order_id": examples.ORDER}
_FRESH: dict[str, Any] = {"as_of": examples.AT, "lag_ms": 312}
_PUBLIC: dict[str, Any] = {
    "site": _SITE,
    "registration": {"number": "京ICP备10046444号", "kind": "filing", "status": "revoked"},
    "operator": {"name": "Example Culture Ltd", "kind": "company"},
    "accesses": [{"provider_id": examples.PROVIDER, "hosting_mode": "virtual_host", "hosting": "suspended"}],
    "hosting": _HOSTING,
    "changed_at": examples.AT,
    "decision": {
        "decision_id": examples.DECISION, "authority": "culture-bj", **examples.BASIS, "redress": examples.REDRESS,
    },
}  # fmt: skip
_OFFICIAL: dict[str, Any] = {
    **_PUBLIC,
    "site": {**_SITE, "version": 4},
    "registration": {"registration_id": examples.REGISTRATION, **_PUBLIC["registration"]},
    "operator": {k: v for k, v in examples.OPERATOR_RECORD.items() if k != "region"},
    "accesses": [{**_PUBLIC["accesses"][0], "ips": ["198.18.0.10"]}],
    "decision": {**_PUBLIC["decision"], "evidence_hash": examples.DIGEST, "case_id": examples.CASE},
    "history": [{"status": "revoked", "at": examples.AT}],
}


class View(BaseModel):
    """A part of an answer."""

    model_config = ConfigDict(extra="forbid")


class HostingView(View):
    """Whether a site is served; `order_status` only while an order is not carried out yet."""

    state: Annotated[str, Field(description="serving, cut_off_ordered, suspended or restore_ordered")]
    since: datetime | None
    order_id: UUID | None
    order_status: str | None = None


class PublicSite(View):
    """A site."""

    site_id: UUID
    site_number: str
    name: str
    domains: list[str]
    service_items: list[str]
    status: str
    region: str


class SiteView(PublicSite):
    """A site, for officials."""

    version: int


class PublicRegistration(View):
    """A registration."""

    number: str
    kind: str
    status: str


class RegistrationView(PublicRegistration):
    """A registration, for officials."""

    registration_id: UUID


class PublicOperator(View):
    """An operator; a person is `个人 / individual`."""

    name: str
    kind: str


class OperatorView(PublicOperator):
    """An operator, for officials."""

    operator_id: UUID
    uscc: str


class PublicAccess(View):
    """Where a site is hosted, and whether it is served there."""

    provider_id: UUID
    hosting_mode: str
    hosting: str


class AccessView(PublicAccess):
    """The same, for officials."""

    ips: list[str]


class RedressView(View):
    """How a measure can be challenged."""

    authority: str
    how: str
    within_days: int


class PublicDecision(View):
    """Why a registration was revoked."""

    decision_id: UUID | None
    authority: str
    legal_basis: list[str]
    reasons: str
    redress: RedressView


class DecisionView(PublicDecision):
    """The same, for officials."""

    decision_id: UUID | None = None
    evidence_hash: str | None = None
    case_id: UUID | None = None


class ChangeView(View):
    """A change of the registration's status."""

    status: str
    at: datetime


class Fresh(View):
    """How fresh an answer is: everything said up to `as_of` is in it."""

    as_of: datetime | None
    lag_ms: int | None


class PublicEntry(View):
    """What the public sees of a site."""

    site: PublicSite
    registration: PublicRegistration
    operator: PublicOperator
    accesses: list[PublicAccess]
    hosting: HostingView
    changed_at: datetime
    decision: PublicDecision | None = None


class EntryView(View):
    """What officials see of a site."""

    site: SiteView
    registration: RegistrationView
    operator: OperatorView
    accesses: list[AccessView]
    hosting: HostingView
    changed_at: datetime
    decision: DecisionView | None = None
    history: list[ChangeView] = []


class _Sought(View):
    found: bool
    key: str
    matched: Annotated[str | None, Field(description="The registered domain that the key lies below")] = None
    total: Annotated[int | None, Field(description="Sites that have this key; absent when none has")] = None


class _OfficialEntry(View):
    site: SiteView | None = None
    registration: RegistrationView | None = None
    operator: OperatorView | None = None
    accesses: list[AccessView] | None = None
    hosting: HostingView | None = None
    changed_at: datetime | None = None
    decision: DecisionView | None = None
    history: list[ChangeView] = []
    others: list[EntryView] = []


class LookupAnswer(Fresh, _OfficialEntry, _Sought):
    """An official's look-up."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={"examples": [
            {"found": True, "key": "stage.example", "total": 1, **_OFFICIAL, **_FRESH},
            {"found": False, "key": "unknown.example", **_FRESH},
        ]},
    )  # fmt: skip


class LookupLine(_OfficialEntry, _Sought):
    """A line of the answer to a list."""

    error: Annotated[str | None, Field(description="bad_domain, bad_ip, bad_number, bad_encoding, key_too_long")] = None
    message: str | None = None


class PublicAnswer(Fresh, _Sought):
    """The public's look-up."""

    site: PublicSite | None = None
    registration: PublicRegistration | None = None
    operator: PublicOperator | None = None
    accesses: list[PublicAccess] | None = None
    hosting: HostingView | None = None
    changed_at: datetime | None = None
    decision: PublicDecision | None = None
    others: list[PublicEntry] = []

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={"examples": [{"found": True, "key": "stage.example", "total": 1, **_PUBLIC, **_FRESH}]},
    )


class RegisterSite(PublicSite):
    """A site in the register's entry."""

    accesses: list[PublicAccess]
    hosting: HostingView
    changed_at: datetime


class EventView(View):
    """Something that happened: `registration_revoked`, `cut_off_executed`, …"""

    at: datetime
    what: str
    site_number: str | None = None
    provider_id: UUID | None = None
    order_id: UUID | None = None


class RegisterEntry(Fresh):
    """The public register's entry for a number."""

    number: str
    registration: PublicRegistration
    operator: PublicOperator
    region: str
    total: int
    sites: list[RegisterSite]
    decision: PublicDecision | None
    history: list[EventView]
