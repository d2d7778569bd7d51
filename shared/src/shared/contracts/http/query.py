"""Query over HTTP: what is asked, what is answered. Look-ups are answered with bytes that have these shapes."""

from datetime import date, datetime
from enum import StrEnum
from typing import Annotated, Any, Final
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from shared.contracts import examples

_SITE: dict[str, Any] = {
    "site_id": examples.SITE,
    "site_number": "京ICP备10046444号-1",
    "name": "Example Pharmacy",
    "domains": ["pharmacy.example"],
    "service_items": ["drugs_and_devices"],
    "status": "live",
}
_FRESH: dict[str, Any] = {"as_of": examples.AT, "lag_ms": 312}
_PUBLIC_REASONS: dict[str, Any] = {
    "legal_basis": examples.STATEMENT["legal_basis"],
    "public_reasons": examples.STATEMENT["reasons"],
    "redacted": [],
}
_MEASURE: dict[str, Any] = {
    "decision_id": examples.DECISION,
    "effect": "revoke",
    "status": "overturned",
    "since": examples.AT,
    "authority": examples.AUTHORITY["names"],
    "regulator": examples.REGULATOR["names"],
    **_PUBLIC_REASONS,
    "redress": {**examples.REMEDY, "body": examples.REVIEW_BODY["names"]},
    "undone": {
        "because": "overturned",
        "authority": examples.REVIEW_BODY["names"],
        "statement": _PUBLIC_REASONS,
        "at": examples.AT,
    },
    "appeals": [
        {
            "appeal_id": examples.APPEAL,
            "status": "upheld",
            "body": examples.REVIEW_BODY["names"],
            "filed_at": examples.AT,
            "decided_at": examples.AT,
            "statement": _PUBLIC_REASONS,
        }
    ],
    "orders": [
        {
            "order_id": examples.ORDER,
            "provider_id": examples.PROVIDER,
            "action": "restore",
            "status": "executed",
            "at": examples.AT,
            "executed_at": examples.AT,
        }
    ],
}
_PUBLIC: dict[str, Any] = {
    "site": _SITE,
    "registration": {
        "number": "京ICP备10046444号", "kind": "filing", "level": "province", "region": "110000", "valid_until": None,
    },
    "operator": {"name": "Example Pharmacy Ltd", "kind": "company"},
    "accesses": [
        {"provider_id": examples.PROVIDER, "hosting_mode": "virtual_host", "status": "live", "hosting": "serving"}
    ],
    "hosting": {"state": "serving", "since": examples.AT, "order_id": examples.ORDER},
    "changed_at": examples.AT,
    "measures": [_MEASURE],
}  # fmt: skip
_OFFICIAL: dict[str, Any] = {
    **_PUBLIC,
    "site": {**_SITE, "version": 4},
    "registration": {**_PUBLIC["registration"], "registration_id": examples.REGISTRATION},
    "operator": {
        "operator_id": examples.OPERATOR, "identity": examples.OPERATOR_REF["identity"], **_PUBLIC["operator"],
    },
    "accesses": [{**_PUBLIC["accesses"][0], "ips": ["198.18.0.10"]}],
    "measures": [{**_MEASURE, "execution_id": examples.EXECUTION, "case_id": examples.CASE}],
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


_FORMER: Final = "Numbers of the site that ended when it was moved, transferred or merged; each of them finds it"


class View(BaseModel):
    """A part of an answer."""

    model_config = ConfigDict(extra="forbid")


class HostingView(View):
    """Whether a site is served; `order_status` only while an order is not carried out yet."""

    state: Annotated[str, Field(description="serving, cut_off_ordered, suspended, restore_ordered or ended")]
    since: datetime | None
    order_id: UUID | None
    order_status: str | None = None
    restore_late: bool = Field(
        False, description="An order to host it again was not done in its time, and is not done yet: whatever the "
        "state says, and at any of its providers."
    )  # fmt: skip


class PublicSite(View):
    """A site."""

    site_id: UUID
    site_number: str
    name: str
    domains: list[str]
    service_items: list[str]
    status: Annotated[str, Field(description="live, stopped (by a measure), revoked or ended")]


class SiteView(PublicSite):
    """A site, for officials."""

    version: int


class PublicRegistration(View):
    """The filing or licence that sites stand under."""

    number: str
    kind: str
    level: str
    region: str
    valid_until: date | None = None
    status: str | None = Field(default=None, description="`lapsed` once a licence's last day is over; no sanction")


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
    identity: Annotated[str, Field(description="A credit code, or `p:` and the keyed hash of a person's number")]


class PublicAccess(View):
    """Where a site is hosted, and whether it is served there."""

    provider_id: UUID
    hosting_mode: str
    status: Annotated[str, Field(description="live, stopped (by a measure) or ended, as the register says")]
    hosting: str


class AccessView(PublicAccess):
    """The same, for officials."""

    ips: list[str]


class NamesView(View):
    """The name of an organisation in both languages."""

    zh: str
    en: str


class PublicRedress(View):
    """Where, how and until when a measure can be challenged."""

    body: NamesView
    how: str
    how_zh: Annotated[str, Field(description="The same in Chinese; as `how` where it was not stated in Chinese")]
    within_days: int


class PublicStatement(View):
    """What was stated, as whoever stated it released it to everybody."""

    legal_basis: list[str]
    public_reasons: Annotated[str, Field(description="Redacted by the authority itself")]
    redacted: Annotated[list[str], Field(description="Kinds of data that the public reasons leave out")] = []


class PublicAppeal(View):
    """An appeal against a measure, and what came of it."""

    appeal_id: UUID
    status: Annotated[str, Field(description="filed, overdue, upheld, rejected or withdrawn")]
    body: NamesView
    filed_at: datetime | None = None
    due_at: Annotated[datetime | None, Field(description="When it should have been decided, if it was late")] = None
    decided_at: datetime | None = None
    statement: PublicStatement | None = None


class PublicUndoing(View):
    """That a measure was undone: why, by whom, when."""

    because: Annotated[str, Field(description="overturned, suspended, lapsed (its time was up) or lifted")]
    authority: NamesView
    statement: PublicStatement
    at: datetime


class PublicOutcome(View):
    """How far an order of a measure came at a provider."""

    order_id: UUID
    provider_id: UUID
    action: str
    status: str
    at: Annotated[datetime, Field(description="When that was recorded")]
    executed_at: Annotated[datetime | None, Field(description="When it was carried out, as the provider says")] = None
    answer: Annotated[str | None, Field(description="To an objection: upheld, rejected or accepted")] = None
    undoes: Annotated[UUID | None, Field(description="The order that a restore takes back, and no other")] = None


class PublicMeasure(PublicStatement):
    """A measure on a site: who decided it, why, how it can be challenged, and what became of it; never taken away."""

    decision_id: UUID
    effect: Annotated[str, Field(description="end_item, suspend_access, cut_access, revoke, …")]
    status: Annotated[str, Field(description="in_force, suspended, ended, lapsed or overturned")]
    since: Annotated[datetime, Field(description="When the register carried it out")]
    until: Annotated[datetime | None, Field(description="When it ends by itself")] = None
    service_item: str | None = None
    authority: NamesView
    regulator: Annotated[NamesView, Field(description="Who carried it out on the register")]
    redress: PublicRedress
    undone: PublicUndoing | None = None
    appeals: list[PublicAppeal] = []
    orders: list[PublicOutcome] = []


class MeasureView(PublicMeasure):
    """A measure, for officials."""

    execution_id: UUID
    case_id: UUID


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
    former_numbers: Annotated[list[str], Field(description=_FORMER)] = []


class EntryView(View):
    """What officials see of a site."""

    site: SiteView
    registration: RegistrationView
    operator: OperatorView
    accesses: list[AccessView]
    hosting: HostingView
    changed_at: datetime
    measures: list[MeasureView] = []
    former_numbers: Annotated[list[str], Field(description=_FORMER)] = []


class PublicUnregistered(View):
    """A site that is in no register and was subject of a measure, known by its host name."""

    host: str
    provider_ids: list[UUID]
    hosting: HostingView
    measures: list[PublicMeasure]


class UnregisteredView(PublicUnregistered):
    """The same, for officials."""

    measures: list[MeasureView]  # type: ignore[assignment]


class _Sought(View):
    found: Annotated[bool, Field(description="Whether a registered site has this key")]
    key: str
    matched: Annotated[str | None, Field(description="The known name that the key lies below")] = None
    total: Annotated[int | None, Field(description="Sites that have this key; absent when none has")] = None


class _OfficialEntry(View):
    site: SiteView | None = None
    registration: RegistrationView | None = None
    operator: OperatorView | None = None
    accesses: list[AccessView] | None = None
    hosting: HostingView | None = None
    changed_at: datetime | None = None
    measures: list[MeasureView] = []
    former_numbers: Annotated[list[str], Field(description=_FORMER)] = []
    others: list[EntryView] = []
    unregistered: Annotated[
        UnregisteredView | None, Field(description="Not found, but a measure hit a site of this name")
    ] = None


class LookupAnswer(Fresh, _OfficialEntry, _Sought):
    """An official's look-up."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={"examples": [
            {"found": True, "key": "pharmacy.example", "total": 1, **_OFFICIAL, **_FRESH},
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
    former_numbers: Annotated[list[str], Field(description=_FORMER)] = []
    others: list[PublicEntry] = []
    unregistered: PublicUnregistered | None = None

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={"examples": [{"found": True, "key": "pharmacy.example", "total": 1, **_PUBLIC, **_FRESH}]},
    )


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
