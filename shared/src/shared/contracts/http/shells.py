"""What goes over the registry's door about sites that nobody hosts."""

from datetime import datetime
from enum import StrEnum
from uuid import UUID

from pydantic import BaseModel, Field

from shared.contracts.base import Text
from shared.contracts.grounds import ActRef, Grounds


class ShellStatus(StrEnum):
    """Where a finding stands that nobody hosts a site."""

    OPEN = "open"
    """Its operator has time to find a host."""
    DUE = "due"
    """That time is over; somebody must look at it. Nothing lapses by itself."""
    CURED = "cured"
    DISMISSED = "dismissed"
    LAPSED = "lapsed"
    UNDONE = "undone"
    """The site is in the register again."""


class ShellView(BaseModel):
    """A site without access: since when, until when its operator can find a host, and what became of it."""

    id: UUID
    version: int
    status: Text = Field(description="open, due (for a person to look at), cured, dismissed, lapsed or undone")
    site_id: UUID
    number: str
    site_name: str
    domains: tuple[str, ...]
    operator_name: str
    since: datetime = Field(description="Since when no active provider hosts it")
    cure_until: datetime
    hosted_at: datetime | None = Field(description="Since when somebody hosts it again, while the finding stands")
    hosted_now: bool = Field(description="Whether somebody hosts it at this moment")
    says: Grounds | None = Field(description="Why it lapsed, and how that is challenged")
    challenge: ActRef | None = Field(description="What an appeal against the lapse names")
    found_at: datetime
    allowed_actions: list[str]
