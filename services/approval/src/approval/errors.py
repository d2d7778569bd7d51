"""Why approval says no: one class per reason; the class name is the problem's code."""

from shared.runtime.base.problems import Conflict, Invalid, NotFound


class UnknownApproval(NotFound):
    """There is no approval {approval_id}."""


class ApprovalHasNoDocument(NotFound):
    """Approval {approval_id} was never granted, so there is no document of it."""


class UnknownFile(NotFound):
    """Nothing with the SHA-256 {sha256} was handed in here."""


class UnknownRequirement(Invalid):
    """The service item has no such requirement; fields: {names}."""


class TooManyFiles(Conflict):
    """There are {most} files already, and no application needs more."""


class RequirementsMissing(Conflict):
    """It was returned for what has not been handed in since: {requirements}."""

    members = frozenset({"requirements"})


class FilesDamaged(Conflict):
    """Nobody can read {files} any more: restore the bytes, or return the application for them, before it is refused."""

    members = frozenset({"files"})


class TransferredBefore(Conflict):
    """{organisation} had this application already and forwarded it: it comes to nobody twice."""


class TransferredTooOften(Conflict):
    """This application was forwarded {most} times: whoever has it decides now."""


class UnknownPaper(NotFound):
    """There is no entry of a paper approval {paper_id}."""


class PaperEntered(Conflict):
    """The paper approval {paper_number} was entered before: {paper_id}."""

    members = frozenset({"paper_id"})


class PaperOtherwise(Conflict):
    """The entry has another number, or another scan: compare it with the paper again."""


class ApprovalInForce(Conflict):
    """This operator has an approval of the same for this name already: {approval_id}."""

    members = frozenset({"approval_id"})


class EndedByDecision(Conflict):
    """A decision in a case ended what covered this name, and no paper brings it back: {approval_id}."""

    members = frozenset({"approval_id"})


class DecidedSince(Conflict):
    """Decision {decision_id} of {released_on} ended what this paper consents to; that stands unless it falls."""

    members = frozenset({"decision_id", "released_on"})


class UnknownServiceItem(Invalid):
    """The rules know no such service item; fields: {names}."""


class UnknownProvince(Invalid):
    """The rules know no such province; fields: {names}."""


class ApprovalNotNeeded(Conflict):
    """Service item {service_item} needs no prior approval: register without one."""


class OperatorBarred(Conflict):
    """The operator is on the barred list and gets no new consent until {until}; that it can challenge."""

    members = frozenset({"until", "execution_id"})


class ApprovalPending(Conflict):
    """This operator's application for {service_item} on {domain} is still open: {approval_id}."""

    members = frozenset({"approval_id"})


class ValidityTooShort(Invalid):
    """An approval must end on a day that is still to come, and a renewed one later than before; fields: {names}."""


class ValidityTooLong(Invalid):
    """An approval is valid only so long from the day on which it is granted or renewed; fields: {names}."""


class ScopeNotOpen(Invalid):
    """A renewal keeps the scope, unless the grant of another scope than was asked fell on appeal; fields: {names}."""


class ValidityOver(Conflict):
    """The last day of this approval, {valid_until}, is over: apply for a new one."""
