"""What is read of a registration's mark: by its operator, and by whoever meets it on a site."""

from datetime import date, datetime

from pydantic import Field

from shared.contracts.grounds import Names
from shared.contracts.http.base import View
from shared.contracts.marks import Mark


class MarkView(View):
    """The mark that a registration's sites can show, for whoever may read the registration."""

    mark: Mark
    token: str = Field(description="The original: compact JWS, signed with the key of the regulator.")
    address: str = Field(description="Where everybody reads what is so now; the QR code (mark.svg, mark.png) says it.")
    required: bool = Field(description="Whether the profile asks operators to show it. Nothing here looks.")


class MarkedSite(View):
    """A site under the number, as it stands now."""

    number: str
    domains: list[str]
    status: str = Field(description="live, stopped (a measure stops its access), revoked, or lapsed (no sanction)")
    since: datetime


class MarkStatusView(View):
    """What is so now of a registration whose mark somebody met. Nothing of a person, and no address."""

    mark: Mark = Field(description="What the token says; it was so when it was signed.")
    number: str
    kind: str = Field(description="filing or licence")
    in_force: bool
    status: str = Field(description="active, lapsed or ended")
    since: datetime
    valid_until: date | None = Field(description="The last day of a licence, in the time zone of the profile.")
    operator: str | None = Field(description="None for a person.")
    issuer: Names
    newest: bool = Field(description="Whether no later edition was signed, because what it says had changed.")
    succeeded_by: str | None = Field(description="The number that this one goes on under.")
    sites: list[MarkedSite] = Field(description="The first 200 sites that have not ended.")
    total: int = Field(description="How many sites have not ended.")
    as_of: datetime = Field(description="When this was answered.")
