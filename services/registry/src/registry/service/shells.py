"""Sites that nobody hosts: found by a clock, told, and put right by finding a host; else one person lets one lapse.

A lapse is no sanction: it bars nobody, orders nothing, and is undone in one step under the same number (ADR 4, ADR 10).
"""

from collections.abc import Collection, Sequence
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from registry.errors import HostedAgain
from registry.lifecycle import ShellAction, SiteAction, SiteStatus
from registry.policy import POLICY, Act
from registry.service import looks, writing
from registry.service.desk import SYSTEM, grounds_of, regulator_for
from registry.service.hosting import AT_ONCE, CURE, FOUND, GONE, IDLE, look, over, tell, watch
from registry.service.sites import require_free
from registry.store import accesses, amendments, claims, shells, sites
from registry.store.shells import Shell
from registry.store.sites import OwnedSite
from shared.contracts.grounds import Names, Statement
from shared.contracts.http.registry import Stated
from shared.contracts.http.shells import ShellStatus
from shared.contracts.quoting import listed, quoting
from shared.runtime.acts import deadlines
from shared.runtime.acts.runtime import Runtime
from shared.runtime.base.context import Caller
from shared.runtime.base.ids import uuid7
from shared.runtime.base.problems import PreconditionFailed
from shared.runtime.db.postgres import Tx

NAMES_KEPT: Final = timedelta(days=180)
"""How long a lapsed site keeps its names from others who ask for them."""
_LAPSED: Final = Names(zh="网站备案（许可）因无接入而失效通知书", en="Your site lapsed because nobody hosts it")
_DISMISSED: Final = Names(zh="空壳网站认定撤销通知书", en="Your site stays in the register: nothing is asked of you")
_UNDONE: Final = Names(zh="网站备案（许可）恢复通知书", en="Your site is in the register again")


async def ring(rt: Runtime, tx: Tx, site_id: UUID) -> None:
    """A site was without access for so long."""
    site = await sites.hold(tx, site_id)
    clocks = [each.started_at for each in await deadlines.of(tx, site_id) if each.kind == IDLE]
    since = max(clocks, default=rt.clock.now())
    await _find(tx, rt, site, since)


async def ring_provider(rt: Runtime, tx: Tx, provider_id: UUID) -> None:
    """A provider is gone for so long: its sites that found no other host are found, so many at a time."""
    at = rt.clock.now()
    since = at - timedelta(days=rt.rules.clocks[IDLE].amount)
    found = await shells.empty_at(tx, provider_id, since, AT_ONCE)
    for site_id in found:
        await _find(tx, rt, await sites.hold(tx, site_id), since)
    if len(found) == AT_ONCE:
        await deadlines.met(tx, GONE, provider_id, at)
        await deadlines.start_in(tx, GONE, provider_id, 1, at=at)


async def _find(tx: Tx, rt: Runtime, site: OwnedSite, since: datetime) -> None:
    at = rt.clock.now()
    if site.site.status is not SiteStatus.LIVE or not await shells.is_empty(tx, site.site.id):
        return
    cure_until = rt.rules.due(CURE, at).due_at
    found = await shells.add(tx, uuid7(), site.site.id, since=since, cure_until=cure_until, at=at)
    if found is None:
        return
    why = "No active provider has hosted it for so long."
    shells.MOVES.began(tx, found, "find", who=SYSTEM, why=why, at=at)
    await deadlines.start(tx, kind=CURE, aggregate_id=found.id, clock_name=CURE, rt=rt, at=at)
    says = Statement(legal_basis=(rt.rules.clocks[IDLE].source,), reasons=why, public_reasons=why)
    await tell(tx, rt, site, found, "shell_found", FOUND, says, answer_by=cure_until)


async def mature(rt: Runtime, tx: Tx, finding_id: UUID) -> None:
    """The time to find a host is over: somebody looks at it. Nothing lapses by itself."""
    site_id = (await shells.get(tx, finding_id)).site_id
    site = await sites.hold(tx, site_id)
    finding = await shells.hold(tx, finding_id)
    await look(tx, rt, site, finding)
    finding = await shells.get(tx, finding_id)
    if finding.status is ShellStatus.OPEN and finding.hosted_at is None:
        why = "The time to find a host is over."
        await shells.MOVES.move(tx, finding, ShellAction.MATURE, who=SYSTEM, why=why, at=rt.clock.now())


async def _held(tx: Tx, who: Caller, act: Act, finding_id: UUID) -> tuple[OwnedSite, Shell]:
    finding = await shells.get(tx, finding_id)
    POLICY.require(who, act, finding)
    site = await sites.hold(tx, finding.site_id)
    return site, await shells.hold(tx, finding_id)


async def lapse(tx: Tx, rt: Runtime, who: Caller, finding_id: UUID, version: int, body: Stated) -> Shell:
    """One named person lets one site lapse, having looked at what is so at this moment (``version``).

    Raises UnknownFinding (404); Forbidden (403); ActionRefused, HostedAgain, UnderMeasure (409); PreconditionFailed
    (412).
    """
    at = rt.clock.now()
    site, finding = await _held(tx, who, Act.LAPSE_SHELL, finding_id)
    shells.MOVES.lifecycle.after(finding.status, ShellAction.LAPSE)
    if finding.version != version:
        raise PreconditionFailed(version=finding.version)
    if not await shells.is_empty(tx, site.site.id) or await amendments.pending(tx, site.site.id, site.operator.id):
        raise HostedAgain
    await require_free(tx, site)
    authority = regulator_for(rt, site.level, site.region)
    says = grounds_of(rt, authority, body.statement, at)
    lapsed = await shells.MOVES.move(
        tx, finding, ShellAction.LAPSE, who=who, why=body.statement.reasons, at=at, lapsed_by=who.person,
        says=says.model_dump(mode="json"),
    )  # fmt: skip
    await over(tx, finding_id, at)
    await sites.MOVES.move(tx, site.site, SiteAction.LAPSE, who=who, why=body.statement.reasons, at=at)
    await writing.changed(tx, rt, site.site.id, cause={"kind": "lapse", "id": str(finding_id)}, at=at)
    await claims.keep_until(tx, site.site.id, at + NAMES_KEPT)
    await accesses.keep_until(tx, site.site.id, at + NAMES_KEPT)
    await tell(tx, rt, site, lapsed, "shell_lapsed", _LAPSED, says)
    return lapsed


async def undo(tx: Tx, rt: Runtime, who: Caller, finding_id: UUID, *, reasons: str) -> Shell:
    """The operator or the regulator takes a lapse back: the same site under the same number, with the names it had.

    Raises UnknownFinding (404); Forbidden (403); ActionRefused (409), also for a site that was given up since;
    NotAdmitted (409) if somebody has a name by now.
    """
    site, finding = await _held(tx, who, Act.UNDO_LAPSE, finding_id)
    shells.MOVES.lifecycle.after(finding.status, ShellAction.UNDO)
    sites.MOVES.lifecycle.after(site.site.status, SiteAction.RESTORE)
    return await _undo(tx, rt, who, site, finding, reasons)


async def fall(tx: Tx, rt: Runtime, finding_id: UUID, says: Statement) -> None:
    """An appeal against a lapse was won, or late. A site that its operator gave up since stays given up."""
    site = await sites.hold(tx, (await shells.get(tx, finding_id)).site_id)
    finding = await shells.hold(tx, finding_id)
    undoable = shells.MOVES.lifecycle.can(finding.status, ShellAction.UNDO)
    if undoable and site.site.status is SiteStatus.LAPSED:
        gone = await _taken_meanwhile(tx, rt, site)
        why = quoting("", says.reasons, f" Somebody else has {listed(gone)} by now." if gone else "")
        await _undo(tx, rt, SYSTEM, site, finding, why, without=gone)


async def _taken_meanwhile(tx: Tx, rt: Runtime, site: OwnedSite) -> list[str]:
    """Names of a lapsed site that somebody else got after they were kept for so long; addresses are given up for it."""
    at, names = rt.clock.now(), await claims.asked_for(tx, site.site.id)
    holders = await claims.held_by(tx, [name.ascii for name in names], at)
    uses = {use for access in site.site.accesses for use in access.wanted_by(site.operator.id)}
    if await accesses.taken(tx, uses, at, except_site=site.site.id):
        await accesses.end(tx, site.site.id, site.site.accesses)
    return [name.ascii for name in names if holders.get(name.ascii, (site.site.id,))[0] != site.site.id]


async def _undo(
    tx: Tx, rt: Runtime, who: Caller, site: OwnedSite, finding: Shell, why: str, *, without: Collection[str] = ()
) -> Shell:
    at, site_id = rt.clock.now(), site.site.id
    undone = await shells.MOVES.move(tx, finding, ShellAction.UNDO, who=who, why=why, at=at)
    names = [name for name in await claims.asked_for(tx, site_id) if name.ascii not in without]
    await writing.take(tx, site_id, site.operator.id, names, amendment_id=None, at=at)
    hosted = (await sites.get(tx, site_id)).site.accesses
    await writing.require_addresses(tx, site_id, site.operator.id, hosted, at)
    await accesses.enter(tx, site_id)
    await sites.MOVES.move(tx, site.site, SiteAction.RESTORE, who=who, why=why, at=at)
    restored = await writing.changed(tx, rt, site_id, cause={"kind": "lapse_undone", "id": str(finding.id)}, at=at)
    await watch(tx, rt, restored)
    says = Statement(legal_basis=(rt.rules.clocks[CURE].source,), reasons=why, public_reasons=why)
    await tell(tx, rt, site, undone, "shell_undone", _UNDONE, says)
    return undone


async def dismiss(tx: Tx, rt: Runtime, who: Caller, finding_id: UUID, *, reasons: str) -> Shell:
    """The regulator lets it be, with reasons. Raises UnknownFinding (404), Forbidden (403), ActionRefused (409)."""
    at = rt.clock.now()
    site, finding = await _held(tx, who, Act.LAPSE_SHELL, finding_id)
    dismissed = await shells.MOVES.move(tx, finding, ShellAction.DISMISS, who=who, why=reasons, at=at)
    await over(tx, finding_id, at)
    says = Statement(legal_basis=(rt.rules.clocks[CURE].source,), reasons=reasons, public_reasons=reasons)
    await tell(tx, rt, site, dismissed, "shell_dismissed", _DISMISSED, says)
    return dismissed


async def get(tx: Tx, rt: Runtime, who: Caller, finding_id: UUID) -> Shell:
    """One finding. An official's look leaves an audit row. Raises UnknownFinding (404), Forbidden (403)."""
    finding = await shells.get(tx, finding_id)
    POLICY.require(who, Act.READ, finding)
    await looks.at_one(tx, rt, who, Act.READ, f"/shell-findings/{finding_id}", finding.organisation)
    return finding


async def page(tx: Tx, rt: Runtime, who: Caller, *, status: str | None, after: UUID | None, limit: int) -> list[Shell]:
    """Findings the caller reaches, newest first. An official's look leaves an audit row."""
    found = await shells.page(tx, POLICY.reach(who, Act.READ), status=status, after=after, limit=limit)
    await looks.at_list(tx, rt, who, Act.READ, "/shell-findings", {each.id: each.organisation for each in found})
    return found


async def shown(tx: Tx, found: Sequence[Shell]) -> list[tuple[Shell, OwnedSite, bool]]:
    """Findings, each with its site and whether somebody hosts that now."""
    ids = {each.site_id for each in found}
    known, empty = await sites.owned(tx, ids), await shells.empty(tx, ids)
    return [(each, known[each.site_id], each.site_id not in empty) for each in found]
