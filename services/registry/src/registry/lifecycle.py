"""The states of what the register keeps, and the moves between them: five tables; nothing else decides."""

from enum import StrEnum
from types import MappingProxyType
from typing import Final

from shared.runtime.acts.lifecycle import Lifecycle


class Status(StrEnum):
    """Where a registration stands."""

    SUBMITTED = "submitted"
    """The regulator's clock runs; late, it is marked overdue and can still be decided."""
    REFUSED = "refused"
    """Refused with every ground at once, and redress; its names are free again."""
    ACTIVE = "active"
    ENDED = "ended"
    """No site under it is left. Its number is never used again."""


class Action(StrEnum):
    """What can be done with a registration."""

    GRANT = "grant"
    REFUSE = "refuse"
    END = "end"
    REOPEN = "reopen"
    RESTORE = "restore"


REGISTRATION: Final = Lifecycle(MappingProxyType({
    (Status.SUBMITTED, Action.GRANT):  Status.ACTIVE,    # P3.1.5
    (Status.SUBMITTED, Action.REFUSE): Status.REFUSED,   # O33 section 12, written reasons
    (Status.REFUSED,   Action.REOPEN): Status.SUBMITTED, # an appeal against the refusal was won
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
    (SiteStatus.LIVE,     SiteAction.MOVE_HOME):  SiteStatus.LIVE,      # with its filing, to another province
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
    REOPEN = "reopen"


AMENDMENT: Final = Lifecycle(MappingProxyType({
    (AmendmentStatus.PROPOSED, AmendmentAction.GRANT):    AmendmentStatus.GRANTED,    # P3.1, last paragraph
    (AmendmentStatus.PROPOSED, AmendmentAction.DEFER):    AmendmentStatus.WAITING,    # granted from a later day on
    (AmendmentStatus.PROPOSED, AmendmentAction.REFUSE):   AmendmentStatus.REFUSED,
    (AmendmentStatus.PROPOSED, AmendmentAction.WITHDRAW): AmendmentStatus.WITHDRAWN,  # by its operator
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
