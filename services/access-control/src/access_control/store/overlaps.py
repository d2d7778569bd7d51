"""Names of other sites that a measure hits which was carried out before, as the register told of them (ADR 26)."""

from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import UUID

from shared.contracts.registry import MeasureOverlappedV1
from shared.runtime.db.postgres import Tx

NOTE: Final = """
INSERT INTO overlap (id, execution_id, names, not_before, heard_at) VALUES ($1, $2, $3, $4, $5)
ON CONFLICT DO NOTHING RETURNING id
"""
# Whoever has a site next takes over what its operator was told before, and until when.
IS_FIRST: Final = """
SELECT NOT EXISTS (SELECT FROM overlap WHERE execution_id = $1 AND not_before = $2 AND id <> $3)
"""
OF_EXECUTION: Final = "SELECT names, not_before FROM overlap WHERE execution_id = $1 ORDER BY id"


@dataclass(frozen=True, slots=True)
class Overlap:
    """``not_before``: nothing that is not out goes out before; none: the names are not meant."""

    names: tuple[str, ...]
    not_before: datetime | None


async def note(tx: Tx, fact: MeasureOverlappedV1, at: datetime) -> bool:
    """Keep what the register told, once; whether it is new."""
    told = (fact.overlap_id, fact.execution_id, list(fact.names), fact.not_before, at)
    return await tx.fetchval(NOTE, *told) is not None


async def is_first(tx: Tx, fact: MeasureOverlappedV1) -> bool:
    """Whether nobody was told of this measure with that time before: one site keeps its time, whoever has it next."""
    return bool(await tx.fetchval(IS_FIRST, fact.execution_id, fact.not_before, fact.overlap_id))


async def of_execution(tx: Tx, execution_id: UUID) -> list[Overlap]:
    """What was told of one execution."""
    return [Overlap(tuple(row["names"]), row["not_before"]) for row in await tx.fetch(OF_EXECUTION, execution_id)]
