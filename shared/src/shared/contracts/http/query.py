"""Query over HTTP: what is asked, what is answered. Look-ups are answered with bytes that have these shapes."""

from datetime import datetime
from enum import StrEnum
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
_MEASURE: dict[str, Any] = {
    "decision_id": examples.DECISION,
    "effect": "revoke",
    "status": "in_force",
    "since": examples.AT,
    "authority": examples.AUTHORITY["names"],
    "legal_basis": examples.BASIS["legal_basis"],
    "public_reasons": examples.BASIS["reasons"],
    "redress": {**examples.REMEDY, "body": examples.REVIEW_BODY["names"]},
    "appeal": {"status": "filed", "body": examples.REVIEW_BODY["names"], "filed_at": examples.AT},
}
_PUBLIC: dict[str, Any] = {
    "site": _SITE,
    "registration": {"number": "京ICP备10046444号", "kind": "filing", "status": "revoked"},
    "operator": {"name": "Example Culture Ltd", "kind": "company"},
    "accesses": [{"provider_id": examples.PROVIDER, "hosting_mode": "virtual_host", "hosting": "suspended"}],
    "hosting": _HOSTING,
    "changed_at": examples.AT,
    "measures": [_MEASURE],
}
_OFFICIAL: dict[str, Any] = {
    **{name: value for name, value in _PUBLIC.items() if name != "measures"},
    "site": {**_SITE, "version": 4},
    "registration": {"registration_id": examples.REGISTRATION, **_PUBLIC["registration"]},
    "operator": {k: v for k, v in examples.OPERATOR_RECORD.items() if k != "region"},
    "accesses": [{**_PUBLIC["accesses"][0], "ips": ["198.18.0.10"]}],
    "decision": {
        "decision_id": examples.DECISION, "authority": "drugs-110000", **examples.MEASURE,
        "public_reasons": examples.BASIS["reasons"], "case_id": examples.CASE,
    },
    "history": [{"status": "revoked", "at": examples.AT}],
}  # fmt: skip


class By(StrEnum):
    """What a key is. ``auto``: whatever it looks like: a number, an address, or else a domain."""

    AUTO = "auto"
    DOMAIN = "domain"
    IP = "ip"
    NUMBER = "number"


class Format(StrEnum):
    """In which form a list is answered."""

    NDJSON = "ndjson"
    CSV = "csv"


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
    """How a measure can be challenged, for officials."""

    authority: str
    how: str
    within_days: int


class DecisionView(View):
    """Why a registration was revoked, for officials; the public reads `public_reasons` only."""

    decision_id: UUID | None = None
    authority: str
    legal_basis: list[str]
    reasons: str
    public_reasons: str | None = None
    redress: RedressView
    evidence_hash: str | None = None
    case_id: UUID | None = None


class NamesView(View):
    """The name of an organisation in both languages."""

    zh: str
    en: str


class PublicRedress(View):
    """Where, how and until when a measure can be challenged."""

    body: NamesView
    how: str
    within_days: int


class PublicAppeal(View):
    """An appeal against a measure, and what came of it."""

    status: Annotated[str, Field(description="filed, upheld, rejected or withdrawn")]
    body: NamesView | None = None
    filed_at: datetime | None = None
    decided_at: datetime | None = None
    public_reasons: str | None = None


class PublicMeasure(View):
    """A measure on a site: who decided it, why, how it can be challenged, and what became of it; never taken away."""

    decision_id: UUID | None
    effect: Annotated[str, Field(description="end_item, suspend_access, cut_access, revoke, bar, …")]
    status: Annotated[str, Field(description="in_force, suspended, ended, lapsed or overturned")]
    since: datetime | None = None
    until: Annotated[datetime | None, Field(description="When it ends by itself")] = None
    ended_at: datetime | None = None
    authority: NamesView
    legal_basis: list[str]
    public_reasons: Annotated[str | None, Field(description="Redacted by the authority itself")]
    redacted: Annotated[list[str], Field(description="Kinds of data that the public reasons leave out")] = []
    redress: PublicRedress
    appeal: PublicAppeal | None = None


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
    measures: list[PublicMeasure] = []


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
    measures: list[PublicMeasure] = []
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
    measures: list[PublicMeasure] = []


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
    history: list[EventView]


class LookupView(View):
    """One act of looking up: who asked for what, why, and what came of it. For auditors."""

    id: UUID
    subject: str
    name: str
    organisation: str
    region: str | None
    purpose: str | None
    by: By
    key: Annotated[str | None, Field(description="As it was typed; null for a list, see `/lookups/{id}/keys`")]
    terms: Annotated[list[str] | None, Field(description="Its one form, then what else that finds")]
    format: Annotated[str, Field(description="json, ndjson or csv")]
    status: Annotated[str, Field(description="completed; for lists also started and aborted")]
    keys: int
    found: int
    digest: Annotated[str | None, Field(description="SHA-256 of a list as it was sent")]
    reason: str | None
    started_at: datetime
    finished_at: datetime | None
    as_of: datetime | None
    matched: Annotated[list[str], Field(description="What of that which was asked about it looked up")] = []
