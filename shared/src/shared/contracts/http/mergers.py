"""What goes over the registry's door about mergers: two entries of one operator become one."""

import hashlib
import json
from datetime import datetime
from typing import Any
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from shared.contracts import examples
from shared.contracts.base import Body, Reasons, Sha256
from shared.contracts.grounds import OperatorRef, Statement


class NewMerger(Body):
    """Why two operators are one and the same, and the preview that whoever says so has read."""

    model_config = ConfigDict(json_schema_extra={"examples": [{
        "survivor_id": examples.OPERATOR, "merged_id": examples.SITE, "statement": examples.STATEMENT,
        "preview_digest": examples.DIGEST,
    }]})  # fmt: skip

    survivor_id: UUID
    """The operator that stays: everything is its own afterwards."""
    merged_id: UUID
    """The operator that goes on under it; its identity stays known and leads to the other."""
    statement: Statement
    preview_digest: Sha256


class ConfirmingMerger(Body):
    """The second person's reasons, and the preview that they have read."""

    model_config = ConfigDict(json_schema_extra={"examples": [{
        "reasons": examples.STATEMENT["reasons"], "preview_digest": examples.DIGEST,
    }]})  # fmt: skip

    reasons: Reasons
    preview_digest: Sha256


class MovingRegistration(BaseModel):
    """A registration that would be the survivor's."""

    id: UUID
    number: str | None
    status: str
    sites: int
    goes_under: str | None = Field(description="The survivor's filing of that province, which its sites would go under")


class MovingExecution(BaseModel):
    """A decision or measure that would follow; it keeps its regulator, its end and its appeals."""

    id: UUID
    effect: str
    status: str
    until: datetime | None


class Objection(BaseModel):
    """What one of the two says against it."""

    identity: str
    reasons: str
    at: datetime


class MergerPreview(BaseModel):
    """Everything that would move; both persons sign its digest."""

    survivor: OperatorRef
    merged: OperatorRef
    registrations: list[MovingRegistration] = Field(description="The two operators read those that are public")
    sites: int
    accesses: int
    amendments: int
    approvals: int = Field(description="Consents that are in force under the identity that goes on under the other")
    executions: list[MovingExecution] | None = Field(
        description="Decisions on a desk, measures and bars; null for the two operators, who are told of their own"
    )
    objections: list[Objection]

    @property
    def digest(self) -> str:
        """SHA-256 over what it says: the same preview gives the same digest."""
        said = json.dumps(self.model_dump(mode="json"), sort_keys=True, ensure_ascii=False)
        return hashlib.sha256(said.encode()).hexdigest()


class MergerPreviewView(BaseModel):
    """A preview with the digest that is signed."""

    preview: MergerPreview
    preview_digest: str


class MergerView(BaseModel):
    """A merger: who is one, why, what moves, and what became of it."""

    id: UUID
    version: int
    status: str
    survivor_id: UUID
    merged_id: UUID
    survivor: OperatorRef
    merged: OperatorRef
    statement: Statement
    preview: MergerPreview | None = Field(description="While it is proposed: what would move now; not in lists")
    preview_digest: str | None = Field(description="Of the whole preview, also for whom a part is left out")
    moved: dict[str, Any] | None = Field(description="What it moved, by id: exactly this is given back")
    left_behind: list[str] | None = Field(description="When undone: what had gone on since, and was not given back")
    appeal_until: datetime | None = Field(
        description="Until then, and while an appeal is open, nothing that it moved is given up, moved or transferred"
    )
    confirm_from: datetime = Field(description="At the earliest; both have so long from reading it")
    objections: list[Objection]
    proposed_at: datetime
    changed_at: datetime
    allowed_actions: list[str]
