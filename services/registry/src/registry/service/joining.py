"""What a merger does to the register, and what undoing it gives back: exactly what it moved.

Bars, measures and decisions on a desk follow the operator that stays; nothing that lies on somebody ends by a merger,
and nothing is laid on anybody by it but what lies on that same operator already.
"""

from collections.abc import Collection, Iterable
from typing import Any
from uuid import UUID

from registry.errors import TooManySites
from registry.lifecycle import Action, SiteStatus, Status
from registry.service import bars, registrations, writing
from registry.service.measures import SYSTEM
from registry.store import mergers, operators, sites, successions
from registry.store import registrations as register
from registry.store.mergers import Merger
from registry.store.registrations import Registration
from shared.contracts.http.registry import MOST_SITES, RegistrationKind
from shared.runtime.acts.runtime import Runtime
from shared.runtime.base.context import Caller
from shared.runtime.db.postgres import Tx


async def both_filed(tx: Tx, survivor_id: UUID, of_merged: Iterable[Registration]) -> dict[UUID, Registration]:
    """Filings of the one whose province the other has a filing in too, with that: an operator has one in a province."""
    pairs = {}
    for each in of_merged:
        if each.kind == RegistrationKind.FILING and each.status is Status.ACTIVE:
            there = await register.filing_in(tx, survivor_id, each.region)
            if there is not None:
                pairs[each.id] = there
    return pairs


async def join(tx: Tx, rt: Runtime, who: Caller, merger: Merger, why: str) -> dict[str, Any]:
    """Everything of the one is the other's from now on; gives what moved. Both are held. Raises TooManySites."""
    at, cause = rt.clock.now(), {"kind": "merger", "id": str(merger.id)}
    of_merged = await mergers.registrations_of(tx, merger.merged_id)
    pairs = await both_filed(tx, merger.survivor_id, of_merged)
    renumbered: list[dict[str, Any]] = []
    for filing in of_merged:
        if filing.id in pairs:
            renumbered += await _under(tx, filing, pairs[filing.id])
            await successions.add(tx, filing.id, pairs[filing.id].id, cause, at)
            await register.MOVES.move(tx, filing, Action.END, who=who, why=why, at=at)
    touched = {UUID(each["site"]) for each in renumbered}
    touched.update(await mergers.sites_of(tx, [each.id for each in of_merged]))
    moved: dict[str, Any] = await mergers.give(tx, merger.merged_id, merger.survivor_id, sorted(touched))
    await _tell(tx, rt, who, touched, "merge", why, cause)
    await bars.follow(tx, rt, await operators.get(tx, merger.survivor_id))
    return {**moved, "renumbered": renumbered}


async def _under(tx: Tx, filing: Registration, there: Registration) -> list[dict[str, Any]]:
    """The sites of a filing under another number; gives where each was."""
    known = await sites.many(tx, await mergers.sites_of(tx, [filing.id]))
    moving = sorted(
        (site for site in known.values() if site.status is not SiteStatus.ENDED), key=lambda site: site.ordinal
    )
    if not moving:
        return []
    last = await register.next_ordinals(tx, there.id, len(moving), MOST_SITES)
    if last is None:
        raise TooManySites(most=MOST_SITES)
    first = last - len(moving) + 1
    await sites.renumber(tx, there.id, {site.id: first + place for place, site in enumerate(moving)})
    return [
        {"site": str(site.id), "number": str(filing.id), "ordinal": site.ordinal, "to": str(there.id)}
        for site in moving
    ]


async def part(tx: Tx, rt: Runtime, merger: Merger, why: str) -> list[str]:
    """Give back what a merger moved, as far as it is still where it put it; gives what has gone on since."""
    moved, cause = merger.moved or {}, {"kind": "merger_undone", "id": str(merger.id)}
    numbers = await mergers.take_registrations(
        tx, merger.survivor_id, merger.merged_id, [UUID(each) for each in moved["registrations"]]
    )
    left = await _numbers_back(tx, rt, moved["renumbered"], why)
    given = await mergers.sites_of(tx, sorted(numbers))
    await mergers.take(
        tx, merger.survivor_id, merger.merged_id, numbers=sorted(numbers), sites=given,
        amendments=[UUID(each) for each in moved["amendments"]],
        executions=[UUID(each) for each in moved["executions"]],
    )  # fmt: skip
    await _tell(tx, rt, SYSTEM, given, "unmerge", why, cause)
    await bars.follow(tx, rt, await operators.get(tx, merger.merged_id))
    await sites.keep_fresh(tx, given)
    for there in {UUID(each["to"]) for each in moved["renumbered"]}:
        await registrations.end_if_empty(tx, rt, SYSTEM, there)
    return left


async def _numbers_back(tx: Tx, rt: Runtime, renumbered: list[dict[str, Any]], why: str) -> list[str]:
    """Sites go back under the numbers that they had, which hold again; gives those that are elsewhere by now."""
    known, left = await sites.many(tx, [UUID(each["site"]) for each in renumbered]), []
    back: dict[UUID, dict[UUID, int]] = {}
    for each in renumbered:
        site = known[UUID(each["site"])]
        if site.registration_id != UUID(each["to"]) or site.status is SiteStatus.ENDED:
            left.append(str(site.id))
        else:
            back.setdefault(UUID(each["number"]), {})[site.id] = each["ordinal"]
    for number, ordinals in sorted(back.items()):
        filing = (await register.get(tx, number)).registration
        await register.MOVES.move(tx, filing, Action.RESTORE, who=SYSTEM, why=why, at=rt.clock.now())
        await successions.remove(tx, number)
        await sites.renumber(tx, number, ordinals)
    return left


async def _tell(
    tx: Tx, rt: Runtime, who: Caller, site_ids: Collection[UUID], action: str, why: str, cause: dict[str, Any]
) -> None:
    """A new version of each site that is in the register, told to everybody."""
    told, at = [], rt.clock.now()
    for site in (await sites.many(tx, sorted(site_ids))).values():
        if site.status not in {SiteStatus.ENDED, SiteStatus.PROPOSED}:
            await sites.MOVES.change(tx, site, action, who=who, why=why, at=at)
            told.append(await sites.get(tx, site.id))
    writing.tell(tx, told, cause=cause, at=at)
