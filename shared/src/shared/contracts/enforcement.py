"""What authorities decide in cases (P3.2), and what becomes of it on appeal."""

from datetime import datetime
from typing import Any, ClassVar, Final
from uuid import UUID

from shared.contracts import examples
from shared.contracts.base import Fact, Text, Topic
from shared.contracts.grounds import ActRef, AuthorityRef, Grounds, OperatorRef, Statement
from shared.contracts.subjects import FrozenSite, Preview, Subject
from shared.contracts.topics import ENFORCEMENT_EVENTS

LAPSED: Final = "lapsed"
"""Why a decision, or its execution, has no effect any more: the time that it set is over. One word for all."""
_DECISION: dict[str, Any] = {
    "decision_id": examples.DECISION,
    "case_id": examples.CASE,
    "effect": "revoke",
    "subject": {"kind": "site", "site_id": examples.SITE},
}


class _DecisionFact(Fact):
    """Keyed by the decision."""

    TOPIC: ClassVar[Topic] = ENFORCEMENT_EVENTS
    KEY: ClassVar[str] = "decision_id"
    CONSUMERS: ClassVar[tuple[str, ...]] = ("registry", "approval", "access-control", "query")

    decision_id: UUID
    case_id: UUID
    effect: Text
    """no_breach, correct, end_item, suspend_access, cut_access, revoke, bar or penalty."""
    subject: Subject


class DecisionReleasedV1(_DecisionFact):
    """A second person released a decision; it is now an act of the authority, and whom it concerns execute it."""

    TYPE: ClassVar[str] = "decision.released.v1"
    CONSUMERS: ClassVar[tuple[str, ...]] = ("registry", "approval", "access-control")
    """Not query: what was decided and not carried out is nobody's business."""
    EXAMPLE: ClassVar[dict[str, Any]] = {
        **_DECISION,
        "operator": examples.OPERATOR_REF,
        "grounds": examples.GROUNDS,
        "signed_by": ["drugs-a", "drugs-b"],
        "service_item": "drugs_and_devices",
        "site": examples.FROZEN_SITE,
        "preview": examples.PREVIEW,
        "until": None,
        "correct_by": None,
        "urgent_ground": None,
        "released_at": examples.AT,
    }

    operator: OperatorRef | None = None
    """Whom it burdens; none for a provider, and for a found site whose operator nobody knows."""
    grounds: Grounds
    signed_by: tuple[Text, ...]
    """Keys of the persons who drafted and released: none of them may sign its execution. Shown to nobody."""
    service_item: Text | None = None
    site: FrozenSite | None = None
    """The site as it was when this was released."""
    preview: Preview | None = None
    until: datetime | None = None
    """When it ends by itself: always for ``suspend_access`` and ``bar``."""
    correct_by: datetime | None = None
    """For ``correct``."""
    urgent_ground: Text | None = None
    """The listed ground on which it did not wait for a delivered notice."""
    released_at: datetime


class DecisionSuspendedV1(_DecisionFact):
    """The decision has no effect for the time being: its appeal was late, a stay was granted, or its notice was."""

    TYPE: ClassVar[str] = "decision.suspended.v1"
    EXAMPLE: ClassVar[dict[str, Any]] = {
        **_DECISION,
        "because": "appeal_late",
        "authority": examples.AUTHORITY,
        "statement": examples.STATEMENT,
        "appeal_id": examples.APPEAL,
        "suspended_at": examples.AT,
    }

    because: Text
    """appeal_late, stay, notice_late, or basis_fell: the order that it followed was overturned."""
    authority: AuthorityRef
    statement: Statement
    appeal_id: UUID | None = None
    suspended_at: datetime


class DecisionOverturnedV1(_DecisionFact):
    """An appeal was upheld: what the decision did must be undone."""

    TYPE: ClassVar[str] = "decision.overturned.v1"
    EXAMPLE: ClassVar[dict[str, Any]] = {
        **_DECISION,
        "authority": examples.REVIEW_BODY,
        "statement": examples.STATEMENT,
        "appeal_id": examples.APPEAL,
        "overturned_at": examples.AT,
    }

    authority: AuthorityRef
    """The review body."""
    statement: Statement
    appeal_id: UUID
    overturned_at: datetime


class DecisionIgnoredV1(_DecisionFact):
    """A second officer found that an order to correct was not obeyed by its date (P3.2.2)."""

    TYPE: ClassVar[str] = "decision.ignored.v1"
    CONSUMERS: ClassVar[tuple[str, ...]] = ("registry",)
    EXAMPLE: ClassVar[dict[str, Any]] = {
        **_DECISION,
        "effect": "correct",
        "authority": examples.AUTHORITY,
        "ignored_at": examples.AT,
    }

    authority: AuthorityRef
    ignored_at: datetime


class DecisionEndedV1(_DecisionFact):
    """The authority lifted its own decision, what it ordered was corrected, or its time was up."""

    TYPE: ClassVar[str] = "decision.ended.v1"
    EXAMPLE: ClassVar[dict[str, Any]] = {
        **_DECISION,
        "because": "lifted",
        "authority": examples.AUTHORITY,
        "statement": examples.STATEMENT,
        "ended_at": examples.AT,
    }

    because: Text
    """lifted, corrected or lapsed (its time was up)."""
    authority: AuthorityRef
    statement: Statement
    ended_at: datetime


class _AppealFact(Fact):
    """Keyed by the act that is appealed."""

    TOPIC: ClassVar[Topic] = ENFORCEMENT_EVENTS
    KEY: ClassVar[str] = "act_id"
    CONSUMERS: ClassVar[tuple[str, ...]] = ("registry", "approval", "query")

    appeal_id: UUID
    act_id: UUID
    act: ActRef


_APPEAL: dict[str, Any] = {
    "appeal_id": examples.APPEAL,
    "act_id": examples.APPROVAL,
    "act": {"service": "approval", "kind": "refusal", "id": examples.APPROVAL},
}


class AppealFiledV1(_AppealFact):
    """Somebody challenges an act of any department, and the clock of the review body runs."""

    TYPE: ClassVar[str] = "appeal.filed.v1"
    CONSUMERS: ClassVar[tuple[str, ...]] = ("registry", "query")
    EXAMPLE: ClassVar[dict[str, Any]] = {**_APPEAL, "body": examples.REVIEW_BODY, "filed_at": examples.AT}

    body: AuthorityRef
    filed_at: datetime


class AppealOverdueV1(_AppealFact):
    """The review body did not decide in time: the service whose act it is suspends it (in code, not in the profile)."""

    TYPE: ClassVar[str] = "appeal.overdue.v1"
    EXAMPLE: ClassVar[dict[str, Any]] = {**_APPEAL, "body": examples.REVIEW_BODY, "due_at": examples.AT}

    body: AuthorityRef
    due_at: datetime


class AppealDecidedV1(_AppealFact):
    """The review body decided, or it was withdrawn. Upheld: the service whose act it is undoes exactly that act."""

    TYPE: ClassVar[str] = "appeal.decided.v1"
    EXAMPLE: ClassVar[dict[str, Any]] = {
        **_APPEAL,
        "outcome": "upheld",
        "body": examples.REVIEW_BODY,
        "statement": examples.STATEMENT,
        "decided_at": examples.AT,
    }

    outcome: Text
    """upheld, rejected or withdrawn (by whoever appealed, who can appeal again in the time for it)."""
    body: AuthorityRef
    statement: Statement
    decided_at: datetime
    on_behalf: bool = False
    """Entered by the review body for the operator, which can still appeal itself: that it is rejected ends no time."""
