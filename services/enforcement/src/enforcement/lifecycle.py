"""States of cases, decisions, appeals, tasks and opinions, and the moves between them; nothing else decides."""

from enum import StrEnum
from types import MappingProxyType
from typing import Final

from shared.runtime.acts.lifecycle import Lifecycle


class CaseStatus(StrEnum):
    """Where a case stands."""

    OPEN = "open"
    """Evidence can be added and decisions drafted."""
    ENDED = "ended"
    """No breach, corrected, executed, transferred or discontinued; a new suspicion is a new case."""


class CaseAction(StrEnum):
    """What can be done with a case."""

    ADD_EVIDENCE = "add_evidence"
    DRAFT = "draft_decision"
    DISCONTINUE = "discontinue"
    END = "end"
    CLAIM = "claim"
    RELEASE_CLAIM = "release_claim"
    ADD_TASK = "add_task"
    ASK_OPINION = "ask_opinion"
    TRANSFER = "transfer"


CASE: Final = Lifecycle(MappingProxyType({
    (CaseStatus.OPEN, CaseAction.ADD_EVIDENCE): CaseStatus.OPEN,
    (CaseStatus.OPEN, CaseAction.DRAFT):        CaseStatus.OPEN,
    (CaseStatus.OPEN, CaseAction.DISCONTINUE):  CaseStatus.ENDED,  # by the authority, with reasons
    (CaseStatus.OPEN, CaseAction.END):          CaseStatus.ENDED,  # no breach, corrected or executed
    (CaseStatus.OPEN, CaseAction.TRANSFER):     CaseStatus.ENDED,  # it goes on at another authority
    **{(CaseStatus.OPEN, action): CaseStatus.OPEN for action in (
        CaseAction.CLAIM, CaseAction.RELEASE_CLAIM, CaseAction.ADD_TASK, CaseAction.ASK_OPINION)},
}), aggregate="case")  # fmt: skip


class Status(StrEnum):
    """Where a decision stands."""

    DRAFTED = "drafted"
    """One person wrote it, and whom it burdens was told; it has no effect until a second person releases it."""
    RETURNED = "returned"
    """A colleague read the draft and gave it back with reasons: it is not released before its drafter answered them."""
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
    COMMENT = "comment"
    RETURN = "return"
    ANSWER = "answer"
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


UNRELEASED: Final = (Status.DRAFTED, Status.RETURNED)
"""A draft: it has no effect yet, and can have one."""
IN_FORCE: Final = (Status.RELEASED, Status.EXECUTED, Status.DECLINED, Status.IGNORED)
"""An act of the authority that nothing has ended, suspended or overturned."""
DECISION: Final = Lifecycle(MappingProxyType({
    (Status.DRAFTED,  Action.RELEASE):           Status.RELEASED,    # P3.2.2, by a second person
    (Status.DRAFTED,  Action.COMMENT):           Status.DRAFTED,     # a third reader's remarks; they bind nobody
    (Status.DRAFTED,  Action.RETURN):            Status.RETURNED,    # by anybody of the authority but the drafter
    (Status.RETURNED, Action.COMMENT):           Status.RETURNED,
    (Status.RETURNED, Action.ANSWER):            Status.DRAFTED,     # by anybody but whoever returned it
    **{(status, Action.WITHDRAW): Status.WITHDRAWN for status in (Status.DRAFTED, Status.RETURNED)},
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
    WITHDRAWN = "withdrawn"
    """By whoever appealed: the act stands as it is, and can be challenged again in its time."""
    REFUSED = "refused"
    """It came when the time was over: on record, with the reasons; the review body may still admit it."""


class AppealAction(StrEnum):
    """What can be done with an appeal."""

    UPHOLD = "uphold"
    REJECT = "reject"
    DECIDE_STAY = "decide_stay"
    ASSIGN = "assign"
    WITHDRAW = "withdraw_appeal"
    ADMIT = "admit"
    HAND_IN = "hand_in"
    INVITE = "invite"


APPEAL: Final = Lifecycle(MappingProxyType({
    (AppealStatus.OPEN, AppealAction.UPHOLD):      AppealStatus.UPHELD,
    (AppealStatus.OPEN, AppealAction.REJECT):      AppealStatus.REJECTED,
    (AppealStatus.OPEN, AppealAction.DECIDE_STAY): AppealStatus.OPEN,
    (AppealStatus.OPEN, AppealAction.ASSIGN):      AppealStatus.OPEN,       # to one person of the body, with reasons
    (AppealStatus.OPEN, AppealAction.HAND_IN):     AppealStatus.OPEN,       # a paper, by either side or the body
    (AppealStatus.OPEN, AppealAction.INVITE):      AppealStatus.OPEN,       # to a hearing
    (AppealStatus.OPEN, AppealAction.WITHDRAW):    AppealStatus.WITHDRAWN,  # by whoever appealed, nobody else
    (AppealStatus.REFUSED, AppealAction.ADMIT):    AppealStatus.OPEN,       # late, and admitted by the body
}), aggregate="appeal")  # fmt: skip


class MatterStatus(StrEnum):
    """Where a matter stands: what was said about one site on one ground."""

    OPEN = "open"
    """Nobody of the desk that has it graded it yet."""
    TRIAGED = "triaged"
    """A person of a competent authority graded it; it is theirs."""
    IN_CASE = "in_case"
    """A case was opened, and what comes of it is what comes of this."""
    ENDED = "ended"
    """Everybody who complained is told how; who says the same again begins a new one."""


class MatterAction(StrEnum):
    """What can be done with a matter. How many complained does nothing. End is what happened to its case."""

    TRIAGE = "triage"
    TRANSFER = "transfer"
    OPEN_CASE = "open_case"
    DISMISS = "dismiss"
    WARN = "warn"
    END = "end"


MATTER: Final = Lifecycle(MappingProxyType({
    (MatterStatus.OPEN,    MatterAction.TRIAGE):    MatterStatus.TRIAGED,  # N4.2.5, by a person
    (MatterStatus.TRIAGED, MatterAction.TRIAGE):    MatterStatus.TRIAGED,  # graded otherwise
    (MatterStatus.OPEN,    MatterAction.TRANSFER):  MatterStatus.OPEN,     # to the desk of another province
    (MatterStatus.TRIAGED, MatterAction.TRANSFER):  MatterStatus.OPEN,     # which grades it itself
    (MatterStatus.TRIAGED, MatterAction.OPEN_CASE): MatterStatus.IN_CASE,
    (MatterStatus.TRIAGED, MatterAction.DISMISS):   MatterStatus.ENDED,
    (MatterStatus.TRIAGED, MatterAction.WARN):      MatterStatus.ENDED,
    (MatterStatus.IN_CASE, MatterAction.END):       MatterStatus.ENDED,
}), aggregate="matter")  # fmt: skip


class WarningStatus(StrEnum):
    """Where a warning stands: it is a letter."""

    SENT = "sent"
    ANSWERED = "answered"


class WarningAction(StrEnum):
    """What can be done with a warning."""

    ANSWER = "answer"


WARNING: Final = Lifecycle({(WarningStatus.SENT, WarningAction.ANSWER): WarningStatus.ANSWERED}, aggregate="warning")


class EmergencyStatus(StrEnum):
    """Where a suspension stands that a provider began by itself."""

    OPEN = "open"
    """The clock runs; the operator was told."""
    CONFIRMED = "confirmed"
    """By a released decision of an authority, which it stands and falls with until the order of that goes out."""
    LAPSED = "lapsed"
    """Nobody confirmed it in time, or what did so fell or was never sent: the provider is ordered to host the site."""
    REFUSED = "refused"
    """By the register it is another provider's site, or was suspended there not long ago: over when it was heard."""


class EmergencyAction(StrEnum):
    """What can be done with it. Lapse is the clock's, or what befell the decision."""

    CONFIRM = "confirm"
    LAPSE = "lapse"


EMERGENCY: Final = Lifecycle(MappingProxyType({
    (EmergencyStatus.OPEN,      EmergencyAction.CONFIRM): EmergencyStatus.CONFIRMED,  # N4.2.5, within 72 h
    (EmergencyStatus.OPEN,      EmergencyAction.LAPSE):   EmergencyStatus.LAPSED,
    (EmergencyStatus.CONFIRMED, EmergencyAction.LAPSE):   EmergencyStatus.LAPSED,
}), aggregate="emergency")  # fmt: skip


class TaskStatus(StrEnum):
    """Where something that is to be done in a case stands."""

    OPEN = "open"
    """Overdue, it stays open."""
    DONE = "done"
    CANCELLED = "cancelled"


class TaskAction(StrEnum):
    """What can be done with a task."""

    ASSIGN = "assign"
    COMPLETE = "complete"
    CANCEL = "cancel"


TASK: Final = Lifecycle(MappingProxyType({
    (TaskStatus.OPEN, TaskAction.ASSIGN):   TaskStatus.OPEN,
    (TaskStatus.OPEN, TaskAction.COMPLETE): TaskStatus.DONE,
    (TaskStatus.OPEN, TaskAction.CANCEL):   TaskStatus.CANCELLED,
}), aggregate="task")  # fmt: skip


class OpinionStatus(StrEnum):
    """Where what another authority was asked stands."""

    ASKED = "asked"
    """Late, it can still be answered as long as the case is open."""
    ANSWERED = "answered"
    WITHDRAWN = "withdrawn"


class OpinionAction(StrEnum):
    """What can be done with it."""

    ANSWER = "answer"
    WITHDRAW = "withdraw"


OPINION: Final = Lifecycle(MappingProxyType({
    (OpinionStatus.ASKED, OpinionAction.ANSWER):   OpinionStatus.ANSWERED,
    (OpinionStatus.ASKED, OpinionAction.WITHDRAW): OpinionStatus.WITHDRAWN,
}), aggregate="opinion")  # fmt: skip


class HearingStatus(StrEnum):
    """Where a hearing stands."""

    INVITED = "invited"
    """Both sides were told when and where; the appeal is not rejected before it was held or cancelled."""
    HELD = "held"
    """Its minutes are a paper that both sides read."""
    CANCELLED = "cancelled"


class HearingAction(StrEnum):
    """What can be done with a hearing."""

    RECORD = "record"
    CANCEL = "cancel"


HEARING: Final = Lifecycle(MappingProxyType({
    (HearingStatus.INVITED, HearingAction.RECORD): HearingStatus.HELD,
    (HearingStatus.INVITED, HearingAction.CANCEL): HearingStatus.CANCELLED,  # with reasons
}), aggregate="hearing")  # fmt: skip


class RequestStatus(StrEnum):
    """Where a request to the regulator stands."""

    OPEN = "open"
    """The clock runs at the desk that has it; late, the national regulator has it as well."""
    ACCEPTED = "accepted"
    """It leads to a case of the regulator, or to the execution that lies there; it burdens nobody by itself."""
    DECLINED = "declined"
    WITHDRAWN = "withdrawn"


class RequestAction(StrEnum):
    """What can be done with a request to the regulator."""

    ACCEPT = "accept"
    DECLINE = "decline"
    FORWARD = "forward"
    WITHDRAW = "withdraw_request"


REQUEST: Final = Lifecycle(MappingProxyType({
    (RequestStatus.OPEN, RequestAction.ACCEPT):   RequestStatus.ACCEPTED,   # P3.2.2-3
    (RequestStatus.OPEN, RequestAction.DECLINE):  RequestStatus.DECLINED,   # with reasons
    (RequestStatus.OPEN, RequestAction.FORWARD):  RequestStatus.OPEN,       # to the right desk, never back
    (RequestStatus.OPEN, RequestAction.WITHDRAW): RequestStatus.WITHDRAWN,  # by whoever asked
}), aggregate="regulator_request")  # fmt: skip


class ReferralStatus(StrEnum):
    """Where a referral stands; whether whom it is about was told is a time of its own."""

    DRAFTED = "drafted"
    SENT = "sent"
    """Two people signed it; the receiver reads it."""
    RECEIVED = "received"
    ANSWERED = "answered"
    WITHDRAWN = "withdrawn"
    """Before anybody sent it."""


class ReferralAction(StrEnum):
    """What can be done with a referral."""

    SIGN = "sign"
    WITHDRAW = "withdraw_referral"
    RECEIVE = "receive"
    ANSWER = "answer"


REFERRAL: Final = Lifecycle(MappingProxyType({
    (ReferralStatus.DRAFTED, ReferralAction.SIGN):     ReferralStatus.SENT,       # P3.2.5, by a second person
    (ReferralStatus.DRAFTED, ReferralAction.WITHDRAW): ReferralStatus.WITHDRAWN,
    (ReferralStatus.SENT, ReferralAction.RECEIVE):     ReferralStatus.RECEIVED,
    (ReferralStatus.RECEIVED, ReferralAction.ANSWER):  ReferralStatus.ANSWERED,
}), aggregate="referral")  # fmt: skip


class SubscriptionStatus(StrEnum):
    """Where a subscription to a name stands."""

    PROVING = "proving"
    """Nobody showed yet that the name is theirs; nothing is told."""
    CONFIRMING = "confirming"
    """The name was shown; nobody entered yet the code that its mail address was sent, and nothing is told."""
    ACTIVE = "active"
    """Control was shown, and is asked for again and again."""
    ENDED = "ended"
    """By its owner; never proven; or the name does not show it any more."""


class SubscriptionAction(StrEnum):
    """What can happen to a subscription. Prove, show, expire and lose follow from what the name shows."""

    LOOK = "look"
    PROVE = "prove"
    SHOW = "show"
    SEND_CODE = "send_code"
    CONFIRM = "confirm"
    EXPIRE = "expire"
    LOSE = "lose"
    END = "end"


SUBSCRIPTION: Final = Lifecycle(MappingProxyType({
    (SubscriptionStatus.PROVING,    SubscriptionAction.LOOK):      SubscriptionStatus.PROVING,
    (SubscriptionStatus.ACTIVE,     SubscriptionAction.LOOK):      SubscriptionStatus.ACTIVE,
    (SubscriptionStatus.PROVING,    SubscriptionAction.PROVE):     SubscriptionStatus.ACTIVE,
    (SubscriptionStatus.ACTIVE,     SubscriptionAction.PROVE):     SubscriptionStatus.ACTIVE,   # again
    (SubscriptionStatus.PROVING,    SubscriptionAction.SHOW):      SubscriptionStatus.CONFIRMING,  # its address waits
    (SubscriptionStatus.CONFIRMING, SubscriptionAction.SEND_CODE): SubscriptionStatus.CONFIRMING,
    (SubscriptionStatus.CONFIRMING, SubscriptionAction.CONFIRM):   SubscriptionStatus.ACTIVE,
    (SubscriptionStatus.PROVING,    SubscriptionAction.EXPIRE):    SubscriptionStatus.ENDED,
    (SubscriptionStatus.CONFIRMING, SubscriptionAction.EXPIRE):    SubscriptionStatus.ENDED,
    (SubscriptionStatus.ACTIVE,     SubscriptionAction.LOSE):      SubscriptionStatus.ENDED,
    (SubscriptionStatus.PROVING,    SubscriptionAction.END):       SubscriptionStatus.ENDED,
    (SubscriptionStatus.CONFIRMING, SubscriptionAction.END):       SubscriptionStatus.ENDED,
    (SubscriptionStatus.ACTIVE,     SubscriptionAction.END):       SubscriptionStatus.ENDED,
}), aggregate="name_subscription")  # fmt: skip
