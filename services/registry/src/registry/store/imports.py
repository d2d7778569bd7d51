"""Imports: how they stand, what did not go in, and sets of rows entered by COPY."""

# ruff: noqa: S608 -- statements are put together from the column lists of this file, nothing else

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import UUID

from registry.errors import UnknownImport
from registry.store import accesses, claims
from registry.store.claims import Name
from registry.store.registrations import Registration
from registry.store.sites import OwnedSite
from shared.runtime.db.postgres import Tx


@dataclass(frozen=True, slots=True)
class Import:
    """How an import stands."""

    id: UUID
    organisation_id: str
    started_by: str
    filename: str | None
    status: str
    records: int
    accepted: int
    unchanged: int
    rejected: int
    findings: int
    started_at: datetime
    changed_at: datetime

    @property
    def organisation(self) -> str:
        """Whose people may read it."""
        return self.organisation_id


@dataclass(frozen=True, slots=True)
class Result:
    """What is to be said of a row: it was rejected, or it is in and something must be put right."""

    line: int
    place: int
    kind: str
    raw: str
    code: str
    field: str | None
    message: str


COLUMNS: Final = """id, organisation_id, started_by, filename, status, records, accepted, unchanged, rejected, findings,
       started_at, changed_at"""
ADD: Final = """
INSERT INTO import (id, organisation_id, started_by, filename, status, started_at, changed_at)
VALUES ($1, $2, $3, $4, 'running', $5, $5)
"""
GET: Final = f"SELECT {COLUMNS} FROM import WHERE id = $1"
PROGRESS: Final = """
UPDATE import SET records = records + $2 + $3 + $4, accepted = accepted + $2, unchanged = unchanged + $3,
       rejected = rejected + $4, findings = findings + $5, changed_at = $6
 WHERE id = $1
"""
FINISH: Final = "UPDATE import SET status = $2, changed_at = $3 WHERE id = $1"
RESULTS: Final = """
SELECT line, place, kind, raw, code, field, message FROM import_result
 WHERE import_id = $1 AND (line, place) > ($2, $3) ORDER BY line, place LIMIT 1000
"""
LAST_ORDINALS: Final = """
UPDATE registration SET last_ordinal = given.last FROM unnest($1::uuid[], $2::integer[]) AS given (id, last)
 WHERE registration.id = given.id
"""


async def add(tx: Tx, import_id: UUID, *, organisation_id: str, by: str, filename: str | None, at: datetime) -> None:
    """An import begins."""
    await tx.execute(ADD, import_id, organisation_id, by, filename, at)


async def get(tx: Tx, import_id: UUID) -> Import:
    """One import. Raises UnknownImport."""
    row = await tx.fetchrow(GET, import_id)
    if row is None:
        raise UnknownImport(import_id=import_id)
    return Import(**dict(row))


async def progress(
    tx: Tx, import_id: UUID, results: Sequence[Result], *, accepted: int, unchanged: int, at: datetime
) -> None:
    """A batch is in."""
    if results:
        columns = ("import_id", "line", "place", "kind", "raw", "code", "field", "message")
        rows = [(import_id, r.line, r.place, r.kind, r.raw, r.code, r.field, r.message) for r in results]
        await tx.copy_records_to_table("import_result", records=rows, columns=columns)
    rejected = len({result.line for result in results if result.kind == "rejected"})
    await tx.execute(PROGRESS, import_id, accepted, unchanged, rejected, len(results) - rejected, at)


async def finish(tx: Tx, import_id: UUID, status: str, at: datetime) -> None:
    """An import is done, or was broken off."""
    await tx.execute(FINISH, import_id, status, at)


async def results(tx: Tx, import_id: UUID, after: tuple[int, int]) -> list[Result]:
    """What is to be said of its rows, in the order of the file."""
    return [Result(**dict(row)) for row in await tx.fetch(RESULTS, import_id, *after)]


async def enter(
    tx: Tx, new: Sequence[Registration], entered: Sequence[tuple[OwnedSite, Sequence[Name]]],
    ordinals: dict[UUID, int], at: datetime,
) -> list[str]:  # fmt: skip
    """Enter registrations and live sites by COPY; gives the addresses that are taken, and then all must be undone."""
    hosted = [(owned.operator.id, access) for owned, _ in entered for access in owned.site.accesses]
    await accesses.lock(tx, {ip for _, access in hosted for ip in access.ips})
    wanted = {use for operator_id, access in hosted for use in access.wanted_by(operator_id)}
    if lost := await accesses.taken(tx, wanted, at):
        return sorted({ip for ip, *_ in lost})
    await claims.release_expired(tx, [name.ascii for _, names in entered for name in names], at)
    await tx.copy_records_to_table(
        "registration",
        records=[
            (r.id, r.version, r.operator_id, r.kind, r.level, r.region, r.status, r.number, ordinals[r.id],
             r.submitted_by, r.submitted_at, r.changed_at) for r in new
        ],
        columns=("id", "version", "operator_id", "kind", "level", "region", "status", "number", "last_ordinal",
                 "submitted_by", "submitted_at", "changed_at"),
    )  # fmt: skip
    known = ordinals.keys() - {r.id for r in new}
    await tx.execute(LAST_ORDINALS, list(known), [ordinals[each] for each in known])
    await tx.copy_records_to_table(
        "site",
        records=[
            (o.site.id, 1, o.registration.id, o.site.ordinal, o.site.name, list(o.site.service_items), o.site.status,
             at)
            for o, _ in entered
        ],
        columns=("id", "version", "registration_id", "ordinal", "name", "service_items", "status", "changed_at"),
    )  # fmt: skip
    await tx.copy_records_to_table(
        "claim",
        records=[
            (name.ascii, name.raw, name.registrable, o.site.id, o.operator.id, place, "live")
            for o, names in entered for place, name in enumerate(names, 1)
        ],
        columns=("domain", "raw", "registrable", "site_id", "operator_id", "place", "status"),
    )  # fmt: skip
    await tx.copy_records_to_table(
        "access",
        records=[
            (a.id, o.site.id, o.operator.id, place, a.provider_id, list(a.ips), a.hosting_mode, a.region, a.status)
            for o, _ in entered for place, a in enumerate(o.site.accesses, 1)
        ],
        columns=("id", "site_id", "operator_id", "place", "provider_id", "ips", "hosting_mode", "region", "status"),
    )  # fmt: skip
    return []
