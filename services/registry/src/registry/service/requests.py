"""Requests of sector regulators for revocation: received, then accepted or declined with reasons (P3.2.3)."""

from uuid import UUID

from registry.bodies import Grant, WithReasons
from registry.errors import RequestMoot, UnknownRegistration, UnknownRequest
from registry.lifecycle import (
    REQUEST,
    REVOCATION,
    RequestAction,
    RequestStatus,
    RevocationAction,
    RevocationStatus,
    Status,
)
from registry.policy import POLICY, Act
from registry.service import revocations
from registry.store import measures
from registry.store import register as store
from registry.store.measures import Request, Revocation
from registry.store.register import Registration
from shared.contracts.enforcement import DecisionOverturnedV1, DecisionSuspendedV1, RevocationRequestedV1
from shared.contracts.registry import Measure, RevocationRequestDeclinedV1, RevocationRequestReceivedV1
from shared.rules import Level
from shared.runtime.acts import history, outbox
from shared.runtime.acts.runtime import Runtime
from shared.runtime.base.context import Caller, EventMeta
from shared.runtime.db.postgres import Tx
from shared.runtime.web.paging import PageQuery

SYSTEM = Caller.system("registry")


async def receive(rt: Runtime, tx: Tx, fact: RevocationRequestedV1, meta: EventMeta) -> None:
    """Put a request on the regulator's desk. One whose decision is already undone is moot at once."""
    registration = await store.registration(tx, fact.registration_id, lock=True)
    measure = Measure(
        legal_basis=fact.legal_basis, reasons=fact.reasons, evidence_hash=fact.evidence_hash, redress=fact.redress,
        authority=fact.authority, decision_id=fact.decision_id, case_id=fact.case_id,
    )  # fmt: skip
    now = rt.clock.now()
    status = await tx.fetchval(
        measures.INSERT_REQUEST, fact.request_id, fact.registration_id, registration.region if registration else None,
        fact.decision_id, fact.case_id, measure.model_dump(mode="json"), now,
    )  # fmt: skip
    if status is None:
        return
    _record(tx, fact.request_id, "receive", None, status, SYSTEM, fact.reasons, rt)
    received = RevocationRequestReceivedV1(
        registration_id=fact.registration_id,
        request_id=fact.request_id,
        decision_id=fact.decision_id,
        case_id=fact.case_id,
    )
    outbox.add(tx, received, at=now)


async def get(rt: Runtime, who: Caller, request_id: UUID) -> Request:
    """One request. Raises UnknownRequest."""
    async with rt.db.connection() as tx:
        found = await _existing(tx, request_id)
    POLICY.require(who, Act.READ_REVOCATION, found)
    return found


async def page(rt: Runtime, who: Caller, query: PageQuery, status: RequestStatus | None) -> list[Request]:
    """Requests on the desk of the caller's region, newest first."""
    region = who.region if who.level is Level.PROVINCE else None
    async with rt.db.connection() as tx:
        rows = await tx.fetch(measures.LIST_REQUESTS, query.after, query.fetch, status, region)
    return [measures.request_of(row) for row in rows]


async def accept(rt: Runtime, who: Caller, request_id: UUID, body: WithReasons) -> Revocation:
    """Accept a request: the revocation is drafted on the sector regulator's grounds; a second person must confirm it.

    Raises ActionRefused, RequestMoot, RevocationInProgress.
    """
    async with rt.db.transaction() as tx:
        registration, request = await _held(tx, request_id)
        if registration is None:
            raise UnknownRegistration(registration_id=request.registration_id)
        POLICY.require(who, Act.DECIDE_REQUEST, registration)
        if request.status is RequestStatus.MOOT:
            raise RequestMoot()
        _move(rt, tx, request, RequestAction.ACCEPT, who, body.reasons)
        measure = Measure.model_validate(request.measure)
        return await revocations.add_draft(rt, tx, who, registration, measure, request_id=request_id)


async def decline(rt: Runtime, who: Caller, request_id: UUID, body: Grant) -> Request:
    """Decline a request, with legal basis and reasons, which go back to the sector regulator. Raises ActionRefused."""
    async with rt.db.transaction() as tx:
        _, request = await _held(tx, request_id)
        POLICY.require(who, Act.DECIDE_REQUEST, request)
        request = _move(rt, tx, request, RequestAction.DECLINE, who, body.reasons)
        declined = RevocationRequestDeclinedV1(
            registration_id=request.registration_id, request_id=request.id, decision_id=request.decision_id,
            case_id=request.case_id, legal_basis=body.legal_basis, reasons=body.reasons,
        )  # fmt: skip
        outbox.add(tx, declined, at=rt.clock.now())
        return request


async def undo_decision(rt: Runtime, tx: Tx, fact: DecisionOverturnedV1 | DecisionSuspendedV1, meta: EventMeta) -> None:
    """A decision fell on appeal, or its appeal was not decided in time: undo what was done on it (safeguards 6 and 7).

    No person is asked: the way back must not wait. Remembered, so that a request that comes late finds it.
    """
    registration = await store.registration(tx, fact.registration_id, lock=True)
    now = rt.clock.now()
    await tx.execute(measures.UNDO_DECISION, fact.decision_id, list(fact.legal_basis), fact.reasons, now)
    row = await tx.fetchrow(measures.REQUEST_OF_DECISION, fact.decision_id)
    request = measures.request_of(row) if row else None
    confirmed = False
    for found in await tx.fetch(measures.REVOCATIONS_ON_DECISION, fact.decision_id):
        revocation = measures.revocation_of(found)
        if REVOCATION.can(revocation.status, RevocationAction.CLOSE):
            revocations.move_revocation(tx, revocation, RevocationAction.CLOSE, SYSTEM, fact.reasons, now)
            continue
        confirmed = True
        if revocation.status is RevocationStatus.CONFIRMED and registration and registration.status is Status.REVOKED:
            await revocations.undo(rt, tx, SYSTEM, registration, revocation, fact.legal_basis, fact.reasons)
    # What was accepted and carried out stays accepted, however it ended; only what is still open becomes moot.
    if request and not confirmed and REQUEST.can(request.status, RequestAction.CLOSE):
        _move(rt, tx, request, RequestAction.CLOSE, SYSTEM, fact.reasons)


def _move(rt: Runtime, tx: Tx, before: Request, action: RequestAction, who: Caller, why: str) -> Request:
    to = REQUEST.after(before.status, action)
    after = measures.move_request(tx, before, to, rt.clock.now(), answer=why)
    _record(tx, before.id, action, before.status, to, who, why, rt)
    return after


def _record(
    tx: Tx, request_id: UUID, action: str, before: str | None, to: str, who: Caller, why: str, rt: Runtime
) -> None:
    history.add(
        tx, aggregate="revocation_request", aggregate_id=request_id, action=action, from_status=before, to_status=to,
        who=who, why=why, at=rt.clock.now(),
    )  # fmt: skip


async def _held(tx: Tx, request_id: UUID) -> tuple[Registration | None, Request]:
    held = await measures.lock_request(tx, request_id)
    if held is None:
        raise UnknownRequest(request_id=request_id)
    return held


async def _existing(tx: Tx, request_id: UUID) -> Request:
    found = await measures.request(tx, request_id)
    if found is None:
        raise UnknownRequest(request_id=request_id)
    return found
