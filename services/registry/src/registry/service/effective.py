"""Proposals that hold from a later day on: granted they wait, and what they rest on is asked again when it has come.

A measure on what it would change holds it back, and it goes on by itself when nothing lies there any more. What no
longer fits goes back to the desk with the grounds: nothing of it was done, and nobody has to ask for it anew.
"""

from typing import Any, Final
from uuid import UUID

from registry.errors import NotAdmitted, UnderMeasure
from registry.lifecycle import AmendmentAction
from registry.service import changes, diffs
from registry.service.desk import SYSTEM
from registry.service.proposing import day_begins, hold, start_clock, tell
from registry.store import amendments, sites
from registry.store import registrations as register
from registry.store.amendments import Amendment
from shared.contracts.grounds import Names, Statement
from shared.contracts.http.registry import RegistrationKind
from shared.contracts.quoting import quoting
from shared.runtime.acts import deadlines
from shared.runtime.acts.runtime import Runtime
from shared.runtime.base.context import Caller
from shared.runtime.base.problems import Conflict
from shared.runtime.db import at_commit
from shared.runtime.db.postgres import Tx

EFFECT: Final = "amendment_effect"
"""Kind of deadline: the day from which a granted proposal holds."""
_BASIS: Final = ("P3.1",)
_HOLDS: Final = Names(zh="变更生效通知书", en="A granted amendment holds from today")
_HELD: Final = Names(zh="变更暂缓生效通知书", en="A granted amendment is held back by a measure")
_RETURNED: Final = Names(zh="变更重新审查通知书", en="A granted amendment is decided anew")


def lies_ahead(rt: Runtime, amendment: Amendment) -> bool:
    """Whether the day from which a proposal shall hold is still to come."""
    return amendment.effective_from is not None and amendment.effective_from > rt.rules.day_of(rt.clock.now())


async def defer(tx: Tx, rt: Runtime, who: Caller, amendment: Amendment, why: str, decided: dict[str, Any]) -> Amendment:
    """Grant a held proposal for its day; a clock carries it out."""
    if amendment.effective_from is None:
        raise TypeError(f"amendment {amendment.id} names no day")
    at = rt.clock.now()
    deferred = await amendments.MOVES.move(
        tx, amendment, AmendmentAction.DEFER, who=who, why=why, at=at, decided=decided, returned=None,
        decided_by=who.person,
    )  # fmt: skip
    until = day_begins(rt, amendment.effective_from)
    await deadlines.start_until(tx, kind=EFFECT, aggregate_id=amendment.id, until=until, rt=rt, at=at)
    return deferred


async def take_effect(rt: Runtime, tx: Tx, amendment_id: UUID) -> None:
    """The day has come: it holds, is held back, or goes back to the desk."""
    amendment = await hold(tx, amendment_id)
    if not amendments.MOVES.lifecycle.can(amendment.status, AmendmentAction.TAKE_EFFECT):
        return
    why = "The day has come from which it holds."
    try:
        async with at_commit.part(tx):
            await changes.require(tx, rt, amendment)
            decided = await diffs.frozen(tx, rt, amendment)
            await changes.CARRY_OUT[amendment.kind](tx, rt, SYSTEM, amendment, why)
    except UnderMeasure as measure:
        await _hold_back(tx, rt, amendment, measure.detail)
        return
    except Conflict as obstacle:  # also one that only carrying it out met: nothing of it was done
        await _return(tx, rt, amendment, obstacle)
        return
    holding = await amendments.MOVES.move(
        tx, await amendments.get(tx, amendment_id), AmendmentAction.TAKE_EFFECT, who=SYSTEM, why=why,
        at=rt.clock.now(), decided=decided, held_at=None,
    )  # fmt: skip
    await tell(tx, rt, holding, "effective", _HOLDS, _says(why))


async def go_on(tx: Tx, rt: Runtime, site_id: UUID) -> None:
    """Something that lay on a held site is gone: what it held back is asked about again at once."""
    at = rt.clock.now()
    for amendment_id in await amendments.held_back(tx, site_id):
        await deadlines.start_until(tx, kind=EFFECT, aggregate_id=amendment_id, until=at, rt=rt, at=at)


async def _hold_back(tx: Tx, rt: Runtime, amendment: Amendment, why: str) -> None:
    if amendment.held_at is not None:
        return  # another measure lies there still; it was told
    at = rt.clock.now()
    held = await amendments.MOVES.change(tx, amendment, "hold_back", who=SYSTEM, why=why, at=at, held_at=at)
    await tell(tx, rt, held, "held_back", _HELD, _says(why))


async def _return(tx: Tx, rt: Runtime, amendment: Amendment, obstacle: Conflict) -> None:
    """It no longer fits: its operator and the regulator learn why, and the regulator's clock starts anew."""
    at = rt.clock.now()
    found = obstacle.extensions.get("grounds", []) if isinstance(obstacle, NotAdmitted) else []
    version = amendment.base_version
    if amendment.site_id is not None:
        version = (await sites.get(tx, amendment.site_id)).site.version
    returned = await amendments.MOVES.move(
        tx, amendment, AmendmentAction.RETURN, who=SYSTEM, why=obstacle.detail, at=at, decided=None, held_at=None,
        overdue_at=None, base_version=version,
        returned={"at": at.isoformat(), "why": obstacle.detail, "grounds": found},
    )  # fmt: skip
    kind: str = RegistrationKind.FILING
    if returned.registration_id is not None:
        kind = (await register.get(tx, returned.registration_id)).registration.kind
    await start_clock(tx, rt, returned, kind)
    await tell(
        tx, rt, returned, "returned", _RETURNED, _says(quoting("", " ".join([obstacle.detail, *_messages(found)])))
    )


def _messages(found: list[dict[str, str]]) -> list[str]:
    return [f"{ground['field']}: {ground['message']}." for ground in found]


def _says(why: str) -> Statement:
    return Statement(legal_basis=_BASIS, reasons=why, public_reasons=why)
