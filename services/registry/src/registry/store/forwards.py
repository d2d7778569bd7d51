"""From whom to whom an application was forwarded."""

from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import UUID

from shared.contracts.grounds import AuthorityRef, Statement
from shared.runtime.db.postgres import Tx


@dataclass(frozen=True, slots=True)
class Forwarded:
    """Once, and why."""

    by: AuthorityRef
    to: AuthorityRef
    statement: Statement
    at: datetime


ADD: Final = """
INSERT INTO forwarding (id, registration_id, by, receiver, statement, at) VALUES ($1, $2, $3, $4, $5, $6)
"""
OF: Final = "SELECT by, receiver, statement, at FROM forwarding WHERE registration_id = $1 ORDER BY id"


async def add(tx: Tx, forwarding_id: UUID, registration_id: UUID, new: Forwarded) -> None:
    """Keep it."""
    documents = (each.model_dump(mode="json") for each in (new.by, new.to, new.statement))
    await tx.execute(ADD, forwarding_id, registration_id, *documents, new.at)


async def of(tx: Tx, registration_id: UUID) -> list[Forwarded]:
    """How often and whereto an application went, oldest first."""
    return [
        Forwarded(
            AuthorityRef.model_validate(row["by"]), AuthorityRef.model_validate(row["receiver"]),
            Statement.model_validate(row["statement"]), row["at"],
        )
        for row in await tx.fetch(OF, registration_id)
    ]  # fmt: skip
