"""What goes over enforcement's door about the file of a case: timeline, tasks, ties, opinions, custody."""

from datetime import datetime
from enum import StrEnum
from typing import Annotated, Any, Final, Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from shared.contracts import examples
from shared.contracts.base import Body, Moment, Reasons, Text
from shared.contracts.grounds import AuthorityRef, Party, Statement
from shared.contracts.http.enforcement import CaseSummary
from shared.contracts.subjects import Subject

OrganisationId = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9]*(-[a-z0-9]+)*$", max_length=60)]
Cursor = Annotated[str, StringConstraints(max_length=400)]
_EXAMPLES: Final[dict[str, Any]] = {"statement": examples.STATEMENT}


class Part(StrEnum):
    """A part of a timeline."""

    FILE = "file"
    DECISIONS = "decisions"
    MESSAGES = "messages"
    READS = "reads"


class Claim(Body):
    """Take a case to work on; reasons are needed where a colleague works on it."""

    reasons: Reasons | None = None


class NewTransfer(Body):
    """To which authority a case goes on, and why; for another service item if it is competent for that one."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"to": "culture-110000", "service_item": "culture",
                                                              **_EXAMPLES}]})  # fmt: skip

    to: OrganisationId
    service_item: Text | None = None
    statement: Statement


class NewLink(Body):
    """Another case that belongs beside this one, and why."""

    case_id: UUID
    reasons: Reasons


class NewTask(Body):
    """What is to be done in a case, until when, and by which officer of the authority."""

    model_config = ConfigDict(json_schema_extra={"examples": [{
        "what": "Ask the operator for the order book.", "due_at": "2026-12-11T09:00:00Z",
    }]})  # fmt: skip

    what: Text
    due_at: Moment
    assignee: Text | None = None


class Assignment(Body):
    """Who does it; oneself, if nobody is named."""

    assignee: Text | None = None


class TaskView(BaseModel):
    """Something to be done in a case."""

    id: UUID
    version: int
    status: str
    case_id: UUID
    decision_id: UUID | None = Field(description="It asks whether this order to correct was obeyed")
    what: str
    due_at: datetime
    assignee: str | None
    overdue: bool
    opened_by: str
    opened_at: datetime
    allowed_actions: list[str]


class NewOpinion(Body):
    """What another authority is asked about a case, what whoever asks holds itself, and until when it may answer."""

    model_config = ConfigDict(json_schema_extra={"examples": [{
        "of": "culture-110000", "question": "Does your consent of 2005 cover these sales?", "we_hold": "breach",
        "answer_by": "2026-12-18T09:00:00Z",
    }]})  # fmt: skip

    of: OrganisationId
    question: Reasons
    we_hold: Literal["breach", "no_breach"]
    answer_by: Moment


class Answer(Body):
    """What the authority that was asked holds."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"position": "no_breach", **_EXAMPLES}]})

    position: Literal["breach", "no_breach", "not_ours"]
    statement: Statement


class NewSettlement(Body):
    """How a coordination office settles what differs: advice in writing, and no decision."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"position": "no_breach", **_EXAMPLES}]})

    position: Literal["breach", "no_breach"]
    statement: Statement


class OpinionView(BaseModel):
    """What an authority was asked, and what it holds. Of the case it tells what it is about, and nothing more."""

    id: UUID
    version: int
    status: str
    case_id: UUID
    subject: Subject
    hosts: list[str]
    operator: Party
    ground: str
    alleged_breach: str
    authority: AuthorityRef = Field(description="Who asked")
    asked: AuthorityRef
    question: str
    we_hold: str
    answer_by: datetime
    overdue: bool
    position: str | None
    statement: Statement | None
    conflicts: bool
    asked_at: datetime
    answered_at: datetime | None
    allowed_actions: list[str]


class SettlementView(BaseModel):
    """Advice of a coordination office."""

    model_config = ConfigDict(from_attributes=True)

    id: UUID
    office: AuthorityRef
    position: str
    statement: Statement
    settled_at: datetime


class OpinionsView(BaseModel):
    """What authorities hold of a case, side by side; by which rule it is settled, and how it was."""

    case_id: UUID
    opinions: list[OpinionView]
    conflict: bool
    rule_zh: str
    rule_en: str
    settlements: list[SettlementView]


class Why(StrEnum):
    """Why two cases belong together."""

    SAME_SUBJECT = "same_subject"
    SAME_OPERATOR = "same_operator"
    SAME_HOST = "same_host"
    LINKED = "linked"
    TRANSFERRED = "transferred"


class RelatedCase(BaseModel):
    """A case that belongs beside another one."""

    case: CaseSummary
    why: list[Why]
    reasons: str | None = Field(description="What an officer said who put them side by side")


class RelatedCases(BaseModel):
    """The cases beside one that the caller may read."""

    items: list[RelatedCase]


class TimelineEntry(BaseModel):
    """Something that happened in a case, or with a piece of evidence."""

    model_config = ConfigDict(from_attributes=True)

    at: datetime
    kind: str
    what: str
    about: str
    about_id: str
    organisation: str | None
    person: str | None
    detail: str | None


class Timeline(BaseModel):
    """What happened, newest first."""

    items: list[TimelineEntry]
    next: str | None = Field(None, description="Pass as `after` to read on; null on the last page.")


class CustodyView(Timeline):
    """What became of a piece of evidence: who filed, cited and read it in cases the caller reaches; its checks."""

    sha256: str
    size: int = Field(description="Bytes")
    stored_at: datetime
    checked_at: datetime | None = Field(description="When its bytes were last compared with the hash by themselves")
    damaged_at: datetime | None
    deleted_at: datetime | None
    deleted_why: str | None
