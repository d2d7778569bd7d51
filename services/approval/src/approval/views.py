"""What callers read: the shape of the answers."""

from datetime import date, datetime
from uuid import UUID

from pydantic import BaseModel, Field

from approval.lifecycle import APPLICATION, Action, Status
from approval.store import Application, Decision
from shared.contracts.base import Redress


class DecisionView(BaseModel):
    """What the authority decided, who signed it, and why."""

    action: Action
    authority: str
    decided_by: str
    decided_at: datetime
    legal_basis: list[str]
    reasons: str
    redress: Redress | None
    evidence_hash: str | None


class ApprovalView(BaseModel):
    """The approval document: present once the authority consented, and kept when it is cancelled."""

    number: str = Field(examples=["culture-bj-2026-000001"])
    scope: str
    valid_until: date


class ApplicationView(BaseModel):
    """An application, its clock, and every decision on it, oldest first."""

    id: UUID
    version: int
    status: Status
    operator_uscc: str
    operator_name: str
    service_item: str
    domain: str = Field(description="A-label form, lower case")
    domain_as_given: str
    scope_of_service: str
    region: str
    level: str
    submitted_at: datetime
    due_at: datetime = Field(description="Until when the authority must decide")
    overdue: bool = Field(description="The clock ran out before the authority decided")
    authority: str | None
    approval: ApprovalView | None
    decisions: list[DecisionView]
    allowed_actions: list[Action] = Field(description="What an authority can do with it now")

    @classmethod
    def of(cls, record: tuple[Application, list[Decision]]) -> "ApplicationView":
        """Shape an application and its decisions."""
        application, decisions = record
        return cls.model_validate(
            {
                **{name: getattr(application, name, None) for name in cls.model_fields},
                "overdue": application.overdue_at is not None,
                "approval": application if application.number else None,
                "decisions": decisions,
                "allowed_actions": APPLICATION.allowed(application.status),
            },
            from_attributes=True,
        )
