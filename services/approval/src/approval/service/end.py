"""A decision in a case ends approvals (P3.2.4); an appeal brings them back exactly as they stood (docs/adr/0004)."""

from typing import Final
from uuid import UUID

from approval import store
from approval.lifecycle import APPROVAL, Action, Status
from approval.service import reopen, validity
from approval.service.act import SYSTEM, act, hold
from approval.store import APPROVALS, DECISION_CLOCK, Approval, Decision
from approval.store import ended as ended_items
from approval.store import paper as papers
from shared.contracts.enforcement import DecisionReleasedV1
from shared.contracts.grounds import AuthorityRef, Statement
from shared.rules.identifiers import normalise_domain
from shared.runtime.acts import deadlines
from shared.runtime.acts.runtime import Runtime
from shared.runtime.db.postgres import Tx

UNDO: Final = "undo"
"""What the history calls it when one of several decisions falls away."""


async def end(tx: Tx, rt: Runtime, fact: DecisionReleasedV1) -> None:
    """End the operator's approvals of the item for the decided site, put to the authority that decided.

    An approval covers the site if its domain is one of the site's names or lies above one. What was consented to after
    the decision is another matter. With one that ended or lapsed before, the decision is kept: while it stands, nothing
    else brings that back. The decision itself is kept, too: a consent that it ended may come on paper later.
    """
    if fact.operator is None or fact.service_item is None or fact.site is None:
        return  # about nobody who could have been approved
    domains = {name for host in fact.site.hosts for name in (host, *normalise_domain(host).above)}
    authority = fact.grounds.authority
    await ended_items.in_turn(tx, fact.operator.identity, fact.service_item)
    await ended_items.note(tx, fact, fact.operator, fact.service_item, domains)
    for approval_id in await store.covering(tx, fact.operator, fact.service_item, domains, authority):
        await _end(tx, rt, await hold(tx, approval_id), fact)


async def _end(tx: Tx, rt: Runtime, approval: Approval, fact: DecisionReleasedV1) -> None:
    at = rt.clock.now()
    granted = [each.grounds.made_at for each in approval.decisions if each.action is Action.GRANT]
    if fact.decision_id in {each.id for each in approval.decisions}:
        return
    day = validity.day_of(rt, fact.released_at)
    if any(made_at > fact.released_at for made_at in granted) and not await papers.is_from(tx, approval.id, day):
        return
    decision = Decision(fact.decision_id, approval.id, Action.END, fact.grounds)
    if APPROVAL.can(approval.status, Action.END):
        await deadlines.pause(tx, DECISION_CLOCK, approval.id, at, fact.grounds.reasons)
        await validity.stop(tx, approval.id, at)
        await act(
            tx, rt, SYSTEM, approval, Action.END, by=fact.grounds.authority, says=fact.grounds, at=at, decision=decision
        )
    elif approval.status in {Status.ENDED, Status.LAPSED}:
        await store.add_decision(tx, decision)
        await APPROVALS.change(tx, approval, Action.END, who=SYSTEM, why=fact.grounds.reasons, at=at)


async def reinstate(tx: Tx, rt: Runtime, decision_id: UUID, by: AuthorityRef, says: Statement) -> None:
    """A decision has no effect any more: unless another one stands, what it ended is back as it stood.

    A refused renewal whose refusal fell meanwhile is on the desk again.
    """
    await ended_items.fell(tx, decision_id, rt.clock.now())
    for approval_id in await store.decided_by(tx, decision_id):
        approval, at = await hold(tx, approval_id), rt.clock.now()
        if decision_id not in approval.ended_by:
            continue  # it fell before, or it is a decision of our own
        await store.undo(tx, decision_id, approval_id, at, says.reasons)
        last = approval.ended_by == {decision_id}
        if not last or approval.status is Status.LAPSED:
            after = await APPROVALS.change(tx, approval, UNDO, who=SYSTEM, why=says.reasons, at=at)
        elif approval.renewal_until is not None:
            await deadlines.resume(tx, DECISION_CLOCK, approval.id, at, rt=rt)
            await act(tx, rt, SYSTEM, approval, Action.REINSTATE_RENEWAL, by=by, says=says, at=at)
            continue
        else:
            after = await act(tx, rt, SYSTEM, approval, Action.REINSTATE, by=by, says=says, at=at)
        if last and (refusal := reopen.left_behind(after)) is not None:
            why = refusal.undone_why or says.reasons
            fell = Statement(legal_basis=says.legal_basis, reasons=why, public_reasons=why)
            await reopen.put_back(tx, rt, after, refusal, by, fell)
        elif after.status is Status.GRANTED:
            await validity.lapse_or_watch(tx, rt, after, at)
