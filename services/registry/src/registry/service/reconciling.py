"""Lists of providers beside the register: every day and after every list, some thousand names at a time.

What differs is a finding, told in the transaction in which it is found; where they agree by now it is cured. Nothing
of this touches a site, an execution or an order (docs/adr/0004, 0018).
"""

from collections.abc import Collection, Sequence
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from registry import told
from registry.lifecycle import FindingAction
from registry.service.desk import SYSTEM, regulator_for
from registry.store import bars, copies, hosted, inventories, sites
from registry.store.hosted import Finding, Seen
from registry.store.inventories import Inventory
from shared.contracts.grounds import ActRef, AddressForService, Names, Party, Service, Statement
from shared.contracts.http.hosted import FindingKind, FindingStatus
from shared.rules import Level
from shared.runtime.acts import deadlines, notices, outbox
from shared.runtime.acts.notices import New
from shared.runtime.acts.runtime import Runtime
from shared.runtime.base.ids import uuid7
from shared.runtime.db.postgres import Tx

RECONCILE: Final = "inventory_reconciled"
"""Kind of the deadline at which a provider's list is looked at, or looked at further."""
CURE: Final = "inventory_cure"
"""Kind and clock: so long a provider has to answer a finding."""
FRESH: Final = "inventory_fresh"
"""Clock: on an older list nothing new is found."""
DAILY: Final = timedelta(days=1)
AT_ONCE: Final = 10_000
"""Names of a list in one transaction."""
_FOUND: Final = Names(zh="接入资源清单与备案信息不符告知书", en="Your list and the register differ: please answer")
_OPERATOR: Final = Names(zh="网站接入信息与备案信息不符告知书", en="A provider lists your site otherwise")
_ESCALATED: Final = Names(zh="清单问题逾期未答复记录通知书", en="Not answered in time: your conduct record says so")
_WORDS: Final = {
    FindingKind.UNREGISTERED: "is in the register of no site, and nobody asked for it",
    FindingKind.NUMBER_DIFFERS: "belongs to a site under another number",
    FindingKind.ADDRESS_DIFFERS: "is registered here under other addresses, or at another provider",
    FindingKind.REVOKED: "belongs to a site that a decision took off the register",
    FindingKind.BARRED: "is, or lies under, a name on the barred list",
}


async def ring(rt: Runtime, tx: Tx, provider_id: UUID) -> None:
    """It is time to look at a provider's list, or at the next part of it; the next time is set."""
    at, known = rt.clock.now(), await inventories.hold_known(tx, provider_id)
    if known is None:
        return
    over = await _step(tx, rt, known)
    again = timedelta() if await inventories.forget(tx, provider_id, AT_ONCE) or not over else DAILY
    await deadlines.met(tx, RECONCILE, provider_id, at)
    await deadlines.start_in(tx, RECONCILE, provider_id, again.total_seconds(), at=at)


async def _step(tx: Tx, rt: Runtime, known: Inventory) -> bool:
    """Look at some names of the list that holds; says whether it was the end of it."""
    at, after = rt.clock.now(), known.looked_to or ""
    if known.whole is None or known.whole_at is None:
        return True
    seen = await hosted.look(tx, known.provider_id, known.whole, after, AT_ONCE, at)
    over = len(seen) < AT_ONCE
    to = None if over else seen[-1].host
    wanted = await _differences(tx, seen, at)
    standing = {(each.host, each.kind): each for each in await hosted.standing(tx, known.provider_id, after, to)}
    await _cure(tx, rt, [each for key, each in standing.items() if key not in wanted])
    if rt.rules.due(FRESH, known.whole_at).due_at >= at:
        await _find(tx, rt, known.provider_id, [pair for key, pair in wanted.items() if key not in standing])
    await inventories.looked(tx, known.provider_id, to, at if over else None)
    return over


async def _differences(
    tx: Tx, seen: Sequence[Seen], at: datetime
) -> dict[tuple[str, FindingKind], tuple[Seen, FindingKind]]:
    """Name and kind → what is found. A name that no site has may be barred, which says more."""
    nobodys = [each for each in seen if FindingKind.UNREGISTERED in each.kinds]
    above = {name for each in nobodys for name in each.above}
    listed = await bars.barred_names(tx, above, at) if nobodys else {}
    found = {}
    for each in seen:
        for kind in map(FindingKind, each.kinds):
            barred = kind is FindingKind.UNREGISTERED and bars.barring(listed, each.host, each.above) is not None
            said = FindingKind.BARRED if barred else kind
            found[each.host, said] = (each, said)
    return found


async def _find(tx: Tx, rt: Runtime, provider_id: UUID, wanted: Sequence[tuple[Seen, FindingKind]]) -> None:
    """Enter what was found and tell the provider in one notice; whose registered site it is about, in one each."""
    provider = await copies.hosting(tx, provider_id)
    if not wanted or provider.status not in copies.HOSTING:
        return
    at, told_id = rt.clock.now(), uuid7()
    new = [(uuid7(), seen, kind) for seen, kind in wanted]
    cure_until = rt.rules.due(CURE, at).due_at
    found = await hosted.add(tx, provider_id, new, told_id, cure_until=cure_until, at=at)
    if not found:
        return
    for each in found:
        hosted.MOVES.began(tx, each, "find", who=SYSTEM, why=why_of(each), at=at)
    await deadlines.start_many(tx, kind=CURE, aggregate_ids=[each.id for each in found], clock_name=CURE, rt=rt, at=at)
    authority = regulator_for(rt, Level.PROVINCE, provider.region)
    said = "; ".join(why_of(each) for each in found[:20]) + (f"; and {len(found) - 20} more" if found[20:] else "")
    said += ". Nothing happens to a site by this. Answer, or put it right."
    to = Party(identity=provider.provider, name=provider.name)
    owners = await sites.owned(tx, {each.site_id for each in found if each.site_id is not None})
    await notices.issue_all(tx, rt, [
        New(about=ActRef(service=Service.REGISTRY, kind="hosted_findings", id=told_id), kind="hosted_found", to=to,
            address=AddressForService(), authority=authority, title=_FOUND, says=_says(rt, said),
            answer_by=cure_until),
        *(
            New(about=_act(each), kind="hosted_otherwise", to=owners[each.site_id].operator.ref,
                address=owners[each.site_id].operator.address, authority=authority, title=_OPERATOR,
                says=_says(rt, f"{provider.name} lists a name: {why_of(each)}. Nothing happens to your site by this."))
            for each in found if each.site_id in owners
        ),
    ])  # fmt: skip


async def _cure(tx: Tx, rt: Runtime, gone: Collection[Finding]) -> None:
    """List and register agree about these by now; where the conduct record has one, it hears of that."""
    at, why = rt.clock.now(), "The list and the register agree."
    await hosted.MOVES.move_all(tx, list(gone), FindingAction.CURE, who=SYSTEM, why=why, at=at)
    await deadlines.met_many(tx, CURE, [each.id for each in gone], at)
    for each in gone:
        if each.escalated_at is not None:
            outbox.add(tx, told.finding_closed(each, "cured", _says(rt, why), at), at=at)


async def escalate(rt: Runtime, tx: Tx, finding_id: UUID) -> None:
    """Nobody answered in its time: the conduct record of the provider says so, and nothing else follows."""
    at, finding = rt.clock.now(), await hosted.hold(tx, finding_id)
    if finding.status is not FindingStatus.OPEN:
        return
    if finding.kind is FindingKind.REVOKED and not await hosted.to_stop(tx, finding):
        await _cure(tx, rt, [finding])  # it was told to host the site again since the last look
        return
    why = f"{why_of(finding)}, and the provider did not answer in time"
    escalated = await hosted.MOVES.move(
        tx, finding, FindingAction.ESCALATE, who=SYSTEM, why=why, at=at, escalated_at=at
    )
    authority = regulator_for(rt, Level.PROVINCE, finding.region or "")
    says = _says(rt, f"{why}. It can dispute the entry.")
    outbox.add(tx, told.finding_escalated(escalated, authority, says, at), at=at)
    await tell(tx, rt, escalated, "hosted_escalated", _ESCALATED, says)


async def tell(
    tx: Tx, rt: Runtime, finding: Finding, kind: str, title: Names, says: Statement, *,
    answer_by: datetime | None = None,
) -> None:  # fmt: skip
    """A notice to the provider about one finding."""
    await notices.issue(
        tx, rt, about=_act(finding), kind=kind, to=Party(identity=finding.provider, name=finding.provider_name or "-"),
        address=AddressForService(), title=title, says=says, answer_by=answer_by,
        authority=regulator_for(rt, Level.PROVINCE, finding.region or ""),
    )  # fmt: skip


def why_of(finding: Finding) -> str:
    """What was found, in words."""
    return f"{finding.host} {_WORDS[finding.kind]}"


def _act(finding: Finding) -> ActRef:
    return ActRef(service=Service.REGISTRY, kind="hosted_finding", id=finding.id)


def _says(rt: Runtime, why: str) -> Statement:
    return Statement(legal_basis=(rt.rules.clocks[CURE].source,), reasons=why, public_reasons=why)
