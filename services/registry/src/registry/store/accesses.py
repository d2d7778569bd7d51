"""Accesses: where sites are hosted, and whose an address is."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final, TypeAlias
from uuid import UUID

from shared.contracts.subjects import AccessRecord
from shared.runtime.db.postgres import Tx

Wanted: TypeAlias = tuple[str, UUID, bool]
"""An address, the operator that wants it, and whether for itself alone."""


@dataclass(frozen=True, slots=True)
class Access:
    """A site at a provider."""

    id: UUID
    provider_id: UUID
    ips: tuple[str, ...]
    hosting_mode: str
    region: str
    status: str

    @property
    def dedicated(self) -> bool:
        """Whether its addresses serve this operator alone."""
        return self.hosting_mode == "dedicated"

    @property
    def where(self) -> tuple[object, ...]:
        """What makes it the same as another: provider, addresses and mode."""
        return self.provider_id, self.ips, self.hosting_mode

    def wanted_by(self, operator_id: UUID) -> set[Wanted]:
        """Its addresses as this operator wants them."""
        return {(ip, operator_id, self.dedicated) for ip in self.ips}

    @property
    def record(self) -> AccessRecord:
        """As facts tell it."""
        return AccessRecord(
            access_id=self.id, provider_id=self.provider_id, ips=self.ips, hosting_mode=self.hosting_mode,
            region=self.region, status=self.status,
        )  # fmt: skip


# Of two who want an address, the second waits here, and then sees what the first wrote.
LOCK: Final = """
INSERT INTO address (ip) SELECT ip FROM unnest($1::text[]) AS given (ip) ORDER BY ip
ON CONFLICT (ip) DO UPDATE SET ip = excluded.ip
"""
# A dedicated address serves one operator alone; any other is shared by whoever likes. Two scans for however many.
TAKEN: Final = """
WITH given AS (SELECT * FROM unnest($1::text[], $2::uuid[], $3::boolean[]) AS given (ip, operator_id, alone)),
     used AS (
       SELECT unnest(a.ips) AS ip, a.operator_id, true AS alone FROM access a
        WHERE a.ips && $1::text[] AND a.status <> 'ended' AND a.hosting_mode = 'dedicated'
          AND a.site_id IS DISTINCT FROM $5 AND (a.claimed_until IS NULL OR a.claimed_until >= $4)
       UNION ALL
       SELECT unnest(a.ips), a.operator_id, false FROM access a
        WHERE a.ips && $6::text[] AND a.status <> 'ended' AND a.hosting_mode <> 'dedicated'
          AND a.site_id IS DISTINCT FROM $5 AND (a.claimed_until IS NULL OR a.claimed_until >= $4))
SELECT DISTINCT given.ip, given.operator_id, given.alone
  FROM given JOIN used ON used.ip = given.ip AND used.operator_id <> given.operator_id
 WHERE used.alone OR given.alone
"""
HOSTED: Final = """
SELECT site_id, provider_id FROM access
 WHERE provider_id = ANY ($1) AND site_id = ANY ($2) AND status <> 'ended' AND claimed_until IS NULL
"""
GIVE: Final = "UPDATE access SET operator_id = $2 WHERE site_id = $1 AND status <> 'ended'"
ADD: Final = """
INSERT INTO access (id, site_id, operator_id, place, provider_id, ips, hosting_mode, region, status, claimed_until)
VALUES ($1, $2, $3, (SELECT coalesce(max(place), 0) + 1 FROM access WHERE site_id = $2), $4, $5, $6, $7, 'live', $8)
"""
END: Final = "UPDATE access SET status = 'ended' WHERE site_id = $1 AND id = ANY ($2)"
STOP: Final = "UPDATE access SET status = 'stopped' WHERE site_id = $1 AND status = 'live'"
RESUME: Final = "UPDATE access SET status = 'live' WHERE site_id = $1 AND status = 'stopped'"
# An application that is asked about again: its addresses are nobody's until it is granted.
GIVE_BACK: Final = """
UPDATE access SET status = 'live', claimed_until = $2 WHERE site_id = $1 AND status = 'ended'
"""
ENTER: Final = "UPDATE access SET claimed_until = NULL WHERE site_id = $1 AND status <> 'ended'"
KEEP_UNTIL: Final = "UPDATE access SET claimed_until = $2 WHERE site_id = $1 AND status <> 'ended'"
PLACE: Final = """
UPDATE access SET place = given.place FROM unnest($2::uuid[]) WITH ORDINALITY AS given (id, place)
 WHERE access.site_id = $1 AND access.id = given.id
"""


async def lock(tx: Tx, ips: Collection[str]) -> None:
    """Hold addresses: whoever writes an access does, and asks afterwards what is taken."""
    await tx.execute(LOCK, list(ips))


async def taken(
    tx: Tx, wanted: Collection[Wanted], at: datetime, *, except_site: UUID | None = None
) -> frozenset[Wanted]:
    """Which of these addresses are another operator's own, or wanted alone while another operator is there."""
    if not wanted:
        return frozenset()
    alone = [ip for ip, _, of_its_own in wanted if of_its_own]
    rows = await tx.fetch(TAKEN, *map(list, zip(*wanted, strict=True)), at, except_site, alone)
    return frozenset((row["ip"], row["operator_id"], row["alone"]) for row in rows)


async def hosted(tx: Tx, providers: Collection[UUID], sites: Collection[UUID]) -> frozenset[tuple[UUID, UUID]]:
    """Which of these sites of the register are at which of these providers already."""
    if not (providers and sites):
        return frozenset()
    return frozenset(map(tuple, await tx.fetch(HOSTED, list(providers), list(sites))))


async def add(tx: Tx, site_id: UUID, operator_id: UUID, access: Access, *, claimed_until: datetime | None) -> None:
    """Host a site at a provider; the caller holds its addresses."""
    await tx.execute(
        ADD, access.id, site_id, operator_id, access.provider_id, list(access.ips), access.hosting_mode,
        access.region, claimed_until,
    )  # fmt: skip


async def enter(tx: Tx, site_id: UUID) -> None:
    """What was asked for holds from now on."""
    await tx.execute(ENTER, site_id)


async def keep_until(tx: Tx, site_id: UUID, until: datetime) -> None:
    """A site's addresses are kept from others until a time."""
    await tx.execute(KEEP_UNTIL, site_id, until)


async def put_in_order(tx: Tx, site_id: UUID, access_ids: Sequence[UUID]) -> None:
    """Put the accesses into this order."""
    await tx.execute(PLACE, site_id, list(access_ids))


async def end(tx: Tx, site_id: UUID, accesses: Sequence[Access]) -> None:
    """A site is no longer hosted there."""
    await tx.execute(END, site_id, [access.id for access in accesses])


async def stop(tx: Tx, site_id: UUID) -> None:
    """A measure stops the site's access everywhere."""
    await tx.execute(STOP, site_id)


async def resume(tx: Tx, site_id: UUID) -> None:
    """No measure stops it any more."""
    await tx.execute(RESUME, site_id)


async def give_back(tx: Tx, site_id: UUID, at: datetime) -> None:
    """A dropped site is asked for again, as it was; whoever got an address meanwhile keeps it."""
    await tx.execute(GIVE_BACK, site_id, at)


async def give_to(tx: Tx, site_id: UUID, operator_id: UUID) -> None:
    """A site's accesses are another operator's from now on."""
    await tx.execute(GIVE, site_id, operator_id)
