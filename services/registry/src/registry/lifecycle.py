"""The states of a registration, a revocation and a request for one, and the moves between them."""

from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType
from typing import Final

from shared.runtime.acts.lifecycle import Lifecycle


class Status(StrEnum):
    """Where a registration stands."""

    SUBMITTED = "submitted"
    REFUSED = "refused"
    ACTIVE = "active"
    REVOKED = "revoked"


class Action(StrEnum):
    """What can be done with a registration."""

    GRANT = "grant"
    REFUSE = "refuse"
    AMEND = "amend"
    REVOKE = "revoke"
    REINSTATE = "reinstate"


MOVES: Final[Mapping[tuple[Status, Action], Status]] = MappingProxyType({
    (Status.SUBMITTED, Action.GRANT):     Status.ACTIVE,    # P3.1.5
    (Status.SUBMITTED, Action.REFUSE):    Status.REFUSED,   # O33 section 12, written reasons
    (Status.ACTIVE,    Action.AMEND):     Status.ACTIVE,    # P3.1, last paragraph
    (Status.ACTIVE,    Action.REVOKE):    Status.REVOKED,   # P3.2.3
    (Status.REVOKED,   Action.REINSTATE): Status.ACTIVE,    # safeguard 7: exactly as it was
})  # fmt: skip


class RevocationStatus(StrEnum):
    """Where a revocation stands. ``moot``: its ground fell away before anyone confirmed it."""

    DRAFTED = "drafted"
    CONFIRMED = "confirmed"
    WITHDRAWN = "withdrawn"
    MOOT = "moot"
    UNDONE = "undone"


class RevocationAction(StrEnum):
    """What can be done with a revocation."""

    CONFIRM = "confirm"
    WITHDRAW = "withdraw"
    CLOSE = "close"
    UNDO = "undo"


REVOCATION_MOVES: Final[Mapping[tuple[RevocationStatus, RevocationAction], RevocationStatus]] = MappingProxyType({
    (RevocationStatus.DRAFTED,   RevocationAction.CONFIRM):  RevocationStatus.CONFIRMED,  # by a second person
    (RevocationStatus.DRAFTED,   RevocationAction.WITHDRAW): RevocationStatus.WITHDRAWN,
    (RevocationStatus.DRAFTED,   RevocationAction.CLOSE):    RevocationStatus.MOOT,
    (RevocationStatus.CONFIRMED, RevocationAction.UNDO):     RevocationStatus.UNDONE,
})  # fmt: skip


class RequestStatus(StrEnum):
    """Where a sector regulator's request for revocation stands."""

    RECEIVED = "received"
    ACCEPTED = "accepted"
    DECLINED = "declined"
    MOOT = "moot"


class RequestAction(StrEnum):
    """What can be done with a request."""

    ACCEPT = "accept"
    REOPEN = "reopen"
    DECLINE = "decline"
    CLOSE = "close"


REQUEST_MOVES: Final[Mapping[tuple[RequestStatus, RequestAction], RequestStatus]] = MappingProxyType({
    (RequestStatus.RECEIVED, RequestAction.ACCEPT):  RequestStatus.ACCEPTED,  # P3.2.3
    (RequestStatus.ACCEPTED, RequestAction.REOPEN):  RequestStatus.RECEIVED,  # the drafted revocation was withdrawn
    (RequestStatus.RECEIVED, RequestAction.DECLINE): RequestStatus.DECLINED,
    (RequestStatus.RECEIVED, RequestAction.CLOSE):   RequestStatus.MOOT,      # the decision was overturned
    (RequestStatus.ACCEPTED, RequestAction.CLOSE):   RequestStatus.MOOT,
})  # fmt: skip

REGISTRATION: Final = Lifecycle(MOVES, aggregate="registration")
REVOCATION: Final = Lifecycle(REVOCATION_MOVES, aggregate="revocation")
REQUEST: Final = Lifecycle(REQUEST_MOVES, aggregate="revocation request")
