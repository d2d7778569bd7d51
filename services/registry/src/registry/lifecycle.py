"""The states of what the register keeps, and the moves between them: a table each; nothing else decides."""

from enum import StrEnum
from types import MappingProxyType
from typing import Final

from shared.contracts.http.checks import CheckStatus
from shared.contracts.http.hosted import FindingStatus
from shared.contracts.http.registrar import TaskStatus
from shared.contracts.http.shells import ShellStatus
from shared.runtime.acts.lifecycle import Lifecycle


class Status(StrEnum):
    """Where a registration stands."""

    SUBMITTED = "submitted"
    """The regulator's clock runs; late, it is marked overdue and can still be decided."""
    REFUSED = "refused"
    """Refused with every ground at once, and redress; its names are free again."""
    ACTIVE = "active"
    LAPSED = "lapsed"
    """The last day of a licence is over. No sanction: it orders nothing and bars nobody (docs/adr/0004)."""
    ENDED = "ended"
    """No site under it is left. Its number is never used again."""


class Action(StrEnum):
    """What can be done with a registration."""

    GRANT = "grant"
    REFUSE = "refuse"
    LAPSE = "lapse"
    REVIVE = "revive"
    END = "end"
    REOPEN = "reopen"
    RESTORE = "restore"
    FORWARD = "forward"


REGISTRATION: Final = Lifecycle(MappingProxyType({
    (Status.SUBMITTED, Action.GRANT):  Status.ACTIVE,    # P3.1.5
    (Status.SUBMITTED, Action.REFUSE): Status.REFUSED,   # O33 section 12, written reasons
    (Status.SUBMITTED, Action.FORWARD): Status.SUBMITTED, # to the desk that it belongs to
    (Status.REFUSED,   Action.REOPEN): Status.SUBMITTED, # an appeal against the refusal was won
    (Status.ACTIVE,    Action.LAPSE):  Status.LAPSED,    # its last day is over, and no renewal is on the desk
    (Status.LAPSED,    Action.REVIVE): Status.ACTIVE,    # renewed late, or the refusal to renew fell on appeal
    (Status.LAPSED,    Action.END):    Status.ENDED,
    (Status.ACTIVE,    Action.END):    Status.ENDED,     # its last site was deregistered, transferred or moved
    (Status.ENDED,     Action.RESTORE): Status.ACTIVE,   # the merger that ended it was undone
}), aggregate="registration")  # fmt: skip


class SiteStatus(StrEnum):
    """Where a site stands."""

    PROPOSED = "proposed"
    """Asked for; it holds its names for so long."""
    LIVE = "live"
    STOPPED = "stopped"
    """A measure stops its access; it stays in the register."""
    REVOKED = "revoked"
    """A measure took it off the register, and its access is stopped."""
    LAPSED = "lapsed"
    """Nobody hosted it for long; no sanction, and given back in one step under the same number."""
    ENDED = "ended"
    """Deregistered, transferred, or never entered."""


class SiteAction(StrEnum):
    """What befalls a site. All but deregister follow from something else: a grant, a transfer, an execution."""

    ENTER = "enter"
    DROP = "drop"
    STOP = "stop"
    REVOKE = "revoke"
    RESUME = "resume"
    REINSTATE = "reinstate"
    DEREGISTER = "deregister"
    TRANSFER = "transfer"
    MOVE_HOME = "move_home"
    REOPEN = "reopen"
    LAPSE = "lapse"
    RESTORE = "restore"


SITE: Final = Lifecycle(MappingProxyType({
    (SiteStatus.PROPOSED, SiteAction.ENTER):      SiteStatus.LIVE,      # P3.1.5
    (SiteStatus.PROPOSED, SiteAction.DROP):       SiteStatus.ENDED,     # refused or withdrawn
    (SiteStatus.LIVE,     SiteAction.STOP):       SiteStatus.STOPPED,   # suspend_access, cut_access
    (SiteStatus.STOPPED,  SiteAction.STOP):       SiteStatus.STOPPED,   # a second measure
    (SiteStatus.LIVE,     SiteAction.REVOKE):     SiteStatus.REVOKED,   # P3.2.3
    (SiteStatus.STOPPED,  SiteAction.REVOKE):     SiteStatus.REVOKED,
    (SiteStatus.STOPPED,  SiteAction.RESUME):     SiteStatus.LIVE,      # safeguard 7
    (SiteStatus.REVOKED,  SiteAction.REINSTATE):  SiteStatus.LIVE,      # safeguard 7: exactly as it was
    (SiteStatus.REVOKED,  SiteAction.STOP):       SiteStatus.STOPPED,   # the revocation fell, another measure stays
    (SiteStatus.LIVE,     SiteAction.DEREGISTER): SiteStatus.ENDED,     # by its operator
    (SiteStatus.LIVE,     SiteAction.TRANSFER):   SiteStatus.LIVE,      # under another number
    (SiteStatus.LIVE,     SiteAction.LAPSE):      SiteStatus.LAPSED,    # an empty shell, one by one
    (SiteStatus.LAPSED,   SiteAction.RESTORE):    SiteStatus.LIVE,
    (SiteStatus.LAPSED,   SiteAction.DEREGISTER): SiteStatus.ENDED,
    (SiteStatus.LIVE,     SiteAction.MOVE_HOME):  SiteStatus.LIVE,      # with its filing, to another province
    (SiteStatus.LAPSED,   SiteAction.MOVE_HOME):  SiteStatus.LAPSED,    # and its way back goes along
    (SiteStatus.ENDED,    SiteAction.REOPEN):     SiteStatus.PROPOSED,  # the refusal of its registration fell
}), aggregate="site")  # fmt: skip


class AmendmentStatus(StrEnum):
    """Where a proposed change stands."""

    PROPOSED = "proposed"
    WAITING = "waiting"
    """Granted, for a day that is still to come; what holds is as before."""
    GRANTED = "granted"
    """It holds."""
    REFUSED = "refused"
    WITHDRAWN = "withdrawn"


class AmendmentAction(StrEnum):
    """What can be done with a proposed change. Defer is a grant for a later day; what befalls it then a clock does."""

    GRANT = "grant"
    DEFER = "defer"
    TAKE_EFFECT = "take_effect"
    RETURN = "return"
    REFUSE = "refuse"
    WITHDRAW = "withdraw"
    LAPSE = "lapse"
    REOPEN = "reopen"


AMENDMENT: Final = Lifecycle(MappingProxyType({
    (AmendmentStatus.PROPOSED, AmendmentAction.GRANT):    AmendmentStatus.GRANTED,    # P3.1, last paragraph
    (AmendmentStatus.PROPOSED, AmendmentAction.DEFER):    AmendmentStatus.WAITING,    # granted from a later day on
    (AmendmentStatus.PROPOSED, AmendmentAction.REFUSE):   AmendmentStatus.REFUSED,
    (AmendmentStatus.PROPOSED, AmendmentAction.WITHDRAW): AmendmentStatus.WITHDRAWN,  # by its operator
    (AmendmentStatus.PROPOSED, AmendmentAction.LAPSE):    AmendmentStatus.WITHDRAWN,  # its operator never agreed
    (AmendmentStatus.WAITING,  AmendmentAction.TAKE_EFFECT): AmendmentStatus.GRANTED, # its day has come
    (AmendmentStatus.WAITING,  AmendmentAction.RETURN):   AmendmentStatus.PROPOSED,   # and it no longer fits
    (AmendmentStatus.WAITING,  AmendmentAction.WITHDRAW): AmendmentStatus.WITHDRAWN,  # by its operator, until it holds
    (AmendmentStatus.REFUSED,  AmendmentAction.REOPEN):   AmendmentStatus.PROPOSED,   # an appeal was won
}), aggregate="amendment")  # fmt: skip


class ExecutionStatus(StrEnum):
    """Where the execution of a decision stands."""

    RECEIVED = "received"
    """On the regulator's desk; its clock runs."""
    ACCEPTED = "accepted"
    """One person signed; a second must."""
    CARRIED_OUT = "carried_out"
    DECLINED = "declined"
    """With reasons, back to the authority; nothing was done."""
    MOOT = "moot"
    """The decision fell before anybody confirmed."""
    UNDONE = "undone"
    """What it did is taken back, exactly."""


class ExecutionAction(StrEnum):
    """What can be done with an execution. Close and undo follow from facts and clocks."""

    ACCEPT = "accept"
    RELEASE = "release"
    CONFIRM = "confirm"
    DECLINE = "decline"
    CLOSE = "close"
    UNDO = "undo"


EXECUTION: Final = Lifecycle(MappingProxyType({
    (ExecutionStatus.RECEIVED,    ExecutionAction.ACCEPT):  ExecutionStatus.ACCEPTED,     # P3.2.3, the first person
    (ExecutionStatus.ACCEPTED,    ExecutionAction.RELEASE): ExecutionStatus.RECEIVED,     # that person thinks again
    (ExecutionStatus.ACCEPTED,    ExecutionAction.CONFIRM): ExecutionStatus.CARRIED_OUT,  # the second person
    (ExecutionStatus.RECEIVED,    ExecutionAction.DECLINE): ExecutionStatus.DECLINED,     # P3.2.3, with reasons
    (ExecutionStatus.ACCEPTED,    ExecutionAction.DECLINE): ExecutionStatus.DECLINED,
    (ExecutionStatus.RECEIVED,    ExecutionAction.CLOSE):   ExecutionStatus.MOOT,
    (ExecutionStatus.ACCEPTED,    ExecutionAction.CLOSE):   ExecutionStatus.MOOT,
    (ExecutionStatus.CARRIED_OUT, ExecutionAction.UNDO):    ExecutionStatus.UNDONE,       # safeguards 6 and 7
}), aggregate="execution")  # fmt: skip


class ReviewStatus(StrEnum):
    """Where the annual review of a level and region stands."""

    ANNOUNCED = "announced"
    OPEN = "open"
    """Authorities give their opinions, each within its window."""
    CLOSED = "closed"
    """Nobody says anything any more; each subject has its result."""


class ReviewAction(StrEnum):
    """What can be done with a review. It opens by its date, and closes by its date if nobody closed it before."""

    OPEN = "open"
    CLOSE = "close"


REVIEW: Final = Lifecycle(MappingProxyType({
    (ReviewStatus.ANNOUNCED, ReviewAction.OPEN):  ReviewStatus.OPEN,    # P3.3.1
    (ReviewStatus.OPEN,      ReviewAction.CLOSE): ReviewStatus.CLOSED,  # P3.3.6
}), aggregate="review")  # fmt: skip


class SubjectStatus(StrEnum):
    """Where one subject of a review stands. None of these is a measure (docs/adr/0010)."""

    UNDER_REVIEW = "under_review"
    PASSED = "passed"
    VETOED = "vetoed"
    """One authority's failing opinion stands: a finding with notice and appeal."""
    CLEARED = "cleared"
    """It was vetoed, and what that rested on has fallen."""
    GONE = "gone"
    """It ended before the review did."""


class SubjectAction(StrEnum):
    """What befalls a subject; all of it follows from opinions, and from what becomes of what they cite."""

    PASS = "pass"  # noqa: S105 - a word of the review
    VETO = "veto"
    CLEAR = "clear"
    LEAVE = "leave"


SUBJECT: Final = Lifecycle(MappingProxyType({
    (SubjectStatus.UNDER_REVIEW, SubjectAction.PASS):  SubjectStatus.PASSED,
    (SubjectStatus.UNDER_REVIEW, SubjectAction.LEAVE): SubjectStatus.GONE,     # its site ended before the review did
    (SubjectStatus.UNDER_REVIEW, SubjectAction.VETO):  SubjectStatus.VETOED,   # P3.3.2, one is enough
    (SubjectStatus.VETOED,       SubjectAction.CLEAR): SubjectStatus.CLEARED,  # safeguard 7
    (SubjectStatus.CLEARED,      SubjectAction.VETO):  SubjectStatus.VETOED,   # another opinion stands still
}), aggregate="review_subject")  # fmt: skip


class OpinionStatus(StrEnum):
    """Where an authority's opinion of a subject stands."""

    STANDING = "standing"
    WITHDRAWN = "withdrawn"
    FALLEN = "fallen"
    """The decision that it cites was overturned, suspended or lifted."""


class OpinionAction(StrEnum):
    """What can be done with an opinion."""

    WITHDRAW = "withdraw"
    FALL = "fall"


OPINION: Final = Lifecycle(MappingProxyType({
    (OpinionStatus.STANDING, OpinionAction.WITHDRAW): OpinionStatus.WITHDRAWN,  # by its authority, at any time
    (OpinionStatus.STANDING, OpinionAction.FALL):     OpinionStatus.FALLEN,
}), aggregate="review_opinion")  # fmt: skip


class ShellAction(StrEnum):
    """What can be done with a finding. Cure and mature follow from facts and clocks."""

    CURE = "cure"
    MATURE = "mature"
    LAPSE = "lapse"
    DISMISS = "dismiss"
    UNDO = "undo"


SHELL: Final = Lifecycle(MappingProxyType({
    (ShellStatus.OPEN,   ShellAction.CURE):    ShellStatus.CURED,
    (ShellStatus.OPEN,   ShellAction.MATURE):  ShellStatus.DUE,
    (ShellStatus.OPEN,   ShellAction.DISMISS): ShellStatus.DISMISSED,
    (ShellStatus.DUE,    ShellAction.CURE):    ShellStatus.CURED,
    (ShellStatus.DUE,    ShellAction.DISMISS): ShellStatus.DISMISSED,
    (ShellStatus.DUE,    ShellAction.LAPSE):   ShellStatus.LAPSED,   # by one person, one site
    (ShellStatus.LAPSED, ShellAction.CURE):    ShellStatus.CURED,    # its operator gave the site up
    (ShellStatus.LAPSED, ShellAction.UNDO):    ShellStatus.UNDONE,   # ADR 4: in one step
}), aggregate="shell_finding")  # fmt: skip


class RenewalStatus(StrEnum):
    """Where the renewal of a licence stands."""

    ASKED = "asked"
    """The regulator's clock runs; asked for in time, it keeps the licence in force past its last day."""
    GRANTED = "granted"
    REFUSED = "refused"
    WITHDRAWN = "withdrawn"
    """By its operator, or its registration ended."""


class RenewalAction(StrEnum):
    """What can be done with a renewal."""

    GRANT = "grant"
    REFUSE = "refuse"
    WITHDRAW = "withdraw"
    REOPEN = "reopen"


RENEWAL: Final = Lifecycle(MappingProxyType({
    (RenewalStatus.ASKED,   RenewalAction.GRANT):    RenewalStatus.GRANTED,    # ALL section 50
    (RenewalStatus.ASKED,   RenewalAction.REFUSE):   RenewalStatus.REFUSED,    # ALL section 38, written reasons
    (RenewalStatus.ASKED,   RenewalAction.WITHDRAW): RenewalStatus.WITHDRAWN,
    (RenewalStatus.REFUSED, RenewalAction.REOPEN):   RenewalStatus.ASKED,      # an appeal was won
    (RenewalStatus.GRANTED, RenewalAction.REOPEN):   RenewalStatus.ASKED,      # against a grant of less than was asked
}), aggregate="renewal")  # fmt: skip


class CheckAction(StrEnum):
    """What can be done with a check. Expire and close follow from a clock and from the decision."""

    VERIFY = "verify"
    REPORT = "report_mismatch"
    EXPIRE = "expire"
    CLOSE = "close"


CHECK: Final = Lifecycle(MappingProxyType({
    (CheckStatus.ASKED,  CheckAction.VERIFY): CheckStatus.VERIFIED,   # P3.1.4
    (CheckStatus.ASKED,  CheckAction.REPORT): CheckStatus.MISMATCH,
    (CheckStatus.ASKED,  CheckAction.EXPIRE): CheckStatus.SILENT,     # silence stops no applicant
    (CheckStatus.ASKED,  CheckAction.CLOSE):  CheckStatus.CLOSED,
    (CheckStatus.SILENT, CheckAction.VERIFY): CheckStatus.VERIFIED,
    (CheckStatus.SILENT, CheckAction.REPORT): CheckStatus.MISMATCH,
    (CheckStatus.SILENT, CheckAction.CLOSE):  CheckStatus.CLOSED,
}), aggregate="check")  # fmt: skip


class FindingAction(StrEnum):
    """What can be done with a finding about a provider's list. Cure and escalate follow from lists and clocks."""

    ANSWER = "answer"
    INSIST = "insist"
    KEEP = "keep"
    DISMISS = "dismiss"
    ESCALATE = "escalate"
    CURE = "cure"


HOSTED_FINDING: Final = Lifecycle(MappingProxyType({
    (FindingStatus.OPEN,      FindingAction.ANSWER):   FindingStatus.ANSWERED,
    (FindingStatus.OPEN,      FindingAction.ESCALATE): FindingStatus.ESCALATED,  # silence alone
    (FindingStatus.ANSWERED,  FindingAction.INSIST):   FindingStatus.OPEN,       # a person; all the time runs anew
    (FindingStatus.ESCALATED, FindingAction.ANSWER):   FindingStatus.DISPUTED,   # once; until a person answers
    (FindingStatus.DISPUTED,  FindingAction.KEEP):     FindingStatus.KEPT,       # it does not count
    **{(each, FindingAction.DISMISS): FindingStatus.DISMISSED for each in FindingStatus
       if each not in {FindingStatus.DISMISSED, FindingStatus.CURED}},
    **{(each, FindingAction.CURE): FindingStatus.CURED for each in FindingStatus if each is not FindingStatus.CURED},
}), aggregate="hosted_finding")  # fmt: skip


class TaskAction(StrEnum):
    """What can be done with a task. Withdraw follows from an undoing."""

    ANSWER = "answer"
    WITHDRAW = "withdraw"


TASK: Final = Lifecycle(MappingProxyType({
    (TaskStatus.OPEN, TaskAction.ANSWER):   TaskStatus.ANSWERED,   # P3.1.7, P3.2.4, P3.3.7
    (TaskStatus.OPEN, TaskAction.WITHDRAW): TaskStatus.WITHDRAWN,
}), aggregate="registrar_task")  # fmt: skip


class MergerStatus(StrEnum):
    """Where it stands that two operators become one."""

    PROPOSED = "proposed"
    """Both were told, and may say that they are not the same."""
    CONFIRMED = "confirmed"
    WITHDRAWN = "withdrawn"
    UNDONE = "undone"
    """An appeal was won or came too late: what it moved is given back."""


class MergerAction(StrEnum):
    """What can be done with a merger. Undo follows from an appeal."""

    CONFIRM = "confirm"
    WITHDRAW = "withdraw"
    UNDO = "undo"


MERGER: Final = Lifecycle(MappingProxyType({
    (MergerStatus.PROPOSED,  MergerAction.CONFIRM):  MergerStatus.CONFIRMED,  # by a second person
    (MergerStatus.PROPOSED,  MergerAction.WITHDRAW): MergerStatus.WITHDRAWN,
    (MergerStatus.CONFIRMED, MergerAction.UNDO):     MergerStatus.UNDONE,     # safeguards 6 and 7
}), aggregate="merger")  # fmt: skip
