"""What was seen of the names of an order, beside what its provider signed (docs/adr/0022)."""

from datetime import datetime
from enum import StrEnum
from uuid import UUID

from pydantic import Field

from shared.contracts.http.base import View
from shared.contracts.orders import Action


class Outcome(StrEnum):
    """How a name was answered for."""

    SERVED = "served"
    """HTTP 2xx."""
    WITH_LINK = "unavailable_with_link"
    """HTTP 451 that says who blocks: ``Link`` with ``rel="blocked-by"`` (RFC 7725)."""
    WITHOUT_LINK = "unavailable_without_link"
    """HTTP 451 that does not."""
    OTHER = "other"
    """Any other status; a redirect is not followed, and says nothing."""
    NO_ANSWER = "no_answer"
    """No HTTP in time, or a certificate that is not the name's: nobody could tell."""
    REFUSED = "refused"
    """The address takes no connections."""


class Kind(StrEnum):
    """How what was seen differs from what was signed."""

    RESTORED_BUT_CUT = "restored_but_cut"
    """The provider signed that it hosts the site again, and it is cut."""
    CUT_BUT_SERVED = "cut_but_served"
    """The provider signed that it stopped, and the site is there."""
    CUT_WITHOUT_REASON = "cut_without_reason"
    """The site is gone, and no visitor is told by whom and why."""
    CUT_WITHOUT_ORDER = "cut_without_order"
    """The order ended or was taken back, its time to be restored is over, and the site is cut."""


class ObservationView(View):
    """One name at one address and port: a status, and nothing of what was served."""

    at: datetime
    host: str
    address: str
    port: int = Field(description="0: on no port was there an answer.")
    outcome: Outcome
    status: int | None
    ours: bool = Field(description="Whether a link of the 451 is the register entry of this order.")


class DifferenceView(View):
    """What was seen otherwise than signed. It orders nothing and enters no record."""

    kind: Kind
    since: datetime
    last_at: datetime
    names: list[str]
    told_at: datetime | None = Field(description="Seen twice: the provider, the issuer and the operator were told.")
    closed_at: datetime | None = Field(description="When what was seen agreed again, or nothing was claimed any more.")


class ObservedView(View):
    """Claimed beside observed."""

    order_id: UUID
    action: Action
    executed_at: datetime | None = Field(description="When the provider's receipt was recorded; none: it signed none.")
    until: datetime | None
    undone_by: UUID | None
    differences: list[DifferenceView] = Field(description="Newest first.")
    observations: list[ObservationView] = Field(description="Newest first; kept for the profile's days.")
