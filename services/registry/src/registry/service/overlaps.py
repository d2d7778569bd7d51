"""A site gets a name that a measure hits which was carried out before: whose it is now is told, or spared (ADR 26).

A measure burdens whom it was decided about. A name below one that was cut, if somebody else has it by now, is not
meant from then on. The very name that was decided about stays hit, whoever has it by now: nobody gets out of a decision
by registering it under another identity. But they are told, with grounds and a time to challenge it of their own, and
no order that has not gone out goes out before that.
"""

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Final
from uuid import UUID

from registry import told
from registry.lifecycle import SiteStatus
from registry.service import identities
from registry.store import overlaps, sites
from registry.store.executions import Execution
from registry.store.overlaps import Overlap
from registry.store.sites import OwnedSite
from shared.contracts.grounds import ActRef, AddressForService, Department, Grounds, Names, Service, Statement
from shared.contracts.ordering import nearest
from shared.contracts.quoting import listed, quoting
from shared.contracts.subjects import FoundSite
from shared.runtime.acts import notices, outbox
from shared.runtime.acts.notices import New
from shared.runtime.acts.runtime import Runtime
from shared.runtime.db.postgres import Tx

ACT: Final = "overlap"
"""What it is called where it is challenged."""
SAME, BELOW, OWN = "same", "below", "own"
CURE: Final = "cure_window"
"""The clock of the profile by which whoever is told can put things right: it runs from the delivery at the latest."""
_TITLES: Final = {
    SAME: Names(zh="网站域名受在先处理决定限制告知书", en="A decision of before hits the name of your site"),
    BELOW: Names(zh="网站域名不受在先处理决定限制告知书", en="A measure about another site spares your name"),
    OWN: Names(
        zh="网站域名受本单位处理决定限制告知书", en="A measure about a site of yours hits another name of yours"
    ),
}
_SAID: Final = {
    SAME: "That very name was decided about before it was yours. An order that went out stands; none that has not gone "
    "out is sent before {until:%Y-%m-%d %H:%M} UTC, and then only when two persons send it again, who know of you. "
    "You may challenge it as a decision about you.",
    BELOW: "It lies below a name that was decided about, and belongs to somebody else. It is not meant: orders that "
    "would hit it are replaced by such as spare it. You may challenge the measure as far as it hits you all the same.",
    OWN: "It is, or lies below, a name that was decided about when that was your site, and is hit with it. You may "
    "challenge that for this name as well.",
}


async def look(tx: Tx, rt: Runtime, changed: Sequence[OwnedSite]) -> None:
    """Sites are in the register as they are now: whoever changed them has written them. Told once of each name.

    On one that is live no measure of its own lies that stops it.
    """
    live = [each for each in changed if each.site.status is SiteStatus.LIVE]
    names = {name for each in live for name in each.site.domains}
    if not names:
        return
    at = rt.clock.now()
    await overlaps.entering(tx, names)
    for execution in await overlaps.lying_on(tx, names, at):
        for each in live:
            for kind, hit in (await _hit(tx, execution, each)).items():
                await _note(tx, rt, execution, each, kind, hit, at)


async def carried_out(tx: Tx, rt: Runtime, execution: Execution) -> None:
    """A measure was carried out just now: names that it was decided about may be somebody else's since then."""
    fact = execution.carried_out
    if fact is not None and fact.site is not None:
        others = await overlaps.holders(tx, fact.site.hosts, fact.site.site_id)
        await look(tx, rt, list((await sites.owned(tx, others)).values()))


async def apart(tx: Tx, rt: Runtime, operator_ids: Collection[UUID]) -> None:
    """Two entries are not one any more: what hit names of one as its own is somebody else's measure by now."""
    told_own = await overlaps.told_own(tx, operator_ids)
    await look(tx, rt, list((await sites.owned(tx, told_own)).values()))


async def hitting(tx: Tx, execution: Execution, site: OwnedSite | None) -> None:
    """Nobody gets a name that this may hit until it is carried out, or is not.

    Who has one of them by now is told when it is: those sites are shared first, since whoever changes one holds it and
    then waits for these names, and theirs are held in one go with the others.
    """
    decided, subject = execution.decision.site, execution.decision.subject
    hosts = {*(decided.hosts if decided is not None else ()), *(site.site.domains if site is not None else ())}
    if isinstance(subject, FoundSite):
        hosts.add(subject.host)
    others = await overlaps.holders(tx, hosts, site.site.id if site is not None else None)
    await overlaps.share(tx, others)
    theirs = {name for each in (await sites.many(tx, others)).values() for name in each.domains}
    await overlaps.hitting(tx, hosts | theirs)


async def _hit(tx: Tx, execution: Execution, owned: OwnedSite) -> dict[str, list[str]]:
    """The names of a site that a measure hits, by what they are to it."""
    subject, fact = execution.decision.subject, execution.carried_out
    if isinstance(subject, FoundSite):
        has = any(subject.host == name or subject.host.endswith(f".{name}") for name in owned.site.domains)
        return {SAME: [subject.host]} if has else {}
    if fact is None or fact.site is None:
        return {}
    hosts_it = {access.provider_id for access in owned.site.accesses}
    if not hosts_it & {access.provider_id for access in fact.site.accesses}:
        return {}
    freed = await overlaps.freed(tx, execution.id)
    hosts, spared = {*fact.site.hosts} - freed, {*fact.site.spared, *freed}
    by = {name: nearest(name, hosts, spared) for name in owned.site.domains}
    hit = {name: host for name, host in by.items() if host is not None}
    if not hit:
        return {}
    if execution.operator_id == owned.operator.id or (
        fact.operator is not None and await identities.is_same(tx, fact.operator, owned.operator)
    ):
        return {OWN: list(hit)}
    found = {SAME: [name for name in hit if name == hit[name]], BELOW: [name for name in hit if name != hit[name]]}
    return {kind: names for kind, names in found.items() if names}


async def _note(
    tx: Tx, rt: Runtime, execution: Execution, owned: OwnedSite, kind: str, names: Sequence[str], at: datetime
) -> None:
    overlap = await overlaps.keep(tx, execution, owned, names=names, kind=kind, at=at)
    if overlap is None:
        return
    since = await overlaps.first_told(tx, overlap, kind)  # handed from friend to friend it would never go out
    until = rt.rules.due(CURE, rt.rules.due(notices.DEEMED, since).due_at).due_at
    if kind != OWN:
        not_before = until if kind == SAME else None
        outbox.add(tx, told.overlapped(execution, overlap, at, not_before=not_before), at=at)
    await notices.issue_all(tx, rt, _notices(execution, owned, overlap, kind, until))


def _notices(execution: Execution, owned: OwnedSite, overlap: Overlap, kind: str, until: datetime) -> list[New]:
    """To the operator with the public grounds of the decision, and to those who decided and carried it out."""
    grounds, names = execution.decision.grounds.public(), listed(overlap.names)
    about = f"{names}, site {owned.number}. Decision {execution.decision.decision_id}. "
    said = about + _SAID[kind].format(until=until)
    quoted = quoting(f"{said} ", grounds.reasons)
    to_operator = Grounds.model_validate({**dict(grounds), "reasons": quoted, "public_reasons": quoted})
    act = ActRef(service=Service.REGISTRY, kind=ACT, id=overlap.id)
    says = Statement(legal_basis=("docs/adr/0026",), reasons=said, public_reasons=said)
    desks = {each.id: each for each in (grounds.authority, execution.regulator)}
    return [
        New(about=act, kind=f"overlap_{kind}", to=owned.operator.ref, address=owned.operator.address,
            authority=execution.regulator, title=_TITLES[kind], says=to_operator, moved=execution.id),
        *(New(about=act, kind=f"overlap_{kind}", to=Department(identity=each.id, name=each.names.zh),
              address=AddressForService(), authority=execution.regulator, title=_TITLES[kind], says=says)
          for each in desks.values()),
    ]  # fmt: skip
