"""What goes over the doors about emergency suspensions: access-control takes them in, enforcement confirms them."""

from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

from pydantic import Field, StringConstraints

from shared.contracts import examples
from shared.contracts.base import Body
from shared.contracts.grounds import AuthorityRef, Party, Statement
from shared.contracts.http.base import View, example


class EmergencyReport(Body):
    """A provider's signed statement that it suspended a site by itself (N4.2.5)."""

    model_config = example(jws="eyJhbGciOiJFZDI1NTE5Iiwi…")

    jws: Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=100_000)]
    """Compact JWS, `typ` concord-emergency+json, by a key of the provider's as for receipts."""


class EmergencyView(View):
    """An emergency suspension as the access desk has it."""

    id: UUID
    version: int
    status: Literal["reported", "confirmed", "replaced", "lapsed", "refused"]
    provider_id: UUID
    host: str
    ground: str
    reasons: str
    since: datetime
    reported_at: datetime
    confirm_by: datetime = Field(description="When it lapses, unless an authority confirms it by a released decision")
    decision_id: UUID | None = Field(description="Of the decision that confirms it")
    ended_because: str | None = Field(
        description="not_confirmed, decision_fell, order_not_sent, not_meant, not_hosted_there or again"
    )
    restore_id: UUID | None = Field(description="The order by which the provider hosts the site again")
    jws: str = Field(description="What the provider signed")


class Confirmation(Body):
    """The released decision, of a case about the same site, by which an authority confirms it."""

    model_config = example(decision_id=examples.DECISION)

    decision_id: UUID


class EmergencyMatterView(View):
    """An emergency suspension as enforcement has it: whom it hits, and until when it is to be confirmed."""

    id: UUID
    version: int
    status: Literal["open", "confirmed", "lapsed", "refused"]
    provider: Party
    host: str
    site_id: UUID | None
    operator: Party = Field(description="Whom it hits; for a name in no register its provider, who passes it on")
    region: str | None
    level: str
    service_items: list[str]
    ground: str
    reasons: str
    since: datetime
    reported_at: datetime
    confirm_by: datetime
    decision_id: UUID | None
    authority: AuthorityRef | None = Field(description="Who confirmed it")
    ended_because: str | None
    statement: Statement | None
    allowed_actions: list[str]
