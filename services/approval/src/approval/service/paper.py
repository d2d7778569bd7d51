"""Approvals that exist on paper: one officer enters what is printed, another compares it and thereby grants it here."""

from datetime import datetime, time
from uuid import UUID

from approval import store
from approval.errors import (
    ApprovalInForce,
    ApprovalNotNeeded,
    ApprovalPending,
    DecidedSince,
    EndedByDecision,
    PaperEntered,
    PaperOtherwise,
    UnknownPaper,
    UnknownServiceItem,
    ValidityOver,
    ValidityTooShort,
)
from approval.lifecycle import PAPER, PaperAction, Status
from approval.policy import POLICY, Act
from approval.service import barring, decide, validity
from approval.service.act import start_clock
from approval.store import APPROVALS, Approval, NewApproval
from approval.store import ended as ended_items
from approval.store import paper as papers
from approval.store.paper import PAPERS, Paper
from shared.contracts.grounds import Statement
from shared.contracts.http.paper import PaperConfirmation, PaperEntry, PaperStatus, PaperWithdrawal
from shared.rules.identifiers import InvalidIdentifier, normalise_domain, parse_text
from shared.runtime.acts import audit
from shared.runtime.acts.runtime import Runtime
from shared.runtime.base.context import Caller
from shared.runtime.base.ids import uuid7
from shared.runtime.base.problems import Invalid, TryAgain
from shared.runtime.db.postgres import Tx


async def enter(tx: Tx, rt: Runtime, who: Caller, body: PaperEntry) -> Paper:
    """Enter a paper approval of one's own authority. It counts for nothing until a second officer confirms it.

    Raises Forbidden (403); UnknownServiceItem, Invalid, ValidityTooShort, ValidityTooLong (422); ApprovalNotNeeded,
    ValidityOver, PaperEntered, ApprovalInForce, EndedByDecision, DecidedSince, OperatorBarred (409).
    """
    new = _entry(rt, who, body)
    POLICY.require(who, Act.ENTER_PAPER, new)
    _require_days(rt, new)
    await _require_free(tx, rt, new)
    entered = await papers.add(tx, new)
    if entered is None:
        known = await papers.same_number(tx, new)
        if known is None:
            raise TryAgain(retry_after=1)  # it was withdrawn this very moment
        raise PaperEntered(paper_number=new.paper_number, paper_id=str(known))
    PAPERS.began(tx, entered, "enter", who=who, why=body.reasons, at=new.entered_at)
    return entered


async def confirm(tx: Tx, rt: Runtime, who: Caller, paper_id: UUID, body: PaperConfirmation) -> Paper:
    """Confirm, as a second officer, the very entry one compared with the paper: the approval is granted here and now.

    Raises UnknownPaper (404), Forbidden (403); SecondPersonRequired, ActionRefused, PaperOtherwise, ValidityOver,
    ApprovalPending, ApprovalInForce, EndedByDecision, DecidedSince, OperatorBarred (409), IssuerHasNoKey (503).
    """
    paper, at = await _held(tx, paper_id), rt.clock.now()
    POLICY.require(who, Act.CONFIRM_PAPER, paper, drafted_by=paper.entered_by)
    PAPER.after(paper.status, PaperAction.CONFIRM)
    if (_key(body.paper_number), body.scan_sha256) != (paper.number_key, paper.scan_sha256):
        raise PaperOtherwise
    _require_days(rt, paper)
    filed = await _file(tx, rt, who, paper)
    why = f"Compared with the paper {paper.paper_number}, scan {paper.scan_sha256}."
    confirmed = await PAPERS.move(tx, paper, PaperAction.CONFIRM, who=who, why=why, at=at, approval_id=filed.id)
    await decide.grant_paper(tx, rt, who, filed, confirmed, at)  # its document says the number of the paper, too
    return confirmed


async def withdraw(tx: Tx, rt: Runtime, who: Caller, paper_id: UUID, body: PaperWithdrawal) -> Paper:
    """Withdraw an entry that nobody confirmed. Raises UnknownPaper (404), Forbidden (403), ActionRefused (409)."""
    paper = await _held(tx, paper_id)
    POLICY.require(who, Act.ENTER_PAPER, paper)
    return await PAPERS.move(tx, paper, PaperAction.WITHDRAW, who=who, why=body.reasons, at=rt.clock.now())


async def get(tx: Tx, rt: Runtime, who: Caller, paper_id: UUID) -> Paper:
    """Read an entry. Raises UnknownPaper (404), Forbidden (403)."""
    paper = await papers.get(tx, paper_id)
    if paper is None:
        raise UnknownPaper(paper_id=paper_id)
    POLICY.require(who, Act.READ_PAPER, paper)
    await _looked(tx, rt, who, f"paper-approvals/{paper_id}")
    return paper


async def page(tx: Tx, rt: Runtime, who: Caller, after: UUID | None, limit: int) -> list[Paper]:
    """The entries of one's desk, newest first. Raises RoleMissing (403)."""
    found = await papers.page(tx, POLICY.reach(who, Act.READ_PAPER), after, limit)
    await _looked(tx, rt, who, "paper-approvals")
    return found


async def _looked(tx: Tx, rt: Runtime, who: Caller, resource: str) -> None:
    await audit.record(tx, who=who, act=Act.READ_PAPER, resource=resource, outcome="granted", at=rt.clock.now())


async def _held(tx: Tx, paper_id: UUID) -> Paper:
    paper = await papers.get(tx, paper_id, hold=True)
    if paper is None:
        raise UnknownPaper(paper_id=paper_id)
    return paper


async def _file(tx: Tx, rt: Runtime, who: Caller, paper: Paper) -> Approval:
    """What the paper says, to be granted: as any approval, with our next number, its facts, notice and document."""
    at = rt.clock.now()
    new = NewApproval(
        id=uuid7(), operator=paper.operator, service_item=paper.service_item, domain=paper.domain,
        domain_as_given=paper.domain_as_given, scope_of_service=paper.scope, level=paper.level, region=paper.region,
        email=None, submitted_at=at,
    )  # fmt: skip
    await store.one_question(tx, new)
    await _require_free(tx, rt, paper)
    await start_clock(tx, rt, new, at)
    filed = await store.add(tx, new)
    if filed is None:
        pending = await store.pending(tx, new)
        raise ApprovalPending(service_item=new.service_item, domain=new.domain, approval_id=str(pending))
    APPROVALS.began(tx, filed, "enter_paper", who=who, why=f"On paper: {paper.paper_number}", at=at)
    return filed


async def _require_free(tx: Tx, rt: Runtime, paper: Paper) -> None:
    """No second approval of the same; and paper is no way round the barred list, nor round a decision in a case.

    Whoever is listed waits until the bar is over, however old the paper: what is not in the system counts for nothing
    here yet, so nothing is taken by that. A consent of the day of the decision, or before, is what the decision ended.
    """
    await barring.require_none(tx, rt, paper.operator.identity)
    await ended_items.in_turn(tx, paper.operator.identity, paper.service_item)
    beside = await papers.beside(tx, paper)
    if beside is not None:
        approval_id, status = beside
        refused = EndedByDecision if status is Status.ENDED else ApprovalInForce
        raise refused(approval_id=str(approval_id))
    since = datetime.combine(paper.valid_from, time(), rt.rules.time_zone)
    decided = await ended_items.standing(tx, paper, since)
    if decided is not None:
        decision_id, released_at = decided
        raise DecidedSince(decision_id=str(decision_id), released_on=validity.day_of(rt, released_at))


def _require_days(rt: Runtime, paper: Paper) -> None:
    at = rt.clock.now()
    if validity.is_over(rt, paper.valid_until, at):
        raise ValidityOver(valid_until=paper.valid_until)
    if paper.valid_from > validity.day_of(rt, at):
        raise ValidityTooShort.field("valid_from", "is a day that has come")
    validity.require_allowed(rt, paper.valid_until, at)


def _key(number: str) -> str:
    try:
        return parse_text(number).key
    except InvalidIdentifier as wrong:
        raise Invalid.field("paper_number", wrong.message) from wrong


def _entry(rt: Runtime, who: Caller, body: PaperEntry) -> Paper:
    item = rt.rules.service_items.get(body.service_item)
    if item is None:
        raise UnknownServiceItem.field("service_item", f"is none of: {', '.join(rt.rules.service_items)}")
    if not item.approval_required:
        raise ApprovalNotNeeded(service_item=item.code)
    try:
        domain = normalise_domain(body.domain).ascii
    except InvalidIdentifier as wrong:
        raise Invalid.field("domain", wrong.message) from wrong
    at = rt.clock.now()
    return Paper(
        id=uuid7(), version=1, status=PaperStatus.ENTERED, paper_number=body.paper_number,
        number_key=_key(body.paper_number), operator=body.operator, service_item=item.code, domain=domain,
        domain_as_given=body.domain, scope=body.scope, level=str(who.level or "national"), region=who.region,
        valid_from=body.valid_from, valid_until=body.valid_until, scan_sha256=body.scan_sha256,
        statement=Statement(**body.model_dump(include=set(Statement.model_fields))), entered_by=who.person,
        entered_at=at, changed_at=at, approval_id=None,
    )  # fmt: skip
