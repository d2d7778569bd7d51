"""What every change of a site ends with: its names and accesses written, its version kept, and the others told."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from registry.errors import NotAdmitted
from registry.store import sites
from registry.store.sites import Access, Name, OwnedSite
from shared.contracts.http.registry import GroundFound
from shared.runtime.acts import outbox
from shared.runtime.db.postgres import Tx


async def claim(
    tx: Tx, site_id: UUID, operator_id: UUID, names: Sequence[Name], *, amendment_id: UUID | None, until: datetime,
    at: datetime,
) -> None:  # fmt: skip
    """Claim names; whoever lost a race for one learns which. Raises NotAdmitted."""
    lost = await sites.claim(tx, site_id, operator_id, names, amendment_id=amendment_id, until=until, at=at)
    if lost:
        _refuse("domain_taken", "domains", lost)


async def host(tx: Tx, site_id: UUID, operator_id: UUID, accesses: Sequence[Access]) -> None:
    """Write accesses with their addresses; whoever lost a race for one learns which. Raises NotAdmitted."""
    for access in accesses:
        lost = await sites.add_access(tx, site_id, operator_id, access)
        if lost:
            _refuse("address_taken", "accesses", lost)


def _refuse(code: str, field: str, lost: Sequence[str]) -> None:
    message = f"somebody else got {', '.join(lost)} at this very moment"
    raise NotAdmitted(codes=code, grounds=[GroundFound(code=code, field=field, message=message).model_dump()])


async def changed(tx: Tx, site_id: UUID, *, cause: dict[str, Any], at: datetime) -> OwnedSite:
    """Keep the version a site has now, with its cause, and tell its record."""
    owned = await sites.get(tx, site_id)
    sites.keep_version(tx, owned, cause)
    outbox.add(tx, owned.recorded, at=at)
    return owned
