"""Why enforcement says no: one class per reason; the class name is the problem's code."""

from shared.runtime.base.problems import Conflict, Internal, Invalid, NotFound, TooLarge, UnsupportedMediaType


class UnknownSite(NotFound):
    """The register holds no site with the domain {domain}."""


class UnknownCase(NotFound):
    """There is no case {case_id}."""


class UnknownDecision(NotFound):
    """There is no decision {decision_id}."""


class UnknownAppeal(NotFound):
    """There is no appeal {appeal_id}."""


class UnknownEvidence(NotFound):
    """No evidence with the SHA-256 {sha256} is kept here."""


class UnknownServiceItem(Invalid):
    """The rules know no such service item; fields: {names}."""


class EvidenceNotInCase(Invalid):
    """A decision rests on evidence of its own case only; fields: {names}."""


class EvidenceTooLarge(TooLarge):
    """A piece of evidence may have {limit} bytes at most."""

    members = frozenset({"limit"})


class EvidenceEmpty(Invalid):
    """The body holds no bytes; fields: {names}."""


class MediaTypeMissing(UnsupportedMediaType):
    """Say in Content-Type what the evidence is, as type/subtype, such as application/pdf."""


class EvidenceDamaged(Internal):
    """The bytes kept for {sha256} are no longer those that were filed; restore them from a copy."""

    title = "Evidence damaged"


class DecisionPending(Conflict):
    """This case has a drafted decision already: release or withdraw {decision_id} first."""

    members = frozenset({"decision_id"})


class CureWindowOpen(Conflict):
    """The operator has until {cure_until} to put things right; without an urgent ground nothing is released before."""

    members = frozenset({"cure_until"})


class ImpactChanged(Conflict):
    """The impact is not what you were shown: look at the new preview and release with its hash."""

    # ``impact`` is the new preview.


class CollateralNotAcknowledged(Conflict):
    """Others would be hit: look at the preview and state the number {collateral} in collateral_acknowledged."""

    members = frozenset({"collateral"})
    # ``impact`` is the preview.


class NothingToAppeal(Conflict):
    """A finding of no breach burdens nobody, so there is nothing to appeal."""


class AppealPending(Conflict):
    """This decision is under appeal already: {appeal_id}."""

    members = frozenset({"appeal_id"})


class AppealTooLate(Conflict):
    """The time to appeal ended on {until}; the review body or an officer may still admit a late one."""

    members = frozenset({"until"})
