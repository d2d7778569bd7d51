"""What goes over enforcement's door about requests to the regulator: bodies and views (P3.2.2-3)."""

from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from shared.contracts import examples
from shared.contracts.base import Body, Reasons, Sha256, Text
from shared.contracts.grounds import AuthorityRef, Statement
from shared.contracts.http.registry import ClockView


class Ask(Body):
    """What only a decision of the regulator, or the execution of one, can do; on what basis; and the documents."""

    model_config = ConfigDict(json_schema_extra={"examples": [{
        "asks": "cut_access", "decision_id": examples.DECISION, "statement": examples.STATEMENT,
        "documents": [examples.DIGEST],
    }]})  # fmt: skip

    asks: Text
    """An effect of the profile."""
    decision_id: UUID | None = None
    """The order that was ignored; or a released decision that waits to be carried out."""
    statement: Statement
    documents: Annotated[tuple[Sha256, ...], Field(min_length=1, max_length=100)]
    """Pieces of the case: they go along to the regulator's own case."""


class Forward(Body):
    """To which regulator it belongs, and why."""

    model_config = ConfigDict(json_schema_extra={"examples": [{
        "to": "industry-310000", "reasons": "The operator's domicile is in Shanghai.",
    }]})  # fmt: skip

    to: Text
    reasons: Reasons


class RequestView(BaseModel):
    """A request, its clock and its answer."""

    id: UUID
    version: int
    status: str
    case_id: UUID
    decision_id: UUID | None
    asks: str
    statement: Statement
    documents: list[str]
    authority: AuthorityRef = Field(description="Who asks")
    desk: AuthorityRef = Field(description="The regulator that has it")
    forwards: list[dict[str, Any]] = Field(description="From which desk it went to which, when and why")
    clock: ClockView | None
    overdue_at: datetime | None = Field(description="The regulator was late; the national one can answer as well")
    answer: Statement | None
    asked_at: datetime
    answered_at: datetime | None
    leads_to: UUID | None = Field(description="The regulator's own case")
    allowed_actions: list[str]
