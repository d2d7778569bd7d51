"""What callers send: the bodies of the requests, checked at the door."""

from typing import Annotated, Any, Literal, Self

from pydantic import ConfigDict, Field, StringConstraints, model_validator

from enforcement.measures import Measure
from shared.contracts.base import Body, LegalBasis, Moment, Reasons, Redress, Sha256, Text

_BASIS: dict[str, Any] = {
    "legal_basis": ["Coordination Plan 2006, section 3(2) step 3"],
    "reasons": "The site published audiovisual programmes without approval after an order to correct.",
}
_DIGEST = "2c26b46b68ffc68ff99b453c1d30413413422d706483bfa0f98a5e886266e7ae"


def _example(**fields: Any) -> ConfigDict:
    return ConfigDict(frozen=True, extra="forbid", json_schema_extra={"examples": [fields]})


class Suspicion(Body):
    """A sector regulator opens a case about a registered site."""

    model_config = _example(
        domain="stage.example",
        service_item="culture",
        alleged_breach="Performances offered without approval",
        legal_basis=_BASIS["legal_basis"],
    )

    domain: Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=253)]
    """A host name of the site, in either form; the registered domain itself or a name below it."""
    service_item: Text
    alleged_breach: Text
    legal_basis: LegalBasis


class Notice(Body):
    """What the operator was sent, and until when it may put things right."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    sent_at: Moment
    how: Text
    cure_until: Moment | None = None
    """Left out: the rule profile's cure window from the day it was sent."""

    @model_validator(mode="after")
    def _leaves_time(self) -> Self:
        if self.cure_until is not None and self.cure_until <= self.sent_at:
            raise ValueError("cure_until must be later than sent_at")
        return self


class Draft(Body):
    """A decision as one person drafts it. Exactly one of ``notice`` and ``urgent_ground``; no_breach needs neither."""

    model_config = _example(
        measure="revoke_and_cut",
        **_BASIS,
        evidence_hashes=[_DIGEST],
        redress={"authority": "Provincial government of Beijing", "how": "Administrative review", "within_days": 60},
        notice={
            "sent_at": "2026-11-02T01:00:00Z",
            "how": "Registered letter to the operator's domicile",
            "cure_until": "2026-11-16T16:00:00Z",
        },
    )

    measure: Measure
    legal_basis: LegalBasis
    reasons: Reasons
    evidence_hashes: Annotated[tuple[Sha256, ...], Field(min_length=1, max_length=1000)]
    redress: Redress
    notice: Notice | None = None
    urgent_ground: Reasons | None = None

    @model_validator(mode="after")
    def _heard_or_urgent(self) -> Self:
        given = (self.notice is not None) + (self.urgent_ground is not None)
        if given != 1 and not (given == 0 and self.measure is Measure.NO_BREACH):
            raise ValueError("give exactly one of notice and urgent_ground")
        return self


class Release(Body):
    """A second person releases a decision, after looking at its impact."""

    model_config = _example(impact_hash=_DIGEST, collateral_acknowledged=2)

    impact_hash: Sha256
    """``hash`` of the preview this person has looked at."""
    collateral_acknowledged: Annotated[int, Field(ge=0)] | None = None
    """``collateral`` of that preview; required when it is not 0."""


class Withdrawal(Body):
    """A draft is taken back."""

    model_config = _example(reasons="The operator has shown the approval in the meantime.")

    reasons: Reasons = "The draft was taken back before it had any effect."


class Grounds(Body):
    """An appeal against a decision, by the operator or entered for it by an officer."""

    model_config = _example(
        grounds="The programmes were published by a former tenant.", appellant="Example Culture Ltd"
    )

    grounds: Reasons
    appellant: Text


class Outcome(Body):
    """What the review body decides on an appeal."""

    model_config = _example(outcome="upheld", **_BASIS)

    outcome: Literal["upheld", "rejected"]
    legal_basis: LegalBasis
    reasons: Reasons
