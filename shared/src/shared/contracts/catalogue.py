"""Every fact there is, by type."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from shared.contracts import access, approval, directory, emergencies, enforcement, hosted, notices, registry
from shared.contracts.base import Fact

_FACTS: tuple[type[Fact], ...] = (
    approval.ApprovalGrantedV1,
    approval.ApprovalNotRequiredV1,
    approval.ApprovalRenewedV1,
    approval.ApprovalLapsedV1,
    approval.ApprovalEndedV1,
    approval.ApprovalReinstatedV1,
    notices.ApprovalNoticeIssuedV1,
    notices.ApprovalNoticeDeliveredV1,
    notices.ApprovalNoticeReturnedV1,
    registry.SiteRecordedV1,
    notices.RegistryNoticeIssuedV1,
    notices.RegistryNoticeDeliveredV1,
    notices.RegistryNoticeReturnedV1,
    notices.RegistryActNamedV1,
    registry.ExecutionReceivedV1,
    registry.ExecutionDeclinedV1,
    registry.ExecutionCarriedOutV1,
    registry.ExecutionUndoneV1,
    registry.MeasureOverlappedV1,
    registry.BarRecordedV1,
    registry.MergerRecordedV1,
    registry.ReviewVetoedV1,
    registry.ReviewClearedV1,
    *hosted.FINDING_FACTS,
    enforcement.DecisionReleasedV1,
    enforcement.DecisionSuspendedV1,
    enforcement.DecisionOverturnedV1,
    enforcement.DecisionIgnoredV1,
    enforcement.DecisionEndedV1,
    enforcement.AppealFiledV1,
    enforcement.AppealOverdueV1,
    enforcement.AppealDecidedV1,
    emergencies.EmergencyConfirmedV1,
    emergencies.EmergencyLapsedV1,
    access.ProviderRecordedV1,
    access.LicenceEndingV1,
    access.ProviderKeyChangedV1,
    emergencies.EmergencyReportedV1,
    access.OrderQueuedV1,
    access.OrderReleasedV1,
    access.OrderReceivedV1,
    access.OrderExecutedV1,
    access.OrderPartlyExecutedV1,
    access.OrderImpossibleV1,
    access.OrderContestedV1,
    access.OrderAnsweredV1,
    access.OrderOverdueV1,
    access.OrderWithdrawnV1,
    access.OrderObservedOtherwiseV1,
    directory.OrganisationRecordedV1,
)

FACTS: Final[Mapping[str, type[Fact]]] = MappingProxyType({fact.TYPE: fact for fact in _FACTS})
