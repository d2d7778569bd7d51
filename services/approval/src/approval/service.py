"""The verbs of approval: each one transaction that authorises, moves, remembers why, and tells the others."""

from collections.abc import Callable
from datetime import datetime
from typing import Any, Final, TypeVar
from uuid import UUID

from approval import bodies, store
from approval.errors import (
    ApplicationPending,
    ApprovalNotNeeded,
    UnknownApplication,
    UnknownServiceItem,
    ValidityInPast,
)
from approval.lifecycle import APPLICATION, Action, Status
from approval.policy import POLICY, Act
from approval.store import Application, Approval, Decision, Desk, NewApplication
from shared.contracts.approval import (
    ApprovalCancelledV1,
    ApprovalGrantedV1,
    ApprovalNotRequiredV1,
    ApprovalRefusedV1,
)
from shared.rules import Level, Role
from shared.rules.identifiers import InvalidIdentifier, check_uscc, normalise_domain
from shared.runtime.acts import deadlines, history, outbox
from shared.runtime.acts.runtime import Runtime
from shared.runtime.base.context import Caller
from shared.runtime.base.ids import uuid7
from shared.runtime.base.problems import Invalid, TryAgain
from shared.runtime.db.postgres import Tx

DECISION_CLOCK: Final = "approval_decision"
"""Kind of the deadline. The service item names its clock in the rule profile: 20 working days so far."""
SYSTEM: Final = Caller.system("approval")

T = TypeVar("T")
Record = tuple[Application, list[Decision]]
"""An application with the decisions on it."""


async def apply(rt: Runtime, who: Caller, body: bodies.Application) -> Record:
    """File an application and start the authority's clock (P3.1.1).

    Raises Forbidden (403); UnknownServiceItem, Invalid (422); ApprovalNotNeeded, ApplicationPending (409).
    """
    async with rt.db.transaction() as tx:
        new = _received(rt, who, body)
        POLICY.require(who, Act.APPLY, new)
        await deadlines.start(
            tx, kind=DECISION_CLOCK, aggregate_id=new.id, clock_name=_clock(rt, new), rt=rt, at=new.submitted_at
        )
        filed = await store.add(tx, new)
        if filed is None:
            open_id = await store.pending(tx, new)
            if open_id is None:
                raise TryAgain(retry_after=1)  # it was decided this very moment
            raise ApplicationPending(service_item=new.service_item, domain=new.domain, application_id=str(open_id))
        _moved(tx, filed, None, "apply", who, "The operator applied for prior approval.")
        return filed, []


async def read(rt: Runtime, who: Caller, application_id: UUID) -> Record:
    """Read an application: its operator may, and its authority. Raises UnknownApplication (404), Forbidden (403)."""
    async with rt.db.connection() as tx:
        application = _known(await store.get(tx, application_id), application_id)
        POLICY.require(who, Act.READ_APPLICATION, application)
        return application, await store.decisions(tx, [application_id])


async def list_page(rt: Runtime, who: Caller, status: Status | None, after: UUID | None, limit: int) -> list[Record]:
    """List the applications on the caller's desk, newest first. Raises Forbidden."""
    POLICY.require(who, Act.LIST_APPLICATIONS)
    async with rt.db.connection() as tx:
        applications = await store.page(tx, _desk(who), status, after, limit)
        decisions = await store.decisions(tx, [application.id for application in applications])
    return [(each, [made for made in decisions if made.application_id == each.id]) for each in applications]


async def grant(rt: Runtime, who: Caller, application_id: UUID, body: bodies.Grant) -> Record:
    """Consent, and number the approval (P3.1.3).

    Raises UnknownApplication (404); Forbidden (403); ActionRefused (409); ValidityInPast (422).
    """
    async with rt.db.transaction() as tx:
        application = await _held(tx, who, Act.GRANT_APPLICATION, application_id)
        to, at = APPLICATION.after(application.status, Action.GRANT), rt.clock.now()
        if body.valid_until <= _local(rt, at).date():
            raise ValidityInPast.field("valid_until", "must be a day after today")
        approval = Approval(await _number(rt, tx, who.organisation, at), body.scope, body.valid_until)
        granted = store.move(tx, application, to, who.organisation, at, approval)
        made = await _remember(tx, application, granted, Action.GRANT, who, body)
        outbox.add(tx, _granted(granted, approval), at=at)
        return granted, made


async def refuse(rt: Runtime, who: Caller, application_id: UUID, body: bodies.Refusal) -> Record:
    """Refuse consent, with reasons and redress (P3.1.3).

    Raises UnknownApplication (404); Forbidden (403); ActionRefused (409).
    """
    async with rt.db.transaction() as tx:
        application = await _held(tx, who, Act.REFUSE_APPLICATION, application_id)
        to, at = APPLICATION.after(application.status, Action.REFUSE), rt.clock.now()
        refused = store.move(tx, application, to, who.organisation, at)
        made = await _remember(tx, application, refused, Action.REFUSE, who, body)
        outbox.add(tx, ApprovalRefusedV1(**_subject(refused), **dict(body)), at=at)
        return refused, made


async def find_not_required(rt: Runtime, who: Caller, application_id: UUID, body: bodies.NotRequired) -> Record:
    """Find that the service needs no approval: the operator may register without one (P3.1.3).

    Raises UnknownApplication (404); Forbidden (403); ActionRefused (409).
    """
    async with rt.db.transaction() as tx:
        application = await _held(tx, who, Act.FIND_NOT_REQUIRED, application_id)
        to, at = APPLICATION.after(application.status, Action.FIND_NOT_REQUIRED), rt.clock.now()
        found = store.move(tx, application, to, who.organisation, at)
        made = await _remember(tx, application, found, Action.FIND_NOT_REQUIRED, who, body)
        outbox.add(tx, ApprovalNotRequiredV1(**_subject(found), **dict(body)), at=at)
        return found, made


async def cancel(rt: Runtime, who: Caller, application_id: UUID, body: bodies.Cancellation) -> Record:
    """Take an approval back, on evidence and with redress (P3.2.4). The regulator amends the registration.

    Raises UnknownApplication (404); Forbidden (403); ActionRefused (409).
    """
    async with rt.db.transaction() as tx:
        application = await _held(tx, who, Act.CANCEL_APPROVAL, application_id)
        to, at = APPLICATION.after(application.status, Action.CANCEL), rt.clock.now()
        cancelled = store.move(tx, application, to, who.organisation, at)
        made = await _remember(tx, application, cancelled, Action.CANCEL, who, body)
        outbox.add(tx, ApprovalCancelledV1(**_subject(cancelled), **dict(body), number=cancelled.number or ""), at=at)
        return cancelled, made


async def mark_overdue(rt: Runtime, tx: Tx, application_id: UUID) -> None:
    """The clock ran out: mark the application for everyone to see. It stays open and can still be decided."""
    marked = await store.mark_overdue(tx, application_id, rt.clock.now())
    if marked is None:
        return
    source = rt.rules.clocks[_clock(rt, marked)].source
    why = f"The authority had until {marked.due_at.isoformat()} to decide ({source})."
    _moved(tx, marked, marked.status, "mark_overdue", SYSTEM, why)


def _received(rt: Runtime, who: Caller, body: bodies.Application) -> NewApplication:
    """Check what the rules can check, and make the row of a new application; its due date follows with the clock."""
    item = rt.rules.service_items.get(body.service_item)
    if item is None:
        raise UnknownServiceItem.field("service_item", f"must be one of {', '.join(rt.rules.service_items)}")
    if not item.approval_required:
        raise ApprovalNotNeeded(service_item=body.service_item)
    fields = dict(body)
    raw = fields.pop("domain")
    fields["operator_uscc"] = _checked("operator_uscc", check_uscc, body.operator_uscc)
    fields |= {"domain": _checked("domain", normalise_domain, raw).ascii, "domain_as_given": raw}
    return NewApplication(id=uuid7(), submitted_by=who.subject, submitted_at=rt.clock.now(), **fields)


def _clock(rt: Runtime, application: NewApplication) -> str:
    return rt.rules.service_items[application.service_item].clock or DECISION_CLOCK


def _checked(field: str, check: Callable[[str], T], raw: str) -> T:
    """What ``check`` makes of ``raw``, or the 422 that names the field."""
    try:
        return check(raw)
    except InvalidIdentifier as wrong:
        raise Invalid.field(field, wrong.message) from wrong


def _known(application: Application | None, application_id: UUID) -> Application:
    if application is None:
        raise UnknownApplication(application_id=application_id)
    return application


async def _held(tx: Tx, who: Caller, act: Act, application_id: UUID) -> Application:
    """The application, locked until the transaction ends, if ``who`` may do ``act`` to it."""
    application = _known(await store.lock(tx, application_id), application_id)
    POLICY.require(who, act, application)
    return application


def _local(rt: Runtime, at: datetime) -> datetime:
    """A time as the authority's calendar and wall clock show it."""
    return at.astimezone(rt.rules.time_zone)


async def _number(rt: Runtime, tx: Tx, authority: str, at: datetime) -> str:
    """The next approval number of this authority and year, e.g. culture-bj-2026-000001."""
    year = _local(rt, at).year
    return f"{authority}-{year}-{await store.next_serial(tx, authority, year):06}"


async def _remember(
    tx: Tx, before: Application, now: Application, action: Action, who: Caller, body: bodies.Decision
) -> list[Decision]:
    """Keep the decision and the trail of the move, and stop the authority's clock. Gives all decisions so far."""
    await store.add_decision(
        tx,
        Decision(
            id=uuid7(),
            application_id=now.id,
            action=action,
            authority=who.organisation,
            decided_by=who.subject,
            decided_at=now.changed_at,
            legal_basis=body.legal_basis,
            reasons=body.reasons,
            redress=getattr(body, "redress", None),
            evidence_hash=getattr(body, "evidence_hash", None),
        ),
    )
    _moved(tx, now, before.status, action, who, body.reasons)
    if before.status is Status.SUBMITTED:
        await deadlines.met(tx, DECISION_CLOCK, now.id, now.changed_at)
    return await store.decisions(tx, [now.id])


def _moved(tx: Tx, now: Application, before: Status | None, action: str, who: Caller, why: str) -> None:
    history.add(
        tx,
        aggregate=APPLICATION.aggregate,
        aggregate_id=now.id,
        action=action,
        from_status=before,
        to_status=now.status,
        who=who,
        why=why,
        at=now.changed_at,
    )


def _subject(application: Application) -> dict[str, Any]:
    """The fields that every fact about an application carries."""
    shared = ("authority", "operator_uscc", "service_item", "domain", "region", "level")
    return {"application_id": application.id} | {name: getattr(application, name) for name in shared}


def _granted(application: Application, approval: Approval) -> ApprovalGrantedV1:
    return ApprovalGrantedV1(
        **_subject(application),
        number=approval.number,
        scope_of_service=approval.scope,
        valid_until=approval.valid_until,
    )


def _desk(who: Caller) -> Desk:
    """What the caller sees in lists: an authority its categories and province, an operator its own."""
    if Role.SECTOR_REGULATOR not in who.roles:
        return Desk(operator_uscc=who.organisation)
    if who.level == Level.NATIONAL:
        return Desk(service_items=who.categories)
    return Desk(service_items=who.categories, region=who.region or "", level=Level.PROVINCE)
