"""Whom a decision touches besides its subject: shown to whoever drafts, signed by whoever releases (safeguard 3)."""

from datetime import UTC, datetime
from typing import Final

from enforcement.store import sites
from enforcement.store.cases import Case
from shared.contracts.subjects import FrozenSite, Preview
from shared.rules import Effect
from shared.runtime.acts.runtime import Runtime
from shared.runtime.db.postgres import Tx

STOPS: Final = frozenset({Effect.SUSPEND_ACCESS, Effect.CUT_ACCESS, Effect.REVOKE})
"""Effects that make a site unreachable, and so can hit others."""
NEVER: Final = datetime(1990, 1, 1, tzinfo=UTC)
"""How old a copy is that was never whole."""
MOST_NEIGHBOURS: Final = 500
"""So many are listed, and named by whoever signs; how many there are in all is said beside them, and signed too."""


async def of(tx: Tx, rt: Runtime, case: Case, effect: Effect) -> tuple[FrozenSite | None, Preview]:
    """The case's site as it is now, and what the effect would do to others, by the register as enforcement knows it."""
    at = await sites.whole_until(tx) or NEVER
    known = await sites.get(tx, case.site_id) if case.site_id is not None else None
    site = await sites.frozen(tx, known) if known is not None else None
    if effect not in STOPS:
        return site, Preview(hosts=(), as_of=at)
    if site is None:
        return None, Preview(hosts=case.hosts, protected=_protected(rt, case.hosts), as_of=at)
    ips = sorted({ip for access in site.accesses for ip in access.ips})
    found = await sites.neighbours(tx, ips, site.site_id, MOST_NEIGHBOURS, rt.rules.protected_suffixes)
    return site, Preview(
        hosts=site.hosts, neighbours=found.listed, neighbours_total=found.total,
        protected=_protected(rt, (*site.hosts, *found.protected)), as_of=at,
    )  # fmt: skip


def _protected(rt: Runtime, hosts: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(sorted({host for host in hosts if rt.rules.protected_by(host) is not None}))
