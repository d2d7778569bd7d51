"""The register as enforcement knows it: taken over from registry-sites, a batch at a time."""

from collections.abc import Sequence

from enforcement.store import sites
from shared.contracts.registry import SiteRecordedV1
from shared.runtime.acts.runtime import Runtime
from shared.runtime.db.postgres import Tx


async def record_sites(rt: Runtime, tx: Tx, facts: Sequence[SiteRecordedV1]) -> None:
    """Keep the newest record of each site; the highest version wins, whatever order they come in."""
    await sites.record(tx, facts)
