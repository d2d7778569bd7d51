"""Proof that a letter was delivered: entered by one person, confirmed by another; until then it counts for nothing.

Time limits run from the confirmation and not from the day that was typed: a typed day shortens nobody's time. Neither
of the two signs the act that waits for it, nor whoever signed it proves anything about it.
"""

from dataclasses import dataclass
from datetime import date, datetime
from typing import Final
from uuid import UUID

import asyncpg

from shared.contracts.grounds import AuthorityRef
from shared.contracts.notices import Channel
from shared.runtime.acts import notices
from shared.runtime.acts.notices import Notice
from shared.runtime.base.context import Caller
from shared.runtime.base.problems import Conflict
from shared.runtime.db.postgres import Tx


class ProofEntered(Conflict):
    """The proof of this notice's delivery by post was confirmed before; it stands as it is."""


class NoSuchProof(Conflict):
    """Nobody entered this proof, or it was confirmed or changed by now: read the notice again."""


@dataclass(frozen=True, slots=True)
class Proof:
    """What was entered about a letter. ``entered_for`` and ``confirmed_for`` are the offices of the two people."""

    notice_id: UUID
    address: str
    tracking: str
    delivered_on: date
    entered_by: str
    entered_for: AuthorityRef
    entered_at: datetime
    confirmed_by: str | None
    confirmed_for: AuthorityRef | None
    confirmed_at: datetime | None


_COLUMNS: Final = """notice_id, address, tracking, delivered_on, entered_by, entered_for, entered_at, confirmed_by,
       confirmed_for, confirmed_at"""
_OF: Final = f"SELECT {_COLUMNS} FROM postal_proof WHERE notice_id = ANY ($1) ORDER BY notice_id"  # noqa: S608 - ours
_ENTER: Final = """
INSERT INTO postal_proof (notice_id, address, tracking, delivered_on, entered_by, entered_for, entered_at)
VALUES ($1, $2, $3, $4, $5, $6, $7)
ON CONFLICT (notice_id) DO UPDATE
   SET address = excluded.address, tracking = excluded.tracking, delivered_on = excluded.delivered_on,
       entered_by = excluded.entered_by, entered_for = excluded.entered_for, entered_at = excluded.entered_at
 WHERE postal_proof.confirmed_at IS NULL
RETURNING notice_id
"""
_CONFIRM: Final = """
UPDATE postal_proof SET confirmed_by = $6, confirmed_for = $7, confirmed_at = $8
 WHERE notice_id = $1 AND confirmed_at IS NULL AND entered_by = $2 AND address = $3 AND tracking = $4
   AND delivered_on = $5
RETURNING notice_id
"""
_HOLD: Final = "SELECT pg_advisory_xact_lock(hashtextextended('letters about ' || $1::uuid::text, 0))"
_PERSONS: Final = """
SELECT DISTINCT unnest(ARRAY[entered_by, confirmed_by]) AS person
  FROM postal_proof JOIN notice ON notice.id = notice_id WHERE about_id = $1
"""
_DELIVERED: Final = """
INSERT INTO delivery (notice_id, channel, address, verified, state, proof, changed_at)
VALUES ($1, 'post', $2, true, 'delivered', $3, $4)
"""


async def proofs(tx: Tx, notice_ids: list[UUID]) -> dict[UUID, Proof]:
    """What was entered about letters that carried these notices."""
    return {row["notice_id"]: _proof(row) for row in await tx.fetch(_OF, notice_ids)}


async def persons(tx: Tx, act_id: UUID) -> frozenset[str]:
    """Who entered or confirmed that a letter about an act was delivered: none of them signs what follows from that."""
    rows = await tx.fetch(_PERSONS, act_id)
    return frozenset(row["person"] for row in rows if row["person"] is not None)


async def hold(tx: Tx, act_id: UUID) -> frozenset[str]:
    """The same, as whoever signs the act asks, or proves a letter about it: until the transaction ends each of them
    keeps the others waiting, who then see it. A verb holds its aggregate first.
    """
    await tx.execute(_HOLD, act_id)
    return await persons(tx, act_id)


async def enter(
    tx: Tx, notice: Notice, who: Caller, *, address: str, tracking: str, delivered_on: date, at: datetime
) -> None:
    """Say that a letter was delivered; again, in place of what nobody confirmed. Raises ProofEntered (409)."""
    office = who.authority and who.authority.model_dump(mode="json")
    if await tx.fetchval(_ENTER, notice.id, address, tracking, delivered_on, who.person, office, at) is None:
        raise ProofEntered


async def confirm(
    tx: Tx, proof: Proof | None, who: Caller, *, address: str, tracking: str, delivered_on: date, at: datetime
) -> None:
    """A second person looked at the very same proof: from now on the notice is delivered. Raises NoSuchProof (409)."""
    if proof is None:
        raise NoSuchProof
    office = who.authority and who.authority.model_dump(mode="json")
    seen = (proof.notice_id, proof.entered_by, address, tracking, delivered_on)
    if await tx.fetchval(_CONFIRM, *seen, who.person, office, at) is None:
        raise NoSuchProof
    await tx.execute(_DELIVERED, proof.notice_id, address, tracking, at)
    await notices.delivered(tx, proof.notice_id, by=Channel.POST, at=at)


def _proof(row: asyncpg.Record) -> Proof:
    office = row["confirmed_for"]
    return Proof(**{
        **dict(row), "entered_for": AuthorityRef.model_validate(row["entered_for"]),
        "confirmed_for": AuthorityRef.model_validate(office) if office else None,
    })  # fmt: skip
