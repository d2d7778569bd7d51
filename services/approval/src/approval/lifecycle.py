"""States of an approval and the moves between them: one table; nothing else decides."""

from types import MappingProxyType
from typing import Final

from shared.contracts.approval import ApprovalStatus as Status
from shared.contracts.http.approval import ApprovalAction as Action
from shared.contracts.http.paper import PaperAction, PaperStatus
from shared.runtime.acts.lifecycle import Lifecycle

__all__ = ["APPROVAL", "AWAITED", "GRANTS", "LIVE", "OPEN", "PAPER", "Action", "PaperAction", "PaperStatus", "Status"]

APPROVAL: Final = Lifecycle(MappingProxyType({
    (Status.SUBMITTED,   Action.RETURN):            Status.RETURNED,      # P3.1.2, once
    (Status.SUBMITTED,   Action.TRANSFER):          Status.SUBMITTED,     # P3.1.1, to the competent authority
    (Status.RESUBMITTED, Action.TRANSFER):          Status.RESUBMITTED,
    (Status.SUBMITTED,   Action.GRANT):             Status.GRANTED,       # P3.1.3
    (Status.SUBMITTED,   Action.REFUSE):            Status.REFUSED,       # P3.1.3, written reasons
    (Status.SUBMITTED,   Action.FIND_NOT_REQUIRED): Status.NOT_REQUIRED,  # P3.1.3
    (Status.SUBMITTED,   Action.HAND_IN):           Status.SUBMITTED,
    (Status.RETURNED,    Action.HAND_IN):           Status.RETURNED,
    (Status.RETURNED,    Action.RESUBMIT):          Status.RESUBMITTED,
    (Status.RESUBMITTED, Action.HAND_IN):           Status.RESUBMITTED,
    (Status.RESUBMITTED, Action.GRANT):             Status.GRANTED,
    (Status.RESUBMITTED, Action.REFUSE):            Status.REFUSED,
    (Status.RESUBMITTED, Action.FIND_NOT_REQUIRED): Status.NOT_REQUIRED,
    (Status.GRANTED,     Action.ASK_RENEWAL):       Status.RENEWING,      # ALL §50
    (Status.RENEWING,    Action.RENEW):             Status.GRANTED,
    (Status.RENEWING,    Action.REFUSE_RENEWAL):    Status.GRANTED,       # until its last day
    (Status.GRANTED,     Action.LAPSE):             Status.LAPSED,
    (Status.GRANTED,     Action.END):               Status.ENDED,         # P3.2.4, by a decision in a case
    (Status.RENEWING,    Action.END):               Status.ENDED,
    (Status.ENDED,       Action.REINSTATE):         Status.GRANTED,       # docs/adr/0004: as it stood
    (Status.ENDED,       Action.REINSTATE_RENEWAL): Status.RENEWING,
    (Status.REFUSED,     Action.REOPEN):            Status.RESUBMITTED,   # model §6: an appeal upheld, or late
    (Status.GRANTED,     Action.REOPEN_RENEWAL):    Status.RENEWING,
    (Status.LAPSED,      Action.REOPEN_RENEWAL):    Status.RENEWING,
}), aggregate="approval")  # fmt: skip

PAPER: Final = Lifecycle(MappingProxyType({
    (PaperStatus.ENTERED, PaperAction.CONFIRM):  PaperStatus.CONFIRMED,
    (PaperStatus.ENTERED, PaperAction.WITHDRAW): PaperStatus.WITHDRAWN,
}), aggregate="paper_approval")  # fmt: skip

OPEN: Final = frozenset({Status.SUBMITTED, Status.RETURNED, Status.RESUBMITTED})
"""Nobody decided yet."""
AWAITED: Final = frozenset({Status.SUBMITTED, Status.RESUBMITTED, Status.RENEWING})
"""The authority's clock runs."""
GRANTS: Final = frozenset({Action.GRANT, Action.RENEW})
"""What gives a consent its scope and days: its document is issued then; for less than was asked it is challenged."""
LIVE: Final = frozenset({Status.GRANTED, Status.RENEWING, Status.NOT_REQUIRED})
"""The service item is covered."""
