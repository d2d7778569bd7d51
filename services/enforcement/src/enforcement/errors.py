"""Why enforcement says no: one class per reason; the class name is the problem's code."""

from shared.runtime.base.problems import (
    Conflict,
    Forbidden,
    Internal,
    Invalid,
    NotFound,
    TooLarge,
    Unavailable,
    UnsupportedMediaType,
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


class PapersDamaged(Conflict):
    """Nobody can read {papers} any more: restore the bytes, or have them handed in again, before this is rejected."""

    members = frozenset({"papers"})


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
    """Appeal {appeal_id} is on record, refused: its time ended on {until}. The review body may still admit it."""

    members = frozenset({"until", "appeal_id"})


class ConsentNeeded(Invalid):
    """An appeal is entered for an operator only with its consent: {names}."""


class UnknownComplaint(NotFound):
    """No complaint has this secret."""


class UnknownMatter(NotFound):
    """There is no matter {matter_id}."""


class UnknownWarning(NotFound):
    """There is no warning {warning_id}."""


class UnknownEmergency(NotFound):
    """There is no emergency suspension {emergency_id}."""


class TooManyComplaints(Unavailable):
    """Too many complaints {of_what} lately: wait {retry_after} seconds. What came before is on its desk."""

    status = 429


class ComplaintOver(Conflict):
    """This complaint is over: nothing is added to it any more, but you can complain anew."""


class ComplaintFilesFull(Conflict):
    """A complaint has {most} files at most."""

    members = frozenset({"most"})


class ComplaintFileTooLarge(TooLarge):
    """A file of a complaint may have {limit} bytes at most."""

    members = frozenset({"limit"})


class UnknownSubscription(NotFound):
    """There is no subscription {subscription_id} of yours."""


class AlreadySubscribed(Conflict):
    """You have this subscription already: {subscription_id}."""

    members = frozenset({"subscription_id"})


class TooManySubscriptions(Conflict):
    """You have {limit} subscriptions that have not ended; end one of them first."""

    members = frozenset({"limit"})


class GradeUnknown(Invalid):
    """The rules know no such grade; fields: {names}."""


class RouteClosed(Conflict):
    """From the grade {grade} a matter cannot go there; grade it otherwise, with reasons, or: {routes}."""


class CaseMisfit(Invalid):
    """The case is about something else than was complained of; fields: {names}."""


class NobodyToWarn(Invalid):
    """Nobody is known whom the letter could reach; fields: {names}."""


class EmergencyOver(Conflict):
    """The time to confirm this was over on {confirm_by}: it has lapsed, and the site is hosted again."""

    members = frozenset({"confirm_by"})


class EmergencyConfirmedAlready(Conflict):
    """Decision {decision_id} confirms this already."""

    members = frozenset({"decision_id"})


class EmergencyMisfit(Conflict):
    """This decision does not confirm it: {why}."""


class EvidenceKindUnknown(UnsupportedMediaType):
    """Evidence is none of {said}: file it as one of {known}."""


class EvidenceOtherwise(UnsupportedMediaType):
    """The bytes were said to be {said} and begin as {found}: say what they are, or file what was meant."""


class EvidenceBeingDeleted(Conflict):
    """These bytes were being deleted at this very moment: nothing was filed. File them again."""


class EvidenceDeleted(NotFound):
    """The bytes of {sha256} were deleted on {at}, {why}; hash and size are in the custody record."""


class ClaimedByColleague(Conflict):
    """{claimed_by} works on this case since {claimed_at}: say in `reasons` why you take it over."""

    members = frozenset({"claimed_by"})


class ClaimedByNobody(Conflict):
    """You do not work on this case, so there is nothing to give back."""


class NotCompetent(Invalid):
    """That authority is not competent for this case; fields: {names}."""


class HadItBefore(Conflict):
    """{organisation} had this case before, and a case never goes back: whoever has it ends it."""


class CaseTransferredTooOften(Conflict):
    """This case went on {most} times, which is the most: whoever has it ends it."""


class LinkedAlready(Conflict):
    """These two cases are linked already."""


class HeldAlready(Conflict):
    """The evidence of this case is held already: {why}"""


class NothingHeld(Conflict):
    """The evidence of this case is not held, so there is nothing to lift."""


class UnknownCaseTask(NotFound):
    """There is no task {task_id}."""


class UnknownOfficer(Invalid):
    """Nobody of that name has acted here for your authority yet; fields: {names}."""


class UnknownOpinion(NotFound):
    """There is no opinion {opinion_id}."""


class OpinionPending(Conflict):
    """{organisation} was asked about this case already and has not answered: {opinion_id}."""

    members = frozenset({"opinion_id"})


class NothingToSettle(Conflict):
    """No opinions in this case differ that are not settled already."""


class TextMisfit(Invalid):
    """The draft does not fit its standard text: {names}."""


class ChangedSinceDraft(Conflict):
    """What stands around it is not what was signed ({what}): read the decision again, and sign ``since_draft.digest``.

    The member says what that is now; none where nothing differs from the draft.
    """

    members = frozenset({"since_draft"})


class CopyTooOld(Conflict):
    """The copy of the register is known to be whole only up to {since}; a release needs one of {clock}: wait for it."""


class DecisionHasNoDocument(NotFound):
    """Decision {decision_id} has no document: it was not released, or before documents were issued."""


class TookPart(Conflict):
    """Whoever signed, filed or acted for {organisation} does not review it: somebody else of the body must."""

    members = frozenset({"organisation"})


class AssignedToAnother(Conflict):
    """This appeal is another person's to decide, since {assigned_at}: it can be assigned anew, with reasons."""

    members = frozenset({"assigned_at"})


class HearingPending(Conflict):
    """Both sides are invited to hearing {hearing_id}: hold or cancel it before."""

    members = frozenset({"hearing_id"})


class NotToldOfHearing(Conflict):
    """The {side} did not come and was not told of the hearing before it: cancel it, and invite both sides anew."""

    members = frozenset({"side"})


class HearingTooSoon(Invalid):
    """A hearing leaves both sides time to prepare, and is recorded when it was held: {names}."""


class UnknownHearing(NotFound):
    """There is no hearing {hearing_id}."""


class UnknownAppealPaper(NotFound):
    """There is no paper with the SHA-256 {sha256} in this appeal for you."""


class PaperWithheld(Forbidden):
    """This paper was handed in as confidential: {why}"""


class MinutesMissing(Invalid):
    """Minutes are a paper of this appeal that the review body handed in and that both sides may read: {names}."""


class NothingSince(Invalid):
    """That an order was ignored rests on evidence of the case, a piece of it filed after its date: {names}."""


class UnknownRequest(NotFound):
    """There is no request {request_id} to a regulator."""


class NotToBeAsked(Invalid):
    """This cannot be asked of the regulator: {names}."""


class RequestPending(Conflict):
    """Request {request_id} of this case is open: withdraw it, or wait for its answer."""

    members = frozenset({"request_id"})


class NotThatDesk(Invalid):
    """It goes on to an industry regulator of the directory that has not had it: {names}."""


class MatterTransferredTooOften(Conflict):
    """This matter went on {most} times, which is the most: whoever has it grades it."""

    members = frozenset({"most"})


class UnknownReferral(NotFound):
    """There is no referral {referral_id}."""


class NotToBeReferred(Invalid):
    """This cannot be referred so: {names}."""


class ReferralPending(Conflict):
    """A referral of this case to this receiver is drafted already: {referral_id}."""

    members = frozenset({"referral_id"})


class DelayNotPossible(Invalid):
    """Whom a referral is about is told at once, but on a listed ground and before any decision: {names}."""


class CodeOver(Conflict):
    """No code can be entered now: it is too old, was wrong too often, or was never sent. Have another one sent."""


class CodesSent(Conflict):
    """{limit} codes were sent in a day; have another one sent tomorrow."""

    members = frozenset({"limit"})


class CodeWrong(Invalid):
    """That is not the code that was mailed to the address."""


class LookedJustNow(Conflict):
    """The name was looked at a moment ago, or is being looked at; ask again after {after}."""

    members = frozenset({"after"})
