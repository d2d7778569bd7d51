"""What goes over the registry's door about proposed changes besides the proposals: from when, what changes, a move."""

from datetime import datetime
from typing import Any
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from shared.contracts import examples
from shared.contracts.base import Body, Day, Reasons, Region

FARTHEST_DAYS = 92
"""A proposal holds at most so many days ahead: its names are kept from others for so long, and answers grow old."""


class FromDay(Body):
    """A proposal that may say from when it shall hold."""

    effective_from: Day | None = Field(
        default=None,
        description="From this day on, at most 92 days ahead; none: as soon as it is granted",
    )


class ProposedMove(FromDay):
    """The province that an operator's filing moves to, and why."""

    model_config = ConfigDict(json_schema_extra={"examples": [{
        "region": "310000", "reasons": examples.STATEMENT["reasons"],
    }]})  # fmt: skip

    region: Region
    reasons: Reasons


class FieldChange(BaseModel):
    """One field before and after."""

    model_config = ConfigDict(populate_by_name=True)

    field: str
    before: Any = Field(alias="from", description="None: it was not there")
    after: Any = Field(alias="to", description="None: it is taken away")


class Returned(BaseModel):
    """Why a proposal that was granted for a later day came back to the desk on that day."""

    at: datetime
    why: str
    grounds: list[dict[str, Any]] = Field(description="What the rule of admission found, as a refusal says it")


class Numbered(BaseModel):
    """A filing or licence that another one goes on under, or went on from."""

    id: UUID
    number: str
