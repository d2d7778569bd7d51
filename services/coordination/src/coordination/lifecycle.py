"""States of an organisation in the directory and the moves between them: one table; nothing else decides."""

from enum import StrEnum
from types import MappingProxyType
from typing import Final

from shared.runtime.acts.lifecycle import Lifecycle


class Status(StrEnum):
    """Whether anybody can act for an organisation."""

    ACTIVE = "active"
    """Its people act in the roles it may fill."""
    CLOSED = "closed"
    """Nobody acts for it any more; its past acts keep its name, and its id is never given to another one."""


class Action(StrEnum):
    """What a coordination office can do with an organisation."""

    CHANGE = "change"
    CLOSE = "close"
    REOPEN = "reopen"


ENTRY: Final = Lifecycle(MappingProxyType({
    (Status.ACTIVE, Action.CHANGE): Status.ACTIVE,
    (Status.ACTIVE, Action.CLOSE):  Status.CLOSED,
    (Status.CLOSED, Action.REOPEN): Status.ACTIVE,   # a closure by mistake shuts everybody of an authority out
}), aggregate="organisation")  # fmt: skip
