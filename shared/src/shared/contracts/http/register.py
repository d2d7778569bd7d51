"""The public register over HTTP: what anybody may read about a number or a host name, with its whole story."""

from datetime import datetime
from typing import Annotated
from uuid import UUID

from pydantic import Field

from shared.contracts.http.query import (
    Fresh,
    HostingView,
    PublicAccess,
    PublicMeasure,
    PublicOperator,
    PublicRegistration,
    PublicSite,
    PublicUnregistered,
    View,
)


class RegisterSite(PublicSite):
    """A site in the register's entry."""

    accesses: list[PublicAccess]
    hosting: HostingView
    changed_at: datetime
    measures: list[PublicMeasure] = Field(default_factory=list)
    former_numbers: list[str] = Field(default_factory=list)


class EventView(View):
    """Something that happened: `carried_out`, `undone`, `appeal_upheld`, `cut_off_executed`, …"""

    at: Annotated[datetime, Field(description="When it was recorded; the story is told in this order")]
    what: str
    about: Annotated[str, Field(description="Number or host name of the site")]
    decision_id: UUID | None = None
    provider_id: UUID | None = None
    order_id: UUID | None = None
    answer: str | None = None
    providers_time: Annotated[datetime | None, Field(description="When it was, by the provider's own clock")] = None


class RegisterEntry(Fresh):
    """The public register's entry for a number or a host name."""

    key: str
    registration: PublicRegistration | None = None
    operator: PublicOperator | None = None
    total: int
    sites: list[RegisterSite]
    unregistered: PublicUnregistered | None = None
    history: list[EventView]
