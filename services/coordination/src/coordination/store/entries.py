"""Entries of the directory, and each of their versions."""

# ruff: noqa: S608 -- statements are put together from the column lists of this file, nothing else

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from uuid import UUID

import asyncpg

from coordination.lifecycle import ENTRY, Status
from shared.contracts.directory import Organisation
from shared.contracts.http.coordination import Contacts, OrganisationVersion
from shared.runtime.acts.moves import Moves
from shared.runtime.db.at_commit import AppendOnly, insert_at_commit
from shared.runtime.db.postgres import Tx


@dataclass(frozen=True, slots=True)
class Entry:
    """An organisation in the directory; ``particulars`` is its record without what stands beside it here."""

    id: UUID
    organisation: str
    version: int
    status: Status
    changed_at: datetime
    level: str
    region: str | None
    kinds: tuple[str, ...]
    particulars: dict[str, Any]
    contacts: Contacts

    @property
    def record(self) -> Organisation:
        """The organisation as everybody may know it."""
        return Organisation.model_validate(
            {
                **self.particulars,
                "organisation_id": self.organisation,
                "version": self.version,
                "status": self.status,
                "level": self.level,
                "region": self.region,
                "kinds": self.kinds,
            }
        )


_COLUMNS: Final = "id, organisation, version, status, changed_at, level, region, kinds, particulars, contacts"
WORDS: Final = {"region": "region = ANY ({})"}

# Whoever writes looks at other entries (is somebody competent already, is there another office): one after another.
ONE_AT_A_TIME = "SELECT pg_advisory_xact_lock(hashtext('directory of organisations'))"
ADD = f"""
INSERT INTO entry ({_COLUMNS}) VALUES ($1, $2, 1, $9, $3, $4, $5, $6, $7, $8)
ON CONFLICT (organisation) DO NOTHING
RETURNING {_COLUMNS}
"""
GET = f"SELECT {_COLUMNS} FROM entry WHERE organisation = $1"
ALL = f"SELECT {_COLUMNS} FROM entry ORDER BY organisation"
PAGE = f"""
SELECT {_COLUMNS} FROM entry
 WHERE ($1::uuid IS NULL OR id < $1)
   AND ($3::text IS NULL OR $3 = ANY (kinds))
   AND ($4::text IS NULL OR region = $4)
   AND ($5::text IS NULL OR status = $5)
 ORDER BY id DESC LIMIT $2
"""
VERSIONS = "SELECT record, action, by, why, at FROM entry_version WHERE entry_id = $1 ORDER BY version DESC"
ADD_VERSION = AppendOnly(
    "entry_version",
    {"entry_id": "uuid", "version": "integer", "record": "jsonb", "action": "text", "by": "text", "why": "text",
     "at": "timestamptz"},
)  # fmt: skip


def _entry(row: asyncpg.Record) -> Entry:
    given = dict(row)
    given |= {
        "status": Status(row["status"]),
        "kinds": tuple(row["kinds"]),
        "contacts": Contacts.model_validate(row["contacts"]),
    }
    return Entry(**given)


ENTRIES: Final = Moves(ENTRY, table="entry", columns=_COLUMNS, read=_entry)


async def one_at_a_time(tx: Tx) -> None:
    """Wait until nobody else changes the directory, and keep others from it until the transaction ends."""
    await tx.execute(ONE_AT_A_TIME)


async def add(
    tx: Tx,
    entry_id: UUID,
    organisation: str,
    at: datetime,
    *,
    status: Status,
    level: str,
    region: str | None,
    kinds: Sequence[str],
    particulars: dict[str, Any],
    contacts: Contacts,
) -> Entry | None:
    """Enter an organisation; None if the directory has or had one of this id."""
    row = await tx.fetchrow(
        ADD, entry_id, organisation, at, level, region, list(kinds), particulars, contacts.model_dump(mode="json"),
        status,
    )  # fmt: skip
    return _entry(row) if row else None


async def get(tx: Tx, organisation: str) -> Entry | None:
    """Read an entry."""
    row = await tx.fetchrow(GET, organisation)
    return _entry(row) if row else None


async def everything(tx: Tx) -> list[Entry]:
    """Read the whole directory: some hundreds of entries."""
    return [_entry(row) for row in await tx.fetch(ALL)]


async def page(
    tx: Tx, after: UUID | None, limit: int, *, kind: str | None, region: str | None, status: Status | None
) -> list[Entry]:
    """List entries, newest first."""
    return [_entry(row) for row in await tx.fetch(PAGE, after, limit, kind, region, status)]


def keep_version(tx: Tx, entry: Entry, action: str, by: str, why: str) -> None:
    """Keep what an entry is from now on, without its contacts."""
    record = entry.record.model_dump(mode="json")
    insert_at_commit(tx, ADD_VERSION, (entry.id, entry.version, record, action, by, why, entry.changed_at))


async def versions(tx: Tx, entry: Entry) -> list[OrganisationVersion]:
    """Every version of an entry, newest first."""
    return [OrganisationVersion.model_validate(dict(row)) for row in await tx.fetch(VERSIONS, entry.id)]
