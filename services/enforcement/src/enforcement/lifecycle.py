"""States of cases, decisions and appeals, and the moves between them: three tables; nothing else decides."""

from enum import StrEnum
from types import MappingProxyType
from typing import Final

from shared.runtime.acts.lifecycle import Lifecycle


class CaseStatus(StrEnum):
    """Where a case stands."""

    OPEN = "open"
    """Evidence can be added and decisions drafted."""
    ENDED = "ended"
    """No breach, corrected, executed or discontinued; a new suspicion is a new case."""


class CaseAction(StrEnum):
    """What can be done with a case."""

    ADD_EVIDENCE = "add_evidence"
    DRAFT = "draft_decision"
    DISCONTINUE = "discontinue"
    END = "end"


CASE: Final = Lifecycle(MappingProxyType({
    (CaseStatus.OPEN, CaseAction.ADD_EVIDENCE): CaseStatus.OPEN,
    (CaseStatus.OPEN, CaseAction.DRAFT):        CaseStatus.OPEN,
    (CaseStatus.OPEN, CaseAction.DISCONTINUE):  CaseStatus.ENDED,  # by the authority, with reasons
    (CaseStatus.OPEN, CaseAction.END):          CaseStatus.ENDED,  # no breach, corrected or executed
}), aggregate="case")  # fmt: skip


class Status(StrEnum):
    """Where a decision stands."""

    DRAFTED = "drafted"
    """One person wrote it, and whom it burdens was told; it has no effect until a second person releases it."""
    WITHDRAWN = "withdrawn"
    """Taken back before release; it never had an effect."""
    RELEASED = "released"
    """An act of the authority; what it does is executed by whom it concerns."""
    EXECUTED = "executed"
    """The regulator carried it out."""
    DECLINED = "declined"
    """The regulator declined, with reasons; nothing was done."""
    IGNORED = "ignored"
    """An order to correct that was not obeyed: only now can access be cut."""
    ENDED = "ended"
    """Corrected, lifted by the authority, or its time is over."""
    SUSPENDED = "suspended"
    """Without effect: its appeal or its notice was late, or a stay was granted. A rejected appeal does not revive it:
    whoever wants the measure back takes a new decision, with two people and a new preview."""
    OVERTURNED = "overturned"
    """An appeal was upheld; what the decision did is undone."""


class Action(StrEnum):
    """What can happen to a decision. Execute and decline are facts of the registry; lapse and suspend are clocks'."""

    RELEASE = "release"
    WITHDRAW = "withdraw"
    EXECUTE = "execute"
    DECLINE = "decline"
    CONFIRM_CORRECTED = "confirm_corrected"
    CONFIRM_IGNORED = "confirm_ignored"
    LIFT = "lift"
    LAPSE = "lapse"
    SUSPEND = "suspend"
    OVERTURN = "overturn"
    APPEAL = "appeal"


IN_FORCE: Final = (Status.RELEASED, Status.EXECUTED, Status.DECLINED, Status.IGNORED)
"""An act of the authority that nothing has ended, suspended or overturned."""
DECISION: Final = Lifecycle(MappingProxyType({
    (Status.DRAFTED,  Action.RELEASE):           Status.RELEASED,    # P3.2.2, by a second person
    (Status.DRAFTED,  Action.WITHDRAW):          Status.WITHDRAWN,
    (Status.RELEASED, Action.EXECUTE):           Status.EXECUTED,    # P3.2.3
    (Status.RELEASED, Action.DECLINE):           Status.DECLINED,    # P3.2.3, with reasons
    (Status.RELEASED, Action.CONFIRM_CORRECTED): Status.ENDED,       # an order to correct was obeyed
    (Status.RELEASED, Action.CONFIRM_IGNORED):   Status.IGNORED,     # P3.2.2, it was not
    (Status.RELEASED, Action.LAPSE):             Status.ENDED,       # its end came before anybody executed it
    (Status.EXECUTED, Action.LAPSE):             Status.ENDED,       # the time it set is over
    **{(status, Action.LIFT): Status.ENDED for status in (*IN_FORCE, Status.SUSPENDED)},
    **{(status, Action.SUSPEND): Status.SUSPENDED for status in IN_FORCE},          # safeguard 6
    **{(status, Action.OVERTURN): Status.OVERTURNED for status in (*IN_FORCE, Status.SUSPENDED, Status.ENDED)},
    **{(status, Action.APPEAL): status for status in (*IN_FORCE, Status.SUSPENDED, Status.ENDED)},
}), aggregate="decision")  # fmt: skip


class AppealStatus(StrEnum):
    """Where an appeal stands."""

    OPEN = "open"
    """The clock runs; late, it is marked overdue, suspends the act, and can still be decided."""
    UPHELD = "upheld"
    REJECTED = "rejected"


class AppealAction(StrEnum):
    """What can be done with an appeal."""

    UPHOLD = "uphold"
    REJECT = "reject"
    DECIDE_STAY = "decide_stay"


APPEAL: Final = Lifecycle(MappingProxyType({
    (AppealStatus.OPEN, AppealAction.UPHOLD):      AppealStatus.UPHELD,
    (AppealStatus.OPEN, AppealAction.REJECT):      AppealStatus.REJECTED,
    (AppealStatus.OPEN, AppealAction.DECIDE_STAY): AppealStatus.OPEN,
}), aggregate="appeal")  # fmt: skip


class SubscriptionStatus(StrEnum):
    """Where a subscription to a name stands."""

    PROVING = "proving"
    """Nobody showed yet that the name is theirs; nothing is told."""
    ACTIVE = "active"
    """Control was shown, and is asked for again and again."""
    ENDED = "ended"
    """By its owner; never proven; or the name does not show it any more."""


class SubscriptionAction(StrEnum):
    """What can happen to a subscription. Look and end are somebody's; the others follow from what the name shows."""

    LOOK = "look"
    PROVE = "prove"
    EXPIRE = "expire"
    LOSE = "lose"
    END = "end"


SUBSCRIPTION: Final = Lifecycle(MappingProxyType({
    (SubscriptionStatus.PROVING, SubscriptionAction.LOOK):   SubscriptionStatus.PROVING,
    (SubscriptionStatus.ACTIVE,  SubscriptionAction.LOOK):   SubscriptionStatus.ACTIVE,
    (SubscriptionStatus.PROVING, SubscriptionAction.PROVE):  SubscriptionStatus.ACTIVE,
    (SubscriptionStatus.ACTIVE,  SubscriptionAction.PROVE):  SubscriptionStatus.ACTIVE,   # again
    (SubscriptionStatus.PROVING, SubscriptionAction.EXPIRE): SubscriptionStatus.ENDED,
    (SubscriptionStatus.ACTIVE,  SubscriptionAction.LOSE):   SubscriptionStatus.ENDED,
    (SubscriptionStatus.PROVING, SubscriptionAction.END):    SubscriptionStatus.ENDED,
    (SubscriptionStatus.ACTIVE,  SubscriptionAction.END):    SubscriptionStatus.ENDED,
}), aggregate="name_subscription")  # fmt: skip
