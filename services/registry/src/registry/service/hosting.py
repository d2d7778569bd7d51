"""Whether anybody hosts a site: what every change of its accesses, and of its providers, sets running or puts right.

Whoever finds a host is left alone at once, but that ends a finding only once in so long (ADR 10): found anew before, it
stands, without effect while somebody hosts the site, until that time is over; and goes on where it was if nobody does.
"""

from datetime import datetime
from typing import Final
from uuid import UUID

from registry.lifecycle import ShellAction, SiteStatus
from registry.service.desk import SYSTEM, teller
from registry.store import shells, sites
from registry.store.shells import Shell
from registry.store.sites import OwnedSite
from shared.contracts.grounds import ActRef, Grounds, Names, Service, Statement
from shared.contracts.http.shells import ShellStatus
from shared.runtime.acts import deadlines, notices
from shared.runtime.acts.runtime import Runtime
from shared.runtime.db.postgres import Tx

IDLE: Final = "shell_idle"
"""Kind and clock: so long nobody hosts a site before that is a finding."""
GONE: Final = "shell_provider"
"""Kind of deadline, by the same clock: a provider that closed; its sites may have found another host by then."""
CURE: Final = "shell_cure"
"""Kind and clock: so long its operator has to find a host."""
AGAIN: Final = "shell_cured"
"""Kind and clock: once in so long a host that is found ends a finding at once."""
FOUND: Final = Names(zh="空壳网站整改告知书", en="Nobody hosts your site: please find a host")
_HOSTED: Final = Names(zh="空壳网站已恢复接入告知书", en="Your site is hosted again; the finding stands for now")
AT_ONCE: Final = 200
"""Findings of one provider in one transaction."""


async def watch(tx: Tx, rt: Runtime, site: OwnedSite) -> None:
    """After a change of a held site: where nobody hosts it its clock runs, and where somebody does it is cured."""
    at, site_id = rt.clock.now(), site.site.id
    finding_id = await shells.open_of(tx, site_id)
    if site.site.status is SiteStatus.LIVE and not site.site.accesses and finding_id is None:
        await deadlines.start(tx, kind=IDLE, aggregate_id=site_id, clock_name=IDLE, rt=rt, at=at)
    else:
        await deadlines.met(tx, IDLE, site_id, at)
    if site.site.status is not SiteStatus.LAPSED and finding_id is not None:  # that is given back, or given up
        await look(tx, rt, site, await shells.hold(tx, finding_id))


async def look(tx: Tx, rt: Runtime, site: OwnedSite, finding: Shell) -> None:
    """What is so now with what was found, and is held: hosted, hosted no more, or otherwise dealt with."""
    if site.site.status is not SiteStatus.LIVE:
        await cure(tx, rt, finding, "It is otherwise dealt with.")
    elif finding.status not in {ShellStatus.OPEN, ShellStatus.DUE}:
        return
    elif await shells.is_empty(tx, site.site.id):
        await _lost(tx, rt, site, finding)
    else:
        await _hosted(tx, rt, site, finding)


async def _hosted(tx: Tx, rt: Runtime, site: OwnedSite, finding: Shell) -> None:
    """Somebody hosts it: that ends the finding, or lets it rest until a host ends one again."""
    at, last = rt.clock.now(), await shells.cured_by_a_host(tx, finding.site_id)
    again = rt.rules.due(AGAIN, last).due_at if last is not None else at
    if at >= again:
        await cure(tx, rt, finding, "It is hosted.", hosted_at=finding.hosted_at or at)
    elif finding.hosted_at is None:
        until = again.astimezone(rt.rules.time_zone).isoformat()
        why = (
            f"It is hosted. A host ended such a finding not long ago, so this one stands until {until}: while somebody"
            " hosts the site nothing follows from it, and then it ends. If nobody does before, the time to find one"
            " goes on."
        )
        rests = await shells.MOVES.change(tx, finding, "find_host", who=SYSTEM, why=why, at=at, hosted_at=at)
        await deadlines.met(tx, CURE, finding.id, at)
        await deadlines.start_until(
            tx, kind=AGAIN, aggregate_id=finding.id, until=again, rt=rt, at=at, clock_name=AGAIN
        )  # fmt: skip
        await tell(tx, rt, site, rests, "shell_hosted", _HOSTED, _says(rt, AGAIN, why))


async def _lost(tx: Tx, rt: Runtime, site: OwnedSite, finding: Shell) -> None:
    """Nobody hosts it again, and the finding stood: its operator has what was left of the time to find a host."""
    at = rt.clock.now()
    if finding.hosted_at is None:
        return
    until, why = at + (finding.cure_until - finding.hosted_at), "Nobody hosts it again, and what was found stood."
    goes_on = await shells.MOVES.change(
        tx, finding, "lose_host", who=SYSTEM, why=why, at=at, hosted_at=None, cure_until=until
    )
    if finding.status is ShellStatus.OPEN:
        await deadlines.start_until(tx, kind=CURE, aggregate_id=finding.id, until=until, rt=rt, at=at)
    answer_by = until if until > at else None
    await tell(tx, rt, site, goes_on, "shell_found", FOUND, _says(rt, CURE, why), answer_by=answer_by)


async def ring(rt: Runtime, tx: Tx, finding_id: UUID) -> None:
    """A host ends a finding again: one whose site is hosted by now ends."""
    site = await sites.hold(tx, (await shells.get(tx, finding_id)).site_id)
    finding = await shells.hold(tx, finding_id)
    if finding.hosted_at is not None and not await shells.is_empty(tx, site.site.id):
        why = "It is hosted, and the time is over in which a host ends no other finding."
        await cure(tx, rt, finding, why, hosted_at=finding.hosted_at)


async def cure(tx: Tx, rt: Runtime, finding: Shell, why: str, *, hosted_at: datetime | None = None) -> None:
    """What a held finding found is no longer so: by a host since then, or otherwise. One that is over stays so."""
    if not shells.MOVES.lifecycle.can(finding.status, ShellAction.CURE):
        return
    at = rt.clock.now()
    await shells.MOVES.move(tx, finding, ShellAction.CURE, who=SYSTEM, why=why, at=at, hosted_at=hosted_at)
    await over(tx, finding.id, at)


async def over(tx: Tx, finding_id: UUID, at: datetime) -> None:
    """No clock of a finding runs any more."""
    for kind in (CURE, AGAIN):
        await deadlines.met(tx, kind, finding_id, at)


async def provider_changed(tx: Tx, rt: Runtime, provider_id: UUID, *, active: bool) -> None:
    """A provider closed: the clock of its sites runs. It is there again: what was found for that may be cured."""
    at, after = rt.clock.now(), UUID(int=0)
    if active:
        await deadlines.met(tx, GONE, provider_id, at)
    else:
        await deadlines.start(tx, kind=GONE, aggregate_id=provider_id, clock_name=IDLE, rt=rt, at=at)
    while found := await shells.of_provider(tx, provider_id, after, AT_ONCE):
        for site_id, finding_id in found:
            await look(tx, rt, await sites.get(tx, site_id), await shells.hold(tx, finding_id))
        after = found[-1][0]


async def tell(
    tx: Tx, rt: Runtime, site: OwnedSite, finding: Shell, kind: str, title: Names, says: Statement | Grounds, *,
    answer_by: datetime | None = None,
) -> None:  # fmt: skip
    """A notice to the operator of a site about what was found there."""
    await notices.issue(
        tx, rt, about=ActRef(service=Service.REGISTRY, kind="lapse", id=finding.id), kind=kind, to=site.operator.ref,
        address=site.operator.address, title=title, says=says, answer_by=answer_by,
        authority=teller(rt, site.level, site.region), hosts=site.site.domains,
    )  # fmt: skip


def _says(rt: Runtime, clock: str, why: str) -> Statement:
    return Statement(legal_basis=(rt.rules.clocks[clock].source,), reasons=why, public_reasons=why)
