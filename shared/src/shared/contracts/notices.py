"""What a department tells somebody whom its act concerns: the legal record, and what mail and webhook carry."""

import hashlib
from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum
from types import MappingProxyType
from typing import Annotated, Any, ClassVar
from uuid import UUID

from pydantic import Field

from shared.contracts import examples
from shared.contracts.base import Document, Fact, Text, Topic
from shared.contracts.grounds import ActRef, AuthorityRef, Department, Grounds, Names, Party, Service, Statement
from shared.contracts.topics import APPROVAL_EVENTS, REGISTRY_EVENTS

NOTICE_TYPE = "concord-notice+json"
"""``type`` of the webhook's payload."""


class Channel(StrEnum):
    """How a notice reaches its recipient. The inbox always; the others as its address for service says."""

    INBOX = "inbox"
    EMAIL = "email"
    WEBHOOK = "webhook"
    POST = "post"


class DeliveryState(StrEnum):
    """What became of a notice on one channel."""

    QUEUED = "queued"
    SENT = "sent"
    """Handed over to an address nobody has verified, or lying unread in an inbox: it proves nothing."""
    DELIVERED = "delivered"
    FAILED = "failed"
    BOUNCED = "bounced"
    """A server took it, and said later that it could not be delivered."""
    OPENED = "opened"


class NoticeDocument(Document):
    """A notice as it was issued. Its bytes are kept and never made a second time."""

    EXAMPLE: ClassVar[dict[str, Any]] = {
        "notice_id": examples.NOTICE,
        "about": {"service": "enforcement", "kind": "decision", "id": examples.DECISION},
        "kind": "decision_intended",
        "to": examples.OPERATOR_REF,
        "authority": examples.AUTHORITY,
        "title": {"zh": "拟作出处理决定告知书", "en": "Notice of an intended decision"},
        "grounds": examples.GROUNDS,
        "statement": None,
        "answer_by": "2026-11-29T15:59:59Z",
        "answer_within_days": 7,
        "issued_at": examples.AT,
    }

    notice_id: UUID
    about: ActRef
    kind: Text
    to: Party | Department
    authority: AuthorityRef
    title: Names
    grounds: Grounds | None = None
    statement: Statement | None = None
    answer_by: datetime | None = None
    """Until when what it complains of can be put right, or what it asks for answered."""
    answer_within_days: Annotated[int, Field(ge=1)] | None = None
    """And no less than so many days from its delivery, to the end of the last one."""
    copy_about: Text | None = None
    """It is a copy for whoever holds this name: no time runs from it, the record is its addressee's inbox."""
    issued_at: datetime

    @property
    def says(self) -> Statement | None:
        """Legal basis and reasons, whichever way they are given."""
        return self.grounds or self.statement


class _NoticeFact(Fact):
    """Keyed by the act it is about. Enforcement must know which acts there are to appeal against, and from when."""

    KEY: ClassVar[str] = "act_id"
    CONSUMERS: ClassVar[tuple[str, ...]] = ("enforcement",)

    act_id: UUID
    act: ActRef
    notice_id: UUID


class _Issued(_NoticeFact):
    """An operator was told of an act that it can appeal against."""

    EXAMPLE: ClassVar[dict[str, Any]] = {
        "act_id": examples.APPROVAL,
        "act": {"service": "approval", "kind": "refusal", "id": examples.APPROVAL},
        "notice_id": examples.NOTICE,
        "to": examples.OPERATOR_REF,
        "grounds": examples.GROUNDS,
        "issued_at": examples.AT,
        "took_part": ["officer-a", "officer-b"],
    }

    to: Party
    grounds: Grounds
    issued_at: datetime
    took_part: tuple[Text, ...] | None = None
    """Keys of everybody who had a hand in the act: none of them reviews it. Shown to nobody; none, and not an empty
    list, from programs that did not say it yet."""


class _Delivered(_NoticeFact):
    """That notice reached the operator: its time to appeal runs from here."""

    EXAMPLE: ClassVar[dict[str, Any]] = {
        "act_id": examples.APPROVAL,
        "act": {"service": "approval", "kind": "refusal", "id": examples.APPROVAL},
        "notice_id": examples.NOTICE,
        "delivered_at": examples.AT,
    }

    delivered_at: datetime


class _Returned(_NoticeFact):
    """The mail of that notice came back: its time to appeal does not run from that mail."""

    EXAMPLE: ClassVar[dict[str, Any]] = {
        "act_id": examples.APPROVAL,
        "act": {"service": "approval", "kind": "refusal", "id": examples.APPROVAL},
        "notice_id": examples.NOTICE,
        "returned_at": examples.AT,
    }

    returned_at: datetime


class ApprovalNoticeIssuedV1(_Issued):
    """An operator was told of an act of an approving authority that it can appeal against."""

    TYPE: ClassVar[str] = "approval_notice.issued.v1"
    TOPIC: ClassVar[Topic] = APPROVAL_EVENTS


class ApprovalNoticeDeliveredV1(_Delivered):
    """That notice reached the operator: its time to appeal runs from here."""

    TYPE: ClassVar[str] = "approval_notice.delivered.v1"
    TOPIC: ClassVar[Topic] = APPROVAL_EVENTS


class ApprovalNoticeReturnedV1(_Returned):
    """The mail of that notice came back: the time to appeal runs from another delivery, or not yet."""

    TYPE: ClassVar[str] = "approval_notice.returned.v1"
    TOPIC: ClassVar[Topic] = APPROVAL_EVENTS


class RegistryNoticeIssuedV1(_Issued):
    """An operator was told of an act of the register that it can appeal against."""

    TYPE: ClassVar[str] = "registry_notice.issued.v1"
    TOPIC: ClassVar[Topic] = REGISTRY_EVENTS


class RegistryNoticeDeliveredV1(_Delivered):
    """That notice reached the operator: its time to appeal runs from here."""

    TYPE: ClassVar[str] = "registry_notice.delivered.v1"
    TOPIC: ClassVar[Topic] = REGISTRY_EVENTS


class RegistryNoticeReturnedV1(_Returned):
    """The mail of that notice came back: the time to appeal runs from another delivery, or not yet."""

    TYPE: ClassVar[str] = "registry_notice.returned.v1"
    TOPIC: ClassVar[Topic] = REGISTRY_EVENTS


class RegistryActNamedV1(Fact):
    """What the register did about these names: who shows that one of them is theirs hears of it (ADR 13)."""

    TYPE: ClassVar[str] = "registry_act.named.v1"
    TOPIC: ClassVar[Topic] = REGISTRY_EVENTS
    KEY: ClassVar[str] = "act_id"
    CONSUMERS: ClassVar[tuple[str, ...]] = ("enforcement",)
    EXAMPLE: ClassVar[dict[str, Any]] = {
        "act_id": examples.APPROVAL,
        "act": {"service": "registry", "kind": "registration", "id": examples.APPROVAL},
        "kind": "granted",
        "hosts": ["pharmacy.example"],
        "authority": examples.AUTHORITY,
        "title": {"zh": "准予备案（许可）决定书", "en": "Your registration was granted"},
        "grounds": None,
        "statement": examples.STATEMENT,
        "answer_by": None,
        "at": examples.AT,
    }

    act_id: UUID
    act: ActRef
    kind: Text
    hosts: tuple[Text, ...]
    """In A-label form."""
    authority: AuthorityRef
    title: Names
    grounds: Grounds | None = None
    """With the public reasons alone, like ``statement``."""
    statement: Statement | None = None
    answer_by: datetime | None = None
    at: datetime


ISSUED: Mapping[Service, type[_Issued]] = MappingProxyType(
    {Service.APPROVAL: ApprovalNoticeIssuedV1, Service.REGISTRY: RegistryNoticeIssuedV1}
)
DELIVERED: Mapping[Service, type[_Delivered]] = MappingProxyType(
    {Service.APPROVAL: ApprovalNoticeDeliveredV1, Service.REGISTRY: RegistryNoticeDeliveredV1}
)
RETURNED: Mapping[Service, type[_Returned]] = MappingProxyType(
    {Service.APPROVAL: ApprovalNoticeReturnedV1, Service.REGISTRY: RegistryNoticeReturnedV1}
)
"""By whose act it is; enforcement keeps its own notices, and providers' conduct entries come with access-control."""


def digest_of(document: bytes) -> str:
    """SHA-256 of a notice's bytes, lower-case hex."""
    return hashlib.sha256(document).hexdigest()
