"""The HTTP door of approval: parse, call, shape."""

from typing import Annotated, Final
from uuid import UUID

from fastapi import APIRouter, Query, Response

from approval.lifecycle import APPROVAL, Status
from approval.policy import ACTS, POLICY
from approval.service import apply as applying
from approval.service import decide, files, read
from approval.service import transfer as transferring
from approval.store import Approval
from shared.contracts.grounds import Names
from shared.contracts.http.approval import (
    Application,
    ApprovalView,
    Grant,
    HandedInView,
    NotRequired,
    Refusal,
    Renewal,
    RenewalRequest,
    RequirementView,
    Resubmission,
    Return,
    Transfer,
)
from shared.runtime.acts.runtime import Runtime
from shared.runtime.base.context import Caller
from shared.runtime.web.door import Rt, Who, etag, router
from shared.runtime.web.paging import Page, Paging, page_of

ROUTER: APIRouter = router(prefix="/approvals", tags=["approvals"])
COMPUTED: Final = frozenset({"allowed_actions", "requirements"})


@ROUTER.post("", status_code=201)
async def apply(rt: Rt, who: Who, body: Application, response: Response) -> ApprovalView:
    """Apply to an authority for prior approval of one service item of one site (P3.1.1). Its clock starts.

    Service items without a competent authority (`general`) answer 409 `approval_not_needed`: nobody would be there to
    decide, and the registry asks for no approval.
    """
    async with rt.db.transaction() as tx:
        approval = await applying.apply(tx, rt, who, body)
    response.headers["Location"] = f"/approvals/{approval.id}"
    return shown(rt, response, who, approval)


@ROUTER.get("")
async def page(
    rt: Rt, who: Who, paging: Paging, status: Annotated[Status | None, Query()] = None
) -> Page[ApprovalView]:
    """List approvals, newest first: an operator its own, an authority those of its items, level and province."""
    async with rt.db.transaction() as tx:
        approvals = await read.page(tx, rt, who, status, paging.after, paging.fetch)
    return page_of(approvals, paging, lambda each: view_of(rt, who, each), lambda each: each.id)


@ROUTER.get("/{approval_id}")
async def get(rt: Rt, who: Who, approval_id: UUID, response: Response) -> ApprovalView:
    """Read an approval with its clock and every decision on it."""
    async with rt.db.transaction() as tx:
        return shown(rt, response, who, await read.get(tx, rt, who, approval_id))


@ROUTER.post("/{approval_id}/return")
async def send_back(rt: Rt, who: Who, approval_id: UUID, body: Return, response: Response) -> ApprovalView:
    """Return it, once, with everything that is missing; the clock stands still (P3.1.2)."""
    async with rt.db.transaction() as tx:
        return shown(rt, response, who, await decide.send_back(tx, rt, who, approval_id, body))


@ROUTER.post("/{approval_id}/resubmission")
async def resubmit(rt: Rt, who: Who, approval_id: UUID, body: Resubmission, response: Response) -> ApprovalView:
    """Answer a return; the clock runs on."""
    async with rt.db.transaction() as tx:
        return shown(rt, response, who, await applying.resubmit(tx, rt, who, approval_id, body))


@ROUTER.post("/{approval_id}/transfer")
async def transfer(rt: Rt, who: Who, approval_id: UUID, body: Transfer, response: Response) -> ApprovalView:
    """Forward it to the authority that is competent. The clock goes on; the operator is told; nobody has it twice."""
    async with rt.db.transaction() as tx:
        return shown(rt, response, who, await transferring.transfer(tx, rt, who, approval_id, body))


@ROUTER.post("/{approval_id}/grant")
async def grant(rt: Rt, who: Who, approval_id: UUID, body: Grant, response: Response) -> ApprovalView:
    """Consent (P3.1.3). The approval gets the next number of its item, province and year; numbers have no gaps."""
    async with rt.db.transaction() as tx:
        return shown(rt, response, who, await decide.grant(tx, rt, who, approval_id, body))


@ROUTER.post("/{approval_id}/refusal")
async def refuse(rt: Rt, who: Who, approval_id: UUID, body: Refusal, response: Response) -> ApprovalView:
    """Refuse consent, with every reason at once (P3.1.3)."""
    async with rt.db.transaction() as tx:
        return shown(rt, response, who, await decide.refuse(tx, rt, who, approval_id, body))


@ROUTER.post("/{approval_id}/not-required")
async def find_not_required(rt: Rt, who: Who, approval_id: UUID, body: NotRequired, response: Response) -> ApprovalView:
    """Find that the service needs no approval; the operator may register without one (P3.1.3)."""
    async with rt.db.transaction() as tx:
        return shown(rt, response, who, await decide.find_not_required(tx, rt, who, approval_id, body))


@ROUTER.post("/{approval_id}/renewal-request")
async def ask_renewal(rt: Rt, who: Who, approval_id: UUID, body: RenewalRequest, response: Response) -> ApprovalView:
    """Ask for a later last day. The approval stays in force until that is decided."""
    async with rt.db.transaction() as tx:
        return shown(rt, response, who, await applying.ask_renewal(tx, rt, who, approval_id, body))


@ROUTER.post("/{approval_id}/renewal")
async def renew(rt: Rt, who: Who, approval_id: UUID, body: Renewal, response: Response) -> ApprovalView:
    """Renew: same number, same scope, a later last day."""
    async with rt.db.transaction() as tx:
        return shown(rt, response, who, await decide.renew(tx, rt, who, approval_id, body))


@ROUTER.post("/{approval_id}/renewal-refusal")
async def refuse_renewal(rt: Rt, who: Who, approval_id: UUID, body: Refusal, response: Response) -> ApprovalView:
    """Refuse to renew, with every reason at once. The approval stands until its present last day."""
    async with rt.db.transaction() as tx:
        return shown(rt, response, who, await decide.refuse_renewal(tx, rt, who, approval_id, body))


def view_of(rt: Runtime, who: Caller, approval: Approval) -> ApprovalView:
    """An approval as this caller sees it: everything about it, and what they can do with it."""
    fields = {name: getattr(approval, name) for name in ApprovalView.model_fields if name not in COMPUTED}
    allowed = POLICY.allowed(who, approval, APPROVAL.allowed(approval.status), ACTS)
    return ApprovalView.model_validate(
        {**fields, "requirements": _requirements(rt, approval), "allowed_actions": allowed}
    )


def shown(rt: Runtime, response: Response, who: Caller, approval: Approval) -> ApprovalView:
    """The answer of every verb: an approval with its version."""
    etag(response, approval.version)
    return view_of(rt, who, approval)


def _requirements(rt: Runtime, approval: Approval) -> list[RequirementView]:
    missing, found = set(files.missing_of(rt, approval)), []
    for code in files.requirements_of(rt, approval):
        row = rt.rules.requirements[code]
        filed = tuple(HandedInView.model_validate(each) for each in approval.files if each.requirement == code)
        names = Names(zh=row.chinese, en=row.english)
        found.append(RequirementView(code=code, names=names, missing=code in missing, files=filed))
    return found
