"""The barred list as everybody reads it (N4.5): no person's name or number."""

from datetime import datetime
from uuid import UUID

from pydantic import BaseModel, Field

from shared.contracts.base import Text
from shared.contracts.grounds import Names, Redress


class BarredEntry(BaseModel):
    """Who gets no new registration until when, and why."""

    execution_id: UUID
    decision_id: UUID
    identity: str | None = Field(description="Credit code of an organisation; none for a person")
    name: str = Field(description="Of an organisation; a person is not named")
    names: tuple[Text, ...] = Field(description="These names and all below them are barred for everybody")
    names_alone: tuple[Text, ...] = Field(description="These too, but not what is below them: others live there")
    since: datetime
    until: datetime
    authority: Names
    legal_basis: tuple[Text, ...]
    reasons: str = Field(description="Its public reasons")
    redress: Redress


class BarredList(BaseModel):
    """The whole list at a number."""

    seq: int = Field(description="Number of the last change it holds: ask for changes after it")
    hash: str = Field(description="Hash of that change, which covers all before it")
    entries: list[BarredEntry]


class BarredChange(BaseModel):
    """One change. ``hash`` is SHA-256 in hex of the hash before, the number, the change and the digest, joined by line
    feeds; ``digest`` is that of the entry's text. What is on the list no more is not told again."""

    seq: int
    execution_id: UUID
    change: str = Field(description="listed (also where an entry changed: the latest of an execution holds) or removed")
    entry: BarredEntry | None
    text: str | None = Field(description="The entry's JSON as it was hashed")
    digest: str
    hash: str
    at: datetime


class BarredChanges(BaseModel):
    """Changes after a number, in order, without a gap."""

    changes: list[BarredChange]
    more: bool = Field(description="There are further ones: ask again after the last of these")
