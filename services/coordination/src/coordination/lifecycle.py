"""States of an organisation in the directory and of a proposal about one, and the moves between them: two tables."""

from enum import StrEnum
from types import MappingProxyType
from typing import Final

from shared.runtime.acts.lifecycle import Lifecycle


class Status(StrEnum):
    """Whether anybody can act for an organisation."""

    ACTIVE = "active"
    """Its people act in the roles it may fill."""
    CLOSED = "closed"
    """Nobody acts for it, no more or not yet; its past acts keep its name, and its id is never given to another one."""


class Action(StrEnum):
    """What a coordination office can do with an organisation; all but rename takes two people."""

    RENAME = "rename"
    CHANGE = "change"
    CLOSE = "close"
    REOPEN = "reopen"


ENTRY: Final = Lifecycle(MappingProxyType({
    (Status.ACTIVE, Action.RENAME): Status.ACTIVE,
    (Status.ACTIVE, Action.CHANGE): Status.ACTIVE,
    (Status.ACTIVE, Action.CLOSE):  Status.CLOSED,
    (Status.CLOSED, Action.REOPEN): Status.ACTIVE,   # a closure by mistake shuts everybody of an authority out
}), aggregate="organisation")  # fmt: skip


class ProposalStatus(StrEnum):
    """Where a proposal stands."""

    PROPOSED = "proposed"
    """One person signed; nothing has changed yet."""
    CONFIRMED = "confirmed"
    WITHDRAWN = "withdrawn"


class ProposalAction(StrEnum):
    """What can be done with a proposal."""

    CONFIRM = "confirm"
    WITHDRAW = "withdraw"


PROPOSAL: Final = Lifecycle(MappingProxyType({
    (ProposalStatus.PROPOSED, ProposalAction.CONFIRM):  ProposalStatus.CONFIRMED,   # by a second person
    (ProposalStatus.PROPOSED, ProposalAction.WITHDRAW): ProposalStatus.WITHDRAWN,
}), aggregate="proposal")  # fmt: skip
