"""Which number goes on under which: what others know of an old number leads to the one that holds now."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from shared.contracts.http.amendments import Numbered
from shared.runtime.db.postgres import Tx


@dataclass(frozen=True, slots=True)
class Neighbours:
    """The registrations before and after one: id and number of each."""

    succeeded_by: Numbered | None
    succeeds: tuple[Numbered, ...]


ADD: Final = "INSERT INTO succession (predecessor_id, successor_id, cause, at) VALUES ($1, $2, $3, $4)"
REMOVE: Final = "DELETE FROM succession WHERE predecessor_id = $1"
OF: Final = """
SELECT r.id, r.number, s.successor_id = r.id AS after
  FROM succession s JOIN registration r ON r.id IN (s.predecessor_id, s.successor_id) AND r.id <> $1
 WHERE $1 IN (s.predecessor_id, s.successor_id)
 ORDER BY s.at, r.id
"""


async def add(tx: Tx, predecessor_id: UUID, successor_id: UUID, cause: dict[str, Any], at: datetime) -> None:
    """What stood under one number stands under another from now on."""
    await tx.execute(ADD, predecessor_id, successor_id, cause, at)


async def remove(tx: Tx, predecessor_id: UUID) -> None:
    """It goes on under its own number again."""
    await tx.execute(REMOVE, predecessor_id)


async def of(tx: Tx, registration_id: UUID) -> Neighbours:
    """What came before and after a number."""
    rows = await tx.fetch(OF, registration_id)
    known = [(row["after"], Numbered(id=row["id"], number=row["number"])) for row in rows]
    after = next((each for is_after, each in known if is_after), None)
    return Neighbours(after, tuple(each for is_after, each in known if not is_after))
