"""What every change of a site ends with: its names and accesses written, its version kept, and the others told."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from registry.errors import NotAdmitted, TooManySites
from registry.service import overlaps
from registry.store import accesses, claims, registrations, sites
from registry.store.accesses import Access
from registry.store.claims import Name
from registry.store.operators import Operator
from registry.store.sites import OwnedSite
from shared.contracts.http.registry import MOST_SITES, GroundFound
from shared.runtime.acts import outbox
from shared.runtime.acts.runtime import Runtime
from shared.runtime.db.postgres import Tx


async def claim(
    tx: Tx, site_id: UUID, operator_id: UUID, names: Sequence[Name], *, amendment_id: UUID | None, until: datetime,
    at: datetime,
) -> None:  # fmt: skip
    """Claim names; whoever lost a race for one learns which. Raises NotAdmitted."""
    lost = await claims.claim(tx, site_id, operator_id, names, amendment_id=amendment_id, until=until, at=at)
    if lost:
        _refuse("domain_taken", "domains", lost)


async def take(
    tx: Tx, site_id: UUID, operator_id: UUID, names: Sequence[Name], *, amendment_id: UUID | None, at: datetime
) -> None:
    """What was claimed is the site's from now on. A name lost since then is asked for again. Raises NotAdmitted."""
    got = await claims.make_live(tx, site_id, amendment_id=amendment_id)
    lost = [name for name in names if name.ascii not in got]
    if lost:
        await claim(tx, site_id, operator_id, lost, amendment_id=amendment_id, until=at, at=at)
        await claims.make_live(tx, site_id, amendment_id=amendment_id)


async def host(
    tx: Tx, site_id: UUID, operator_id: UUID, wanted: Sequence[Access], *, claimed_until: datetime | None, at: datetime
) -> None:
    """Write accesses under the lock of their addresses. Raises NotAdmitted."""
    await require_addresses(tx, site_id, operator_id, wanted, at)
    for access in wanted:
        await accesses.add(tx, site_id, operator_id, access, claimed_until=claimed_until)


async def require_addresses(tx: Tx, site_id: UUID, operator_id: UUID, wanted: Sequence[Access], at: datetime) -> None:
    """Hold addresses, and refuse those that are another's; whoever lost a race learns which. Raises NotAdmitted."""
    await accesses.lock(tx, {ip for access in wanted for ip in access.ips})
    uses = {use for access in wanted for use in access.wanted_by(operator_id)}
    taken = await accesses.taken(tx, uses, at, except_site=site_id)
    if taken:
        _refuse("address_taken", "accesses", sorted({ip for ip, *_ in taken}))


def _refuse(code: str, field: str, lost: Sequence[str]) -> None:
    message = f"somebody else got {', '.join(lost)} at this very moment"
    raise NotAdmitted(codes=code, grounds=[GroundFound(code=code, field=field, message=message).model_dump()])


async def put_under(tx: Tx, registration_id: UUID, site_ids: Sequence[UUID]) -> None:
    """Put held sites under another number, in this order; whoever does moves them besides. Raises TooManySites."""
    if not site_ids:
        return
    last = await registrations.next_ordinals(tx, registration_id, len(site_ids), MOST_SITES)
    if last is None:
        raise TooManySites(most=MOST_SITES)
    first = last - len(site_ids) + 1
    await sites.renumber(tx, registration_id, {site_id: first + place for place, site_id in enumerate(site_ids)})


async def changed(tx: Tx, rt: Runtime, site_id: UUID, *, cause: dict[str, Any], at: datetime) -> OwnedSite:
    """Keep the version a site has now, with its cause, and tell its record."""
    owned = await sites.get(tx, site_id)
    await tell(tx, rt, [owned], cause=cause, at=at)
    return owned


async def tell(tx: Tx, rt: Runtime, entered: Sequence[OwnedSite], *, cause: dict[str, Any], at: datetime) -> None:
    """Keep and tell the records of sites as they are now; whatever door gave them a name, measures that hit it are seen
    here."""
    records = [owned.recorded for owned in entered]
    sites.keep_versions(tx, records, cause)
    outbox.add(tx, *records, at=at)
    await overlaps.look(tx, rt, entered)


async def operator_changed(tx: Tx, rt: Runtime, operator: Operator, *, cause: dict[str, Any], at: datetime) -> None:
    """Tell every site of a held operator anew: others know an operator by the records of its sites."""
    await tell(tx, rt, await sites.touch_all(tx, operator, at), cause=cause, at=at)
