"""Licences under which providers host."""

# ruff: noqa: S608 -- statements are put together from the column lists of this file, nothing else

from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Final, Literal
from uuid import UUID

import asyncpg

from access_control.errors import UnknownLicence
from access_control.lifecycle import LICENCE, LicenceAction
from shared.contracts.http.providers import LicenceStatus, NewLicence
from shared.runtime.acts.moves import Moves
from shared.runtime.db.postgres import Tx


@dataclass(frozen=True, slots=True)
class Licence:
    """A licence; one that was given up stays, and so does its number."""

    id: UUID
    version: int
    status: LicenceStatus
    provider_id: UUID
    kind: str
    number: str
    provinces: tuple[str, ...]
    valid_from: date
    valid_until: date | None
    entered_at: datetime
    changed_at: datetime

    @property
    def level(self) -> Literal["national", "province"]:
        """Whether it holds in the whole country."""
        return "province" if self.provinces else "national"

    def in_force(self, day: date) -> bool:
        """Held, begun and not over, on that day where the profile is in force."""
        begun, over = self.valid_from <= day, self.valid_until is not None and self.valid_until < day
        return self.status is LicenceStatus.HELD and begun and not over


COLUMNS: Final = """id, version, status, provider_id, kind, number, provinces, valid_from, valid_until, entered_at,
       changed_at"""
ADD: Final = f"""
INSERT INTO provider_licence (id, status, provider_id, kind, number, provinces, valid_from, valid_until, entered_by,
                              entered_at, changed_at)
VALUES ($1, 'held', $2, $3, $4, $5, $6, $7, $8, $9, $9)
RETURNING {COLUMNS}
"""
OF: Final = f"SELECT {COLUMNS} FROM provider_licence WHERE provider_id = ANY ($1) ORDER BY provider_id, id"
HOLD: Final = f"SELECT {COLUMNS} FROM provider_licence WHERE id = $1 AND provider_id = $2 FOR NO KEY UPDATE"
# Of two who enter one number, the second waits here, and then sees what the first wrote.
LOCK: Final = "SELECT pg_advisory_xact_lock(hashtextextended('concord licence ' || $1, 0))"
HOLDER: Final = """
SELECT provider_id FROM provider_licence
 WHERE number = $1 AND status = 'held' AND (valid_until IS NULL OR valid_until >= $2) AND id IS DISTINCT FROM $3
 LIMIT 1
"""
PROVIDER: Final = "SELECT provider_id FROM provider_licence WHERE id = $1"


def of(row: asyncpg.Record) -> Licence:
    """A row of COLUMNS."""
    values: dict[str, Any] = dict(row)
    return Licence(**{**values, "status": LicenceStatus(values["status"]), "provinces": tuple(values["provinces"])})


MOVES: Final[Moves[Licence, LicenceStatus, LicenceAction]] = Moves(
    LICENCE, table="provider_licence", columns=COLUMNS, read=of
)


async def add(
    tx: Tx, licence_id: UUID, provider_id: UUID, new: NewLicence, number: str, *, by: str, at: datetime
) -> Licence:
    """Enter a licence under the normal form of its number."""
    row = await tx.fetchrow(
        ADD, licence_id, provider_id, new.kind, number, list(dict.fromkeys(new.provinces)), new.valid_from,
        new.valid_until, by, at,
    )  # fmt: skip
    assert row is not None
    return of(row)


async def of_providers(tx: Tx, *provider_ids: UUID) -> dict[UUID, list[Licence]]:
    """The licences of each of these providers, given up ones too, oldest first."""
    found: dict[UUID, list[Licence]] = {provider_id: [] for provider_id in provider_ids}
    for row in await tx.fetch(OF, list(provider_ids)):
        found[row["provider_id"]].append(of(row))
    return found


async def hold(tx: Tx, provider_id: UUID, licence_id: UUID) -> Licence:
    """One licence of a provider, held. Raises UnknownLicence."""
    row = await tx.fetchrow(HOLD, licence_id, provider_id)
    if row is None:
        raise UnknownLicence(provider_id=provider_id, licence_id=licence_id)
    return of(row)


async def holder(tx: Tx, number: str, day: date, but: UUID | None = None) -> UUID | None:
    """The provider that has this number in another licence than ``but``, not over on that day; holds the number."""
    await tx.execute(LOCK, number)
    found: UUID | None = await tx.fetchval(HOLDER, number, day, but)
    return found


async def provider_of(tx: Tx, licence_id: UUID) -> UUID:
    """Whose licence it is."""
    found: UUID = await tx.fetchval(PROVIDER, licence_id)
    return found
