"""What a merger moved is not taken elsewhere while the merger may fall: an appeal that is won gives it back."""

from collections.abc import Collection, Iterable
from datetime import datetime
from uuid import UUID

from registry.errors import MergerAppealable
from registry.store import mergers
from registry.store.mergers import Appealable
from registry.store.sites import OwnedSite
from shared.runtime.acts import notices
from shared.runtime.acts.runtime import Runtime
from shared.runtime.db.postgres import Tx


def until(rt: Runtime, within_days: int, at: datetime) -> datetime:
    """When the time to appeal against what is told now is over, however late its notices count as delivered."""
    delivered = rt.rules.due(notices.DEEMED, at).due_at
    return rt.rules.appeal_until(delivered, within_days).due_at


async def require_site(tx: Tx, rt: Runtime, site_id: UUID) -> None:
    """A held site did not come by a merger that may fall. Raises MergerAppealable (409)."""
    _refuse(rt, await mergers.appealable_site(tx, site_id, rt.clock.now()))


async def require_names(tx: Tx, rt: Runtime, site: OwnedSite, names: Iterable[str]) -> None:
    """A held site that came by a merger that may fall keeps its names: whoever gets one that it gives up keeps it.

    Hosts, items and title may change meanwhile: nobody else gets anything by that. Raises MergerAppealable (409).
    """
    if set(names) != set(site.site.domains):
        await require_site(tx, rt, site.site.id)


async def require_number(tx: Tx, rt: Runtime, registration_id: UUID) -> None:
    """Neither a held number nor a site under it came by a merger that may fall. Raises MergerAppealable (409)."""
    _refuse(rt, await mergers.appealable_number(tx, registration_id, rt.clock.now()))


async def require_operators(tx: Tx, rt: Runtime, operator_ids: Collection[UUID]) -> None:
    """None of these held operators got anything by a merger that may fall. Raises MergerAppealable (409)."""
    _refuse(rt, await mergers.appealable_of(tx, operator_ids, rt.clock.now()))


def _refuse(rt: Runtime, found: Appealable | None) -> None:
    if found is None:
        return
    over = found.appeal_until
    ends = over.astimezone(rt.rules.time_zone).isoformat() if over is not None and not found.appealed else None
    raise MergerAppealable(merger_id=str(found.id), until=ends or "the appeal against it is decided")
