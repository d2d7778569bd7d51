"""Codes mailed to addresses for service: the last one of each operator, and how often it was tried."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from shared.runtime.db.postgres import Tx

MOST_TRIES: Final = 5
"""Answers to one code, right or wrong."""
MOST_CODES: Final = 5
WITHIN: Final = timedelta(days=1)
"""No more codes than that are sent to the addresses of one operator within so long."""

SEND: Final = """
INSERT INTO address_code AS code (operator_id, email, code_hash, since)
VALUES ($1, $2, $3, $4)
ON CONFLICT (operator_id) DO UPDATE
   SET email = excluded.email, code_hash = excluded.code_hash, tries = 0,
       sent = CASE WHEN code.since <= $4 - $5::interval THEN 1 ELSE code.sent + 1 END,
       since = CASE WHEN code.since <= $4 - $5::interval THEN $4 ELSE code.since END
 WHERE code.since <= $4 - $5::interval OR code.sent < $6
RETURNING sent
"""
TRY: Final = """
UPDATE address_code SET tries = tries + 1 WHERE operator_id = $1 AND tries < $2 RETURNING email, code_hash
"""
USE: Final = """
UPDATE address_code SET tries = $4 WHERE operator_id = $1 AND email = $2 AND code_hash = $3 RETURNING operator_id
"""


@dataclass(frozen=True, slots=True)
class Tried:
    """The code that one try was spent on."""

    email: str
    code_hash: bytes


async def send(tx: Tx, operator_id: UUID, email: str, code_hash: bytes, at: datetime) -> bool:
    """Keep a new code in place of the one before; false if too many were sent within a day."""
    return await tx.fetchval(SEND, operator_id, email, code_hash, at, WITHIN, MOST_CODES) is not None


async def take_try(tx: Tx, operator_id: UUID) -> Tried | None:
    """Count a try; none if there is no code, or no try is left."""
    row = await tx.fetchrow(TRY, operator_id, MOST_TRIES)
    return Tried(**dict(row)) if row else None


async def use(tx: Tx, operator_id: UUID, tried: Tried) -> bool:
    """The right code came back: it is of no use any more. False if another one was sent meanwhile."""
    return await tx.fetchval(USE, operator_id, tried.email, tried.code_hash, MOST_TRIES) is not None
