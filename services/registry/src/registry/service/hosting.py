"""Whether anybody hosts a site: what every change of its accesses, and of its providers, sets running or puts right."""

from typing import Final
from uuid import UUID

from registry.lifecycle import ShellAction, SiteStatus
from registry.service.measures import SYSTEM
from registry.store import shells
from registry.store.shells import Shell
from registry.store.sites import OwnedSite
from shared.runtime.acts import deadlines
from shared.runtime.acts.runtime import Runtime
from shared.runtime.db.postgres import Tx

IDLE: Final = "shell_idle"
"""Kind and clock: so long nobody hosts a site before that is a finding."""
GONE: Final = "shell_provider"
"""Kind of deadline, by the same clock: a provider that closed; its sites may have found another host by then."""
CURE: Final = "shell_cure"
"""Kind and clock: so long its operator has to find a host."""
AT_ONCE: Final = 200
"""Findings of one provider in one transaction."""


async def watch(tx: Tx, rt: Runtime, site: OwnedSite) -> None:
    """After a change of a held site: where nobody hosts it its clock runs, and where somebody does it is cured."""
    at, site_id = rt.clock.now(), site.site.id
    live = site.site.status is SiteStatus.LIVE
    if live and not site.site.accesses:
        await deadlines.start(tx, kind=IDLE, aggregate_id=site_id, clock_name=IDLE, rt=rt, at=at)
        return
    await deadlines.met(tx, IDLE, site_id, at)
    finding_id = await shells.open_of(tx, site_id)
    if site.site.status is SiteStatus.LAPSED:
        return  # it is given back, or given up
    if finding_id is not None and not (live and await shells.is_empty(tx, site_id)):
        await cure(tx, rt, await shells.hold(tx, finding_id), "It is hosted, or otherwise dealt with.")


async def cure(tx: Tx, rt: Runtime, finding: Shell, why: str) -> None:
    """What a held finding found is no longer so. One that is over stays as it is."""
    if not shells.MOVES.lifecycle.can(finding.status, ShellAction.CURE):
        return
    at = rt.clock.now()
    await shells.MOVES.move(tx, finding, ShellAction.CURE, who=SYSTEM, why=why, at=at)
    await deadlines.met(tx, CURE, finding.id, at)


async def provider_changed(tx: Tx, rt: Runtime, provider_id: UUID, *, active: bool) -> None:
    """A provider closed: the clock of its sites runs. It is there again: what was found for that is cured."""
    at = rt.clock.now()
    if not active:
        await deadlines.start(tx, kind=GONE, aggregate_id=provider_id, clock_name=IDLE, rt=rt, at=at)
        return
    await deadlines.met(tx, GONE, provider_id, at)
    while found := await shells.of_provider(tx, provider_id, AT_ONCE):
        for finding_id in found:
            await cure(tx, rt, await shells.hold(tx, finding_id), "Its provider is active again.")
