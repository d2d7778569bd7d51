"""What carrying a decision out would hit now, and whom that touches besides (safeguard 3)."""

from typing import Final

from registry.lifecycle import ExecutionStatus
from registry.store import bars, sites
from registry.store.executions import Execution
from registry.store.sites import OwnedSite
from shared.contracts.subjects import FoundSite, FrozenSite, Preview
from shared.rules import Effect
from shared.rules.identifiers import normalise_domain
from shared.runtime.acts.runtime import Runtime
from shared.runtime.db.postgres import Tx

MOST_NEIGHBOURS: Final = 500
"""So many are listed, and named by whoever signs; how many there are in all is said beside them, and signed too."""


async def of(
    tx: Tx, rt: Runtime, execution: Execution, site: OwnedSite | None
) -> tuple[FrozenSite | None, Preview | None]:
    """What would be hit now: the union of the site as decided about and as it is; and who else would be."""
    at, decided = rt.clock.now(), execution.decision.site
    if isinstance(execution.decision.subject, FoundSite):
        hosts = (execution.decision.subject.host,)
        return None, Preview(hosts=hosts, protected=_protected(rt, hosts), as_of=at)
    if execution.effect == Effect.BAR and execution.operator_id is not None:
        return decided, Preview(hosts=await _barred_names(tx, execution), as_of=at)
    if site is None or execution.effect == Effect.END_ITEM:
        return decided, Preview(hosts=(), as_of=at)
    hit = sorted({*site.site.domains, *(decided.hosts if decided is not None else ())})
    now = await sites.frozen(tx, site, hit, sorted({normalise_domain(host).registrable for host in hit}))
    hits = decided.joined(now) if decided is not None else now
    ips = sorted({ip for access in hits.accesses for ip in access.ips})
    found = await sites.neighbours(tx, ips, site.site.id, MOST_NEIGHBOURS, rt.rules.protected_suffixes)
    return hits, Preview(
        hosts=hits.hosts, neighbours=found.listed, neighbours_total=found.total,
        protected=_protected(rt, (*hits.hosts, *found.protected)), as_of=at,
    )  # fmt: skip


async def _barred_names(tx: Tx, execution: Execution) -> tuple[str, ...]:
    """The names that go with a bar: as they would be, or as they were signed."""
    if execution.status is not ExecutionStatus.CARRIED_OUT and execution.operator_id is not None:
        return tuple(sorted({domain for domain, _, _ in await bars.names_of(tx, execution.operator_id)}))
    return tuple(domain for domain, _ in await bars.frozen(tx, execution.id))


def _protected(rt: Runtime, hosts: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(sorted({host for host in hosts if rt.rules.protected_by(host) is not None}))
