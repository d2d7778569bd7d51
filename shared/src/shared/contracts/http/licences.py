"""What goes over the registry's door about the renewal of licences: bodies and views."""

from datetime import date, datetime
from typing import Annotated, Any, ClassVar
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from shared.contracts import examples
from shared.contracts.base import Body, Day, Reasons
from shared.contracts.http.registry import ClockView, Refusal, ServiceItems, Stated

LastDay = Annotated[Day, Field(description="Last day of validity, in the time zone of the profile.")]
Scope = Annotated[ServiceItems | None, Field(description="What it shall cover; what it covers now if nothing is said.")]


class RenewalRequest(Body):
    """A later last day for a licence, and why. It may ask for another scope as well."""

    model_config = ConfigDict(json_schema_extra={"examples": [{
        "valid_until": "2031-11-25", "reasons": "The shop goes on as before.",
    }]})  # fmt: skip

    valid_until: LastDay
    scope: Scope = None
    reasons: Reasons


class Renewing(Stated):
    """Why a licence is renewed; until when and for what, if otherwise than was asked."""

    EXAMPLE: ClassVar[dict[str, Any]] = {"statement": examples.STATEMENT}

    valid_until: LastDay | None = None
    scope: Scope = None


class RenewalView(BaseModel):
    """A renewal: what was asked, and what became of it."""

    id: UUID
    version: int
    status: str
    registration_id: UUID
    operator_id: UUID
    number: str
    late: bool = Field(description="Asked for after the last day: the licence stays lapsed until it is granted")
    valid_until: date = Field(description="The last day that was asked for")
    scope: list[str]
    granted_until: date | None
    reasons: str
    refusal: Refusal | None
    clock: ClockView | None
    by_operator: bool = Field(default=True, description="Its operator asked; if not, it was asked for in its name")
    asked_at: datetime
    changed_at: datetime
    allowed_actions: list[str]
