"""What a batch of applications reads and writes: one statement for however many."""

# ruff: noqa: S608 -- statements are put together from column lists, nothing else

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from registry.store import amendments, checks, claims, operators, registrations
from registry.store.amendments import Amendment
from registry.store.checks import Check
from registry.store.claims import Name
from registry.store.operators import Operator
from registry.store.registrations import Registration
from registry.store.sites import OwnedSite
from shared.contracts.http.checks import Submitted
from shared.runtime.base.context import Caller
from shared.runtime.db.postgres import Tx


@dataclass(frozen=True, slots=True)
class NewCheck:
    """What a provider is asked about a submitted site."""

    id: UUID
    site_id: UUID
    registration_id: UUID
    provider_id: UUID
    asked: Submitted


OWNERS: Final = "SELECT id, operator_id FROM registration WHERE id = ANY ($1)"
HOLD_OPERATORS: Final = f"""
SELECT {operators.COLUMNS} FROM operator WHERE id = ANY ($1) ORDER BY identity FOR UPDATE
"""
MERGED: Final = "SELECT merged_id, survivor_id FROM merger WHERE merged_id = ANY ($1) AND status = 'confirmed'"
HOLD_REGISTRATIONS: Final = f"""
SELECT {registrations.COLUMNS}, last_ordinal FROM registration
 WHERE id = ANY ($1) OR operator_id = ANY ($2) AND status IN ('submitted', 'active')
 ORDER BY id FOR UPDATE
"""
# A name is taken by inserting it, as by ``claims``: of two who want it one gets it.
CLAIM: Final = """
INSERT INTO claim (domain, raw, registrable, site_id, operator_id, place, status, claimed_until)
SELECT domain, raw, registrable, site_id, operator_id, place, 'claimed', until
  FROM unnest($1::text[], $2::text[], $3::text[], $4::uuid[], $5::uuid[], $6::integer[], $7::timestamptz[])
       AS given (domain, raw, registrable, site_id, operator_id, place, until)
 ORDER BY domain
ON CONFLICT (domain) WHERE status IN ('claimed', 'live') DO NOTHING
RETURNING domain
"""
AMENDMENTS: Final = f"SELECT {amendments.COLUMNS} FROM amendment WHERE id = ANY ($1)"
CHECKS: Final = f"SELECT {checks.COLUMNS} FROM provider_check WHERE id = ANY ($1)"


async def owners(tx: Tx, registration_ids: Collection[UUID]) -> dict[UUID, UUID]:
    """Registration → its operator."""
    return {row["id"]: row["operator_id"] for row in await tx.fetch(OWNERS, list(registration_ids))}


async def hold_operators(tx: Tx, operator_ids: Collection[UUID]) -> dict[UUID, Operator]:
    """These operators, held in the order in which everybody holds several."""
    return {row["id"]: operators.of(row) for row in await tx.fetch(HOLD_OPERATORS, list(operator_ids))}


async def merged(tx: Tx, operator_ids: Collection[UUID]) -> dict[UUID, UUID]:
    """Of these operators those that go on under another entry, with that."""
    return {row["merged_id"]: row["survivor_id"] for row in await tx.fetch(MERGED, list(operator_ids))}


async def hold_registrations(
    tx: Tx, registration_ids: Collection[UUID], operator_ids: Collection[UUID]
) -> list[tuple[Registration, int]]:
    """These, and whatever these operators have asked for or hold; held, with the last site number of each."""
    rows = await tx.fetch(HOLD_REGISTRATIONS, list(registration_ids), list(operator_ids))
    return [(registrations.of(row), row["last_ordinal"]) for row in rows]


async def enter_registrations(tx: Tx, new: Sequence[Registration]) -> None:
    """Applications for numbers, each with its first site."""
    await tx.copy_records_to_table(
        "registration",
        records=[
            (r.id, r.version, r.operator_id, r.kind, r.level, r.region, r.status, 1, r.submitted_by, r.by_operator,
             r.submitted_at, r.changed_at) for r in new
        ],
        columns=("id", "version", "operator_id", "kind", "level", "region", "status", "last_ordinal", "submitted_by",
                 "by_operator", "submitted_at", "changed_at"),
    )  # fmt: skip


async def enter_sites(tx: Tx, proposed: Sequence[OwnedSite]) -> None:
    """Sites that are asked for."""
    await tx.copy_records_to_table(
        "site",
        records=[
            (o.site.id, 1, o.registration.id, o.site.ordinal, o.site.name, list(o.site.service_items), o.site.status,
             o.site.changed_at) for o in proposed
        ],
        columns=("id", "version", "registration_id", "ordinal", "name", "service_items", "status", "changed_at"),
    )  # fmt: skip


async def claim(tx: Tx, wanted: Sequence[tuple[OwnedSite, Sequence[Name], datetime]], at: datetime) -> set[str]:
    """Claim the names of sites, each until a time; gives those that another got at this very moment."""
    names = [name.ascii for _, asked, _ in wanted for name in asked]
    await claims.release_expired(tx, names, at)
    rows = [
        (name.ascii, name.raw, name.registrable, owned.site.id, owned.operator.id, place, until)
        for owned, asked, until in wanted for place, name in enumerate(asked, 1)
    ]  # fmt: skip
    got = {row["domain"] for row in await tx.fetch(CLAIM, *map(list, zip(*rows, strict=True)))}
    return {name for name in names if name not in got}


async def enter_accesses(tx: Tx, wanted: Sequence[tuple[OwnedSite, datetime]]) -> None:
    """Where sites shall be hosted; the caller holds the addresses."""
    await tx.copy_records_to_table(
        "access",
        records=[
            (a.id, o.site.id, o.operator.id, place, a.provider_id, list(a.ips), a.hosting_mode, a.region, a.status,
             until) for o, until in wanted for place, a in enumerate(o.site.accesses, 1)
        ],
        columns=("id", "site_id", "operator_id", "place", "provider_id", "ips", "hosting_mode", "region", "status",
                 "claimed_until"),
    )  # fmt: skip


async def enter_amendments(
    tx: Tx, new: Sequence[tuple[UUID, OwnedSite, dict[str, Any]]], who: Caller, at: datetime
) -> list[Amendment]:
    """Proposals of further sites: id, site, and what was asked for."""
    await tx.copy_records_to_table(
        "amendment",
        records=[
            (amendment_id, "proposed", "add_site", o.operator.id, o.registration.id, o.site.id, o.site.version,
             proposal, who.person, o.operator.identity == who.organisation, at, at) for amendment_id, o, proposal in new
        ],
        columns=("id", "status", "kind", "operator_id", "registration_id", "site_id", "base_version", "proposal",
                 "proposed_by", "by_operator", "proposed_at", "changed_at"),
    )  # fmt: skip
    return [amendments.of(row) for row in await tx.fetch(AMENDMENTS, [each for each, *_ in new])]


async def enter_checks(tx: Tx, new: Sequence[NewCheck], at: datetime) -> list[Check]:
    """What providers are asked."""
    await tx.copy_records_to_table(
        "provider_check",
        records=[
            (c.id, "asked", c.site_id, c.registration_id, c.provider_id, c.asked.model_dump(mode="json"), at, at)
            for c in new
        ],
        columns=("id", "status", "site_id", "registration_id", "provider_id", "asked", "asked_at", "changed_at"),
    )  # fmt: skip
    return [checks.of(row) for row in await tx.fetch(CHECKS, [each.id for each in new])]
