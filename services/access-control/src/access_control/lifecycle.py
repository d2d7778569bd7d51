"""The life of an order: one table of moves; nothing else decides what can become of an order."""

from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType
from typing import Final

from shared.contracts.orders import Outcome
from shared.runtime.acts.lifecycle import Lifecycle


class Status(StrEnum):
    """Where an order stands."""

    DRAFTED = "drafted"
    """Written, in its withdraw window; the provider has not seen it and it has no sequence number."""
    RELEASED = "released"
    """Signed, next in the provider's sequence, and on its way; the statutory clock runs."""
    RECEIVED = "received"
    """The provider signed that it holds the order."""
    EXECUTED = "executed"
    """The provider signed that it is carried out; the clock is met."""
    PARTLY = "partly"
    """A part is carried out; the clock goes on."""
    IMPOSSIBLE = "impossible"
    """The provider cannot; the clock stands still."""
    CONTESTED = "contested"
    """The provider points at a manifest error; the clock stands still."""
    WITHDRAWN = "withdrawn"
    """Taken back inside the window; it never went out."""
    SUPERSEDED = "superseded"
    """It went out, was not yet carried out, and a later order took it back."""


class Move(StrEnum):
    """What can be done with an order."""

    RELEASE = "release"
    WITHDRAW = "withdraw"
    RECEIVE = "receive"
    EXECUTE = "execute"
    EXECUTE_PARTLY = "execute_partly"
    REPORT_IMPOSSIBLE = "report_impossible"
    CONTEST = "contest"
    SUPERSEDE = "supersede"


MOVES: Final[Mapping[tuple[Status, Move], Status]] = MappingProxyType({
    (Status.DRAFTED,    Move.RELEASE):           Status.RELEASED,
    (Status.DRAFTED,    Move.WITHDRAW):          Status.WITHDRAWN,
    (Status.RELEASED,   Move.RECEIVE):           Status.RECEIVED,
    (Status.RELEASED,   Move.EXECUTE):           Status.EXECUTED,    # P3.2.3; "received" is implied
    (Status.RELEASED,   Move.EXECUTE_PARTLY):    Status.PARTLY,
    (Status.RELEASED,   Move.REPORT_IMPOSSIBLE): Status.IMPOSSIBLE,
    (Status.RELEASED,   Move.CONTEST):           Status.CONTESTED,
    (Status.RELEASED,   Move.SUPERSEDE):         Status.SUPERSEDED,
    (Status.RECEIVED,   Move.EXECUTE):           Status.EXECUTED,
    (Status.RECEIVED,   Move.EXECUTE_PARTLY):    Status.PARTLY,
    (Status.RECEIVED,   Move.REPORT_IMPOSSIBLE): Status.IMPOSSIBLE,
    (Status.RECEIVED,   Move.CONTEST):           Status.CONTESTED,
    (Status.RECEIVED,   Move.SUPERSEDE):         Status.SUPERSEDED,
    (Status.PARTLY,     Move.EXECUTE):           Status.EXECUTED,
    (Status.PARTLY,     Move.REPORT_IMPOSSIBLE): Status.IMPOSSIBLE,  # the rest cannot be done
    (Status.PARTLY,     Move.CONTEST):           Status.CONTESTED,
    (Status.PARTLY,     Move.SUPERSEDE):         Status.SUPERSEDED,
    (Status.IMPOSSIBLE, Move.EXECUTE):           Status.EXECUTED,    # it could be done after all
    (Status.IMPOSSIBLE, Move.SUPERSEDE):         Status.SUPERSEDED,
    (Status.CONTESTED,  Move.EXECUTE):           Status.EXECUTED,    # the provider gave way
    (Status.CONTESTED,  Move.SUPERSEDE):         Status.SUPERSEDED,
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

RUNNING: Final = frozenset({Status.RELEASED, Status.RECEIVED, Status.PARTLY})
"""Statuses in which the statutory clock runs; only these can become overdue."""
STOPPED: Final = frozenset({Status.IMPOSSIBLE, Status.CONTESTED})
"""Statuses in which the clock stands still and the issuer is to act."""
OPEN: Final = RUNNING | STOPPED
"""Statuses that a later order supersedes."""
