"""Codes that were mailed to addresses, and which addresses were confirmed with one."""

from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import UUID

from shared.runtime.db.postgres import Tx


@dataclass(frozen=True, slots=True)
class Code:
    """The newest code that somebody was mailed at an address."""

    id: UUID
    code: str
    ends_at: datetime
    wrong: int


CONFIRMED: Final = """
SELECT EXISTS (SELECT FROM address_code WHERE identity = $1 AND address = $2 AND confirmed_at IS NOT NULL)
"""
NEWEST: Final = """
SELECT id, code, ends_at, wrong FROM address_code WHERE identity = $1 AND address = $2
 ORDER BY sent_at DESC, id DESC LIMIT 1
"""
ALONE: Final = "SELECT pg_advisory_xact_lock(hashtextextended('address_code ' || $1, 0))"
SENT: Final = """
SELECT count(*) FILTER (WHERE mailbox = $1) AS there, count(*) FILTER (WHERE identity = $2) AS theirs
  FROM address_code WHERE (mailbox = $1 OR identity = $2) AND sent_at > $3
"""
ADD: Final = """
INSERT INTO address_code (id, identity, address, mailbox, code, sent_at, ends_at) VALUES ($1, $2, $3, $4, $5, $6, $7)
"""
FORGET: Final = "DELETE FROM address_code WHERE mailbox = $1 AND sent_at <= $2 AND confirmed_at IS NULL"
WRONG: Final = "UPDATE address_code SET wrong = wrong + 1 WHERE id = $1"
CONFIRM: Final = "UPDATE address_code SET confirmed_at = $2 WHERE id = $1"


async def is_confirmed(tx: Tx, identity: str, address: str) -> bool:
    """Whether somebody entered a code that was mailed there."""
    return bool(await tx.fetchval(CONFIRMED, identity, address))


async def newest(tx: Tx, identity: str, address: str) -> Code | None:
    """The only code that counts."""
    row = await tx.fetchrow(NEWEST, identity, address)
    return None if row is None else Code(**row)


async def sent(tx: Tx, mailbox: str, identity: str, since: datetime) -> tuple[int, int]:
    """How many codes went to a mailbox, and how many somebody had mailed; nobody sends it one meanwhile."""
    await tx.execute(ALONE, mailbox)
    row = await tx.fetchrow(SENT, mailbox, identity, since)
    return (0, 0) if row is None else (row["there"], row["theirs"])


async def add(
    tx: Tx, code_id: UUID, *, identity: str, address: str, mailbox: str, code: str, at: datetime, ends_at: datetime,
    forget: datetime,
) -> None:  # fmt: skip
    """A code is mailed; those of before ``forget`` are forgotten."""
    await tx.execute(FORGET, mailbox, forget)
    await tx.execute(ADD, code_id, identity, address, mailbox, code, at, ends_at)


async def was_wrong(tx: Tx, code_id: UUID) -> None:
    """Another one was entered."""
    await tx.execute(WRONG, code_id)


async def confirm(tx: Tx, code_id: UUID, at: datetime) -> None:
    """It was entered."""
    await tx.execute(CONFIRM, code_id, at)
