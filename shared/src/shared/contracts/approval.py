"""What the prior-approval authorities say (P3.1.1-3). A reader of any of these facts needs only the highest version."""

from datetime import date
from enum import StrEnum
from typing import Any, ClassVar, Literal
from uuid import UUID

from shared.contracts import examples
from shared.contracts.base import Document, Fact, Region, Text, Topic
from shared.contracts.grounds import AuthorityRef, Grounds, OperatorRef
from shared.contracts.topics import APPROVAL_EVENTS


class ApprovalStatus(StrEnum):
    """Where an approval stands, from the application on."""

    SUBMITTED = "submitted"
    """The authority has it on its desk and its clock runs; late, it is marked overdue and can still be decided."""
    RETURNED = "returned"
    """Once, with everything that is missing; the clock stands still until the operator has answered."""
    RESUBMITTED = "resubmitted"
    """The operator answered and the clock runs on. It cannot be returned a second time."""
    GRANTED = "granted"
    """In force until the end of its last day; it has a number, a scope and an authority."""
    RENEWING = "renewing"
    """Its renewal is on the authority's desk. It stays in force until that is decided, also past its last day."""
    REFUSED = "refused"
    """Refused with every reason at once. The operator can appeal, and may apply again."""
    NOT_REQUIRED = "not_required"
    """The authority found that the service needs no approval; the operator may register without one."""
    LAPSED = "lapsed"
    """Its last day is over and nobody asked for a renewal in time."""
    ENDED = "ended"
    """Ended by a decision in a case. If that is overturned, the approval stands again as it stood."""


class ApprovalRecord(Document):
    """An approval as it is: one id and one number over all its renewals."""

    EXAMPLE: ClassVar[dict[str, Any]] = examples.APPROVAL_RECORD

    approval_id: UUID
    version: int
    status: ApprovalStatus
    live: bool
    """Whether it covers the service item. Nobody else counts days: when the last one is over, ``lapsed`` says so."""
    operator: OperatorRef
    service_item: Text
    domain: Text
    """A-label form, lower case."""
    level: Literal["national", "province"]
    region: Region | None = None
    """Whom it was put to. What a province consents to is valid for the operators of that province."""
    authority: AuthorityRef | None = None
    """Who decided."""
    number: Text | None = None
    scope: Text | None = None
    valid_from: date | None = None
    valid_until: date | None = None
    """The last day, in the time zone of the profile."""


_EXAMPLE: dict[str, Any] = {"approval_id": examples.APPROVAL, "approval": examples.APPROVAL_RECORD}


def _example(**changes: Any) -> dict[str, Any]:
    return _EXAMPLE | {"approval": examples.APPROVAL_RECORD | changes}


class ApprovalFact(Fact):
    """Something happened to an approval, which is told whole."""

    TOPIC: ClassVar[Topic] = APPROVAL_EVENTS
    KEY: ClassVar[str] = "approval_id"
    CONSUMERS: ClassVar[tuple[str, ...]] = ("registry",)

    approval_id: UUID
    approval: ApprovalRecord


class ApprovalGrantedV1(ApprovalFact):
    """An authority consented to a service item; the operator may now register the site."""

    TYPE: ClassVar[str] = "approval.granted.v1"
    EXAMPLE: ClassVar[dict[str, Any]] = {**_EXAMPLE, "grounds": examples.CONSENT_GROUNDS}

    grounds: Grounds


class ApprovalNotRequiredV1(ApprovalFact):
    """An authority found that the service needs no prior approval; the operator may register without one."""

    TYPE: ClassVar[str] = "approval.not_required.v1"
    EXAMPLE: ClassVar[dict[str, Any]] = {
        **_example(status="not_required", number=None, scope=None, valid_from=None, valid_until=None),
        "grounds": examples.CONSENT_GROUNDS,
    }

    grounds: Grounds


class ApprovalRenewedV1(ApprovalFact):
    """An authority gave an approval a later last day."""

    TYPE: ClassVar[str] = "approval.renewed.v1"
    EXAMPLE: ClassVar[dict[str, Any]] = {
        **_example(version=4, valid_until="2032-11-22"),
        "grounds": examples.CONSENT_GROUNDS,
    }

    grounds: Grounds


class ApprovalLapsedV1(ApprovalFact):
    """The last day of an approval is over. Nothing is struck off anywhere by this alone."""

    TYPE: ClassVar[str] = "approval.lapsed.v1"
    EXAMPLE: ClassVar[dict[str, Any]] = _example(version=6, status="lapsed", live=False)


class ApprovalEndedV1(ApprovalFact):
    """A decision in a case ended an approval (P3.2.4); ``grounds`` are those of the decision, and name it."""

    TYPE: ClassVar[str] = "approval.ended.v1"
    EXAMPLE: ClassVar[dict[str, Any]] = {
        **_example(version=3, status="ended", live=False),
        "grounds": examples.GROUNDS,
    }

    grounds: Grounds


class ApprovalReinstatedV1(ApprovalFact):
    """The decision that ended an approval was overturned or suspended: it stands as it stood."""

    TYPE: ClassVar[str] = "approval.reinstated.v1"
    EXAMPLE: ClassVar[dict[str, Any]] = _example(version=4)
