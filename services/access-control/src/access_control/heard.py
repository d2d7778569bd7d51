"""What facts of others mean to access-control."""

from access_control.service import conduct, emergencies, executions, overlaps
from shared.contracts.emergencies import EmergencyConfirmedV1, EmergencyLapsedV1
from shared.contracts.enforcement import (
    DecisionEndedV1,
    DecisionOverturnedV1,
    DecisionReleasedV1,
    DecisionSuspendedV1,
)
from shared.contracts.hosted import FindingClosedV1, FindingDisputedV1, FindingEscalatedV1, FindingKeptV1
from shared.contracts.registry import ExecutionCarriedOutV1, ExecutionUndoneV1, MeasureOverlappedV1
from shared.runtime.acts.runtime import Runtime
from shared.runtime.base.context import EventMeta
from shared.runtime.db.postgres import Tx


async def execution_carried_out(rt: Runtime, tx: Tx, fact: ExecutionCarriedOutV1, meta: EventMeta) -> None:
    """The register says so now; whoever hosts the site is ordered to act (P3.2.3)."""
    await executions.carried_out(tx, rt, fact)


async def execution_undone(rt: Runtime, tx: Tx, fact: ExecutionUndoneV1, meta: EventMeta) -> None:
    """What was ordered is taken back, exactly (safeguard 7)."""
    await executions.undone(tx, rt, fact)


async def measure_overlapped(rt: Runtime, tx: Tx, fact: MeasureOverlappedV1, meta: EventMeta) -> None:
    """It hits names of another site by now: whose they are is told first, or they are spared."""
    await overlaps.heard(tx, rt, fact)


async def decision_released(rt: Runtime, tx: Tx, fact: DecisionReleasedV1, meta: EventMeta) -> None:
    """A penalty enters the conduct record of its provider; everything else follows from executions."""
    await conduct.enter(tx, rt, fact)


async def decision_suspended(rt: Runtime, tx: Tx, fact: DecisionSuspendedV1, meta: EventMeta) -> None:
    """A penalty has no effect for the time being."""
    await conduct.undo(
        tx, rt, fact.decision_id, because="suspended", authority=fact.authority, statement=fact.statement
    )


async def decision_overturned(rt: Runtime, tx: Tx, fact: DecisionOverturnedV1, meta: EventMeta) -> None:
    """An appeal against a penalty was upheld."""
    await conduct.undo(
        tx, rt, fact.decision_id, because="overturned", authority=fact.authority, statement=fact.statement
    )


async def decision_ended(rt: Runtime, tx: Tx, fact: DecisionEndedV1, meta: EventMeta) -> None:
    """The authority lifted its own penalty."""
    await conduct.undo(
        tx, rt, fact.decision_id, because=fact.because, authority=fact.authority, statement=fact.statement
    )


async def emergency_confirmed(rt: Runtime, tx: Tx, fact: EmergencyConfirmedV1, meta: EventMeta) -> None:
    """An authority stands by what a provider did by itself."""
    await emergencies.confirmed(tx, rt, fact)


async def emergency_lapsed(rt: Runtime, tx: Tx, fact: EmergencyLapsedV1, meta: EventMeta) -> None:
    """Nobody does: the site is hosted again."""
    await emergencies.lapsed(tx, rt, fact)


async def finding_escalated(rt: Runtime, tx: Tx, fact: FindingEscalatedV1, meta: EventMeta) -> None:
    """A provider did not answer for its list: its record says so, and nothing is ordered (docs/adr/0018)."""
    await conduct.note_finding(tx, rt, fact)


async def finding_disputed(rt: Runtime, tx: Tx, fact: FindingDisputedV1, meta: EventMeta) -> None:
    """The provider says what is wrong about that."""
    await conduct.dispute_finding(tx, fact)


async def finding_kept(rt: Runtime, tx: Tx, fact: FindingKeptV1, meta: EventMeta) -> None:
    """A person says why it stays."""
    await conduct.keep_finding(tx, fact)


async def finding_closed(rt: Runtime, tx: Tx, fact: FindingClosedV1, meta: EventMeta) -> None:
    """It was put right, or was wrong: the record says that as well."""
    await conduct.close_finding(tx, fact)
