"""What a measure does to a site of the register, and what taking it off gives back: nobody else touches a burden."""

from collections.abc import Sequence
from datetime import datetime
from typing import Final

from registry.errors import (
    ItemStillApproved,
)
from registry.lifecycle import SiteAction, SiteStatus
from registry.service import admission, registrar, writing
from registry.service.admission import Candidate
from registry.service.desk import SYSTEM
from registry.store import accesses, copies, executions, sites
from registry.store.executions import Execution
from registry.store.registrations import Owned
from registry.store.sites import OwnedSite
from shared.rules import Effect
from shared.runtime.acts.runtime import Runtime
from shared.runtime.base.context import Caller
from shared.runtime.db.postgres import Tx

STOPS: Final = frozenset({Effect.SUSPEND_ACCESS, Effect.CUT_ACCESS})


async def lay_on(tx: Tx, rt: Runtime, who: Caller, execution: Execution, site: OwnedSite) -> None:
    """Carry a decision out on a site, beside whatever lies on it already. Raises ItemStillApproved (409)."""
    at, why = rt.clock.now(), execution.decision.grounds.reasons
    effect = Effect(execution.effect)
    if effect is Effect.END_ITEM:
        await _strike(tx, rt, who, execution, site)
    else:
        if site.site.status is SiteStatus.REVOKED:  # an earlier measure went further; this one is kept beside it
            await sites.MOVES.change(tx, site.site, "add_measure", who=who, why=why, at=at)
        else:
            action = SiteAction.REVOKE if effect is Effect.REVOKE else SiteAction.STOP
            await sites.MOVES.move(tx, site.site, action, who=who, why=why, at=at)
        await accesses.stop(tx, site.site.id)
    await writing.changed(tx, rt, site.site.id, cause=cause_of("execution", execution), at=at)
    told = {Effect.END_ITEM: "item_struck", Effect.REVOKE: "revoked"}.get(effect)
    if told is not None:
        owned = Owned(site.registration, site.operator)
        await registrar.tell(tx, rt, owned, told, ("execution", execution.id), site_id=site.site.id)


async def _strike(tx: Tx, rt: Runtime, who: Caller, execution: Execution, site: OwnedSite) -> None:
    """An item leaves the site, unless a live consent covers it still (P3.2.4)."""
    item, at = execution.service_item or "", rt.clock.now()
    live = await copies.live_approvals(tx, [site.operator.identity])
    as_it_is = Candidate(
        site.operator.identity, site.operator.id, site.region, site.level, admission.names_of(site.site.domains),
        site.site.service_items, (),
    )  # fmt: skip
    covering = admission.covering(live, as_it_is, item)
    if covering is not None:
        raise ItemStillApproved(number=covering.number or "", service_item=item)
    left = [each for each in site.site.service_items if each != item] or [rt.rules.unregulated_item]
    await sites.MOVES.change(
        tx, site.site, "end_item", who=who, why=execution.decision.grounds.reasons, at=at, service_items=left
    )


async def take_off(tx: Tx, rt: Runtime, execution: Execution, site: OwnedSite, because: str) -> None:
    """The site as it would be had this never been carried out: other measures that lie on it stay."""
    at, why = rt.clock.now(), f"What was carried out is undone: {because}."
    if execution.effect == Effect.END_ITEM:
        items = site.site.service_items
        # A site that was transferred never had the item with its new owner.
        mine = site.operator.id == execution.operator_id
        if mine and execution.service_item not in await executions.struck(tx, site.site.id, execution.id):
            items = _given_back(rt, execution, items)
        await sites.MOVES.change(tx, site.site, "give_item_back", who=SYSTEM, why=why, at=at, service_items=list(items))
    else:
        remaining = await executions.remaining(tx, site.site.id, execution.id)
        await _settle(tx, site, remaining, why, at)
    await writing.changed(tx, rt, site.site.id, cause=cause_of("undoing", execution), at=at)


def _given_back(rt: Runtime, execution: Execution, items: Sequence[str]) -> tuple[str, ...]:
    """The items with the struck one among them again; what was put in its place when none was left goes."""
    filler, before = rt.rules.unregulated_item, execution.items_before or ()
    kept = {item for item in items if item != filler or filler in before}
    return admission.in_order(rt.rules, kept | {execution.service_item or filler})


async def _settle(tx: Tx, site: OwnedSite, remaining: set[str], why: str, at: datetime) -> None:
    """Give a site the status that the measures left on it say."""
    if Effect.REVOKE in remaining:
        action = None if site.site.status is SiteStatus.REVOKED else SiteAction.REVOKE
    elif remaining & STOPS:
        action = SiteAction.STOP
    else:
        action = SiteAction.REINSTATE if site.site.status is SiteStatus.REVOKED else SiteAction.RESUME
        await accesses.resume(tx, site.site.id)
    if action is None:
        await sites.MOVES.change(tx, site.site, "keep_revoked", who=SYSTEM, why=why, at=at)
    else:
        await sites.MOVES.move(tx, site.site, action, who=SYSTEM, why=why, at=at)


def cause_of(kind: str, execution: Execution) -> dict[str, str]:
    """Why a version of the register is: an execution, or its undoing."""
    return {"kind": kind, "id": str(execution.id), "decision_id": str(execution.decision.decision_id)}
