"""What the register carried out becomes orders to whoever hosts the site, and what is undone is given back (P3.2.3)."""

from typing import Any, Final

from access_control import told
from access_control.errors import NotHosted, Unsigned
from access_control.lifecycle import HELD_BACK, OPEN, Move, Status
from access_control.service.sending import (
    EXECUTION,
    LAPSE,
    SYSTEM,
    draft,
    send_restore,
    settle_emergencies,
    take_back,
    tell,
)
from access_control.store import emergencies, executions, orders, providers
from access_control.store.orders import AccessOrder, Draft, Turn
from access_control.store.providers import Provider
from shared.contracts import ordering
from shared.contracts.grounds import AuthorityRef, Statement
from shared.contracts.orders import Action
from shared.contracts.registry import ExecutionCarriedOutV1, ExecutionUndoneV1
from shared.runtime.acts import deadlines
from shared.runtime.acts.documents import IssuerHasNoKey
from shared.runtime.acts.issuers import issuer_for
from shared.runtime.acts.runtime import Runtime
from shared.runtime.base.ids import uuid7
from shared.runtime.db.postgres import Tx

WHY: Final = "The register carried out a decision about this site."


async def carried_out(tx: Tx, rt: Runtime, fact: ExecutionCarriedOutV1) -> None:
    """Draft one order per provider that hosts the site, once, however often the fact comes. Raises NotHosted.

    Where the fact that undoes it was heard first, nothing is ordered. Raises Unsigned: this execution alone waits.
    """
    measure = ordering.measure(fact.effect, fact.subject, fact.site, fact.until)
    if measure is None:
        return
    known = await executions.note_carried_out(tx, fact, rt.clock.now())
    if known.undone is not None:
        return
    hosts = await providers.get_many(tx, measure.sites.keys())
    if missing := measure.sites.keys() - hosts.keys():
        raise NotHosted(f"no such provider: {', '.join(map(str, sorted(missing)))}")
    for provider_id in sorted(hosts.keys() | await emergencies.providers_of_decision(tx, fact.decision_id)):
        if provider_id in hosts:
            await _order(tx, rt, fact, measure, hosts[provider_id])
        # What it spares waits for no order, nor does what is at a provider that hosts the site no more.
        await settle_emergencies(tx, rt, fact.decision_id, provider_id)


async def _order(
    tx: Tx, rt: Runtime, fact: ExecutionCarriedOutV1, measure: ordering.Measure, provider: Provider
) -> None:
    issuer = issuer_for(rt, provider, fact.regulator)
    content = told.burden(fact, measure.sites[provider.id], issuer, rt.settings.public_url)
    turn = Turn(fact.decided_at or fact.grounds.made_at, urgent=fact.urgent_ground is not None)
    try:
        await draft(
            tx, rt, provider, content, decision_id=fact.decision_id, action=measure.action, until=measure.until,
            turn=turn, who=SYSTEM, why=WHY,
        )  # fmt: skip
    except IssuerHasNoKey as missing:  # would be waited for, and whatever is heard after it with it
        raise Unsigned(str(missing)) from None


async def undone(tx: Tx, rt: Runtime, fact: ExecutionUndoneV1) -> None:
    """Withdraw what never went out; answer everything that did with a restore, at once, without a window.

    An order that its provider has not confirmed is restored too: the provider may have acted already.
    """
    if fact.effect not in ordering.ACTIONS:
        return
    await executions.note_undone(tx, fact, rt.clock.now())
    burdens = await orders.hold_burdens(tx, fact.execution_id)
    for burden in sorted(burdens, key=lambda order: order.provider_id):
        if burden.status in HELD_BACK:
            await take_back(tx, rt, burden, who=SYSTEM, why=fact.statement.public_reasons)
        elif burden.sequence is not None and burden.undone_by is None:
            await give_back(tx, rt, burden, fact.authority, fact.statement)
    for provider_id in sorted(await emergencies.providers_of_decision(tx, fact.decision_id)):
        await settle_emergencies(tx, rt, fact.decision_id, provider_id)  # also where no order came of it


async def give_back(
    tx: Tx, rt: Runtime, burden: AccessOrder, authority: AuthorityRef, statement: Statement
) -> AccessOrder:
    """Answer a held order that went out with its restore, at once; gives the order as it is then.

    What its provider had begun by itself, and it alone carried on, ends with it by a restore of its own.
    """
    restore = await draft_restore(tx, rt, burden, authority, statement)
    closed = await _close(tx, rt, burden, restore, statement.public_reasons)
    await send_restore(tx, rt, restore, why=statement.public_reasons)
    await settle_emergencies(tx, rt, burden.decision_id, burden.provider_id)
    return closed


async def draft_restore(
    tx: Tx, rt: Runtime, burden: AccessOrder, authority: AuthorityRef, statement: Statement
) -> AccessOrder:
    """Write the order that takes a held one back: the same site, by the same issuer."""
    at = rt.clock.now()
    content = told.restore(await orders.content(tx, burden.id), burden.execution_id, authority, statement)
    restore = await orders.draft(tx, Draft(
        id=uuid7(), status=Status.DRAFTED, execution_id=burden.execution_id, decision_id=burden.decision_id,
        provider_id=burden.provider_id, action=Action.RESTORE, attempt=burden.attempt, content=content,
        regions={*burden.regions, *([authority.region] if authority.region else [])}, drafted_at=at,
        supervisor_id=burden.supervisor_id, release_at=at, undoes=burden.id, trial=burden.trial,
    ))  # fmt: skip
    assert restore is not None, "an order is undone once: its row is held"
    orders.MOVES.began(tx, restore, "draft", who=SYSTEM, why=statement.public_reasons, at=at)
    return restore


async def _close(tx: Tx, rt: Runtime, burden: AccessOrder, restore: AccessOrder, why: str) -> AccessOrder:
    at, changes = rt.clock.now(), dict[str, Any](undone_by=restore.id)
    await deadlines.met(tx, LAPSE, burden.id, at)
    if burden.status in OPEN:
        superseded = await orders.MOVES.move(tx, burden, Move.SUPERSEDE, who=SYSTEM, why=why, at=at, **changes)
        await deadlines.met(tx, EXECUTION, burden.id, at)
        tell(tx, superseded, told.withdrawn(superseded, why), at)
        return superseded
    return await orders.MOVES.change(tx, burden, "restore", who=SYSTEM, why=why, at=at, **changes)
