"""Every fact there is, by type."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from shared.contracts import access, approval, enforcement, registry
from shared.contracts.base import Fact

_FACTS: tuple[type[Fact], ...] = (
    approval.ApprovalGrantedV1,
    approval.ApprovalNotRequiredV1,
    approval.ApprovalRenewedV1,
    approval.ApprovalLapsedV1,
    approval.ApprovalEndedV1,
    approval.ApprovalReinstatedV1,
    registry.SiteRecordedV1,
    registry.RegistrationGrantedV1,
    registry.RegistrationRefusedV1,
    registry.RegistrationAmendedV1,
    registry.RegistrationRevokedV1,
    registry.RegistrationReinstatedV1,
    registry.RevocationRequestReceivedV1,
    registry.RevocationRequestDeclinedV1,
    enforcement.CaseOpenedV1,
    enforcement.DecisionReleasedV1,
    enforcement.RevocationRequestedV1,
    enforcement.DecisionOverturnedV1,
    enforcement.DecisionSuspendedV1,
    access.ProviderRegisteredV1,
    access.OrderReleasedV1,
    access.OrderReceivedV1,
    access.OrderExecutedV1,
    access.OrderPartlyExecutedV1,
    access.OrderImpossibleV1,
    access.OrderContestedV1,
    access.OrderOverdueV1,
    access.OrderWithdrawnV1,
)

FACTS: Final[Mapping[str, type[Fact]]] = MappingProxyType({fact.TYPE: fact for fact in _FACTS})
