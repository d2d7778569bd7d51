"""The facts the register tells of executions; those of sites come from the rows themselves."""

from collections.abc import Iterable
from datetime import datetime
from typing import Any, Literal

from registry.store.executions import Execution
from registry.store.hosted import Finding
from registry.store.overlaps import Overlap
from registry.store.sites import OwnedSite
from shared.contracts.grounds import ActRef, AuthorityRef, Statement
from shared.contracts.hosted import FindingClosedV1, FindingDisputedV1, FindingEscalatedV1, FindingKeptV1
from shared.contracts.http.registry import ClockView, OperatorKind
from shared.contracts.registry import (
    ExecutionCarriedOutV1,
    ExecutionDeclinedV1,
    ExecutionReceivedV1,
    ExecutionUndoneV1,
    MeasureOverlappedV1,
)
from shared.contracts.subjects import FrozenSite
from shared.rules import Due


def _about(execution: Execution, hands: Iterable[str] = ()) -> dict[str, Any]:
    """``hands``: the persons of the regulator who acted."""
    decision = execution.decision
    return {
        "execution_id": execution.id,
        "decision_id": decision.decision_id,
        "case_id": decision.case_id,
        "effect": execution.effect,
        "subject": decision.subject,
        "regulator": execution.regulator,
        "took_part": tuple(sorted(hands)),
    }


def received(execution: Execution, due: Due | ClockView, hands: Iterable[str] = ()) -> ExecutionReceivedV1:
    """It is on the desk; told again when somebody there signs."""
    return ExecutionReceivedV1(**_about(execution, hands), due_at=due.due_at, provisional=due.provisional)


def declined(execution: Execution, statement: Statement, at: datetime, hands: Iterable[str]) -> ExecutionDeclinedV1:
    """Nothing was done."""
    return ExecutionDeclinedV1(**_about(execution, hands), statement=statement, declined_at=at)


def carried_out(
    execution: Execution, hits: FrozenSite | None, site: OwnedSite | None, at: datetime, due_at: datetime | None,
    hands: Iterable[str],
) -> ExecutionCarriedOutV1:  # fmt: skip
    """It is done on the register, and hosts will hear."""
    return ExecutionCarriedOutV1(
        **_about(execution, hands),
        site=hits,
        registration=site.registration.record if site is not None else None,
        operator=site.operator.identity if site is not None else None,
        person=_person(site),
        grounds=execution.decision.grounds,
        service_item=execution.service_item,
        until=execution.until,
        carried_out_at=at,
        received_at=execution.received_at,
        due_at=due_at,
        decided_at=execution.decision.released_at,
        urgent_ground=execution.decision.urgent_ground,
    )


def _person(site: OwnedSite | None) -> str | None:
    """The name of its operator, if that is a person."""
    if site is None or site.operator.kind != OperatorKind.PERSON:
        return None
    return site.operator.particulars.name


def undone(
    execution: Execution,
    because: str,
    authority: AuthorityRef,
    statement: Statement,
    appeal: ActRef | None,
    at: datetime,
) -> ExecutionUndoneV1:
    """It is taken back."""
    return ExecutionUndoneV1(
        **_about(execution), because=because, authority=authority, statement=statement, appeal=appeal, undone_at=at
    )


def overlapped(
    execution: Execution, overlap: Overlap, at: datetime, *, not_before: datetime | None
) -> MeasureOverlappedV1:
    """It hits names of another site; ``not_before``: whose operator is told first, none: which are not meant."""
    return MeasureOverlappedV1(
        **_about(execution), overlap_id=overlap.id, site_id=overlap.site_id, names=overlap.names, not_before=not_before,
        overlapped_at=at,
    )  # fmt: skip


def finding_escalated(
    finding: Finding, authority: AuthorityRef, statement: Statement, at: datetime
) -> FindingEscalatedV1:
    """A provider answered nothing; it names neither a site nor a measure."""
    return FindingEscalatedV1(
        finding_id=finding.id, provider_id=finding.provider_id, statement=statement, kind=finding.kind,
        host=finding.host, authority=authority, found_at=finding.found_at, cure_until=finding.cure_until,
        escalated_at=at,
    )  # fmt: skip


def finding_disputed(finding: Finding, statement: Statement, at: datetime) -> FindingDisputedV1:
    """Its provider says what is wrong about what was escalated."""
    return FindingDisputedV1(
        finding_id=finding.id, provider_id=finding.provider_id, statement=statement, disputed_at=at
    )  # fmt: skip


def finding_kept(finding: Finding, statement: Statement, at: datetime) -> FindingKeptV1:
    """A person says why it stays in the record."""
    return FindingKeptV1(finding_id=finding.id, provider_id=finding.provider_id, statement=statement, kept_at=at)


def finding_closed(
    finding: Finding, because: Literal["cured", "dismissed"], statement: Statement, at: datetime
) -> FindingClosedV1:
    """What was escalated is over."""
    return FindingClosedV1(
        finding_id=finding.id, provider_id=finding.provider_id, statement=statement, because=because, closed_at=at
    )
