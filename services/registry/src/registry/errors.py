"""Why the register says no: one class per reason."""

from uuid import UUID

from shared.runtime.base.problems import Conflict, Invalid, NotFound, Unavailable


class UnknownOperator(NotFound):
    """There is no operator {operator_id}."""


class UnknownRegistration(NotFound):
    """There is no registration {registration_id}."""


class UnknownSite(NotFound):
    """There is no site {site_id}."""


class UnknownAccess(NotFound):
    """There is no live access {access_id} of this site."""


class UnknownAmendment(NotFound):
    """There is no amendment {amendment_id}."""


class UnknownExecution(NotFound):
    """There is no execution {execution_id}."""


class UnknownMerger(NotFound):
    """There is no merger {merger_id}."""


class UnknownImport(NotFound):
    """There is no import {import_id}."""


class UnknownRenewal(NotFound):
    """There is no renewal {renewal_id}."""


class UnknownCheck(NotFound):
    """There is no check {check_id}."""


class UnknownTask(NotFound):
    """There is no task of the company registrar {task_id}."""


class LicenceHasNoDocument(NotFound):
    """Registration {registration_id} is no licence that was granted here, so there is no document of it."""


class NoMark(NotFound):
    """Registration {registration_id} is not in force and never had a mark."""


class UnknownMark(NotFound):
    """This is no mark that was signed here."""


class MarkMalformed(Invalid):
    """This is no mark: {reason}."""


class ImportExists(Conflict):
    """There is an import with this id already: send the file to its continuation, or choose another id."""


class ImportOver(Conflict):
    """This import is {status}: there is nothing to go on with; send the file as a new one."""


class ImportRunning(Conflict):
    """This import still runs, or did until a moment ago: ask again in {wait_s} seconds."""

    members = frozenset({"wait_s"})


class ImportTakenOver(Conflict):
    """Somebody went on with this import from another connection: what was not in yet is theirs to send."""


class OtherFile(Conflict):
    """This is not the file that the import began with: its rows before row {next_row} are others. Send the file as it
    was, from its beginning, or this one as a new import."""

    members = frozenset({"next_row"})


class TooManyToCheck(Invalid):
    """A dry run holds what it has seen and checks {most} rows at most: split the file, or import it."""


class OperatorExists(Conflict):
    """An operator with this identity is registered already; use that record, {operator_id}."""

    members = frozenset({"operator_id"})


class OperatorMerged(Conflict):
    """This operator goes on under another entry of it: {survivor_id}."""

    members = frozenset({"survivor_id"})


class MergerPending(Conflict):
    """A merger about one of these operators is open, or holds already: {merger_id}."""

    members = frozenset({"merger_id"})


class NotTheSame(Conflict):
    """These cannot be one operator: {why}."""


class UndecidedFirst(Conflict):
    """Something that this operator asked for is not decided yet, {aggregate} {undecided_id}: decide that first."""

    members = frozenset({"undecided_id"})


class PreviewChanged(Conflict):
    """What was signed is not what would move now: read the preview again. Its digest is {preview_digest}."""

    members = frozenset({"preview_digest"})


class MergerAppealable(Conflict):
    """This came by a merger, {merger_id}, that may still fall on appeal: it stays where it is until {until}."""

    members = frozenset({"merger_id", "until"})


class StillHeard(Conflict):
    """Both operators may say until {until} that they are not the same: confirm it after that."""


class LegacyCode(Conflict):
    """The check digit of {number} fails, but such codes were issued before 2016: a second officer must confirm it."""


class NoLegacyCode(Conflict):
    """This operator has no code that anybody must confirm."""


class WrongCode(Conflict):
    """This is not the code that was sent to the address; ask for a new one by setting the address again."""


class CodeSpent(Conflict):
    """No try is left at the code that was sent to the address: ask for a new one by setting the address again."""


class TooManyCodes(Conflict):
    """No more codes are sent to the addresses of this operator today; ask again tomorrow."""


class FilingExists(Conflict):
    """This operator has a filing in this province already: add the site to it, {registration_id}."""

    members = frozenset({"registration_id"})


class ForwardedBefore(Conflict):
    """{organisation} had this application already and forwarded it: it comes to nobody twice."""


class ForwardedTooOften(Conflict):
    """This application was forwarded {most} times: whoever has it decides now."""


class SettledHere(Conflict):
    """This operator has other registrations: it is at home where it is, and moves by an amendment of its own."""


class NotAdmitted(Conflict):
    """This cannot be entered: {codes}."""

    members = frozenset({"grounds"})


class TooManySites(Conflict):
    """A number can have {most} sites at most."""


class AmendmentPending(Conflict):
    """A change of this is proposed already, {amendment_id}: withdraw it, or wait for its decision."""

    members = frozenset({"amendment_id"})


class UnderMeasure(Conflict):
    """A measure lies on this site, or its execution is being decided: it stays as it is until that ends."""


class NotLive(Conflict):
    """This site is {status}: only a live one can be changed."""


class NothingChanges(Conflict):
    """The proposal is what holds already."""


class ChangedSince(Conflict):
    """What this would change is not what it was when it was granted: propose it anew, or have it decided anew."""


class StaysAtHome(Conflict):
    """Only a filing of a province moves to another one: a licence is asked for there."""


class SameProvince(Conflict):
    """This filing is in {region} already."""


class ConsentMissing(Conflict):
    """The receiving operator has not agreed to this transfer yet."""


class OperatorConsentMissing(Conflict):
    """It takes something from an operator that never asked, which must agree at /amendments/{amendment_id}/consent."""

    members = frozenset({"amendment_id"})


class SameRegistration(Conflict):
    """A site cannot be transferred to the registration it is under."""


class OtherDesk(Conflict):
    """A site goes to a number of the same level and province only: {number} is on another desk. Register it there."""


class NotSigned(Conflict):
    """What was signed is not what would happen now: read the preview again, and name every site in it.

    The members say what it is now.
    """

    members = frozenset({"preview_digest", "collateral"})


class ItemStillApproved(Conflict):
    """A live approval, {number}, covers {service_item} for this operator: nothing is to be struck; decline, or wait."""

    members = frozenset({"number", "service_item"})


class SubjectGone(Conflict):
    """The site of this decision is {status}: nothing is left to execute; decline with that reason."""


class TimeOver(Conflict):
    """The time that the decision set, {until}, is over: nothing is left to execute; decline with that reason."""


class RegisteredMeanwhile(Conflict):
    """{host} belongs to a registered site by now, {site_id}: decline; a case may be about that site."""

    members = frozenset({"site_id"})


class NotALicence(Conflict):
    """A filing has no last day: there is nothing to renew."""


class RenewalPending(Conflict):
    """The renewal of this licence is asked for already, {renewal_id}: withdraw it, or wait for its decision."""

    members = frozenset({"renewal_id"})


class RenewalTooLate(Conflict):
    """It lapsed too long ago: until {until} it could be renewed under its number; ask for a new licence."""


class ChecksPending(Conflict):
    """Providers may still say whether the facts are right: wait for their answers, or until their time is over."""

    members = frozenset({"providers"})


class DecisionMisfit(Exception):
    """A fact about a decision does not fit the decision, or the record, that it names: somebody must look at it."""

    def __init__(self, decision_id: UUID, why: str) -> None:
        super().__init__(f"decision {decision_id}: {why}")


class UnknownFinding(NotFound):
    """There is no finding {finding_id}."""


class HostedAgain(Conflict):
    """Somebody hosts the site, or is about to: nothing lapses."""


class NoReviews(Conflict):
    """The rule profile {profile} knows no annual review."""


class ReviewExists(Conflict):
    """The review of {year} was announced already."""

    members = frozenset({"review_id"})


class ReviewYear(Invalid):
    """A review of this year can be announced while opinions can be given, and that of the next one: {names}."""


class UnknownReview(NotFound):
    """There is no review {review_id}."""


class UnknownReviewSubject(NotFound):
    """There is no subject {subject_id} of a review."""


class UnknownOpinion(NotFound):
    """There is no opinion {opinion_id}."""


class NoOpinionAsked(Conflict):
    """Your organisation was not asked for an opinion in this review: its regulator can give it a window."""


class WindowOver(Conflict):
    """The window for your opinion was over on {until}: the regulator can extend it until the review closes."""


class WindowsOpen(Conflict):
    """Authorities can give their opinions until {until}, and {count} of them have not finished."""


class AlreadyFinished(Conflict):
    """Your organisation has said that it gave all its opinions."""


class OpinionExists(Conflict):
    """Your organisation's opinion of this subject stands already: withdraw it first."""

    members = frozenset({"opinion_id"})


class OpinionUnfounded(Conflict):
    """A failing opinion rests on a decision that was carried out and stands (P3.3.4): {why}."""


class RegulariseFirst(Conflict):
    """Of a site without a consent of yours the only failing opinion is close_site, after an order to correct that was
    ignored (P3.3.5-1): {why}."""


class ValidityWrong(Invalid):
    """A licence says from when until when it holds, and a filing does not: {names}."""


class InvalidValues(Invalid):
    """Some values cannot be right: {names}."""

    code = "invalid"


class ProviderNotActive(Conflict):
    """The register knows no active provider {provider_id}: it closed, or is a sandbox, of which no department hears."""


class OutOfSequence(Conflict):
    """Send batch {next} first: the batches of a provider are taken in their order, one by one."""

    members = frozenset({"next"})


class OtherBatch(Conflict):
    """Batch {sequence} was taken with other bytes: what was taken stays. The next one is {next}."""

    members = frozenset({"next"})


class NotWhole(Conflict):
    """This closes another list than was sent: that has {records} records, or other bytes. Nothing is closed: send what
    is missing, or the list anew, whose first batch says `anew`. What our hash is, only your own list can tell."""

    members = frozenset({"records"})


class TooManyClosings(Unavailable):
    """So many lists of yours were closed within a day; close this one when `Retry-After` says: it waits as it is."""

    status = 429


class TooManyQuestions(Unavailable):
    """You asked more than is answered in an hour; ask again when `Retry-After` says."""

    status = 429
