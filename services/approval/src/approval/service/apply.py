"""What an operator asks: to be approved (P3.1.1), what it answers to a return, and to be renewed."""

from typing import Final
from uuid import UUID

from approval import store
from approval.errors import (
    ApprovalNotNeeded,
    ApprovalPending,
    UnknownProvince,
    UnknownServiceItem,
    ValidityOver,
    ValidityTooShort,
)
from approval.lifecycle import APPROVAL, Action
from approval.policy import POLICY, Act
from approval.service import barring, validity
from approval.service.act import act, held, start_clock
from approval.store import APPROVALS, DECISION_CLOCK, Approval, NewApproval
from shared.contracts.http.approval import Application, RenewalRequest, Resubmission
from shared.rules.identifiers import InvalidIdentifier, normalise_domain
from shared.runtime.acts import deadlines
from shared.runtime.acts.runtime import Runtime
from shared.runtime.base.context import Caller
from shared.runtime.base.ids import uuid7
from shared.runtime.base.problems import Invalid, TryAgain
from shared.runtime.db.postgres import Tx

APPLY: Final = "apply"
"""What the history calls the beginning."""


async def apply(tx: Tx, rt: Runtime, who: Caller, body: Application) -> Approval:
    """File an application with the authority of a level and province, and start its clock (P3.1.1).

    Raises Forbidden (403); UnknownServiceItem, UnknownProvince, Invalid (422); ApprovalNotNeeded, AuthorityMissing,
    OperatorBarred, ApprovalPending (409).
    """
    new = _received(rt, who, body)
    POLICY.require(who, Act.APPLY, new)
    await barring.require_none(tx, rt, new.operator.identity)
    await store.one_question(tx, new)
    await start_clock(tx, rt, new, new.submitted_at)
    filed = await store.add(tx, new)
    if filed is None:
        open_id = await store.pending(tx, new)
        if open_id is None:
            raise TryAgain(retry_after=1)  # it was decided this very moment
        raise ApprovalPending(service_item=new.service_item, domain=new.domain, approval_id=str(open_id))
    why = "The operator applied for prior approval."
    APPROVALS.began(tx, filed, APPLY, who=who, why=why, at=new.submitted_at)
    return filed


async def resubmit(tx: Tx, rt: Runtime, who: Caller, approval_id: UUID, body: Resubmission) -> Approval:
    """Answer a return; the authority's clock runs on. Raises UnknownApproval (404), Forbidden (403), ActionRefused."""
    approval, at = await held(tx, who, Action.RESUBMIT, approval_id), rt.clock.now()
    await deadlines.resume(tx, DECISION_CLOCK, approval.id, at, rt=rt)
    scope = body.scope_of_service or approval.scope_of_service
    return await act(
        tx, rt, who, approval, Action.RESUBMIT, by=None, why=body.answer, at=at, answer=body.answer,
        scope_of_service=scope,
    )  # fmt: skip


async def ask_renewal(tx: Tx, rt: Runtime, who: Caller, approval_id: UUID, body: RenewalRequest) -> Approval:
    """Ask for a later last day, before the present one is over (ALL §50). The approval stays in force until decided.

    Raises UnknownApproval (404), Forbidden (403), ActionRefused, ValidityOver (409), ValidityTooShort (422).
    """
    approval, at = await held(tx, who, Action.ASK_RENEWAL, approval_id), rt.clock.now()
    APPROVAL.after(approval.status, Action.ASK_RENEWAL)
    last_day = validity.last_day_of(approval)
    if validity.is_over(rt, last_day, at):
        raise ValidityOver(valid_until=last_day)
    if body.valid_until <= last_day:
        raise ValidityTooShort.field("valid_until", f"must be later than {last_day}")
    await start_clock(tx, rt, approval, at)
    return await act(
        tx,
        rt,
        who,
        approval,
        Action.ASK_RENEWAL,
        by=None,
        why=body.reasons,
        at=at,
        renewal_until=body.valid_until,
        overdue_at=None,
    )


def _received(rt: Runtime, who: Caller, body: Application) -> NewApproval:
    """The application as it is filed. Raises the 422s and 409s of ``apply`` that need no database."""
    item = rt.rules.service_items.get(body.service_item)
    if item is None:
        raise UnknownServiceItem.field("service_item", f"is none of: {', '.join(rt.rules.service_items)}")
    if body.region is not None and body.region not in rt.rules.provinces:
        raise UnknownProvince.field("region", f"{body.region} is no province by GB/T 2260")
    if not item.approval_required:
        raise ApprovalNotNeeded(service_item=item.code)
    rt.directory.competent(item.code, body.level, body.region)  # somebody must be there to decide
    try:
        domain = normalise_domain(body.domain).ascii
    except InvalidIdentifier as wrong:
        raise Invalid.field("domain", wrong.message) from wrong
    return NewApproval(
        id=uuid7(),
        operator=body.operator,
        service_item=item.code,
        domain=domain,
        domain_as_given=body.domain,
        scope_of_service=body.scope_of_service,
        level=body.level,
        region=body.region,
        email=body.email,
        submitted_at=rt.clock.now(),
    )
