"""What ties cases together: whereto one went on, and which an officer put side by side."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import UUID

from shared.contracts.grounds import AuthorityRef, Statement
from shared.runtime.db.postgres import Tx


@dataclass(frozen=True, slots=True)
class Transfer:
    """A case went from one authority to another, and why."""

    from_case: UUID
    to_case: UUID
    by: AuthorityRef
    to: AuthorityRef
    statement: Statement
    at: datetime


@dataclass(frozen=True, slots=True)
class Link:
    """Another case, and why an officer put it beside."""

    case_id: UUID
    reasons: str
    by: str
    at: datetime


TRANSFERRED: Final = """
INSERT INTO case_transfer (from_case, to_case, by, receiver, statement, at) VALUES ($1, $2, $3, $4, $5, $6)
"""
CAME: Final = """
WITH RECURSIVE came AS (
    SELECT * FROM case_transfer WHERE to_case = $1
     UNION ALL
    SELECT earlier.* FROM case_transfer earlier JOIN came ON earlier.to_case = came.from_case)
SELECT from_case, to_case, by, receiver, statement, at FROM came ORDER BY at, to_case
"""
WENT: Final = """
WITH RECURSIVE went AS (
    SELECT * FROM case_transfer WHERE from_case = $1
     UNION ALL
    SELECT later.* FROM case_transfer later JOIN went ON later.from_case = went.to_case)
SELECT from_case, to_case, by, receiver, statement, at FROM went ORDER BY at, to_case
"""
FOLLOWED: Final = """
WITH RECURSIVE followed (case_id) AS (
    SELECT unnest($1::uuid[])
     UNION
    SELECT tie.other FROM followed JOIN LATERAL (
        SELECT to_case FROM case_transfer WHERE from_case = followed.case_id
         UNION ALL
        SELECT leads_to FROM regulator_request
         WHERE $2 AND case_id = followed.case_id AND leads_to IS NOT NULL) AS tie (other) ON true)
SELECT case_id FROM followed
"""
LINK: Final = """
INSERT INTO case_link (one, other, reasons, by, at) VALUES (least($1::uuid, $2), greatest($1::uuid, $2), $3, $4, $5)
ON CONFLICT DO NOTHING RETURNING 1
"""
LINKS: Final = """
SELECT CASE WHEN one = $1 THEN other ELSE one END AS case_id, reasons, by, at FROM case_link
 WHERE one = $1 OR other = $1 ORDER BY at, case_id
"""


async def transferred(tx: Tx, new: Transfer) -> None:
    """Keep it."""
    documents = (each.model_dump(mode="json") for each in (new.by, new.to, new.statement))
    await tx.execute(TRANSFERRED, new.from_case, new.to_case, *documents, new.at)


async def came(tx: Tx, case_id: UUID) -> list[Transfer]:
    """How a case came to who has it, oldest first."""
    return await _transfers(tx, CAME, case_id)


async def went(tx: Tx, case_id: UUID) -> list[Transfer]:
    """Whereto a case went on, nearest first."""
    return await _transfers(tx, WENT, case_id)


async def followed(tx: Tx, case_ids: Collection[UUID], *, asked_for: bool = False) -> set[UUID]:
    """These cases and as which they went on, over any number of transfers; ``asked_for``: with the regulator's cases
    that were opened because it was asked in one of them.
    """
    return {row["case_id"] for row in await tx.fetch(FOLLOWED, list(case_ids), asked_for)}


async def _transfers(tx: Tx, sql: str, case_id: UUID) -> list[Transfer]:
    return [
        Transfer(
            row["from_case"], row["to_case"], AuthorityRef.model_validate(row["by"]),
            AuthorityRef.model_validate(row["receiver"]), Statement.model_validate(row["statement"]), row["at"],
        )
        for row in await tx.fetch(sql, case_id)
    ]  # fmt: skip


async def link(tx: Tx, one: UUID, other: UUID, *, reasons: str, by: str, at: datetime) -> bool:
    """Put two cases side by side, for both; false if they are already."""
    return await tx.fetchval(LINK, one, other, reasons, by, at) is not None


async def links(tx: Tx, case_id: UUID) -> list[Link]:
    """The cases that lie beside one."""
    return [Link(**dict(row)) for row in await tx.fetch(LINKS, case_id)]
