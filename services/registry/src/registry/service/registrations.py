"""Registrations: submitted, then granted with a number or refused with reasons (P3.1.4-5)."""

from datetime import datetime
from typing import Any
from uuid import UUID

from registry.bodies import Grant, NewRegistration, NewSite, Refusal, RegistrationKind
from registry.errors import UnknownOperator, UnknownRegistration
from registry.lifecycle import REGISTRATION, Action, Status
from registry.policy import OFFICIALS, POLICY, Act
from registry.records import operator_record, site_record, site_recorded
from registry.service import checks
from registry.store import register as store
from registry.store.register import Operator, Registration, Site
from shared.contracts.registry import RegistrationGrantedV1, RegistrationRefusedV1
from shared.rules import Level
from shared.rules.identifiers import format_number
from shared.runtime.acts import deadlines, history, outbox
from shared.runtime.acts.runtime import Runtime
from shared.runtime.base.context import Caller
from shared.runtime.base.ids import uuid7
from shared.runtime.db.postgres import Tx
from shared.runtime.web.paging import PageQuery

CLOCKS = {RegistrationKind.FILING: "registration_filing", RegistrationKind.LICENCE: "registration_licence"}
DEADLINE = "registration_decision"
Full = tuple[Registration, list[Site]]


async def submit(rt: Runtime, who: Caller, body: NewRegistration) -> Full:
    """Ask for a registration; the regulator's clock starts.

    Raises UnknownOperator, UnknownProvider, DomainTaken, AddressTaken, ApprovalMissing, InvalidValues.
    """
    registration_id, now = uuid7(), rt.clock.now()
    async with rt.db.transaction() as tx:
        row = await tx.fetchrow(store.GET_OPERATOR, body.operator_id)
        if row is None:
            raise UnknownOperator(operator_id=body.operator_id)
        operator = store.operator_of(row)
        POLICY.require(who, Act.SUBMIT, operator)
        await tx.execute(
            store.INSERT_REGISTRATION, registration_id, operator.id, body.kind, body.level, operator.region, now
        )
        for ordinal, site in enumerate(body.sites, 1):
            await _add_site(rt, tx, operator, registration_id, ordinal, site)
        history.add(
            tx, aggregate="registration", aggregate_id=registration_id, action="submit", from_status=None,
            to_status=Status.SUBMITTED, who=who, why="Submitted by or for the operator", at=now,
        )  # fmt: skip
        await deadlines.start(
            tx, kind=DEADLINE, aggregate_id=registration_id, clock_name=CLOCKS[body.kind], rt=rt, at=now
        )
        return await full(tx, registration_id)


async def _add_site(
    rt: Runtime, tx: Tx, operator: Operator, registration_id: UUID, ordinal: int, site: NewSite
) -> None:
    where, site_id = f"sites.{ordinal - 1}.", uuid7()
    domains = checks.domains_of(site, where)
    items = checks.service_items_of(rt, site, where)
    await checks.require_approvals(rt, tx, operator, items, [domain.ascii for domain in domains])
    accesses = await checks.accesses_of(tx, operator, site, where)
    await tx.execute(store.INSERT_SITE, site_id, registration_id, ordinal, site.name, list(items), rt.clock.now())
    await checks.write_parts(tx, operator, site_id, domains, accesses)


async def full(tx: Tx, registration_id: UUID, *, lock: bool = False) -> Full:
    """A registration with its sites. Raises UnknownRegistration."""
    registration = await store.registration(tx, registration_id, lock=lock)
    if registration is None:
        raise UnknownRegistration(registration_id=registration_id)
    return registration, await store.sites(tx, registration_id)


async def get(rt: Runtime, who: Caller, registration_id: UUID) -> Full:
    """One registration. Raises UnknownRegistration."""
    async with rt.db.connection() as tx:
        registration, sites = await full(tx, registration_id)
    POLICY.require(who, Act.READ, registration)
    return registration, sites


async def page(
    rt: Runtime, who: Caller, query: PageQuery, *, number: str | None, operator_id: UUID | None, status: Status | None
) -> list[Registration]:
    """Registrations the caller may see, newest first."""
    region = who.region if who.level is Level.PROVINCE else None
    own = who.organisation if not who.roles & OFFICIALS else None
    async with rt.db.connection() as tx:
        rows = await tx.fetch(
            store.LIST_REGISTRATIONS,
            query.after,
            query.fetch,
            number,
            operator_id,
            status,
            None if own else region,
            own,
        )
    return [store.registration_of(row) for row in rows]


async def grant(rt: Runtime, who: Caller, registration_id: UUID, body: Grant) -> Full:
    """Enter a registration in the register and give it the next number of its province (P3.1.5).

    Approvals are checked again: one may have been cancelled since. Raises ActionRefused, ApprovalMissing.
    """
    now = rt.clock.now()
    async with rt.db.transaction() as tx:
        before, sites = await full(tx, registration_id, lock=True)
        POLICY.require(who, Act.GRANT, before)
        to = REGISTRATION.after(before.status, Action.GRANT)
        for site in sites:
            await checks.require_approvals(rt, tx, before.operator, site.service_items, site.domains)
        number = await _next_number(rt, tx, before)
        after = move(tx, before, Action.GRANT, to, who, body.reasons, now, number=number)
        await deadlines.met(tx, DEADLINE, registration_id, now)
        granted = RegistrationGrantedV1(
            registration_id=after.id, region=after.region, level=after.level, number=number, kind=after.kind,
            operator=operator_record(after.operator), sites=tuple(site_record(number, to, site) for site in sites),
        )  # fmt: skip
        outbox.add(tx, granted, *(site_recorded(after, site, changed_at=now) for site in sites), at=now)
        return after, sites


async def refuse(rt: Runtime, who: Caller, registration_id: UUID, body: Refusal) -> Full:
    """Refuse a registration with written reasons; its domains are free again (O33 section 12). Raises ActionRefused."""
    now = rt.clock.now()
    async with rt.db.transaction() as tx:
        before, _ = await full(tx, registration_id, lock=True)
        POLICY.require(who, Act.REFUSE, before)
        to = REGISTRATION.after(before.status, Action.REFUSE)
        after = move(tx, before, Action.REFUSE, to, who, body.reasons, now, refusal=body.model_dump(mode="json"))
        await tx.execute(store.RELEASE_DEDICATED, registration_id)
        await tx.execute(store.RELEASE_DOMAINS, registration_id)
        await deadlines.met(tx, DEADLINE, registration_id, now)
        refused = RegistrationRefusedV1(
            registration_id=before.id, region=before.region, level=before.level,
            legal_basis=body.legal_basis, reasons=body.reasons, redress=body.redress,
        )  # fmt: skip
        outbox.add(tx, refused, at=now)
        return after, await store.sites(tx, registration_id)


async def mark_overdue(rt: Runtime, tx: Tx, registration_id: UUID) -> None:
    """The regulator's clock ran out; the registration shows it until it is decided."""
    await tx.execute(store.MARK_OVERDUE, registration_id, rt.clock.now())


async def _next_number(rt: Runtime, tx: Tx, registration: Registration) -> str:
    serial = await tx.fetchval(store.NEXT_NUMBER, registration.region, registration.kind, 1)
    return format_number(rt.rules.provinces[registration.region].short, registration.kind, serial)


def move(
    tx: Tx, before: Registration, action: Action, to: Status, who: Caller, why: str, at: datetime, **columns: Any
) -> Registration:
    """Move a locked registration, with its history row."""
    after = store.move(tx, before, to=to, at=at, **columns)
    history.add(
        tx, aggregate="registration", aggregate_id=before.id, action=action, from_status=before.status,
        to_status=to, who=who, why=why, at=at,
    )  # fmt: skip
    return after
