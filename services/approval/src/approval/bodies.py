"""What callers send: the bodies of the requests, checked at the door."""

from typing import Annotated, Any

from pydantic import ConfigDict, Field, StringConstraints

from shared.contracts.base import Body, Day, LegalBasis, Reasons, Redress, Region, Sha256, Text
from shared.rules import Level

_BASIS: dict[str, Any] = {
    "legal_basis": ["Coordination Plan 2006, section 3(1) step 3"],
    "reasons": "The applicant holds the licence for online performances and named an editor in charge.",
}
_REDRESS: dict[str, Any] = {
    "authority": "Provincial government of Beijing",
    "how": "Administrative review, in writing or online",
    "within_days": 60,
}


def _example(**fields: Any) -> ConfigDict:
    return ConfigDict(frozen=True, extra="forbid", json_schema_extra={"examples": [fields]})


class Application(Body):
    """An operator asks the authority of its province, or the ministry, to approve one service item of one site."""

    model_config = _example(
        operator_uscc="91110000MA0000000H",
        operator_name="Example Culture Ltd",
        service_item="culture",
        domain="stage.example",
        scope_of_service="Online performances",
        region="110000",
        level="province",
    )

    operator_uscc: Text
    operator_name: Text
    service_item: Text
    domain: Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=253)]
    scope_of_service: Text
    region: Region
    level: Level


class Grant(Body):
    """The authority consents: to what, until when, and why."""

    model_config = _example(scope="Online performances", valid_until="2029-11-22", **_BASIS)

    scope: Text
    valid_until: Day
    """Last day of validity, in the authority's time zone (Asia/Shanghai)."""
    legal_basis: LegalBasis
    reasons: Reasons


class Refusal(Body):
    """The authority refuses, with reasons and the way to challenge it."""

    model_config = _example(**_BASIS, redress=_REDRESS)

    legal_basis: LegalBasis
    reasons: Reasons
    redress: Redress


class NotRequired(Body):
    """The authority finds that the service needs no prior approval."""

    model_config = _example(**_BASIS)

    legal_basis: LegalBasis
    reasons: Reasons


class Cancellation(Body):
    """The authority takes an approval back, on evidence, with the way to challenge it."""

    model_config = _example(**_BASIS, evidence_hash="0" * 64, redress=_REDRESS)

    legal_basis: LegalBasis
    reasons: Reasons
    redress: Redress
    evidence_hash: Annotated[Sha256, Field(description="SHA-256 of the evidence, lower-case hex")]


Decision = Grant | Refusal | NotRequired | Cancellation
