"""An appeal against a refusal was won, or not decided in time: what was refused is open again (model: appeals)."""

from typing import Final

from registry.lifecycle import Action, AmendmentAction, SiteAction
from registry.service import amendments, registrations
from registry.service.registrations import CLAIMED_BEYOND, CLOCKS
from registry.store import amendments as proposals
from registry.store import registrations as register
from registry.store import sites
from shared.contracts.grounds import ActRef
from shared.contracts.http.registry import MOST_SITES, RegistrationKind
from shared.runtime.acts import deadlines
from shared.runtime.acts.runtime import Runtime
from shared.runtime.base.context import Caller
from shared.runtime.db.postgres import Tx

SYSTEM: Final = Caller.system("registry")
WHY: Final = "The refusal fell on appeal: the application is decided anew."


async def reopen(tx: Tx, rt: Runtime, act: ActRef) -> None:
    """Put what was refused back on the desk, with a fresh clock. Nothing else of ours is an act of its own."""
    if act.kind == "refusal":
        await _registration(tx, rt, act)
    elif act.kind == "amendment":
        await _amendment(tx, rt, act)


async def _registration(tx: Tx, rt: Runtime, act: ActRef) -> None:
    owned, at = await register.hold(tx, act.id), rt.clock.now()
    if not register.MOVES.lifecycle.can(owned.registration.status, Action.REOPEN):
        return
    await register.MOVES.move(tx, owned.registration, Action.REOPEN, who=SYSTEM, why=WHY, at=at, refusal=None)
    clock = CLOCKS[RegistrationKind(owned.registration.kind)]
    due = await deadlines.start(tx, kind=registrations.DECISION, aggregate_id=act.id, clock_name=clock, rt=rt, at=at)
    for site in await sites.of_registration(tx, owned, MOST_SITES):
        names, accesses = await sites.given_back(tx, site.site.id)
        await sites.MOVES.move(tx, site.site, SiteAction.REOPEN, who=SYSTEM, why=WHY, at=at)
        # A name that somebody else was given meanwhile is not taken from them: the desk sees that it is missing.
        await sites.claim(
            tx, site.site.id, owned.operator.id, names, amendment_id=None, until=due.due_at + CLAIMED_BEYOND, at=at
        )
        for access in accesses:
            await sites.add_access(tx, site.site.id, owned.operator.id, access)


async def _amendment(tx: Tx, rt: Runtime, act: ActRef) -> None:
    amendment, at = await proposals.hold(tx, act.id), rt.clock.now()
    if not proposals.MOVES.lifecycle.can(amendment.status, AmendmentAction.REOPEN):
        return
    if amendment.site_id is not None and await proposals.pending(tx, amendment.site_id, amendment.operator_id):
        return  # the operator has proposed something else since; that one is being decided
    await proposals.MOVES.move(tx, amendment, AmendmentAction.REOPEN, who=SYSTEM, why=WHY, at=at, refusal=None)
    await deadlines.start(
        tx, kind=amendments.DECISION, aggregate_id=act.id, clock_name=CLOCKS[RegistrationKind.FILING], rt=rt, at=at
    )
