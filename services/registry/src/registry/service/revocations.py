"""Revocation by two people, and the way back: exactly as it was, number kept (P3.2.3, safeguards 2 and 7)."""

from datetime import datetime
from uuid import UUID

from registry.bodies import Reinstatement, WithReasons
from registry.bodies import Revocation as RevocationBody
from registry.errors import RevocationInProgress, UnknownRegistration, UnknownRevocation
from registry.lifecycle import (
    REGISTRATION,
    REQUEST,
    REVOCATION,
    Action,
    RequestAction,
    RequestStatus,
    RevocationAction,
    RevocationStatus,
    Status,
)
from registry.policy import POLICY, Act
from registry.records import site_record, site_recorded
from registry.service.registrations import Full, move
from registry.store import measures
from registry.store import register as store
from registry.store.measures import Revocation
from registry.store.register import Registration
from shared.contracts.registry import Measure, RegistrationReinstatedV1, RegistrationRevokedV1
from shared.rules import Level
from shared.runtime.acts import history, outbox
from shared.runtime.acts.runtime import Runtime
from shared.runtime.base.context import Caller
from shared.runtime.base.ids import uuid7
from shared.runtime.db.postgres import Tx
from shared.runtime.web.paging import PageQuery


async def draft(rt: Runtime, who: Caller, registration_id: UUID, body: RevocationBody) -> Revocation:
    """Draft a revocation on the regulator's own ground; a second person must confirm it.

    Raises UnknownRegistration, ActionRefused, RevocationInProgress.
    """
    measure = Measure(**body.model_dump(), authority=who.organisation)
    async with rt.db.transaction() as tx:
        registration = await _held(tx, registration_id)
        POLICY.require(who, Act.DRAFT_REVOCATION, registration)
        return await add_draft(rt, tx, who, registration, measure, request_id=None)


async def add_draft(
    rt: Runtime, tx: Tx, who: Caller, registration: Registration, measure: Measure, *, request_id: UUID | None
) -> Revocation:
    """The drafted revocation of a locked registration."""
    REGISTRATION.after(registration.status, Action.REVOKE)
    revocation_id, now = uuid7(), rt.clock.now()
    row = await tx.fetchrow(
        measures.INSERT_REVOCATION, revocation_id, registration.id, request_id, measure.decision_id,
        measure.model_dump(mode="json"), who.subject, now,
    )  # fmt: skip
    if row is None:
        raise RevocationInProgress()
    _record(tx, revocation_id, "draft", None, RevocationStatus.DRAFTED, who, measure.reasons, now)
    return measures.revocation_of(row)


async def get(rt: Runtime, who: Caller, revocation_id: UUID) -> Revocation:
    """One revocation. Raises UnknownRevocation."""
    async with rt.db.connection() as tx:
        found = await _existing(tx, revocation_id)
    POLICY.require(who, Act.READ_REVOCATION, found)
    return found


async def page(rt: Runtime, who: Caller, query: PageQuery, status: RevocationStatus | None) -> list[Revocation]:
    """Revocations of the caller's region, newest first."""
    region = who.region if who.level is Level.PROVINCE else None
    async with rt.db.connection() as tx:
        rows = await tx.fetch(measures.LIST_REVOCATIONS, query.after, query.fetch, status, region)
    return [measures.revocation_of(row) for row in rows]


async def confirm(rt: Runtime, who: Caller, revocation_id: UUID) -> Revocation:
    """Release a drafted revocation: the registration is revoked, and that alone sends the orders to its providers.

    Raises SecondPersonRequired (409) for whoever drafted it, ActionRefused unless it is drafted.
    """
    now = rt.clock.now()
    async with rt.db.transaction() as tx:
        registration, revocation = await _held_revocation(tx, revocation_id)
        POLICY.require(who, Act.CONFIRM_REVOCATION, registration, drafted_by=revocation.drafted_by)
        revocation = move_revocation(tx, revocation, RevocationAction.CONFIRM, who, "Confirmed by a second person", now)
        to = REGISTRATION.after(registration.status, Action.REVOKE)
        measure = Measure.model_validate(revocation.measure)
        after = move(tx, registration, Action.REVOKE, to, who, measure.reasons, now, measure=revocation.measure)
        sites = await store.sites(tx, registration.id)
        number = registration.number or ""
        revoked = RegistrationRevokedV1(
            registration_id=registration.id, region=registration.region, level=registration.level, number=number,
            kind=registration.kind, revocation_id=revocation.id, request_id=revocation.request_id, measure=measure,
            sites=tuple(site_record(number, registration.status, site) for site in sites), revoked_at=now,
        )  # fmt: skip
        bumped = store.bump(tx, registration.id, sites, now)
        outbox.add(tx, revoked, *(site_recorded(after, site, changed_at=now) for site in bumped), at=now)
        return revocation


async def withdraw(rt: Runtime, who: Caller, revocation_id: UUID, body: WithReasons) -> Revocation:
    """Take a drafted revocation back. A request behind it is on the desk again. Raises ActionRefused."""
    now = rt.clock.now()
    async with rt.db.transaction() as tx:
        registration, revocation = await _held_revocation(tx, revocation_id)
        POLICY.require(who, Act.WITHDRAW_REVOCATION, registration)
        revocation = move_revocation(tx, revocation, RevocationAction.WITHDRAW, who, body.reasons, now)
        request = await measures.request(tx, revocation.request_id) if revocation.request_id else None
        if request and request.status is RequestStatus.ACCEPTED:
            to = REQUEST.after(request.status, RequestAction.REOPEN)
            measures.move_request(tx, request, to, now, answer=None)
        return revocation


async def reinstate(rt: Runtime, who: Caller, registration_id: UUID, body: Reinstatement) -> Full:
    """Make a revoked registration valid again, on the regulator's own initiative. Raises ActionRefused."""
    async with rt.db.transaction() as tx:
        registration = await _held(tx, registration_id)
        POLICY.require(who, Act.REINSTATE, registration)
        REGISTRATION.after(registration.status, Action.REINSTATE)
        row = await tx.fetchrow(measures.REVOCATION_IN_FORCE, registration_id)
        if row is None:
            raise LookupError(f"registration {registration_id} is revoked without a revocation in force")
        return await undo(rt, tx, who, registration, measures.revocation_of(row), body.legal_basis, body.reasons)


async def undo(
    rt: Runtime,
    tx: Tx,
    who: Caller,
    registration: Registration,
    revocation: Revocation,
    legal_basis: tuple[str, ...],
    reasons: str,
) -> Full:
    """Undo a confirmed revocation of a locked registration: its sites are served again as they were."""
    now = rt.clock.now()
    to = REGISTRATION.after(registration.status, Action.REINSTATE)
    move_revocation(tx, revocation, RevocationAction.UNDO, who, reasons, now)
    after = move(tx, registration, Action.REINSTATE, to, who, reasons, now)
    sites = store.bump(tx, registration.id, await store.sites(tx, registration.id), now)
    number = after.number or ""
    reinstated = RegistrationReinstatedV1(
        registration_id=after.id, region=after.region, level=after.level, number=number, kind=after.kind,
        revocation_id=revocation.id, decision_id=revocation.decision_id, legal_basis=legal_basis, reasons=reasons,
        sites=tuple(site_record(number, Status.ACTIVE, site) for site in sites), reinstated_at=now,
    )  # fmt: skip
    outbox.add(tx, reinstated, *(site_recorded(after, site, changed_at=now) for site in sites), at=now)
    return after, sites


def move_revocation(
    tx: Tx, before: Revocation, action: RevocationAction, who: Caller, why: str, at: datetime
) -> Revocation:
    """Move a revocation whose registration is locked. Raises ActionRefused."""
    to = REVOCATION.after(before.status, action)
    confirmed_by = who.subject if action is RevocationAction.CONFIRM else None
    after = measures.move_revocation(tx, before, to, at, confirmed_by=confirmed_by)
    _record(tx, before.id, action, before.status, to, who, why, at)
    return after


def _record(
    tx: Tx, revocation_id: UUID, action: str, before: str | None, to: str, who: Caller, why: str, at: datetime
) -> None:
    history.add(
        tx, aggregate="revocation", aggregate_id=revocation_id, action=action, from_status=before, to_status=to,
        who=who, why=why, at=at,
    )  # fmt: skip


async def _held(tx: Tx, registration_id: UUID) -> Registration:
    registration = await store.registration(tx, registration_id, lock=True)
    if registration is None:
        raise UnknownRegistration(registration_id=registration_id)
    return registration


async def _held_revocation(tx: Tx, revocation_id: UUID) -> tuple[Registration, Revocation]:
    held = await measures.lock_revocation(tx, revocation_id)
    if held is None:
        raise UnknownRevocation(revocation_id=revocation_id)
    return held


async def _existing(tx: Tx, revocation_id: UUID) -> Revocation:
    found = await measures.revocation(tx, revocation_id)
    if found is None:
        raise UnknownRevocation(revocation_id=revocation_id)
    return found
