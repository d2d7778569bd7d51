"""States of cases, decisions and appeals, and the moves between them: three tables; nothing else decides."""

from enum import StrEnum
from types import MappingProxyType
from typing import Final

from shared.runtime.acts.lifecycle import Lifecycle


class CaseStatus(StrEnum):
    """Where a case stands."""

    OPEN = "open"
    """Evidence can be added and decisions drafted."""
    CLOSED = "closed"
    """The authority found no breach; a new suspicion is a new case."""


class CaseAction(StrEnum):
    """What can be done with a case."""

    ADD_EVIDENCE = "add_evidence"
    DRAFT = "draft_decision"
    CLOSE = "close"


CASE: Final = Lifecycle(MappingProxyType({
    (CaseStatus.OPEN, CaseAction.ADD_EVIDENCE): CaseStatus.OPEN,
    (CaseStatus.OPEN, CaseAction.DRAFT):        CaseStatus.OPEN,
    (CaseStatus.OPEN, CaseAction.CLOSE):        CaseStatus.CLOSED,  # a released finding of no breach
}), aggregate="case")  # fmt: skip


class Status(StrEnum):
    """Where a decision stands."""

    DRAFTED = "drafted"
    """One person wrote it; it has no effect until a second one releases it."""
    WITHDRAWN = "withdrawn"
    """Taken back before release; it never had an effect."""
    RELEASED = "released"
    """An act of the authority. Every measure but revoke_and_cut ends here, unless an appeal undoes it."""
    REQUESTED = "requested"
    """The industry regulator has the request to revoke and cut off on its desk (P3.2.3)."""
    EXECUTED = "executed"
    """The regulator revoked the registration; providers are being ordered to cut off."""
    DECLINED = "declined"
    """The regulator declined the request, with reasons; nothing was cut off."""
    SUSPENDED = "suspended"
    """The clock of an appeal was missed, so the measure is suspended (safeguard 6). A rejected appeal
    does not revive it: whoever wants the measure back takes a new decision, with two people and a new preview."""
    OVERTURNED = "overturned"
    """An appeal was upheld; what the decision did is undone."""


class Action(StrEnum):
    """What can happen to a decision. Receive, decline and execute are facts of the registry, suspend is a clock's."""

    RELEASE = "release"
    WITHDRAW = "withdraw"
    APPEAL = "appeal"
    RECEIVE = "receive"
    DECLINE = "decline"
    EXECUTE = "execute"
    SUSPEND = "suspend"
    OVERTURN = "overturn"


DECISION: Final = Lifecycle(MappingProxyType({
    (Status.DRAFTED,   Action.RELEASE):  Status.RELEASED,    # P3.2.2, by a second person
    (Status.DRAFTED,   Action.WITHDRAW): Status.WITHDRAWN,
    (Status.RELEASED,  Action.RECEIVE):  Status.REQUESTED,   # P3.2.3
    (Status.RELEASED,  Action.DECLINE):  Status.DECLINED,    # facts may overtake one another: see service/facts.py
    (Status.RELEASED,  Action.EXECUTE):  Status.EXECUTED,
    (Status.REQUESTED, Action.DECLINE):  Status.DECLINED,    # P3.2.3, with reasons
    (Status.REQUESTED, Action.EXECUTE):  Status.EXECUTED,    # P3.2.3
    (Status.RELEASED,  Action.SUSPEND):  Status.SUSPENDED,   # safeguard 6
    (Status.REQUESTED, Action.SUSPEND):  Status.SUSPENDED,
    (Status.EXECUTED,  Action.SUSPEND):  Status.SUSPENDED,
    (Status.RELEASED,  Action.OVERTURN): Status.OVERTURNED,  # appeal upheld
    (Status.REQUESTED, Action.OVERTURN): Status.OVERTURNED,
    (Status.EXECUTED,  Action.OVERTURN): Status.OVERTURNED,
    (Status.DECLINED,  Action.OVERTURN): Status.OVERTURNED,  # it had no effect, but it still accuses somebody
    (Status.SUSPENDED, Action.OVERTURN): Status.OVERTURNED,
    (Status.RELEASED,  Action.APPEAL):   Status.RELEASED,    # safeguard 6: an appeal alone changes nothing
    (Status.REQUESTED, Action.APPEAL):   Status.REQUESTED,
    (Status.EXECUTED,  Action.APPEAL):   Status.EXECUTED,
    (Status.DECLINED,  Action.APPEAL):   Status.DECLINED,
    (Status.SUSPENDED, Action.APPEAL):   Status.SUSPENDED,
}), aggregate="decision")  # fmt: skip


class AppealStatus(StrEnum):
    """Where an appeal stands."""

    OPEN = "open"
    """The clock runs; late, it is marked overdue, suspends the measure, and can still be decided."""
    UPHELD = "upheld"
    REJECTED = "rejected"


class AppealAction(StrEnum):
    """What can be done with an appeal."""

    UPHOLD = "uphold"
    REJECT = "reject"


APPEAL: Final = Lifecycle(MappingProxyType({
    (AppealStatus.OPEN, AppealAction.UPHOLD): AppealStatus.UPHELD,
    (AppealStatus.OPEN, AppealAction.REJECT): AppealStatus.REJECTED,
}), aggregate="appeal")  # fmt: skip
