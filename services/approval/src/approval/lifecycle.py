"""States of an application and the moves between them: one table; nothing else decides."""

from enum import StrEnum
from types import MappingProxyType
from typing import Final

from shared.runtime.acts.lifecycle import Lifecycle


class Status(StrEnum):
    """Where an application stands."""

    SUBMITTED = "submitted"
    """The authority has it on its desk and its clock runs; late, it is marked overdue and can still be decided."""
    GRANTED = "granted"
    """The authority consented; the approval has a number, a scope and an end date."""
    REFUSED = "refused"
    """The authority refused, with reasons and redress. The operator may apply again."""
    NOT_REQUIRED = "not_required"
    """The authority found that the service needs no approval; the operator may register without one."""
    CANCELLED = "cancelled"
    """The authority took the approval back (P3.2.4); its number is never used again."""


class Action(StrEnum):
    """What an authority can do with an application."""

    GRANT = "grant"
    REFUSE = "refuse"
    FIND_NOT_REQUIRED = "find_not_required"
    CANCEL = "cancel"


APPLICATION: Final = Lifecycle(MappingProxyType({
    (Status.SUBMITTED, Action.GRANT):             Status.GRANTED,       # P3.1.3
    (Status.SUBMITTED, Action.REFUSE):            Status.REFUSED,       # P3.1.3, written reasons
    (Status.SUBMITTED, Action.FIND_NOT_REQUIRED): Status.NOT_REQUIRED,  # P3.1.3
    (Status.GRANTED,   Action.CANCEL):            Status.CANCELLED,     # P3.2.4
}), aggregate="application")  # fmt: skip
