"""The facts enforcement tells."""

from datetime import datetime
from typing import Any
from uuid import UUID

from enforcement.store.appeals import Appeal
from enforcement.store.cases import Case
from enforcement.store.decisions import Decision
from enforcement.store.emergencies import Emergency
from shared.contracts.emergencies import EmergencyConfirmedV1, EmergencyLapsedV1
from shared.contracts.enforcement import (
    AppealDecidedV1,
    AppealFiledV1,
    AppealOverdueV1,
    DecisionEndedV1,
    DecisionIgnoredV1,
    DecisionOverturnedV1,
    DecisionReleasedV1,
    DecisionSuspendedV1,
)
from shared.contracts.grounds import AuthorityRef, OperatorRef, Statement
from shared.contracts.subjects import FoundSite, ProviderSubject


def _about(case: Case, decision: Decision) -> dict[str, Any]:
    return {
        "decision_id": decision.id, "case_id": case.id, "effect": decision.effect, "subject": case.subject,
    }  # fmt: skip


def _operator(case: Case) -> OperatorRef | None:
    """The operator, where the register knows one."""
    if isinstance(case.subject, FoundSite | ProviderSubject):
        return None
    return OperatorRef(identity=case.operator.identity, name=case.operator.name)


def released(case: Case, decision: Decision) -> DecisionReleasedV1:
    """It is an act of the authority now."""
    if decision.released_at is None:
        raise TypeError(f"decision {decision.id} was never released")
    return DecisionReleasedV1(
        **_about(case, decision), operator=_operator(case), grounds=decision.grounds, signed_by=decision.signed_by,
        service_item=case.service_item, site=decision.site, preview=decision.preview, until=decision.until,
        correct_by=decision.correct_by, urgent_ground=decision.urgent_ground, released_at=decision.released_at,
    )  # fmt: skip


def suspended(
    case: Case, decision: Decision, because: str, authority: AuthorityRef, says: Statement, appeal_id: UUID | None,
    at: datetime,
) -> DecisionSuspendedV1:  # fmt: skip
    """It has no effect for the time being."""
    return DecisionSuspendedV1(
        **_about(case, decision), because=because, authority=authority, statement=says, appeal_id=appeal_id,
        suspended_at=at,
    )  # fmt: skip


def overturned(case: Case, decision: Decision, appeal: Appeal, says: Statement, at: datetime) -> DecisionOverturnedV1:
    """An appeal was upheld."""
    return DecisionOverturnedV1(
        **_about(case, decision), authority=appeal.body, statement=says, appeal_id=appeal.id, overturned_at=at
    )


def ignored(case: Case, decision: Decision, at: datetime) -> DecisionIgnoredV1:
    """An order to correct was not obeyed."""
    return DecisionIgnoredV1(**_about(case, decision), authority=case.authority, ignored_at=at)


def ended(case: Case, decision: Decision, because: str, says: Statement, at: datetime) -> DecisionEndedV1:
    """Lifted or corrected."""
    return DecisionEndedV1(
        **_about(case, decision), because=because, authority=case.authority, statement=says, ended_at=at
    )


def _appeal(appeal: Appeal) -> dict[str, Any]:
    return {"appeal_id": appeal.id, "act_id": appeal.act.id, "act": appeal.act, "body": appeal.body}


def appeal_filed(appeal: Appeal) -> AppealFiledV1:
    """Somebody challenges an act."""
    return AppealFiledV1(**_appeal(appeal), filed_at=appeal.filed_at)


def appeal_overdue(appeal: Appeal, due_at: datetime) -> AppealOverdueV1:
    """It was not decided in time."""
    return AppealOverdueV1(**_appeal(appeal), due_at=due_at)


def appeal_decided(appeal: Appeal, outcome: str, says: Statement, at: datetime) -> AppealDecidedV1:
    """It was decided."""
    return AppealDecidedV1(
        **_appeal(appeal), outcome=outcome, statement=says, decided_at=at, on_behalf=appeal.consent is not None
    )


def emergency_confirmed(emergency: Emergency, case: Case, at: datetime) -> EmergencyConfirmedV1:
    """An authority stands by it with a decision."""
    if emergency.decision_id is None:
        raise TypeError(f"emergency {emergency.id} is confirmed by no decision")
    return EmergencyConfirmedV1(
        emergency_id=emergency.id, provider_id=emergency.provider_id, decision_id=emergency.decision_id,
        case_id=case.id, authority=case.authority, confirmed_at=at,
    )  # fmt: skip


def emergency_lapsed(emergency: Emergency, because: str, says: Statement, at: datetime) -> EmergencyLapsedV1:
    """Nobody does, or the site is another provider's."""
    return EmergencyLapsedV1(
        emergency_id=emergency.id, provider_id=emergency.provider_id, because=because, site_id=emergency.site_id,
        statement=says, lapsed_at=at,
    )  # fmt: skip
