"""Entries of approvals that exist on paper."""

# ruff: noqa: S608 -- statements are put together from the column lists of this file, nothing else

from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Final
from uuid import UUID

import asyncpg
from pydantic import TypeAdapter

from approval.lifecycle import PAPER, PaperAction, PaperStatus, Status
from shared.contracts.grounds import OperatorRef, Statement
from shared.runtime.acts.moves import Moves
from shared.runtime.acts.policy import Reach
from shared.runtime.db.postgres import Tx


@dataclass(frozen=True, slots=True)
class Paper:
    """An entry as stored."""

    id: UUID
    version: int
    status: PaperStatus
    paper_number: str
    number_key: str
    operator: OperatorRef
    service_item: str
    domain: str
    domain_as_given: str
    scope: str
    level: str
    region: str | None
    valid_from: date
    valid_until: date
    scan_sha256: str
    statement: Statement
    entered_by: str
    entered_at: datetime
    changed_at: datetime
    approval_id: UUID | None

    @property
    def category(self) -> str:
        """Whose desk it is on; the policy's word for it."""
        return self.service_item


COLUMNS: Final = """id, version, status, paper_number, number_key,
    jsonb_build_object('identity', operator_identity, 'name', operator_name) AS operator, service_item, domain,
    domain_as_given, scope, level, region, valid_from, valid_until, scan_sha256, statement, entered_by, entered_at,
    changed_at, approval_id"""
WORDS: Final = {"category": "service_item = ANY ({})", "level": "level = ANY ({})", "region": "region = ANY ({})"}
ADD: Final = f"""
INSERT INTO paper_approval (id, status, paper_number, number_key, operator_identity, operator_name, service_item,
                            domain, domain_as_given, scope, level, region, valid_from, valid_until, scan_sha256,
                            statement, entered_by, entered_at, changed_at)
VALUES ($1, '{PaperStatus.ENTERED}', $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $17)
ON CONFLICT (service_item, level, coalesce(region, ''), number_key) WHERE status <> 'withdrawn' DO NOTHING
RETURNING {COLUMNS}
"""
SAME_NUMBER: Final = """
SELECT id FROM paper_approval
 WHERE service_item = $1 AND level = $2 AND region IS NOT DISTINCT FROM $3 AND number_key = $4 AND status <> 'withdrawn'
"""
GET: Final = f"SELECT {COLUMNS} FROM paper_approval WHERE id = $1"
PAGE: Final = f"""
SELECT {COLUMNS} FROM paper_approval WHERE ($1::uuid IS NULL OR id < $1) AND {{reached}} ORDER BY id DESC LIMIT $2
"""
NUMBER_OF: Final = "SELECT paper_number FROM paper_approval WHERE approval_id = $1"
IS_FROM: Final = "SELECT EXISTS (SELECT FROM paper_approval WHERE approval_id = $1 AND valid_from <= $2)"
BESIDE: Final = f"""
SELECT id, status FROM approval
 WHERE operator_identity = $1 AND service_item = $2 AND level = $3 AND region IS NOT DISTINCT FROM $4
   AND ((status IN ('{Status.GRANTED}', '{Status.RENEWING}') AND domain = $5)
        OR (status = '{Status.ENDED}'
            AND (domain = $5 OR right($5, length(domain) + 1) = '.' || domain
                 OR right(domain, length($5) + 1) = '.' || $5)))
 ORDER BY status = '{Status.ENDED}' DESC, id LIMIT 1
"""


def _read(row: asyncpg.Record) -> Paper:
    return _ROW.validate_python(dict(row))


_ROW: Final = TypeAdapter(Paper)
PAPERS: Final[Moves[Paper, PaperStatus, PaperAction]] = Moves(
    PAPER, table="paper_approval", columns=COLUMNS, read=_read
)


async def add(tx: Tx, new: Paper) -> Paper | None:
    """Keep an entry, or None if its number was entered before and not withdrawn."""
    statement: dict[str, Any] = new.statement.model_dump(mode="json")
    row = await tx.fetchrow(
        ADD, new.id, new.paper_number, new.number_key, new.operator.identity, new.operator.name, new.service_item,
        new.domain, new.domain_as_given, new.scope, new.level, new.region, new.valid_from, new.valid_until,
        new.scan_sha256, statement, new.entered_by, new.entered_at,
    )  # fmt: skip
    return _read(row) if row else None


async def same_number(tx: Tx, new: Paper) -> UUID | None:
    """Id of the entry that has this number already."""
    found: UUID | None = await tx.fetchval(SAME_NUMBER, new.service_item, new.level, new.region, new.number_key)
    return found


async def get(tx: Tx, paper_id: UUID, *, hold: bool = False) -> Paper | None:
    """An entry; held, it is kept from everybody else until the transaction ends."""
    row = await tx.fetchrow(f"{GET} FOR UPDATE" if hold else GET, paper_id)
    return _read(row) if row else None


async def page(tx: Tx, reach: Reach, after: UUID | None, limit: int) -> list[Paper]:
    """The entries within reach, newest first."""
    reached, values = reach.where(WORDS, first=3)
    return [_read(row) for row in await tx.fetch(PAGE.format(reached=reached), after, limit, *values)]


async def number_of(tx: Tx, approval_id: UUID) -> str | None:
    """The number printed on the paper that an approval came in on."""
    found: str | None = await tx.fetchval(NUMBER_OF, approval_id)
    return found


async def is_from(tx: Tx, approval_id: UUID, day: date) -> bool:
    """Whether an approval came in on paper whose consent is of that day, or of before."""
    found: bool = await tx.fetchval(IS_FROM, approval_id, day)
    return found


async def beside(tx: Tx, paper: Paper) -> tuple[UUID, Status] | None:
    """An approval that is in force for the same, or one that a decision ended for this name, one above or one below."""
    row = await tx.fetchrow(
        BESIDE, paper.operator.identity, paper.service_item, paper.level, paper.region, paper.domain
    )
    return (row["id"], Status(row["status"])) if row else None
