"""What the register says: the record of each site, and how decisions were executed on it (P3.1.4-6, P3.2.3-4)."""

from datetime import date, datetime
from typing import Any, ClassVar
from uuid import UUID

from shared.contracts import examples
from shared.contracts.base import Document, Fact, Region, Text, Topic
from shared.contracts.grounds import ActRef, AddressForService, AuthorityRef, Grounds, Identity, OperatorRef, Statement
from shared.contracts.subjects import AccessRecord, FrozenSite, Subject
from shared.contracts.topics import REGISTRY_EVENTS, REGISTRY_SITES


class OperatorRecord(OperatorRef):
    """Who is responsible for a site. ``kind``: company, institution or person."""

    operator_id: UUID
    kind: Text
    region: Region
    address_for_service: AddressForService = AddressForService()


class RegistrationRecord(Document):
    """The filing or licence a site stands under; the number is the operator's."""

    registration_id: UUID
    kind: Text
    number: Text
    level: Text
    region: Region
    valid_until: date | None = None


class StandingRegistration(RegistrationRecord):
    """The same, and whether it is in force now."""

    status: Text | None = None
    """``lapsed``: its last day is over, which is no sanction and asks nothing of anybody; none while it is in force."""


class Burden(Document):
    """The execution that lies on a site now."""

    execution_id: UUID
    decision_id: UUID
    effect: Text
    until: datetime | None = None


class SiteRecordedV1(Fact):
    """The whole current record of a site. The highest ``version`` of a site wins; replays do no harm."""

    TYPE: ClassVar[str] = "site.recorded.v1"
    TOPIC: ClassVar[Topic] = REGISTRY_SITES
    KEY: ClassVar[str] = "site_id"
    CONSUMERS: ClassVar[tuple[str, ...]] = ("enforcement", "query")
    EXAMPLE: ClassVar[dict[str, Any]] = {
        "site_id": examples.SITE,
        "version": 3,
        "number": "京ICP备10046444号-1",
        "name": "Example Pharmacy",
        "domains": ["pharmacy.example", "xn--fsqu00a.test"],
        "service_items": ["drugs_and_devices"],
        "status": "live",
        "accesses": [examples.ACCESS_RECORD],
        "operator": examples.OPERATOR_RECORD,
        "registration": examples.REGISTRATION_RECORD,
        "burdens": [],
        "former_numbers": [],
        "changed_at": examples.AT,
    }

    site_id: UUID
    version: int
    number: Text
    name: Text
    domains: tuple[Text, ...]
    service_items: tuple[Text, ...]
    status: Text
    """live, stopped (its access is stopped by a measure), revoked, or ended (deregistered, transferred away)."""
    accesses: tuple[AccessRecord, ...]
    operator: OperatorRecord
    registration: StandingRegistration
    burdens: tuple[Burden, ...] = ()
    former_numbers: tuple[Text, ...] = ()
    """Numbers of the site that ended when it was moved, transferred or merged."""
    changed_at: datetime


class _ExecutionFact(Fact):
    """Keyed by the decision, so that what befalls one decision reaches every reader in order."""

    TOPIC: ClassVar[Topic] = REGISTRY_EVENTS
    KEY: ClassVar[str] = "decision_id"

    execution_id: UUID
    decision_id: UUID
    case_id: UUID
    effect: Text
    subject: Subject
    regulator: AuthorityRef
    """Who executes: the industry regulator of the deciding authority's level and region (P3.2.2)."""
    took_part: tuple[Text, ...] = ()
    """Keys of the regulator's persons who had a hand in it: none of them reviews the decision. Shown to nobody."""


_EXECUTION: dict[str, Any] = {
    "execution_id": examples.EXECUTION,
    "decision_id": examples.DECISION,
    "case_id": examples.CASE,
    "effect": "revoke",
    "subject": {"kind": "site", "site_id": examples.SITE},
    "regulator": examples.REGULATOR,
    "took_part": ["officer-a", "officer-b"],
}


class ExecutionReceivedV1(_ExecutionFact):
    """The industry regulator has a decision on its desk and its clock runs (P3.2.3)."""

    TYPE: ClassVar[str] = "execution.received.v1"
    CONSUMERS: ClassVar[tuple[str, ...]] = ("enforcement",)
    EXAMPLE: ClassVar[dict[str, Any]] = {**_EXECUTION, "due_at": examples.AT, "provisional": False}

    due_at: datetime
    provisional: bool = False


class ExecutionDeclinedV1(_ExecutionFact):
    """The industry regulator declined to execute a decision, with reasons; nothing was done."""

    TYPE: ClassVar[str] = "execution.declined.v1"
    CONSUMERS: ClassVar[tuple[str, ...]] = ("enforcement",)
    EXAMPLE: ClassVar[dict[str, Any]] = {**_EXECUTION, "statement": examples.STATEMENT, "declined_at": examples.AT}

    statement: Statement
    declined_at: datetime


class ExecutionCarriedOutV1(_ExecutionFact):
    """A second person of the regulator confirmed: the register says so now, and providers that host the site act.

    One fact a site. For a found site ``site`` is none and the subject names host and provider.
    """

    TYPE: ClassVar[str] = "execution.carried_out.v1"
    CONSUMERS: ClassVar[tuple[str, ...]] = ("access-control", "enforcement", "query")
    EXAMPLE: ClassVar[dict[str, Any]] = {
        **_EXECUTION,
        "site": examples.FROZEN_SITE,
        "registration": examples.REGISTRATION_RECORD,
        "operator": examples.OPERATOR_REF["identity"],
        "person": None,
        "grounds": examples.GROUNDS,
        "service_item": None,
        "until": None,
        "carried_out_at": examples.AT,
        "received_at": examples.AT,
        "due_at": examples.AT,
        "decided_at": examples.AT,
        "urgent_ground": None,
    }

    site: FrozenSite | None = None
    """What is hit: the union of the site at the decision and at this moment."""
    registration: RegistrationRecord | None = None
    operator: Identity | None = None
    """Whose site it is: who may read what is seen of its orders. None for a found site, and from an earlier program."""
    person: Text | None = None
    """The name of that operator if it is a person, for whoever publishes what was said: it is left out there, whoever
    has the site by then."""
    grounds: Grounds
    service_item: Text | None = None
    """For ``end_item``."""
    until: datetime | None = None
    """For ``suspend_access`` and ``bar``: when it ends by itself."""
    carried_out_at: datetime
    received_at: datetime | None = None
    """Since when it lay on the regulator's desk."""
    due_at: datetime | None = None
    """Until when the regulator had to answer."""
    decided_at: datetime | None = None
    """When the decision was released."""
    urgent_ground: Text | None = None
    """The urgent ground on which it was, if it was on one."""


class ExecutionUndoneV1(_ExecutionFact):
    """What an execution did is undone, exactly: an appeal was upheld or late, or the measure reached its end."""

    TYPE: ClassVar[str] = "execution.undone.v1"
    CONSUMERS: ClassVar[tuple[str, ...]] = ("access-control", "enforcement", "query")
    EXAMPLE: ClassVar[dict[str, Any]] = {
        **_EXECUTION,
        "because": "overturned",
        "authority": examples.REVIEW_BODY,
        "statement": examples.STATEMENT,
        "appeal": None,
        "undone_at": examples.AT,
    }

    because: Text
    """overturned, suspended (an appeal was late, or a stay was granted), lapsed (its time was up) or lifted."""
    authority: AuthorityRef
    """Who decided so: for an upheld appeal the review body."""
    statement: Statement
    appeal: ActRef | None = None
    undone_at: datetime


class MeasureOverlappedV1(_ExecutionFact):
    """A measure hits names that are another site's since it was carried out (docs/adr/0026).

    With ``not_before`` they are names that were decided about: whose they are now is told, and no order that has not
    gone out goes out before that time. Without it they are not meant any more, whatever was ordered before.
    """

    TYPE: ClassVar[str] = "measure.overlapped.v1"
    CONSUMERS: ClassVar[tuple[str, ...]] = ("access-control",)
    EXAMPLE: ClassVar[dict[str, Any]] = {
        **_EXECUTION,
        "overlap_id": examples.OVERLAP,
        "site_id": examples.NEIGHBOUR,
        "names": ["advice.pharmacy.example"],
        "not_before": None,
        "overlapped_at": examples.AT,
    }

    overlap_id: UUID
    """The act that the operator of that site was told of, and may challenge."""
    site_id: UUID
    """Of that other site."""
    names: tuple[Text, ...]
    not_before: datetime | None = None
    overlapped_at: datetime


class BarRecordedV1(Fact):
    """An operator is on the barred list, or off it again; the highest ``seq`` of a bar wins."""

    TYPE: ClassVar[str] = "bar.recorded.v1"
    TOPIC: ClassVar[Topic] = REGISTRY_EVENTS
    KEY: ClassVar[str] = "execution_id"
    CONSUMERS: ClassVar[tuple[str, ...]] = ("approval",)
    EXAMPLE: ClassVar[dict[str, Any]] = {
        "execution_id": examples.EXECUTION,
        "seq": 7,
        "decision_id": examples.DECISION,
        "operator": examples.OPERATOR_REF,
        "listed": True,
        "names": ["pharmacy.example"],
        "until": examples.AT,
        "at": examples.AT,
    }

    execution_id: UUID
    seq: int
    decision_id: UUID
    operator: OperatorRef
    listed: bool
    names: tuple[Text, ...]
    until: datetime
    at: datetime


class MergerRecordedV1(Fact):
    """One operator goes on under another, or no more: a merger was confirmed, or fell; its highest ``version`` wins.

    Whoever goes on reads and challenges what was said to the one it took over, for as long as that stands (ADR 15).
    Keyed by the operator that was taken over, which goes on under one other at a time.
    """

    TYPE: ClassVar[str] = "merger.recorded.v1"
    TOPIC: ClassVar[Topic] = REGISTRY_EVENTS
    KEY: ClassVar[str] = "operator_id"
    CONSUMERS: ClassVar[tuple[str, ...]] = ("approval", "enforcement")
    EXAMPLE: ClassVar[dict[str, Any]] = {
        "merger_id": examples.MERGER,
        "version": 2,
        "operator_id": examples.OPERATOR_RECORD["operator_id"],
        "operator": examples.OPERATOR_REF,
        "survivor": {"identity": "91110000MA00000021", "name": "Example Pharmacy Holding"},
        "stands": True,
        "sites": [],
        "at": examples.AT,
    }

    merger_id: UUID
    version: int
    operator_id: UUID
    operator: OperatorRef
    """As it was known before, and is again when the merger falls."""
    survivor: OperatorRef
    stands: bool
    sites: tuple[UUID, ...] = ()
    """When it falls: the sites that are the operator's own again."""
    at: datetime


class _ReviewFact(Fact):
    """Keyed by the subject of the review, so that what befalls one reaches every reader in order."""

    TOPIC: ClassVar[Topic] = REGISTRY_EVENTS
    KEY: ClassVar[str] = "subject_id"
    CONSUMERS: ClassVar[tuple[str, ...]] = ("enforcement",)

    subject_id: UUID
    review_id: UUID
    year: int
    decision_id: UUID
    """The decision that the opinion cited."""
    case_id: UUID
    """The case that follows, at the authority whose decision it cited."""


_REVIEW: dict[str, Any] = {
    "subject_id": examples.REVIEW_SUBJECT,
    "review_id": examples.REVIEW,
    "year": 2027,
    "decision_id": examples.DECISION,
    "case_id": examples.CASE,
}


class ReviewVetoedV1(_ReviewFact):
    """A site failed its annual review, and what the opinion asks is not done yet: a case is to be opened (P3.3.6).

    It is a finding and burdens nobody: what follows is decided in that case, or not (docs/adr/0010).
    """

    TYPE: ClassVar[str] = "review.vetoed.v1"
    EXAMPLE: ClassVar[dict[str, Any]] = {
        **_REVIEW,
        "site_id": examples.SITE,
        "outcome": "close_site",
        "service_item": None,
        "grounds": examples.GROUNDS,
        "vetoed_at": examples.AT,
    }

    site_id: UUID
    outcome: Text
    """cancel_service or close_site."""
    service_item: Text | None = None
    """For ``cancel_service``."""
    grounds: Grounds
    """Of the opinion. The case is of the authority whose decision it cited."""
    vetoed_at: datetime


class ReviewClearedV1(_ReviewFact):
    """A veto fell: its decision was overturned, suspended or lifted, an appeal was won, or it was taken back."""

    TYPE: ClassVar[str] = "review.cleared.v1"
    EXAMPLE: ClassVar[dict[str, Any]] = {
        **_REVIEW,
        "because": "overturned",
        "statement": examples.STATEMENT,
        "cleared_at": examples.AT,
    }

    because: Text
    """overturned, suspended, lifted, withdrawn or appeal."""
    statement: Statement
    cleared_at: datetime
