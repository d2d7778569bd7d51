"""What callers read: the shape of the answers."""

from datetime import datetime
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from enforcement.lifecycle import (
    APPEAL,
    CASE,
    DECISION,
    Action,
    AppealAction,
    AppealStatus,
    CaseAction,
    CaseStatus,
    Status,
)
from enforcement.measures import Measure
from enforcement.service.cases import CaseRecord
from enforcement.service.common import DecisionRecord
from enforcement.service.impact import Impact
from enforcement.store.appeals import Appeal
from enforcement.store.cases import Case
from enforcement.store.decisions import Decision
from shared.contracts.base import Redress


class View(BaseModel):
    """Reads its fields off a row."""

    model_config = ConfigDict(from_attributes=True)


class EvidenceView(View):
    """A piece of evidence; its bytes are at /evidence/{sha256}."""

    sha256: str
    size: int = Field(description="Bytes")
    media_type: str
    stored_at: datetime


class CaseEvidenceView(EvidenceView):
    """A piece of evidence in a case."""

    added_by: str
    added_at: datetime


class NoticeView(View):
    """What the operator was sent, how and when, and until when it may put things right."""

    sent_at: datetime
    how: str
    cure_until: datetime


class OrderView(View):
    """An order to a provider that was carried out because of the decision."""

    order_id: UUID
    site_id: UUID
    provider_id: UUID
    action: str
    sequence: int | None
    how: str
    executed_at: datetime


class Declined(View):
    """Why the regulator declined the request."""

    at: datetime
    legal_basis: list[str]
    reasons: str


class Execution(View):
    """What other departments did about the decision, as far as they said."""

    request_id: UUID | None = Field(description="The request to the industry regulator; only revoke_and_cut has one")
    received_at: datetime | None
    declined: Declined | None
    revoked_at: datetime | None
    revocation_id: UUID | None
    orders: list[OrderView] = Field(description="Carried out by providers, with their signature")
    reinstated_at: datetime | None


class AppealView(View):
    """An appeal, its clock and its outcome."""

    id: UUID
    version: int
    status: AppealStatus
    decision_id: UUID
    case_id: UUID
    grounds: str
    appellant: str
    on_behalf: bool = Field(description="Entered for the operator by an officer or the review body")
    filed_at: datetime
    due_at: datetime = Field(description="Until when it must be decided; after that the measure is suspended")
    overdue: bool
    decided_by: str | None
    decided_at: datetime | None
    legal_basis: list[str] | None
    reasons: str | None
    allowed_actions: list[AppealAction]

    @classmethod
    def of(cls, appeal: Appeal) -> "AppealView":
        """Shape an appeal."""
        fields = {name: getattr(appeal, name, None) for name in cls.model_fields}
        own = {"overdue": appeal.overdue_at is not None, "allowed_actions": APPEAL.allowed(appeal.status)}
        return cls.model_validate({**fields, **own})


class DecisionView(View):
    """A decision: what it orders and why, who signed it, what it does to others, and what became of it."""

    id: UUID
    version: int
    status: Status
    case_id: UUID
    measure: Measure
    legal_basis: list[str]
    reasons: str
    evidence_hashes: list[str]
    evidence_hash: str = Field(
        description="SHA-256 over the sorted evidence hashes (lower-case hex) joined by a line feed; so for one, too"
    )
    redress: Redress
    notice: NoticeView | None
    urgent_ground: str | None
    impact: Impact = Field(description="As shown when drafted; once released, as it was released on")
    collateral_acknowledged: int | None
    drafted_by: str
    drafted_at: datetime
    released_by: str | None
    released_at: datetime | None
    execution: Execution
    appeals: list[AppealView]
    allowed_actions: list[Action]

    @classmethod
    def of(cls, record: DecisionRecord) -> "DecisionView":
        """Shape a decision and what belongs to it."""
        decision = record.decision
        fields = {name: getattr(decision, name, None) for name in cls.model_fields}
        own = {
            "notice": decision.notice and {**decision.notice, "cure_until": decision.cure_until},
            "execution": _execution(record),
            "appeals": [AppealView.of(appeal) for appeal in record.appeals],
            "allowed_actions": DECISION.allowed(decision.status),
        }
        return cls.model_validate({**fields, **own})


class CaseSummary(View):
    """A case in a list."""

    id: UUID
    version: int
    status: CaseStatus
    site_id: UUID
    registration_id: UUID
    domain: str
    site_number: str
    site_name: str
    operator_name: str
    authority: str
    region: str
    level: str
    service_item: str
    alleged_breach: str
    opened_at: datetime

    @classmethod
    def of_case(cls, case: Case) -> "CaseSummary":
        """Shape a case for a list."""
        return cls.model_validate(case)


class CaseView(CaseSummary):
    """A case with its evidence and its decisions."""

    operator_uscc: str
    legal_basis: list[str]
    opened_by: str
    evidence: list[CaseEvidenceView]
    decisions: list[DecisionView]
    allowed_actions: list[CaseAction]

    @classmethod
    def of(cls, record: CaseRecord) -> "CaseView":
        """Shape a case and everything in it."""
        case = record.case
        fields = {name: getattr(case, name, None) for name in cls.model_fields}
        own = {
            "evidence": record.evidence,
            "decisions": [DecisionView.of(decision) for decision in record.decisions],
            "allowed_actions": CASE.allowed(case.status),
        }
        return cls.model_validate({**fields, **own})


def _execution(record: DecisionRecord) -> Execution:
    decision: Decision = record.decision
    declined = None
    if decision.declined_at is not None:
        declined = Declined(
            at=decision.declined_at,
            legal_basis=list(decision.decline_legal_basis or ()),
            reasons=decision.decline_reasons or "",
        )
    return Execution(
        request_id=decision.request_id,
        received_at=decision.received_at,
        declined=declined,
        revoked_at=decision.revoked_at,
        revocation_id=decision.revocation_id,
        orders=[OrderView.model_validate(order) for order in record.orders],
        reinstated_at=decision.reinstated_at,
    )
