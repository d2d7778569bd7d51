"""What goes over the registry's door about providers' checks: bodies and views (P3.1.4)."""

from datetime import datetime
from enum import StrEnum
from typing import Annotated
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from shared.contracts.base import Body, Reasons
from shared.contracts.http.registry import ClockView, HostingMode


class CheckStatus(StrEnum):
    """Where a provider's check of what was submitted with its name stands."""

    ASKED = "asked"
    """The provider's clock runs."""
    VERIFIED = "verified"
    MISMATCH = "mismatch"
    """Something is not as the provider knows it, with reasons. The regulator decides all the same."""
    SILENT = "silent"
    """The clock is over: nobody waits any more, and the provider can still answer."""
    CLOSED = "closed"
    """The regulator decided without an answer."""


class Differs(StrEnum):
    """What of a submission is not as its provider knows it."""

    CUSTOMER = "customer"
    """It hosts nothing for this operator."""
    DOMAINS = "domains"
    ADDRESSES = "addresses"
    HOSTING_MODE = "hosting_mode"


class Mismatch(Body):
    """What is not as the provider knows it, and why it says so."""

    model_config = ConfigDict(json_schema_extra={"examples": [{
        "differs": ["addresses"], "reasons": "The address belongs to another customer of ours.",
    }]})  # fmt: skip

    differs: Annotated[tuple[Differs, ...], Field(min_length=1, max_length=4)]
    reasons: Reasons


class SubmittedAccess(BaseModel):
    """Where the site shall be hosted, at the provider that is asked."""

    ips: list[str]
    hosting_mode: HostingMode


class Submitted(BaseModel):
    """What was submitted, as far as this provider can check it."""

    operator_name: str
    site_name: str
    domains: list[str]
    accesses: list[SubmittedAccess]


class CheckView(BaseModel):
    """What a provider was asked about a submitted site, or one that shall come to it, and what it answered."""

    id: UUID
    version: int
    status: str
    site_id: UUID
    registration_id: UUID
    amendment_id: UUID | None = Field(description="The change of a registered site by which it shall come to it")
    provider_id: UUID
    provider_name: str | None
    asked: Submitted
    differs: list[Differs]
    reasons: str | None
    clock: ClockView | None
    asked_at: datetime
    answered_at: datetime | None
    changed_at: datetime
    allowed_actions: list[str]
