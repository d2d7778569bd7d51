"""What operators and authorities send to approval, and what they read there."""

from datetime import date, datetime
from enum import StrEnum
from typing import Annotated, Any, Literal, Self
from uuid import UUID

from pydantic import AfterValidator, ConfigDict, Field, StringConstraints, model_validator

from shared.contracts import examples
from shared.contracts.approval import ApprovalStatus
from shared.contracts.base import Body, Day, Document, Reasons, Region, Text
from shared.contracts.grounds import ActRef, AuthorityRef, Grounds, Names, OperatorRef, Statement
from shared.contracts.http.base import View, example

LastDay = Annotated[Day, Field(description="Last day of validity, in the time zone of the profile.")]


Email = Annotated[str, StringConstraints(strip_whitespace=True, max_length=254, pattern=r"^[!-?A-~]+@[!-?A-~]+$")]
"""An address for mail, in ASCII."""


class ApprovalAction(StrEnum):
    """What can be done with an approval."""

    RETURN = "return"
    HAND_IN = "hand_in"
    RESUBMIT = "resubmit"
    TRANSFER = "transfer"
    GRANT = "grant"
    REFUSE = "refuse"
    FIND_NOT_REQUIRED = "find_not_required"
    ASK_RENEWAL = "ask_renewal"
    RENEW = "renew"
    REFUSE_RENEWAL = "refuse_renewal"
    LAPSE = "lapse"
    END = "end"
    REINSTATE = "reinstate"
    REINSTATE_RENEWAL = "reinstate_renewal"
    REOPEN = "reopen"
    REOPEN_RENEWAL = "reopen_renewal"


class Finding(Document):
    """One thing that is missing, or one reason for a refusal, with a code that a program can tell apart."""

    code: Annotated[str, Field(pattern=r"^[a-z][a-z_]{1,60}$")]
    text: Text


def _each_once(findings: tuple[Finding, ...]) -> tuple[Finding, ...]:
    if len({finding.code for finding in findings}) != len(findings):
        raise ValueError("each code is said once")
    return findings


Findings = Annotated[tuple[Finding, ...], Field(min_length=1, max_length=50), AfterValidator(_each_once)]

_MISSING: list[dict[str, Any]] = [
    {"code": "licence_copy", "text": "A copy of the pharmacy licence"},
    {"code": "pharmacist", "text": "The name and certificate of the pharmacist in charge"},
]
_REASONS: list[dict[str, Any]] = [
    {"code": "no_pharmacist", "text": "No pharmacist is in charge, as the order requires."},
    {"code": "no_cold_chain", "text": "Medicines that must be kept cold cannot be sent."},
]
_REFUSAL: dict[str, Any] = {
    "legal_basis": ["Coordination Plan 2006, section 3(1) step 3"],
    "reasons": "The applicant meets neither of two conditions that the order sets.",
    "findings": _REASONS,
}


class Application(Body):
    """An operator asks an authority, by level and province, to approve one service item of one site."""

    model_config = example(
        operator=examples.OPERATOR_REF,
        service_item="drugs_and_devices",
        domain="pharmacy.example",
        scope_of_service="Sale of over-the-counter medicines",
        level="province",
        region="110000",
        email="desk@pharmacy.example",
    )

    operator: OperatorRef
    service_item: Text
    domain: Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=253)]
    scope_of_service: Text
    level: Literal["national", "province"]
    region: Region | None = None
    """The authority's province; none at national level."""
    email: Email | None = None
    """Where notices are sent besides the inbox. Nobody has verified it, so what it takes proves no delivery."""

    @model_validator(mode="after")
    def _province_has_region(self) -> Self:
        if (self.level == "province") != (self.region is not None):
            raise ValueError("an authority of province level has a region, one of national level has none")
        return self


class Return(Body):
    """Everything that is missing, at once: there is no second return.

    A finding whose code is that of a requirement of the item asks for a file: nothing is granted before one is there.
    """

    model_config = example(missing=_MISSING)

    missing: Findings


class Resubmission(Body):
    """The operator answers a return; the scope it asks for may change with it."""

    model_config = example(answer="The licence and the certificate of the pharmacist were handed in on paper.")

    answer: Reasons
    scope_of_service: Text | None = None


class Decided(Statement, Body):
    """The part that every decision of the authority has."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Transfer(Decided):
    """An authority that is not competent forwards the application to the one that is, by level and province."""

    model_config = example(
        level="national", legal_basis=["Coordination Plan 2006, section 3(1) step 1"],
        reasons="Sale across provinces is put to the national authority.",
    )  # fmt: skip

    level: Literal["national", "province"]
    region: Region | None = None

    @model_validator(mode="after")
    def _province_has_region(self) -> Self:
        if (self.level == "province") != (self.region is not None):
            raise ValueError("an authority of province level has a region, one of national level has none")
        return self


class Grant(Decided):
    """The authority consents: to what, until when, and why."""

    model_config = example(scope="Sale of over-the-counter medicines", valid_until="2029-11-22", **examples.CONSENT)

    scope: Text
    valid_until: LastDay


class Refusal(Decided):
    """The authority refuses, and gives every reason at once. How this is challenged, profile and directory say."""

    model_config = example(**_REFUSAL)

    findings: Findings


class NotRequired(Decided):
    """The authority finds that the service needs no prior approval."""

    model_config = example(**examples.CONSENT)


class RenewalRequest(Body):
    """The operator asks for a later last day, before the present one is over."""

    model_config = example(valid_until="2032-11-22", reasons="The pharmacy goes on under the same licence.")

    valid_until: LastDay
    reasons: Reasons


class Renewal(Decided):
    """The authority renews the approval: same number, same scope, a later last day."""

    model_config = example(valid_until="2032-11-22", **examples.CONSENT)

    valid_until: LastDay
    scope: Text | None = None
    """Another scope: only where the grant of another one than was asked fell on appeal (``renewal_scope``)."""


class DecisionView(View):
    """What an authority decided, and why."""

    action: ApprovalAction
    grounds: Grounds
    findings: tuple[Finding, ...]
    asked: date | None = Field(description="The last day that was asked for and is not given.")
    asked_scope: str | None = Field(description="The scope that was asked for, where another one is given.")
    challenge: ActRef | None = Field(description="What an appeal against it names; none for what burdens nobody.")
    undone_at: datetime | None = Field(description="Since when it has no effect any more, after an appeal.")
    undone_why: str | None


class ClockView(View):
    """The clock that runs for the authority."""

    due_at: datetime = Field(description="Until when the authority must decide.")
    provisional: bool = Field(description="Counted through a year whose working days are not published: it may move.")
    stopped_at: datetime | None = Field(description="Since when it stands still.")
    met_at: datetime | None
    source: str | None = Field(description="Where the delay comes from.", examples=["P3.1.3, ALL §42"])


class HandedInView(View):
    """A file that was handed in."""

    sha256: str
    size: int
    media_type: str
    added_at: datetime


class RequirementView(View):
    """What an application for the item brings, and what was handed in for it."""

    code: str
    names: Names
    missing: bool = Field(description="The authority returned the application for it, and nothing was filed since.")
    files: tuple[HandedInView, ...]


class TransferView(View):
    """That an application was forwarded. The clock went on."""

    by: AuthorityRef
    to: AuthorityRef
    reasons: str
    at: datetime


class ApprovalView(View):
    """An approval from the application on, with its clock and every decision, oldest first."""

    id: UUID
    version: int
    status: ApprovalStatus
    live: bool = Field(description="Whether it covers the service item now.")
    operator: OperatorRef
    service_item: str
    domain: str = Field(description="A-label form, lower case.")
    domain_as_given: str
    scope_of_service: str = Field(description="What was asked for.")
    level: str
    region: str | None = Field(description="Whom it was put to; a province's consent is valid for its own operators.")
    transfers: tuple[TransferView, ...] = Field(description="From whom to whom it was forwarded, oldest first.")
    submitted_at: datetime
    clock: ClockView
    overdue: bool = Field(description="The clock ran out before the authority decided.")
    missing: tuple[Finding, ...] = Field(description="What it was returned for, once.")
    requirements: tuple[RequirementView, ...]
    answer: str | None
    email: str | None = Field(description="Where notices are sent besides the inbox; unverified.")
    authority: AuthorityRef | None
    number: str | None = Field(examples=["京药网械审〔2026〕1号"])
    scope: str | None
    valid_from: date | None
    valid_until: date | None
    warned_at: datetime | None = Field(description="When its operator was last told that the end is near.")
    renewal_until: date | None = Field(description="The last day that a renewal was asked for.")
    renewal_scope: str | None = Field(description="The scope that is decided anew with it, after an appeal.")
    decisions: tuple[DecisionView, ...]
    allowed_actions: list[ApprovalAction] = Field(description="What you can do with it now.")
