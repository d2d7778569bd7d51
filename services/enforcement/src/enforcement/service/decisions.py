"""Decisions: drafted by one person, released by another, or taken back (P3.2.2-3, safeguards 1-3 and 5)."""

import hashlib
from collections.abc import Iterable
from datetime import datetime, timedelta
from uuid import UUID

from enforcement import bodies
from enforcement.errors import (
    CollateralNotAcknowledged,
    CureWindowOpen,
    DecisionPending,
    EvidenceNotInCase,
    ImpactChanged,
)
from enforcement.lifecycle import CASE, DECISION, Action, CaseAction, Status
from enforcement.measures import WAITS_FOR_CURE, Measure
from enforcement.policy import POLICY, Act
from enforcement.service.common import (
    CURE_CLOCK,
    DecisionRecord,
    held_case,
    held_decision,
    known_case,
    known_decision,
    record,
    remember,
    untouched,
)
from enforcement.service.impact import Impact, preview
from enforcement.store import cases, decisions
from enforcement.store.cases import Case
from enforcement.store.decisions import Decision, NewDecision
from shared.contracts.base import Fact
from shared.contracts.enforcement import DecisionReleasedV1, RevocationRequestedV1
from shared.runtime.acts import outbox
from shared.runtime.acts.runtime import Runtime
from shared.runtime.base.context import Caller
from shared.runtime.base.ids import uuid7
from shared.runtime.db.postgres import Tx

_UNRELEASED = frozenset({Status.DRAFTED, Status.WITHDRAWN})


def evidence_hash(hashes: Iterable[str]) -> str:
    """One hash for all the evidence of a decision, however many pieces there are (one included).

    SHA-256 over the lower-case hex SHA-256s of the pieces, each once, sorted, joined by a line feed, as lower-case hex.
    """
    return hashlib.sha256("\n".join(sorted(set(hashes))).encode("ascii")).hexdigest()


async def draft(rt: Runtime, who: Caller, case_id: UUID, body: bodies.Draft) -> DecisionRecord:
    """Draft a decision and preview its impact. It has no effect until a second person releases it.

    Raises UnknownCase (404), Forbidden (403), ActionRefused, DecisionPending (409), EvidenceNotInCase (422).
    """
    async with rt.db.transaction() as tx:
        case = await held_case(tx, case_id)
        POLICY.require(who, Act.DRAFT_DECISION, case)
        CASE.after(case.status, CaseAction.DRAFT)
        await _check_evidence(tx, case, body.evidence_hashes)
        new = _drafted(rt, who, case, body, await preview(tx, case, body.measure))
        drafted = await decisions.add(tx, new)
        if drafted is None:
            raise DecisionPending(decision_id=str(await decisions.drafted(tx, case_id)))
        remember(tx, drafted, None, "draft", who, body.reasons, drafted.drafted_at)
        return untouched(drafted)


async def release(rt: Runtime, who: Caller, decision_id: UUID, body: bodies.Release) -> DecisionRecord:
    """Make a draft an act of the authority; ask the regulator to revoke and cut off if it says so (P3.2.3).

    The impact is computed again: what is released is what this person saw, or nothing.

    Raises UnknownDecision (404), Forbidden (403), SecondPersonRequired, ActionRefused, CureWindowOpen, ImpactChanged,
    CollateralNotAcknowledged (409).
    """
    async with rt.db.transaction() as tx:
        case, decision = await held_decision(tx, decision_id)
        POLICY.require(who, Act.RELEASE_DECISION, case, drafted_by=decision.drafted_by)
        DECISION.after(decision.status, Action.RELEASE)
        at = rt.clock.now()
        _check_cure_window(decision, at)
        impact = _check_impact(body, await preview(tx, case, decision.measure))
        released = decisions.release(
            tx,
            decision,
            by=who.subject,
            at=at,
            impact=impact.model_dump(mode="json"),
            acknowledged=body.collateral_acknowledged,
            request_id=uuid7() if decision.measure is Measure.REVOKE_AND_CUT else None,
        )
        remember(tx, released, decision.status, Action.RELEASE, who, decision.reasons, at)
        if released.measure is Measure.NO_BREACH:
            closed = cases.move(tx, case, CASE.after(case.status, CaseAction.CLOSE), at)
            remember(tx, closed, case.status, CaseAction.CLOSE, who, decision.reasons, at)
        outbox.add(tx, *_released(case, released, at), at=at)
        return untouched(released)


async def withdraw(rt: Runtime, who: Caller, decision_id: UUID, body: bodies.Withdrawal) -> DecisionRecord:
    """Take a draft back. Raises UnknownDecision (404), Forbidden (403), ActionRefused (409)."""
    async with rt.db.transaction() as tx:
        case, decision = await held_decision(tx, decision_id)
        POLICY.require(who, Act.WITHDRAW_DECISION, case)
        at = rt.clock.now()
        withdrawn = decisions.move(tx, decision, DECISION.after(decision.status, Action.WITHDRAW), at)
        remember(tx, withdrawn, decision.status, Action.WITHDRAW, who, body.reasons, at)
        return untouched(withdrawn)


async def read(rt: Runtime, who: Caller, decision_id: UUID) -> DecisionRecord:
    """Read a decision: officials always, the operator concerned once it is released.

    Raises UnknownDecision (404), Forbidden (403).
    """
    async with rt.db.connection() as tx:
        decision = await known_decision(tx, decision_id)
        act = Act.READ_DRAFT if decision.status in _UNRELEASED else Act.READ_DECISION
        POLICY.require(who, act, await known_case(tx, decision.case_id))
        return await record(tx, decision)


async def _check_evidence(tx: Tx, case: Case, hashes: Iterable[str]) -> None:
    filed = {each.sha256 for each in await cases.evidence_of(tx, case.id)}
    wrong = [
        {"field": f"evidence_hashes.{place}", "message": "no evidence of this case has this hash"}
        for place, sha256 in enumerate(hashes)
        if sha256 not in filed
    ]
    if wrong:
        raise EvidenceNotInCase(wrong)


def _drafted(rt: Runtime, who: Caller, case: Case, body: bodies.Draft, impact: Impact) -> NewDecision:
    notice, cure_until = body.notice, None
    if notice is not None:
        cure_until = notice.cure_until or notice.sent_at + timedelta(days=rt.rules.clocks[CURE_CLOCK].amount)
    hashes = tuple(sorted(set(body.evidence_hashes)))
    return NewDecision(
        id=uuid7(),
        case_id=case.id,
        measure=body.measure,
        legal_basis=body.legal_basis,
        reasons=body.reasons,
        evidence_hashes=hashes,
        evidence_hash=evidence_hash(hashes),
        redress=body.redress,
        notice=notice.model_dump(mode="json", include={"sent_at", "how"}) if notice else None,
        cure_until=cure_until,
        urgent_ground=body.urgent_ground,
        impact=impact.model_dump(mode="json"),
        drafted_by=who.subject,
        drafted_at=rt.clock.now(),
    )


def _check_cure_window(decision: Decision, at: datetime) -> None:
    """Safeguard 5: the operator's time to put things right is over, unless there is an urgent ground."""
    if decision.measure in WAITS_FOR_CURE and decision.cure_until is not None and at < decision.cure_until:
        raise CureWindowOpen(cure_until=decision.cure_until.isoformat())


def _check_impact(seen: bodies.Release, now: Impact) -> Impact:
    """Safeguard 3: whoever releases saw what it does now, and named the collateral."""
    if seen.impact_hash != now.hash:
        raise ImpactChanged(impact=now.model_dump(mode="json"))
    if (seen.collateral_acknowledged or 0) != now.collateral:
        raise CollateralNotAcknowledged(collateral=now.collateral, impact=now.model_dump(mode="json"))
    return now


def _released(case: Case, decision: Decision, at: datetime) -> list[Fact]:
    """The decision itself, and for revoke_and_cut the request to the regulator, in the same transaction."""
    about = {
        "case_id": case.id,
        "site_id": case.site_id,
        "registration_id": case.registration_id,
        "authority": case.authority,
        "region": case.region,
        "level": case.level,
        "decision_id": decision.id,
        "legal_basis": decision.legal_basis,
        "reasons": decision.reasons,
        "evidence_hash": decision.evidence_hash,
        "redress": decision.redress,
    }
    facts: list[Fact] = [DecisionReleasedV1.model_validate({**about, "measure": decision.measure, "released_at": at})]
    if decision.request_id is not None:
        request = {**about, "request_id": decision.request_id, "requested_at": at}
        facts.append(RevocationRequestedV1.model_validate(request))
    return facts
