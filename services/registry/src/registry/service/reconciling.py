"""Lists of providers beside the register: every day and after every list, some thousand names at a time.

What differs is a finding, told in the transaction in which it is found; where they agree by now it is cured. Nothing
of this touches a site, an execution or an order (docs/adr/0004, 0018).
"""

from collections import defaultdict
from collections.abc import Collection, Sequence
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from registry import told
from registry.lifecycle import FindingAction
from registry.service.desk import SYSTEM, regulator_for
from registry.store import bars, copies, hosted, inventories, sites
from registry.store.copies import Host
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
"""Names of a list, or findings about them, in one transaction."""
MOST: Final = 10_000
"""Findings of one provider that are neither dismissed nor cured."""
SELDOM: Final = timedelta(days=30)
"""An operator hears of one provider and site once in so long."""
SAID: Final = 20
"""Findings that a notice names; it counts the others."""
TELLING: Final = frozenset(FindingStatus) - {FindingStatus.DISMISSED, FindingStatus.CURED}
_FOUND: Final = Names(zh="接入资源清单与备案信息不符告知书", en="Your list and the register differ: please answer")
_OPERATOR: Final = Names(zh="网站接入信息与备案信息不符告知书", en="A provider lists your site otherwise")
_AGREE: Final = "The list and the register agree."
_CLOSED: Final = "The provider closed: it hosts nothing any more."
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
    """Look at some names of the list that holds, or at as many as have some findings; says whether it was the end."""
    at, after, provider_id = rt.clock.now(), known.looked_to or "", known.provider_id
    if known.whole is None or known.whole_at is None:
        return True
    provider = await copies.hosting(tx, provider_id)
    seen = await hosted.look(tx, provider_id, known.whole, after, AT_ONCE, at)
    most = await hosted.bound(tx, provider_id, after, AT_ONCE)
    ends = [*([seen[-1].host] if len(seen) == AT_ONCE else []), *([most] if most is not None else [])]
    to = min(ends, default=None)
    seen = [each for each in seen if to is None or each.host <= to]
    wanted = await differences(tx, provider, seen, at)
    standing = {(each.host, each.kind): each for each in await hosted.standing(tx, provider_id, after, to)}
    gone = [each for key, each in standing.items() if key not in wanted]
    await cure(tx, rt, provider, await read(tx, provider, known, seen, gone))
    if wanted and rt.rules.due(FRESH, known.whole_at).due_at >= at:
        await _find(tx, rt, provider, [pair for key, pair in wanted.items() if key not in standing])
        await _tell_operators(tx, rt, provider, [each for key, each in standing.items() if key in wanted])
    await inventories.looked(tx, provider_id, to, at if to is None else None)
    return to is None


async def read(
    tx: Tx, provider: Host, known: Inventory, seen: Sequence[Seen], findings: Sequence[Finding]
) -> list[Finding]:
    """Those of the findings about which the list that holds says something: it has the name in no refused record, and
    nothing is on its way that ``waits``.
    """
    assert known.whole is not None
    if provider.status not in copies.HOSTING:
        return list(findings)
    listed = {each.host for each in seen}
    unlisted = {each.host for each in findings} - listed
    unread = await inventories.unread(tx, provider.id, known.whole, sorted(unlisted)) if unlisted else set[str]()
    return [each for each in findings if each.host not in unread and not waits(each, seen)]


def waits(finding: Finding, seen: Sequence[Seen]) -> bool:
    """Whether its host has an order in place of another that it has not carried out yet (docs/adr/0026)."""
    return finding.kind is FindingKind.REVOKED and any(each.waits and each.host == finding.host for each in seen)


async def differences(
    tx: Tx, provider: Host, seen: Sequence[Seen], at: datetime
) -> dict[tuple[str, FindingKind], tuple[Seen, FindingKind]]:
    """Name and kind → what differs now. Who closed hosts nothing, whatever its last list says."""
    return await _differences(tx, seen, at) if provider.status in copies.HOSTING else {}


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


async def _find(tx: Tx, rt: Runtime, provider: Host, wanted: Sequence[tuple[Seen, FindingKind]]) -> None:
    """Enter what was found, as far as there is room, and tell the provider in one notice."""
    room = max(MOST - await hosted.count(tx, provider.id), 0) if wanted else 0
    at, told_id = rt.clock.now(), uuid7()
    cure_until = rt.rules.due(CURE, at).due_at
    new = [(uuid7(), seen, kind) for seen, kind in wanted[:room]]
    found = await hosted.add(tx, provider.id, new, told_id, cure_until=cure_until, at=at) if new else []
    if not found:
        return
    for each in found:
        hosted.MOVES.began(tx, each, "find", who=SYSTEM, why=why_of(each), at=at)
    await deadlines.start_many(tx, kind=CURE, aggregate_ids=[each.id for each in found], clock_name=CURE, rt=rt, at=at)
    said = f"{whys_of(found)}. Nothing happens to a site by this. Answer, or put it right."
    if len(new) == room:
        said += (
            f" That makes {MOST} findings, the most there are of one list: what else differs is entered when some end."
        )
    await notices.issue(
        tx, rt, about=_all(told_id), kind="hosted_found", title=_FOUND, says=says_of(rt, said), answer_by=cure_until,
        to=Party(identity=provider.provider, name=provider.name), address=AddressForService(),
        authority=regulator_for(rt, Level.PROVINCE, provider.region),
    )  # fmt: skip


async def _tell_operators(tx: Tx, rt: Runtime, provider: Host, standing: Sequence[Finding]) -> None:
    """Whose registered sites these are about hear of what stood for a day, of one provider and site once in a while:
    what a provider lists is its own word, and may be anybody's site."""
    at, about = rt.clock.now(), defaultdict[UUID, list[Finding]](list)
    for each in standing:
        stood = each.status in TELLING and each.found_at <= at - DAILY
        if stood and each.site_id is not None and each.operator_told_at is None:
            about[each.site_id].append(each)
    if not about:
        return
    for site_id in await hosted.told_lately(tx, provider.id, list(about), at - SELDOM):
        del about[site_id]
    owners, authority = await sites.owned(tx, about), regulator_for(rt, Level.PROVINCE, provider.region)
    await hosted.told(tx, [each.id for found in about.values() for each in found], at)
    await notices.issue_all(tx, rt, [
        New(about=_act(found[0]), kind="hosted_otherwise", to=owners[site_id].operator.ref,
            address=owners[site_id].operator.address, authority=authority, title=_OPERATOR,
            says=says_of(rt, f"{provider.name} lists: {whys_of(found)}. Nothing happens to your site by this."))
        for site_id, found in about.items() if site_id in owners
    ])  # fmt: skip


async def cure(tx: Tx, rt: Runtime, provider: Host, gone: Collection[Finding]) -> None:
    """There is nothing in these any more; where the conduct record has one, it hears of that."""
    at, why = rt.clock.now(), _AGREE if provider.status in copies.HOSTING else _CLOSED
    await hosted.MOVES.move_all(tx, list(gone), FindingAction.CURE, who=SYSTEM, why=why, at=at)
    await deadlines.met_many(tx, CURE, [each.id for each in gone], at)
    for each in gone:
        if each.escalated_at is not None:
            outbox.add(tx, told.finding_closed(each, "cured", says_of(rt, why), at), at=at)


async def tell(
    tx: Tx, rt: Runtime, about: Sequence[Finding], kind: str, title: Names, says: Statement, *,
    answer_by: datetime | None = None,
) -> None:  # fmt: skip
    """A notice to the provider about one finding, or in one about some that it was told of together."""
    first = about[0]
    await notices.issue(
        tx, rt, about=_act(first) if len(about) == 1 else _all(first.told_id), kind=kind, title=title, says=says,
        to=Party(identity=first.provider, name=first.provider_name or "-"), address=AddressForService(),
        authority=regulator_for(rt, Level.PROVINCE, first.region or ""), answer_by=answer_by,
    )  # fmt: skip


def why_of(finding: Finding) -> str:
    """What was found, in words."""
    return f"{finding.host} {_WORDS[finding.kind]}"


def whys_of(findings: Sequence[Finding]) -> str:
    """What was found, in words, of some of many."""
    rest = f"; and {len(findings) - SAID} more" if findings[SAID:] else ""
    return "; ".join(why_of(each) for each in findings[:SAID]) + rest


def _act(finding: Finding) -> ActRef:
    return ActRef(service=Service.REGISTRY, kind="hosted_finding", id=finding.id)


def _all(told_id: UUID) -> ActRef:
    return ActRef(service=Service.REGISTRY, kind="hosted_findings", id=told_id)


def says_of(rt: Runtime, why: str) -> Statement:
    """What is said of a finding; all of it may be read by everybody whom it concerns."""
    return Statement(legal_basis=(rt.rules.clocks[CURE].source,), reasons=why, public_reasons=why)
