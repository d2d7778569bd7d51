"""Who works on a case. It takes no right from a colleague but the one to claim it without a reason (ADR 13)."""

from typing import Final
from uuid import UUID

from enforcement.errors import ClaimedByColleague, ClaimedByNobody, HeldAlready, NothingHeld
from enforcement.lifecycle import CASE, CaseAction
from enforcement.policy import POLICY, Act
from enforcement.store import cases
from enforcement.store.cases import Case
from shared.contracts.http.casefile import Claim
from shared.contracts.http.enforcement import WithReasons
from shared.runtime.acts.runtime import Runtime
from shared.runtime.base.context import Caller
from shared.runtime.db.postgres import Tx

_WORKS: Final = "Works on it from now on."
_GIVES_BACK: Final = "Works on it no more."


async def claim(tx: Tx, rt: Runtime, who: Caller, case_id: UUID, body: Claim) -> Case:
    """Work on a case; on one of a colleague with a reason. Claimed again by whoever has it, nothing changes.

    Raises UnknownCase (404); Forbidden (403); ActionRefused, ClaimedByColleague (409).
    """
    at, case = rt.clock.now(), await cases.hold(tx, case_id)
    POLICY.require(who, Act.CLAIM_CASE, case)
    CASE.after(case.status, CaseAction.CLAIM)
    if case.claimed_by == who.person:
        return case
    if case.claimed_by is not None and case.claimed_at is not None and body.reasons is None:
        raise ClaimedByColleague(claimed_by=case.claimed_by, claimed_at=case.claimed_at.isoformat())
    return await cases.MOVES.move(
        tx, case, CaseAction.CLAIM, who=who, why=body.reasons or _WORKS, at=at, claimed_by=who.person, claimed_at=at
    )


async def release(tx: Tx, rt: Runtime, who: Caller, case_id: UUID) -> Case:
    """Give a case back that one works on. Raises UnknownCase (404); Forbidden (403); ActionRefused, ClaimedByNobody."""
    case = await cases.hold(tx, case_id)
    POLICY.require(who, Act.CLAIM_CASE, case)
    CASE.after(case.status, CaseAction.RELEASE_CLAIM)
    if case.claimed_by != who.person:
        raise ClaimedByNobody
    return await cases.MOVES.move(
        tx, case, CaseAction.RELEASE_CLAIM, who=who, why=_GIVES_BACK, at=rt.clock.now(), claimed_by=None,
        claimed_at=None,
    )  # fmt: skip


async def hold_evidence(tx: Tx, rt: Runtime, who: Caller, case_id: UUID, body: WithReasons) -> Case:
    """Keep the evidence of a case whatever the retention says. Raises UnknownCase (404), Forbidden, HeldAlready."""
    case = await cases.hold(tx, case_id)
    POLICY.require(who, Act.HOLD_EVIDENCE, case)
    if case.held_because is not None:
        raise HeldAlready(why=case.held_because)
    return await cases.MOVES.change(
        tx, case, "hold_evidence", who=who, why=body.reasons, at=rt.clock.now(), held_because=body.reasons
    )


async def lift_hold(tx: Tx, rt: Runtime, who: Caller, case_id: UUID, body: WithReasons) -> Case:
    """Leave the evidence of a case to the retention again. Raises UnknownCase (404), Forbidden (403), NothingHeld."""
    case = await cases.hold(tx, case_id)
    POLICY.require(who, Act.HOLD_EVIDENCE, case)
    if case.held_because is None:
        raise NothingHeld
    return await cases.MOVES.change(
        tx, case, "lift_hold", who=who, why=body.reasons, at=rt.clock.now(), held_because=None
    )
