"""Proposals about organisations."""

# ruff: noqa: S608 -- statements are put together from the column lists of this file, nothing else

from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import UUID

import asyncpg

from coordination.errors import UnknownProposal
from coordination.lifecycle import PROPOSAL, Action, ProposalStatus
from coordination.store.entries import Entry
from shared.contracts.http.coordination import Powers
from shared.runtime.acts.moves import Moves
from shared.runtime.db.postgres import Tx


@dataclass(frozen=True, slots=True)
class Proposal:
    """What one person proposed to do with an organisation; ``by`` is the organisation of that person."""

    id: UUID
    version: int
    status: ProposalStatus
    changed_at: datetime
    organisation: str
    organisation_version: int
    region: str | None
    action: Action
    powers: Powers | None
    why: str
    by: str
    proposed_by: str


_COLUMNS: Final = (
    "id, version, status, changed_at, organisation, organisation_version, region, action, powers, why, by, proposed_by"
)
ADD = f"""
INSERT INTO proposal ({_COLUMNS}) VALUES ($1, 1, 'proposed', $2, $3, $4, $5, $6, $7, $8, $9, $10)
RETURNING {_COLUMNS}
"""
GET = f"SELECT {_COLUMNS} FROM proposal WHERE id = $1"
PAGE = f"""
SELECT {_COLUMNS} FROM proposal
 WHERE ($1::uuid IS NULL OR id < $1)
   AND ($3::text IS NULL OR organisation = $3)
   AND ($4::text IS NULL OR status = $4)
 ORDER BY id DESC LIMIT $2
"""


def _proposal(row: asyncpg.Record) -> Proposal:
    given = dict(row)
    given |= {
        "status": ProposalStatus(row["status"]),
        "action": Action(row["action"]),
        "powers": None if row["powers"] is None else Powers.model_validate(row["powers"]),
    }
    return Proposal(**given)


PROPOSALS: Final = Moves(PROPOSAL, table="proposal", columns=_COLUMNS, read=_proposal)


async def add(
    tx: Tx,
    proposal_id: UUID,
    entry: Entry,
    action: Action,
    powers: Powers | None,
    *,
    why: str,
    by: str,
    proposed_by: str,
    at: datetime,
) -> Proposal:
    """Keep a proposal about an entry as it stands."""
    document = powers.model_dump(mode="json") if powers is not None else None
    row = await tx.fetchrow(
        ADD, proposal_id, at, entry.organisation, entry.version, entry.region, action, document, why, by, proposed_by
    )
    assert row is not None
    return _proposal(row)


async def get(tx: Tx, proposal_id: UUID) -> Proposal:
    """A proposal. Raises UnknownProposal (404)."""
    row = await tx.fetchrow(GET, proposal_id)
    if row is None:
        raise UnknownProposal(proposal_id=proposal_id)
    return _proposal(row)


async def page(
    tx: Tx, after: UUID | None, limit: int, *, organisation: str | None, status: ProposalStatus | None
) -> list[Proposal]:
    """List proposals, newest first."""
    return [_proposal(row) for row in await tx.fetch(PAGE, after, limit, organisation, status)]
