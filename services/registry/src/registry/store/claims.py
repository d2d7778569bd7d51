"""Names: which site each belongs to, and which an undecided application keeps from others for so long."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import UUID

from shared.contracts.ordering import lineage
from shared.runtime.db.postgres import Tx


@dataclass(frozen=True, slots=True)
class Name:
    """A host name as given, as compared, and the registrable domain it lies under."""

    raw: str
    ascii: str
    registrable: str

    @property
    def above(self) -> tuple[str, ...]:
        """The name itself and every name above it, down to the registrable domain."""
        labels, least = self.ascii.split("."), self.registrable.count(".") + 1
        return tuple(".".join(labels[start:]) for start in range(max(1, len(labels) - least + 1)))


BY_DOMAIN: Final = """
SELECT site_id FROM claim WHERE domain = ANY ($1) AND status IN ('claimed', 'live') AND amendment_id IS NULL
 ORDER BY length(domain) DESC LIMIT 1
"""
# What an undecided application claimed for too long is released for whoever asks; its row tells what it had asked for.
RELEASE_EXPIRED: Final = """
UPDATE claim SET status = 'released', claimed_until = NULL
 WHERE domain = ANY ($1) AND status = 'claimed' AND claimed_until < $2
"""
# A name is taken by inserting it: of two who want it one gets it.
CLAIM: Final = """
INSERT INTO claim (domain, raw, registrable, site_id, operator_id, amendment_id, place, status, claimed_until)
SELECT domain, raw, registrable, $4, $5, $6, place, 'claimed', $7
  FROM unnest($1::text[], $2::text[], $3::text[]) WITH ORDINALITY AS given (domain, raw, registrable, place)
 ORDER BY domain
ON CONFLICT (domain) WHERE status IN ('claimed', 'live') DO NOTHING
RETURNING domain
"""
OF_NUMBERS: Final = """
SELECT DISTINCT c.domain FROM claim c JOIN site s ON s.id = c.site_id
 WHERE s.registration_id = ANY ($1) AND c.status <> 'released' ORDER BY c.domain
"""
OF_OPERATORS: Final = """
SELECT DISTINCT c.domain FROM registration r JOIN site s ON s.registration_id = r.id JOIN claim c ON c.site_id = s.id
 WHERE r.operator_id = ANY ($1) AND c.status <> 'released' ORDER BY c.domain
"""
HELD_BY: Final = """
SELECT domain, site_id, operator_id FROM claim
 WHERE domain = ANY ($1) AND (status = 'live' OR status = 'claimed' AND claimed_until >= $2)
"""
LIVE: Final = "SELECT domain, site_id FROM claim WHERE domain = ANY ($1) AND status = 'live'"
MAKE_LIVE: Final = """
UPDATE claim SET status = 'live', claimed_until = NULL, amendment_id = NULL
 WHERE site_id = $1 AND status = 'claimed' AND amendment_id IS NOT DISTINCT FROM $2
RETURNING domain
"""
RELEASE: Final = """
UPDATE claim SET status = 'released', claimed_until = NULL
 WHERE site_id = $1 AND status <> 'released' AND ($2::text[] IS NULL OR domain = ANY ($2))
"""
RELEASE_PROPOSED: Final = """
UPDATE claim SET status = 'released', claimed_until = NULL WHERE amendment_id = $1 AND status = 'claimed'
"""
REORDER: Final = """
UPDATE claim SET place = given.place
  FROM unnest($2::text[]) WITH ORDINALITY AS given (domain, place)
 WHERE claim.site_id = $1 AND claim.domain = given.domain AND claim.status = 'live'
"""
ASKED_FOR: Final = """
SELECT domain, raw, registrable FROM (
       SELECT DISTINCT ON (domain) domain, raw, registrable, place FROM claim
        WHERE site_id = $1 AND amendment_id IS NULL ORDER BY domain, status = 'released') AS asked
 ORDER BY place, domain
"""
GIVE: Final = "UPDATE claim SET operator_id = $2 WHERE site_id = $1 AND status = 'live'"

KEEP_UNTIL: Final = "UPDATE claim SET status = 'claimed', claimed_until = $2 WHERE site_id = $1 AND status = 'live'"


async def keep_until(tx: Tx, site_id: UUID, until: datetime) -> None:
    """A site's names are kept from others until a time, and go to whoever asks for them after it."""
    await tx.execute(KEEP_UNTIL, site_id, until)


async def by_domain(tx: Tx, names: Sequence[str]) -> UUID | None:
    """The site that holds the longest of these names."""
    found: UUID | None = await tx.fetchval(BY_DOMAIN, list(names))
    return found


async def claim(
    tx: Tx, site_id: UUID, operator_id: UUID, names: Sequence[Name], *, amendment_id: UUID | None, until: datetime,
    at: datetime,
) -> list[str]:  # fmt: skip
    """Claim names for a site; gives those that another holds."""
    await release_expired(tx, [name.ascii for name in names], at)
    rows = await tx.fetch(
        CLAIM, [name.ascii for name in names], [name.raw for name in names], [name.registrable for name in names],
        site_id, operator_id, amendment_id, until,
    )  # fmt: skip
    got = {row["domain"] for row in rows}
    return [name.ascii for name in names if name.ascii not in got]


async def release_expired(tx: Tx, domains: Sequence[str], at: datetime) -> None:
    """Take names from applications that claimed them for too long."""
    await tx.execute(RELEASE_EXPIRED, list(domains), at)


async def asked_for(tx: Tx, site_id: UUID) -> tuple[Name, ...]:
    """Every name that a proposed site asked for, also those that it has lost or given back since."""
    return tuple(Name(row["raw"], row["domain"], row["registrable"]) for row in await tx.fetch(ASKED_FOR, site_id))


async def of_numbers(tx: Tx, registration_ids: Collection[UUID]) -> list[str]:
    """The names of the sites under these numbers, or asked for with them."""
    return [row["domain"] for row in await tx.fetch(OF_NUMBERS, list(registration_ids))]


async def of_operators(tx: Tx, operator_ids: Collection[UUID]) -> list[str]:
    """The names of all sites of these operators."""
    return [row["domain"] for row in await tx.fetch(OF_OPERATORS, list(operator_ids))]


async def held_by(tx: Tx, domains: Sequence[str], at: datetime) -> dict[str, tuple[UUID, UUID]]:
    """Who holds which of these names: site and operator."""
    return {row["domain"]: (row["site_id"], row["operator_id"]) for row in await tx.fetch(HELD_BY, list(domains), at)}


async def holders(tx: Tx, hosts: Collection[str]) -> set[UUID]:
    """The sites that have these names by now: the very name, or the longest above it that somebody has."""
    above = {host: lineage(host) for host in hosts}
    rows = await tx.fetch(LIVE, sorted({name for names in above.values() for name in names}))
    held = {row["domain"]: row["site_id"] for row in rows}
    nearest = (next((name for name in names if name in held), None) for names in above.values())
    return {held[name] for name in nearest if name is not None}


async def make_live(tx: Tx, site_id: UUID, *, amendment_id: UUID | None) -> set[str]:
    """What was claimed is the site's from now on; gives those names. One that was lost meanwhile is not among them."""
    return {row["domain"] for row in await tx.fetch(MAKE_LIVE, site_id, amendment_id)}


async def release(tx: Tx, site_id: UUID, domains: Sequence[str] | None = None) -> None:
    """Give names back: these, or all."""
    await tx.execute(RELEASE, site_id, None if domains is None else list(domains))


async def release_proposed(tx: Tx, amendment_id: UUID) -> None:
    """Give back what a proposal had claimed."""
    await tx.execute(RELEASE_PROPOSED, amendment_id)


async def reorder(tx: Tx, site_id: UUID, domains: Sequence[str]) -> None:
    """Put the names into this order."""
    await tx.execute(REORDER, site_id, list(domains))


async def give_to(tx: Tx, site_id: UUID, operator_id: UUID) -> None:
    """A site's names are another operator's from now on."""
    await tx.execute(GIVE, site_id, operator_id)
