"""What goes over enforcement's door about referrals: bodies and views (P3.2.5)."""

from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from shared.contracts import examples
from shared.contracts.base import Body, Moment, Sha256, Text
from shared.contracts.grounds import AuthorityRef, Statement


class Refer(Body):
    """Which evidence of the case, to whom, and why."""

    model_config = ConfigDict(json_schema_extra={"examples": [{
        "receiver": "security-110000", "statement": examples.STATEMENT, "evidence_hashes": [examples.DIGEST],
    }]})  # fmt: skip

    receiver: Text
    """An organisation of the directory, of one's own level and region, whose role it is."""
    statement: Statement
    evidence_hashes: Annotated[tuple[Sha256, ...], Field(min_length=1, max_length=50)]
    """Pieces of the case. Their list and hashes are handed over, and nothing else."""
    delay_ground: Text | None = None
    """Code of the profile's list: why whom it is about is not told at once."""
    tell_at: Moment | None = None
    """Until when; at most 30 days away."""


class Answer(Body):
    """What the receiver made of it."""

    model_config = ConfigDict(json_schema_extra={"examples": [{
        "outcome": "taken_up", "statement": examples.STATEMENT,
    }]})  # fmt: skip

    outcome: Literal["taken_up", "not_taken_up"]
    statement: Statement


class ReferralView(BaseModel):
    """A referral: what was handed over, to whom, what became of it, and when whom it is about was or will be told."""

    id: UUID
    version: int
    status: str
    case_id: UUID
    authority: AuthorityRef
    receiver: AuthorityRef
    statement: Statement
    evidence: list[str] = Field(description="SHA-256 of each piece")
    delay_ground: str | None
    tell_at: datetime | None = Field(description="When whom it is about is told at the latest; none: at once")
    told_at: datetime | None
    drafted_at: datetime
    sent_at: datetime | None
    received_at: datetime | None
    outcome: str | None = Field(description="taken_up or not_taken_up, as the receiver says")
    answer: Statement | None
    allowed_actions: list[str]
