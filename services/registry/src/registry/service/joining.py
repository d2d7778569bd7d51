"""What a merger does to the register, and what undoing it gives back: exactly what it moved.

Bars, measures and decisions on a desk follow the operator that stays; nothing that lies on somebody ends by a merger,
and nothing is laid on anybody by it but what lies on that same operator already.
"""

from collections.abc import Collection, Iterable
from typing import Any
from uuid import UUID

from registry.lifecycle import Action, SiteStatus, Status
from registry.service import bars, registrations, writing
from registry.service.desk import SYSTEM
from registry.store import mergers, operators, sites, successions
from registry.store import registrations as register
from registry.store.mergers import Merger
from registry.store.registrations import Registration
from shared.contracts.http.registry import RegistrationKind
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
    places: list[dict[str, Any]] = []
    for filing in of_merged:
        places += await _under(tx, filing, pairs.get(filing.id, filing))
        if filing.id in pairs:
            await successions.add(tx, filing.id, pairs[filing.id].id, cause, at)
            await register.MOVES.move(tx, filing, Action.END, who=who, why=why, at=at)
    touched = {UUID(each["site"]) for each in places}
    touched.update(await mergers.sites_of(tx, [each.id for each in of_merged]))
    moved: dict[str, Any] = await mergers.give(tx, merger.merged_id, merger.survivor_id, sorted(touched))
    await _tell(tx, rt, who, touched, "merge", why, cause)
    await bars.follow(tx, rt, await operators.get(tx, merger.survivor_id))
    return {**moved, "places": places}


async def _under(tx: Tx, filing: Registration, there: Registration) -> list[dict[str, Any]]:
    """The sites of a number that have not ended, under another or as they are; gives where each was, and goes."""
    known = await sites.many(tx, await mergers.sites_of(tx, [filing.id]))
    moving = sorted(
        (site for site in known.values() if site.status is not SiteStatus.ENDED), key=lambda site: site.ordinal
    )
    if there.id != filing.id:
        await writing.put_under(tx, there.id, [site.id for site in moving])
    return [
        {"site": str(site.id), "number": str(filing.id), "ordinal": site.ordinal, "to": str(there.id)}
        for site in moving
    ]


async def part(tx: Tx, rt: Runtime, merger: Merger, why: str) -> tuple[list[str], list[UUID]]:
    """Give back what a merger moved, as far as it is the survivor's still; gives what has gone on since, and the sites
    that went back.
    """
    moved, cause = merger.moved or {}, {"kind": "merger_undone", "id": str(merger.id)}
    numbers = await mergers.take_registrations(
        tx, merger.survivor_id, merger.merged_id, [UUID(each) for each in moved["registrations"]]
    )
    stay = await _others_out(tx, rt, merger, numbers, why)  # after the numbers: an operator has one in a province
    left, emptied = await _numbers_back(tx, rt, merger, why)
    given = await mergers.sites_of(tx, sorted(numbers))
    await mergers.take(
        tx, merger.survivor_id, merger.merged_id, numbers=sorted(numbers), sites=given,
        amendments=[UUID(each) for each in moved["amendments"]],
        executions=[UUID(each) for each in moved["executions"]],
        tasks=[UUID(each) for each in moved["tasks"]],
    )  # fmt: skip
    await _tell(tx, rt, SYSTEM, {*given, *stay}, "unmerge", why, cause)
    await bars.follow(tx, rt, await operators.get(tx, merger.merged_id))
    await sites.keep_fresh(tx, given)
    for there in sorted(emptied):
        await registrations.end_if_empty(tx, rt, SYSTEM, there)
    return left, sorted(given)


async def _others_out(tx: Tx, rt: Runtime, merger: Merger, numbers: Collection[UUID], why: str) -> set[UUID]:
    """What another merger put under a number that is given back goes under its own again, and stays the survivor's."""
    stay = set[UUID]()
    for other in await mergers.confirmed_into(tx, merger.survivor_id):
        places = (other.moved or {})["places"] if other.id != merger.id else []
        known = await sites.many(tx, [UUID(each["site"]) for each in places])
        back: dict[UUID, dict[UUID, int]] = {}
        for each in places:
            site, number = known[UUID(each["site"])], UUID(each["number"])
            if (
                site.registration_id in numbers
                and site.registration_id != number
                and site.status is not SiteStatus.ENDED
            ):
                back.setdefault(number, {})[site.id] = each["ordinal"]
                stay.add(site.id)
        await _under_again(tx, rt, back, why)
    return stay


async def _numbers_back(tx: Tx, rt: Runtime, merger: Merger, why: str) -> tuple[list[str], set[UUID]]:
    """Sites go back under the numbers that they had, which hold again, from wherever the survivor has them by now.

    Gives those that have ended or are somebody else's, and the numbers that others were taken from.
    """
    places = (merger.moved or {})["places"]
    known, left = await sites.many(tx, [UUID(each["site"]) for each in places]), []
    back: dict[UUID, dict[UUID, int]] = {}
    emptied: set[UUID] = set()
    under = {site.registration_id for site in known.values()}
    whose = {each: (await register.get(tx, each)).operator.id for each in under}
    for each in places:
        site, number = known[UUID(each["site"])], UUID(each["number"])
        if site.status is SiteStatus.ENDED or whose[site.registration_id] not in {merger.survivor_id, merger.merged_id}:
            left.append(str(site.id))
        elif site.registration_id != number:
            back.setdefault(number, {})[site.id] = each["ordinal"]
            emptied.add(site.registration_id)
    await _under_again(tx, rt, back, why)
    return left, emptied


async def _under_again(tx: Tx, rt: Runtime, back: dict[UUID, dict[UUID, int]], why: str) -> None:
    """Sites go under the numbers that they had, with their places there; such a number holds again."""
    for number, ordinals in sorted(back.items()):
        filing = (await register.get(tx, number)).registration
        if register.MOVES.lifecycle.can(filing.status, Action.RESTORE):
            await register.MOVES.move(tx, filing, Action.RESTORE, who=SYSTEM, why=why, at=rt.clock.now())
            await successions.remove(tx, number)
        await sites.renumber(tx, number, ordinals)


async def _tell(
    tx: Tx, rt: Runtime, who: Caller, site_ids: Collection[UUID], action: str, why: str, cause: dict[str, Any]
) -> None:
    """A new version of each site that is in the register, told to everybody."""
    at = rt.clock.now()
    told = await sites.touch_these(tx, sorted(site_ids), at)
    sites.MOVES.changed_all(tx, [each.site for each in told], action, who=who, why=why, at=at)
    await writing.tell(tx, rt, told, cause=cause, at=at)
