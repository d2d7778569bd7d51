"""Subscriptions to a name: whoever shows that a name is theirs hears of every act about it."""

from datetime import datetime
from typing import Annotated, Literal, Self
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, model_validator

from shared.contracts.base import Body, Text

Method = Literal["dns", "file"]


class NewSubscription(Body):
    """Which name, how its control is shown, and where to tell: by mail or by webhook, one of both."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"host": "pharmacy.example", "method": "dns", "email": "web@pharmacy.example"}]}
    )

    host: Text = Field(description="A name; one shown by `dns` stands for all names below it too, one by `file` alone")
    method: Method = Field(description="By a TXT record, or by a file below /.well-known/")
    email: Annotated[str, StringConstraints(pattern=r"^[^@\s<>\"',;:]{1,64}@[^@\s<>\"',;:]{1,255}$")] | None = None
    webhook: Annotated[str, StringConstraints(max_length=2000)] | None = None

    @model_validator(mode="after")
    def _one_address(self) -> Self:
        if (self.email is None) == (self.webhook is None):
            raise ValueError("say email or webhook, one of both")
        return self


class Code(Body):
    """What was mailed to the address of a subscription."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"code": "48201937"}]})

    code: Annotated[str, StringConstraints(pattern=r"^[0-9]{8}$")]


class Proof(BaseModel):
    """What to put where, so that the name shows that it is yours. It must stay there: it is looked at again."""

    method: Method
    place: str = Field(description="Name of the TXT record, or address of the file")
    content: str = Field(description="Text of the record, or a line of the file")


class SubscriptionView(BaseModel):
    """A subscription. Copies that it brings are no delivery: the record is in the inbox of whom an act burdens."""

    id: UUID
    status: Literal["proving", "confirming", "active", "ended"] = Field(
        description="`confirming`: the name was shown, and a code that was mailed to the address waits to be entered"
    )
    host: str
    email: str | None
    webhook: str | None
    secret: str | None = Field(description="Of the webhook (`whsec_…`): its own libraries verify with it what comes")
    proof: Proof
    subscribed_at: datetime
    proven_at: datetime | None = Field(description="When the name last showed it")
    looked_at: datetime | None
    missing: str | None = Field(description="What was missing when the name was last looked at")
    next_look_at: datetime | None
    proven_until: datetime | None = Field(description="When it expires unproven, or must be shown again")
    ended_because: str | None = Field(description="ended, not_proven, not_confirmed, lost or not_answering")
    allowed_actions: list[str]
