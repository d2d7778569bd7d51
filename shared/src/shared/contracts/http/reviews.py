"""What goes over the registry's door about the annual review: bodies and views."""

from datetime import datetime
from enum import StrEnum
from typing import Annotated, Self
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, model_validator

from shared.contracts import examples
from shared.contracts.base import Body, Reasons, Text
from shared.contracts.base import Moment as At
from shared.contracts.grounds import ActRef, AuthorityRef, Grounds, Names, Statement


class Opinion(StrEnum):
    """What an authority can say of a subject (P3.3.3). All but ``pass`` are failing: one is enough (P3.3.2)."""

    PASS = "pass"  # noqa: S105 - the word of P3.3.3
    CANCEL_SERVICE = "cancel_service"
    """Of a site: one item shall leave its registration."""
    CLOSE_SITE = "close_site"
    FAIL = "fail"
    """Of a provider: nothing follows but that everybody reads it."""


class NewReview(Body):
    """The review of a year; its dates are the profile's."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"year": 2027}]})

    year: Annotated[int, Field(ge=1990, le=2200)]


class NewWindow(Body):
    """Ask one more authority, or give one more time, until the review closes at the latest."""

    model_config = ConfigDict(json_schema_extra={"examples": [{
        "authority_id": "drugs-110000", "until": "2027-05-15T16:00:00Z", "reasons": "Its archive moved in April.",
    }]})  # fmt: skip

    authority_id: Text
    until: At
    reasons: Reasons


class NewOpinion(Body):
    """What an authority says of one subject. A failing opinion cites the decision that it rests on (P3.3.4)."""

    model_config = ConfigDict(json_schema_extra={"examples": [{
        "opinion": "close_site", "decision_id": examples.DECISION, "statement": examples.STATEMENT,
    }]})  # fmt: skip

    opinion: Opinion
    decision_id: UUID | None = None
    """Of a case about this very subject: carried out, and not undone."""
    service_item: Text | None = None
    """Which item, for ``cancel_service``."""
    statement: Statement

    @model_validator(mode="after")
    def _whole(self) -> Self:
        if (self.decision_id is None) != (self.opinion is Opinion.PASS):
            raise ValueError("decision_id goes with every failing opinion, and with no other")
        if (self.service_item is not None) != (self.opinion is Opinion.CANCEL_SERVICE):
            raise ValueError("service_item goes with cancel_service, and with no other")
        return self


class OpinionView(BaseModel):
    """What an authority said, and whether it stands."""

    id: UUID
    status: Text
    authority: AuthorityRef
    opinion: Opinion
    decision_id: UUID | None
    service_item: str | None
    statement: Statement
    fell_because: str | None = Field(description="Why what it rests on has no effect any more")
    filed_at: datetime
    allowed_actions: list[str]


class SubjectView(BaseModel):
    """Somebody under review: what was said, and the result. A veto is a finding; measures are decided in its case."""

    id: UUID
    version: int
    review_id: UUID
    status: Text
    kind: Text = Field(description="site, access_provider, carrier or domain_registrar")
    site_id: UUID | None
    organisation: str
    name: str
    number: str | None
    outcome: Opinion | None = Field(description="The severest failing opinion that stood when it was vetoed")
    case_id: UUID | None = Field(description="The case in which what follows is decided; none where nothing has to")
    grounds: Grounds | None
    challenge: ActRef | None = Field(description="What an appeal against the result names")
    conflicting: bool = Field(description="Authorities say different things of it")
    opinions: list[OpinionView]
    changed_at: datetime


class AskedView(BaseModel):
    """How far an authority is."""

    authority: AuthorityRef
    until: datetime
    finished_at: datetime | None
    late: bool = Field(description="Its window is over and it has not finished: neither a pass nor a fail")
    reminded_at: datetime | None
    opinions: dict[str, int] = Field(description="Its standing opinions, counted")
    fallen: int
    withdrawn: int


class ReviewView(BaseModel):
    """A review of one year, level and region, with how far it is."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"year": 2027, "status": "open"}]})

    id: UUID
    version: int
    status: Text
    year: int
    level: Text
    region: str | None
    regulator: Names
    opens_at: datetime
    opinions_until: datetime
    closes_at: datetime
    closed_at: datetime | None
    subjects: dict[str, dict[str, int]] = Field(description="How many there are, by kind and status")
    authorities: list[AskedView]
    allowed_actions: list[str]


class ReviewSummary(BaseModel):
    """A review in a list."""

    id: UUID
    status: Text
    year: int
    level: Text
    region: str | None
    opens_at: datetime
    opinions_until: datetime
    closes_at: datetime
