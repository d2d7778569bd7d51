"""Why enforcement says no: one class per reason; the class name is the problem's code."""

from shared.runtime.base.problems import (
    Conflict,
    Forbidden,
    Internal,
    Invalid,
    NotFound,
    TooLarge,
)


class UnknownName(NotFound):
    """The register holds no site with the name {domain}."""


class UnknownSubject(NotFound):
    """There is no such {kind} here: {id}."""


class UnknownCase(NotFound):
    """There is no case {case_id}."""


class UnknownDecision(NotFound):
    """There is no decision {decision_id}."""


class UnknownAppeal(NotFound):
    """There is no appeal {appeal_id}."""


class UnknownAct(NotFound):
    """No act {act_id} is known that you were told of; the notice names it."""


class UnknownEvidence(NotFound):
    """No evidence with the SHA-256 {sha256} is kept here."""


class UnknownGround(Invalid):
    """The rules know no such ground; fields: {names}."""


class UnknownItem(Invalid):
    """The rules know no such service item, or the case is not about one; fields: {names}."""


class EffectNotPossible(Invalid):
    """This effect cannot be decided so: {names}."""


class EvidenceNotInCase(Invalid):
    """A decision rests on evidence of its own case only; fields: {names}."""


class EvidenceAllWithheld(Invalid):
    """A burden rests on a piece, at least, that whom it burdens may read; fields: {names}."""


class EvidenceWithheld(Forbidden):
    """This piece is cited against you and was filed as confidential: {why}"""


class EvidenceFiledOtherwise(Conflict):
    """This piece lies in the case already, {how}: it stays as it was filed first."""


class EvidenceTooLarge(TooLarge):
    """A piece of evidence may have {limit} bytes at most."""

    members = frozenset({"limit"})


class EvidenceEmpty(Invalid):
    """The body holds no bytes; fields: {names}."""


class EvidenceDamaged(Internal):
    """The bytes kept for {sha256} are no longer those that were filed; restore them from a copy."""

    title = "Evidence damaged"


class DecisionPending(Conflict):
    """This case has a drafted decision already: release or withdraw {decision_id} first."""

    members = frozenset({"decision_id"})


class NoticeNotDelivered(Conflict):
    """Whom it burdens was not told yet: nothing goes on before the notice is delivered, or on an urgent ground."""


class SubjectChanged(Conflict):
    """The case is not about what it was any more: {why}. Withdraw the draft; what is so now is another case."""


class DecisionInForce(Conflict):
    """Decision {decision_id} of this case is in force: lift it first, so that what it did is undone."""

    members = frozenset({"decision_id"})


class NothingToStay(Conflict):
    """{why}"""


class ExecutionMisfit(Conflict):
    """What the register says of decision {decision_id} names another case, effect or subject than it has."""


class CureNotOver(Conflict):
    """Whom it burdens has until {release_from} to put it right; without an urgent ground nothing is released before."""

    members = frozenset({"release_from"})


class SignedSomethingElse(Conflict):
    """What was signed is not what it does now: read the preview again, and name every site in it.

    The members say what it is now.
    """

    members = frozenset({"preview_digest", "collateral"})


class TimeUsedUp(Conflict):
    """All {effect} about this subject may last {most} days within {within}, and earlier ones count: {way_out}."""

    members = frozenset({"decision_ids"})


class AppealUndecided(Conflict):
    """Decision {decision_id} did the same here and was suspended: wait until appeal {appeal_id} is decided."""

    members = frozenset({"decision_id", "appeal_id"})


class UrgencyLost(Conflict):
    """The notice of urgent decision {decision_id} about this subject was late: draft this one without urgent ground."""

    members = frozenset({"decision_id"})


class NothingNew(Conflict):
    """Decision {decision_id} did the same here and fell on appeal: cite evidence that it did not rest on."""

    members = frozenset({"decision_id"})


class NothingToAppeal(Conflict):
    """This act burdens nobody, so there is nothing to appeal."""


class AppealPending(Conflict):
    """This act is, or was, under appeal already: {appeal_id}."""

    members = frozenset({"appeal_id"})


class AppealTooLate(Conflict):
    """The time to appeal ended on {until}; the review body may still admit a late one."""

    members = frozenset({"until"})


class ConsentNeeded(Invalid):
    """An appeal is entered for an operator only with its consent: {names}."""


class UnknownSubscription(NotFound):
    """There is no subscription {subscription_id} of yours."""


class AlreadySubscribed(Conflict):
    """You have this subscription already: {subscription_id}."""

    members = frozenset({"subscription_id"})


class TooManySubscriptions(Conflict):
    """You have {limit} subscriptions that have not ended; end one of them first."""

    members = frozenset({"limit"})


class LookedJustNow(Conflict):
    """The name was looked at a moment ago, or is being looked at; ask again after {after}."""

    members = frozenset({"after"})
