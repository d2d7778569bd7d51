"""The doors nobody stands at: facts of other departments, and clocks that ran out."""

from collections.abc import Mapping
from typing import Final

from enforcement.service import appeals, common, facts, projection
from shared.contracts.access import OrderExecutedV1
from shared.contracts.base import Fact
from shared.contracts.registry import (
    RegistrationReinstatedV1,
    RegistrationRevokedV1,
    RevocationRequestDeclinedV1,
    RevocationRequestReceivedV1,
    SiteRecordedV1,
)
from shared.runtime.events.dispatch import Handler, Projection
from shared.runtime.process.service import Deadlines

PROJECTIONS: Final[Mapping[type[Fact], Projection]] = {SiteRecordedV1: projection.record_sites}
HANDLERS: Final[Mapping[type[Fact], Handler]] = {
    RevocationRequestReceivedV1: facts.request_received,
    RevocationRequestDeclinedV1: facts.request_declined,
    RegistrationRevokedV1: facts.registration_revoked,
    RegistrationReinstatedV1: facts.registration_reinstated,
    OrderExecutedV1: facts.order_executed,
}
DEADLINES: Final[Deadlines] = {common.APPEAL_CLOCK: appeals.suspend_overdue}
