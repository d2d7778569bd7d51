"""What goes over the registry's door about batches: up to a thousand applications in one request, a result for each."""

from datetime import datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import BaseModel, Field

from shared.contracts import examples
from shared.contracts.base import Body
from shared.contracts.http.base import View, example
from shared.contracts.http.registry import GroundFound, NewRegistration, NewSite

MOST_RECORDS = 1_000
_SITE: dict[str, Any] = {
    "name": "Example Pharmacy", "domains": ["pharmacy.example"],
    "accesses": [{"provider_id": examples.PROVIDER, "ips": ["198.18.0.10"]}],
}  # fmt: skip


class AnotherSite(Body):
    """A further site under a number that the operator has."""

    registration_id: UUID
    site: NewSite


Submission = NewRegistration | AnotherSite
"""One record of a batch: a filing or licence with its first site, or a further site under a number."""


class Batch(Body):
    """Applications, each as it could be sent alone: what ``NewRegistration`` or ``AnotherSite`` says."""

    model_config = example(records=[
        {"operator_id": examples.OPERATOR, "kind": "filing", "site": _SITE},
        {"registration_id": examples.REGISTRATION_RECORD["registration_id"], "site": _SITE},
    ])  # fmt: skip

    records: Annotated[list[Any], Field(min_length=1, max_length=MOST_RECORDS)]
    """One that is malformed is refused by itself, like any other that cannot be."""


class FieldFound(BaseModel):
    """A member that is missing or wrong."""

    field: str
    message: str


class SubmissionResult(View):
    """What became of one record."""

    index: int = Field(description="Place in the batch, from 0")
    status: Literal["submitted", "unchanged", "refused"] = Field(
        description="unchanged: just this was asked for, or entered, before"
    )
    code: str | None = Field(None, description="Why it was refused; as it would be told if it were sent alone")
    message: str | None = None
    grounds: list[GroundFound] = Field([], description="With not_admitted: every ground at once")
    fields: list[FieldFound] = Field([], description="With what cannot be: which members")
    registration_id: UUID | None = None
    site_id: UUID | None = None
    amendment_id: UUID | None = Field(None, description="Of a further site: the proposal that is decided")
    due_at: datetime | None = Field(None, description="Until when the regulator must decide")


class SubmissionResults(View):
    """One result per record, in the order of the batch."""

    submitted: int
    unchanged: int
    refused: int
    results: list[SubmissionResult]
