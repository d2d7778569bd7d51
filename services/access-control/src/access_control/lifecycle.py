"""The lives of an order, an instruction, a provider, its keys and its conduct entries: one table each."""

from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType
from typing import Final

from shared.contracts.http.access import InstructionAction, InstructionStatus, OrderAction, OrderStatus
from shared.contracts.http.providers import ConductStatus, LicenceStatus
from shared.contracts.orders import Action
from shared.contracts.receipts import Outcome
from shared.runtime.acts.lifecycle import Lifecycle

Status = OrderStatus
Move = OrderAction

MOVES: Final[Mapping[tuple[Status, Move], Status]] = MappingProxyType({
    (Status.INSTRUCTED, Move.ISSUE):             Status.DRAFTED,     # P3.4: two people of the supervisor
    (Status.INSTRUCTED, Move.WITHDRAW):          Status.WITHDRAWN,
    (Status.DRAFTED,    Move.RELEASE):           Status.RELEASED,
    (Status.DRAFTED,    Move.QUEUE):             Status.QUEUED,      # beyond what its provider can do in a day
    (Status.DRAFTED,    Move.WITHDRAW):          Status.WITHDRAWN,
    (Status.QUEUED,     Move.RELEASE):           Status.RELEASED,    # its turn
    (Status.QUEUED,     Move.WITHDRAW):          Status.WITHDRAWN,   # also when its measure ends: never sent
    (Status.WITHDRAWN,  Move.ASK_REISSUE):       Status.WITHDRAWN,   # by one person
    (Status.WITHDRAWN,  Move.REISSUE):           Status.WITHDRAWN,   # by another: a new order, with the next attempt
    (Status.RELEASED,   Move.RECEIVE):           Status.RECEIVED,
    (Status.RELEASED,   Move.EXECUTE):           Status.EXECUTED,    # P3.2.3; "received" is implied
    (Status.RELEASED,   Move.EXECUTE_PARTLY):    Status.PARTLY,
    (Status.RELEASED,   Move.REPORT_IMPOSSIBLE): Status.IMPOSSIBLE,
    (Status.RELEASED,   Move.CONTEST):           Status.CONTESTED,
    (Status.RELEASED,   Move.ESCALATE):          Status.RELEASED,
    (Status.RELEASED,   Move.LAPSE):             Status.LAPSED,
    (Status.RELEASED,   Move.SUPERSEDE):         Status.SUPERSEDED,
    (Status.RECEIVED,   Move.EXECUTE):           Status.EXECUTED,
    (Status.RECEIVED,   Move.EXECUTE_PARTLY):    Status.PARTLY,
    (Status.RECEIVED,   Move.REPORT_IMPOSSIBLE): Status.IMPOSSIBLE,
    (Status.RECEIVED,   Move.CONTEST):           Status.CONTESTED,
    (Status.RECEIVED,   Move.ESCALATE):          Status.RECEIVED,
    (Status.RECEIVED,   Move.LAPSE):             Status.LAPSED,
    (Status.RECEIVED,   Move.SUPERSEDE):         Status.SUPERSEDED,
    (Status.PARTLY,     Move.EXECUTE):           Status.EXECUTED,
    (Status.PARTLY,     Move.REPORT_IMPOSSIBLE): Status.IMPOSSIBLE,  # the rest cannot be done
    (Status.PARTLY,     Move.CONTEST):           Status.CONTESTED,
    (Status.PARTLY,     Move.ESCALATE):          Status.PARTLY,
    (Status.PARTLY,     Move.LAPSE):             Status.LAPSED,
    (Status.PARTLY,     Move.SUPERSEDE):         Status.SUPERSEDED,
    (Status.IMPOSSIBLE, Move.EXECUTE):           Status.EXECUTED,    # it could be done after all
    (Status.IMPOSSIBLE, Move.ACCEPT):            Status.ACCEPTED,
    (Status.IMPOSSIBLE, Move.REJECT):            Status.RECEIVED,    # the clock goes on
    (Status.IMPOSSIBLE, Move.ESCALATE):          Status.IMPOSSIBLE,  # of a restore: its clock never stood still
    (Status.IMPOSSIBLE, Move.LAPSE):             Status.LAPSED,
    (Status.IMPOSSIBLE, Move.SUPERSEDE):         Status.SUPERSEDED,
    (Status.CONTESTED,  Move.EXECUTE):           Status.EXECUTED,    # the provider gave way
    (Status.CONTESTED,  Move.UPHOLD):            Status.UPHELD,      # and a restore goes out
    (Status.CONTESTED,  Move.REJECT):            Status.RECEIVED,
    (Status.CONTESTED,  Move.ESCALATE):          Status.CONTESTED,
    (Status.CONTESTED,  Move.LAPSE):             Status.LAPSED,
    (Status.CONTESTED,  Move.SUPERSEDE):         Status.SUPERSEDED,
    (Status.ACCEPTED,   Move.EXECUTE):           Status.EXECUTED,
    (Status.ACCEPTED,   Move.SUPERSEDE):         Status.SUPERSEDED,
})  # fmt: skip

LIFECYCLE: Final = Lifecycle(MOVES, aggregate="order")

CLAIMED: Final[Mapping[Outcome, Move]] = MappingProxyType({
    Outcome.RECEIVED:   Move.RECEIVE,
    Outcome.EXECUTED:   Move.EXECUTE,
    Outcome.PARTLY:     Move.EXECUTE_PARTLY,
    Outcome.IMPOSSIBLE: Move.REPORT_IMPOSSIBLE,
    Outcome.CONTESTED:  Move.CONTEST,
})  # fmt: skip
"""What each outcome of a receipt claims."""

HELD_BACK: Final = frozenset({Status.INSTRUCTED, Status.DRAFTED, Status.QUEUED})
"""On their way, and not out yet: what is taken back now is never sent."""
UNSENT: Final = HELD_BACK | {Status.WITHDRAWN}
"""The provider cannot know of these."""
RUNNING: Final = frozenset({Status.RELEASED, Status.RECEIVED, Status.PARTLY})
"""Statuses in which the statutory clock runs."""
STOPPED: Final = frozenset({Status.IMPOSSIBLE, Status.CONTESTED})
"""Statuses in which the issuer is to act, and meanwhile the clock stands still: never that of a restore."""
OPEN: Final = RUNNING | STOPPED | {Status.ACCEPTED}
"""Statuses that a later order supersedes."""
OVER: Final = frozenset({Status.SUPERSEDED, Status.UPHELD, Status.LAPSED})
"""It went out and nothing more is expected: what a provider still says of it is kept, and moves nothing."""


def clock_runs(status: Status, action: Action) -> bool:
    """Whether an order can become overdue. A site that should be back waits, whatever its provider objects."""
    return status in RUNNING or (action is Action.RESTORE and status in STOPPED)


INSTRUCTION_MOVES: Final[Mapping[tuple[InstructionStatus, InstructionAction], InstructionStatus]] = MappingProxyType({
    (InstructionStatus.RECEIVED,     InstructionAction.ACKNOWLEDGE): InstructionStatus.ACKNOWLEDGED,
    (InstructionStatus.RECEIVED,     InstructionAction.OBJECT):      InstructionStatus.OBJECTED,
    (InstructionStatus.RECEIVED,     InstructionAction.CLOSE):       InstructionStatus.WITHDRAWN,
    (InstructionStatus.ACKNOWLEDGED, InstructionAction.ISSUE):       InstructionStatus.ISSUED,
    (InstructionStatus.ACKNOWLEDGED, InstructionAction.OBJECT):      InstructionStatus.OBJECTED,
    (InstructionStatus.ACKNOWLEDGED, InstructionAction.CLOSE):       InstructionStatus.WITHDRAWN,
    (InstructionStatus.OBJECTED,     InstructionAction.UPHOLD):      InstructionStatus.WITHDRAWN,
    (InstructionStatus.OBJECTED,     InstructionAction.REJECT):      InstructionStatus.RECEIVED,
    (InstructionStatus.OBJECTED,     InstructionAction.CLOSE):       InstructionStatus.WITHDRAWN,
})  # fmt: skip
INSTRUCTION: Final = Lifecycle(INSTRUCTION_MOVES, aggregate="instruction")


class ConductAction(StrEnum):
    """What can become of a conduct entry."""

    DISPUTE = "dispute"
    KEEP = "keep"
    UNDO = "undo"


CONDUCT: Final = Lifecycle(MappingProxyType({
    (ConductStatus.STANDING, ConductAction.DISPUTE): ConductStatus.DISPUTED,  # by its provider, once
    (ConductStatus.STANDING, ConductAction.UNDO):    ConductStatus.UNDONE,
    (ConductStatus.DISPUTED, ConductAction.KEEP):    ConductStatus.KEPT,      # by who decided it
    (ConductStatus.DISPUTED, ConductAction.UNDO):    ConductStatus.UNDONE,
    (ConductStatus.KEPT,     ConductAction.UNDO):    ConductStatus.UNDONE,
}), aggregate="conduct_entry")  # fmt: skip


class ProviderStatus(StrEnum):
    """Whether new sites are registered at a provider; orders reach it in every status."""

    ACTIVE = "active"
    UNLICENSED = "unlicensed"
    """No licence of its is in force: by the clock, and by nobody's hand."""
    CLOSED = "closed"
    """By itself."""


class ProviderAction(StrEnum):
    """What moves a provider."""

    LOSE_LICENCE = "lose_licence"
    GAIN_LICENCE = "gain_licence"
    CLOSE = "close"
    REOPEN = "reopen"


PROVIDER: Final = Lifecycle(MappingProxyType({
    (ProviderStatus.ACTIVE,     ProviderAction.LOSE_LICENCE): ProviderStatus.UNLICENSED,
    (ProviderStatus.UNLICENSED, ProviderAction.GAIN_LICENCE): ProviderStatus.ACTIVE,
    (ProviderStatus.ACTIVE,     ProviderAction.CLOSE):        ProviderStatus.CLOSED,
    (ProviderStatus.UNLICENSED, ProviderAction.CLOSE):        ProviderStatus.CLOSED,
    (ProviderStatus.CLOSED,     ProviderAction.REOPEN):       ProviderStatus.UNLICENSED,  # until its licences are read
}), aggregate="provider")  # fmt: skip


class LicenceAction(StrEnum):
    """What can become of a licence; what a clock ends needs no move."""

    GIVE_UP = "give_up"


LICENCE: Final = Lifecycle(
    {(LicenceStatus.HELD, LicenceAction.GIVE_UP): LicenceStatus.GIVEN_UP}, aggregate="provider_licence"
)


class KeyStatus(StrEnum):
    """Where a provider's key stands."""

    IN_USE = "in_use"
    REVOKED = "revoked"


class KeyAction(StrEnum):
    """What can be done with a key."""

    REVOKE = "revoke"


KEY: Final = Lifecycle({(KeyStatus.IN_USE, KeyAction.REVOKE): KeyStatus.REVOKED}, aggregate="provider_key")


class EmergencyStatus(StrEnum):
    """Where a suspension stands that a provider began by itself."""

    REPORTED = "reported"
    CONFIRMED = "confirmed"
    """An authority decided so itself; no order of that decision has gone out to the provider yet."""
    REPLACED = "replaced"
    """The order of that decision went out: it goes on with it. Each ends with a restore of its own."""
    LAPSED = "lapsed"
    """The provider was ordered to host the site again."""
    REFUSED = "refused"
    """The site was another provider's, and nothing was restored: of old, since then it is restored as well."""


class EmergencyAction(StrEnum):
    """What becomes of it: nothing of this is a person's here."""

    CONFIRM = "confirm"
    REPLACE = "replace"
    LAPSE = "lapse"


EMERGENCY: Final = Lifecycle(MappingProxyType({
    (EmergencyStatus.REPORTED,  EmergencyAction.CONFIRM): EmergencyStatus.CONFIRMED,  # N4.2.5
    (EmergencyStatus.REPORTED,  EmergencyAction.LAPSE):   EmergencyStatus.LAPSED,
    (EmergencyStatus.CONFIRMED, EmergencyAction.REPLACE): EmergencyStatus.REPLACED,
    (EmergencyStatus.CONFIRMED, EmergencyAction.LAPSE):   EmergencyStatus.LAPSED,     # it fell, or was never sent
    (EmergencyStatus.REPLACED,  EmergencyAction.LAPSE):   EmergencyStatus.LAPSED,     # its order was taken back
}), aggregate="emergency")  # fmt: skip
