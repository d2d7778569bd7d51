"""Imports: how they stand, what did not go in, and sets of rows entered by COPY."""

# ruff: noqa: S608 -- statements are put together from the column lists of this file, nothing else

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final
from uuid import UUID

from registry.errors import ImportTakenOver, UnknownImport
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
    media_type: str | None
    charset: str | None
    recognised: bool
    dry_run: bool
    keeps_all: bool
    bytes_read: int
    total_bytes: int | None
    next_row: int
    taken_hash: bytes | None
    run: int

    @property
    def organisation(self) -> str:
        """Whose people may read it."""
        return self.organisation_id


@dataclass(frozen=True, slots=True)
class Mark:
    """How far a file was read: the first row that is not taken, the SHA-256 of those before it, and the bytes read."""

    next_row: int
    taken_hash: bytes
    bytes_read: int
    charset: str | None
    recognised: bool


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
    value: str | None = None


@dataclass(frozen=True, slots=True)
class Taken:
    """A row that is in: accepted now, or in the register before."""

    line: int
    kind: str
    site_id: UUID | None
    number: str | None


@dataclass(slots=True)
class Outcome:
    """What came of a batch."""

    results: list[Result] = field(default_factory=list)
    taken: list[Taken] = field(default_factory=list)
    """Only where somebody asked for them."""
    accepted: int = 0
    unchanged: int = 0


COLUMNS: Final = """id, organisation_id, started_by, filename, status, records, accepted, unchanged, rejected, findings,
       started_at, changed_at, media_type, charset, recognised, dry_run, keeps_all, bytes_read, total_bytes, next_row,
       taken_hash, run"""
ADD: Final = """
INSERT INTO import (id, organisation_id, started_by, filename, status, media_type, dry_run, keeps_all, total_bytes,
                    started_at, changed_at)
VALUES ($1, $2, $3, $4, 'running', $5, $6, $7, $8, $9, $9)
ON CONFLICT (id) DO NOTHING
RETURNING id
"""
GET: Final = f"SELECT {COLUMNS} FROM import WHERE id = $1"
# Whoever goes on with an import takes it over: what ran before, and may still run, writes no more.
TAKE_OVER: Final = f"""
UPDATE import SET status = 'running', run = run + 1, total_bytes = $3, bytes_read = 0, changed_at = $2
 WHERE id = $1 AND run = $4 AND status IN ('running', 'interrupted') AND NOT dry_run
RETURNING {COLUMNS}
"""
PROGRESS: Final = """
UPDATE import SET records = records + $3 + $4 + $5, accepted = accepted + $3, unchanged = unchanged + $4,
       rejected = rejected + $5, findings = findings + $6, changed_at = $7, next_row = $8, taken_hash = $9,
       bytes_read = $10, charset = $11, recognised = $12
 WHERE id = $1 AND run = $2 AND status = 'running'
RETURNING id
"""
FINISH: Final = """
UPDATE import SET status = $3, changed_at = $4, bytes_read = greatest(bytes_read, $5), charset = coalesce($6, charset),
       recognised = recognised OR $7
 WHERE id = $1 AND run = $2 AND status = 'running'
"""
RESULTS: Final = """
SELECT line, place, kind, raw, code, field, message, value, NULL::uuid AS site_id, NULL AS number
  FROM (SELECT * FROM import_result WHERE import_id = $1 AND (line, place) > ($2, $3) ORDER BY line, place LIMIT $4) r
 UNION ALL
SELECT line, 0, kind, '', '', NULL, '', NULL, site_id, number
  FROM (SELECT * FROM import_taken WHERE import_id = $1 AND (line, 0) > ($2, $3) ORDER BY line LIMIT $4) t
 ORDER BY line, place LIMIT $4
"""
LAST_ORDINALS: Final = """
UPDATE registration SET last_ordinal = given.last FROM unnest($1::uuid[], $2::integer[]) AS given (id, last)
 WHERE registration.id = given.id
"""


async def add(
    tx: Tx, import_id: UUID, *, organisation_id: str, by: str, filename: str | None, media_type: str, dry_run: bool,
    keeps_all: bool, total_bytes: int | None, at: datetime,
) -> bool:  # fmt: skip
    """An import begins; false if there is one with this id."""
    added = await tx.fetchval(
        ADD, import_id, organisation_id, by, filename, media_type, dry_run, keeps_all, total_bytes, at
    )
    return added is not None


async def get(tx: Tx, import_id: UUID) -> Import:
    """One import. Raises UnknownImport."""
    row = await tx.fetchrow(GET, import_id)
    if row is None:
        raise UnknownImport(import_id=import_id)
    return Import(**dict(row))


async def take_over(tx: Tx, known: Import, total_bytes: int | None, at: datetime) -> Import | None:
    """Go on with an import as it was read; none if somebody else did meanwhile."""
    row = await tx.fetchrow(TAKE_OVER, known.id, at, total_bytes, known.run)
    return Import(**dict(row)) if row else None


async def progress(tx: Tx, import_id: UUID, run: int, outcome: Outcome, mark: Mark, at: datetime) -> None:
    """A batch is in. Raises ImportTakenOver if another run goes on with it."""
    results = outcome.results
    if results:
        columns = ("import_id", "line", "place", "kind", "raw", "code", "field", "message", "value")
        rows = [(import_id, r.line, r.place, r.kind, r.raw, r.code, r.field, r.message, r.value) for r in results]
        await tx.copy_records_to_table("import_result", records=rows, columns=columns)
    if outcome.taken:
        of_taken = [(import_id, t.line, t.kind, t.site_id, t.number) for t in outcome.taken]
        await tx.copy_records_to_table(
            "import_taken", records=of_taken, columns=("import_id", "line", "kind", "site_id", "number")
        )
    rejected = len({result.line for result in results if result.kind == "rejected"})
    written = await tx.fetchval(
        PROGRESS, import_id, run, outcome.accepted, outcome.unchanged, rejected, len(results) - rejected, at,
        mark.next_row, mark.taken_hash, mark.bytes_read, mark.charset, mark.recognised,
    )  # fmt: skip
    if written is None:
        raise ImportTakenOver


async def finish(tx: Tx, import_id: UUID, run: int, status: str, at: datetime, *, read: int, charset: str | None,
                 recognised: bool) -> None:  # fmt: skip
    """An import is done, or was broken off; another run's stays as it is."""
    await tx.execute(FINISH, import_id, run, status, at, read, charset, recognised)


async def results(tx: Tx, import_id: UUID, after: tuple[int, int], limit: int) -> list[tuple[Result, Taken | None]]:
    """What is to be said of its rows, in the order of the file; rows that are in come with where they are."""
    found: list[tuple[Result, Taken | None]] = []
    for row in await tx.fetch(RESULTS, import_id, *after, limit):
        values = dict(row)
        site_id, number = values.pop("site_id"), values.pop("number")
        result = Result(**values)
        is_in = result.kind in {"accepted", "unchanged"}
        found.append((result, Taken(result.line, result.kind, site_id, number) if is_in else None))
    return found


async def enter(
    tx: Tx, new: Sequence[Registration], entered: Sequence[tuple[OwnedSite, Sequence[Name]]],
    ordinals: dict[UUID, int], at: datetime,
) -> list[str]:  # fmt: skip
    """Enter registrations and live sites by COPY; the caller holds their addresses.

    Gives the addresses that are taken, and then all must be undone.
    """
    hosted = [(owned.operator.id, access) for owned, _ in entered for access in owned.site.accesses]
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
