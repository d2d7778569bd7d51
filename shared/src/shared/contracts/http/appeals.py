"""What goes over enforcement's door about appeals: who decides, hearings, papers, statistics (model §6)."""

from datetime import datetime
from typing import Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from shared.contracts import examples
from shared.contracts.base import Body, Moment, Reasons, Sha256, Text
from shared.contracts.grounds import Names
from shared.contracts.http.base import Days

Side = Literal["appellant", "authority"]


class Assignment(Body):
    """Who of the review body decides, and why."""

    model_config = ConfigDict(json_schema_extra={"examples": [{
        "person": "review-b", "reasons": "Whoever had it is on leave until the clock is over.",
    }]})  # fmt: skip

    person: Text | None = None
    """The person, as their tokens name them; without it, whoever assigns takes it."""
    reasons: Reasons


class Invitation(Body):
    """To a hearing: when and where."""

    model_config = ConfigDict(json_schema_extra={"examples": [{
        "takes_place": "2026-12-14T01:30:00Z", "place": "Room 4, 1 Review Street, Beijing",
        "reasons": "Both sides say different things of the consent.",
    }]})  # fmt: skip

    takes_place: Moment
    place: Text
    reasons: Reasons


class Minutes(Body):
    """That it was held: who came, and which paper says what was said."""

    model_config = ConfigDict(json_schema_extra={"examples": [{
        "minutes": examples.DIGEST, "present": ["appellant", "authority"],
    }]})  # fmt: skip

    minutes: Sha256
    """SHA-256 of a paper that the review body handed in before and that is not confidential."""
    present: tuple[Side, ...] = Field((), max_length=2)


class HearingView(BaseModel):
    """A hearing: when, where, and what was said."""

    id: UUID
    version: int
    status: str
    appeal_id: UUID
    takes_place: datetime
    place: str
    invited_at: datetime
    present: list[str]
    minutes: str | None = Field(description="SHA-256 of the paper of the appeal that says what was said")
    allowed_actions: list[str]


class PaperView(BaseModel):
    """What a side handed in; its bytes are at /appeals/{id}/papers/{sha256}."""

    model_config = ConfigDict(from_attributes=True)

    sha256: str
    side: str = Field(description="appellant, authority or body")
    title: str
    media_type: str
    size: int = Field(description="Bytes")
    confidential: str | None = Field(description="Why the other side may not read it; none where it may")
    handed_at: datetime


class Counts(BaseModel):
    """Appeals against the acts of one authority. Counts are shown as they are."""

    authority_id: str
    authority: Names
    filed: int
    open: int
    upheld: int
    rejected: int
    withdrawn: int
    refused: int = Field(description="On record only: they came when their time was over")
    late: int = Field(description="The review body's clock ran out before it decided")
    median_days: Days | None = Field(description="From filing to decision, of those upheld or rejected; to a tenth")


class Statistics(BaseModel):
    """What became of the appeals filed in a time, by authority; nobody is named."""

    since: datetime
    until: datetime
    authorities: list[Counts]
