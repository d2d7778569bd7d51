"""Restore everywhere: a reinstated registration takes back every cut-off, exactly as it was before (safeguard 7)."""

from access_control import document
from access_control.lifecycle import LIFECYCLE, OPEN, Move, Status
from access_control.service import trail
from access_control.service.release import EXECUTION, SYSTEM, release
from access_control.service.withdraw import take_back
from access_control.store import orders
from access_control.store.orders import AccessOrder, Draft
from shared.contracts.orders import Action
from shared.contracts.registry import RegistrationReinstatedV1
from shared.runtime.acts import deadlines
from shared.runtime.acts.runtime import Runtime
from shared.runtime.base.context import EventMeta
from shared.runtime.base.ids import uuid7
from shared.runtime.db.postgres import Tx

WHY = "The registration was reinstated."


async def restore_everywhere(rt: Runtime, tx: Tx, fact: RegistrationReinstatedV1, meta: EventMeta) -> None:
    """Withdraw what never went out; answer everything that did with a restore order, at once and without a window.

    A cut-off that its provider has not confirmed is restored too: the provider may have acted already.
    """
    cut_offs = await orders.lock_cut_offs(tx, fact.registration_id, fact.revocation_id)
    for cut_off in sorted(cut_offs, key=lambda order: (order.provider_id, order.site_id)):
        if cut_off.status == Status.DRAFTED:
            await take_back(rt, tx, cut_off, who=SYSTEM, why=WHY)
        elif cut_off.sequence is not None and cut_off.undone_by is None:
            await _restore(rt, tx, fact, cut_off)


async def _restore(rt: Runtime, tx: Tx, fact: RegistrationReinstatedV1, cut_off: AccessOrder) -> None:
    now = rt.clock.now()
    drafted = await orders.draft(
        tx,
        Draft(
            id=uuid7(),
            provider_id=cut_off.provider_id,
            site_id=cut_off.site_id,
            registration_id=cut_off.registration_id,
            revocation_id=cut_off.revocation_id,
            decision_id=fact.decision_id,
            action=Action.RESTORE,
            content=document.restore(cut_off.content, fact),
            drafted_at=now,
            release_at=now,
            undoes=cut_off.id,
        ),
    )
    if drafted is None:
        return
    trail.moved(rt, tx, drafted, "draft", before=None, who=SYSTEM, why=WHY)
    await orders.undo(tx, cut_off.id, by=drafted.id)
    if cut_off.status in OPEN:
        await _supersede(rt, tx, cut_off)
    await release(rt, tx, drafted, why=WHY)


async def _supersede(rt: Runtime, tx: Tx, cut_off: AccessOrder) -> None:
    now = rt.clock.now()
    after = LIFECYCLE.after(cut_off.status, Move.SUPERSEDE)
    superseded = orders.move(tx, cut_off, after, now)
    trail.moved(rt, tx, superseded, Move.SUPERSEDE, before=cut_off.status, who=SYSTEM, why=WHY)
    await deadlines.met(tx, kind=EXECUTION, aggregate_id=cut_off.id, at=now)
