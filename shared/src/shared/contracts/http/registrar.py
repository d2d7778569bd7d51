"""What goes over the registry's door about the company registrar: bodies and views (P3.1.7, P3.2.4, P3.3.7)."""

from datetime import datetime
from enum import StrEnum
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from shared.contracts.base import Body, Reasons
from shared.contracts.http.registry import ClockView


class TaskStatus(StrEnum):
    """Where a task of the company registrar stands."""

    OPEN = "open"
    """The registrar's clock runs; late, it is shown as late and can still be answered."""
    ANSWERED = "answered"
    WITHDRAWN = "withdrawn"
    """What it was about was undone before the registrar had answered."""


class Outcome(StrEnum):
    """What the registrar did."""

    REGISTERED = "registered"
    CHANGED = "changed"
    DEREGISTERED = "deregistered"
    NOTHING_TO_DO = "nothing_to_do"


class Report(Body):
    """What the registrar did, and why."""

    model_config = ConfigDict(json_schema_extra={"examples": [{
        "outcome": "changed", "reasons": "The scope of business was changed in the company register.",
    }]})  # fmt: skip

    outcome: Outcome
    reasons: Reasons


class TaskView(BaseModel):
    """What the company registrar is told, and what it reported."""

    id: UUID
    version: int
    status: str
    kind: str = Field(description="granted, changed, item_struck, revoked, lapsed, ended; or take_back an earlier one")
    registration_id: UUID
    number: str | None
    operator_id: UUID
    operator_name: str
    site_id: UUID | None
    says: str
    counters: UUID | None = Field(description="The answered task that this one asks to take back")
    outcome: Outcome | None
    reasons: str | None
    clock: ClockView | None
    opened_at: datetime
    answered_at: datetime | None
    changed_at: datetime
    allowed_actions: list[str]
